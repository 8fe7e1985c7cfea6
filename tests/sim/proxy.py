"""A TCP proxy that harms what passes, as it is told: in front of any service of any protocol, and the same each time.

What to do is decided for each connection: by `plan(n)` for the n-th one, or by chance from a seed. Until it is told
otherwise it passes everything on.

    with Proxy(port, chance(7, 0.3)) as p:      # three connections of ten meet something
        ... talk to 127.0.0.1:p.port ...
        p.plan = None                           # calm again, for connections that stand too

An action is one of
    {"refuse": True}            reset at once
    {"silent": True}            take everything, answer nothing, until calm
    {"delay_ms": N}             before anything passes
    {"bytes_per_s": N}          of the answer
    {"piece": N}                the answer in pieces of so many bytes
    {"cut": N, "way": "up"}     the end after N bytes of the request ("down", preset: of the answer)
    {"reset": N, "way": ...}    the same, by a reset
    {"corrupt": N}              the N-th byte of the answer has its bits turned
    {"answer": b"..."}          says this to the first bytes and ends

SPDX-License-Identifier: Apache-2.0
"""

import random
import select
import socket
import struct
import threading
import time

ACTIONS = [
    lambda r: {"refuse": True},
    lambda r: {"silent": True},
    lambda r: {"delay_ms": r.randrange(5, 400)},
    lambda r: {"bytes_per_s": r.randrange(2000, 50000)},
    lambda r: {"piece": r.randrange(1, 7)},
    lambda r: {"cut": r.randrange(0, 3000), "way": r.choice(("up", "down"))},
    lambda r: {"reset": r.randrange(0, 3000), "way": r.choice(("up", "down"))},
    lambda r: {"corrupt": r.randrange(0, 12)},  # of the status line: further on only TLS would see it
    lambda r: {"answer": r.choice((b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 90\r\n\r\n<html>"))},
]


def chance(seed, share):
    """A plan: of so large a share of connections each meets one action. Same seed, same plan."""
    def plan(n):
        r = random.Random("%s/%d" % (seed, n))
        return r.choice(ACTIONS)(r) if r.random() < share else {}
    return plan


class Proxy:
    def __init__(self, target, plan=None):
        self.target, self.plan, self.connections, self.standing = target, plan, 0, set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.is_over = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            plan = self.plan
            action = plan(self.connections) if plan else {}
            threading.Thread(target=self._serve, args=(client, action), daemon=True).start()

    def _serve(self, client, action):
        self.standing.add(client)
        try:
            self._act(client, action)
        except (OSError, ValueError):  # ValueError: closed by drop() while we waited for it
            pass
        finally:
            self.standing.discard(client)
            client.close()

    def drop(self):
        """Ends what stands: the next connection is the plan's."""
        for client in list(self.standing):
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _act(self, client, action):
        if action.get("refuse"):
            return reset(client)
        if "answer" in action:
            client.recv(65536)
            return client.sendall(action["answer"])
        if action.get("silent"):
            while self.plan and not self.is_over:
                if select.select([client], [], [], 0.05)[0] and not client.recv(65536):
                    return None
            return None
        time.sleep(action.get("delay_ms", 0) / 1000)
        with socket.create_connection(("127.0.0.1", self.target)) as server:
            for s in (client, server):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._pass_on(client, server, action)

    def _pass_on(self, client, server, action):
        passed = {"up": 0, "down": 0}
        while not self.is_over:
            for s in select.select([client, server], [], [], 0.2)[0]:
                way, to = ("up", server) if s is client else ("down", client)
                data = s.recv(65536)
                if not data:
                    return None
                limit = action.get("cut", action.get("reset")) if action.get("way", "down") == way else None
                is_over = limit is not None and passed[way] + len(data) >= limit
                if is_over:
                    data = data[:limit - passed[way]]
                if way == "down" and passed[way] <= action.get("corrupt", -1) < passed[way] + len(data):
                    at = action["corrupt"] - passed[way]
                    data = data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1:]
                passed[way] += len(data)
                self._send(to, data, action if way == "down" else {})
                if is_over:
                    return reset(client) if "reset" in action else None
        return None

    def _send(self, to, data, action):
        step = action.get("piece") or (max(1, action["bytes_per_s"] // 20) if "bytes_per_s" in action else len(data))
        for i in range(0, len(data), step or 1):
            to.sendall(data[i:i + step])
            if "bytes_per_s" in action:
                time.sleep(0.05)

    def close(self):
        self.is_over = True
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
