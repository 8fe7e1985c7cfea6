"""The readers, processes of their own for log rows and for the statements in them: what ends one costs a row or a statement at
most, and they hold nothing worth having.

Rows that end their reader take a build in which a row can say so (`make FAULTS=1 all`; CI makes it): there
COSMOWATCH=build/faults/cosmowatch PYTHONPATH=tests python3 -m pytest tests/flow/test_reader.py
SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import copy
import json
import os
import re
import shutil
import signal

import pytest

from flow import kit, oracles
from flow.rows import feeds
from flow.story import SHORT, catch_up, essence, final, outputs, small_world

# A release has no such points: not even their names are in it.
with open(kit.AGENT, "rb") as program:
    CAN_BE_ENDED = pytest.mark.skipif(b"reader-fault/abort" not in program.read(),
                                      reason="rows cannot end the reader of a release: make FAULTS=1 all, build/faults/cosmowatch")
READERS = ["reader", "statementReader"]
SIGNALS = {"abort": "SIGABRT", "segv": "SIGSEGV", "socket": "SIGSYS"}


def status(cfg):
    code, out, _ = kit.run(["status", "--json", "-c", cfg], check=False)
    return json.loads(out) if code == 0 else {}


def reader_of(cfg, which="reader"):
    return kit.wait_for("a reader", lambda: (status(cfg).get(which) or {}).get("pid"))


def signalled(agent, pid, number):
    """The process, when it got the signal; None when another has its place: the status says who it was a moment ago."""
    if pid not in oracles.family(agent.child.pid):
        return None
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return None
    return pid


def comes_to_an_end(pid):
    return not os.path.exists("/proc/%d" % pid)


def poisoned(rows, how):
    """One more row, of the middle of the story, that ends whoever reads it."""
    requests = [r for r in rows.rows if r["table"] == "CDBDataPlaneRequests"]
    row = copy.deepcopy(requests[len(requests) // 2])
    row["row"].update(UserAgent="reader-fault/" + how, ActivityId="00000000-0000-4000-8000-00000000dead")
    return row


@contextlib.contextmanager
def running(azure, dir_, env=None):
    cfg = kit.config(azure, dir_, outputs(dir_), source={**SHORT, "window": "1m"}, feeds=feeds(dir_))
    with kit.Agent(cfg, dir_, env=env) as a:
        kit.wait_for("everything to be read", lambda: status(cfg).get("sources", [{}])[0].get("state") == "up to date")
        yield cfg, a
        assert a.stop() == 0


def lives_on(dir_, tmp_path_factory, mode, calm_more, more):
    """A world with rows of which one ends a reader gives the alerts of one with others in their place. The configuration."""
    rows, expected = small_world(seed=31)
    calm = str(tmp_path_factory.mktemp("calm"))
    with kit.Azure(calm) as azure:
        azure.add_rows(rows.rows + calm_more(rows))
        alone = final(catch_up(azure, calm, mode=mode))
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows + more(rows))
        cfg = catch_up(azure, dir_, mode=mode)
    found = final(cfg)
    assert {a["alertType"] for a in found.values()} >= expected
    assert essence(found) == essence(alone)
    return cfg


def unreadable(cfg):
    return kit.run(["coverage", "--unreadable", "--json", "-c", cfg])[1]


@CAN_BE_ENDED
@pytest.mark.parametrize("mode", ["summarize", "rows"])
@pytest.mark.parametrize("how", sorted(SIGNALS))
def test_a_row_that_ends_the_reader_costs_itself_alone(dir_, tmp_path_factory, how, mode):
    cfg = lives_on(dir_, tmp_path_factory, mode, lambda rows: [], lambda rows: [poisoned(rows, how)])
    said = status(cfg)
    assert said["reader"]["leftOut"] == 1 and said["reader"]["ended"] == 2, said["reader"]
    out = unreadable(cfg)
    assert "this row ended the reader twice: " + SIGNALS[how] in out and "reader-fault/" + how in out


def one_more_statement(rows, text):
    """A request of the middle of the story once more, with a statement of its own."""
    by_id = {r["row"].get("ActivityId"): r for r in rows.rows if r["table"] == "CDBDataPlaneRequests"}
    texts = [r for r in rows.rows if r["table"] == "CDBQueryRuntimeStatistics" and r["row"]["ActivityId"] in by_id]
    text_row = copy.deepcopy(texts[len(texts) // 2])
    request = copy.deepcopy(by_id[text_row["row"]["ActivityId"]])
    for r in (text_row, request):
        r["row"]["ActivityId"] = "00000000-0000-4000-8000-00000000dead"
    text_row["row"]["QueryText"] = text
    return [request, text_row]


@CAN_BE_ENDED
@pytest.mark.parametrize("mode", ["summarize", "rows"])
@pytest.mark.parametrize("how", sorted(SIGNALS))
def test_a_statement_that_ends_the_reader_costs_itself_alone(dir_, tmp_path_factory, how, mode):
    """Its row counts, and is read by the other reader."""
    deadly = "SELECT * FROM c -- reader-fault/" + how
    cfg = lives_on(dir_, tmp_path_factory, mode, lambda rows: one_more_statement(rows, "SELECT c.id FROM c WHERE c.id = @id"),
                   lambda rows: one_more_statement(rows, deadly))
    said = status(cfg)
    assert said["statementReader"]["leftOut"] == 1 and said["statementReader"]["ended"] == 2, said["statementReader"]
    assert said["reader"]["leftOut"] == said["reader"]["ended"] == 0
    out = unreadable(cfg)
    assert "this statement ended the reader twice: " + SIGNALS[how] in out and deadly in out
    _, out, _ = kit.run(["status", "-c", cfg])
    assert "reader of statements" in out and "1 statements set aside" in out


@CAN_BE_ENDED
def test_a_statement_that_ended_the_reader_is_not_read_again(dir_, tmp_path_factory):
    """Nor by the name of another program: each counts and is kept, and one line of the log tells of all."""
    deadly = "SELECT * FROM c -- reader-fault/abort"
    calm = "SELECT c.id FROM c WHERE c.id = @id"

    def by_many(text):
        def more(rows):
            got = []
            for i in range(5):
                one = one_more_statement(rows, text)
                for r in one:
                    r["row"]["ActivityId"] = "00000000-0000-4000-8000-00000000dea%d" % i
                one[0]["row"]["UserAgent"] = "program-%d/1.0" % i
                got += one
            return got
        return more

    cfg = lives_on(dir_, tmp_path_factory, "summarize", by_many(calm), by_many(deadly))
    said = status(cfg)["statementReader"]
    assert (said["leftOut"], said["ended"], said["passedOver"]) == (5, 2, 0), said
    assert unreadable(cfg).count("this statement ended the reader twice: SIGABRT") == 5


@CAN_BE_ENDED
def test_it_is_said_once_with_cause_and_remedy(dir_):
    rows, _ = small_world(seed=32, hours=2)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows + [poisoned(rows, "abort")])
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT, feeds=feeds(dir_))
        _, _, log = kit.run(["run", "--until-caught-up", "-c", cfg])
    lines = [line for line in log.splitlines() if "a row ended the reader twice" in line]
    assert len(lines) == 1, lines
    assert "SIGABRT" in lines[0] and "what_now=" in lines[0] and "cosmowatch coverage --unreadable" in lines[0]


def tags_file(path, name):
    """Microsoft's list, as short as can be."""
    tag = {"name": name, "properties": {"region": "westeurope", "systemService": "",
                                        "addressPrefixes": ["20.50.0.0/16", "2603:1020::/32"]}}
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"cloud": "Public", "values": [tag]}, f)
    return {"name": "azure", "type": "azure_service_tags", "path": path}


