"""The parts that the evaluator builds: tables under construction, expressions, scopes."""

from .errors import SemanticError

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
        self.index = None

    def rows(self):
        return self._rows()

    def find(self, name):
        if self.index is None:
            self.index = {c.name: i for i, c in reversed(list(enumerate(self.cols)))}  # of two, the first
        return self.index.get(name, -1)

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
