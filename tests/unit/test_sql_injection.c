/* What detectors/sql_injection.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/buf.h"
#include "tests/kit/bench.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct detector_ops detector_sql_injection;

#define EXFILTRATION "CosmosDB_SqlInjection.DataExfiltration"
#define MASKED "CosmosDBX_NoSqlInjection"
#define FUZZING "CosmosDB_SqlInjection.FailedFuzzingAttempt"
#define USUAL "SELECT c.id, c.name FROM c WHERE c.city = '%s' AND c.zip > 3 ORDER BY c.name"

struct ask { /* one statement of one client */
    const char *text;
    int64_t minute_ns, bytes, count;
    int32_t status;
    const char *agent, *container, *address;
};

static struct observation as_observation(const struct ask *a)
{
    struct observation o = { .kind = OBS_TEXT, .table = TABLE_QUERY_STATS, .api = API_NOSQL, .minute_ns = a->minute_ns,
                             .status = a->status ? a->status : 200, .count = a->count ? a->count : 1,
                             .bytes_out = a->bytes ? a->bytes : 2000, .ru_milli = 3000 };

    o.text[F_DATABASE] = SL("shop");
    o.text[F_CONTAINER] = slice_of(a->container ? a->container : "orders");
    o.text[F_USER_AGENT] = slice_of(a->agent ? a->agent : "azsdk-java-cosmos/4.60.0 Linux/5.15.0-1059-azure JRE/17.0.11");
    o.text[F_ADDRESS] = slice_of(a->address ? a->address : "10.1.2.3");
    o.text[F_OPERATION] = SL("Query");
    o.text[F_QUERY_TEXT] = slice_of(a->text);
    o.sample = SL("0a0a0a0a-0000-4000-8000-000000000001");
    return o;
}

static void feed(struct bench *b, struct ask a)
{
    struct observation o = as_observation(&a);

    bench_feed(b, &o);
}

static int64_t day(int n)
{
    return bench_time(BENCH_DAY0) + n * NS_PER_DAY;
}

/* The client sends its usual statement on ten days. */
static struct bench *open_learned(void)
{
    static const char *const cities[] = { "Basel", "Zug", "O\\'Hara", "Bern", "--" };
    struct bench *b = bench_open(&detector_sql_injection, "");

    for (int i = 0; i < 50; i++) {
        char text[200];

        (void)snprintf(text, sizeof text, USUAL, cities[i % 5]);
        feed(b, (struct ask){ .text = text, .minute_ns = day(0) + i * 5 * NS_PER_HOUR });
    }
    ck_assert_uint_eq(bench_drafts(b), 0);
    return b;
}

START_TEST(a_statement_is_judged_by_its_form)
{
    FILE *f = fopen("tests/detectors/sql_injection/statements.txt", "re");
    char *line = NULL;
    size_t cap = 0;
    int cases = 0;

    ck_assert_msg(f != NULL, "run from the top of the tree");
    while (getline(&line, &cap, f) > 0) {
        struct slice rest = slice_trim(slice_of(line)), verdict, status, text = { 0 };
        struct bench *b = bench_open(&detector_sql_injection, "");
        struct buf statement = BUF_INIT(4096);

        ck_assert(slice_split(&rest, '\t', &verdict) && slice_split(&rest, '\t', &status));
        (void)slice_split(&rest, '\t', &text);
        for (size_t i = 0; i < text.len; i++)
            if (text.at[i] == '\\' && i + 1 < text.len && text.at[i + 1] == 'n') {
                buf_add_char(&statement, '\n');
                i++;
            } else {
                buf_add_char(&statement, text.at[i]);
            }
        feed(b, (struct ask){ .text = buf_cstr(&statement), .minute_ns = day(1),
                              .status = slice_eq(status, SL("-")) ? -1 : slice_eq(status, SL("400")) ? 400 : 200 });
        const struct alert *a = bench_alerts(b) ? bench_alert(b, 0) : NULL;
        const char *got = !a ? "quiet" : strcmp(a->type->id, EXFILTRATION) == 0 ? "attack"
                             : strcmp(a->type->id, MASKED) != 0 ? "probe" : a->severity == SEVERITY_MEDIUM ? "masked attack" : "masked probe";

        ck_assert_msg(slice_eq(verdict, slice_of(got)) && bench_alerts(b) <= 1, "%s: %s", got, line);
        buf_release(&statement);
        bench_free(b);
        cases++;
    }
    ck_assert_int_gt(cases, 40);
    free(line);
    (void)fclose(f);
}
END_TEST

