"""No secret leaves: every secret that the program knows is given to it, everything goes wrong and then right, and it is
looked for in all that the agent leaves behind. Receivers and the token endpoint repeat what they were sent.

SPDX-License-Identifier: Apache-2.0
"""

import base64
import http.client
import json
import os
import re
import resource
import signal
import subprocess
import tarfile
import urllib.parse

import pytest

from flow import canary, certs, kit
from flow.http_way import Receiver
from flow.listener import free_port
from flow.rows import feeds
from flow.story import SHORT, small_world
from flow.syslog_receivers import listens
from flow.test_reload import change, reload

GIVES, REFUSES = kit.TENANT, "44444444-4444-4444-4444-444444444444"


class Echo(Receiver):
    """Refuses all that is asked, and says back what came, in every spelling; as token endpoint it also gives tokens. With
    `kind` set it takes all, and says it back as well."""

    def __init__(self, canaries):
        super().__init__()
        self.canaries, self.kind, self.asked = canaries, False, set()
        self.headers = {"Content-Type": "application/json"}
        self.url = "http://127.0.0.1:%d" % self.port

    def repeated(self, text):
        """What was sent, as a careless receiver would put it into its message."""
        raw = text + urllib.parse.unquote(text)
        for word in re.findall(r"[A-Za-z0-9+/=]{16,}", text):
            try:
                raw += base64.b64decode(word + "===").decode("utf-8", "replace")
            except ValueError:
                pass
        mine = [c for c in self.canaries.core.values() if c in raw]
        self.asked.update(mine)
        words = []
        for c in mine:
            words += [c, c + "&/+%", "%s%%26%%2F%%2B%%25" % c, c.encode().hex(), base64.b64encode(c.encode()).decode(),
                      base64.b64encode(b"cosmowatch:" + c.encode()).decode()]
        return " ".join(words)

    def say(self, _method, path, headers, body):
        said = self.repeated(path + str(headers) + body.decode("latin-1")) or "nothing"
        if path.endswith("/token") and REFUSES not in path:
            token = self.canaries.keep("token") + "." + base64.urlsafe_b64encode(os.urandom(24)).decode()
            return 200, json.dumps({"token_type": "Bearer", "expires_in": 3600, "access_token": token}).encode()
        if path.endswith("/token"):
            return 401, json.dumps({"error": "invalid_client", "error_description": "AADSTS7000215: %s is wrong" % said}).encode()
        text = {"error": {"code": "Nope", "message": said}, "message": said, "text": said, "errors": [said], "status": said}
        return 200 if self.kind else 400 if len(said) % 2 else 401, json.dumps(text).encode()


