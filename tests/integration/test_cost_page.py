"""docs/cost.md, and what it takes from the template."""

from typing import Any

import pytest

from benchmarks.measurements import DOCS
from local.template import Template
from pricing.call_price import price_of_a_million, total_of
from pricing.deployment import Deployment
from pricing.page import render
from pricing.price_list import PriceList
from pricing.template_defaults import default_deployment
from pricing.timer_load import Load
from pricing.units import Units
from pricing.worst_case_tables import NEW_TABLE_WRITES
from pricing.worst_cases import ROUTES
from tests.support.alarms import alarms_of
from tests.support.deployed_template import Deployment as Stack


def test_the_page_is_up_to_date() -> None:
    page = render(Units.load(), PriceList.load(), default_deployment(Template()))
    assert (DOCS / "cost.md").read_text() == page, "run make cost"


def test_a_million_renewals_cost_at_most_2_15_dollars() -> None:
    renewal = Units.load().calls["renewal"]
    parts = price_of_a_million(renewal, PriceList.load(), default_deployment(Template()))
    assert total_of(parts) <= 2.15


def test_a_renewal_takes_one_request_and_one_write_unit() -> None:
    renewal = Units.load().calls["renewal"]
    assert (renewal.requests, renewal.write_units) == ({"UpdateItem": 1}, 1)


def test_a_creation_pays_nothing_for_its_timer() -> None:
    creation = Units.load().calls["creation"]
    assert (creation.requests, creation.write_units) == ({"PutItem": 1}, 3)


def test_a_step_is_one_write_and_shares_the_rest_with_nine() -> None:
    step = Units.load().calls["timer step, 10 at once"]
    assert step.requests == {"UpdateItem": 10, "SendMessageBatch": 1}
    assert (step.write_units, step.read_units, step.queue_requests) == (10, 0, 3)


def test_the_default_concurrency_carries_a_quarter_of_a_million_sessions() -> None:
    deployment = default_deployment(Template())
    assert Load(deployment.timer_concurrency, Units.load(), deployment).live_sessions > 250_000


def test_at_the_default_concurrency_a_new_table_has_units_left() -> None:
    deployment = default_deployment(Template())
    load = Load(deployment.timer_concurrency, Units.load(), deployment)
    assert load.write_units_a_second < NEW_TABLE_WRITES / 2


def test_each_price_is_used_for_the_page_and_none_is_missing() -> None:
    prices = PriceList.load()
    render(Units.load(), prices, default_deployment(Template()))
    # The other processor's price is used, too: for the comparison of both.
    assert prices.used == prices.prices.keys()


def test_each_price_names_its_page_and_where_it_was_seen() -> None:
    listed = PriceList.load()
    unnamed = [
        name
        for name, price in listed.prices.items()
        if not price["page"].startswith("https://aws.amazon.com/") or not price["seen"]
    ]
    assert unnamed == []


def changed(parameters: dict[str, Any], **function: Any) -> Deployment:
    """The deployment by the template with these parameters, and RenewFunction changed so."""
    template = Template()
    template.document["Parameters"] |= parameters
    template.properties("RenewFunction").update(function)
    return default_deployment(template)


def test_the_memory_is_that_of_all_functions() -> None:
    assert changed({}).memory_mb == Template().document["Globals"]["Function"]["MemorySize"]


def test_the_processor_is_the_parameters_default() -> None:
    assert changed({"Architecture": {"Default": "x86_64"}}).architecture == "x86_64"


@pytest.mark.parametrize(("value", "on"), [("on", True), ("off", False)])
def test_the_parameter_says_whether_the_gateway_logs(value: str, on: bool) -> None:
    assert changed({"AccessLog": {"Default": value}}).access_log is on


def test_a_functions_log_level_may_be_a_parameter() -> None:
    logging = {"LogFormat": "JSON", "SystemLogLevel": {"Ref": "Level"}}
    deployment = changed({"Level": {"Default": "DEBUG"}}, LoggingConfig=logging)
    assert deployment.system_log_levels["RenewFunction"] == "DEBUG"


def test_a_functions_log_level_may_be_written_down() -> None:
    deployment = changed({}, LoggingConfig={"SystemLogLevel": "WARN"})
    assert deployment.system_log_levels["RenewFunction"] == "WARN"


@pytest.mark.parametrize(("value", "on"), [("on", True), ("off", False)])
def test_snap_start_may_depend_on_a_parameter(value: str, on: bool) -> None:
    template = Template()
    template.document["Parameters"]["SnapStart"] = {"Default": value}
    equals: Any = {"Fn::Equals": [{"Ref": "SnapStart"}, "on"]}
    template.document["Conditions"]["Starts"] = equals
    chosen = {"ApplyOn": {"Fn::If": ["Starts", "PublishedVersions", "None"]}}
    template.properties("RenewFunction")["SnapStart"] = chosen
    assert default_deployment(template).snap_start["RenewFunction"] is on


@pytest.mark.parametrize(("value", "on"), [("on", True), ("off", False)])
def test_the_parameter_says_whether_there_are_timers(value: str, on: bool) -> None:
    assert changed({"Timers": {"Default": value}}).timers is on


def test_the_concurrency_of_timers_is_a_parameter() -> None:
    assert changed({"TimerConcurrency": {"Default": 7}}).timer_concurrency == 7


def test_the_throttles_are_those_of_the_routes() -> None:
    deployment = changed({"ListThrottlingRateLimit": {"Default": 7}})
    assert deployment.throttles["GET /api/messaging/sessions"] == 7


def test_other_routes_have_the_throttle_of_the_api() -> None:
    assert changed({"ThrottlingRateLimit": {"Default": 9}}).other_routes_throttle == 9


def test_the_tables_maxima_are_parameters() -> None:
    deployment = changed({"MaxReadUnits": {"Default": 5}, "MaxWriteUnits": {"Default": 6}})
    assert (deployment.max_read_units, deployment.max_write_units) == (5, 6)


def test_each_route_with_a_throttle_is_in_the_worst_cases() -> None:
    assert changed({}).throttles.keys() <= {route.key for route in ROUTES}


def test_the_secrets_and_dashboards_are_those_of_the_template() -> None:
    types = [each["Type"] for each in Template().resources.values()]
    deployment = changed({})
    assert deployment.secrets == types.count("AWS::SecretsManager::Secret")
    assert deployment.dashboards == types.count("AWS::CloudWatch::Dashboard")


def test_an_alarm_counts_by_the_metrics_that_it_reads() -> None:
    read = [len(alarm.metrics) for alarm in alarms_of(Stack()).values()]
    assert changed({}).alarm_metrics == sum(read)
