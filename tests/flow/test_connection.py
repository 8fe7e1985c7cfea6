"""How receivers are reached over HTTP: proxies, trust, TLS versions, redirects, signatures; with the real binary.

SPDX-License-Identifier: Apache-2.0
"""

import base64
import gzip
import hashlib
import hmac
import json
import os
import shutil
import ssl
import subprocess

import pytest

from flow import certs, kit
from flow.http_way import Door, Proxy, Receiver, Sink
from flow.listener import context, free_port
from flow.rows import feeds
from flow.story import SHORT, final, small_world
from flow.syslog_receivers import listens
from flow.test_sentinel import stream

NAME = "receiver.test"
NO_PROXIES = {name: "" for n in ("http_proxy", "https_proxy", "all_proxy", "no_proxy") for name in (n, n.upper())}
# One of each output that stands on the endpoint kit, with the least that it needs.
URL = "https://%s/x" % NAME
KINDS = {
    "webhook": {"url": URL}, "splunk_hec": {"url": URL, "token": "${env:S}"}, "elastic": {"url": URL, "api_key": "${env:S}"},
    "pagerduty": {"url": URL, "routing_key": "${env:S}"}, "slack": {"url": "${env:U}"}, "teams": {"url": "${env:U}"},
    "servicenow": {"url": URL, "username": "u", "password": "${env:S}"},
    "jira": {"url": URL, "username": "u", "token": "${env:S}", "project": "SEC"}, "opsgenie": {"url": URL, "api_key": "${env:S}"},
    "template": {"url": URL, "body": "{}"},
}


@pytest.fixture
def dir_(tmp_path):
    certs.ca(str(tmp_path))
    return str(tmp_path)


def named(dir_, **kw):
    return context(*certs.issue(dir_, "named", NAME, "DNS:" + NAME), **kw)


def config(dir_, **output):
    path = os.path.join(dir_, "out.yaml")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"store": {"path": os.path.join(dir_, "state")}, "outputs": [{"name": "soc", **output}]}, f)
    os.chmod(path, 0o600)
    return path


def attempt(dir_, env=None, **output):
    """A marked sample to the receiver: (accepted, what was said)."""
    output = {"type": "webhook", "url": URL, "tls": {"ca": os.path.join(dir_, "ca.pem")}, **output}
    code, out, err = kit.run(["outputs", "test", "-c", config(dir_, **output)], check=False,
                             env={**NO_PROXIES, "S": "an-api-key", "U": URL, **(env or {})})
    return code == 0, out + err


# ---- proxies -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_output_over_http_goes_by_way_of_its_proxy(dir_, kind):
    with Receiver(named(dir_)) as r, Proxy({NAME + ":443": r.port}, "agent:pass word") as p:
        proxy = {"proxy": "http://127.0.0.1:%d" % p.port, "proxy_user": "agent", "proxy_password": "${env:P}"}
        attempt(dir_, {"P": "pass word"}, **{"type": kind, **KINDS[kind]}, connection=proxy)
        assert r.got and p.asked
        assert all("an-api-key" not in head for _, _, head in p.asked), "a tunnel tells the proxy no secret"
        before = len(r.got)
        ok, said = attempt(dir_, {"P": "wrong one"}, **{"type": kind, **KINDS[kind]}, connection=proxy)
        assert not ok and len(r.got) == before
        assert "the proxy 127.0.0.1:%d refuses with HTTP 407" % p.port in said and "password" in said
        assert "wrong one" not in said and "pass word" not in said


def test_the_environments_proxy_is_used_unless_an_option_says_otherwise(dir_):
    with Receiver(named(dir_)) as r, Proxy({NAME + ":443": r.port}, "u:p") as p:
        env = {"https_proxy": "http://u:p@127.0.0.1:%d" % p.port}
        assert attempt(dir_, env)[0]
        n = len(p.asked)
        assert n > 0
        for options, more in [({"proxy": "none"}, {}), ({"no_proxy": [".test"]}, {}), ({}, {"NO_PROXY": NAME})]:
            ok, said = attempt(dir_, {**env, **more}, connection=options)
            assert not ok and "cannot be resolved" in said, options
        assert len(p.asked) == n
        ok, said = attempt(dir_, {**env, "NO_PROXY": "*"}, connection={"no_proxy": ["elsewhere.test"]})
        assert ok, "the option replaces the environment's: " + said


