/* What the reader of statements promises (detectors/kit/statements.h): it judges as the same judges do at home; a text that
 * ends it costs itself alone; what it answers and asks is not believed.
 *
 * This program is its own reader: main() becomes one when it is started as one. A text says what is to happen.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "detectors/kit/statements.h"
#include "detectors/kit/statements_apart.h"
#include "detectors/kit/statements_wire.h"
#include "tests/kit/suite.h"
#include "tests/unit/apart_kit.h"

#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOT 1000

/* ---- what the reader does when a text says so ------------------------------------------------------------ */

static struct statement_answer sound(void)
{
    return (struct statement_answer){ .confidence = 50, .statement = { .at = 1, .len = 8 }, .inserted = { .at = 2, .len = 3 },
                                      .findings_len = 1,
                                      .findings = { { .rule = QUERY_RULE_SQL, .text = { .at = 1, .len = 7 } } } };
}

#define LIE(name, change)                                                                          \
    static void name(struct apart_inside *in)                                                      \
    {                                                                                              \
        struct statement_answer a = sound();                                                       \
                                                                                                   \
        change;                                                                                    \
        apart_end(in, &a, sizeof a);                                                               \
    }

LIE(lie_verdict, a.verdict = VERDICT_WIDENED + 1)
LIE(lie_verdict_below, a.verdict = -1)
LIE(lie_severity, a.severity = SEVERITY_HIGH + 1)
LIE(lie_confidence, a.confidence = 101)
LIE(lie_grade, a.grade = GRADE_ATTACK + 1)
LIE(lie_type, a.type = 99)
LIE(lie_series, a.series = 1)
LIE(lie_series_type, a.series_type = 99)
LIE(lie_variant, a.variant = 100000)
LIE(lie_no_variant, a.verdict = VERDICT_ATTACK)
LIE(lie_note, a.note = NOTE_COUNT)
LIE(lie_flags, a.flags = STATEMENT_FLAGS)
LIE(lie_reach, a.reach = 16)
LIE(lie_words, a.words_len = QUERY_FIELDS_MAX + 1)
LIE(lie_findings, a.findings_len = QUERY_FINDINGS_MAX + 1)
LIE(lie_rule, a.findings[0].rule = QUERY_RULE_SQL - 1)
LIE(lie_place, a.findings[0].text.len = 9)
LIE(lie_place_far, a.findings[0].text.at = UINT32_MAX)
LIE(lie_inserted, a.inserted.at = 6)
LIE(lie_statement, a.statement.len = UINT32_MAX)
LIE(lie_copy, a.flags = STATEMENT_TEXT_IS_COPY)
LIE(lie_left_out, a.is_left_out = 1)

static void lie_size(struct apart_inside *in)
{
    apart_end(in, "short", 5);
}

static void lie_two_texts(struct apart_inside *in)
{
    for (int i = 0; i < 2; i++) {
        char *room = apart_room(in, APART_BATCH_BYTES);

        memset(room, 'x', APART_BATCH_BYTES);
        apart_wrote(in, APART_BATCH_BYTES);
    }
    lie_size(in);
}

static void ask_of_a_kind(struct apart_inside *in)
{
    const struct statement_more m = { .question = QUERY_QUESTIONS, .len = 1 };

    (void)apart_ask(in, &m, offsetof(struct statement_more, what) + sizeof(uint64_t));
    lie_size(in);
}

static void ask_of_many(struct apart_inside *in)
{
    const struct statement_more m = { .question = QUERY_WORD_KNOWN, .len = QUERY_QUESTIONS_MAX + 1 };

    (void)apart_ask(in, &m, sizeof m);
    lie_size(in);
}

static void ask_half(struct apart_inside *in)
{
    const struct statement_more m = { .question = QUERY_WORD_KNOWN, .len = 2 };

    (void)apart_ask(in, &m, offsetof(struct statement_more, what) + sizeof(uint64_t));
    lie_size(in);
}

static void ask_nothing(struct apart_inside *in)
{
    (void)apart_ask(in, "abc", 3);
    lie_size(in);
}

