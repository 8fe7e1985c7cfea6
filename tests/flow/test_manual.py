"""The user manual (packaging/manual) and the README against the program: every configuration in them is accepted, every
command line exists and runs, every message that they explain can be given, nothing is left out, no link leads nowhere.

SPDX-License-Identifier: Apache-2.0
"""

import datetime
import functools
import glob
import json
import os
import re
import shlex
import shutil
import subprocess

import pytest

from flow import kit
from flow.rows import Rows, feeds, no_places
from flow.story import SHORT, small_world

MANUAL = os.path.join(kit.ROOT, "packaging", "manual")
PAGES = sorted(glob.glob(os.path.join(MANUAL, "*.md"))) + [os.path.join(kit.ROOT, "README.md")]
NAMES = [os.path.basename(p) for p in PAGES]

SOURCE = """sources:
  - { name: test, type: log_analytics, workspace: 00000000-0000-0000-0000-000000000000, auth: { type: managed_identity } }
"""

# Words of other products that look like options of ours.
FOREIGN = {"auto_configure", "create_doc", "create_index", "cluster_monitor", "cluster_composite_ops", "evt_mgmt_integration",
           "em_event", "message_key", "time_of_event", "additional_info", "metric_name", "dedup_key", "custom_details",
           "user_agent", "signature_id", "http_user_agent", "mitre_technique_id", "ingestion_time"}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def blocks(path, *languages):
    """[(line, text)] of the fenced blocks of a page."""
    found, language, start, indent = [], None, 0, ""
    for n, line in enumerate(read(path).splitlines(), 1):
        fence = re.match(r"( *)```(\w*)", line)
        if fence and language is None:
            language, start, indent, text = fence.group(2), n, fence.group(1), []
        elif fence:
            if language in languages:
                found.append((start, "\n".join(text) + "\n"))
            language = None
        elif language is not None:
            text.append(line[len(indent):] if line.startswith(indent) else line)
    assert language is None, "%s: the block of line %d has no end" % (path, start)
    return found


def every(*languages):
    """The blocks of all pages as pytest parameters."""
    return [pytest.param(text, os.path.basename(p), id="%s:%d" % (os.path.basename(p), line))
            for p in PAGES for line, text in blocks(p, *languages)]


# ---- configurations ----------------------------------------------------------------------------------------


def secret_for(key):
    """What stands behind a reference, as its option wants it."""
    return {"signing_secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "url": "https://hooks.example.net/x",
            "connection_string": "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=send;"
                                 "SharedAccessKey=bm90LWEtc2VjcmV0;EntityPath=alerts"}.get(key, "not-a-secret")


def made_up(text, dir_):
    """The configuration with its secrets as variables of the environment, and its files where they exist."""
    env = {}

    def reference(match):
        name = "MANUAL_%d" % len(env)
        env[name] = secret_for(match.group(1))
        return '%s: "${env:%s}"' % (match.group(1), name)

    text = re.sub(r'([\w-]+): "\$\{(?:env|file|credential):[^}]+\}"', reference, text)
    for path in set(re.findall(r"/(?:etc/cosmowatch|var/lib/GeoIP)/[\w./-]+", text)):
        copy = os.path.join(dir_, os.path.basename(path))
        content = "cidr,name,country\n203.0.113.0/24,office,DE\n" if path.endswith(".csv") else "203.0.113.7\n"
        content = '{"type": "bundle", "objects": []}\n' if path.endswith(".json") else content
        with open(copy, "wb") as f:
            f.write(no_places() if path.endswith(".mmdb") else content.encode())
        text = text.replace(path, copy)
    return text, env


@pytest.mark.parametrize("text, page", every("yaml"))
def test_configuration_is_accepted(text, page, tmp_path):
    text, env = made_up(text, str(tmp_path))
    if not re.search(r"^sources:", text, re.M):
        text = SOURCE + text
    path = tmp_path / "cosmowatch.yaml"
    path.write_text(text)
    path.chmod(0o600)
    code, out, err = kit.run(["check", str(path)], check=False, env=env)
    assert code == 0 and "fine" in out, "%s\n%s%s" % (text, out, err)


def test_pages_have_configurations():
    """An extraction that finds nothing would pass everything."""
    assert len(every("yaml")) > 40 and len(every("sh")) > 30


# ---- command lines ------------------------------------------------------------------------------------------

