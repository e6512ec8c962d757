"""CPU time of a cold import of each function, as a ratio to that of boto3 and a client."""

import os
import subprocess
import sys
from tempfile import TemporaryDirectory

from benchmarks.output import print_ratios

IMPORTS = 20

BARE = 'import boto3; boto3.client("dynamodb")'
IMPORT_STATEMENTS = {
    "`RenewFunction`": "import handlers.renew",
    "`SessionsFunction`": "import handlers.sessions",
    "`ExpiryFunction`": "import handlers.expiry",
    "conventional implementation of the renewal": "import benchmarks.conventional",
}


def print_cold_imports() -> None:
    """The ratios of all turns but the first, which compiles the modules."""
    ratios: dict[str, list[float]] = {name: [] for name in IMPORT_STATEMENTS}
    with TemporaryDirectory() as bytecode:
        for _ in range(IMPORTS + 1):
            bare = cpu_seconds_of(BARE, bytecode)
            for name, statement in IMPORT_STATEMENTS.items():
                ratios[name].append(cpu_seconds_of(statement, bytecode) / bare)
    kept = {name: each[1:] for name, each in ratios.items()}
    print_ratios("CPU of a cold import, to boto3 and a DynamoDB client", kept)


def cpu_seconds_of(code: str, bytecode: str) -> float:
    """The CPU time that the code takes in a new interpreter, which keeps its bytecode there."""
    timed = (
        f"import time; before = time.process_time(); {code}; print(time.process_time() - before)"
    )
    environment = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
    run = subprocess.run(
        [sys.executable, "-c", timed],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(run.stdout)
