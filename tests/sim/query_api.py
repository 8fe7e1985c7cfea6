"""The Log Analytics query API: requests, answers, errors, caps and the two-minute cache."""

import json
import re
import sys
import time
import uuid

from . import entra
from .kql import KqlError, SyntaxErr, Unsupported, run
from .kql import types as T

AUDIENCES = ("https://api.loganalytics.io", "https://api.loganalytics.azure.com", "https://api.loganalytics.us",
             "https://api.loganalytics.azure.cn")
_ISO_DUR = re.compile(r"^P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?"
                      r"(?:(\d+(?:\.\d+)?)S)?)?$")


def fault_body(code, message, inner=None, correlation=None):
    e = {"message": message, "code": code, "correlationId": correlation or str(uuid.uuid4())}
    if inner:
        e["innererror"] = inner
    return {"error": e}


def duration(s):
    m = _ISO_DUR.match(s)
    if not m or s in ("P", "PT") or s.endswith("T"):
        return None
    w, d, h, mi, se = (float(x or 0) for x in m.groups())
    return round(((w * 7 + d) * 86400 + h * 3600 + mi * 60 + se) * T.SEC)


def parse_timespan(s, now):
    """ISO 8601 duration, start/end, start/duration or duration/end: (low, high) ticks; None if it is none."""
    a, slash, b = s.partition("/")
    if not slash:
        d = duration(a)
        return None if d is None else (now - d, now)
    x, y = T.parse_datetime(a), T.parse_datetime(b)
    if x is None and y is not None:
        d = duration(a)
        return None if d is None else (y - d, y)
    if x is not None and y is None:
        d = duration(b)
        return None if d is None else (x, x + d)
    return None if x is None else (x, y)


def meet(a, b):
    lo = b[0] if a[0] is None else a[0] if b[0] is None else max(a[0], b[0])
    hi = b[1] if a[1] is None else a[1] if b[1] is None else min(a[1], b[1])
    return (lo, hi)


def converters(cols):
    """Column index -> function, where the wire form is not the value itself."""
    out = []
    for i, (_, t) in enumerate(cols):
        if t == "datetime":
            out.append((i, T.format_datetime))
        elif t == "timespan":
            out.append((i, T.format_timespan))
        elif t == "dynamic":
            out.append((i, lambda v: v if isinstance(v, str) else T.dumps(v)))
        elif t == "decimal":
            out.append((i, str))
        elif t == "real":
            out.append((i, lambda v: v if v == v and v not in (float("inf"), float("-inf")) else T.format_real(v)))
    return out


def encode_rows(cols, rows, byte_cap):
    """(JSON text of the row array, rows written, was the byte cap hit)."""
    conv = converters(cols)
    enc = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
    parts, size, done = [], 0, 0
    for k in range(0, len(rows), 2000):
        chunk = rows[k:k + 2000]
        if conv:
            fixed = []
            for r in chunk:
                r = list(r)
                for i, f in conv:
                    v = r[i]
                    if v is not None:
                        r[i] = f(v)
                fixed.append(r)
            chunk = fixed
        text = enc(chunk)[1:-1]
        if size + len(text) > byte_cap:
            for r in chunk:
                t = enc(r)
                if size + len(t) > byte_cap:
                    return "[" + ",".join(parts) + "]", done, True
                parts.append(t)
                size += len(t) + 1
                done += 1
            continue
        parts.append(text)
        size += len(text) + 1
        done += len(chunk)
    return "[" + ",".join(parts) + "]", done, False


def partial_error(message, code="EngineError", number="-2133196797"):
    return {"code": "PartialError", "message": "There were some errors when processing your query.",
            "details": [{"code": code, "message": "Something went wrong processing your query on the server.",
                         "innererror": {"code": number, "message": message, "severity": 2, "severityName": "Error"}}]}


def too_many(n):
    return partial_error("The results of this query exceed the set limit of %d records, so not all records were returned "
                         "(E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003)." % n)


def too_big(n):
    return partial_error("The results of this query exceed the set limit of %d bytes, so not all records were returned "
                         "(E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003)." % n)


def prefer(headers):
    out = {}
    for p in headers.get("prefer", "").split(","):
        k, _, v = p.strip().partition("=")
        if k:
            out[k.lower()] = v.strip().strip('"')
    return out


