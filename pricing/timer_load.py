"""What the timers of many live sessions ask of Lambda, SQS, DynamoDB and EventBridge."""

from dataclasses import dataclass

from pricing.call_price import longest_ms
from pricing.deployment import Deployment
from pricing.timer_life import EXPIRY, STEP
from pricing.units import CallUnits, Units
from publishing.message_queue import MAX_MESSAGES
from publishing.timer_messages import MAX_DELAY_SECONDS

MILLION = 1_000_000


@dataclass(frozen=True)
class Load:
    """So many batches at once, each of ten messages, that last as long as the model says."""

    concurrency: int
    units: Units
    deployment: Deployment

    @property
    def steps_a_second(self) -> float:
        """The most steps that the timers make."""
        return self._a_second(self._batch(STEP))

    @property
    def live_sessions(self) -> int:
        """The most sessions whose timers do not fall behind, if each is renewed in time."""
        return int(self.steps_a_second * MAX_DELAY_SECONDS)

    @property
    def expiries_a_second(self) -> float:
        """The most expiries that are announced."""
        return self._a_second(self._batch(EXPIRY))

    @property
    def write_units_a_second(self) -> float:
        """What the announcing of as many takes of the table."""
        batch = self._batch(EXPIRY)
        return self.expiries_a_second * batch.write_units / MAX_MESSAGES

    @property
    def bus_requests_a_second(self) -> float:
        """``PutEvents`` requests for as many."""
        return self.expiries_a_second / MAX_MESSAGES

    def seconds_to_announce(self, sessions: int) -> float:
        """How long the announcing of so many sessions takes that have expired at once."""
        return sessions / self.expiries_a_second

    def _batch(self, name: str) -> CallUnits:
        return self.units.calls[f"{name}, {MAX_MESSAGES} at once"]

    def _a_second(self, batch: CallUnits) -> float:
        return self.concurrency * MAX_MESSAGES * 1000 / longest_ms(batch, self.deployment)


def steps_a_second_of(sessions: int) -> float:
    """How many messages a second so many sessions take that are renewed in time."""
    return sessions / MAX_DELAY_SECONDS


def executions_for(sessions: int, units: Units, deployment: Deployment) -> float:
    """How many batches are handled at once for them, by Little's law, if all are full."""
    return steps_a_second_of(sessions) / Load(1, units, deployment).steps_a_second
