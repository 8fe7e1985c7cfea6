"""The whole outside world of one agent, and what goes wrong in it: for test_soak.py, in virtual time or by the real clock.

Seven outputs, each behind a proxy that harms what passes where there is one connection to harm. Names lead where shim.c
says: the query service's, and those of three outputs. A `Trouble` is one thing broken wholly, with what must be said of it;
a storm is anything at random, several at once, with kills and reloads.
SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import datetime
import errno
import json
import os
import random
import signal
import time

from flow import bulk_index, certs, http_way, kit, listener, oracles
from flow import shim as sh
from flow.listener import free_port
from flow.rows import Rows, feeds, iso
from flow.templates import TABLES, columns
from flow.test_console import Console
from flow.test_faults_time import at, coverage
from flow.test_kafka import Broker, kafka, read
from sim.proxy import Proxy, chance

RULE, STREAM = "dcr-00000000000000000000000000000001", "Custom-CosmosWatchAlerts"
LATE_MOST_S = 3600
CERTIFICATE_DAYS = "4000"  # virtual time is years ahead
ASTRAY = sh.LOCALHOST + 8  # where nobody listens
# What a resolver does to a name. glibc asks twice, five seconds each, before it says that nobody answers (resolv.conf(5)).
EAI_NONAME, EAI_AGAIN, EAI_FAIL = -2, -3, -4
RESOLVER = {"NXDOMAIN": {"dns_error": EAI_NONAME}, "SERVFAIL": {"dns_error": EAI_AGAIN}, "REFUSED": {"dns_error": EAI_FAIL},
            "nothing": {"dns_error": EAI_AGAIN, "dns_delay_ms": 10000}, "late": {"dns_delay_ms": 4000},
            "astray": {"dns_astray": ASTRAY}}
SOURCE = {"lookback": "3h", "backfill": "0s", "window": "1h", "catch_up": "6h", "recheck": ["70m", "3h"], "settle": "2m", "mode": "rows"}


def delta(**kw):
    return datetime.timedelta(**kw)


def error(code):
    return json.dumps({"error": {"code": code, "message": "made up"}})


# ---- receivers -----------------------------------------------------------------------------------------------------

class File:
    name = "file"

    def __init__(self, world):
        self.folder = os.path.join(world.dir, "out")
        os.mkdir(self.folder)
        self.output = {"type": "file", "path": os.path.join(self.folder, "alerts.ndjson")}

    def told(self):
        return kit.ndjson(self.output["path"])

    def hide(self):
        os.rename(self.folder, self.folder + ".away")
        open(self.folder, "w", encoding="ascii").close()

    def show(self):
        os.remove(self.folder)
        os.rename(self.folder + ".away", self.folder)


class Hook:
    name = "hook"

    def __init__(self, world):
        self.azure, self.proxy = world.azure, Proxy(world.port)
        self.output = {"type": "webhook", "url": "http://127.0.0.1:%d/hook/soak" % self.proxy.port, "token": world.secret("hook")}

    def told(self):
        return [p["json"] for p in self.azure.control("alerts?hook=soak") if p["accepted"]]


class Lake:
    name = "lake"

    def __init__(self, world):
        self.azure, self.proxy = world.azure, Proxy(world.port)
        self.azure.control("dcrs", {"id": RULE, "streams": {STREAM: {"table": TABLES["custom"], "columns": columns("custom")}}})
        self.output = {"type": "sentinel", "endpoint": "http://127.0.0.1:%d" % self.proxy.port, "rule": RULE,
                       "auth": world.auth(world.azure.url)}

    def told(self):
        """Rows of the table, by the names of the native format."""
        return [{"systemAlertId": r["SystemAlertId"], "recordId": r["RecordId"], "alertType": r["AlertType"],
                 "compromisedEntity": r["AlertResourceId"].lower(), "accountName": r["AlertResourceId"].rsplit("/", 1)[-1], "count": r["EventCount"], "severity": r["AlertSeverity"]}
                for c in self.azure.control("ingested") for r in c["rows"]]


class Siem(listener.Listener):
    """Syslog over TLS, counted octets; half a message at the end of a connection is none."""
    name = "siem"

    def __init__(self, world):
        self.got, self.tls = [], world.identity("siem.test")
        super().__init__()
        self.proxy = Proxy(self.port)
        self.output = {"type": "syslog", "address": "siem.test:%d" % self.proxy.port, "format": "json", "max_message": "64KB",
                       "tls": {"ca": world.ca}}

    def serve(self, s):
        data = b""
        with self.tls.wrap_socket(s, server_side=True) as inner:
            while True:
                more = inner.recv(65536)
                if not more:
                    return
                data = self._messages(data + more)

    def _messages(self, data):
        while b" " in data[:12]:
            size, rest = data.split(b" ", 1)
            if len(rest) < int(size):
                break
            message, data = rest[:int(size)], rest[int(size):]
            self.got.append(json.loads(message[message.index(b"{"):]))
        return data

    def told(self):
        return list(self.got)


class Hec:
    """Splunk's collector: the token must be right, events are told apart by their braces."""
    name = "hec"

    def __init__(self, world):
        self.got, self.refusal = [], None
        self.receiver = http_way.Receiver()
        self.receiver.answer = self._answer
        self.proxy = Proxy(self.receiver.port)
        self.output = {"type": "splunk_hec", "url": "http://127.0.0.1:%d" % self.proxy.port, "gzip": False, "token": world.secret("hec")}

    def _answer(self, _method, _path, body):
        if self.refusal:
            return self.refusal, b'{"text":"Server is busy","code":9}'
        text, decoder, i, events = body.decode(), json.JSONDecoder(), 0, []
        while i < len(text):
            event, i = decoder.raw_decode(text, i)
            events.append(event["event"]["alert"])
            assert event["event"]["id"] == event["fields"]["alert_id"] == events[-1]["systemAlertId"]
            while text[i:i + 1].isspace():
                i += 1
        self.got += events
        return 200, b'{"text":"Success","code":0}'

    def told(self):
        return list(self.got)


