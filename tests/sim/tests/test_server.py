"""The HTTP side: tokens, queries, caps, cache, faults, ingestion, the webhook sink. Everything waits for events."""

import base64
import gzip
import hashlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid

import pytest

from sim.server import serve
from sim.world import CLIENT, DCR, SECRET, TENANT, WORKSPACE, WORKSPACE2, World

LA = "https://api.loganalytics.io"
MON = "https://monitor.azure.com"


class Client:
    def __init__(self, world, port, tls=None):
        self.world, self.port, self.tls = world, port, tls

    def call(self, method, path, body=None, headers=None):
        """(status, headers, body bytes) on a fresh connection."""
        c = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=20) if self.tls else \
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()
        finally:
            c.close()

    def control(self, path, data=None, method=None):
        s, _, b = self.call(method or ("GET" if data is None else "POST"), "/_control/" + path,
                            None if data is None else json.dumps(data))
        assert s == 200, b
        return json.loads(b)

    def token(self, tenant=TENANT, raw=False, **form):
        base = {"client_id": CLIENT, "client_secret": SECRET, "grant_type": "client_credentials", "scope": LA + "/.default"}
        base.update(form)
        base = {k: v for k, v in base.items() if v is not None}
        s, h, b = self.call("POST", "/%s/oauth2/v2.0/token" % tenant, urllib.parse.urlencode(base),
                            {"Content-Type": "application/x-www-form-urlencoded"})
        d = json.loads(b)
        return (s, d) if raw else d["access_token"]

    def query(self, text, tok=None, ws=WORKSPACE, headers=None, **body):
        h = {"Content-Type": "application/json", "Authorization": "Bearer " + (tok or self.token())}
        h.update(headers or {})
        s, hh, b = self.call("POST", "/v1/workspaces/%s/query" % ws, json.dumps(dict(query=text, **body)), h)
        return s, hh, json.loads(b) if b else None

    def upload(self, rows, tok=None, stream="Custom-CosmosThreat_CL", dcr=DCR, zipped=True, raw=None,
               query="api%2Dversion=2023-01-01"):
        data = raw if raw is not None else json.dumps(rows).encode()
        h = {"Content-Type": "application/json", "Authorization": "Bearer " + (tok or self.token(scope=MON + "/.default"))}
        if zipped:
            data = gzip.compress(data)
            h["Content-Encoding"] = "gzip"
        s, hh, b = self.call("POST", "/dataCollectionRules/%s/streams/%s?%s" % (dcr, stream, query), data, h)
        return s, json.loads(b) if b else None


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    w = World(arc_tokens=str(tmp_path_factory.mktemp("arc")))
    s = serve(w, 0)
    yield Client(w, s.server_address[1])
    s.shutdown()


@pytest.fixture
def sim(server):
    server.world.reset()
    return server


def row(i, **more):
    return {"table": "CDBDataPlaneRequests", "row": dict({"TimeGenerated": "2026-08-20T10:00:%02dZ" % (i % 60),
                                                         "AccountName": "A", "StatusCode": 200, "ActivityId": "a%d" % i}, **more)}


def innermost(e):
    while "innererror" in e:
        e = e["innererror"]
    return e


# -- tokens ---------------------------------------------------------------------------------------------------

def test_discovery_and_secret(sim):
    s, _, b = sim.call("GET", "/%s/v2.0/.well-known/openid-configuration" % TENANT)
    d = json.loads(b)
    assert s == 200 and d["token_endpoint"].endswith("/%s/oauth2/v2.0/token" % TENANT)
    s, d = sim.token(raw=True)
    assert s == 200 and d["token_type"] == "Bearer" and d["expires_in"] == 3599 and d["access_token"]


@pytest.mark.parametrize("form,status,error,code", [
    ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
    ({"client_secret": None}, 401, "invalid_client", 7000218),
    ({"client_id": str(uuid.uuid4())}, 400, "unauthorized_client", 700016),
    ({"client_id": None}, 400, "invalid_request", 900144),
    ({"scope": LA}, 400, "invalid_scope", 70011),
    ({"scope": None}, 400, "invalid_scope", 70011),
    ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
    ({"tenant": str(uuid.uuid4())}, 400, "invalid_request", 90002),
])
def test_refusals(sim, form, status, error, code):
    s, d = sim.token(raw=True, **form)
    assert (s, d["error"], d["error_codes"]) == (status, error, [code])
    assert d["error_description"].startswith("AADSTS%d: " % code)


