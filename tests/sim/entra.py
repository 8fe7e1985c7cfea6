"""Tokens: Entra ID client credentials (secret, certificate, federation), IMDS, App Service and Arc."""

import base64
import hashlib
import json
import os
import re
import subprocess
import tempfile
import time
import uuid
from urllib.parse import parse_qs, unquote

from .kql import types as T

GUID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")

TEXTS = {
    700016: "Application with identifier '%s' was not found in the directory.",
    7000215: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
             "not the client secret ID, for a secret added to app '%s'.",
    7000222: "The provided client secret keys for app '%s' are expired.",
    7000218: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    700027: "The certificate with identifier used to sign the client assertion is not registered on application, or the "
            "signature is not valid. [Reason - %s]",
    700024: "Client assertion is not within its valid time range. Current time: %s",
    700021: "Client assertion application identifier doesn't match 'client_id' parameter.",
    70021: "No matching federated identity record found for presented assertion. %s",
    50012: "Client assertion contains an invalid signature or audience. %s",
    90002: "Tenant '%s' not found. Check to make sure you have the correct tenant ID.",
    900144: "The request body must contain the following parameter: '%s'.",
    70011: "The provided request must include a 'scope' input parameter. The provided value for the input parameter "
           "'scope' is not valid. The scope %s is not valid.",
    500011: "The resource principal named %s was not found in the tenant.",
    70001: "The application named %s is disabled.",
    70003: "The app requested an unsupported grant type '%s'.",
    90055: "The request was throttled.",
}
OAUTH = {700016: "unauthorized_client", 90002: "invalid_request", 900144: "invalid_request", 70011: "invalid_scope",
         500011: "invalid_resource", 70001: "unauthorized_client", 70003: "unsupported_grant_type",
         70021: "invalid_client"}
STATUS = {7000215: 401, 7000222: 401, 7000218: 401, 700027: 401, 700024: 401, 700021: 401, 70021: 401, 50012: 401}
AUDIENCES = ("https://api.loganalytics.io", "https://api.loganalytics.azure.com", "https://api.loganalytics.us",
             "https://api.loganalytics.azure.cn", "https://monitor.azure.com", "https://monitor.azure.us",
             "https://monitor.azure.cn", "https://management.azure.com")


class Denied(Exception):
    def __init__(self, code, *args):
        super().__init__(code)
        self.code, self.args_ = code, args


def error(code, *args):
    """(status, body) of a refusal."""
    now = time.gmtime()
    trace, corr = str(uuid.uuid4()), str(uuid.uuid4())
    stamp = time.strftime("%Y-%m-%d %H:%M:%SZ", now)
    text = TEXTS[code] % args if args else TEXTS[code]
    return STATUS.get(code, 400), {
        "error": OAUTH.get(code, "invalid_client"),
        "error_description": "AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s" % (code, text, trace, corr, stamp),
        "error_codes": [code], "timestamp": stamp, "trace_id": trace, "correlation_id": corr,
        "error_uri": "https://login.microsoftonline.com/error?code=%d" % code}


def b64d(s):
    return base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))


def openssl(args, data=None):
    return subprocess.run(["openssl"] + args, input=data, capture_output=True, timeout=20)


def load_certificate(pem):
    """What is registered of a certificate: thumbprints and public key."""
    der = openssl(["x509", "-outform", "DER"], pem.encode())
    pub = openssl(["x509", "-pubkey", "-noout"], pem.encode())
    if der.returncode or pub.returncode:
        raise ValueError("not a certificate: " + der.stderr.decode(errors="replace"))
    return {"sha1": hashlib.sha1(der.stdout).digest(), "sha256": hashlib.sha256(der.stdout).digest(),
            "key": pub.stdout.decode(), "der": der.stdout}


def verify(alg, key, signed, sig):
    with tempfile.TemporaryDirectory() as d:
        for n, b in (("k", key.encode()), ("s", sig)):
            with open(os.path.join(d, n), "wb") as f:
                f.write(b)
        args = ["dgst", "-sha256", "-verify", os.path.join(d, "k"), "-signature", os.path.join(d, "s")]
        if alg == "PS256":
            args += ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"]
        return openssl(args, signed).returncode == 0