TO_THE_WORLD = {"run", "setup"}            # and `check --online`, `outputs test`, `sample --output`
SUDO = re.compile(r"^sudo (-u \w+ )?")


def commands(text):
    """The cosmowatch command lines of a block, each as a list of words."""
    for line in text.replace("\\\n", " ").splitlines():
        line = SUDO.sub("", line.strip())
        if line.startswith(("cosmowatch ", "build/cosmowatch ")):
            yield re.split(r" [|>] ", line + " ")[0]


def named(page, command):
    return pytest.param(command, page, id="%s: %s" % (page, command[:70]))


IN_BLOCKS = [named(p.values[1], c) for p in every("sh") for c in commands(p.values[0])]
IN_BLOCKS += [named(n, c) for p, n in zip(PAGES, NAMES)  # the README indents them
              for c in re.findall(r"^    (?:sudo )?((?:build/)?cosmowatch [^#>\n]+)", read(p), re.M)]
IN_SENTENCES = [named(n, c) for p, n in zip(PAGES, NAMES) for c in re.findall(r"`(cosmowatch [a-z][^`\n]*)`", read(p))]


@functools.lru_cache(None)
def help_of(verb):
    return kit.run([verb, "--help"])[1]


@functools.lru_cache(None)
def verbs():
    return re.findall(r"^  ([a-z]+) ", kit.run(["--help"])[1], re.M)


def first_words(verb):
    """What may stand first behind the verb, or nothing when that is free."""
    usage = re.sub(r"\[[^]]*\]", "", help_of(verb).splitlines()[0].split("cosmowatch " + verb, 1)[1])
    return [w.split()[0] for w in usage.split("|") if w.split()[:1] and w.split()[0].islower()] if "|" in usage else []


@pytest.mark.parametrize("command, page", IN_BLOCKS + IN_SENTENCES)
def test_command_line_exists(command, page):
    words = shlex.split(command, comments=True)[1:]
    verb = words[0]
    if verb == "VERB" or verb.startswith("-"):
        return
    assert verb in verbs(), "there is no verb '%s'" % verb
    for word in words[1:]:
        if word.startswith("-"):
            assert re.search(r"(^|[\s,|\[])%s\b" % re.escape(word), help_of(verb)), "%s has no option %s" % (verb, word)
    operands = [w for w in words[1:] if not w.startswith("-")]
    if first_words(verb) and operands and words[1] == operands[0]:
        assert operands[0] in first_words(verb), "%s has no '%s'" % (verb, operands[0])
    if words[:2] == ["outputs", "test"] and len(words) > 2 and words[2] != "NAME":
        names = re.findall(r"name: ([\w-]+)", "".join(text for _, text in blocks(path_of(page), "yaml")))
        assert words[2] in names, "no output of this page is named %s" % words[2]


