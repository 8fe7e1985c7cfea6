"""`status --watch` on a small terminal: one screen, nothing wider or longer, trouble with its reason. `status --health`: what a
container's health check asks.

SPDX-License-Identifier: Apache-2.0
"""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from flow import kit
from flow.story import SHORT, small_world


def screen(cfg, rows, columns):
    """The first whole screen, as lines without colours."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    p = subprocess.Popen([kit.AGENT, "status", "--watch", "-c", cfg], stdout=slave, stderr=slave,
                         env={**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, "TERM": "xterm",
                              "COSMOWATCH_TEST_SECRET": kit.SECRET})
    os.close(slave)
    seen = b""
    while seen.count(b"\x1b[2J") < 2:  # the second begins when the first is whole
        seen += os.read(master, 65536)
    p.kill()
    p.wait()
    os.close(master)
    text = seen.split(b"\x1b[2J")[1].decode().replace("\x1b[H", "").replace("\r", "")
    return re.sub(r"\x1b\[[0-9;]*m", "", text).rstrip("\n").split("\n")


@pytest.mark.parametrize("dead", [1, 20])
def test_the_essentials_fit_80_by_24(dir_, dead):
    rows, _ = small_world(seed=9)
    outputs = [{"name": "dead%d" % i, "type": "webhook", "url": "http://127.0.0.1:9/" + "x" * 200, "allow_plain_http": True}
               for i in range(dead)]
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        azure.control("faults", {"match": {"path": "/query", "skip": 9}, "action": {"status": 403}, "count": None})
        cfg = kit.config(azure, dir_, outputs, source=SHORT)
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("a refusal", lambda: "grant" in kit.run(["status", "-c", cfg], check=False)[1])
            got = screen(cfg, 24, 80)
            wide = screen(cfg, 50, 200)
            agent.stop()
    assert len(got) <= 23 and max(map(len, got)) <= 80, got
    text = "\n".join(got)
    assert "prod" in text and "failing" in text and "HTTP 403" in text and "dead0" in text
    assert (got[-1] == "... all of it: cosmowatch status") == (dead == 20)
    assert got[0].startswith("cosmowatch ") and "detectors cannot judge" in "\n".join(wide) and "..." not in wide[-1]


def health(cfg, *more):
    code, out, err = kit.run(["status", "--health", *more, "-c", cfg], check=False)
    return code, out + err


def test_health_is_progress_and_an_exit_code(dir_):
    rows, _ = small_world(seed=9)
    refusal = {"match": {"path": "/query"}, "action": {"status": 403}, "count": None}
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, [{"name": "file", "type": "file", "path": os.path.join(dir_, "alerts.json")}],
                         source={**SHORT, "window": "10s"})
        assert health(cfg)[0] == 1
        azure.control("faults", refusal)
        with kit.Agent(cfg, dir_) as agent:  # nothing was ever read: trouble at once
            said = kit.wait_for("the trouble", lambda: "403" in (h := health(cfg))[1] and h)
            assert said[0] == 1 and said[1].startswith("source prod: ")
            said = json.loads(health(cfg, "--json")[1])
            assert not said["healthy"] and [(p["kind"], p["name"]) for p in said["problems"]] == [("source", "prod")]
            azure.control("faults", method="DELETE")
            kit.wait_for("reading", lambda: "up to date" in kit.run(["status", "-c", cfg])[1])
            assert health(cfg) == (0, "healthy\n")
            assert json.loads(health(cfg, "--json")[1]) == {"healthy": True, "problems": []}
            azure.control("faults", refusal)  # it was read before: a note for some minutes
            said = kit.wait_for("the trouble", lambda: "403" in (h := health(cfg))[1] and h)
            assert said[0] == 0 and said[1].startswith("note: prod: ") and said[1].endswith("\nhealthy\n")
            agent.stop()
