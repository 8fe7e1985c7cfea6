/* feed_apart.c - see feed_apart.h. The agent builds the table from entries that it has checked one by one; order, duplicates
 * and what is left of an earlier list are its own business (feed_table.c).
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/feed_apart.h"

#include "base/buf.h"
#include "enrich/service_tags_apart.h"

#include <stdlib.h>

#define NOTE_MAX 256
#define COLUMNS_MAX 4096

/* In front of the feed's bytes; the columns' names stand between. */
struct question {
    int32_t format, category, confidence, is_own;
    int64_t now_ns;
    uint64_t columns_len; /* 0: none are named */
};

struct told_entry {
    struct feed_entry entry;
    uint32_t note_len, size; /* with the note behind it, a multiple of 8 */
};

struct ending {
    int32_t is_failure, code;
    struct feed_report report;
    char msg[sizeof((struct error *)0)->msg];
};

/* ---- the reader's end ----------------------------------------------------------------------------------------------- */

static bool tell_entry(struct apart_inside *in, const struct feed_table *t, const struct feed_entry *e)
{
    const char *note = feed_table_note(t, e);
    struct told_entry told = { .entry = *e };
    char *room;

    told.note_len = note ? (uint32_t)slice_cut(slice_of(note), NOTE_MAX).len : 0;
    told.size = (uint32_t)((sizeof told + told.note_len + 7) & ~(size_t)7);
    room = apart_room(in, told.size);
    if (!room)
        return false;
    memcpy(room, &told, sizeof told);
    if (told.note_len > 0)
        memcpy(room + sizeof told, note, told.note_len);
    apart_wrote(in, told.size);
    return true;
}

void feed_tell_end(struct apart_inside *in, int rc, const struct feed_report *report, const struct error *err)
{
    struct ending end = { .is_failure = rc < 0, .code = (int32_t)err->code, .report = *report };

    memcpy(end.msg, err->msg, sizeof end.msg);
    apart_end(in, &end, sizeof end);
}

static int read_feed(struct slice body, struct feed_table **ret, struct feed_report *report, struct error *err)
{
    struct feed_options opt = FEED_OPTIONS_INIT;
    char columns[COLUMNS_MAX + 1];
    struct question q;
    size_t head;

    memcpy(&q, body.at, sizeof q); /* the agent's word */
    head = sizeof q + (size_t)q.columns_len;
    memcpy(columns, body.at + sizeof q, (size_t)q.columns_len);
    columns[q.columns_len] = '\0';
    opt.format = (enum feed_format)q.format;
    opt.category = (enum feed_category)q.category;
    opt.confidence = q.confidence;
    opt.is_own = q.is_own != 0;
    opt.columns = q.columns_len > 0 ? columns : NULL;
    return feed_parse(slice_make(body.at + head, body.len - head), &opt, q.now_ns, ret, report, err);
}

static void serve_listings(struct apart_inside *in)
{
    CLEANUP(feed_table_freep) struct feed_table *t = NULL;
    struct feed_report report = { 0 };
    struct error err = { 0 };
    int rc = read_feed(apart_body(in), &t, &report, &err);

    for (size_t i = 0; t && i < t->len && tell_entry(in, t, &t->each[i]); i++)
        continue;
    feed_tell_end(in, rc, &report, &err);
}

void feed_serve(struct apart_inside *in)
{
    if (apart_param(in) == FEED_OF_SERVICE_TAGS)
        service_tags_serve(in);
    else
        serve_listings(in);
}

/* ---- the agent's end -------------------------------------------------------------------------------------------------- */

struct asking {
    struct feed_table *table;
    struct feed_report *report;
};

enum apart_verdict feed_no_memory(struct error *err)
{
    (void)error_set(err, ERR_NOMEM, "feed");
    return APART_STOP;
}

static void begin(void *self)
{
    struct asking *k = self;

    feed_table_free(k->table);
    k->table = feed_table_new();
}

