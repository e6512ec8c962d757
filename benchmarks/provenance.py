"""What figures were taken with: versions, machine, date."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

from local.dynamodb_local import PACKAGE

DISTRIBUTIONS = {
    "boto3": "boto3",
    "botocore": "botocore",
    "Powertools": "aws-lambda-powertools",
}
PROPERTIES = "META-INF/maven/software/amazon/dynamodb/DynamoDBLocal/pom.properties"


def provenance() -> dict[str, str]:
    """Each fact by its name, the date first."""
    return {
        "date": time.strftime("%F"),
        "Python": platform.python_version(),
        **{name: version(distribution) for name, distribution in DISTRIBUTIONS.items()},
        "DynamoDB Local": _dynamodb_local_version(),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{_distribution()}, {platform.system()} {platform.machine()}",
    }


def _dynamodb_local_version() -> str:
    jar = max(PACKAGE.glob("lib/*/DynamoDBLocal.jar"), default=None)
    if jar is None:
        return "not installed"
    properties = ZipFile(jar).read(PROPERTIES).decode()
    return next(
        line.removeprefix("version=")
        for line in properties.splitlines()
        if line.startswith("version=")
    )


def _processor() -> str:
    """The model, where the system shows it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            name, _, model = line.partition(":")
            if name.strip() == "model name":
                return model.strip()
    return platform.processor() or "unknown processor"


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.platform(terse=True)
