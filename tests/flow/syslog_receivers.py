"""Real syslog receivers as ordinary processes on loopback: rsyslogd, and syslog-ng unpacked from its package.

Each writes one JSON object a message. What is missing is skipped with the name of its package.
syslog-ng's package excludes rsyslog's, so it is unpacked, not installed: COSMOWATCH_SYSLOG_NG names the folder
(tests/conformance/syslog-ng.sh, a part of `make conformance`, does it).
SPDX-License-Identifier: Apache-2.0
"""

import glob
import os
import shutil
import socket
import subprocess

import pytest

from flow import kit
from flow.listener import free_port

RSYSLOG = """
global(workDirectory="{d}" maxMessageSize="64k" defaultNetstreamDriverCAFile="{d}/ca.pem"
       defaultNetstreamDriverCertFile="{d}/server.pem" defaultNetstreamDriverKeyFile="{d}/server.key")
module(load="imtcp") module(load="imudp") module(load="mmpstrucdata") {normalize}
template(name="ts" type="list") {{ property(name="timereported" dateFormat="rfc3339") }}
template(name="j" type="list") {{ property(name="$!") constant(value="\\n") }}
ruleset(name="in") {{
  set $!r!input = $inputname; set $!r!facility = $syslogfacility-text; set $!r!severity = $syslogseverity-text;
  set $!r!ts = exec_template("ts"); set $!r!host = $hostname; set $!r!app = $app-name; set $!r!procid = $procid;
  set $!r!msgid = $msgid; set $!r!sd = $structured-data; set $!r!raw = $rawmsg; set $!r!msg = $msg;
  action(type="mmpstrucdata")
  {cef}
  action(type="omfile" file="{d}/out.json" template="j")
}}
{inputs}
"""

TCP = 'input(type="imtcp" name="tcp" address="127.0.0.1" port="{port}" ruleset="in")\n'
UDP = 'input(type="imudp" name="udp" address="127.0.0.1" port="{port}" ruleset="in")\n'
TLS = ('input(type="imtcp" name="tls" address="127.0.0.1" port="{port}" ruleset="in" streamdriver.name="ossl" '
       'streamdriver.mode="1" streamdriver.authmode="x509/name" permittedpeer=["cosmowatch"])\n')
TLS_ANON = ('input(type="imtcp" name="tls" address="127.0.0.1" port="{port}" ruleset="in" streamdriver.name="ossl" '
            'streamdriver.mode="1" streamdriver.authmode="anon")\n')

SYSLOG_NG = """


@version: {version}
options {{ keep-hostname(yes); use-dns(no); dns-cache(no); }};
source s {{ {source}; }};
destination d {{ file("{d}/out.json" template("$(format-json --scope rfc5424,sdata,nv-pairs,dot-nv-pairs)\\n")); }};
log {{ source(s); destination(d); }};
"""


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    except OSError:
        return False


def takes_datagrams(port):
    with open("/proc/net/udp", encoding="ascii") as f:
        return any(line.split()[1].endswith(":%04X" % port) for line in f)


class Receiver:
    """Started with `argv`, ready when `is_ready` says so; its messages are lines of out.json."""

    def __init__(self, dir_, argv, port, env=None, is_ready=None):
        self.dir, self.argv, self.port, self.env = dir_, argv, port, env
        self.is_ready = is_ready or (lambda: listens(port))
        self.child = None
        self.start()

    def start(self):
        with open(os.path.join(self.dir, "receiver.log"), "ab") as log:
            self.child = subprocess.Popen(self.argv, stdout=log, stderr=log, cwd=self.dir, env={**os.environ, **(self.env or {})})
        try:
            kit.wait_for("the receiver", self._ready)
        except BaseException:
            self.stop(kill=True)
            raise

    def _ready(self):
        if self.child.poll() is not None:
            with open(os.path.join(self.dir, "receiver.log"), encoding="utf-8", errors="replace") as f:
                raise AssertionError("the receiver ended: " + f.read()[-2000:])
        return self.is_ready()

    def stop(self, kill=False):
        if self.child.poll() is None:
            (self.child.kill if kill else self.child.terminate)()
        self.child.wait(kit.DEADLINE_S)

    def messages(self):
        return kit.ndjson(os.path.join(self.dir, "out.json"))

    def wait(self, n):
        return kit.wait_for("%d messages" % n, lambda: len(self.messages()) >= n and self.messages())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(kill=True)


def rsyslog(dir_, kind, port=None):
    program = shutil.which("rsyslogd") or shutil.which("rsyslogd", path="/usr/sbin")
    if not program:
        pytest.skip("rsyslogd is missing: apt-get install rsyslog")
    if kind in (TLS, TLS_ANON) and not glob.glob("/usr/lib/*/rsyslog/lmnsd_ossl.so"):
        pytest.skip("rsyslog has no OpenSSL driver: apt-get install rsyslog-openssl")
    has_cef = bool(glob.glob("/usr/lib/*/rsyslog/mmnormalize.so"))
    port = port or free_port(socket.SOCK_DGRAM if kind is UDP else socket.SOCK_STREAM)
    conf, pid = os.path.join(dir_, "r.conf"), os.path.join(dir_, "r.pid")
    with open(os.path.join(dir_, "cef.rb"), "w", encoding="ascii") as f:
        f.write("version=2\nrule=cef:%cef:cef%\n")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(RSYSLOG.format(d=dir_, inputs=kind.format(port=port),
                               normalize='module(load="mmnormalize")' if has_cef else "",
                               cef='action(type="mmnormalize" rulebase="%s/cef.rb")' % dir_ if has_cef else ""))
    ready = None if kind is not UDP else lambda: takes_datagrams(port)
    return Receiver(dir_, [program, "-n", "-f", conf, "-i", pid], port, is_ready=ready)


def syslog_ng(dir_, source):
    root = os.environ.get("COSMOWATCH_SYSLOG_NG")
    program = os.path.join(root, "usr/sbin/syslog-ng") if root else shutil.which("syslog-ng")
    if not program or not os.path.exists(program):
        pytest.skip("syslog-ng is missing: apt-get download syslog-ng-core, dpkg -x it, set COSMOWATCH_SYSLOG_NG")
    modules = sorted(glob.glob(os.path.join(root or "/", "usr/lib/syslog-ng/*/libcef.so")))
    folder = os.path.dirname(modules[-1])
    libraries = [os.path.dirname(folder)] + glob.glob(os.path.join(root or "/", "usr/lib/*-linux-gnu*"))
    env = {"LD_LIBRARY_PATH": ":".join(libraries)} if root else {}
    port = free_port()
    conf = os.path.join(dir_, "s.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(SYSLOG_NG.format(version=os.path.basename(folder), d=dir_, source=source.format(d=dir_, port=port)))
    argv = [program, "-F", "-f", conf, "--no-caps", "--module-path=" + folder] + [
        "--%s=%s" % (k, os.path.join(dir_, n)) for k, n in (("persist-file", "s.persist"), ("control", "s.ctl"),
                                                           ("pidfile", "s.pid"))]
    return Receiver(dir_, argv, port, env=env)
