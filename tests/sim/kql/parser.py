"""Tokens to a tree of tuples.

Scalar nodes:   ("lit", type, value)  ("name", n)  ("side", "$left"|"$right", column)  ("call", f, args)
                ("un", "-", e)  ("bin", op, a, b)  ("in", op, e, items)  ("between", negated, e, lo, hi)
                ("prop", e, name)  ("index", e, e)  ("star",)  ("typeof", t)  ("dyn", python value)
                ("time", i), the i-th time that shape() took out of the text
Tabular nodes:  ("pipe", source, [operator, ...])  where a source is a name, a call, a pipe in parentheses or
                ("print" | "range" | "datatable" | "union", ...).
Operators:      (name, ...) as made by the _op_* methods.
An argument list holds (name or None, node) where names are allowed.
"""

import functools
import re

from .errors import KqlError, SyntaxErr, Unsupported
from .lexer import tokens
from . import types as T

STRING_OPS = {"has", "has_cs", "has_any", "has_all", "contains", "contains_cs", "startswith", "startswith_cs",
              "endswith", "endswith_cs", "hasprefix", "hasprefix_cs", "hassuffix", "hassuffix_cs"}
BANG_STRING = {"!" + x for x in STRING_OPS if x not in ("has_any", "has_all")}
TYPES = {"bool": "bool", "boolean": "bool", "int": "int", "long": "long", "real": "real", "double": "real",
         "decimal": "decimal", "string": "string", "datetime": "datetime", "date": "datetime", "timespan": "timespan",
         "time": "timespan", "guid": "guid", "uuid": "guid", "uniqueid": "guid", "dynamic": "dynamic"}
JOIN_KINDS = {"innerunique", "inner", "leftouter", "rightouter", "fullouter", "leftanti", "leftsemi", "rightanti",
              "rightsemi", "anti", "leftantisemi", "rightantisemi"}


