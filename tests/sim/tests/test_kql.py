"""The evaluator against results worked out by hand. Times are written as the query API writes them."""

import json
import math

import pytest

from sim.kql import KqlError, SemanticError, SyntaxErr, Unsupported, run
from sim.kql import types as T
from sim.query_api import encode_rows
from sim.store import Store

NOW = "2026-08-20T12:00:00Z"
LEFT = 'datatable(k:string, v:long)["a",1,"a",2,"b",3,"c",4]'
RIGHT = 'datatable(k:string, w:string)["a","x","b","y","b","z","d","q"]'


@pytest.fixture(scope="module")
def store():
    s = Store()
    now = T.parse_datetime(NOW)
    rows = []
    for i in range(10):
        rows.append({"table": "CDBDataPlaneRequests", "row": {
            "TimeGenerated": "2026-08-20T10:00:%02d.5Z" % i, "AccountName": "CONTOSO-ORDERS", "ActivityId": "a%d" % i,
            "StatusCode": 200 if i % 3 else 429, "ResponseLength": 100.0 * i, "ClientIpAddress": "192.0.2.%d" % (i % 2),
            "OperationName": "Query" if i < 4 else "Read", "UserAgent": "azsdk-java-cosmos/4.60.0 Linux"}})
    for i in range(3):
        rows.append({"table": "CDBQueryRuntimeStatistics", "row": {
            "TimeGenerated": "2026-08-20T10:00:00Z", "AccountName": "CONTOSO-ORDERS", "ActivityId": "a%d" % i,
            "QueryText": '{"query":"SELECT %d"}' % i}})
    rows.append({"table": "AzureActivity", "row": {
        "TimeGenerated": "2026-08-20T09:00:00Z", "Caller": "ada@contoso.example",
        "OperationNameValue": "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/LISTKEYS/ACTION",
        "Claims_d": '{"appid": "c44b", "n": 5, "list": [1, 2]}'}})
    s.add(rows, now)
    return s


@pytest.fixture
def q(store):
    def ask(text, missing=(), now=NOW, geo=None, span=(None, None)):
        cols, rows, _ = run(text, store.view(missing), T.parse_datetime(now), span, None, geo)
        out = json.loads(encode_rows(cols, rows, 1 << 40)[0])
        ask.cols = cols
        return out
    return ask


def one(q, expr):
    return q("print x = " + expr)[0][0]


