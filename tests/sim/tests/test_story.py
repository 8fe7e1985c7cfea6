"""The generated fortnight: repeatable, of the declared shapes, and with the attacks where the truth file says."""

import pytest

from sim.kql import run
from sim.kql import types as T
from sim.store import Store
from sim.story import ATTACKED_WITHIN_HOURS, HOUR, MIN, generate

END = "2026-08-20T06:00:00Z"


@pytest.fixture(scope="module")
def day():
    items, truth = generate(seed=7, end=END, days=2, scale=0.5)
    s = Store()
    s.add(items, T.parse_datetime(END))          # a column that no table has would fail here

    def ask(text):
        return run(text, s.view(), T.parse_datetime("2026-08-20T12:00:00Z"))[1]
    return items, truth, ask


def test_repeatable(day):
    again, truth = generate(seed=7, end=END, days=2, scale=0.5)
    assert again == day[0] and truth == day[1]
    assert generate(seed=8, end=END, days=2, scale=0.5)[0] != day[0]


@pytest.mark.parametrize("minutes", range(0, 24 * 60, 30))
def test_whatever_the_hour_all_attacks_are_over_and_none_is_older_than_said(minutes):
    end = T.parse_datetime("2026-08-20T00:00:00Z") + minutes * MIN
    attacks = generate(seed=7, end=T.format_datetime(end), days=3, scale=0.01)[1]["attacks"]
    assert len(attacks) == 5
    for a in attacks:
        assert end - ATTACKED_WITHIN_HOURS * HOUR <= T.parse_datetime(a["start"]) < T.parse_datetime(a["end"]) < end, a


def test_size_and_span(day):
    items, truth, ask = day
    assert 3000 < len(items) < 12000 and truth["rows"] == len(items)
    lo, hi = ask("CDBDataPlaneRequests | summarize min(TimeGenerated), max(TimeGenerated)")[0]
    assert T.parse_datetime(truth["start"]) <= lo and hi < T.parse_datetime(END)
    assert ask("CDBDataPlaneRequests | where ingestion_time() < TimeGenerated | count")[0][0] == 0


def test_texts_join_their_requests(day):
    _, _, ask = day
    n = ask("CDBQueryRuntimeStatistics | distinct ActivityId | count")[0][0]
    m = ask("CDBQueryRuntimeStatistics | distinct ActivityId | join kind=inner (CDBDataPlaneRequests | where OperationName == "
            "'Query' and StatusCode == 200) on ActivityId | count")[0][0]
    assert n == m > 100
    # a statement that does not parse leaves no text
    assert ask("CDBDataPlaneRequests | where StatusCode == 400 | join kind=inner CDBQueryRuntimeStatistics on ActivityId | "
               "count")[0][0] == 0


def test_attacks_are_there(day):
    _, truth, ask = day
    kinds = [a["alertType"] for a in truth["attacks"]]
    assert kinds == ["CosmosDB_TorAnomaly", "CosmosDB_SuspiciousIp", "CosmosDB_SqlInjection.FailedFuzzingAttempt",
                     "CosmosDB_SqlInjection.DataExfiltration", "CosmosDB_DataExfiltrationAnomaly"]
    for a in truth["attacks"]:
        n = ask("CDBDataPlaneRequests | where AccountName =~ '%s' and ClientIpAddress == '%s' and TimeGenerated between "
                "(datetime(%s) .. datetime(%s)) | count" % (a["account"], a["address"], a["start"], a["end"]))[0][0]
        assert n >= a["requests"]
    assert ask("CDBQueryRuntimeStatistics | where QueryText has_any ('1=1', \"'a'='a\") | distinct ActivityId | count")[0][0] == 4
