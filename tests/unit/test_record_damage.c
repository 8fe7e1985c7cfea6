/* Hostile bytes: whatever comes, decoding ends, stays within its memory and says so. Meant to be run under
 * address and undefined-behaviour sanitizers; inputs are in memory of exactly their size.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test_record_kit.h"

#define HEAD "{\"tables\":[{\"columns\":[{\"name\":\"TimeGenerated\"},{\"name\":\"UserAgent\"},{\"name\":\"StatusCode\"}," \
             "{\"name\":\"Place\"}],\"rows\":["
#define TAIL "]}]}"

static const char *const seeds[] = {
    HEAD "[\"2026-05-04T10:00:00.1234567Z\",\"a\\\"b\\ud83d\\ude00\\ud800\",200,{\"a\":[1,{}]}],[null,\"\xC3\xA9\",-1.5e3,[]]" TAIL,
    "{\"records\":[{\"time\":\"2026-05-04T10:00:00Z\",\"resourceId\":\"/A/DATABASEACCOUNTS/B\",\"category\":\"DataPlaneRequests\","
    "\"properties\":{\"statusCode\":\"200\",\"duration\":\"1.5\",\"clientIpAddress\":\"[::1]:80\"}}]}",
    "[{\"Type\":\"AzureActivity\",\"Claims_d\":\"{\\\"oid\\\":\\\"x\\\"}\",\"Authorization\":{\"evidence\":{\"role\":\"r\"}}},"
    "{\"Type\":\"AzureDiagnostics\",\"Category\":\"MongoRequests\",\"AdditionalFields\":\"{\\\"errorCode\\\":\\\"18\\\"}\"}]",
    "{\"Type\":\"CDBDataPlaneRequests\"}\n{\"Type\":\"CDBMongoRequests\",\"PIICommandText\":\"x\"}{\"a\":1}\nbad\n",
    "{\"tables\":[{\"columns\":[{\"name\":\"A\"}],\"rows\":[[1]]}],\"error\":{\"code\":\"E\",\"details\":[{\"innererror\":{\"code\":\"F\"}}]}}",
};

static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void both_ways(struct decoder *d, struct slice s)
{
    struct kit k = kit_decode_with(d, s, true, TABLE_DATA_PLANE);

    kit_release(&k);
    k = kit_decode_with(d, s, false, TABLE_DATA_PLANE);
    kit_release(&k);
}

START_TEST(every_prefix_and_suffix_ends_well)
{
    struct decoder *d = decoder_new();

    for (size_t i = 0; i < ARRAY_LEN(seeds); i++) {
        struct slice s = slice_of(seeds[i]);

        for (size_t n = 0; n <= s.len; n++) {
            both_ways(d, slice_make(s.at, n));
            both_ways(d, slice_make(s.at + n, s.len - n));
        }
    }
    decoder_free(d);
}
END_TEST

START_TEST(changed_bytes_end_well)
{
    static const char odd[] = "{}[]\",:\\ \n0-e.nu\xff\xed\x00\x01";
    struct decoder *d = decoder_new();
    uint64_t rng = 7;

    for (int round = 0; round < 20000; round++) {
        char text[1024];
        struct slice s = slice_of(seeds[next(&rng) % ARRAY_LEN(seeds)]);
        size_t changes = 1 + next(&rng) % 4;

        ck_assert_uint_lt(s.len, sizeof text);
        memcpy(text, s.at, s.len);
        for (size_t c = 0; c < changes; c++) {
            size_t at = next(&rng) % s.len, to = next(&rng) % s.len;

            switch (next(&rng) % 3) {
            case 0:
                text[at] = odd[next(&rng) % sizeof odd];
                break;
            case 1:
                text[at] = text[to];
                break;
            default: {
                size_t n = next(&rng) % 16, room = s.len - (at > to ? at : to);

                memmove(text + at, text + to, n < room ? n : room);
                break;
            }
            }
        }
        both_ways(d, slice_make(text, s.len));
    }
    decoder_free(d);
}
END_TEST

static void add_many(struct buf *b, const char *part, size_t n)
{
    while (n-- > 0)
        buf_add_str(b, part);
}

START_TEST(deep_nesting_is_bounded)
{
    static const struct {
        const char *before, *open, *middle, *close, *after;
    } cases[] = {
        { "", "[", "", "]", "" },
        { "", "{\"a\":", "1", "}", "" },
        { HEAD "[\"\",\"\",1,", "[", "", "]", "]" TAIL },
        { HEAD "[\"\",\"\",1,", "{\"a\":", "1", "}", "]" TAIL },
        { HEAD, "[", "", "]", TAIL },
        { "{\"tables\":", "[", "", "]", "}" },
        { "{\"records\":", "[", "", "]", "}" },
        { "{\"tables\":[],\"error\":", "{\"innererror\":", "{}", "}", "}" },
        { "{\"Type\":\"AzureActivity\",\"Claims\":", "{\"oid\":", "1", "}", "}" },
    };
    static const size_t depths[] = { 1, 1000, 10000, 200000 };
    struct decoder *d = decoder_new();

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t k = 0; k < ARRAY_LEN(depths); k++) {
            struct buf text = BUF_INIT(KIT_TEXT_MAX);

            buf_add_str(&text, cases[i].before);
            add_many(&text, cases[i].open, depths[k]);
            buf_add_str(&text, cases[i].middle);
            both_ways(d, buf_slice(&text)); /* never closed */
            add_many(&text, cases[i].close, depths[k]);
            buf_add_str(&text, cases[i].after);
            both_ways(d, buf_slice(&text));
            buf_release(&text);
        }
    }
    decoder_free(d);
}
END_TEST