SCALARS = [
    # literals and lexical rules
    ('"a\\"b"', 'a"b'), ("'a\\'b\\\\'", "a'b\\"), ('"\\u0041\\t"', "A\t"), ('@"C:\\x"', "C:\\x"), ('@"a""b"', 'a"b'),
    ("@'it''s'", "it's"), ('"ab" "cd"', "abcd"), ("h'secret'", "secret"), ("```a\\n'\"```", "a\\n'\""),
    ("0x10", 16), ("1e3", 1000.0), ("long(null)", None), ("int(5)", 5), ("real(nan)", "NaN"), ("bool(true)", True),
    ("real(+inf)", "Infinity"), ("guid(74BE27DE-1E4E-49D9-B579-FE0B331D3642)", "74be27de-1e4e-49d9-b579-fe0b331d3642"),
    ("datetime(2026-08-20T10:00:00.1234567Z)", "2026-08-20T10:00:00.1234567Z"), ("datetime(null)", None),
    ("datetime(2026-08-20)", "2026-08-20T00:00:00Z"), ("datetime('2026-08-20 10:00')", "2026-08-20T10:00:00Z"),
    ("datetime(2026-08-20T10:00:00+02:00)", "2026-08-20T08:00:00Z"), ("datetime()", "2026-08-20T12:00:00Z"),
    ("5m", "00:05:00"), ("1.5h", "01:30:00"), ("1tick", "00:00:00.0000001"), ("100ms", "00:00:00.1000000"),
    ("2d + 1s", "2.00:00:01"), ("timespan(1.02:03:04.5)", "1.02:03:04.5000000"), ("-1h", "-01:00:00"),
    ("decimal(1.5)", "1.5"), ("dynamic({'a':[1,2.5,null,true,\"x\"]})", '{"a":[1,2.5,null,true,"x"]}'),
    # arithmetic and nulls
    ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("7 / 2", 3), ("-7 / 2", -3), ("7.0 / 2", 3.5), ("-14 % 12", 10),
    ("14 % -12", 2), ("1 / 0", None), ("1.0 / 0", "Infinity"), ("long(null) + 1", None), ("1d / 1s", 86400.0),
    ("datetime(2026-01-02) - datetime(2026-01-01)", "1.00:00:00"), ("datetime(2026-01-01) + 36h", "2026-01-02T12:00:00Z"),
    ("2 * 1h", "02:00:00"), ("1h / 2", "00:30:00"), ("int(null) == int(null)", None), ("int(null) == 1", False),
    ("int(null) != 1", True), ("int(null) > 1", None), ("not(bool(null))", None), ("bool(null) and false", False),
    ("bool(null) or true", True), ("bool(null) and true", None), ("true and not(false)", True),
    # comparison of strings
    ('"Abc" == "abc"', False), ('"Abc" =~ "abc"', True), ('"Abc" !~ "abc"', False), ('"Abc" != "abc"', True),
    ('"North America" has "america"', True), ('"NorthAmerica" has "america"', False), ('"a_b" has "b"', True),
    ('"North America" has_cs "america"', False), ('"x/LISTKEYS/ACTION" has "listkeys/action"', True),
    ('"a b c" has_any ("x", "C")', True), ('"a b c" has_all ("a", "C")', True), ('"a b" has_all ("a", "z")', False),
    ('"a b c" has_any (dynamic(["z","b"]))', True), ('"a b" !has "z"', True), ('"ABC" contains "b"', True),
    ('"ABC" contains_cs "b"', False), ('"ABC" !contains "z"', True), ('"ABC" startswith "ab"', True),
    ('"ABC" startswith_cs "ab"', False), ('"ABC" endswith "bC"', True), ('"ABC" !endswith "x"', True),
    ('"abc1" matches regex "^[a-c]+\\\\d$"', True), ('"a" in ("A", "a")', True), ('"a" in~ ("A")', True),
    ('"a" !in ("b")', True), ('"A" !in~ ("a")', False), ('5 in (1, 5)', True), ('5 between (1 .. 5)', True),
    ('5 !between (1 .. 4)', True), ("datetime(2026-01-01) between (datetime(2025-12-31) .. 1d)", True),
    # conversion
    ('tolong("12")', 12), ('tolong("x")', None), ('tolong(3.9)', 3), ('toint("99999999999")', None), ('toreal("1.5")', 1.5),
    ('todouble("")', None), ('tostring(5)', "5"), ('tostring(true)', "true"), ('tostring(long(null))', ""),
    ('tostring(datetime(2026-08-20T10:00:00.5Z))', "2026-08-20T10:00:00.5000000Z"), ('tostring(dynamic([1,2]))', "[1,2]"),
    ('tobool("true")', True), ('tobool(0)', False), ('todatetime("2026-08-20T10:00:00Z")', "2026-08-20T10:00:00Z"),
    ('todatetime("no")', None), ('totimespan("00:01:00")', "00:01:00"), ('todecimal("2.50")', "2.50"),
    ('parse_json("{\\"a\\":{\\"b\\":[1,2]}}").a.b[1]', "2"), ('tolong(parse_json("{\\"a\\":7}")["a"])', 7),
    ('tostring(parse_json("not json"))', "not json"), ('isnull(parse_json("{}").x)', True), ('gettype(5)', "long"),
    ('gettype(dynamic([1]))', "array"), ('gettype(dynamic({"a":1}).a)', "long"),
    # strings
    ('tolower("AbC")', "abc"), ('toupper("AbC")', "ABC"), ('strlen("häß")', 3), ('substring("123456", 1)', "23456"),
    ('substring("123456", 2, 2)', "34"), ('substring("123456", -2, 2)', "56"), ('indexof("abcdefg", "cde")', 2),
    ('indexof("abcdefg", "cde", 3)', -1), ('indexof("abcabc", "b", 0, -1, 2)', 4), ('split("a__b", "_")', '["a","","b"]'),
    ('split("aaa_bbb_ccc", "_", 1)', '["bbb"]'), ('strcat("a", 1, true)', "a1true"), ('strcat_delim("-", "a", 1)', "a-1"),
    ('strcat_array(dynamic([1,"b"]), ",")', "1,b"), ('replace_string("a.b.c", ".", "-")', "a-b-c"),
    ('replace_regex("a1b22", "\\\\d+", "#")', "a#b#"), ('replace_regex("ab", "(a)(b)", "\\\\2\\\\1")', "ba"),
    ('trim("-+", "--a-b--")', "a-b"), ('trim_start("x", "xxa")', "xa"), ('trim_end("x+", "axx")', "a"),
    ('extract("v(\\\\d+)", 1, "sdk v12")', "12"), ('extract("v(\\\\d+)", 1, "sdk v12", typeof(long))', 12),
    ('extract("z", 0, "a")', ""), ('countof("aaaa", "aa")', 3), ('countof("a1b2", "\\\\d", "regex")', 2),
    ('hash("World")', 1846988464401551951), ('hash("World", 100)', 51), ('hash(datetime("2015-01-01"))', 1380966698541616202),
    ('hash_sha256("World")', "78ae647dc5544d227130a0682a51e30bc7777fbb6d8a8f17007463a3ecd1d524"),
    # choices
    ('iff(1 > 2, "a", "b")', "b"), ('iif(bool(null), 1, 2)', 2), ('iff(true, 1, 2.5)', 1.0),
    ('case(1 > 2, "a", 2 > 1, "b", "c")', "b"), ('coalesce(long(null), 5, 6)', 5), ('coalesce("", "x")', "x"),
    ('isempty("")', True), ('isempty(int(null))', True), ('isnotempty("a")', True), ('isnull("")', False),
    ('isnotnull(5)', True), ('isnan(real(nan))', True), ('isfinite(real(+inf))', False), ('min_of(3, 1, 2)', 1),
    ('max_of(1, 2.5)', 2.5),
    # numbers
    ("bin(7, 5)", 5), ("bin(-1, 5)", -5), ("bin(7.6, 0.5)", 7.5), ("floor(7.6, 1)", 7.0), ("round(2.567, 2)", 2.57),
    ("round(2.4)", 2.0), ("abs(-3)", 3), ("ceiling(1.2)", 2.0), ("log10(1000)", pytest.approx(3)), ("sqrt(9)", 3.0),
    ("pow(2, 10)", 1024.0), ("exp(0)", 1.0), ("log(1)", 0.0),
    # time
    ("now()", NOW), ("ago(1h)", "2026-08-20T11:00:00Z"), ("now(-1d)", "2026-08-19T12:00:00Z"),
    ("bin(datetime(2026-08-20T10:03:04Z), 5m)", "2026-08-20T10:00:00Z"),
    ("bin(datetime(2026-08-20T10:03:04Z), 7d)", "2026-08-17T00:00:00Z"),
    ("startofday(datetime(2026-08-20T10:03:04Z))", "2026-08-20T00:00:00Z"),
    ("startofday(datetime(2026-08-20T10:03:04Z), -1)", "2026-08-19T00:00:00Z"),
    ("datetime_diff('minute', datetime(2017-10-30T23:05:01Z), datetime(2017-10-30T23:00:59Z))", 5),
    ("datetime_diff('week', datetime(2017-10-29 00:00), datetime(2017-09-30 23:59))", 5),
    ("datetime_diff('month', datetime(2017-01-01), datetime(2015-12-30))", 13),
    ("datetime_diff('year', datetime(2017-01-01), datetime(2000-12-31))", 17),
    ("datetime_add('month', 1, datetime(2026-01-31))", "2026-02-28T00:00:00Z"),
    ("datetime_add('day', -1, datetime(2026-03-01))", "2026-02-28T00:00:00Z"),
    ("format_datetime(datetime(2026-08-20T10:03:04.5Z), 'yyyy-MM-dd HH:mm:ss.fff')", "2026-08-20 10:03:04.500"),
    ("unixtime_seconds_todatetime(1787220000)", "2026-08-20T10:00:00Z"),
    ("unixtime_milliseconds_todatetime(1787220000123)", "2026-08-20T10:00:00.123Z"),
    # dynamic
    ('array_length(dynamic([1,2,3]))', 3), ('array_length(dynamic({}))', None), ('bag_pack("a", 1, "b", "x")', '{"a":1,"b":"x"}'),
    ('pack_dictionary("a", 5m)', '{"a":"00:05:00"}'), ('pack_array(1, "x", now())', '[1,"x","2026-08-20T12:00:00.0000000Z"]'),
    ('bag_keys(dynamic({"a":1,"b":2}))', '["a","b"]'), ('set_has_element(dynamic([1,2]), 2)', True),
    ('set_has_element(dynamic(["1"]), 1)', False), ('array_index_of(dynamic(["x","y"]), "y")', 1),
    ('dynamic({"a":5}).a > 4', True), ('dynamic({"a":"x"}).a == "x"', True), ('dynamic({"a b":1})["a b"]', "1"),
    ('dynamic([1,2,3])[-1]', "3"), ('tostring(dynamic({"a":1}).missing)', ""),
    # addresses
    ('ipv4_is_private("10.1.2.3")', True), ('ipv4_is_private("8.8.8.8")', False), ('ipv4_is_private("::1")', None),
    ('ipv4_is_in_range("192.168.1.6", "192.168.1.0/24")', True), ('ipv4_is_in_range("192.168.2.6", "192.168.1.0/24")', False),
    ('ipv4_is_in_range("10.0.0.1:80", "10.0.0.0/8")', None), ('ipv4_is_match("192.168.1.1/24", "192.168.1.255")', True),
    ('ipv4_is_match("10.0.0.1", "10.0.0.2")', False), ('parse_ipv4("192.168.1.1")', 3232235777),
    ('parse_ipv4("192.168.1.1/24")', 3232235776), ('parse_ipv4("x")', None),
    ('ipv6_is_in_range("2001:db8::41", "2001:db8::/32")', True), ('ipv6_is_in_range("192.168.1.1", "192.168.0.0/16")', True),
    ('ipv6_is_in_any_range("2001:db8:7:1::5", pack_array("192.0.2.1", "2001:db8:7:1::/64"))', True),
    ('ipv6_is_in_any_range("2001:db8:7:2::5", "192.0.2.1", "2001:db8:7:1::/64")', False),
    ('ipv6_is_in_any_range("192.0.2.1", pack_array("192.0.2.1", "2001:db8:7:1::/64"))', True),
    ('ipv6_is_in_any_range("192.0.2.1:80", pack_array("192.0.2.1"))', None),
    ('ipv6_is_in_range("a5e:f127:8a9d:146d:e102:b5d3:c755:abcd", "0:0:0:0:0:ffff:c0a8:ac/60")', False),
]


