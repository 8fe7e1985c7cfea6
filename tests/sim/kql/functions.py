"""Scalar functions, and the helpers that generated code calls (names with an underscore)."""

import hashlib
import ipaddress
import math
import re
from decimal import Decimal

from . import types as T
from .errors import SemanticError, Unsupported

ENV = {"__builtins__": {"len": len, "bool": bool, "any": any, "all": all, "enumerate": enumerate, "str": str,
                        "float": float, "int": int, "min": min, "max": max, "True": True, "False": False, "None": None,
                        "KeyError": KeyError, "sum": sum, "set": set}}
FUNCTIONS = {}


def env(f):
    ENV[f.__name__] = f
    return f


# -- operators over null ------------------------------------------------------------------------------------

@env
def _eq(a, b):
    if a is None and b is None:
        return None
    return a == b


@env
def _ne(a, b):
    if a is None and b is None:
        return None
    return a != b


@env
def _lt(a, b):
    return None if a is None or b is None else a < b


@env
def _le(a, b):
    return None if a is None or b is None else a <= b


@env
def _gt(a, b):
    return None if a is None or b is None else a > b


@env
def _ge(a, b):
    return None if a is None or b is None else a >= b


@env
def _and(a, b):
    if a is False or b is False:
        return False
    return None if a is None or b is None else bool(a and b)


@env
def _or(a, b):
    if a is True or b is True:
        return True
    return None if a is None or b is None else bool(a or b)


@env
def _not(a):
    return None if a is None else not a


@env
def _neg(a):
    return None if a is None else -a


@env
def _add(a, b):
    return None if a is None or b is None else a + b


@env
def _sub(a, b):
    return None if a is None or b is None else a - b


@env
def _mul(a, b):
    return None if a is None or b is None else a * b


@env
def _mul_ts(a, b):
    return None if a is None or b is None else round(a * b)


@env
def _div_int(a, b):
    if a is None or b is None or b == 0:
        return None
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


@env
def _div_real(a, b):
    if a is None or b is None:
        return None
    if b == 0:
        return math.nan if a == 0 or a != a else math.copysign(math.inf, a)
    return a / b


@env
def _div_dec(a, b):
    return None if a is None or b is None or b == 0 else a / b


@env
def _div_ts(a, b):
    return None if a is None or b is None or b == 0 else int(a / b) if isinstance(b, float) else _div_int(a, b)


@env
def _mod(a, b):
    return None if a is None or b is None or b == 0 else a % abs(b)


@env
def _mod_real(a, b):
    if a is None or b is None:
        return None
    return math.nan if b == 0 else a % abs(b)


@env
def _dec(a):
    return None if a is None else Decimal(repr(a)) if isinstance(a, float) else Decimal(a)


# -- dynamic ------------------------------------------------------------------------------------------------

@env
def _prop(d, k):
    return d.get(k) if isinstance(d, dict) else None


@env
def _index(d, k):
    if isinstance(d, dict) and isinstance(k, str):
        return d.get(k)
    if isinstance(d, list) and isinstance(k, int) and -len(d) <= k < len(d):
        return d[k]
    return None


@env
def _aslist(d):
    return d if isinstance(d, list) else []


def dyn_type(v):
    """The scalar type of a value inside a dynamic one."""
    if isinstance(v, bool):
        return "bool"
    if isinstance(v, int):
        return "long"
    if isinstance(v, float):
        return "real"
    if isinstance(v, str):
        return "string"
    return "dynamic"


@env
def _dyn_as_string(v):
    return None if v is None else T.to_string(v, "dynamic")


@env
def _dyn_as_real(v):
    if isinstance(v, bool):
        return None
    if isinstance(v, (int, float)):
        return v
    return T.str_to_real(v) if isinstance(v, str) else None


@env
def _dyn_as_long(v):
    if isinstance(v, bool):
        return int(v)
    if isinstance(v, int):
        return v
    if isinstance(v, float):
        return int(v) if math.isfinite(v) else None
    return T.str_to_long(v) if isinstance(v, str) else None


ENV["_dyn_as_int"] = lambda v: (lambda x: None if x is None else T.wrap(x, 32))(_dyn_as_long(v))
ENV["_dyn_as_bool"] = lambda v: v if isinstance(v, bool) else v != 0 if isinstance(v, (int, float)) else \
    T.str_to_bool(v) if isinstance(v, str) else None
ENV["_dyn_as_datetime"] = lambda v: T.parse_datetime(v) if isinstance(v, str) else None
ENV["_dyn_as_timespan"] = lambda v: T.parse_timespan(v) if isinstance(v, str) else None
ENV["_dyn_as_decimal"] = lambda v: T.str_to_decimal(str(v)) if isinstance(v, (int, float, str)) and \
    not isinstance(v, bool) else None
ENV["_dyn_as_guid"] = lambda v: T.str_to_guid(v) if isinstance(v, str) else None
# mv-expand ... to typeof(): string takes every value, the others as the to...() functions do
for _t in ("int", "long", "real", "bool", "datetime", "timespan", "decimal", "guid"):
    ENV["_dyn_cast_" + _t] = ENV["_dyn_as_" + _t]
ENV["_dyn_cast_real"] = lambda v: (lambda x: None if x is None else float(x))(_dyn_as_real(v))
ENV["_dyn_cast_string"] = lambda v: T.to_string(v, "dynamic")
for _t in ("bool", "int", "long", "real", "decimal", "datetime", "timespan", "guid", "dynamic", "string"):
    ENV["_str_" + _t] = (lambda t: lambda v: T.to_string(v, t))(_t)
    ENV["_todyn_" + _t] = (lambda t: lambda v: T.to_dynamic(v, t))(_t)


# -- terms and regular expressions --------------------------------------------------------------------------

_terms = {}


