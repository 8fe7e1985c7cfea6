"""Every page of the console in a world full of hostile text and of many alerts: what it shows is text, what it answers is
strict, filters and pages give what they say, and no page is large.

SPDX-License-Identifier: Apache-2.0
"""

import datetime
import http.client
import json
import os
import re
import urllib.parse

import pytest

from flow import kit
from flow.listener import free_port
from flow.story import SHORT, hours_ago, outputs, small_world
from flow.test_console import Console, Page

PAGE_MAX = 100_000
CROWD = 230  # listed addresses: an alert each, so that there are several pages
TAGS = {"html", "head", "meta", "title", "link", "script", "body", "a", "header", "span", "nav", "main", "h1", "h2", "h3", "footer",
        "time", "section", "article", "div", "p", "ul", "ol", "li", "dl", "dt", "dd", "strong", "code", "pre", "br", "table", "caption",
        "thead", "tbody", "tr", "th", "td", "form", "label", "select", "option", "input", "button", "details", "summary", "figure",
        "figcaption", "svg", "g", "rect", "path", "circle", "line", "text"}


def canary(field):
    """Ends attributes, comments and raw text, opens tags, turns the line around."""
    return "\"'>--></title></textarea><img src=x onerror=alert('%s')><script>%s</script>\u202e" % (field, "canary" + field)


HOSTILE = {f: canary(f) for f in ("account", "agent", "principal", "container", "database", "region", "query", "city", "note")}


class Strict(Page):
    def handle_starttag(self, tag, attrs):
        assert tag in TAGS, tag
        for name, value in attrs:
            assert name != "href" or re.match(r"(/|#|https://portal\.azure\.com/)", value), value
        super().handle_starttag(tag, attrs)

    def handle_comment(self, data):
        raise AssertionError("a comment: " + data)


def hostile_rows():
    """An exit of Tor with words of its own in every field, attempts to inject and one that comes through, a crowd of listed
    addresses, and the small world's attack."""
    r, types = small_world(seed=77)
    at = hours_ago(1.5)
    words = {"account": HOSTILE["account"], "agent": HOSTILE["agent"], "container": HOSTILE["container"],
             "DatabaseName": HOSTILE["database"], "RegionName": HOSTILE["region"]}
    for i in range(5):
        r.request(at + datetime.timedelta(seconds=i), address="198.51.100.23", principal=HOSTILE["principal"], key="AadToken", **words)
    for i in range(4):
        r.query(at + datetime.timedelta(seconds=20 + i), "SELECT * FROM c WHERE c.id = '' OR 1=1 --" + HOSTILE["query"],
                bytes_out=90000, account="contoso-orders")
        r.query(at + datetime.timedelta(seconds=i), "SELECT c.id FROM c WHERE c.customer = 'x' UNION SELECT * FROM users --" +
                HOSTILE["query"], status=400, bytes_out=300, account="contoso-orders")
    for i in range(CROWD):
        r.request(at + datetime.timedelta(seconds=3 * i), address="203.0.113.%d" % (i + 1), account="contoso-crowd",
                  op="Read", agent="crowd/1.0")
    return r.rows, types


def lists(dir_):
    tor, crowd = os.path.join(dir_, "tor.txt"), os.path.join(dir_, "crowd.txt")
    with open(tor, "w", encoding="utf-8") as f:
        f.write("198.51.100.23\n")
    with open(crowd, "w", encoding="utf-8") as f:
        f.write("".join("203.0.113.%d\n" % (i + 1) for i in range(CROWD)))
    return [{"name": "tor", "type": "tor_exits", "path": tor},
            {"name": "crowd", "type": "addresses", "path": crowd, "category": "botnet", "confidence": 95}]


def in_days(n):
    return (datetime.date.today() + datetime.timedelta(days=n)).isoformat()


SUPPRESSIONS = [
    {"name": "drill", "addresses": ["203.0.113.7"], "types": ["CosmosDB_SuspiciousIp"], "reason": "test", "comment": HOSTILE["note"],
     "expires": in_days(3)},
    {"name": "idle", "accounts": ["nobody"], "types": ["CosmosDB_TorAnomaly"], "reason": "planned", "expires": in_days(300)},
]


