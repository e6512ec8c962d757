"""Build the package of a function, for either architecture. ``sam build`` runs it by the Makefile.

A cold start is mostly imports. Lambda's ``/var/task`` is read-only and a zip changes the times of
files, so the package holds bytecode that is never checked against its source: without it, each cold
start would compile every module. It holds what its function imports and the models of the services
that it calls, and of the lock nothing else.
"""

import compileall
import json
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

SOURCE = Path(__file__).parent
LOCK = SOURCE / "requirements.txt"

TASK_ROOT = "/var/task"
"""Where Lambda puts the package: tracebacks name the files there."""

ARCHITECTURES = ("x86_64", "aarch64")
PLATFORMS = ("manylinux_2_17", "manylinux2014")
"""Two names of the same platform. Wheels bear either, or both."""

BOTOCORE_AND_POWERTOOLS = frozenset(
    {
        "aws-lambda-powertools",
        "botocore",
        "jmespath",
        "python-dateutil",
        "six",
        "typing-extensions",
        "urllib3",
    }
)
VALIDATION_AND_CURSORS = frozenset(
    {"annotated-types", "itsdangerous", "pydantic", "pydantic-core", "typing-inspection"}
)
COMPILED = frozenset({"pydantic-core"})
"""The distributions with a wheel for each architecture. All others are pure Python."""


@dataclass(frozen=True)
class Package:
    """What a function needs: distributions in the lock, and services as botocore names them."""

    distributions: frozenset[str]
    services: frozenset[str]


PACKAGES = {
    "RenewFunction": Package(BOTOCORE_AND_POWERTOOLS, frozenset({"dynamodb"})),
    "SessionsFunction": Package(
        BOTOCORE_AND_POWERTOOLS | VALIDATION_AND_CURSORS, frozenset({"dynamodb"})
    ),
    "ExpiryFunction": Package(BOTOCORE_AND_POWERTOOLS, frozenset({"events", "sqs"})),
    "TimerFunction": Package(BOTOCORE_AND_POWERTOOLS, frozenset({"dynamodb", "events", "sqs"})),
}


def build(function: str, folder: Path) -> None:
    """Make the package of the function with this logical ID in the folder.

    Raises:
        SystemExit: pip found no wheel that the lock allows, or a distribution requires one that the
            package does not have; or a module cannot be compiled.
    """
    package = PACKAGES[function]
    install(package.distributions, folder)
    keep_models(package.services, folder / "botocore" / "data")
    replace_sources_by_bytecode(folder)
    for module in SOURCE.glob("*/__init__.py"):
        own = folder / module.parent.name
        shutil.copytree(module.parent, own, ignore=shutil.ignore_patterns("__pycache__"))
        compile_modules(own, folder)


def install(distributions: frozenset[str], folder: Path) -> None:
    """Install the distributions into the folder, the compiled ones for each architecture.

    The file names of compiled libraries tell their architectures, so they fit into one folder.
    """
    first, *others = ARCHITECTURES
    pip_install(distributions, first, folder)
    compiled = distributions & COMPILED
    for architecture in others if compiled else ():
        with TemporaryDirectory() as temporary:
            other = Path(temporary)
            pip_install(compiled, architecture, other, "--no-deps")
            for library in other.rglob("*.so"):
                shutil.copy2(library, folder / library.relative_to(other))
    shutil.rmtree(folder / "bin", ignore_errors=True)  # commands


def pip_install(
    distributions: frozenset[str], architecture: str, folder: Path, *options: str
) -> None:
    """Install wheels with pip, which refuses any whose hash is not in the lock.

    Unless told otherwise, pip also refuses a set that lacks what one of them requires.

    Raises:
        SystemExit: pip refused, and has said why.
    """
    with TemporaryDirectory() as temporary:
        requirements = Path(temporary) / "requirements.txt"
        requirements.write_text("".join(locked(distributions)))
        # Nothing but this module's constants and paths of the build.
        pip = subprocess.run(  # noqa: S603 - as above
            [
                *(sys.executable, "-m", "pip", "install"),
                *("--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"),
                *("--require-hashes", "--only-binary=:all:", f"--requirement={requirements}"),
                *(f"--platform={platform}_{architecture}" for platform in PLATFORMS),
                *("--implementation=cp", "--python-version=3.13", f"--target={folder}"),
                *options,
            ],
            check=False,
        )
    if pip.returncode != 0:
        sys.exit(f"pip did not install what {LOCK.name} pins for {architecture}")


def locked(distributions: frozenset[str]) -> Iterator[str]:
    """The lines of the lock that pin these distributions, each with its version and hashes."""
    is_wanted = False
    for line in LOCK.read_text().splitlines(keepends=True):
        if not line.startswith((" ", "#")):
            is_wanted = line.partition("==")[0] in distributions
        if is_wanted:
            yield line


def keep_models(services: frozenset[str], data: Path) -> None:
    """Remove the models of all other services from botocore's data, and their endpoints.

    To make a client, botocore parses the endpoints of all services: a tenth of a cold start.
    """
    for model in data.iterdir():
        if model.is_dir() and model.name not in services:
            shutil.rmtree(model)
    file = data / "endpoints.json"
    endpoints = json.loads(file.read_text())
    for partition in endpoints["partitions"]:
        partition["services"] = {
            name: service for name, service in partition["services"].items() if name in services
        }
    file.write_text(json.dumps(endpoints))


def replace_sources_by_bytecode(folder: Path) -> None:
    """Compile what was installed and remove the sources, which are as large and never read.

    Tracebacks still name files and lines. Type stubs go, too, and the scripts and styles of
    Powertools' pages of API documentation.
    """
    compile_modules(folder, folder, beside_sources=True)
    for pattern in ("*.py", "*.pyi", "*.js", "*.css"):
        for file in folder.rglob(pattern):
            file.unlink()


def compile_modules(folder: Path, package: Path, *, beside_sources: bool = False) -> None:
    """Compile every module in the folder of the package into bytecode that stays valid.

    Python finds it without the sources only if it lies beside them, not in ``__pycache__``.

    Raises:
        SystemExit: a module cannot be compiled.
    """
    if not compileall.compile_dir(
        folder,
        maxlevels=sys.maxsize,
        stripdir=str(package),
        prependdir=TASK_ROOT,
        quiet=1,
        legacy=beside_sources,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    ):
        sys.exit(f"a module in {folder} cannot be compiled")


if __name__ == "__main__":
    build(sys.argv[1], Path(sys.argv[2]))
