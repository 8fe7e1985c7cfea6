"""kafka and event_hubs with the real binary: librdkafka's mock cluster takes, kcat reads back.

What is missing on this machine is skipped with the name of its package.
SPDX-License-Identifier: Apache-2.0
"""

import base64
import errno
import http.server
import json
import os
import shutil
import subprocess
import threading
import urllib.parse

import pytest

from flow import certs, kit
from flow.kafka_gate import Gate
from flow.listener import free_port
from flow.rows import feeds
from flow.story import SHORT, is_up_to_date, small_world
from flow.test_certificates import DAY_NS, peers_told
from flow.test_console import Console

CANARY = "canary-Zx9-wrong-secret"


def need(program, package):
    if not shutil.which(program):
        pytest.skip("%s is missing: apt-get install %s" % (program, package))


@pytest.fixture(scope="session")
def mockbroker(tmp_path_factory):
    need("cc", "gcc")
    need("kcat", "kcat")
    path = str(tmp_path_factory.mktemp("mock") / "mockbroker")
    p = subprocess.run(["cc", "-O1", "-DMOCKBROKER_MAIN", "-o", path, os.path.join(kit.ROOT, "tests", "kit", "mockbroker.c"),
                        "-lrdkafka", "-pthread"], capture_output=True, text=True)
    if p.returncode != 0:
        pytest.skip("the mock broker cannot be built: apt-get install librdkafka-dev: " + p.stderr[:300])
    return path


class Broker:
    def __init__(self, program, dir_, brokers=3, topics=("alerts:3",), bridge=None):
        self.log = open(os.path.join(dir_, "broker.log"), "ab")
        argv = [program] + (["--bridge", bridge] if bridge else []) + [str(brokers)] + list(topics)
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.bootstrap = self.child.stdout.readline().strip()
        if not self.bootstrap and self.child.wait(kit.DEADLINE_S) == 77:
            pytest.skip("no network namespace may be made here")
        assert self.bootstrap, open(self.log.name, encoding="utf-8").read()

    def say(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        assert self.child.stdout.readline() == "ok\n", line

    def close(self):
        self.child.stdin.close()
        self.child.wait(kit.DEADLINE_S)
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def read(bootstrap, topic="alerts", *more):
    """What is there: the broker need not wait for more."""
    p = subprocess.run(["kcat", "-b", bootstrap, "-C", "-t", topic, "-e", "-q", "-J", "-m", "60", "-X", "fetch.wait.max.ms=10",
                        *more], capture_output=True, text=True, timeout=kit.DEADLINE_S)
    assert p.returncode == 0, p.stderr
    return [json.loads(line) for line in p.stdout.splitlines()]


def header(m, name):
    pairs = m["headers"]
    return dict(zip(pairs[::2], pairs[1::2]))[name] if isinstance(pairs, list) else pairs[name]


def config(dir_, **output):
    path = os.path.join(dir_, "cosmowatch.yaml")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"store": {"path": os.path.join(dir_, "state")}, "outputs": [output]}, f)
    os.chmod(path, 0o600)
    return path


def kafka(broker, **more):
    return {"name": "bus", "type": "kafka", "brokers": broker.bootstrap.split(","), "topic": "alerts",
            "security": "plaintext", "timeout": "30s", **more}


def test_a_sample_arrives_with_key_and_headers(dir_, mockbroker):
    with Broker(mockbroker, dir_) as b:
        _, out, _ = kit.run(["outputs", "test", "bus", "-c", config(dir_, **kafka(b))])
        got = read(b.bootstrap)
    assert "topic 'alerts' has 3 partitions on 3 brokers" in out
    assert len(got) == 1
    body = json.loads(got[0]["payload"])
    assert got[0]["key"] == header(got[0], "id") == body["systemAlertId"]
    assert header(got[0], "record_id") == body["recordId"] and body["recordId"] in out
    assert header(got[0], "type") == body["alertType"] and header(got[0], "severity") == body["severity"]
    assert header(got[0], "content-type") == "application/json"