def term_regex(needle, op):
    """`has`: the needle between characters that are not letters or digits."""
    key = (needle, op)
    rx = _terms.get(key)
    if rx is None:
        base = op.replace("_cs", "")
        pre = r"(?<![^\W_])" if needle[:1].isalnum() and base in ("has", "hasprefix") else ""
        post = r"(?![^\W_])" if needle[-1:].isalnum() and base in ("has", "hassuffix") else ""
        rx = re.compile(pre + re.escape(needle) + post, 0 if op.endswith("_cs") else re.IGNORECASE)
        if len(_terms) < 50000:
            _terms[key] = rx
    return rx


@env
def _has(s, needle, op):
    return term_regex(needle, op).search(s) is not None


@env
def _has_list(s, d, op):
    f = any if op == "has_any" else all
    return f(_has(s, T.to_string(x, "dynamic"), "has") for x in _aslist(d))


def re2(p):
    """RE2 pattern in Python's engine; what the two read differently is refused."""
    if re.search(r"\\[pPzCQ]|\(\?[^:PiimsU)-]|\(\?<[=!]|\(\?[=!]", p):
        raise Unsupported("regular expression '%s' uses a construct that the simulator does not translate" % p)
    m = re.match(r"^(.+?)(\(\?[ims]+\))", p)
    if m and "(?" not in m.group(1):
        raise Unsupported("regular expression '%s': flags in the middle" % p)
    return re.compile(p)


_re2_cache = {}


@env
def _re2(p):
    if p not in _re2_cache:
        _re2_cache[p] = re2(p)
    return _re2_cache[p]


# -- registration -------------------------------------------------------------------------------------------

NUM = ("int", "long", "real", "decimal")
CHECK = {"s": ("string", "dynamic", "guid"), "n": NUM, "i": ("int", "long"), "d": ("datetime",), "t": ("timespan",),
         "y": ("dynamic",), "b": ("bool",), "*": None}


def convert(q, c, name, i, e, kind):
    """Argument e as `kind` wants it."""
    allowed = CHECK[kind]
    if allowed is None:
        return e
    if e.type == "dynamic" and kind in "nid":
        return q.fn("_dyn_as_%s(%s)" % ({"n": "real", "i": "long", "d": "datetime"}[kind], e.src),
                    {"n": "real", "i": "long", "d": "datetime"}[kind], [e])
    if e.type not in allowed:
        raise c.fail("Function '%s': argument %d cannot be of type %s" % (name, i + 1, e.type), "SEM0219")
    return q.as_string(e) if kind == "s" else e


def define(name, spec, ret, impl, naming=None, null=True):
    """spec: one letter an argument, '?' after the required ones, '+' = the last may repeat.
    ret: a type, or a function of the argument types. naming: 'first' keeps the first argument's name, or a prefix."""
    ENV["f_" + name] = impl
    required, _, optional = spec.partition("?")
    many = optional.endswith("+") or required.endswith("+")
    letters = (required + optional).replace("+", "")
    least = len(required.replace("+", ""))

    def build(q, c, nodes):
        if len(nodes) < least or not many and len(nodes) > len(letters):
            raise c.fail("Function '%s': %d arguments are not what it takes" % (name, len(nodes)), "SEM0219")
        args = [q.scalar(n, c) for n in nodes]
        cname = None
        if args and naming == "first":
            cname = args[0].name
        elif args and naming:
            cname = naming + args[0].name if args[0].col is not None else None
        args = [convert(q, c, name, i, e, letters[min(i, len(letters) - 1)]) for i, e in enumerate(args)]
        r = ret([a.type for a in args]) if callable(ret) else ret
        return q.fn("f_%s(%s)" % (name, ",".join(a.src for a in args)), r, args, null and r != "string", cname)
    FUNCTIONS[name] = build


def alias(new, old):
    FUNCTIONS[new] = FUNCTIONS[old]


def nul(f):
    """f, but null when any argument is."""
    def g(*a):
        for x in a:
            if x is None:
                return None
        return f(*a)
    return g


# -- conversion ---------------------------------------------------------------------------------------------

def conversion(name, target, table):
    """to<type>(): table maps the source type to a Python function."""
    def build(q, c, nodes):
        if len(nodes) != 1:
            raise c.fail("Function '%s': one argument expected" % name, "SEM0219")
        e = q.scalar(nodes[0], c)
        if e.type == target:
            out = q.fn("(%s)" % e.src, target, [e], e.null)
        else:
            f = table.get(e.type)
            if f is None:
                raise c.fail("Function '%s' cannot take %s" % (name, e.type), "SEM0219")
            fname = "c_%s_%s" % (name, e.type)
            q.env[fname] = f
            out = q.fn("%s(%s)" % (fname, e.src), target, [e], target != "string")
        out.name = e.name
        return out
    FUNCTIONS[name] = build


def _trunc(v):
    return T.wrap(int(v), 64) if math.isfinite(v) else None


_long = {"int": lambda v: v, "real": nul(_trunc), "decimal": nul(lambda v: int(v)), "bool": nul(int),
         "string": T.str_to_long, "dynamic": _dyn_as_long, "datetime": lambda v: v, "timespan": lambda v: v}
conversion("tolong", "long", _long)
conversion("toint", "int", {"long": nul(lambda v: T.wrap(v, 32)), "real": nul(lambda v: T.wrap(_trunc(v), 32)
                            if _trunc(v) is not None else None), "decimal": nul(lambda v: T.wrap(int(v), 32)),
                            "bool": nul(int), "string": T.str_to_int, "dynamic": ENV["_dyn_as_int"]})
for _n in ("toreal", "todouble"):
    conversion(_n, "real", {"int": nul(float), "long": nul(float), "decimal": nul(float), "bool": nul(float),
                            "string": T.str_to_real, "dynamic": ENV["_dyn_cast_real"],
                            "datetime": nul(float), "timespan": nul(float)})