def path_of(page):
    return PAGES[NAMES.index(page)]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with alerts, outputs under the names that the manual uses, and what else its commands name."""
    dir_ = str(tmp_path_factory.mktemp("manual"))
    rows, _ = small_world(seed=3)
    rows.exported(os.path.join(dir_, "rows.ndjson"))
    subprocess.run(["gzip", "-k", os.path.join(dir_, "rows.ndjson")], check=True)
    shutil.copytree(os.path.join(kit.ROOT, "tests", "detectors", "bad_address"), os.path.join(dir_, "DIR"))
    shutil.copy(os.path.join(kit.ROOT, "tests", "detectors", "defaults.ndjson"), dir_)
    named = [{"name": n, "type": "file", "path": os.path.join(dir_, n + ".json")} for n in ("soc", "archive")]
    named.append({"name": "sentinel", "type": "sentinel", "endpoint": "https://x.westeurope-1.ingest.monitor.azure.com",
                  "rule": "dcr-00000000000000000000000000000000", "auth": {"type": "managed_identity"}, "enabled": False})
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, named[:2], source=SHORT, feeds=feeds(dir_))
        kit.run(["run", "--until-caught-up", "-c", cfg])
    with open(cfg, encoding="utf-8") as f:  # afterwards: it was not there while the agent ran
        doc = json.load(f)
    doc["outputs"].append({**named[2], "enabled": True})
    with open(cfg, "w", encoding="utf-8") as f:
        json.dump(doc, f)
    first = json.loads(kit.run(["alerts", "export", "-c", cfg])[1].splitlines()[0])
    reader = json.loads(kit.run(["baseline", "show", "contoso-orders", "--memory", "volume.reader", "--json", "-c", cfg])[1].splitlines()[0])
    return {"dir": dir_, "config": cfg, "ID": first["systemAlertId"], "LABEL": reader["label"]}


def is_of_this_machine(words):
    return not (words[0] in TO_THE_WORLD | {"VERB"} or words[0].startswith("-") or "--online" in words or "--output" in words
                or words[:2] == ["outputs", "test"])


RUN = [p for p in IN_BLOCKS if is_of_this_machine(shlex.split(p.values[0], comments=True)[1:])]


@pytest.mark.parametrize("command, page", RUN)
def test_command_line_runs(command, page, store, tmp_path):
    words = shlex.split(command, comments=True)[1:]
    given = {"ID": store["ID"], "LABEL": store["LABEL"], "NAME": "soc", "RECORD": store["ID"] + "-0", "FILE": "rows.ndjson",
             "rows.json": "rows.ndjson", "/etc/cosmowatch/cosmowatch.yaml": store["config"], "TYPE": "CosmosDB_TorAnomaly",
             "cosmowatch.yaml": store["config"], "WHEN": "7d", "ACCOUNT": "contoso-orders", "MEMORY": "volume.reader"}
    words = [given.get(w, w) for w in words]
    if "-c" not in words and words[0] != "config":
        words += ["-c", store["config"]]
    copy = str(tmp_path / "world")  # what one command drops or forgets is there for the next
    shutil.copytree(store["dir"], copy)
    words = [w.replace(store["dir"], copy) for w in words]
    path = os.path.join(copy, "cosmowatch.yaml")
    text = read(path).replace(store["dir"], copy)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    p = subprocess.run([kit.AGENT, *words], cwd=copy, capture_output=True, text=True, timeout=kit.DEADLINE_S, check=False,
                       env={**os.environ, "COSMOWATCH_TEST_SECRET": kit.SECRET, "NO_COLOR": "1"})
    assert p.returncode == 0, "%s\n%s%s" % (words, p.stdout[-2000:], p.stderr[-2000:])


# ---- command lines that ask the world: the simulated one ------------------------------------------------------------

def asks():
    """Each once: every page of an output ends with the test of its own."""
    seen = set()
    for p in IN_BLOCKS:
        words = shlex.split(p.values[0], comments=True)[1:]
        key = tuple(words[:2] if words[0] == "outputs" else words)
        if not is_of_this_machine(words) and not words[0].startswith("-") and key not in seen:
            seen.add(key)
            yield p


ASKS = list(asks())


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    dir_ = str(tmp_path_factory.mktemp("world"))
    rows, _ = small_world(seed=4, hours=3)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        kit.config(azure, dir_, [{"name": "soc", "type": "webhook", "url": azure.url + "/hook/soc"}],
                   source={"lookback": "4h", "backfill": "0s"})
        yield azure, dir_


def for_the_simulated_world(words, azure, path):
    """The command as a reader types it, with what only the reader knows: where Azure is, which workspace, what is named."""
    words = [kit.WORKSPACE if re.fullmatch("[0-]{36}", w) else path if w.endswith("cosmowatch.yaml") else
             "soc" if words[:2] == ["outputs", "test"] and i == 2 and w[0] != "-" else w for i, w in enumerate(words)]
    words = ["soc" if words[i - 1] == "--output" else w for i, w in enumerate(words)]
    if "-c" not in words:
        words += ["-c", path]
    if words[0] == "run":
        words += ["--until-caught-up"]
    if words[0] == "setup":
        words[words.index("-c") + 1] = os.path.join(os.path.dirname(path), "made.yaml")
        words = [w.replace("/var/log/cosmowatch", os.path.dirname(path)) for w in words] + ["--endpoint", azure.url, "--no-feeds"]
        words += [] if "--workspace" in words else ["--workspace", kit.WORKSPACE]
        words += [] if any(w.startswith(("file", "webhook")) for w in words) else ["file,path=-"]
    return words


@pytest.mark.parametrize("command, page", ASKS)
def test_command_line_that_asks_the_world_runs(command, page, world, tmp_path):
    azure, dir_ = world
    path = str(tmp_path / "cosmowatch.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(read(os.path.join(dir_, "cosmowatch.yaml")).replace(dir_, str(tmp_path)))
    words = for_the_simulated_world(shlex.split(command, comments=True)[1:], azure, path)
    env = {"AZURE_AUTHORITY_HOST": azure.url, "AZURE_POD_IDENTITY_AUTHORITY_HOST": azure.url}
    if words[0] == "outputs":  # it sends from a store
        kit.run(["run", "--until-caught-up", "-c", path], env=env)
    kit.run(words, env=env)


def test_nothing_is_left_out_of_what_runs():
    verbs_run = {shlex.split(p.values[0])[1] for p in RUN + ASKS}
    assert {"setup", "run", "check", "outputs"} <= verbs_run and len(ASKS) > 4


def test_the_alert_that_the_readme_shows_is_what_the_program_says(tmp_path):
    t = datetime.datetime(2026, 8, 20, 2, 10, tzinfo=datetime.timezone.utc)
    rows = Rows(7)
    rows.ordinary(t - datetime.timedelta(hours=6), t, per_hour=10)
    rows.attack(t)
    rows.exported(str(tmp_path / "rows.ndjson"))
    cfg = str(tmp_path / "lists.yaml")
    with open(cfg, "w", encoding="utf-8") as f:
        json.dump({"feeds": feeds(str(tmp_path))}, f)
    os.chmod(cfg, 0o600)
    _, out, _ = kit.run(["replay", str(tmp_path / "rows.ndjson"), "-c", cfg])
    shown = blocks(os.path.join(kit.ROOT, "README.md"), "text")[0][1].strip()
    assert shown.startswith("High   Access from a Tor exit") and shown in out, "the README shows another alert than:\n" + out


# ---- nothing left out ---------------------------------------------------------------------------------------


@functools.lru_cache(None)
def sample():
    return kit.run(["config", "sample"])[1]


def output_types():
    return re.findall(r"^  #- name: (\w+)", sample().split("\noutputs:")[1].split("\ndetectors:")[0], re.M)


def test_every_output_type_has_its_page():
    assert len(output_types()) >= 15
    missing = [t for t in output_types() if "output-%s.md" % t not in NAMES]
    assert not missing, "The manual has no page of the output type %s (packaging/manual/output-TYPE.md)." % ", ".join(missing)


SECTIONS = ["At the receiver", "Configuration", "Try it", "Messages", "When it is down", "Limits", "What arrives"]


@pytest.mark.parametrize("type_", output_types() if os.path.exists(kit.AGENT) else [])
def test_page_of_an_output_tells_everything(type_):
    text = read(os.path.join(MANUAL, "output-%s.md" % type_))
    assert re.findall(r"^## (.+)$", text, re.M) == SECTIONS
    assert "type: " + type_ in text and "cosmowatch outputs test " in text


def test_every_alert_type_is_explained():
    page = read(os.path.join(MANUAL, "alerts.md"))
    types = [t["alertType"] for t in map(json.loads, kit.run(["rules", "types", "--json"])[1].splitlines())]
    told = re.findall(r"^### (\S+)$", page, re.M)
    missing = [t for t in types if t not in told]
    assert not missing, "packaging/manual/alerts.md does not explain the alert type %s; run `make generated`." % ", ".join(missing)
    assert len(types) > 30


def test_every_detector_has_its_section():
    detectors = re.findall(r"^  #(\w+):$", sample().split("\ndetectors:")[1].split("\nfeeds:")[0], re.M)
    told = re.findall(r"^@(\w+)@$", read(os.path.join(MANUAL, "alerts.md.in")), re.M)
    missing = [d for d in detectors if d not in told]
    assert not missing, "packaging/manual/alerts.md.in has no section of the detector %s." % ", ".join(missing)


def test_page_of_alerts_is_up_to_date():
    made = subprocess.run([os.path.join(MANUAL, "generate"), kit.AGENT], capture_output=True, text=True, check=True).stdout
    assert made == read(os.path.join(MANUAL, "alerts.md")), "run `make generated`"


# ---- words and links ----------------------------------------------------------------------------------------


@functools.lru_cache(None)
def known_words():
    words = set(re.findall(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+", sample() + kit.run(["config", "schema"])[1] + kit.run(["config", "man"])[1]))
    for path in glob.glob(os.path.join(kit.ROOT, "agent", "**", "*.c"), recursive=True) + [os.path.join(kit.ROOT, "outputs", "encode", "ecs.c")]:
        words |= set(re.findall(r'"((?:cosmowatch_)?[a-z][a-z0-9]*(?:_[a-z0-9]+)+)"', read(path)))
    for t in ("until", "warn_before", "key_reader", "max_severity", "user_agents", "key_kinds"):
        words.add(t)
    return words | FOREIGN


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_options_are_spelt_as_they_are(path):
    """Whatever looks like an option in a sentence is one."""
    prose = re.sub(r"^ *```.*?^ *```", "", read(path), flags=re.M | re.S)
    spans = [s for s in re.findall(r"`([^`\n]+)`", prose) if re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", s)]
    unknown = sorted(set(spans) - known_words() - metrics())
    assert not unknown, "%s speaks of %s, which is no option, value or metric" % (os.path.basename(path), ", ".join(unknown))


@functools.lru_cache(None)
def metrics():
    names = set()
    for path in glob.glob(os.path.join(kit.ROOT, "agent", "console", "*.c")):
        names |= set(re.findall(r"cosmowatch_[a-z_]+", read(path)))
    return names


@functools.lru_cache(None)
def literals():
    """The texts in our sources, neighbouring literals joined as the compiler does."""
    text = "".join(read(p) for d in ("agent", "outputs") for p in glob.glob(os.path.join(kit.ROOT, d, "**", "*.c"), recursive=True))
    return re.sub(r'"\s*(PRI\w+\s*)?"', "", text).replace('\\"', '"')


def messages():
    for p, n in zip(PAGES, NAMES):
        for table in re.findall(r"^\|[^\n]*(?:message|says) \|[^\n]*\n\|[-|]+\n((?:\|.*\n)+)", read(p), re.M):
            for row in table.splitlines():
                for said in re.findall(r"`([^`]+)`", row.split("|")[1]):
                    yield n, said


OTHERS_SAY = {"InvalidStream", "issuetype", "workspace", "connect: Connection refused"}  # the receiver's words, the system's


@pytest.mark.parametrize("page, said", [pytest.param(n, s, id="%s: %s" % (n, s[:60])) for n, s in messages()])
def test_message_can_be_given(page, said):
    """A message that the manual explains stands in the sources."""
    if said in OTHERS_SAY:
        return
    assert said in literals() or re.sub(r"^HTTP \d+", "HTTP %d", said) in literals(), "nothing says '%s'" % said


def anchors(path):
    """As forges make them of headings."""
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", h).lower()).replace(" ", "-")
            for h in re.findall(r"^#+ (.+)$", re.sub(r"^ *```.*?^ *```", "", read(path), flags=re.M | re.S), re.M)}


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", read(path)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
        assert os.path.exists(there), "%s does not exist" % target
        assert not anchor or anchor in anchors(there), "%s has no section %s" % (name or os.path.basename(path), anchor)


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_files_that_are_named_exist(path):
    """Of this tree: `tests/flow/test_way.py`; also `test_x.py` or `leef.c` alone, and `/usr/share/cosmowatch/...`."""
    tree = subprocess.run(["git", "-C", kit.ROOT, "ls-files"], capture_output=True, text=True, check=False).stdout.split()
    if not tree:
        pytest.skip("not a clone of the repository")
    names = {os.path.basename(f) for f in tree}
    for word in re.findall(r"`([\w./-]+)`", read(path)):
        if re.match(r"(tests|outputs|agent|detectors|packaging|config)/", word):
            there = os.path.join(kit.ROOT, word)
            assert os.path.exists(there) or any(f.startswith(word) for f in tree), "%s does not exist" % word
        elif re.fullmatch(r"[\w-]+\.(c|py)", word):
            assert word in names, "%s does not exist" % word


def test_every_page_is_reached_from_the_index():
    seen, todo = set(), [os.path.join(MANUAL, "index.md")]
    while todo:
        path = todo.pop()
        seen.add(path)
        for name in re.findall(r"\]\(([\w-]+\.md)", read(path)):
            there = os.path.join(MANUAL, name)
            if there not in seen and os.path.exists(there):
                todo.append(there)
    lost = [os.path.basename(p) for p in PAGES if os.path.dirname(p) == MANUAL and p not in seen]
    assert not lost, "no page leads to %s" % ", ".join(lost)
    assert "packaging/manual/index.md" in read(os.path.join(kit.ROOT, "README.md"))