static void ask_for_ever(struct apart_inside *in)
{
    const struct statement_more m = { .question = QUERY_WORD_KNOWN, .len = 1 };

    for (;;)
        (void)apart_ask(in, &m, offsetof(struct statement_more, what) + sizeof(uint64_t));
}

static void touch_nowhere(struct apart_inside *in UNUSED)
{
    (void)raise(SIGSEGV);
}

#define FAULT(f) { #f, "cannot be", f }

static const struct fault faults[] = {
    FAULT(lie_verdict), FAULT(lie_verdict_below), FAULT(lie_severity), FAULT(lie_confidence), FAULT(lie_grade), FAULT(lie_type),
    FAULT(lie_series), FAULT(lie_series_type), FAULT(lie_variant), FAULT(lie_no_variant), FAULT(lie_note), FAULT(lie_flags),
    FAULT(lie_reach), FAULT(lie_words), FAULT(lie_findings), FAULT(lie_rule), FAULT(lie_place), FAULT(lie_place_far), FAULT(lie_inserted),
    FAULT(lie_statement), FAULT(lie_copy), FAULT(lie_left_out), FAULT(lie_size), FAULT(lie_two_texts), FAULT(ask_of_a_kind),
    FAULT(ask_of_many), FAULT(ask_half), FAULT(ask_nothing), FAULT(ask_for_ever),
    { "die", "SIG", be_killed }, { "segv", "SIG", touch_nowhere }
};

#define DEADLY "deadly " /* as many texts as one likes */

static void serve(struct apart_inside *in)
{
    struct slice body = apart_body(in), text = slice_make(body.at + sizeof(struct statement_question),
                                                          body.len - sizeof(struct statement_question));
    size_t left_out;

    (void)apart_left_out_list(in, &left_out);
    atomic_store(apart_row_mark(in), 0);
    if (left_out == 0 && slice_starts(text, SL(DEADLY)))
        abort();
    if (left_out > 0 || !fault_happens(in, faults, ARRAY_LEN(faults), text))
        statements_serve(in);
}

/* ---- the world of a test --------------------------------------------------------------------------------- */

struct world {
    struct apart *reader;
    struct statements *here, *there;
    struct baseline *memory;
    struct query_client client;
    struct buf unread; /* what was told of texts that no reader survives */
    int unread_len;
};

static void need(int rc, const struct error *err)
{
    ck_assert_msg(rc == 0, "%s", err->msg);
}

static void keep_unread(void *self, struct slice text, const char *reason)
{
    struct world *w = self;

    w->unread_len++;
    buf_clear(&w->unread);
    buf_add_slice(&w->unread, text);
    buf_addf(&w->unread, ": %s", reason);
}

static void open_world_of(struct world *w, struct apart *reader)
{
    static const struct baseline_memory *const memories[] = { &query_memory_client, &query_memory_shape,
                                                              &query_memory_word };
    struct error err = { 0 };

    *w = (struct world){ .unread = BUF_INIT(65536) };
    w->reader = reader;
    need(statements_new(NULL, &w->here, &err), &err);
    need(statements_new(w->reader, &w->there, &err), &err);
    statements_tell_unread(w->there, keep_unread, w);
    w->memory = baseline_new(&(struct baseline_config){ .horizon_ns = NS_PER_HOUR });
    ck_assert_ptr_nonnull(w->memory);
    for (size_t i = 0; i < ARRAY_LEN(memories); i++)
        need(baseline_declare(w->memory, memories[i], &err), &err);
    w->client = (struct query_client){ .baseline = w->memory, .account = SL("a"), .hash = 7, .slot = SLOT, .len = 1,
                                       .label = SL("app on shop/orders") };
}

static void open_world(struct world *w)
{
    open_world_of(w, new_apart(0));
}

static void close_world(struct world *w)
{
    statements_free(w->here);
    statements_free(w->there);
    apart_free(w->reader);
    baseline_free(w->memory);
    buf_release(&w->unread);
}

static struct query_case judge_there(struct world *w, enum api api, struct slice text)
{
    struct error err = { 0 };
    struct query_case k;

    statements_next(w->there);
    need(statements_judge(w->there, api, &w->client, text, RUN_OK, &k, &err), &err);
    return k;
}

