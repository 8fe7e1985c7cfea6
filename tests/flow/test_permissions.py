"""What others may write is not believed: configuration, secrets, keys, authorities, feeds, networks, the store.

SPDX-License-Identifier: Apache-2.0
"""

import os
import re
import shutil

import pytest

from flow import certs, kit

NOBODY = 65534
# Somebody else may keep a list: what matters is that no third one can change it.
KEPT = {"bad.txt", "networks.csv"}


@pytest.fixture
def config(dir_):
    """A configuration that names one file of every kind: (path, the other files by what they are)."""
    certs.ca(dir_)
    cert, key = certs.issue(dir_, "client", "client")
    files = {"ca.pem": os.path.join(dir_, "ca.pem"), "client.pem": cert, "client.key": key}
    for name, text in [("token", "a-token-of-ours"), ("bad.txt", "203.0.113.9\n"), ("networks.csv", "cidr,name\n10.0.0.0/8,home\n")]:
        files[name] = os.path.join(dir_, name)
        with open(os.open(files[name], os.O_CREAT | os.O_WRONLY, 0o644), "w", encoding="ascii") as f:
            f.write(text)

    class Nobody:
        url = "http://127.0.0.1:9"

    path = kit.config(Nobody, dir_, [{"name": "soc", "type": "webhook", "url": "https://soc.example.net/",
                                      "token": "${file:%s}" % files["token"],
                                      "tls": {"ca": files["ca.pem"], "cert": cert, "key": key}}],
                      feeds=[{"name": "ours", "type": "addresses", "path": files["bad.txt"]}],
                      networks=[{"file": files["networks.csv"]}])
    files["cosmowatch.yaml"] = path
    os.mkdir(os.path.join(dir_, "state"), 0o700)
    files["state"] = os.path.join(dir_, "state")
    return path, files


def refused(path):
    """What is said instead of a start; '' when the answer is not a refusal of the configuration."""
    for verb in (["check"], ["outputs", "test"], ["store", "check"]):
        code, _, err = kit.run([*verb, "-c", path], check=False)
        if code == 2:
            return err
    return ""


NAMES = ["cosmowatch.yaml", "token", "client.key", "client.pem", "ca.pem", "bad.txt", "networks.csv", "state"]


def test_as_it_should_be_nothing_is_said(config):
    assert refused(config[0]) == ""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("more", [0o020, 0o002], ids=["group", "others"])
def test_what_others_may_write_is_refused_by_name(config, name, more):
    path, files = config
    os.chmod(files[name], (0o700 if name == "state" else 0o600) | more)
    said = refused(path)
    assert files[name] in said and re.search(r"writable by|others may write", said) and "go-w" in said, said
    os.chmod(files[name], 0o700 if name == "state" else 0o600)
    assert refused(path) == ""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_somebody_else_is_refused(config, name):
    path, files = config
    if name == "state":
        pytest.skip("root opens everybody's store, so that it can look; others only their own")
    os.chown(files[name], NOBODY, NOBODY)
    said = refused(path)
    assert said == "" if name in KEPT else "owned by user %d" % NOBODY in said and files[name] in said, said


@pytest.mark.parametrize("name", ["cosmowatch.yaml", "token", "client.key"])
def test_behind_a_link_the_file_is_judged_and_not_the_link(config, name):
    path, files = config
    real = files[name] + ".real"
    shutil.move(files[name], real)
    os.symlink(real, files[name])
    assert refused(path) == ""
    os.chmod(real, 0o666)
    assert "writable by everybody" in refused(path)
