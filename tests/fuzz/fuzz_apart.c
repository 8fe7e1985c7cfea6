/* fuzz_apart - any bytes as what a reader that was taken over answers: batches of records, of listings, of service tags and of
 * the rows of small answers, judgements of statements, questions about them, and last words. The programs here are linked so
 * that apart_do() is the one below: no process is started.
 * SPDX-License-Identifier: Apache-2.0 */
#include "apart/apart.h"
#include "detectors/kit/statements_apart.h"
#include "enrich/feed_apart.h"
#include "enrich/feeds.h"
#include "enrich/service_tags_apart.h"
#include "source/answer_apart.h"
#include "tests/fuzz/fuzz_record.h"
#include "tests/fuzz/query.h"

#define BODY "{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[],\"rows\":[]}]} 203.0.113.7 198.51.100.0/24"

static struct slice answer; /* of the reader: a sequence of length (2 bytes), bytes; the last is its last word */
static struct apart *nobody;

/* In memory of its own, as apart.c gives it, so that a sanitizer sees a byte too far. */
static enum apart_verdict hand_over(enum apart_verdict (*to)(void *self, struct slice batch, struct error *err),
                                    struct apart_work *w, struct slice bytes, struct error *err)
{
    char *copy = fuzz_padded(bytes, 0);
    enum apart_verdict v = to(w->self, slice_make(copy, bytes.len), err);

    free(copy);
    return v;
}

/* Its first bit says whether a part is a question, where one may be asked. */
static bool is_question(const struct apart_work *w, struct slice part)
{
    return w->answer && part.len > 0 && (part.at[0] & 1);
}

static enum apart_verdict ask(struct apart_work *w, struct slice part, struct error *err)
{
    char *copy = fuzz_padded(slice_make(part.at + 1, part.len - 1), 0);
    uint64_t unused;
    enum apart_verdict v = w->answer(w->self, slice_make(copy, part.len - 1), &unused, err);

    free(copy);
    return v;
}

int __wrap_apart_do(struct apart *a, struct apart_work *w, struct error *err);
int __wrap_apart_do(struct apart *a UNUSED, struct apart_work *w, struct error *err)
{
    struct slice rest = answer;
    enum apart_verdict v = APART_GO_ON;

    if (w->begin)
        w->begin(w->self);
    while (v == APART_GO_ON && rest.len >= 2) {
        size_t len = (unsigned char)rest.at[0] | (size_t)(unsigned char)rest.at[1] << 8;
        struct slice part;

        rest = slice_make(rest.at + 2, rest.len - 2);
        part = slice_make(rest.at, len < rest.len ? len : rest.len);
        rest = slice_make(rest.at + part.len, rest.len - part.len);
        v = is_question(w, part) ? ask(w, part, err) : hand_over(rest.len >= 2 ? w->batch : w->end, w, part, err);
        PROMISE(v == APART_GO_ON || err->msg[0]);
        if (v == APART_GO_ON && rest.len < 2)
            return 0;
    }
    return v == APART_STOP ? -1 : error_set(err, ERR_PARTIAL, "it lied");
}

static void read_records(bool is_export)
{
    struct seen_rows seen = { .fold = fold_new((size_t)64 << 20) };
    struct decode_sink sink = { .self = &seen, .on_record = fuzz_on_record, .on_bad = fuzz_on_bad };
    struct decoder *d = decoder_new_apart(nobody);
    struct decode_result result = { 0 };
    char *at = fuzz_padded(SL(BODY), DECODE_PADDING);
    struct error err = { 0 };
    int rc;

    PROMISE(d && seen.fold);
    rc = is_export ? decode_export(d, at, sizeof BODY - 1, TABLE_DATA_PLANE, &sink, &result, &err)
                   : decode_answer(d, at, sizeof BODY - 1, TABLE_DATA_PLANE, &sink, &result, &err);
    fuzz_done_or_told(rc, &err);
    PROMISE(rc < 0 || (result.records == seen.records && result.bad == seen.bad));
    free(at);
    fold_free(seen.fold);
    decoder_free(d);
}

