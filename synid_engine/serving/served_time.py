"""How long the device has worked for each owner that is there. Knows no clock and no job."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class ServedTime:
    """Milliseconds of the device that each owner has had while it was there.

    Whoever comes is level with the least served of those who are there: nobody has saved anything up, and
    nobody owes for rows that filled a batch which had room. What an owner has had in the long run is the fair
    queue's matter, which decides who comes.
    """

    served: dict[str, float] = field(default_factory=dict[str, float])

    def arrive(self, owner: str, there: AbstractSet[str]) -> None:
        """Let an owner take part; for one who is there already, nothing changes."""
        if owner not in there:
            self.served[owner] = min((self.served[one] for one in there), default=0.0)

    def charge(self, owner: str, milliseconds: float) -> None:
        """Add what an owner has had."""
        self.served[owner] += milliseconds

    def forget_all_but(self, there: AbstractSet[str]) -> None:
        """Forget who has left."""
        self.served = {owner: self.served[owner] for owner in there}
