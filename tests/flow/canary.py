"""Secrets that are looked for: one value for every option of the program that is a secret, and where they must not be.

SPDX-License-Identifier: Apache-2.0
"""

import base64
import contextlib
import hashlib
import json
import os

from flow import kit


def core(path):
    """Letters and digits alone: no format and no escape changes them."""
    return "Cnry" + hashlib.sha256(path.encode()).hexdigest()[:26]


def secret_options():
    """Where the option tables say that a secret stands: {"outputs/webhook/token", ...}."""
    found = set()

    def walk(node, at):
        if isinstance(node, list):
            for n in node:
                walk(n, at)
        elif isinstance(node, dict):
            if "credential:" in str(node.get("pattern", "")):
                found.add(at)
            kind = node.get("properties", {}).get("type", {}).get("const")
            for key, below in node.items():
                if key == "properties":
                    for name, option in below.items():
                        walk(option, "/".join(filter(None, [at, kind, name])))
                elif key not in ("pattern", "description"):
                    walk(below, at)

    walk(json.loads(kit.run(["config", "schema"])[1]), "")
    return found


def spellings(text):
    """The bytes by which a text is known again: plain, hexadecimal, base64 wherever it stands in what was encoded."""
    raw = text.encode()
    found = [raw, raw.hex().encode(), raw.hex().upper().encode()]
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw)
        found.append(coded[before + 1 if before else 0:8 * (before + len(raw)) // 6])
    return found


class Canaries:
    """Values by path; references to them by environment, file and systemd's credentials in turn."""

    def __init__(self, dir_):
        self.dir, self.core, self.env, self.by_env = dir_, {}, {}, set()
        self.folder = os.path.join(dir_, "credentials")
        os.makedirs(self.folder, mode=0o700)
        self.env["CREDENTIALS_DIRECTORY"] = self.folder

    def keep(self, path, text=None):
        """A canary that stands somewhere else than behind a reference, such as a line of a key."""
        self.core[path] = text or core(path)
        return self.core[path]

    def ref(self, path, text=None, kind=None):
        """A reference to the canary of this option."""
        text = text or self.keep(path) + "&/+%"
        self.keep(path)
        name = path.replace("/", "-").replace("#", "-")
        kind = kind or ("env", "file", "credential")[len(self.core) % 3]
        if kind == "env":
            self.by_env.add(path)
            self.env["CANARY_" + core(path)[4:12]] = text
            return "${env:CANARY_%s}" % core(path)[4:12]
        place = os.path.join(self.folder if kind == "credential" else self.dir, name)
        with open(os.open(place, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
            f.write(text + "\n")
        return "${credential:%s}" % name if kind == "credential" else "${file:%s}" % place

    def seen_in(self, data):
        """The canaries that these bytes show, each with what stands before it."""
        found = []
        for path, c in self.core.items():
            at = max(data.find(s) for s in spellings(c))
            if at >= 0:
                found.append("%s after %r" % (path, data[max(0, at - 80):at]))
        return found


def processes(pid):
    """A process and what it started. Threads and what was started come and go meanwhile."""
    found = [pid]
    for task in os.listdir("/proc/%d/task" % pid):
        with contextlib.suppress(OSError), open("/proc/%d/task/%s/children" % (pid, task), encoding="ascii") as f:
            for child in f.read().split():
                found += processes(int(child))
    return found


def shown(pid):
    """[(what, bytes)]: what the host shows of a process and of what it started, but of those that have just ended."""
    found = []
    for p in processes(pid):
        for name in ("cmdline", "environ"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError), open("/proc/%d/%s" % (p, name), "rb") as f:
                found.append(("%s of process %d" % (name, p), f.read()))
    return found


def may_look(pid):
    """Root with its rights, as a rule; no process of ours can be looked into by others."""
    try:
        with open("/proc/%d/mem" % pid, "rb", 0):
            return True
    except PermissionError:
        return False


def memory(pid, rights_wanted="rw"):
    """What the process can write to (or only read: "r"), piece by piece."""
    with open("/proc/%d/maps" % pid, encoding="ascii", errors="replace") as maps, open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            span, rights = line.split()[:2]
            if not rights.startswith(rights_wanted):
                continue
            start, end = (int(x, 16) for x in span.split("-"))
            mem.seek(start)
            try:
                yield mem.read(end - start)
            except OSError:
                pass  # a guard or a device


def in_memory(pid, texts, rights_wanted="rw"):
    """Those of the texts that are there."""
    found = set()
    for piece in memory(pid, rights_wanted):
        found |= {t for t in texts if t.encode() in piece}
    return found