@pytest.mark.parametrize("expr,want", SCALARS, ids=[e for e, _ in SCALARS])
def test_scalar(q, expr, want):
    assert one(q, expr) == want


def test_where_extend_project(q):
    assert q(LEFT + " | where v > 1 and k != 'c' | extend d = v * 2 | project d, k") == [[4, "a"], [6, "b"]]
    assert q.cols == [("d", "long"), ("k", "string")]


def test_extend_replaces_and_names(q):
    q("datatable(a:string)['5'] | extend tolong(a)")
    assert q.cols == [("a", "long")]


def test_project_family(q):
    t = "datatable(a:long, b:long, ab:long)[1,2,3] | "
    assert q(t + "project-away a*") == [[2]]
    assert q(t + "project-keep ab, a") == [[1, 3]]
    q(t + "project-rename z = a")
    assert [c for c, _ in q.cols] == ["z", "b", "ab"]
    q(t + "project-reorder ab, b")
    assert [c for c, _ in q.cols] == ["ab", "b", "a"]


def test_sort_nulls_and_top(q):
    t = "datatable(x:long)[2, long(null), 1, 3] | "
    assert q(t + "sort by x") == [[3], [2], [1], [None]]
    assert q(t + "order by x asc") == [[None], [1], [2], [3]]
    assert q(t + "order by x asc nulls last") == [[1], [2], [3], [None]]
    assert q(t + "top 2 by x desc") == [[3], [2]]
    assert q("datatable(a:string,b:long)['x',1,'y',2,'x',3] | sort by a asc, b desc") == [["x", 3], ["x", 1], ["y", 2]]


