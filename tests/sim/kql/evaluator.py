"""A parsed query against a store of rows.

Scalar expressions become Python source (model.Ex) that is compiled once per operator into a comprehension over
tuples, so a filter over 200,000 rows costs tenths of a second. Names and types are checked while the
operators are built; rows are computed afterwards. What has no column in it is computed at once: the bounds in
`where ingestion_time() >= ago(1h)` are constants, and constant bounds go down to the store's indexes.
"""

import functools

from . import functions
from . import types as T
from .errors import SemanticError, Unsupported
from .expressions import Expressions
from .lexer import tokens
from .model import Col, Ctx, ING, Lazy, Rel, ScanRel, Scope, UnresolvedTable
from .operators import Operators
from .parser import parse, shape


class Query(Expressions, Operators):
    """One run. db: see store.Store.view(); now: ticks; geo: address -> dict or None."""

    def __init__(self, db, now, timespan=(None, None), workspaces=None, geo=None):
        self.db, self.now, self.timespan, self.workspaces = db, now, timespan, workspaces
        self.geo = geo or (lambda ip: None)
        self.env = dict(functions.ENV)
        self.env["_geo"] = self.geo
        self.n = 0
        self.F = functions
        self.times = []         # what parser.shape() took out of the text
        self.touched = set()
        self.needed = None      # columns worth reading from the store; None = all

    # -- tables ---------------------------------------------------------------------------------------------

    def is_tabular(self, node, scope, rel=None):
        k = node[0]
        if k in ("pipe", "print", "range", "datatable", "union", "wstable", "wild"):
            return True
        if k == "name":
            if rel is not None and rel.find(node[1]) >= 0:
                return False
            v = scope.look(node[1])
            if v is not None:
                return v[0] in ("tab", "lazy")
            return self.db.known(node[1])
        if k == "call":
            if node[1] == "materialize":
                return True
            v = scope.look(node[1])
            if v is not None and v[0] == "func":
                return self.is_tabular(v[3], self.func_scope(v))
        return False

    def func_scope(self, v):
        s = Scope(v[4])
        for pn, pt, _ in v[1]:
            s[pn] = ("tab", None) if isinstance(pt, tuple) else ("scalar", None)
        for n, node in v[2]:
            s[n] = ("func",) + node[1:] + (s,) if node[0] == "func" else \
                ("tab", None) if self.is_tabular(node, s) else ("scalar", None)
        return s

    def table(self, name, scope, op=None, workspaces=None):
        v = scope.look(name) if scope is not None else None
        if v is not None and workspaces is None:
            if v[0] == "tab":
                return v[1]
            if v[0] == "lazy":
                return v[1].get()
            raise SemanticError("'%s' is not tabular" % name)
        cols = self.db.columns(name)
        if cols is None:
            raise UnresolvedTable("%sFailed to resolve table or column expression named '%s'" % (
                "'%s' operator: " % op if op else "", name))
        self.touched.add(name)
        cols = [Col(n, t, h) for n, t, h in cols] + [Col(ING, "datetime", True)]
        return ScanRel(self, name, cols, workspaces or self.workspaces, self.timespan, (None, None), self.db.is_open(name))

    def tabular(self, node, scope, op=None):
        k = node[0]
        if k == "pipe":
            rel = self.tabular(node[1], scope, node[2][0][0])
            for o in node[2]:
                rel = getattr(self, "do_" + o[0].replace("-", "_"))(o, rel, scope)
            return rel
        if k == "name":
            return self.table(node[1], scope, op)
        if k == "wstable":
            a = node[1]
            if len(a) != 1 or a[0][:2] != ("lit", "string"):
                raise SemanticError("workspace() needs one name in quotes")
            ws = self.db.workspace(a[0][2])
            if ws is None:
                raise SemanticError("Failed to resolve workspace '%s'" % a[0][2])
            return self.table(node[2], None, op, [ws])
        if k == "call":
            if node[1] == "materialize":
                return self.cached(self.tabular(node[2][0], scope))
            v = scope.look(node[1])
            if v is not None and v[0] == "func":
                return self.call_user(v, node[1], node[2], Ctx(self, None, scope), True)
            raise Unsupported("Unknown function: '%s'" % node[1], "SEM0260")
        if k == "print":
            c = Ctx(self, None, scope, "print")
            cols, vals = [], []
            for i, (n, e) in enumerate(node[1]):
                x = self.scalar(e, c)
                cols.append(Col(n or "print_%d" % i, x.type))
                vals.append(x)
            self.unique(cols, c)
            row = tuple(self.eval(x.src) for x in vals)
            return Rel(cols, lambda: [row])
        if k == "datatable":
            cols = [Col(n, t) for n, t in node[1]]
            c = Ctx(self, None, scope, "datatable")
            vals = []
            n = len(cols)
            if n == 0 or len(node[2]) % n:
                raise SemanticError("datatable: the number of values is not a multiple of the number of columns")
            for i, e in enumerate(node[2]):
                x = self.scalar(e, c)
                t = cols[i % n].type
                if not x.const:
                    raise SemanticError("datatable: constants only")
                vals.append(self.coerce(x.val, x.type, t))
            rows = [tuple(vals[i:i + n]) for i in range(0, len(vals), n)]
            return Rel(cols, lambda: rows)
        if k == "range":
            return self.range_(node, scope)
        if k == "union":
            return self.do_union(node, None, scope)
        raise SemanticError("%sa tabular expression is expected" % ("'%s' operator: " % op if op else ""))

    def coerce(self, v, have, want):
        if v is None:
            return "" if want == "string" else None
        if have == want:
            return v
        if want == "dynamic":
            return T.to_dynamic(v, have)
        if want in self.NUM and have in self.NUM:
            return float(v) if want == "real" else int(v) if want in ("int", "long") else T.str_to_decimal(str(v))
        if have == "string":
            f = {"datetime": T.parse_datetime, "timespan": T.parse_timespan, "guid": T.str_to_guid,
                 "int": T.str_to_int, "long": T.str_to_long, "real": T.str_to_real, "bool": T.str_to_bool}.get(want)
            if f:
                return f(v)
        raise SemanticError("datatable: a %s value stands where %s is declared" % (have, want))

    def range_(self, node, scope):
        c = Ctx(self, None, scope, "range")
        a, b, s = (self.scalar(x, c) for x in node[2:5])
        if not (a.const and b.const and s.const):
            raise SemanticError("range: constants only")
        t = a.type if a.type not in ("int",) else "long"
        if "real" in (a.type, b.type, s.type) and t != "datetime":
            t = "real"
        out = []
        x = a.val
        if not s.val:
            raise SemanticError("range: step is zero")
        while (x <= b.val if s.val > 0 else x >= b.val):
            out.append((x,))
            x += s.val
            if len(out) > 1000000:
                raise SemanticError("range: more than 1000000 rows")
        return Rel([Col(node[1], t)], lambda: out)

    @staticmethod
    def cached(rel):
        box = []

        def rows():
            if not box:
                box.append(rel.rows())
            return box[0]
        return Rel(rel.cols, rows, rel.open)

    # -- let ------------------------------------------------------------------------------------------------

    def lets(self, statements, scope):
        made = []
        for _, name, node in statements:
            if node[0] == "func":
                scope[name] = ("func", node[1], node[2], node[3], scope)
            elif self.is_tabular(node, scope):
                lz = Lazy(self, node, scope)
                scope[name] = ("lazy", lz)
                made.append(lz)
            elif node[0] == "name" and scope.look(node[1]) is None:
                lz = Lazy(self, node, scope)  # a table that is not there: an error when it is used
                scope[name] = ("lazy", lz)
                made.append(lz)
            else:
                e = self.scalar(node, Ctx(self, None, scope))
                if not e.const:
                    raise SemanticError("let %s: not a constant" % name)
                scope[name] = ("scalar", e)
        return made


