"""What must be true of a run, whatever went wrong in it: an oracle a function, for any system test.

O1 conservation, O2 integrity, O3 no invention, O4 identity, O5 liveness, O6 bounds, O7 silence, O8 explanation, O9 honest
health, O10 metamorphic. `told` is what an output's receiver got: alerts as dictionaries, in the order of arrival.
SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import re
import threading
import time

from flow.canary import spellings
from flow.story import essence
from flow.test_faults_time import at, coverage

# The agent and its children together, under load and faults. O6 holds a run against these; a test may ask for less.
CEILINGS = {
    "resident": 200 << 20,     # bytes, sampled
    "peak": 256 << 20,         # bytes, as the kernel noted (VmHWM)
    "descriptors": 128,
    "threads": 40,
    "disk": 256 << 20,         # bytes of the state's folder
    "lines_an_hour": 60,       # of the log, over the whole run
    "requests_a_minute": 60,   # to the query service, over the whole run
    "label_sets": 2000,        # lines of /metrics
}


# ---- O1, O3: alerts of the reference, no more and no less, at every output ------------------------------------------

def conservation(want, told, parked=()):
    """Each alert of the reference was accepted or parked. told: {output: alerts}; parked: {output: ids}."""
    for name, alerts in told.items():
        missing = set(want) - {a["systemAlertId"] for a in alerts} - set(dict(parked).get(name, ()))
        assert not missing, "O1: %s misses %d of %d alerts: %s" % (name, len(missing), len(want), sorted(missing)[:5])


def parked_is_refused(parked, refused):
    """Nobody parks what no receiver refused for good. refused: {output: record ids}."""
    for p in parked:
        assert p["recordId"] in refused.get(p["output"], ()), "O1: %s was parked, which nobody refused: %s" % (p["recordId"], p)


def coverage_is_whole(cfg, may_have_gaps=False):
    """Every moment was read, once, and looked at again; a hole is admitted."""
    spans = sorted((at(w["from"]), at(w["to"]), w["state"]) for w in coverage(cfg))
    assert spans
    for (_, end, _), (start, _, _) in zip(spans, spans[1:]):
        assert start == end, "O1: a hole or an overlap in the coverage that nobody admits: %s to %s" % (end, start)
    assert may_have_gaps or not any(s == "gap" for _, _, s in spans), "O1: an interval is given up that could be read"


def no_invention(want, told):
    for name, alerts in told.items():
        invented = {a["systemAlertId"] for a in alerts} - set(want)
        assert not invented, "O3: %s was told what is in no reference: %s" % (name, sorted(invented)[:5])


# ---- O2: content -------------------------------------------------------------------------------------------------

def integrity(stored, told):
    """One content under one record id, the same at every output; the store's own has grown since, or is the final one."""
    bodies = {}
    for name, alerts in told.items():
        for a in alerts:
            who, text = bodies.setdefault(a["recordId"], (name, text_of(a)))
            assert text == text_of(a), "O2: %s and %s differ in %s: %s" % (who, name, a["recordId"], differences(json.loads(text), a))
    for a in stored.values():
        who, text = bodies[a["recordId"]]
        same = json.loads(text)
        keep = a if same["isFinal"] else GROWS_NOT
        diff = differences({k: a.get(k) for k in keep}, {k: same.get(k) for k in keep})
        assert not diff, "O2: the store and %s differ in %s: %s" % (who, a["recordId"], diff)
        assert a["startTimeUtc"] <= same["startTimeUtc"], "O2: the beginning of %s was forgotten" % a["recordId"]  # late rows are earlier ones


GROWS_NOT = ("systemAlertId", "alertType", "alertDisplayName", "severity", "compromisedEntity", "accountName", "subject",
             "intent", "techniques", "detector", "isSample")


def text_of(alert):
    return json.dumps(alert, sort_keys=True)


def differences(a, b):
    return {k: (a.get(k), b.get(k)) for k in a.keys() | b.keys() if a.get(k) != b.get(k)}


# ---- O4, O10: ids ------------------------------------------------------------------------------------------------

WHO = ("alertType", "compromisedEntity", "accountName")


