"""/_control/...: how a test steers the simulator, and /hook/...: a receiver for its webhooks. README.md has the list."""

import ipaddress
import json
import time

from .entra import load_certificate
from .kql import KqlError, run
from .kql import types as T
from .store import BadRow
from .world import SETTINGS, Fault


def bad(msg):
    return 400, {"error": msg}, {}


def ok(**more):
    return 200, dict(ok=True, **more), {}


def handle(w, method, path, q, body):
    name = path[len("/_control"):].strip("/")
    head, _, tail = name.partition("/")
    try:
        data = json.loads(body) if body and head != "ndjson" else None
    except ValueError as e:
        return bad("not JSON: %s" % e)
    f = HANDLERS.get((method, head))
    if f is None:
        return 404, {"error": "no such control: %s %s" % (method, path)}, {}
    try:
        return f(w, data, q, tail, body)
    except (BadRow, KeyError, ValueError, TypeError, AttributeError, OverflowError) as e:
        return bad("%s: %s" % (type(e).__name__, e))


def rows(w, d, q, tail, body):
    w.store.add(d, w.clock.now())
    return ok(added=len(d))


def ndjson(w, d, q, tail, body):
    """Rows as one JSON object a line: for big sets. ?arriving=1: ingested and visible now, whatever they say."""
    n, batch, arriving = 0, [], "arriving" in q

    def add():
        with w.store.lock:  # nobody asks between the moment of the arrival and the rows
            w.store.add(batch, w.clock.now(), arriving)
        return len(batch)
    for line in body.split(b"\n"):
        if line.strip():
            batch.append(json.loads(line))
        if len(batch) >= 20000:
            n += add()
            batch = []
    return ok(added=n + add())


def get_rows(w, d, q, tail, body):
    return 200, w.store.count(), {}


def reset(w, d, q, tail, body):
    d = d or {}
    if d.get("keep_rows"):
        w.forget()
    else:
        w.reset()
    return ok()


def clock(w, d, q, tail, body):
    if d:
        w.clock.set(d)
    return 200, {"now": T.format_datetime(w.clock.now()), "fixed": w.clock.fixed is not None}, {}


def settings(w, d, q, tail, body):
    for k, v in (d or {}).items():
        if k not in SETTINGS:
            raise ValueError("unknown setting '%s'" % k)
        w.settings[k] = v
    return 200, w.settings, {}


def tenants(w, d, q, tail, body):
    w.tenants |= set(d if isinstance(d, list) else [d["id"]])
    return ok()


def apps(w, d, q, tail, body):
    """{client_id, tenants, secrets, expired_secrets, certificates: [PEM], federated, workspaces, dcrs, scopes, disabled}"""
    cid = d["client_id"]
    old = w.apps.get(cid) or {"tenants": sorted(w.tenants), "secrets": [], "expired_secrets": [], "certificates": [],
                              "federated": [], "workspaces": ["*"], "dcrs": ["*"], "scopes": ["*"], "disabled": False}
    new = dict(old)
    for k, v in d.items():
        if k == "client_id":
            continue
        if k not in old:
            raise ValueError("unknown field '%s'" % k)
        new[k] = [load_certificate(p) for p in v] if k == "certificates" else v
    w.apps[cid] = new
    return ok()


def del_apps(w, d, q, tail, body):
    w.apps.pop(tail, None)
    return ok()


def workspaces(w, d, q, tail, body):
    w.workspaces[d["id"]] = {k: v for k, v in d.items() if k != "id"}
    return ok()


def del_workspaces(w, d, q, tail, body):
    w.workspaces.pop(tail, None)
    return ok()


def identities(w, d, q, tail, body):
    """{"name": {"client_id":..., "object_id":..., "resource_id":...}}; "system" is the system-assigned one."""
    for k, v in d.items():
        if v is None:
            w.identities.pop(k, None)
        else:
            w.identities[k] = v
    return ok()


def arc(w, d, q, tail, body):
    w.arc_tokens = d.get("tokens")
    return ok()


def dcrs(w, d, q, tail, body):
    """{"id": "dcr-...", "streams": {"Custom-X": {"table": "X_CL", "columns": [["TimeGenerated", "datetime"], ...]}}}"""
    w.dcrs[d["id"]] = {"streams": d["streams"]}
    for s in d["streams"].values():
        if s["table"] not in w.store.tables:
            w.store.declare(s["table"], s["columns"])
    return ok()


