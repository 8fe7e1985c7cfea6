"""`cosmowatch support`: what a helper needs, and nothing that says whose it is; whatever is broken.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import re
import sqlite3
import stat
import tarfile

from flow import kit
from flow.rows import Rows, feeds
from flow.story import SHORT, hours_ago, outputs, small_world

WHOLE = {"README.txt", "host.json", "process.json", "configuration.json", "status.json", "health.json", "store.json", "coverage.ndjson",
         "outputs.ndjson", "alerts.ndjson"}
NAMES = ["Quokka-%s" % n for n in ("account", "database", "container", "principal", "agent", "text", "source", "output", "host", "feed", "owner", "path", "rule")]


def bundle(cfg, dir_, name="bundle.tar.gz"):
    path = os.path.join(dir_, name)
    code, out, err = kit.run(["support", "--out", path, "-c", cfg], check=False)
    assert code == 0, out + err
    with tarfile.open(path) as t:
        return {m.name: t.extractfile(m).read().decode() for m in t.getmembers()}, out


def quokkas(parts):
    return {name: re.findall(r".{0,60}quokka.{0,20}", text, re.I)[:3] for name, text in parts.items() if "quokka" in text.lower()}


def world(azure, dir_):
    """Every name that a row or an option can have is a quokka."""
    account, database, container, principal, agent, text, source, output, host, feed, owner, path, rule = NAMES
    r = Rows("support")
    for minutes in range(60, 10, -10):
        r.request(hours_ago(minutes / 60), account=account, container=container, address="198.51.100.23", op="ReadFeed",
                  principal=principal, agent=agent, DatabaseName=database)
        r.query(hours_ago(minutes / 60), "SELECT c.%s FROM c WHERE c.customer = '' OR 1=1 --'" % text, account=account)
    azure.add_rows(r.rows)
    listed = feeds(dir_)
    listed[0]["name"] = feed
    os.mkdir(os.path.join(dir_, path))
    return kit.config(
        azure, dir_, [{"name": output, "type": "file", "path": os.path.join(dir_, path, "alerts.ndjson")},
                      {"name": "dead", "type": "webhook", "url": "https://%s.invalid:9/%s" % (host, host), "headers": {"X-Team": owner}}],
        source={**SHORT, "name": source}, feeds=listed, accounts=[{"name": account, "tags": ["quokka"], "owner": owner}],
        suppressions=[{"name": rule, "reason": "quokka", "types": ["CosmosDB_SuspiciousIp"], "accounts": [account]}],
        trusted=[{"note": rule, "address": "192.0.2.77"}])


def test_a_helper_learns_how_it_is_and_not_whose(dir_):
    with kit.Azure(dir_) as azure:
        cfg = world(azure, dir_)
        with kit.Agent(cfg, dir_) as agent:
            def failing():
                code, text, _ = kit.run(["status", "--json", "-c", cfg], check=False)
                assert agent.child.poll() is None, agent.tail()
                said = {o["type"]: o for o in json.loads(text)["outputs"]} if code == 0 else {}
                return said and said["webhook"].get("reason") and said["file"]["accepted"] > 0

            kit.wait_for("an output that fails", failing)
            parts, said = bundle(cfg, dir_)
            assert agent.stop() == 0
    assert set(parts) == WHOLE and "10 parts" in said
    assert quokkas(parts) == {}
    status, configuration = json.loads(parts["status.json"]), json.loads(parts["configuration.json"])
    assert json.loads(parts["process.json"])["agent"]["runs"]
    assert [o["type"] for o in status["outputs"]] == ["file", "webhook"] and status["outputs"][0]["accepted"] > 0
    assert "cannot be resolved" in status["outputs"][1]["reason"], status
    assert configuration["sources"][0]["lookback"] == SHORT["lookback"] and configuration["suppressions"] == "(1)"
    assert configuration["sources"][0]["name"] == status["sources"][0]["name"], "the same name, the same number"
    alerts = [json.loads(line) for line in parts["alerts.ndjson"].splitlines()]
    assert {a["alertType"] for a in alerts} >= {"CosmosDB_TorAnomaly"}, alerts
    states = {json.loads(line)["state"] for line in parts["coverage.ndjson"].splitlines()}
    assert "closed" in states and states <= {"closed", "pending"}, states  # the next window may have begun
    assert all(t["rows"] >= 0 for t in json.loads(parts["store.json"])["found"]), "nothing is wrong with it"


def caught_up(dir_):
    rows, _ = small_world(seed=3, hours=2)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT)
        kit.run(["run", "--until-caught-up", "-c", cfg])
    return cfg


def test_it_is_its_owners_alone_and_in_nobodys_place(dir_):
    cfg = caught_up(dir_)
    bundle(cfg, dir_)
    path = os.path.join(dir_, "bundle.tar.gz")
    before = os.stat(path)
    assert stat.S_IMODE(before.st_mode) == 0o600
    code, _, err = kit.run(["support", "--out", path, "-c", cfg], check=False)
    assert code == 1 and "exists" in err and os.stat(path).st_mtime_ns == before.st_mtime_ns


def test_a_wrong_configuration_is_told_by_its_places(dir_):
    path = os.path.join(dir_, "broken.yaml")
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as f:
        f.write("sources:\n  - { name: prod, type: quokka }\nquokka: 1\n")
    parts, _ = bundle(path, dir_)
    errors = json.loads(parts["configuration.json"])["errors"]
    assert [(e["line"], e["column"]) for e in errors] == [(2, 25), (3, 1)] and all(len(e["sentence"]) > 10 for e in errors)
    assert quokkas(parts) == {}
    assert "configuration" in json.loads(parts["store.json"])["unread"] and "coverage.ndjson" not in parts


def test_a_damaged_store_is_told(dir_):
    cfg = caught_up(dir_)
    store = os.path.join(dir_, "state", "store.db")
    with sqlite3.connect(store) as db:
        db.execute("UPDATE alert SET crc = crc + 1")
    db.close()
    parts, _ = bundle(cfg, dir_)
    found = json.loads(parts["store.json"])["found"]
    assert any("checksum" in f.get("wrong", "") for f in found), found
    with open(store, "r+b") as f:
        f.write(b"no store at all, whatever it says")
    parts, _ = bundle(cfg, dir_, "second.tar.gz")
    assert json.loads(parts["store.json"])["unread"]
