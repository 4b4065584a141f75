"""The figures of a loopback Discord: deadlines, sizes, windows. What a form field may hold is in `rules`."""

from dataclasses import dataclass, field

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopbackConfig:
    """Discord's own figures unless a test says otherwise.

    Attributes:
        acknowledge_within_s: Time for the first answer to an interaction.
        token_life_s: Time in which an interaction's token works.
        nonce_window_s: Time in which an enforced nonce is recognised.
        link_life_s: Time in which a signed link to an attachment works.
        upload_limit_bytes: Largest file where no boosts raise the limit.
        boosted_upload_limits: The same by the server's boost level.
        request_limit_bytes: Largest message, all files together.
        follow_ups_of_a_stranger: Follow-ups of an interaction where only the user has installed the app.
        heartbeat_interval_s: What HELLO asks of the client.
        privileged_intents: Privileged intents that the developer page has switched on, as bits.
        rate_limits: Whether requests are counted at all.
        buckets: Bucket name -> (requests, seconds); what is not named has `default_bucket`.
        default_bucket: Requests and seconds of a route that is not named.
        global_limit: Requests and seconds of everything but interactions.
        invalid_limit: 401, 403 and 429 answers and seconds before the edge bans the address.
        daily_command_creates: New commands a day, a guild or global.
    """

    acknowledge_within_s: float = 3.0
    token_life_s: float = 15 * 60.0
    nonce_window_s: float = 5 * 60.0
    link_life_s: float = 24 * 3600.0
    upload_limit_bytes: int = 10 * MIB
    boosted_upload_limits: tuple[int, int, int, int] = (10 * MIB, 10 * MIB, 50 * MIB, 100 * MIB)
    request_limit_bytes: int = 25 * MIB
    follow_ups_of_a_stranger: int = 5
    heartbeat_interval_s: float = 41.25
    privileged_intents: int = 0
    rate_limits: bool = True
    buckets: dict[str, tuple[int, float]] = field(
        default_factory=lambda: {
            "message create": (5, 5.0),
            "message edit": (5, 5.0),
            "message delete": (5, 1.0),
            "webhook": (5, 2.0),
            "typing": (5, 5.0),
            "direct message": (10, 10.0),
            "commands": (5, 20.0),
        }
    )
    default_bucket: tuple[int, float] = (10, 5.0)
    global_limit: tuple[int, float] = (50, 1.0)
    invalid_limit: tuple[int, float] = (10_000, 600.0)
    daily_command_creates: int = 200

    def upload_limit(self, premium_tier: int) -> int:
        """Return the largest file in a server of a boost level."""
        return (
            max(self.upload_limit_bytes, self.boosted_upload_limits[premium_tier])
            if premium_tier
            else self.upload_limit_bytes
        )
