"""A template other than the one that was built, with packages for its functions."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.template import Template

NOTHING: Mapping[str, Any] = {}
PLACEHOLDER = """\"\"\"A function that answers each request with 503.\"\"\"


def handler(event, context):
    return {"statusCode": 503, "body": "{}"}
"""


def with_packages(
    template: Template,
    packages: Mapping[str, Path],
    file: Path,
    changed: Mapping[str, Any] = NOTHING,
) -> Path:
    """Write the template into the file, each function with its package.

    ``changed`` are other properties than the template has, by the resource's logical ID.
    """
    document = copy.deepcopy(template.document)
    for name, package in packages.items():
        document["Resources"][name]["Properties"]["CodeUri"] = str(package)
    for name, properties in changed.items():
        document["Resources"][name]["Properties"].update(properties)
    file.write_text(json.dumps(document))
    return file


def built_packages(built: Path) -> dict[str, Path]:
    """What ``sam build`` made of each function."""
    return {name: built / name for name in Template(built / "template.yaml").functions()}


def placeholders(template: Template, folder: Path) -> dict[str, Path]:
    """Packages that have the handlers of the template, and nothing of the code behind them."""
    for name in template.functions():
        handler = template.properties(name)["Handler"].removesuffix(".handler")
        module = (folder / Path(*handler.split("."))).with_suffix(".py")
        module.parent.mkdir(exist_ok=True)
        module.write_text(PLACEHOLDER)
    return dict.fromkeys(template.functions(), folder)
