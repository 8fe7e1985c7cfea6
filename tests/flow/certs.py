"""Certificates made while the test runs, with the openssl program: a CA, servers, clients.
SPDX-License-Identifier: Apache-2.0
"""

import os
import subprocess


def _openssl(*argv, env=None):
    subprocess.run(["openssl"] + list(argv), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env={**os.environ, **(env or {})})


def ca(dir_, name="ca", days="2"):
    key, pem = (os.path.join(dir_, name + e) for e in (".key", ".pem"))
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", days, "-keyout", key,
             "-out", pem, "-subj", "/CN=test CA " + name, "-addext", "basicConstraints=critical,CA:TRUE")
    return pem


def issue(dir_, name, cn, alt="DNS:localhost,IP:127.0.0.1", by="ca", days="2", env=None):
    """(certificate, key). `env`: a shim's, for one that was made on another day."""
    p = lambda n: os.path.join(dir_, n)
    _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", p(name + ".key"), "-out",
             p(name + ".csr"), "-subj", "/CN=" + cn)
    with open(p(name + ".ext"), "w", encoding="ascii") as f:
        f.write("subjectAltName=%s\nbasicConstraints=CA:FALSE\n" % alt)
    _openssl("x509", "-req", "-in", p(name + ".csr"), "-CA", p(by + ".pem"), "-CAkey", p(by + ".key"), "-CAcreateserial",
             "-days", days, "-extfile", p(name + ".ext"), "-out", p(name + ".pem.new"), env=env)
    os.rename(p(name + ".pem.new"), p(name + ".pem"))
    return p(name + ".pem"), p(name + ".key")


def fingerprint(pem):
    out = subprocess.run(["openssl", "x509", "-in", pem, "-noout", "-fingerprint", "-sha256"], check=True,
                         capture_output=True, text=True).stdout
    return "sha-256:" + out.strip().split("=", 1)[1]