def test_what_a_host_says_to_itself_is_not_shown_to_a_proxy(dir_):
    with Receiver() as r, Proxy({}) as p:
        env = {"http_proxy": "http://127.0.0.1:%d" % p.port, "S": "t"}
        ok, said = attempt(dir_, env, url="http://127.0.0.1:%d/" % r.port, token="${env:S}")
        assert ok and p.asked == [], said


def test_a_proxy_may_speak_tls_itself_and_trust_is_asked_of_it(dir_):
    tls = context(*certs.issue(dir_, "proxy", "localhost"))
    with Receiver(named(dir_)) as r, Proxy({NAME + ":443": r.port}, tls=tls) as p:
        way = {"proxy": "https://localhost:%d" % p.port}
        ok, said = attempt(dir_, connection=way)
        assert ok and p.asked, said
        n = len(p.asked)
        ok, said = attempt(dir_, connection=way, tls={})
        assert not ok and len(p.asked) == n and "TLS" in said


def test_a_proxy_that_is_not_there_or_lets_nobody_through_is_named(dir_):
    dead = free_port()
    ok, said = attempt(dir_, connection={"proxy": "http://127.0.0.1:%d" % dead})
    assert not ok and "the proxy 127.0.0.1:%d cannot be reached: Connection refused" % dead in said
    ok, said = attempt(dir_, connection={"proxy": "http://proxy.invalid:3128"})
    assert not ok and "the name of the proxy proxy.invalid:3128 cannot be resolved" in said
    with Proxy({}) as p:
        ok, said = attempt(dir_, connection={"proxy": "http://127.0.0.1:%d" % p.port})
        assert not ok and "the proxy 127.0.0.1:%d refuses with HTTP 403" % p.port in said


@pytest.mark.parametrize("proxy, said", [("proxy.example.net:3128", "http://host:port"), ("http://proxy.example.net", "host:port"),
                                         ("socks5://p:1", "http://host:port"), ("http://u:p@h:1", "proxy_user"),
                                         ("http://h:1/x", "host:port")])
def test_a_proxy_that_is_none_is_refused_with_its_place(dir_, proxy, said):
    code, out, err = kit.run(["check", "-c", config(dir_, type="webhook", url=URL, connection={"proxy": proxy})], check=False)
    assert code != 0 and said in out + err and "out.yaml:1:" in out + err