class World:
    def __init__(self, dir_):
        self.dir, self.port = dir_, free_port()
        self.azure = kit.Azure(dir_)
        rows, _ = hostile_rows()
        self.azure.add_rows(rows)
        self.cfg = kit.config(self.azure, dir_, outputs(dir_), feeds=lists(dir_), source=SHORT, suppressions=SUPPRESSIONS,
                              console={"listen": "127.0.0.1:%d" % self.port},
                              networks=[{"cidr": "198.51.100.0/24", "name": "abroad", "country": "NG", "city": HOSTILE["city"],
                                         "lat": 6.5, "lon": 3.4}],
                              trusted=[{"address": "192.0.2.77", "note": HOSTILE["note"], "until": in_days(2)}])
        self.agent = kit.Agent(self.cfg, dir_)
        self.console = Console(self.port)
        self.alerts = {}

    def wait(self):
        self.alerts = kit.wait_for("alerts of the crowd, of Tor and of the statements", self._all)

    def _all(self):
        told = {a["systemAlertId"]: a for a in kit.ndjson(os.path.join(self.dir, "alerts.ndjson"))}
        kinds = [a["alertType"] for a in told.values()]
        done = kinds.count("CosmosDB_SuspiciousIp") >= CROWD - 1 and kinds.count("CosmosDB_TorAnomaly") >= 2
        return done and "CosmosDBX_Incident.Injection" in kinds and self.settled() and told

    def settled(self):
        """Nothing waits and everything was read: what pages say stays the same."""
        s = json.loads(kit.run(["status", "--json", "-c", self.cfg])[1])
        return all(o["state"] == "idle" and o["pending"] == 0 for o in s["outputs"]) and \
            all(o["state"] == "up to date" for o in s["sources"])

    def exported(self):
        return {a["systemAlertId"]: a for a in map(json.loads, kit.run(["alerts", "export", "-c", self.cfg])[1].splitlines())}

    def ids(self, query):
        """What the list has, page by page, in its order."""
        found, path = [], "/alerts?" + query
        while path:
            body = self.console.page(path)
            found += re.findall(r'<td><a href="/alerts/([0-9a-f-]{36})"', body)
            nexts = re.findall(r'<a rel="next" href="([^"]+)"', body)
            path = nexts[0].replace("&amp;", "&") if nexts else None
        assert len(found) == len(set(found)), "an alert twice"
        return found

    def close(self):
        self.agent.stop()
        self.agent.log.close()
        self.azure.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = World(str(tmp_path_factory.mktemp("pages")))
    try:
        w.wait()
        yield w
    finally:
        w.close()


def crawl(world):
    """Every page that links lead to, once; of alerts and of lists of alerts a few."""
    waiting, seen, many = ["/"], {}, r"/alerts(/.{36}$|\?q=)"
    while waiting:
        path = waiting.pop()
        if path in seen or path in ("/metrics", "/healthz"):
            continue
        status, headers, body = world.console.get(path)
        assert status == 200, (path, status, body[:200])
        seen[path] = headers, body
        links = [p.replace("&amp;", "&") for p in re.findall(r'<a [^>]*href="(/[^"]*)"', body)]
        few = sum(bool(re.match(many, p)) for p in seen) < 30
        waiting += [p for p in links if few or not re.match(many, p)]
    return seen


def test_every_page_shows_hostile_text_as_text_is_strict_and_small(world):
    tor = [a for a in world.alerts.values() if a["alertType"] == "CosmosDB_TorAnomaly" and "canary" in a["accountName"]]
    pages = crawl(world)
    for id_ in [tor[0]["systemAlertId"]] + [i for i, a in world.alerts.items() if "SqlInjection" in a["alertType"]]:
        path = "/alerts/" + id_
        pages[path] = world.console.get(path)[1:]
    everything = ""
    for path, (headers, body) in pages.items():
        Strict(body)
        assert "\u202e" not in body and "<img" not in body and "<script>" not in body, path
        assert "default-src 'none'" in headers["Content-Security-Policy"] and "unsafe" not in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
        assert len(body.encode()) < PAGE_MAX, "%s has %d bytes" % (path, len(body.encode()))
        everything += body
    for field in HOSTILE:  # each was there, and is text
        assert "onerror=alert(&#39;%s&#39;)" % field in everything, field
    kinds = {re.sub(r"/.{36}$|[?].*", "", p) for p in pages}
    assert {"/", "/alerts", "/accounts", "/rules"} <= kinds and len(pages) > 30
    largest = max(pages, key=lambda p: len(pages[p][1].encode()))
    print("%d pages, the largest is %s with %d bytes" % (len(pages), largest[:60], len(pages[largest][1].encode())))


