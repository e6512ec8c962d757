"""The package of a function: imported as Lambda would import it, and built from a changed lock."""

import hashlib
import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from build_package import PLATFORMS, locked
from local.template import Template

SRC = Path(__file__).parent.parent.parent / "src"
CHECKED_NEVER = 0b01
"""The flags of bytecode that is valid whatever became of its source (PEP 552)."""

SERVICES_OF_CLIENTS = """
import gc
from botocore.client import BaseClient
clients = [each for each in gc.get_objects() if isinstance(each, BaseClient)]
print(*sorted({each.meta.service_model.service_name for each in clients}))
"""

Completed = subprocess.CompletedProcess[str]


def import_handler(package: Path, function: str) -> set[str]:
    """Import the function's module from the package alone, and return the services of its clients.

    Raises:
        AssertionError: it cannot be imported.
    """
    module = Template().properties(function)["Handler"].rpartition(".")[0]
    # -S: without the packages of this interpreter.
    run = _run(
        ["python3.13", "-S", "-c", f"import {module}\n{SERVICES_OF_CLIENTS}"],
        PYTHONPATH=str(package),
        PYTHONDONTWRITEBYTECODE="1",
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def modules_without_lasting_bytecode(package: Path) -> Iterator[Path]:
    """The sources without bytecode, and bytecode that Python would check against its source."""
    for source in package.rglob("*.py"):
        if not list((source.parent / "__pycache__").glob(f"{source.stem}.cpython-313.pyc")):
            yield source
    for bytecode in package.rglob("*.pyc"):
        with bytecode.open("rb") as file:
            flags = int.from_bytes(file.read(8)[4:], "little")
        if flags != CHECKED_NEVER:
            yield bytecode


def processors_of_libraries(package: Path) -> Mapping[str, set[str]]:
    """The processors that each compiled library is there for, by the name that is imported."""
    processors: dict[str, set[str]] = defaultdict(set)
    for file in package.rglob("*.so"):
        name, tag, _ = file.name.split(".")  # as in _speedups.cpython-313-x86_64-linux-gnu.so
        processors[name].add(tag.split("-")[2])
    return processors


def build_without_hash_of(
    distribution: str, architecture: str, function: str, folder: Path
) -> Completed:
    """Build the function's package from a lock without the hash of that wheel, in the folder."""
    source = folder / "src"
    shutil.copytree(SRC, source)
    lock = source / "requirements.txt"
    wheel_hash = _hash_of_wheel(distribution, architecture, folder / "wheel")
    without, count = re.subn(rf" *--hash=sha256:{wheel_hash} \\\n", "", lock.read_text())
    assert count == 1
    lock.write_text(without)
    return _run(
        ["make", "--directory", str(source), f"build-{function}"],
        ARTIFACTS_DIR=str(folder / "package"),
    )


def _hash_of_wheel(distribution: str, architecture: str, folder: Path) -> str:
    (pin, *_) = next(iter(locked(frozenset({distribution})))).split()
    download = _run(
        [
            *("python3.13", "-m", "pip", "download", "--no-deps", "--only-binary=:all:"),
            *(f"--platform={platform}_{architecture}" for platform in PLATFORMS),
            *("--python-version=3.13", f"--dest={folder}", pin),
        ]
    )
    assert download.returncode == 0, download.stderr
    (wheel,) = folder.iterdir()
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def _run(command: list[str], **environment: str) -> Completed:
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
