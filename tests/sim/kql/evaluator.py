"""A parsed query against a store of rows.

Scalar expressions become Python source (class Ex) that is compiled once per operator into a comprehension over
tuples, so a filter over 200,000 rows costs tenths of a second. Names and types are checked while the
operators are built; rows are computed afterwards. What has no column in it is computed at once: the bounds in
`where ingestion_time() >= ago(1h)` are constants, and constant bounds go down to the store's indexes.
"""

import re

from . import types as T
from .errors import SemanticError, SyntaxErr, Unsupported
from .lexer import tokens
from .parser import parse

ING = "$ing"             # the hidden column of ingestion_time()


class UnresolvedTable(SemanticError):
    """A table that does not exist (or not yet): what `union isfuzzy=true` forgives."""


class Col:
    __slots__ = ("name", "type", "hidden")

    def __init__(self, name, type_, hidden=False):
        self.name, self.type, self.hidden = name, type_, hidden


class Rel:
    """A table under construction: columns, and rows() giving a list of tuples."""

    def __init__(self, cols, rows, open_=False):
        self.cols, self._rows = cols, rows
        self.open = open_

    def rows(self):
        return self._rows()

    def find(self, name):
        for i, c in enumerate(self.cols):
            if c.name == name:
                return i
        return -1

    def visible(self):
        return [c for c in self.cols if not c.hidden]


class ScanRel(Rel):
    """Rows of one stored table. Bounds are (low, high) ticks, both inclusive, None = open."""

    def __init__(self, q, table, cols, workspaces, tg=(None, None), ing=(None, None), open_=False):
        self.q, self.table, self.workspaces, self.tg, self.ing = q, table, workspaces, tg, ing
        super().__init__(cols, self._scan, open_)

    def _scan(self):
        need = self.q.needed
        names = [c.name if need is None or c.name in need or c.name == ING else None for c in self.cols]
        return self.q.db.scan(self.table, names, self.workspaces, self.tg, self.ing, self.q.now)

    def bounded(self, which, lo, hi):
        def cut(b):
            a, z = b
            if lo is not None and (a is None or lo > a):
                a = lo
            if hi is not None and (z is None or hi < z):
                z = hi
            return (a, z)
        tg, ing = self.tg, self.ing
        if which == "tg":
            tg = cut(tg)
        else:
            ing = cut(ing)
        return ScanRel(self.q, self.table, self.cols, self.workspaces, tg, ing, self.open)


class Ex:
    """Python source of a scalar. `null`: may it be None; `val`: its value when `const`; `name`: the column
    name that it gets when nobody names it."""
    __slots__ = ("src", "type", "null", "const", "val", "name", "ing", "col")

    def __init__(self, src, type_, null=True, const=False, val=None, name=None, ing=False, col=None):
        self.src, self.type, self.null, self.const, self.val = src, type_, null, const, val
        self.name, self.ing, self.col = name, ing, col


class Ctx:
    """Where a scalar is compiled: columns of `rel` in row variable `var`."""

    def __init__(self, q, rel, scope, op=None, var="r"):
        self.q, self.rel, self.scope, self.op, self.var = q, rel, scope, op, var
        self.row_number = False
        self.agg = None  # a list while an aggregate may stand here

    def fail(self, msg, code=None):
        return SemanticError(("'%s' operator: " % self.op if self.op else "") + msg, code)


class Scope(dict):
    def __init__(self, parent=None):
        super().__init__()
        self.parent = parent

    def look(self, name):
        s = self
        while s is not None:
            if name in s:
                return s[name]
            s = s.parent
        return None


