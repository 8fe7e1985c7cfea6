"""`sensitivity` of every detector: on each scenario low tells no more than normal, and normal no more than high; and for
each detector there is something that tells the three apart.
SPDX-License-Identifier: Apache-2.0
"""

import datetime
import glob
import json
import os
import re
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import kit  # noqa: E402

JUDGING = sorted({os.path.basename(os.path.dirname(p)) for p in glob.glob(os.path.join(HERE, "*", ""))
                  if not os.path.basename(os.path.dirname(p)).startswith("_")} - {"defender", "incidents"})
LEVELS = ("low", "normal", "high")


def with_level(config, level):
    """The configuration with this sensitivity for every detector that judges."""
    lines = []
    config = re.sub(r"\bsensitivity: \w+,? ?", "", config)
    for name in JUDGING:
        has = re.search(r"^  %s: \{ *" % name, config, re.M)
        if has:
            config = config[:has.end()] + "sensitivity: %s, " % level + config[has.end():]
        else:
            lines.append("  %s: { sensitivity: %s }\n" % (name, level))
    config = config.replace(", }", " }")
    if "detectors:\n" not in config:
        config += "detectors:\n"
    return config.replace("detectors:\n", "detectors:\n" + "".join(lines), 1)


class Scenario:
    def __init__(self, rows, config="", files=None):
        self.rows, self.CONFIG, self.FILES = rows, config, files or {}


def told(scenario, dir_, detector=None):
    """What is told at each level: type, account and subject (some begin later at low, on another day); of one detector, or
    of all but the incidents that are made of them."""
    ret = []
    for level in LEVELS:
        where = os.path.join(dir_, level)
        os.mkdir(where)
        alerts = kit.replay(Scenario(scenario.rows, with_level(scenario.CONFIG, level), scenario.FILES), where)
        ret.append({(a["alertType"], a["accountName"], a["subject"]) for a in alerts
                    if "Incident" not in a["alertType"] and (detector is None or a["detector"] == detector)})
    return ret


@pytest.mark.parametrize("path", sorted(glob.glob(os.path.join(HERE, "*", "*.ndjson"))),
                         ids=lambda p: os.path.relpath(p, HERE))
def test_low_tells_no_more_than_normal_and_normal_no_more_than_high(path, tmp_path):
    low, normal, high = told(kit.Case(path), str(tmp_path))
    assert low <= normal, low - normal
    assert normal <= high, normal - high


# ---- something that tells the three apart, a detector each ----------------------------------------------------------

MB = 1000000
JAVA = "azsdk-java-cosmos/4.60.0 Linux/5.15.0 JRE/17.0.10"
BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/124.0.0.0 Safari/537.36"


def at(day, hour=12, minute=0, second=0):
    """Days from 2026-01-01."""
    t = datetime.datetime(2026, 1, 1) + datetime.timedelta(days=day - 1, hours=hour, minutes=minute, seconds=second)
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


def steady(days=28, **kw):
    for day in range(1, days + 1):
        for hour in range(0, 24, 3):
            yield kit.row(at(day, hour, 1), **kw)


def of_type(kind, *args, **kw):
    r = kit.row(*args, **kw)
    r["RequestResourceType"] = kind
    return r


def bad_address():
    yield from steady()
    for address in ("203.0.113.1", "203.0.113.2", "203.0.113.3"):
        yield kit.row(at(28), address=address)


def feed_of(*confidences):
    return "feeds:\n" + "".join('  - { name: f%d, type: addresses, path: "{dir}/f%d.txt", confidence: %d }\n' % (i, i, c)
                                for i, c in enumerate(confidences, 1))


FEEDS = {"f%d.txt" % i: "203.0.113.%d\n" % i for i in (1, 2, 3)}


def change_feed():
    yield from steady()
    for who, n in (("one", 3), ("two", 6), ("three", 12)):
        for minute in range(n):
            yield of_type("DocumentFeed", at(28, 12, minute), "ReadFeed", agent=who, status=304 if minute % 3 else 200,
                          size=0 if minute % 3 else 4000)