def identity(*runs):
    """The same alert has one id wherever it is told, different ones never share one."""
    seen = {}
    for alerts in runs:
        for a in alerts:
            who = tuple(str(a.get(k)).lower() for k in WHO)
            assert a["recordId"].startswith(a["systemAlertId"] + "-"), "O4: %s" % a["recordId"]
            assert seen.setdefault(a["systemAlertId"], who) == who, "O4: two alerts share the id %s: %s, %s" % (a["systemAlertId"], seen[a["systemAlertId"]], who)


def metamorphic(with_faults, without):
    """Faults change neither ids nor what is said."""
    assert set(with_faults) == set(without), "O10: only with faults %s, only without %s" % (
        sorted(set(with_faults) - set(without))[:5], sorted(set(without) - set(with_faults))[:5])
    a, b = essence(with_faults), essence(without)
    assert a == b, "O10: %s" % {i: differences(a[i], b[i]) for i in a if a[i] != b[i]}


# ---- O5 ------------------------------------------------------------------------------------------------------------

def liveness(told, account, missing_ok=()):
    """Has the attack on that account reached every output? The names of those it has not."""
    return [name for name, alerts in told.items() if name not in missing_ok and
            not any((a.get("accountName") or "").lower() == account for a in alerts)]


def goes_on(elsewhere, here, is_spared, name=""):
    """What is not hit arrives while something is."""
    late = {a["recordId"] for a in elsewhere if is_spared(a)} - {a["recordId"] for a in here}
    assert not late, "O5: %s: held back by what is hit: %s" % (name, sorted(late)[:5])


# ---- O6 ------------------------------------------------------------------------------------------------------------

def family(pid):
    """A process and what it started."""
    found = [pid]
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task), encoding="ascii") as f:
                for child in f.read().split():
                    found += family(int(child))
    except OSError:
        pass  # it has just ended
    return found


def proc_status(pid):
    """Figures of /proc/PID/status by name; bytes where it says kB."""
    found = {}
    with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as f:
        for line in f:
            m = re.match(r"(\w+):\s+(\d+)( kB)?$", line)
            if m:
                found[m.group(1)] = int(m.group(2)) * (1024 if m.group(3) else 1)
    return found


def folder_size(path):
    total = 0
    for root, _, names in os.walk(path):
        for name in names:
            try:
                total += os.path.getsize(os.path.join(root, name))
            except OSError:
                pass
    return total


class Watch:
    """Looks at the agent and its children all the time. agent(): its pid now, or None."""

    def __init__(self, agent, state, every_s=0.2):
        self.agent, self.state, self.every_s = agent, state, every_s
        self.samples, self.peak = [], {"resident": 0, "peak": 0, "descriptors": 0, "threads": 0, "disk": 0}
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def look(self):
        got = {"time": time.monotonic(), "resident": 0, "peak": 0, "descriptors": 0, "threads": 0, "disk": folder_size(self.state)}
        pid = self.agent()
        for p in family(pid) if pid else []:
            try:
                s = proc_status(p)
                got["descriptors"] += len(os.listdir("/proc/%d/fd" % p))
            except OSError:
                continue
            got["resident"] += s.get("VmRSS", 0)
            got["peak"] += s.get("VmHWM", 0)
            got["threads"] += s.get("Threads", 0)
        if got["threads"]:
            self.samples.append(got)
        for name in self.peak:
            self.peak[name] = max(self.peak[name], got[name])
        return got

    def _run(self):
        while not self.is_over.wait(self.every_s):
            self.look()

    def stop(self):
        self.is_over.set()
        self.thread.join()

    def slope(self, name="resident", warm=0.5):
        """Growth an hour by least squares, of the second half."""
        s = self.samples[int(len(self.samples) * warm):]
        n = len(s)
        if n < 2:
            return 0.0
        x, y = [a["time"] / 3600 for a in s], [a[name] for a in s]
        mx, my = sum(x) / n, sum(y) / n
        over = sum((a - mx) ** 2 for a in x)
        return sum((a - mx) * (b - my) for a, b in zip(x, y)) / over if over else 0.0


