"""Clocks that lie: ours, the service's, those in the rows. Coverage follows the service's time alone.
SPDX-License-Identifier: Apache-2.0
"""

import datetime
import json
import os
import signal
import time

import pytest

from flow import kit
from flow.rows import Rows, feeds
from flow.shim import S
from flow.story import essence, final, is_up_to_date, outputs, small_world

UTC = datetime.timezone.utc
HOUR, DAY = 3600 * S, 86400 * S
LIVE = {"lookback": "6h", "backfill": "0s", "window": "10s", "catch_up": "1h", "recheck": ["1m", "12h"]}


def live_config(azure, dir_, **source):
    return kit.config(azure, dir_, outputs(dir_), source={**LIVE, **source}, feeds=feeds(dir_))


def coverage(cfg):
    _, text, _ = kit.run(["coverage", "--json", "-c", cfg])
    return [json.loads(line) for line in text.splitlines()]


def at(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def attack_now(azure):
    """A request that alerts comes into the workspace at this moment."""
    r = Rows(77)
    r.request(datetime.datetime.now(UTC), address="198.51.100.23", op="ReadFeed", account="contoso-late")
    azure.add_rows(r.rows, arriving=True)


def written(dir_):
    return kit.ndjson(os.path.join(dir_, "alerts.ndjson"))


def is_late_attack_told(dir_):
    return any("contoso-late" in json.dumps(a).lower() for a in written(dir_))


def check_coverage(cfg):
    """Contiguous, nothing of the future, nothing given up."""
    windows = coverage(cfg)
    now = datetime.datetime.now(UTC)
    assert windows
    for w in windows:
        assert w["state"] != "gap", w
        assert at(w["to"]) <= now + datetime.timedelta(seconds=2), w
    ends = sorted((at(w["from"]), at(w["to"])) for w in windows)
    for (_, end), (start, _) in zip(ends, ends[1:]):
        assert end == start


@pytest.mark.parametrize("jump", [-HOUR, DAY, 400 * DAY], ids=["-1h", "+1d", "+400d"])
def test_a_clock_that_jumps_while_it_runs_changes_no_coverage(dir_, shim, jump):
    rows, types = small_world(seed=31, hours=3)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = live_config(azure, dir_)
        with kit.Agent(cfg, dir_, env=shim.env) as agent:
            kit.wait_for("the first day", lambda: types <= {a["alertType"] for a in written(dir_)} and is_up_to_date(cfg))
            before = {a["systemAlertId"] for a in written(dir_)}
            shim.set(wall_offset_ns=jump)
            attack_now(azure)
            kit.wait_for("the attack after the jump", lambda: is_late_attack_told(dir_))
            assert agent.stop() == 0
        check_coverage(cfg)
        assert before <= set(final(cfg))  # nothing is forgotten because a clock says that it is old


@pytest.mark.parametrize("wrong", ["1970", "-1d", "+6h", "+1d", "2040"])
def test_a_clock_that_is_wrong_at_the_start_skips_nothing(dir_, shim, wrong):
    offset = {"1970": -time.time_ns() + DAY, "-1d": -DAY, "+6h": 6 * HOUR, "+1d": DAY, "2040": 14 * 365 * DAY}[wrong]
    rows, types = small_world(seed=32, hours=3)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        shim.set(wall_offset_ns=offset)
        cfg = live_config(azure, dir_)
        kit.run(["run", "--until-caught-up", "-c", cfg], env=shim.env)
        assert types <= {a["alertType"] for a in written(dir_)}
        if wrong in ("-1d", "+1d"):
            attack_now(azure)
            with kit.Agent(cfg, dir_, env=shim.env) as agent:  # with a ledger, and a clock that is still wrong
                kit.wait_for("the attack", lambda: is_late_attack_told(dir_))
                shim.set(wall_offset_ns=0)  # put right under way
                assert agent.stop() == 0
    check_coverage(cfg)


def test_late_rows_are_looked_for_at_the_services_time_not_at_ours(dir_, shim):
    """A clock that is a day ahead makes no re-check due, so that none is used up before its time."""
    rows, _ = small_world(seed=33, hours=2)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = live_config(azure, dir_, recheck=["20h", "24h"])
        kit.run(["run", "--until-caught-up", "-c", cfg])
        assert {w["state"] for w in coverage(cfg)} == {"closed"}
        shim.set(wall_offset_ns=2 * DAY)
        kit.run(["run", "--until-caught-up", "-c", cfg], env=shim.env)
        assert {w["state"] for w in coverage(cfg)} == {"closed"}


def test_a_host_that_slept_goes_on_where_it_was(dir_, shim):
    """It stands, and both clocks leap by hours, as after a suspend: tokens are renewed, the work goes on."""
    rows, types = small_world(seed=34, hours=2)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        azure.control("settings", {"token_clock": "virtual"})
        cfg = live_config(azure, dir_)
        with kit.Agent(cfg, dir_, env=shim.env) as agent:
            kit.wait_for("the first day", lambda: is_up_to_date(cfg))
            tokens = len(azure.control("requests?path=/oauth2/"))
            agent.child.send_signal(signal.SIGSTOP)
            shim.set(wall_offset_ns=5 * HOUR, boot_offset_ns=5 * HOUR)
            azure.control("tokens", {"revoke": True})
            attack_now(azure)
            agent.child.send_signal(signal.SIGCONT)
            kit.wait_for("the attack", lambda: is_late_attack_told(dir_))
            assert len(azure.control("requests?path=/oauth2/")) > tokens
            assert agent.stop() == 0


@pytest.mark.parametrize("clock", ["far on", "standing still", "leap second"])
def test_odd_clocks_do_no_harm(dir_, shim, clock):
    orders = {"far on": {"boot_offset_ns": 200 * 365 * DAY}, "standing still": {"wall_stands_at_ns": time.time_ns()},
              "leap second": {"wall_offset_ns": int(datetime.datetime(2016, 12, 31, 23, 59, 58, tzinfo=UTC).timestamp()) * S - time.time_ns()}}
    rows, types = small_world(seed=35, hours=2)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        shim.set(**orders[clock])
        cfg = live_config(azure, dir_)
        with kit.Agent(cfg, dir_, env=shim.env) as agent:
            kit.wait_for("alerts", lambda: types <= {a["alertType"] for a in written(dir_)} and is_up_to_date(cfg))
            assert agent.stop() == 0
    check_coverage(cfg)


def test_the_services_clock_that_differs_is_followed_and_shown(dir_, shim):
    rows, types = small_world(seed=36, hours=3)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        shim.set(wall_offset_ns=3 * HOUR)
        cfg = live_config(azure, dir_)
        _, said, _ = kit.run(["check", "--online", "-c", cfg], env=shim.env)
        assert "our clock differs from the service's by" in said
        kit.run(["run", "--until-caught-up", "-c", cfg], env=shim.env)
        assert types <= {a["alertType"] for a in written(dir_)}
        _, text, _ = kit.run(["status", "--json", "-c", cfg])
        assert abs(json.loads(text)["sources"][0]["clockSkewMs"] + 3 * 3600 * 1000) < 60000
    check_coverage(cfg)


TIMES = {"of the future": "2031-01-01T00:00:00.0000000Z", "of 1601": "1601-01-01T00:00:00.0000000Z", "without a zone": "2026-08-20 10:00",
         "leap second": "2016-12-31T23:59:60.0000000Z", "no time": "soon", "empty": ""}


def test_rows_with_odd_times_cost_no_other_row(dir_):
    """By replay, which sees the text as it is: the service's own column is a datetime."""
    rows, types = small_world(seed=37, hours=2)
    path = os.path.join(dir_, "rows.ndjson")
    rows.exported(path)
    _, out, _ = kit.run(["replay", "--json", "-c", replay_config(dir_), path])
    want = essence({json.loads(line)["systemAlertId"]: json.loads(line) for line in out.splitlines()})
    with open(path, "a", encoding="utf-8") as f:
        for text in TIMES.values():
            row = dict(rows.rows[0]["row"], TimeGenerated=text, AccountName="ODD", ActivityId="")
            f.write(json.dumps(row) + "\n")
    _, out, err = kit.run(["replay", "--json", "-c", replay_config(dir_), path])
    assert essence({json.loads(line)["systemAlertId"]: json.loads(line) for line in out.splitlines()}) == want
    assert "could not be read" in err


def replay_config(dir_):
    path = os.path.join(dir_, "replay.yaml")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"feeds": feeds(dir_)}, f)
    return path


def test_the_hosts_time_zone_changes_nothing(dir_):
    rows, _ = small_world(seed=38, hours=3)
    got = []
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        for n, zone in enumerate(("UTC", "America/St_Johns", "Pacific/Kiritimati")):
            sub = os.path.join(dir_, str(n))
            os.mkdir(sub)
            cfg = kit.config(azure, sub, outputs(sub), source={"lookback": "6h", "backfill": "0s"}, feeds=feeds(sub))
            kit.run(["run", "--until-caught-up", "-c", cfg], env={"TZ": zone})
            got.append(essence(final(cfg)))
    assert got[0] and got[0] == got[1] == got[2]