conversion("todecimal", "decimal", {"int": _dec, "long": _dec, "real": _dec, "string": T.str_to_decimal,
                                    "dynamic": ENV["_dyn_as_decimal"]})
conversion("tostring", "string", {t: ENV["_str_" + t] for t in
                                  ("bool", "int", "long", "real", "decimal", "datetime", "timespan", "guid", "dynamic")})
for _n in ("tobool", "toboolean"):
    conversion(_n, "bool", {"int": nul(bool), "long": nul(bool), "real": nul(bool), "string": T.str_to_bool,
                            "dynamic": ENV["_dyn_as_bool"]})
conversion("todatetime", "datetime", {"string": T.parse_datetime, "dynamic": ENV["_dyn_as_datetime"],
                                      "long": lambda v: v, "int": lambda v: v})
for _n in ("totimespan", "totime"):
    conversion(_n, "timespan", {"string": T.parse_timespan, "dynamic": ENV["_dyn_as_timespan"], "long": lambda v: v})
conversion("toguid", "guid", {"string": T.str_to_guid, "dynamic": ENV["_dyn_as_guid"]})
for _n in ("todynamic", "parse_json", "parsejson", "toobject"):
    conversion(_n, "dynamic", {"string": T.parse_json, **{t: ENV["_todyn_" + t] for t in
                               ("bool", "int", "long", "real", "decimal", "datetime", "timespan", "guid")}})


def _parse_dynamic(v):
    return T.parse_json(v) if isinstance(v, str) else v


for _n in ("parse_json", "todynamic", "parsejson"):
    def _wrap(old):
        def build(q, c, nodes):
            e = q.scalar(nodes[0], c) if len(nodes) == 1 else None
            if e is not None and e.type == "dynamic":
                q.env["_pjd"] = _parse_dynamic
                return q.fn("_pjd(%s)" % e.src, "dynamic", [e], True, e.name)
            return old(q, c, nodes)
        return build
    FUNCTIONS[_n] = _wrap(FUNCTIONS[_n])


# -- strings ------------------------------------------------------------------------------------------------

define("tolower", "s", "string", lambda s: s.lower())
define("toupper", "s", "string", lambda s: s.upper())
define("strlen", "s", "long", len, "strlen_", False)


def _substring(s, i, n=None):
    if i is None:
        return ""
    if i < 0:
        i = max(0, len(s) + i)
    return s[i:] if n is None else s[i:i + max(0, n)]


define("substring", "si?i", "string", _substring)


def _indexof(s, m, start=0, length=-1, occ=1):
    if start is None or length is None or occ is None or occ < 1 or length < -1:
        return None
    if start < 0:
        start = max(0, len(s) + start)
    end = len(s) if length == -1 else min(len(s), start + length)
    at = start - 1
    for _ in range(occ):
        at = s.find(m, at + 1, end)
        if at < 0:
            return -1
    return at


define("indexof", "ss?iii", "long", _indexof)


def _split(s, d, i=None):
    parts = s.split(d) if d else [s]
    if i is None:
        return parts
    return [parts[i]] if 0 <= i < len(parts) else []


define("split", "ss?i", "dynamic", _split, "first")
define("strcat_delim", "ss?*+", "string", None)
define("replace_string", "sss", "string", lambda s, a, b: s.replace(a, b) if a else s)
define("replace_regex", "sss", "string",
       lambda s, p, r: _re2(p).sub(re.sub(r"\\(\d)", r"\\g<\1>", r), s))
alias("replace", "replace_regex")
define("trim_start", "ss", "string", lambda p, s: re.sub("^(?:%s)" % p, "", s))
define("trim_end", "ss", "string", lambda p, s: re.sub("(?:%s)$" % p, "", s))
define("trim", "ss", "string", lambda p, s: re.sub("(?:%s)$" % p, "", re.sub("^(?:%s)" % p, "", s)))
define("reverse", "s", "string", lambda s: s[::-1])


def _countof(s, what, kind="normal"):
    if kind == "regex":
        return len(_re2(what).findall(s))
    if not what:
        return 0
    n = at = 0
    while True:
        at = s.find(what, at)
        if at < 0:
            return n
        n += 1
        at += 1


define("countof", "ss?s", "long", _countof)
define("hash_sha256", "*", "string", None)
define("hash_md5", "*", "string", None)


def _b_hash(kind):
    def build(q, c, nodes):
        if len(nodes) != 1:
            raise c.fail("Function 'hash_%s': one argument expected" % kind, "SEM0219")
        e = q.as_string(q.scalar(nodes[0], c))
        q.env["_" + kind] = lambda s: getattr(hashlib, kind)(s.encode()).hexdigest()
        return q.fn("_%s(%s)" % (kind, e.src), "string", [e], False)
    return build


FUNCTIONS["hash_sha256"] = _b_hash("sha256")
FUNCTIONS["hash_md5"] = _b_hash("md5")
FUNCTIONS["hash_sha1"] = _b_hash("sha1")

M64 = (1 << 64) - 1
P1, P2, P3, P4, P5 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63,
                      0x27D4EB2F165667C5)


def _rotl(x, r):
    return ((x << r) | (x >> (64 - r))) & M64


