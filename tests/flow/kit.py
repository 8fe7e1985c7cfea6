"""What the system tests share: a simulated Azure, a configuration, the real agent as a child process.

Everything listens on loopback, ports are the kernel's choice, processes are ended by their own pid, and
waiting is for events (a file, a line, an answer of the simulator), never for time.
SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

os.umask(0o022)  # what others may write is not believed; many hosts let the group by preset
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AGENT = os.environ.get("COSMOWATCH", os.path.join(ROOT, "build", "cosmowatch"))
WORKSPACE = "33333333-3333-3333-3333-333333333333"
TENANT = "11111111-1111-1111-1111-111111111111"
CLIENT = "22222222-2222-2222-2222-222222222222"
SECRET = "s3cr~t&=+"
DEADLINE_S = float(os.environ.get("COSMOWATCH_TEST_DEADLINE_S", "120"))


def wait_for(what, probe, deadline_s=DEADLINE_S, pause_s=0.02):
    """Poll a condition that has no event of its own; the bound is generous, hitting it is a failure."""
    end = time.monotonic() + deadline_s
    while True:
        got = probe()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError("waited %.0f s in vain for %s" % (deadline_s, what))
        time.sleep(pause_s)


def http(url, body=None, method=None, headers=None):
    data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
    req = urllib.request.Request(url, data=data, method=method or ("POST" if data is not None else "GET"),
                                 headers={"Content-Type": "application/json", **(headers or {})})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(req, timeout=DEADLINE_S) as r:
        text = r.read()
    return json.loads(text) if text else None


class Azure:
    """The simulated Azure as a child process."""

    def __init__(self, dir_, rows=(), env=None):
        self.port_file = os.path.join(dir_, "sim-ports.json")
        self.log = open(os.path.join(dir_, "sim.log"), "wb")
        argv = [sys.executable, "-m", "sim", "--port-file", self.port_file, "--arc-tokens", dir_]
        for r in rows:
            argv += ["--rows", r]
        self.child = subprocess.Popen(argv, cwd=ROOT, env={**os.environ, "PYTHONPATH": os.path.join(ROOT, "tests"), **(env or {})},
                                      stdout=self.log, stderr=self.log)
        wait_for("the simulator's port file", self._listens)
        with open(self.port_file, encoding="utf-8") as f:
            self.url = "http://127.0.0.1:%d" % json.load(f)["http"]

    def _listens(self):
        if self.child.poll() is not None:
            raise AssertionError("the simulator ended: see %s" % self.log.name)
        return os.path.exists(self.port_file)

    def control(self, name, body=None, **kw):
        return http(self.url + "/_control/" + name, body, **kw)

    def add_rows(self, rows, arriving=False):
        """arriving: they come in at this moment, whatever they say of it. A running agent has not read that far yet."""
        text = "\n".join(json.dumps(r, separators=(",", ":")) for r in rows).encode()
        return http(self.url + "/_control/ndjson" + ("?arriving=1" if arriving else ""), text)

    def close(self):
        if self.child.poll() is None:
            self.child.terminate()
            self.child.wait(DEADLINE_S)
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def config(azure, dir_, outputs, mode="summarize", source=None, **top):
    """A configuration as JSON, which is YAML too."""
    source_options = {
        "name": "prod", "type": "log_analytics", "workspace": WORKSPACE, "endpoint": azure.url, "mode": mode,
        "auth": {"type": "client_secret", "tenant": TENANT, "client_id": CLIENT,
                 "client_secret": "${env:COSMOWATCH_TEST_SECRET}", "authority": azure.url},
        "settle": "1s",
    }
    source_options.update(source or {})
    doc = {"store": {"path": os.path.join(dir_, "state")}, "sources": [source_options], "outputs": outputs}
    doc.update(top)
    path = os.path.join(dir_, "cosmowatch.yaml")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(doc, f, indent=1)
    os.chmod(path, 0o600)
    return path


def run(args, check=True, stdin=None, env=None, timeout=DEADLINE_S * 3):
    """One verb to its end: (exit code, stdout, stderr)."""
    p = subprocess.run([AGENT] + list(args), input=stdin, capture_output=True, timeout=timeout,
                       env={**os.environ, "COSMOWATCH_TEST_SECRET": SECRET, "NO_COLOR": "1", **(env or {})})
    out, err = p.stdout.decode("utf-8", "replace"), p.stderr.decode("utf-8", "replace")
    if check and p.returncode != 0:
        raise AssertionError("cosmowatch %s: exit %d\n%s\n%s" % (" ".join(args), p.returncode, out[-4000:], err[-4000:]))
    return p.returncode, out, err


def end_of(child, log_path, patience_s):
    """The exit code of an agent that is asked to end when it does not by itself: once it has said something, for before that
    it may not catch signals yet."""
    try:
        return child.wait(patience_s)
    except subprocess.TimeoutExpired:
        wait_for("a word of it", lambda: os.path.getsize(log_path) > 0 or child.poll() is not None)
        child.send_signal(signal.SIGTERM)
        return child.wait(DEADLINE_S)


class Agent:
    """`cosmowatch run` as a child; its log is kept in a file."""

    def __init__(self, config_path, dir_, extra=(), env=None):
        self.log_path = os.path.join(dir_, "agent.log")
        self.log = open(self.log_path, "ab")
        self.child = subprocess.Popen([AGENT, "run", "-c", config_path] + list(extra), stdout=self.log, stderr=self.log,
                                      env={**os.environ, "COSMOWATCH_TEST_SECRET": SECRET, **(env or {})})

    def wait(self, timeout=DEADLINE_S * 3):
        return self.child.wait(timeout)

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        return self.child.wait(DEADLINE_S)

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        return self.child.wait(DEADLINE_S)

    @contextlib.contextmanager
    def standing(self):
        """It does nothing meanwhile: what happens now, all of it does before the agent's next step."""
        self.child.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.child.send_signal(signal.SIGCONT)

    def tail(self, n=1 << 22):
        """Of a running agent whole lines: the last one may be half written."""
        is_running = self.child.poll() is None
        with open(self.log_path, "rb") as f:
            text = f.read()
        return text[:text.rfind(b"\n") + 1 if is_running else None][-n:].decode("utf-8", "replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        self.log.close()


def ndjson(path, was_killed=False):
    """Complete lines only: a line being written ends without a newline. was_killed: who wrote it, perhaps in the middle of a
    line, which the next one ended."""
    if not os.path.exists(path):
        return []
    with open(path, "rb") as f:
        data = f.read()
    found = []
    for line in data[:data.rfind(b"\n") + 1].split(b"\n"):
        try:
            found += [json.loads(line)] if line.strip() else []
        except ValueError:
            assert was_killed, "no JSON in %s: %r" % (path, line[:200])
    return found


def scratch():
    return tempfile.TemporaryDirectory(prefix="cosmowatch-test-")