def test_an_incident_tells_its_alerts_in_order_and_each_leads_back(world):
    (incident,) = [a for a in world.exported().values() if a["alertType"] == "CosmosDBX_Incident.Injection"]
    page = world.console.page("/alerts/" + incident["systemAlertId"])
    steps = re.search(r'<ol class="timeline">(.*?)</ol>', page, re.DOTALL).group(1)
    ids = re.findall(r'href="/alerts/([0-9a-f-]{36})"', steps)
    times = re.findall(r'<time datetime="([^"]+)"', steps)
    assert sorted(ids) == sorted(incident["evidence"]["members"]) and len(ids) >= 2
    assert len(times) == len(ids) and times == sorted(times)
    for id_ in ids:
        assert '<a href="/alerts/%s"' % incident["systemAlertId"] in world.console.page("/alerts/" + id_)


def test_what_the_address_says_comes_back_as_text(world):
    word = urllib.parse.quote(canary("asked"), safe="")
    for path in ["/alerts?q=" + word, "/alerts?account=" + word, "/alerts?type=" + word, "/alerts?tactic=" + word]:
        Strict(world.console.page(path))
    for path, status in [("/alerts?told=" + word, 400), ("/alerts?since=" + word, 400), ("/alerts?from=" + word, 400),
                         ("/alerts?page=" + word, 400), ("/alerts?severity=" + word, 400), ("/alerts/" + word, 400),
                         ("/accounts/" + word, 404), ("/" + word, 404)]:
        got, headers, _ = world.console.get(path)
        assert got == status, (path, got)
        assert headers["Content-Type"].startswith("text/plain") and headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
    for path, statuses in [("/alerts%00x", (200, 400, 404)), ("//", (404,)), ("/../etc/passwd", (404,)), ("/" + "x" * 60000, (414, 431))]:
        assert world.console.get(path)[0] in statuses, path[:40]
    with pytest.raises((http.client.HTTPException, ConnectionError)):  # more arguments than a request has room for: hung up on
        world.console.get("/alerts?" + "a=b&" * 2000)
    assert world.console.get("/")[0] == 200


def test_only_get_and_head_are_answered_and_nothing_may_be_kept(world):
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "BREW"):
        status, headers, _ = world.console.get("/alerts", method=method)
        assert status == 405 and headers["Allow"] == "GET, HEAD" and headers["Cache-Control"] == "no-store", method
    assert not any(h.lower().startswith("access-control") for h in world.console.get("/", method="OPTIONS", Origin="http://evil.example")[1])
    for path in ("/", "/alerts", "/rules", "/style.css", "/console.js", "/nothing"):
        status, headers, body = world.console.get(path)
        c = http.client.HTTPConnection("127.0.0.1", world.port, timeout=kit.DEADLINE_S)
        c.request("HEAD", path)
        head = c.getresponse()
        assert head.read() == b"" and head.status == status and head.getheader("Content-Type") == headers["Content-Type"], path
        c.close()
        assert headers["Cache-Control"] == "no-store" and "ETag" not in headers and "Set-Cookie" not in headers, path
        again = world.console.get(path, If_None_Match="*", If_Modified_Since="Thu, 01 Jan 2037 00:00:00 GMT")
        assert again[0] == status and (status != 200 or again[2]), path
        assert path not in ("/style.css", "/console.js") or again[2] == body


def utc(text):
    return datetime.datetime.fromisoformat(text[:19])


