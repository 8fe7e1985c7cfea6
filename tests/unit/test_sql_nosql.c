/* What the reading of NoSQL statements promises: detectors/kit/sql_lex, sql_nosql, sql_shape, sql_judge, sql_text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "detectors/kit/sql_judge.h"
#include "detectors/kit/sql_shape.h"
#include "detectors/kit/sql_text.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct sql_scratch *scratch;
static struct query_shape *shape_a, *shape_b;

static void setup(void)
{
    scratch = calloc(1, sizeof(*scratch));
    shape_a = calloc(1, sizeof(*shape_a));
    shape_b = calloc(1, sizeof(*shape_b));
    ck_assert(scratch && shape_a && shape_b);
    scratch->lex.tokens = scratch->tokens;
    scratch->lex.tokens_max = SQL_TOKENS_MAX;
    query_shape_init(shape_a);
    query_shape_init(shape_b);
}

static void teardown(void)
{
    free(scratch);
    free(shape_a);
    free(shape_b);
}

static enum sql_outcome outcome_of(struct slice text)
{
    sql_lex_run(&scratch->lex, text);
    return sql_parse(scratch).outcome;
}

static uint64_t shape_of(struct query_shape *sh, const char *text)
{
    sql_lex_run(&scratch->lex, slice_of(text));
    sql_shape_make(sh, &scratch->lex, sql_is_masked(&scratch->lex));
    return sh->hash;
}

START_TEST(the_published_grammar_is_read)
{
    static const char *const good[] = {
        "SELECT * FROM c", "select * from c", "SELECT 1", "SELECT DISTINCT VALUE c.x FROM c", "SELECT TOP 5 c.id AS i, c.b x FROM c",
        "SELECT TOP @n * FROM c", "SELECT VALUE {\"a\": c.a, b: [1, 'x', null, undefined]} FROM c",
        "SELECT c.id FROM c JOIN t IN c.tags JOIN (SELECT VALUE s FROM s IN t.sizes) AS z WHERE z > 1",
        "SELECT * FROM Families.children[0] ch WHERE ch.grade ^ 4 = 1", "SELECT * FROM t IN c.tags",
        "SELECT * FROM (SELECT VALUE c FROM c) AS x", "SELECT c.a ?? 'n' FROM c WHERE c.b ? true : false",
        "SELECT * FROM c WHERE c.a BETWEEN 1 AND 2 AND c.b NOT IN (1, 2) AND NOT c.x LIKE '%a!%' ESCAPE '!'",
        "SELECT * FROM c WHERE EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t = 'a') AND ARRAY_LENGTH(ARRAY(SELECT 1)) > 0",
        "SELECT * FROM c WHERE (SELECT VALUE COUNT(1) FROM t IN c.t) > -1 AND ~c.a & 3 | 4 << 1 >>> 2 != 1.5e-3",
        "SELECT c['a b'][\"c\"][0].d || 'x' FROM c WHERE udf.tax(c.p) > 1 AND c.a <> @p",
        "SELECT COUNT(1) AS n, c.g FROM c GROUP BY c.g, c.h ORDER BY c.g ASC, c.h DESC OFFSET 0 LIMIT 10",
        "SELECT TOP 5 c.id FROM c ORDER BY RANK RRF(FullTextScore(c.t, 'a'), VectorDistance(c.v, [1,2]))",
        "-- a comment\nSELECT * -- another\nFROM c", "SELECT * FROM c WHERE c.a = 'O\\'Neill' AND c.b = Infinity",
        "SELECT root FROM root WHERE ((root[\"a\"] = 1) AND (NOT root[\"b\"]))", "SELECT c.value, c.order FROM c",
    };
    static const char *const bad[] = {
        "", "SELECT", "SELECT FROM c", "SELECT TOP FROM c", "SELECT * FROM c WHERE", "SELECT * FROM c WHERE c.a =", "UPDATE c SET x = 1",
        "SELECT * FROM c WHERE c.a IN ()", "SELECT * FROM c WHERE c.a = 'x", "SELECT * FROM c WHERE c.a = 'it''s'",
        "SELECT * FROM c WHERE c.a = 'a' UNION SELECT 1", "SELECT * FROM c; SELECT 1", "SELECT * FROM c WHERE (c.a = 1",
        "SELECT * FROM c WHERE c.a = 1)", "SELECT * FROM c WHERE c.a = 0x41", "SELECT * FROM c WHERE c.a = 1 # x", "SELECT /* x */ 1",
        "SELECT * FROM c ORDER c.a", "SELECT * FROM c OFFSET 1", "SELECT * FROM c WHERE c.a = @@version", "SELECT {a} FROM c",
    };

    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        ck_assert_msg(outcome_of(slice_of(good[i])) == SQL_OK, "%s", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(outcome_of(slice_of(bad[i])) == SQL_SYNTAX, "%s", bad[i]);
}
END_TEST

