"""How the suite runs: the same cases each time, names that are short enough to be read."""

import pytest

from tests.support.pauses import pauses

__all__ = ["pauses"]
from hypothesis import settings

MAX_NAME_CHARS = 70

settings.register_profile("suite", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("suite")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Refuse a name that is no claim but a story."""
    name = getattr(item, "originalname", item.name)
    if len(name) > MAX_NAME_CHARS:
        raise pytest.UsageError(f"{item.nodeid}: a name has at most {MAX_NAME_CHARS} characters")
