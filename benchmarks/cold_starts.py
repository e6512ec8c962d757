"""CPU time of a cold start of each built package, as a ratio to that of boto3 and a client."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.output import print_ratios, print_table
from local.template import Template

STARTS = 20
DEPLOYED_VERSION = (3, 13)

BARE = 'import boto3; boto3.client("dynamodb")'
CONVENTIONAL = "import benchmarks.conventional"


def print_cold_starts() -> None:
    """The sizes of the packages, and the ratios of all turns but the first.

    The first compiles the modules of this environment. Bytecode of the deployed Python is of no use
    to another.
    """
    if sys.version_info[:2] != DEPLOYED_VERSION:
        print("\nCold starts are left out: they need Python 3.13, which is deployed.")
        return
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        packages = {name: deployed_package(name, folder) for name in Template().functions()}
        print_table(
            ["MB of a package", "unzipped", "zipped"],
            (
                [f"`{name}`", *(f"{size / 1e6:.1f}" for size in (unzipped_bytes(package), zipped))]
                for name, (package, zipped) in packages.items()
            ),
        )
        starts = {
            f"`{name}`": (f"import {module_of(name)}", str(package))
            for name, (package, _) in packages.items()
        }
        environment = os.pathsep.join(("src", ".", sysconfig.get_path("purelib")))
        starts["conventional implementation of the renewal"] = (CONVENTIONAL, environment)
        ratios: dict[str, list[float]] = {name: [] for name in starts}
        bytecode = folder / "bytecode"
        for _ in range(STARTS + 1):
            bare = cpu_seconds_of(BARE, environment, bytecode)
            for name, (code, path) in starts.items():
                # A package has its own, as on Lambda, and no other can be written.
                kept = bytecode if path == environment else None
                ratios[name].append(cpu_seconds_of(code, path, kept) / bare)
    measured = {name: each[1:] for name, each in ratios.items()}
    print_ratios("CPU of a cold start, to boto3 and a DynamoDB client", measured)


def deployed_package(function: str, folder: Path) -> tuple[Path, int]:
    """The package, built as by ``sam build``, zipped and unzipped; and the size of the zip."""
    built = folder / "built" / function
    subprocess.run(
        ["make", "--silent", "--directory", "src", f"build-{function}"],
        env=os.environ | {"ARTIFACTS_DIR": str(built)},
        check=True,
    )
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