START_TEST(a_text_of_ten_megabytes_is_one_cell)
{
    struct buf text = BUF_INIT(KIT_TEXT_MAX);
    struct kit k;

    buf_add_str(&text, HEAD "[\"2026-05-04T10:00:00Z\",\"");
    add_many(&text, "0123456789", 1000000);
    buf_add_str(&text, "\",200,\"\"],[\"2026-05-04T10:00:00Z\",\"neighbour\",200,\"\"]" TAIL);
    k = kit_answer(buf_slice(&text), TABLE_DATA_PLANE);
    ck_assert_int_eq(k.result.records, 2);
    ck_assert(kit_has(&k.records, "user_agent=neighbour"));
    ck_assert_uint_gt(k.records.len, 10000000);
    kit_release(&k);
    buf_release(&text);
}
END_TEST

START_TEST(a_name_of_ten_megabytes_does_no_harm)
{
    struct buf text = BUF_INIT(KIT_TEXT_MAX);
    struct kit k;

    buf_add_str(&text, "{\"Type\":\"CDBDataPlaneRequests\",\"AccountName\":\"");
    add_many(&text, "ABCDEFGHIJ", 1000000);
    buf_add_str(&text, "\",\"");
    add_many(&text, "0123456789", 1000000);
    buf_add_str(&text, "\":1}\n{\"Type\":\"CDBDataPlaneRequests\",\"UserAgent\":\"neighbour\"}");
    k = kit_export(buf_slice(&text));
    ck_assert_int_eq(k.result.records, 2);
    ck_assert(kit_has(&k.records, "account=abcdefghijab"));
    ck_assert(kit_has(&k.records, "status -1 count 1\n  user_agent=neighbour"));
    kit_release(&k);
    buf_release(&text);
}
END_TEST

START_TEST(more_columns_than_we_take_are_refused)
{
    struct buf text = BUF_INIT(KIT_TEXT_MAX);
    struct kit k;

    buf_add_str(&text, "{\"tables\":[{\"columns\":[{\"name\":\"a\"}");
    add_many(&text, ",{\"name\":\"a\"}", 5000);
    buf_add_str(&text, "],\"rows\":[]}]}");
    k = kit_answer(buf_slice(&text), TABLE_DATA_PLANE);
    ck_assert_int_eq(k.rc, -1);
    ck_assert_int_eq(k.err.code, ERR_LIMIT);
    kit_release(&k);

    buf_clear(&text);
    buf_add_str(&text, "{\"Type\":\"CDBDataPlaneRequests\"");
    add_many(&text, ",\"a\":1", 5000);
    buf_add_str(&text, "}\n{\"Type\":\"CDBDataPlaneRequests\"}");
    k = kit_export(buf_slice(&text));
    ck_assert_int_eq(k.result.records, 1);
    ck_assert_int_eq(k.result.bad, 1);
    kit_release(&k);
    buf_release(&text);
}
END_TEST

START_TEST(what_is_reported_of_a_bad_row_is_cut)
{
    struct buf text = BUF_INIT(KIT_TEXT_MAX);
    struct kit k;

    buf_add_str(&text, "{\"Type\":\"CDBDataPlaneRequests\"}\n{\"x\":\"");
    add_many(&text, "\xE2\x82\xAC", 100000);
    buf_add_str(&text, "\n");
    k = kit_export(buf_slice(&text));
    ck_assert_int_eq(k.result.bad, 1);
    ck_assert_uint_lt(k.bad.len, 4200);
    kit_release(&k);
    buf_release(&text);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_prefix_and_suffix_ends_well,
        changed_bytes_end_well,
        deep_nesting_is_bounded,
        a_text_of_ten_megabytes_is_one_cell,
        a_name_of_ten_megabytes_does_no_harm,
        more_columns_than_we_take_are_refused,
        what_is_reported_of_a_bad_row_is_cut,
    };

    return run_tests("damaged input", tests, ARRAY_LEN(tests));
}
