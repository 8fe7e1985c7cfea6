"""Labelled texts of MongoDB, CQL, Gremlin and OData for generate.py. Applications, values and payloads are made up
here, as there; a statement is a template with one hole, an attack is a payload in the hole.
SPDX-License-Identifier: Apache-2.0
"""
import json

PLAIN = ["North", "Miller", "Basel", "alpha", "K-12", "blue", "Q7", "Ann Lee", "2024-05-01", "Zürich", "R&D", "Sales EMEA"]
TRICKY = ["a OR b", "1=1", "select a seat", "union dues", "drop table tennis", "or true", "it is; ok", "50% off", "C#", "/* */", "#1", "$ne",
          "Sales -- EMEA", "g.V().drop()", "a;b", "{x}", "null", "true", "<b>", "50%", "=SUM(A1)"]
NAMES = ["O'Hara", "D'Arcy", "it's", "Levi's 501", "the 'best' one", "rock 'n' roll", "5' tall", "L'Oréal", "Men's/Women's", "St. John's"]
WORDS = ["toto", "foo", "x", "1", "zz", "test", "xyz", "nope", "abc"]


def row(api, tid, text, label="benign", cls="plain", effect="none", status=None):
    ok = {"mongodb": 0, "cassandra": 0}.get(api, 200)
    return {"api": api, "template_id": tid, "app": tid.split(".")[0], "query": text, "label": label, "class": "gen_" + cls,
            "effect": effect, "status_code": ok if status is None else status, "source": "generated"}


# ---- MongoDB ---------------------------------------------------------------------------------------------------

MONGO_APPS = {
    "bank": ("clients", ["loginName", "branch", "advisor"], "passphrase", ["balance", "limitAmount"]),
    "blog": ("posts", ["author", "section", "slug"], "editToken", ["views", "likes"]),
    "gym": ("members", ["email", "club", "plan"], "pinHash", ["visits", "age"]),
    "lab": ("samples", ["barcode", "rack", "analyst"], "apiKey", ["ph", "mass"]),
    "grove": ("trees", ["labelNo", "variety", "picker"], "gateCode", ["fruit", "rings"]),
    "shop2": ("carts", ["userId", "coupon", "store"], "sessionToken", ["total", "items"]),
}


def mongo(cmd):
    return json.dumps(cmd, ensure_ascii=False, separators=(",", ":"))


def mongo_templates(app):
    coll, (f0, f1, f2), secret, (n0, n1) = MONGO_APPS[app]
    return [
        ("login", lambda v, w: {"find": coll, "filter": {f0: v, secret: w}, "limit": 1, "$db": app}),
        ("by", lambda v, w: {"find": coll, "filter": {f1: v, n0: {"$gte": 3}}, "sort": {n0: -1}, "$db": app}),
        ("open", lambda v, w: {"find": coll, "filter": {f2: v, "archived": {"$ne": True}}, "$db": app}),
        ("agg", lambda v, w: {"aggregate": coll, "pipeline": [{"$match": {f1: v}}, {"$group": {"_id": "$" + f2, "n": {"$sum": 1}}}],
                              "cursor": {}, "$db": app}),
        ("count", lambda v, w: {"count": coll, "query": {f2: v}, "$db": app}),
        ("del", lambda v, w: {"delete": coll, "deletes": [{"q": {f0: v, secret: w}, "limit": 1}], "$db": app}),
        ("upd", lambda v, w: {"update": coll, "updates": [{"q": {f0: v}, "u": {"$set": {n1: 4}}}], "$db": app}),
        ("nested", lambda v, w: {"find": coll, "filter": {"$and": [{f1: v}, {"meta." + f2: "main"}]}, "$db": app}),
    ]


def mongo_payload(rnd):
    """(class, operator object, does it match nearly everything)"""
    w = rnd.choice(WORDS)
    return rnd.choice([
        ("ne", {"$ne": None}, True), ("ne", {"$ne": ""}, True), ("ne", {"$ne": w}, True), ("ne", {"$ne": w}, True), ("ne", {"$not": {"$eq": w}}, True),
        ("gt", {"$gt": ""}, True), ("gt", {"$gte": ""}, True), ("gt", {"$gt": None}, True), ("lt", {"$lt": "~"}, True), ("lt", {"$lte": "zzz"}, True),
        ("exists", {"$exists": True}, True), ("nin", {"$nin": []}, True), ("nin", {"$nin": [w]}, True),
        ("regex", {"$regex": ".*"}, True), ("regex", {"$regex": "^.{%d}$" % rnd.randint(4, 20)}, False), ("regex", {"$regex": ".{2}"}, True),
        ("regex", {"$regex": "^" + rnd.choice("abcdef0123")}, False), ("regex", {"$regex": "^.*$"}, True),
        ("in", {"$in": ["admin", "root", "test"]}, False), ("object", {}, False),
        ("where", {"$where": rnd.choice(["1==1", "return true", "sleep(500)"])}, None), ("type", {"$type": 2}, True),
    ])


