"""A disk that fails: nothing is lost, what is wrong is said, and it goes on when there is room again.

The shim makes the failing calls; that a full file system and a file size limit end the same way is shown with the
kernel's own.
SPDX-License-Identifier: Apache-2.0
"""

import errno
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import time

import pytest

from flow import kit, story
from flow import shim as sh
from flow.rows import feeds
from flow.story import essence, final, outputs

LATELY = {"lookback": "3h", "backfill": "0s", "catch_up": "20m"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with story.calm_world(tmp_path_factory, 41) as (azure, want, _):
        yield azure, want


def config(azure, dir_):
    return kit.config(azure, dir_, outputs(dir_), source=LATELY, feeds=feeds(dir_))


def told(dir_, was_killed=False):
    return {a["systemAlertId"] for a in kit.ndjson(os.path.join(dir_, "alerts.ndjson"), was_killed)}


def check_same(cfg, dir_, want, was_killed=False):
    got = final(cfg)
    assert essence(got) == essence(want)
    assert told(dir_, was_killed) == set(want)


COMPLAINT = re.compile(r" level=(warn|error) .*could not be .* cause=.*(the disk under|no space left for) the store")
FAULTS = {
    "no space": (sh.WRITE | sh.CUT | sh.OPEN, errno.ENOSPC),
    "file too large": (sh.WRITE, errno.EFBIG),
    "sync fails": (sh.SYNC, errno.EIO),
    "read-only": (sh.WRITE | sh.OPEN | sh.NAME | sh.CUT, errno.EROFS),
    "interrupted": (sh.WRITE | sh.READ, errno.EINTR),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_disk_that_fails_for_a_while_heals_without_a_restart(dir_, shim, world, fault):
    azure, want = world
    ops, why = FAULTS[fault]
    shim.hasty()
    cfg = config(azure, dir_)
    shim.set(disk_ops=ops, disk_errno=why, disk_one_in=6, disk_dice=len(fault))
    with kit.Agent(cfg, dir_, env=shim.env) as agent:
        kit.wait_for("failures", lambda: shim.get("disk_hits") >= 5 or agent.child.poll() is not None)
        shim.calm()
        kit.wait_for("everything", lambda: told(dir_) == set(want) or agent.child.poll() is not None)
        code = agent.stop()
        said = agent.tail()
    if code != 0:  # it could not even start: said, and the next start does it
        assert "cosmowatch: " in said, said
        kit.run(["run", "--until-caught-up", "-c", cfg])
    check_same(cfg, dir_, want)


@pytest.mark.parametrize("fault", ["no space", "sync fails"])
def test_a_disk_that_fails_for_good_ends_no_process_and_is_said(dir_, shim, world, fault):
    azure, want = world
    ops, why = FAULTS[fault]
    shim.impatient()
    cfg = config(azure, dir_)
    with kit.Agent(cfg, dir_, env=shim.env) as agent:
        kit.wait_for("the start", lambda: "started" in agent.tail())
        shim.set(disk_ops=ops, disk_errno=why, disk_count=-1)
        # Of a window, or of the status alone when there was none left to read.
        kit.wait_for("the complaint", lambda: shim.get("disk_hits") > 3 and COMPLAINT.search(agent.tail()))
        assert agent.child.poll() is None
        shim.calm()
        kit.wait_for("everything", lambda: told(dir_) == set(want))
        assert agent.stop() == 0
    check_same(cfg, dir_, want)


def test_the_state_cannot_be_read_for_a_while(dir_, shim, world):
    azure, want = world
    cfg = config(azure, dir_)
    shim.set(disk_ops=sh.READ, disk_errno=errno.EIO, disk_one_in=25, disk_dice=5)
    for _ in range(40):
        code = kit.run(["run", "--until-caught-up", "-c", cfg], check=False, env=shim.env)[0]
        assert code >= 0, "ended by signal %d" % -code
        if code == 0 or shim.get("disk_hits") > 20:
            break
    shim.calm()
    kit.run(["run", "--until-caught-up", "-c", cfg])
    assert {i: a["alertType"] for i, a in final(cfg).items() if a["alertType"] != "CosmosDBX_LogSilence"} == \
        {i: a["alertType"] for i, a in want.items()}


def test_every_write_and_read_is_short(dir_, shim, world):
    azure, want = world
    cfg = config(azure, dir_)
    shim.set(write_most=1500)
    kit.run(["run", "--until-caught-up", "-c", cfg], env=shim.env)
    check_same(cfg, dir_, want)


def test_a_file_system_that_syncs_no_folder_is_accepted(dir_, shim, world):
    azure, want = world
    cfg = config(azure, dir_)
    shim.set(disk_ops=sh.SYNC_FOLDER, disk_errno=errno.EINVAL, disk_count=-1)
    kit.run(["run", "--until-caught-up", "-c", cfg], env=shim.env)
    assert shim.get("disk_hits") > 0
    check_same(cfg, dir_, want)


def test_a_slow_disk_starves_no_watchdog(dir_, shim, world):
    """Each sync takes 0.3 s: the service manager still hears of progress, and nothing else changes."""
    azure, want = world
    cfg = config(azure, dir_)
    where = os.path.join(dir_, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(where)
        s.settimeout(kit.DEADLINE_S)
        shim.set(sync_delay_ms=300)
        env = {**shim.env, "NOTIFY_SOCKET": where, "WATCHDOG_USEC": "2000000"}
        with kit.Agent(cfg, dir_, ["--until-caught-up"], env=env) as agent:
            fed = 0
            while fed < 3:
                fed += b"WATCHDOG=1" in s.recv(4096)
            shim.calm()
            assert agent.wait() == 0
    check_same(cfg, dir_, want)


def test_a_file_size_limit_of_the_kernel_is_a_refusal_and_no_end(dir_, world):
    """RLIMIT_FSIZE: the kernel sends SIGXFSZ unless that is ignored."""
    azure, want = world
    cfg = config(azure, dir_)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))

    with open(os.path.join(dir_, "limited.log"), "wb") as log:
        child = subprocess.Popen([kit.AGENT, "run", "--until-caught-up", "-c", cfg], stdout=log, stderr=log, preexec_fn=limit,
                                 env={**os.environ, "COSMOWATCH_TEST_SECRET": kit.SECRET})
        code = kit.end_of(child, log.name, 5)
        assert code >= 0, "ended by signal %d" % -code
    kit.run(["run", "--until-caught-up", "-c", cfg])
    check_same(cfg, dir_, want)


def test_a_full_file_system_loses_nothing(dir_, world):
    """The kernel's own ENOSPC, on a file system of two megabytes."""
    azure, want = world
    state = os.path.join(dir_, "state")
    os.mkdir(state, 0o700)
    p = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "none", state], capture_output=True, text=True)
    if p.returncode != 0:
        pytest.skip("no file system may be mounted here: " + p.stderr.strip())
    try:
        cfg = config(azure, dir_)
        ballast = os.path.join(state, "ballast")
        with open(ballast, "wb") as f:
            f.write(bytes(1700000))
        with kit.Agent(cfg, dir_, ["--until-caught-up"]) as agent:
            kit.wait_for("the complaint", lambda: "full" in agent.tail(10 ** 6) or "space" in agent.tail(10 ** 6) or
                         agent.child.poll() is not None)
            os.unlink(ballast)
            code = agent.wait()
            assert code >= 0
        kit.run(["run", "--until-caught-up", "-c", cfg])
        check_same(cfg, dir_, want)
    finally:
        subprocess.run(["umount", "-l", state], check=False)


