"""Time of its own for several processes: it passes so many times faster while somebody works, and leaps while all wait.

    with Time(dir_, library) as t:                  # stands at now, or where `start` says: then every run lives the same hours
        agent under t.env(shim), simulator under t.env(other)
        t.go_to(t.now() + datetime.timedelta(days=1))

Never beyond the moment that go_to() named: what a test does then, it does at that moment. shim.c has the how.
SPDX-License-Identifier: Apache-2.0
"""

import datetime
import time

from flow import kit
from flow.shim import S, Shim

UTC = datetime.timezone.utc
HURRY = 4           # while somebody works or waits for an answer: a machine that stands for seconds is no time-out of a minute
QUANTUM_S = 30      # the shortest leap
STALLED_MS = 250    # an answer that has not begun by then will not come, where somebody is silent


class Time:
    def __init__(self, dir_, library, hurry=HURRY, start=None):
        self.orders = Shim(library, dir_, "time.orders")
        self.path = self.orders.env["COSMOWATCH_SHIM"]
        self.hurry, self.wall, self.is_anybody_there = hurry, time.time_ns(), lambda: True
        self.until = self.wall
        self.orders.set(leap_until_ns=self.until, leap_quantum_ns=QUANTUM_S * S)
        self.orders.hurry(hurry, self.wall, time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        if start:
            self.orders.set(leaped_ns=int(start.timestamp() * 1e9) - self.wall)

    def env(self, shim):
        """For a process with orders of its own that lives in this time."""
        return {**shim.env, "COSMOWATCH_SHIM_PACE": self.path}

    def some_are_silent(self, is_so):
        """Whoever waits for an answer waits in vain: time may leap to the end of its patience."""
        self.orders.set(stall_ns=STALLED_MS * S // 1000 if is_so else 0)

    def ns(self):
        return self.wall + (time.time_ns() - self.wall) * self.hurry + self.orders.get("leaped_ns")

    def now(self):
        return datetime.datetime.fromtimestamp(self.ns() / 1e9, UTC)

    def go_to(self, moment):
        """Time passes until then."""
        self.orders.set(leap_until_ns=int(moment.timestamp() * 1e9))
        kit.wait_for("%s of virtual time, it is %s" % (moment, self.now()), lambda: self._is_past(moment), pause_s=0.005)

    def _is_past(self, moment):
        if not self.is_anybody_there():  # nobody leaps: we do
            self.orders.set(leaped_ns=self.orders.get("leaped_ns") + max(0, int(moment.timestamp() * 1e9) - self.ns()))
        return self.now() >= moment

    def pass_for(self, seconds):
        self.go_to(self.now() + datetime.timedelta(seconds=seconds))

    def close(self):
        self.orders.__exit__()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class RealTime:
    """The same, of the world's clock."""

    def env(self, shim):
        return dict(shim.env)

    def now(self):
        return datetime.datetime.now(UTC)

    def pass_for(self, seconds):
        time.sleep(seconds)

    def some_are_silent(self, is_so):
        pass