def mongo_benign(app, rnd):
    coll, (f0, f1, f2), secret, (n0, n1) = MONGO_APPS[app]
    v, w, k = rnd.choice(PLAIN), rnd.choice(PLAIN), rnd.randint(1, 900)
    base = {"find": coll, "$db": app}
    f = rnd.choice([
        ("state", {f1: v, "status": {"$ne": rnd.choice(["archived", "deleted", "closed"])}}),
        ("soft", {f1: v, "deletedAt": None}), ("soft", {f1: v, "deletedAt": {"$exists": False}}), ("soft", {f1: v, "deleted": {"$ne": True}}),
        ("range", {f1: v, n0: {"$gte": k, "$lt": k + 50}}), ("range", {"createdAt": {"$gte": {"$date": "2026-01-0%dT00:00:00Z" % rnd.randint(1, 9)}}}),
        ("in", {f1: {"$in": [v, w]}}), ("in", {"_id": {"$in": [{"$oid": "65a0000000000000000000%02x" % i} for i in range(rnd.randint(1, 9))]}}),
        ("nin", {f1: v, "_id": {"$nin": []}}), ("nin", {"status": {"$nin": ["closed", "void"]}, f1: v}),
        ("search", {f2: {"$regex": v, "$options": "i"}}), ("search", {"title": {"$regex": "^" + v[:2], "$options": "i"}}),
        ("search", {"$or": [{"name": {"$regex": v, "$options": "i"}}, {"title": {"$regex": v, "$options": "i"}}]}),
        ("or", {"$or": [{f1: v}, {f2: w}]}), ("all", {}), ("elem", {"items": {"$elemMatch": {"sku": v, "qty": {"$gt": 0}}}}),
        ("expire", {"resetToken": "t%dk" % k, "resetTokenExpires": {"$gt": {"$date": "2026-02-03T10:00:00Z"}}}),
        ("page", {f1: v, "_id": {"$gt": {"$oid": "65a000000000000000000001"}}}), ("opt", {f1: v, "parentId": {"$ne": None}}),
        ("opt", {f1: v, "publishedAt": {"$exists": True}}), ("geo", {"loc": {"$near": {"$geometry": {"type": "Point", "coordinates": [8, 47]}}}}),
        ("text", {"$text": {"$search": v}}), ("expr", {"$expr": {"$gt": ["$" + n0, "$" + n1]}}), ("mod", {n0: {"$mod": [10, k % 10]}}),
        ("last", {"lastLogin": {"$lt": {"$date": "2025-01-01T00:00:00Z"}}}), ("attempt", {"loginAttempts": {"$gte": 5}}),
        ("tokens", {"deviceTokens": {"$in": ["f%dq" % k, "g%dq" % k]}}), ("mail", {"email": {"$in": ["a%d@x.org" % k, "b@x.org"]}}),
        ("role", {"role": {"$in": ["admin", "user"]}, f1: v}), ("not", {f1: {"$not": {"$regex": "^tmp"}}}), ("size", {"tags": {"$size": k % 5}}),
        ("opt", {rnd.choice(["photo", "location", "score", "snapshot", "invoices", "avatarUrl", "notes", "tags.0"]): rnd.choice([{"$exists": True}, {"$ne": None}])}),
        ("mailset", {"email": {"$exists": True}, f1: v}), ("other", {f1: {"$ne": v}, f2: w}), ("type", {"legacy": {"$type": "string"}, f1: v}),
    ])
    if rnd.random() < .12:
        stages = [{"$match": {f1: v}}, rnd.choice([{"$lookup": {"from": "stores", "localField": f2, "foreignField": "_id", "as": "s"}}, {"$unwind": "$items"},
                  {"$facet": {"a": [{"$match": {n0: {"$gt": k}}}], "b": [{"$count": "n"}]}}, {"$project": {f1: 1, "x": {"$cond": [{"$gt": ["$" + n0, 3]}, 1, 0]}}}])]
        return "agg", {"aggregate": coll, "pipeline": stages, "cursor": {}, "$db": app}
    return f[0], {**base, "filter": f[1], **({"limit": 20} if rnd.random() < .5 else {})}


