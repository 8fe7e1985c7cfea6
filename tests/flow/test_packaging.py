"""What a package is made of, as far as it can be told cheaply: examples, generated files, manual pages, the unit,
completion, the bill of materials. What needs a fresh root or minutes is packaging/test/run (`make package-test`).

SPDX-License-Identifier: Apache-2.0
"""

import fcntl
import functools
import glob
import json
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time

import pytest

from flow import kit

PACKAGING = os.path.join(kit.ROOT, "packaging")
EXAMPLES = sorted(glob.glob(os.path.join(kit.ROOT, "config", "examples", "*.yaml")))


def need(tool, package):
    """Where a tool is missing the test says so, with what would bring it; what `make deps-test` brings is there in CI."""
    path = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")
    if not path and os.environ.get("CI"):
        brought = " ".join(re.findall(r"^APT_(?:BUILD|TEST) := ((?:.*\\\n)*.*)", read("Makefile"), re.M)).split()
        assert package not in brought, "no %s, although make deps-test was to bring %s" % (tool, package)
    if not path:
        pytest.skip("no %s: apt-get install %s" % (tool, package))
    return path


def read(*parts):
    with open(os.path.join(kit.ROOT, *parts), encoding="utf-8") as f:
        return f.read()


def command(argv, **kw):
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=kit.DEADLINE_S, **kw)


@functools.lru_cache(None)
def verbs():
    return re.findall(r"^  ([a-z]+) ", kit.run(["--help"])[1], re.M)


# ---- configurations -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXAMPLES, ids=[os.path.basename(p) for p in EXAMPLES])
def test_example_passes_check(path, tmp_path):
    text = read(path)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    for name in re.findall(r"\$\{credential:([^}]+)\}", text):
        (credentials / name).write_text("not a secret")
    env = {name: "not a secret" for name in re.findall(r"\$\{env:([^}]+)\}", text)}
    copy = tmp_path / "cosmowatch.yaml"
    copy.write_text(text)
    copy.chmod(0o600)
    code, out, err = kit.run(["check", "-c", str(copy)], check=False,
                             env={**env, "CREDENTIALS_DIRECTORY": str(credentials)})
    assert code == 0, out + err
    assert "fine" in out


def test_there_are_examples():
    assert "minimal.yaml" in [os.path.basename(p) for p in EXAMPLES]


@pytest.mark.parametrize("what, path", [("sample", "cosmowatch.yaml"), ("schema", "cosmowatch.schema.json")])
def test_generated_file_is_up_to_date(what, path):
    assert kit.run(["config", what])[1] == read("config", path), "run `make generated`"


# ---- manual pages -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def man(tmp_path_factory):
    out = str(tmp_path_factory.mktemp("man"))
    p = command([os.path.join(PACKAGING, "man", "generate"), kit.AGENT, "0.0.0", "0", out])
    assert p.returncode == 0, p.stdout
    return out


def test_manual_pages_have_no_lint(man):
    mandoc = need("mandoc", "mandoc")
    p = command([mandoc, "-Tlint", man + "/cosmowatch.8", man + "/cosmowatch.yaml.5"])
    # Whether other pages are installed here says nothing of these two.
    complaints = [line for line in p.stdout.splitlines()
                  if "referenced manual not found" not in line and "outdated mandoc.db" not in line]
    assert not complaints, "\n".join(complaints)


def test_manual_page_tells_of_every_verb_and_option(man):
    with open(man + "/cosmowatch.8", encoding="utf-8") as f:
        page = f.read()
    assert re.findall(r"^\.Ss cosmowatch ([a-z]+)$", page, re.M) == verbs()
    with open(man + "/cosmowatch.yaml.5", encoding="utf-8") as f:
        page = f.read()
    keys = set(re.findall(r"^ *#(?:- )?([a-z_0-9]+):", kit.run(["config", "sample"])[1], re.M))
    told = set(re.findall(r'^\.(?:It Ic|Ss) "\\&([a-z_0-9]+)"$', page, re.M))
    assert keys - told == set()