class Query:
    """One run. db: see store.Store.view(); now: ticks; geo: address -> dict or None."""

    def __init__(self, db, now, timespan=(None, None), workspaces=None, geo=None):
        from . import functions
        self.db, self.now, self.timespan, self.workspaces = db, now, timespan, workspaces
        self.geo = geo or (lambda ip: None)
        self.env = dict(functions.ENV)
        self.env["_geo"] = self.geo
        self.n = 0
        self.F = functions
        self.touched = set()
        self.needed = None      # columns worth reading from the store; None = all

    # -- constants and code ---------------------------------------------------------------------------------

    def bind(self, value):
        self.n += 1
        name = "k%d" % self.n
        self.env[name] = value
        return name

    def constant(self, value, type_, name=None):
        if type(value) is int and -1000000 < value < 1000000 or value is None or value is True or value is False:
            src = "(%r)" % value
        else:
            src = self.bind(value)
        return Ex(src, type_, null=value is None, const=True, val=value, name=name)

    def eval(self, src):
        return eval(src, self.env)  # noqa: S307  source made by this module only

    def fn(self, src, type_, args, null=True, name=None):
        """An expression over args; folded when they are all constants."""
        if all(a.const for a in args):
            return self.constant(self.eval(src), type_, name)
        return Ex(src, type_, null, name=name)

    # -- scalars --------------------------------------------------------------------------------------------

    def scalar(self, node, c):
        kind = node[0]
        if kind == "lit":
            return self.constant(node[2], node[1])
        if kind == "dyn":
            return self.constant(node[1], "dynamic")
        if kind == "name":
            return self.name(node[1], c)
        if kind == "bin":
            return self.binary(node, c)
        if kind == "un":
            a = self.scalar(node[2], c)
            if a.type in ("int", "long", "real", "decimal", "timespan"):
                return self.fn("_neg(%s)" % a.src, "long" if a.type == "int" else a.type, [a], a.null)
            raise c.fail("The operator '-' is not defined for the operand type %s" % a.type, "SEM0022")
        if kind == "call":
            return self.call(node, c)
        if kind == "in":
            return self.in_(node, c)
        if kind == "between":
            return self.between(node, c)
        if kind == "prop":
            a = self.scalar(node[1], c)
            if a.type != "dynamic":
                raise c.fail("A value of type %s has no properties ('.%s')" % (a.type, node[2]), "SEM0100")
            return self.fn("_prop(%s,%r)" % (a.src, node[2]), "dynamic", [a], name=a.name and "%s_%s" % (a.name, node[2]))
        if kind == "index":
            a, k = self.scalar(node[1], c), self.scalar(node[2], c)
            if a.type != "dynamic" or k.type not in ("string", "int", "long"):
                raise c.fail("A value of type %s cannot be indexed" % a.type, "SEM0100")
            name = "%s_%s" % (a.name, k.val) if a.name and k.const else None
            return self.fn("_index(%s,%s)" % (a.src, k.src), "dynamic", [a, k], name=name)
        if kind in ("pipe", "print", "range", "datatable", "union", "wstable"):
            raise c.fail("A tabular expression stands where a scalar is expected (toscalar() makes one)", "SEM0100")
        if kind == "side":
            raise c.fail("%s is only for the condition of a join" % node[1])
        if kind == "star":
            raise c.fail("'*' is not expected here", "SEM0100")
        raise Unsupported("expression '%s' is not supported by the simulator" % kind)

    def name(self, n, c):
        if c.rel is not None:
            i = c.rel.find(n)
            if i >= 0 and n != ING:
                if c.agg is not None:
                    raise c.fail("column '%s' stands outside of an aggregate" % n, "SEM0100")
                t = c.rel.cols[i].type
                return Ex("%s[%d]" % (c.var, i), t, null=t != "string", name=n, col=i)
        v = c.scope.look(n)
        if v is not None:
            if v[0] == "scalar":
                e = v[1]
                return Ex(e.src, e.type, e.null, e.const, e.val, name=n if e.const else e.name, ing=e.ing, col=e.col)
            raise c.fail("'%s' is tabular or a function; a scalar is expected" % n, "SEM0100")
        raise c.fail("Failed to resolve scalar expression named '%s'" % n, "SEM0100")

    def as_string(self, a):
        if a.type == "string":
            return a
        return self.fn("_str_%s(%s)" % (a.type, a.src), "string", [a], False)

    def truth(self, node, c):
        """Source whose truthiness decides (null counts as false)."""
        if node[0] == "bin" and node[1] in ("and", "or"):
            return "(%s %s %s)" % (self.truth(node[2], c), node[1], self.truth(node[3], c))
        e = self.scalar(node, c)
        if e.type not in ("bool", "dynamic"):
            raise c.fail("The expression must have the type bool, not %s" % e.type, "SEM0100")
        return e.src

    NUM = ("int", "long", "real", "decimal")

    def binary(self, node, c):
        op = node[1]
        a, b = self.scalar(node[2], c), self.scalar(node[3], c)
        if op in ("and", "or"):
            for e in (a, b):
                if e.type not in ("bool", "dynamic"):
                    raise c.fail("'%s' needs bool, not %s" % (op, e.type), "SEM0024")
            if not a.null and not b.null:
                return self.fn("(%s %s %s)" % (a.src, op, b.src), "bool", [a, b], False)
            return self.fn("_%s(%s,%s)" % (op, a.src, b.src), "bool", [a, b])
        if op in ("==", "!=", "<", ">", "<=", ">="):
            return self.compare(op, a, b, c)
        if op in ("+", "-", "*", "/", "%"):
            return self.arith(op, a, b, c)
        return self.string_op(op, a, b, c)

    def compare(self, op, a, b, c):
        ta, tb = a.type, b.type
        if "dynamic" in (ta, tb):
            if ta == tb == "dynamic":
                if op in ("==", "!="):
                    return self.fn("_%s(%s,%s)" % ("eq" if op == "==" else "ne", a.src, b.src), "bool", [a, b])
                raise c.fail("Cannot compare two dynamic values with '%s'" % op, "SEM0064")
            d, o = (a, b) if ta == "dynamic" else (b, a)
            cast = self.fn("_dyn_as_%s(%s)" % (o.type if o.type != "guid" else "string", d.src), o.type, [d])
            a, b = (cast, b) if ta == "dynamic" else (a, cast)
            ta, tb = a.type, b.type
            if ta == "string":  # a missing property is null, not ""
                if op in ("==", "!="):
                    return self.fn("_%s(%s,%s)" % ("eq" if op == "==" else "ne", a.src, b.src), "bool", [a, b])
        ok = ta == tb or ta in self.NUM and tb in self.NUM
        if {ta, tb} == {"string", "guid"} and op in ("==", "!="):
            g, s = (a, b) if ta == "guid" else (b, a)
            sl = self.fn("(%s).lower()" % s.src, "string", [s], False)
            a, b, ok = g, sl, True
        if not ok:
            raise c.fail("Cannot compare values of types %s and %s. Try adding explicit casts" % (ta, tb), "SEM0064")
        if op in ("==", "!="):
            if a.null and b.null:
                return self.fn("_%s(%s,%s)" % ("eq" if op == "==" else "ne", a.src, b.src), "bool", [a, b])
            return self.fn("(%s%s%s)" % (a.src, op, b.src), "bool", [a, b], False)
        if ta in ("string", "bool", "guid"):
            raise c.fail("The operator '%s' is not defined for the operand types %s and %s" % (op, ta, tb), "SEM0064")
        if a.null or b.null:
            return self.fn("_%s(%s,%s)" % ({"<": "lt", ">": "gt", "<=": "le", ">=": "ge"}[op], a.src, b.src), "bool",
                           [a, b])
        return self.fn("(%s%s%s)" % (a.src, op, b.src), "bool", [a, b], False)

    def arith(self, op, a, b, c):
        ta, tb = a.type, b.type
        for t in (ta, tb):
            if t == "dynamic":
                raise Unsupported("arithmetic on dynamic: cast with tolong() or toreal() first")
        num = ta in self.NUM and tb in self.NUM
        ret = None
        if num:
            ret = "decimal" if "decimal" in (ta, tb) else "real" if "real" in (ta, tb) else "long"
            if ret == "decimal":
                a, b = [e if e.type == "decimal" else self.fn("_dec(%s)" % e.src, "decimal", [e], e.null)
                        for e in (a, b)]
        elif op == "+":
            ret = {("datetime", "timespan"): "datetime", ("timespan", "datetime"): "datetime",
                   ("timespan", "timespan"): "timespan"}.get((ta, tb))
        elif op == "-":
            ret = {("datetime", "timespan"): "datetime", ("datetime", "datetime"): "timespan",
                   ("timespan", "timespan"): "timespan"}.get((ta, tb))
        elif op == "*":
            if ta == "timespan" and tb in self.NUM or tb == "timespan" and ta in self.NUM:
                ret = "timespan"
        elif op == "/":
            if ta == tb == "timespan":
                ret = "real"
            elif ta == "timespan" and tb in self.NUM:
                ret = "timespan"
        elif op == "%":
            if tb == "timespan" and ta in ("timespan", "datetime"):
                ret = "timespan"
        if ret is None:
            raise c.fail("The operator '%s' is not defined for the operand types %s and %s" % (op, ta, tb), "SEM0022")
        f = {"+": "_add", "-": "_sub", "*": "_mul", "/": "_div", "%": "_mod"}[op]
        if ret == "timespan" and op in "*/":
            f += "_ts"
        elif op == "/":
            f = "_div_real" if ret == "real" else "_div_dec" if ret == "decimal" else "_div_int"
        elif op == "%":
            f = "_mod_real" if ret == "real" else "_mod"
        if op in "+-*" and f[-3:] != "_ts" and not a.null and not b.null:
            return self.fn("(%s%s%s)" % (a.src, op, b.src), ret, [a, b], False)
        return self.fn("%s(%s,%s)" % (f, a.src, b.src), ret, [a, b], a.null or b.null or op in "/%")

    def string_op(self, op, a, b, c):
        neg = op.startswith("!") or op == "!~"
        base = op.lstrip("!") if op != "!~" else "=~"
        for e in (a, b):
            if e.type not in ("string", "dynamic", "guid"):
                raise c.fail("The operator '%s' is not defined for the operand types %s and %s" % (op, a.type, b.type),
                             "SEM0064")
        a, b = self.as_string(a), self.as_string(b)
        if base == "=~":
            if b.const:
                src = "(%s.lower()==%s)" % (a.src, self.bind(b.val.lower()))
            else:
                src = "(%s.lower()==%s.lower())" % (a.src, b.src)
        elif base == "contains":
            src = "(%s in %s.lower())" % (self.bind(b.val.lower()) if b.const else b.src + ".lower()", a.src)
        elif base == "contains_cs":
            src = "(%s in %s)" % (b.src, a.src)
        elif base in ("startswith", "endswith"):
            src = "%s.lower().%s(%s)" % (a.src, base, self.bind(b.val.lower()) if b.const else b.src + ".lower()")
        elif base in ("startswith_cs", "endswith_cs"):
            src = "%s.%s(%s)" % (a.src, base[:-3], b.src)
        elif base in ("has", "has_cs", "hasprefix", "hasprefix_cs", "hassuffix", "hassuffix_cs"):
            if b.const:
                src = "(%s(%s) is not None)" % (self.bind(self.F.term_regex(b.val, base).search), a.src)
            else:
                src = "_has(%s,%s,%r)" % (a.src, b.src, base)
        elif base == "matches regex":
            if b.const:
                try:
                    rx = self.F.re2(b.val)
                except re.error as e:
                    raise c.fail("bad regular expression: %s" % e, "SEM0030")
                src = "(%s(%s) is not None)" % (self.bind(rx.search), a.src)
            else:
                src = "(_re2(%s).search(%s) is not None)" % (b.src, a.src)
        else:
            raise Unsupported("operator '%s' is not supported by the simulator" % op)
        if neg:
            src = "(not %s)" % src
        return self.fn(src, "bool", [a, b], False)

    def in_(self, node, c):
        op, left, items = node[1], self.scalar(node[2], c), node[3]
        consts, rest = [], []
        for it in items:
            if self.is_tabular(it, c.scope, c.rel):
                if len(items) != 1:
                    raise c.fail("'%s': a table must be the only operand" % op)
                rel = self.tabular(it, c.scope)
                cols = rel.visible()
                if not cols:
                    raise c.fail("'%s': the table has no column" % op)
                i = rel.find(cols[0].name)
                consts += [(r[i], cols[0].type) for r in rel.rows()]
                continue
            e = self.scalar(it, c)
            if e.const and e.type == "dynamic" and isinstance(e.val, list):
                for v in e.val:
                    consts.append((v, self.F.dyn_type(v)))
            elif e.const:
                consts.append((e.val, e.type))
            else:
                rest.append(e)
        if op in ("has_any", "has_all"):
            if left.type not in ("string", "dynamic"):
                raise c.fail("'%s' is not defined for %s" % (op, left.type), "SEM0064")
            s = self.as_string(left)
            rx = self.bind([self.F.term_regex(T.to_string(v, t), "has").search for v, t in consts])
            parts = "%s(f(%s) for f in %s)" % ("any" if op == "has_any" else "all", "_s_", rx)
            src = "(lambda _s_: %s)(%s)" % (parts, s.src)
            for e in rest:
                if e.type == "dynamic":
                    src = "(%s %s _has_list(%s,%s,%r))" % (src, "or" if op == "has_any" else "and", s.src, e.src, op)
                    if not consts and op == "has_any":
                        src = "_has_list(%s,%s,%r)" % (s.src, e.src, op)
                else:
                    src = "(%s %s _has(%s,%s,'has'))" % (src, "or" if op == "has_any" else "and", s.src,
                                                      self.as_string(e).src)
            return self.fn(src, "bool", [s] + rest, False)
        neg, ci = op.startswith("!"), op.endswith("~")
        lt = left.type
        if lt == "dynamic":
            kinds = {t for _, t in consts} or {"string"}
            if kinds == {"string"}:
                left = self.as_string(left)
                lt = "string"
            elif kinds <= set(self.NUM):
                left = self.fn("_dyn_as_real(%s)" % left.src, "real", [left])
                lt = "real"
        vals = set()
        for v, t in consts:
            if t == lt or t in self.NUM and lt in self.NUM or {t, lt} == {"string", "guid"} or v is None:
                vals.add(v.lower() if ci and isinstance(v, str) else v)
            elif t == "dynamic" and lt == "string":
                vals.add(T.to_string(v, "dynamic"))
            else:
                raise c.fail("Cannot compare values of types %s and %s. Try adding explicit casts" % (lt, t), "SEM0064")
        vals.discard(None)
        l_src = left.src + ".lower()" if ci and lt == "string" else left.src
        src = "(%s in %s)" % (l_src, self.bind(frozenset(vals)))
        for e in rest:
            if e.type == "dynamic":
                src = "(%s or %s in _aslist(%s))" % (src, left.src, e.src)
            elif ci:
                src = "(%s or %s == %s.lower())" % (src, l_src, e.src)
            else:
                cmp = self.compare("==", left, e, c)
                src = "(%s or bool(%s))" % (src, cmp.src)
        if neg:
            src = "(not %s)" % src
        return self.fn(src, "bool", [left] + rest, False)

    def between(self, node, c):
        neg, e, lo, hi = node[1], node[2], node[3], node[4]
        a, b, d = self.scalar(e, c), self.scalar(lo, c), self.scalar(hi, c)
        if a.type == "datetime" and d.type == "timespan":
            d = self.arith("+", b, d, c)
        x = self.compare(">=", a, b, c)
        y = self.compare("<=", a, d, c)
        if x.null or y.null:
            src = "_and(%s,%s)" % (x.src, y.src)
            if neg:
                src = "_not(%s)" % src
            return self.fn(src, "bool", [a, b, d])
        src = "(%s and %s)" % (x.src, y.src)
        if neg:
            src = "(not %s)" % src
        return self.fn(src, "bool", [a, b, d], False)

    # -- calls ----------------------------------------------------------------------------------------------

    def call(self, node, c):
        name, args = node[1], node[2]
        user = c.scope.look(name)
        if user is not None and user[0] == "func":
            return self.call_user(user, name, args, c, False)
        if name == "toscalar":
            rel = self.tabular(args[0], c.scope)
            cols = rel.visible()
            if not cols:
                raise c.fail("toscalar(): no column")
            i = rel.find(cols[0].name)
            rows = rel.rows()
            t = cols[0].type
            return self.constant(rows[0][i] if rows else ("" if t == "string" else None), t)
        if name == "ingestion_time":
            if args:
                raise c.fail("ingestion_time() takes no argument")
            i = c.rel.find(ING) if c.rel is not None else -1
            if i < 0:
                raise Unsupported("ingestion_time() has lost its table: use it directly on a table, before "
                                  "summarize, join, union or project")
            return Ex("%s[%d]" % (c.var, i), "datetime", name="$IngestionTime", ing=True)
        if name in ("column_ifexists", "columnifexists"):
            n = args[0]
            if len(args) != 2 or n[0] != "lit" or n[1] != "string":
                raise c.fail("column_ifexists() needs a column name in quotes and a default", "SEM0219")
            if c.rel is not None and c.rel.find(n[2]) >= 0:
                return self.name(n[2], c)
            e = self.scalar(args[1], c)
            return Ex(e.src, e.type, e.null, e.const, e.val, ing=e.ing, col=e.col)
        if name == "row_number":
            a = [self.scalar(x, c) for x in args]
            if len(a) > 1:
                raise Unsupported("row_number() with a restart condition is not supported by the simulator")
            c.row_number = True
            return Ex("(i_+%s)" % (a[0].src if a else "1"), "long", False)
        if name in self.F.AGGREGATES:
            if c.agg is None:
                raise c.fail("Function '%s' cannot be invoked in current context (aggregate outside summarize)" % name,
                             "SEM0086")
            return self.aggregate(name, args, c)
        f = self.F.FUNCTIONS.get(name)
        if f is None:
            raise Unsupported("Unknown function: '%s'" % name, "SEM0260")
        return f(self, c, args)

    def call_user(self, user, name, args, c, want_tab):
        _, params, lets, body, scope = user
        inner = Scope(scope)
        if len(args) > len(params):
            raise c.fail("%s(): too many arguments" % name, "SEM0219")
        for i, (pn, pt, default) in enumerate(params):
            if i < len(args):
                node = args[i]
            elif default is not None:
                node = default
            else:
                raise c.fail("%s(): argument '%s' is missing" % (name, pn), "SEM0219")
            if isinstance(pt, tuple):
                rel = self.tabular(node, c.scope)
                for want in pt[1]:
                    if want == "*":
                        continue
                    j = rel.find(want[0])
                    if j < 0 or rel.cols[j].type != want[1]:
                        raise c.fail("%s(): the table lacks column %s:%s" % (name, want[0], want[1]), "SEM0219")
                inner[pn] = ("tab", rel)
            else:
                e = self.scalar(node, c)
                if e.type != pt and not (pt in self.NUM and e.type in self.NUM) and e.type != "dynamic":
                    raise c.fail("%s(): argument '%s' should be %s, not %s" % (name, pn, pt, e.type), "SEM0219")
                inner[pn] = ("scalar", Ex(e.src, pt if e.type in self.NUM else e.type, e.null, e.const, e.val))
        self.lets([("let", n, v) for n, v in lets], inner)
        if want_tab:
            return self.tabular(body, inner)
        e = self.scalar(body, Ctx(self, None, inner, name, c.var))  # sees its parameters, not the row
        return Ex(e.src, e.type, e.null, e.const, e.val)

    def aggregate(self, name, args, c):
        """Register one aggregate; gives the expression that reads its result from group tuple g."""
        row = Ctx(self, c.rel, c.scope, c.op, "r")
        src, type_, dname, multi = self.F.AGGREGATES[name](self, row, args, c)
        i = len(c.agg)
        c.agg.append((src, multi))
        if multi:  # several columns at once: (names, types)
            e = Ex("g[%d]" % i, "multi", name=None)
            e.val = multi
            return e
        return Ex("g[%d]" % i, type_, null=type_ != "string", name=dname)

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

    # -- operators ------------------------------------------------------------------------------------------

    def code(self, src):
        return eval(compile(src, "<kql>", "eval"), self.env)  # noqa: S307

    def do_where(self, o, rel, scope):
        conj = []

        def split(n):
            if n[0] == "bin" and n[1] == "and":
                split(n[2])
                split(n[3])
            else:
                conj.append(n)
        split(o[1])
        c = Ctx(self, rel, scope, "where")
        left = []
        for n in conj:
            src = self.truth(n, c)
            b = self.bounds(n, rel, c) if isinstance(rel, ScanRel) else None
            if b:
                rel = rel.bounded(*b)
            else:
                left.append(src)
        if not left:
            return rel
        if c.row_number:
            raise Unsupported("row_number() in where: put it in an extend first")
        f = self.code("lambda rows: [r for r in rows if %s]" % " and ".join(left))
        return Rel(rel.cols, lambda: f(rel.rows()), rel.open)

    def bounds(self, n, rel, c):
        """(which, low, high) when a conjunct is a plain bound on TimeGenerated or ingestion_time()."""
        def side(e):
            if e.ing:
                return "ing"
            if e.col is not None and rel.cols[e.col].name == "TimeGenerated":
                return "tg"
            return None
        if n[0] == "between" and not n[1]:
            a, b, d = self.scalar(n[2], c), self.scalar(n[3], c), self.scalar(n[4], c)
            if side(a) and b.const and d.const and b.val is not None and d.val is not None:
                hi = b.val + d.val if d.type == "timespan" else d.val
                return side(a), b.val, hi
            return None
        if n[0] != "bin" or n[1] not in ("<", "<=", ">", ">=", "=="):
            return None
        a, b, op = self.scalar(n[2], c), self.scalar(n[3], c), n[1]
        if side(b) and a.const:
            a, b = b, a
            op = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "=="}[op]
        if not side(a) or not b.const or b.val is None or b.type != "datetime":
            return None
        v = b.val
        return {"<": (side(a), None, v - 1), "<=": (side(a), None, v), ">": (side(a), v + 1, None),
                ">=": (side(a), v, None), "==": (side(a), v, v)}[op]

    def rowwise(self, c, exprs):
        """A function rows -> rows that makes a tuple of `exprs` of each."""
        body = "(%s)" % "".join(e + "," for e in exprs)
        if c.row_number:
            return self.code("lambda rows: [%s for i_, r in enumerate(rows)]" % body)
        return self.code("lambda rows: [%s for r in rows]" % body)

    def unique(self, cols, c):
        seen = set()
        for x in cols:
            if x.name in seen:
                raise c.fail("A column with the name '%s' is already declared" % x.name, "SEM0102")
            seen.add(x.name)

    def auto_name(self, e, taken, counter):
        if e.name and e.name not in taken:
            return e.name
        if e.name and e.name in taken:
            i = 1
            while e.name + str(i) in taken:
                i += 1
            return e.name + str(i)
        while True:
            counter[0] += 1
            n = "Column%d" % counter[0]
            if n not in taken:
                return n

    def do_extend(self, o, rel, scope):
        c = Ctx(self, rel, scope, "extend")
        cols = list(rel.cols)
        new = {}
        counter = [0]
        for n, node in o[1]:
            e = self.scalar(node, c)
            if isinstance(n, tuple):
                raise Unsupported("tuple assignment in extend is not supported by the simulator")
            if n is None:
                n = e.name or self.auto_name(e, {x.name for x in cols} | set(new), counter)
            new[n] = e
        exprs = []
        fresh = []
        replaced = False
        for i, x in enumerate(cols):
            if x.name in new:
                e = new.pop(x.name)
                cols[i] = Col(x.name, e.type, False)
                exprs.append(e.src)
                replaced = True
            else:
                exprs.append("r[%d]" % i)
        for n, e in new.items():
            cols.append(Col(n, e.type))
            fresh.append(e.src)
        if not replaced:
            if not fresh:
                return Rel(cols, rel.rows, rel.open) if not isinstance(rel, ScanRel) else rel
            loop = "for i_, r in enumerate(rows)" if c.row_number else "for r in rows"
            f = self.code("lambda rows: [r+(%s) %s]" % ("".join(s + "," for s in fresh), loop))
        else:
            f = self.rowwise(c, exprs + fresh)
        return Rel(cols, lambda: f(rel.rows()), rel.open)

    def project_list(self, items, c):
        cols, exprs, counter = [], [], [0]
        for n, node in items:
            if isinstance(n, tuple):
                raise Unsupported("tuple assignment is only supported in summarize")
            e = self.scalar(node, c)
            if n is None:
                n = node[1] if node[0] == "name" else self.auto_name(e, {x.name for x in cols}, counter)
            cols.append(Col(n, e.type))
            exprs.append(e.src)
        self.unique(cols, c)
        return cols, exprs

    def do_project(self, o, rel, scope):
        c = Ctx(self, rel, scope, "project")
        cols, exprs = self.project_list(o[1], c)
        f = self.rowwise(c, exprs)
        return Rel(cols, lambda: f(rel.rows()))

    def match(self, rel, pat, op):
        if "*" in pat:
            rx = re.compile("^" + ".*".join(re.escape(p) for p in pat.split("*")) + "$")
            return [i for i, x in enumerate(rel.cols) if rx.match(x.name) and not x.name.startswith("$")]
        i = rel.find(pat)
        if i < 0:
            raise SemanticError("'%s' operator: Failed to resolve column named '%s'" % (op, pat))
        return [i]

    def pick(self, rel, idx, names=None):
        c = Ctx(self, rel, None)
        cols = [Col(names.get(i, rel.cols[i].name) if names else rel.cols[i].name, rel.cols[i].type, rel.cols[i].hidden)
                for i in idx]
        f = self.rowwise(c, ["r[%d]" % i for i in idx])
        return Rel(cols, lambda: f(rel.rows()), rel.open)

    def do_project_away(self, o, rel, scope):
        gone = {i for p in o[1] for i in self.match(rel, p, "project-away")}
        return self.pick(rel, [i for i in range(len(rel.cols)) if i not in gone])

    def do_project_keep(self, o, rel, scope):
        keep = {i for p in o[1] for i in self.match(rel, p, "project-keep")}
        return self.pick(rel, [i for i in range(len(rel.cols)) if i in keep])

    def do_project_rename(self, o, rel, scope):
        names = {}
        for new, old in o[1]:
            i = rel.find(old)
            if i < 0:
                raise SemanticError("'project-rename' operator: Failed to resolve column named '%s'" % old)
            names[i] = new
        out = self.pick(rel, list(range(len(rel.cols))), names)
        self.unique(out.cols, Ctx(self, rel, scope, "project-rename"))
        return out

    def do_project_reorder(self, o, rel, scope):
        front = []
        for p, order in o[1]:
            ix = [i for i in self.match(rel, p, "project-reorder") if i not in front]
            if order:
                ix.sort(key=lambda i: rel.cols[i].name, reverse="desc" in order)
            front += ix
        return self.pick(rel, front + [i for i in range(len(rel.cols)) if i not in front])

    def do_count(self, o, rel, scope):
        return Rel([Col("Count", "long")], lambda: [(len(rel.rows()),)])

    def const_long(self, node, scope, op):
        e = self.scalar(node, Ctx(self, None, scope, op))
        if not e.const or e.type not in ("int", "long") or e.val is None or e.val < 0:
            raise SemanticError("'%s' operator: a whole number is expected" % op)
        return e.val

    def do_take(self, o, rel, scope):
        n = self.const_long(o[1], scope, "take")
        return Rel(rel.cols, lambda: rel.rows()[:n], rel.open)

    def do_sort(self, o, rel, scope, op="sort"):
        c = Ctx(self, rel, scope, op)
        keys = []
        for node, desc, last in o[1]:
            e = self.scalar(node, c)
            if e.type == "dynamic":
                raise c.fail("The value of type 'dynamic' is not allowed in this context", "SEM0030")
            keys.append((self.code("lambda r: %s" % e.src), desc, last, e.type == "real"))

        def rows():
            out = list(rel.rows())
            for f, desc, last, real in reversed(keys):
                good, bad = [], []
                for r in out:
                    v = f(r)
                    (bad if v is None or real and v != v else good).append(r)
                good.sort(key=f, reverse=desc)
                out = good + bad if last else bad + good
            return out
        return Rel(rel.cols, rows, rel.open)

    def do_top(self, o, rel, scope):
        n = self.const_long(o[1], scope, "top")
        s = self.do_sort(("sort", o[2]), rel, scope, "top")
        return Rel(s.cols, lambda: s.rows()[:n], rel.open)

    def do_distinct(self, o, rel, scope):
        c = Ctx(self, rel, scope, "distinct")
        items = o[1] if o[1] is not None else [(None, ("name", x.name)) for x in rel.visible()]
        cols, exprs = self.project_list(items, c)
        for x in cols:
            if x.type == "dynamic":
                raise c.fail("The value of type 'dynamic' is not allowed in this context", "SEM0030")
        f = self.rowwise(c, exprs)
        return Rel(cols, lambda: list(dict.fromkeys(f(rel.rows()))))

    def do_summarize(self, o, rel, scope):
        c = Ctx(self, rel, scope, "summarize")
        by_cols, by_src, counter = [], [], [0]
        for n, node in o[2]:
            e = self.scalar(node, c)
            if e.type == "dynamic":
                raise c.fail("Summarize group key '%s' is of a 'dynamic' type. Please use an explicit cast (for example, "
                             "'summarize ... by tostring(%s)')" % (e.name or n, e.name or n), "SEM0030")
            by_cols.append(Col(n or self.auto_name(e, {x.name for x in by_cols}, counter), e.type))
            by_src.append(e.src)
        c.agg = []
        c.by = {x.name for x in by_cols}
        outs = []
        taken = {x.name for x in by_cols}
        for n, node in o[1]:
            e = self.scalar(node, c)
            if e.type == "multi":
                names, types = e.val
                names = list(names)
                if isinstance(n, tuple):
                    names = list(n[:len(names)]) + names[len(n):]
                elif n:
                    names[0] = n
                for j, (nm, ty) in enumerate(zip(names, types)):
                    if nm in taken:
                        if nm in c.by and not n:
                            pass
                        k = 1
                        while nm + str(k) in taken:
                            k += 1
                        nm = nm + str(k)
                    taken.add(nm)
                    outs.append((Col(nm, ty), "%s[%d]" % (e.src, j)))
                continue
            if isinstance(n, tuple):
                n = n[0]
            if n is None:
                n = self.auto_name(e, taken, counter)
            taken.add(n)
            outs.append((Col(n, e.type), e.src))
        cols = by_cols + [x for x, _ in outs]
        self.unique(cols, c)
        slots = [self.code("lambda rows: %s" % s) for s, _ in c.agg]
        final = self.code("lambda g: (%s)" % "".join(s + "," for _, s in outs))
        if by_src:
            one = len(by_src) == 1
            env = dict(self.env)
            exec("def group(rows):\n d = {}\n get = d.get\n for r in rows:\n  k = %s\n  l = get(k)\n"  # noqa: S102
                 "  if l is None: d[k] = [r]\n  else: l.append(r)\n return d" %
                 (by_src[0] if one else "(%s)" % ",".join(by_src)), env)
            group = env["group"]

            def rows():
                out = []
                for k, g in group(rel.rows()).items():
                    head = (k,) if one else k
                    out.append(head + final([s(g) for s in slots]))
                return out
        else:
            def rows():
                g = rel.rows()
                return [final([s(g) for s in slots])]
        return Rel(cols, rows)

    # -- join, lookup, union, mv-expand ---------------------------------------------------------------------

    def join_keys(self, conds, left, right, scope, op):
        pairs = []

        def side(n, which):
            rel = left if which == "$left" else right
            return self.scalar(("name", n), Ctx(self, rel, Scope(), op, "r"))

        def walk(n):
            if n[0] == "bin" and n[1] == "and":
                walk(n[2])
                walk(n[3])
            elif n[0] == "name":
                for rel in (left, right):
                    if rel.find(n[1]) < 0:
                        raise SemanticError("'%s' operator: Failed to resolve column named '%s' on both sides" %
                                            (op, n[1]))
                pairs.append((side(n[1], "$left"), side(n[1], "$right"), n[1], n[1]))
            elif n[0] == "bin" and n[1] == "==" and {n[2][0], n[3][0]} == {"side"} and n[2][1] != n[3][1]:
                a, b = (n[2], n[3]) if n[2][1] == "$left" else (n[3], n[2])
                pairs.append((side(a[2], "$left"), side(b[2], "$right"), a[2], b[2]))
            else:
                raise SemanticError("'%s' operator: only column entities or equality of $left and $right columns are "
                                    "allowed in this context" % op)
        for n in conds:
            walk(n)
        for a, b, x, y in pairs:
            if a.type == "dynamic" or b.type == "dynamic":
                raise SemanticError("'%s' operator: join key '%s' is of a 'dynamic' type; use an explicit cast" % (op, x))
            if a.type != b.type:
                raise SemanticError("'%s' operator: the keys %s (%s) and %s (%s) have different types" %
                                    (op, x, a.type, y, b.type))
        return pairs

    @staticmethod
    def blank(cols):
        return tuple("" if x.type == "string" else None for x in cols)

    def do_join(self, o, rel, scope):
        kind = o[1]
        right = self.tabular(o[2], scope, "join")
        left = rel
        pairs = self.join_keys(o[3], left, right, scope, "join")
        lk = self.code("lambda r: (%s)" % "".join(a.src + "," for a, _, _, _ in pairs))
        rk = self.code("lambda r: (%s)" % "".join(b.src + "," for _, b, _, _ in pairs))
        kind = {"anti": "leftanti", "leftantisemi": "leftanti", "rightantisemi": "rightanti"}.get(kind, kind)
        drop = lambda cols: [i for i, x in enumerate(cols) if x.name != ING]  # noqa: E731
        li, ri = drop(left.cols), drop(right.cols)
        lcols = [left.cols[i] for i in li]
        rcols = [right.cols[i] for i in ri]
        lp = self.code("lambda r: (%s)" % "".join("r[%d]," % i for i in li))
        rp = self.code("lambda r: (%s)" % "".join("r[%d]," % i for i in ri))
        if kind in ("leftanti", "leftsemi"):
            def rows():
                keys = {rk(r) for r in right.rows()}
                keys = {k for k in keys if None not in k}
                want = kind == "leftsemi"
                return [lp(r) for r in left.rows() if (lk(r) in keys) == want]
            return Rel(lcols, rows)
        if kind in ("rightanti", "rightsemi"):
            def rows():
                keys = {lk(r) for r in left.rows()}
                keys = {k for k in keys if None not in k}
                want = kind == "rightsemi"
                return [rp(r) for r in right.rows() if (rk(r) in keys) == want]
            return Rel(rcols, rows)
        taken = {x.name for x in lcols}
        out = list(lcols)
        for x in rcols:
            n = x.name
            k = 0
            while n in taken:
                k += 1
                n = x.name + str(k)
            taken.add(n)
            out.append(Col(n, x.type, x.hidden))
        lb, rb = self.blank(lcols), self.blank(rcols)

        def rows():
            table = {}
            rrows = right.rows()
            for r in rrows:
                k = rk(r)
                if None in k:
                    continue
                table.setdefault(k, []).append(r)
            res = []
            used = set()
            seen = set()
            for r in left.rows():
                k = lk(r)
                if kind == "innerunique":
                    if k in seen:
                        continue
                    seen.add(k)
                hit = table.get(k)
                if hit:
                    a = lp(r)
                    for x in hit:
                        res.append(a + rp(x))
                    used.add(k)
                elif kind in ("leftouter", "fullouter"):
                    res.append(lp(r) + rb)
            if kind in ("rightouter", "fullouter"):
                for r in rrows:
                    if rk(r) not in used:
                        res.append(lb + rp(r))
            return res
        return Rel(out, rows)

    def do_lookup(self, o, rel, scope):
        kind = o[1]
        right = self.tabular(o[2], scope, "lookup")
        pairs = self.join_keys(o[3], rel, right, scope, "lookup")
        lk = self.code("lambda r: (%s)" % "".join(a.src + "," for a, _, _, _ in pairs))
        rk = self.code("lambda r: (%s)" % "".join(b.src + "," for _, b, _, _ in pairs))
        gone = {y for _, _, _, y in pairs} | {ING}
        li = [i for i, x in enumerate(rel.cols) if x.name != ING]
        ri = [i for i, x in enumerate(right.cols) if x.name not in gone]
        lcols = [rel.cols[i] for i in li]
        taken = {x.name for x in lcols}
        out = list(lcols)
        rcols = [right.cols[i] for i in ri]
        for x in rcols:
            n, k = x.name, 0
            while n in taken:
                k += 1
                n = x.name + str(k)
            taken.add(n)
            out.append(Col(n, x.type, x.hidden))
        lp = self.code("lambda r: (%s)" % "".join("r[%d]," % i for i in li))
        rp = self.code("lambda r: (%s)" % "".join("r[%d]," % i for i in ri))
        rb = self.blank(rcols)

        def rows():
            table = {}
            for r in right.rows():
                k = rk(r)
                if None not in k:
                    table.setdefault(k, []).append(rp(r))
            res = []
            for r in rel.rows():
                hit = table.get(lk(r))
                if hit:
                    a = lp(r)
                    res += [a + x for x in hit]
                elif kind == "leftouter":
                    res.append(lp(r) + rb)
            return res
        return Rel(out, rows)

    def do_union(self, o, rel, scope):
        p, legs = o[1], o[2]
        fuzzy = str(p.get("isfuzzy", "false")).lower() == "true"
        kind = p.get("kind", "outer")
        if kind not in ("inner", "outer"):
            raise SyntaxErr("Unknown union kind '%s'" % kind)
        source = p.get("withsource") or p.get("with_source")
        parts = []
        if rel is not None:
            parts.append(("union_arg0", rel))
        lost = None
        for i, leg in enumerate(legs):
            if leg[0] == "wild":
                names = self.db.wildcard(leg[1])
                if not names and not fuzzy:
                    raise UnresolvedTable("'union' operator: Failed to resolve table expression named '%s'" % leg[1])
                parts += [(n, self.table(n, None)) for n in names]
                continue
            try:
                r = self.tabular(leg, scope, "union")
            except UnresolvedTable as e:
                if not fuzzy:
                    raise
                lost = e
                continue
            parts.append((leg[1] if leg[0] == "name" else "union_arg%d" % (i + (rel is not None)), r))
        if not parts:
            raise lost or SemanticError("'union' operator: no table")
        order, types = [], {}
        for _, r in parts:
            for x in r.cols:
                if x.name == ING:
                    continue
                if x.name not in types:
                    order.append(x.name)
                    types[x.name] = []
                if (x.type, ) not in [(t,) for t, _ in types[x.name]]:
                    types[x.name].append((x.type, x.hidden))
        if kind == "inner":
            order = [n for n in order if all(r.find(n) >= 0 for _, r in parts)]
        cols = []
        for n in order:
            if len(types[n]) == 1:
                cols.append((Col(n, types[n][0][0], types[n][0][1]), n))
            else:
                cols += [(Col("%s_%s" % (n, t), t, h), n) for t, h in types[n]]
        funcs = []
        for tag, r in parts:
            exprs = [repr(tag)] if source else []
            for x, n in cols:
                i = r.find(n)
                if i >= 0 and r.cols[i].type == x.type:
                    exprs.append("r[%d]" % i)
                else:
                    exprs.append("''" if x.type == "string" else "None")
            funcs.append((r, self.rowwise(Ctx(self, r, None), exprs)))

        def rows():
            out = []
            for r, f in funcs:
                out += f(r.rows())
            return out
        head = [Col(source, "string")] if source else []
        return Rel(head + [x for x, _ in cols], rows, any(r.open for _, r in parts))

    def do_mv_expand(self, o, rel, scope):
        p, items, limit = o[1], o[2], o[3]
        if p.get("bagexpansion") not in (None, "bag", "array") or p.get("kind") not in (None, "bag", "array"):
            raise SyntaxErr("mv-expand: bagexpansion is 'bag' or 'array'")
        as_array = "array" in (p.get("bagexpansion"), p.get("kind"))
        c = Ctx(self, rel, scope, "mv-expand")
        n = self.const_long(limit, scope, "mv-expand") if limit is not None else None
        cols = list(rel.cols)
        work = []
        for name, node, ty in items:
            e = self.scalar(node, c)
            if e.type != "dynamic":
                raise c.fail("mv-expand: expected a dynamic value, not %s" % e.type, "SEM0030")
            name = name or e.name
            if not name:
                raise c.fail("mv-expand: the expression needs a name")
            i = next((j for j, x in enumerate(cols) if x.name == name), -1)
            t = ty or "dynamic"
            if i < 0:
                cols.append(Col(name, t))
                i = len(cols) - 1
            else:
                cols[i] = Col(name, t)
            cast = self.code("lambda v: _dyn_cast_%s(v)" % t) if t != "dynamic" else None
            work.append((i, self.code("lambda r: %s" % e.src), cast))
        index = p.get("with_itemindex")
        if index:
            cols.append(Col(index, "long"))
        width = len(cols)

        def parts(v):
            if isinstance(v, list):
                return v
            if isinstance(v, dict):
                return [[k, x] for k, x in v.items()] if as_array else [{k: x} for k, x in v.items()]
            return [v]

        def rows():
            out = []
            for r in rel.rows():
                seqs = [parts(f(r)) for _, f, _ in work]
                m = max(len(s) for s in seqs)
                if n is not None:
                    m = min(m, n)
                base = list(r) + [None] * (width - len(r))
                for j in range(m):
                    row = list(base)
                    for (i, _, cast), s in zip(work, seqs):
                        v = s[j] if j < len(s) else None
                        row[i] = cast(v) if cast else v
                    if index:
                        row[-1] = j
                    out.append(tuple(row))
            return out
        return Rel(cols, rows, rel.open)

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