def mongo_row(rnd):
    app = rnd.choice(list(MONGO_APPS))
    name, make = rnd.choice(mongo_templates(app))
    tid = f"{app}.{name}"
    kind = rnd.random()
    if kind < .3:
        return row("mongodb", tid, mongo(make(rnd.choice(PLAIN + TRICKY + NAMES), rnd.choice(PLAIN + TRICKY) + str(rnd.randint(1, 99)))))
    if kind < .55:
        cls, cmd = mongo_benign(app, rnd)
        return row("mongodb", f"{app}.x{cls}", mongo(cmd), cls="m_" + cls)
    cls, payload, everything = mongo_payload(rnd)
    both = rnd.random() < .5
    has_secret = name in ("login", "del")
    first = both or not has_secret or rnd.random() < .3
    text = mongo(make(payload if first else rnd.choice(PLAIN), payload if both or not first else "pw1"))
    if cls == "where":
        return row("mongodb", tid, text, "injection_failed_fuzzing", "mi_where", "error", 115)
    return row("mongodb", tid, text, "injection_success" if everything else "injection_failed_fuzzing", "mi_" + cls,
               "leak" if everything else "executed_no_leak")


# ---- texts with quotes -----------------------------------------------------------------------------------------

FOREIGN = [" UNION SELECT 1,2,3 --", "; DROP TABLE accounts --", " AND SLEEP(5) --", " WAITFOR DELAY '0:0:5' --", " OR 'z'='z", " OR 1=1 --", " OR 1=1 #",
           " UNION ALL SELECT name FROM information_schema.tables --", " AND 1=CAST(@@version AS int) --", "; EXEC xp_cmdshell('dir') --", " ORDER BY 9 --",
           " OR BENCHMARK(1000,MD5(1)) #", " AND pg_sleep(3) --", " /*!50000UNION*/ SELECT 1 --", "||(SELECT 1)||", "+sleep(4)+", "=", ") OR (1=1", " HAVING 1=1 --",
           " AND ascii(substr(user(),1,1))>64 --", "%27%20OR%201=1", "; SELECT pg_sleep(4); --", ") OR ('a'='a", "\" OR \"\"=\"", "><script>alert(1)</script>"]

CQL_APPS = {
    "meter": ("readings", ["device_id", "zone"], ["level", "bucket"], "device_key"),
    "chat": ("messages", ["room", "sender"], ["seq", "shard"], "edit_secret"),
    "crm": ("people", ["login", "region"], ["rank", "age"], "pass_hash"),
}


def cql_templates(app):
    t, (f0, f1), (n0, n1), secret = CQL_APPS[app]
    return [("one", f"SELECT * FROM {t} WHERE {f0} = '{{v}}'"), ("two", f"SELECT {f0}, {n0} FROM {app}.{t} WHERE {f0} = '{{v}}' AND {secret} = 'k9' ALLOW FILTERING"),
            ("tail", f"SELECT {f1} FROM {t} WHERE {f0} = '{{v}}' AND {n0} > 5 ORDER BY {n0} DESC LIMIT 10;"), ("in", f"SELECT * FROM {t} WHERE {f0} IN ('{{v}}', 'main') AND {n1} = 2"),
            ("upd", f"UPDATE {t} SET {n0} = 4 WHERE {f0} = '{{v}}' AND {f1} = 'eu'"), ("del", f"DELETE FROM {t} WHERE {f0} = '{{v}}' AND {f1} = 'eu'")]


