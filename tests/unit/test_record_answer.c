/* What decode_answer promises: query answers, whole, partial, cut and damaged.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test_record_kit.h"

#define HEAD "{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":["
#define COL(name) "{\"name\":\"" name "\",\"type\":\"string\"}"
#define FOUR COL("TimeGenerated") "," COL("AccountName") "," COL("StatusCode") "," COL("Nobody")
#define ROWS "],\"rows\":["
#define TAIL "]}]}"
#define ROW(account, status) "[\"2026-05-04T10:00:00Z\",\"" account "\"," status ",\"x\"]"

START_TEST(rows_come_in_order_and_unknown_columns_are_ignored)
{
    struct kit k = kit_answer(SL(HEAD FOUR ROWS ROW("A", "200") "," ROW("B", "404") TAIL),
                              TABLE_DATA_PLANE);

    ck_assert_int_eq(k.rc, 0);
    ck_assert_int_eq(k.result.records, 2);
    ck_assert_int_eq(k.result.bad, 0);
    ck_assert(!k.result.is_partial);
    ck_assert_str_eq(buf_cstr(&k.records),
                     "CDBDataPlaneRequests NoSQL 2026-05-04T10:00:00.0000000Z status 200 count 1\n"
                     "  account=a\n"
                     "CDBDataPlaneRequests NoSQL 2026-05-04T10:00:00.0000000Z status 404 count 1\n"
                     "  account=b\n");
    kit_release(&k);
}
END_TEST

START_TEST(a_damaged_row_costs_no_neighbour)
{
    static const struct {
        const char *row, *reason;
    } cases[] = {
        { "7", "row is not an array" },
        { "\"text\"", "row is not an array" },
        { "null", "row is not an array" },
        { "{\"a\":[1,{\"b\":2}]}", "row is not an array" },
        { "[]", "row has too few cells" },
        { "[\"2026-05-04T10:00:00Z\",\"A\",200]", "row has too few cells" },
        { "[\"2026-05-04T10:00:00Z\",\"A\",200,\"x\",1,[2]]", "row has too many cells" },
        { "[\"2026-05-04T10:00:00Z\",\"A\",[200],\"x\"]", "a nested value where a plain one belongs" },
        { "[\"2026-05-04T10:00:00Z\",[[\"A\"]],200,\"x\"]", "a nested value where a plain one belongs" },
        { "[{\"t\":1},\"A\",200,\"x\"]", "a nested value where a plain one belongs" },
        { "[\"2026-05-04T10:00:00Z\",\"\\x\",200,\"x\"]", "a cell is not JSON" },
        { "[\"2026-05-04T10:00:00Z\",nul,200,\"x\"]", "a cell is not JSON" },
        { "[\"2026-05-04T10:00:00Z\",abc,200,\"x\"]", "a cell is not JSON" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_INIT(65536);
        struct kit k;

        buf_addf(&text, HEAD FOUR ROWS ROW("FIRST", "200") ",%s," ROW("LAST", "201") TAIL, cases[i].row);
        k = kit_answer(buf_slice(&text), TABLE_DATA_PLANE);
        ck_assert_msg(k.rc == 0, "%s: %s", cases[i].row, k.err.msg);
        ck_assert_msg(k.result.records == 2 && k.result.bad == 1, "%s: %lld records, %lld bad",
                      cases[i].row, (long long)k.result.records, (long long)k.result.bad);
        ck_assert(kit_has(&k.records, "account=first") && kit_has(&k.records, "account=last"));
        ck_assert_msg(kit_has(&k.bad, cases[i].reason), "%s: %s", cases[i].row, buf_cstr(&k.bad));
        ck_assert_msg(kit_has(&k.bad, cases[i].row), "%s: %s", cases[i].row, buf_cstr(&k.bad));
        ck_assert_msg(!kit_has(&k.bad, "LAST"), "%s takes its neighbour along: %s", cases[i].row,
                      buf_cstr(&k.bad));
        kit_release(&k);
        buf_release(&text);
    }
}
END_TEST

START_TEST(numbers_come_as_numbers_or_text_and_never_as_zero)
{
    static const struct {
        const char *column, *cell, *want; /* want NULL: absent */
    } cases[] = {
        { "RequestCharge", "7.81", "ru_milli=7810" },
        { "RequestCharge", "\"7.810000\"", "ru_milli=7810" },
        { "RequestCharge", "8", "ru_milli=8000" },
        { "RequestCharge", "\"8\"", "ru_milli=8000" },
        { "RequestCharge", "0.0004", "ru_milli=0" },
        { "RequestCharge", "0.0005", "ru_milli=1" },
        { "RequestCharge", "0", "ru_milli=0" },
        { "RequestCharge", "null", NULL },
        { "RequestCharge", "\"\"", NULL },
        { "RequestCharge", "\"NaN\"", NULL },
        { "RequestCharge", "\"Infinity\"", NULL },
        { "RequestCharge", "1e400", NULL },
        { "RequestCharge", "-1", NULL },
        { "RequestCharge", "true", NULL },
        { "RequestCharge", "9223372036854775807", NULL },
        { "RequestCharge", "1e15", "ru_milli=1000000000000000000" },
        { "RequestCharge", "1e16", NULL },
        { "ResponseLength", "412.0", "bytes_out=412" },
        { "ResponseLength", "\"412\"", "bytes_out=412" },
        { "ResponseLength", "9007199254740993", "bytes_out=9007199254740993" },
        { "ResponseLength", "\"9007199254740993\"", "bytes_out=9007199254740993" },
        { "ResponseLength", "9223372036854775807", "bytes_out=9223372036854775807" },
        { "ResponseLength", "9223372036854775808", NULL },
        { "ResponseLength", "99999999999999999999999999999", NULL },
        { "RequestLength", "0.0", "bytes_in=0" },
        { "DurationMs", "1.21", "duration_us=1210" },
        { "DurationUs", "1210", "duration_us=1210" },
        { "RequestChargeMilli", "1210", "ru_milli=1210" },
        { "StatusCode", "201", "status 201" },
        { "StatusCode", "\"201\"", "status 201" },
        { "StatusCode", "201.0", "status 201" },
        { "StatusCode", "null", "status -1" },
        { "StatusCode", "\"\"", "status -1" },
        { "StatusCode", "99999999999", "status -1" },
        { "StatusCode", "0", "status -1" },
        { "RowCount", "17", "count 17" },
        { "RowCount", "0", "count 0" },
        { "RowCount", "null", "count 1" },
        { "ErrorCode", "0", NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_INIT(65536);
        struct kit k;

        buf_addf(&text, HEAD COL("TimeGenerated") ",{\"name\":\"%s\"}" ROWS "[\"2026-05-04T10:00:00Z\",%s]" TAIL,
                 cases[i].column, cases[i].cell);
        k = kit_answer(buf_slice(&text), TABLE_DATA_PLANE);
        ck_assert_msg(k.rc == 0 && k.result.records == 1, "%s %s: %s", cases[i].column, cases[i].cell,
                      k.err.msg);
        if (cases[i].want)
            ck_assert_msg(kit_has(&k.records, cases[i].want), "%s %s: %s", cases[i].column,
                          cases[i].cell, buf_cstr(&k.records));
        else
            ck_assert_msg(!strchr(buf_cstr(&k.records), '='), "%s %s: %s", cases[i].column,
                          cases[i].cell, buf_cstr(&k.records));
        kit_release(&k);
        buf_release(&text);
    }
}
END_TEST