@CAN_BE_ENDED
def test_service_tags_that_end_the_reader_are_told_and_the_last_good_ones_stay(dir_):
    rows, expected = small_world(seed=36)
    path = os.path.join(dir_, "tags.json")
    tags = tags_file(path, "reader-fault/abort")
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, outputs(dir_), source={**SHORT, "catch_up": "10m"}, feeds=[*feeds(dir_), tags])

        def run():
            _, _, log = kit.run(["run", "--until-caught-up", "-c", cfg])
            return log, next(f for f in status(cfg)["feeds"] if f["name"] == "azure")

        _, azure_feed = run()
        assert azure_feed["entries"] == 0 and "ended the reader twice" in azure_feed["reason"]
        assert {a["alertType"] for a in final(cfg).values()} >= expected
        tags_file(path, "AzureCloud.westeurope")
        _, azure_feed = run()
        assert azure_feed["entries"] == 2 and azure_feed["reason"] is None
        tags_file(path, "reader-fault/abort")
        log, azure_feed = run()
        assert azure_feed["entries"] == 2 and "SIGABRT" in azure_feed["reason"]
        assert "what was known stays in use" in log
        _, online, _ = kit.run(["check", "--online", "-c", cfg], check=False)
        assert "feed 'azure'" in online and "ended the reader twice" in online