def test_take_count_distinct(q):
    assert q(LEFT + " | take 2") == [["a", 1], ["a", 2]]
    assert q(LEFT + " | limit 1 | project v") == [[1]]
    assert q(LEFT + " | count") == [[4]]
    assert q(LEFT + " | distinct k") == [["a"], ["b"], ["c"]]


def test_summarize(q):
    assert q(LEFT + " | summarize count(), sum(v), n = max(v) by k") == [["a", 2, 3, 2], ["b", 1, 3, 3], ["c", 1, 4, 4]]
    assert [c for c, _ in q.cols] == ["k", "count_", "sum_v", "n"]
    assert q(LEFT + " | summarize avg(v), dcount(k), countif(v > 2), sumif(v, v > 2)") == [[2.5, 3, 2, 7]]
    assert q(LEFT + " | summarize make_set(k), make_list(v), make_set(k, 1)") == [['["a","b","c"]', "[1,2,3,4]", '["a"]']]
    assert q(LEFT + " | summarize arg_max(v, k), arg_min(v, *)") == [[4, "c", 1, "a"]]
    assert q(LEFT + " | summarize percentile(v, 50), percentiles(v, 25, 100)") == [[2, 1, 4]]
    assert q(LEFT + " | summarize r = round(stdev(v), 4), variance(v)") == [[1.291, pytest.approx(5 / 3)]]
    assert q(LEFT + " | summarize x = sum(v) / count(), count_distinct(k)") == [[2, 3]]
    assert q(LEFT + " | summarize by k") == [["a"], ["b"], ["c"]]
    assert q(LEFT + " | summarize take_any(v) by k") == [["a", 1], ["b", 3], ["c", 4]]
    assert q(LEFT + " | summarize (Top, Who) = arg_max(v, k)") == [[4, "c"]]
    assert [c for c, _ in q.cols] == ["Top", "Who"]


def test_summarize_of_nothing_and_of_nulls(q):
    e = "datatable(x:long)[] | "
    assert q(e + "summarize count(), sum(x), min(x), max(x), dcount(x), stdev(x), make_set(x)") == [
        [0, 0, None, None, 0, 0.0, "[]"]]
    assert q(e + "summarize avg(x)") == [["NaN"]]
    assert q(e + "summarize count() by x") == []
    n = "datatable(g:string, x:long)['a', long(null), 'a', 4, 'b', long(null)] | "
    assert q(n + "summarize sum(x), avg(x), count(), min(x), make_list(x) by g") == [
        ["a", 4, 4.0, 2, 4, "[4]"], ["b", 0, "NaN", 1, None, "[]"]]
    assert q("datatable(x:long)[1, long(null), long(null)] | summarize count() by x") == [[1, 1], [None, 2]]


