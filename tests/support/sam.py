"""SAM CLI, as the end-to-end tests call it."""

import subprocess
from collections.abc import Callable

Sam = Callable[..., "subprocess.CompletedProcess[str]"]
"""Runs ``sam`` with these arguments in the project's folder.

``environment`` adds variables to those that it has there.
"""
