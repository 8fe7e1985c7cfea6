"""`check --online`: what arrives of each account, how late, and how much of the workspace it is.

SPDX-License-Identifier: Apache-2.0
"""

import datetime
import json
import re
import subprocess
import tempfile

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


def check(dir_, rows, fault=None, geo=()):
    dir_ = tempfile.mkdtemp(dir=dir_)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows)
        azure.control("geo", list(geo))
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


def commands(out):
    return [line.split("do: ", 1)[1] for line in out.splitlines() if line.strip().startswith("do: ")]


def test_each_thing_that_is_missing_comes_with_its_command(dir_):
    r = Rows(3)
    for _ in range(3):
        r.query(hours_ago(2), "SELECT c.p1 FROM c WHERE c.p1 = 'str1'", account="contoso-masked")
    r.request(hours_ago(3), account="contoso-dumb")
    r.request(hours_ago(3), account="$(reboot)`id`")
    _, out, _ = check(dir_, r.rows)
    got = commands(out)
    masked = next(c for c in got if "enableFullTextQuery" in c)
    assert "contoso-masked" in masked and masked.startswith("az rest --method PATCH")
    dumb = next(c for c in got if "contoso-dumb" in c)
    assert '"category": "QueryRuntimeStatistics"' in dumb and kit.WORKSPACE in dumb
    assert any("diagnostic-settings subscription create" in c for c in got), "the activity log is missing"
    assert not any("reboot" in c or "`" in c for c in got), "a log row must not write into a shell"
    for c in got:  # what a person copies is whole: the shell reads it, and runs az once with words of its own
        stub = 'az() { case " $* " in *" list"*) echo ID;; *) printf "%s\\n" "$@";; esac; }\n'
        words = subprocess.run(["sh", "-euc", stub + c], capture_output=True, text=True, check=True).stdout.splitlines()
        body = [w for w in words if w.startswith(("{", "["))]
        assert len(body) == 1 and json.loads(body[0]), words


def test_a_workspace_without_cosmos_rows_or_without_our_role_comes_with_the_command(dir_):
    code, out, _ = check(dir_, [])
    assert code == 0 and "no Cosmos DB rows in 24 h" in out
    assert any('"DataPlaneRequests"' in c and "?name=='ACCOUNT'" in c for c in commands(out))
    code, out, _ = check(dir_, [], {"match": {"path": "/query"}, "action": {"status": 403}, "count": None})
    assert code == 1
    role = [c for c in commands(out) if "role assignment create" in c]
    assert len(role) == 1 and "Log Analytics Reader" in role[0] and kit.CLIENT in role[0] and kit.WORKSPACE in role[0]


def test_places_are_told_per_account(dir_):
    r = Rows(4)
    for i in range(4):
        r.request(hours_ago(2), account="contoso-placed", address="198.51.100.%d" % (1 + i // 2))
    r.request(hours_ago(2), account="contoso-placed", address="10.0.0.9")
    r.request(hours_ago(2), account="contoso-private", address="10.0.0.9")
    where = [{"net": "198.51.100.0/24", "country": "Germany", "state": "", "city": "", "latitude": 50.1, "longitude": 8.7}]
    _, out, _ = check(dir_, r.rows, geo=where)
    assert "ok: account contoso-placed: places: 2 of 3 of its addresses have a place" in out
    assert "note: account contoso-private: places: none of its 1 addresses has one" in out
    assert "detector unusual_place" not in out
    _, out, _ = check(dir_, r.rows)
    assert "contoso-placed: places: none of its 3 addresses" in out and "detector unusual_place" in out


def test_the_volume_is_told_as_gigabytes_a_month_and_what_the_short_tables_would_spare(dir_):
    both = usage("CDBDataPlaneRequests", 100, 48) + usage("CDBQueryRuntimeStatistics", 10, 48)
    _, out, _ = check(dir_, both)
    assert "volume of CDBDataPlaneRequests: 72" in out or "volume of CDBDataPlaneRequests: 73" in out, out
    assert "volume of CDBQueryRuntimeStatistics: 7." in out and "no request an hour ago to reckon" in out


def test_what_the_short_tables_would_spare_is_reckoned_from_an_hour(dir_):
    r = Rows(5)
    t = hours_ago(1.5)
    t = t.replace(minute=t.minute // 5 * 5, second=0)
    for i in range(20):  # of one client, in one interval of five minutes: one row of twenty
        r.request(t + datetime.timedelta(seconds=i), address="198.51.100.7", op="Read")
    _, out, _ = check(dir_, r.rows + usage("CDBDataPlaneRequests", 100, 48))
    told = re.search(r"would take ([0-9.]+) GB a month less, reckoned from an hour of requests", out)
    assert told and 60 < float(told.group(1)) < 70, out  # 19 of 20 parts of 72


def test_both_kinds_of_table_are_compared(dir_):
    _, out, _ = check(dir_, usage("CDBDataPlaneRequests", 100, 48) + usage("CDBDataPlaneRequests5M", 5, 48))
    assert "instead of CDBDataPlaneRequests the workspace would take 6" in out or "would take 7" in out, out
    assert "GB a month less;" in out and "reckon" not in out


def test_a_reader_that_may_not_see_the_volume_is_told_and_is_no_failure(dir_):
    code, out, _ = check(dir_, [], {"match": {"path": "/query", "body": "Usage"}, "action": {"status": 403}, "count": None})
    assert code == 0 and "note: how much it is: " in out