def test_summarize_bin_and_bag(q):
    t = "datatable(t:datetime, d:dynamic)[datetime(2026-01-01T00:01), dynamic({'a':1}), datetime(2026-01-01T00:04), " \
        "dynamic({'b':2})] | "
    assert q(t + "summarize count() by bin(t, 5m)") == [["2026-01-01T00:00:00Z", 2]]
    assert q.cols[0] == ("t", "datetime")
    assert q(t + "summarize make_bag(d)") == [['{"a":1,"b":2}']]


JOINS = {
    None: [["a", 1, "a", "x"], ["b", 3, "b", "y"], ["b", 3, "b", "z"]],
    "innerunique": [["a", 1, "a", "x"], ["b", 3, "b", "y"], ["b", 3, "b", "z"]],
    "inner": [["a", 1, "a", "x"], ["a", 2, "a", "x"], ["b", 3, "b", "y"], ["b", 3, "b", "z"]],
    "leftouter": [["a", 1, "a", "x"], ["a", 2, "a", "x"], ["b", 3, "b", "y"], ["b", 3, "b", "z"], ["c", 4, "", ""]],
    "rightouter": [["a", 1, "a", "x"], ["a", 2, "a", "x"], ["b", 3, "b", "y"], ["b", 3, "b", "z"], ["", None, "d", "q"]],
    "fullouter": [["a", 1, "a", "x"], ["a", 2, "a", "x"], ["b", 3, "b", "y"], ["b", 3, "b", "z"], ["c", 4, "", ""],
                  ["", None, "d", "q"]],
    "leftanti": [["c", 4]], "leftsemi": [["a", 1], ["a", 2], ["b", 3]],
    "rightanti": [["d", "q"]], "rightsemi": [["a", "x"], ["b", "y"], ["b", "z"]],
}


@pytest.mark.parametrize("kind", list(JOINS), ids=str)
def test_join(q, kind):
    k = "kind=%s " % kind if kind else ""
    assert q("%s | join %s(%s) on k" % (LEFT, k, RIGHT)) == JOINS[kind]


def test_join_on_sides_and_names(q):
    got = q("%s | join kind=inner (%s | project key = k, v = w) on $left.k == $right.key" % (LEFT, RIGHT))
    assert [c for c, _ in q.cols] == ["k", "v", "key", "v1"]
    assert got[0] == ["a", 1, "a", "x"]
    with pytest.raises(SemanticError):
        q("%s | join (%s) on v" % (LEFT, RIGHT))
    with pytest.raises(SemanticError):
        q("%s | join kind=inner (%s) on $left.v == $right.w" % (LEFT, RIGHT))


def test_lookup(q):
    assert q("%s | lookup (%s) on k" % (LEFT, RIGHT)) == [
        ["a", 1, "x"], ["a", 2, "x"], ["b", 3, "y"], ["b", 3, "z"], ["c", 4, ""]]
    assert len(q("%s | lookup kind=inner (%s) on k" % (LEFT, RIGHT))) == 4


def test_union(q):
    a, b = "datatable(x:long, s:string)[1,'p']", "datatable(x:long, n:long)[2,5]"
    assert q("union (%s), (%s)" % (a, b)) == [[1, "p", None], [2, "", 5]]
    assert q("union kind=inner (%s), (%s)" % (a, b)) == [[1], [2]]
    assert q("%s | union (%s)" % (a, b)) == [[1, "p", None], [2, "", 5]]
    q("union (datatable(x:long)[1]), (datatable(x:string)['a'])")
    assert q.cols == [("x_long", "long"), ("x_string", "string")]
    got = q("union withsource=T CDBQueryRuntimeStatistics, AzureActivity | summarize count() by T | sort by T asc")
    assert got == [["AzureActivity", 1], ["CDBQueryRuntimeStatistics", 3]]


def test_union_fuzzy(q):
    text = "union isfuzzy=true NoSuchTable, CDBQueryRuntimeStatistics | count"
    assert q(text) == [[3]]
    with pytest.raises(SemanticError, match="NoSuchTable"):
        q("union NoSuchTable, CDBQueryRuntimeStatistics | count")
    with pytest.raises(SemanticError):
        q("union isfuzzy=true NoSuchTable, NorThis | count")
    t = "union isfuzzy=true (CDBMongoRequests | where ErrorCode == '0'), (datatable(TimeGenerated:datetime)[]) | count"
    assert q(t, missing=["CDBMongoRequests"]) == [[0]]
    with pytest.raises(SemanticError):      # a wrong column is not forgiven
        q("union isfuzzy=true (CDBMongoRequests | where Nope == 1), (datatable(x:long)[]) | count")