/* n copies of `unit`, then `end`. */
static struct slice repeat(struct buf *b, const char *start, const char *unit, size_t n, const char *end)
{
    buf_clear(b);
    buf_add_str(b, start);
    for (size_t i = 0; i < n; i++)
        buf_add_str(b, unit);
    buf_add_str(b, end);
    ck_assert(!b->failed);
    return buf_slice(b);
}

START_TEST(huge_and_deep_text_ends_in_bounded_work)
{
    static const struct { const char *start, *unit, *end; size_t n; } cases[] = {
        { "SELECT * FROM c WHERE ", "(", "", 262144 }, { "SELECT ", "[", "", 262144 }, { "SELECT ", "{a:", "", 90000 },
        { "SELECT * FROM c WHERE ", "NOT ", "", 65000 }, { "SELECT ", "-", "1", 4000 }, { "SELECT ", "- ", "1", 130000 },
        { "SELECT 1", "+1", "", 130000 }, { "SELECT c", ".a", "", 130000 }, { "SELECT c", "[0]", "", 80000 },
        { "SELECT * FROM c WHERE c.a = 1", " OR c.a = 1", "", 20000 }, { "SELECT * FROM c WHERE c.a IN (1", ",1", ")", 120000 },
        { "SELECT ", "(SELECT ", "", 30000 }, { "SELECT a", "?a", "", 100000 }, { "SELECT a", " ?? a", "", 50000 },
        { "SELECT '", "\\", "", 262144 }, { "", "'", "", 262144 }, { "", "--\n", "", 80000 }, { "SELECT * FROM c WHERE ", "a(", "", 130000 },
        { "SELECT * FROM c", " JOIN c", "", 30000 }, { "SELECT * FROM c WHERE c.a", " LIKE 'a'", "", 20000 }, { "", ")", "", 262144 },
    };
    struct buf b = BUF_INIT(1 << 20);
    struct sql_judgement j;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        sql_lex_run(&scratch->lex, repeat(&b, cases[i].start, cases[i].unit, cases[i].n, cases[i].end));
        sql_judge(scratch, &j);
        sql_shape_make(shape_a, &scratch->lex, false);
        ck_assert_msg(j.score >= 0 && j.score <= 100 && shape_a->len <= QUERY_SHAPE_MAX, "%s", cases[i].unit);
    }
    buf_release(&b);
}
END_TEST

START_TEST(hundreds_of_alternatives_are_still_read)
{
    struct buf b = BUF_INIT(1 << 20);

    ck_assert_int_eq(outcome_of(repeat(&b, "SELECT * FROM c WHERE c.a = 0", " OR ( c.id = 'x' AND c[\"pk\"] = 1 )", 900, "")), SQL_OK);
    ck_assert_int_eq(outcome_of(repeat(&b, "SELECT * FROM c WHERE c.a IN (0", ", 'abc'", 5000, ")")), SQL_OK);
    ck_assert_int_eq(outcome_of(repeat(&b, "SELECT * FROM c WHERE ", "(", 150, "1=1)")), SQL_SYNTAX);
    buf_release(&b);
}
END_TEST

START_TEST(any_bytes_are_taken)
{
    static const struct slice texts[] = {
        { .at = "SELECT \0 1", .len = 10 }, { .at = "\0\0\0", .len = 3 }, { .at = "\xff\xfe\x80'", .len = 4 },
        { .at = "SELECT '\xc3", .len = 9 }, { .at = "\xef\xbb\xbfSELECT 1", .len = 11 }, { .at = NULL, .len = 0 },
        { .at = "--", .len = 2 }, { .at = "@", .len = 1 }, { .at = "'", .len = 1 }, { .at = "\\", .len = 1 }, { .at = "0x", .len = 2 },
        { .at = "1e", .len = 2 }, { .at = "SELECT c.", .len = 9 }, { .at = "SELECT udf.", .len = 11 }, { .at = "{\"query\":", .len = 9 },
    };
    struct sql_judgement j;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        sql_lex_run(&scratch->lex, texts[i]);
        sql_judge(scratch, &j);
        sql_shape_make(shape_a, &scratch->lex, false);
    }
    ck_assert_int_eq(outcome_of(texts[4]), SQL_OK); /* the byte order mark of an editor */
}
END_TEST

