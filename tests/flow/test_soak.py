"""A life in a hurry with everything going wrong at random, by seed, and what must be true afterwards.

Agent and simulated Azure share a time that runs sixty times as fast (shim.c). A day's rows, some of them late, an attack
every few minutes; in between, by chance: a service and a receiver behind a proxy that harms what passes (sim/proxy.py), its
own refusals, a disk that fails, a clock that jumps, SIGKILL, SIGTERM, reloads. Then calm, and a second agent reads the same
rows in peace. Nothing may be lost, counted twice, told under another id or given up without a word.

COSMOWATCH_SEEDS="1 2 3" are the seeds, COSMOWATCH_SOAK_MINUTES how long the troubles last in the hurried time.
SPDX-License-Identifier: Apache-2.0
"""

import datetime
import errno
import json
import os
import random
import signal
import time

import pytest

from flow import kit
from flow import shim as sh
from flow.rows import Rows, feeds, iso
from flow.test_faults_time import at, coverage
from flow.story import essence, final
from sim.proxy import Proxy, chance

UTC = datetime.timezone.utc
HURRY = 60
SEEDS = os.environ.get("COSMOWATCH_SEEDS", "1").split()
MINUTES = float(os.environ.get("COSMOWATCH_SOAK_MINUTES", "14"))
LATE_MOST_S = 240
SOURCE = {"lookback": "3h", "backfill": "0s", "window": "1m", "catch_up": "10m", "recheck": ["5m", "7m"], "mode": "rows"}


def error(code):
    return json.dumps({"error": {"code": code, "message": "made up"}})


REFUSALS = [
    {"status": 429, "body": error("ThrottledError"), "headers": {"Retry-After": "5"}}, {"status": 429}, {"status": 500}, {"status": 502},
    {"status": 503, "headers": {"Retry-After": "3"}}, {"status": 504}, {"status": 403, "body": error("InsufficientAccessError")},
    {"revoke_tokens": True}, {"html": True}, {"empty200": True}, {"partial": {"rows": 2}}, {"cut_after": 300}, {"close": True},
]
HOOK_REFUSALS = [{"status": 503}, {"status": 429, "headers": {"Retry-After": "2"}}, {"status": 401}, {"status": 500, "after": True},
                 {"reset": True}, {"close": True}]
DISK = [(sh.WRITE | sh.CUT, errno.ENOSPC), (sh.SYNC, errno.EIO), (sh.WRITE, errno.EIO)]


def fast_clock(shims):
    """Time runs fast from now on, for all alike. Returns what tells it."""
    wall, boot = time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    for s in shims:
        s.hurry(HURRY, wall, boot)
    return lambda: datetime.datetime.fromtimestamp((wall + (time.time_ns() - wall) * HURRY) / 1e9, UTC)


def life(seed, now):
    """Rows of the last hour and of the time to come, each with the moment when it can be seen."""
    r, rng = Rows(seed), random.Random("%s/life" % seed)
    end = now + datetime.timedelta(minutes=MINUTES)
    r.ordinary(now - datetime.timedelta(hours=1), end, per_hour=120)
    t = now - datetime.timedelta(minutes=50)
    while t < end:
        account = "contoso-%d" % rng.randrange(4)
        r.request(t, account=account, address=rng.choice(("198.51.100.23", "203.0.113.66")), op="ReadFeed")
        r.query(t, "SELECT c.id FROM c WHERE c.customer = '' OR 1=%d --'" % rng.randrange(9), account=account)
        t += datetime.timedelta(minutes=rng.uniform(1, 5))
    for row in r.rows:
        if rng.random() < 0.2:
            row["visible"] = iso(at(row["ingested"][:26] + "Z") + datetime.timedelta(seconds=rng.uniform(1, LATE_MOST_S)))
    return r.rows