# ---- the unit -----------------------------------------------------------------------------------------


def test_unit_verifies_and_is_sandboxed(tmp_path):
    analyze = need("systemd-analyze", "systemd")
    unit = tmp_path / "cosmowatch.service"
    unit.write_text(read("packaging", "systemd", "cosmowatch.service").replace("/usr/bin/cosmowatch", kit.AGENT))
    p = command([analyze, "verify", "--man=no", str(unit)])
    assert p.returncode == 0 and "cosmowatch.service" not in p.stdout, p.stdout
    said = command([analyze, "security", "--offline=true", str(unit)]).stdout
    exposure = re.search(r"exposure level for cosmowatch.service: ([0-9.]+)", said)
    print("systemd-analyze security: %s" % exposure[1])
    assert float(exposure[1]) < 1.5


def test_install_and_uninstall(tmp_path):
    (tmp_path / "built").mkdir()
    to, mine = tmp_path / "to", tmp_path / "to/etc/cosmowatch/cosmowatch.yaml"

    def make(target):
        where = ["BIN=" + kit.AGENT, "B=%s/built" % tmp_path, "DESTDIR=%s" % to]
        p = command(["make", "-s", "-C", kit.ROOT, "-o", kit.AGENT] + where + [target])  # what is built is not built again
        assert p.returncode == 0, p.stdout

    make("install")
    make("install-apparmor")
    assert "cosmowatch" in command([str(to / "usr/local/bin/cosmowatch"), "--version"]).stdout
    unit = (to / "usr/local/lib/systemd/system/cosmowatch.service").read_text()
    assert "ExecStart=/usr/local/bin/cosmowatch run\n" in unit
    mine.write_text("mine")
    make("uninstall")
    assert [p for p in to.rglob("*") if not p.is_dir()] == [mine]


def test_apparmor_profile_parses():
    parser = need("apparmor_parser", "apparmor")
    p = command([parser, "-Q", "-K", "-T", os.path.join(PACKAGING, "apparmor", "cosmowatch")])
    assert p.returncode == 0, p.stdout


# ---- completion ----------------------------------------------------------------------------------------

BASH = r"""
source "$SCRIPT"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_cosmowatch
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def with_agent(tmp_path_factory):
    """An environment in which `cosmowatch` is the program under test."""
    bin_ = tmp_path_factory.mktemp("bin")
    os.symlink(kit.AGENT, str(bin_ / "cosmowatch"))
    return {**os.environ, "PATH": "%s:%s" % (bin_, os.environ["PATH"])}


def test_bash_completion(with_agent):
    bash = need("bash", "bash")

    def complete(*words):
        p = command([bash, "-c", BASH, "bash", "cosmowatch", *words],
                    env={**with_agent, "SCRIPT": os.path.join(PACKAGING, "completions", "cosmowatch.bash")})
        return p.stdout.split()

    assert set(verbs()) <= set(complete(""))
    assert complete("al") == ["alerts"]
    assert {"list", "show", "explain", "export"} <= set(complete("alerts", ""))
    assert complete("alerts", "list", "--sev") == ["--severity"]
    assert complete("alerts", "list", "--severity", "H") == ["High"]
    assert complete("check", "--on") == ["--online"]


SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], "source '%s/cosmowatch.bash'"),
    "zsh": (["-f", "-i"], "autoload -Uz compinit; compinit -u -D; bindkey -e; source '%s/_cosmowatch'"),
    "fish": (["--no-config", "-i"], "source '%s/cosmowatch.fish'"),
}
TYPED = [("al", "alerts"), ("alerts sh", "alerts|show"), ("alerts list --sev", "alerts|list|--severity"), ("check --onl", "check|--online"),
         ("alerts list --severity H", "alerts|list|--severity|High"), ("report --fr", "report|--from")]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_person_at_a_shell_types_a_few_letters_and_tab(shell, with_agent, tmp_path):
    """The line is completed by the shell's own editor; then printf is put before it, to print what the words became."""
    args, source = SHELLS[shell]
    above, below = pty.openpty()
    fcntl.ioctl(below, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
    child = subprocess.Popen([need(shell, shell), *args], stdin=below, stdout=below, stderr=below, start_new_session=True,
                             preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), cwd=str(tmp_path),
                             env={**with_agent, "TERM": "xterm", "HOME": str(tmp_path), "PS1": "$ "})
    os.close(below)
    shown = ""

    def say(line):
        os.write(above, line.encode())

    def wait(word):
        nonlocal shown
        end = time.monotonic() + kit.DEADLINE_S
        while word not in shown:
            assert time.monotonic() < end and child.poll() is None, "%r is not shown: %r" % (word, shown[-800:])
            if select.select([above], [], [], 0.2)[0]:
                more = os.read(above, 65536).decode("utf-8", "replace")
                if "\x1b[c" in more or "\x1b[0c" in more:
                    say("\x1b[?62c")  # fish asks the terminal what it is
                shown += more
        shown = ""

    try:
        say((source % os.path.join(PACKAGING, "completions")) + "; echo rea''dy\n")
        wait("ready")
        for typed, want in TYPED:
            say("cosmowatch %s\t\x01printf '%%s|' \x05\n" % typed)
            wait("cosmowatch|%s|" % want)
    finally:
        child.kill()
        child.wait(kit.DEADLINE_S)
        os.close(above)