def cql_benign(app, rnd):
    t, (f0, f1), (n0, n1), secret = CQL_APPS[app]
    v, k = rnd.choice(PLAIN), rnd.randint(1, 900)
    u = "%08x-1111-4222-8333-0123456789ab" % k
    return rnd.choice([
        ("bind", f"SELECT * FROM {t} WHERE {f0} = ? AND {n0} >= ?"), ("bind", f"INSERT INTO {t} ({f0}, {n0}) VALUES (:a, :b) IF NOT EXISTS USING TTL 300"),
        ("ins", f"INSERT INTO {app}.{t} ({f0}, {n0}, tags, m) VALUES ('{v}', {k}, ['a','b'], {{'x': 1}})"), ("uuid", f"SELECT * FROM {t} WHERE id = {u} LIMIT 1"),
        ("token", f"SELECT * FROM {t} WHERE token({f0}) > {k} AND token({f0}) <= {k + 99} LIMIT 1000"), ("sys", "SELECT * FROM system.local WHERE key='local'"),
        ("sys", "SELECT keyspace_name, table_name FROM system_schema.tables"), ("comment", f"-- who's there\nSELECT * FROM {t} WHERE {f0} = '{v}' LIMIT {k}"),
        ("comment", f"SELECT * FROM {t} /* don't scan */ WHERE {f0} = '{v}'"), ("filter", f"SELECT count(*) FROM {t} WHERE {n0} > {k} ALLOW FILTERING;"),
        ("batch", f"BEGIN BATCH INSERT INTO {t} ({f0}) VALUES ('{v}'); UPDATE {t} SET {n0} = {k} WHERE {f0} = '{v}'; APPLY BATCH;"), ("list", f"UPDATE {t} SET tags = tags + ['{v}'], {n0} = {n0} + 1 WHERE {f0} = '{v}'"),
        ("if", f"UPDATE {t} SET {n0} = {k} WHERE {f0} = '{v}' IF {n1} = 3"), ("contains", f"SELECT * FROM {t} WHERE tags CONTAINS '{v}' AND {f0} = 'x'"), ("use", f"USE {app}"),
        ("ddl", f"CREATE TABLE IF NOT EXISTS {t}_{k} (id uuid PRIMARY KEY, m map<text, int>) WITH default_time_to_live = {k}"), ("json", f"SELECT JSON {f0}, writetime({n0}) FROM {t} WHERE {f0} = '{v}'"),
        ("tuple", f"SELECT * FROM {t} WHERE {f0} = '{v}' AND ({n0}, {n1}) >= (1, {k}) PER PARTITION LIMIT 2"), ("note", f"SELECT * FROM {t} WHERE {f0} = '{v}' // the '{v}' case"),
    ])


def cql_attack(t, rnd):
    tid, text = t
    s = rnd.choice(["x", "", "admin", "a1"])
    tail = rnd.choice(["' --", "'--", "'//", "' //x", "' ALLOW FILTERING; --", "' ALLOW FILTERING --", "'/*", "'; --", "' LIMIT 9 --", "'--"])
    if tail == "'/*":
        if " AND " not in text.split("{v}")[1] or "'" not in text.split("{v}")[1][1:]:
            tail = "'--"
        else:  # a second value closes the comment
            head, rest = text.split("{v}")
            k = rest.index("'", 1)
            return head + s + "'/*" + rest[:k + 1] + "*/" + rest[k + 1:].replace("'", " ", 1), "qi_block", "leak"
    head, rest = text.split("{v}")
    if head.endswith("IN ('"):
        tail = "')" + tail[1:]
    return head + s + tail + rest, "qi_comment", "leak"


GREMLIN_APPS = {"map": ("place", "title", "near"), "org": ("staff", "badge", "reports"), "kb": ("topic", "slug", "links")}


def gremlin_templates(app):
    label, key, edge = GREMLIN_APPS[app]
    return [("by", f"g.V().has('{label}','{key}','{{v}}').valueMap()"), ("id", f"g.V('{{v}}').out('{edge}').values('{key}')"), ("count", f"g.V().hasLabel('{label}').has('{key}', '{{v}}').count()"),
            ("upd", f"g.V('{{v}}').property('{key}', 'n1')"), ("edge", f"g.V('a1').outE('{edge}').where(inV().has('{key}','{{v}}')).limit(5)"), ("pk", f"g.V(['p1','{{v}}']).valueMap(true)"),
            ("dq", f'g.V().has("{label}","{key}","{{v}}").both("{edge}").dedup()')]


