#!/usr/bin/env python3
"""How well the detectors do on weeks of made-up life (life.py) with labelled attacks in it (life_attacks.py).

    life_quality.py BINARY [--seeds "11 12"] [--jobs 2] [--keep DIR] [-v]

A seed is one subscription: ten accounts over twelve weeks. Its rows go through `BINARY replay --json` twice: without
attacks, where every alert after the two weeks of learning is a false alarm, and with them. An attack is told when one of
its alert types names its account and its actor in its time, and the quiet run did not say the same.
SPDX-License-Identifier: Apache-2.0
"""

import argparse
import collections
import datetime
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile

import life
import life_attacks
import life_rows

LEARN_DAYS = 14
TARGETS = {  # row -> recall in percent, false alarms allowed an account and month
    "Tor": (100, 0), "listed address": (100, 0), "key listing by script": (100, 0), "suspicious principal": (95, 1),
    "stolen key": (95, 1), "unusual place": (95, 1), "unusual application": (95, 1), "volume, 10x of P99": (99, 1),
    "volume, 3x of P99": (90, 1), "volume, low and slow": (80, 1 / 3.0),
}
CONFIG = """\
feeds:
  - { name: tor, type: tor_exits, path: "%(dir)s/tor.txt" }
  - { name: bad, type: addresses, path: "%(dir)s/bad.csv" }
networks:
  - { file: "%(dir)s/networks.csv" }
"""


def hours_of(text):
    t = datetime.datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
    return (t - life_rows.START).total_seconds() / 3600


def replay(binary, directory, rows):
    path = os.path.join(directory, "rows.ndjson")
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    out = subprocess.run([binary, "replay", "--json", "-c", os.path.join(directory, "cosmowatch.yaml"), path],
                         capture_output=True, text=True, check=False)
    if out.returncode:
        raise RuntimeError(out.stderr)
    return [json.loads(line) for line in out.stdout.splitlines()]


def actors_of(alert):
    seen = set()
    for e in alert.get("entities", []):
        seen.update(v for v in e.values() if isinstance(v, str))
    for name in ("caller", "partner"):
        seen.update(v for v in alert["evidence"].get(name, []))
    return seen


def network_of(address):
    """As subjects name it: sums of weeks are of a reader, and a reader is a network."""
    parts = address.split(".")
    return "%s.0/24" % ".".join(parts[:3]) if len(parts) == 4 and all(p.isdigit() for p in parts) else address


def tells(alert, episode):
    if alert["alertType"] not in episode.types:
        return False
    if episode.account and (alert.get("accountName") or "").lower() != episode.account.name:
        return False
    if hours_of(alert["startTimeUtc"]) > episode.end + 48 or hours_of(alert["endTimeUtc"]) < episode.begin - .2:
        return False
    named = actors_of(alert)
    return not episode.actors or bool(named & episode.actors) or any(a in alert["subject"] or network_of(a) in alert["subject"]
                                                                     for a in episode.actors)


def run_seed(job):
    binary, seed, keep = job
    directory = os.path.join(keep, str(seed)) if keep else tempfile.mkdtemp(prefix="life-")
    os.makedirs(directory, exist_ok=True)
    world = life.World(seed)
    rows = world.live()
    quiet_rows = len(rows)
    attacks = life_attacks.Attacks(world, seed)
    episodes = attacks.run()
    for name, text in (("tor.txt", "\n".join(attacks.tor)), ("networks.csv", "\n".join(world.net.csv)),
                       ("bad.csv", "\n".join(["address,category,confidence"] + ["%s,%s,%d" % b for b in attacks.listed])),
                       ("cosmowatch.yaml", CONFIG % {"dir": directory})):
        with open(os.path.join(directory, name), "w", encoding="utf-8") as f:
            f.write(text + "\n")
    quiet = replay(binary, directory, rows[:quiet_rows])
    loud = replay(binary, directory, sorted(rows, key=lambda row: row["TimeGenerated"]))
    said = {(a["systemAlertId"], a["count"]) for a in quiet}
    news = [a for a in loud if (a["systemAlertId"], a["count"]) not in said]
    told = []
    for e in episodes:
        hit = [a for a in news if tells(a, e)]
        beside = sorted({a["alertType"] for a in loud if e.account and a.get("accountName") == e.account.name and actors_of(a) & e.actors})
        told.append((e.kind, e.variant, bool(hit), "%s %s %s" % (e.account.name if e.account else "-", life_rows.iso(e.begin)[:16], e.note), beside))
    false = [(a["alertType"], a.get("variant") or "", a["severity"], a.get("accountName"), a["startTimeUtc"][:16], a["count"], a["subject"])
             for a in quiet if hours_of(a["endTimeUtc"]) >= LEARN_DAYS * 24]
    early = sum(1 for a in quiet if hours_of(a["endTimeUtc"]) < LEARN_DAYS * 24)
    if not keep:
        for name in os.listdir(directory):
            os.unlink(os.path.join(directory, name))
        os.rmdir(directory)
    return seed, told, false, early, len(world.accounts), len(rows)