def test_yesterdays_backup_gives_the_same_ids_and_loses_nothing(dir_, world):
    azure, want = world
    cfg = config(azure, dir_)
    state, backup = os.path.join(dir_, "state"), os.path.join(dir_, "backup")
    with kit.Agent(cfg, dir_, ["--until-caught-up"]) as agent:
        kit.wait_for("a part", lambda: os.path.exists(os.path.join(state, "store.db")))
        time.sleep(0.1)  # anywhere on the way
        agent.kill()
    shutil.copytree(state, backup)
    kit.run(["run", "--until-caught-up", "-c", cfg])
    shutil.rmtree(state)
    shutil.copytree(backup, state)
    kit.run(["run", "--until-caught-up", "-c", cfg])
    check_same(cfg, dir_, want, was_killed=True)


def test_an_empty_disk_is_filled_from_the_look_back_with_the_same_ids(dir_, world):
    azure, want = world
    cfg = config(azure, dir_)
    path, grid = os.path.join(dir_, "alerts.ndjson"), None
    while grid != time.time() // 300:  # both read the same windows, so that updates say the same too
        grid = time.time() // 300
        open(path, "w", encoding="utf-8").close()
        for _ in range(2):
            kit.run(["run", "--until-caught-up", "-c", cfg])
            assert essence(final(cfg)) == essence(want)
            shutil.rmtree(os.path.join(dir_, "state"))
    said = {}
    for a in kit.ndjson(path):
        said.setdefault(a["recordId"], []).append(json.dumps(a, sort_keys=True))
    assert said and all(len(v) == 2 and len(set(v)) == 1 for v in said.values())
