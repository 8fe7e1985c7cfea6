"""The program that is shipped is built the hard way, what looks for it finds each thing that is missing, and the manual's
table of attacks names tests that exist.

SPDX-License-Identifier: Apache-2.0
"""

import os
import platform
import re
import subprocess

import pytest

from flow import kit

LOOK = os.path.join(kit.ROOT, "tests", "kit", "hardened")
X86 = platform.machine() == "x86_64"
HARD = ["-O2", "-fPIE", "-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"] + ["-fcf-protection"] * X86
LINK = ["-pie", "-Wl,-z,relro,-z,now"]
PROGRAM = """
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
    char text[64];

    snprintf(text, argc > 1 ? strlen(argv[1]) : sizeof text, "%s", argv[0]);
    return puts(text) < 0;
}
"""


def look(program):
    p = subprocess.run([LOOK, program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=kit.DEADLINE_S)
    return p.returncode, p.stdout


def build(tmp_path, flags):
    source, program = tmp_path / "p.c", tmp_path / "p"
    source.write_text(PROGRAM)
    subprocess.run(["gcc", *flags, "-o", str(program), str(source)], check=True, timeout=kit.DEADLINE_S)
    return look(str(program))


@pytest.mark.skipif("/san-" in kit.AGENT or "/coverage" in kit.AGENT, reason="those builds are not shipped")
def test_the_agent_is_built_the_hard_way():
    assert look(kit.AGENT) == (0, "")


@pytest.mark.parametrize("leave_out, add, said", [
    ("", [], None),
    ("-pie", ["-no-pie"], "position independent"),
    ("-Wl,-z,relro,-z,now", ["-Wl,-z,norelro"], "relocations read-only"),
    ("-Wl,-z,relro,-z,now", ["-Wl,-z,relro,-z,lazy"], "bound at the start"),
    ("", ["-Wl,-z,execstack"], "a stack that is no code"),
    ("", ["-Wl,-rpath,/tmp/lib"], "RPATH"),
    ("-fstack-protector-strong", ["-fno-stack-protector"], "guards on the stack"),
    ("-D_FORTIFY_SOURCE=2", [], "checked calls"),
    pytest.param("-fcf-protection", ["-fcf-protection=none"], "targets of jumps",
                 marks=pytest.mark.skipif(not X86, reason="that is of x86-64")),
])
def test_what_is_missing_is_said(tmp_path, leave_out, add, said):
    code, out = build(tmp_path, [f for f in HARD + LINK + add if f != leave_out])
    assert (code, out) == (0, "") if said is None else code == 1 and said in out, out


def attacks():
    """The rows of the manual's table: (who, tests)."""
    with open(os.path.join(kit.ROOT, "packaging", "manual", "security.md"), encoding="utf-8") as f:
        table = f.read().split("## Who attacks it through what")[1].split("\n## ")[0]
    rows = [r.strip("|").split("|") for r in table.splitlines() if r.startswith("| ")][1:]
    return [(row[0].strip(), re.findall(r"`([^`]+)`", row[3])) for row in rows]


def test_the_tests_of_every_attack_exist():
    """A bare name stands in the folder of the one before it."""
    assert len(attacks()) >= 13
    for who, tests in attacks():
        assert tests, "%s: shown by nothing" % who
        folder = ""
        for name in tests:
            folder = os.path.dirname(name.rstrip("/")) if "/" in name else folder
            path = os.path.join(kit.ROOT, name if "/" in name else os.path.join(folder, name))
            assert os.path.exists(path), "%s: there is no %s" % (who, name)
