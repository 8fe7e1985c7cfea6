"""Aggregates of summarize. Each gives (source over `rows`, type, column name, None) or, for several columns at once,
(source, "multi", None, ([names], [types]))."""

import math

from .errors import Unsupported
from .functions import ENV, NUM, env, uniq

AGGREGATES = {}

def agg(*names):
    def deco(f):
        for n in names:
            AGGREGATES[n] = (lambda nm: lambda q, row, args, c: f(q, row, args, c, nm))(n)
        return f
    return deco


def colname(prefix, e):
    return "%s_%s" % (prefix, e.name or "")


def need(c, name, args, lo, hi):
    if not lo <= len(args) <= hi:
        raise c.fail("Function '%s': %d arguments are not what it takes" % (name, len(args)), "SEM0219")


def values(e):
    """Source of the list of values that are not null."""
    if not e.null:
        return "[%s for r in rows]" % e.src
    return "[v_ for r in rows if (v_ := %s) is not None]" % e.src


@agg("count")
def _a_count(q, row, args, c, name):
    need(c, name, args, 0, 0)
    return "len(rows)", "long", "count_", None


@agg("countif")
def _a_countif(q, row, args, c, name):
    need(c, name, args, 1, 1)
    return "sum([1 for r in rows if %s])" % q.truth(args[0], row), "long", "countif_", None


@env
def _fsum(v):
    try:
        return math.fsum(v)
    except (OverflowError, ValueError):
        return float(sum(v))


@agg("sum", "sumif")
def _a_sum(q, row, args, c, name):
    need(c, name, args, 1 + (name == "sumif"), 1 + (name == "sumif"))
    e = q.scalar(args[0], row)
    if e.type not in NUM + ("timespan",):
        raise c.fail("Function '%s': argument 1 cannot be of type %s" % (name, e.type), "SEM0219")
    cond = " and (%s)" % q.truth(args[1], row) if name == "sumif" else ""
    src = "[v_ for r in rows if (v_ := %s) is not None%s]" % (e.src, cond)
    f = "_fsum" if e.type == "real" else "sum"
    return "%s(%s)" % (f, src), "long" if e.type == "int" else e.type, colname(name, e), None


@agg("min", "max")
def _a_minmax(q, row, args, c, name):
    need(c, name, args, 1, 1)
    e = q.scalar(args[0], row)
    if e.type == "dynamic":
        raise c.fail("Function '%s': The argument value must be orderable" % name, "SEM0219")
    return "%s(%s, default=%s)" % (name, values(e), "''" if e.type == "string" else "None"), e.type, colname(name, e), None


@agg("minif", "maxif")
def _a_minmaxif(q, row, args, c, name):
    need(c, name, args, 2, 2)
    e = q.scalar(args[0], row)
    return "%s([v_ for r in rows if (v_ := %s) is not None and (%s)], default=%s)" % (
        name[:3], e.src, q.truth(args[1], row), "''" if e.type == "string" else "None"), e.type, colname(name, e), None


ENV["_mean"] = lambda v: _fsum(v) / len(v) if v else math.nan
ENV["_mean_t"] = lambda v: sum(v) // len(v) if v else None


@agg("avg", "avgif")
def _a_avg(q, row, args, c, name):
    need(c, name, args, 1 + (name == "avgif"), 1 + (name == "avgif"))
    e = q.scalar(args[0], row)
    cond = " and (%s)" % q.truth(args[1], row) if name == "avgif" else ""
    src = "[v_ for r in rows if (v_ := %s) is not None%s]" % (e.src, cond)
    if e.type in ("datetime", "timespan"):
        return "_mean_t(%s)" % src, e.type, colname(name, e), None
    if e.type not in ("int", "long", "real"):
        raise c.fail("Function '%s': argument 1 cannot be of type %s" % (name, e.type), "SEM0219")
    return "_mean(%s)" % src, "real", colname(name, e), None


