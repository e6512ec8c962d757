"""The deployment that template.yaml makes when no parameter is given."""

from collections.abc import Iterator, Mapping
from typing import Any

from local.template import Template
from pricing.deployment import Deployment

AWS_SYSTEM_LOG_LEVEL = "INFO"
"""The level of a function that sets none."""


def default_deployment(template: Template) -> Deployment:
    """The deployment by the defaults of the template's parameters."""
    resources = template.resources.values()
    defaults = template.document["Globals"]["Function"]
    functions = {name: defaults | template.properties(name) for name in template.functions()}
    api = template.properties("SessionsApi")
    return Deployment(
        memory_mb=int(defaults["MemorySize"]),
        architecture=str(_default(template, "Architecture")),
        system_log_levels={
            name: str(_value(template, _log_level(defaults, each)))
            for name, each in functions.items()
        },
        snap_start={name: _snap_starts(template, each) for name, each in functions.items()},
        access_log=_default(template, "AccessLog") == "on",
        access_log_format=next(_values_of("Format", api)),
        log_retention_days=int(_default(template, "LogRetentionDays")),
        retention_hours=int(_default(template, "RetentionHours")),
        alarm_metrics=sum(
            _metrics_read_by(each["Properties"])
            for each in resources
            if each["Type"] == "AWS::CloudWatch::Alarm"
        ),
        dashboards=sum(each["Type"] == "AWS::CloudWatch::Dashboard" for each in resources),
        throttles={
            route: _throttle(template, settings) for route, settings in api["RouteSettings"].items()
        },
        other_routes_throttle=_throttle(template, api["DefaultRouteSettings"]),
        max_read_units=int(_default(template, "MaxReadUnits")),
        max_write_units=int(_default(template, "MaxWriteUnits")),
        timers=_default(template, "Timers") == "on",
        timer_concurrency=int(_default(template, "TimerConcurrency")),
        timeout_minutes=int(_default(template, "DefaultTimeoutMinutes")),
        warning_minutes=int(_default(template, "DefaultWarningThresholdMinutes")),
        secrets=sum(each["Type"] == "AWS::SecretsManager::Secret" for each in resources),
    )


def _throttle(template: Template, settings: Mapping[str, Any]) -> int:
    return int(_value(template, settings["ThrottlingRateLimit"]))


def _metrics_read_by(alarm: Mapping[str, Any]) -> int:
    """How many metrics the alarm reads: each is charged."""
    return sum("MetricStat" in each for each in alarm.get("Metrics", [])) or 1


def _log_level(defaults: Mapping[str, Any], function: Mapping[str, Any]) -> Any:
    logging = defaults.get("LoggingConfig", {}) | function["LoggingConfig"]
    return logging.get("SystemLogLevel", AWS_SYSTEM_LOG_LEVEL)


def _snap_starts(template: Template, function: Mapping[str, Any]) -> bool:
    chosen = _value(template, function.get("SnapStart")) or {}
    return bool(_value(template, chosen.get("ApplyOn")) == "PublishedVersions")


def _default(template: Template, parameter: str) -> Any:
    return template.document["Parameters"][parameter]["Default"]


def _value(template: Template, value: Any) -> Any:
    """The value itself; or what a reference or a condition on one parameter makes of it."""
    match value:
        case {"Ref": "AWS::NoValue"}:
            return None
        case {"Ref": parameter}:
            return _default(template, parameter)
        case {"Fn::If": [condition, then, otherwise]}:
            return _value(template, then if _holds(template, condition) else otherwise)
        case _:
            return value


def _holds(template: Template, condition: str) -> bool:
    match template.document["Conditions"][condition]:
        case {"Fn::Equals": [left, right]}:
            return bool(_value(template, left) == _value(template, right))
        case {"Fn::Not": [{"Fn::Equals": [left, right]}]}:
            return bool(_value(template, left) != _value(template, right))
        case other:
            raise ValueError(f"{condition} is not understood here: {other}")


def _values_of(key: str, value: Any) -> Iterator[str]:
    """The values of this key, at any depth."""
    if isinstance(value, dict):
        if isinstance(value.get(key), str):
            yield value[key]
        for each in value.values():
            yield from _values_of(key, each)
    elif isinstance(value, list):
        for each in value:
            yield from _values_of(key, each)
