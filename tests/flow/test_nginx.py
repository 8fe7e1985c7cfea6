"""nginx in front of a receiver, as most are found: TLS by others' code, client certificates, limits, a dead upstream.

What is missing on this machine is skipped with the name of its package. SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import shutil
import subprocess

import pytest

from flow import certs, http_way, kit
from flow.listener import free_port
from flow.rows import feeds
from flow.story import SHORT, final, small_world
from flow.syslog_receivers import listens

CONF = """
daemon off; pid {d}/nginx.pid; error_log {d}/error.log; {user} worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log {d}/access.log; client_body_temp_path {d}/body; proxy_temp_path {d}/proxy;
  fastcgi_temp_path {d}/fastcgi; uwsgi_temp_path {d}/uwsgi; scgi_temp_path {d}/scgi;
  limit_req_zone $server_name zone=one:64k rate=10r/s;
  server {{
    listen 127.0.0.1:{port} ssl http2; server_name localhost;
    ssl_certificate {d}/server.pem; ssl_certificate_key {d}/server.key; ssl_protocols {protocols};
    {more}
    location / {{ {location} proxy_pass http://127.0.0.1:{to}; }}
  }}
}}
"""


class Nginx:
    def __init__(self, dir_, to, more="", location="", protocols="TLSv1.2 TLSv1.3"):
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if not program:
            pytest.skip("nginx is missing: apt-get install nginx-light")
        self.port = free_port()
        conf = os.path.join(dir_, "nginx.conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(CONF.format(d=dir_, port=self.port, to=to, more=more, location=location, protocols=protocols,
                                user="user root;" if os.geteuid() == 0 else ""))
        self.log = open(os.path.join(dir_, "nginx.out"), "ab")
        self.child = subprocess.Popen([program, "-c", conf, "-p", dir_], stdout=self.log, stderr=self.log)
        kit.wait_for("nginx", lambda: listens(self.port) or self.child.poll() is not None)
        assert self.child.poll() is None, open(self.log.name, encoding="utf-8").read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.terminate()
        self.child.wait(kit.DEADLINE_S)
        self.log.close()


@pytest.fixture
def dir_(tmp_path):
    certs.ca(str(tmp_path))
    certs.issue(str(tmp_path), "server", "localhost")
    return str(tmp_path)


def hook(dir_, nginx, **more):
    return {"name": "soc", "type": "webhook", "url": "https://localhost:%d/hook" % nginx.port, "timeout": "60s",
            **more, "tls": {"ca": os.path.join(dir_, "ca.pem"), **more.get("tls", {})}}


def config(dir_, output):
    path = os.path.join(dir_, "cosmowatch.yaml")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"store": {"path": os.path.join(dir_, "state")}, "outputs": [output]}, f)
    os.chmod(path, 0o600)
    return path


def send(dir_, output):
    code, out, err = kit.run(["outputs", "test", "soc", "-c", config(dir_, output)], check=False)
    return code, out + err


@pytest.mark.parametrize("protocols", ["TLSv1.2", "TLSv1.3"])
def test_tls_by_nginx(dir_, protocols):
    with http_way.Receiver() as receiver, Nginx(dir_, receiver.port, protocols=protocols) as nginx:
        code, said = send(dir_, hook(dir_, nginx))
        assert code == 0, said
        other = certs.ca(dir_, "other")
        before = len(receiver.posts())
        code, said = send(dir_, hook(dir_, nginx, tls={"ca": other}))
    assert before == 1 and "systemAlertId" in json.loads(receiver.posts()[0][3])
    assert code == 1 and "certificate" in said and len(receiver.posts()) == before


def test_nginx_wants_our_certificate(dir_):
    cert, key = certs.issue(dir_, "client", "cosmowatch")
    certs.ca(dir_, "stranger")
    wrong = certs.issue(dir_, "wrong", "cosmowatch", by="stranger")
    with http_way.Receiver() as receiver, Nginx(
            dir_, receiver.port, more="ssl_verify_client on; ssl_client_certificate %s/ca.pem;" % dir_,
            location="proxy_set_header X-Client $ssl_client_s_dn;") as nginx:
        nobody = send(dir_, hook(dir_, nginx))
        stranger = send(dir_, hook(dir_, nginx, tls={"cert": wrong[0], "key": wrong[1]}))
        assert not receiver.posts()
        known = send(dir_, hook(dir_, nginx, tls={"cert": cert, "key": key}))
    assert nobody[0] == 1 and "400" in nobody[1] and "certificate" in nobody[1].lower()
    assert stranger[0] == 1 and "400" in stranger[1]
    # Nobody's alert is at fault: it is kept, not parked.
    assert "correct tls.cert" in nobody[1] and "correct tls.cert" in stranger[1]
    assert known[0] == 0, known[1]
    assert receiver.posts()[0][2]["X-Client"] == "CN=cosmowatch"


def test_a_run_through_nginx_with_limits_and_a_dead_upstream_loses_nothing(dir_):
    """413 halves, 429 and 502 wait; everything arrives by itself."""
    rows, _ = small_world(seed=51, hours=3)
    with kit.Azure(dir_) as azure, http_way.Receiver() as receiver:
        azure.add_rows(rows.rows)
        dead = free_port()
        with Nginx(dir_, dead) as nginx:
            port = nginx.port
            cfg = kit.config(azure, dir_, [hook(dir_, nginx, batch="array")], source=SHORT, feeds=feeds(dir_))
            with kit.Agent(cfg, dir_) as agent:
                kit.wait_for("502 to be told", lambda: "HTTP 502" in agent.tail(10 ** 6))
                assert agent.stop() == 0
        with Nginx(dir_, receiver.port, more="client_max_body_size 15k;",
                   location="limit_req zone=one burst=2 nodelay; limit_req_status 429;") as nginx:
            cfg = kit.config(azure, dir_, [hook(dir_, nginx, batch="array")], source=SHORT, feeds=feeds(dir_))
            kit.run(["run", "--until-caught-up", "-c", cfg])
            want = set(final(cfg))
        with open(os.path.join(dir_, "access.log"), encoding="utf-8") as f:
            log = f.read()
    got = [a for p in receiver.posts() for a in json.loads(p[3])]
    assert {a["systemAlertId"] for a in got} == want and port
    assert len({a["recordId"] for a in got}) == len(got)
    assert " 413 " in log and " 200 " in log
    assert max(len(p[3]) for p in receiver.posts()) <= 15 * 1024