def test_mv_expand(q):
    t = "datatable(a:long, d:dynamic)[1, dynamic([10,20]), 2, dynamic([]), 3, dynamic(null)] | "
    assert q(t + "mv-expand d to typeof(long)") == [[1, 10], [1, 20], [3, None]]
    assert q(t + "mv-expand with_itemindex=i x = d | project a, i") == [[1, 0], [1, 1], [3, 0]]
    assert q("print d = dynamic({'a':1,'b':2}) | mv-expand d") == [['{"a":1}'], ['{"b":2}']]


def test_range_print_datatable(q):
    assert q("range x from 1 to 7 step 3") == [[1], [4], [7]]
    assert q("range t from datetime(2026-01-01) to datetime(2026-01-02) step 12h") == [
        ["2026-01-01T00:00:00Z"], ["2026-01-01T12:00:00Z"], ["2026-01-02T00:00:00Z"]]
    assert q("print 1, n = 'a'") == [[1, "a"]]
    assert [c for c, _ in q.cols] == ["print_0", "n"]


def test_let_scalar_table_function(q):
    assert q("let lim = 2; let t = %s; let f = (a:long, b:long = 10) { a * b }; t | where v <= lim | project f(v), f(v, lim)"
             % LEFT) == [[10, 2], [20, 4]]
    assert q("let g = (T:(v:long), n:long) { T | where v > n | count }; g(%s, 2)" % LEFT) == [[2]]
    assert q("let hi = toscalar(%s | summarize max(v)); print hi" % LEFT) == [[4]]
    assert q("let m = materialize(%s); m | where v in ((m | where v > 2 | project v)) | count" % LEFT) == [[2]]
    assert q("let ips = dynamic(['a','c']); %s | where k in (ips) | count" % LEFT) == [[3]]


def test_serialize_row_number(q):
    assert q("%s | sort by v desc | serialize n = row_number() | where n <= 2 | project n, v" % LEFT) == [[1, 4], [2, 3]]


def test_tables_hidden_and_standard_columns(q):
    q("CDBQueryRuntimeStatistics")
    names = [c for c, _ in q.cols]
    assert "Type" in names and "TenantId" in names and not any(n.startswith("_") for n in names)
    got = q("CDBQueryRuntimeStatistics | take 1 | project _ItemId, Type, _TimeReceived, SourceSystem")
    assert len(got[0][0]) == 36 and got[0][1:] == ["CDBQueryRuntimeStatistics", "2026-08-20T10:02:00Z", "Azure"]


def test_ingestion_time(q):
    t = "CDBDataPlaneRequests | where ingestion_time() >= datetime(2026-08-20T10:02:03Z) and ingestion_time() < " \
        "datetime(2026-08-20T10:02:06Z) | extend I = ingestion_time() | project I, ActivityId | sort by I asc"
    assert q(t) == [["2026-08-20T10:02:0%d.5Z" % i, "a%d" % i] for i in (3, 4, 5)]
    assert q("CDBDataPlaneRequests | where ingestion_time() between (datetime(2026-08-20T10:02:03.5Z) .. 1s) | count") == [[2]]
    with pytest.raises(Unsupported):
        q("CDBDataPlaneRequests | summarize count() by ActivityId | extend ingestion_time()")


def test_bounds_agree_with_row_filters(q):
    """What goes down to the index gives what a filter over rows gives."""
    for cond in ("TimeGenerated > datetime(2026-08-20T10:00:03.5Z)", "TimeGenerated >= datetime(2026-08-20T10:00:03.5Z)",
                 "TimeGenerated < datetime(2026-08-20T10:00:03.5Z)", "datetime(2026-08-20T10:00:03.5Z) <= TimeGenerated",
                 "TimeGenerated == datetime(2026-08-20T10:00:03.5Z)",
                 "TimeGenerated between (datetime(2026-08-20T10:00:02Z) .. datetime(2026-08-20T10:00:05.5Z))"):
        assert q("CDBDataPlaneRequests | where %s | count" % cond) == q("CDBDataPlaneRequests | where not(not(%s)) | count" % cond)


def test_visible_at(store, q):
    store.add([{"table": "CDBTableApiRequests", "row": {"TimeGenerated": "2026-08-20T10:00:00Z"},
                "ingested": "2026-08-20T10:02:00Z", "visible": "2026-08-20T10:30:00Z"}], 0)
    assert q("CDBTableApiRequests | count", now="2026-08-20T10:29:59Z") == [[0]]
    assert q("CDBTableApiRequests | count", now="2026-08-20T10:30:00Z") == [[1]]


