"""Clocks, names, disk, memory and threads of one agent, failing on demand: shim.c preloaded, steered from here.

    with Shim(dir_) as shim, kit.Agent(cfg, dir_, env=shim.env) as agent:
        shim.set(wall_offset_ns=86400 * 10**9)

SPDX-License-Identifier: Apache-2.0
"""

import mmap
import os
import shutil
import subprocess
import time

import pytest

from flow import kit

# As struct orders in shim.c.
NAMES = ("wall_offset_ns", "boot_offset_ns", "wall_stands_at_ns", "dns_error", "dns_delay_ms", "dns_ipv4", "dns_dead_first",
         "dns_asked", "dns_astray", "dns_port",
         "disk_ops", "disk_errno", "disk_skip", "disk_count", "disk_hits", "disk_one_in", "disk_dice",
         "sync_delay_ms", "write_most", "memory_skip", "memory_count", "memory_hits", "memory_of_all",
         "thread_count", "thread_hits", "hurry", "hurry_from_wall_ns", "hurry_from_boot_ns", "leap_until_ns", "leap_quantum_ns",
         "leaped_ns", "stall_ns", "skip_syncs")
WRITE, SYNC, READ, OPEN, NAME, CUT, SYNC_FOLDER = 1, 2, 4, 8, 16, 32, 64
S = 10 ** 9
LOCALHOST = 0x7F000001


def build(dir_):
    """The library, once for a run of the tests."""
    cc = shutil.which("cc")
    if not cc:
        pytest.skip("no C compiler for the shim: apt-get install gcc")
    out = os.path.join(dir_, "shim.so")
    p = subprocess.run([cc, "-O1", "-Wall", "-shared", "-fPIC", "-o", out, os.path.join(kit.ROOT, "tests", "flow", "shim.c"),
                        "-ldl", "-pthread"], capture_output=True, text=True)
    assert p.returncode == 0, p.stderr
    return out


class Shim:
    def __init__(self, library, dir_, name="shim.orders"):
        path = os.path.join(dir_, name)
        with open(path, "wb") as f:
            f.write(bytes(8 * len(NAMES)))
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 8 * len(NAMES))
        self.orders = memoryview(self.map).cast("q")  # written as a whole: nobody sees half a number
        self.env = {"LD_PRELOAD": library, "COSMOWATCH_SHIM": path}

    def set(self, **orders):
        """Those with a count last, so that nothing fails before all is said."""
        for name in sorted(orders, key=lambda n: (n.endswith("_count") or n == "disk_one_in", n)):
            self.orders[NAMES.index(name)] = orders[name]

    def get(self, name):
        return self.orders[NAMES.index(name)]

    def hurry(self, times, from_wall_ns, from_boot_ns):
        self.set(hurry_from_wall_ns=from_wall_ns, hurry_from_boot_ns=from_boot_ns, hurry=times)

    def impatient(self):
        """Waits are shorter, clocks as they are: for tests that would wait for a retry."""
        self.hurry(20, 1 << 62, 1 << 62)

    def hasty(self, times=20):
        """Waits, and the clock that they are measured by, pass so many times faster; the wall clock is as it is: retries of
        minutes come within seconds. So do time-outs: half a minute's patience with a server that stands is a second and a half."""
        self.hurry(times, 1 << 62, time.clock_gettime_ns(time.CLOCK_BOOTTIME))

    def calm(self):
        """Everything as it is; clocks stay where they were put, and names lead where they led."""
        self.set(**{n: 0 for n in NAMES if n != "dns_ipv4" and
                    n.startswith(("dns_", "disk_", "sync_", "write_", "memory_", "thread_"))})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.orders.release()
        self.map.close()
        self.file.close()