def steady(watch, growth_mb_an_hour=8.0):
    """No leak: in the second half memory grows no faster than noise, and descriptors and threads are no more than in the
    first; they are fewer while an output has not been needed since a reload."""
    s = watch.samples
    half = len(s) // 2
    for name in ("descriptors", "threads"):
        first, last = (max(x[name] for x in part) for part in (s[:half], s[half:]))
        assert last <= first + 2, "O6: %s grew from %d to %d" % (name, first, last)
    grown = watch.slope() / 2 ** 20
    assert grown < growth_mb_an_hour, "O6: memory grows by %.1f MB an hour" % grown


def bounds(figures, ceilings=None):
    """Peaks against the table; also rates that a test counted itself."""
    limits = {**CEILINGS, **(ceilings or {})}
    over = {k: (v, limits[k]) for k, v in figures.items() if v > limits[k]}
    assert not over, "O6: above the ceiling (seen, allowed): %s" % over


# ---- O7 ------------------------------------------------------------------------------------------------------------

def silence(secrets, places):
    """No secret in any of the places. places: {name: bytes}; spellings that formats give it count as well."""
    for name, data in places.items():
        for s in secrets:
            escaped = [json.dumps(s)[1:-1].encode(), "".join(c if c.isalnum() else "%%%02X" % ord(c) for c in s).encode()]
            assert not any(x in data for x in spellings(s) + escaped), "O7: %s shows a secret" % name


def files(*roots):
    """What a folder's files hold, by their names."""
    found = {}
    for root in roots:
        for folder, _, names in os.walk(root):
            for n in names:
                try:
                    with open(os.path.join(folder, n), "rb") as f:
                        found[os.path.join(folder, n)] = f.read()
                except OSError:
                    pass
    return found


def of_process(pid):
    """What everybody may see of a process, and its environment."""
    found = {}
    for p in family(pid):
        for n in ("cmdline", "environ"):
            with open("/proc/%d/%s" % (p, n), "rb") as f:
                found["%s of %d" % (n, p)] = f.read()
    return found


# ---- O8 ------------------------------------------------------------------------------------------------------------

LINE = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)')
BROKEN = re.compile(r"could not be (read|counted|asked)|delivery (interrupted|on hold)")
HEALED = re.compile(r"works again")


def log_lines(text):
    return [{k: v.strip('"') for k, v in LINE.findall(line)} for line in text.splitlines() if " level=" in line]


def explanation(text, component, cause, name=""):
    """The log of one fault, from its beginning to its healing: once broken, with the cause, and once healed."""
    mine = [x for x in log_lines(text) if x.get("component") == component]
    broken = [x for x in mine if BROKEN.search(x.get("msg", "")) and "repeated" not in x]
    healed = [x for x in mine if HEALED.search(x.get("msg", ""))]
    # What was said just before, and then again, is summed up in the first line that comes after it: that is no healing of ours.
    healed = [x for x in healed if "repeated" not in x] or healed
    assert len(broken) == 1, "O8: %s: %d times said to be broken: %s" % (name, len(broken), mine)
    assert re.search(cause, broken[0].get("cause", ""), re.I), "O8: %s: another cause: %s" % (name, broken[0])
    assert len(healed) == 1, "O8: %s: %d times said to be healed: %s" % (name, len(healed), mine)


# ---- O9 ------------------------------------------------------------------------------------------------------------

def honest_health(samples, patience_s):
    """samples: (moment, status code, since when something is broken wholly or None, how long that may stay unmet, what was
    said). Red when it has been for longer than the patience, green when nothing is or only for a while."""
    seen = set()
    for moment, code, since, unmet_s, said in samples:
        broken_s = (moment - since).total_seconds() if since else 0
        if broken_s > patience_s + unmet_s:
            assert code == 503, "O9: healthy at %s though nothing moves for %d s: %s" % (moment, broken_s, said)
        elif broken_s <= patience_s:
            assert code == 200, "O9: not healthy at %s, broken for %d s: %s" % (moment, broken_s, said)
        seen.add(code)
    assert not any(s for _, _, s, _, _ in samples) or seen >= {200, 503}, "O9: never red or never green"
