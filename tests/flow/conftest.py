"""Fixtures that several files of system tests share.
SPDX-License-Identifier: Apache-2.0
"""

import os

import pytest

from flow import shim as shims

# A worker takes a whole file: with the longest at the end the others would wait for it.
FIRST = ("test_way.py", "test_ceilings.py", "test_faults_process.py", "test_sensitivity.py", "test_sources.py")


def pytest_collection_modifyitems(items):
    def turn(item):
        name = os.path.basename(str(item.path))
        return FIRST.index(name) if name in FIRST else len(FIRST)

    items.sort(key=turn)


@pytest.fixture
def dir_(tmp_path):
    return str(tmp_path)


@pytest.fixture(scope="session")
def shim_library(tmp_path_factory):
    return shims.build(str(tmp_path_factory.mktemp("shim")))


@pytest.fixture
def shim(shim_library, tmp_path):
    """Calm at first; `env=shim.env` puts an agent under it."""
    with shims.Shim(shim_library, str(tmp_path)) as s:
        yield s