def gremlin_benign(app, rnd):
    label, key, edge = GREMLIN_APPS[app]
    v, k = rnd.choice([p for p in PLAIN if "'" not in p]), rnd.randint(1, 900)
    return rnd.choice([
        ("add", f"g.addV('{label}').property('id','{k}').property('{key}','{v}').property('pk','p')"), ("edge", f"g.V('{k}').addE('{edge}').to(g.V('{k + 1}'))"),
        ("edge", f"g.V().has('{label}','{key}','{v}').as('a').V().has('{label}','{key}','other').addE('{edge}').from('a')"), ("drop", f"g.V('{k}').drop()"), ("drop", f"g.V().hasLabel('{label}').drop()"),
        ("upsert", f"g.V().has('{key}','{v}').fold().coalesce(unfold(), addV('{label}').property('{key}','{v}'))"), ("side", f"g.V('{k}').sideEffect(properties('old').drop()).property('{key}','{v}')"),
        ("neq", f"g.V().hasLabel('{label}').has('state', neq('closed')).limit({k})"), ("bind", f"g.V().has('{key}', p{k}).valueMap(true)"), ("union", f"g.V('{k}').union(out('{edge}'), in('{edge}')).dedup()"),
        ("repeat", f"g.V('{k}').repeat(__.out('{edge}')).times(3).path()"), ("order", f"g.V().hasLabel('{label}').order().by('{key}', decr).range(0, {k})"), ("group", f"g.V().hasLabel('{label}').groupCount().by('{key}')"),
        ("comment", f"g.V('{k}').out('{edge}') // don't load all"), ("within", f"g.V().has('{key}', within('{v}','b','c')).project('n').by(values('{key}'))"), ("or", f"g.V().or(__.has('{key}','{v}'), __.has('alt','{v}')).count()"),
        ("all", "g.V().count()"), ("gt", f"g.V().has('age', gt({k})).not(has('hidden', true)).values('{key}')"), ("semi", f"g.V('{k}').valueMap();"), ("text", f"g.V().has('{key}', TextP.startingWith('{v[:2]}'))"),
    ])


def gremlin_attack(t, rnd):
    tid, text = t
    q = '"' if tid == "dq" else "'"
    s = rnd.choice(["x", "", "1"])
    close = {"id": ")", "upd": ")", "pk": "])", "edge": "))"}.get(tid, ")")
    step = rnd.choice([".V().valueMap()", ".V()", ".V().has('a',neq('b'))", ".drop()", ".V().drop()", ".union(V(),E())", ".property('role','admin')", ".both().both().valueMap()", ".E()", ".sideEffect(V().drop())",
                       ".coalesce(V().valueMap(), V())", ".flatMap(__.V())", ".repeat(V()).times(2)", ".barrier().V().values('k')"])
    if rnd.random() < .6:
        return text.format(v=s + q + close + step + rnd.choice([" //", "//", " /* "]) if not step.endswith("/*") else ""), "gi_comment", "leak"
    # goes on until the rest of the template fits
    inside = {"pk": f"{q}]).V().has('a',neq({q}b", "edge": f"{q})).drop().V(({q}b"}.get(tid)
    rest = rnd.choice([f"{q}).V().has('a','b',neq({q}c{q})).has('k',{q}d", f"{q}).drop().V({q}d", f"{q}).V().has('x',{q}d", f"{q}).property('role','admin').has('k',{q}d"])
    if tid in ("by", "count", "dq", "id", "upd"):
        return text.format(v=s + rest), "gi_balanced", "leak"
    return text.format(v=s + q + close + step + " //"), "gi_comment", "leak"


TABLE_APPS = {"audit": (["Actor", "Area"], "Score"), "stock": (["Sku", "Site"], "Qty"), "visits": (["Page", "Country"], "Hits")}


def table_templates(app):
    (f0, f1), n = TABLE_APPS[app]
    return [("key", "PartitionKey eq '{v}' and RowKey eq 'r7'"), ("pk", f"PartitionKey eq '{{v}}' and {n} gt 3"), ("prop", f"({f0} eq '{{v}}') and (Active eq true)"),
            ("sdk", f"(PartitionKey eq 'p') and ({f1} eq '{{v}}')"), ("num", f"PartitionKey eq 'p' and {n} ge {{n}}"), ("time", f"{f0} eq '{{v}}' and Timestamp ge datetime'2026-01-01T00:00:00Z'")]


def table_benign(app, rnd):
    (f0, f1), n = TABLE_APPS[app]
    v, k = rnd.choice(PLAIN), rnd.randint(1, 900)
    return rnd.choice([
        ("or", f"{f0} eq '{v}' or {f1} eq 'main'"), ("or", " or ".join(f"RowKey eq 'k{i}'" for i in range(rnd.randint(2, 20)))), ("optional", f"('all' eq 'all' or {f0} eq '{v}') and {n} gt {k}"),
        ("optional", f"({f0} eq '{v}' or '{v}' eq 'all')"), ("range", f"PartitionKey ge '{v[0]}' and PartitionKey lt '{v[0]}z'"), ("page", f"(PartitionKey gt '{v}' or (PartitionKey eq '{v}' and RowKey gt '{k}'))"),
        ("not", f"PartitionKey eq '{v}' and not (Deleted eq true)"), ("not", f"PartitionKey eq '{v}' or not (Deleted eq true)"), ("true", f"PartitionKey eq '{v}' and true"), ("guid", f"PartitionKey eq '{v}' and Id eq guid'0{k:07d}-1111-4222-8333-0123456789ab'"),
        ("ne", f"PartitionKey eq '{v}' and {f0} ne ''"), ("ne", f"PartitionKey eq '{v}' and Status ne 'closed'"), ("since", f"Timestamp gt datetime'2026-02-0{k % 9 + 1}T00:00:00Z'"), ("first", f"PartitionKey eq '{v}' and RowKey gt ''"),
        ("long", f"PartitionKey eq '{v}' and Size ge {k}L and Size lt {k + 100}L"), ("url", f"$filter=PartitionKey%20eq%20'{k}'&$top=50"), ("dates", f"(Status eq 'open' or Due lt datetime'2026-01-01T00:00:00Z') and PartitionKey eq '{v}'"),
    ])


