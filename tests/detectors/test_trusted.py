"""The `trusted:` list: which kinds spare which detectors' alerts, which do not, and that what is spared is learned.
SPDX-License-Identifier: Apache-2.0
"""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import kit  # noqa: E402
from test_sensitivity import MB, Scenario, at, of_type, steady  # noqa: E402

THIEF = "203.0.113.9"
WHO = "99999999-1111-4222-8333-000000000009"
HOME = "11111111-1111-4222-8333-000000000001"
CALLER = "ops@contoso.example"
KINDS = {"address": "203.0.113.0/24", "asn": "AS64501", "principal": WHO, "agent": "stranger*", "key_reader": CALLER}
NETWORKS = ("networks:\n  - { cidr: 192.0.2.0/24, asn: 64500, country: NL, lat: 52, lon: 5 }\n"
            "  - { cidr: 203.0.113.0/24, asn: 64501, org: Any Hosting, country: VN, lat: 21, lon: 106 }\n")


def once(time, operation="Query", **kw):
    return kit.row(time, operation, **{"address": THIEF, "agent": "stranger/1.0", "key": "AadToken", "principal": WHO, **kw})


def base(**kw):
    return steady(key="AadToken", principal=HOME, **kw)


def simple():
    yield from base()
    yield once(at(28))


def travel():
    yield from base()
    for day in range(1, 29):
        yield once(at(day, 12), address="192.0.2.10")
    yield once(at(28, 12, 30))


def refused():
    yield from base()
    for second in range(50):
        yield once(at(28, 12, 0, second), status=401)


def dormant():
    yield from steady(20, key="AadToken", principal=HOME)
    yield once(at(70))


def key_used(key):
    def rows():
        yield from steady(key="SecondaryMasterKey" if key == "PrimaryMasterKey" else key)
        yield kit.activity(at(28, 9), "CONTOSO-ORDERS", "LISTKEYS/ACTION", "thief@else.example", address="198.51.100.7")
        yield once(at(28), key=key, principal="")
    return rows


def listed():
    yield from base()
    for minute, kind in enumerate(("DatabaseFeed", "UserFeed", "OfferFeed")):
        yield of_type(kind, at(28, 12, minute), "ReadFeed", address=THIEF, agent="stranger/1.0", key="AadToken", principal=WHO)


def feed(day, **kw):
    for minute in range(12):
        yield of_type("DocumentFeed", at(day, 12, minute), "ReadFeed", status=304 if minute % 3 else 200,
                      **{"size": 0 if minute % 3 else 9 * MB, "address": THIEF, "agent": "stranger/1.0", "key": "AadToken",
                         "principal": WHO, **kw})


def follows():
    yield from base()
    yield from feed(28)


def scan(day):
    for minute in range(20):
        yield of_type("DocumentFeed", at(day, 12, minute), "ReadFeed", size=2 * MB, address=THIEF, agent="stranger/1.0",
                      key="AadToken", principal=WHO)


def scans():
    yield from base()
    yield from scan(28)


def reads():
    yield from base()
    for minute in range(30):
        yield once(at(28, 12, minute), size=100 * MB)


def point_reads():
    yield from base()
    for i in range(1300):
        yield once(at(28, 12, 0, i), "Read", size=100)


def deletes(day=28):
    for i in range(1300):
        yield once(at(day, 12, 0, i), "Delete", status=204, size=0)
    yield of_type("Collection", at(day, 13), "Delete", status=204, address=THIEF, agent="stranger/1.0", key="AadToken",
                  principal=WHO)


def deleted():
    yield from base()
    yield from deletes()


def leaks():
    for day in range(1, 96):
        for hour in range(0, 24, 2):
            yield once(at(day, hour), size=24 * MB * (3 if day > 65 else 1))


def keys(operation, accounts=1):
    def rows():
        for n in range(max(accounts, 3)):
            yield from steady(account="ACCOUNT%d" % n)
            for day in range(1, 28):
                yield kit.activity(at(day, 6 + n), "ACCOUNT%d" % n, "LISTKEYS/ACTION", "usual@contoso.example")
        for n in range(accounts):
            yield kit.activity(at(28, 12), "ACCOUNT%d" % n, operation, CALLER, address=THIEF)
    return rows