/* ---- the same as at home ---------------------------------------------------------------------------------- */

static void same_slice(struct slice a, struct slice b, const char *what, struct slice text)
{
    ck_assert_msg(slice_eq(a, b), "%s: '%.*s' and '%.*s': %.*s", what, (int)a.len, a.at, (int)b.len, b.at, (int)text.len,
                  text.at);
}

/* A compiler that optimizes nothing keeps equal texts apart. */
static bool is_same_word(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void same_case(const struct query_case *a, const struct query_case *b, struct slice text)
{
    const char *va = a->variant ? a->variant : "", *vb = b->variant ? b->variant : "";

    ck_assert_msg(a->verdict == b->verdict && a->severity == b->severity && a->confidence == b->confidence &&
                      a->id == b->id && is_same_word(a->type, b->type) && is_same_word(a->series_type, b->series_type) &&
                      a->series == b->series &&
                      a->note == b->note && a->base_shape == b->base_shape && strcmp(va, vb) == 0, "a judgement: %.*s", (int)text.len, text.at);
    ck_assert_msg(a->is_extension == b->is_extension && a->cuts_tail == b->cuts_tail && a->is_masked == b->is_masked &&
                      a->is_known == b->is_known && a->is_plain == b->is_plain, "a flag: %.*s", (int)text.len, text.at);
    ck_assert_msg(a->lesson.shape == b->lesson.shape && a->lesson.middle == b->lesson.middle &&
                      a->lesson.with_list == b->lesson.with_list && a->lesson.reach == b->lesson.reach &&
                      a->lesson.grade == b->lesson.grade && a->lesson.words_len == b->lesson.words_len,
                  "a lesson: %.*s", (int)text.len, text.at);
    for (size_t i = 0; i < a->lesson.words_len; i++)
        ck_assert_uint_eq(a->lesson.words[i], b->lesson.words[i]);
    same_slice(a->statement, b->statement, "statement", text);
    same_slice(a->inserted, b->inserted, "inserted", text);
    ck_assert_uint_eq(a->findings_len, b->findings_len);
    for (size_t i = 0; i < a->findings_len; i++) {
        ck_assert_uint_eq(a->findings[i].rule, b->findings[i].rule);
        same_slice(a->findings[i].text, b->findings[i].text, "finding", text);
    }
}

static void same_shape(struct world *w, enum api api, struct slice text)
{
    struct buf here = BUF_INIT(2048), there = BUF_INIT(2048);
    struct error err = { 0 };

    need(statements_print_shape(w->here, api, text, &here, &err), &err);
    need(statements_print_shape(w->there, api, text, &there, &err), &err);
    same_slice(buf_slice(&here), buf_slice(&there), "shape", text);
    buf_release(&here);
    buf_release(&there);
}

/* Judged by both, whatever became of it; every fourth is learned. */
static void same(struct world *w, enum api api, struct slice text, size_t n, bool shapes)
{
    struct error err = { 0 };
    struct query_case here, there;

    for (int run = RUN_OK; run <= RUN_UNKNOWN; run++) {
        statements_next(w->here);
        statements_next(w->there);
        need(statements_judge(w->here, api, &w->client, text, (enum query_run)run, &here, &err), &err);
        need(statements_judge(w->there, api, &w->client, text, (enum query_run)run, &there, &err), &err);
        same_case(&here, &there, text);
    }
    ck_assert_msg(w->unread_len == 0, "%s", buf_cstr(&w->unread));
    if (shapes)
        same_shape(w, api, text);
    if (n % 4 == 0) {
        struct query_client then = w->client;

        then.slot = SLOT - 100 + (int32_t)(n % 7);
        here.lesson.grade = GRADE_ORDINARY;
        here.lesson.requests = 1;
        ck_assert(query_history_learn(&then, &here.lesson));
    }
}

static char *read_whole(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "rbe");
    char *at = malloc(1 << 20);

    ck_assert_msg(f && at, "%s: run from the top of the tree", path);
    *ret_len = fread(at, 1, (1 << 20) - 1, f);
    (void)fclose(f);
    return at;
}

