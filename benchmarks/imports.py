"""CPU time of a cold import of each function, as a ratio to boto3's with its DynamoDB client."""

import subprocess
import sys

from benchmarks.output import print_ratios

IMPORTS = 20

BARE = 'import boto3; boto3.client("dynamodb")'
CODES = {
    "the renewal's function": "import handlers.renew",
    "the other calls' function": "import handlers.sessions",
    "the expiries' function": "import handlers.expiry",
    "the renewal, the usual way": "import benchmarks.usual_way",
}


def print_cold_imports() -> None:
    """The ratios of every turn; a first turn, which compiles the modules, is not kept."""
    ratios: dict[str, list[float]] = {name: [] for name in CODES}
    for _ in range(IMPORTS + 1):
        bare = cpu_of_import(BARE)
        for name, code in CODES.items():
            ratios[name].append(cpu_of_import(code) / bare)
    kept = {name: each[1:] for name, each in ratios.items()}
    print_ratios("CPU of a cold import, to boto3 and its client", kept)


def cpu_of_import(code: str) -> float:
    """The CPU seconds that the code takes in an interpreter of its own."""
    timed = (
        f"import time; before = time.process_time(); {code}; print(time.process_time() - before)"
    )
    run = subprocess.run([sys.executable, "-c", timed], capture_output=True, text=True, check=True)
    return float(run.stdout)
