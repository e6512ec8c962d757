"""The settings of a deployment that its price depends on."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Deployment:
    """The settings of the functions by name, and those of the stack."""

    memory_mb: int
    architecture: str
    system_log_levels: Mapping[str, str]
    snap_start: Mapping[str, bool]
    access_log: bool
    access_log_format: str
    log_retention_days: int
    retention_hours: int
    alarms: int
    secrets: int