def table_attack(t, rnd):
    tid, text = t
    w = rnd.choice(WORDS)
    sys_ = rnd.choice(["PartitionKey", "RowKey"])
    cond = rnd.choice(["true", f"{sys_} ne ''", f"{sys_} ge ''", f"{sys_} gt ''", "1 eq 1", f"'{w}' eq '{w}'", "not false", f"not ({sys_} eq '{w}')", f"{sys_} ne '{w}'", "Timestamp ge datetime'1970-01-01T00:00:00Z'",
                       f"{sys_} eq {sys_}", "2 gt 1", f"{sys_} le '~'", f"'{w}' ne 'q'", "Active eq Active", "not(not(true))", "not (Active ne Active)", "PartitionKey ne RowKey",
                       "Timestamp lt datetime'2900-01-01T00:00:00Z'", f"(1 eq 1)", f"({sys_} ge '')"])
    if tid == "num":
        return text.format(n=f"{rnd.randint(0, 9)} or {cond}"), "ti_or", "leak"
    tail = rnd.choice([" or '' eq '", f" and '{w}' eq '{w}", " or 'a' eq 'b"])
    if rnd.random() < .4 and cond.endswith("'") and not cond.startswith("not"):
        return text.format(v=rnd.choice(["", "x"]) + "' or " + cond[:-1], n=1), "ti_or", "leak"
    return text.format(v=rnd.choice(["", "x"]) + "' or " + cond + tail, n=1), "ti_or", "leak"


def escaped(api, v):
    return v.replace("\\", "\\\\").replace("'", "\\'") if api == "gremlin" else v.replace("'", "''")


def quoted_row(api, apps, templates, benign, attack, error, rnd):
    app = rnd.choice(list(apps))
    t = rnd.choice(templates(app))
    tid = f"{app}.{t[0]}"
    kind = rnd.random()
    fill = lambda v: t[1].format(v=v, n=rnd.randint(0, 99)) if api != "cassandra" else t[1].replace("{v}", v)
    if kind < .3:
        v = rnd.choice(PLAIN * 2 + TRICKY + NAMES)
        return row(api, tid, fill(escaped(api, v).replace('"', "")))
    if kind < .55:
        cls, text = benign(app, rnd)
        return row(api, f"{app}.x{cls}", text, cls=api[0] + "_" + cls)
    if kind < .6:
        return row(api, tid, fill(rnd.choice(NAMES)), cls="quote_break", status=error) if "'{v}'" in t[1] else None
    if kind < .78:
        q = '"' if '"{v}"' in t[1] else "'" if "'{v}'" in t[1] else ""
        p = rnd.choice(["x", "", "1", "abc"]) + q + rnd.choice(FOREIGN)
        return row(api, tid, fill(p).replace("{n}", "1" + p) if q else t[1].format(n="1" + rnd.choice(FOREIGN), v=""), "injection_failed_fuzzing", api[0] + "i_foreign", "error", error)
    text, cls, effect = attack(t, rnd)
    return row(api, tid, text, "injection_success", cls, effect)


def rows(api, rnd, total):
    n = 0
    while n < total:
        if api == "mongodb":
            r = mongo_row(rnd)
        elif api == "cassandra":
            r = quoted_row(api, CQL_APPS, cql_templates, cql_benign, cql_attack, 8192, rnd)
        elif api == "gremlin":
            r = quoted_row(api, GREMLIN_APPS, gremlin_templates, gremlin_benign, gremlin_attack, 597, rnd)
        else:
            r = quoted_row(api, TABLE_APPS, table_templates, table_benign, table_attack, 400, rnd)
        if r:
            n += 1
            yield r