class Index(bulk_index.Index):
    name = "index"

    def __init__(self, world):
        path = world.secret("index")
        super().__init__(world.secrets["index"])
        self.proxy = Proxy(self.port)
        self.output = {"type": "elastic", "url": "http://index.test:%d" % self.proxy.port, "allow_plain_http": True,
                       "format": "json", "api_key": path}

    def told(self):
        return list(self.docs.values())


class Bus:
    name = "bus"

    def __init__(self, world, mockbroker):
        self.broker = Broker(mockbroker, world.dir, brokers=1, topics=("alerts:1",))
        self.port = int(self.broker.bootstrap.rsplit(":", 1)[1])
        self.output = {**kafka(self.broker, timeout="60s"), "brokers": ["bus.test:%d" % self.port]}

    def told(self):
        got = []
        for m in read(self.broker.bootstrap):
            got.append(json.loads(m["payload"]))
            assert m["key"] == got[-1]["systemAlertId"]
        return got


# ---- troubles --------------------------------------------------------------------------------------------------------

class Trouble:
    """One thing broken wholly from begin() to end(): whose (a component of the log), with what cause. is_silent: whoever
    is asked does not answer, and time may leap meanwhile. spares(alert): what goes on arriving."""

    def __init__(self, name, component, cause, begin, end, is_silent=False, spares=None):
        self.name, self.component, self.cause, self.begin, self.end = name, component, cause, begin, end
        self.is_silent, self.spares = is_silent, spares


