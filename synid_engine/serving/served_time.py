"""How long the device has worked for each owner. Knows no clock and no job."""

from dataclasses import dataclass, field

_MOST_OWNERS = 1000


@dataclass(slots=True, eq=False)
class ServedTime:
    """Milliseconds of the device that each owner has had, lifted to the least active one on return."""

    served: dict[str, float] = field(default_factory=dict[str, float])

    def arrive(self, owner: str, active: set[str]) -> None:
        """Let an owner take part; one that was away has saved nothing up."""
        if owner in active:
            return
        least = min((self.served[one] for one in active), default=0.0)
        self.served[owner] = max(self.served.get(owner, 0.0), least)

    def charge(self, owner: str, milliseconds: float) -> None:
        """Add what an owner has had."""
        self.served[owner] += milliseconds

    def forget_the_idle(self, active: set[str]) -> None:
        """Keep the table small."""
        if len(self.served) > _MOST_OWNERS:
            self.served = {owner: self.served[owner] for owner in active}