START_TEST(an_extension_of_the_usual_statement_alerts_and_says_what_was_put_in)
{
    static const struct { const char *text, *variant; } cases[] = {
        { "SELECT c.id, c.name FROM c WHERE c.city = 'x' AND STARTSWITH(c.badge, 'a') AND c.zip > 3 ORDER BY c.name", ".BlindBoolean" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'x' OR c.rank = 'chief' AND c.zip > 3 ORDER BY c.name", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'x' OR c.name = c.name AND c.zip > 3 ORDER BY c.name", ".Tautology" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'x' OR EXISTS(SELECT VALUE t FROM t IN c.tags) AND c.zip > 3 ORDER BY c.name", ".SubqueryProbe" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'x' OR udf.dump(c) AND c.zip > 3 ORDER BY c.name", ".UdfCall" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'Bern' --' AND c.zip > 3 ORDER BY c.name", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'Bern' AND c.zip > 3 OFFSET 0 LIMIT 9 -- ORDER BY c.name", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'Bern' AND c.zip > 3 ORDER BY c.name OFFSET 0 LIMIT 9 -- ORDER BY c.name", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'Bern' AND c.zip > 3 OR c.zip > 0 ORDER BY c.name", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE c.city IN ('Bern', c.city) OR c.city = 'Bern' AND c.zip > 3 ORDER BY c.name", ".Tautology" },
        { "SELECT c.id, c.name FROM c WHERE c.name = c.name OR c.city = 'Bern' AND c.zip > 3 ORDER BY c.name", ".Tautology" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'Bern' --q' AND c.zip > 3 ORDER BY c.name", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'Bern' OR c.rank = 'chief' -- let me in' AND c.zip > 3 ORDER BY c.name", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'Bern' AND c.zip > 3 OR c.rank = 'chief' --q ORDER BY c.name", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE (c.city = 'Bern' AND c.zip > 3) OR c.zip = 7 ORDER BY c.name", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'Bern' AND c.badge < 1000 -- thank you'", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'Bern' AND c.zip > 3 --q ORDER BY c.name", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'Bern' -- a long story that nobody will ever read' AND c.zip > 3 ORDER BY c.name", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'Bern' AND c.zip > 3 ORDER BY c.rank --", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'Bern' AND c.zip > 3 ORDER BY c.rank -- OFFSET 0 LIMIT 5", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'Bern' AND c.zip > c.zip ORDER BY c.name", ".Tautology" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'Bern' AND c.zip > c.badge ORDER BY c.name", ".PredicateBypass" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'x' AND c.badge BETWEEN 'a' AND 'f' AND c.zip > 3 ORDER BY c.name", ".BlindBoolean" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'x' AND (STARTSWITH(c.badge, 'a') ? true : false) AND c.zip > 3 ORDER BY c.name", ".BlindBoolean" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'x' AND EXISTS(SELECT VALUE 1 WHERE STARTSWITH(c.badge, 'a')) AND c.zip > 3 ORDER BY c.name", ".BlindBoolean" },
        { "SELECT c.id, c.name FROM c WHERE c.city = 'x' AND c.badge > 7 AND c.city = 'x' AND c.zip > 3 ORDER BY c.name", ".PredicateBypass" },
        { "SELECT c.id, {\"all\": c} AS q, c.name FROM c WHERE c.city = 'Bern' AND c.zip > 3 ORDER BY c.name", ".ProjectionWidening" },
        { "SELECT c.id, c.name, c FROM c WHERE c.city = 'Bern' AND c.zip > 3 ORDER BY c.name", ".ProjectionWidening" },
        { "SELECT c.id, c.name, c.passwordHash FROM c WHERE c.city = 'Bern' AND c.zip > 3 ORDER BY c.name", ".ProjectionWidening" },
        { "SELECT * FROM c WHERE c.city = 'Bern' AND c.zip > 3 ORDER BY c.name", ".ProjectionWidening" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = open_learned();

        feed(b, (struct ask){ .text = cases[i].text, .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == 1, "%s", cases[i].text);
        const struct alert *a = bench_only(b, EXFILTRATION);

        ck_assert_msg(strcmp(a->variant, cases[i].variant) == 0, "%s: %s", a->variant, cases[i].text);
        ck_assert_str_eq(alert_text(a, "query"), cases[i].text);
        ck_assert_str_eq(alert_text(a, "literalsVisible"), "yes");
        ck_assert_str_eq(a->subject, "azsdk-java-cosmos on shop/orders");
        ck_assert(*alert_text(a, "reason") && *alert_text(a, "queryShape"));
        bench_free(b);
    }
}
END_TEST

START_TEST(a_person_may_comment_out_what_the_client_asks_elsewhere)
{
    static const char *const usual[] = { "SELECT * FROM d WHERE d.model = 'a'", "SELECT * FROM d WHERE d.site = 'b'" };
    static const char *const texts[] = {
        "SELECT * FROM d WHERE d.model = 'q' -- AND d.site = 'x'",
        "-- who's there\nSELECT * FROM d WHERE d.model = 'q' -- AND d.site = 'x y'",
        "SELECT * FROM d WHERE d.model = 'q' --AND d.site = 'x'",
    };
    struct bench *b = bench_open(&detector_sql_injection, "");

    for (int d = 0; d < 10; d++)
        feed(b, (struct ask){ .text = usual[d % 2], .minute_ns = day(d) });
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        feed(b, (struct ask){ .text = texts[i], .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == 0, "%s", texts[i]);
    }
    bench_free(b);
}
END_TEST

/* One usual statement for ten days, then another. */
static struct bench *after_ten_days_of(const char *usual, const char *text)
{
    struct bench *b = bench_open(&detector_sql_injection, "");

    for (int d = 0; d < 10; d++)
        feed(b, (struct ask){ .text = usual, .minute_ns = day(d) });
    feed(b, (struct ask){ .text = text, .minute_ns = day(12) });
    return b;
}

START_TEST(an_alternative_in_masked_text_is_one_on_another_property)
{
    static const char *const usual = "SELECT a.id FROM a WHERE ((a.ident1 = \"str1\") AND (a.ident2 = \"str2\"))";
    static const struct { const char *text; bool is_attack; } cases[] = {
        { "SELECT a.id FROM a WHERE (((a.ident1 = \"str1\") AND (a.ident2 = \"str2\")) OR (a.ident3 = \"str3\"))", true },
        { "SELECT a.id FROM a WHERE ((a.ident1 = \"str1\") OR (a.ident3 = \"str3\"))", true },
        { "SELECT a.id FROM a WHERE (((a.ident1 = \"str1\") AND (a.ident2 = \"str2\")) OR (a.ident1 = \"str3\"))", true },
        { "SELECT a.id FROM a WHERE ((a.ident1 = \"str1\") AND ((a.ident2 = \"str2\") OR (a.ident2 LIKE \"str3\")))", true },
        { "SELECT a.id FROM a WHERE ((a.ident1 = \"str1\") AND ((a.ident2 = \"str2\") OR (a.ident2 = \"str3\")))", false },
        { "SELECT a.id FROM a WHERE (((a.ident1 = \"str1\") AND (a.ident2 = \"str2\")) AND (a.ident3 = \"str3\"))", false },
        { "SELECT a.id FROM a WHERE ((a.ident1 = \"str1\") AND ((a.ident2 = \"str2\") OR ((a.ident2 = \"str3\") AND (a.ident3 < 5))))", false },
        { "SELECT a.id FROM a WHERE ((a.ident1 = \"str1\") AND ((a.ident2 = \"str2\") OR ((a.ident3 = \"str3\") AND (a.ident2 < 5))))", true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = after_ten_days_of(usual, cases[i].text);

        ck_assert_msg(bench_alerts(b) == cases[i].is_attack, "%s", cases[i].text);
        if (cases[i].is_attack)
            ck_assert_str_eq(alert_text(bench_only(b, MASKED), "literalsVisible"), "no");
        bench_free(b);
    }
}
END_TEST

/* Who searches for one value in two properties says so more often than who breaks out of a value; and whoever asks for the
 * next page of what is sorted asks for more than the last one, or the same and something else. */
START_TEST(the_same_value_elsewhere_and_the_next_page_are_no_attack)
{
    static const char *const usual = "SELECT * FROM c WHERE c.buyer = 'u1'";
    static const char *const search = "SELECT * FROM c WHERE CONTAINS(c.title, 'lamp')";
    static const char *const masked = "SELECT a.id FROM a WHERE CONTAINS(a.ident1, \"str1\")";
    static const char *const sorted = "SELECT a.id FROM a WHERE (a.ident1 = \"str1\") ORDER BY a._ts ASC";
    static const struct { const char *usual, *text; bool is_attack; } cases[] = {
        { usual, "SELECT * FROM c WHERE c.buyer = 'u1' OR c.seller = 'u1'", false },
        { usual, "SELECT * FROM c WHERE c.buyer = 'u1' OR c.seller = 'u2'", true },
        { usual, "SELECT * FROM c WHERE c.buyer = 'u1' OR c.seller != 'u1'", true },
        { usual, "SELECT * FROM c WHERE c.buyer = 'u1' OR c.seller = 'u2' OR c.agent = 'u1'", true },
        { usual, "SELECT * FROM c WHERE c.buyer = 'u1' OR (c.buyer = 'u2' AND c.until < 5)", false },
        { usual, "SELECT * FROM c WHERE c.buyer = 'u1' OR (c.seller = 'u2' AND c.until < 5)", true },
        { usual, "SELECT * FROM c WHERE c.buyer = 'u1' OR (c.buyer > 'u2' AND c.until < 5)", true },
        { usual, "SELECT * FROM c WHERE c.buyer = 'u1' OR ARRAY_CONTAINS(c.payers, 'u1')", false },
        { usual, "SELECT * FROM c WHERE c.buyer = 'u1' OR ARRAY_CONTAINS(c.payers, 'u7')", true },
        { search, "SELECT * FROM c WHERE CONTAINS(c.title, 'lamp') OR CONTAINS(c.password, 'lamp')", true },
        { search, "SELECT * FROM c WHERE CONTAINS(c.title, 'lamp') OR CONTAINS(c.text, 'lamp')", false },
        { search, "SELECT * FROM c WHERE CONTAINS(c.title, 'lamp') OR CONTAINS(c.text, 'bulb')", true },
        { search, "SELECT * FROM c WHERE CONTAINS(c.title, 'lamp') AND CONTAINS(c.text, 'bulb')", false },
        { search, "SELECT * FROM c WHERE CONTAINS(c.title, 'lamp') AND CONTAINS(c.text, 'b')", true },
        { search, "SELECT * FROM c WHERE CONTAINS(c.title, 'lamp') AND CONTAINS(c.password, 'bulb')", true },
        { search, "SELECT * FROM c WHERE CONTAINS(c.title, 'lamp') AND IS_DEFINED(c.badge)", true },
        { masked, "SELECT a.id FROM a WHERE (CONTAINS(a.ident1, \"str1\") OR CONTAINS(a.ident2, \"str1\"))", false },
        { masked, "SELECT a.id FROM a WHERE (CONTAINS(a.ident1, \"str1\") OR CONTAINS(a.ident2, \"str2\"))", true },
        { masked, "SELECT a.id FROM a WHERE (CONTAINS(a.ident1, \"str1\") AND CONTAINS(a.ident2, \"str2\"))", true },
        { sorted, "SELECT a.id FROM a WHERE ((a.ident1 = \"str1\") AND ((a._ts > 5) OR (a._ts = 5))) ORDER BY a._ts ASC", false },
        { sorted, "SELECT a.id FROM a WHERE ((a.ident1 = \"str1\") AND ((a._ts > 5) OR (a._ts = 7))) ORDER BY a._ts ASC", true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = after_ten_days_of(cases[i].usual, cases[i].text);

        ck_assert_msg(bench_alerts(b) == cases[i].is_attack, "%s", cases[i].text);
        bench_free(b);
    }
}
END_TEST

/* Of a client that has sent the same few statements for weeks; a builder adds what is equal to something. */
START_TEST(a_question_in_masked_text_that_the_usual_statement_never_asks_alerts_after_weeks)
{
    static const char *const usual = "SELECT a.id FROM a WHERE ((a.ident1 = \"str1\") AND (a.ident2 = \"str2\"))";
    static const struct { const char *text; int day; bool is_attack; } cases[] = {
        { "SELECT a.id FROM a WHERE (((a.ident1 = \"str1\") AND (a.ident2 = \"str2\")) AND (a.ident3 >= \"str3\"))", 20, true },
        { "SELECT a.id FROM a WHERE (((a.ident1 = \"str1\") AND (a.ident3 LIKE \"str4\")) AND (a.ident2 = \"str2\"))", 20, true },
        { "SELECT a.id FROM a WHERE (((a.ident1 = \"str1\") AND (a.ident2 = \"str2\")) AND (a.ident3 >= \"str3\"))", 12, false },
        { "SELECT a.id FROM a WHERE (((a.ident1 = \"str1\") AND (a.ident2 = \"str2\")) AND (a.ident3 = \"str3\"))", 20, false },
        { "SELECT a.id FROM a WHERE (((a.ident1 = \"str1\") AND (a.ident2 = \"str2\")) AND (a.ident2 != \"str3\"))", 20, false },
        { "SELECT a.id FROM a WHERE (((a.ident1 = \"str1\") AND (a.ident2 = \"str2\")) AND (a.ident3 != \"str3\"))", 20, false },
        { "SELECT a.id FROM a WHERE (((a.ident1 = \"str1\") AND (a.ident2 = \"str2\")) AND (a.ident3 BETWEEN 5 AND 10))", 20, false },
        { "SELECT a.id FROM a WHERE (((a.ident1 = \"str1\") AND (a.ident2 = \"str2\")) AND (a.ident3 BETWEEN \"str3\" AND \"str4\"))", 20, true },
        { "SELECT a.id FROM a WHERE (((a.ident1 = \"str1\") AND (a.ident2 = \"str2\")) AND (a.ident3 > 90001))", 20, true },
        { "SELECT a.id FROM a WHERE (((a.ident1 = \"str1\") AND (a.ident2 = \"str2\")) AND (a._ts > 1700100000))", 20, false },
        { "SELECT a.id FROM a WHERE (((a.ident1 = \"str1\") AND (a.ident2 = \"str2\")) AND (a.ident3 >= \"str3\")) ORDER BY a.ident3 ASC", 20, false },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench_open(&detector_sql_injection, "");

        for (int d = 0; d < cases[i].day - 1; d++)
            feed(b, (struct ask){ .text = usual, .minute_ns = day(d) });
        feed(b, (struct ask){ .text = cases[i].text, .minute_ns = day(cases[i].day) });
        ck_assert_msg(bench_alerts(b) == cases[i].is_attack, "%s", cases[i].text);
        if (cases[i].is_attack)
            ck_assert_ptr_nonnull(strstr(alert_text(bench_only(b, MASKED), "reason"), "for weeks"));
        bench_free(b);
    }
}
END_TEST

START_TEST(the_usual_statement_and_harmless_news_are_silent)
{
    static const char *const texts[] = {
        "SELECT c.id, c.name FROM c WHERE c.city = 'x -- OR 1=1' AND c.zip > 3 ORDER BY c.name",
        "SELECT c.id, c.name FROM c WHERE c.city = 'x' AND c.open = true AND c.zip > 3 ORDER BY c.name",
        "SELECT c.id, c.name FROM c WHERE c.city = 'x' AND STARTSWITH(c.name, 'a') AND c.zip > 3 ORDER BY c.name",
        "SELECT VALUE COUNT(1) FROM c WHERE c.kind = 'x'",
        "SELECT c.id, c.name FROM c WHERE c.city = 'x' AND c.zip > 3 -- ORDER BY c.name",
        "SELECT c.id, c.name, c.street FROM c WHERE c.city = 'x' AND c.zip > 3 ORDER BY c.name",
        "SELECT c.id, c.name FROM c WHERE (c.city = 'x' OR c.city = 'y') AND c.zip > 3 ORDER BY c.name",
        "SELECT c.id, c.name FROM c WHERE c.city = 'x' AND c.zip > 3 ORDER BY c.name -- for the map",
        "SELECT c.id, c.name FROM c WHERE c.city = 'x' -- the 'old' town\nAND c.zip > 3 ORDER BY c.name",
        "SELECT c.id, c.name FROM c\n--\n--WHERE c.city = 'x' AND c.zip > 3\nORDER BY c.name",
        "SELECT c.id, c.name FROM c WHERE c.city = 'x' -- AND c.zip > 3 ORDER BY c.name",
        "-- who's there\nSELECT c.id, c.name FROM c WHERE c.city = 'x' -- AND c.zip > 3 ORDER BY c.name",
        "SELECT c.id, c.name FROM c WHERE c.city = 'x'\n  --OR c.rank = 'q' AND c.zip > 3\nORDER BY c.name",
        "SELECT c.id, c.name FROM c WHERE c.city = 'x' --AND c.city = 'y' AND c.zip > 3 ORDER BY c.name",
        "SELECT c.id, c.name FROM c WHERE c.city = 'x' AND c.zip > @low ORDER BY c.name",
        "SELECT c.id, c.name FROM c WHERE ((c.city = 'x' AND c.zip > 3) OR c.zip = 7) ORDER BY c.name",
        "SELECT c.id, c.name FROM c WHERE c.city = 'x' AND c.zip > 3 AND c.badge > 7 ORDER BY c.name",
    };
    struct bench *b = open_learned();

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        feed(b, (struct ask){ .text = texts[i], .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == 0, "%s", texts[i]);
    }
    bench_free(b);
}
END_TEST

START_TEST(a_known_shape_is_ordinary_whatever_it_contains)
{
    const char *text = "SELECT * FROM c WHERE c.a = 'x' OR EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t = 'b')";
    const char *empty = "SELECT * FROM c WHERE c.a = '' OR EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t = 'b')";
    struct bench *b = bench_open(&detector_sql_injection, "");

    feed(b, (struct ask){ .text = text, .minute_ns = day(0) });
    feed(b, (struct ask){ .text = empty, .minute_ns = day(5) });
    ck_assert_uint_eq(bench_alerts(b), 0);
    /* the same on another container, where nobody ever sent it */
    feed(b, (struct ask){ .text = empty, .minute_ns = day(5), .container = "users" });
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
}
END_TEST

/* ('' = '' OR ...), masked, looks like an attack of a client that nobody knows; one that has always sent it is left alone. */
START_TEST(an_empty_box_in_masked_text_becomes_usual)
{
    static const char *const box = "SELECT * FROM a WHERE ((a.p1 = \"str1\") AND ((a.p2 = \"\") OR (\"\" = \"\")))";
    static const char *const bare = "SELECT * FROM a WHERE (((a.p1 = \"str1\") AND (a.p2 = \"\")) OR (\"\" = \"\"))";
    struct bench *b = bench_open(&detector_sql_injection, "");

    feed(b, (struct ask){ .text = box, .minute_ns = day(0) });
    ck_assert_uint_eq(bench_alerts(b), 1);
    for (int d = 1; d < 40; d++)
        feed(b, (struct ask){ .text = box, .minute_ns = day(d) });
    size_t told = bench_alerts(b); /* one a day, for two weeks and the slots that are still open */

    ck_assert_uint_le(told, 17);
    feed(b, (struct ask){ .text = bare, .minute_ns = day(40) });
    ck_assert_uint_eq(bench_alerts(b), told + 1);
    bench_free(b);
}
END_TEST

/* Alternatives on one property are one word of a shape: one that takes the sense from another is none of the usual. */
START_TEST(an_alternative_that_makes_another_needless_is_no_known_shape)
{
    static const char *const usual = "SELECT * FROM c WHERE CONTAINS(c.text, 'lamp')";
    static const struct { const char *text; bool is_attack; } cases[] = {
        { "SELECT * FROM c WHERE CONTAINS(c.text, 'lamp') OR CONTAINS(c.text, 'bulb')", false },
        { "SELECT * FROM c WHERE CONTAINS(c.text, 'x') OR CONTAINS(c.text, '')", true },
        { "SELECT * FROM c WHERE CONTAINS(c.text, '')", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = after_ten_days_of(usual, cases[i].text);

        ck_assert_msg(bench_alerts(b) == cases[i].is_attack, "%s", cases[i].text);
        bench_free(b);
    }
}
END_TEST

START_TEST(an_attacker_does_not_teach)
{
    struct bench *b = bench_open(&detector_sql_injection, "");

    for (int d = 0; d < 40; d++)
        feed(b, (struct ask){ .text = "SELECT * FROM c WHERE c.a = 'x' OR 'a'='a'", .minute_ns = day(d) });
    ck_assert_uint_eq(bench_alerts(b), 40); /* one a day */
    bench_free(b);
}
END_TEST

START_TEST(what_is_only_unusual_becomes_usual_after_two_weeks)
{
    const char *text = "SELECT * FROM c WHERE c.city = 'Bern' AND c.zip > 3 ORDER BY c.name";
    struct bench *b = open_learned();
    size_t alerts;

    feed(b, (struct ask){ .text = text, .minute_ns = day(12) });
    ck_assert_int_eq(bench_only(b, EXFILTRATION)->severity, SEVERITY_LOW);
    for (int d = 13; d < 40; d++)
        feed(b, (struct ask){ .text = text, .minute_ns = day(d) });
    alerts = bench_alerts(b);
    ck_assert_uint_eq(alerts, 14);
    bench_free(b);
}
END_TEST

/* Filters that a form leaves empty look like injection for a while; an attack on the same client does so for ever. */
START_TEST(a_doubtful_statement_of_an_application_becomes_usual_after_two_weeks)
{
    const char *text = "SELECT * FROM c WHERE c.tenant = 'a' AND (c.kind = 'b' OR 1=1)";
    struct bench *b = bench_open(&detector_sql_injection, "");
    size_t alerts;

    feed(b, (struct ask){ .text = text, .minute_ns = day(0) });
    ck_assert_uint_eq(bench_alerts(b), 1);
    for (int d = 1; d < 30; d++)
        feed(b, (struct ask){ .text = text, .minute_ns = day(d) });
    alerts = bench_alerts(b);
    ck_assert_uint_eq(alerts, 14);
    feed(b, (struct ask){ .text = "SELECT * FROM c WHERE c.tenant = 'a' AND (c.kind = '' OR ''='' OR 1=1)", .minute_ns = day(30) });
    ck_assert_uint_eq(bench_alerts(b), alerts + 1);
    bench_free(b);
}
END_TEST

START_TEST(much_more_than_usual_or_many_texts_are_high)
{
    struct bench *b = open_learned();
    const char *dump = "SELECT c.id, c.name FROM c WHERE c.city = '' OR 1=1 AND c.zip > 3 ORDER BY c.name";

    feed(b, (struct ask){ .text = dump, .minute_ns = day(12), .bytes = 4000 });
    ck_assert_int_eq(bench_only(b, EXFILTRATION)->severity, SEVERITY_MEDIUM);
    feed(b, (struct ask){ .text = dump, .minute_ns = day(12) + NS_PER_MIN, .bytes = 300 << 10 });
    ck_assert_int_eq(bench_only(b, EXFILTRATION)->severity, SEVERITY_HIGH);
    ck_assert_int_eq(alert_number(bench_only(b, EXFILTRATION), "usualBytes", 0), 2000);
    bench_free(b);

    b = open_learned();
    for (int i = 0; i < 40; i++) {
        char text[200];

        (void)snprintf(text, sizeof text, "SELECT c.id, c.name FROM c WHERE c.city = 'x' AND STARTSWITH(c.pin, '%d') AND c.zip > 3 ORDER BY c.name", i);
        feed(b, (struct ask){ .text = text, .minute_ns = day(12) + i * NS_PER_S });
    }
    ck_assert_int_eq(bench_only(b, EXFILTRATION)->severity, SEVERITY_HIGH);
    bench_free(b);
}
END_TEST

START_TEST(an_attack_that_was_refused_is_an_attempt)
{
    struct bench *b = bench_open(&detector_sql_injection, "");

    feed(b, (struct ask){ .text = "SELECT * FROM c WHERE c.a = 'x' OR 1=1", .minute_ns = day(1), .status = 429 });
    ck_assert_int_eq(alert_number(bench_only(b, FUZZING), "failedRequests", 0), 1);
    bench_free(b);
}
END_TEST

START_TEST(a_tool_s_agent_alerts_whatever_it_asks)
{
    struct bench *b = bench_open(&detector_sql_injection, "");

    feed(b, (struct ask){ .text = "SELECT * FROM c", .minute_ns = day(1), .agent = "sqlmap/1.7.2#stable (https://sqlmap.org)" });
    ck_assert_str_eq(bench_only(b, FUZZING)->variant, ".ToolMarks");
    bench_free(b);
}
END_TEST

static void feed_broken(struct bench *b, int i, int64_t at, const char *address)
{
    char text[120];

    (void)snprintf(text, sizeof text, "SELECT * FROM c WHERE c.f%d = ''' AND c.x = 1", i);
    feed(b, (struct ask){ .text = text, .minute_ns = at, .status = 400, .address = address });
}

START_TEST(broken_statements_alert_when_many_different_ones_come_at_once)
{
    struct bench *b = bench_open(&detector_sql_injection, "");

    for (int i = 0; i < 40; i++) /* one mistake, again and again */
        feed_broken(b, 0, day(1) + i * NS_PER_S, NULL);
    for (int i = 0; i < 10; i++) /* few */
        feed_broken(b, i, day(1), NULL);
    ck_assert_uint_eq(bench_alerts(b), 0);
    for (int i = 0; i < 15; i++)
        feed_broken(b, i, day(1) + i * NS_PER_S, NULL);
    ck_assert_str_eq(bench_only(b, FUZZING)->variant, ".SyntaxErrors");
    ck_assert_int_eq(bench_only(b, FUZZING)->severity, SEVERITY_LOW);
    ck_assert_int_eq(alert_number(bench_only(b, FUZZING), "failedRequests", 0), 65);
    for (int i = 0; i < 60; i++)
        feed_broken(b, i, day(1) + i * NS_PER_S, NULL);
    ck_assert_int_eq(bench_only(b, FUZZING)->severity, SEVERITY_MEDIUM);
    bench_free(b);
}
END_TEST

static void feed_refusals(struct bench *b, int64_t at, int64_t count, int64_t bytes_in)
{
    struct observation o = { .kind = OBS_REQUEST, .table = TABLE_DATA_PLANE, .api = API_NOSQL, .minute_ns = at, .status = 400,
                             .count = count, .bytes_in = bytes_in };

    o.text[F_DATABASE] = SL("shop");
    o.text[F_CONTAINER] = SL("orders");
    o.text[F_OPERATION] = SL("Query");
    o.text[F_USER_AGENT] = SL("azsdk-java-cosmos/4.60.0");
    o.text[F_ADDRESS] = SL("10.1.2.3");
    bench_feed(b, &o);
}

START_TEST(refused_queries_without_text_alert_by_rate_and_unequal_length)
{
    struct bench *b = bench_open(&detector_sql_injection, "");

    for (int m = 0; m < 10; m++) /* one statement fails over and over: a bug */
        feed_refusals(b, day(1) + m * NS_PER_MIN, 50, 50 * 310);
    feed_refusals(b, day(2), 1, 333); /* O'Neill */
    ck_assert_uint_eq(bench_alerts(b), 0);
    for (int m = 0; m < 10; m++)
        feed_refusals(b, day(3) + m * NS_PER_MIN, 80, 80 * 310 + 7 * m);
    ck_assert_uint_eq(bench_alerts(b), 0); /* as many as this sender's bug makes */
    bench_free(b);

    b = bench_open(&detector_sql_injection, "");
    for (int m = 0; m < 10; m++)
        feed_refusals(b, day(1) + m * NS_PER_MIN, 9, 9 * 310 + 17 * m);
    ck_assert_int_eq(alert_number(bench_only(b, FUZZING), "failedRequests", 0), 90);
    bench_free(b);
}
END_TEST

static void shuffle(size_t *order, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i > 1; i--) {
        seed = seed * 1664525u + 1013904223u;
        size_t k = (seed >> 8) % i, keep = order[i - 1];

        order[i - 1] = order[k];
        order[k] = keep;
    }
}

START_TEST(order_and_split_of_the_rows_do_not_show)
{
    enum { ROWS = 160 };
    char *first = NULL;

    for (uint32_t seed = 0; seed < 12; seed++) {
        struct bench *b = open_learned();
        size_t order[ROWS];

        shuffle(order, ROWS, seed);
        for (size_t n = 0; n < ROWS; n++) {
            size_t i = seed == 0 ? n : order[n];
            int64_t at = day(12) + (int64_t)i % 9 * NS_PER_MIN;
            char text[240];

            if (i % 4 == 0)
                (void)snprintf(text, sizeof text, "SELECT c.id, c.name FROM c WHERE c.city = 'x%zu' OR 'a'='a' AND c.zip > 3 ORDER BY c.name", i % 7);
            else if (i % 4 == 1)
                (void)snprintf(text, sizeof text, "SELECT * FROM c WHERE c.a = '%zu' UNION SELECT %zu", i, i);
            else if (i % 4 == 2)
                (void)snprintf(text, sizeof text, "SELECT * FROM c WHERE c.f%zu = '''", i);
            else
                (void)snprintf(text, sizeof text, "SELECT c.id FROM c WHERE c.q%zu = 1", i % 5);
            int32_t status = i % 4 == 1 || i % 4 == 2 ? 400 : 200;
            int64_t bytes = 1000 * (int64_t)(i + 1);

            if (seed % 2) { /* in two parts */
                feed(b, (struct ask){ .text = text, .minute_ns = at, .status = status, .count = 1, .bytes = 400 });
                feed(b, (struct ask){ .text = text, .minute_ns = at, .status = status, .count = 2, .bytes = bytes - 400 });
            } else {
                feed(b, (struct ask){ .text = text, .minute_ns = at, .status = status, .count = 3, .bytes = bytes });
            }
            if (i % 40 == 7)
                bench_restart(b);
            feed_refusals(b, at, 1 + (int64_t)i % 2, 300 + (int64_t)i);
        }
        char *text = bench_text(b, "ru"); /* the two parts are given one price each */

        if (!first)
            first = strdup(text);
        ck_assert_msg(strcmp(first, text) == 0, "seed %u:\n%s\n---\n%s", seed, first, text);
        ck_assert_uint_eq(bench_alerts(b), 2);
        free(text);
        bench_free(b);
    }
    free(first);
}
END_TEST

START_TEST(backfill_teaches_and_is_silent)
{
    struct bench *b = bench_open(&detector_sql_injection, "");

    bench_set_backfill(b, true);
    feed(b, (struct ask){ .text = "SELECT * FROM c WHERE c.a = 'x' OR 1=1", .minute_ns = day(0) });
    feed(b, (struct ask){ .text = "SELECT * FROM c WHERE c.a = 'x'", .minute_ns = day(0) });
    bench_set_backfill(b, false);
    ck_assert_uint_eq(bench_drafts(b), 0);
    feed(b, (struct ask){ .text = "SELECT * FROM c WHERE c.a = 'x' OR c.zap = 'y'", .minute_ns = day(9) });
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("detector");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_statement_is_judged_by_its_form);
    tcase_add_test(t, an_extension_of_the_usual_statement_alerts_and_says_what_was_put_in);
    tcase_add_test(t, a_person_may_comment_out_what_the_client_asks_elsewhere);
    tcase_add_test(t, an_alternative_in_masked_text_is_one_on_another_property);
    tcase_add_test(t, the_same_value_elsewhere_and_the_next_page_are_no_attack);
    tcase_add_test(t, a_question_in_masked_text_that_the_usual_statement_never_asks_alerts_after_weeks);
    tcase_add_test(t, the_usual_statement_and_harmless_news_are_silent);
    tcase_add_test(t, a_known_shape_is_ordinary_whatever_it_contains);
    tcase_add_test(t, an_alternative_that_makes_another_needless_is_no_known_shape);
    tcase_add_test(t, an_empty_box_in_masked_text_becomes_usual);
    tcase_add_test(t, an_attacker_does_not_teach);
    tcase_add_test(t, what_is_only_unusual_becomes_usual_after_two_weeks);
    tcase_add_test(t, a_doubtful_statement_of_an_application_becomes_usual_after_two_weeks);
    tcase_add_test(t, much_more_than_usual_or_many_texts_are_high);
    tcase_add_test(t, an_attack_that_was_refused_is_an_attempt);
    tcase_add_test(t, a_tool_s_agent_alerts_whatever_it_asks);
    tcase_add_test(t, broken_statements_alert_when_many_different_ones_come_at_once);
    tcase_add_test(t, refused_queries_without_text_alert_by_rate_and_unequal_length);
    tcase_add_test(t, order_and_split_of_the_rows_do_not_show);
    tcase_add_test(t, backfill_teaches_and_is_silent);

    return run_group("sql_injection", t);
}
