"""The packages that ``sam deploy`` would send: what they hold, and that they start."""

from pathlib import Path

import pytest

from build_package import ARCHITECTURES
from local.template import Template
from tests.support.packages import (
    build_without_hash_of,
    import_handler,
    modules_without_lasting_bytecode,
    processors_of_libraries,
)

FUNCTIONS = Template().functions()
MAX_PACKAGE_BYTES = 20_000_000


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_package_holds_the_source_folders_and_no_development_tool(
    built: Path, function: str
) -> None:
    packages = {entry.name for entry in (built / function).iterdir() if entry.is_dir()}
    assert {"handlers", "api", "publishing", "storage", "runtime", "domain"} <= packages
    assert packages.isdisjoint({"local", "tests", "moto", "pytest", "pip"})


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_module_has_bytecode_that_is_never_checked(built: Path, function: str) -> None:
    assert list((built / function).rglob("*.pyc"))
    assert list(modules_without_lasting_bytecode(built / function)) == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_package_has_the_models_of_the_services_that_it_calls(built: Path, function: str) -> None:
    services = import_handler(built / function, function)
    data = built / function / "botocore" / "data"
    assert {model.name for model in data.iterdir() if model.is_dir()} == services


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_package_is_small(built: Path, function: str) -> None:
    files = [file for file in (built / function).rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= MAX_PACKAGE_BYTES


def test_only_the_function_that_validates_bodies_has_pydantic(built: Path) -> None:
    having = [name for name in FUNCTIONS if (built / name / "pydantic").exists()]
    assert having == ["SessionsFunction"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_compiled_library_is_there_for_either_processor(built: Path, function: str) -> None:
    processors = processors_of_libraries(built / function)
    assert all(each == set(ARCHITECTURES) for each in processors.values()), processors


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_wheel_whose_hash_is_not_locked_fails_the_build(
    built: Path,  # noqa: ARG001 - it says what a build needs
    architecture: str,
    tmp_path: Path,
) -> None:
    build = build_without_hash_of("pydantic-core", architecture, "SessionsFunction", tmp_path)
    assert build.returncode != 0
    assert "DO NOT MATCH THE HASHES" in build.stderr