/* What feed_parse() takes care of, and enrich.c relies on. */
static bool is_sound(const struct feed_entry *e)
{
    return e->category < FEED_CATEGORY_COUNT && e->confidence <= 100 && prefix_is_sound(&e->range);
}

static enum apart_verdict take_batch(void *self, struct slice batch, struct error *err)
{
    struct asking *k = self;

    if (!k->table)
        return feed_no_memory(err);
    while (batch.len > 0) {
        struct told_entry told;
        struct slice note;

        if (batch.len < sizeof told)
            return apart_lie(err, "a size");
        memcpy(&told, batch.at, sizeof told);
        if (told.note_len > NOTE_MAX || told.size > batch.len || told.size < sizeof told + told.note_len ||
            told.size % 8 != 0)
            return apart_lie(err, "a size");
        /* A bool that is neither: its bytes were the reader's. */
        if (((const unsigned char *)&told.entry.has_own_time)[0] > 1 || !is_sound(&told.entry))
            return apart_lie(err, "a listing");
        note = slice_make(batch.at + sizeof told, told.note_len);
        if (feed_table_add(k->table, &told.entry, note, err) < 0)
            return APART_STOP;
        batch = slice_make(batch.at + told.size, batch.len - told.size);
    }
    return APART_GO_ON;
}

enum apart_verdict feed_take_end(struct slice text, struct feed_report *report, struct error *err)
{
    struct ending end;

    if (text.len != sizeof end)
        return apart_lie(err, "a last word");
    memcpy(&end, text.at, sizeof end);
    if (end.report.said > FEED_REPORT_MAX)
        return apart_lie(err, "a report");
    if (end.is_failure && end.msg[0] == '\0')
        return apart_lie(err, "a failure without a word");
    for (size_t i = 0; i < FEED_REPORT_MAX; i++)
        apart_tame(end.report.each[i].reason, sizeof end.report.each[i].reason);
    *report = end.report;
    if (!end.is_failure)
        return APART_GO_ON;
    apart_tame(end.msg, sizeof end.msg);
    (void)error_set(err, end.code == ERR_NOMEM || end.code == ERR_LIMIT ? (enum error_code)end.code : ERR_INPUT, "%s",
                    end.msg);
    return APART_STOP;
}

static enum apart_verdict take_end(void *self, struct slice text, struct error *err)
{
    struct asking *k = self;

    return k->table ? feed_take_end(text, k->report, err) : feed_no_memory(err);
}

int feed_parse_apart(struct apart *a, struct slice bytes, const struct feed_options *opt, int64_t now_ns,
                     struct feed_table **ret, struct feed_report *report, struct error *err)
{
    CLEANUP(buf_release) struct buf body = BUF_INIT(bytes.len + sizeof(struct question) + COLUMNS_MAX);
    struct slice columns = slice_of(opt->columns);
    const struct question q = { .format = (int32_t)opt->format, .category = (int32_t)opt->category,
                                .confidence = opt->confidence, .is_own = opt->is_own, .now_ns = now_ns,
                                .columns_len = columns.len };
    struct asking k = { .report = report };
    uint64_t id = 0;
    struct apart_work w = { .service = FEED_SERVICE, .param = FEED_OF_LISTINGS, .body_id = &id, .self = &k,
                            .begin = begin, .batch = take_batch, .end = take_end };

    *report = (struct feed_report){ 0 };
    if (columns.len > COLUMNS_MAX)
        return error_set(err, ERR_CONFIG, "columns: at most %d bytes", COLUMNS_MAX);
    buf_add(&body, &q, sizeof q);
    buf_add_slice(&body, columns);
    buf_add_slice(&body, bytes);
    if (buf_check(&body, err) < 0)
        return -1;
    w.body = buf_slice(&body);
    if (apart_do(a, &w, err) < 0) {
        feed_table_free(k.table);
        return -1;
    }
    k.table->is_own = opt->is_own;
    k.table->refreshed_ns = now_ns;
    feed_table_sort(k.table);
    report->entries = (int64_t)k.table->len;
    *ret = k.table;
    return 0;
}
