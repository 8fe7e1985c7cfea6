"""The Logs Ingestion API: POST /dataCollectionRules/{dcr}/streams/{stream}?api-version=2023-01-01"""

import json
import sys
import zlib

from . import entra
from .kql import types as T
from .store import BadRow, to_column

AUDIENCES = ("https://monitor.azure.com", "https://monitor.azure.us", "https://monitor.azure.cn")


def err(status, code, message):
    return status, {"error": {"code": code, "message": message}}, {}


def too_long(n, cap):
    return err(413, "ContentLengthLimitExceeded",
               "Maximum allowed content length: %d bytes (1 MB). Provided content length: %d bytes." % (cap, n))


def gunzip(body, cap):
    """At most cap + 1 bytes of what is inside, or None when it is not gzip."""
    d = zlib.decompressobj(31)
    try:
        out = d.decompress(body, cap + 1)
        if len(out) <= cap and not d.eof:
            return None
        return out
    except zlib.error:
        return None


def ingest(world, dcr, stream, headers, q, body):
    client, bad = entra.check_bearer(world, headers, AUDIENCES)
    if bad:
        return err(401 if bad[0] == 401 else 403, "OperationFailed" if bad[0] == 403 else bad[1], bad[2])
    cap = world.settings["ingestion_cap"]
    if len(body) > cap:
        return too_long(len(body), cap)
    if q.get("api-version", [""])[0] not in ("2023-01-01", "2021-11-01-preview"):
        return err(400, "UnsupportedApiVersion", "The api-version '%s' is not supported" % q.get("api-version", [""])[0])
    rule = world.dcrs.get(dcr)
    if rule is None:
        return err(404, "NotFound", "Data collection rule with immutable Id '%s' not found." % dcr)
    app = world.apps.get(client, {"dcrs": ["*"]})
    if "*" not in app["dcrs"] and dcr not in app["dcrs"]:
        return err(403, "OperationFailed", "The authentication token provided does not have access to ingest data for "
                   "the data collection rule with immutable Id '%s' PipelineAccessResult: AccessGranted: False" % dcr)
    spec = rule["streams"].get(stream)
    if spec is None:
        return err(400, "InvalidStream", "The stream %s was not configured in rule %s" % (stream, dcr))
    enc = headers.get("content-encoding", "identity").lower()
    raw = body
    if enc == "gzip":
        raw = gunzip(body, cap)
        if raw is None:
            return err(400, "InvalidContentEncoding", "The body is not valid gzip")
    elif enc != "identity":
        return err(400, "InvalidContentEncoding", "Content-Encoding '%s' is not supported" % enc)
    if len(raw) > cap:
        return too_long(len(raw), cap)
    if not raw:
        return err(500, "InternalServerError", "The body is empty")
    try:
        rows = json.loads(raw)
        if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
            raise ValueError("not an array of objects")
    except (ValueError, UnicodeDecodeError) as e:
        return err(400, "InvalidPayload", "The payload is not a JSON array of objects: %s" % e)
    now = world.clock.now()
    kept, dropped, items = [], set(), []
    for r in rows:
        out = {}
        for name, ty in spec["columns"]:
            if name not in r:
                continue
            try:
                v = to_column(r[name], ty)
            except (TypeError, ValueError):
                v = None                       # a wrong type becomes null
            if ty == "string" and isinstance(v, str) and len(v) > 65536:
                v = v[:65536]
            out[name] = T.format_datetime(v) if ty == "datetime" and v is not None else v
        declared = {n for n, _ in spec["columns"]}
        dropped |= set(r) - declared
        tg = T.parse_datetime(out["TimeGenerated"]) if out.get("TimeGenerated") else None
        if tg is None or tg < now - 2 * T.DAY or tg > now + T.DAY:
            out["TimeGenerated"] = T.format_datetime(now)
        kept.append(out)
        items.append({"table": spec["table"], "row": {k: v for k, v in out.items() if v is not None},
                      "ingested": T.format_datetime(now + world.settings["ingest_delay_s"] * T.SEC)})
    with world.lock:
        world.ingested.append({"n": len(world.ingested) + 1, "time": T.format_datetime(now), "dcr": dcr, "stream": stream,
                               "rows": rows, "stored": kept, "dropped_columns": sorted(dropped), "client": client,
                               "bytes": len(body), "raw_bytes": len(raw), "gzip": enc == "gzip"})
        world.changed.notify_all()
    if world.settings["ingest_into_tables"]:
        world.store.declare(spec["table"], spec["columns"])
        try:
            world.store.add(items, now)
        except BadRow as e:
            print("sim: ingested rows not stored: %s" % e, file=sys.stderr, flush=True)
    return 204, b"", {}
