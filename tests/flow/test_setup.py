"""`cosmowatch setup`: from a few words to a configuration that works.

SPDX-License-Identifier: Apache-2.0
"""

import fcntl
import os
import pty
import select
import subprocess
import termios
import time

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
    out, err = child.communicate(timeout=kit.DEADLINE_S)
    os.close(above)
    assert child.returncode == 0, err
    assert b"Log Analytics workspace" in err and b"webhook: url" in err
    with open(path, encoding="utf-8") as f:
        text = f.read()
    assert "managed_identity" in text and "https://soc.example.net/hook" in text and "console" not in text
    kit.run(["check", path])


# ---- a newcomer at a terminal ------------------------------------------------------------------------------------------

TYPED = "s3cret-that-is-typed"
END = "(nobody writes to this terminal any more)"


class Terminal:
    """setup in a pseudo-terminal: what it shows, and answers once it asks."""

    def __init__(self, args, env):
        self.above, below = pty.openpty()
        self.below = below
        self.shown, self.at = "", 0
        self.child = subprocess.Popen([kit.AGENT, "setup"] + args, stdin=below, stdout=subprocess.PIPE, stderr=below,
                                      start_new_session=True, env={**os.environ, "NO_COLOR": "1", **env},
                                      preexec_fn=lambda: fcntl.ioctl(below, termios.TIOCSCTTY, 0))

    def wait(self, words):
        """Until it shows these words, after those that were waited for before."""
        end = time.monotonic() + kit.DEADLINE_S
        while words not in self.shown[self.at:]:
            assert time.monotonic() < end, "%r is not shown: %s" % (words, self.shown[-1500:])
            if select.select([self.above], [], [], 1)[0]:
                self.shown += os.read(self.above, 4096).decode("utf-8", "replace").replace("\r\n", "\n")
            else:
                assert self.child.poll() is None, self.shown[-1500:]
        self.at = self.shown.index(words, self.at) + len(words)

    def answer(self, question, text):
        self.wait(question)
        os.write(self.above, text.encode() + b"\n")

    def echoes(self):
        return bool(termios.tcgetattr(self.below)[3] & termios.ECHO)

    def end(self):
        """(exit code, standard output)"""
        out = self.child.stdout.read().decode()
        code = self.child.wait(kit.DEADLINE_S)
        os.write(self.below, END.encode())  # a terminal hands on in order, and not at once
        while END not in self.shown:
            self.shown += os.read(self.above, 4096).decode("utf-8", "replace")
        echoes = self.echoes()
        os.close(self.below)
        os.close(self.above)
        assert echoes, "the terminal no longer shows what is typed"
        return code, out


def here(azure):
    return {"AZURE_AUTHORITY_HOST": azure.url, "AZURE_POD_IDENTITY_AUTHORITY_HOST": azure.url}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def test_a_newcomer_is_led_and_every_part_is_tried_at_once(dir_):
    path = os.path.join(dir_, "new.yaml")
    rows, _ = small_world(seed=52, hours=3)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        t = Terminal(["-c", path, "--endpoint", azure.url, "--no-feeds"], here(azure))
        t.answer("Workspace ID", "my-workspace")
        t.wait("'my-workspace' is no workspace id")
        t.answer("Workspace ID", kit.WORKSPACE)
        t.answer("Which Azure", "pubic")
        t.answer("Which Azure", "")
        t.wait("found: a managed identity of this host")
        t.answer("[managed_identity]", "")
        t.wait("trying the workspace ...\n  ok\n")
        t.answer("First output", "splunkhec")
        t.wait("did you mean 'splunk_hec'?")
        t.answer("First output", "webhook")
        t.answer("webhook: url", azure.url + "/hook/soc")
        t.wait("trying it ...\n  ok\n")
        t.answer("Another output", "webhook")
        t.answer("webhook: url", "ftp://no")
        t.wait("FAIL")
        t.answer("Keep it all the same?", "no")
        t.answer("Another output", "webhook")
        t.answer("webhook: url", azure.url + "/hook/two")
        t.answer("Another output", "")
        t.answer("Address of the local web page", "none")
        code, out = t.end()
    assert code == 0, out + t.shown
    assert "is written" in out and "cosmowatch check --online -c " + path in out
    text = read(path)
    assert "name: webhook\n" in text and "name: webhook-2\n" in text and "ftp" not in text
    assert "type: \"managed_identity\"" in text
    assert sorted(n for n in os.listdir(dir_) if n.startswith("new.yaml")) == ["new.yaml"]
    kit.run(["check", "-c", path])