/* The fuzzers' seeds and findings: every odd text there is. */
static size_t same_corpus(struct world *w, enum api api, const char *name)
{
    struct dirent **list = NULL;
    char dir[128];
    int n;

    (void)snprintf(dir, sizeof dir, "tests/fuzz/corpus/%s", name);
    n = scandir(dir, &list, NULL, alphasort);
    ck_assert_msg(n > 2, "%s: run from the top of the tree", dir);
    for (int i = 0; i < n; i++) {
        char path[512];
        size_t len;
        char *at;

        (void)snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
        if (list[i]->d_name[0] != '.') {
            at = read_whole(path, &len);
            same(w, api, slice_make(at, len), (size_t)i, true);
            free(at);
        }
        free(list[i]);
    }
    free(list);
    return (size_t)n;
}

static const struct { enum api api; const char *corpus, *statements; } dialects[] = {
    { API_NOSQL, "sql_nosql", "tests/detectors/sql_injection/statements.txt" },
    { API_MONGODB, "mongo", "tests/detectors/mongo_injection/statements.txt" },
    { API_CASSANDRA, "cql", "tests/detectors/cql_injection/statements.txt" },
    { API_GREMLIN, "gremlin", "tests/detectors/gremlin_injection/statements.txt" },
    { API_TABLE, "odata", "tests/detectors/table_injection/statements.txt" },
};

START_TEST(what_comes_out_is_what_judging_at_home_gives)
{
    struct world w;
    size_t len, n = 0;
    char *at, *line, *rest;

    open_world(&w);
    (void)same_corpus(&w, dialects[_i].api, dialects[_i].corpus);
    at = rest = read_whole(dialects[_i].statements, &len);
    at[len] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *text = strrchr(line, '\t');

        if (!text || !text[1])
            continue;
        same(&w, dialects[_i].api, slice_of(text + 1), n, n % 8 == 0);
        n++;
    }
    ck_assert_uint_gt(n, 20);
    free(at);
    close_world(&w);
}
END_TEST

/* Statements that a client with history never sent, put together from what it did: searches and their second walk. */
START_TEST(searches_in_a_history_find_what_they_find_at_home)
{
    static const char *const parts[] = { "c.a = 'x'", "c.b > 5", "c['d'] IN ('x', 'y')", "c.a = 'x' OR 1=1",
                                         "c.p OR c.q = 2", "IS_DEFINED(c.z)", "c.b = 1 -- AND c.a = 'x'",
                                         "CONTAINS(c.a, 'x')", "(c.a = 'x' OR c.b = 3)" };
    static const struct { const char *head, *between, *tail; } whole[] = {
        { "SELECT * FROM c WHERE ", "", "" }, { "SELECT c.id FROM c WHERE ", " AND ", "" },
        { "SELECT c.id FROM c WHERE ", " AND ", " OR c.n = 'm' ORDER BY c.id" } };
    struct world w;
    size_t n = 0, extensions = 0;

    open_world(&w);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        for (size_t j = 0; j < ARRAY_LEN(parts); j++)
            for (size_t k = 0; k < ARRAY_LEN(whole); k++) {
                char text[256];
                struct query_case last;

                (void)snprintf(text, sizeof text, "%s%s%s%s%s", whole[k].head, parts[i], whole[k].between,
                               whole[k].between[0] ? parts[j] : "", whole[k].tail);
                same(&w, API_NOSQL, slice_of(text), n++, false);
                last = judge_there(&w, API_NOSQL, slice_of(text));
                extensions += last.is_extension;
            }
    ck_assert_uint_gt(extensions, 20);
    close_world(&w);
}
END_TEST

