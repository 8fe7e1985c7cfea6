"""`cosmowatch store` with the real binary: a state that moves to another machine goes on as if it had stayed.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import shutil


from flow import kit
from flow.rows import feeds
from flow.story import SHORT, essence, final, hours_ago, outputs, small_world


def home(dir_, name, azure, settle="1s"):
    """A configuration in a folder of its own; `settle` is how long before now reading ends."""
    path = os.path.join(dir_, name)
    os.makedirs(path, exist_ok=True)
    return kit.config(azure, path, outputs(path), source={**SHORT, "settle": settle}, feeds=feeds(path))


def locked_by(cfg):
    with open(os.path.join(os.path.dirname(cfg), "state", "lock"), encoding="utf-8") as f:
        return int(f.read() or 0)


def exported(cfg):
    _, out, _ = kit.run(["store", "export", "-c", cfg])
    return out


def durable(text):
    """The rows of an export, without what says when and by whom the agent ran."""
    return sorted(line for line in text.splitlines() if '"agent/' not in line and '"end":true' not in line)


def catch_up(cfg):
    kit.run(["run", "--until-caught-up", "-c", cfg])


def test_a_store_that_moved_goes_on_like_one_that_stayed(dir_):
    rows, _ = small_world()
    rows.attack(hours_ago(1))
    rows.request(hours_ago(0.5), address="198.51.100.99")
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        stays = home(dir_, "stays", azure, settle="59m")  # after one attack, in the midst of the other
        catch_up(stays)
        moves = home(dir_, "moves", azure)
        path = os.path.join(dir_, "state.json")
        kit.run(["store", "export", "-c", stays, "--out", path])
        assert os.stat(path).st_mode & 0o077 == 0
        kit.run(["store", "import", path, "-c", moves])
        assert exported(moves) == exported(stays)
        assert final(moves) == final(stays)
        assert kit.run(["baseline", "show", "--json", "-c", moves])[1] == kit.run(["baseline", "show", "--json", "-c", stays])[1]
        assert kit.run(["coverage", "--json", "-c", moves])[1] == kit.run(["coverage", "--json", "-c", stays])[1]
        before = final(stays)
        assert before
        home(dir_, "stays", azure)
        for cfg in (stays, moves):
            catch_up(cfg)
            kit.run(["store", "check", "-c", cfg])
        assert essence(final(moves)) == essence(final(stays))
        assert set(final(stays)) > set(before)
        assert any(final(stays)[i]["count"] > a["count"] for i, a in before.items())
        # Into how many updates the rest of an attack falls hangs on the hour; what is told, and that it is told once, does not.
        sent = [kit.ndjson(os.path.join(dir_, n, "alerts.ndjson")) for n in ("stays", "moves")]
        for told in sent:
            records = [a["recordId"] for a in told]
            assert len(records) == len(set(records))
        alerts = [{a["systemAlertId"] for a in told} for told in sent]
        assert alerts[1] and alerts[1] <= alerts[0]
        assert alerts[1] >= set(final(moves)) - set(before)
        # Again into the same one: refused, and nothing is lost.
        code, _, err = kit.run(["store", "import", path, "-c", moves], check=False)
        assert code == 1 and "--replace" in err
        assert essence(final(moves)) == essence(final(stays))


def test_check_and_export_beside_the_agent_import_and_compact_only_without(dir_):
    rows, _ = small_world()
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = home(dir_, "a", azure)
        catch_up(cfg)
        path = os.path.join(dir_, "state.json")
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the agent's lock", lambda: locked_by(cfg) == agent.child.pid)
            kit.run(["store", "check", "-c", cfg])
            kit.run(["store", "export", "-c", cfg, "--out", path])
            for words in (["import", path], ["import", path, "--replace"], ["compact"]):
                code, _, err = kit.run(["store", *words, "-c", cfg], check=False)
                assert code == 1 and "pid %d" % agent.child.pid in err, (words, err)
            assert agent.stop() == 0
        before = durable(exported(cfg))
        _, out, err = kit.run(["store", "compact", "-c", cfg])
        assert "takes" in out and "100 %" in err
        assert durable(exported(cfg)) == before
        tables = [json.loads(line) for line in kit.run(["store", "check", "--json", "-c", cfg])[1].splitlines()]
        assert {t["table"] for t in tables} >= {"window", "baseline", "alert", "delivery"} and not any("wrong" in t for t in tables)
        # No credential is in an export: neither ours nor what Azure gave for it.
        for secret in (kit.SECRET, "Bearer", "eyJ"):
            assert secret not in exported(cfg)


def test_damage_is_told_with_its_remedy_which_works(dir_):
    rows, _ = small_world()
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = home(dir_, "a", azure)
        catch_up(cfg)
        wanted = essence(final(cfg))
        db = os.path.join(dir_, "a", "state", "store.db")
        with open(db, "r+b") as f:
            data = f.read()
            at = data.index(b'"detector"', len(data) // 3)
            f.seek(at + 2)
            f.write(b"X")
        shutil.copy(db, db + ".seen")
        code, out, err = kit.run(["store", "check", "-c", cfg], check=False)
        assert code == 1 and "checksum" in out and "remedy: restart the agent" in out and "wrong with the store" in err
        code, _, err = kit.run(["store", "export", "-c", cfg, "--out", os.path.join(dir_, "e.json")], check=False)
        assert code == 1 and "left out" in err
        catch_up(cfg)
        kit.run(["store", "check", "-c", cfg])
        assert set(final(cfg)) == set(wanted)


def test_what_is_no_export_is_refused_with_its_line(dir_):
    with kit.Azure(dir_) as azure:
        cfg = home(dir_, "a", azure)
        path = os.path.join(dir_, "x.json")
        for text, said in (("", "ends before"), ("hello\n", "line 1"), ('{"store":"cosmowatch","format":1}\n{}\n', "line 2")):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            code, _, err = kit.run(["store", "import", path, "-c", cfg], check=False)
            assert code == 1 and said in err and "nothing was imported" in err
        assert kit.run(["store", "frobnicate"], check=False)[0] == 2