def key_line(pem):
    """A line from the middle of a private key."""
    with open(pem, encoding="ascii") as f:
        lines = f.read().split("-----BEGIN")[-1].splitlines()
    return lines[len(lines) // 2]


def entra_certificate(dir_, c, path):
    pem = os.path.join(dir_, path.replace("/", "-") + ".pem")
    password = canary.core(path + "_password") + "&/+%"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "2", "-passout", "pass:" + password, "-keyout", pem,
                    "-out", pem + ".crt", "-subj", "/CN=app"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(pem, "a", encoding="ascii") as key, open(pem + ".crt", encoding="ascii") as crt:
        key.write(crt.read())
    os.chmod(pem, 0o600)
    return {"type": "certificate", "client_id": kit.CLIENT, "certificate": pem, "certificate_password": c.ref(path + "_password")}


def configuration(azure, echo, c, dir_):
    """Every secret option at least once; what excludes another stands in a second output."""
    client_cert, client_key = certs.issue(dir_, "client", "client")
    c.keep("tls/key", key_line(client_key))
    connection = lambda kind: {"proxy": "http://127.0.0.1:%d" % echo.port, "proxy_user": "cosmowatch",
                               "proxy_password": c.ref("outputs/%s/connection/proxy_password" % kind), "connect_timeout": "2s"}
    secret = lambda path, n="": {"type": "client_secret", "tenant": REFUSES if n else GIVES, "client_id": kit.CLIENT,
                                 "client_secret": c.ref(path + "/auth/client_secret" + n), "authority": echo.url}
    certificate = lambda path: {**entra_certificate(dir_, c, path + "/auth/certificate"), "tenant": GIVES, "authority": echo.url}
    dead = "127.0.0.1:%d" % free_port()
    out = lambda kind, path="", n="", **options: {
        "name": kind + n, "type": kind, **({"url": echo.url + path} if path else {}),
        **({"connection": connection(kind)} if kind not in ("kafka", "event_hubs", "file", "syslog") and not n else {}), **options}
    own = lambda type_, option, **kw: c.ref("outputs/%s/%s" % (type_, option), **kw)
    outputs = [
        out("elastic", "/e", username="cosmowatch", password=own("elastic", "password")),
        out("elastic", "/e", "2", api_key=own("elastic", "api_key")),
        out("jira", "/j", username="cosmowatch", token=own("jira", "token"), project="SEC"),
        out("opsgenie", "/o", api_key=own("opsgenie", "api_key")),
        out("pagerduty", "/p", routing_key=own("pagerduty", "routing_key")),
        out("sentinel", endpoint=echo.url, rule="dcr-" + "0" * 32, auth=secret("outputs/sentinel")),
        out("sentinel", n="2", endpoint=echo.url, rule="dcr-" + "0" * 32, auth=certificate("outputs/sentinel")),
        out("sentinel", n="3", endpoint=echo.url, rule="dcr-" + "0" * 32, auth=secret("outputs/sentinel", "#2")),
        out("servicenow", "/s", username="cosmowatch", password=own("servicenow", "password")),
        out("servicenow", "/s", "2", token=own("servicenow", "token")),
        out("slack", url=own("slack", "url", text="%s/services/T0/B0/%s" % (echo.url, canary.core("outputs/slack/url")))),
        out("teams", url=own("teams", "url", text="%s/w/1/triggers?sp=%%2F&sig=%s" % (echo.url, canary.core("outputs/teams/url")))),
        out("splunk_hec", "/h", token=own("splunk_hec", "token")),
        out("template", "/t", body="{}", token=own("template", "token")),
        out("template", "/t", "2", body="{}", header="X-Key", header_value=own("template", "header_value")),
        out("webhook", "/w", token=own("webhook", "token"), hmac_secret=own("webhook", "hmac_secret"),
            tls={"cert": client_cert, "key": client_key}),
        out("webhook", "/w", "2", username="cosmowatch", password=own("webhook", "password")),
        out("webhook", "/w", "3", headers={"X-Key": c.ref("outputs/webhook/headers")},
            signing_secret=own("webhook", "signing_secret", text="whsec_" + base64.b64encode(
                canary.core("outputs/webhook/signing_secret").encode()).decode())),
        # Asked by way of the proxy, which refuses.
        {"name": "far", "type": "webhook", "url": "https://receiver.example/x", "connection": {
            "proxy": "http://127.0.0.1:%d" % echo.port, "proxy_user": "cosmowatch",
            "proxy_password": c.ref("outputs/webhook/connection/proxy_password#2")}},
        out("kafka", brokers=dead, topic="t", security="sasl_plaintext", sasl={
            "mechanism": "plain", "username": "cosmowatch", "password": own("kafka", "sasl/password")}),
        out("kafka", n="2", brokers=dead, topic="t", security="sasl_plaintext", sasl={"mechanism": "oauthbearer", "oidc": {
            "token_url": echo.url + "/%s/token" % REFUSES, "client_id": "cosmowatch",
            "client_secret": own("kafka", "sasl/oidc/client_secret")}}),
        out("event_hubs", address=dead, connection_string=own("event_hubs", "connection_string", text=(
            "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=%s=;EntityPath=alerts"
            % canary.core("outputs/event_hubs/connection_string")))),
        out("event_hubs", n="2", address=dead, namespace="contoso", hub="alerts", auth=secret("outputs/event_hubs")),
        out("event_hubs", n="3", address=dead, namespace="contoso", hub="alerts", auth=certificate("outputs/event_hubs")),
        out("syslog", address=dead, tls={"cert": client_cert, "key": client_key}),
        {"name": "file", "type": "file", "path": os.path.join(dir_, "alerts.ndjson")},
    ]
    source = lambda name, auth, **more: {"name": name, "type": "log_analytics", "workspace": kit.WORKSPACE, "endpoint": echo.url,
                                         "auth": auth, "settle": "1s", **SHORT, **more}
    port = free_port()
    cfg = kit.config(azure, dir_, outputs, feeds=feeds(dir_), source=SHORT, log={"level": "debug"}, console={
        "listen": "127.0.0.1:%d" % port, "token": c.ref("console/token", text=canary.core("console/token"))})
    change(cfg, lambda doc: doc["sources"].extend([
        source("taken", secret("sources/log_analytics"), connection={
            "proxy": "http://127.0.0.1:9", "proxy_user": "cosmowatch",
            "proxy_password": c.ref("sources/log_analytics/connection/proxy_password")}),
        source("signed", certificate("sources/log_analytics")),
        source("refused", secret("sources/log_analytics", "#2")),
    ]))
    return cfg, port


def everything_failed(cfg, doc):
    """Each output said why it does not deliver, or parked what it could not. Brokers that are not there are waited for."""
    code, out, _ = kit.run(["status", "--json", "-c", cfg], check=False)
    if code != 0:
        return False
    said = {o["name"]: o for o in json.loads(out)["outputs"]}
    wanted = [o["name"] for o in doc["outputs"] if o["type"] not in ("file", "kafka", "event_hubs") or o["name"] == "kafka2"]
    return all(n in said and (said[n].get("reason") or said[n]["parked"] > 0) for n in wanted)


def pages(port, token):
    """Everything that the console shows, also to those who may not look. After a reload it is away for a moment."""
    found = b""
    kit.wait_for("the console", lambda: listens(port))
    for headers in ({"Authorization": "Bearer " + token}, {"Authorization": "Bearer wrong"}, {}):
        for path in ("/", "/alerts", "/accounts", "/rules", "/metrics", "/healthz", "/readyz", "/nowhere"):
            conn = http.client.HTTPConnection("127.0.0.1", port, timeout=kit.DEADLINE_S)
            conn.request("GET", path, headers={"Host": "localhost", **headers})
            answer = conn.getresponse()
            found += str(answer.getheaders()).encode() + answer.read()
            conn.close()
    return found


def forgets(agent, cfg, c):
    """What a reload takes away is not left in memory. What the environment gave is kept for the next reload."""
    if os.geteuid() != 0:
        return  # nobody else may look
    gone = {t: p for p, t in c.core.items() if p.startswith("outputs/") and p not in c.by_env}
    there = canary.in_memory(agent.child.pid, gone)
    assert len(there) > 15, "or the search finds nothing at all"
    change(cfg, lambda doc: doc.update(outputs=[o for o in doc["outputs"] if o["type"] == "file"]))
    reload(agent)
    assert {gone[t] for t in canary.in_memory(agent.child.pid, gone)} == set()


def reader_holds(agent, c):
    """The canaries in the memory of the processes that parse what comes from outside, spelt in any way."""
    if not canary.may_look(agent.child.pid):
        return set()
    texts = {s.decode("latin-1"): path for path, core in c.core.items() for s in canary.spellings(core)}

    def look_into_it():
        """Its name is looked for as well: so that it is known that the search finds what is there."""
        try:
            pid = canary.processes(agent.child.pid)[number]
            with open("/proc/%d/cmdline" % pid, encoding="utf-8") as f:
                name = f.read().split("\0")[0]
            found = canary.in_memory(pid, {*texts, name}, "r")
        except (OSError, IndexError):
            return None  # another takes its place after each window
        return found if name and name in found else None

    found = set()
    for number in (1, 2):  # of rows, of statements
        found |= kit.wait_for("a look into a reader", look_into_it)
    assert len(canary.in_memory(agent.child.pid, texts)) > 15, "the agent has them, and the search knows them"
    return {texts[t] for t in found if t in texts}


VERBS = [
    ["check"], ["check", "--json"], ["check", "--online"], ["status"], ["status", "--json"], ["queries"], ["queries", "--json"],
    ["outputs", "status"], ["outputs", "status", "--json"], ["outputs", "test"], ["outputs", "parked"],
    ["outputs", "parked", "--json"], ["outputs", "route", "Low"], ["coverage"], ["alerts", "list"], ["alerts", "export"],
    ["report"], ["report", "--json"], ["store", "check"], ["azure", "template", "all"], ["config", "sample"], ["config", "schema"],
    ["baseline", "show"],
]


def files(folder, besides=()):
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            if os.path.isfile(path) and path not in besides:
                with open(path, "rb") as f:
                    yield path, f.read()


def look(c, places):
    """places: (name, bytes). Says which canary is where."""
    return ["%s: %s" % (name, ", ".join(seen)) for name, data in places for seen in [c.seen_in(data)] if seen]


def near(cfg):
    """The same without brokers, which would be waited for."""
    with open(cfg, encoding="utf-8") as f:
        doc = json.load(f)
    doc["outputs"] = [o for o in doc["outputs"] if o["type"] not in ("kafka", "event_hubs")]
    path = cfg.replace(".yaml", ".near.yaml")
    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
        json.dump(doc, f)
    return path


def run_all(cfg, c, dir_, where):
    """What every verb prints."""
    places = []
    for args in VERBS:
        asks = args in (["check", "--online"], ["outputs", "test"])
        _, out, err = kit.run([*args, "-c", near(cfg) if asks else cfg], check=False, env=c.env)
        places.append(("%s (%s)" % (" ".join(args), where), (out + err).encode()))
    bundle = os.path.join(dir_, "support-" + where)
    _, out, err = kit.run(["support", "--out", bundle, "-c", cfg], check=False, env=c.env)
    with tarfile.open(bundle) as t:
        places += [("support (%s): %s" % (where, m.name), t.extractfile(m).read()) for m in t.getmembers()]
    places.append(("support (%s)" % where, (out + err).encode()))
    export = os.path.join(dir_, "export-" + where)
    _, out, err = kit.run(["store", "export", "--out", export, "-c", cfg], check=False, env=c.env)
    assert os.path.exists(export), out + err
    with open(export, "rb") as f:
        places.append(("store export (%s)" % where, f.read()))
    return places


def test_every_secret_option_has_a_canary_and_none_of_them_leaves(dir_, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
    monkeypatch.chdir(dir_)
    certs.ca(dir_)
    rows, types = small_world(seed=51)
    c = canary.Canaries(dir_)
    with kit.Azure(dir_) as azure, Echo(c) as echo:
        azure.add_rows(rows.rows)
        cfg, port = configuration(azure, echo, c, dir_)
        given = {p.split("#")[0] for p in c.core}
        assert not canary.secret_options() - given, "secret options without a canary: add them to configuration()"
        token = canary.core("console/token")
        doc = json.load(open(cfg, encoding="utf-8"))
        with kit.Agent(cfg, dir_, env=c.env) as agent:
            kit.wait_for("the start", lambda: "started" in agent.tail(1 << 20) or agent.child.poll())
            assert agent.child.poll() is None, agent.tail()
            kit.wait_for("every output to say why it does not deliver", lambda: everything_failed(cfg, doc))
            places = run_all(cfg, c, dir_, "all refuse") + [("console", pages(port, token))]
            assert reader_holds(agent, c) == set()
            places += canary.shown(agent.child.pid)
            change(cfg, lambda doc: doc["outputs"].append({"name": "bad", "type": "webhook", "url": echo.url, "token": "${env:NOT_THERE}"}))
            reload(agent)
            change(cfg, lambda doc: doc["outputs"].pop())
            echo.kind = True
            reload(agent)
            assert kit.run(["outputs", "test", "webhook2", "-c", cfg], env=c.env)[0] == 0
            places += run_all(cfg, c, dir_, "all take") + [("console again", pages(port, token))]
            forgets(agent, cfg, c)
            agent.child.send_signal(signal.SIGSEGV)
            _, how = os.waitpid(agent.child.pid, 0)
            agent.child.returncode = -os.WTERMSIG(how)
            assert os.WTERMSIG(how) == signal.SIGSEGV and not os.WCOREDUMP(how)
        secret_files = {os.path.join(dir_, n) for n in os.listdir(dir_) if "-" in n or n.endswith((".pem", ".key"))}
        keeps = [(p, d) for p, d in files(dir_, secret_files) if not p.startswith(c.folder)]
        assert any("state" in p for p, _ in keeps) and any(p.endswith("agent.log") for p, _ in keeps)
        # The sum of what each receiver was sent: a canary that never travelled proves little.
        unasked = {p for p, t in c.core.items() if t not in echo.asked}
        assert {p for p in unasked if p.split("#")[0].rsplit("/", 1)[-1] not in NOT_SENT} == set()
        assert look(c, places + keeps) == []


# Not sent, or not to the receiver that is asked here: keys, passwords of files and of Kafka, proxies of receivers on this host.
NOT_SENT = {"key", "certificate_password", "proxy_password", "password", "connection_string", "hmac_secret", "signing_secret", "token"}