def xxh64(b):
    """xxHash64, seed 0."""
    n, i = len(b), 0
    if n >= 32:
        v = [(P1 + P2) & M64, P2, 0, (-P1) & M64]
        while i <= n - 32:
            for k in range(4):
                w = int.from_bytes(b[i + 8 * k:i + 8 * k + 8], "little")
                v[k] = _rotl((v[k] + w * P2) & M64, 31) * P1 & M64
            i += 32
        h = (_rotl(v[0], 1) + _rotl(v[1], 7) + _rotl(v[2], 12) + _rotl(v[3], 18)) & M64
        for x in v:
            h = ((h ^ (_rotl(x * P2 & M64, 31) * P1 & M64)) * P1 + P4) & M64
    else:
        h = P5
    h = (h + n) & M64
    while i + 8 <= n:
        w = int.from_bytes(b[i:i + 8], "little")
        h = (_rotl(h ^ (_rotl(w * P2 & M64, 31) * P1 & M64), 27) * P1 + P4) & M64
        i += 8
    if i + 4 <= n:
        h = (_rotl(h ^ (int.from_bytes(b[i:i + 4], "little") * P1 & M64), 23) * P2 + P3) & M64
        i += 4
    while i < n:
        h = _rotl(h ^ (b[i] * P5 & M64), 11) * P1 & M64
        i += 1
    h ^= h >> 33
    h = h * P2 & M64
    h ^= h >> 29
    h = h * P3 & M64
    return h ^ (h >> 32)


_hash_cache = {}


@env
def _hash(v, mod=None):
    if v is None:
        return None
    h = _hash_cache.get(v) if isinstance(v, str) else None
    if h is None:
        h = xxh64(v.encode() if isinstance(v, str) else int(v).to_bytes(8, "little", signed=True))
        if isinstance(v, str) and len(_hash_cache) < 500000:
            _hash_cache[v] = h
    if mod is not None:
        return h % mod if mod > 0 else None
    return h - (1 << 64) if h >> 63 else h


def _build_hash(q, c, nodes):
    if len(nodes) not in (1, 2):
        raise c.fail("Function 'hash': one or two arguments expected", "SEM0219")
    a = [q.scalar(n, c) for n in nodes]
    if a[0].type in ("real", "decimal", "dynamic", "guid"):
        raise Unsupported("hash() of %s is not supported by the simulator: use tostring()" % a[0].type)
    return q.fn("_hash(%s)" % ",".join(x.src for x in a), "long", a)


FUNCTIONS["hash"] = _build_hash


def _strcat(q, c, nodes):
    if not nodes:
        raise c.fail("Function 'strcat': arguments expected", "SEM0219")
    a = [q.as_string(q.scalar(n, c)) for n in nodes]
    return q.fn("(%s)" % "+".join(x.src for x in a), "string", a, False)


FUNCTIONS["strcat"] = _strcat


def _strcat_delim(q, c, nodes):
    if len(nodes) < 3:
        raise c.fail("Function 'strcat_delim': at least three arguments expected", "SEM0219")
    a = [q.as_string(q.scalar(n, c)) for n in nodes]
    return q.fn("%s.join((%s))" % (a[0].src, "".join(x.src + "," for x in a[1:])), "string", a, False)


FUNCTIONS["strcat_delim"] = _strcat_delim
define("strcat_array", "ys", "string", lambda d, s: s.join(T.to_string(x, "dynamic") for x in _aslist(d)))


def _extract(q, c, nodes):
    if len(nodes) not in (3, 4):
        raise c.fail("Function 'extract': three or four arguments expected", "SEM0219")
    p, g, s = q.scalar(nodes[0], c), q.scalar(nodes[1], c), q.as_string(q.scalar(nodes[2], c))
    ty = nodes[3][1] if len(nodes) == 4 and nodes[3][0] == "typeof" else None
    if not p.const:
        raise Unsupported("extract() with a pattern that is not constant")
    rx = re2(p.val)

    def run(text, group):
        m = rx.search(text)
        if not m or group is None or group > rx.groups:
            return ""
        return m.group(group) or ""
    e = q.fn("%s(%s,%s)" % (q.bind(run), s.src, g.src), "string", [s, g], False)
    if ty and ty != "string":
        f = {"long": T.str_to_long, "int": T.str_to_int, "real": T.str_to_real, "bool": T.str_to_bool,
             "datetime": T.parse_datetime, "timespan": T.parse_timespan, "guid": T.str_to_guid,
             "decimal": T.str_to_decimal, "dynamic": T.parse_json}[ty]
        e = q.fn("%s(%s)" % (q.bind(f), e.src), ty, [e])
    return e


FUNCTIONS["extract"] = _extract
define("base64_encode_tostring", "s", "string", lambda s: __import__("base64").b64encode(s.encode()).decode())


# -- tests and choices --------------------------------------------------------------------------------------

def _isempty(neg):
    def build(q, c, nodes):
        e = q.scalar(nodes[0], c) if len(nodes) == 1 else None
        if e is None:
            raise c.fail("isempty()/isnotempty(): one argument expected", "SEM0219")
        if e.type == "dynamic":
            src = "(_str_dynamic(%s)=='')" % e.src
        elif e.type == "string":
            src = "(%s=='')" % e.src
        elif e.const:
            return q.constant((e.val is not None) == neg, "bool")
        else:
            src = "(%s is None)" % e.src
        return q.fn("(not %s)" % src if neg else src, "bool", [e], False)
    return build


def _isnull(neg):
    def build(q, c, nodes):
        if len(nodes) != 1:
            raise c.fail("isnull()/isnotnull(): one argument expected", "SEM0219")
        e = q.scalar(nodes[0], c)
        if e.const:
            return q.constant((e.val is not None) == neg, "bool")
        return q.fn("(%s is %sNone)" % (e.src, "not " if neg else ""), "bool", [e], False)
    return build


FUNCTIONS["isempty"] = _isempty(False)
FUNCTIONS["isnotempty"] = FUNCTIONS["notempty"] = _isempty(True)
FUNCTIONS["isnull"] = _isnull(False)
FUNCTIONS["isnotnull"] = FUNCTIONS["notnull"] = _isnull(True)
define("isnan", "n", "bool", nul(lambda v: v != v))
define("isinf", "n", "bool", nul(lambda v: v in (math.inf, -math.inf)))
define("isfinite", "n", "bool", nul(lambda v: math.isfinite(v)))
define("not", "b", "bool", _not)