/* What JSON calls a number; how it comes is our own affair. */
static bool is_json_number(const char *at)
{
    size_t n;

    at += *at == '-';
    n = strspn(at, "0123456789");
    if (n == 0 || (*at == '0' && n > 1))
        return false;
    at += n;
    if (*at == '.') {
        n = strspn(++at, "0123456789");
        at += n;
        if (n == 0)
            return false;
    }
    if (*at == 'e') {
        at++;
        at += *at == '-' || *at == '+';
        n = strspn(at, "0123456789");
        at += n;
        if (n == 0)
            return false;
    }
    return *at == '\0';
}

static int keep_charge(void *self, const struct record *rec, struct error *err UNUSED)
{
    int64_t **at = self;

    *(*at)++ = rec->ru_milli;
    return 0;
}

/* Spelled with digits, points, signs and exponents in any order, up to twelve of them. */
static void add_spelling(char room[16], uint64_t *state)
{
    static const char first[] = "0123456789-", further[] = "0123456789012345678901234567890123456789....-+e";
    size_t len;

    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    len = 1 + (size_t)(*state >> 33) % 12;
    for (size_t i = 0; i < len; i++) {
        *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        room[i] = i == 0 ? first[(*state >> 33) % (sizeof first - 1)] : further[(*state >> 33) % (sizeof further - 1)];
    }
    room[len] = '\0';
}

