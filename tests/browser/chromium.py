"""A headless Chromium on loopback, driven by the DevTools protocol: a small client of WebSocket and no more.

SPDX-License-Identifier: Apache-2.0
"""

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request

DEADLINE_S = 60


class Socket:
    """WebSocket as client: text in whole messages, answers to pings."""

    def __init__(self, url):
        host, path = url.split("//")[1].split("/", 1)
        name, port = host.split(":")
        self.s = socket.create_connection((name, int(port)), timeout=DEADLINE_S)
        key = base64.b64encode(os.urandom(16)).decode()
        self.s.sendall(("GET /%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                        "Sec-WebSocket-Version: 13\r\n\r\n" % (path, host, key)).encode())
        self.f = self.s.makefile("rb")
        status = self.f.readline()
        assert b"101" in status, status
        while self.f.readline().strip():
            pass

    def _frame(self, kind, data):
        n, mask = len(data), os.urandom(4)
        head = bytes([0x80 | kind]) + (bytes([0x80 | n]) if n < 126 else struct.pack(">BH", 0xFE, n) if n < 65536
                                       else struct.pack(">BQ", 0xFF, n))
        pad = (mask * (n // 4 + 1))[:n]
        body = (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(n, "big") if n else b""
        self.s.sendall(head + mask + body)

    def send(self, text):
        self._frame(1, text.encode())

    def receive(self):
        whole = b""
        while True:
            first, second = self.f.read(2)
            n = second & 0x7F
            n = struct.unpack(">H", self.f.read(2))[0] if n == 126 else struct.unpack(">Q", self.f.read(8))[0] if n == 127 else n
            data, kind = self.f.read(n), first & 0x0F
            if kind == 9:
                self._frame(10, data)
            elif kind == 8:
                raise ConnectionError("the browser closed")
            elif kind in (0, 1):
                whole += data
                if first & 0x80:
                    return whole.decode()

    def close(self):
        self.f.close()
        self.s.close()


class Browser:
    """One tab. `complaints` holds what the page's console said: errors, and violations of its content policy."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="cosmowatch-chromium-")
        argv = [shutil.which("chromium") or "chromium", "--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                "--disable-dev-shm-usage", "--remote-debugging-port=0", "--remote-allow-origins=*",
                "--user-data-dir=" + self.dir, "about:blank"]
        if os.geteuid() == 0:
            argv.insert(1, "--no-sandbox")  # Chromium's own does not work as root
        self.log = open(os.path.join(self.dir, "log"), "wb")
        self.child = subprocess.Popen(argv, stdout=self.log, stderr=self.log)
        self.n, self.complaints, self.events = 0, [], []
        self.socket = Socket(self._page())
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def _page(self):
        path, end = os.path.join(self.dir, "DevToolsActivePort"), time.monotonic() + DEADLINE_S
        while time.monotonic() < end and self.child.poll() is None:
            if os.path.exists(path) and "\n" in open(path, encoding="ascii").read():
                port = int(open(path, encoding="ascii").readline())
                with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                        "http://127.0.0.1:%d/json" % port, timeout=DEADLINE_S) as r:
                    for tab in json.load(r):
                        if tab["type"] == "page":
                            return tab["webSocketDebuggerUrl"]
            time.sleep(0.05)
        with open(self.log.name, encoding="utf-8", errors="replace") as f:
            raise AssertionError("chromium did not start: " + f.read()[-2000:])

    def _note(self, m):
        p = m["params"]
        if m["method"] == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(p["exceptionDetails"])[:300])
        elif m["method"] == "Runtime.consoleAPICalled" and p["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(p["args"])[:300])
        elif m["method"] == "Log.entryAdded" and p["entry"]["level"] in ("error", "warning"):
            self.complaints.append(p["entry"]["text"] + " " + p["entry"].get("url", ""))
        elif m["method"] == "Network.loadingFailed" and not p.get("canceled"):
            self.complaints.append("not loaded: " + p.get("errorText", "") + " " + p.get("blockedReason", ""))
        else:
            self.events.append(m["method"])

    def call(self, method, **params):
        self.n += 1
        self.socket.send(json.dumps({"id": self.n, "method": method, "params": params}))
        while True:
            m = json.loads(self.socket.receive())
            if m.get("id") == self.n:
                assert "error" not in m, (method, m["error"])
                return m["result"]
            if "method" in m:
                self._note(m)

    def wait_event(self, name):
        while name not in self.events:
            m = json.loads(self.socket.receive())
            if "method" in m:
                self._note(m)

    def open(self, url, width=1280, height=900, scheme="light", script=True):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self._load(lambda: self.call("Page.navigate", url=url))

    def _load(self, go):
        self.events.clear()
        go()
        self.wait_event("Page.loadEventFired")

    def follow(self, selector):
        """Click, and wait for the page it leads to."""
        self._load(lambda: self.run("(() => { document.querySelector(%s).click(); return 1; })()" % json.dumps(selector)))

    def run(self, expression):
        """Ours may run where the page's own scripts may not."""
        got = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in got, got["exceptionDetails"]
        return got["result"].get("value")

    def press(self, key, code):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code)

    def picture(self, path):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=self._whole())["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))

    def _whole(self):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 6000), "scale": 1}

    def close(self):
        self.socket.close()
        self.child.terminate()
        self.child.wait(DEADLINE_S)
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