def test_expired_secret_and_disabled_app(sim):
    sim.control("apps", {"client_id": CLIENT, "secrets": [], "expired_secrets": [SECRET]})
    assert sim.token(raw=True)[1]["error_codes"] == [7000222]
    sim.control("apps", {"client_id": CLIENT, "disabled": True})
    assert sim.token(raw=True)[1]["error_codes"] == [70001]


@pytest.fixture(scope="module")
def cert(tmp_path_factory):
    d = tmp_path_factory.mktemp("cert")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(d / "k.pem"), "-out",
                    str(d / "c.pem"), "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return d


def b64(b):
    return base64.urlsafe_b64encode(b).decode().rstrip("=")


def assertion(cert, alg="PS256", thumb="x5t#S256", tamper=False, **claims):
    der = subprocess.run(["openssl", "x509", "-in", str(cert / "c.pem"), "-outform", "DER"], capture_output=True,
                         check=True).stdout
    digest = hashlib.sha256(der) if thumb == "x5t#S256" else hashlib.sha1(der)
    now = int(time.time())
    c = {"aud": "https://login.microsoftonline.com/%s/oauth2/v2.0/token" % TENANT, "iss": CLIENT, "sub": CLIENT,
         "jti": str(uuid.uuid4()), "nbf": now, "exp": now + 600}
    c.update(claims)
    signed = b64(json.dumps({"alg": alg, "typ": "JWT", thumb: b64(digest.digest())}).encode()) + "." + \
        b64(json.dumps(c).encode())
    opt = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"] if alg == "PS256" else []
    sig = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(cert / "k.pem")] + opt, input=signed.encode(),
                         capture_output=True, check=True).stdout
    if tamper:
        sig = bytes([sig[0] ^ 1]) + sig[1:]
    return signed + "." + b64(sig)


