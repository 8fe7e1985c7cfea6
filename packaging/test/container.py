"""The image of packaging/Containerfile, run as its own metadata say: nothing writable but the volume and /tmp, no capability, no
shell, the simulated Azure on loopback. One line a finding. systemd-nspawn stands in for a container engine.

    container.py ROOT INSPECT       the image's files, and what `buildah inspect --type image` says of it

SPDX-License-Identifier: Apache-2.0
"""

import datetime
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback

from finding import ok, reader_is_shut_in, status_of
from flow import kit
from flow.rows import feeds
from flow.story import SHORT, small_world

USER = 990  # of the Containerfile; volumes outlive images
SHELLS = ["/usr/bin/bash", "/usr/bin/dash"]


class Image:
    def __init__(self, root, inspect):
        self.root = root
        with open(inspect, encoding="utf-8") as f:
            self.config = json.load(f)["Docker"]["config"]

    def command(self, *operands):
        """What an engine would execute: the entry point with its preset operands, or others."""
        return self.config["Entrypoint"] + (list(operands) or self.config["Cmd"])


class Container:
    """One container with a configuration and a volume of the host's."""

    def __init__(self, image, dir_, *operands):
        self.log_path = os.path.join(dir_, "container.log")
        self.log = open(self.log_path, "ab")
        volume = list(image.config["Volumes"])[0]
        argv = ["systemd-nspawn", "-q", "--register=no", "--keep-unit", "-D", image.root, "--read-only", "--tmpfs=/tmp",
                "--user=" + image.config["User"], "--drop-capability=all", "--no-new-privileges=yes",
                "--bind-ro=%s/etc:/etc/cosmowatch" % dir_, "--bind=%s/volume:%s" % (dir_, volume)]
        argv += ["--bind-ro=%s/no-program:%s" % (dir_, s) for s in SHELLS]
        self.child = subprocess.Popen(argv + image.command(*operands), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def first_process(self):
        """Its number on the host; 0 before it is there."""
        for path in glob.glob("/proc/[0-9]*/status"):
            fields = status_of(path)
            ids = fields.get("NSpid", "").split()
            if len(ids) > 1 and ids[-1] == "1" and fields.get("Name") == "cosmowatch" and descends(ids[0], self.child.pid):
                return int(ids[0])
        return 0

    def inside(self, command, user=USER):
        pid = self.first_process()
        p = subprocess.run(["nsenter", "-t", str(pid), "-a", "-S", str(user), "-G", str(user)] + command,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        return p.returncode, p.stdout

    def is_up_to_date(self, image, since):
        """Whoever forgot what it read is so only after it has read, and told, everything once more."""
        code, out = self.inside(image.command("status", "--json"))
        said = json.loads(out) if code == 0 else {"writtenAt": ""}
        return (said["writtenAt"] > since and said["sources"][0]["state"] == "up to date"
                and all(o["pending"] == 0 for o in said["outputs"]))

    def said(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            return f.read()[-3000:]

    def end(self):
        """As an engine asks for it: (its exit code, what it said). The code is None when it does not end."""
        pid = self.first_process()
        os.kill(pid, signal.SIGTERM)
        try:
            return self.child.wait(60), self.said()
        except subprocess.TimeoutExpired:
            threads = {t: [open("%s/%s" % (t, n), encoding="utf-8").read() for n in ("comm", "wchan", "syscall")]
                       for t in glob.glob("/proc/%d/task/*" % pid)}
            return None, "process %d still there: %s; %s\n%s" % (pid, self.first_process() == pid, threads, self.said())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pid = self.first_process()
        if self.child.poll() is None and pid:
            os.kill(pid, signal.SIGKILL)
        elif self.child.poll() is None:
            self.child.terminate()
        self.child.wait(60)
        self.log.close()


def descends(pid, ancestor):
    while pid not in ("0", ""):
        if int(pid) == ancestor:
            return True
        pid = status_of("/proc/%s/status" % pid).get("PPid", "").strip()
    return False


def give(path, mode):
    os.chown(path, 0, USER)
    os.chmod(path, mode)


def prepare(azure, dir_):
    """A folder with the configuration, root's; an empty volume, the agent's."""
    os.chmod(dir_, 0o755)
    etc, volume = os.path.join(dir_, "etc"), os.path.join(dir_, "volume")
    os.mkdir(etc)
    os.mkdir(volume)
    os.chown(volume, USER, USER)
    auth = {"type": "client_secret", "tenant": kit.TENANT, "client_id": kit.CLIENT,
            "client_secret": "${file:/etc/cosmowatch/client.secret}", "authority": azure.url}
    listed = [{**f, "path": "/etc/cosmowatch/" + os.path.basename(f["path"])} for f in feeds(etc)]
    kit.config(azure, etc, [{"name": "soc", "type": "webhook", "url": azure.url + "/hook/soc"}],
               source={**SHORT, "auth": auth}, feeds=listed, store={"path": "/var/lib/cosmowatch"})
    with open(os.path.join(etc, "client.secret"), "w", encoding="utf-8") as f:
        f.write(kit.SECRET)
    open(os.path.join(dir_, "no-program"), "w", encoding="utf-8").close()
    give(etc, 0o750)
    for name in os.listdir(etc):
        give(os.path.join(etc, name), 0o640)


def metadata(image):
    c = image.config
    ok("image: a user of its own, a volume, a signal to stop and commands without a shell",
       c["User"] == "cosmowatch" and list(c["Volumes"]) == ["/var/lib/cosmowatch"] and c["StopSignal"] == "SIGTERM"
       and c["Entrypoint"] == ["/usr/bin/cosmowatch"] and c["Cmd"] == ["run"] and c["Healthcheck"]["Test"][0] == "CMD", c)
    left = glob.glob(image.root + "/var/lib/apt/lists/*_*") + glob.glob(image.root + "/src") + glob.glob(image.root + "/tmp/*")
    ok("image: nothing of the build is in it", left == [] and not os.path.exists(image.root + "/usr/bin/gcc"), left)


def posts(azure):
    return [json.loads(p["body"]) for p in azure.control("alerts?hook=soc") if p["body"].strip()]


def life(image, azure, dir_):
    with Container(image, dir_, "check") as check:
        ok("check, as another command of the image", check.child.wait(60) == 0, check.said())
    probe = image.config["Healthcheck"]["Test"][1:]
    # With what worked before health is patient for a quarter of an hour; with what never did it is not.
    azure.control("faults", {"match": {"path": "/query"}, "action": {"status": 403}, "count": None})
    with Container(image, dir_) as c:
        kit.wait_for("trouble", lambda: c.first_process() and "403" in "%d %s" % c.inside(probe))
        sick = c.inside(probe)
        azure.control("faults", method="DELETE")
        try:
            kit.wait_for("the first alert", lambda: posts(azure) or c.child.poll() is not None)
            assert posts(azure), "it ended"
        except AssertionError as e:
            ok("the first alert comes out of the container", False, "%s\n%s" % (e, c.said()))
            return
        ok("the first alert comes out of the container: read-only, without capabilities, without a shell")
        fields = status_of("/proc/%d/status" % c.first_process())
        ok("its process is the first, user %d, without capabilities or new privileges" % USER,
           fields["Uid"].split()[0] == str(USER) and int(fields["CapBnd"], 16) == 0 and fields["NoNewPrivs"] == "1", fields)
        reader_is_shut_in(c.first_process())
        ok("a shell could not be started", c.inside(["/usr/bin/dash", "-c", "true"])[0] != 0)
        kit.wait_for("health", lambda: c.inside(probe) == (0, "healthy\n"))
        ok("the health check says so when it is well, and when it is not", sick[0] == 1, sick)
        code, said = c.end()
        ok("it ends by the signal to stop, properly", code == 0, said)
    before, stopped = {a["recordId"] for a in posts(azure)}, datetime.datetime.now(datetime.timezone.utc).isoformat()
    with Container(image, dir_) as c:
        kit.wait_for("the second to be up to date, by its own status", lambda: c.first_process() and c.is_up_to_date(image, stopped))
        ids = [a["recordId"] for a in posts(azure)]
        ok("the volume is its memory: a second container goes on, and tells nothing twice",
           before <= set(ids) and len(set(ids)) == len(ids), ids)
        code, said = c.end()
        ok("and ends", code == 0, said)


def main():
    image = Image(sys.argv[1], sys.argv[2])
    metadata(image)
    with tempfile.TemporaryDirectory(prefix="cosmowatch-container-") as dir_, kit.Azure(dir_) as azure:
        azure.add_rows(small_world(seed=11)[0].rows)
        prepare(azure, dir_)
        try:
            life(image, azure, dir_)
        except Exception:  # pylint: disable=broad-except
            ok("a step went wrong", False, traceback.format_exc())


main()
