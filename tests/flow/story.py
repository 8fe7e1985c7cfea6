"""A small workspace with an attack in it, the agent's way through it, and what counts of what it found.

SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import datetime
import json
import os

from flow import kit
from flow.rows import Rows, feeds

UTC = datetime.timezone.utc


def hours_ago(h):
    return datetime.datetime.now(UTC).replace(microsecond=0) - datetime.timedelta(hours=h)


def small_world(seed=1, hours=5):
    """A few hours of ordinary life with an attack in them: (rows, types that must alert)."""
    r = Rows(seed)
    start = hours_ago(hours)
    r.ordinary(start, hours_ago(0.2), per_hour=20)
    return r, r.attack(hours_ago(2))


def outputs(dir_, azure=None):
    out = [{"name": "file", "type": "file", "path": os.path.join(dir_, "alerts.ndjson")}]
    if azure:
        out.append({"name": "hook", "type": "webhook", "url": azure.url + "/hook/soc"})
    return out


SHORT = {"lookback": "6h", "backfill": "0s"}


def catch_up(azure, dir_, mode="summarize", source=None, hook=False, env=None, **top):
    cfg = kit.config(azure, dir_, outputs(dir_, azure if hook else None), mode=mode,
                     source={**SHORT, **(source or {})}, feeds=feeds(dir_), **top)
    kit.run(["run", "--until-caught-up", "-c", cfg], env=env)
    return cfg


def is_up_to_date(cfg):
    """All that there was to read is read: until then a source is behind, and `status` and health say so."""
    code, text, _ = kit.run(["status", "--json", "-c", cfg], check=False)
    return code == 0 and text and all(s["state"] == "up to date" for s in json.loads(text)["sources"])


def final(cfg):
    """The alerts of the store, by id, without what depends on when they were told."""
    _, out, _ = kit.run(["alerts", "export", "-c", cfg])
    got = {}
    for line in out.splitlines():
        a = json.loads(line)
        assert a["systemAlertId"] not in got
        got[a["systemAlertId"]] = a
    return got


def essence(alerts):
    keep = ("alertType", "severity", "startTimeUtc", "endTimeUtc", "compromisedEntity", "count", "accountName", "evidence",
            "confidence", "reasons")
    return {i: {k: a.get(k) for k in keep} for i, a in alerts.items()}


@contextlib.contextmanager
def calm_world(tmp_path_factory, seed):
    """A workspace that stays, and what a run finds in it with which nothing interferes: (azure, alerts, rows)."""
    calm = str(tmp_path_factory.mktemp("calm"))
    rows, _ = small_world(seed=seed, hours=2.8)
    with kit.Azure(calm) as azure:
        azure.add_rows(rows.rows)
        yield azure, final(catch_up(azure, calm, source={"lookback": "3h"})), rows