@agg("dcount", "dcountif", "count_distinct", "count_distinctif")
def _a_dcount(q, row, args, c, name):
    cond = name.endswith("if")
    need(c, name, args, 1 + cond, 2 + cond if name.startswith("dcount") else 1 + cond)
    e = q.scalar(args[0], row)
    if e.type == "dynamic":
        e = q.as_string(e)
    tail = " and (%s)" % q.truth(args[1], row) if cond else ""
    return "len({v_ for r in rows if (v_ := %s) is not None%s})" % (e.src, tail), "long", colname(name, e), None


ENV["_uniq"] = lambda v, n: uniq(v)[:n]
ENV["_flat"] = lambda v: [y for x in v for y in (x if isinstance(x, list) else [x])]


@agg("make_set", "makeset", "make_set_if")
def _a_set(q, row, args, c, name):
    k = 1 + (name == "make_set_if")
    need(c, name, args, k, k + 1)
    e = q.scalar(args[0], row)
    n = q.scalar(args[k], row).val if len(args) > k else 1048576 if name != "makeset" else 128
    if not isinstance(n, int):
        raise c.fail("Function '%s': the size must be a constant" % name, "SEM0219")
    tail = " and (%s)" % q.truth(args[1], row) if k == 2 else ""
    src = "[_todyn_%s(v_) for r in rows if (v_ := %s) is not None%s]" % (e.type, e.src, tail)
    if e.type == "dynamic":
        src = "_flat(%s)" % src
    return "_uniq(%s,%d)" % (src, n), "dynamic", colname("set", e), None


@agg("make_list", "makelist", "make_list_if")
def _a_list(q, row, args, c, name):
    k = 1 + (name == "make_list_if")
    need(c, name, args, k, k + 1)
    e = q.scalar(args[0], row)
    n = q.scalar(args[k], row).val if len(args) > k else 1048576 if name != "makelist" else 128
    if not isinstance(n, int):
        raise c.fail("Function '%s': the size must be a constant" % name, "SEM0219")
    tail = " and (%s)" % q.truth(args[1], row) if k == 2 else ""
    return "[_todyn_%s(v_) for r in rows if (v_ := %s) is not None%s][:%d]" % (e.type, e.src, tail, n), "dynamic", \
        colname("list", e), None


@env
def _merge_bags(v):
    out = {}
    for d in v:
        if isinstance(d, dict):
            for k, x in d.items():
                out.setdefault(k, x)
    return out or []


@agg("make_bag")
def _a_bag(q, row, args, c, name):
    need(c, name, args, 1, 2)
    e = q.scalar(args[0], row)
    if e.type != "dynamic":
        raise c.fail("Function 'make_bag': argument 1 cannot be of type %s" % e.type, "SEM0219")
    if len(args) == 2:
        raise Unsupported("make_bag() with a size is not supported by the simulator")
    return "_merge_bags(%s)" % values(e), "dynamic", colname("bag", e), None


@env
def _first(v, empty):
    for x in v:
        if x is not None and x != "":
            return x
    return v[0] if v else empty


@agg("take_any", "any")
def _a_any(q, row, args, c, name):
    if args == [("star",)]:
        cols = [(i, x) for i, x in enumerate(row.rel.cols) if not x.hidden and not x.name.startswith("$")
                and x.name not in c.by]
        blank = "(%s)" % "".join("''," if x.type == "string" else "None," for _, x in cols)
        body = "(%s)" % "".join("r[%d]," % i for i, _ in cols)
        return "([%s for r in rows[:1]] or [%s])[0]" % (body, blank), "multi", None, \
            ([("any_" if name == "any" else "") + x.name for _, x in cols], [x.type for _, x in cols])
    if not args:
        raise c.fail("Function '%s': an argument is expected" % name, "SEM0219")
    exprs = [q.scalar(a, row) for a in args]
    names = [("any_" if name == "any" else "") + (e.name or "") for e in exprs]
    if len(exprs) == 1:
        e = exprs[0]
        return "_first([%s for r in rows],%s)" % (e.src, "''" if e.type == "string" else "None"), e.type, names[0] or None, \
            None
    blank = "(%s)" % "".join("''," if e.type == "string" else "None," for e in exprs)
    return "([(%s) for r in rows[:1]] or [%s])[0]" % ("".join(e.src + "," for e in exprs), blank), "multi", None, \
        (names, [e.type for e in exprs])