def troubles(w):
    def fault(path, **action):
        return (lambda: w.azure.control("faults", {"match": {"path": path}, "count": None, "action": action}),
                lambda: w.azure.control("faults", method="DELETE"))

    def proxied(p, action):
        def begin():
            p.plan = lambda _: action
            p.drop()

        def end():
            p.plan = None
        return begin, end

    def unresolved(how, p, port):
        """Asked again by whoever connects: what stands is ended."""
        def begin():
            w.resolve(how, port)
            p.drop()
        return begin, w.resolve

    away = {}  # by id: every other document, beginning with the first that comes

    def is_away(id_):
        return away.setdefault(id_, len(away) % 2 == 0)

    def moody(mood):
        def begin():
            away.clear()
            index.mood = lambda _, ids: mood(ids)
        return begin, lambda: setattr(index, "mood", None)

    def no_token():
        w.azure.control("tokens", {"revoke": True})
        w.azure.control("faults", {"match": {"path": "/oauth2/"}, "count": None, "action": {
            "status": 401, "body": json.dumps({"error": "invalid_client", "error_description": "AADSTS7000215: wrong", "error_codes": [7000215]})}})

    hook, hec, siem, lake, bus, file, index = (
        w.receivers[n] for n in ("hook", "hec", "siem", "lake", "bus", "file", "index"))
    return [
        Trouble("query 503", "prod", "503", *fault("/query", status=503)),
        Trouble("query 403", "prod", "InsufficientAccess|403", *fault("/query", status=403, body=error("InsufficientAccessError"))),
        Trouble("query 429", "prod", "429|throttl|slow down", *fault("/query", status=429, headers={"Retry-After": "120"})),
        Trouble("query refused", "prod", "refused|reset|connect", *proxied(w.query, {"refuse": True})),
        Trouble("query silent", "prod", "no answer|no connection|late|time|stall", *proxied(w.query, {"silent": True}), True),
        Trouble("query NXDOMAIN", "prod", "cannot be resolved", *unresolved("NXDOMAIN", w.query, w.door.port)),
        Trouble("query resolver silent", "prod", "resolved|no connection", *unresolved("nothing", w.query, w.door.port), True),
        Trouble("no token", "prod", "invalid_client|AADSTS7000215", no_token, fault("")[1]),
        Trouble("hook 503", "output.hook", "503", *fault("/hook/", status=503)),
        Trouble("hook 401", "output.hook", "401", *fault("/hook/", status=401)),
        Trouble("hook refused", "output.hook", "refused|reset|connect", *proxied(hook.proxy, {"refuse": True})),
        Trouble("hec busy", "output.hec", "503|busy", lambda: setattr(hec, "refusal", 503), lambda: setattr(hec, "refusal", None)),
        Trouble("hec silent", "output.hec", "no answer|late|time|stall", *proxied(hec.proxy, {"silent": True}), True),
        Trouble("lake 403", "output.lake", "403", *fault("/dataCollectionRules", status=403, body=error("OperationFailed"))),
        Trouble("siem refused", "output.siem", "refused|reset|connect|closed|handshake", *proxied(siem.proxy, {"refuse": True})),
        Trouble("siem SERVFAIL", "output.siem", "cannot be resolved", *unresolved("SERVFAIL", siem.proxy, siem.proxy.port)),
        Trouble("index astray", "output.index", "refused", *unresolved("astray", index.proxy, index.proxy.port)),
        Trouble("index 429", "output.index", "HTTP 429", *moody(lambda _: {"whole": 429})),
        Trouble("index items 429", "output.index", "HTTP 429", *moody(lambda ids: {"items": [429] * len(ids)})),
        Trouble("index shard away", "output.index", "HTTP 503",
                *moody(lambda ids: {"items": [503 if is_away(i) else 201 for i in ids]}),
                spares=lambda a: not away.get(a["recordId"]) and a["recordId"] not in index.refused),
        Trouble("index half answers", "output.index", "not the answer of a bulk request",
                *moody(lambda ids: {"items": [429 if is_away(i) else 201 for i in ids], "cut": 1})),
        Trouble("index cut", "output.index", "cut|closed|broken", *proxied(index.proxy, {"cut": 100, "way": "down"})),
        Trouble("bus down", "output.bus", "refused|down|disconnect|transport|no answer", lambda: bus.broker.say("down 1"),
                lambda: bus.broker.say("up 1"), True),
        Trouble("bus forbidden", "output.bus", "authoriz", lambda: bus.broker.say("err 0 29 1000"), lambda: bus.broker.say("forget 0")),
        Trouble("file away", "output.file", "directory|folder|open", file.hide, file.show),
    ]