def test_through_a_proxy_that_others_wrote(dir_):
    tinyproxy = shutil.which("tinyproxy")
    if not tinyproxy:
        pytest.skip("tinyproxy is not installed")
    port, conf = free_port(), os.path.join(dir_, "tinyproxy.conf")
    # Another spelling of loopback, which is therefore not asked straight.
    address = "::ffff:127.0.0.1"
    with Receiver(context(*certs.issue(dir_, "near", "near", "IP:" + address))) as r:
        with open(conf, "w", encoding="utf-8") as f:
            f.write('Port %d\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\nBasicAuth agent secretword\nConnectPort %d\n'
                    'LogFile "%s/tinyproxy.log"\n' % (port, r.port, dir_))
        child = subprocess.Popen([tinyproxy, "-d", "-c", conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            kit.wait_for("tinyproxy", lambda: listens(port))
            way = {"proxy": "http://127.0.0.1:%d" % port, "proxy_user": "agent", "proxy_password": "${env:P}"}
            url = "https://[%s]:%d/x" % (address, r.port)
            ok, said = attempt(dir_, {"P": "secretword"}, url=url, connection=way)
            assert ok and r.posts(), said
            ok, said = attempt(dir_, {"P": "another"}, url=url, connection=way)
            assert not ok and "the proxy 127.0.0.1:%d refuses with HTTP 4" % port in said, said
        finally:
            child.terminate()
            child.wait(kit.DEADLINE_S)


def test_source_and_sentinel_go_by_way_of_the_proxy_and_heal_when_its_password_is_right(dir_, shim):
    """Token endpoint, queries and ingestion; one event names the proxy, and a rotated password file is enough."""
    secret = os.path.join(dir_, "proxy-password")
    with open(secret, "w", encoding="utf-8") as f:
        f.write("wrong\n")
    with kit.Azure(dir_) as azure:
        port = int(azure.url.rsplit(":", 1)[1])
        with Door(context(*certs.issue(dir_, "azure", "azure.test", "DNS:azure.test")), port) as door, \
                Proxy({"azure.test:443": door.port}, "agent:right") as p:
            way = {"connection": {"proxy": "http://127.0.0.1:%d" % p.port, "proxy_user": "agent",
                                  "proxy_password": "${file:%s}" % secret},
                   "tls": {"ca": os.path.join(dir_, "ca.pem")}}
            auth = {"type": "client_secret", "tenant": kit.TENANT, "client_id": kit.CLIENT,
                    "client_secret": "${env:COSMOWATCH_TEST_SECRET}", "authority": "https://azure.test"}
            rule = "dcr-00000000000000000000000000000001"
            azure.control("dcrs", {"id": rule, "streams": {"Custom-CosmosWatchAlerts": stream()}})
            out = {"name": "sentinel", "type": "sentinel", "endpoint": "https://azure.test", "rule": rule, "auth": auth, **way}
            cfg = kit.config(azure, dir_, [out], source={**SHORT, "endpoint": "https://azure.test", "auth": auth, **way})
            shim.hasty()
            with kit.Agent(cfg, dir_, env={**NO_PROXIES, **shim.env}) as agent:
                complaint = "the proxy 127.0.0.1:%d refuses with HTTP 407" % p.port
                said = kit.wait_for("the complaint", lambda: [x for x in agent.tail().splitlines() if complaint in x])
                assert len([x for x in said if " still " not in x]) == 1  # the reminder comes after minutes: here those are seconds
                before = os.path.join(dir_, "new")
                with open(before, "w", encoding="utf-8") as f:
                    f.write("right\n")
                os.rename(before, secret)
                kit.wait_for("queries by way of the proxy", lambda: any(
                    x["path"].endswith("/query") for x in azure.control("requests")), pause_s=0.5)
                assert agent.stop() == 0
            code, said, _ = kit.run(["outputs", "test", "-c", cfg], check=False, env=NO_PROXIES)
            assert code == 0 and "accepted" in said, said
            assert {t for _, t, _ in p.asked} == {"azure.test:443"}


# ---- trust -------------------------------------------------------------------------------------------------

def test_trust_is_a_file_or_a_folder_and_the_oldest_tls_can_be_raised(dir_):
    folder = os.path.join(dir_, "trust")
    os.mkdir(folder)
    shutil.copy(os.path.join(dir_, "ca.pem"), folder)
    subprocess.run(["openssl", "rehash", folder], check=True)
    with Receiver(context(*certs.issue(dir_, "local", "localhost"))) as r:
        url = "https://localhost:%d/" % r.port
        assert attempt(dir_, url=url, tls={"ca_dir": folder})[0]
        assert attempt(dir_, url=url, tls={"ca": os.path.join(dir_, "ca.pem"), "min_version": "TLSv1.3"})[0]
        ok, said = attempt(dir_, url=url, tls={})
        assert not ok and "TLS" in said and "test CA" in said
    with Receiver(context(*certs.issue(dir_, "old", "localhost"), highest=ssl.TLSVersion.TLSv1_2)) as r:
        url, ca = "https://localhost:%d/" % r.port, os.path.join(dir_, "ca.pem")
        assert attempt(dir_, url=url, tls={"ca": ca})[0]
        ok, said = attempt(dir_, url=url, tls={"ca": ca, "min_version": "TLSv1.3"})
        assert not ok and "TLS" in said and not [x for x in r.posts()[1:]]


def test_syslog_raises_the_oldest_tls_too(dir_):
    ca = os.path.join(dir_, "ca.pem")
    with Sink(context(*certs.issue(dir_, "old", "localhost"), highest=ssl.TLSVersion.TLSv1_2)) as r:
        soc = {"type": "syslog", "address": "localhost:%d" % r.port}
        code, out, err = kit.run(["outputs", "test", "-c", config(dir_, **soc, tls={"ca": ca})], check=False)
        assert code == 0, out + err
        kit.wait_for("the alert", lambda: b"CosmosDB" in r.got and r.ended)
        n = len(r.got)
        code, out, err = kit.run(["outputs", "test", "-c", config(dir_, **soc, tls={"ca": ca, "min_version": "TLSv1.3"})],
                                 check=False)
        assert code == 1 and "protocol version" in out + err and len(r.got) == n, out + err


def test_a_receiver_may_want_our_certificate(dir_):
    cert, key = certs.issue(dir_, "client", "agent")
    ca = os.path.join(dir_, "ca.pem")
    with Receiver(context(*certs.issue(dir_, "local", "localhost"), client_ca=ca)) as r:
        url = "https://localhost:%d/" % r.port
        assert attempt(dir_, url=url, tls={"ca": ca, "cert": cert, "key": key})[0]
        assert not attempt(dir_, url=url)[0]
        assert len(r.posts()) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_refused_and_said(dir_, status):
    with Receiver() as other, Receiver() as r:
        r.status, r.headers = status, {"Location": "http://127.0.0.1:%d/take" % other.port}
        ok, said = attempt(dir_, {"S": "t0ken"}, url="http://127.0.0.1:%d/" % r.port, token="${env:S}")
        assert not ok and "redirect, not followed" in said and other.got == []


# ---- what is wrong is said once, and heals ------------------------------------------------------------------

def bulk(body):
    """Elasticsearch: one answer for each document."""
    lines = [x for x in gzip.decompress(body).splitlines() if x.strip()]
    return json.dumps({"errors": False, "items": [{"create": {"status": 201}} for _ in lines[::2]]}).encode()


def good(kind, method, body):
    """As the real receiver answers when it takes an alert."""
    return {"splunk_hec": lambda: (200, b'{"text":"Success","code":0}'), "elastic": lambda: (200, bulk(body)),
            "pagerduty": lambda: (202, b'{"status":"success","dedup_key":"x"}'), "slack": lambda: (200, b"ok"),
            "teams": lambda: (202, b""), "servicenow": lambda: (201, b'{"result":{"sys_id":"1"}}'),
            "jira": lambda: (200, b'{"issues":[]}') if method == "GET" else (201, b'{"id":"1","key":"SEC-1"}'),
            "opsgenie": lambda: (202, b'{"result":"Request will be processed"}'),
            }.get(kind, lambda: (200, b"{}"))()


WRONG = {401: "correct the credential", 403: "let this credential write there", 404: "correct the address"}


def test_whatever_is_wrong_is_said_once_in_the_receivers_words_and_heals_without_a_restart(dir_, shim):
    """Every output over HTTP with a wrong credential, right or address; a certificate that nobody trusts; a folder that is
    not there. Those of other protocols: test_kafka, test_syslog, test_sentinel."""
    rows, _ = small_world(seed=15, hours=3)
    receivers, outputs, expected = {}, [], {}
    ca = os.path.join(dir_, "trusted.pem")
    certs.ca(dir_, "other")
    shutil.copy(os.path.join(dir_, "other.pem"), ca)
    secure = Receiver(context(*certs.issue(dir_, "local", "localhost")))
    missing = os.path.join(dir_, "later", "alerts.ndjson")
    for kind, options in KINDS.items():
        for status, remedy in WRONG.items():
            name = "%s-%d" % (kind, status)
            r = receivers[name] = Receiver()
            r.answer = lambda *_, s=status, n=name: (s, b"no, says " + n.encode())
            options = {**options, "url": "http://127.0.0.1:%d/x" % r.port}
            env = "U_" + name.replace("-", "_")
            if kind in ("slack", "teams"):
                options["url"] = "${env:%s}" % env
            expected[name] = ("no, says " + name, remedy)
            outputs.append({"name": name, "type": kind, **options})
    outputs.append({"name": "certificate", "type": "webhook", "url": "https://localhost:%d/" % secure.port, "tls": {"ca": ca}})
    expected["certificate"] = ("test CA ca", "correct the certificate there, or whom we trust")
    outputs.append({"name": "folder", "type": "file", "path": missing})
    expected["folder"] = (missing, "make the folder or correct 'path'")
    env = {"U_" + n.replace("-", "_"): "http://127.0.0.1:%d/x" % r.port for n, r in receivers.items()}
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, outputs, source=SHORT, feeds=feeds(dir_))

        def lines(part):
            return [x for x in agent.tail().splitlines() if part in x]

        def broken():
            """Without the reminders, which come after minutes: here those are seconds."""
            return [x for x in lines("alerts are kept") if " still " not in x]

        shim.hasty()
        with kit.Agent(cfg, dir_, env={**NO_PROXIES, **env, **shim.env, "S": "an-api-key"}) as agent:
            kit.wait_for("a line for each", lambda: len(broken()) >= len(expected))
            for name, (words, remedy) in expected.items():
                said = [x for x in broken() if "component=output.%s " % name in x]
                assert len(said) == 1 and words in said[0] and remedy in said[0], (name, said)
            for name, r in receivers.items():
                r.answer = lambda method, _, body, k=name.split("-")[0]: good(k, method, body)
            shutil.copy(os.path.join(dir_, "ca.pem"), ca + ".new")
            os.rename(ca + ".new", ca)
            os.mkdir(os.path.dirname(missing))
            kit.wait_for("every output healed", lambda: len(lines("delivery works again")) == len(expected), pause_s=0.3)
            kit.wait_for("nothing waits", lambda: set(pending(cfg).values()) == {0}, pause_s=0.3)
            assert agent.stop() == 0
            assert "an-api-key" not in agent.tail()
            assert len(broken()) == len(expected)
        assert len(kit.ndjson(missing)) >= len(final(cfg))
    assert {r["parked"] for r in queues(cfg)} == {0}
    secure.__exit__()
    for r in receivers.values():
        r.__exit__()


def queues(cfg):
    return [json.loads(x) for x in kit.run(["outputs", "status", "--json", "-c", cfg], env={"S": "k"}, check=False)[1].splitlines()]


def pending(cfg):
    return {o["name"]: o["pending"] for o in queues(cfg)}


# ---- who sent it -------------------------------------------------------------------------------------------

def test_signatures_are_what_others_compute(dir_):
    raw = os.urandom(32)
    with Receiver() as r:
        env = {"W": "whsec_" + base64.b64encode(raw).decode(), "H": "It's a Secret to Everybody", "K": "header-value"}
        for header in (None, "X-Signature"):
            more = {"hmac_header": header} if header else {}
            ok, said = attempt(dir_, env, url="http://127.0.0.1:%d/" % r.port, signing_secret="${env:W}",
                               hmac_secret="${env:H}", headers={"X-Api-Key": "${env:K}", "X-Plain": "as written"}, **more)
            assert ok, said
            _, _, headers, body = r.posts()[-1]
            signed = ("%s.%s." % (headers["webhook-id"], headers["webhook-timestamp"])).encode() + body
            assert headers["webhook-signature"] == \
                "v1," + base64.b64encode(hmac.new(raw, signed, hashlib.sha256).digest()).decode()
            theirs = subprocess.run(["openssl", "dgst", "-sha256", "-hex", "-hmac", env["H"]], input=body, check=True,
                                    capture_output=True).stdout.decode().split()[-1]
            assert headers[header or "X-Hub-Signature-256"] == "sha256=" + theirs
            assert headers["X-Api-Key"] == "header-value" and headers["X-Plain"] == "as written"
            assert not any(v in said for v in env.values())


def test_basic_and_bearer(dir_):
    with Receiver() as r:
        url = "http://127.0.0.1:%d/" % r.port
        assert attempt(dir_, {"S": "p:ä"}, url=url, username="soc", password="${env:S}")[0]
        assert base64.b64decode(r.posts()[-1][2]["Authorization"].split()[1]).decode() == "soc:p:ä"
        assert attempt(dir_, {"S": "t0ken"}, url=url, token="${env:S}")[0]
        assert r.posts()[-1][2]["Authorization"] == "Bearer t0ken"