def tables(w, d, q, tail, body):
    """Declare a table: {"name": ..., "columns": [[name, type], ...], "open": false}"""
    w.store.declare(d["name"], d["columns"], d.get("open", False))
    return ok()


def geo(w, d, q, tail, body):
    """[{"net": "203.0.113.0/24", "country": ..., "state": ..., "city": ..., "latitude": ..., "longitude": ...}]"""
    w.geo = [(ipaddress.ip_network(x["net"]), {k: v for k, v in x.items() if k != "net"}) for x in d]
    return ok()


def tokens(w, d, q, tail, body):
    """{"revoke": true} makes every token so far expired."""
    if d and d.get("revoke"):
        w.revoke_tokens()
    return get_tokens(w, d, q, tail, body)


def get_tokens(w, d, q, tail, body):
    with w.lock:
        return 200, {"tokens": [dict(v, token=k) for k, v in w.tokens.items()]}, {}


def faults(w, d, q, tail, body):
    made = []
    with w.lock:
        for x in d if isinstance(d, list) else [d]:
            f = Fault(x)
            w.faults.append(f)
            made.append(f.id)
    return ok(ids=made)


def get_faults(w, d, q, tail, body):
    with w.lock:
        return 200, [f.show() for f in w.faults], {}


def del_faults(w, d, q, tail, body):
    with w.lock:
        w.faults = [f for f in w.faults if tail and f.id != tail]
    return ok()


def picked(w, q):
    """Requests that match ?path= (part of it), ?method=, ?since= (number), ?status=, ?body= (part)."""
    return matching(list(w.requests), q)


def matching(out, q):
    for k, f in (("path", lambda e, v: v in e["path"]), ("method", lambda e, v: e["method"] == v),
                 ("since", lambda e, v: e["n"] > int(v)), ("status", lambda e, v: str(e.get("status")) == v),
                 ("body", lambda e, v: v in (e.get("kql") or e.get("body") or ""))):
        if k in q:
            out = [e for e in out if f(e, q[k][0])]
    return out


def requests(w, d, q, tail, body):
    with w.lock:
        return 200, picked(w, q), {}


def del_requests(w, d, q, tail, body):
    with w.lock:
        w.requests.clear()
    return ok()


def ingested(w, d, q, tail, body):
    with w.lock:
        return 200, list(w.ingested), {}


def del_ingested(w, d, q, tail, body):
    with w.lock:
        w.ingested = []
    return ok()


def alerts(w, d, q, tail, body):
    """What the webhook sink got: all hooks, or ?hook=name."""
    with w.lock:
        if "hook" in q:
            return 200, list(w.hooks.get(q["hook"][0], [])), {}
        return 200, {k: list(v) for k, v in w.hooks.items()}, {}


def del_alerts(w, d, q, tail, body):
    with w.lock:
        w.hooks = {}
    return ok()


def hooks(w, d, q, tail, body):
    """POST /_control/hooks/<name> {"statuses": [503, 200], "default": 200, "headers": {}, "body": ""}: the statuses
    are used up one a request, then the default holds."""
    w.hook_rules[tail] = {"statuses": list(d.get("statuses", [])), "default": d.get("default", 200),
                          "headers": d.get("headers", {}), "body": d.get("body", "")}
    return ok()


def hook(w, name, method, headers, body):
    """A post to the sink."""
    import gzip
    raw = body
    if headers.get("content-encoding") == "gzip":
        try:
            raw = gzip.decompress(body)
        except (OSError, EOFError):
            return 400, {"error": "not gzip"}, {}
    text = raw.decode("utf-8", "replace")
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    with w.lock:
        rule = w.hook_rules.get(name, {"statuses": [], "default": 200, "headers": {}, "body": ""})
        status = rule["statuses"].pop(0) if rule["statuses"] else rule["default"]
        got = w.hooks.setdefault(name, [])
        got.append({"n": len(got) + 1, "time": time.time(), "method": method, "headers": headers, "body": text,
                    "json": parsed, "status": status, "accepted": 200 <= status < 300})
        w.changed.notify_all()
    return status, rule["body"].encode() if isinstance(rule["body"], str) else rule["body"], dict(rule["headers"])


