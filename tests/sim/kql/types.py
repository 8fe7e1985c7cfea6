"""Values and their text forms.

In memory: bool, int (int and long), float (real), Decimal, str (string and guid), and int ticks of 100 ns for
datetime (since 0001-01-01) and timespan. dynamic is what JSON is in Python; a datetime inside it is its text.
None is null; a string is never null.
"""

import json
import math
import re
from datetime import datetime as _dt, timedelta, timezone
from decimal import Decimal, InvalidOperation

from .errors import SyntaxErr

EPOCH = 621355968000000000  # ticks of 1970-01-01
SEC = 10000000
DAY = 864000000000
MAX_TICKS = 3155378975999999999
_DAYS0 = _dt(1, 1, 1).toordinal()

_ISO = re.compile(
    r"^\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(Z|z|[+-]\d{2}:?\d{2})?)?\s*$")
_days = {}


def parse_datetime(s):
    """ISO 8601 text to ticks, or None."""
    m = _ISO.match(s)
    if not m:
        if re.match(r"^\s*\d{4}\s*$", s) or re.match(r"^\d{4}-\d{2}$", s):
            return parse_datetime((s.strip() + "-01-01")[:10])
        return None
    y, mo, d, h, mi, sec, frac, tz = m.groups()
    key = (y, mo, d)
    base = _days.get(key)
    if base is None:
        try:
            base = (_dt(int(y), int(mo), int(d)).toordinal() - _DAYS0) * DAY
        except ValueError:
            return None
        if len(_days) > 10000:
            _days.clear()
        _days[key] = base
    if h is None:
        return base
    h, mi, sec = int(h), int(mi), int(sec or 0)
    if h > 23 or mi > 59 or sec > 59:
        return None
    t = base + (h * 3600 + mi * 60 + sec) * SEC
    if frac:
        t += int((frac + "0000000")[:7])
    if tz and tz not in "Zz":
        z = tz.replace(":", "")
        off = (int(z[1:3]) * 60 + int(z[3:5])) * 60 * SEC
        t -= off if z[0] == "+" else -off
    return t


_prefix = {}


def _date_prefix(day):
    p = _prefix.get(day)
    if p is None:
        p = _prefix[day] = _dt.fromordinal(day + _DAYS0).strftime("%Y-%m-%dT").zfill(11)
    return p


def format_datetime(t):
    """As the query API writes it: fraction without trailing zeros."""
    day, rest = divmod(t, DAY)
    s, f = divmod(rest, SEC)
    h, s = divmod(s, 3600)
    m, s = divmod(s, 60)
    if f:
        return "%s%02d:%02d:%02d.%sZ" % (_date_prefix(day), h, m, s, ("%07d" % f).rstrip("0"))
    return "%s%02d:%02d:%02dZ" % (_date_prefix(day), h, m, s)


def format_datetime7(t):
    """As tostring() writes it: always seven digits."""
    day, rest = divmod(t, DAY)
    s, f = divmod(rest, SEC)
    h, s = divmod(s, 3600)
    m, s = divmod(s, 60)
    return "%s%02d:%02d:%02d.%07dZ" % (_date_prefix(day), h, m, s, f)