def print_rows(results, months):
    told, asked, alarms = collections.Counter(), collections.Counter(), collections.Counter()
    for _, episodes, false, _, _, _ in results:
        for kind, _, hit, _, _ in episodes:
            asked[kind] += 1
            told[kind] += hit
        for alarm in false:
            alarms[alarm[0]] += 1
    print("%-24s %-16s %-8s %-30s %s" % ("attack", "told", "target", "false, account and month", "target"))
    for kind, types in life_attacks.KINDS.items():
        false = sum(alarms[t] for t in life_attacks.FALSE.get(kind, types)) / months
        recall, allowed = TARGETS.get(kind, (None, None))
        percent = 100.0 * told[kind] / max(1, asked[kind])
        missed = recall is not None and (percent < recall or false > allowed)
        print("%-24s %4d/%-4d %5.1f%% %-8s %-30.3f %s%s" % (kind, told[kind], asked[kind], percent, "" if recall is None else "%d%%" % recall,
                                                         false, "" if allowed is None else "%.2g" % allowed, "   MISSED" if missed else ""))


def print_alarms(results, months):
    by_type, accounts = collections.Counter(), collections.Counter()
    for seed, _, false, _, _, _ in results:
        for kind, variant, severity, account, when, _, _ in false:
            by_type[kind, variant, severity] += 1
            if "Incident" not in kind:
                accounts[seed, account] += 1
    total = sum(n for (kind, _, _), n in by_type.items() if "Incident" not in kind)
    print("\n%-58s %-14s %-13s %6s %s" % ("false alarm", "variant", "severity", "number", "account and month"))
    for (kind, variant, severity), n in sorted(by_type.items()):
        print("%-58s %-14s %-13s %6d %.3f" % (kind, variant, severity, n, n / months))
    print("%-87s %6d %.3f   (incidents join alerts, and are not in it)" % ("total", total, total / months))


def print_variants(results):
    told, asked = collections.Counter(), collections.Counter()
    for _, episodes, _, _, _, _ in results:
        for kind, variant, hit, _, _ in episodes:
            asked[kind, variant] += 1
            told[kind, variant] += hit
    print("\n%-24s %-52s %s" % ("attack", "how", "told"))
    for key in sorted(asked):
        print("%-24s %-52s %d/%d" % (key + (told[key], asked[key])))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("binary")
    p.add_argument("--seeds", default=os.environ.get("QUALITY_SEEDS", "11 12"))
    p.add_argument("--jobs", type=int, default=os.cpu_count())
    p.add_argument("--keep", help="leave rows and configuration in this folder")
    p.add_argument("-v", action="store_true", help="show what was missed and what was false")
    a = p.parse_args()
    seeds = [int(s) for s in a.seeds.split()]
    with multiprocessing.Pool(a.jobs) as pool:
        results = pool.map(run_seed, [(a.binary, s, a.keep) for s in seeds], chunksize=1)
    months = sum(r[4] for r in results) * (life.DAYS - LEARN_DAYS) / 30.0
    print("%d lives of %d days, %d rows, %d accounts, %.0f account-months judged, %d attacks" % (
        len(results), life.DAYS, sum(r[5] for r in results), sum(r[4] for r in results), months, sum(len(r[1]) for r in results)))
    print_rows(results, months)
    print_alarms(results, months)
    if a.v:
        print_variants(results)
        for seed, episodes, false, _, _, _ in results:
            for kind, variant, hit, where, beside in episodes:
                if not hit:
                    print("missed", seed, kind, "/", variant, "/", where, "/", " ".join(beside))
            for alarm in false:
                print("false", seed, *alarm)


if __name__ == "__main__":
    sys.exit(main())
