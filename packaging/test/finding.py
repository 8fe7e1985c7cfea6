"""One line a finding, as packaging/test/run counts them, and what both kinds of test look at.

SPDX-License-Identifier: Apache-2.0
"""

import glob


def ok(what, claim=True, said=""):
    print("%s  %s" % ("ok  " if claim else "FAIL", what), flush=True)
    if not claim:
        print("      " + str(said).replace("\n", "\n      "), flush=True)


def status_of(path):
    """A /proc/PID/status; nothing of a process that is gone."""
    try:
        with open(path, encoding="utf-8") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    except OSError:
        return {}


def reader_is_shut_in(pid):
    """Rows are read by a child of the agent's, behind one filter of system calls more than the agent has."""
    agent = status_of("/proc/%s/status" % pid)
    children = []
    for path in glob.glob("/proc/%s/task/*/children" % pid):
        with open(path, encoding="ascii") as f:
            children += [status_of("/proc/%s/status" % child) for child in f.read().split()]
    ok("each reader is a process of its own behind a filter of its own", len(children) == 2 and all(
        c["Seccomp"] == "2" and int(c["Seccomp_filters"]) > int(agent["Seccomp_filters"]) and c["NoNewPrivs"] == "1"
        for c in children), children)
