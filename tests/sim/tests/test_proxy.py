"""The proxy does what it says, each action once.
SPDX-License-Identifier: Apache-2.0
"""

import socket
import socketserver
import threading

import pytest

from sim.proxy import Proxy, chance


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while True:
            data = self.request.recv(65536)
            if not data:
                return
            self.request.sendall(data)


@pytest.fixture(scope="module")
def port():
    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
    with Server(("127.0.0.1", 0), Echo) as s:
        threading.Thread(target=s.serve_forever, daemon=True).start()
        yield s.server_address[1]
        s.shutdown()


def talk(port, action, text=b"0123456789" * 20):
    """What comes back; None: reset."""
    with Proxy(port, (lambda n: action) if action is not None else None) as p, socket.create_connection(("127.0.0.1", p.port)) as s:
        s.settimeout(20)
        got = b""
        try:
            s.sendall(text)
            while len(got) < len(text):
                data = s.recv(65536)
                if not data:
                    return got
                got += data
        except ConnectionError:
            return got or None
        return got


TEXT = b"0123456789" * 20


@pytest.mark.parametrize("action, want", [
    (None, TEXT), ({}, TEXT), ({"delay_ms": 20}, TEXT), ({"bytes_per_s": 4000}, TEXT), ({"piece": 1}, TEXT),
    ({"refuse": True}, None), ({"cut": 7}, TEXT[:7]), ({"cut": 0}, b""), ({"cut": 9, "way": "up"}, None),
    ({"answer": b"no"}, b"no"), ({"corrupt": 3}, b"012" + bytes([ord("3") ^ 0xFF]) + TEXT[4:]),
], ids=str)
def test_action(port, action, want):
    got = talk(port, action)
    assert got == want or (action == {"cut": 9, "way": "up"} and got in (b"", TEXT[:9], None)) or \
        (action == {"answer": b"no"} and got in (b"no", None))


def test_silence_ends_when_it_is_calm(port):
    with Proxy(port, lambda n: {"silent": True}) as p, socket.create_connection(("127.0.0.1", p.port)) as s:
        s.settimeout(20)
        s.sendall(b"x")
        with pytest.raises(TimeoutError):
            s.settimeout(0.1)
            s.recv(1)
        p.plan = None
        s.settimeout(20)
        try:
            assert s.recv(1) == b""
        except ConnectionResetError:
            pass


def test_a_reset_is_one(port):
    with Proxy(port, lambda n: {"reset": 5}) as p, socket.create_connection(("127.0.0.1", p.port)) as s:
        s.settimeout(20)
        s.sendall(TEXT)
        with pytest.raises(ConnectionResetError):
            while s.recv(1):
                pass


def test_the_same_seed_does_the_same():
    a, b, c = ([chance(seed, 0.5)(n) for n in range(50)] for seed in (1, 1, 2))
    assert a == b and a != c
    assert 10 < sum(1 for x in a if x) < 40