class Parser:
    def __init__(self, text, has_places=False):
        self.text, self.has_places = text, has_places
        self.t = tokens(text)
        self.i = 0

    # -- tokens ---------------------------------------------------------------------------------------------

    @property
    def tok(self):
        return self.t[self.i]

    def peek(self, k=1):
        return self.t[min(self.i + k, len(self.t) - 1)]

    def fail(self, what="something else"):
        k, v, a, b = self.tok
        got = "end of query" if k == "end" else "'%s'" % self.text[a:b]
        raise SyntaxErr("Query could not be parsed at %s: expected %s. Position: %d" % (got, what, a))

    def is_op(self, *ops):
        return self.tok[0] == "op" and self.tok[1] in ops

    def is_word(self, *words):
        return self.tok[0] == "ident" and self.tok[1] in words

    def take_op(self, op):
        if self.is_op(op):
            self.i += 1
            return True
        return False

    def take_word(self, w):
        if self.is_word(w):
            self.i += 1
            return True
        return False

    def need_op(self, op):
        if not self.take_op(op):
            self.fail("'%s'" % op)

    def need_word(self, w):
        if not self.take_word(w):
            self.fail("'%s'" % w)

    def ident(self, what="a name"):
        """A plain name, or one in brackets: ['a b']."""
        if self.tok[0] == "ident":
            v = self.tok[1]
            self.i += 1
            return v
        if self.is_op("[") and self.peek()[0] == "str" and self.peek(2)[1] == "]":
            v = self.peek()[1]
            self.i += 3
            return v
        self.fail(what)

    def hyphened(self):
        """An operator's name, such as project-away: words joined by hyphens without space."""
        word = self.ident("an operator")
        while self.is_op("-") and self.tok[2] == self.t[self.i - 1][3] and self.peek()[0] == "ident" and \
                self.peek()[2] == self.tok[3]:
            word += "-" + self.peek()[1]
            self.i += 2
        return word

    # -- statements -----------------------------------------------------------------------------------------

    def query(self):
        """[("let", name, value)..., final tabular node]"""
        out = []
        final = None
        while True:
            while self.take_op(";"):
                pass
            if self.tok[0] == "end":
                break
            if final is not None:
                self.fail("end of query")
            if self.is_word("let") and self.peek()[0] in ("ident",) or self.is_word("let") and self.peek()[1] == "[":
                self.i += 1
                name = self.ident()
                self.need_op("=")
                out.append(("let", name, self.let_value()))
                if self.tok[0] != "end":
                    self.need_op(";")
                continue
            if self.is_word("set", "declare", "alias", "restrict", "pattern") and self.peek()[0] == "ident":
                raise Unsupported("statement '%s' is not supported by the simulator" % self.tok[1])
            final = self.pipe()
            if self.tok[0] != "end":
                self.need_op(";")
        if final is None:
            raise SyntaxErr("No tabular expression statement found")
        return out, final

    def let_value(self):
        if self.is_word("view") and self.peek()[1] == "(":
            self.i += 1
        if self.is_op("(") and self._is_function():
            self.i += 1
            params = []
            while not self.is_op(")"):
                name = self.ident("a parameter")
                self.need_op(":")
                if self.take_op("("):
                    cols = []
                    while not self.is_op(")"):
                        if self.take_op("*"):
                            cols.append("*")
                        else:
                            c = self.ident()
                            self.need_op(":")
                            cols.append((c, self.type_name()))
                        if not self.take_op(","):
                            break
                    self.need_op(")")
                    params.append((name, ("table", cols), None))
                else:
                    ty = self.type_name()
                    default = self.expr() if self.take_op("=") else None
                    params.append((name, ty, default))
                if not self.take_op(","):
                    break
            self.need_op(")")
            self.need_op("{")
            lets = []
            while self.is_word("let"):
                self.i += 1
                n = self.ident()
                self.need_op("=")
                lets.append((n, self.let_value()))
                self.need_op(";")
            body = self.pipe()
            self.take_op(";")
            self.need_op("}")
            return ("func", params, lets, body)
        return self.pipe()

    def _is_function(self):
        """At '(': is it a parameter list with a body behind it?"""
        depth, j = 0, self.i
        while self.t[j][0] != "end":
            if self.t[j][:2] == ("op", "("):
                depth += 1
            elif self.t[j][:2] == ("op", ")"):
                depth -= 1
                if depth == 0:
                    return self.t[j + 1][:2] == ("op", "{")
            j += 1
        return False

    def type_name(self):
        if self.tok[0] == "ident" and self.tok[1] in TYPES:
            v = TYPES[self.tok[1]]
            self.i += 1
            return v
        self.fail("a type")

    # -- tabular --------------------------------------------------------------------------------------------

    def pipe(self):
        """A source with operators behind it; a lone scalar expression is given back as it is."""
        src = self.source()
        ops = []
        while self.take_op("|"):
            name = self.hyphened()
            f = getattr(self, "_op_" + name.replace("-", "_"), None)
            if f is None:
                raise Unsupported("operator '%s' is not supported by the simulator" % name)
            ops.append(f())
        if not ops:
            return src
        return ("pipe", src, ops)

    def source(self):
        nxt = self.peek()
        if self.is_word("union") and (nxt[0] == "ident" or nxt[1] in ("(", "[")):
            self.i += 1
            return self._op_union()
        if self.is_word("print") and not (nxt[0] == "op" and nxt[1] in ("|", ";", "=", ".")) and nxt[0] != "end":
            self.i += 1
            return ("print", self.arg_list())
        if self.is_word("range") and nxt[0] == "ident":
            self.i += 1
            name = self.ident()
            self.need_word("from")
            a = self.expr()
            self.need_word("to")
            b = self.expr()
            self.need_word("step")
            return ("range", name, a, b, self.expr())
        if self.is_word("datatable") and nxt[1] == "(":
            return self.datatable()
        if self.is_word("search", "find", "evaluate", "externaldata", "cluster", "database", "app", "resource") and \
                nxt[1] in ("(",) or self.is_word("search", "find", "evaluate") and nxt[0] in ("str", "ident"):
            raise Unsupported("'%s' is not supported by the simulator" % self.tok[1])
        return self.expr()

    def datatable(self):
        self.i += 1
        self.need_op("(")
        cols = []
        while not self.is_op(")"):
            n = self.ident()
            self.need_op(":")
            cols.append((n, self.type_name()))
            if not self.take_op(","):
                break
        self.need_op(")")
        self.need_op("[")
        vals = []
        while not self.is_op("]"):
            vals.append(self.expr())
            if not self.take_op(","):
                break
        self.need_op("]")
        return ("datatable", cols, vals)

    def params(self, known):
        """name=value pairs in front of an operator's operands."""
        out = {}
        while self.tok[0] == "ident" and (self.tok[1] in known or self.tok[1] == "hint"):
            if self.tok[1] == "hint" and self.peek()[1] == ".":
                self.i += 2
                self.ident()
                self.need_op("=")
                self.i += 1
                continue
            if self.peek()[1] != "=":
                break
            n = self.tok[1]
            self.i += 2
            if self.tok[0] not in ("ident", "num", "str"):
                self.fail("a value for '%s'" % n)
            out[n] = self.tok[1]
            self.i += 1
        return out

    def arg_list(self):
        """expr or name=expr or (a, b)=expr, comma separated."""
        out = []
        while True:
            out.append(self.named())
            if not self.take_op(","):
                return out

    def named(self):
        if self.tok[0] == "ident" and self.peek()[1] == "=" and self.peek()[0] == "op":
            n = self.ident()
            self.i += 1
            return (n, self.expr())
        if self.is_op("[") and self.peek()[0] == "str" and self.peek(2)[1] == "]" and self.peek(3)[:2] == ("op", "="):
            n = self.ident()
            self.i += 1
            return (n, self.expr())
        if self.is_op("("):
            j = self.i + 1
            names = []
            while self.t[j][0] == "ident":
                names.append(self.t[j][1])
                j += 1
                if self.t[j][:2] != ("op", ","):
                    break
                j += 1
            if names and self.t[j][:2] == ("op", ")") and self.t[j + 1][:2] == ("op", "="):
                self.i = j + 2
                return (tuple(names), self.expr())
        return (None, self.expr())

    def name_list(self, wild=False):
        out = []
        while True:
            if wild and (self.is_op("*") or self.tok[0] == "ident"):
                p = ""
                last = self.tok[2]
                while (self.is_op("*") or self.tok[0] == "ident") and self.tok[2] == last:
                    p += self.tok[1]
                    last = self.tok[3]
                    self.i += 1
                out.append(p)
            else:
                out.append(self.ident("a column"))
            if not self.take_op(","):
                return out

    def _op_where(self):
        return ("where", self.expr())

    _op_filter = _op_where

    def _op_extend(self):
        return ("extend", self.arg_list())

    def _op_project(self):
        if self.is_op("|", ")", ";") or self.tok[0] == "end":
            return ("project", [])
        return ("project", self.arg_list())

    def _op_project_away(self):
        return ("project-away", self.name_list(True))

    def _op_project_keep(self):
        return ("project-keep", self.name_list(True))

    def _op_project_rename(self):
        out = []
        while True:
            n = self.ident()
            self.need_op("=")
            out.append((n, self.ident()))
            if not self.take_op(","):
                return ("project-rename", out)

    def _op_project_reorder(self):
        out = []
        while True:
            p = self.name_list_one()
            order = None
            if self.is_word("asc", "desc", "granny-asc", "granny-desc"):
                order = self.ident()
            out.append((p, order))
            if not self.take_op(","):
                return ("project-reorder", out)

    def name_list_one(self):
        p, last = "", self.tok[2]
        while (self.is_op("*") or self.tok[0] == "ident") and self.tok[2] == last:
            p += self.tok[1]
            last = self.tok[3]
            self.i += 1
        return p or self.ident("a column")

    def _op_summarize(self):
        self.params(())
        aggs, by = [], []
        if not self.is_word("by"):
            aggs = self.arg_list()
        if self.take_word("by"):
            by = self.arg_list()
        elif not aggs:
            self.fail("an aggregate")
        return ("summarize", aggs, by)

    def _op_count(self):
        return ("count",)

    def _op_take(self):
        return ("take", self.expr())

    _op_limit = _op_take

    def _ordering(self):
        out = []
        while True:
            e = self.expr()
            desc = True
            if self.is_word("asc", "desc"):
                desc = self.ident() == "desc"
            nulls_last = desc
            if self.take_word("nulls"):
                if not self.is_word("first", "last"):
                    self.fail("'first' or 'last'")
                nulls_last = self.ident() == "last"
            out.append((e, desc, nulls_last))
            if not self.take_op(","):
                return out

    def _op_sort(self):
        self.params(())
        self.need_word("by")
        return ("sort", self._ordering())

    _op_order = _op_sort

    def _op_top(self):
        n = self.expr()
        self.need_word("by")
        return ("top", n, self._ordering())

    def _op_distinct(self):
        self.params(())
        if self.take_op("*"):
            return ("distinct", None)
        return ("distinct", self.arg_list())

    def _op_serialize(self):
        if self.is_op("|", ")", ";") or self.tok[0] == "end":
            return ("extend", [])
        return ("extend", self.arg_list())

    def _op_as(self):
        self.params(())
        self.ident()
        return ("extend", [])

    def tab_operand(self):
        """The other table of a join: a name, a call or a pipe in parentheses."""
        return self.source() if not self.is_op("(") else self.primary()

    def _op_join(self):
        p = self.params(("kind",))
        kind = p.get("kind", "innerunique")
        if kind not in JOIN_KINDS:
            raise SyntaxErr("Unknown join kind '%s'" % kind)
        right = self.tab_operand()
        self.need_word("on")
        conds = [self.expr()]
        while self.take_op(","):
            conds.append(self.expr())
        return ("join", kind, right, conds)

    def _op_lookup(self):
        p = self.params(("kind",))
        kind = p.get("kind", "leftouter")
        if kind not in ("leftouter", "inner"):
            raise SyntaxErr("Unknown lookup kind '%s'" % kind)
        right = self.tab_operand()
        self.need_word("on")
        conds = [self.expr()]
        while self.take_op(","):
            conds.append(self.expr())
        return ("lookup", kind, right, conds)

    def _op_union(self):
        p = self.params(("kind", "withsource", "with_source", "isfuzzy"))
        legs = []
        while True:
            if self.is_op("*") or self.tok[0] == "ident" and self.peek()[:2] == ("op", "*") and \
                    self.peek()[2] == self.tok[3]:
                legs.append(("wild", self.name_list_one()))
            else:
                legs.append(self.tab_operand())
            if not self.take_op(","):
                break
        return ("union", p, legs)

    def _op_mv_expand(self):
        p = self.params(("bagexpansion", "with_itemindex", "kind"))
        cols = []
        while True:
            n, e = self.named()
            ty = None
            if self.take_word("to"):
                self.need_word("typeof")
                self.need_op("(")
                ty = self.type_name()
                self.need_op(")")
            cols.append((n, e, ty))
            if not self.take_op(","):
                break
        limit = self.expr() if self.take_word("limit") else None
        return ("mv-expand", p, cols, limit)

    _op_mvexpand = _op_mv_expand

    # -- scalar ---------------------------------------------------------------------------------------------

    def expr(self):
        a = self.and_()
        while self.take_word("or"):
            a = ("bin", "or", a, self.and_())
        return a

    def and_(self):
        a = self.compare()
        while self.take_word("and"):
            a = ("bin", "and", a, self.compare())
        return a

    def compare(self):
        a = self.additive()
        while True:
            k, v = self.tok[0], self.tok[1]
            if k == "op" and v in ("==", "!=", "<>", "<", ">", "<=", ">=", "=~", "!~") or \
                    k == "op" and v in BANG_STRING or \
                    k == "ident" and v in STRING_OPS and v not in ("has_any", "has_all"):
                self.i += 1
                a = ("bin", "!=" if v == "<>" else v, a, self.additive())
            elif k == "ident" and v in ("in", "has_any", "has_all") or k == "op" and v in ("in~", "!in", "!in~"):
                self.i += 1
                a = ("in", v, a, self.in_list(v))
            elif k == "ident" and v == "matches" and self.peek()[1] == "regex":
                self.i += 2
                a = ("bin", "matches regex", a, self.additive())
            elif k == "ident" and v == "between" or k == "op" and v == "!between":
                self.i += 1
                self.need_op("(")
                lo = self.additive()
                self.need_op("..")
                hi = self.additive()
                self.need_op(")")
                a = ("between", v == "!between", a, lo, hi)
            else:
                return a

    def in_list(self, op):
        if not self.is_op("(") and op in ("has_any", "has_all"):
            return [self.additive()]
        self.need_op("(")
        out = []
        while not self.is_op(")"):
            out.append(self.pipe())
            if not self.take_op(","):
                break
        self.need_op(")")
        return out

    def additive(self):
        a = self.multiplicative()
        while self.is_op("+", "-"):
            op = self.tok[1]
            self.i += 1
            a = ("bin", op, a, self.multiplicative())
        return a

    def multiplicative(self):
        a = self.unary()
        while self.is_op("*", "/", "%"):
            op = self.tok[1]
            self.i += 1
            a = ("bin", op, a, self.unary())
        return a

    def unary(self):
        if self.take_op("-"):
            return ("un", "-", self.unary())
        if self.take_op("+"):
            return self.unary()
        return self.postfix()

    def postfix(self):
        e = self.primary()
        while True:
            if self.is_op("."):
                self.i += 1
                if self.is_op("["):
                    e = ("prop", e, self.ident())
                else:
                    n = self.ident("a property")
                    if e[0] == "name" and e[1] in ("$left", "$right"):
                        e = ("side", e[1], n)
                    elif e[0] == "call" and e[1] == "workspace":
                        e = ("wstable", e[2], n)
                    else:
                        e = ("prop", e, n)
            elif self.is_op("["):
                self.i += 1
                k = self.expr()
                self.need_op("]")
                if e[0] == "name" and e[1] in ("$left", "$right") and k[0] == "lit":
                    e = ("side", e[1], k[2])
                else:
                    e = ("index", e, k)
            else:
                return e

    def primary(self):
        k, v, a, b = self.tok
        if k == "num":
            self.i += 1
            return ("lit", "real" if isinstance(v, float) else "long", v)
        if k == "span":
            self.i += 1
            return ("lit", "timespan", v)
        if k == "str":
            self.i += 1
            while self.tok[0] == "str":
                v += self.tok[1]
                self.i += 1
            return ("lit", "string", v)
        if k == "lit":
            self.i += 1
            return ("time", int(v[1][1:])) if self.has_places and _is_place(v) else T.literal(*v)
        if k == "op" and v == "(":
            self.i += 1
            e = self.pipe()
            self.need_op(")")
            return e
        if k == "op" and v == "*":
            self.i += 1
            return ("star",)
        if k == "op" and v == "[" and self.peek()[0] == "str" and self.peek(2)[1] == "]":
            return ("name", self.ident())
        if k == "ident":
            if v in ("true", "false") or v in ("True", "False", "TRUE", "FALSE"):
                self.i += 1
                return ("lit", "bool", v.lower() == "true")
            if v == "typeof":
                self.i += 1
                self.need_op("(")
                ty = self.type_name()
                self.need_op(")")
                return ("typeof", ty)
            if v == "dynamic" and self.peek()[1] == "(":
                self.i += 2
                d = self.dyn_value()
                self.need_op(")")
                return ("dyn", d)
            if v == "datatable" and self.peek()[1] == "(":
                return self.datatable()
            if v in ("by", "on", "asc", "desc") and self.peek()[0] in ("ident", "lit", "num", "str"):
                self.fail("an expression")
            self.i += 1
            if self.is_op("("):
                self.i += 1
                args = []
                while not self.is_op(")"):
                    if self.tok[0] == "ident" and self.peek()[:2] == ("op", "=") :
                        raise Unsupported("named arguments are not supported by the simulator")
                    args.append(self.pipe())
                    if not self.take_op(","):
                        break
                self.need_op(")")
                return ("call", v, args)
            return ("name", v)
        self.fail("an expression")

    def dyn_value(self):
        k, v = self.tok[0], self.tok[1]
        if k == "str":
            self.i += 1
            return v
        if k == "num":
            self.i += 1
            return v
        if k == "op" and v == "-":
            self.i += 1
            if self.tok[0] != "num":
                self.fail("a number")
            self.i += 1
            return -self.t[self.i - 1][1]
        if k == "span":
            self.i += 1
            return T.format_timespan(v)
        if k == "lit":
            self.i += 1
            n = T.literal(*v)
            return T.to_dynamic(n[2], n[1])
        if k == "ident" and v in ("true", "false", "null"):
            self.i += 1
            return {"true": True, "false": False, "null": None}[v]
        if k == "op" and v == "[":
            self.i += 1
            out = []
            while not self.is_op("]"):
                out.append(self.dyn_value())
                if not self.take_op(","):
                    break
            self.need_op("]")
            return out
        if k == "op" and v == "{":
            self.i += 1
            out = {}
            while not self.is_op("}"):
                if self.tok[0] != "str":
                    self.fail("a property name in quotes")
                n = self.tok[1]
                self.i += 1
                self.need_op(":")
                out[n] = self.dyn_value()
                if not self.take_op(","):
                    break
            self.need_op("}")
            return out
        self.fail("a dynamic value")


@functools.lru_cache(maxsize=256)
def parse(text, has_places=False):
    return Parser(text, has_places).query()


# ---- queries that differ in their times only ---------------------------------------------------------------------

_TIME = re.compile(r"\bdatetime\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)\)")


def _is_place(lit):
    return lit[0] == "datetime" and lit[1][:1] == "#"


def shape(text):
    """(text, times): a program asks the same few queries of ever new hours, so what is parsed, and kept, has places for the
    times. Where a time is no plain literal (in a string, a comment, a dynamic value), or none at all: the text as it is."""
    times = []

    def take(m):
        times.append(T.parse_datetime(m.group(1)))
        return "datetime(#%d)" % (len(times) - 1)

    short = _TIME.sub(take, text)
    return (short, times) if times and None not in times and _has_places(short, len(times)) else (text, [])


@functools.lru_cache(maxsize=256)
def _has_places(short, n):
    try:
        parse(short, True)
    except KqlError:
        return False
    return n == sum(kind == "lit" and _is_place(v) for kind, v, _, _ in tokens(short))