def test_service_tags_that_are_kept_wait_for_a_reader(dir_):
    path, program = os.path.join(dir_, "tags.json"), os.path.join(dir_, "cosmowatch")
    tags = tags_file(path, "AzureCloud.westeurope")
    shutil.copy(kit.AGENT, program)
    with kit.Azure(dir_) as azure, pytest.MonkeyPatch.context() as patch:
        cfg = kit.config(azure, dir_, outputs(dir_), source={**SHORT, "window": "1m"}, feeds=[tags])
        patch.setattr(kit, "AGENT", program)
        with kit.Agent(cfg, dir_) as agent:
            patch.undo()

            def entries():
                return next((f["entries"] for f in status(cfg).get("feeds", [])), 0)

            kit.wait_for("the tags", lambda: entries() == 2)
            os.rename(path, path + ".gone")  # from here on what is kept is all there is
            os.chmod(program, 0o600)
            agent.child.send_signal(signal.SIGHUP)
            kit.wait_for("a word on what is kept", lambda: "what was kept waits for the reader" in agent.tail(20000))
            kit.wait_for("no tags", lambda: entries() == 0)
            os.chmod(program, 0o700)
            kit.wait_for("the tags again", lambda: entries() == 2)
            assert agent.stop() == 0


@pytest.mark.parametrize("which", READERS)
@pytest.mark.parametrize("number, times", [(signal.SIGKILL, 5), (signal.SIGSTOP, 1)], ids=["killed", "stopped"])
def test_a_reader_that_is_killed_or_stopped_costs_nothing(dir_, tmp_path_factory, shim, number, times, which):
    rows, expected = small_world(seed=33)
    calm = str(tmp_path_factory.mktemp("calm"))
    with kit.Azure(calm) as azure:
        azure.add_rows(rows.rows)
        alone = final(catch_up(azure, calm))
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, outputs(dir_), source={**SHORT, "catch_up": "10m"}, feeds=feeds(dir_))
        shim.hasty()
        azure.control("faults", {"match": {"path": "/query", "skip": 12}, "action": {"status": 503}, "count": None})
        with kit.Agent(cfg, dir_, ["--until-caught-up"], env=shim.env) as agent:
            seen = set()
            while len(seen) < times and agent.child.poll() is None:
                pid = (status(cfg).get(which) or {}).get("pid")
                if pid and pid not in seen and signalled(agent, pid, number):
                    seen.add(pid)
                    azure.control("faults", method="DELETE")  # it does not get to the end before the first
            assert seen and agent.wait() == 0, agent.tail()
        for pid in seen:
            kit.wait_for("the end of %d" % pid, lambda: comes_to_an_end(pid))
    assert {a["alertType"] for a in final(cfg).values()} >= expected
    assert essence(final(cfg)) == essence(alone)


