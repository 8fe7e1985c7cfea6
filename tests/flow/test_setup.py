"""`cosmowatch setup`: from a few words to a configuration that works.

SPDX-License-Identifier: Apache-2.0
"""

import os
import pty
import subprocess

from flow import kit
from flow.story import small_world


def words(azure, dir_, *more):
    return ["setup", "-c", os.path.join(dir_, "new.yaml"), "--workspace", kit.WORKSPACE, "--endpoint", azure.url,
            "--identity", "client_secret", "--tenant", kit.TENANT, "--client-id", kit.CLIENT,
            "--secret", "${env:COSMOWATCH_TEST_SECRET}", "--no-feeds", *more]


def test_a_few_words_give_a_configuration_that_runs(dir_):
    rows, types = small_world(seed=51)
    found = os.path.join(dir_, "alerts.json")
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        env = {"AZURE_AUTHORITY_HOST": azure.url}
        code, out, err = kit.run(words(azure, dir_, "file,path=" + found, "webhook,url=%s/hook/soc" % azure.url), env=env,
                                 check=False)
        cfg = os.path.join(dir_, "new.yaml")
        assert os.path.exists(cfg), out + err
        assert "source workspace" in out and "output webhook" in out
        with open(cfg, encoding="utf-8") as f:
            text = f.read()
        assert kit.SECRET not in text + out + err
        with open(os.path.join(dir_, "tor.txt"), "w", encoding="utf-8") as f:
            f.write("198.51.100.23\n")
        with open(cfg, "a", encoding="utf-8") as f:  # the tests' own store and list
            f.write("\nstore: { path: %s/state }\nfeeds: [{ name: tor, type: tor_exits, path: %s/tor.txt }]\n" % (dir_, dir_))
        with open(cfg, encoding="utf-8") as f:
            text = f.read().replace("    workspace:", "    lookback: 6h\n    backfill: 0s\n    workspace:")
        with open(cfg, "w", encoding="utf-8") as f:
            f.write(text)
        kit.run(["run", "--until-caught-up", "-c", cfg], env=env)
    assert "CosmosDB_TorAnomaly" in {a["alertType"] for a in kit.ndjson(found)}


def test_a_workspace_that_refuses_gives_the_commands_that_are_missing(dir_):
    with kit.Azure(dir_) as azure:
        azure.control("faults", {"match": {"path": "/query"}, "action": {"status": 403}, "count": None})
        code, out, err = kit.run(words(azure, dir_, "file,path=-"), env={"AZURE_AUTHORITY_HOST": azure.url}, check=False)
    assert code == 1
    assert "Log Analytics Reader" in out and kit.CLIENT in out
    assert os.path.exists(os.path.join(dir_, "new.yaml"))


def test_what_is_wrong_is_said_and_nothing_is_left(dir_):
    with kit.Azure(dir_) as azure:
        for more, word in ((["webhok,url=http://x/"], "webhook"), (["webhook"], "url"), (["webhook,ulr=x"], "ulr"),
                           (["file,path=-", "--cloud", "mars"], "us_government"), (["kafka,brokers=a:9092"], "topic")):
            code, out, err = kit.run(words(azure, dir_, "--offline", *more), check=False)
            assert code == 2 and word in err, (more, err)
            assert not [n for n in os.listdir(dir_) if n.startswith("new.yaml")], more
        assert kit.run(words(azure, dir_, "--offline", "file,path=-"))[0] == 0
        code, _, err = kit.run(words(azure, dir_, "--offline", "file,path=-"), check=False)
        assert code == 2 and "--replace" in err
        kit.run(words(azure, dir_, "--offline", "--replace", "file,path=-"))


def test_a_secret_is_never_written_down(dir_):
    code, out, err = kit.run(["setup", "-c", os.path.join(dir_, "new.yaml"), "--offline", "--workspace", kit.WORKSPACE,
                              "--identity", "client_secret", "--tenant", "t", "--client-id", "c", "--secret", "hunter2hunter2"],
                             check=False)
    assert code == 2 and "${file:" in err and "hunter2" not in out + err
    assert os.listdir(dir_) == []


def test_at_a_terminal_it_asks(dir_):
    path = os.path.join(dir_, "new.yaml")
    above, below = pty.openpty()
    child = subprocess.Popen([kit.AGENT, "setup", "--offline", "-c", path], stdin=below, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    os.close(below)
    for line in (kit.WORKSPACE, "", "", "webhook", "https://soc.example.net/hook", "", "none"):
        os.write(above, line.encode() + b"\n")
    out, err = child.communicate(timeout=60)
    os.close(above)
    assert child.returncode == 0, err
    assert b"Log Analytics workspace" in err and b"webhook: url" in err
    with open(path, encoding="utf-8") as f:
        text = f.read()
    assert "managed_identity" in text and "https://soc.example.net/hook" in text and "console" not in text
    kit.run(["check", path])