def test_building_blocks(q):
    got = q("""let w0 = datetime(2026-08-20T10:00:00Z); let w1 = datetime(2026-08-20T10:10:00Z);
let q = CDBQueryRuntimeStatistics
  | where TimeGenerated between (ago(3d) .. now()) and ingestion_time() between (w0 .. w1)
  | summarize QueryText = take_any(QueryText), Parts = count() by ActivityId;
CDBDataPlaneRequests   // requests with their text
| where TimeGenerated between (ago(3d) .. now()) and ingestion_time() >= w0 and ingestion_time() < w1
| where OperationName in ("Query","SqlQuery")
| join kind=leftouter (q) on ActivityId
| project ActivityId, QueryText, Parts""")
    assert got == [["a0", '{"query":"SELECT 0"}', 1], ["a1", '{"query":"SELECT 1"}', 1], ["a2", '{"query":"SELECT 2"}', 1],
                   ["a3", "", None]]
    got = q("""AzureActivity
| where OperationNameValue has_any ("LISTKEYS/ACTION","REGENERATEKEY/ACTION")
| summarize First=min(TimeGenerated) by Caller, AppId=tostring(Claims_d.appid), N=tolong(Claims_d["n"]), bin(TimeGenerated, 10m)""")
    assert got == [["ada@contoso.example", "c44b", 5, "2026-08-20T09:00:00Z", "2026-08-20T09:00:00Z"]]


def test_column_ifexists(q):
    t = 'CDBDataPlaneRequests5M | summarize n = sum(column_ifexists("RequestCount", column_ifexists("SampleCount", real(null))))'
    assert q(t) == [[0.0]]
    assert q("%s | project x = column_ifexists('nope', 5), y = columnifexists('v', 0) | take 1" % LEFT) == [[5, 1]]


def test_open_table_grows(store, q):
    store.add([{"table": "AzureDiagnostics", "row": {"TimeGenerated": "2026-08-20T10:00:00Z", "Category": "DataPlaneRequests",
                                                    "statusCode_s": "200", "newProperty_s": "x", "count_d": 2}}], 0)
    assert q("AzureDiagnostics | project newProperty_s, count_d, toint(statusCode_s)") == [["x", 2.0, 200]]
    assert q("AzureDiagnostics | project column_ifexists('other_s', 'none')") == [["none"]]


def test_legacy_property_wherever_it_is(store, q):
    """A property may stand in name_s, in name_d or in AdditionalFields; every table of the union may be missing."""
    store.add([{"table": "AzureDiagnostics", "row": {"TimeGenerated": "2026-08-20T11:0%d:00Z" % i, "ResourceProvider":
                "MICROSOFT.DOCUMENTDB", "Category": "Legacy", "Resource": "CONTOSO", **r}} for i, r in enumerate([
                    {"statusCode_s": "200", "duration_s": "1.5"}, {"AdditionalFields": {"statusCode": "429", "duration_s": "2"}},
                    {"statusCode_s": "304", "duration_d": 3.0}])], 0)
    got = q("""union isfuzzy=true
    (Missing | project Type = "x"),
    (AzureDiagnostics
    | where ResourceProvider =~ "microsoft.documentdb" and Category in~ ("LEGACY")
    | extend More = todynamic(column_ifexists("AdditionalFields", dynamic(null)))
    | project TimeGenerated, AccountName = tostring(column_ifexists("Resource", "")),
        StatusCode = toint(coalesce(tostring(column_ifexists("statusCode_s", "")), tostring(More["statusCode"]))),
        DurationMs = coalesce(todouble(column_ifexists("duration_s", "")), todouble(column_ifexists("duration_d", real(null))),
            todouble(More["duration_s"]))
    | summarize RowCount = count(), Ms = sum(DurationMs), Who = minif(AccountName, isnotempty(AccountName))
        by TimeGenerated = bin(TimeGenerated, 60s), StatusCode
    ),
    (datatable(TimeGenerated:datetime, StatusCode:int, RowCount:long, Ms:real, Who:string, Place:string)[])
| extend Seen = case(TimeGenerated < datetime(2026-08-20T11:01:00Z), 0, 1)
| project StatusCode, Ms, Who, Place, Seen
| take 100""")
    assert got == [[200, 1.5, "CONTOSO", "", 0], [429, 2.0, "CONTOSO", "", 1], [304, 3.0, "CONTOSO", "", 1]]


def test_geo(q):
    def geo(ip):
        return {"country": "NL", "latitude": 52.1} if ip == "203.0.113.1" else {}
    assert q("print c = tostring(geo_info_from_ip_address('203.0.113.1').country)", geo=geo) == [["NL"]]


def test_timespan_parameter(q):
    lo, hi = T.parse_datetime("2026-08-20T10:00:02Z"), T.parse_datetime("2026-08-20T10:00:05Z")
    assert q("CDBDataPlaneRequests | count", span=(lo, hi)) == [[3]]