def test_a_reader_that_cannot_be_started_is_said_and_heals(dir_, shim):
    rows, _ = small_world(seed=34, hours=1)
    program = os.path.join(dir_, "cosmowatch")
    shutil.copy(kit.AGENT, program)
    with kit.Azure(dir_) as azure, pytest.MonkeyPatch.context() as patch:
        patch.setattr(kit, "AGENT", program)
        shim.hasty()
        with running(azure, dir_, env=shim.env) as (cfg, agent):
            patch.undo()
            pid = reader_of(cfg)
            os.chmod(program, 0o600)
            for child in oracles.family(agent.child.pid)[1:]:
                signalled(agent, child, signal.SIGKILL)
            azure.add_rows(rows.rows)
            kit.wait_for("the reason", lambda: [
                s for s in status(cfg).get("sources", []) if s["state"] == "failing" and
                "the reader cannot be started: Permission denied" in s["reason"]])
            os.chmod(program, 0o700)
            kit.wait_for("its healing", lambda: status(cfg)["sources"][0]["state"] == "up to date" and reader_of(cfg) != pid)
            assert "the reader cannot be started" in agent.tail()


def has_in_memory(pid, text):
    with open("/proc/%d/maps" % pid, encoding="utf-8") as maps, open("/proc/%d/mem" % pid, "rb") as mem:
        for line in maps:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) r", line)
            if not m or "[v" in line:
                continue
            start, end = (int(x, 16) for x in m.groups())
            with contextlib.suppress(OSError, ValueError):
                mem.seek(start)
                if text in mem.read(end - start):
                    return True
    return False


def held_by(pid):
    """What a reader has, its status last; None: another took its place meanwhile."""
    try:
        has_secret = has_in_memory(pid, kit.SECRET.encode())
        with open("/proc/%d/environ" % pid, "rb") as f:
            environment = f.read()
        doors = sorted(os.listdir("/proc/%d/fd" % pid))
        with open("/proc/%d/status" % pid, encoding="utf-8") as f:
            return has_secret, environment, doors, f.read()
    except (FileNotFoundError, ProcessLookupError):
        return None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into a process that is not dumpable")
def test_the_reader_holds_no_secret_and_no_door(dir_):
    rows, _ = small_world(seed=35, hours=1)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        with running(azure, dir_) as (cfg, agent):
            assert has_in_memory(agent.child.pid, kit.SECRET.encode()), "the test looks in the wrong place"
            for which in READERS:
                has_secret, environment, doors, said = kit.wait_for("a reader that stays", lambda: held_by(reader_of(cfg, which)))
                assert not has_secret
                assert environment == b""
                assert doors == ["0", "1", "2", "3"]
                assert "Seccomp:\t2" in said and "NoNewPrivs:\t1" in said
            _, out, _ = kit.run(["status", "-c", cfg])
            for pieces in ("rows", "statements"):
                assert re.search(r"reader of %s\n  process \d+, ended 0 times, 0 %s set aside" % (pieces, pieces), out), out


def test_the_reader_ends_with_the_agent(dir_):
    with kit.Azure(dir_) as azure:
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT, feeds=feeds(dir_))
        with kit.Agent(cfg, dir_) as agent:
            for which in READERS:  # as a service manager does that asks the whole group
                kit.wait_for("a reader that is asked", lambda: signalled(agent, reader_of(cfg, which), signal.SIGTERM))
                assert reader_of(cfg, which)
            with agent.standing():  # one that rests has another in its place
                pids = oracles.family(agent.child.pid)[1:]
                agent.child.kill()
            assert len(pids) >= len(READERS)
            agent.wait()
            for pid in pids:
                kit.wait_for("the reader's end", lambda: comes_to_an_end(pid))