def check_assertion(world, app, client_id, tenant, jwt, base):
    """A client assertion: a registered federated token, or a JWT signed with a registered certificate."""
    for f in app["federated"]:
        if f.get("token") is not None and f["token"] == jwt:
            return
    parts = jwt.split(".")
    try:
        head, claims = json.loads(b64d(parts[0])), json.loads(b64d(parts[1]))
        sig = b64d(parts[2])
    except (ValueError, IndexError, TypeError):
        raise Denied(70021 if app["federated"] else 50012, "The assertion is not a JWT.")
    iss = claims.get("iss")
    if iss != client_id and iss != claims.get("sub"):
        for f in app["federated"]:
            if f.get("issuer") == iss and f.get("subject") == claims.get("sub") and \
                    f.get("audience", "api://AzureADTokenExchange") in (claims.get("aud"),):
                return
        raise Denied(70021, "Assertion issuer: '%s', subject: '%s', audience: '%s'." %
                     (iss, claims.get("sub"), claims.get("aud")))
    if iss != client_id or claims.get("sub") != client_id:
        raise Denied(700021)
    if head.get("alg") not in ("PS256", "RS256"):
        raise Denied(700027, "alg '%s' is not accepted" % head.get("alg"))
    cert = None
    for c in app["certificates"]:
        for field, digest in (("x5t#S256", c["sha256"]), ("x5t", c["sha1"])):
            if head.get(field):
                try:
                    raw = base64.b64decode(head[field].replace("-", "+").replace("_", "/") + "=" * (-len(head[field]) % 4))
                except ValueError:
                    raw = b""
                if raw == digest:
                    cert = c
    if cert is None:
        raise Denied(700027, "The key was not found: thumbprint is not registered")
    if not verify(head["alg"], cert["key"], (parts[0] + "." + parts[1]).encode(), sig):
        raise Denied(700027, "The key was found, but the signature is not valid")
    now, skew = world.token_now(), world.settings["assertion_skew_s"]
    exp, nbf = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(exp, int) or now > exp + skew or now < nbf - skew or exp > now + 86400:
        raise Denied(700024, T.format_datetime(T.from_unix(int(now))))
    tails = ("/%s/oauth2/v2.0/token" % tenant, "/%s/oauth2/token" % tenant, "/%s/v2.0" % tenant)
    if not isinstance(claims.get("aud"), str) or not claims["aud"].endswith(tails):
        raise Denied(50012, "The audience '%s' is not this token endpoint." % claims.get("aud"))
    jti = claims.get("jti")
    if not jti:
        raise Denied(50012, "The claim 'jti' is missing.")
    world.seen_jti.add(jti)


def issue(world, client, resource, lifetime):
    tok = "sim." + base64.urlsafe_b64encode(os.urandom(24)).decode().rstrip("=")
    with world.lock:
        world.tokens[tok] = {"client": client, "audience": resource.rstrip("/"), "expires": world.token_now() + lifetime,
                             "revoked": False}
    return tok


def audience_of(scope):
    """The resource of a scope that ends in /.default, or None."""
    if not scope.endswith("/.default") or " " in scope.strip():
        return None
    return scope[:-len("/.default")].rstrip("/")


