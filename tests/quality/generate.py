#!/usr/bin/env python3
"""Labelled query texts for tests/quality/sql_quality: python3 generate.py [--seed N] [--rows N] [--api NAME] [--mask] [--bursts] > rows.ndjson

Applications, values and payloads are made up here; nothing is taken from the files that the detector was
developed on. A statement is a template with one hole for a user's value; an attack is a payload in the hole.
Labels follow from how the payload is made: the templates say what closes the hole, the payloads what
they do. `effect` is "leak" for a condition turned true, "leak_inference" for questions about a field.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import json
import random
import re

import dialects

APPS = {
    "clinic": ("p", ["lastName", "ward", "doctor", "insurer"], ["room", "age"], ["diagnosisNote", "pinCode"]),
    "fleet": ("v", ["plate", "depot", "driver", "make"], ["year", "mileage"], ["gpsTrail", "leaseRate"]),
    "books": ("b", ["title", "author", "genre", "shelf"], ["pages", "stock"], ["buyerEmail", "margin"]),
    "hotel": ("h", ["guest", "city", "board", "agent"], ["nights", "floor"], ["cardRef", "passportNo"]),
    "iot": ("d", ["deviceId", "site", "model", "zone"], ["level", "port"], ["sharedKey", "ownerMail"]),
    "jobs": ("c", ["company", "skill", "level", "town"], ["pay", "hours"], ["refereeNote", "homeAddress"]),
}
VALUES = ["North", "O\\'Hara", "R&D", "Sales -- EMEA", "1=1", "select a seat", "union dues", "it is; ok", "50% off",
          "a OR b", "null", "true", "Zürich", "x' y".replace("'", "\\'"), "drop table tennis", "", "A", "12", "C#", "/* */"]
PLAIN = ["North", "Miller", "Basel", "alpha", "K-12", "blue", "Q7", "Ann Lee", "2024-05-01"]


def templates(app):
    """(id, text with {v}, quote or None for a number, closer needed before the tail, kind)"""
    a, s, n, _ = APPS[app]
    f0, f1, f2, f3 = s
    n0, n1 = n
    out = []

    def add(name, text, quote, close=""):
        out.append((f"{app}.{name}", text, quote, close))
    add("one", f"SELECT * FROM {a} WHERE {a}.{f0} = '{{v}}'", "'")
    add("two", f'SELECT {a}.id, {a}.{f1} FROM {a} WHERE {a}.{f0} = "{{v}}" AND {a}.{n0} > 3', '"')
    add("tail", f"SELECT {a}.{f0} FROM {a} WHERE {a}.{f2} = '{{v}}' AND {a}.{f3} = 'open' ORDER BY {a}.{n1} DESC", "'")
    add("num", f"SELECT {a}.id FROM {a} WHERE {a}.{n0} = {{v}}", None)
    add("num2", f"SELECT * FROM {a} WHERE {a}.{f1} = 'x1' AND {a}.{n0} >= {{v}} OFFSET 0 LIMIT 25", None)
    add("in", f"SELECT VALUE {a}.{f0} FROM {a} WHERE {a}.{f1} IN ('{{v}}', 'main')", "'", ")")
    add("has", f"SELECT TOP 20 {a}.id, {a}.{f0} FROM {a} WHERE CONTAINS({a}.{f0}, '{{v}}')", "'", ")")
    add("low", f'SELECT * FROM {a} WHERE LOWER({a}.{f2}) = LOWER("{{v}}") AND {a}.{n1} < 90', '"', ")")
    add("group", f"SELECT {a}.{f1}, COUNT(1) AS n FROM {a} WHERE {a}.{f3} = '{{v}}' GROUP BY {a}.{f1}", "'")
    add("linq", f'SELECT VALUE root \nFROM root \nWHERE ((root["{f0}"] = "{{v}}") AND (root["{n0}"] > 2))', '"', "))")
    add("like", f"SELECT {a}.id FROM {a} WHERE {a}.{f0} LIKE '{{v}}%'", "'")
    add("join", f"SELECT {a}.id, t.name FROM {a} JOIN t IN {a}.tags WHERE t.name = '{{v}}' AND {a}.{f1} = 'eu'", "'")
    add("sdk", f'SELECT {a}._rid, [{{{{"item": {a}.{n0}}}}}] AS orderByItems, {a} AS payload\nFROM {a}\n'
        f'WHERE (({a}.{f0} = "{{v}}") AND (true))\nORDER BY {a}.{n0} ASC', '"', "))")
    add("upd", f"SELECT {a}.id FROM {a} WHERE {a}.status = 'A' AND ({a}.{f0} = '{{v}}' OR {a}.{f1} = 'any')", "'", ")")
    return out


def tautologies(alias, fields, q, rnd):
    f = rnd.choice(fields)
    k = rnd.randint(2, 900)
    w = "".join(rnd.choice("abcdefgh") for _ in range(rnd.randint(1, 3)))
    consts = [f"{k}={k}", f"{k} = {k}", f"{k}>{k - 1}", f"{k}<>{k + 1}", f"{k} != {k + 5}", f"{q}{w}{q}={q}{w}{q}",
              f"{q}{w}{q} = {q}{w}{q}", f"{q}{q}={q}{q}", "true", "(true)", "NOT false", "NOT (1=2)", f"{q}{w}{q} LIKE {q}{w}{q}",
              f"{k} IN ({k}, 1)", f"{k} BETWEEN 0 AND 1000", f"LENGTH({q}{w}{q})={len(w)}", f"ABS(-{k})={k}", f"IS_NUMBER({k})",
              f"{q}{w}{q}<{q}z{q}"]
    ids = [f"{alias}.id={alias}.id", f'{alias}["id"] = {alias}["id"]', f"{alias}._rid = {alias}._rid",
           f"IS_DEFINED({alias}.id)", f"NOT IS_NULL({alias}.id)", f"{alias}.id != {q}{q}", f"{alias}.id > {q}{q}",
           f"{alias}._ts > 0", f"LENGTH({alias}.id) > 0", f"{alias}.id LIKE {q}%{q}", f"STARTSWITH({alias}.id, {q}{q})",
           f"CONTAINS({alias}._rid, {q}{q})", f"IS_STRING({alias}.id)", f"{alias}.id <> {q}{w}{q}", f"NOT ({alias}.id = {q}{w}{q})",
           f"{alias}.id BETWEEN {q}{q} AND {q}zzzz{q}", f"{alias}._etag != null", f"{alias}.{f} = {alias}.{f}",
           f"{alias}.id IN ({alias}.id)", f"UPPER({alias}.id) = UPPER({alias}.id)", f"{q}{q} != {alias}.id", f"{alias}.id >= {q}0{q}"]
    subs = ["EXISTS(SELECT VALUE 1)", "(SELECT VALUE 1) = 1", f"ARRAY_LENGTH(ARRAY(SELECT VALUE 1)) = 1", f"IIF(true, true, false)"]
    worked_out = [f"{k + 1}-1={k}", f"{k} NOT IN ({k + 1})", f"NOT NOT {k}<{k + 1}", f"CONCAT({q}{w}{q},{q}!{q})={q}{w}!{q}", f"UPPER({q}{w}{q}) = {q}{w.upper()}{q}",
                  "ARRAY_LENGTH([3]) = 1", f"ARRAY_CONTAINS([{k}], {k})", "RAND() < 2", f"IIF({k}={k}, true, false)", f"({k} > 0 ? true : false)",
                  f"({alias}.{f} = {q}{w}{q} ? true : true)", f"IIF(IS_DEFINED({alias}), true, true)"]
    bent = [f"NOT ({alias}.{f} <> {alias}.{f})", f"{alias}[{q}{f}{q}] = {alias}.{f}", f"{alias}.{f} IN ({q}{w}{q}, {alias}.{f})", f"CONCAT({alias}.{f}, {q}{q}) = {alias}.{f}",
            f"CONTAINS({alias}.id, {alias}.id)", f"{alias} = {alias}", f"IS_OBJECT({alias})", f"{alias} != null", f"NOT STARTSWITH({alias}.id, {q}#{w}{q})",
            f"{alias}.id NOT LIKE {q}#{w}%{q}", f"{alias}.id NOT IN ({q}#{w}{q})", f"IS_NULL({alias}.id) = false", f"IS_DEFINED({alias}._self) = true", f"{alias}.id != {alias}._etag",
            f"0 < {alias}._ts", f"{alias}._ts BETWEEN 1 AND 9000000000", f"LEFT({alias}.id, 0) = {q}{q}", f"INDEX_OF({alias}.id, {q}{q}) = 0", f"{alias}._ts + {k} > 0",
            f"EXISTS(SELECT VALUE {alias}.id)", f"udf.open{k}()"]
    return rnd.choice(rnd.choices([consts, ids, subs, worked_out, bent], [35, 30, 5, 10, 20])[0])


def blind(alias, secret, q, rnd):
    c = rnd.choice("abcdef0123")
    return rnd.choice([f"STARTSWITH({alias}.{secret}, {q}{c}{q})", f"LENGTH({alias}.{secret}) > {rnd.randint(3, 20)}",
                       f"SUBSTRING({alias}.{secret}, 0, 1) = {q}{c}{q}", f"RegexMatch({alias}.{secret}, {q}^{c}{q})",
                       f"LEFT({alias}.{secret}, 1) = {q}{c}{q}", f"{alias}.{secret} LIKE {q}{c}%{q}", f"IS_DEFINED({alias}.{secret})",
                       f"CONTAINS({alias}.{secret}, {q}{c}{q})", f"{alias}.{secret} >= {q}{c}{q}"])


def space(text, rnd):
    """Blank and letter-case variants that leave the meaning alone."""
    word = rnd.choice(["OR", "or", "Or", "oR"])
    text = text.replace(" OR ", rnd.choice([" ", "  ", "\t", "\n"]) + word + rnd.choice([" ", "  ", "\n"]))
    return text.replace(" AND ", f" {rnd.choice(['AND', 'and', 'And'])} ")


def success(app, t, rnd):
    tid, text, quote, close = t
    alias, strings, _, secrets = APPS[app]
    if "root" in text:
        alias = "root"
    if tid.endswith(".join"):
        alias = rnd.choice([alias, "t"]) if False else alias
    q = quote or "'"
    if quote == '"' and rnd.random() < .3:
        q = "'"
    start = rnd.choice(["", "", "x", "a1", "zzz", "-1"]) if quote else str(rnd.randint(0, 50))
    end = quote or ""
    is_blind = rnd.random() < .2
    head = start + end
    if is_blind:
        cond = " AND " + blind(alias, rnd.choice(secrets), q, rnd)
    else:
        cond = " OR " + tautologies(alias, strings, q, rnd)
    style = rnd.random()
    multiline = "\n" in text
    if quote is None:
        payload = head + cond
    elif close and (tid.endswith((".in", ".has", ".low")) or style < .35) and not multiline:
        payload = head + close.replace("))", ")") + cond + rnd.choice([" --", "--", " -- "])
        if tid.endswith(".upd"):
            payload = head + cond + f") --"
    elif close and multiline:
        closing = rnd.choice([f" OR {quote}a{quote}={quote}b", f" AND {quote}1{quote}={quote}1"])
        payload = head + cond + closing
    elif style < .6 and not multiline:
        if tid.endswith(".upd"):
            payload = head + cond + ") --"
        else:
            payload = head + cond + rnd.choice([" --", "--"])
    else:
        payload = head + cond + rnd.choice([f" OR {quote}a{quote}={quote}b", f" AND {quote}1{quote}={quote}1",
                                            f" OR {quote}{quote}={quote}"])
    return text.format(v=space(payload, rnd)), "gen_blind" if is_blind else "gen_tautology", \
        "leak_inference" if is_blind else "leak"


def benign_extra(app, rnd):
    """Ordinary forms that look like attacks."""
    a, s, n, _ = APPS[app]
    f, g = rnd.sample(s, 2)
    m = rnd.choice(n)
    v, w = rnd.choice(PLAIN), rnd.choice(PLAIN)
    k = rnd.randint(1, 999)
    forms = [
        ("optional", f"SELECT * FROM {a} WHERE ('{v}' = 'all' OR {a}.{f} = '{v}')"),
        ("optional", f"SELECT * FROM {a} WHERE ('all' = 'all' OR {a}.{f} = 'all') AND ({k} = -1 OR {a}.{m} = {k})"),
        ("optional", f"SELECT * FROM {a} WHERE (@{f} = null OR {a}.{f} = @{f}) AND {a}.{g} = '{v}'"),
        ("optional", f"SELECT * FROM {a} WHERE (IS_NULL(@f) OR {a}.{f} = @f)"),
        ("optional", f"SELECT * FROM {a} WHERE ({a}.{f} = '{v}' OR '{v}' = 'all')"),
        ("builder", f"SELECT * FROM {a} WHERE 1=1 AND {a}.{f} = '{v}' AND {a}.{m} > {k}"),
        ("builder", f"SELECT * FROM {a} WHERE true AND {a}.{f} = \"{v}\""),
        ("builder", f"SELECT * FROM {a} WHERE (1 = 1) AND ({a}.{f} = '{v}')"),
        ("builder", f"SELECT * FROM {a} WHERE {a}.{f} = '{v}' AND true"),
        ("flag", f"SELECT * FROM {a} WHERE {a}.{g} = '{w}' AND ({a}.{f} = '{v}' OR true)"),
        ("flag", f"SELECT * FROM {a} WHERE {a}.{g} = '{w}' AND ({a}.{f} = '{v}' OR false)"),
        ("soft", f"SELECT * FROM {a} WHERE {a}.{f} = '{v}' AND (NOT IS_DEFINED({a}.deleted) OR {a}.deleted = false)"),
        ("soft", f"SELECT * FROM {a} WHERE {a}.{f} = '{v}' AND ({a}.end = null OR {a}.end > '2024-01-01')"),
        ("soft", f"SELECT * FROM {a} WHERE {a}.{f} = '' OR IS_NULL({a}.{f}) OR NOT IS_DEFINED({a}.{f})"),
        ("or", f"SELECT * FROM {a} WHERE {a}.{f} = '{v}' OR {a}.{g} = '{w}'"),
        ("or", f"SELECT * FROM {a} WHERE {a}.{f} = '{v}' OR {a}.{f} = '{w}' OR {a}.{f} = 'third'"),
        ("or", f"SELECT * FROM {a} WHERE {a}.status = 'open' OR {a}.{f} != 'closed'"),
        ("or", f"SELECT * FROM {a} WHERE {a}.{m} > {k} OR {a}.{m} < 0"),
        ("page", f"SELECT * FROM {a} WHERE ({a}.{m} < {k} OR ({a}.{m} = {k} AND {a}.id > 'a{k}')) ORDER BY {a}.{m} DESC"),
        ("sdk", f'SELECT {a}._rid, [{{"item": {a}.{m}}}] AS orderByItems, {a} AS payload\nFROM {a}\nWHERE (({a}.{f} = "{v}") AND '
                f'(( {a}.{m} > {k} OR ({a}.{m} = {k} AND true))))\nORDER BY {a}.{m} ASC'),
        ("sdk", f'SELECT {a}._rid, [{{"item": {a}.{f}}}] AS orderByItems, {a} AS payload\nFROM {a}\nWHERE (({a}.{g} = "{w}") AND '
                f'({a}.{f} > "{v}" OR IS_ARRAY({a}.{f}) OR IS_OBJECT({a}.{f})))\nORDER BY {a}.{f}'),
        ("sdk", f'SELECT TOP 10 {a}._rid, [{{"item": {a}.{f}}}] AS orderByItems, {{"id": {a}.id}} AS payload\nFROM {a}\nWHERE (true)\nORDER BY {a}.{f}'),
        ("linq", f'SELECT VALUE root \nFROM root \nWHERE (((root["{f}"] = "{v}") OR (root["{g}"] = "{w}")) AND (NOT root["hidden"]))'),
        ("linq", f'SELECT VALUE root \nFROM root \nWHERE (STARTSWITH(root["{f}"], "{v}") AND (root["{m}"] != {k}))'),
        ("linq", f'SELECT VALUE v1 \nFROM root \nJOIN v1 IN root["tags"] \nWHERE (v1["name"] = "{v}")'),
        ("sub", f"SELECT {a}.id FROM {a} WHERE {a}.{f} = '{v}' AND EXISTS(SELECT VALUE t FROM t IN {a}.tags WHERE t.name = '{w}')"),
        ("sub", f"SELECT {a}.id, ARRAY(SELECT VALUE t.name FROM t IN {a}.tags) AS names FROM {a} WHERE {a}.{f} = '{v}'"),
        ("udf", f"SELECT {a}.id, udf.tax({a}.{m}) AS tax FROM {a} WHERE {a}.{f} = '{v}'"),
        ("udf", f"SELECT * FROM {a} WHERE {a}.{f} = '{v}' AND udf.isOpen({a}.{g})"),
        ("analyst", f"-- who's there\nSELECT * FROM {a} WHERE {a}.{f} = '{v}' -- AND {a}.{g} = '{w}'"),
        ("analyst", f"SELECT * FROM {a}\nWHERE {a}.{f} = '{v}'\n--AND 1=1 OR {a}.{g} = '{w}'\nORDER BY {a}.{m}"),
        ("analyst", f"SELECT * FROM {a} WHERE {a}.{f} = '{v}' -- don't touch"),
        ("analyst", f"SELECT * FROM {a} WHERE IS_DEFINED({a}.{f}) AND {a}.{m} >= {k}"),
        ("analyst", f"SELECT TOP {k} * FROM {a} WHERE {a}.id != '' AND {a}._ts > {1700000000 + k}"),
        ("analyst", f"SELECT * FROM {a} WHERE {a}.{f} LIKE '%{v}%' OR {a}.{g} LIKE '%{v}%'"),
        ("search", f"SELECT * FROM {a} WHERE CONTAINS({a}.{f}, '{v}', true) OR CONTAINS({a}.{g}, '{v}', true)"),
        ("search", f"SELECT * FROM {a} WHERE STARTSWITH({a}.{f}, '{v[:1]}') AND {a}.{g} = '{w}'"),
        ("search", f"SELECT * FROM {a} WHERE {a}.{g} = '{w}' AND STARTSWITH({a}.{f}, '{v}')"),
        ("iif", f"SELECT {a}.id, IIF({a}.{m} > {k}, 'high', 'low') AS band FROM {a} WHERE {a}.{f} = '{v}'"),
        ("iif", f"SELECT {a}.{f} ?? 'none' AS f, {a}.{m} * 1.2 AS gross FROM {a} WHERE {a}.{g} != '{w}'"),
        ("in", f"SELECT * FROM {a} WHERE {a}.id IN ({', '.join(repr(str(i)) for i in range(rnd.randint(2, 60)))})"),
        ("param", f"SELECT * FROM {a} WHERE {a}.{f} = @v OR {a}.{g} = @w"),
        ("concat", f"SELECT {a}.{f} || ' ' || {a}.{g} AS label FROM {a} WHERE {a}.{f} || '-' || {a}.{g} = '{v}-{w}'"),
        ("between", f"SELECT * FROM {a} WHERE {a}.{m} BETWEEN {k} AND {k + 9} AND {a}.{f} = '{v}'"),
        ("not", f"SELECT * FROM {a} WHERE NOT ({a}.{f} = '{v}' OR {a}.{g} = '{w}')"),
        ("rank", f"SELECT TOP 5 {a}.id FROM {a} WHERE {a}.{f} = '{v}' ORDER BY RANK FullTextScore({a}.{g}, '{w}')"),
    ]
    return rnd.choice(forms)


def builder(app, rnd):
    """A query builder: any subset of filters, so that its statements extend one another."""
    a, s, n, _ = APPS[app]
    parts = [f"{a}.{f} = '{rnd.choice(PLAIN)}'" for f in s if rnd.random() < .5]
    parts += [f"{a}.{m} > {rnd.randint(1, 99)}" for m in n if rnd.random() < .4]
    if rnd.random() < .2:
        parts.append(f"CONTAINS({a}.{s[0]}, '{rnd.choice(PLAIN)}')")
    where = " WHERE " + " AND ".join(parts) if parts else ""
    order = f" ORDER BY {a}.{rnd.choice(n)}" if rnd.random() < .3 else ""
    return f"SELECT * FROM {a}{where}{order}"


def foreign(t, rnd):
    q = t[2] or ""
    payload = "x" + q + rnd.choice([" UNION SELECT 1,2,3 --", "; DROP TABLE users --", " AND SLEEP(5) --", " WAITFOR DELAY '0:0:5' --",
                                    " UNION ALL SELECT table_name FROM information_schema.tables --", " AND 1=CAST(@@version AS int) --",
                                    "; EXEC xp_cmdshell('dir') --", " OR BENCHMARK(1000,MD5(1)) #", " AND pg_sleep(3) --",
                                    " /*!50000UNION*/ SELECT 1 --"])
    return t[1].format(v=payload if q else payload.replace("x", "1", 1))


BROKEN_NAMES = ["O'Hara", "D'Arcy", "L'Ecole", "it's", "Men's", "the 'best' one", "rock 'n' roll", "5'10 tall", "'90s only", "dell'Arte", "St. John's", "M'Bappe", "Levi's", "80's",
                "Hawai'i", "girls' union", "Qur'an", "N'Golo"]


def misplaced(rnd):
    """What a scanner sends that does not know which quote, if any, opens the value."""
    w = "".join(rnd.choice("abcdefgh") for _ in range(3))
    q, k = rnd.choice(["'", "'", "')", '"', '")', ""]), rnd.randint(1, 99)
    return q + rnd.choice([f" union select {k},2 --", f" or {q[:1]}{k}{q[:1]}={q[:1]}{k}", f" and {k}=(select max(x) from {w}) --", f"; drop table {w} --", f" and sleep({k}) --",
                           f" union all select {q[:1]}{w}{q[:1]},{k} #", f" or {k}={k} #", f" having {k}=1 --", f" waitfor delay '0:0:{k}' --", f" order by {k} --",
                           f"; exec xp_cmdshell('{w}') --", f" and {k}=cast(@@version as int) --"])


def bursts(rnd, total):
    """Rows of one sender within one minute, fifteen or so at a time: a scanner, names with an apostrophe, a release."""
    for n in range(total):
        app = rnd.choice(list(APPS))
        a, s, _, _ = APPS[app]
        kind = rnd.choice(["scan", "names", "release"])
        quoted = [t for t in templates(app) if t[2] == "'"]
        _, text, _, _ = rnd.choice(quoted if kind == "names" else templates(app))
        for i in range(18 if kind == "names" else 15):
            status = 400
            if kind == "scan":
                query = text.format(v="" + misplaced(rnd))
            elif kind == "names":
                query = text.format(v=BROKEN_NAMES[i])
            else:
                f, g = rnd.sample(s, 2)
                query, status = rnd.choice([(f"SELECT * FROM {a} WHERE {a}.{f} = 'x' AND {a}.n{i} > 2", 200), (f"SELECT {a}.{f}, {a}.n{i} FROM {a} WHERE {a}.{g} = 'y'", 200),
                                            (f"SELECT * FROM {a} WHERE {a}.{f} == 'x'", 400), (f"SELECT * FROM {a} LIMIT {i}", 400), (f"SELECT {a}.{f} {a}.{g} FROM {a}", 400)])
            yield {"api": "nosql", "template_id": app, "burst": f"{kind}{n}", "query": query, "status_code": status, "source": "generated",
                   "label": "injection_failed_fuzzing" if kind == "scan" else "benign", "class": "gen_" + kind, "effect": "error" if kind == "scan" else "none"}


def rows(rnd, total):
    n = 0
    while n < total:
        app = rnd.choice(list(APPS))
        t = rnd.choice(templates(app))
        kind = rnd.random()
        base = {"api": "nosql", "template_id": t[0], "app": app, "status_code": 200, "source": "generated"}
        if kind < .35:
            v = rnd.choice(VALUES + PLAIN * 2) if t[2] else str(rnd.randint(0, 999))
            if t[2] == '"':
                v = v.replace("\\'", "'")
            text = t[1].format(v=v)
            yield {**base, "query": text, "label": "benign", "class": "gen_plain", "effect": "none"}
        elif kind < .5:
            name, text = benign_extra(app, rnd)
            yield {**base, "query": text, "label": "benign", "class": "gen_" + name, "effect": "none",
                   "template_id": f"{app}.x{name}"}
        elif kind < .6:
            yield {**base, "query": builder(app, rnd), "label": "benign", "class": "gen_builder_subset", "effect": "none",
                   "template_id": f"{app}.builder"}
        elif kind < .63:
            v = rnd.choice(["O'Hara", "D'Arcy", "it's", "Levi's 501", "the 'best' one"])
            if t[2] != "'":
                continue
            yield {**base, "query": t[1].format(v=v), "label": "benign", "class": "gen_quote_break", "effect": "none",
                   "status_code": 400}
        elif kind < .68:
            yield {**base, "query": foreign(t, rnd), "label": "injection_failed_fuzzing", "class": "gen_foreign",
                   "effect": "error", "status_code": 400}
        else:
            text, cls, effect = success(app, t, rnd)
            yield {**base, "query": text, "label": "injection_success", "class": f"{cls}", "effect": effect}
        n += 1


TOKEN = re.compile(r"""'(?:[^'\\\\]|\\\\.)*'|"(?:[^"\\\\]|\\\\.)*"|--[^\n]*|@\w+|\w+(?:\.\w+)*(?=\s*\()|\w+|\s+|.""", re.S)