class Soak:
    """One agent, its world and what goes wrong in it."""

    def __init__(self, seed, dir_, azure, shim):
        self.rng, self.dir, self.azure, self.shim = random.Random("%s/faults" % seed), dir_, azure, shim
        port = int(azure.url.rsplit(":", 1)[1])
        self.query, self.receiver = Proxy(port), Proxy(port)
        self.seed, self.log = seed, []
        self.cfg = self.configure(dir_, self.query.port)
        self.agent = kit.Agent(self.cfg, dir_, env=shim.env)

    def configure(self, dir_, port):
        outputs = [{"name": "file", "type": "file", "path": os.path.join(dir_, "alerts.ndjson")},
                   {"name": "hook", "type": "webhook", "url": "http://127.0.0.1:%d/hook/soak" % self.receiver.port}]
        auth = {"type": "client_secret", "tenant": kit.TENANT, "client_id": kit.CLIENT,
                "client_secret": "${env:COSMOWATCH_TEST_SECRET}", "authority": "http://127.0.0.1:%d" % port}
        return kit.config(self.azure, dir_, outputs, feeds=feeds(dir_),
                          source={**SOURCE, "endpoint": "http://127.0.0.1:%d" % port, "auth": auth})

    def again(self, how):
        how()
        self.agent.log.close()
        self.agent = kit.Agent(self.cfg, self.dir, env=self.shim.env)

    def trouble(self):
        rng = self.rng
        kinds = rng.sample(("query", "receiver", "service", "hook", "disk", "clock", "kill", "end", "reload"), rng.choice((1, 1, 2, 3)))
        self.log.append("+".join(kinds))
        if "query" in kinds:
            self.query.plan = chance(rng.random(), 0.6)
        if "receiver" in kinds:
            self.receiver.plan = chance(rng.random(), 0.6)
        if "service" in kinds:
            self.azure.control("faults", {"match": {"path": rng.choice(("/query", "/query", "/oauth2/"))}, "count": rng.randrange(1, 6),
                                          "action": rng.choice(REFUSALS)})
        if "hook" in kinds:
            self.azure.control("faults", {"match": {"path": "/hook/"}, "count": rng.randrange(1, 4), "action": rng.choice(HOOK_REFUSALS)})
        if "disk" in kinds:
            ops, why = rng.choice(DISK)
            self.shim.set(disk_ops=ops, disk_errno=why, disk_dice=rng.getrandbits(60), disk_one_in=rng.randrange(3, 30))
        if "clock" in kinds:
            self.shim.set(wall_offset_ns=rng.choice((-86400, -3600, -61, 0, 0, 61, 3600, 86400)) * sh.S)
        if "reload" in kinds:
            self.agent.child.send_signal(signal.SIGHUP)
        time.sleep(rng.uniform(0.1, 0.9))
        if "kill" in kinds:
            self.again(self.agent.kill)
        elif "end" in kinds or self.agent.child.poll() is not None:  # a disk that fails at the start ends it with a sentence
            self.again(self.agent.stop)

    def calm(self):
        self.query.plan = self.receiver.plan = None
        self.shim.calm()
        self.azure.control("faults", method="DELETE")
        if self.agent.child.poll() is not None:
            self.again(self.agent.wait)

    def status(self):
        code, text, _ = kit.run(["status", "--json", "-c", self.cfg], check=False)
        return json.loads(text) if code == 0 and text else {}

    def is_done(self, end):
        s = self.status()
        windows = coverage(self.cfg) if s else []
        seen = [w for w in windows if at(w["from"]) < end]
        return windows and max(at(w["to"]) for w in windows) >= end and all(w["state"] in ("rechecked", "gap") for w in seen) and \
            all(o["pending"] == 0 for o in s["outputs"])

    def close(self):
        self.agent.kill()
        self.agent.log.close()
        self.query.close()
        self.receiver.close()


def check_told(soak, want):
    """At both receivers: each alert, none but these, and one content under one record id."""
    file = kit.ndjson(os.path.join(soak.dir, "alerts.ndjson"))
    hook = [p["json"] for p in soak.azure.control("alerts?hook=soak") if p["accepted"]]
    for name, told in (("file", file), ("hook", hook)):
        ids = {a["systemAlertId"] for a in told}
        assert ids == set(want), "%s: missing %s, invented %s" % (name, set(want) - ids, ids - set(want))
        bodies = {}
        for a in told:
            bodies.setdefault(a["recordId"], set()).add(json.dumps(a, sort_keys=True))
        assert all(len(b) == 1 for b in bodies.values()), "%s: one record id with two contents" % name


def check_coverage(soak):
    spans = sorted((at(w["from"]), at(w["to"]), w["state"]) for w in coverage(soak.cfg))
    for (_, end, _), (start, _, _) in zip(spans, spans[1:]):
        assert start == end, "a hole or an overlap in the coverage that nobody admits: %s to %s" % (end, start)
    assert not any(state == "gap" for _, _, state in spans)  # all could be read in the end


@pytest.mark.parametrize("seed", SEEDS)
def test_random_faults_lose_nothing_double_nothing_and_hide_nothing(tmp_path, shim_library, seed):
    dir_, peace = str(tmp_path), os.path.join(str(tmp_path), "peace")
    os.mkdir(peace)
    with sh.Shim(shim_library, dir_) as shim, sh.Shim(shim_library, peace) as its:
        now = fast_clock((shim, its))
        with kit.Azure(dir_, env=its.env) as azure:
            start = now()
            azure.add_rows(life(seed, start))
            end = start + datetime.timedelta(minutes=MINUTES, seconds=120 + LATE_MOST_S)
            soak = Soak(seed, dir_, azure, shim)
            try:
                while now() < start + datetime.timedelta(minutes=MINUTES):
                    soak.trouble()
                    soak.calm()
                    time.sleep(soak.rng.uniform(0.1, 0.5))
                shim.set(wall_offset_ns=0)
                kit.wait_for("the end of seed %s after %s" % (seed, " ".join(soak.log)), lambda: soak.is_done(end), pause_s=0.3)
                kit.config(azure, peace, [], feeds=feeds(peace), source=SOURCE)
                kit.run(["run", "--until-caught-up", "-c", os.path.join(peace, "cosmowatch.yaml")], env=its.env)
                want = final(os.path.join(peace, "cosmowatch.yaml"))
                assert len(want) > 5
                assert essence(final(soak.cfg)) == essence(want), "seed %s: %s" % (seed, " ".join(soak.log))
                check_told(soak, want)
                check_coverage(soak)
                assert kit.SECRET not in soak.agent.tail(10 ** 7)
            finally:
                soak.close()
