"""A TLS and SASL gate in front of a broker that has neither, for one address both name.

The mock broker lives in a network namespace and is reached through a unix socket; the gate listens on the
very port that the broker tells its clients. Before a client is let through it must shake hands, and, when
`users` or `token` is given, authenticate: frames of the Kafka protocol are answered here until then (api keys
18 ApiVersions, 17 SaslHandshake, 36 SaslAuthenticate; Kafka protocol guide).
SPDX-License-Identifier: Apache-2.0
"""

import socket
import struct

from flow.listener import Listener, context, join


class Gate(Listener):
    def __init__(self, port, socket_path, cert, key, client_ca=None, mechanism=None, check=None):
        """check(user, password) or check(token); None: TLS alone."""
        self.path, self.mechanism, self.check = socket_path, mechanism, check
        self.seen, self.refused = [], 0
        self.ctx = context(cert, key, client_ca)
        super().__init__(port)

    def serve(self, plain):
        with self.ctx.wrap_socket(plain, server_side=True) as client, socket.socket(socket.AF_UNIX) as back:
            back.connect(self.path)
            if self.check is None or self._authenticate(client, back):
                join(client, back)

    def _authenticate(self, client, back):
        while True:
            head, body = _frame(client)
            api, version, correlation = struct.unpack(">hhi", head)
            if api == 18 and version > 0:
                _answer(client, correlation, struct.pack(">hihhh", 35, 1, 18, 0, 0))
            elif api == 18:
                back.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
                size = struct.unpack(">i", _exactly(back, 4))[0]
                answer = _exactly(back, size)
                code, count = struct.unpack(">hi", answer[4:10])
                more = struct.pack(">hhhhhh", 17, 0, 1, 36, 0, 1)
                _answer(client, correlation, struct.pack(">hi", code, count + 2) + answer[10:] + more)
            elif api == 17:
                wanted = _string(_after_client_id(body))
                good = wanted == self.mechanism
                _answer(client, correlation, struct.pack(">hih", 0 if good else 33, 1, len(self.mechanism)) +
                        self.mechanism.encode())
            elif api == 36:
                rest = _after_client_id(body)
                size = struct.unpack(">i", rest[:4])[0]
                ok = self.check(rest[4:4 + size])
                text = b"" if ok else b"Authentication failed: the gate does not know you"
                end = struct.pack(">q", 0) if version > 0 else b""
                # An OAUTHBEARER failure may also be told in the bytes; code and text are enough for clients.
                _answer(client, correlation, struct.pack(">h", 0 if ok else 58) +
                        (struct.pack(">h", -1) if ok else struct.pack(">h", len(text)) + text) + struct.pack(">i", 0) + end)
                if not ok:
                    self.refused += 1
                    return False
                self.seen.append(rest[4:4 + size])
                return True
            else:
                return False


def _exactly(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _frame(s):
    size = struct.unpack(">i", _exactly(s, 4))[0]
    data = _exactly(s, size)
    return data[:8], data[8:]


def _after_client_id(body):
    n = struct.unpack(">h", body[:2])[0]
    return body[2 + max(n, 0):]


def _string(data):
    n = struct.unpack(">h", data[:2])[0]
    return data[2:2 + n].decode()


def _answer(s, correlation, body):
    s.sendall(struct.pack(">ii", 4 + len(body), correlation) + body)
