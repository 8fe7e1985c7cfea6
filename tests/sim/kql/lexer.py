"""Text to tokens.

A token is (kind, value, start, end). Kinds: ident, str, num (int or float), span (ticks), lit (a typed
literal such as datetime(...), value = (type, text)), op, end.
`x in~ (...)`, `!has` and their kind are one op token each.
"""

import functools
import re

from .errors import SyntaxErr

TICK = {"d": 864000000000, "day": 864000000000, "days": 864000000000,
        "h": 36000000000, "hr": 36000000000, "hrs": 36000000000, "hour": 36000000000, "hours": 36000000000,
        "m": 600000000, "min": 600000000, "minute": 600000000, "minutes": 600000000,
        "s": 10000000, "sec": 10000000, "second": 10000000, "seconds": 10000000,
        "ms": 10000, "milli": 10000, "millis": 10000, "millisecond": 10000, "milliseconds": 10000,
        "micro": 10, "micros": 10, "microsecond": 10, "microseconds": 10,
        "tick": 1, "ticks": 1}

LITERALS = {"datetime", "date", "timespan", "time", "guid", "int", "long", "real", "double", "decimal", "bool",
            "boolean"}

_SPACE = re.compile(r"(?:\s+|//[^\n]*)+")
_NUM = re.compile(r"0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_UNIT = re.compile(r"[a-zA-Z]+")
_IDENT = re.compile(r"[A-Za-z_$][A-Za-z0-9_]*")
_BANG = re.compile(r"!(?:in~|in|has_cs|hasprefix_cs|hasprefix|hassuffix_cs|hassuffix|has|contains_cs|contains|"
                   r"startswith_cs|startswith|endswith_cs|endswith|between)(?![A-Za-z0-9_])")
_OPS = ("=~", "!~", "==", "!=", "<>", "<=", ">=", "=>", "..", "|", "(", ")", "[", "]", "{", "}", ",", ";", ":", ".",
        "+", "-", "*", "/", "%", "<", ">", "=")
_ESC = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "a": "\a", "b": "\b", "f": "\f", "v": "\v",
        "0": "\0"}


def _string(text, i):
    """The string literal at i: (value, index after it)."""
    start = i
    if text[i] in "hH":
        i += 1
    verbatim = text[i] == "@"
    if verbatim:
        i += 1
    if text.startswith("```", i):
        end = text.find("```", i + 3)
        if end < 0:
            raise SyntaxErr("Unterminated string literal at position %d" % start)
        return text[i + 3:end], end + 3
    quote = text[i]
    i += 1
    out = []
    while True:
        if i >= len(text):
            raise SyntaxErr("Unterminated string literal at position %d" % start)
        c = text[i]
        if c == quote:
            if verbatim and text.startswith(quote, i + 1):
                out.append(quote)
                i += 2
                continue
            return "".join(out), i + 1
        if c in "\r\n":
            raise SyntaxErr("Newline in string literal at position %d" % start)
        if c == "\\" and not verbatim:
            e = text[i + 1:i + 2]
            if e == "u" and re.match(r"[0-9a-fA-F]{4}", text[i + 2:i + 6]):
                out.append(chr(int(text[i + 2:i + 6], 16)))
                i += 6
            elif e == "x" and re.match(r"[0-9a-fA-F]{2}", text[i + 2:i + 4]):
                out.append(chr(int(text[i + 2:i + 4], 16)))
                i += 4
            elif e in _ESC and e:
                out.append(_ESC[e])
                i += 2
            else:
                raise SyntaxErr("Bad escape '\\%s' in string literal at position %d" % (e, i))
            continue
        out.append(c)
        i += 1


def _fix_surrogates(s):
    try:
        return s.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return s


@functools.lru_cache(maxsize=20000)
def _of_line(line):
    return _tokens(line)[:-1]


@functools.lru_cache(maxsize=4)
def tokens(text):
    """Line by line: the queries of a program differ in few lines. What does not end on its line is read as a whole."""
    out, at = [], 0
    try:
        for line in text.split("\n") if "```" not in text else ():
            out += [(kind, v, a + at, b + at) for kind, v, a, b in _of_line(line)]
            at += len(line) + 1
    except SyntaxErr:
        at = 0
    return out + [("end", None, len(text), len(text))] if at else _tokens(text)


def _tokens(text):
    out = []
    i, n = 0, len(text)
    while True:
        m = _SPACE.match(text, i)
        if m:
            i = m.end()
        if i >= n:
            out.append(("end", None, n, n))
            return out
        c = text[i]
        if c in "\"'" or (c == "@" and text[i + 1:i + 2] in ('"', "'")) or text.startswith("```", i) or \
                (c in "hH" and re.match(r"@?[\"']|```", text[i + 1:i + 4])):
            v, j = _string(text, i)
            out.append(("str", _fix_surrogates(v), i, j))
            i = j
            continue
        if c.isdigit():
            m = _NUM.match(text, i)
            raw, j = m.group(), m.end()
            u = _UNIT.match(text, j)
            if u and not raw.lower().startswith("0x"):
                if u.group().lower() not in TICK:
                    raise SyntaxErr("Unexpected '%s' at position %d" % (raw + u.group(), i))
                v = round(float(raw) * TICK[u.group().lower()]) if re.search(r"[.eE]", raw) \
                    else int(raw) * TICK[u.group().lower()]
                out.append(("span", v, i, u.end()))
                i = u.end()
                continue
            if raw.lower().startswith("0x"):
                v = int(raw, 16)
            else:
                v = float(raw) if re.search(r"[.eE]", raw) else int(raw)
            out.append(("num", v, i, j))
            i = j
            continue
        m = _IDENT.match(text, i)
        if m:
            word, j = m.group(), m.end()
            if word in LITERALS:
                p = re.compile(r"\s*\(").match(text, j)
                if p and not (out and out[-1][1] == "typeof"):
                    k = p.end()
                    s = re.compile(r"\s*").match(text, k).end()
                    if text[s:s + 1] in ('"', "'"):
                        v, e = _string(text, s)
                        e = re.compile(r"\s*").match(text, e).end()
                        if text[e:e + 1] != ")":
                            raise SyntaxErr("Expected ')' after %s literal at position %d" % (word, e))
                    else:
                        e = text.find(")", k)
                        if e < 0:
                            raise SyntaxErr("Expected ')' after %s literal at position %d" % (word, k))
                        v = text[k:e].strip()
                    out.append(("lit", (word, v), i, e + 1))
                    i = e + 1
                    continue
            if word == "in" and text[j:j + 1] == "~":
                out.append(("op", "in~", i, j + 1))
                i = j + 1
                continue
            out.append(("ident", word, i, j))
            i = j
            continue
        m = _BANG.match(text, i)
        if m:
            out.append(("op", m.group(), i, m.end()))
            i = m.end()
            continue
        for op in _OPS:
            if text.startswith(op, i):
                out.append(("op", op, i, i + len(op)))
                i += len(op)
                break
        else:
            raise SyntaxErr("Unexpected character '%s' at position %d" % (c, i))