static void read_listings(void)
{
    struct feed_options opt = FEED_OPTIONS_INIT;
    struct feed_report report = { 0 };
    struct feed_table *table = NULL;
    struct error err = { 0 };

    if (feed_parse_apart(nobody, SL(BODY), &opt, 0, &table, &report, &err) == 0) {
        for (size_t i = 0; i < table->len; i++) {
            const char *note = feed_table_note(table, &table->each[i]);

            PROMISE(table->each[i].range.bits <= 128 && table->each[i].confidence <= 100);
            fuzz_touch(slice_of(note ? note : ""));
        }
        feed_table_free(table);
    } else {
        PROMISE(err.msg[0]);
    }
}

static void read_tags(void)
{
    struct feed_report report = { 0 };
    struct network_table *table = NULL;
    struct error err = { 0 };
    int rc = service_tags_parse_apart(nobody, SL(BODY), &table, &report, &err);

    fuzz_done_or_told(rc, &err);
    PROMISE(rc == 0 ? network_table_len(table) > 0 : !table);
    for (size_t i = 0; table && i < network_table_len(table); i++) {
        const struct network *n = network_table_at(table, i);

        PROMISE(prefix_is_sound(&network_table_ranges(table)[i]));
        PROMISE(n->name[0] && service_tag_text_is_sound(slice_of(n->name)));
        PROMISE(service_tag_text_is_sound(slice_of(n->region)));
        PROMISE(n->is_azure && !n->is_trusted && !n->is_microsoft && !n->org[0]);
    }
    network_table_free(table);
}

static void read_judgement(void)
{
    static struct baseline *memory;
    struct query_client client = { .account = SL("a"), .hash = 1, .slot = 100, .len = 1, .label = SL("l") };
    const struct statement_text text = { .api = API_NOSQL, .at = SL(BODY), .id = { 1, 2 } };
    struct statement_room room;
    struct buf shape = BUF_INIT(2048);
    struct query_case k;
    struct error err = { 0 };

    if (!memory)
        memory = fuzz_query_memory();
    client.baseline = memory;
    statement_room_init(&room);
    if (statement_judge_apart(nobody, &client, &text, RUN_OK, &room, &k, &err) == 0) {
        fuzz_query_case(&k);
        fuzz_touch(k.statement);
        fuzz_touch(k.inserted);
        for (size_t i = 0; i < k.findings_len; i++) {
            fuzz_touch(k.findings[i].text);
            PROMISE(query_finding_name(k.findings[i].rule) && query_finding_sentence(k.findings[i].rule));
        }
        PROMISE(k.lesson.words_len <= QUERY_FIELDS_MAX && k.note < NOTE_COUNT);
    } else {
        PROMISE(err.msg[0]);
    }
    if (statement_print_apart(nobody, &text, &room, &shape, &err) == 0)
        fuzz_touch(buf_slice(&shape));
    buf_release(&shape);
    statement_room_release(&room);
}

static int look_at_row(void *self UNUSED, const struct answer_row *r, struct error *err UNUSED)
{
    PROMISE(r->len <= ANSWER_COLUMNS_MAX);
    for (size_t i = 0; i < r->len; i++) {
        fuzz_touch(r->columns[i]);
        fuzz_touch(r->cells[i].text);
        PROMISE(r->cells[i].kind < ANSWER_KINDS && r->cells[i].text.len <= ANSWER_TEXT_MAX);
    }
    (void)answer_int(r, "N", -1);
    return 0;
}

static void read_answer(void)
{
    struct error err = { 0 };

    fuzz_done_or_told(answer_each_row_apart(nobody, SL(BODY), look_at_row, NULL, &err), &err);
}

FUZZ_TARGET(apart)
{
    struct error err = { 0 };
    unsigned what;

    if (!nobody)
        PROMISE(apart_new(&(struct apart_config){ .stall_ms = 0 }, &nobody, &err) == 0);
    answer = slice_make((const char *)data, size);
    what = fuzz_choose(&answer, 6);
    if (what == 5)
        read_answer();
    else if (what == 3)
        read_tags();
    else if (what == 4)
        read_judgement();
    else if (what == 2)
        read_listings();
    else
        read_records(what == 1);
    return 0;
}