@env
def _arg_best(keys, rows, best):
    k = None
    out = None
    for v, r in zip(keys, rows):
        if v is not None and (k is None or (v > k if best else v < k)):
            k, out = v, r
    if out is None and rows:
        out = rows[0]
    return out


@agg("arg_max", "arg_min")
def _a_arg(q, row, args, c, name):
    if not args:
        raise c.fail("Function '%s': an argument is expected" % name, "SEM0219")
    e = q.scalar(args[0], row)
    if e.type == "dynamic":
        raise c.fail("Function '%s': The argument value must be orderable" % name, "SEM0219")
    exprs = [e]
    names = [e.name or ("max_" if name == "arg_max" else "min_")]
    rest = args[1:]
    if rest == [("star",)]:
        for i, x in enumerate(row.rel.cols):
            if x.hidden or x.name.startswith("$") or x.name in c.by or x.name == e.name and e.col is not None:
                continue
            exprs.append(q.name(x.name, row))
            names.append(x.name)
    else:
        for a in rest:
            x = q.scalar(a, row)
            exprs.append(x)
            names.append(x.name or "Column")
    blank = "(%s)" % "".join("''," if x.type == "string" else "None," for x in exprs)
    if len(exprs) == 1:
        return "%s(%s, default=None)" % ("max" if name == "arg_max" else "min", values(e)), "multi1", None, None
    src = "(lambda b: [(%s) for r in (b,)][0] if b is not None else %s)(_arg_best([%s for r in rows], rows, %s))" % (
        "".join(x.src + "," for x in exprs), blank, e.src, name == "arg_max")
    return src, "multi", None, (names, [x.type for x in exprs])


@env
def _pct(v, p):
    """Nearest rank on the exact values (the service approximates large sets)."""
    if not v:
        return None
    v.sort()
    return v[max(0, min(len(v), math.ceil(p / 100 * len(v))) - 1)]


def pname(p):
    return ("%g" % p).replace(".", "_")


@agg("percentile", "percentiles")
def _a_pct(q, row, args, c, name):
    need(c, name, args, 2, 2 if name == "percentile" else 99)
    e = q.scalar(args[0], row)
    if e.type not in ("int", "long", "real", "decimal", "datetime", "timespan"):
        raise c.fail("Function '%s': argument 1 cannot be of type %s" % (name, e.type), "SEM0219")
    ps = [q.scalar(a, row) for a in args[1:]]
    if not all(p.const and p.type in NUM for p in ps):
        raise c.fail("Function '%s': the percentiles must be constant numbers" % name, "SEM0219")
    t = "long" if e.type == "int" else e.type
    label = "percentile_%s_" % (e.name or "")
    if len(ps) == 1:
        return "_pct(%s,%r)" % (values(e), float(ps[0].val)), t, label + pname(ps[0].val), None
    return "(lambda v: (%s))(%s)" % ("".join("_pct(v,%r)," % float(p.val) for p in ps), values(e)), "multi", None, \
        ([label + pname(p.val) for p in ps], [t] * len(ps))


@env
def _var(v):
    n = len(v)
    if n < 2:
        return 0.0
    m = math.fsum(v) / n
    return math.fsum((x - m) ** 2 for x in v) / (n - 1)


ENV["_stdev"] = lambda v: math.sqrt(_var(v))


@agg("stdev", "variance", "stdevif", "varianceif")
def _a_var(q, row, args, c, name):
    cond = name.endswith("if")
    need(c, name, args, 1 + cond, 1 + cond)
    e = q.scalar(args[0], row)
    if e.type not in ("int", "long", "real"):
        raise c.fail("Function '%s': argument 1 cannot be of type %s" % (name, e.type), "SEM0219")
    tail = " and (%s)" % q.truth(args[1], row) if cond else ""
    src = "[v_ for r in rows if (v_ := %s) is not None%s]" % (e.src, tail)
    return "%s(%s)" % ("_stdev" if name.startswith("stdev") else "_var", src), "real", colname(name, e), None
