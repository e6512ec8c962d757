"""SAM CLI, as the end-to-end tests call it."""

import platform
import subprocess
from collections.abc import Callable

_IS_ARM = platform.machine() in {"arm64", "aarch64"}
ARCHITECTURE = f"Architecture={'arm64' if _IS_ARM else 'x86_64'}"
"""The template's parameter for this machine, whose processor runs the functions."""

Sam = Callable[..., "subprocess.CompletedProcess[str]"]
"""Runs ``sam`` with these arguments in the project's folder.

``environment`` adds variables to those that it has there.
"""
