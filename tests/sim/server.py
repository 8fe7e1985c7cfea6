"""HTTP: listeners, routing, faults on the wire."""

import gzip
import json
import re
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import zlib
from urllib.parse import parse_qs, unquote, urlsplit

from . import control, entra, ingestion, query_api

REASON = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 301: "Moved Permanently", 302: "Found",
          307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
          404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
          411: "Length Required", 413: "Payload Too Large", 415: "Unsupported Media Type", 429: "Too Many Requests",
          500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
          504: "Gateway Timeout"}
MAX_BODY = 256 << 20
HTML = b"<!DOCTYPE html><html><head><title>503</title></head><body><h1>Service Unavailable</h1></body></html>"


class Closed(Exception):
    pass


class Handler(socketserver.BaseRequestHandler):
    """One connection, HTTP/1.1 with keep-alive."""

    def setup(self):
        self.tls = isinstance(self.request, ssl.SSLSocket)
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""

    def handle(self):
        try:
            if self.tls:
                self.request.settimeout(20)
                self.request.do_handshake()
                self.request.settimeout(None)
            while self.one():
                pass
        except (Closed, ConnectionError, ssl.SSLError, socket.timeout, OSError):
            pass

    # -- reading --------------------------------------------------------------------------------------------

    def more(self):
        d = self.request.recv(262144)
        if not d:
            raise Closed()
        self.buf += d

    def read_head(self):
        while b"\r\n\r\n" not in self.buf:
            if len(self.buf) > 65536:
                raise Closed()
            self.more()
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        parts = lines[0].split(" ")
        if len(parts) != 3:
            raise Closed()
        headers = {}
        for ln in lines[1:]:
            k, _, v = ln.partition(":")
            k = k.strip().lower()
            headers[k] = headers[k] + ", " + v.strip() if k in headers else v.strip()
        return parts[0], parts[1], headers

    def read_n(self, n):
        if len(self.buf) < n:
            parts, have = [self.buf], len(self.buf)
            while have < n:
                d = self.request.recv(min(1 << 20, n - have))
                if not d:
                    raise Closed()
                parts.append(d)
                have += len(d)
            self.buf = b"".join(parts)
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def read_body(self, headers):
        if headers.get("expect", "").lower() == "100-continue":
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            out = []
            while True:
                while b"\r\n" not in self.buf:
                    self.more()
                line, self.buf = self.buf.split(b"\r\n", 1)
                n = int(line.split(b";")[0], 16)
                if n == 0:
                    while b"\r\n" not in self.buf:
                        self.more()
                    _, self.buf = self.buf.split(b"\r\n", 1)
                    return b"".join(out)
                out.append(self.read_n(n))
                self.read_n(2)
        n = int(headers.get("content-length") or 0)
        if n > MAX_BODY:
            raise Closed()
        return self.read_n(n) if n else b""

    # -- one request ----------------------------------------------------------------------------------------

    def one(self):
        method, target, headers = self.read_head()
        t0 = time.monotonic()
        wall = time.time()
        body = self.read_body(headers)
        u = urlsplit(target)
        path = unquote(u.path)
        q = parse_qs(u.query, keep_blank_values=True)      # names are decoded too: api%2Dversion
        w = self.server.world
        if path.startswith("/_control"):
            status, out, hh = control.handle(w, method, path, q, body)
            return self.answer(status, out, hh, headers, {}, method)
        entry = {"time": wall, "method": method, "path": path, "query": {k: v[-1] for k, v in q.items()},
                 "headers": headers, "tls": self.tls, "length": len(body)}
        peek = []

        def text():
            if not peek:
                raw = body
                if headers.get("content-encoding") == "gzip":
                    try:
                        raw = gzip.decompress(body)
                    except (OSError, EOFError, zlib.error):
                        pass
                peek.append(raw.decode("utf-8", "replace"))
            return peek[0]
        if len(body) <= 1 << 20 and not path.startswith("/dataCollectionRules"):
            entry["body"] = text()
        fault = w.fault_for(method, path, text)
        act = fault.action if fault else {}
        if fault:
            entry["fault"] = fault.id
        if act.get("delay_ms"):
            time.sleep(act["delay_ms"] / 1000)
        if act.get("reset"):
            entry["status"] = "reset"
            w.note(entry)
            self.rst()
            return False
        if act.get("close"):
            entry["status"] = "closed"
            w.note(entry)
            return False
        if act.get("revoke_tokens"):
            w.revoke_tokens()
        if act.get("hang_s"):
            time.sleep(act["hang_s"])
            entry["status"] = "hung"
            w.note(entry)
            return False
        try:
            status, out, hh = self.route(w, method, path, q, headers, body, act, entry)
        except Exception as e:
            import traceback
            traceback.print_exc()
            status, out, hh = 500, {"error": {"code": "SimulatorError", "message": repr(e)}}, {}
        entry["status"] = status
        entry["ms"] = round((time.monotonic() - t0) * 1000, 2)
        keep = self.answer(status, out, hh, headers, act, method, entry)
        return keep

    def route(self, w, method, path, q, headers, body, act, entry):
        if act.get("empty200"):
            return 200, b"", {}
        if act.get("html"):
            return act.get("status", 200), HTML, {"Content-Type": "text/html"}
        if "status" in act and not act.get("after"):
            b = act.get("body", b"")
            if isinstance(b, str):
                b = b.encode()
            return act["status"], b, dict(act.get("headers") or {})
        extra = dict(act.get("headers") or {})
        status, out, hh = self.serve(w, method, path, q, headers, body, act, entry)
        if act.get("after") and "status" in act:      # done, but the client is told otherwise
            b = act.get("body", b"")
            return act["status"], b.encode() if isinstance(b, str) else b, extra
        return status, out, dict(hh, **extra)

    def base(self, headers):
        return "%s://%s" % ("https" if self.tls else "http", headers.get("host", "localhost"))

    def serve(self, w, method, path, q, headers, body, act, entry):
        if path.startswith("/hook/"):
            return control.hook(w, path[6:], method, headers, body)
        if path.rstrip("/") == "/metadata/identity/oauth2/token" and method == "GET":
            return entra.imds(w, headers, q, act.get("token_lifetime_s"))
        if path.rstrip("/") == "/msi/token" and method == "GET":
            return entra.app_service(w, headers, q, act.get("token_lifetime_s"))
        t = entra.tenant_of(path)
        if t:
            tenant, what = t
            if what.startswith("v2.0"):
                if tenant not in w.tenants:
                    s, b = entra.error(90002, tenant)
                    return s, b, {}
                return 200, entra.openid(tenant, self.base(headers)), {}
            if method != "POST":
                return 405, {"error": "invalid_request"}, {}
            s, b = entra.token(w, tenant, entra.parse_form(body), self.base(headers), act.get("token_lifetime_s"))
            return s, b, {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}
        m = re.match(r"^/dataCollectionRules/([^/]+)/streams/([^/]+)$", path)
        if m and method == "POST":
            return ingestion.ingest(w, m.group(1), m.group(2), headers, q, body)
        if path == "/v1/$batch" and method == "POST":
            return query_api.batch(w, headers, body)
        m = re.match(r"^/v1/workspaces/([^/]*)/query$", path)
        target = ("workspace", m.group(1)) if m else None
        if not m:
            m = re.match(r"^/v1/?(/subscriptions/.+)/query$", path)
            target = ("resource", m.group(1)) if m else None
        if target and method in ("GET", "POST"):
            s, b, hh, text = query_api.query(w, target, headers, body, q, method, act)
            if text is not None:
                entry["kql"] = text
            if headers.get("x-ms-client-request-id"):
                hh = dict(hh, **{"x-ms-client-request-id": headers["x-ms-client-request-id"]})
            return s, b, hh
        feed = w.feeds.get(path)
        if feed is not None and method in ("GET", "HEAD"):
            return control.feed(feed, headers)
        return 404, query_api.fault_body("PathNotFoundError", "The requested path does not exist"), {}

    # -- answering ------------------------------------------------------------------------------------------

    def answer(self, status, out, hh, req, act, method, entry=None):
        ctype = "application/json; charset=utf-8"
        if out is None:
            out = b""
        if not isinstance(out, (bytes, bytearray)):
            out = json.dumps(out, ensure_ascii=False).encode("utf-8", "surrogatepass")
        head = {"Content-Type": ctype} if out else {}
        head["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
        head.update(hh)
        if len(out) > 1024 and "gzip" in req.get("accept-encoding", "").lower() and "Content-Encoding" not in head and \
                not act.get("no_gzip"):
            c = zlib.compressobj(1, zlib.DEFLATED, 31)
            out = c.compress(out) + c.flush()
            head["Content-Encoding"] = "gzip"
        keep = req.get("connection", "").lower() != "close" and not act.get("connection_close")
        if not keep:
            head["Connection"] = "close"
        if status not in (204, 304) or out:
            head["Content-Length"] = str(len(out))
        if act.get("chunked") and out:
            head.pop("Content-Length", None)
            head["Transfer-Encoding"] = "chunked"
            out = b"".join(b"%x\r\n%s\r\n" % (len(out[i:i + 65536]), out[i:i + 65536]) for i in range(0, len(out), 65536)) + \
                b"0\r\n\r\n"
        top = "HTTP/1.1 %d %s\r\n" % (status, REASON.get(status, "Status"))
        data = (top + "".join("%s: %s\r\n" % kv for kv in head.items()) + "\r\n").encode("latin-1")
        if method == "HEAD":
            out = b""
        if entry is not None:
            entry["sent"] = len(out)
            self.server.world.note(entry)
        cut = act.get("cut_after")
        if cut is not None:
            self.request.sendall(data + bytes(out[:cut]))
            self.close_hard(act.get("cut_reset", False))
            return False
        rate = act.get("slow_bytes_per_s")
        if rate:
            self.request.sendall(data)
            step = max(1, int(rate / 10))
            for i in range(0, len(out), step):
                self.request.sendall(out[i:i + step])
                time.sleep(step / rate)
        elif len(out) < 65536:
            self.request.sendall(data + bytes(out))
        else:
            self.request.sendall(data)
            self.request.sendall(out)
        return keep

    def close_hard(self, reset):
        if reset:
            self.rst()
            return
        try:
            self.request.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.request.close()

    def rst(self):
        raw = self.request
        try:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        if self.tls:
            fd = socket.socket(fileno=raw.detach())
            fd.close()
        else:
            raw.close()


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, world, port, cert=None, key=None):
        self.world = world
        self.ctx = None
        if cert:
            self.ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.ctx.minimum_version = ssl.TLSVersion.TLSv1_2
            self.ctx.load_cert_chain(cert, key)
            self.ctx.set_alpn_protocols(["http/1.1"])
        super().__init__(("127.0.0.1", port), Handler)

    def get_request(self):
        s, a = super().get_request()
        if self.ctx:
            s = self.ctx.wrap_socket(s, server_side=True, do_handshake_on_connect=False)
        return s, a

    def shutdown_request(self, request):
        try:
            super().shutdown_request(request)
        except (OSError, ValueError):
            pass

    def handle_error(self, request, address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, OSError, ValueError)):
            super().handle_error(request, address)


def serve(world, port, cert=None, key=None):
    """Listen and answer in the background; the server object is given back."""
    s = Server(world, port, cert, key)
    threading.Thread(target=s.serve_forever, args=(0.05,), daemon=True).start()
    return s


__all__ = ["serve", "Server"]