/* A wrapped statement does not stand in the text, and a text may be longer than a slot. */
START_TEST(wrapped_and_long_texts_come_back)
{
    struct world w;
    struct buf text = BUF_INIT(8 << 20);
    struct query_case k;

    open_world(&w);
    same(&w, API_NOSQL, SL("{\"query\":\"SELECT * FROM c WHERE c.a = 'x' OR 1=1\",\"parameters\":[]}"), 1, true);
    k = judge_there(&w, API_NOSQL, SL("{\"query\":\"SELECT * FROM c WHERE c.a = \\u0027x\\u0027 OR 1=1\"}"));
    same_slice(k.statement, SL("SELECT * FROM c WHERE c.a = 'x' OR 1=1"), "statement", k.statement);
    same(&w, API_TABLE, SL("https://t.table.cosmos.azure.com/t()?$filter=a%20eq%20'x'%20or%20true"), 1, true);
    buf_add_str(&text, "SELECT * FROM c WHERE c.a IN (");
    while (text.len < (size_t)3 << 20)
        buf_add_str(&text, "'some value', ");
    buf_add_str(&text, "'') OR 1=1");
    for (size_t i = 0; i < ARRAY_LEN(dialects); i++)
        same(&w, dialects[i].api, buf_slice(&text), 1, true);
    close_world(&w);
    buf_release(&text);
}
END_TEST

/* ---- what ends it, and lies --------------------------------------------------------------------------------- */

START_TEST(a_text_that_ends_the_reader_costs_itself_alone)
{
    const char *name = faults[_i].name;
    struct slice good = SL("SELECT * FROM c WHERE c.a = 'x' OR 1=1");
    struct apart_status st;
    struct world w;
    struct query_case k;

    open_world(&w);
    ck_assert_int_eq(judge_there(&w, API_NOSQL, good).verdict, VERDICT_ATTACK);
    k = judge_there(&w, API_NOSQL, slice_of(name));
    ck_assert_int_eq(k.verdict, VERDICT_ORDINARY);
    ck_assert(k.is_known && k.lesson.grade == GRADE_ATTACK); /* it teaches nothing */
    ck_assert_int_eq(w.unread_len, 1);
    ck_assert_msg(strncmp(buf_cstr(&w.unread), name, strlen(name)) == 0 &&
                      strstr(buf_cstr(&w.unread), "this statement ended the reader twice: "), "%s", buf_cstr(&w.unread));
    ck_assert_msg(strstr(buf_cstr(&w.unread), faults[_i].reason) ||
                      strstr(buf_cstr(&w.unread), "exit status"), "%s", buf_cstr(&w.unread));
    apart_look(w.reader, &st);
    ck_assert_int_eq(st.ended, 2);
    ck_assert_int_eq(st.left_out, 1);
    ck_assert_int_eq(judge_there(&w, API_NOSQL, SL("SELECT * FROM c WHERE c.b = 'y' OR 1=1")).verdict, VERDICT_ATTACK);
    ck_assert_int_eq(w.unread_len, 1);
    close_world(&w);
}
END_TEST

/* Printing a shape asks nothing, and is left out as well. */
START_TEST(a_shape_that_ends_the_reader_is_empty)
{
    struct buf shape = BUF_INIT(1024);
    struct error err = { 0 };
    struct world w;

    open_world(&w);
    need(statements_print_shape(w.there, API_NOSQL, SL("die"), &shape, &err), &err);
    ck_assert_uint_eq(shape.len, 0);
    need(statements_print_shape(w.there, API_NOSQL, SL("SELECT * FROM c"), &shape, &err), &err);
    ck_assert_uint_gt(shape.len, 0);
    buf_release(&shape);
    close_world(&w);
}
END_TEST

/* Whoever sends it, and however often. */
START_TEST(a_text_that_ended_the_reader_is_not_read_again)
{
    struct apart_status st;
    struct world w;
    struct query_case k;

    open_world(&w);
    for (uint64_t i = 0; i < 1000; i++) {
        w.client.hash = i;
        w.client.account = i % 2 ? SL("a") : SL("b");
        k = judge_there(&w, API_NOSQL, SL("die"));
        ck_assert(k.verdict == VERDICT_ORDINARY && k.is_known && k.lesson.grade == GRADE_ATTACK);
    }
    apart_look(w.reader, &st);
    ck_assert_int_eq(st.ended, 2);
    ck_assert_int_eq(st.left_out, 1000); /* each counts */
    ck_assert_int_eq(st.passed_over, 0);
    ck_assert_int_eq(w.unread_len, 16 + 5); /* not each is written to disk: the first 16, and the 32nd to the 512th */
    ck_assert_msg(strncmp(buf_cstr(&w.unread), "die: this statement ended the reader twice: SIG", 47) == 0, "%s",
                  buf_cstr(&w.unread));
    (void)judge_there(&w, API_MONGODB, SL("die")); /* read by another grammar it is another text */
    apart_look(w.reader, &st);
    ck_assert_int_eq(st.ended, 4);
    close_world(&w);
}
END_TEST

