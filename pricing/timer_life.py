"""What the timers do for a session: how often, by the rule itself, and what that costs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce

from domain.session import MS_PER_MINUTE, MS_PER_SECOND, Session, TimeoutConfig
from domain.timers import Expire, Warn, due
from pricing.call_price import Parts, Usage, cost_of, usage_of
from pricing.deployment import Deployment
from pricing.price_list import PriceList
from pricing.units import Units
from publishing.timer_messages import MAX_DELAY_SECONDS

START, STEP, WARNING, EXPIRY = "timer start", "timer step", "warning", "expiry on time"
REMOVAL, BY_TTL = "removal of an expired session", "expiry by TTL"
MINUTES_PER_HOUR = 60


@dataclass(frozen=True)
class Usual:
    """A session that is renewed every so many minutes, as often as that, and left to expire."""

    timeout_minutes: int
    warning_minutes: int
    renewed_every_minutes: int
    renewals: int

    def timers(self, until_minutes: float = float("inf")) -> Counter[str]:
        """How often its timer does what, until it has expired or that instant has come.

        The messages arrive at the instants that they are due at.
        """
        done = Counter({START: 1})
        warned_expiry_ms: int | None = None
        at_ms = 0
        while at_ms < until_minutes * MS_PER_MINUTE:
            session = self._session_at(at_ms)
            what = due(session, at_ms, warned_expiry_ms)
            if isinstance(what, Expire):
                done[EXPIRY] += 1
                break
            if isinstance(what, Warn):
                done[WARNING] += 1
                warned_expiry_ms = session.expires_at_ms
                what = due(session, at_ms, warned_expiry_ms)
                assert not isinstance(what, Warn | Expire)
            else:
                done[STEP] += 1
            at_ms = min(what.until_ms, at_ms + MAX_DELAY_SECONDS * MS_PER_SECOND)
        return done

    def _session_at(self, at_ms: int) -> Session:
        renewals = min(at_ms // (self.renewed_every_minutes * MS_PER_MINUTE), self.renewals)
        renewed_at_ms = renewals * self.renewed_every_minutes * MS_PER_MINUTE
        config = TimeoutConfig(self.timeout_minutes, True, 10**6, self.warning_minutes)
        return replace(NEW, timeout_config=config, renewed_at_ms=renewed_at_ms)

    def steps_an_hour(self) -> float:
        """How many messages an hour its timer takes while it is renewed."""
        hours = 24
        steady = replace(self, renewals=10**6)
        return (steady.timers(hours * MINUTES_PER_HOUR).total() - 1) / hours


NEW = Session(
    session_id="",
    agent_id="",
    user_id="",
    metadata_json="{}",
    created_at_ms=0,
    last_activity_ms=0,
    renewed_at_ms=0,
    timeout_config=TimeoutConfig(30, True, 720, 5),
    renewal_count=0,
    recent_renewals=(),
)


def cost_of_times(
    times: Mapping[str, float],
    at_once: int,
    units: Units,
    prices: PriceList,
    deployment: Deployment,
) -> Parts:
    """What it costs to do this so often, by part, where so many are done at once."""
    usages = (
        usage_of(units.calls[f"{name}, {at_once} at once"], deployment, each)
        for name, each in times.items()
    )
    return cost_of(reduce(Usage.__add__, usages), prices, deployment)
