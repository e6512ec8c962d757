"""What a million calls cost, by examples that can be computed by hand."""

from dataclasses import replace
from typing import Any

import pytest

from pricing.call_price import (
    TRANSFER,
    Parts,
    log_price,
    longest_ms,
    price_of_a_million,
    shortest_ms,
    total_of,
    transferred_bytes,
)
from pricing.log_lines import access_log_line, gateway_headers, platform_line, platform_log_bytes
from pricing.price_list import PriceList
from tests.support.costs import CALL, DEPLOYMENT, prices

LISTED = PriceList.load()
OF_TEN = replace(CALL, times=10, response_bytes=0, event_chunks=10, requests={"PutEvents": 1})


def parts(**changes: Any) -> Parts:
    """A million of the call with these changes, by the price list."""
    return price_of_a_million(replace(CALL, **changes), LISTED, DEPLOYMENT)


def test_the_gateway_charges_each_call() -> None:
    assert parts()["gateway"] == pytest.approx(1.00)


@pytest.mark.parametrize(("response_bytes", "requests"), [(500_000, 1), (4_000_000, 8)])
def test_the_gateway_charges_each_512_kb(response_bytes: int, requests: int) -> None:
    assert parts(response_bytes=response_bytes)["gateway"] == pytest.approx(requests)


def test_lambda_charges_each_invocation() -> None:
    assert parts()["Lambda requests"] == pytest.approx(0.20)


def test_the_longest_duration_has_the_memorys_share_of_a_cpu() -> None:
    # 2 ms at 512/1,769 of a CPU are 6.91 ms, and the reply takes 5 ms.
    assert longest_ms(CALL, DEPLOYMENT) == 12


def test_a_request_takes_no_longer_than_it_may() -> None:
    assert longest_ms(replace(CALL, cpu_ms=60_000), DEPLOYMENT) == 10_000


def test_a_batch_of_expiries_may_take_longer_than_a_request() -> None:
    assert longest_ms(replace(OF_TEN, cpu_ms=60_000), DEPLOYMENT) > 60_000


def test_the_shortest_duration_has_a_whole_cpu() -> None:
    assert shortest_ms(CALL) == 7


def test_a_begun_millisecond_is_billed() -> None:
    assert shortest_ms(replace(CALL, cpu_ms=2.01)) == 8


def test_each_request_is_waited_for() -> None:
    assert shortest_ms(replace(CALL, requests={"Query": 1, "BatchGetItem": 2})) == 17


def test_the_duration_is_that_of_half_a_gigabyte() -> None:
    # 12 ms are 0.006 GB-seconds: 6,000 for a million.
    assert parts()["Lambda duration"] == pytest.approx(6_000 * 0.0000133334)


def test_x86_has_a_price_of_its_own() -> None:
    x86 = replace(DEPLOYMENT, architecture="x86_64")
    duration = price_of_a_million(CALL, LISTED, x86)["Lambda duration"]
    assert duration == pytest.approx(6_000 * 0.0000166667)


def test_write_units_are_charged_by_the_million() -> None:
    assert parts(write_units=3)["DynamoDB writes"] == pytest.approx(3 * 0.625)


def test_read_units_are_charged_by_the_million() -> None:
    assert parts(read_units=51)["DynamoDB reads"] == pytest.approx(51 * 0.125)


def test_logs_are_ingested_and_stored_for_a_month() -> None:
    # 400 bytes are 0.4 GB for a million.
    assert parts()["function log"] == pytest.approx(0.4 * (0.50 + 0.03))


def test_logs_kept_for_two_months_are_stored_twice() -> None:
    kept = replace(DEPLOYMENT, log_retention_days=60)
    assert log_price(1, LISTED, kept) == pytest.approx(0.50 + 2 * 0.03)


def test_lambda_logs_nothing_of_a_success_at_warn() -> None:
    assert parts()["Lambda log"] == 0


def test_lambda_logs_start_and_report_at_info() -> None:
    lines = platform_line("platform.start") + platform_line("platform.report")
    assert platform_log_bytes("INFO") == len(lines)


def test_lambda_logs_the_runtimes_end_at_debug_too() -> None:
    added = platform_log_bytes("DEBUG") - platform_log_bytes("INFO")
    assert added == len(platform_line("platform.runtimeDone"))


def test_the_level_is_that_of_the_calls_function() -> None:
    levels = {"F": "INFO", "G": "WARN"}
    logged = price_of_a_million(CALL, LISTED, replace(DEPLOYMENT, system_log_levels=levels))
    assert logged["Lambda log"] == pytest.approx(platform_log_bytes("INFO") / 1000 * 0.53)


def test_the_access_log_costs_nothing_when_it_is_off() -> None:
    assert parts()["access log"] == 0


def test_the_access_log_is_a_line_for_each_call() -> None:
    logged = price_of_a_million(CALL, LISTED, replace(DEPLOYMENT, access_log=True))
    assert logged["access log"] == pytest.approx(len("JKJaXmPLvHcESHA=") / 1000 * 0.53)


def test_an_access_log_line_has_a_value_for_each_variable() -> None:
    assert access_log_line('{"ip": "$context.identity.sourceIp"}') == '{"ip": "203.0.113.178"}'


def test_an_access_log_variable_without_a_sample_is_an_error() -> None:
    with pytest.raises(KeyError):
        access_log_line("$context.unheardOf")


def test_the_transfer_out_includes_the_gateways_headers() -> None:
    assert transferred_bytes(CALL) == 500 + len(gateway_headers())


def test_the_transfer_out_is_charged_by_the_gigabyte() -> None:
    sent = price_of_a_million(CALL, prices(transferredGb=0.09), DEPLOYMENT)[TRANSFER]
    assert sent == pytest.approx(0.09 * transferred_bytes(CALL) / 1000)


def test_the_total_leaves_the_transfer_out() -> None:
    assert total_of({"gateway": 1.0, "Lambda requests": 0.2, TRANSFER: 5.0}) == pytest.approx(1.2)


def test_ten_expiries_share_an_invocation() -> None:
    charged = price_of_a_million(OF_TEN, LISTED, DEPLOYMENT)["Lambda requests"]
    assert charged == pytest.approx(0.02)


def test_each_expiry_is_an_event() -> None:
    charged = price_of_a_million(OF_TEN, LISTED, DEPLOYMENT)["EventBridge"]
    assert charged == pytest.approx(1.00)


def test_an_expiry_passes_no_gateway() -> None:
    charged = price_of_a_million(OF_TEN, LISTED, replace(DEPLOYMENT, access_log=True))
    assert [charged[part] for part in ("gateway", "access log", TRANSFER)] == [0, 0, 0]


def test_the_gateway_is_cheaper_beyond_300_million() -> None:
    assert LISTED.usd("gatewayRequest", 400e6) == pytest.approx(300 * 1.00 + 100 * 0.90)


def test_more_than_a_price_holds_for_is_an_error() -> None:
    with pytest.raises(ValueError, match="logsIngestedGb"):
        LISTED.usd("logsIngestedGb", 10_001)