REFUSALS = [
    {"status": 429, "body": error("ThrottledError"), "headers": {"Retry-After": "5"}}, {"status": 429}, {"status": 500}, {"status": 502},
    {"status": 503, "headers": {"Retry-After": "3"}}, {"status": 504}, {"status": 403, "body": error("InsufficientAccessError")},
    {"revoke_tokens": True}, {"html": True}, {"empty200": True}, {"partial": {"rows": 2}}, {"cut_after": 300}, {"close": True},
]
OUTPUT_REFUSALS = [{"status": 503}, {"status": 429, "headers": {"Retry-After": "2"}}, {"status": 401}, {"status": 500, "after": True},
                   {"reset": True}, {"close": True}]
DISK = [(sh.WRITE | sh.CUT, errno.ENOSPC), (sh.SYNC, errno.EIO), (sh.WRITE, errno.EIO)]
STORM = ("query", "outputs", "service", "refusals", "index", "bus", "broker", "names", "disk", "clock", "kill", "end", "reload",
         "stop")


# ---- the world -------------------------------------------------------------------------------------------------------

class World:
    """One agent, its world and what goes wrong in it. `clock` has now(), pass_for(seconds) and env(shim)."""

    def __init__(self, seed, dir_, azure, shim, clock, mockbroker, source=None, accounts=1000):
        self.seed, self.dir, self.azure, self.shim, self.clock = seed, dir_, azure, shim, clock
        self.rng, self.log, self.accounts = random.Random("%s/faults" % seed), [], accounts
        self.port = int(azure.url.rsplit(":", 1)[1])
        self.secrets, self.query, self.console = {}, Proxy(self.port), Console(free_port())
        self.ca = certs.ca(dir_, days=CERTIFICATE_DAYS)
        self.door = http_way.Door(self.identity("query.test"), self.query.port)
        shim.set(dns_ipv4=sh.LOCALHOST)
        azure.control("apps", {"client_id": kit.CLIENT, "secrets": [kit.SECRET, self.canary("client")]})
        self.receivers = {r.name: r for r in (File(self), Hook(self), Lake(self), Siem(self), Hec(self), Index(self),
                                                 Bus(self, mockbroker))}
        self.cfg = self.configure({**SOURCE, **(source or {})})
        self.starts, self.fresh, self.agent = 0, 0, None
        self.start()
        self.watch = oracles.Watch(lambda: self.agent.child.pid if self.is_alive() else None,
                                   os.path.join(dir_, "state"))

    def canary(self, name):
        return self.secrets.setdefault(name, "Canary-%s-%s/+" % (name, random.Random("%s/%s" % (self.seed, name)).getrandbits(64)))

    def secret(self, name):
        path = os.path.join(self.dir, name + ".secret")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as f:
            f.write(self.canary(name) + "\n")
        return "${file:%s}" % path

    def identity(self, name):
        """Of a server that is called so."""
        return listener.context(*certs.issue(self.dir, name, name, "DNS:" + name, days=CERTIFICATE_DAYS))

    def auth(self, authority):
        return {"type": "client_secret", "tenant": kit.TENANT, "client_id": kit.CLIENT, "client_secret": self.secret("client"),
                "authority": authority}

    def configure(self, source):
        proxied = "https://query.test:%d" % self.door.port
        return kit.config(self.azure, self.dir, [{"name": r.name, **r.output} for r in self.receivers.values()], feeds=feeds(self.dir),
                          source={**source, "endpoint": proxied, "auth": self.auth(proxied), "tls": {"ca": self.ca}},
                          console={"listen": "127.0.0.1:%d" % self.console.port})

    def is_alive(self):
        return self.agent.child.poll() is None

    def start(self):
        self.starts += 1
        self.agent = kit.Agent(self.cfg, self.dir, env=self.clock.env(self.shim))

    def again(self, how):
        how()
        self.agent.log.close()
        self.start()

    # -- what happens in the workspace

    def attack(self):
        """A request that alerts, in the workspace a little later, on an account that nobody has seen before as long as there
        are such: its name."""
        self.fresh += 1
        account = "fresh-%03d" % (self.fresh % self.accounts)
        r = Rows("%s/%d" % (self.seed, self.fresh))
        t = self.clock.now()
        r.request(t, account=account, address="198.51.100.23", op="ReadFeed", late_s=60)
        self.azure.add_rows(r.rows)
        return account

    # -- what goes wrong

    def resolve(self, how=None, port=0):
        """Names as RESOLVER says, or the one behind that port alone; without: right."""
        self.shim.set(**{n: 0 for n in ("dns_error", "dns_delay_ms", "dns_astray")})
        self.shim.set(dns_port=port)
        self.shim.set(**RESOLVER[how] if how else {})

    def named_ports(self):
        """Of those that are reached by name."""
        siem, index, bus = (self.receivers[n] for n in ("siem", "index", "bus"))
        return [self.door.port, siem.proxy.port, index.proxy.port, bus.port]

    def storm(self, pause, without=()):
        """Anything, several at once; pause() lets a while pass."""
        rng = self.rng
        kinds = rng.sample([k for k in STORM if k not in without], rng.choice((1, 1, 2, 3)))
        self.log.append("+".join(kinds))
        self.clock.some_are_silent(not {"query", "outputs", "broker", "names"}.isdisjoint(kinds))
        if "query" in kinds:
            self.query.plan = chance(rng.random(), 0.6)
        if "outputs" in kinds:
            for name in rng.sample(("hook", "lake", "siem", "hec", "index"), 2):
                self.receivers[name].proxy.plan = chance(rng.random(), 0.6)
        if "service" in kinds:
            self.azure.control("faults", {"match": {"path": rng.choice(("/query", "/query", "/oauth2/"))}, "count": rng.randrange(1, 6),
                                          "action": rng.choice(REFUSALS)})
        if "refusals" in kinds:
            self.azure.control("faults", {"match": {"path": rng.choice(("/hook/", "/dataCollectionRules"))}, "count": rng.randrange(1, 4),
                                          "action": rng.choice(OUTPUT_REFUSALS)})
        if "index" in kinds:
            self.receivers["index"].mood = bulk_index.chance(rng.random(), 0.7)
        if "names" in kinds:
            self.resolve(rng.choice(sorted(RESOLVER)), rng.choice([0] + self.named_ports()))
        if "broker" in kinds:
            self.receivers["bus"].broker.say("down 1")
        if "bus" in kinds:
            self.receivers["bus"].broker.say("err 0 %d %d" % (rng.choice((7, 6, 29, 19)), rng.randrange(1, 20)))
        if "disk" in kinds:
            ops, why = rng.choice(DISK)
            self.shim.set(disk_ops=ops, disk_errno=why, disk_dice=rng.getrandbits(60), disk_one_in=rng.randrange(3, 30))
        if "clock" in kinds:
            self.shim.set(wall_offset_ns=rng.choice((-86400, -3600, -61, 61, 3600, 86400)) * sh.S)
        self.attack()
        pause()
        if "reload" in kinds:
            self.agent.child.send_signal(signal.SIGHUP)
        if "stop" in kinds:
            self.agent.child.send_signal(signal.SIGSTOP)
            time.sleep(rng.uniform(0.01, 0.2))
            self.agent.child.send_signal(signal.SIGCONT)
        pause()
        if "kill" in kinds:
            self.again(self.agent.kill)
        elif "end" in kinds or not self.is_alive():  # a disk that fails at the start ends it with a sentence
            self.again(self.agent.stop)
        pause()
        self.calm()

    def calm(self):
        self.clock.some_are_silent(False)
        for p in [self.query] + [r.proxy for r in self.receivers.values() if hasattr(r, "proxy")]:
            p.plan = None
        self.shim.calm()
        self.shim.set(wall_offset_ns=0)
        self.azure.control("faults", method="DELETE")
        self.receivers["index"].mood = None
        for line in ("forget 0", "up 1"):
            self.receivers["bus"].broker.say(line)
        if not self.is_alive():
            self.again(self.agent.wait)

    def operator_looks(self):
        """At what is parked: it was refused for good, and it is offered again."""
        _, text, _ = kit.run(["outputs", "parked", "--json", "-c", self.cfg])
        parked = [json.loads(line) for line in text.splitlines()]
        oracles.parked_is_refused(parked, {"index": self.receivers["index"].refused})
        for name in {p["output"] for p in parked}:
            kit.run(["outputs", "retry", name, "-c", self.cfg], env=self.clock.env(self.shim))
        return len(parked)

    # -- how it stands

    def told(self):
        return {name: r.told() for name, r in self.receivers.items()}

    def log_size(self):
        return os.path.getsize(self.agent.log_path)

    def log_since(self, start):
        with open(self.agent.log_path, "rb") as f:
            f.seek(start)
            return f.read().decode("utf-8", "replace")

    def health(self):
        """(status code, body); 0 while nothing answers."""
        with contextlib.suppress(OSError):
            code, _, body = self.console.get("/healthz")
            return code, body
        return 0, ""

    def status(self):
        code, text, _ = kit.run(["status", "--json", "-c", self.cfg], check=False)
        return json.loads(text) if code == 0 and text else {}

    def is_done(self, end):
        """Everything up to then is read, looked at again and delivered."""
        s = self.status()
        windows = coverage(self.cfg) if s else []
        return windows and max(at(w["to"]) for w in windows) >= end and \
            all(w["state"] in ("rechecked", "gap") for w in windows if at(w["from"]) < end) and all(o["pending"] == 0 for o in s["outputs"])

    def shown(self):
        """Everything that the agent shows of itself, by place; for the search for secrets."""
        places = oracles.files(os.path.join(self.dir, "state"))
        places["log"] = self.log_since(0).encode()
        places.update(oracles.of_process(self.agent.child.pid))
        for page in ("/", "/alerts", "/accounts", "/rules", "/metrics", "/healthz"):
            places["console " + page] = self.console.get(page)[2].encode()
        for verb in (["status", "--json"], ["outputs", "status"], ["outputs", "parked"], ["coverage"], ["queries"]):
            places[" ".join(verb)] = "".join(map(str, kit.run(verb + ["-c", self.cfg], check=False))).encode()
        return places

    def close(self):
        self.watch.stop()
        self.agent.kill()
        self.agent.log.close()
        self.door.close()
        self.query.close()
        for r in self.receivers.values():
            if hasattr(r, "proxy"):
                r.proxy.close()
        self.receivers["siem"].close()
        self.receivers["hec"].receiver.__exit__()
        self.receivers["index"].close()
        self.receivers["bus"].broker.close()


def life(seed, start, end, per_hour=6, attack_every_s=(1800, 12000), late_most_s=LATE_MOST_S):
    """Rows from an hour before the start to the end, some of them late, with attacks among them."""
    r, rng = Rows(seed), random.Random("%s/life" % seed)
    r.ordinary(start - delta(hours=1), end, per_hour=per_hour)
    t = start - delta(minutes=50)
    while t < end:
        account = "contoso-%d" % rng.randrange(4)
        r.request(t, account=account, address=rng.choice(("198.51.100.23", "203.0.113.66")), op="ReadFeed")
        r.query(t, "SELECT c.id FROM c WHERE c.customer = '' OR 1=%d --'" % rng.randrange(9), account=account)
        t += delta(seconds=rng.uniform(*attack_every_s))
    for row in r.rows:
        if rng.random() < 0.2:
            row["visible"] = iso(at(row["ingested"][:26] + "Z") + delta(seconds=rng.uniform(1, late_most_s)))
    return r.rows
