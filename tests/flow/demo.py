"""`make demo`: a simulated Azure with two weeks of life and an attack, the real agent, and what it says.

SPDX-License-Identifier: Apache-2.0
"""

import datetime
import json
import os
import shutil
import subprocess
import sys
import time

from flow import kit
from sim.story import ATTACKED_WITHIN_HOURS

BOLD, DIM, OFF = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else ("", "", "")


LOOKBACK_HOURS = ATTACKED_WITHIN_HOURS + 1


def say(text):
    print(BOLD + text + OFF, flush=True)


def story(dir_):
    end = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    p = {k: os.path.join(dir_, k) for k in ("rows.ndjson", "truth.json", "tor.txt", "bad.csv")}
    subprocess.run([sys.executable, "-m", "sim.story", "--seed", "7", "--end", end, "--days", "17", "--scale", "0.5",
                    "--out", p["rows.ndjson"], "--truth", p["truth.json"], "--tor-exits", p["tor.txt"],
                    "--bad-addresses", p["bad.csv"]], check=True, cwd=kit.ROOT, stdout=subprocess.DEVNULL)
    with open(p["truth.json"], encoding="utf-8") as f:
        truth = json.load(f)
    return p, truth["attacks"] if isinstance(truth, dict) else truth


def configure(azure, dir_, p):
    feeds = [{"name": "tor", "type": "tor_exits", "path": p["tor.txt"]},
             {"name": "ours", "type": "addresses", "path": p["bad.csv"], "format": "csv"}]
    outputs = [{"name": "file", "type": "file", "path": os.path.join(dir_, "alerts.ndjson")},
               {"name": "hook", "type": "webhook", "url": azure.url + "/hook/soc"}]
    return kit.config(azure, dir_, outputs, source={"lookback": "%dh" % LOOKBACK_HOURS}, feeds=feeds, log={"level": "warn"})


def missing(dir_, wanted):
    got = {(a["alertType"], a["accountName"]) for a in kit.ndjson(os.path.join(dir_, "alerts.ndjson"))}
    return wanted - got


def main():
    dir_ = os.path.join(kit.ROOT, "build", "demo")
    shutil.rmtree(dir_, ignore_errors=True)
    os.makedirs(dir_)
    t0 = time.monotonic()
    say("A simulated Azure gets two weeks of logs of four Cosmos DB accounts, with an attack in the last day ...")
    p, attacks = story(dir_)
    wanted = {(a["alertType"], a["account"]) for a in attacks}
    with open(p["rows.ndjson"], "rb") as f:
        rows = sum(1 for _ in f)
    with kit.Azure(dir_, [p["rows.ndjson"]]) as azure:
        config = configure(azure, dir_, p)
        say("The agent learns from %d rows over HTTP and reads the last %d hours with open eyes ..." % (rows, LOOKBACK_HOURS))
        with kit.Agent(config, dir_, ["--until-caught-up"]) as agent:
            try:
                code = agent.wait(timeout=180)
            except subprocess.TimeoutExpired:
                code = "no end within three minutes"
        if code != 0 or missing(dir_, wanted):
            print("the agent: %s; attacks without an alert: %s\n%s" % (code, sorted(missing(dir_, wanted)), agent.tail()))
            return 1
        hooks = len(azure.control("alerts?hook=soc") or [])
        queries = sum(1 for r in azure.control("requests") if "/query" in json.dumps(r))
    print()
    subprocess.run([kit.AGENT, "alerts", "list", "--cards", "--reverse", "-c", config], check=True)
    rel = os.path.relpath
    first = kit.ndjson(os.path.join(dir_, "alerts.ndjson"))[0]["systemAlertId"][:8]
    say("What happened")
    print("  %d attacks were in the logs; each has an alert above. It took %.0f s, %d queries; the webhook got %d posts."
          % (len(attacks), time.monotonic() - t0, queries, hooks))
    say("What to do next")
    c, b = rel(config), rel(kit.AGENT)
    for what, command in (("the whole page of one alert", "alerts explain %s -c %s" % (first, c)),
                          ("how far it has read, and health", "status -c %s" % c),
                          ("what was read, window by window", "coverage -c %s" % c),
                          ("every query it sends", "queries -c %s" % c),
                          ("your own exported rows", "replay FILE"),
                          ("your own workspace", "setup -c cosmowatch.yaml")):
        print("  %-32s %s %s" % (what, b, command))
    return 0


if __name__ == "__main__":
    sys.exit(main())