@pytest.mark.parametrize("more", [{}, {"compression": "gzip"}], ids=["plain", "gzip"])
def test_a_client_that_shares_no_code_with_ours_reads_it(dir_, mockbroker, more):
    """librdkafka writes and kcat is librdkafka: kafka-python checks batches, checksums and headers by itself."""
    client = pytest.importorskip("kafka", reason="python3-kafka is missing: apt-get install python3-kafka")
    with Broker(mockbroker, dir_, brokers=1, topics=("alerts:1",)) as b:
        kit.run(["outputs", "test", "bus", "-c", config(dir_, **kafka(b, **more))])
        consumer = client.KafkaConsumer(bootstrap_servers=b.bootstrap, api_version=(2, 0, 0), check_crcs=True)
        partition = client.TopicPartition("alerts", 0)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        got = kit.wait_for("the message", lambda: consumer.poll(timeout_ms=500).get(partition))
        consumer.close()
    assert len(got) == 1
    body, headers = json.loads(got[0].value), dict(got[0].headers)
    assert got[0].key.decode() == headers["id"].decode() == body["systemAlertId"]
    assert headers["record_id"].decode() == body["recordId"]


@pytest.mark.parametrize("more", [{"compression": "gzip"}, {"compression": "snappy"}, {"compression": "lz4"},
                                  {"compression": "zstd"}, {"key": "account"}, {"format": "cef"},
                                  {"transactional_id": "cosmowatch-test"}], ids=lambda m: "-".join(*m.items()))
def test_options_reach_the_wire(dir_, mockbroker, more):
    with Broker(mockbroker, dir_) as b:
        kit.run(["outputs", "test", "bus", "-c", config(dir_, **kafka(b, **more))])
        got = read(b.bootstrap)
    assert len(got) == 1
    if more.get("key"):
        assert got[0]["key"] == "sample-cosmos"
    if more.get("format"):
        assert got[0]["payload"].startswith("CEF:0|") and header(got[0], "content-type").startswith("text/plain")


FAULTS = {
    "topic not authorised": ("err 0 29 20", "Topic authorization failed", "allow Write"),
    "too large for the topic": ("err 0 10 20", "Message size too large", "max.message.bytes"),
    "topic does not exist": ("topic alerts 3", "Unknown topic or partition", "create the topic"),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_refusal_is_said_in_the_brokers_words_with_a_remedy(dir_, mockbroker, fault):
    line, words, remedy = FAULTS[fault]
    with Broker(mockbroker, dir_, brokers=1, topics=("alerts:1",)) as b:
        b.say(line)
        code, out, err = kit.run(["outputs", "test", "bus", "-c", config(dir_, **kafka(b))], check=False)
    assert code == 1
    assert "output 'bus'" in out and words.lower() in out.lower() and remedy in out, out + err


def test_nobody_there_is_said(dir_, mockbroker):
    cfg = config(dir_, name="bus", type="kafka", brokers=["127.0.0.1:1"], topic="alerts", security="plaintext", timeout="5s")
    code, out, _ = kit.run(["outputs", "test", "bus", "-c", cfg], check=False)
    assert code == 1 and "Connection refused" in out and "127.0.0.1:1" in out


def wait_pending(cfg, n):
    def probe():
        _, text, _ = kit.run(["outputs", "status", "--json", "-c", cfg], check=False)
        lines = [json.loads(x) for x in text.splitlines()]
        return lines and lines[0]["pending"] == n and lines[0]
    return kit.wait_for("%d pending" % n, probe, pause_s=0.2)


def ids_in_store(cfg):
    _, out, _ = kit.run(["alerts", "export", "-c", cfg])
    return {json.loads(line)["systemAlertId"] for line in out.splitlines()}


def test_alerts_of_a_whole_run_arrive(dir_, mockbroker):
    rows, types = small_world(seed=21)
    with kit.Azure(dir_) as azure, Broker(mockbroker, dir_) as b:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, [kafka(b)], source=SHORT, feeds=feeds(dir_))
        kit.run(["run", "--until-caught-up", "-c", cfg])
        got = read(b.bootstrap)
    assert types <= {header(m, "type") for m in got}
    assert {m["key"] for m in got} == ids_in_store(cfg)
    assert len({header(m, "record_id") for m in got}) == len(got)