def mask(text):
    """The service's form with full-text logging off, as far as public sources show it: comments gone,
    strings -> 'strN', property names -> pN; numbers, keywords and aliases stay."""
    strings, names, out, last = {}, {}, [], ""
    for tok in TOKEN.findall(text):
        if tok.startswith("--"):
            continue
        if tok[0] in "'\"" and len(tok) > 1 and tok[-1] == tok[0]:
            value = tok[1:-1]
            tok = tok[0] + strings.setdefault(value, f"str{len(strings) + 1}") + tok[0] if value else tok
        elif last == "." and re.fullmatch(r"[A-Za-z]\w*", tok) and tok not in ("id",):
            tok = names.setdefault(tok, f"p{len(names) + 1}")
        out.append(tok)
        last = tok
    return "".join(out)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--rows", type=int, default=20000)
    ap.add_argument("--mask", action="store_true", help="as logged with full-text query off; rows answered with 200 only")
    ap.add_argument("--bursts", action="store_true", help="so many bursts instead of rows")
    ap.add_argument("--api", default="nosql", choices=["nosql", "mongodb", "cassandra", "gremlin", "table"])
    args = ap.parse_args()
    rnd = random.Random(args.seed)
    for i, row in enumerate(bursts(rnd, args.rows) if args.bursts else rows(rnd, args.rows) if args.api == "nosql" else dialects.rows(args.api, rnd, args.rows)):
        if args.mask:
            if row["status_code"] != 200:
                continue
            row["query"] = mask(row["query"])
        print(json.dumps({"id": f"g{i:06d}", **row}, ensure_ascii=False))


main()
