"""CPU time of a cold start of each built package, beside that of boto3 and a client."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.implementations import CONVENTIONAL
from benchmarks.measured_table import set_environment
from benchmarks.measurements import Figures
from benchmarks.progress import Progress
from local.template import Template

STARTS = 20
DEPLOYED_VERSION = (3, 13)

BARE = "boto3"
BARE_CODE = 'import boto3; boto3.client("dynamodb")'


def measure(progress: Progress) -> Figures | None:
    """The sizes of the packages, and the CPU time of every start but those of the first turn.

    That one compiles the modules of this environment. Bytecode of the deployed Python is of no use
    to another: there, nothing is measured.
    """
    if sys.version_info[:2] != DEPLOYED_VERSION:
        return None
    set_environment()
    functions = Template().functions()
    progress.begin(len(functions) + STARTS + 1)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        packages: dict[str, Path] = {}
        sizes: dict[str, dict[str, int]] = {}
        for name in functions:
            progress.step(f"build of {name}")
            packages[name], zipped_bytes = deployed_package(name, folder)
            unzipped = unzipped_bytes(packages[name])
            sizes[name] = {"unzippedBytes": unzipped, "zippedBytes": zipped_bytes}
        return {"packages": sizes, "cpuSeconds": measure_starts(packages, folder, progress)}


def measure_starts(
    packages: Mapping[str, Path], folder: Path, progress: Progress
) -> dict[str, list[float]]:
    """The CPU time of each start, in turns, by what is started."""
    environment = os.pathsep.join(("src", ".", sysconfig.get_path("purelib")))
    starts = {
        BARE: (BARE_CODE, environment),
        **{name: (f"import {module_of(name)}", str(path)) for name, path in packages.items()},
        CONVENTIONAL: ("import benchmarks.conventional", environment),
    }
    seconds: dict[str, list[float]] = {name: [] for name in starts}
    bytecode = folder / "bytecode"
    for turn in range(STARTS + 1):
        progress.step("starts of each")
        for name, (code, path) in starts.items():
            # A package has its own, as on Lambda, and no other can be written.
            kept = bytecode if path == environment else None
            taken = cpu_seconds_of(code, path, kept)
            if turn:
                seconds[name].append(round(taken, 4))
    return seconds


def deployed_package(function: str, folder: Path) -> tuple[Path, int]:
    """The package, built as by ``sam build``, zipped and unzipped; and the size of the zip."""
    built = folder / "built" / function
    # The build runs python3.13, which is this interpreter: it may be hidden by a shim, or missing.
    path = os.pathsep.join((str(Path(sys.base_prefix) / "bin"), os.environ["PATH"]))
    build = subprocess.run(
        ["make", "--silent", "--directory", "src", f"build-{function}"],
        env=os.environ | {"ARTIFACTS_DIR": str(built), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if build.returncode != 0:
        raise RuntimeError(f"{function} cannot be built: {build.stderr}")
    archive = shutil.make_archive(str(folder / function), "zip", built)
    package = folder / "deployed" / function
    shutil.unpack_archive(archive, package)
    for file in package.rglob("*"):
        file.chmod(0o555)
    return package, Path(archive).stat().st_size


def unzipped_bytes(package: Path) -> int:
    """The size of all files together."""
    return sum(file.stat().st_size for file in package.rglob("*") if file.is_file())


def module_of(function: str) -> str:
    """The module that Lambda imports."""
    handler: str = Template().properties(function)["Handler"]
    return handler.rpartition(".")[0]


def cpu_seconds_of(code: str, path: str, bytecode: Path | None) -> float:
    """The CPU time that the code takes in a new interpreter that finds its modules on the path.

    The interpreter keeps bytecode in the folder, or writes none. It has no packages of its own.
    """
    timed = (
        f"import time; before = time.process_time(); {code}; print(time.process_time() - before)"
    )
    environment = {
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "" if bytecode else "1",
        "PYTHONPYCACHEPREFIX": str(bytecode or ""),
    }
    run = subprocess.run(
        [sys.executable, "-S", "-c", timed],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(run.stdout)
