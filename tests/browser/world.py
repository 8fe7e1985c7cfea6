"""A running agent with much to show: a fortnight of made-up life with attacks of every severity and incidents, alerts
that are suppressed, a workspace that refuses us and left a gap, an output that is dead and one that refuses.

    PYTHONPATH=tests python3 -m browser.world        keeps it up until Enter, to be looked at by hand

SPDX-License-Identifier: Apache-2.0
"""

import datetime
import json
import os
import sys
import tempfile

from flow import kit
from flow.demo import story
from flow.listener import free_port
from flow.rows import Rows, feeds

ARCHIVE = "44444444-4444-4444-4444-444444444444"
SUPPRESSED = [
    {"name": "nightly export", "types": ["CosmosDB_SuspiciousIp"], "accounts": ["contoso-archive"], "reason": "planned",
     "comment": "CHG-1234, ask Kim", "expires": "2027-01-31"},
    {"name": "old drill", "types": ["CosmosDB_TorAnomaly"], "accounts": ["contoso-drill"], "reason": "test",
     "comment": "the red team of last spring", "expires": "2026-03-01"},
]
PLACES = [
    {"cidr": "192.0.2.0/24", "name": "head office", "country": "DE", "city": "Berlin", "lat": 52.5, "lon": 13.4},
    {"cidr": "203.0.113.7/32", "name": "branch", "country": "PT", "city": "Porto", "lat": 41.1, "lon": -8.6},
    {"cidr": "203.0.113.66/32", "country": "BR", "city": "Manaus", "lat": -3.1, "lon": -60.0},
    {"cidr": "198.51.100.0/24", "country": "NG", "city": "Lagos", "lat": 6.5, "lon": 3.4},
]


def more_rows():
    """What the story has not: reading of a key list, the same address at several accounts, another quiet one."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    r = Rows(5)
    night = now - datetime.timedelta(hours=5)
    r.attack(night)
    for i in range(6):
        r.request(night + datetime.timedelta(minutes=2 * i), account="contoso-archive", address="203.0.113.66", op="ReadFeed")
    for i in range(40):
        r.request(night + datetime.timedelta(minutes=3, seconds=2 * i), account="contoso-payroll", address="198.51.100.23",
                  status=403, op="Query")
    return r.rows


class World:
    def __init__(self, dir_):
        self.dir, self.port = dir_, free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        paths, attacks = story(dir_)
        self.types = {a["type"] for a in attacks if "type" in a} or {a["alertType"] for a in attacks}
        self.azure = kit.Azure(dir_, [paths["rows.ndjson"]])
        self.azure.add_rows(more_rows())
        self.out = os.path.join(dir_, "alerts.ndjson")
        lists = feeds(dir_) + [{"name": "exits", "type": "tor_exits", "path": paths["tor.txt"]},
                               {"name": "ours", "type": "addresses", "path": paths["bad.csv"], "format": "csv"}]
        self.leave_a_gap(lists)
        self.azure.control("faults", {"match": {"path": "/hook/picky"}, "action": {"status": 400}, "count": None})
        self.agent = kit.Agent(self.configure(lists, archive={"lookback": "3d", "backfill": "0s", "retention": "1d"}), dir_)

    def configure(self, lists, prod=True, archive=None):
        cfg = kit.config(self.azure, self.dir, [], source={"lookback": "30h"})
        with open(cfg, encoding="utf-8") as f:
            doc = json.load(f)
        other = {**doc["sources"][0], "name": "archive", "workspace": ARCHIVE, **archive}
        doc["sources"] = [doc["sources"][0], other] if prod else [other]
        doc.update(feeds=lists, networks=PLACES, suppressions=SUPPRESSED, console={"listen": "127.0.0.1:%d" % self.port},
                   trusted=[{"address": "192.0.2.77", "note": "backup host"}],
                   detectors={"volume": {"sensitivity": "high"}},
                   outputs=[{"name": "file", "type": "file", "path": self.out},
                            {"name": "soc", "type": "webhook", "url": "http://127.0.0.1:9/hook", "allow_plain_http": True},
                            {"name": "picky", "type": "webhook", "url": self.azure.url + "/hook/picky"}])
        with open(cfg, "w", encoding="utf-8") as f:
            json.dump(doc, f, indent=1)
        return cfg

    def leave_a_gap(self, lists):
        """Planned from three days back, never read, and then out of the workspace's retention."""
        self.azure.control("faults", {"match": {"path": ARCHIVE}, "action": {"status": 503}, "count": None})
        with kit.Agent(self.configure(lists, prod=False, archive={"lookback": "3d", "backfill": "0s"}), self.dir) as agent:
            kit.wait_for("a refused query", lambda: "could not be read" in agent.tail())
            agent.stop()
        self.azure.control("reset", {"keep_rows": True})
        self.azure.control("faults", {"match": {"path": ARCHIVE, "skip": 1}, "action": {"status": 403}, "count": None})

    def ready(self):
        kit.wait_for("alerts of every attack", lambda: self.types <= {a["alertType"] for a in kit.ndjson(self.out)},
                     deadline_s=600, pause_s=0.5)
        kit.wait_for("an incident", lambda: any("Incident" in a["alertType"] for a in kit.ndjson(self.out)), pause_s=0.5)

    def close(self):
        self.agent.stop()
        self.agent.log.close()
        self.azure.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="cosmowatch-world-") as d:
        w = World(d)
        w.ready()
        print(w.url, flush=True)
        sys.stdin.readline()
        w.close()
