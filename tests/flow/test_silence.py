"""Logs that stop coming, with the real binary: an account among others, and none when the source itself is the trouble.

SPDX-License-Identifier: Apache-2.0
"""

import datetime

import pytest

from flow import kit
from flow.rows import Rows
from flow.story import final, hours_ago, outputs

SOURCE = {"lookback": "1d", "backfill": "20d", "retention": "30d"}


def world(silent_hours, account="payroll"):
    """Twenty days of two accounts, one of which falls silent so many hours ago."""
    r = Rows(5)
    for account_, until in (("contoso-orders", 0.2), (account, silent_hours)):
        t, end = hours_ago(19 * 24).replace(minute=7, second=0), hours_ago(until)
        while t < end:
            r.request(t, account=account_, op="Read", late_s=30)
            t += datetime.timedelta(hours=1)
    return r


@pytest.mark.parametrize("mode", ["summarize", "rows"])
@pytest.mark.parametrize("silent_hours, is_told", [(9, True), (3, False), (0.2, False)],
                         ids=["hit", "near_miss_not_long_enough", "noise_both_go_on"])
def test_an_account_that_stops_logging_is_told(tmp_path, silent_hours, is_told, mode):
    with kit.Azure(str(tmp_path)) as azure:
        azure.add_rows(world(silent_hours).rows)
        cfg = kit.config(azure, str(tmp_path), outputs(str(tmp_path)), mode=mode, source=SOURCE, horizon="1h")
        kit.run(["run", "--until-caught-up", "-c", cfg])
        got = [a for a in final(cfg).values() if a["alertType"] == "CosmosDBX_LogSilence"]
        assert bool(got) == is_told
        if is_told:
            assert len(got) == 1 and got[0]["accountName"] == "payroll" and got[0]["count"] == 1
            assert "payroll sent no row since" in kit.run(["alerts", "explain", got[0]["systemAlertId"], "-c", cfg])[1]
            assert [a["systemAlertId"] for a in kit.ndjson(str(tmp_path / "alerts.ndjson"))] == [got[0]["systemAlertId"]]
