"""The settings of a deployment that its price depends on."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Deployment:
    """The settings of the functions by name, and those of the stack.

    ``throttles`` are the requests a second of the routes that have a limit of their own, by their
    keys; ``other_routes_throttle`` is that of each other route. ``max_read_units`` and
    ``max_write_units`` are the table's maxima a second; 0 is none. ``timeout_minutes`` and
    ``warning_minutes`` are those of a session that is created without its own.
    """

    memory_mb: int
    architecture: str
    system_log_levels: Mapping[str, str]
    snap_start: Mapping[str, bool]
    access_log: bool
    access_log_format: str
    log_retention_days: int
    retention_hours: int
    alarm_metrics: int
    dashboards: int
    secrets: int
    throttles: Mapping[str, int]
    other_routes_throttle: int
    max_read_units: int
    max_write_units: int
    timers: bool
    timer_concurrency: int
    timeout_minutes: int
    warning_minutes: int
