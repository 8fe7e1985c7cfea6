"""Log rows in SQLite: one SQLite table a log table, real columns, indexes on ingestion and event time.

A row carries three times: TimeGenerated, the ingestion time, and visible_at, before which no query sees it.
Datetimes are ticks (kql.types); dynamic columns are JSON text and are parsed when a scan reads them.
"""

import json
import os
import re
import sqlite3
import threading
import uuid

from .kql import types as T

HERE = os.path.dirname(os.path.abspath(__file__))
DEFAULT_DELAY = 120 * T.SEC
WORKSPACE = "33333333-3333-3333-3333-333333333333"
SUFFIX = {"s": "string", "d": "real", "g": "guid", "b": "bool", "t": "datetime"}
SQLT = {"string": "TEXT", "guid": "TEXT", "dynamic": "TEXT", "real": "REAL", "decimal": "TEXT"}


class BadRow(ValueError):
    pass


def load_schemas():
    with open(os.path.join(HERE, "schemas.json"), encoding="utf-8") as f:
        return json.load(f)


def to_column(v, ty):
    """A JSON value as the column stores it."""
    if ty == "string":
        if v is None:
            return ""
        if isinstance(v, str):
            return v
        if isinstance(v, bool):
            return "true" if v else "false"
        return T.dumps(v) if isinstance(v, (dict, list)) else str(v)
    if v is None:
        return None
    if ty == "datetime":
        t = T.parse_datetime(v) if isinstance(v, str) else None
        if t is None:
            raise BadRow("not a datetime: %r" % (v,))
        return t
    if ty == "real":
        if isinstance(v, str):
            return T.str_to_real(v)
        return float(v)
    if ty in ("int", "long"):
        if isinstance(v, str):
            return T.str_to_long(v)
        return int(v)
    if ty == "bool":
        if isinstance(v, str):
            v = T.str_to_bool(v)
        return None if v is None else int(bool(v))
    if ty == "guid":
        return T.str_to_guid(v) if isinstance(v, str) else None
    if ty == "dynamic":
        if isinstance(v, str):
            try:
                json.loads(v)
                return v if v != "" else None
            except ValueError:
                return T.dumps(v)
        return T.dumps(v)
    if ty == "timespan":
        return T.parse_timespan(v)
    return str(v)


class Table:
    def __init__(self, n, name, spec, std, hidden):
        self.sql = "t%d" % n
        self.name = name
        self.open = bool(spec.get("open"))
        self.cols = []      # (name, type, hidden) in answer order
        self.index = {}
        for c, t in [std[0]] + spec["columns"] + std[1:]:
            self._add(c, t, False)
        for c, t in hidden:
            self._add(c, t, True)

    def _add(self, c, t, hid):
        if c in self.index:
            return
        self.index[c] = len(self.cols)
        self.cols.append((c, t, hid))