START_TEST(a_number_is_read_as_the_c_library_reads_it)
{
    enum { NUMBERS = 50000 };
    static char spelled[NUMBERS][16];
    static int64_t got[NUMBERS];
    int64_t *next = got;
    struct decode_sink sink = { .self = &next, .on_record = keep_charge };
    struct decode_result result;
    struct decoder *d = decoder_new();
    struct buf text = BUF_INIT(8u << 20);
    struct error err = { 0 };
    uint64_t state = 1;
    int numbers = 0;

    buf_add_str(&text, HEAD COL("TimeGenerated") "," COL("RequestCharge") ROWS);
    for (int i = 0; i < NUMBERS; i++) {
        add_spelling(spelled[i], &state);
        buf_addf(&text, "%s[\"2026-05-04T10:00:00Z\",%s]", i ? "," : "", spelled[i]);
    }
    buf_add_str(&text, TAIL);
    for (int i = 0; i < DECODE_PADDING; i++)
        buf_add_char(&text, '\0');
    ck_assert(!text.failed);
    ck_assert_int_eq(decode_answer(d, text.at, text.len - DECODE_PADDING, TABLE_DATA_PLANE, &sink, &result, &err), 0);
    ck_assert_int_eq(result.records, NUMBERS);
    for (int i = 0; i < NUMBERS; i++) {
        double milli = is_json_number(spelled[i]) ? strtod(spelled[i], NULL) * 1000 + 0.5 : -1;
        int64_t want = milli >= 0 && milli < 9.2e18 ? (int64_t)milli : NUM_ABSENT;

        ck_assert_msg(got[i] == want, "%s: %lld, not %lld", spelled[i], (long long)got[i], (long long)want);
        numbers += want != NUM_ABSENT;
    }
    ck_assert_int_gt(numbers, NUMBERS / 5);
    decoder_free(d);
    buf_release(&text);
}
END_TEST

START_TEST(a_number_in_a_text_column_is_its_spelling)
{
    struct kit k = kit_answer(SL(HEAD COL("TimeGenerated") "," COL("ErrorCode") "," COL("OperationName")
                                 ROWS "[\"2026-05-04T10:00:00Z\",16500,true]" TAIL),
                              TABLE_MONGO);

    ck_assert(kit_has(&k.records, "status 429"));
    ck_assert(kit_has(&k.records, "error_code=16500"));
    ck_assert(kit_has(&k.records, "operation=true"));
    kit_release(&k);
}
END_TEST