def test_filters_give_what_they_say_page_by_page(world):
    alerts = world.exported()
    last = {i: utc(a["endTimeUtc"]) for i, a in alerts.items()}
    shown = world.ids("")
    assert set(shown) == set(alerts) and len(shown) > 200
    assert [last[i] for i in shown] == sorted(last.values(), reverse=True)
    middle = sorted(last.values())[len(last) // 2].replace(second=0)
    span = urllib.parse.urlencode({"from": middle.isoformat()[:16], "to": (middle + datetime.timedelta(minutes=4)).isoformat(" ")})
    suppressed = {i for i, a in alerts.items() if a["alertType"] == "CosmosDB_SuspiciousIp" and "203.0.113.7" in a["reasons"][0].split()[0:1]}

    def having(test):
        return {i for i, a in alerts.items() if test(a)}

    for query, wanted in [
            ("severity=3", having(lambda a: a["severity"] == "High")),
            ("type=CosmosDB_SuspiciousIp", having(lambda a: a["alertType"].startswith("CosmosDB_SuspiciousIp"))),
            ("tactic=InitialAccess", having(lambda a: a["intent"] == "InitialAccess")),
            ("tactic=Exfiltration&severity=2", having(lambda a: a["intent"] == "Exfiltration" and a["severity"] in ("High", "Medium"))),
            ("account=contoso-crowd", having(lambda a: a["accountName"] == "contoso-crowd" or "contoso-crowd" in a["evidence"].get("accounts", []))),
            ("q=203.0.113.99", having(lambda a: "203.0.113.99" in json.dumps(a["evidence"].get("address", [])))),
            ("told=suppressed", suppressed),
            ("told=refused", set()),
            ("told=waiting", set()),
            ("told=nobody", suppressed),
            ("told=accepted", set(alerts) - suppressed),
            (span, {i for i, t in last.items() if middle <= t <= middle + datetime.timedelta(minutes=4)}),
            ("since=1h", {i for i, t in last.items() if t >= datetime.datetime.utcnow() - datetime.timedelta(hours=1)})]:
        assert set(world.ids(query)) == wanted, query
    assert 0 < len(suppressed) < 3


def test_rules_show_their_effect_and_what_ends_soon(world):
    text = re.sub(r"<[^>]+>", " ", world.console.page("/rules"))
    drill, idle = re.search(r"drill(.*?)idle(.*?)Trusted", text, re.S).groups()
    assert "addresses: 203.0.113.7" in drill and re.search(r"\b1 alert\b", drill) and "ends soon" in drill
    assert "nothing so far" in idle and "ends soon" not in idle
    trusted = re.search(r"Trusted(.*?)Detectors", text, re.S).group(1)
    assert "192.0.2.77" in trusted and "ends soon" in trusted and "nobody so far" in trusted
    kept = re.search(r'type=CosmosDB_SuspiciousIp".*?data-label="kept alerts">(\d+)<', world.console.page("/rules"), re.S)
    assert int(kept.group(1)) == sum(a["alertType"].startswith("CosmosDB_SuspiciousIp") for a in world.exported().values()) >= CROWD


def test_the_terminal_and_the_console_use_the_same_words(world):
    page = world.console.page("/")
    _, text, _ = kit.run(["status", "-c", world.cfg])
    for words in (r"[\d,]+ accepted, [\d,]+ pending, [\d,]+ parked", r"[\d,]+ rows, [\d,]+ late"):
        said = re.findall(words, page)
        assert said and all(s in text for s in said), (said, text)
    assert re.search(r"behind, [\d,]+ rows", page) and re.search(r"behind, [\d,]+ rows", text)
    assert "last accepted" in page and "last accepted" in text


def test_an_alert_says_where_it_came_from_on_a_map_and_in_words(world):
    id_ = next(i for i, a in world.alerts.items() if a["alertType"] == "CosmosDB_TorAnomaly" and a["accountName"] == "contoso-orders")
    body = world.console.page("/alerts/" + id_)
    assert 'aria-label="Map of the world' in body and '<circle class="seen" cx="367" cy="155"' in body
    assert re.search(r"Seen: <strong>.*Nigeria</strong>", body)
    assert "Operations" in body and re.search(r'<th scope="row">ReadFeed</th><td class="num">12', body)
    assert re.search(r'<pre id="kql" tabindex="0">union isfuzzy=true[^<]*CDBDataPlaneRequests[^<]*198\.51\.100\.23', body)
    assert re.search(r"<td>file</td><td>accepted</td>", body)
