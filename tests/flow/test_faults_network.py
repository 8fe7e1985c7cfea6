"""Names that do not resolve, and a service that has every trouble at once.
SPDX-License-Identifier: Apache-2.0
"""

import json

import pytest

from flow import kit, story
from flow.rows import feeds
from flow.shim import LOCALHOST
from flow.story import essence, final, outputs

LATELY = {"lookback": "3h", "backfill": "0s"}
EAI_NONAME, EAI_AGAIN, EAI_FAIL = -2, -3, -4


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with story.calm_world(tmp_path_factory, 61) as (azure, want, _):
        yield azure, want


def named(azure, dir_, hook):
    port = azure.url.rsplit(":", 1)[1]
    out = [{"name": "hook", "type": "webhook", "url": "http://receiver.test:%s/hook/%s" % (port, hook), "allow_plain_http": True}]
    return kit.config(azure, dir_, out, source=LATELY, feeds=feeds(dir_))


def arrived(azure, hook):
    return {p["json"]["systemAlertId"] for p in azure.control("alerts?hook=" + hook) if p["accepted"]}


@pytest.mark.parametrize("fault", ["unknown", "no answer", "refused", "slow"])
def test_a_name_that_fails_for_a_while_heals_without_a_restart(dir_, shim, world, fault):
    azure, want = world
    hook = "dns-" + fault.replace(" ", "-")
    cfg = named(azure, dir_, hook)
    shim.set(dns_ipv4=LOCALHOST, **{"unknown": {"dns_error": EAI_NONAME}, "no answer": {"dns_error": EAI_AGAIN, "dns_delay_ms": 300},
                                   "refused": {"dns_error": EAI_FAIL}, "slow": {"dns_delay_ms": 700}}[fault])
    with kit.Agent(cfg, dir_, env=shim.env) as agent:
        kit.wait_for("two lookups", lambda: shim.get("dns_asked") >= (1 if fault == "slow" else 2))
        if fault != "slow":
            kit.wait_for("the reason", lambda: "receiver.test" in agent.tail(10 ** 6) and "cannot be resolved" in agent.tail(10 ** 6))
            assert not arrived(azure, hook)
            shim.set(dns_error=0, dns_delay_ms=0)
        kit.wait_for("the alerts", lambda: arrived(azure, hook) == set(want))
        assert agent.stop() == 0


def test_a_receiver_that_moved_is_found_at_its_new_address(dir_, shim, world):
    """At first the name leads to an address where nobody listens (127.0.0.2: the simulator has 127.0.0.1 only)."""
    azure, want = world
    cfg = named(azure, dir_, "moved")
    shim.set(dns_ipv4=LOCALHOST + 1)
    with kit.Agent(cfg, dir_, env=shim.env) as agent:
        kit.wait_for("a refusal", lambda: "refused" in agent.tail(10 ** 6))
        shim.set(dns_ipv4=LOCALHOST)
        kit.wait_for("the alerts", lambda: arrived(azure, "moved") == set(want))
        assert agent.stop() == 0


def test_an_address_that_is_dead_comes_first(dir_, shim, world):
    azure, want = world
    cfg = named(azure, dir_, "dead-first")
    shim.set(dns_ipv4=LOCALHOST, dns_dead_first=1)
    kit.run(["run", "--until-caught-up", "-c", cfg], env=shim.env)
    assert shim.get("dns_asked") > 0
    assert arrived(azure, "dead-first") == set(want)


def error(code):
    return json.dumps({"error": {"code": code, "message": "made up"}})


TROUBLES = {
    "401, and renewed": {"revoke_tokens": True},
    "403": {"status": 403, "body": error("InsufficientAccessError")},
    "404 of a table": {"status": 404, "body": error("PathNotFoundError")},
    "429": {"status": 429, "body": error("ThrottledError"), "headers": {"Retry-After": "1"}},
    "500": {"status": 500, "body": error("InternalServerError")},
    "502 of a proxy": {"status": 502, "html": True},
    "503": {"status": 503},
    "504": {"status": 504, "body": error("GatewayTimeout")},
    "200 with an error": {"status": 200, "headers": {"Content-Type": "application/json"}, "body": error("PartialError")},
    "200 with half of the JSON": {"status": 200, "headers": {"Content-Type": "application/json"}, "body": '{"tables": [{"na'},
    "200 with another table": {"status": 200, "headers": {"Content-Type": "application/json"},
                               "body": json.dumps({"tables": [{"name": "PrimaryResult", "columns": [{"name": "Odd", "type": "string"}],
                                                               "rows": [["x"]]}]})},
    "200 in HTML": {"html": True},
    "a redirect": {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
    "closed": {"close": True},
}


@pytest.mark.parametrize("trouble", sorted(TROUBLES))
def test_every_trouble_of_the_service_heals_and_loses_nothing(dir_, shim, world, trouble):
    azure, want = world
    shim.impatient()
    cfg = kit.config(azure, dir_, outputs(dir_), source=LATELY, feeds=feeds(dir_))
    azure.control("faults", {"match": {"path": "/query", "skip": 1, "every": 2}, "count": 2, "action": TROUBLES[trouble]})
    kit.run(["run", "--until-caught-up", "-c", cfg], env=shim.env)
    assert not any(f["left"] for f in azure.control("faults")), "the fault never came"
    azure.control("faults", method="DELETE")
    assert essence(final(cfg)) == essence(want)
