"""Print template.yaml with an excerpt in it, as JSON: ``python -m examples.access jwt``."""

import json
import sys
from pathlib import Path
from typing import Any

from local.template import Template

FOLDER = Path(__file__).parent


def template_with(excerpt: str) -> dict[str, Any]:
    """template.yaml with the excerpt of this name.

    Mappings are merged, at any depth. Of anything else that both have, the excerpt's is taken.
    """
    with_excerpt: dict[str, Any] = _merged(
        Template().document, Template(FOLDER / f"{excerpt}.yaml").document
    )
    return with_excerpt


def _merged(node: Any, excerpt: Any) -> Any:
    if not isinstance(node, dict) or not isinstance(excerpt, dict):
        return excerpt
    return {**node, **{key: _merged(node.get(key), value) for key, value in excerpt.items()}}


if __name__ == "__main__":
    json.dump(template_with(sys.argv[1]), sys.stdout, indent=2)
