"""Logs that stop coming, with the real binary: an account among others, and none when the source itself is the trouble.

SPDX-License-Identifier: Apache-2.0
"""

import datetime

import pytest

from flow import kit
from flow.rows import Rows, iso
from flow.story import final, hours_ago, outputs

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
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


def test_a_setting_deleted_with_the_last_row_of_an_account_is_told(tmp_path):
    """It waits for what may explain it, and nothing more comes: windows without rows let the time pass as well."""
    r = world(2)

    def act(t, operation, caller, item=""):
        r._add("AzureActivity", {
            "TimeGenerated": iso(t), "Type": "AzureActivity", "SubscriptionId": SUBSCRIPTION,
            "_ResourceId": "/subscriptions/%s/resourcegroups/rg/providers/microsoft.documentdb/"
            "databaseaccounts/payroll%s" % (SUBSCRIPTION, item), "OperationNameValue": operation, "ActivityStatusValue": "Success",
            "Caller": caller, "CallerIpAddress": "203.0.113.5", "CorrelationId": r.guid(), "EventDataId": r.guid()}, t, 60)

    for day in range(2, 20):
        act(hours_ago(day * 24), "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/WRITE", "ops@contoso.example")
    act(hours_ago(1.5), "MICROSOFT.INSIGHTS/DIAGNOSTICSETTINGS/DELETE", "eve@contoso.example",
        "/providers/microsoft.insights/diagnosticsettings/to-siem")
    r.rows = [row for row in r.rows if row["table"] == "AzureActivity" or row["row"]["AccountName"].lower() == "payroll"]
    with kit.Azure(str(tmp_path)) as azure:
        azure.add_rows(r.rows)
        cfg = kit.config(azure, str(tmp_path), outputs(str(tmp_path)), source=SOURCE, horizon="1h")
        kit.run(["run", "--until-caught-up", "-c", cfg])
        got = [a for a in final(cfg).values() if a["alertType"] == "CosmosDBX_LoggingImpaired"]
        assert len(got) == 1 and got[0]["severity"] == "High" and got[0]["evidence"]["principal"] == ["eve@contoso.example"]