ERRORS = [
    ("NoSuch | take 1", SemanticError, "SEM0100", "Failed to resolve table or column expression named 'NoSuch'"),
    ("CDBDataPlaneRequests | where Nope == 1", SemanticError, "SEM0100", "Failed to resolve scalar expression named 'Nope'"),
    ("CDBDataPlaneRequests | project StatusCode, Nope", SemanticError, "SEM0100", "'project' operator"),
    ("CDBDataPlaneRequests | where StatusCode == '429'", SemanticError, "SEM0064", "explicit casts"),
    ("CDBDataPlaneRequests | where StatusCode has '4'", SemanticError, "SEM0064", ""),
    ("CDBDataPlaneRequests | where StatusCode", SemanticError, "SEM0100", "bool"),
    ("CDBDataPlaneRequests | project StatusCode, StatusCode", SemanticError, "SEM0102", ""),
    ("AzureActivity | summarize count() by Claims_d", SemanticError, "SEM0030", "dynamic"),
    ("CDBDataPlaneRequests | extend x = count()", SemanticError, "SEM0086", ""),
    ("CDBDataPlaneRequests | summarize sum(ResponseLength) + StatusCode", SemanticError, "SEM0100", "aggregate"),
    ("CDBDataPlaneRequests | extend x = nosuchfunction(1)", Unsupported, "SEM0260", "nosuchfunction"),
    ("CDBDataPlaneRequests | where", SyntaxErr, "SYN0002", ""),
    ("CDBDataPlaneRequests | where StatusCode ==", SyntaxErr, "SYN0002", ""),
    ("CDBDataPlaneRequests | where UserAgent == \"x", SyntaxErr, "SYN0002", "Unterminated"),
    ("CDBDataPlaneRequests | where UserAgent == 'a\\q'", SyntaxErr, "SYN0002", "escape"),
    ("CDBDataPlaneRequests where StatusCode == 1", SyntaxErr, "SYN0002", ""),
    ("CDBDataPlaneRequests | take 1; CDBDataPlaneRequests | take 1", SyntaxErr, "SYN0002", ""),
    ("", SyntaxErr, "SYN0002", ""),
    ("CDBDataPlaneRequests | where TimeGenerated > datetime(yesterday)", SyntaxErr, "SYN0002", "literal"),
    ("CDBDataPlaneRequests | make-series n=count() on TimeGenerated step 1h", Unsupported, "SIM0001", "make-series"),
    ("CDBDataPlaneRequests | evaluate bag_unpack(x)", Unsupported, "SIM0001", ""),
    ("set notruncation; CDBDataPlaneRequests", Unsupported, "SIM0001", ""),
    ("CDBDataPlaneRequests | extend x = rand()", Unsupported, "SEM0260", ""),
]


@pytest.mark.parametrize("text,kind,code,message", ERRORS, ids=[e[0][:60] for e in ERRORS])
def test_errors(q, text, kind, code, message):
    with pytest.raises(KqlError) as e:
        q(text)
    assert isinstance(e.value, kind) and e.value.code == code and message in str(e.value)


def test_hash_partitions_cover_everything(q):
    n = sum(q("CDBDataPlaneRequests | where hash(_ItemId, 3) == %d | count" % k)[0][0] for k in range(3))
    assert n == 10
    assert not math.isnan(n)


def test_the_same_query_of_other_hours_has_its_own_times(q):
    """What is parsed once is kept with places for the times: only for plain literals, and each place has its own."""
    early, late = "2026-08-20T10:00:02Z", "2026-08-20T10:00:05.5000000Z"
    for lo, hi, want in ((early, late, 3), (late, early, 0), (early, early, 0), ("2026-08-20T09:00:00Z", late, 5)):
        assert q("let a = datetime(%s); CDBDataPlaneRequests | where TimeGenerated >= a and TimeGenerated < datetime(%s) | count" %
                 (lo, hi)) == [[want]]
    for t in ("2026-08-20T10:00:02Z", "2026-08-20T10:00:03Z"):
        assert one(q, "'datetime(%s)'" % t) == "datetime(%s)" % t
        assert one(q, "strcat('datetime(%s)', datetime(%s))" % (t, t)) == "datetime(%s)%s.0000000Z" % (t, t[:-1])
        assert one(q, "tostring(dynamic([datetime(%s)])[0])" % t) == t[:-1] + ".0000000Z"
        assert q("print x = datetime(%s) // datetime(%s)" % (t, t)) == [[t]]
    for wrong in ("datetime(2026-13-20T10:00:02Z)", "datetime(#0)", "strcat(datetime(#0), datetime(2026-08-20T10:00:02Z))"):
        with pytest.raises(SyntaxErr, match=r"literal"):
            one(q, wrong)
