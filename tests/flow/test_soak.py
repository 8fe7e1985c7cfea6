"""A week of life with everything going wrong, by seed, and what must be true of it: oracles.py.

In virtual time (virtual.py), which agent and simulated Azure share: a week costs some twenty seconds. Rows, some of them
late, and attacks; seven outputs. In turn one thing is broken wholly for hours (soak.py has the list), and said so, once; and
storms: services, receivers, names, disk, clock, kills, reloads, anything at once. Then calm, the operator looks at what was
refused, and a second agent reads the same rows in peace. Nothing may be lost, counted twice, told under another id or given
up without a word.

COSMOWATCH_SEEDS="1 2 3" or "1-20" are the seeds, COSMOWATCH_SOAK_DAYS how long each lives (`make soak`: 20 seeds, 7 days). By
the real clock, with figures: COSMOWATCH_SOAK_MINUTES=60.
SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import datetime
import os
import shutil

import pytest

from flow import kit, oracles
from flow import shim as sh
from flow.rows import feeds
from flow.soak import LATE_MOST_S, SOURCE, World, delta, life, troubles
from flow.story import final
from flow.test_kafka import mockbroker  # noqa: F401 (a fixture)
from flow.virtual import UTC, RealTime, Time

DAYS = float(os.environ.get("COSMOWATCH_SOAK_DAYS", "3"))
MINUTES = float(os.environ.get("COSMOWATCH_SOAK_MINUTES", "0"))
WINDOW_S = 3900           # until a failure must have been met: a window, and what it waits for
PATIENCE_S = 900          # of /healthz: HEALTH_PATIENCE_S
ALERTED_WITHIN_H = 3      # O5: a window, and the longest wait of an output


def starts_at(seed):
    """A seed lives the same hours whenever it is run; each begins at another hour of another day of the week."""
    return datetime.datetime(2031, 3, 3, tzinfo=UTC) + delta(hours=31 * seed)


def seeds():
    found = []
    for part in os.environ.get("COSMOWATCH_SEEDS", "1").split():
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


@contextlib.contextmanager
def said_again(seed, world):
    """A failure names its seed, how to run it again, and where everything is."""
    try:
        yield
    except BaseException as e:
        world.agent.kill()
        kept = os.path.join(kit.ROOT, "build", "soak", "seed-%s" % seed)
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(world.dir, kept, symlinks=True)
        raise AssertionError("seed %s after %s: %s\nagain: COSMOWATCH_SEEDS=%s COSMOWATCH_SOAK_DAYS=%g COSMOWATCH=build/cosmowatch "
                             "PYTHONPATH=tests python3 -m pytest tests/flow/test_soak.py\nkept in: %s" %
                             (seed, " ".join(world.log), e, seed, DAYS, kept)) from e


def look_at_health(w, samples, trouble_since, unmet_s=WINDOW_S):
    code, body = w.health()
    samples.append((w.clock.now(), code, trouble_since, unmet_s, body))


def broken_for_a_while(w, trouble, samples):
    """Something is broken wholly for hours and then mended; it is said once each, and health tells."""
    w.log.append(trouble.name.replace(" ", "_"))
    start, since = w.log_size(), w.clock.now()
    trouble.begin()
    w.clock.some_are_silent(trouble.is_silent)  # then time may leap while the others wait for an answer, too
    account = w.attack()
    for _ in range(8 if trouble.is_silent else w.rng.randrange(12, 20)):
        w.clock.pass_for(900)
        look_at_health(w, samples, since, WINDOW_S * (2 if trouble.is_silent else 1))
    if trouble.spares:
        known = w.receivers["file"].told()
        w.clock.pass_for(3600)
        oracles.goes_on(known, w.receivers[trouble.component.removeprefix("output.")].told(), trouble.spares, trouble.name)
    trouble.end()
    w.clock.some_are_silent(False)
    mended = w.clock.now()
    late = alerted_everywhere(w, account)
    assert not late, "%s: %s not told %d h after it was mended" % (trouble.name, late, ALERTED_WITHIN_H)
    w.clock.go_to(max(w.clock.now(), mended + delta(minutes=70)))
    look_at_health(w, samples, None)
    oracles.explanation(w.log_since(start), trouble.component, trouble.cause, trouble.name)


def alerted_everywhere(w, account):
    """O5: the outputs that have not heard of this account within the deadline."""
    for _ in range(ALERTED_WITHIN_H * 2):
        w.clock.pass_for(1800)
        if not oracles.liveness(w.told(), account):
            return []
    return oracles.liveness(w.told(), account)


def a_week(w, end):
    samples, turn = [], 0
    order = troubles(w)
    w.rng.shuffle(order)
    w.clock.pass_for(7200)
    while w.clock.now() < end - delta(hours=12):
        broken_for_a_while(w, order[turn % len(order)], samples)
        turn += 1
        for _ in range(w.rng.randrange(1, 4)):
            w.storm(lambda: w.clock.pass_for(w.rng.uniform(60, 3600)))
        w.clock.pass_for(2 * 3600)
    return samples


def check_rates(w, azure, hours):
    """O6: what is a matter of time. Lines of the log and requests, by the hours that were lived."""
    _, _, metrics = w.console.get("/metrics")
    lines = len(w.log_since(0).splitlines())
    queries = len(azure.control("requests?path=/query"))
    oracles.bounds({**w.watch.peak, "lines_an_hour": lines / hours, "requests_a_minute": queries / hours / 60,
                    "label_sets": len(metrics.splitlines())})


def peaceful(w, azure, env, source):
    """What the same rows give when nothing goes wrong."""
    dir_ = os.path.join(w.dir, "peace")
    os.mkdir(dir_)
    cfg = kit.config(azure, dir_, [], feeds=feeds(dir_), source={**SOURCE, "catch_up": "12h", **source})
    kit.run(["run", "--until-caught-up", "-c", cfg], env=env)
    return final(cfg)


def check_all(w, azure, env, source):
    """After calm and when everything is read: what was told, and what a peaceful run finds."""
    told = w.told()
    oracles.silence(w.secrets.values(), w.shown())
    w.watch.stop()
    assert w.agent.stop() == 0
    want, got = peaceful(w, azure, env, source), final(w.cfg)
    assert len(want) > 5
    oracles.metamorphic(got, want)
    oracles.conservation(want, told)
    oracles.coverage_is_whole(w.cfg)
    oracles.no_invention(want, told)
    oracles.integrity(got, {n: a for n, a in told.items() if n != "lake"})
    oracles.identity(got.values(), want.values(), *told.values())


@pytest.mark.parametrize("seed", seeds())
def test_a_week_of_faults_loses_nothing_doubles_nothing_and_hides_nothing(tmp_path, shim_library, mockbroker, seed):  # noqa: F811
    dir_ = str(tmp_path)
    with Time(dir_, shim_library, start=starts_at(seed)) as clock, sh.Shim(shim_library, dir_) as shim, sh.Shim(shim_library, dir_, "other.orders") as other, \
            kit.Azure(dir_, env=clock.env(other)) as azure:
        start = clock.now()
        end = start + delta(days=DAYS)
        shim.set(skip_syncs=1)
        azure.add_rows(life(seed, start, end))
        w = World(seed, dir_, azure, shim, clock, mockbroker)
        clock.is_anybody_there = w.is_alive
        with contextlib.closing(w), said_again(seed, w):
            samples = a_week(w, end)
            late = alerted_everywhere(w, w.attack())
            assert not late, "O5: %s not alerted" % late
            clock.go_to(max(clock.now(), end + delta(seconds=LATE_MOST_S)))
            w.operator_looks()
            done = clock.now()
            kit.wait_for("the end", lambda: clock.pass_for(1800) or w.is_done(done))
            check_rates(w, azure, (clock.now() - start).total_seconds() / 3600)
            check_all(w, azure, clock.env(other), {"lookback": "%dd" % (DAYS + 2), "mode": "rows" if seed % 2 else "summarize"})
            oracles.honest_health(samples, PATIENCE_S)


# ---- by hand, by the real clock ------------------------------------------------------------------------------------

HASTY = {"lookback": "2h", "window": "1m", "catch_up": "10m", "recheck": ["150s", "4m"], "settle": "2s"}
LATE_HASTY_S = 90


def figures(w):
    f = w.watch.samples[-1]
    return "%6.0f s  %5.1f MB  %3d descriptors  %2d threads  %5.1f MB of state  %s" % (
        f["time"] - w.watch.samples[0]["time"], f["resident"] / 2 ** 20, f["descriptors"], f["threads"], f["disk"] / 2 ** 20, w.log[-1])


@pytest.mark.skipif(not MINUTES, reason="by hand: COSMOWATCH_SOAK_MINUTES=60")
def test_by_the_real_clock_memory_and_descriptors_stay_where_they_are(tmp_path, shim_library, mockbroker, capfd):  # noqa: F811
    """Without kills, which would begin the figures anew."""
    dir_, seed, clock = str(tmp_path), seeds()[0], RealTime()
    with sh.Shim(shim_library, dir_) as shim, kit.Azure(dir_) as azure:
        start = clock.now()
        end = start + delta(minutes=MINUTES)
        azure.add_rows(life(seed, start, end, per_hour=600, attack_every_s=(60, 300), late_most_s=LATE_HASTY_S))
        w = World(seed, dir_, azure, shim, clock, mockbroker, source=HASTY, accounts=8)  # what is learned of one costs memory
        with contextlib.closing(w), said_again(seed, w):
            said = 0
            while clock.now() < end:
                w.storm(lambda: clock.pass_for(w.rng.uniform(0.5, 8)), without=("kill", "end"))
                clock.pass_for(w.rng.uniform(1, 10))
                if (clock.now() - start).total_seconds() > said:
                    said += 60
                    with capfd.disabled():
                        print("\n" + figures(w), end="", flush=True)
            w.operator_looks()
            done = end + delta(seconds=LATE_HASTY_S)
            kit.wait_for("the end", lambda: w.is_done(done), deadline_s=1200, pause_s=2)
            slope = w.watch.slope()
            with capfd.disabled():
                print("\n%s\nmemory: %+.2f MB an hour; peak %s" % (figures(w), slope / 2 ** 20, w.watch.peak))
            check_all(w, azure, shim.env, {**HASTY, "lookback": "2d"})
            assert w.starts == 1, "it ended by itself"
            oracles.bounds(w.watch.peak)
            oracles.steady(w.watch)