def ask_with(sim, jwt, raw=True):
    return sim.token(raw=raw, client_secret=None, client_assertion=jwt,
                     client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer")


def test_certificate(sim, cert):
    assert ask_with(sim, assertion(cert))[1]["error_codes"] == [700027]      # not registered yet
    sim.control("apps", {"client_id": CLIENT, "certificates": [(cert / "c.pem").read_text()]})
    assert ask_with(sim, assertion(cert))[0] == 200
    assert ask_with(sim, assertion(cert, "RS256", "x5t"))[0] == 200
    assert ask_with(sim, assertion(cert, tamper=True))[1]["error_codes"] == [700027]
    now = int(time.time())
    assert ask_with(sim, assertion(cert, exp=now - 1000))[1]["error_codes"] == [700024]
    assert ask_with(sim, assertion(cert, nbf=now + 1000, exp=now + 1600))[1]["error_codes"] == [700024]
    assert ask_with(sim, assertion(cert, aud="https://elsewhere.example"))[1]["error_codes"] == [50012]
    assert ask_with(sim, assertion(cert, sub="x"))[1]["error_codes"] == [700021]
    assert ask_with(sim, "rubbish")[1]["error_codes"] == [50012]


def test_federation(sim):
    sim.control("apps", {"client_id": CLIENT, "federated": [{"token": "FEDERATED.JWT.TOKEN"}, {
        "issuer": "https://oidc.example", "subject": "system:serviceaccount:a:b"}]})
    assert ask_with(sim, "FEDERATED.JWT.TOKEN")[0] == 200
    jwt = b64(b'{"alg":"RS256"}') + "." + b64(json.dumps({"iss": "https://oidc.example", "sub": "system:serviceaccount:a:b",
                                                        "aud": "api://AzureADTokenExchange"}).encode()) + "." + b64(b"s")
    assert ask_with(sim, jwt)[0] == 200
    bad = b64(b'{"alg":"RS256"}') + "." + b64(b'{"iss":"https://other.example","sub":"x","aud":"y"}') + "." + b64(b"s")
    assert ask_with(sim, bad)[1]["error_codes"] == [70021]


def test_imds(sim):
    p = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=" + urllib.parse.quote(LA)
    s, _, b = sim.call("GET", p)
    assert s == 400 and json.loads(b)["error"] == "bad_request_102"
    s, _, b = sim.call("GET", p, headers={"Metadata": "true"})
    d = json.loads(b)
    assert s == 200 and d["expires_in"] == "86399" and d["resource"] == LA and isinstance(d["expires_on"], str)
    sim.control("rows", [row(1)])
    assert sim.query("CDBDataPlaneRequests | count", d["access_token"])[2]["tables"][0]["rows"] == [[1]]
    s, _, b = sim.call("GET", p + "&client_id=" + str(uuid.uuid4()), headers={"Metadata": "true"})
    assert s == 400 and json.loads(b)["error_description"] == "Identity not found"


def test_app_service_and_arc(sim):
    p = "/msi/token?api-version=2019-08-01&resource=" + urllib.parse.quote(LA)
    assert sim.call("GET", p)[0] == 401
    assert sim.call("GET", p, headers={"X-IDENTITY-HEADER": "secretheader"})[0] == 200
    p = "/metadata/identity/oauth2/token?api-version=2020-06-01&resource=" + urllib.parse.quote(LA)
    s, h, _ = sim.call("GET", p, headers={"Metadata": "true"})
    assert s == 401 and h["www-authenticate"].startswith("Basic realm=")
    path = h["www-authenticate"].split("realm=")[1]
    assert os.path.dirname(path) == sim.world.arc_tokens and path.endswith(".key")
    key = open(path, encoding="ascii").read()
    assert sim.call("GET", p, headers={"Metadata": "true", "Authorization": "Basic " + key})[0] == 200
    assert sim.call("GET", p, headers={"Metadata": "true", "Authorization": "Basic " + key})[0] == 401   # used up


# -- queries --------------------------------------------------------------------------------------------------

def test_answer_shape(sim):
    sim.control("rows", [row(1), {"table": "AzureActivity", "row": {"TimeGenerated": "2026-08-20T10:00:00.1234567Z",
                                                                   "Claims_d": {"appid": "x", "n": [1, 2]}}}])
    s, h, d = sim.query("AzureActivity | project TimeGenerated, Claims_d, Caller, n = long(9007199254740993), r = real(null), "
                        "t = 90m, g = guid(74be27de-1e4e-49d9-b579-fe0b331d3642), m = decimal(1.5), b = true, x = real(nan)")
    assert s == 200
    t = d["tables"][0]
    assert t["name"] == "PrimaryResult" and [c["type"] for c in t["columns"]] == [
        "datetime", "dynamic", "string", "long", "real", "timespan", "guid", "decimal", "bool", "real"]
    assert t["rows"] == [["2026-08-20T10:00:00.1234567Z", '{"appid":"x","n":[1,2]}', "", 9007199254740993, None, "01:30:00",
                          "74be27de-1e4e-49d9-b579-fe0b331d3642", "1.5", True, "NaN"]]
    assert "error" not in d


def test_who_may_ask(sim):
    s, _, d = sim.query("print 1", headers={"Authorization": ""})
    assert s == 401 and d["error"]["code"] == "AuthenticationFailed"
    s, _, d = sim.query("print 1", "not-a-token")
    assert s == 403 and d["error"]["code"] == "InvalidTokenError"
    s, _, d = sim.query("print 1", sim.token(scope=MON + "/.default"))
    assert s == 403 and d["error"]["code"] == "InvalidAuthenticationTokenAudience"
    tok = sim.token()
    sim.control("tokens", {"revoke": True})
    assert sim.query("print 1", tok)[0] == 401
    sim.control("settings", {"token_clock": "virtual"})
    sim.control("clock", {"now": "2026-08-20T12:00:00Z"})
    tok = sim.token()
    assert sim.query("print 1", tok)[0] == 200
    sim.control("clock", {"advance_s": 3600})
    assert sim.query("print 1", tok)[0] == 401
    s, _, d = sim.query("print 1", ws=str(uuid.uuid4()))
    assert s == 404 and d["error"]["code"] == "PathNotFoundError"
    sim.control("apps", {"client_id": CLIENT, "workspaces": [WORKSPACE2]})
    s, _, d = sim.query("print 1")
    assert s == 403 and d["error"]["code"] == "InsufficientAccessError"


def test_query_errors(sim):
    s, _, d = sim.query("CDBMongoRequests | where Nope == 1")
    assert s == 400 and d["error"]["code"] == "BadArgumentError" and d["error"]["innererror"]["code"] == "SemanticError"
    assert innermost(d["error"])["code"] == "SEM0100"
    sim.control("settings", {"missing_tables": ["CDBMongoRequests"]})
    s, _, d = sim.query("CDBMongoRequests | take 1")
    assert s == 400 and "named 'CDBMongoRequests'" in innermost(d["error"])["message"]
    s, _, d = sim.query("CDBDataPlaneRequests | wher")
    assert s == 400 and innermost(d["error"])["code"] == "SIM0001"
    s, _, d = sim.query("CDBDataPlaneRequests | where (")
    assert s == 400 and d["error"]["innererror"]["code"] == "SyntaxError"


def test_empty_success(sim):
    h = {"Authorization": "Bearer " + sim.token()}
    assert sim.call("POST", "/v1/workspaces/%s/query" % WORKSPACE, '{"query":"print 1"}', h)[0::2] == (200, b"")
    h["Content-Type"] = "application/json"
    assert sim.call("POST", "/v1/workspaces/%s/query" % WORKSPACE, None, h)[0::2] == (200, b"")
    s, _, b = sim.call("GET", "/v1/workspaces/%s/query?query=print%%20x%%3D1" % WORKSPACE, None, h)
    assert json.loads(b)["tables"][0]["rows"] == [[1]]


def test_caps(sim):
    sim.control("rows", [row(i) for i in range(50)])
    sim.control("settings", {"row_cap": 20})
    s, _, d = sim.query("CDBDataPlaneRequests | project ActivityId")
    assert s == 200 and len(d["tables"][0]["rows"]) == 20 and d["error"]["code"] == "PartialError"
    assert "E_QUERY_RESULT_SET_TOO_LARGE" in json.dumps(d["error"])
    sim.control("settings", {"row_cap": 500000, "byte_cap": 60})
    s, _, d = sim.query("CDBDataPlaneRequests | project ActivityId, AccountName")
    assert 0 < len(d["tables"][0]["rows"]) < 20 and d["error"]["code"] == "PartialError"


def test_cache_and_age(sim):
    sim.control("clock", {"now": "2026-08-20T12:00:00Z"})
    tok = sim.token()
    text = "CDBDataPlaneRequests | count"
    assert sim.query(text, tok)[2]["tables"][0]["rows"] == [[0]]
    sim.control("rows", [row(1)])
    sim.control("clock", {"advance_s": 60})
    s, h, d = sim.query(text, tok)
    assert h["age"] == "60" and d["tables"][0]["rows"] == [[0]]
    s, h, d = sim.query(text, tok, headers={"Cache-Control": "no-cache"})
    assert "age" not in h and d["tables"][0]["rows"] == [[1]]
    sim.control("clock", {"advance_s": 61})
    s, h, d = sim.query(text, tok)
    assert "age" not in h and d["tables"][0]["rows"] == [[1]]


def test_prefer_timespan_workspaces(sim):
    sim.control("rows", [row(1), row(30), dict(row(2), workspace=WORKSPACE2)])
    s, _, d = sim.query("CDBDataPlaneRequests", headers={"Prefer": "wait=60, include-statistics=true,include-render=true"})
    assert "statistics" in d and "render" in d and len(d["tables"][0]["rows"]) == 2
    t = "2026-08-20T10:00:00Z/2026-08-20T10:00:10Z"
    assert sim.query("CDBDataPlaneRequests | count", timespan=t)[2]["tables"][0]["rows"] == [[1]]
    assert sim.query("CDBDataPlaneRequests | count", timespan="2026-08-20T10:00:00Z/PT10S")[2]["tables"][0]["rows"] == [[1]]
    assert sim.query("CDBDataPlaneRequests | count", timespan="nonsense")[0] == 400
    assert sim.query("CDBDataPlaneRequests | count", workspaces=["other"])[2]["tables"][0]["rows"] == [[3]]
    assert sim.query("CDBDataPlaneRequests | count", workspaces=["unknown"])[0] == 400
    assert sim.query("workspace('other').CDBDataPlaneRequests | count")[2]["tables"][0]["rows"] == [[1]]


def test_resource_form_and_batch(sim):
    rid = "/subscriptions/s/resourcegroups/g/providers/microsoft.documentdb/databaseaccounts/a"
    sim.control("rows", [row(1, _ResourceId=rid), row(2, _ResourceId=rid + "2b")])
    sim.control("rows", [row(3, _ResourceId="/subscriptions/other")])
    h = {"Content-Type": "application/json", "Authorization": "Bearer " + sim.token()}
    path = "/v1//subscriptions/s/resourceGroups/g/providers/Microsoft.DocumentDB/databaseAccounts/a/query"
    s, _, b = sim.call("POST", path, '{"query":"CDBDataPlaneRequests | count"}', h)
    assert s == 200 and json.loads(b)["tables"][0]["rows"] == [[1]]
    s, _, b = sim.call("POST", "/v1/$batch", json.dumps({"requests": [
        {"id": "1", "body": {"query": "print 1"}, "path": "/query", "method": "POST", "workspace": WORKSPACE},
        {"id": "2", "body": {"query": "nope"}, "path": "/query", "method": "POST", "workspace": WORKSPACE}]}), h)
    r = json.loads(b)["responses"]
    assert [x["status"] for x in r] == [200, 400] and r[0]["body"]["tables"][0]["rows"] == [[1]]


def test_visible_at_follows_the_clock(sim):
    sim.control("clock", {"now": "2026-08-20T10:30:00Z"})
    sim.control("rows", [dict(row(1), ingested="2026-08-20T10:02:00Z", visible="2026-08-20T10:40:00Z")])
    assert sim.query("CDBDataPlaneRequests | count")[2]["tables"][0]["rows"] == [[0]]
    sim.control("clock", {"advance_s": 600})
    text = "CDBDataPlaneRequests | where ingestion_time() == datetime(2026-08-20T10:02:00Z) | count"
    assert sim.query(text)[2]["tables"][0]["rows"] == [[1]]


def test_query_limit(sim):
    sim.control("settings", {"query_limit": 2, "query_retry_after": 7})
    tok = sim.token()
    got = [sim.query("print 1", tok)[0:2] for _ in range(3)]
    assert [s for s, _ in got] == [200, 200, 429] and got[2][1]["retry-after"] == "7"


def test_big_answer_gzip(sim):
    sim.control("rows", [row(i, UserAgent="x" * 500) for i in range(3000)])
    s, h, b = sim.call("POST", "/v1/workspaces/%s/query" % WORKSPACE, '{"query":"CDBDataPlaneRequests"}', {
        "Content-Type": "application/json", "Authorization": "Bearer " + sim.token(), "Accept-Encoding": "gzip"})
    assert h["content-encoding"] == "gzip" and len(json.loads(gzip.decompress(b))["tables"][0]["rows"]) == 3000


# -- ingestion ------------------------------------------------------------------------------------------------

def test_ingestion(sim):
    sim.control("clock", {"now": "2026-08-20T12:00:00Z"})
    rows = [{"TimeGenerated": "2026-08-20T11:59:00Z", "AlertId": "a0", "Text": "x", "Unknown": 1},
            {"TimeGenerated": "2026-08-01T00:00:00Z", "AlertId": "a1", "Text": 5}]
    assert sim.upload(rows) == (204, None)
    got = sim.control("ingested")
    assert got[0]["rows"] == rows and got[0]["gzip"] and got[0]["dropped_columns"] == ["Unknown"]
    assert got[0]["stored"][1] == {"TimeGenerated": "2026-08-20T12:00:00Z", "AlertId": "a1", "Text": "5"}
    s, _, d = sim.query("CosmosThreat_CL | project TimeGenerated, AlertId, Text | sort by AlertId asc")
    assert d["tables"][0]["rows"] == [["2026-08-20T11:59:00Z", "a0", "x"], ["2026-08-20T12:00:00Z", "a1", "5"]]


def test_ingestion_refusals(sim):
    def code(*a, **k):
        s, d = sim.upload(*a, **k)
        return s, d["error"]["code"]
    assert code([{}], "nope")[0] == 403
    assert code([{}], sim.token())[0] == 403
    assert code([{}], stream="Custom-Other_CL") == (400, "InvalidStream")
    assert code([{}], dcr="dcr-x") == (404, "NotFound")
    assert code(None, raw=b"{not json") == (400, "InvalidPayload")
    assert code({"a": 1}) == (400, "InvalidPayload")
    assert code([{}], query="api-version=1999-01-01")[0] == 400
    big = [{"AlertId": "x", "Text": "y" * 1100000}]
    assert code(big) == (413, "ContentLengthLimitExceeded")          # small on the wire, too big inside
    assert code(big, zipped=False) == (413, "ContentLengthLimitExceeded")
    sim.control("apps", {"client_id": CLIENT, "dcrs": []})
    assert code([{}]) == (403, "OperationFailed")
    assert sim.control("ingested") == []


# -- faults ---------------------------------------------------------------------------------------------------

def test_fault_status_then_fine(sim):
    sim.control("faults", {"match": {"path": "/query"}, "action": {"status": 429, "headers": {"Retry-After": "2"},
                                                                  "body": {"error": {"code": "ThrottledError", "message": "m"}}}})
    tok = sim.token()
    s, h, d = sim.query("print 1", tok)
    assert (s, h["retry-after"], d["error"]["code"]) == (429, "2", "ThrottledError")
    assert sim.query("print 1", tok)[0] == 200


def test_fault_nth_and_count(sim):
    sim.control("faults", {"match": {"path": "/query", "nth": 2}, "action": {"status": 503}})
    tok = sim.token()
    assert [sim.query("print 1", tok)[0] for _ in range(3)] == [200, 503, 200]
    sim.control("faults", {"match": {"path": "/query", "body": "needle"}, "count": 2, "action": {"status": 500}})
    assert [sim.query(t, tok)[0] for t in ("print 1", "print 'needle'", "print 'needle'", "print 'needle'")] == \
        [200, 500, 500, 200]
    sim.control("faults", {"match": {"path": "/query", "skip": 1}, "action": {"status": 504}})
    assert [sim.query("print 1", tok)[0] for _ in range(3)] == [200, 504, 200]


def test_fault_wire(sim):
    tok = sim.token()
    sim.control("rows", [row(i) for i in range(100)])
    sim.control("faults", {"match": {"path": "/query"}, "action": {"cut_after": 50}})
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        sim.query("CDBDataPlaneRequests", tok)
    sim.control("faults", {"match": {"path": "/query"}, "action": {"reset": True}})
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        sim.query("print 1", tok)
    sim.control("faults", {"match": {"path": "/query"}, "action": {"close": True}})
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected)):
        sim.query("print 1", tok)
    sim.control("faults", {"match": {"path": "/query"}, "action": {"html": True}})
    s, h, b = sim.call("POST", "/v1/workspaces/%s/query" % WORKSPACE, "{}", {})
    assert s == 200 and h["content-type"] == "text/html" and b.startswith(b"<!DOCTYPE")
    sim.control("faults", {"match": {"path": "/query"}, "action": {"empty200": True}})
    assert sim.query("print 1", tok)[2] is None
    sim.control("faults", {"match": {"path": "/query"}, "action": {"chunked": True}})
    assert len(sim.query("CDBDataPlaneRequests", tok)[2]["tables"][0]["rows"]) == 100
    sim.control("faults", {"match": {"path": "/query"}, "action": {"delay_ms": 30}})
    t = time.monotonic()
    assert sim.query("print 1", tok)[0] == 200 and time.monotonic() - t >= 0.03