def test_a_secret_that_is_typed_is_not_shown_and_lies_in_a_file_of_its_own(dir_):
    path = os.path.join(dir_, "new.yaml")
    with kit.Azure(dir_) as azure:
        t = Terminal(["-c", path, "--endpoint", azure.url, "--no-feeds", "--console", "none", "--workspace", kit.WORKSPACE,
                      "--cloud", "public", "--identity", "client_secret", "--tenant", kit.TENANT, "--client-id", kit.CLIENT],
                     here(azure))
        t.answer("Its secret", TYPED)
        t.wait("FAIL: ")  # the service does not know it
        t.answer("Answer these again?", "yes")
        for question, answer in (("Workspace ID", kit.WORKSPACE), ("Which Azure", ""),
                                 ("How the agent proves", "client_secret"), ("Entra tenant", kit.TENANT),
                                 ("client) id", kit.CLIENT), ("Its secret", kit.SECRET)):
            t.answer(question, answer)
        t.wait("trying the workspace ...\n  ok\n")
        t.answer("First output", "splunk_hec")
        t.answer("splunk_hec: url", "http://127.0.0.1:9/")
        t.answer("splunk_hec: token", "${file:relative}")
        t.answer("splunk_hec: token", TYPED)
        t.answer("Keep it all the same?", "yes")
        t.answer("Another output", "")
        code, out = t.end()
        text = read(path)
        assert code == 1 and "Not everything answers yet" in out  # nobody listens at port 9
        for secret in (TYPED, kit.SECRET):
            assert secret not in text + out + t.shown
        for name, content in (("client-secret", kit.SECRET), ("splunk_hec-token", TYPED)):
            kept = os.path.join(os.path.realpath(dir_), name)
            assert read(kept) == content and os.stat(kept).st_mode & 0o777 == 0o600 and "${file:%s}" % kept in text
        assert "client-secret-2" not in os.listdir(dir_), "the one that was wrong is gone"
        code, out, _ = kit.run(["check", "--online", "-c", path], env={"AZURE_AUTHORITY_HOST": azure.url}, check=False)
        assert "ok    source workspace" in out


def test_ctrl_c_leaves_everything_as_it_was(dir_):
    path = os.path.join(dir_, "c", "new.yaml")
    os.mkdir(os.path.dirname(path))
    with open(path, "w", encoding="utf-8") as f:
        f.write("# mine\n")
    with kit.Azure(dir_) as azure:
        azure.control("faults", {"match": {"path": "/query"}, "action": {"hang_s": 600}, "count": None})
        for stop_at in ("at once", "secret", "trying"):
            t = Terminal(["-c", path, "--endpoint", azure.url, "--workspace", kit.WORKSPACE, "--cloud", "public",
                          "--identity", "client_secret", "--tenant", kit.TENANT, "--client-id", kit.CLIENT], here(azure))
            if stop_at == "at once":
                t.wait("Write a new one?")
            else:
                t.answer("Write a new one?", "yes")
                t.wait("Its secret")
            if stop_at == "trying":
                os.write(t.above, kit.SECRET.encode() + b"\n")
                t.wait("trying the workspace")
            os.write(t.above, b"\x03")
            code, out = t.end()
            assert code == 130 and "nothing was changed" in t.shown and out == "", (code, t.shown)
            assert os.listdir(os.path.dirname(path)) == ["new.yaml"] and read(path) == "# mine\n"


def test_what_was_there_is_asked_about_and_kept(dir_):
    path = os.path.join(dir_, "new.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write("# mine\n")
    words = ["-c", path, "--offline", "--workspace", kit.WORKSPACE, "--cloud", "public", "--identity", "managed_identity",
             "--console", "none", "file,path=-"]
    t = Terminal(words, {})
    t.answer("Write a new one?", "")
    code, _ = t.end()
    assert code == 2 and read(path) == "# mine\n" and os.listdir(dir_) == ["new.yaml"]
    t = Terminal(words, {})
    t.answer("Write a new one?", "perhaps")
    t.answer("Write a new one?", "y")
    code, _ = t.end()
    assert code == 0 and read(path + ".old") == "# mine\n" and kit.WORKSPACE in read(path)


def test_a_place_that_cannot_be_written_is_said_before_anything_is_asked(dir_):
    t = Terminal(["-c", os.path.join(dir_, "nowhere", "new.yaml")], {})
    code, _ = t.end()
    assert code == 1 and "nowhere" in t.shown and "-c FILE" in t.shown and "Workspace" not in t.shown


def test_lists_among_the_words_stay_whole(dir_):
    path = os.path.join(dir_, "new.yaml")
    kit.run(["setup", "-c", path, "--offline", "--workspace", kit.WORKSPACE, "--identity", "managed_identity",
             "kafka,brokers=a.example:9092,b.example:9092,topic=alerts", "file,path=-", "file,path=/tmp/two"])
    text = read(path)
    assert '"a.example:9092,b.example:9092"' in text and "name: file-2" in text
    kit.run(["check", "-c", path])


def test_what_is_found_on_this_host_is_said(dir_):
    words = ["setup", "--workspace", kit.WORKSPACE, "--no-feeds", "file,path=-"]
    with kit.Azure(dir_) as azure:
        for n, (has_identity, env, said) in enumerate((
                (True, here(azure), "found: a managed identity of this host"),
                (False, here(azure), "this host is in Azure but has no managed identity"),
                (True, {**here(azure), "AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:9"},
                 "found: no managed identity answers on this host"),
                (True, {**here(azure), "AZURE_CLIENT_ID": kit.CLIENT, "AZURE_TENANT_ID": kit.TENANT,
                      "AZURE_CLIENT_SECRET": kit.SECRET}, "found: an app in AZURE_* of the environment"))):
            azure.control("settings", {"managed_identity": has_identity})
            path = os.path.join(dir_, "%d.yaml" % n)
            _, out, err = kit.run(words + ["-c", path, "--endpoint", azure.url], env=env, check=False)
            assert said in err, err
            assert kit.SECRET not in out + err + read(path)
            assert ("environment" if "app in" in said else "managed_identity") in read(path)