def token(world, tenant, form, base, lifetime=None):
    """POST /{tenant}/oauth2/v2.0/token"""
    def one(n):
        return form.get(n, [""])[0]
    try:
        if tenant not in world.tenants:
            raise Denied(90002, tenant)
        for n in ("grant_type", "client_id"):
            if not one(n):
                raise Denied(900144, n)
        if one("grant_type") != "client_credentials":
            raise Denied(70003, one("grant_type"))
        client = one("client_id")
        app = world.apps.get(client)
        if app is None or tenant not in app["tenants"]:
            raise Denied(700016, client)
        if app.get("disabled"):
            raise Denied(70001, client)
        scope = one("scope")
        aud = audience_of(scope)
        if aud is None:
            raise Denied(70011, scope)
        if aud not in AUDIENCES and "*" not in app["scopes"] or aud not in AUDIENCES and not aud.startswith("https://"):
            raise Denied(500011, aud)
        if one("client_assertion"):
            if one("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
                raise Denied(900144, "client_assertion_type")
            check_assertion(world, app, client, tenant, one("client_assertion"), base)
        elif one("client_secret"):
            if one("client_secret") in app["expired_secrets"]:
                raise Denied(7000222, client)
            if one("client_secret") not in app["secrets"]:
                raise Denied(7000215, client)
        else:
            raise Denied(7000218)
    except Denied as d:
        return error(d.code, *d.args_)
    life = lifetime or world.settings["token_lifetime_s"]
    return 200, {"token_type": "Bearer", "expires_in": life, "ext_expires_in": life,
                 "access_token": issue(world, client, aud, life)}


def openid(tenant, base):
    a = "%s/%s" % (base, tenant)
    return {"token_endpoint": a + "/oauth2/v2.0/token", "issuer": a + "/v2.0",
            "authorization_endpoint": a + "/oauth2/v2.0/authorize", "jwks_uri": a + "/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "response_types_supported": ["code", "id_token"], "scopes_supported": ["openid"],
            "subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ["RS256"],
            "tenant_region_scope": None}


def mi_error(status, code, text):
    return status, {"error": code, "error_description": text}, {}


def pick_identity(world, q):
    """The identity a managed-identity request names, or None."""
    for n, field in (("client_id", "client_id"), ("object_id", "object_id"), ("msi_res_id", "resource_id"),
                     ("mi_res_id", "resource_id"), ("clientid", "client_id")):
        if q.get(n):
            want = q[n][0].lower()
            for i in world.identities.values():
                if str(i.get(field, "")).lower() == want:
                    return i
            return None
    return world.identities.get("system") if world.settings["managed_identity"] else None


def managed(world, q, lifetime=None):
    res = q.get("resource", [""])[0]
    if not res:
        return mi_error(400, "invalid_request", "Required query variable 'resource' is missing")
    if not res.startswith("https://"):
        return mi_error(400, "invalid_resource", "AADSTS500011: The resource principal named %s was not found" % res)
    ident = pick_identity(world, q)
    if ident is None:
        return mi_error(400, "invalid_request", "Identity not found")
    life = lifetime or world.settings["mi_lifetime_s"]
    now = int(world.token_now())
    return 200, {"access_token": issue(world, ident["client_id"], res, life), "client_id": ident["client_id"],
                 "expires_in": str(life), "expires_on": str(now + life), "ext_expires_in": str(life),
                 "not_before": str(now - 300), "resource": res, "token_type": "Bearer"}, {}


def imds(world, headers, q, lifetime=None):
    """GET /metadata/identity/oauth2/token: a VM, or with api-version 2020-06-01 an Arc machine."""
    if headers.get("metadata", "").lower() != "true":
        return mi_error(400, "bad_request_102", "Required metadata header not specified")
    if headers.get("x-forwarded-for"):
        return mi_error(400, "bad_request_102", "X-Forwarded-For is not allowed")
    ver = q.get("api-version", [""])[0]
    if not ver:
        return mi_error(400, "bad_request_102", "api-version is missing")
    if world.arc_tokens and ver in ("2019-11-01", "2020-06-01"):
        auth = headers.get("authorization", "")
        if auth.startswith("Basic "):
            with world.lock:
                path = world.arc_keys.pop(auth[6:].strip(), None)
            if path is None:
                return mi_error(401, "unauthorized", "The key is not known")
            return managed(world, q, lifetime)
        secret = base64.urlsafe_b64encode(os.urandom(24)).decode()
        name = "%s.key" % uuid.uuid4()
        os.makedirs(world.arc_tokens, exist_ok=True)
        path = os.path.join(world.arc_tokens, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(secret)
        with world.lock:
            world.arc_keys[secret] = path
        return 401, {"error": "unauthorized", "error_description": "challenge"}, \
            {"WWW-Authenticate": "Basic realm=" + path}
    return managed(world, q, lifetime)


def app_service(world, headers, q, lifetime=None):
    if headers.get("x-identity-header") != world.app_service_header and headers.get("secret") != world.app_service_header:
        return 401, {"error": "unauthorized_client", "error_description": "X-IDENTITY-HEADER is missing or wrong"}, {}
    return managed(world, q, lifetime)


def check_bearer(world, headers, audiences):
    """(client, None) or (None, (status, code, message, inner code))."""
    auth = headers.get("authorization", "")
    if not auth.startswith("Bearer ") or not auth[7:].strip():
        return None, (401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.", None)
    t = world.tokens.get(auth[7:].strip())
    if t is None:
        return None, (403, "InvalidTokenError", "The provided authentication is not valid for this resource",
                      "SignatureVerificationFailed")
    if t["revoked"] or t["expires"] <= world.token_now():
        return None, (401, "InvalidTokenError", "The provided authentication is not valid for this resource",
                      "TokenExpired")
    if t["audience"] not in audiences:
        return None, (403, "InvalidAuthenticationTokenAudience",
                      "The access token has been obtained from wrong audience or resource '%s'." % t["audience"], None)
    return t["client"], None


def parse_form(body):
    return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)


def tenant_of(path):
    m = re.match(r"^/([^/]+)/(oauth2/v2\.0/token|v2\.0/\.well-known/openid-configuration)/?$", path)
    return (unquote(m.group(1)), m.group(2)) if m else None