OUTAGES = {
    "brokers down": (["down 1", "down 2", "down 3"], ["up 1", "up 2", "up 3"]),
    "topic missing": (["topic alerts 3"], ["topic alerts 0"]),
    "fenced producer epoch": (["err 0 47 1"], []),
    "not leader, twice": (["err 0 6 2"], []),
    "slow acknowledgements": (["rtt 1 500", "rtt 2 500", "rtt 3 500"], []),
}


@pytest.mark.parametrize("outage", sorted(OUTAGES))
def test_after_an_outage_everything_is_there_without_a_restart(dir_, mockbroker, outage):
    before, after = OUTAGES[outage]
    rows, _ = small_world(seed=22, hours=3)
    with kit.Azure(dir_) as azure, Broker(mockbroker, dir_) as b:
        for line in before:
            b.say(line)
        azure.add_rows(rows.rows)
        # Where an outage must not be noticed no delay of a busy machine may seem to be one.
        soon = {"timeout": "10s"} if after else {}
        cfg = kit.config(azure, dir_, [kafka(b, **soon)], source=SHORT, feeds=feeds(dir_))
        with kit.Agent(cfg, dir_) as agent:
            if after:
                kit.wait_for("the complaint", lambda: "alerts are kept" in agent.tail(10 ** 6))
            for line in after:
                b.say(line)
            kit.wait_for("the deliveries", lambda: len(read(b.bootstrap)) > 0, pause_s=0.3)
            kit.wait_for("the end of the backlog", lambda: wait_pending(cfg, 0)["accepted"] > 0, pause_s=0.3)
            assert agent.stop() == 0
            log = agent.tail(10 ** 6)
        got = read(b.bootstrap)
    assert {m["key"] for m in got} == ids_in_store(cfg)
    assert log.count("alerts are kept") <= (1 if after else 1), log
    if after:
        assert "delivery works again" in log and "output.bus" in log


# ---- TLS and SASL, through the gate ----------------------------------------------------------------------------

@pytest.fixture
def behind_gate(dir_, mockbroker):
    need("openssl", "openssl")
    certs.ca(dir_)
    certs.issue(dir_, "server", "broker")
    made = []

    def make(**gate):
        p = lambda n: os.path.join(dir_, n)
        while True:
            path = p("bridge-%d.sock" % len(made))
            b = Broker(mockbroker, dir_, brokers=1, topics=("alerts:1",), bridge=path)
            made.append(b)
            try:
                g = Gate(int(b.bootstrap.rsplit(":", 1)[1]), path, p("server.pem"), p("server.key"), **gate)
            except OSError as e:
                if e.errno != errno.EADDRINUSE:  # free in the broker's namespace, somebody's here
                    raise
                continue
            made.append(g)
            return b, g

    yield make
    for m in made:
        m.close()


def test_tls_with_a_client_certificate_that_is_replaced(dir_, behind_gate):
    ca = os.path.join(dir_, "ca.pem")
    b, _ = behind_gate(client_ca=ca)
    certs.ca(dir_, "stranger")
    cert, key = certs.issue(dir_, "client", "cosmowatch", by="stranger")
    cfg = config(dir_, **kafka(b, security="tls", tls={"ca": ca, "cert": cert, "key": key}))
    code, out, _ = kit.run(["outputs", "test", "bus", "-c", cfg], check=False)
    assert code == 1 and "correct tls" in out and "alert" in out.lower(), out
    certs.issue(dir_, "client", "cosmowatch")
    kit.run(["outputs", "test", "bus", "-c", cfg])
    got = read(b.bootstrap, "alerts", "-X", "security.protocol=SSL", "-X", "ssl.ca.location=" + ca, "-X",
               "ssl.certificate.location=" + cert, "-X", "ssl.key.location=" + key)
    assert len(got) == 1