def deletions():
    yield from steady(account="ACCOUNT0")
    for day in range(1, 28):
        yield kit.activity(at(day, 9), "ACCOUNT0", "WRITE", CALLER, address="192.0.2.5")
    yield kit.activity(at(28, 12), "ACCOUNT0", "DELETE", WHO, address=THIEF)


def gives():
    yield from steady(account="ACCOUNT0")
    for day in range(1, 28):
        yield kit.activity(at(day, 6), "ACCOUNT0", "WRITE", "usual@contoso.example")
    yield kit.activity(at(28, 12), "ACCOUNT0", "SQLROLEASSIGNMENTS/WRITE", WHO, address=THIEF)


def reader_abroad():
    yield from steady(account="ACCOUNT0")
    for day in range(1, 28):
        yield kit.activity(at(day, 9), "ACCOUNT0", "LISTKEYS/ACTION", CALLER, address="192.0.2.5")
    yield kit.activity(at(28, 9), "ACCOUNT0", "LISTKEYS/ACTION", CALLER, address=THIEF)


def copied():
    yield from steady(account="ACCOUNT0")
    for day in range(1, 28):
        yield kit.activity(at(day, 9), "ACCOUNT0", "WRITE", "usual@contoso.example")
    yield kit.activity(at(28, 9), "ACCOUNT0", "DATATRANSFERJOBS/WRITE", WHO, address=THIEF)


def coded():
    yield from base()
    yield of_type("StoredProcedure", at(28, 12), "Create", address=THIEF, agent="stranger/1.0", key="AadToken", principal=WHO)


def opened():
    yield from steady(account="CLUSTER")
    for day in range(1, 28):
        yield kit.activity(at(day, 9), "CLUSTER", "WRITE", "usual@contoso.example")
    r = kit.activity(at(28, 9), "CLUSTER", "WRITE", WHO, address=THIEF)
    r["OperationNameValue"] = "MICROSOFT.DOCUMENTDB/MONGOCLUSTERS/FIREWALLRULES/WRITE"
    r["_ResourceId"] = r["_ResourceId"].replace("/databaseaccounts/", "/mongoclusters/") + "/firewallRules/all"
    r["Properties_d"] = '{"requestbody": "{\\"startIpAddress\\": \\"0.0.0.0\\", \\"endIpAddress\\": \\"255.255.255.255\\"}"}'
    yield r


def blinded():
    yield from steady(account="ACCOUNT0")
    for day in range(1, 28):
        yield kit.activity(at(day, 9), "ACCOUNT0", "WRITE", "usual@contoso.example")
    yield dict(kit.activity(at(28, 9), "ACCOUNT0", "", WHO, address=THIEF),
               OperationNameValue="MICROSOFT.INSIGHTS/DIAGNOSTICSETTINGS/DELETE")


BAD = 'feeds:\n  - { name: bad, type: addresses, path: "{dir}/bad.txt", confidence: 90 }\n' + NETWORKS
READS = "detectors:\n  number_of_documents: { min_reads: 200 }\n"