def enumeration():
    yield from steady()
    for who, kinds in (("one", 1), ("two", 2), ("three", 4)):
        for minute, kind in enumerate(("DatabaseFeed", "UserFeed", "OfferFeed", "TriggerFeed")[:kinds]):
            yield of_type(kind, at(28, 12, minute), "ReadFeed", agent=who, container="")


def full_scan():
    yield from steady()
    for who, size in (("one", 7 * MB), ("two", 15 * MB), ("three", 30 * MB)):
        for minute in range(20):
            yield of_type("DocumentFeed", at(28, 12, minute), "ReadFeed", agent=who, size=size // 20)


def dormant_account():
    for account, day in (("ONE", 40), ("TWO", 60), ("THREE", 110)):
        yield from steady(20, account=account)
        yield kit.row(at(day), account=account)


def number_of_documents():
    yield from steady()
    for who, n in (("one", 600), ("two", 1300), ("three", 2500)):
        for i in range(n):
            yield kit.row(at(28, 12, 0, i), "Read", agent=who, size=400)


def mass_deletion():
    yield from steady()
    for who, n in (("one", 600), ("two", 1300), ("three", 2500)):
        for i in range(n):
            yield kit.row(at(28, 12, 0, i), "Delete", status=204, agent=who, size=0)


def refused_access():
    yield from steady()
    for last, n in ((1, 15), (2, 25), (3, 45)):
        for second in range(n):
            yield kit.row(at(28, 12, 0, second), status=401, address="203.0.113.%d" % last, agent="unheard-of")


def slow_leak():
    for container, times in (("one", 1.37), ("two", 1.6), ("three", 2.5)):
        for day in range(1, 96):
            for hour in range(0, 24, 2):
                yield kit.row(at(day, hour, 10), container=container,
                              size=int((24 + day * 7 % 5) * MB * (times if day > 65 else 1)))


def unusual_application():
    for account in ("CALM", "BUSY"):
        yield from steady(account=account)
    for day in range(1, 29, 2):  # where a new program comes every other day one more is no news
        yield kit.row(at(day, 10), account="BUSY", agent="tool-of-day-%s" % chr(96 + day))
    yield kit.row(at(28, 11), account="CALM", agent="unheard-of")
    yield kit.row(at(28, 11), account="CALM", agent="stranger", address="203.0.113.7")


def unusual_network():
    for account in ("CALM", "BUSY"):
        yield from steady(account=account)
    for day in range(1, 29, 2):
        yield kit.row(at(day, 10), account="BUSY", address="198.51.100.%d" % day)
    yield kit.row(at(28, 11), account="CALM", address="203.0.113.1")
    yield kit.row(at(28, 11), account="CALM", address="203.0.113.2")


CLOUDS = (12876, 13335, 14061, 15169, 16276, 16509, 19994, 20473, 20940, 24940, 31898, 36351, 45102, 49505)
NETWORKS = ("networks:\n  - { cidr: 192.0.2.0/24, asn: 64500, org: Carrier }\n"
            "  - { cidr: 203.0.113.1, asn: 64501, org: Any Datacenter }\n"
            "  - { cidr: 203.0.113.2, asn: 51167, org: Contabo }\n" +
            "".join("  - { cidr: 198.51.100.%d, asn: %d }\n" % (1 + 2 * i, asn) for i, asn in enumerate(CLOUDS)))


def unusual_place():
    yield from steady()
    moved = kit.row(at(28, 11), address="203.0.113.3")
    moved["RegionName"] = "Japan East"
    yield moved
    yield kit.row(at(28, 11), address="203.0.113.1")
    yield kit.row(at(28, 11), address="203.0.113.2", agent="unheard-of")


PLACES = ("networks:\n  - { cidr: 192.0.2.0/24, asn: 64500, country: NL }\n"
          "  - { cidr: 203.0.113.1, asn: 64500, country: BE }\n  - { cidr: 203.0.113.2, asn: 64501, country: VN }\n"
          "  - { cidr: 203.0.113.3, asn: 64500, country: JP }\n")


def unusual_principal():
    def person(n):
        return "%08d-1111-4222-8333-000000000001" % n

    for account in ("CALM", "BUSY"):
        yield from steady(account=account, key="AadToken", principal=person(1))
    for day in range(1, 29, 2):
        yield kit.row(at(day, 10), account="BUSY", key="AadToken", principal=person(100 + day))
    yield kit.row(at(28, 11), account="CALM", key="AadToken", principal=person(2))
    yield kit.row(at(28, 11), account="CALM", agent=BROWSER)


def query_row(time, text, agent=JAVA, container="orders", status=200, number=[0]):
    number[0] += 1
    request = kit.row(time, agent=agent, container=container, status=status)
    request["ActivityId"] = "a1b2c3d4-0000-4000-8000-%012d" % number[0]
    text_row = {k: request[k] for k in ("TimeGenerated", "AccountName", "_ResourceId", "ActivityId", "DatabaseName",
                                        "CollectionName")}
    return [request, {**text_row, "Type": "CDBQueryRuntimeStatistics",
                      "QueryText": json.dumps({"query": text, "parameters": []})}]


def query_anomaly():
    yield from steady()
    for container, days in (("one", 5), ("two", 10), ("three", 20)):
        for day in range(28 - days, 29):
            yield from query_row(at(day, 10), "SELECT * FROM c WHERE c.id = @id", container=container)
        yield from query_row(at(28, 12), "SELECT c.secret FROM c ORDER BY c._ts", container=container)


def sql_injection():
    for container, n in (("one", 25), ("two", 50), ("three", 100)):
        for i in range(n):
            r = kit.row(at(28, 12, i % 10), container=container, status=400)
            r["RequestLength"] = 100.0 + i
            yield r


def native(table, time, text, failed, container, operation, **more):
    return {"Type": table, "TimeGenerated": time, "AccountName": "CONTOSO-ORDERS", "OperationName": operation,
            "ActivityId": "a1b2c3d4-0000-4000-8000-000000000021", "ErrorCode": failed, "DatabaseName": "shop",
            "CollectionName": container, "TableName": container, "DurationMs": 1.0, "RequestCharge": 1.0,
            "RequestLength": 100.0, "ResponseLength": 100.0, "Address": "192.0.2.10", "UserAgent": "driver/1.0",
            "AuthorizationTokenType": "PrimaryMasterKey", "PIICommandText": text, **more}


def broken(table, operation, failed, text):
    """Distinct statements that do not parse, 8, 15 and 30 in ten minutes."""
    def rows():
        for container, n in (("one", 8), ("two", 15), ("three", 30)):
            for i in range(n):
                yield native(table, at(28, 12, i % 10), text(i), failed, container, operation)
    return rows


def guesses():
    """About one field each, 4, 8 and 20 in ten minutes: short patterns."""
    for container, n in (("one", 4), ("two", 8), ("three", 20)):
        for i in range(n):
            yield native("CDBMongoRequests", at(28, 12, i % 10),
                         json.dumps({"find": container, "filter": {"code": {"$regex": "^m" + "d5f00"[:i % 5] + chr(97 + i)}}}), "0", container,
                         "find")


def key_listing():
    accounts = ["ACCOUNT%d" % i for i in range(8)]
    for account in accounts:
        yield from steady(account=account)
    for day in range(1, 28):
        yield kit.activity(at(day, 9), accounts[day % 8], "LISTKEYS/ACTION", "usual@contoso.example")
    for who, n in (("one", 2), ("two", 4), ("three", 8)):
        for i in range(n):
            yield kit.activity(at(28, 12, 0, i), accounts[i], "LISTKEYS/ACTION", who + "@contoso.example")


def key_reader():
    yield from steady()
    for day in range(1, 28):
        yield kit.activity(at(day, 9), "CONTOSO-ORDERS", "LISTKEYS/ACTION", "usual@contoso.example")
    yield kit.activity(at(28, 21), "CONTOSO-ORDERS", "LISTKEYS/ACTION", "usual@contoso.example")  # an hour of its own
    yield kit.activity(at(28, 12), "CONTOSO-ORDERS", "LISTKEYS/ACTION", "new@contoso.example")
    yield kit.activity(at(28, 12), "CONTOSO-ORDERS", "LISTKEYS/ACTION", "guest_else.example#EXT#@contoso.example")


def key_regenerated():
    for account, n in (("ONE", 30), ("TWO", 60), ("THREE", 120)):
        yield from steady(account=account)
        yield kit.activity(at(2, 9), account, "REGENERATEKEY/ACTION", "rotation@contoso.example")
        yield kit.activity(at(28, 12), account, "REGENERATEKEY/ACTION", "rotation@contoso.example")
        for i in range(n):
            yield kit.row(at(28, 12, 5, i % 60), account=account, status=401)


def data_moved():
    for account in ("ONE", "TWO"):
        yield from steady(account=account)
        for day in range(1, 28):
            yield kit.activity(at(day, 9), account, "WRITE", "usual@contoso.example")
        for day in (3, 10):
            yield kit.activity(at(day, 10), account, "DATATRANSFERJOBS/WRITE", "job@contoso.example")
    yield kit.activity(at(27, 10), "ONE", "DATATRANSFERJOBS/WRITE", "job@contoso.example")
    yield kit.activity(at(28, 10), "ONE", "DATATRANSFERJOBS/WRITE", "usual@contoso.example")
    yield kit.activity(at(28, 10), "TWO", "DATATRANSFERJOBS/WRITE", "new@contoso.example")


def server_code():
    yield from steady()
    for day in (3, 10, 28):
        yield of_type("Trigger", at(day, 10), "Create", container="one")
    for day in range(1, 28):  # known for reading alone
        yield kit.row(at(day, 11), agent="PostmanRuntime/7.36.0")
        yield kit.row(at(day, 11), agent="worker/1.0")
    yield of_type("StoredProcedure", at(28, 10), "Create", agent="worker/1.0", container="two")
    yield of_type("StoredProcedure", at(28, 10), "Create", agent="unheard-of", address="203.0.113.7", container="three")


def resource_deletion():
    yield from steady()
    for day in range(1, 28):
        yield kit.activity(at(day, 9), "CONTOSO-ORDERS", "WRITE", "usual@contoso.example")
    for who, n in (("one", 2), ("two", 4), ("three", 8)):
        for i in range(n):
            gone = kit.activity(at(28, 12, i), "CONTOSO-ORDERS", "SQLDATABASES/CONTAINERS/DELETE", who + "@contoso.example")
            yield {**gone, "_ResourceId": gone["_ResourceId"] + "/sqldatabases/shop/containers/%s%d" % (who, i)}


def backup_weakened():
    """To and fro in one account since it was new, a longer interval in another, all copies in one place in the third."""
    for account in ("ONE", "TWO", "THREE"):
        yield from steady(60, account=account)
    for day, hours in ((2, 720), (4, 8), (6, 720), (8, 8), (10, 720), (30, 8)):
        yield policy(at(day), "ONE", BackupRetentionIntervalInHours=hours)
    for account, column, good, bad in (("TWO", "BackupIntervalInMinutes", 240, 1440),
                                       ("THREE", "BackupStorageRedundancy", "Geo", "Local")):
        yield policy(at(20), account, **{column: good})
        yield policy(at(40), account, **{column: bad})


def policy(time, account, **columns):
    return {"Type": "CDBControlPlaneRequests", "TimeGenerated": time, "AccountName": account, "OperationName": "AccountUpdateStart",
            "_ResourceId": kit.row(time, account=account)["_ResourceId"], "HttpStatusCode": 202, "ActivityId": time + account,
            **columns}


def role_granted():
    write = "SQLROLEASSIGNMENTS/WRITE"
    for account in ("ONE", "TWO"):
        yield from steady(account=account)
        for day in range(1, 28):  # the activity log is read
            yield kit.activity(at(day, 9), account, "WRITE", "usual@contoso.example")
    yield kit.activity(at(5, 12), "ONE", write, "elsewhere@contoso.example")
    yield kit.activity(at(28, 12), "TWO", write, "elsewhere@contoso.example")
    yield kit.activity(at(28, 12), "TWO", write, "new@contoso.example")
    yield {**kit.activity(at(28, 13), "TWO", "X", "boss@contoso.example"),
           "OperationNameValue": "MICROSOFT.AUTHORIZATION/ELEVATEACCESS/ACTION"}


def state(day, account, list_, hour=12):
    return {"Type": "CDBControlPlaneRequests", "TimeGenerated": at(day, hour), "AccountName": account, "ActivityId": "",
            "OperationName": "AccountUpdateComplete", "HttpStatusCode": 200, "IpRangeFilter": list_,
            "EnableVirtualNetworkFilter": False}


def network_opened():
    """A wide range; opened before, on four days; never before."""
    for account, days in (("ONE", ()), ("TWO", (5, 9, 13, 17)), ("THREE", ())):
        yield from steady(account=account)
        yield state(2, account, "192.0.2.10")
        for day in days:
            yield state(day, account, "0.0.0.0")
            yield state(day, account, "192.0.2.10", hour=13)
    yield state(28, "ONE", "192.0.2.10,10.0.0.0/8")
    yield state(28, "TWO", "0.0.0.0")
    yield state(28, "THREE", "0.0.0.0")


def logging_impaired():
    def setting(time, account, verb, caller):
        return dict(kit.activity(time, account, "", caller), OperationNameValue="MICROSOFT.INSIGHTS/DIAGNOSTICSETTINGS/" + verb)

    for account in ("ONE", "TWO", "THREE"):
        yield from steady(account=account)
        for day in range(1, 28):
            yield kit.activity(at(day, 9), account, "WRITE", "usual@contoso.example")
    for day in (3, 10):
        yield setting(at(day, 10), "GONE", "DELETE", "job@contoso.example")
        yield kit.activity(at(day, 10, 5), "GONE", "DELETE", "job@contoso.example")
    yield setting(at(28, 10), "ONE", "DELETE", "new@contoso.example")
    yield setting(at(28, 10), "TWO", "DELETE", "usual@contoso.example")
    yield setting(at(28, 10, 5), "TWO", "WRITE", "usual@contoso.example")
    yield setting(at(28, 10), "THREE", "DELETE", "job@contoso.example")


def stolen_key():
    for account, n in (("ONE", 5), ("TWO", 10), ("THREE", 20)):
        yield from steady(account=account)
        for i in range(n):
            yield kit.row(at(28, 12, i), account=account, address="44.%d.0.1" % i)


def volume():
    for who, size in (("one", 55), ("two", 120), ("three", 300)):
        for day in range(1, 29):
            for hour in range(0, 24, 3):
                yield kit.row(at(day, hour, 1), agent=who, container=who, size=40 * MB)
        yield kit.row(at(28, 12), agent=who, container=who, size=size * MB)


APART = {
    "bad_address": (bad_address, feed_of(20, 40, 90), FEEDS),
    "number_of_documents": (number_of_documents, "detectors:\n  number_of_documents: { min_reads: 200 }\n", {}),
    "unusual_network": (unusual_network, NETWORKS, {}),
    "unusual_place": (unusual_place, PLACES, {}),
    "cql_injection": (broken("CDBCassandraRequests", "QuerySelect", "8192", lambda i: "SELECT a%d FROM WHERE '" % i), "", {}),
    "gremlin_injection": (broken("CDBGremlinRequests", "eval", "597", lambda i: "g.V('a').has('b%d', " % i), "", {}),
    "table_injection": (broken("CDBTableApiRequests", "QueryEntities", "400", lambda i: "p%d eq '" % i), "", {}),
    "mongo_injection": (guesses, "", {}),
}


@pytest.mark.parametrize("name", JUDGING)
def test_each_detector_has_something_that_tells_low_normal_and_high_apart(name, tmp_path):
    rows, config, files = APART.get(name) or (globals()[name], "", {})
    low, normal, high = told(Scenario(rows, config, files), str(tmp_path), name)
    assert low < normal < high, (low, normal, high)
