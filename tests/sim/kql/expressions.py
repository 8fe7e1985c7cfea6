"""Scalar expressions to Python source: names, operators, calls. A mixin of evaluator.Query."""

import functools
import re

from . import types as T
from .aggregates import AGGREGATES
from .errors import Unsupported
from .model import Ctx, Ex, ING, Scope


@functools.lru_cache(maxsize=5000)
def compiled(src):
    """Values are bound to names, so a query of another hour has the same source."""
    return compile(src, "<kql>", "eval")


class Expressions:
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
        return eval(compiled(src), self.env)  # noqa: S307  source made by this module only

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
        if kind == "time":
            return self.constant(self.times[node[1]], "datetime")
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
        if name in AGGREGATES:
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
        src, type_, dname, multi = AGGREGATES[name](self, row, args, c)
        i = len(c.agg)
        c.agg.append((src, multi))
        if multi:  # several columns at once: (names, types)
            e = Ex("g[%d]" % i, "multi", name=None)
            e.val = multi
            return e
        return Ex("g[%d]" % i, type_, null=type_ != "string", name=dname)