# detector, part of the variant or None, rows, configuration, the kinds that spare it
CASES = [
    ("bad_address", None, simple, BAD, {"address"}),
    ("unusual_place", "Country", simple, NETWORKS, {"address", "asn"}),
    ("unusual_place", "ImpossibleTravel", travel, NETWORKS, {"address", "asn", "principal"}),
    ("unusual_network", "Hosting", simple, NETWORKS, {"address", "asn"}),
    ("unusual_application", None, simple, NETWORKS, {"agent"}),
    ("unusual_principal", None, simple, NETWORKS, {"principal"}),
    ("unusual_principal", "OtherKey", key_used("PrimaryMasterKey"), NETWORKS, {"address"}),
    ("refused_access", None, refused, NETWORKS, {"address"}),
    ("dormant_account", None, dormant, NETWORKS, {"address", "principal"}),
    ("enumeration", None, listed, NETWORKS, {"address", "principal"}),
    ("change_feed", None, follows, NETWORKS, {"principal"}),
    ("full_scan", None, scans, NETWORKS, {"principal"}),
    ("volume", None, reads, NETWORKS, {"principal"}),
    ("slow_leak", None, leaks, NETWORKS, {"principal"}),
    ("number_of_documents", None, point_reads, READS + NETWORKS, {"principal"}),
    ("mass_deletion", "Documents", deleted, NETWORKS, {"principal"}),
    ("mass_deletion", "Containers", deleted, NETWORKS, {"principal"}),
    ("stolen_key", None, key_used("SecondaryMasterKey"), NETWORKS, {"address"}),
    ("key_reader", "NewPrincipal", keys("LISTKEYS/ACTION"), NETWORKS, {"key_reader"}),
    ("key_reader", "UnusualLocation", reader_abroad, NETWORKS, {"key_reader", "address", "asn"}),
    ("key_listing", None, keys("LISTKEYS/ACTION", 4), NETWORKS, {"key_reader"}),
    ("resource_deletion", None, deletions, NETWORKS, {"principal"}),
    ("role_granted", None, gives, NETWORKS, {"principal"}),
    ("key_regenerated", None, keys("REGENERATEKEY/ACTION"), NETWORKS, {"key_reader"}),
    ("data_moved", None, copied, NETWORKS, {"principal"}),
    ("logging_impaired", None, blinded, NETWORKS, {"principal"}),
    ("server_code", None, coded, NETWORKS, {"principal", "agent"}),
    ("network_opened", None, opened, NETWORKS, {"principal"}),
]


def count(dir_, name, variant, rows, config, trusted):
    os.mkdir(dir_)
    config += "trusted:\n" + trusted if trusted else ""
    alerts = kit.replay(Scenario(rows, config, {"bad.txt": THIEF + "\n"}), dir_)
    return len([a for a in alerts if a["detector"] == name and (variant is None or a["variant"] == variant)])


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(filter(None, c[:2])))
def test_each_kind_spares_what_it_is_about_and_nothing_else(case, tmp_path):
    name, variant, rows, config, spares = case
    args = (name, variant, rows, config)
    assert count(str(tmp_path / "none"), *args, "") >= 1
    for kind, value in KINDS.items():
        told = count(str(tmp_path / kind), *args, "  - { %s: '%s', note: a test }\n" % (kind, value))
        assert (told == 0) == (kind in spares), kind
    over = "  - { %s: '%s', until: 2026-01-20 }\n" % (next(iter(spares)), KINDS[next(iter(spares))])
    assert count(str(tmp_path / "over"), *args, over) >= 1


def daily(what):
    """The stranger does it every day from the 16th day on."""
    def rows():
        yield from base()
        for day in range(16, 29):
            yield from what(day)
    return rows


LEARNED = {
    "enumeration": daily(lambda day: (of_type(kind, at(day, 12), "ReadFeed", address=THIEF, key="AadToken", principal=WHO)
                                      for kind in ("DatabaseFeed", "UserFeed", "OfferFeed"))),
    "change_feed": daily(feed),
    "full_scan": daily(scan),
    "volume": daily(lambda day: (once(at(day, hour, 5), size=200 * MB) for hour in range(0, 24, 3))),
    "number_of_documents": daily(lambda day: (once(at(day, hour, 0, i), "Read", size=100)
                                              for hour in range(0, 24, 4) for i in range(1300))),
    "mass_deletion": daily(deletes),
    "unusual_principal": daily(lambda day: [once(at(day))]),
}


@pytest.mark.parametrize("name", sorted(LEARNED))
def test_what_trust_spared_was_learned_when_it_ends(name, tmp_path):
    config = READS if name == "number_of_documents" else ""
    args = (name, None, LEARNED[name], config)
    assert count(str(tmp_path / "none"), *args, "") >= 1
    assert count(str(tmp_path / "until"), *args, "  - { principal: %s, until: 2026-01-27 }\n" % WHO) == 0
