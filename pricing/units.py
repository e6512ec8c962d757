"""The measured units in docs/cost-units.json."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

POLLERS_REQUESTS = 2
"""Lambda's own requests to SQS for a batch: one that receives it, and one that deletes it."""

UNITS_FILE = Path(__file__).parent.parent / "docs" / "cost-units.json"


@dataclass(frozen=True)
class CallUnits:
    """What one invocation consumes, which is for ``times`` calls or expiries.

    Write units include those of refused conditions, ``refused_writes`` in number. A response is
    what the function makes of it: the body and its own headers. There is none without a gateway.
    """

    function: str
    times: int
    requests: Mapping[str, int]
    write_units: float
    read_units: float
    refused_writes: int
    event_chunks: int
    cpu_ms: float
    function_log_bytes: int
    metrics: list[str]
    event_bytes: int
    response_bytes: int

    @property
    def by_gateway(self) -> bool:
        """Whether API Gateway invokes the function."""
        return self.response_bytes > 0

    @property
    def queue_requests(self) -> int:
        """Requests to SQS: those of the function, and those of Lambda if a queue invokes it."""
        sent = self.requests.get("SendMessageBatch", 0)
        return sent + POLLERS_REQUESTS if self.function == "TimerFunction" else sent


@dataclass(frozen=True)
class Units:
    """Everything that was measured; ``provenance`` says when, and with what.

    ``stored_bytes`` is what a creation with a key stores in the table and in the indexes;
    ``start_cpu_ms`` the CPU time of a start of each function. ``worst_calls`` are the dearest
    requests that each route takes; of a list, one of its reads.
    """

    provenance: Mapping[str, str]
    stored_bytes: Mapping[str, int]
    start_cpu_ms: Mapping[str, float]
    calls: Mapping[str, CallUnits]
    worst_calls: Mapping[str, CallUnits]

    @classmethod
    def load(cls, file: Path = UNITS_FILE) -> "Units":
        """The units in the file."""
        document = json.loads(file.read_text())
        calls, worst_calls = (
            {name: CallUnits(**each) for name, each in document.pop(key).items()}
            for key in ("calls", "worst_calls")
        )
        return cls(**document, calls=calls, worst_calls=worst_calls)

    def save(self, file: Path = UNITS_FILE) -> None:
        """Replace the file."""
        file.write_text(json.dumps(asdict(self), indent=2) + "\n")