def common(q, c, what, exprs):
    """Branches of iff/case/coalesce brought to one type."""
    kinds = {e.type for e in exprs if not (e.const and e.val is None and e.type == "dynamic")}
    if not kinds:
        kinds = {"dynamic"}
    if len(kinds) == 1:
        return kinds.pop(), exprs
    if kinds <= set(NUM):
        t = "decimal" if "decimal" in kinds else "real" if "real" in kinds else "long"
        out = []
        for e in exprs:
            if t == "real" and e.type != "real":
                e = q.fn("_real(%s)" % e.src, "real", [e], e.null)
            elif t == "decimal" and e.type != "decimal":
                e = q.fn("_dec(%s)" % e.src, "decimal", [e], e.null)
            out.append(e)
        return t, out
    if "dynamic" in kinds:
        return "dynamic", [q.fn("_todyn_%s(%s)" % (e.type, e.src), "dynamic", [e]) for e in exprs]
    raise c.fail("Function '%s': No common type can be determined from the arguments (%s)" %
                 (what, ", ".join(sorted(kinds))), "SEM0219")


ENV["_real"] = lambda v: None if v is None else float(v)


def _iff(q, c, nodes):
    if len(nodes) != 3:
        raise c.fail("Function 'iff': three arguments expected", "SEM0219")
    p = q.scalar(nodes[0], c)
    if p.type not in ("bool", "dynamic"):
        raise c.fail("Function 'iff': the condition must be bool, not %s" % p.type, "SEM0219")
    t, (a, b) = common(q, c, "iff", [q.scalar(n, c) for n in nodes[1:]])
    return q.fn("(%s if %s else %s)" % (a.src, p.src, b.src), t, [p, a, b], a.null or b.null)


FUNCTIONS["iff"] = FUNCTIONS["iif"] = _iff


def _case(q, c, nodes):
    if len(nodes) < 3 or len(nodes) % 2 == 0:
        raise c.fail("Function 'case': an odd number of arguments (3 or more) expected", "SEM0219")
    preds = [q.scalar(n, c) for n in nodes[:-1:2]]
    for p in preds:
        if p.type not in ("bool", "dynamic"):
            raise c.fail("Function 'case': a condition must be bool, not %s" % p.type, "SEM0219")
    t, vals = common(q, c, "case", [q.scalar(n, c) for n in list(nodes[1::2]) + [nodes[-1]]])
    src = vals[-1].src
    for p, v in reversed(list(zip(preds, vals[:-1]))):
        src = "(%s if %s else %s)" % (v.src, p.src, src)
    return q.fn(src, t, preds + vals, any(v.null for v in vals))


FUNCTIONS["case"] = _case


def _coalesce(q, c, nodes):
    if len(nodes) < 2:
        raise c.fail("Function 'coalesce': at least two arguments expected", "SEM0219")
    t, vals = common(q, c, "coalesce", [q.scalar(n, c) for n in nodes])
    f = "_coalesce_s" if t == "string" else "_coalesce"
    return q.fn("%s(%s)" % (f, ",".join(v.src for v in vals)), t, vals, all(v.null for v in vals))


FUNCTIONS["coalesce"] = _coalesce


@env
def _coalesce(*a):
    for x in a:
        if x is not None:
            return x
    return None


@env
def _coalesce_s(*a):
    for x in a:
        if x:
            return x
    return ""


def _minmax(name, f):
    def build(q, c, nodes):
        if len(nodes) < 2:
            raise c.fail("Function '%s': at least two arguments expected" % name, "SEM0219")
        exprs = [q.scalar(n, c) for n in nodes]
        t, vals = common(q, c, name, exprs)
        if t in ("dynamic", "string"):
            raise c.fail("Function '%s' cannot take %s" % (name, t), "SEM0219")
        return q.fn("_%s(%s)" % (name, ",".join(v.src for v in vals)), t, vals, all(v.null for v in vals))
    ENV["_" + name] = lambda *a: f([x for x in a if x is not None], default=None)
    FUNCTIONS[name] = build


_minmax("min_of", min)
_minmax("max_of", max)


def _gettype(q, c, nodes):
    e = q.scalar(nodes[0], c)
    if e.type == "dynamic":
        def kind(v):
            return "null" if v is None else "array" if isinstance(v, list) else "dictionary" if isinstance(v, dict) else \
                {"real": "double"}.get(dyn_type(v), dyn_type(v))
        return q.fn("%s(%s)" % (q.bind(kind), e.src), "string", [e], False)
    r = q.constant({"real": "real"}.get(e.type, e.type), "string")
    r.name = "type_" + e.name if e.col is not None else None
    return r


FUNCTIONS["gettype"] = _gettype


# -- numbers ------------------------------------------------------------------------------------------------

@env
def _bin(v, s):
    return None if v is None or s is None or s <= 0 else v - v % s


@env
def _bin_real(v, s):
    return None if v is None or s is None or s <= 0 else math.floor(v / s) * s if math.isfinite(v) else v


def _build_bin(q, c, nodes):
    if len(nodes) != 2:
        raise c.fail("Function 'bin': two arguments expected", "SEM0219")
    a, s = q.scalar(nodes[0], c), q.scalar(nodes[1], c)
    name = a.name
    if a.type in ("datetime", "timespan") and s.type == "timespan":
        return q.fn("_bin(%s,%s)" % (a.src, s.src), a.type, [a, s], True, name)
    if a.type in ("int", "long") and s.type in ("int", "long"):
        return q.fn("_bin(%s,%s)" % (a.src, s.src), "long", [a, s], True, name)
    if a.type in NUM and s.type in NUM and "decimal" not in (a.type, s.type):
        return q.fn("_bin_real(%s,%s)" % (a.src, s.src), "real", [a, s], True, name)
    raise c.fail("Function 'bin' cannot take %s and %s" % (a.type, s.type), "SEM0219")


