"""Long work says how far it is: a bar on a terminal, nothing of the kind in a log, and never among the data.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import json
import os
import pty
import select
import subprocess

from flow import kit
from flow.story import outputs, small_world


def test_replay_tells_a_terminal_how_far_it_is_and_nobody_else(dir_):
    """Rows come by standard input until the line is seen, however fast the machine is."""
    rows, _ = small_world(seed=2, hours=2)
    master, slave = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
    p = subprocess.Popen([kit.AGENT, "replay", "--json", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=slave,
                         env={**env, "TERM": "xterm"})
    os.close(slave)
    seen, n = b"", 0
    while b"reading" not in seen and n < 2000:
        for r in rows.rows:
            line = json.dumps(r["row"]).replace('"ActivityId": "', '"ActivityId": "%d-' % n)
            p.stdin.write(line.encode() + b"\n")
        p.stdin.flush()
        n += 1
        if select.select([master], [], [], 0.02)[0]:
            seen += os.read(master, 65536)
    p.stdin.close()
    out = p.stdout.read().decode()
    assert p.wait(kit.DEADLINE_S) == 0
    os.close(master)
    assert b"\r\x1b[Kreading " in seen and b"B/s" in seen, seen
    assert "reading" not in out and all(json.loads(line) for line in out.splitlines())


def everything(master):
    """What a terminal was sent, when nobody writes to it any more: it is given in pieces, its end is an error."""
    seen = b""
    with contextlib.suppress(OSError):
        while more := os.read(master, 65536):
            seen += more
    os.close(master)
    return seen.decode()


def test_check_online_tells_a_terminal_whom_it_waits_for_and_nobody_else(dir_):
    with kit.Azure(dir_) as azure:
        cfg = kit.config(azure, dir_, outputs(dir_))
        master, slave = pty.openpty()
        env = {**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm", "COSMOWATCH_TEST_SECRET": kit.SECRET}
        p = subprocess.run([kit.AGENT, "check", "--online", "-c", cfg], stdout=subprocess.PIPE, stderr=slave, env=env,
                           timeout=kit.DEADLINE_S, check=False)
        os.close(slave)
        seen = everything(master)
        assert p.returncode == 0
        assert "\r\x1b[Kasking source prod\r\x1b[Kasking output file\r\x1b[K" in seen.replace(" ...", "")
        _, out, err = kit.run(["check", "--online", "-c", cfg])
        assert "asking" not in out + err and "\x1b" not in err


def test_in_a_log_nothing_is_drawn_over(dir_):
    rows, _ = small_world(seed=2, hours=2)
    path = os.path.join(dir_, "rows.ndjson")
    rows.exported(path)
    _, _, err = kit.run(["replay", "--json", path])
    assert "\x1b" not in err and "\r" not in err and "rows of 1 file" in err


def test_learning_from_history_says_how_much_of_it_was_read(dir_):
    rows, _ = small_world(seed=3, hours=100)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        azure.control("faults", {"match": {"path": "/query", "skip": 14}, "action": {"status": 503}, "count": None})
        cfg = kit.config(azure, dir_, outputs(dir_), source={"lookback": "6h", "backfill": "10d"})
        with kit.Agent(cfg, dir_) as agent:
            def percent():
                code, text, _ = kit.run(["status", "--json", "-c", cfg], check=False)
                s = json.loads(text)["sources"][0] if code == 0 else {}
                return s.get("historyPercent") if s.get("backfilling") else None

            got = kit.wait_for("a share of the history", lambda: percent() or None)
            assert 0 < got < 100
            _, text, _ = kit.run(["status", "-c", cfg])
            assert "learning from history, " in text and " % done" in text
            agent.stop()
        azure.control("reset", {"keep_rows": True})
        kit.run(["run", "--until-caught-up", "-c", cfg])
        assert "learning from history" not in kit.run(["status", "-c", cfg])[1]
