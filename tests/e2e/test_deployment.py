"""The package that ``sam deploy`` would send."""

from pathlib import Path

import pytest

from local.template import Template


@pytest.mark.parametrize("function", Template().functions())
def test_a_package_holds_the_source_folders_and_no_development_tool(
    built: Path, function: str
) -> None:
    packages = {entry.name for entry in (built / function).iterdir() if entry.is_dir()}
    assert {"handlers", "api", "publishing", "storage", "runtime", "domain"} <= packages
    assert {"aws_lambda_powertools", "boto3", "itsdangerous", "pydantic_core"} <= packages
    assert packages.isdisjoint({"local", "tests", "moto", "pytest", "pip"})