def test_a_broker_that_is_not_trusted_gets_nothing(dir_, behind_gate):
    b, _ = behind_gate()
    other = certs.ca(dir_, "other")
    code, out, _ = kit.run(["outputs", "test", "bus", "-c", config(dir_, **kafka(b, security="tls", tls={"ca": other}))],
                           check=False)
    assert code == 1 and "issued by 'test CA ca', is not trusted" in out and "correct tls" in out, out
    assert "certificate of 'broker'" in out and b.bootstrap in out, out


def test_a_broker_of_another_name_gets_nothing(dir_, behind_gate):
    certs.issue(dir_, "server", "broker", alt="DNS:other.example.net")
    b, _ = behind_gate()
    cfg = config(dir_, **kafka(b, security="tls", tls={"ca": os.path.join(dir_, "ca.pem")}))
    code, out, _ = kit.run(["outputs", "test", "bus", "-c", cfg], check=False)
    assert code == 1 and "certificate is for other.example.net, not for this name" in out and "correct tls" in out, out


def test_the_end_of_a_brokers_certificate_is_told_before_it_comes(dir_, shim, behind_gate):
    ca = certs.ca(dir_, days="400")
    shim.set(wall_offset_ns=-18 * DAY_NS)
    certs.issue(dir_, "server", "broker", days="20", env=shim.env)
    b, _ = behind_gate()
    port = free_port()
    rows, _ = small_world(seed=23)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, [kafka(b, security="tls", tls={"ca": ca})], source=SHORT, feeds=feeds(dir_),
                         console={"listen": "127.0.0.1:%d" % port})
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the end of the look-back", lambda: is_up_to_date(cfg))
            kit.wait_for("the broker", lambda: peers_told(cfg).get(b.bootstrap))
            assert peers_told(cfg)[b.bootstrap].startswith("ends in 1d")
            assert "certificate of the other side\n  %s ends in 1d" % b.bootstrap in kit.run(["status", "-c", cfg])[1]
            console = Console(port)
            metric = 'cosmowatch_peer_certificate_expiry_timestamp_seconds{peer="%s"}' % b.bootstrap
            assert metric in console.get("/metrics")[2]
            assert "has a certificate that ends in 1d" in console.get("/healthz")[2]
            assert agent.stop() == 0
            assert agent.tail(1 << 20).count('msg="certificate of %s ends in 1d' % b.bootstrap) == 1
        code, said, _ = kit.run(["check", "--online", "-c", cfg], check=False)
        assert "note  certificate of " + b.bootstrap in said, (code, said)


def hub(b, dir_, **more):
    return {"name": "hub", "type": "event_hubs", "hub": "alerts", "address": b.bootstrap, "timeout": "30s",
            "tls": {"ca": os.path.join(dir_, "ca.pem")}, **more}


def hub_string(key):
    return "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=%s" % key


def test_event_hubs_takes_the_connection_string_and_a_wrong_one_recovers(dir_, behind_gate):
    good = hub_string("g00d=key=")
    b, gate = behind_gate(mechanism="PLAIN", check=lambda data: data == b"\0$ConnectionString\0" + good.encode())
    secret = os.path.join(dir_, "hub.secret")
    with open(secret, "w", encoding="ascii") as f:
        f.write(hub_string(CANARY) + "\n")
    cfg = config(dir_, **hub(b, dir_, connection_string="${file:%s}" % secret))
    code, out, err = kit.run(["outputs", "test", "hub", "-c", cfg], check=False)
    assert code == 1 and "the gate does not know you" in out and "correct connection_string" in out, out
    assert CANARY not in out + err
    with open(secret, "w", encoding="ascii") as f:
        f.write(good + "\n")
    _, out, _ = kit.run(["outputs", "test", "hub", "-c", cfg])
    assert "event hub 'alerts' has 1 partitions" in out and gate.seen
    got = read(b.bootstrap, "alerts", "-X", "security.protocol=SASL_SSL", "-X", "sasl.mechanism=PLAIN", "-X",
               "sasl.username=$ConnectionString", "-X", "sasl.password=" + good, "-X",
               "ssl.ca.location=" + os.path.join(dir_, "ca.pem"))
    assert len(got) == 1


