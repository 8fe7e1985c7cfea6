/* The hot path allocates nothing per row: after a first pass over an answer, a second one over the same rows
 * asks the allocator for nothing at all.
 * Counts by standing in front of the C library's allocator; a sanitizer brings its own, so there the count
 * is not taken.
 * SPDX-License-Identifier: Apache-2.0 */
#include "fold/fold.h"

#include "test_record_kit.h"
#include "allocation_count.h"

static int fold_it(void *self, const struct record *rec, struct error *err)
{
    struct fold *f = self;

    return fold_add(f, rec, err);
}

static void make_answer(struct buf *out, int rows)
{
    static const char *const names[] = { "Type", "TimeGenerated", "AccountName", "_ResourceId", "ActivityId",
                                         "ClientIpAddress", "UserAgent", "StatusCode", "RequestCharge",
                                         "KeyType", "AuthTokenType", "QueryText" };

    buf_add_str(out, "{\"tables\":[{\"columns\":[");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        buf_addf(out, "%s{\"name\":\"%s\"}", i ? "," : "", names[i]);
    buf_add_str(out, "],\"rows\":[");
    for (int i = 0; i < rows; i++)
        buf_addf(out,
                 "%s[\"CDBDataPlaneRequests\",\"2026-05-04T10:%02d:00.5Z\",\"ACC-%d\",\"/S/databaseAccounts/ACC-%d\","
                 "\"%08d-id\",\"192.0.2.%d\",\"agent \\\"%d\\\"\",%d,%d.5,\"\",\"PrimaryMasterKey\",\"\"]",
                 i ? "," : "", i % 3, i % 4, i % 4, rows - i, i % 9, i % 2, i % 5 ? 200 : 403, i % 10);
    buf_add_str(out, "]}]}");
}

START_TEST(no_row_of_an_answer_allocates)
{
    struct buf text = BUF_INIT(KIT_TEXT_MAX);
    struct decoder *d = decoder_new();
    struct fold *f = fold_new((size_t)64 << 20);
    struct decode_sink sink = { .self = f, .on_record = fold_it };
    struct decode_result r;
    struct error err = { 0 };
    char *at;

    make_answer(&text, 20000);
    at = kit_padded(buf_slice(&text));
    for (int round = 0; round < 3; round++) {
        long before = allocations, asked; /* Check allocates, too: count before asserting */
        int rc = decode_answer(d, at, text.len, TABLE_NONE, &sink, &r, &err);
        const struct observation *o;

        asked = allocations - before;
        ck_assert_int_eq(rc, 0);
        ck_assert_int_eq(r.records, 20000);
        if (COUNTED && round > 0)
            ck_assert_msg(asked == 0, "%ld allocations by decoding and folding", asked);
        if (COUNTED && round == 0)
            ck_assert_int_gt(asked, 0); /* the count counts */

        before = allocations;
        o = fold_sorted(f);
        asked = allocations - before;
        ck_assert_ptr_nonnull(o);
        /* qsort may take a buffer of its own, once a call, whatever the number of rows. */
        if (COUNTED)
            ck_assert_msg(asked <= 1, "%ld allocations by sorting", asked);
    }
    free(at);
    buf_release(&text);
    decoder_free(d);
    fold_free(f);
}
END_TEST

START_TEST(no_line_of_an_export_allocates)
{
    struct buf text = BUF_INIT(KIT_TEXT_MAX);
    struct decoder *d = decoder_new();
    struct fold *f = fold_new((size_t)64 << 20);
    struct decode_sink sink = { .self = f, .on_record = fold_it };
    struct decode_result r;
    struct error err = { 0 };
    char *at;

    for (int i = 0; i < 20000; i++)
        buf_addf(&text,
                 "{\"time\":\"2026-05-04T10:%02d:00.5Z\",\"resourceId\":\"/S/DATABASEACCOUNTS/A%d\",\"category\":\"DataPlaneRequests\","
                 "\"operationName\":\"Read\",\"properties\":{\"statusCode\":\"200\",\"clientIpAddress\":\"192.0.2.%d\"}}\n",
                 i % 3, i % 4, i % 9);
    at = kit_padded(buf_slice(&text));
    for (int round = 0; round < 3; round++) {
        long before = allocations, asked;
        int rc = decode_export(d, at, text.len, TABLE_NONE, &sink, &r, &err);

        asked = allocations - before;
        ck_assert_int_eq(rc, 0);
        ck_assert_int_eq(r.records, 20000);
        if (COUNTED && round > 0)
            ck_assert_msg(asked == 0, "%ld allocations", asked);
    }
    free(at);
    buf_release(&text);
    decoder_free(d);
    fold_free(f);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { no_row_of_an_answer_allocates, no_line_of_an_export_allocates };

    return run_tests("allocations", tests, ARRAY_LEN(tests));
}