def to_pydatetime(t):
    return _dt(1, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=t // 10)


def from_unix(sec):
    return EPOCH + round(sec * SEC)


def to_unix(t):
    return (t - EPOCH) / SEC


def format_timespan(t):
    sign = "-" if t < 0 else ""
    t = abs(t)
    d, r = divmod(t, DAY)
    s, f = divmod(r, SEC)
    h, s = divmod(s, 3600)
    m, s = divmod(s, 60)
    return "%s%s%02d:%02d:%02d%s" % (sign, "%d." % d if d else "", h, m, s, ".%07d" % f if f else "")


_SPAN = re.compile(r"^(-)?(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,7}))?)?$")


def parse_timespan(s):
    from .lexer import TICK
    s = s.strip()
    m = _SPAN.match(s)
    if m:
        sg, d, h, mi, sec, f = m.groups()
        v = int(d or 0) * DAY + ((int(h) * 60 + int(mi)) * 60 + int(sec or 0)) * SEC + int((f or "0").ljust(7, "0"))
        return -v if sg else v
    m = re.match(r"^(-)?(\d+(?:\.\d+)?)\s*([a-z]+)?$", s)
    if m and (m.group(3) or "d") in TICK:
        v = round(float(m.group(2)) * TICK[m.group(3) or "d"])
        return -v if m.group(1) else v
    return None


def format_real(x):
    if x != x:
        return "NaN"
    if x in (math.inf, -math.inf):
        return "Infinity" if x > 0 else "-Infinity"
    return repr(x)


def dumps(v):
    """Compact JSON text of a dynamic value."""
    return json.dumps(_json_safe(v), ensure_ascii=False, separators=(",", ":"))


def _json_safe(v):
    if isinstance(v, float) and (v != v or v in (math.inf, -math.inf)):
        return format_real(v)
    if isinstance(v, list):
        return [_json_safe(x) for x in v]
    if isinstance(v, dict):
        return {k: _json_safe(x) for k, x in v.items()}
    return v


def to_dynamic(v, ty):
    """A typed value as it stands inside a dynamic one."""
    if v is None:
        return None
    if ty == "datetime":
        return format_datetime7(v)
    if ty == "timespan":
        return format_timespan(v)
    if ty == "decimal":
        return str(v)
    return v


def to_string(v, ty):
    if v is None:
        return ""
    if ty == "string" or ty == "guid":
        return v
    if ty == "bool":
        return "true" if v else "false"
    if ty == "datetime":
        return format_datetime7(v)
    if ty == "timespan":
        return format_timespan(v)
    if ty == "real":
        return format_real(v)
    if ty == "dynamic":
        if isinstance(v, str):
            return v
        if isinstance(v, bool):
            return "true" if v else "false"
        if isinstance(v, float):
            return format_real(v)
        return dumps(v)
    return str(v)


_INT = re.compile(r"^\s*[+-]?\d+\s*$")
_HEX = re.compile(r"^\s*0[xX][0-9a-fA-F]+\s*$")
_REAL = re.compile(r"^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$")
_GUID = re.compile(r"^\{?([0-9a-fA-F]{8})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{4})-?([0-9a-fA-F]{12})\}?$")


def wrap(n, bits):
    return n if -(1 << bits - 1) <= n < (1 << bits - 1) else None


def str_to_long(s):
    if _INT.match(s):
        return wrap(int(s), 64)
    if _HEX.match(s):
        return wrap(int(s, 16), 64)
    if _REAL.match(s):
        return wrap(int(float(s)), 64)
    return None


def str_to_int(s):
    v = str_to_long(s)
    return None if v is None else wrap(v, 32)


def str_to_real(s):
    if _REAL.match(s):
        return float(s)
    return {"nan": math.nan, "inf": math.inf, "+inf": math.inf, "-inf": -math.inf, "infinity": math.inf,
            "-infinity": -math.inf}.get(s.strip().lower())


def str_to_bool(s):
    x = s.strip().lower()
    if x in ("true", "1"):
        return True
    if x in ("false", "0"):
        return False
    v = str_to_long(x)
    return None if v is None else v != 0


def str_to_guid(s):
    m = _GUID.match(s.strip())
    return "-".join(m.groups()).lower() if m else None


def str_to_decimal(s):
    try:
        return Decimal(s.strip())
    except InvalidOperation:
        return None


def parse_json(s):
    """parse_json(): text that is not JSON is a dynamic string."""
    if s is None or s == "":
        return None
    try:
        return json.loads(s)
    except ValueError:
        return s


def literal(kind, raw):
    """("lit", type, value) of a typed literal such as long(5) or datetime(2026-01-01)."""
    low = raw.strip().lower()
    ty = {"date": "datetime", "time": "timespan", "double": "real", "boolean": "bool"}.get(kind, kind)
    if low == "null":
        return ("lit", ty, None)
    v = None
    if ty == "datetime":
        if low in ("", "now"):
            return ("call", "now", [])
        if low == "min":
            return ("lit", ty, 0)
        if low == "max":
            return ("lit", ty, MAX_TICKS)
        v = parse_datetime(raw)
    elif ty == "timespan":
        v = parse_timespan(raw)
    elif ty == "guid":
        v = str_to_guid(raw)
    elif ty == "int":
        v = str_to_int(raw)
    elif ty == "long":
        v = str_to_long(raw)
    elif ty == "real":
        v = str_to_real(raw)
    elif ty == "decimal":
        v = str_to_decimal(raw)
    elif ty == "bool":
        v = str_to_bool(raw)
    if v is None:
        raise SyntaxErr("'%s(%s)' is not a valid %s literal" % (kind, raw, ty))
    return ("lit", ty, v)