def kql_error(e, correlation):
    if isinstance(e, Unsupported):
        print("sim: query not supported: %s" % e, file=sys.stderr, flush=True)
    if isinstance(e, SyntaxErr):
        inner = {"code": "SyntaxError", "message": "A syntax error has been identified in the query.",
                 "innererror": {"code": e.code, "message": str(e)}}
    else:
        inner = {"code": "SemanticError", "message": "A semantic error occurred.",
                 "innererror": {"code": e.code, "message": str(e)}}
    return 400, fault_body("BadArgumentError", "The request had some invalid properties", inner, correlation)


def resolve_workspace(world, name):
    """GUID, name or ARM id to a workspace GUID, or None."""
    if name in world.workspaces:
        return name
    for g, w in world.workspaces.items():
        if name.lower() in (g.lower(), str(w.get("name", "")).lower(), str(w.get("arm_id", "")).lower()):
            return g
    tail = name.rstrip("/").rsplit("/", 1)[-1].lower()
    if "/" in name:
        for g, w in world.workspaces.items():
            if tail == str(w.get("name", "")).lower():
                return g
    return None


def throttle(world, client):
    limit = world.settings["query_limit"]
    if not limit:
        return None
    now = time.monotonic()
    with world.lock:
        q = world.recent.setdefault(client, [])
        q[:] = [t for t in q if now - t < 30]
        if len(q) >= limit:
            return 429, fault_body("ThrottledError", "The request has been throttled: too many requests"), \
                ({"Retry-After": str(world.settings["query_retry_after"])} if world.settings["query_retry_after"] else {})
        q.append(now)
    return None