static void judge_deadly(struct world *w, int n)
{
    char text[32];

    (void)snprintf(text, sizeof text, DEADLY "%d", n);
    ck_assert_int_eq(judge_there(w, API_NOSQL, slice_of(text)).verdict, VERDICT_ORDINARY);
}

START_TEST(of_texts_that_ended_the_reader_the_last_are_remembered)
{
    struct apart_status st;
    struct world w;

    open_world(&w);
    for (int i = 0; i <= (int)STATEMENT_DEADLY; i++)
        judge_deadly(&w, i);
    for (int i = 1; i <= (int)STATEMENT_DEADLY; i++)
        judge_deadly(&w, i);
    apart_look(w.reader, &st);
    ck_assert_int_eq(st.ended, 2 * (STATEMENT_DEADLY + 1));
    judge_deadly(&w, 0); /* the oldest gave its place away */
    apart_look(w.reader, &st);
    ck_assert_int_eq(st.ended, 2 * (STATEMENT_DEADLY + 2));
    close_world(&w);
}
END_TEST

static struct apart *reader_that_wears(int64_t spell_ms)
{
    struct apart *a = NULL;
    struct error err = { 0 };

    need(apart_new(&(struct apart_config){ .lost_ms = 1, .spell_ms = spell_ms }, &a, &err), &err);
    return a;
}

/* A flood of other spellings costs their account the reading of what is new in it, and nobody else anything. */
START_TEST(where_too_many_ended_the_reader_it_is_spared)
{
    struct slice known = SL("SELECT * FROM c WHERE c.a = 'x'");
    struct apart_status st;
    struct world w;
    struct query_case k;

    open_world_of(&w, reader_that_wears(NS_PER_DAY));
    k = judge_there(&w, API_NOSQL, known);
    k.lesson.requests = 1;
    ck_assert(query_history_learn(&w.client, &k.lesson));
    w.client.slot += 10;
    for (int i = 0; i < 1000; i++)
        judge_deadly(&w, i);
    apart_look(w.reader, &st);
    ck_assert_int_eq(st.ended, 2);
    ck_assert_int_eq(st.left_out, 1000);
    ck_assert_int_eq(st.passed_over, 999);
    ck_assert_int_eq(w.unread_len, 1 + 16 + 5);
    ck_assert_msg(strstr(buf_cstr(&w.unread), "512: not read: "), "%s", buf_cstr(&w.unread));
    k = judge_there(&w, API_NOSQL, SL("SELECT * FROM c WHERE c.a = 'x' OR 1=1"));
    ck_assert(k.verdict == VERDICT_ORDINARY && k.lesson.grade == GRADE_ATTACK);
    ck_assert(judge_there(&w, API_NOSQL, known).is_plain);
    w.client.account = SL("b");
    k = judge_there(&w, API_NOSQL, SL("SELECT * FROM c WHERE c.a = 'x' OR 1=1"));
    ck_assert_int_eq(k.verdict, VERDICT_ATTACK);
    apart_look(w.reader, &st);
    ck_assert_int_eq(st.ended, 2);
    ck_assert_int_eq(st.passed_over, 1000);
    close_world(&w);
}
END_TEST

START_TEST(a_reader_that_was_spared_reads_again)
{
    struct world w;

    open_world_of(&w, reader_that_wears(1));
    judge_deadly(&w, 0);
    while (apart_is_worn(w.reader))
        continue;
    ck_assert_int_eq(judge_there(&w, API_NOSQL, SL("SELECT * FROM c WHERE c.a = 'x' OR 1=1")).verdict, VERDICT_ATTACK);
    close_world(&w);
}
END_TEST