def test_fault_token_lifetime(sim):
    sim.control("faults", {"match": {"path": "/token"}, "action": {"token_lifetime_s": 5}})
    assert [sim.token(raw=True)[1]["expires_in"] for _ in range(2)] == [5, 3599]


def test_fault_partial_and_missing(sim):
    tok = sim.token()
    sim.control("rows", [row(i) for i in range(10)])
    sim.control("faults", {"match": {"path": "/query"}, "action": {"partial": {"rows": 3}}})
    s, _, d = sim.query("CDBDataPlaneRequests", tok)
    assert s == 200 and len(d["tables"][0]["rows"]) == 3 and d["error"]["code"] == "PartialError"
    sim.control("faults", {"match": {"path": "/query"}, "action": {"missing_tables": ["CDBDataPlaneRequests"]}})
    assert sim.query("CDBDataPlaneRequests", tok)[0] == 400
    assert "error" not in sim.query("CDBDataPlaneRequests", tok)[2]


def test_fault_after_the_deed(sim):
    """The rows are stored, the client is told 500: a repeat makes a duplicate."""
    sim.control("faults", {"match": {"path": "/dataCollectionRules"}, "action": {"status": 500, "after": True}})
    assert sim.upload([{"AlertId": "a"}])[0] == 500
    assert sim.upload([{"AlertId": "a"}])[0] == 204
    assert len(sim.control("ingested")) == 2


