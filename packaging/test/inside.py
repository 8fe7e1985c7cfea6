"""Inside the booted root (packaging/test/run): the service under its sandbox, with a simulated Azure beside it, through
upgrade, downgrade, removal and purge: the Debian package by apt, then, where dnf is there, the RPM by dnf. One line a finding.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from finding import ok, reader_is_shut_in, status_of
from flow import kit
from sim.story import ATTACKED_WITHIN_HOURS

kit.AGENT = "/usr/bin/cosmowatch"
CONFIG = "/etc/cosmowatch/cosmowatch.yaml"
HOOK_PORT = 18099
NEWER = sys.argv[1]
CONSOLE = "127.0.0.1:9797"
DNF = "dnf -y -q --releasever=9 --disablerepo='*' --enablerepo=checks "
APT = "DEBIAN_FRONTEND=noninteractive apt-get -y -qq --no-install-recommends "


def sh(command, check=True):
    p = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
    if check and p.returncode != 0:
        raise AssertionError("%s: exit %d\n%s" % (command, p.returncode, p.stdout[-3000:]))
    return p.stdout.strip()


def show(prop):
    return sh("systemctl show -P %s cosmowatch" % prop)


def status():
    code, out, _ = kit.run(["status", "--json"], check=False)
    return json.loads(out) if code == 0 and out.strip() else {}


def outputs():
    return {o["name"]: o for o in status().get("outputs", [])}


def alerts():
    return {json.loads(line)["systemAlertId"] for line in kit.run(["alerts", "export"])[1].splitlines()}


def mode(path):
    st = os.stat(path)
    return "%o %s" % (st.st_mode & 0o7777, pwd.getpwuid(st.st_uid).pw_name)


def configure(azure, dir_):
    os.makedirs("/etc/credstore", mode=0o700, exist_ok=True)
    with open("/etc/credstore/cosmowatch.client-secret", "w", encoding="utf-8") as f:
        f.write(kit.SECRET)
    os.chmod("/etc/credstore/cosmowatch.client-secret", 0o600)
    feeds = [{"name": "tor", "type": "tor_exits", "path": "/etc/cosmowatch/tor.txt"}]
    sh("cp %s/tor.txt /etc/cosmowatch/tor.txt && chmod 640 /etc/cosmowatch/tor.txt && chgrp cosmowatch /etc/cosmowatch/tor.txt" % dir_)
    source = {"lookback": "%dh" % (ATTACKED_WITHIN_HOURS + 1),
              "auth": {"type": "client_secret", "tenant": kit.TENANT, "client_id": kit.CLIENT,
                       "client_secret": "${credential:client-secret}", "authority": azure.url}}
    path = kit.config(azure, dir_, [{"name": "file", "type": "file", "path": "/var/log/cosmowatch/alerts.json",
                                     "rotate": {"size": "4KiB"}},
                                    {"name": "soc", "type": "webhook", "url": "http://127.0.0.1:%d/hook/soc" % HOOK_PORT}],
                      source=source, feeds=feeds, store={"path": "/var/lib/cosmowatch"}, console={"listen": CONSOLE})
    sh("install -m 640 -o root -g cosmowatch %s %s" % (path, CONFIG))


def story(dir_):
    sh("cd /opt/checks/tests && python3 -m sim.story --seed 7 --end $(date -u +%%Y-%%m-%%dT%%H:%%M:%%SZ) --days 17 --scale 0.2 "
       "--out %s/rows.ndjson --truth %s/truth.json --tor-exits %s/tor.txt --bad-addresses %s/bad.csv" % ((dir_,) * 4))
    return dir_ + "/rows.ndjson"


def hook(dir_):
    """A receiver on the port that the configuration names."""
    log = open(dir_ + "/hook.log", "wb")
    child = subprocess.Popen([sys.executable, "-m", "sim", "--port", str(HOOK_PORT), "--port-file", dir_ + "/hook-port"],
                             cwd="/opt/checks/tests", stdout=log, stderr=log)
    kit.wait_for("the receiver", lambda: os.path.exists(dir_ + "/hook-port"))
    return child


def fresh():
    ok("installed: state and configuration are the service's alone",
       mode("/etc/cosmowatch") == "750 root" and mode("/var/lib/cosmowatch") == "750 cosmowatch",
       (mode("/etc/cosmowatch"), mode("/var/lib/cosmowatch")))
    ok("enabled", sh("systemctl is-enabled cosmowatch") == "enabled")
    ok("without a configuration it does not run, and does not fail",
       (show("ActiveState"), show("ConditionResult")) == ("inactive", "no"), sh("systemctl status cosmowatch", False))
    said = sh("systemd-analyze security cosmowatch | tail -n 1", False)
    exposure = re.search(r"cosmowatch.service: ([0-9.]+)", said)
    ok("sandbox: exposure %s, below 1.5" % (exposure[1] if exposure else "unknown"), exposure and float(exposure[1]) < 1.5, said)


class Siem:
    """A syslog receiver as plain as can be: what came over TCP."""

    def __init__(self):
        self.text = b""
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            line, _ = self.door.accept()
            threading.Thread(target=self.read, args=(line,), daemon=True).start()

    def read(self, line):
        for part in iter(lambda: line.recv(65536), b""):
            self.text += part


def newcomer(azure, install, hook_name):
    """By the manual: the package, four answers, the service; then the first alert wherever somebody looks."""
    tool, siem, t0 = install.split()[0], Siem(), time.monotonic()
    sh((APT if tool == "apt" else DNF) + install.split(" ", 1)[1])
    ok("%s installs it from the repository, with its signature" % tool)
    fresh()
    with open("/etc/cosmowatch/client.secret", "w", encoding="utf-8") as f:
        f.write(kit.SECRET)
    sh("chgrp cosmowatch /etc/cosmowatch/client.secret && chmod 640 /etc/cosmowatch/client.secret")
    with open("/etc/cosmowatch/environment", "w", encoding="utf-8") as f:  # the simulator is no cloud of Microsoft's
        f.write("AZURE_AUTHORITY_HOST=%s\n" % azure.url)
    said = sh("AZURE_AUTHORITY_HOST=%s cosmowatch setup --workspace %s --endpoint %s --identity client_secret --tenant %s --client-id %s "
              "--secret '${file:/etc/cosmowatch/client.secret}' --console unix:/run/cosmowatch/console.sock --no-feeds "
              "webhook,url=%s/hook/%s syslog,address=127.0.0.1:%d,transport=tcp"
              % (azure.url, kit.WORKSPACE, azure.url, kit.TENANT, kit.CLIENT, azure.url, hook_name, siem.port))
    ok("setup: writes it, tries it, says what comes next", "systemctl enable --now cosmowatch" in said, said)
    ok("setup: the service can read its configuration, others cannot", mode(CONFIG) == "640 root", mode(CONFIG))
    sh("systemctl enable --now cosmowatch")
    first = kit.wait_for("the first alert at the webhook",
                         lambda: [p["body"] for p in azure.control("alerts?hook=" + hook_name) if p["body"].strip()], deadline_s=600)
    id_ = json.loads(first[0])["systemAlertId"]
    kit.wait_for("the first alert at syslog", lambda: id_.encode() in siem.text, deadline_s=600)
    kit.wait_for("the first alert in the console", lambda: id_ in console("/alerts?since=30d"), deadline_s=600)
    ok("from %s to the first alert at a webhook, at syslog and in the console: %.0f s" % (tool, time.monotonic() - t0))
    ok("the socket of the console is the service's", mode("/run/cosmowatch/console.sock").endswith("cosmowatch"))


def console(path):
    return sh("python3 - <<'E'\nimport http.client, socket\nc = http.client.HTTPConnection('localhost')\n"
              "c.sock = socket.socket(socket.AF_UNIX)\nc.sock.connect('/run/cosmowatch/console.sock')\n"
              "c.request('GET', '%s')\nprint(c.getresponse().read().decode())\nE" % path)


def reload():
    pid = show("MainPID")
    with open(CONFIG, encoding="utf-8") as f:
        good = f.read()
    with open(CONFIG, "w", encoding="utf-8") as f:
        f.write(good + "detectorz: {}\n")
    refused = sh("systemctl reload cosmowatch; echo exit $?", False)
    ok("reload: a configuration with a mistake is refused, the service goes on",
       "exit 0" not in refused and show("MainPID") == pid and show("ActiveState") == "active" and "file" not in outputs(), refused)
    with open(CONFIG, "w", encoding="utf-8") as f:
        f.write(good.replace("outputs:\n", "outputs:\n  - { name: file, type: file, path: /var/log/cosmowatch/alerts.json }\n", 1))
    sh("systemctl reload cosmowatch")
    kit.wait_for("the new output", lambda: "file" in outputs())
    ok("reload: a good one is taken without a restart", show("MainPID") == pid and show("NRestarts") == "0")
    sh("cosmowatch outputs backfill file --since 30d")
    kit.wait_for("the file", lambda: outputs()["file"]["accepted"] > 0)
    ok("earlier alerts came into it, inside the sandbox")


def first_run():
    sh("systemctl start cosmowatch")
    kit.wait_for("alerts waiting for the receiver", lambda: outputs().get("soc", {}).get("pending", 0) > 0
                 and outputs().get("file", {}).get("accepted", 0) > 0)
    pid = show("MainPID")
    text = status_of("/proc/%s/status" % pid)
    ok("runs as its own user, without capabilities, filtered",
       pwd.getpwuid(int(text["Uid"].split()[0])).pw_name == "cosmowatch" and int(text["CapBnd"], 16) == 0
       and text["NoNewPrivs"] == "1" and text["Seccomp"] == "2", text)
    reader_is_shut_in(pid)
    page = sh("python3 -c \"import urllib.request as u; print(u.urlopen('http://%s/alerts').read().decode())\"" % CONSOLE)
    ok("the console answers over TCP", any(id_ in page for id_ in alerts()), page)
    ok("secret came as a credential, alerts went to the file, a backlog is there")
    ok("nothing was refused by the sandbox", "EPERM" not in sh("journalctl -u cosmowatch --no-pager", False)
       and show("NRestarts") == "0", sh("journalctl -u cosmowatch --no-pager | tail -n 20", False))
    return pid


def change(version, pid, what, command=APT + "install --allow-downgrades cosmowatch="):
    sh(command + version)
    kit.wait_for("the service after %s" % what, lambda: show("ActiveState") == "active" and show("MainPID") not in ("0", pid))
    new = show("MainPID")
    kit.wait_for("a status of the new process", lambda: str(status().get("pid")) == new)
    ok("%s: restarted, still healthy" % what, show("NRestarts") == "0")
    return new


def gone():
    left = sh("find / -xdev \\( -path /proc -o -path /opt -o -path /tmp -o -path /sys -o -path /run/systemd -o -path /etc/credstore -o -path /srv -o -path /var/cache/apt -o -path /var/lib/apt \\) -prune "
              "-o -iname '*cosmowatch*' -print", False)
    ok("purged: nothing is left", left == "", left)
    ok("the unit is forgotten", show("LoadState") == "not-found", show("LoadState"))


def journal():
    """What journald keeps beside the text: fields to filter by."""
    lines = [json.loads(line) for line in sh("journalctl -u cosmowatch -o json --no-pager").splitlines()]
    own = [x for x in lines if x.get("_COMM") == "cosmowatch"]
    ok("the journal has what it says, as the service's, with a level", own and all(
        x["_SYSTEMD_UNIT"] == "cosmowatch.service" and "PRIORITY" in x for x in own), own[:2])


def by_dnf(azure):
    newcomer(azure, "dnf install cosmowatch-0.0.1", "rpm")
    before, pid = alerts(), show("MainPID")
    pid = change(NEWER, pid, "upgrade by dnf", DNF + "upgrade cosmowatch-")
    pid = change("0.0.1", pid, "downgrade by dnf", DNF + "downgrade cosmowatch-")
    ok("alerts and configuration are as they were", before <= alerts() and os.path.exists(CONFIG))
    sh(DNF + "remove cosmowatch")
    ok("removed by dnf: stopped, disabled, configuration and state stay",
       sh("systemctl is-active cosmowatch", False) != "active" and show("LoadState") == "not-found" and os.path.exists(CONFIG)
       and os.path.exists("/var/lib/cosmowatch") and not os.path.exists("/usr/bin/cosmowatch")
       and not os.path.lexists("/etc/systemd/system/multi-user.target.wants/cosmowatch.service"))


def steps(dir_):
    with kit.Azure(dir_, [story(dir_)]) as azure:
        newcomer(azure, "apt install cosmowatch=0.0.1", "first")
        reload()
        journal()
        sh("dpkg -P cosmowatch")
        gone()
        sh(APT + "install cosmowatch=0.0.1")
        configure(azure, dir_)
        ok("check", kit.run(["check"], check=False, env={"CREDENTIALS_DIRECTORY": "/nowhere"})[0] == 0)
        pid = first_run()
        kit.wait_for("a file that was set aside and compressed",
                     lambda: [n for n in os.listdir("/var/log/cosmowatch") if n.endswith(".gz")], deadline_s=300)
        ok("files are set aside and compressed inside the sandbox")
        before, waiting = alerts(), outputs()["soc"]["pending"]
        pid = change(NEWER, pid, "upgrade with a backlog")
        ok("the backlog survived", outputs()["soc"]["pending"] >= waiting and before <= alerts(), outputs())
        receiver = hook(dir_)
        kit.wait_for("the backlog to be delivered", lambda: outputs()["soc"]["pending"] == 0)
        posts = kit.http("http://127.0.0.1:%d/_control/alerts?hook=soc" % HOOK_PORT)
        arrived = [json.loads(p["body"]) for p in posts]
        ok("every alert of the backlog arrived (%d posts)" % len(posts), before <= {a["systemAlertId"] for a in arrived},
           sorted(before))
        ok("each once", len({a["recordId"] for a in arrived}) == len(arrived), [a["recordId"] for a in arrived])
        accepted = outputs()["soc"]["accepted"]
        pid = change("0.0.1", pid, "downgrade")
        ok("deliveries and alerts are as they were", outputs()["soc"]["accepted"] >= accepted and before <= alerts())
        sh("dpkg -r cosmowatch")
        ok("removed: stopped, configuration and state stay",
           sh("systemctl is-active cosmowatch", False) != "active" and os.path.exists(CONFIG)
           and os.path.exists("/var/lib/cosmowatch") and not os.path.exists("/usr/bin/cosmowatch"))
        sh(APT + "install cosmowatch")
        kit.wait_for("the service after installing again", lambda: show("ActiveState") == "active")
        ok("installed again: goes on with its state", before <= alerts())
        sh("dpkg -P cosmowatch")
        receiver.terminate()
        receiver.wait()
        gone()
        if shutil.which("dnf"):
            by_dnf(azure)


def main():
    with tempfile.TemporaryDirectory(prefix="checks-") as dir_:
        os.chmod(dir_, 0o755)
        try:
            steps(dir_)
            print("all steps done")
        except Exception:  # pylint: disable=broad-except
            ok("a step went wrong", False, traceback.format_exc())
            print(sh("journalctl -u cosmowatch --no-pager | tail -n 30", False))


main()