START_TEST(a_shape_that_ended_the_reader_is_not_asked_for_again)
{
    struct buf shape = BUF_INIT(1024);
    struct error err = { 0 };
    struct apart_status st;
    struct world w;

    open_world(&w);
    for (int i = 0; i < 3; i++)
        need(statements_print_shape(w.there, API_NOSQL, SL("die"), &shape, &err), &err);
    ck_assert_uint_eq(shape.len, 0);
    apart_look(w.reader, &st);
    ck_assert_int_eq(st.ended, 2);
    (void)judge_there(&w, API_NOSQL, SL("die")); /* that it cannot be printed does not keep it from being judged */
    apart_look(w.reader, &st);
    ck_assert_int_eq(st.ended, 4);
    buf_release(&shape);
    close_world(&w);
}
END_TEST

/* ---- what is not read again --------------------------------------------------------------------------------- */

START_TEST(a_known_text_costs_the_reader_nothing)
{
    struct slice text = SL("SELECT * FROM c WHERE c.a = 'x'");
    struct apart_status st;
    struct world w;
    struct query_case k;

    open_world(&w);
    k = judge_there(&w, API_NOSQL, text);
    k.lesson.requests = 1;
    ck_assert(query_history_learn(&w.client, &k.lesson));
    w.client.slot += 10;
    apart_look(w.reader, &st);
    ck_assert_int_eq(kill(st.pid, SIGKILL), 0);
    k = judge_there(&w, API_NOSQL, text); /* by nobody */
    ck_assert(k.is_known && k.is_plain);
    apart_look(w.reader, &st);
    ck_assert_int_eq(st.ended, 0);
    k = judge_there(&w, API_NOSQL, SL("SELECT * FROM c WHERE c.a = 'y'"));
    ck_assert(k.is_known);
    apart_look(w.reader, &st);
    ck_assert_int_ge(st.ended + (st.pid > 0), 1);
    close_world(&w);
}
END_TEST

/* Every rule has a variant that can be told as a number. */
START_TEST(variants_go_over_and_come_back)
{
    unsigned n = 1;

    for (; query_variant_of(n); n++)
        ck_assert_str_eq(query_variant_of(query_variant_number(query_variant_of(n))), query_variant_of(n));
    ck_assert_uint_gt(n, 60);
    ck_assert_uint_eq(query_variant_number(NULL), 0);
    ck_assert_uint_eq(query_variant_number(".LimitRemoved"), query_variant_number(".LimitRemoved"));
    ck_assert_uint_gt(query_variant_number(".LimitRemoved"), 0);
    ck_assert_uint_eq(query_variant_number("never"), 0);
    for (unsigned i = 1; i < NOTE_COUNT; i++)
        ck_assert_ptr_nonnull(query_note_text((enum query_note)i));
}
END_TEST

int main(int argc, char **argv)
{
    static apart_service *const services[] = { NULL, NULL, [STATEMENT_SERVICE] = serve };
    TCase *c = tcase_create("statements");

    if (apart_is_asked(argc, argv))
        return apart_serve(services, ARRAY_LEN(services));
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, what_comes_out_is_what_judging_at_home_gives, 0, (int)ARRAY_LEN(dialects));
    tcase_add_test(c, searches_in_a_history_find_what_they_find_at_home);
    tcase_add_test(c, wrapped_and_long_texts_come_back);
    tcase_add_loop_test(c, a_text_that_ends_the_reader_costs_itself_alone, 0, (int)ARRAY_LEN(faults));
    tcase_add_test(c, a_text_that_ended_the_reader_is_not_read_again);
    tcase_add_test(c, of_texts_that_ended_the_reader_the_last_are_remembered);
    tcase_add_test(c, where_too_many_ended_the_reader_it_is_spared);
    tcase_add_test(c, a_reader_that_was_spared_reads_again);
    tcase_add_test(c, a_shape_that_ends_the_reader_is_empty);
    tcase_add_test(c, a_shape_that_ended_the_reader_is_not_asked_for_again);
    tcase_add_test(c, a_known_text_costs_the_reader_nothing);
    tcase_add_test(c, variants_go_over_and_come_back);
    return run_group("statements", c);
}
