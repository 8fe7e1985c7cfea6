"""What can happen to the process: signals at the wrong moment, no memory, no descriptors, no threads, no terminal.
SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import random
import resource
import signal
import subprocess
import time

import pytest

from flow import kit, story
from flow.rows import feeds
from flow.story import essence, final, outputs

# Where nothing is optimized libraries' requests pass through frames of ours, and what counts lines is linked in: what those
# make of refused memory is no matter of ours.
with open(kit.AGENT, "rb") as program:
    OWN_REQUESTS_ARE_KNOWN = pytest.mark.skipif(b"gcov_" in program.read(), reason="a build that counts coverage")
LATELY = {"lookback": "3h", "backfill": "0s", "catch_up": "20m"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with story.calm_world(tmp_path_factory, 51) as (azure, want, rows):
        yield azure, want, rows


def config(azure, dir_, **more):
    return kit.config(azure, dir_, outputs(dir_), source=LATELY, feeds=feeds(dir_), **more)


def check_same(cfg, dir_, want, was_killed=False):
    assert essence(final(cfg)) == essence(want)
    assert {a["systemAlertId"] for a in kit.ndjson(os.path.join(dir_, "alerts.ndjson"), was_killed)} == set(want)


def test_a_feed_that_does_not_answer_holds_up_neither_start_nor_end(dir_, shim):
    silent = [{"name": "f%d" % n, "type": "list"} for n in range(30)]
    with kit.Azure(dir_) as azure:
        azure.control("faults", {"match": {"path": "/feeds/"}, "count": None, "action": {"hang_s": 3600}})
        cfg = kit.config(azure, dir_, outputs(dir_), source=LATELY, feeds=[{**f, "url": azure.url + "/feeds/x"} for f in silent])
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("a question to a feed", lambda: azure.control("faults")[0]["hits"])
            assert agent.stop() == 0
        shim.hasty()
        with kit.Agent(cfg, dir_, env=shim.env) as agent:
            kit.wait_for("the start", lambda: "msg=started" in agent.tail().partition("not all have answered")[2])
            assert agent.stop() == 0


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGHUP])
def test_neither_end_nor_reload_waits_for_a_query_that_is_not_answered(dir_, signal_):
    with kit.Azure(dir_) as azure:
        azure.control("faults", {"match": {"path": "/query"}, "count": None, "action": {"hang_s": 3600}})
        cfg = kit.config(azure, dir_, outputs(dir_), source=LATELY)
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the query", lambda: azure.control("faults")[0]["hits"])
            agent.child.send_signal(signal_)
            if signal_ == signal.SIGHUP:
                kit.wait_for("the reload", lambda: "configuration reloaded" in agent.tail())
            assert agent.stop() == 0
            assert "interrupted" not in agent.tail()


def test_asked_to_end_or_to_reload_at_any_moment_it_does_and_loses_nothing(dir_, world):
    """SIGTERM from the first moment on, some after a SIGHUP; also two SIGHUPs at once."""
    azure, want, _ = world
    cfg = config(azure, dir_)
    rng = random.Random(int(os.environ.get("COSMOWATCH_SEED", "1")))
    for n in range(25):
        with kit.Agent(cfg, dir_) as agent:
            time.sleep(rng.random() * 0.3)  # a moment, not a wait: any will do
            for _ in range(n % 3):
                agent.child.send_signal(signal.SIGHUP)
            code = agent.stop()
            # before the signals are caught the default ends it, which is as good
            assert code in (0, -signal.SIGTERM, -signal.SIGHUP), agent.tail()
    kit.run(["run", "--until-caught-up", "-c", cfg])
    check_same(cfg, dir_, want)


def test_every_output_is_stuck_and_it_ends_within_the_grace_all_the_same(dir_, world):
    azure, want, _ = world
    out = [{"name": "hook", "type": "webhook", "url": azure.url + "/hook/stuck"}]
    fault = azure.control("faults", {"match": {"path": "/hook/stuck"}, "count": None, "action": {"hang_s": 3600}})["ids"][0]
    cfg = kit.config(azure, dir_, out, source=LATELY, feeds=feeds(dir_))
    with kit.Agent(cfg, dir_) as agent:
        kit.wait_for("an alert for the output", lambda: kit.run(["alerts", "list", "-c", cfg], check=False)[1].count("\n") > 3)
        assert agent.stop() == 0
    azure.control("faults/" + fault, method="DELETE")
    kit.run(["run", "--until-caught-up", "-c", cfg])
    assert {p["json"]["systemAlertId"] for p in azure.control("alerts?hook=stuck") if p["accepted"]} == set(want)


@OWN_REQUESTS_ARE_KNOWN
def test_memory_that_is_refused_ends_in_a_sentence_or_not_at_all(dir_, shim, world):
    """The n-th request of our own code for memory fails, alone or with all after it, for n over the whole of a run."""
    _, _, rows = world
    path, cfg = os.path.join(dir_, "rows.ndjson"), os.path.join(dir_, "replay.yaml")
    rows.exported(path)
    with open(cfg, "w", encoding="utf-8") as f:
        json.dump({"feeds": feeds(dir_)}, f)
    shim.set(memory_skip=10 ** 9, memory_count=1)
    kit.run(["replay", "--json", "-c", cfg, path], env=shim.env)
    total = 10 ** 9 - shim.get("memory_skip")
    rng = random.Random(7)
    tries = int(os.environ.get("COSMOWATCH_MEMORY_TRIES", "60"))
    for n in sorted(rng.sample(range(total), tries)):
        for count in (1, -1):
            shim.set(memory_skip=n, memory_count=0)
            shim.set(memory_count=count)
            code, _, err = kit.run(["replay", "--json", "-c", cfg, path], env=shim.env, check=False)
            assert code >= 0, "request %d (count %d): ended by signal %d\n%s" % (n, count, -code, err[-500:])
            assert code == 0 or err.strip(), "request %d: ended with %d and without a word" % (n, code)


@OWN_REQUESTS_ARE_KNOWN
def test_memory_that_is_refused_while_it_runs_costs_no_alert(dir_, shim, world):
    azure, want, _ = world
    cfg = config(azure, dir_)
    rng = random.Random(8)
    for n in range(12):
        shim.set(memory_skip=rng.randrange(20000 if n % 2 else 2000), memory_count=0)
        shim.set(memory_count=rng.choice((1, 3, 50)), memory_of_all=n % 2)
        code, _, err = kit.run(["run", "--until-caught-up", "-c", cfg], env=shim.env, check=False)
        # some libraries end the process: the service manager starts it again
        assert code >= 0 or n % 2, "ended by signal %d\n%s" % (-code, err[-500:])
    shim.calm()
    kit.run(["run", "--until-caught-up", "-c", cfg])
    check_same(cfg, dir_, want)


@OWN_REQUESTS_ARE_KNOWN
def test_memory_that_is_refused_at_any_request_of_a_run_costs_no_alert(dir_, shim, world):
    """Start, windows, judging, commits, delivery: every k-th request of our own code fails in a life of its own, alone or with
    all after it; then the service manager starts it again."""
    azure, want, _ = world
    tries = int(os.environ.get("COSMOWATCH_MEMORY_TRIES", "6"))
    shim.set(memory_skip=10 ** 9, memory_count=1)
    for life in range(tries + 1):
        place = os.path.join(dir_, str(life))
        os.mkdir(place)
        cfg = config(azure, place)
        if life == 0:
            kit.run(["run", "--until-caught-up", "-c", cfg], env=shim.env)
            total = 10 ** 9 - shim.get("memory_skip")
            assert total > 1000
        else:
            nth, count = (life - 1) * total // tries, (1, -1)[life % 2]
            shim.calm()
            shim.set(memory_skip=nth, memory_count=count)
            shim.hasty()
            try:
                code, _, err = kit.run(["run", "--until-caught-up", "-c", cfg], env=shim.env, check=False,
                                       timeout=kit.DEADLINE_S * 3 if count > 0 else 10)
                assert code >= 0, "request %d of %d (count %d): ended by signal %d\n%s" % (nth, total, count, -code, err[-500:])
                assert code == 0 or err.strip(), "request %d: ended with %d and without a word" % (nth, code)
            except subprocess.TimeoutExpired:  # without any memory it waits for some, and is ended
                assert count < 0
        shim.calm()
        kit.run(["run", "--until-caught-up", "-c", cfg])
        check_same(cfg, place, want, was_killed=life > 0)


@pytest.mark.parametrize("limit", [8, 12, 16, 20, 24, 28])
def test_too_few_descriptors_lose_nothing(dir_, world, limit):
    azure, want, _ = world
    cfg = config(azure, dir_)

    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    log = os.path.join(dir_, "few.log")
    with open(log, "wb") as f:
        child = subprocess.Popen([kit.AGENT, "run", "--until-caught-up", "-c", cfg], stdout=f, stderr=f, preexec_fn=few,
                                 env={**os.environ, "COSMOWATCH_TEST_SECRET": kit.SECRET})
        code = kit.end_of(child, log, 3)
    with open(log, encoding="utf-8") as f:
        said = f.read()
    assert code >= 0, "ended by signal %d" % -code
    assert said.strip()
    kit.run(["run", "--until-caught-up", "-c", cfg])
    check_same(cfg, dir_, want)


def test_threads_that_cannot_be_made_are_said_and_lose_nothing(dir_, shim, world):
    azure, want, _ = world
    cfg = config(azure, dir_)
    for count in (-1, 1, 2, 3):
        shim.set(thread_count=count)
        code, _, err = kit.run(["run", "--until-caught-up", "-c", cfg], env=shim.env, check=False)
        assert code >= 0 and shim.get("thread_hits") > 0
        assert code == 0 or "thread" in err, err
    shim.calm()
    kit.run(["run", "--until-caught-up", "-c", cfg])
    check_same(cfg, dir_, want)


@pytest.mark.parametrize("closed", ["0", "1", "2", "012", "stderr full", "stderr gone"])
def test_without_a_terminal_it_works(dir_, world, closed):
    azure, want, _ = world
    cfg = config(azure, dir_)
    env = {**os.environ, "COSMOWATCH_TEST_SECRET": kit.SECRET}
    argv = [kit.AGENT, "run", "--until-caught-up", "-c", cfg]
    if closed.startswith("stderr"):
        reader, writer = os.pipe()
        if closed == "stderr gone":
            os.close(reader)
        else:
            os.set_blocking(writer, False)
            try:
                while True:
                    os.write(writer, b"x" * 65536)
            except BlockingIOError:
                os.set_blocking(writer, False)  # as journald's socket would be: never waited for
        child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=writer, env=env)
        os.close(writer)
    else:
        child = subprocess.Popen(["sh", "-c", 'exec "$@" ' + " ".join("%s>&-" % c for c in closed), "sh"] + argv, env=env)
    assert child.wait(kit.DEADLINE_S) == 0
    if closed == "stderr full":
        os.close(reader)
    check_same(cfg, dir_, want)