START_TEST(what_does_not_change_the_meaning_does_not_change_the_shape)
{
    static const struct { const char *a, *b; bool same; } cases[] = {
        { "SELECT * FROM c WHERE c.a = 'x'", "select  *\nfrom c where c.a=\"yy\"", true },
        { "SELECT * FROM c WHERE c.a = 'x'", "SELECT * FROM c WHERE ((c[\"a\"] = 7))", true },
        { "SELECT * FROM c WHERE c.a = 5", "SELECT * FROM c WHERE c.a = -5", true },
        { "SELECT * FROM c WHERE c.a IN (1,2,3)", "SELECT * FROM c WHERE c.a IN (9)", true },
        { "SELECT * FROM c WHERE c.a = 1 OR c.a = 2 OR c.a = 3", "SELECT * FROM c WHERE c.a = 1", true },
        { "SELECT * FROM c WHERE (c.a = 1 AND c.b = 2) OR (c.a = 3 AND c.b = 4)", "SELECT * FROM c WHERE c.a = 1 AND c.b = 2", true },
        { "SELECT * FROM c WHERE CONTAINS(c.a, 'x') OR CONTAINS(c.a, 'y')", "SELECT * FROM c WHERE contains(c.a, 'z')", true },
        { "SELECT * FROM c ORDER BY c.a ASC -- x", "SELECT * FROM c ORDER BY c.a", true },
        { "SELECT * FROM c WHERE c.a != true", "SELECT * FROM c WHERE c.a <> false", true },
        { "SELECT * FROM c WHERE c.a = 'x'", "SELECT * FROM c WHERE c.b = 'x'", false },
        { "SELECT * FROM c WHERE c.a = 'x'", "SELECT * FROM c WHERE c.a != 'x'", false },
        { "SELECT * FROM c WHERE c.a = 'x'", "SELECT * FROM c WHERE c.a = @x", false },
        { "SELECT * FROM c WHERE c.a = 'x'", "SELECT * FROM c WHERE c.a = 'x' OR 1=1", false },
        { "SELECT * FROM c WHERE c.a = 'x' OR 1=1", "SELECT * FROM c WHERE c.a = 'x' OR 1=1 OR 1=1", false },
        { "SELECT * FROM c WHERE c.A = 'x'", "SELECT * FROM c WHERE c.a = 'x'", false },
        { "SELECT c.a FROM c", "SELECT c.a, c.b FROM c", false },
        { "SELECT c.a FROM c ORDER BY c.a", "SELECT c.a FROM c ORDER BY c.a DESC", false },
        { "SELECT * FROM c WHERE c.ident1 = 'str1'", "SELECT * FROM c WHERE c.ident2 = 'str1__19'", true },
        { "SELECT * FROM c WHERE c.ident1 = 'str1'", "SELECT * FROM c WHERE c.name = 'Miller'", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg((shape_of(shape_a, cases[i].a) == shape_of(shape_b, cases[i].b)) == cases[i].same, "%s | %s",
                      cases[i].a, cases[i].b);
}
END_TEST

static bool is_base(void *self, uint64_t hash)
{
    return hash == *(const uint64_t *)self;
}

static int start_rank(void *self, size_t i)
{
    (void)self;
    return sql_shape_start_rank(shape_a, &scratch->lex, i);
}

START_TEST(what_was_put_into_a_known_statement_is_found)
{
    static const struct { const char *base, *text, *put_in; } cases[] = {
        { "SELECT * FROM c WHERE c.a = 'x'", "SELECT * FROM c WHERE c.a = '' OR 1=1", "OR 1=1" },
        { "SELECT * FROM c WHERE c.a = 'x' AND c.b = 2", "SELECT * FROM c WHERE c.a = '' OR c.id != '' AND c.b = 2", "OR c.id != ''" },
        { "SELECT * FROM c WHERE (c.a = 'x' AND c.b = 2)", "SELECT * FROM c WHERE (c.a = '') OR (c.id > '' AND c.b = 2)", "OR (c.id > ''" },
        { "SELECT * FROM c WHERE c.a IN ('x', 'y')", "SELECT * FROM c WHERE c.a IN ('') OR (c.id > 'a', 'y')", "OR (c.id > 'a'" },
        { "SELECT * FROM c WHERE CONTAINS(c.a, 'x') OR CONTAINS(c.b, 'x')",
          "SELECT * FROM c WHERE CONTAINS(c.a, '') OR (c.id > '') OR CONTAINS(c.b, '') OR (c.id > '')", "OR (c.id > ''" },
        { "SELECT * FROM c WHERE c.a = 1", "SELECT * FROM c WHERE c.zip = 1 OR 1=1", NULL },
        { "SELECT * FROM c WHERE c.a = 1", "SELECT * FROM c WHERE c.a = 2", NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t base = shape_of(shape_b, cases[i].base);

        (void)shape_of(shape_a, cases[i].text);
        struct query_insertion in = query_shape_find_insertion(shape_a, &(struct query_insertion_ask){
            .self = &base, .is_known = is_base, .start_rank = start_rank });

        ck_assert_msg(in.found == (cases[i].put_in != NULL), "%s", cases[i].text);
        if (!in.found)
            continue;
        const struct sql_token *first = &scratch->tokens[shape_a->tok[in.from]], *last = &scratch->tokens[shape_a->tok[in.to - 1]];

        ck_assert_msg(slice_eq(slice_make(cases[i].text + first->at, last->at + last->len - first->at), slice_of(cases[i].put_in)),
                      "%s", cases[i].text);
    }
}
END_TEST

START_TEST(masked_text_is_recognised)
{
    static const struct { const char *text; bool is_masked; } cases[] = {
        { "SELECT * FROM c WHERE c.p1 = 'str1'", true }, { "SELECT * FROM ident1 WHERE ident1.ident2__12 = 5", true },
        { "SELECT * FROM c WHERE (c.id = \"str1__18\")", true }, { "SELECT * FROM c", false },
        { "SELECT * FROM c WHERE c.p1 = 'Miller'", false }, { "SELECT * FROM c WHERE c.strength = 'strong'", false },
        { "SELECT * FROM c WHERE c.name = 'str1 and more'", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        sql_lex_run(&scratch->lex, slice_of(cases[i].text));
        ck_assert_msg(sql_is_masked(&scratch->lex) == cases[i].is_masked, "%s", cases[i].text);
    }
}
END_TEST

START_TEST(the_statement_is_taken_out_of_its_json)
{
    static const struct { const char *raw, *statement; } cases[] = {
        { "{\"query\":\"SELECT 1\",\"parameters\":[]}", "SELECT 1" }, { " {\"parameters\":[{\"a\":1}],\"query\":\"SELECT '\\u00e4\\n'\"} ", "SELECT 'ä\n'" },
        { "SELECT 1", "SELECT 1" }, { "{\"query\":5}", "{\"query\":5}" }, { "{\"query\":\"SEL", "{\"query\":\"SEL" }, { "", "" },
        { "{", "{" }, { "{\"q\":\"x\"}", "{\"q\":\"x\"}" },
    };
    struct sql_text t;

    ck_assert(sql_text_init(&t));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(slice_eq(sql_text_unwrap(&t, slice_of(cases[i].raw)), slice_of(cases[i].statement)), "%s", cases[i].raw);
    sql_text_release(&t);
}
END_TEST

START_TEST(a_client_is_its_sdk_and_what_it_calls_itself)
{
    static const struct { const char *agent, *family; } cases[] = {
        { "cosmos-netstandard-sdk/3.17.0|3.17.1|01|X64|Microsoft Windows 10.0.19042 |.NET Core 4.6|", "cosmos-netstandard-sdk" },
        { "cosmos-netstandard-sdk/3.42.0|4|Arm64|Darwin|.NET 8|N|F 00000011| orders-api", "cosmos-netstandard-sdk orders-api" },
        { "Node.js/20.11.0 (win32; x64) azure-cosmos-js/4.0.0", "azure-cosmos-js" },
        { "azsdk-java-cosmos/4.6.0 Linux/4.15.0 JRE/11.0.8", "azsdk-java-cosmos" },
        { "Mozilla/5.0 (Windows NT 10.0) Chrome/124.0", "browser" }, { "curl/8.5.0", "curl" }, { "", "unknown" }, { "odd", "odd" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b = BUF_INIT(256);

        sql_client_family(slice_of(cases[i].agent), &b);
        ck_assert_msg(slice_eq(buf_slice(&b), slice_of(cases[i].family)), "%s", cases[i].agent);
        buf_release(&b);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("reading");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_published_grammar_is_read);
    tcase_add_test(t, huge_and_deep_text_ends_in_bounded_work);
    tcase_add_test(t, hundreds_of_alternatives_are_still_read);
    tcase_add_test(t, any_bytes_are_taken);
    tcase_add_test(t, what_does_not_change_the_meaning_does_not_change_the_shape);
    tcase_add_test(t, what_was_put_into_a_known_statement_is_found);
    tcase_add_test(t, masked_text_is_recognised);
    tcase_add_test(t, the_statement_is_taken_out_of_its_json);
    tcase_add_test(t, a_client_is_its_sdk_and_what_it_calls_itself);

    return run_group("sql_nosql", t);
}
