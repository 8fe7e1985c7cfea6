"""Fixtures that several files of system tests share.
SPDX-License-Identifier: Apache-2.0
"""

import pytest

from flow import shim as shims


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
