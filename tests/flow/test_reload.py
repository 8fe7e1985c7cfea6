"""SIGHUP: a new configuration comes into force whole or not at all, and no row or alert is lost by it.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import signal
import socket

from flow import kit
from flow.rows import feeds, no_places
from flow.story import SHORT, catch_up, essence, final, small_world


def reload(agent):
    """Send SIGHUP and wait until the agent said what became of it."""
    said = agent.tail(1 << 20).count("reloaded")
    agent.child.send_signal(signal.SIGHUP)
    kit.wait_for("an answer to SIGHUP", lambda: agent.tail(1 << 20).count("reloaded") > said)


def nothing_is_read(azure):
    """Until rows come, so that no window is read before they are there."""
    azure.control("faults", {"match": {"path": "/query"}, "action": {"status": 503}, "count": None})


def rows_come(azure, rows):
    azure.add_rows(rows.rows)
    azure.control("faults", method="DELETE")


def change(cfg, f):
    with open(cfg, encoding="utf-8") as file:
        doc = json.load(file)
    f(doc)
    with open(cfg, "w", encoding="utf-8") as file:
        json.dump(doc, file)


def file_output(dir_, name):
    return {"name": name, "type": "file", "path": os.path.join(dir_, name + ".ndjson")}


def test_a_new_output_gets_what_is_raised_after_the_reload(dir_):
    rows, types = small_world(seed=31)
    with kit.Azure(dir_) as azure:
        nothing_is_read(azure)
        cfg = kit.config(azure, dir_, [file_output(dir_, "first")], feeds=feeds(dir_), source=SHORT)
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the start", lambda: "started" in agent.tail())
            change(cfg, lambda doc: doc["outputs"].append(file_output(dir_, "second")))
            reload(agent)
            rows_come(azure, rows)
            second = os.path.join(dir_, "second.ndjson")
            kit.wait_for("alerts at the new output", lambda: types <= {a["alertType"] for a in kit.ndjson(second)})
            assert agent.stop() == 0


def test_a_configuration_with_a_mistake_changes_nothing(dir_):
    rows, types = small_world(seed=32)
    first = os.path.join(dir_, "first.ndjson")

    def break_it(doc):
        doc["outputs"][0]["path"] = os.path.join(dir_, "elsewhere.ndjson")
        doc["outputs"].append({"name": "bad", "type": "webhok", "url": "http://127.0.0.1/"})

    with kit.Azure(dir_) as azure:
        nothing_is_read(azure)
        cfg = kit.config(azure, dir_, [file_output(dir_, "first")], feeds=feeds(dir_), source=SHORT)
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the start", lambda: "started" in agent.tail())
            change(cfg, break_it)
            reload(agent)
            log = agent.tail(1 << 20)
            assert "configuration not reloaded" in log and "stays in force" in log
            assert "webhook" in log, "the nearest right word"
            rows_come(azure, rows)
            kit.wait_for("alerts where they went before", lambda: types <= {a["alertType"] for a in kit.ndjson(first)})
            assert agent.stop() == 0
    assert not os.path.exists(os.path.join(dir_, "elsewhere.ndjson"))


def test_a_damaged_database_of_places_is_refused_but_holds_up_no_start(dir_):
    """Somebody unpacks a new one over the old one, and the host is started meanwhile."""
    rows, types = small_world(seed=33)
    places, first = os.path.join(dir_, "city.mmdb"), os.path.join(dir_, "first.ndjson")

    def write(content):
        with open(places, "wb") as f:
            f.write(content)

    write(no_places()[:60])
    with kit.Azure(dir_) as azure:
        nothing_is_read(azure)
        cfg = kit.config(azure, dir_, [file_output(dir_, "first")], feeds=feeds(dir_), source=SHORT, places={"databases": [places]})
        code, out, err = kit.run(["check", "-c", cfg], check=False)
        assert code != 0 and "no .mmdb that can be read" in out + err
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the start", lambda: "started" in agent.tail(1 << 20))
            assert "of itself is damaged" in agent.tail(1 << 20) and "looked at again" in agent.tail(1 << 20)
            assert "no .mmdb file that could be read" in kit.run(["status", "-c", cfg])[1], "who looks is told"
            rows_come(azure, rows)
            kit.wait_for("alerts all the same", lambda: types <= {a["alertType"] for a in kit.ndjson(first)})
            reload(agent)
            assert "configuration not reloaded" in agent.tail(1 << 20)
            write(no_places())
            kit.wait_for("the whole one", lambda: "read anew" in agent.tail(1 << 20))
            reload(agent)
            assert agent.tail(1 << 20).count("configuration not reloaded") == 1
            assert agent.stop() == 0


def test_the_store_cannot_be_moved_by_a_reload(dir_):
    with kit.Azure(dir_) as azure:
        cfg = kit.config(azure, dir_, [file_output(dir_, "first")], source=SHORT)
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the start", lambda: "started" in agent.tail())
            change(cfg, lambda doc: doc.update(store={"path": os.path.join(dir_, "other")}))
            reload(agent)
            assert "a restart makes it" in agent.tail()
            assert agent.stop() == 0
    assert not os.path.exists(os.path.join(dir_, "other"))


def test_a_refused_configuration_silences_no_log(dir_):
    with kit.Azure(dir_) as azure:
        cfg = kit.config(azure, dir_, [file_output(dir_, "first")], source=SHORT)
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the start", lambda: "started" in agent.tail())
            change(cfg, lambda doc: doc.update({"log": {"level": "error"}, "store": {"path": os.path.join(dir_, "elsewhere")}}))
            reload(agent)
            assert agent.stop() == 0
            assert "msg=stopped" in agent.tail()


def test_the_service_manager_is_told_what_happens(dir_):
    rows, _ = small_world(seed=34, hours=1)
    address = os.path.join(dir_, "notify")
    told = []

    def hear():
        try:
            while True:
                told.append(manager.recv(4096).decode())
        except BlockingIOError:
            return told

    with kit.Azure(dir_) as azure, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.setblocking(False)
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, [file_output(dir_, "first")], source=SHORT)
        with kit.Agent(cfg, dir_, env={"NOTIFY_SOCKET": address}) as agent:
            kit.wait_for("READY=1", lambda: "READY=1" in hear())
            kit.wait_for("a fed watchdog", lambda: hear().count("WATCHDOG=1") >= 2)
            agent.child.send_signal(signal.SIGHUP)  # and heard all the time: it waits for a manager that does not listen
            kit.wait_for("the end of the reload", lambda: hear().count("READY=1") == 2)
            assert agent.stop() == 0
        hear()
    assert [t for t in told if t != "WATCHDOG=1"] == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]


def test_many_reloads_under_load_lose_nothing_and_change_no_id(dir_):
    times = int(os.environ.get("COSMOWATCH_RELOADS", "30"))
    rows, _ = small_world(seed=33, hours=5)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        whole = os.path.join(dir_, "whole")
        os.mkdir(whole)
        want = final(catch_up(azure, whole))
        dead = socket.create_server(("127.0.0.1", 0))  # takes connections, never answers
        outputs = [file_output(dir_, "alerts"), {"name": "dead", "type": "webhook", "allow_plain_http": True,
                                                 "url": "http://127.0.0.1:%d/" % dead.getsockname()[1]}]
        cfg = kit.config(azure, dir_, outputs, feeds=feeds(dir_), source={**SHORT, "catch_up": "5m", "window": "5m"})
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the start", lambda: "started" in agent.tail())
            for n in range(times):
                change(cfg, lambda doc: doc["outputs"][0].update(sync="alert" if n % 2 else "batch"))
                reload(agent)
            fds = len(os.listdir("/proc/%d/fd" % agent.child.pid))
            threads = len(os.listdir("/proc/%d/task" % agent.child.pid))
            assert agent.stop() == 0
        dead.close()
        change(cfg, lambda doc: doc["outputs"].pop())
        kit.run(["run", "--until-caught-up", "-c", cfg])
        got = final(cfg)
        written = kit.ndjson(os.path.join(dir_, "alerts.ndjson"))
    assert essence(got) == essence(want)
    assert {a["systemAlertId"] for a in written} == set(want)
    assert fds < 60 and threads < 20, "a reload leaves something open: %d descriptors, %d threads" % (fds, threads)
