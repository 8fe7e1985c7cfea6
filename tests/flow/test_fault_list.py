"""The list of faults (tests/FAULTS.md) names tests that exist, for every fault of the list.
SPDX-License-Identifier: Apache-2.0
"""

import os
import re

import pytest

from flow import kit

LIST = os.path.join(kit.ROOT, "tests", "FAULTS.md")
# The numbers that are given out: a fault leaves the list by a decision here, not by a slip of the pen.
NUMBERS = [*range(1, 12), *range(20, 31), *range(40, 47), *range(50, 56), *range(60, 70), *range(70, 79), *range(80, 91),
           *range(100, 110), *range(120, 125), *range(140, 145)]
WITHOUT = {106}  # no such part: the row says why


def rows():
    with open(LIST, encoding="utf-8") as f:
        for line in f:
            m = re.match(r"\| F(\d+) \|(.*)\|(.*)\|(.*)\|$", line.rstrip("\n"))
            if m:
                yield int(m.group(1)), m.group(3).strip(), re.findall(r"`([^`]+::[^`]+)`", m.group(4))


def missing(where):
    """Why this test does not exist, or None."""
    file, name = where.split("::")
    path = os.path.join(kit.ROOT, "tests", file)
    if not os.path.exists(path):
        return "there is no file tests/%s" % file
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if not re.search(r"^def %s\(" % re.escape(name) if path.endswith(".py") else r"^START_TEST\(%s\)" % re.escape(name), text, re.M):
        return "tests/%s has no test %s" % (file, name)
    if path.endswith(".c") and len(re.findall(r"\b%s\b" % re.escape(name), text)) < 2:
        return "tests/%s never runs %s" % (file, name)
    return None


@pytest.mark.parametrize("number, what, tests", [pytest.param(*r, id="F%02d" % r[0]) for r in rows()])
def test_the_tests_of_a_fault_exist(number, what, tests):
    assert what, "F%02d does not say what happens" % number
    assert tests or number in WITHOUT, "F%02d names no test" % number
    wrong = [w for w in map(missing, tests) if w]
    assert not wrong, "F%02d: %s: rename it in tests/FAULTS.md too, or write the test" % (number, "; ".join(wrong))


def test_no_fault_is_forgotten():
    assert sorted(r[0] for r in rows()) == NUMBERS