def test_requests_are_logged(sim):
    sim.query("print 'one'")
    sim.query("print 'two'")
    log = sim.control("requests?path=/query")
    assert [e["kql"] for e in log] == ["print 'one'", "print 'two'"] and log[0]["status"] == 200
    assert len(sim.control("requests?path=oauth2")) == 2
    assert len(sim.control("requests?body=two")) == 1


# -- webhook sink ---------------------------------------------------------------------------------------------

def test_hook(sim):
    sim.control("hooks/siem", {"statuses": [503], "default": 202, "headers": {"Retry-After": "1"}})
    assert sim.call("POST", "/hook/siem", '{"a":1}')[0:1] == (503,)
    assert sim.call("POST", "/hook/siem", gzip.compress(b'{"a":1}'), {"Content-Encoding": "gzip"})[0] == 202
    got = sim.control("alerts?hook=siem")
    assert [(x["json"], x["accepted"]) for x in got] == [({"a": 1}, False), ({"a": 1}, True)]


def test_wait(sim):
    out = {}

    def waiter():
        out.update(sim.control("wait?hook=late&count=2&timeout_s=20"))
    t = threading.Thread(target=waiter)
    t.start()
    sim.call("POST", "/hook/late", "1")
    sim.call("POST", "/hook/late", "2")
    t.join(20)
    assert out == {"ok": True, "count": 2}
    assert sim.control("wait?hook=never&timeout_s=0.01") == {"ok": False, "count": 0}
    sim.query("print 1")
    assert sim.control("wait?path=/query&count=1")["ok"]