class Store:
    def __init__(self, path=":memory:"):
        self.lock = threading.RLock()
        self.path = path
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.execute("PRAGMA journal_mode=MEMORY")
        self.db.execute("PRAGMA synchronous=OFF")
        self.schemas = load_schemas()
        self.tables = {}
        self.n_rows = 0
        self.reset()

    def reset(self):
        with self.lock:
            for t in self.tables.values():
                self.db.execute("DROP TABLE IF EXISTS %s" % t.sql)
            self.tables = {}
            self.n_rows = 0
            self.seq = 0
            for name, spec in self.schemas["tables"].items():
                self._create(name, spec)

    def _create(self, name, spec):
        t = Table(len(self.tables), name, spec, self.schemas["standard"], self.schemas["hidden"])
        self.db.execute("DROP TABLE IF EXISTS %s" % t.sql)
        cols = ["c%d %s" % (i, SQLT.get(ty, "INTEGER")) for i, (_, ty, _) in enumerate(t.cols)]
        self.db.execute("CREATE TABLE %s (id INTEGER PRIMARY KEY, ws TEXT, ing INTEGER, vis INTEGER, %s)" %
                        (t.sql, ", ".join(cols)))
        self.db.execute("CREATE INDEX %s_i ON %s (ing)" % (t.sql, t.sql))
        self.db.execute("CREATE INDEX %s_t ON %s (c%d)" % (t.sql, t.sql, t.index["TimeGenerated"]))
        self.tables[name] = t
        return t

    def declare(self, name, columns, open_=False):
        """A custom table (or more columns for a known one)."""
        with self.lock:
            if name not in self.tables:
                self._create(name, {"open": open_, "columns": [["TimeGenerated", "datetime"]] +
                                    [c for c in columns if c[0] != "TimeGenerated"]})
            else:
                for c, ty in columns:
                    if c not in self.tables[name].index:
                        self._new_column(self.tables[name], c, ty)

    def _new_column(self, t, name, ty):
        t._add(name, ty, name.startswith("_"))
        i = t.index[name]
        self.db.execute("ALTER TABLE %s ADD COLUMN c%d %s%s" % (t.sql, i, SQLT.get(ty, "INTEGER"),
                                                              " DEFAULT ''" if ty == "string" else ""))

    def add(self, items, now, arriving=False):
        """Insert [{table, row, ingested?, visible?, workspace?}]. Times are ISO text. arriving: ingested and visible now."""
        with self.lock:
            batches = {}
            for it in items:
                name, row = it["table"], it["row"]
                t = self.tables.get(name)
                if t is None:
                    raise BadRow("unknown table '%s'" % name)
                tg = row.get("TimeGenerated")
                tg = T.parse_datetime(tg) if tg else now
                if tg is None:
                    raise BadRow("TimeGenerated is not a datetime: %r" % row.get("TimeGenerated"))
                ing = T.parse_datetime(it["ingested"]) if it.get("ingested") else tg + DEFAULT_DELAY
                vis = T.parse_datetime(it["visible"]) if it.get("visible") else ing
                if arriving:
                    ing = vis = now
                if ing is None or vis is None:
                    raise BadRow("ingested/visible is not a datetime")
                ws = it.get("workspace") or WORKSPACE
                self.seq += 1
                for k in row:
                    if k not in t.index:
                        if not t.open:
                            raise BadRow("table '%s' has no column '%s'" % (name, k))
                        self._new_column(t, k, SUFFIX.get(k[-1:], "string") if k[-2:-1] == "_" else "string")
                get = row.get
                vals = [self.seq, ws, ing, vis]
                for c, ty, _ in t.cols:
                    v = get(c)
                    if v is None:
                        v = self._default(c, ty, name, tg, ing, ws, row)
                        vals.append(v)
                    elif ty == "string" and v.__class__ is str:
                        vals.append(v)
                    else:
                        try:
                            vals.append(to_column(v, ty))
                        except (TypeError, ValueError) as e:
                            raise BadRow("table '%s' column '%s': %s" % (name, c, e))
                batches.setdefault(name, []).append(vals)
            self.db.execute("BEGIN")
            try:
                for name, rows in batches.items():
                    t = self.tables[name]
                    n = len(t.cols)
                    full = [r if len(r) == n + 4 else r + ["" if ty == "string" else None
                                                        for _, ty, _ in t.cols[len(r) - 4:]] for r in rows]
                    self.db.executemany("INSERT INTO %s VALUES (%s)" % (t.sql, ",".join("?" * (n + 4))), full)
            except Exception:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")
            self.n_rows += len(items)

    def _default(self, c, ty, table, tg, ing, ws, row):
        if c == "TimeGenerated":
            return tg
        if c == "Type":
            return table
        if c == "TenantId":
            return ws
        if c == "SourceSystem":
            return "Azure"
        if c == "_ItemId":
            return str(uuid.UUID(int=(self.seq * 0x9E3779B97F4A7C15F39CC0605CEDC835) % (1 << 128), version=4))
        if c == "_TimeReceived":
            return ing
        if c == "_IsBillable":
            return "True"
        if c == "_BilledSize":
            return float(sum(len(k) + 8 for k in row))
        if c == "_SubscriptionId":
            m = re.match(r"/subscriptions/([^/]+)", row.get("_ResourceId") or "")
            return m.group(1) if m else ""
        return "" if ty == "string" else None

    def count(self, table=None):
        with self.lock:
            if table is None:
                return {n: self.db.execute("SELECT COUNT(*) FROM %s" % t.sql).fetchone()[0]
                        for n, t in self.tables.items()}
            return self.db.execute("SELECT COUNT(*) FROM %s" % self.tables[table].sql).fetchone()[0]

    def view(self, missing=(), workspaces=None):
        return View(self, set(missing), workspaces or {})


class View:
    """What one query may see: the evaluator's database."""

    def __init__(self, store, missing, workspaces):
        self.store, self.missing, self.ws = store, missing, workspaces
        self.resource = None      # lower-case ARM id: only rows of that resource (and below it)
        self.scanned = 0

    def known(self, name):
        return name in self.store.tables and name not in self.missing

    def columns(self, name):
        return list(self.store.tables[name].cols) if self.known(name) else None

    def is_open(self, name):
        return self.store.tables[name].open

    def wildcard(self, pat):
        rx = re.compile("^" + ".*".join(re.escape(p) for p in pat.split("*")) + "$")
        return [n for n in list(self.store.tables) if rx.match(n) and n not in self.missing]

    def workspace(self, name):
        return self.ws.get(name)

    def scan(self, table, names, workspaces, tg, ing, now):
        t = self.store.tables[table]
        sel, fix = [], []
        for i, n in enumerate(names):
            if n is None:           # a column nobody looks at
                sel.append("NULL")
                continue
            if n == "$ing":
                sel.append("ing")
                continue
            j = t.index.get(n)
            sel.append("c%d" % j)
            ty = t.cols[j][1]
            if ty in ("bool", "dynamic", "decimal"):
                fix.append((i, ty))
        where, args = ["vis <= ?"], [now]
        time = "c%d" % t.index["TimeGenerated"]
        for col, (lo, hi) in ((time, tg), ("ing", ing)):
            if lo is not None:
                where.append(col + " >= ?")
                args.append(lo)
            if hi is not None:
                where.append(col + " <= ?")
                args.append(hi)
        if self.resource:
            rid = "lower(c%d)" % t.index["_ResourceId"]
            where.append("(%s = ? OR substr(%s, 1, ?) = ?)" % (rid, rid))
            args += [self.resource, len(self.resource) + 1, self.resource + "/"]
        if workspaces is not None:
            where.append("ws IN (%s)" % ",".join("?" * len(workspaces)))
            args += workspaces
        with self.store.lock:
            rows = self.store.db.execute("SELECT %s FROM %s WHERE %s ORDER BY id" %
                                         (",".join(sel), t.sql, " AND ".join(where)), args).fetchall()
        self.scanned += len(rows)
        if fix:
            memo = {}

            def loads(s):
                v = memo.get(s)
                if v is None:
                    v = memo[s] = json.loads(s)
                return v
            out = []
            for r in rows:
                r = list(r)
                for i, ty in fix:
                    v = r[i]
                    if v is not None:
                        r[i] = bool(v) if ty == "bool" else loads(v) if ty == "dynamic" else T.str_to_decimal(v)
                out.append(tuple(r))
            rows = out
        return rows
