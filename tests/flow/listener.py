"""What the doors, gates and proxies of the tests stand on: a listener on loopback, and bytes handed from one end to the other.

Standard library only. SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import fcntl
import functools
import os
import random
import socket
import ssl
import tempfile
import threading


def context(cert, key, client_ca=None, highest=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(cert, key)
    if client_ca:
        c.load_verify_locations(client_ca)
        c.verify_mode = ssl.CERT_REQUIRED
    if highest:
        c.maximum_version = highest
    return c


given = set()


@functools.lru_cache(None)
def ledger():
    """Of the ports that were given to somebody: a byte each, locked by the test process that gave it until it ends."""
    path = os.path.join(tempfile.gettempdir(), "cosmowatch-test-ports-%d" % os.geteuid())
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def free_port(kind=socket.SOCK_STREAM):
    """For somebody who binds it later, or for nobody: none is given twice, also not by another test process. Below those
    that the kernel gives to connections (32768 and up), which come and go."""
    while True:
        port = random.randrange(10000, 32000)
        with socket.socket(socket.AF_INET, kind) as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            fcntl.lockf(ledger(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            if port not in given:
                given.add(port)
                return port


class Listener:
    """Takes connections on loopback, each in a thread of its own: serve(socket) by whoever inherits."""

    def __init__(self, port=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._guarded, args=(s,), daemon=True).start()

    def _guarded(self, s):
        try:
            self.serve(s)
        except (OSError, ValueError, EOFError):
            pass
        s.close()

    def close(self):
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def copy(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def join(a, b):
    for s in (a, b):
        if s.family != socket.AF_UNIX:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    t = threading.Thread(target=copy, args=(a, b), daemon=True)
    t.start()
    copy(b, a)
    t.join()