# -- process, TLS, keep-alive -----------------------------------------------------------------------------------

def test_keep_alive_and_pipelined_bodies(sim):
    s = socket.create_connection(("127.0.0.1", sim.port))
    try:
        for _ in range(3):
            s.sendall(b"GET /_control/health HTTP/1.1\r\nHost: x\r\n\r\n")
            data = b""
            while b"\r\n\r\n" not in data:
                data += s.recv(4096)
            head, body = data.split(b"\r\n\r\n", 1)
            n = int([x for x in head.split(b"\r\n") if x.lower().startswith(b"content-length")][0].split(b":")[1])
            while len(body) < n:
                body += s.recv(4096)
            assert json.loads(body)["ok"]
    finally:
        s.close()


def test_as_a_process_with_tls(cert, tmp_path):
    rows = tmp_path / "rows.ndjson"
    rows.write_text("".join(json.dumps(row(i)) + "\n" for i in range(5)))
    ports = tmp_path / "ports.json"
    main = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "__main__.py")
    p = subprocess.Popen([sys.executable, main, "--tls-cert", str(cert / "c.pem"), "--tls-key", str(cert / "k.pem"),
                          "--port-file", str(ports), "--rows", str(rows)], stderr=subprocess.PIPE, text=True)
    try:
        line = p.stderr.readline()            # printed once it listens
        assert line.startswith("simulator listens:")
        got = json.loads(ports.read_text())
        ctx = ssl.create_default_context(cafile=str(cert / "c.pem"))
        c = Client(None, got["https"], ctx)
        assert c.query("CDBDataPlaneRequests | count")[2]["tables"][0]["rows"] == [[5]]
        assert Client(None, got["http"]).control("health")["rows"] == 5
    finally:
        p.terminate()
        p.wait(60)
        p.stderr.close()
    assert p.returncode == 0


def test_feed_file(sim):
    sim.control("feeds", {"path": "/feeds/tor", "text": "203.0.113.66\n", "etag": "v1"})
    s, h, b = sim.call("GET", "/feeds/tor")
    assert (s, b, h["etag"]) == (200, b"203.0.113.66\n", '"v1"')
    assert sim.call("GET", "/feeds/tor", headers={"If-None-Match": '"v1"'})[0] == 304