FUNCTIONS["bin"] = FUNCTIONS["floor"] = _build_bin


def keep_num(ts):
    return "long" if ts[0] == "int" else ts[0]


def _round(v, n=0):
    if v is None or n is None or not math.isfinite(v):
        return v
    return type(v)(round(v, n)) if n or isinstance(v, int) else float(round(v))


define("round", "n?i", keep_num, _round, "first")
define("abs", "n", keep_num, nul(abs), "first")
define("ceiling", "n", keep_num, nul(lambda v: float(math.ceil(v)) if isinstance(v, float) and math.isfinite(v) else v),
       "first")
define("sign", "n", keep_num, nul(lambda v: (v > 0) - (v < 0)), "first")


def _fl(f):
    def g(v):
        if v is None:
            return None
        try:
            return f(float(v))
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf
    return g


def _log(f):
    return _fl(lambda v: -math.inf if v == 0 else f(v))


define("log", "n", "real", _log(math.log), "first")
define("log10", "n", "real", _log(math.log10), "first")
define("log2", "n", "real", _log(math.log2), "first")
define("exp", "n", "real", _fl(math.exp), "first")
define("sqrt", "n", "real", _fl(math.sqrt), "first")
define("pow", "nn", "real", nul(lambda a, b: _fl(lambda x: x ** float(b))(a)), "first")


# -- time ---------------------------------------------------------------------------------------------------

def _now(q, c, nodes):
    if len(nodes) > 1:
        raise c.fail("Function 'now': one argument at most", "SEM0219")
    off = 0
    if nodes:
        e = q.scalar(nodes[0], c)
        if e.type != "timespan" or not e.const:
            raise c.fail("Function 'now': a timespan is expected", "SEM0219")
        off = e.val
    return q.constant(q.now + off, "datetime")


FUNCTIONS["now"] = _now


def _ago(q, c, nodes):
    e = q.scalar(nodes[0], c) if len(nodes) == 1 else None
    if e is None or e.type != "timespan":
        raise c.fail("Function 'ago': one timespan is expected", "SEM0219")
    return q.fn("_sub(%s,%s)" % (q.bind(q.now), e.src), "datetime", [e])


FUNCTIONS["ago"] = _ago


def _months(t, n):
    """t moved by n months, the day cut to the month's length."""
    d = T.to_pydatetime(t)
    y, m = divmod(d.year * 12 + d.month - 1 + n, 12)
    m += 1
    last = [31, 29 if y % 4 == 0 and (y % 100 or y % 400 == 0) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][m - 1]
    base = T.parse_datetime("%04d-%02d-%02d" % (y, m, min(d.day, last)))
    return None if base is None else base + t % T.DAY


def _start(unit):
    def f(t, n=0):
        if t is None:
            return None
        d = T.to_pydatetime(t)
        day = t - t % T.DAY
        if unit == "day":
            return day + (n or 0) * T.DAY
        if unit == "week":
            return day - ((d.weekday() + 1) % 7) * T.DAY + (n or 0) * 7 * T.DAY
        if unit == "month":
            return _months(T.parse_datetime("%04d-%02d-01" % (d.year, d.month)), n or 0)
        return T.parse_datetime("%04d-01-01" % (d.year + (n or 0)))
    return f


for _u in ("day", "week", "month", "year"):
    define("startof" + _u, "d?i", "datetime", _start(_u), "first")