def test_event_hubs_takes_a_token_of_our_own_identity(dir_, behind_gate):
    tokens = []

    def check(data):
        tokens.append(data)
        return data.startswith(b"n,,\x01auth=Bearer ")

    b, gate = behind_gate(mechanism="OAUTHBEARER", check=check)
    with kit.Azure(dir_) as azure:
        auth = {"type": "client_secret", "tenant": kit.TENANT, "client_id": kit.CLIENT,
                "client_secret": "${env:COSMOWATCH_TEST_SECRET}", "authority": azure.url}
        cfg = config(dir_, **hub(b, dir_, namespace="contoso", auth=auth))
        kit.run(["outputs", "test", "hub", "-c", cfg])
        asked = [r for r in azure.control("requests") if "/oauth2/" in json.dumps(r)]
        code, out, err = kit.run(["outputs", "test", "hub", "-c", cfg], check=False, env={"COSMOWATCH_TEST_SECRET": CANARY})
    assert gate.seen and len(tokens) >= 1
    assert "contoso.servicebus.windows.net" in json.dumps(asked)
    assert code == 1 and "7000215" in out and CANARY not in out + err, out


class TokenEndpoint(http.server.BaseHTTPRequestHandler):
    """RFC 6749 section 4.4 with HTTP Basic."""

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        basic = base64.b64decode(self.headers.get("Authorization", "")[6:]).decode()
        good = basic == "soc%20agent:" + urllib.parse.quote(kit.SECRET, safe="") and "grant_type=client_credentials" in form
        body = json.dumps({"access_token": "t0ken", "token_type": "Bearer", "expires_in": 300} if good else
                          {"error": "invalid_client"}).encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_kafka_takes_a_token_of_an_oidc_provider(dir_, behind_gate):
    ca = os.path.join(dir_, "ca.pem")
    b, gate = behind_gate(mechanism="OAUTHBEARER", check=lambda data: b"auth=Bearer t0ken" in data)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), TokenEndpoint) as idp:
        threading.Thread(target=idp.serve_forever, daemon=True).start()
        oidc = {"token_url": "http://127.0.0.1:%d/token" % idp.server_port, "client_id": "soc agent",
                "client_secret": "${env:COSMOWATCH_TEST_SECRET}", "scope": "kafka"}
        cfg = config(dir_, **kafka(b, security="sasl_tls", sasl={"mechanism": "oauthbearer", "oidc": oidc}, tls={"ca": ca}))
        kit.run(["outputs", "test", "bus", "-c", cfg])
        code, out, err = kit.run(["outputs", "test", "bus", "-c", cfg], check=False, env={"COSMOWATCH_TEST_SECRET": CANARY})
        idp.shutdown()
    assert len(gate.seen) >= 1
    assert code == 1 and "invalid_client" in out and "correct sasl" in out and CANARY not in out + err, out


def test_event_hubs_settings_are_checked(dir_):
    for more, words in (({}, "connection_string"), ({"namespace": "contoso"}, None),
                        ({"connection_string": "${env:CW_HUB}"}, "is none")):
        cfg = config(dir_, name="hub", type="event_hubs", hub="alerts", timeout="2s", **more)
        if words:
            code, out, _ = kit.run(["outputs", "test", "hub", "-c", cfg], check=False,
                                   env={"CW_HUB": "Endpoint=sb://x;SharedAccessSignature=" + CANARY})
            assert code == 1 and words in out and CANARY not in out, out


