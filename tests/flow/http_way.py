"""What stands between the agent and a receiver: an HTTP receiver, a proxy that tunnels, a door that speaks TLS.

Names that no resolver knows are the proxy's to resolve: it maps "name:port" to a port on loopback. So a test sees
whether a connection went by way of the proxy or not. Standard library only. SPDX-License-Identifier: Apache-2.0
"""

import base64
import http.server
import socket
import threading

from flow.listener import Listener, join


class Receiver:
    """Keeps every request as (method, path, headers, body); answers with `status`, `headers` and `body`, or with the
    (status, body) that answer(method, path, body) makes."""

    def __init__(self, tls=None):
        self.got, self.status, self.headers, self.body, self.answer = [], 200, {}, b"{}", None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are two writes: the second would wait 40 ms for an acknowledgement

            def setup(self):
                if tls:
                    self.request = tls.wrap_socket(self.request, server_side=True)
                super().setup()

            def take(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.got.append((self.command, self.path, self.headers, body))
                status, said = outer.say(self.command, self.path, self.headers, body)
                self.send_response(status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(said)

            do_HEAD = do_POST = do_GET = do_PUT = take

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128  # who is not taken on at once is not turned away for seconds

            def handle_error(self, *_):  # a refused handshake is the test's business
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def say(self, method, path, _headers, body):
        return self.answer(method, path, body) if self.answer else (self.status, self.body)

    def posts(self):
        return [r for r in self.got if r[0] == "POST"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Door(Listener):
    """Speaks TLS and hands what was said to a port that does not."""

    def __init__(self, tls, port):
        self.tls, self.to = tls, port
        super().__init__()

    def serve(self, s):
        inner = self.tls.wrap_socket(s, server_side=True)
        join(inner, socket.create_connection(("127.0.0.1", self.to)))


class Sink(Listener):
    """Takes bytes over TLS and keeps them."""

    def __init__(self, tls):
        self.tls, self.got, self.ended = tls, b"", 0
        super().__init__()

    def serve(self, s):
        inner = self.tls.wrap_socket(s, server_side=True)
        try:
            while data := inner.recv(65536):
                self.got += data
        finally:
            self.ended += 1  # connections of which nothing more comes


class Proxy(Listener):
    """CONNECT and nothing else. `names`: "host:port" -> port on loopback. `login`: "user:password" or None. `tls`: itself
    speaks TLS."""

    def __init__(self, names, login=None, tls=None):
        self.names, self.login, self.tls, self.asked = names, login, tls, []
        super().__init__()

    def serve(self, s):
        if self.tls:
            s = self.tls.wrap_socket(s, server_side=True)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            more = s.recv(1)
            if not more:
                return
            head += more
        lines = head.decode("latin-1").split("\r\n")
        method, target = lines[0].split(" ")[:2]
        want = self.login and "Basic " + base64.b64encode(self.login.encode()).decode()
        said = [x.split(": ", 1)[1] for x in lines if x.lower().startswith("proxy-authorization: ")]
        self.asked.append((method, target, head.decode("latin-1")))
        if want and want not in said:
            s.sendall(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 0\r\n\r\n")
        elif method != "CONNECT" or target not in self.names:
            s.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        else:
            s.sendall(b"HTTP/1.1 200 Yes\r\n\r\n")
            join(s, socket.create_connection(("127.0.0.1", self.names[target])))