define("endofday", "d?i", "datetime", nul(lambda t, n=0: t - t % T.DAY + (n + 1) * T.DAY - 1), "first")
define("dayofweek", "d", "timespan", nul(lambda t: ((T.to_pydatetime(t).weekday() + 1) % 7) * T.DAY), "first")
define("hourofday", "d", "int", nul(lambda t: t % T.DAY // (3600 * T.SEC)))
define("dayofmonth", "d", "int", nul(lambda t: T.to_pydatetime(t).day))
define("dayofyear", "d", "int", nul(lambda t: T.to_pydatetime(t).timetuple().tm_yday))
define("getmonth", "d", "int", nul(lambda t: T.to_pydatetime(t).month))
alias("monthofyear", "getmonth")
define("getyear", "d", "int", nul(lambda t: T.to_pydatetime(t).year))

_UNIT = {"week": 7 * T.DAY, "day": T.DAY, "hour": 3600 * T.SEC, "minute": 60 * T.SEC, "second": T.SEC,
         "millisecond": T.SEC // 1000, "microsecond": 10}


def _datetime_diff(p, a, b):
    if a is None or b is None:
        return None
    p = p.lower()
    x, y = T.to_pydatetime(a), T.to_pydatetime(b)
    if p == "year":
        return x.year - y.year
    if p == "quarter":
        return (x.year * 4 + (x.month - 1) // 3) - (y.year * 4 + (y.month - 1) // 3)
    if p == "month":
        return (x.year * 12 + x.month) - (y.year * 12 + y.month)
    if p == "week":
        sunday = lambda t, d: t // T.DAY - (d.weekday() + 1) % 7  # noqa: E731
        return (sunday(a, x) - sunday(b, y)) // 7
    if p == "nanosecond":
        return (a - b) * 100
    if p not in _UNIT:
        raise SemanticError("datetime_diff(): unknown period '%s'" % p)
    return a // _UNIT[p] - b // _UNIT[p]


define("datetime_diff", "sdd", "long", _datetime_diff)


def _datetime_add(p, n, t):
    if n is None or t is None:
        return None
    p = p.lower()
    if p in ("year", "quarter", "month"):
        return _months(t, n * {"year": 12, "quarter": 3, "month": 1}[p])
    if p not in _UNIT:
        raise SemanticError("datetime_add(): unknown period '%s'" % p)
    return t + n * _UNIT[p]


define("datetime_add", "sid", "datetime", _datetime_add)


def _datetime_part(p, t):
    if t is None:
        return None
    d = T.to_pydatetime(t)
    p = p.lower()
    table = {"year": d.year, "quarter": (d.month + 2) // 3, "month": d.month, "day": d.day,
             "dayofyear": d.timetuple().tm_yday, "hour": d.hour, "minute": d.minute, "second": d.second,
             "millisecond": t % T.SEC // 10000, "microsecond": t % T.SEC // 10, "nanosecond": t % T.SEC * 100}
    if p not in table:
        raise Unsupported("datetime_part('%s') is not supported by the simulator" % p)
    return table[p]


define("datetime_part", "sd", "int", _datetime_part)
_FMT = re.compile(r"yyyy|yy|MM|M|dd|d|HH|H|hh|h|mm|m|ss|s|f{1,7}|F{1,7}|tt|[ \-/_:,.\[\]T]|.")


def _format_datetime(t, f):
    if t is None:
        return ""
    d = T.to_pydatetime(t)
    frac = "%07d" % (t % T.SEC)
    h12 = d.hour % 12 or 12
    table = {"yyyy": "%04d" % d.year, "yy": "%02d" % (d.year % 100), "MM": "%02d" % d.month, "M": str(d.month),
             "dd": "%02d" % d.day, "d": str(d.day), "HH": "%02d" % d.hour, "H": str(d.hour), "hh": "%02d" % h12,
             "h": str(h12), "mm": "%02d" % d.minute, "m": str(d.minute), "ss": "%02d" % d.second, "s": str(d.second),
             "tt": "PM" if d.hour >= 12 else "AM"}
    out = []
    for p in _FMT.findall(f):
        if p in table:
            out.append(table[p])
        elif p[0] == "f":
            out.append(frac[:len(p)])
        elif p[0] == "F":
            out.append(frac[:len(p)].rstrip("0"))
        elif p in " -/_:,.[]":
            out.append(p)
        else:
            raise SemanticError("format_datetime(): '%s' is not a format specifier" % p, "SEM0219")
    return "".join(out)


define("format_datetime", "ds", "string", _format_datetime, "first")
define("make_datetime", "iii?iin", "datetime", nul(lambda y, mo, d, h=0, mi=0, s=0: (
    lambda b: None if b is None else b + (h * 3600 + mi * 60) * T.SEC + round(s * T.SEC))(
        T.parse_datetime("%04d-%02d-%02d" % (y, mo, d)))))
for _n, _f in (("seconds", T.SEC), ("milliseconds", 10000), ("microseconds", 10), ("nanoseconds", 0.01)):
    define("unixtime_%s_todatetime" % _n, "n", "datetime", nul((lambda k: lambda v: T.EPOCH + int(v * k))(_f)))


# -- dynamic ------------------------------------------------------------------------------------------------

def _pack(name, bag):
    def build(q, c, nodes):
        exprs = [q.scalar(n, c) for n in nodes]
        if bag:
            if len(exprs) % 2 or not exprs:
                raise c.fail("Function '%s': pairs of key and value are expected" % name, "SEM0219")
            parts = []
            for k, v in zip(exprs[::2], exprs[1::2]):
                k = q.as_string(k)
                parts.append("%s:_todyn_%s(%s)" % (k.src, v.type, v.src))
            return q.fn("{%s}" % ",".join(parts), "dynamic", exprs, False)
        return q.fn("[%s]" % ",".join("_todyn_%s(%s)" % (v.type, v.src) for v in exprs), "dynamic",
                    exprs, False)
    FUNCTIONS[name] = build


for _n in ("bag_pack", "pack", "pack_dictionary"):
    _pack(_n, True)
_pack("pack_array", False)


def _pack_all(q, c, nodes):
    if c.rel is None or nodes:
        raise Unsupported("pack_all() with arguments is not supported by the simulator")
    cols = [(i, x) for i, x in enumerate(c.rel.cols) if not x.hidden and not x.name.startswith("$")]
    from .model import Ex
    return Ex("{%s}" % ",".join("%r:_todyn_%s(%s[%d])" % (x.name, x.type, c.var, i) for i, x in cols), "dynamic", False)


FUNCTIONS["pack_all"] = _pack_all
define("array_length", "y", "long", lambda d: len(d) if isinstance(d, list) else None)
define("bag_keys", "y", "dynamic", lambda d: list(d) if isinstance(d, dict) else None)
define("bag_has_key", "ys", "bool", lambda d, k: k in d if isinstance(d, dict) else None)
define("bag_merge", "y?y+", "dynamic", lambda *a: (lambda out: [out.setdefault(k, v) for d in a if isinstance(d, dict)
                                                            for k, v in d.items()] and out or out)({}))


def _dynarg(q, c, node):
    e = q.scalar(node, c)
    return q.fn("_todyn_%s(%s)" % (e.type, e.src), "dynamic", [e])


def _element(name, ret, f):
    ENV["f_" + name] = f

    def build(q, c, nodes):
        if len(nodes) != 2:
            raise c.fail("Function '%s': two arguments expected" % name, "SEM0219")
        a, b = q.scalar(nodes[0], c), _dynarg(q, c, nodes[1])
        if a.type != "dynamic":
            raise c.fail("Function '%s': argument 1 cannot be of type %s" % (name, a.type), "SEM0219")
        return q.fn("f_%s(%s,%s)" % (name, a.src, b.src), ret, [a, b])
    FUNCTIONS[name] = build


def same(a, b):
    return type(a) is type(b) and a == b or isinstance(a, (int, float)) and isinstance(b, (int, float)) and \
        not isinstance(a, bool) and not isinstance(b, bool) and a == b


_element("set_has_element", "bool", lambda d, v: any(same(x, v) for x in d) if isinstance(d, list) else None)
_element("array_index_of", "long",
         lambda d, v: next((i for i, x in enumerate(d) if same(x, v)), -1) if isinstance(d, list) else None)


def uniq(items):
    seen, out = set(), []
    for x in items:
        k = (type(x).__name__ if isinstance(x, bool) else "", x) if not isinstance(x, (list, dict)) else ("j", T.dumps(x))
        if k not in seen:
            seen.add(k)
            out.append(x)
    return out


define("array_concat", "y?y+", "dynamic", lambda *a: [x for d in a for x in _aslist(d)])
define("set_union", "yy?y+", "dynamic", lambda *a: uniq([x for d in a for x in _aslist(d)]))
define("set_intersect", "yy?y+", "dynamic",
       lambda *a: [x for x in uniq(_aslist(a[0])) if all(any(same(x, y) for y in _aslist(d)) for d in a[1:])])
define("set_difference", "yy?y+", "dynamic",
       lambda *a: [x for x in uniq(_aslist(a[0])) if not any(same(x, y) for d in a[1:] for y in _aslist(d))])
define("array_slice", "yii", "dynamic",
       lambda d, a, b: d[a:(None if b == -1 else b + 1)] if isinstance(d, list) else None)
define("array_sort_asc", "y", "dynamic", lambda d: sorted(d, key=lambda v: (v is None, v))
       if isinstance(d, list) else None)


# -- addresses ----------------------------------------------------------------------------------------------

_nets = {}


def _v4(s):
    """(number, prefix length) of IPv4 text with optional /n, or None."""
    r = _nets.get(s, 0)
    if r == 0:
        r = None
        a, _, p = s.partition("/")
        try:
            if not p or p.isdigit() and int(p) <= 32:
                n = int(p) if p else 32
                r = (int(ipaddress.IPv4Address(a.strip())) & (0xFFFFFFFF << (32 - n)) & 0xFFFFFFFF, n)
        except ValueError:
            r = None
        if len(_nets) < 200000:
            _nets[s] = r
    return r


_PRIVATE = [_v4("10.0.0.0/8"), _v4("172.16.0.0/12"), _v4("192.168.0.0/16")]


def _within(a, net):
    return a[1] >= net[1] and (a[0] >> (32 - net[1])) == (net[0] >> (32 - net[1])) if net[1] else True


def _ipv4_is_private(s):
    a = _v4(s)
    return None if a is None else any(_within(a, n) for n in _PRIVATE)


def _ipv4_is_in_range(s, r):
    a, n = _v4(s), _v4(r)
    return None if a is None or n is None else _within(a, n)


def _ipv4_in_any(s, *rs):
    flat = []
    for r in rs:
        flat += [x for x in r if isinstance(x, str)] if isinstance(r, list) else [r]
    a = _v4(s)
    if a is None:
        return None
    return any(_within(a, n) for n in map(_v4, flat) if n is not None)


def _ipv4_is_match(a, b, p=32):
    x, y = _v4(a), _v4(b)
    if x is None or y is None or p is None:
        return None
    n = min(x[1], y[1], p)
    return (x[0] >> (32 - n)) == (y[0] >> (32 - n)) if n else True


def _v6(s):
    a, _, p = s.partition("/")
    try:
        ip = ipaddress.ip_address(a.strip())
        four = ip.version == 4
        v = int(ipaddress.IPv6Address("::ffff:" + str(ip))) if four else int(ip)
        n = int(p) + (96 if four else 0) if p else 128
        if not 0 <= n <= 128:
            return None
        return v, n
    except ValueError:
        return None


def _ipv6_match(n, x, y):
    n = min(n, 128)
    return (x[0] >> (128 - n)) == (y[0] >> (128 - n))


def _ipv6_is_in_range(a, r):
    x, y = _v6(a), _v6(r)
    return None if x is None or y is None else _ipv6_match(y[1], x, y)


def _ipv6_in_any(s, *rs):
    flat = []
    for r in rs:
        flat += [x for x in r if isinstance(x, str)] if isinstance(r, list) else [r]
    found = [x for x in (_ipv6_is_in_range(s, r) for r in flat) if x is not None]
    return any(found) if found else None


def _ipv6_is_match(a, b, p=128):
    x, y = _v6(a), _v6(b)
    return None if x is None or y is None else _ipv6_match(min(x[1], y[1], p), x, y)


define("ipv4_is_private", "s", "bool", _ipv4_is_private)
define("ipv4_is_in_range", "ss", "bool", _ipv4_is_in_range)
define("ipv4_is_in_any_range", "s*?*+", "bool", _ipv4_in_any)
define("ipv4_is_match", "ss?i", "bool", _ipv4_is_match)
define("ipv6_is_in_range", "ss", "bool", _ipv6_is_in_range)
define("ipv6_is_in_any_range", "s*?*+", "bool", _ipv6_in_any)
define("ipv6_is_match", "ss?i", "bool", _ipv6_is_match)
define("parse_ipv4", "s", "long", lambda s: (lambda r: None if r is None else r[0])(_v4(s)))
define("parse_ipv6", "s", "string", lambda s: (lambda r: "" if r is None else
                                               str(ipaddress.IPv6Address(r[0]).exploded))(_v6(s)))


def _geo(q, c, nodes):
    if len(nodes) != 1:
        raise c.fail("Function 'geo_info_from_ip_address': one argument expected", "SEM0219")
    e = q.as_string(q.scalar(nodes[0], c))
    return q.fn("_geo(%s)" % e.src, "dynamic", [e])


FUNCTIONS["geo_info_from_ip_address"] = _geo