START_TEST(the_first_filled_column_of_one_meaning_wins_in_any_order)
{
    static const struct {
        const char *columns, *cells, *want;
    } cases[] = {
        { COL("KeyType") "," COL("AuthTokenType"), "\"K\",\"A\"", "key_kind=K" },
        { COL("AuthTokenType") "," COL("KeyType"), "\"A\",\"K\"", "key_kind=K" },
        { COL("AuthTokenType") "," COL("KeyType"), "\"A\",\"\"", "key_kind=A" },
        { COL("AuthTokenType") "," COL("KeyType"), "\"A\",null", "key_kind=A" },
        { COL("KeyType") "," COL("KeyKind"), "\"K\",\"own\"", "key_kind=own" },
        { COL("_ResourceId") "," COL("AccountName"),
          "\"/x/databaseAccounts/ONE\",\"TWO\"", "account=two" },
        { COL("_ResourceId") "," COL("AccountName"), "\"/x/databaseAccounts/ONE\",\"\"", "account=one" },
        { COL("Resource") "," COL("_ResourceId"), "\"RES\",\"/x/databaseAccounts/ONE\"", "account=one" },
        { COL("Resource") "," COL("_ResourceId"), "\"RES\",\"\"", "account=res" },
        { COL("RequestChargeMilli") "," COL("RequestCharge"), "5,9.0", "ru_milli=5" },
        { COL("ActivityId") "," COL("SampleActivityId"), "\"\",\"s\"", "activity_id=s" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_INIT(65536);
        struct kit k;

        buf_addf(&text, HEAD COL("TimeGenerated") ",%s" ROWS "[\"2026-05-04T10:00:00Z\",%s]" TAIL,
                 cases[i].columns, cases[i].cells);
        k = kit_answer(buf_slice(&text), TABLE_DATA_PLANE);
        ck_assert_msg(kit_has(&k.records, cases[i].want), "%s: %s", cases[i].cells,
                      buf_cstr(&k.records));
        kit_release(&k);
        buf_release(&text);
    }
}
END_TEST

START_TEST(addresses_lose_their_port)
{
    static const struct {
        const char *cell, *want;
    } cases[] = {
        { "192.0.2.7", "192.0.2.7" },         { "192.0.2.7:443", "192.0.2.7" },
        { "192.0.2.7:", "192.0.2.7" },        { "2001:db8::1", "2001:db8::1" },
        { "[2001:db8::1]:443", "2001:db8::1" }, { "[2001:db8::1]", "2001:db8::1" },
        { "::ffff:192.0.2.7", "::ffff:192.0.2.7" }, { "192.0.2.7:abc", "192.0.2.7:abc" },
        { "[", "[" }, { ":", ":" }, { "a.b:c:1", "a.b:c:1" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_INIT(65536), want = BUF_INIT(256);
        struct kit k;

        buf_addf(&text, HEAD COL("Address") ROWS "[\"%s\"]" TAIL, cases[i].cell);
        buf_addf(&want, "address=%s\n", cases[i].want);
        k = kit_answer(buf_slice(&text), TABLE_MONGO);
        ck_assert_msg(kit_has(&k.records, buf_cstr(&want)), "%s: %s", cases[i].cell, buf_cstr(&k.records));
        kit_release(&k);
        buf_release(&text);
        buf_release(&want);
    }
}
END_TEST

START_TEST(a_stale_value_never_reaches_the_next_row)
{
    struct kit k = kit_answer(
        SL(HEAD COL("Type") "," COL("TimeGenerated") "," COL("AccountName") "," COL("Caller") ","
           COL("UserAgent") "," COL("StatusCode") "," COL("Claims_d") "," COL("_ResourceId") ROWS
           "[\"CDBDataPlaneRequests\",\"2026-05-04T10:00:00Z\",\"A\",\"who\",\"agent\",403,null,\"/x/databaseaccounts/a\"],"
           "[\"AzureActivity\",\"2026-05-04T10:00:01Z\",\"\",\"who\",\"agent\",403,\"{\\\"oid\\\":\\\"o1\\\"}\","
           "\"/s/databaseaccounts/b/providers/rest\"],"
           "[\"AzureActivity\",\"bad time\",\"\",\"\",\"\",null,\"\",\"\"],"
           "[\"CDBDataPlaneRequests\",null,\"\",null,null,null,null,null],"
           "[\"CDBDataPlaneRequests\",\"2026-05-04T10:00:02Z\",null,null,null,null,null,\"/x/databaseaccounts/c\"],"
           "[\"CDBDataPlaneRequests\",\"2026-05-04T10:00:03Z\",\"\",\"\",\"\",\"\",\"\",\"\"]" TAIL),
        TABLE_NONE);

    ck_assert_str_eq(buf_cstr(&k.records),
                     "CDBDataPlaneRequests NoSQL 2026-05-04T10:00:00.0000000Z status 403 count 1\n"
                     "  account=a\n  resource_id=/x/databaseaccounts/a\n  user_agent=agent\n"
                     "AzureActivity Unknown 2026-05-04T10:00:01.0000000Z status -1 count 1\n"
                     "  account=b\n  resource_id=/s/databaseaccounts/b\n  principal=who\n  object_id=o1\n"
                     "  resource_uri=providers/rest\n"
                     "AzureActivity Unknown no time status -1 count 1\n"
                     "CDBDataPlaneRequests NoSQL no time status -1 count 1\n"
                     "CDBDataPlaneRequests NoSQL 2026-05-04T10:00:02.0000000Z status -1 count 1\n"
                     "  account=c\n  resource_id=/x/databaseaccounts/c\n"
                     "CDBDataPlaneRequests NoSQL 2026-05-04T10:00:03.0000000Z status -1 count 1\n");
    kit_release(&k);
}
END_TEST

START_TEST(escapes_are_undone_and_lone_surrogates_replaced)
{
    struct kit k = kit_answer(
        SL(HEAD COL("QueryText") "," COL("UserAgent") ROWS
           "[\"a\\\"b\\\\c\\/d\\u0041\\n\\u00e9\\ud83d\\ude00\",\"x\\u0000y\"],"
           "[\"lone \\ud800 and \\udc00\",\"two \\ud83d\\ud83d\\ude00\"],"
           "[\"\\\\ud800\",\"plain\"]" TAIL),
        TABLE_DATA_PLANE);

    ck_assert_int_eq(k.result.bad, 0);
    ck_assert_str_eq(buf_cstr(&k.records),
                     "CDBDataPlaneRequests NoSQL no time status -1 count 1\n"
                     "  user_agent=x\\x00y\n"
                     "  query_text=a\"b\\c/dA\\x0a\xC3\xA9\xF0\x9F\x98\x80\n"
                     "CDBDataPlaneRequests NoSQL no time status -1 count 1\n"
                     "  user_agent=two \xEF\xBF\xBD\xF0\x9F\x98\x80\n"
                     "  query_text=lone \xEF\xBF\xBD and \xEF\xBF\xBD\n"
                     "CDBDataPlaneRequests NoSQL no time status -1 count 1\n"
                     "  user_agent=plain\n  query_text=\\ud800\n");
    kit_release(&k);
}
END_TEST

START_TEST(invalid_utf8_and_raw_control_bytes_cost_no_row)
{
    struct kit k = kit_answer(SL(HEAD COL("UserAgent") ROWS "[\"good\"],[\"b\xff\xfe" "d\"],[\"c\xc3\"],"
                                 "[\"\xed\xa0\x80\"],[\"new\nline\x01\"],[\"last\xe2\x80\xae\"]" TAIL),
                              TABLE_DATA_PLANE);

    ck_assert_int_eq(k.rc, 0);
    ck_assert_int_eq(k.result.records, 6);
    ck_assert_int_eq(k.result.bad, 0);
    ck_assert(kit_has(&k.records, "user_agent=good\n"));
    ck_assert(kit_has(&k.records, "user_agent=b\xEF\xBF\xBD\xEF\xBF\xBD" "d\n"));
    ck_assert(kit_has(&k.records, "user_agent=c\xEF\xBF\xBD\n"));
    ck_assert(kit_has(&k.records, "user_agent=new line\xEF\xBF\xBD\n"));
    ck_assert(kit_has(&k.records, "user_agent=last\xe2\x80\xae\n"));
    kit_release(&k);
}
END_TEST

START_TEST(a_dynamic_value_is_kept_as_json_text_however_it_comes)
{
    struct kit k = kit_answer(SL(HEAD COL("Place") "," COL("QueryText") ROWS
                                 "[\"{\\\"country\\\":\\\"DE\\\"}\",\"{\\\"query\\\":\\\"q\\\"}\"],"
                                 "[{\"country\":\"DE\"} , { \"query\" : \"q\" }],"
                                 "[[1, 2],null],[{},[]]" TAIL),
                              TABLE_DATA_PLANE);

    ck_assert_int_eq(k.result.records, 4);
    ck_assert_str_eq(buf_cstr(&k.records),
                     "CDBDataPlaneRequests NoSQL no time status -1 count 1\n"
                     "  place={\"country\":\"DE\"}\n  query_text={\"query\":\"q\"}\n"
                     "CDBDataPlaneRequests NoSQL no time status -1 count 1\n"
                     "  place={\"country\":\"DE\"}\n  query_text={ \"query\" : \"q\" }\n"
                     "CDBDataPlaneRequests NoSQL no time status -1 count 1\n  place=[1, 2]\n"
                     "CDBDataPlaneRequests NoSQL no time status -1 count 1\n  place={}\n  query_text=[]\n");
    kit_release(&k);
}
END_TEST

START_TEST(claims_come_under_short_names_and_uris)
{
    struct kit k = kit_answer(
        SL(HEAD COL("Claims_d") "," COL("Claims") "," COL("Authorization_d") "," COL("HTTPRequest") ROWS
           "[{\"appid\":\"app\",\"http://schemas.microsoft.com/identity/claims/objectidentifier\":\"oid\","
           "\"http://schemas.microsoft.com/identity/claims/tenantid\":\"home\",\"name\":\"N\"},\"\","
           "\"{\\\"evidence\\\":\\\"{\\\\\\\"role\\\\\\\":\\\\\\\"R\\\\\\\"}\\\"}\",\"{\\\"clientRequestId\\\":\\\"c\\\"}\"],"
           "[\"\",\"{\\\"oid\\\":\\\"o2\\\",\\\"tid\\\":\\\"t2\\\"}\",{\"evidence\":{\"role\":\"S\",\"principalType\":\"User\"}},{\"clientRequestId\":\"d\"}],"
           "[\"not json\",null,\"{\\\"evidence\\\":7}\",\"[1]\"]" TAIL),
        TABLE_ACTIVITY);

    ck_assert_str_eq(buf_cstr(&k.records),
                     "AzureActivity Unknown no time status -1 count 1\n"
                     "  app_id=app\n  object_id=oid\n  caller_name=N\n  tenant_id=home\n  role=R\n"
                     "  client_request_id=c\n"
                     "AzureActivity Unknown no time status -1 count 1\n"
                     "  object_id=o2\n  tenant_id=t2\n  role=S\n  principal_type=User\n"
                     "  client_request_id=d\n"
                     "AzureActivity Unknown no time status -1 count 1\n");
    kit_release(&k);
}
END_TEST

START_TEST(legacy_rows_tell_their_table_by_category_and_spill_into_additional_fields)
{
    struct kit k = kit_answer(
        SL(HEAD COL("Type") "," COL("Category") "," COL("statusCode_s") "," COL("requestCharge_s") ","
           COL("requestCharge_d") "," COL("AdditionalFields") "," COL("Resource") ROWS
           "[\"AzureDiagnostics\",\"DataPlaneRequests\",\"200\",\"\",3.5,"
           "\"{\\\"clientIpAddress\\\":\\\"192.0.2.1\\\",\\\"statusCode\\\":\\\"500\\\",\\\"responseLength\\\":\\\"12\\\"}\",\"ACC\"],"
           "[\"AzureDiagnostics\",\"MongoRequests\",\"\",\"1.5\",null,{\"errorCode\":\"16500\"},\"ACC\"],"
           "[\"AzureDiagnostics\",\"AuditEvent\",\"200\",\"\",null,\"\",\"VAULT\"]" TAIL),
        TABLE_NONE);

    ck_assert_int_eq(k.result.skipped, 1);
    ck_assert_str_eq(buf_cstr(&k.records),
                     "CDBDataPlaneRequests NoSQL no time status 200 count 1\n  ru_milli=3500\n"
                     "  bytes_out=12\n  account=acc\n  address=192.0.2.1\n  category=DataPlaneRequests\n"
                     "CDBMongoRequests MongoDB no time status 429 count 1\n  ru_milli=1500\n"
                     "  account=acc\n  error_code=16500\n  category=MongoRequests\n");
    kit_release(&k);
}
END_TEST

START_TEST(summaries_carry_their_own_times_and_counts)
{
    struct kit k = kit_answer(
        SL(HEAD COL("TimeGenerated") "," COL("RowCount") "," COL("FirstTime") "," COL("LastTime") ","
           COL("SampleActivityId") ROWS
           "[\"2026-05-04T10:00:00Z\",42,\"2026-05-04T10:00:01.5Z\",\"2026-05-04T10:00:59Z\",\"id\"]" TAIL),
        TABLE_DATA_PLANE);

    ck_assert_str_eq(buf_cstr(&k.records),
                     "CDBDataPlaneRequests NoSQL 2026-05-04T10:00:00.0000000Z status -1 count 42\n"
                     "  first_ns=1777888801500000000\n  last_ns=1777888859000000000\n  activity_id=id\n");
    kit_release(&k);
}
END_TEST

START_TEST(an_error_beside_tables_is_a_partial_answer)
{
    struct kit k = kit_answer(
        SL(HEAD FOUR ROWS ROW("A", "200")
           "]}],\"error\":{\"code\":\"PartialError\",\"message\":\"outer\",\"details\":[{\"code\":\"EngineError\","
           "\"message\":\"middle\",\"innererror\":{\"code\":\"-2133196797\",\"message\":\"The results of this query exceed "
           "the set limit (E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003).\"}}]}}"),
        TABLE_DATA_PLANE);

    ck_assert_int_eq(k.rc, 0);
    ck_assert_int_eq(k.result.records, 1);
    ck_assert(k.result.is_partial);
    ck_assert_str_eq(k.result.error_code, "E_QUERY_RESULT_SET_TOO_LARGE");
    ck_assert(strstr(k.result.error_text, "exceed the set limit"));
    kit_release(&k);

    k = kit_answer(SL("{\"error\":{\"code\":\"A\",\"innererror\":{\"code\":\"B\",\"message\":\"m\\nx\"}},"
                      "\"tables\":[]}"),
                   TABLE_DATA_PLANE);
    ck_assert_int_eq(k.rc, -1);
    ck_assert_int_eq(k.err.code, ERR_SERVER);
    ck_assert_str_eq(k.result.error_code, "B");
    ck_assert_str_eq(k.result.error_text, "m?x");
    kit_release(&k);
}
END_TEST

START_TEST(rows_without_a_table_are_bad_and_of_unknown_tables_skipped)
{
    struct kit k = kit_answer(SL(HEAD COL("Type") "," COL("UserAgent") ROWS
                                 "[\"\",\"x\"],[\"Heartbeat\",\"x\"],[\"cdbmongorequests\",\"x\"]" TAIL),
                              TABLE_NONE);

    ck_assert_int_eq(k.result.bad, 1);
    ck_assert_int_eq(k.result.skipped, 1);
    ck_assert_int_eq(k.result.records, 1);
    ck_assert(kit_has(&k.bad, "no table named"));
    kit_release(&k);
}
END_TEST

START_TEST(what_is_no_answer_is_an_error)
{
    static const char *const cases[] = {
        "", " ", "7", "[]", "\"x\"", "null", "{}", "{\"tables\":7}", "{\"tables\":[7]}", "{\"tables\":[]}",
        "{\"tables\":[{\"rows\":[[1]]}]}", "{\"tables\":[{\"columns\":7}]}", "{\"tables\":[]} x",
        "{\"tables\":[]}{\"tables\":[]}", "{\"tables\"", "{", "}", "<html>", "{\"tables\":[{\"columns\":[],\"rows\":7}]}",
        "{\"tables\":[{\"columns\":[],\"rows\":[}]}",
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kit k = kit_answer(slice_of(cases[i]), TABLE_DATA_PLANE);

        ck_assert_msg(k.rc == -1, "'%s' passed", cases[i]);
        ck_assert_int_eq(k.err.code, ERR_SERVER);
        kit_release(&k);
    }
}
END_TEST

START_TEST(an_answer_cut_anywhere_is_an_error_and_delivers_nothing_wrong)
{
    struct slice whole = SL(HEAD FOUR ROWS ROW("A", "200") "," ROW("B\\n\xC3\xA9", "404") TAIL);
    struct kit full = kit_answer(whole, TABLE_DATA_PLANE);
    struct decoder *d = decoder_new();

    for (size_t n = 0; n < whole.len; n++) {
        struct kit k = kit_decode_with(d, slice_make(whole.at, n), false, TABLE_DATA_PLANE);

        ck_assert_msg(k.rc == -1, "cut at %zu passed", n);
        ck_assert_int_eq(k.err.code, ERR_SERVER);
        ck_assert_msg(slice_starts(buf_slice(&full.records), buf_slice(&k.records)),
                      "cut at %zu: %s", n, buf_cstr(&k.records));
        kit_release(&k);
    }
    kit_release(&full);
    decoder_free(d);
}
END_TEST

static int refuse(void *self, const struct record *rec, struct error *err)
{
    (void)rec;
    ++*(int *)self;
    return error_set(err, ERR_LIMIT, "enough");
}

START_TEST(the_sink_can_stop_it)
{
    struct decoder *d = decoder_new();
    int calls = 0;
    struct decode_sink sink = { .self = &calls, .on_record = refuse };
    struct decode_result r;
    struct error err = { 0 };
    struct slice s = SL(HEAD FOUR ROWS ROW("A", "200") "," ROW("B", "200") TAIL);
    char *at = kit_padded(s);

    ck_assert_int_eq(decode_answer(d, at, s.len, TABLE_DATA_PLANE, &sink, &r, &err), -1);
    ck_assert_int_eq(err.code, ERR_LIMIT);
    ck_assert_int_eq(calls, 1);
    free(at);
    decoder_free(d);
}
END_TEST

START_TEST(several_tables_are_read_and_decoders_are_reused)
{
    struct decoder *d = decoder_new();

    for (int i = 0; i < 3; i++) {
        struct kit k = kit_decode_with(
            d, SL("{\"tables\":[{\"columns\":[" COL("UserAgent") "],\"rows\":[[\"one\"]]},"
                  "{\"columns\":[" COL("StatusCode") "," COL("useragent") "],\"rows\":[[200,\"two\"]]},"
                  "{\"columns\":[],\"rows\":[]}]}"),
            false, TABLE_DATA_PLANE);

        ck_assert_int_eq(k.rc, 0);
        ck_assert_int_eq(k.result.records, 2);
        ck_assert(kit_has(&k.records, "status -1 count 1\n  user_agent=one"));
        ck_assert(kit_has(&k.records, "status 200 count 1\n  user_agent=two"));
        kit_release(&k);
    }
    decoder_free(d);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        rows_come_in_order_and_unknown_columns_are_ignored,
        a_damaged_row_costs_no_neighbour,
        numbers_come_as_numbers_or_text_and_never_as_zero,
        a_number_is_read_as_the_c_library_reads_it,
        a_number_in_a_text_column_is_its_spelling,
        the_first_filled_column_of_one_meaning_wins_in_any_order,
        addresses_lose_their_port,
        a_stale_value_never_reaches_the_next_row,
        escapes_are_undone_and_lone_surrogates_replaced,
        invalid_utf8_and_raw_control_bytes_cost_no_row,
        a_dynamic_value_is_kept_as_json_text_however_it_comes,
        claims_come_under_short_names_and_uris,
        legacy_rows_tell_their_table_by_category_and_spill_into_additional_fields,
        summaries_carry_their_own_times_and_counts,
        an_error_beside_tables_is_a_partial_answer,
        rows_without_a_table_are_bad_and_of_unknown_tables_skipped,
        what_is_no_answer_is_an_error,
        an_answer_cut_anywhere_is_an_error_and_delivers_nothing_wrong,
        the_sink_can_stop_it,
        several_tables_are_read_and_decoders_are_reused,
    };

    return run_tests("query answers", tests, ARRAY_LEN(tests));
}