@functools.lru_cache(maxsize=256)
def words(text):
    """What may name a column in it; None when a '*' may mean any."""
    need = set()
    last = None
    for kind, v, _, _ in tokens(text):
        if kind == "op" and v == "*" and last is not None and last[0] == "op" and last[1] in ("(", ","):
            return None
        if kind in ("ident", "str"):
            need.add(v)
        last = (kind, v)
    return None if "pack_all" in need or "distinct" in need else frozenset(need)


def mentioned(text, outputs):
    """Names of columns that the query can need: all words of its text and what it gives back (a name that a join or a
    union made longer is cut to the original). None when it may need all of them."""
    need = words(text)
    return None if need is None else need.union(*((n, n.rstrip("0123456789"), n.rpartition("_")[0]) for n in outputs))


def run(text, db, now, timespan=(None, None), workspaces=None, geo=None):
    """(columns as [(name, type)], rows as tuples, names of tables touched). Raises KqlError."""
    text, times = shape(text)
    statements, final = parse(text, bool(times))
    q = Query(db, now, timespan, workspaces, geo)
    q.times = times
    scope = Scope()
    made = q.lets(statements, scope)
    if not q.is_tabular(final, scope):
        if final[0] == "name":
            q.table(final[1], scope)
        raise SemanticError("The query is not a tabular expression", "SEM0100")
    rel = q.tabular(final, scope)
    for lz in made:
        if not lz.used:
            lz.get()
    keep = [i for i, x in enumerate(rel.cols) if not x.hidden and x.name != ING]
    q.needed = mentioned(text, [rel.cols[i].name for i in keep])
    rows = rel.rows()
    if len(keep) != len(rel.cols):
        f = q.rowwise(Ctx(q, rel, None), ["r[%d]" % i for i in keep])
        rows = f(rows)
    return [(rel.cols[i].name, rel.cols[i].type) for i in keep], rows, q.touched
