"""Tabular operators: each do_<operator>(node, input, scope) gives the output table. A mixin of evaluator.Query."""

import re

from .errors import SemanticError, SyntaxErr, Unsupported
from .model import Col, Ctx, ING, Rel, ScanRel, Scope, UnresolvedTable


class Operators:
    # -- operators ------------------------------------------------------------------------------------------

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
        f = self.eval("lambda rows: [r for r in rows if %s]" % " and ".join(left))
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
            return self.eval("lambda rows: [%s for i_, r in enumerate(rows)]" % body)
        return self.eval("lambda rows: [%s for r in rows]" % body)

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
            f = self.eval("lambda rows: [r+(%s) %s]" % ("".join(s + "," for s in fresh), loop))
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
            keys.append((self.eval("lambda r: %s" % e.src), desc, last, e.type == "real"))

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
        slots = [self.eval("lambda rows: %s" % s) for s, _ in c.agg]
        final = self.eval("lambda g: (%s)" % "".join(s + "," for _, s in outs))
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
        lk = self.eval("lambda r: (%s)" % "".join(a.src + "," for a, _, _, _ in pairs))
        rk = self.eval("lambda r: (%s)" % "".join(b.src + "," for _, b, _, _ in pairs))
        kind = {"anti": "leftanti", "leftantisemi": "leftanti", "rightantisemi": "rightanti"}.get(kind, kind)
        drop = lambda cols: [i for i, x in enumerate(cols) if x.name != ING]  # noqa: E731
        li, ri = drop(left.cols), drop(right.cols)
        lcols = [left.cols[i] for i in li]
        rcols = [right.cols[i] for i in ri]
        lp = self.eval("lambda r: (%s)" % "".join("r[%d]," % i for i in li))
        rp = self.eval("lambda r: (%s)" % "".join("r[%d]," % i for i in ri))
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
        lk = self.eval("lambda r: (%s)" % "".join(a.src + "," for a, _, _, _ in pairs))
        rk = self.eval("lambda r: (%s)" % "".join(b.src + "," for _, b, _, _ in pairs))
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
        lp = self.eval("lambda r: (%s)" % "".join("r[%d]," % i for i in li))
        rp = self.eval("lambda r: (%s)" % "".join("r[%d]," % i for i in ri))
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
            cast = self.eval("lambda v: _dyn_cast_%s(v)" % t) if t != "dynamic" else None
            work.append((i, self.eval("lambda r: %s" % e.src), cast))
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