def wait(w, d, q, tail, body):
    """Return when something has been seen often enough: ?hook=name[&accepted=1], ?requests=1 with the filters of
    /_control/requests, or ?ingested=1 (rows), each with &count=N&timeout_s=T. 200 {"ok": true|false, "count": n}."""
    count = int(q.get("count", ["1"])[0])
    end = time.monotonic() + float(q.get("timeout_s", ["10"])[0])
    seen = [0, 0]           # number of the last request looked at, matches so far

    def have():
        if "hook" in q:
            got = w.hooks.get(q["hook"][0], [])
            return len([x for x in got if x["accepted"]]) if "accepted" in q else len(got)
        if "ingested" in q:
            return sum(len(x["rows"]) for x in w.ingested)
        fresh = []
        for e in reversed(w.requests):
            if e["n"] <= seen[0]:
                break
            fresh.append(e)
        if fresh:
            seen[0] = fresh[0]["n"]
            seen[1] += len(matching(fresh, q))
        return seen[1]
    with w.changed:
        while True:
            n = have()
            left = end - time.monotonic()
            if n >= count or left <= 0:
                return 200, {"ok": n >= count, "count": n}, {}
            w.changed.wait(left)


def kql(w, d, q, tail, body):
    """Run a query without token or caps: {"query": ...}. For looking at what is there."""
    view = w.store.view(set(w.settings["missing_tables"]), {n: g for g, x in w.workspaces.items() for n in (g, x.get("name"))})
    try:
        cols, out, _ = run(d["query"], view, w.clock.now(), geo=w.lookup_geo)
    except KqlError as e:
        return 400, {"error": str(e), "code": e.code, "kind": type(e).__name__}, {}
    from .query_api import encode_rows
    text, _, _ = encode_rows(cols, out, 1 << 40)
    return 200, ('{"columns":%s,"rows":%s}' % (json.dumps([{"name": c, "type": t} for c, t in cols]), text)).encode(), {}


def feeds(w, d, q, tail, body):
    """Serve a file: {"path": "/feeds/tor", "text": "...", "etag": "x", "content_type": "text/plain"}"""
    w.feeds[d["path"]] = d
    return ok()


def feed(d, headers):
    h = {"Content-Type": d.get("content_type", "text/plain")}
    if d.get("etag"):
        h["ETag"] = '"%s"' % d["etag"]
        if headers.get("if-none-match") == h["ETag"]:
            return 304, b"", h
    return 200, d["text"].encode(), h


def health(w, d, q, tail, body):
    return 200, {"ok": True, "now": T.format_datetime(w.clock.now()), "rows": w.store.n_rows, "requests": w.n_requests,
                 "ports": w.ports}, {}


HANDLERS = {
    ("POST", "rows"): rows, ("GET", "rows"): get_rows, ("POST", "ndjson"): ndjson, ("POST", "reset"): reset,
    ("POST", "clock"): clock, ("GET", "clock"): clock, ("POST", "settings"): settings, ("GET", "settings"): settings,
    ("POST", "tenants"): tenants, ("POST", "apps"): apps, ("DELETE", "apps"): del_apps,
    ("POST", "workspaces"): workspaces, ("DELETE", "workspaces"): del_workspaces, ("POST", "identities"): identities,
    ("POST", "arc"): arc, ("POST", "dcrs"): dcrs, ("POST", "tables"): tables, ("POST", "geo"): geo,
    ("POST", "tokens"): tokens, ("GET", "tokens"): get_tokens, ("POST", "faults"): faults, ("GET", "faults"): get_faults,
    ("DELETE", "faults"): del_faults, ("GET", "requests"): requests, ("DELETE", "requests"): del_requests,
    ("GET", "ingested"): ingested, ("DELETE", "ingested"): del_ingested, ("GET", "alerts"): alerts,
    ("DELETE", "alerts"): del_alerts, ("POST", "hooks"): hooks, ("GET", "wait"): wait, ("POST", "kql"): kql,
    ("POST", "feeds"): feeds, ("GET", "health"): health,
}
