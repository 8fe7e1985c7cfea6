"""Every folder with a scenario.py, see kit.py.
SPDX-License-Identifier: Apache-2.0
"""

import importlib.util
import glob
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import kit  # noqa: E402


@pytest.mark.parametrize("path", sorted(glob.glob(os.path.join(HERE, "*", "scenario.py"))),
                         ids=lambda p: os.path.basename(os.path.dirname(p)))
def test_the_rows_raise_the_expected_alerts_and_no_others(path, tmp_path):
    spec = importlib.util.spec_from_file_location("scenario", path)
    scenario = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scenario)
    kit.compare(kit.replay(scenario, str(tmp_path)), scenario.EXPECTED)