class Lazy:
    """A tabular let: built when first used, its rows computed once."""

    def __init__(self, q, node, scope):
        self.q, self.node, self.scope, self.rel, self.busy, self.err = q, node, Scope(scope), None, False, None
        self.scope.update(scope)
        self.used = False

    def get(self):
        self.used = True
        if self.rel is None:
            r = self.q.tabular(self.node, self.scope)
            self.rel = r if isinstance(r, ScanRel) else self.q.cached(r)
        return self.rel


def mentioned(text, outputs):
    """Names of columns that the query can need: all words of its text and what it gives back (a name that a join or a
    union made longer is cut to the original). None when a '*' may mean any column."""
    need = set()
    last = None
    for kind, v, _, _ in tokens(text):
        if kind == "op" and v == "*" and last is not None and last[0] == "op" and last[1] in ("(", ","):
            return None
        if kind in ("ident", "str"):
            need.add(v)
        last = (kind, v)
    if "pack_all" in need or "distinct" in need:
        return None
    for n in outputs:
        need |= {n, n.rstrip("0123456789"), n.rpartition("_")[0]}
    return need


def run(text, db, now, timespan=(None, None), workspaces=None, geo=None):
    """(columns as [(name, type)], rows as tuples, names of tables touched). Raises KqlError."""
    statements, final = parse(text)
    q = Query(db, now, timespan, workspaces, geo)
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
