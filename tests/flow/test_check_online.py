"""`check --online`: what arrives of each account, how late, and how much of the workspace it is.

SPDX-License-Identifier: Apache-2.0
"""

import datetime

from flow import kit
from flow.rows import Rows, iso
from flow.story import SHORT, hours_ago, outputs


def usage(table, megabytes, hours):
    rows = []
    for h in range(hours):
        t = hours_ago(h + 1)
        rows.append({"table": "Usage", "ingested": iso(t), "visible": iso(t), "row": {
            "TimeGenerated": iso(t), "StartTime": iso(t), "EndTime": iso(t + datetime.timedelta(hours=1)), "DataType": table,
            "Quantity": float(megabytes), "QuantityUnit": "MBytes", "IsBillable": True, "Solution": "LogManagement",
            "Type": "Usage"}})
    return rows


def check(dir_, rows, fault=None):
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows)
        if fault:
            azure.control("faults", fault)
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT)
        return kit.run(["check", "--online", "-c", cfg], check=False)


def test_each_account_is_told_with_what_arrives_and_what_does_not(dir_):
    r = Rows(3)
    for i in range(5):
        r.query(hours_ago(2), "SELECT * FROM c WHERE c.id = 'a%d'" % i, late_s=180)
    for _ in range(3):
        r.query(hours_ago(2), "SELECT c.p1 FROM c WHERE c.p1 = 'str1'", account="contoso-masked", late_s=60)
    for _ in range(7):
        r.request(hours_ago(3), account="contoso-dumb", late_s=600)
    code, out, err = check(dir_, r.rows)
    assert code == 0, out + err
    assert "account contoso-orders: CDBDataPlaneRequests 5 rows in 24 h, 3m late; CDBQueryRuntimeStatistics 5 rows in 24 h" in out
    assert "account contoso-dumb: CDBDataPlaneRequests 7 rows in 24 h, 10m late" in out
    assert "account contoso-dumb: no query texts arrive" in out and "account contoso-orders: no query texts" not in out
    assert "account contoso-masked: query texts are masked" in out and "account contoso-orders: query texts" not in out


def test_the_volume_is_told_as_gigabytes_a_month_and_what_the_short_tables_would_spare(dir_):
    both = usage("CDBDataPlaneRequests", 100, 48) + usage("CDBQueryRuntimeStatistics", 10, 48)
    _, out, _ = check(dir_, both)
    assert "volume of CDBDataPlaneRequests: 72" in out or "volume of CDBDataPlaneRequests: 73" in out, out
    assert "volume of CDBQueryRuntimeStatistics: 7." in out and "send it for a day" in out


def test_both_kinds_of_table_are_compared(dir_):
    _, out, _ = check(dir_, usage("CDBDataPlaneRequests", 100, 48) + usage("CDBDataPlaneRequests5M", 5, 48))
    assert "instead of CDBDataPlaneRequests the workspace would take 6" in out or "would take 7" in out, out
    assert "GB a month less" in out and "send it for a day" not in out


def test_a_reader_that_may_not_see_the_volume_is_told_and_is_no_failure(dir_):
    code, out, _ = check(dir_, [], {"match": {"path": "/query", "body": "Usage"}, "action": {"status": 403}, "count": None})
    assert code == 0 and "note: how much it is: " in out