def test_fish_completion(with_agent, tmp_path):
    fish = need("fish", "fish")
    script = os.path.join(PACKAGING, "completions", "cosmowatch.fish")

    def complete(line):
        p = command([fish, "--no-config", "-c", 'source $argv[1]; complete -C "$argv[2]"', script, line],
                    env={**with_agent, "HOME": str(tmp_path)}, cwd=str(tmp_path))
        return [w.split("\t")[0] for w in p.stdout.splitlines()]

    assert set(complete("cosmowatch ")) == set(verbs())
    assert {"list", "show", "explain", "export"} <= set(complete("cosmowatch alerts "))
    assert "--online" in complete("cosmowatch check --")


# ---- packages ------------------------------------------------------------------------------------------


def test_versions_agree():
    version = re.search(r"^VERSION := (\S+)", read("Makefile"), re.M).group(1)
    assert re.match(r"cosmowatch \(([^)]+)\)", read("packaging", "debian", "changelog")).group(1) == version
    assert re.search(r"^Version: +(\S+)", read("packaging", "rpm", "cosmowatch.spec"), re.M).group(1) == version


def test_bill_of_materials_names_what_is_linked():
    need("objdump", "binutils")
    argv = [os.path.join(PACKAGING, "sbom"), kit.AGENT, "1.2.3", "0"]
    p = command(argv)
    assert p.returncode == 0, p.stdout
    assert command(argv).stdout == p.stdout
    doc = json.loads(p.stdout)
    packages = {x["SPDXID"]: x for x in doc["packages"]}
    assert doc["spdxVersion"] == "SPDX-2.3" and doc["creationInfo"]["created"] == "1970-01-01T00:00:00Z"
    assert packages["SPDXRef-cosmowatch"]["versionInfo"] == "1.2.3"
    assert any(x.get("packageFileName", "").startswith("libcurl.so") for x in packages.values())
    for r in doc["relationships"]:
        assert r["relatedSpdxElement"] in packages


@pytest.mark.parametrize("script", ["man/generate", "sbom", "test/run", "debian/cosmowatch.postrm", "completions/cosmowatch.bash"])
def test_shell_scripts_have_no_lint(script):
    shellcheck = need("shellcheck", "shellcheck")
    p = command([shellcheck, *(["-s", "bash"] if script.endswith(".bash") else []), os.path.join(PACKAGING, script)])
    assert p.returncode == 0, p.stdout
