"""The TypeScript client of elizaOS, as it is published."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

from tests.support.local_server import ROOT
from tests.support.tables import skip_or_fail

SCRIPT = ROOT / "tests" / "support" / "official_client.mjs"


@dataclass(frozen=True)
class ClientError:
    """What the client throws: ``details`` is none where the answer's is not text."""

    status: int
    code: str
    message: str
    details: str | None = None


@dataclass(frozen=True)
class OfficialClient:
    """The sessions service of the client, for the server at this URL, which may want the key."""

    url: str
    api_key: str = "a key that nothing asks for"

    def call(self, method: str, *args: object) -> Any:
        """What this method returns, as JSON has it.

        Returns:
            The result, or the error as a ``ClientError``.
        """
        (outcome,) = self._run([[method, *args]])["outcomes"]
        return ClientError(**outcome["error"]) if "error" in outcome else outcome["result"]

    def methods(self) -> set[str]:
        """The names of its methods."""
        return set(self._run([])["methods"]) - {"constructor"}

    def _run(self, calls: list[list[object]]) -> Any:
        require_node_modules()
        run = subprocess.run(
            ["node", SCRIPT, self.url, self.api_key, json.dumps(calls)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)


def require_node_modules() -> None:
    """Skip, or fail in CI, without Node.js and what ``npm ci`` installs."""
    if shutil.which("node") is None or not (ROOT / "node_modules" / "@elizaos").exists():
        skip_or_fail("npm is needed, and `npm ci --ignore-scripts`, which make test runs")