def query(world, target, headers, body, url_query, method, act=None):
    """One query. target: ("workspace", id) or ("resource", arm id). Gives (status, body bytes or object, headers,
    what to log)."""
    act = act or {}
    client, bad = entra.check_bearer(world, headers, AUDIENCES)
    if bad:
        status, code, msg, inner = bad
        return status, fault_body(code, msg, {"code": inner, "message": msg} if inner else None), \
            {"WWW-Authenticate": 'Bearer realm="api.loganalytics.io"'} if status == 401 and code == "AuthenticationFailed" \
            else {}, None
    t = throttle(world, client)
    if t:
        return t + (None,)
    text = span_body = None
    extra = []
    if method == "POST":
        if not body or "json" not in headers.get("content-type", "").lower():
            return 200, b"", {}, None      # as the service does: empty success
        try:
            req = json.loads(body)
            text = req.get("query")
            span_body = req.get("timespan")
            extra = req.get("workspaces") or []
        except (ValueError, AttributeError):
            return 400, fault_body("BadArgumentError", "The request had some invalid properties",
                                   {"code": "MalformedJson", "message": "The request body is not valid JSON"}), {}, None
    else:
        text = (url_query.get("query") or [None])[0]
    if not isinstance(text, str) or not text.strip():
        return 400, fault_body("BadArgumentError", "The request had some invalid properties",
                               {"code": "MissingQuery", "message": "The query is missing"}), {}, text
    now = world.clock.now()
    span = (None, None)
    for s in (span_body, (url_query.get("timespan") or [None])[0]):
        if s:
            p = parse_timespan(s, now)
            if p is None:
                return 400, fault_body("BadArgumentError", "The request had some invalid properties",
                                       {"code": "InvalidTimespan", "message": "timespan '%s' is not valid" % s}), {}, text
            span = meet(span, p)
    app = world.apps.get(client, {"workspaces": ["*"]})
    resource = None
    if target[0] == "workspace":
        ws = resolve_workspace(world, target[1]) if entra.GUID.match(target[1]) else None
        if ws is None:
            return 404, fault_body("PathNotFoundError", "The requested path does not exist"), {}, text
        spaces = [ws]
        for x in extra:
            g = resolve_workspace(world, x)
            if g is None:
                return 400, fault_body("BadArgumentError", "The request had some invalid properties",
                                       {"code": "FailedToResolveResource", "message": "Failed to resolve workspace '%s'" % x}), \
                    {}, text
            spaces.append(g)
        for g in spaces:
            if "*" not in app["workspaces"] and g not in app["workspaces"]:
                return 403, fault_body("InsufficientAccessError",
                                       "The provided credentials have insufficient access to perform the requested "
                                       "operation", {"code": "AuthorizationFailedError", "message":
                                                     "User does not have access to the workspace"}), {}, text
    else:
        resource = target[1].lower()
        spaces = None if "*" in app["workspaces"] else list(app["workspaces"])
    want = prefer(headers)
    cc = headers.get("cache-control", "").lower()
    key = (client, tuple(spaces or ()), resource, text, span_body, str(url_query.get("timespan")), want.get("include-statistics"),
           want.get("include-render"))
    use_cache = world.settings["cache"] and not act
    if any(x in cc for x in ("no-cache", "no-store", "max-age=0")):
        use_cache = False
    if use_cache:
        with world.lock:
            hit = world.cache.get(key)
        if hit and 0 <= now - hit[0] < world.settings["cache_s"] * T.SEC:
            return 200, hit[1], {"Age": str((now - hit[0]) // T.SEC)}, text
    corr = headers.get("x-ms-client-request-id") or str(uuid.uuid4())
    missing = set(world.settings["missing_tables"]) | set(act.get("missing_tables") or ())
    view = world.store.view(missing, {n: g for g, w in world.workspaces.items() for n in (g, w.get("name"))})
    t0 = time.perf_counter()
    try:
        view.resource = resource
        cols, rows, _ = run(text, view, now, span, spaces, world.lookup_geo)
    except KqlError as e:
        st, b = kql_error(e, corr)
        return st, b, {}, text
    except RecursionError:
        st, b = kql_error(SyntaxErr("the query is too complex"), corr)
        return st, b, {}, text
    except Exception as e:   # a fault of this evaluator must be loud, and is the simulator's own
        import traceback
        traceback.print_exc()
        return 500, fault_body("SimulatorError", "%s: %s" % (type(e).__name__, e)), {}, text
    err = None
    cap = min(world.settings["row_cap"], act.get("row_cap") or 1 << 60)
    if len(rows) > cap:
        rows, err = rows[:cap], too_many(cap)
    part = act.get("partial")
    if part:
        n = part.get("rows", len(rows))
        rows = rows[:n]
        err = part.get("error") or too_many(n)
    bcap = min(world.settings["byte_cap"], act.get("byte_cap") or 1 << 60)
    text_rows, n, cut = encode_rows(cols, rows, bcap)
    if cut:
        err = too_big(bcap)
    out = ['{"tables":[{"name":"PrimaryResult","columns":%s,"rows":%s}]' % (
        json.dumps([{"name": c, "type": t} for c, t in cols], ensure_ascii=False, separators=(",", ":")), text_rows)]
    if want.get("include-statistics", "").lower() == "true":
        out.append(',"statistics":%s' % json.dumps({"query": {
            "executionTime": round(time.perf_counter() - t0, 6),
            "datasetStatistics": [{"tableRowCount": n, "tableSize": len(text_rows)}]}}))
    if want.get("include-render", "").lower() == "true":
        out.append(',"render":%s' % json.dumps({"visualization": None, "title": None, "accumulate": False,
                                                "isQuerySorted": False, "kind": None}))
    if err:
        out.append(',"error":%s' % json.dumps(err))
    out.append("}")
    data = "".join(out).encode("utf-8", "surrogatepass")
    if use_cache and not err:
        with world.lock:
            if len(world.cache) > 200:
                world.cache.clear()
            if len(data) < 4000000:
                world.cache[key] = (now, data)
    return 200, data, {}, text


def batch(world, headers, body):
    client, bad = entra.check_bearer(world, headers, AUDIENCES)
    if bad:
        return bad[0], fault_body(bad[1], bad[2]), {}
    try:
        reqs = json.loads(body)["requests"]
    except (ValueError, KeyError, TypeError):
        return 400, fault_body("BadArgumentError", "The request had some invalid properties"), {}
    out = []
    for r in reqs:
        h = {"authorization": headers.get("authorization", ""), "content-type": "application/json"}
        h.update({k.lower(): v for k, v in (r.get("headers") or {}).items()})
        if r.get("path") != "/query":
            out.append({"id": r.get("id"), "status": 404, "headers": {},
                        "body": fault_body("PathNotFoundError", "The requested path does not exist")})
            continue
        st, b, hh, _ = query(world, ("workspace", r.get("workspace", "")), h, json.dumps(r.get("body")).encode(), {}, "POST")
        out.append({"id": r.get("id"), "status": st, "headers": hh,
                    "body": json.loads(b) if isinstance(b, bytes) and b else b if b else {}})
    return 200, {"responses": out}, {}
