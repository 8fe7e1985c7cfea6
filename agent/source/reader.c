/* reader.c - see reader.h.
 *
 * Each answer is decoded twice, first only to be judged: the batch's fold cannot forget, and a partial
 * answer tells so at its very end. Decoding runs at the speed of memory; the query took seconds.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/reader.h"

#include "base/fault.h"
#include "base/num.h"
#include "base/secret.h"
#include "base/timeutil.h"
#include "source/answer_apart.h"

#include <string.h>

#define QUERY_TEXT_MAX ((size_t)1 << 20)
#define WAIT_MAX_S 600 /* the service's own maximum */
#define STALLS_MAX 6   /* time-outs in a row before the reading fails */
#define FAILURES_BEFORE_HALVING 3
#define DEPTH_MAX 12
#define DEPTH_BY_FAILURES 6 /* after an outage of hours a window is no more than 64 questions */

/* A part of the window: an interval, and within one tick a range of hash values. */
struct piece {
    int64_t from_ns, to_ns;
    unsigned part_from, part_to; /* 0, 0: not cut by hash */
    unsigned depth;
};

enum verdict { COMPLETE, TOO_MUCH /* the answer says so */, STALLED /* none came */, FAILED };

struct reading {
    struct reader *r;
    struct source_batch *batch;
    int64_t bin_ns;
    int64_t wait_s;
    int stalls;
    enum kql_stream stream;
};

/* ---- one answer ------------------------------------------------------------------------------ */

/* The first of the columns that the first table of the answer should have and has not. */
struct columns {
    const char *const *needed;
    const char *missing;
    bool is_seen;
};

static bool has_column(const struct slice *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq_nocase(names[i], slice_of(name)))
            return true;
    return false;
}

static void check_columns(void *self, const struct slice *names, size_t n)
{
    struct columns *c = self;

    for (size_t i = 0; !c->is_seen && !c->missing && c->needed[i]; i++)
        if (!has_column(names, n, c->needed[i]))
            c->missing = c->needed[i];
    c->is_seen = true;
}

static void keep_bad(void *self, struct slice raw, const char *reason)
{
    struct reading *g = self;

    g->batch->records = i64_add_sat(g->batch->records, 1); /* so that a re-check counts it too */
    if (g->batch->on_bad)
        g->batch->on_bad(g->batch->bad_self, raw, reason);
}

static int keep_record(void *self, const struct record *rec, struct error *err)
{
    struct reading *g = self;
    int rc = 0;

    if (rec->time_ns == NUM_ABSENT) {
        keep_bad(self, rec->text[F_ACTIVITY_ID], "no readable TimeGenerated");
        return 0;
    }
    if (g->stream != KQL_TEXTS)
        rc = fold_add(g->batch->fold, rec, err);
    else if (!slice_empty(rec->text[F_QUERY_TEXT]))
        rc = fold_add_text(g->batch->fold, rec, err);
    g->batch->records = i64_add_sat(g->batch->records, rec->count);
    return rc;
}

static enum verdict judge(struct reading *g, const struct http_answer *a, struct error *err)
{
    const struct kql_scope *sc = &g->r->scope;
    struct columns columns = { .needed = kql_needed_columns(g->stream, sc->is_rows) };
    const struct decode_sink counting = { .self = &columns, .on_columns = check_columns };
    struct decode_result result = { 0 };
    struct slice body = buf_slice(&a->body);
    int64_t rows;
    struct error bad = { 0 };

    if (decode_answer(g->r->decoder, body.at, body.len, TABLE_NONE, &counting, &result, &bad) < 0) {
        if (bad.code == ERR_PARTIAL || bad.code == ERR_IO) {
            *err = bad;
            return bad.code == ERR_PARTIAL ? TOO_MUCH : FAILED;
        }
        secrets_hide(bad.msg, strlen(bad.msg)); /* an error under the status of a success is quoted as well */
        (void)error_set(err, bad.code == ERR_NOMEM ? ERR_NOMEM : ERR_SERVER, "the answer cannot be read: %s",
                        bad.msg);
        return FAILED;
    }
    if (result.is_partial) {
        secrets_hide(result.error_text, strlen(result.error_text));
        (void)error_set(err, ERR_PARTIAL, "the answer is partial: %s %s", result.error_code,
                        result.error_text);
        return TOO_MUCH;
    }
    rows = result.records + result.bad + result.skipped;
    if (rows >= sc->row_cap || rows >= READER_ROWS_MAX || body.len >= READER_BYTES_NEAR) {
        (void)error_set(err, ERR_PARTIAL, "the answer is as large as one may be: %lld rows, %zu bytes",
                        (long long)rows, body.len);
        return TOO_MUCH;
    }
    if (columns.missing) {
        (void)error_set(err, ERR_STATE, "column %s is gone from the answer; without it nothing can be judged",
                        columns.missing);
        return FAILED;
    }
    return COMPLETE;
}

static int take_answer(struct reading *g, struct error *err)
{
    const struct decode_sink keeping = { .self = g, .on_record = keep_record, .on_bad = keep_bad };
    struct decode_result result = { 0 };

    return decode_answer_again(g->r->decoder, &keeping, &result, err);
}

static enum verdict ask_piece(struct reading *g, const struct piece *p, struct error *err)
{
    CLEANUP(buf_release) struct buf query = BUF_INIT(QUERY_TEXT_MAX);
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    struct kql_scope sc = g->r->scope;
    enum verdict v;

    sc.from_ns = p->from_ns;
    sc.to_ns = p->to_ns;
    sc.part_from = p->part_from;
    sc.part_to = p->part_to;
    sc.bin_ns = g->bin_ns;
    if (kql_add_stream(&query, g->stream, &sc, err) < 0)
        return FAILED;
    g->batch->queries++;
    if (g->r->ask(g->r->self, buf_slice(&query), g->wait_s, &answer, err) < 0)
        return err->code == ERR_LIMIT ? STALLED : err->code == ERR_PARTIAL ? TOO_MUCH : FAILED;
    g->batch->bytes = i64_add_sat(g->batch->bytes, (int64_t)answer.body.len);
    v = judge(g, &answer, err);
    if (v == COMPLETE && take_answer(g, err) < 0)
        v = FAILED;
    return v;
}

/* ---- cutting --------------------------------------------------------------------------------------------
 */

static bool cut(const struct piece *p, struct piece halves[2])
{
    int64_t length = p->to_ns - p->from_ns;

    halves[0] = halves[1] = *p;
    halves[0].depth = halves[1].depth = p->depth + 1;
    if (length > KQL_TICK_NS) {
        int64_t middle = p->from_ns + (length / KQL_TICK_NS / 2) * KQL_TICK_NS;

        halves[0].to_ns = halves[1].from_ns = middle;
        return true;
    }
    if (p->part_to == 0)
        halves[0].part_to = halves[1].part_to = KQL_PARTS;
    if (halves[1].part_to - halves[1].part_from < 2)
        return false;
    halves[0].part_to = halves[1].part_from =
        halves[1].part_from + (halves[1].part_to - halves[1].part_from) / 2;
    return true;
}

static int read_piece(struct reading *g, const struct piece *p, struct error *err);

static int read_halves(struct reading *g, const struct piece *p, struct error *err)
{
    struct piece halves[2];

    if (!cut(p, halves))
        return -1;
    g->batch->splits++;
    if (read_piece(g, &halves[0], err) < 0 || read_piece(g, &halves[1], err) < 0)
        return -1;
    return 0;
}

/* No answer within the time. Smaller and with more patience; but not for ever: the service may simply
 * be down, and then the window is not to blame. */
static int after_stall(struct reading *g, const struct piece *p, struct error *err)
{
    struct piece halves[2];

    g->wait_s = g->wait_s * 2 < WAIT_MAX_S ? g->wait_s * 2 : WAIT_MAX_S;
    if (++g->stalls >= STALLS_MAX || !cut(p, halves)) {
        g->r->depth = p->depth < DEPTH_MAX ? p->depth : DEPTH_MAX; /* where to begin next time */
        err->code = ERR_SERVER;
        return error_wrap(err, "no answer even for a small part of the window");
    }
    return read_halves(g, p, err);
}

static int read_piece(struct reading *g, const struct piece *p, struct error *err)
{
    struct piece halves[2];

    if (p->depth < g->r->depth && p->part_to == 0 && cut(p, halves))
        return read_halves(g, p, err);
    switch (ask_piece(g, p, err)) {
    case COMPLETE:
        g->stalls = 0;
        return 0;
    case TOO_MUCH:
        FAULT_POINT("query.partial");
        g->stalls = 0;
        g->batch->partials++;
        if (cut(p, halves))
            return read_halves(g, p, err);
        err->code = ERR_LIMIT;
        return error_wrap(err, "one tick holds more than the service returns");
    case STALLED:
        return after_stall(g, p, err);
    case FAILED:
    default:
        return -1;
    }
}

static bool is_passing(enum error_code c)
{
    return c == ERR_SERVER || c == ERR_NET;
}

/* Answers that keep breaking off are smaller ones' business too. */
static void learn_from_failure(struct reader *r, int64_t from_ns, enum error_code code)
{
    if (r->failing_from_ns != from_ns) {
        r->failing_from_ns = from_ns;
        r->failures = 0;
    }
    if (is_passing(code) && ++r->failures % FAILURES_BEFORE_HALVING == 0 && r->depth < DEPTH_BY_FAILURES)
        r->depth++;
}

int reader_read(struct reader *r, const struct source_request *req, struct source_batch *batch,
                struct error *err)
{
    const struct piece whole = { .from_ns = time_floor(req->from_ns, KQL_TICK_NS),
                                 .to_ns = time_floor(req->to_ns, KQL_TICK_NS) };
    struct reading g = {
        .r = r, .batch = batch, .wait_s = r->wait_s, .bin_ns = req->is_backfill ? NS_PER_HOUR : NS_PER_MIN
    };

    if (whole.to_ns <= whole.from_ns)
        return 0;
    if (r->failing_from_ns != whole.from_ns)
        r->depth = 0;
    for (unsigned s = 0; s < KQL_STREAM_COUNT; s++) {
        g.stream = (enum kql_stream)s;
        if (!kql_has_stream(&r->scope, g.stream))
            continue;
        if (read_piece(&g, &whole, err) < 0) {
            learn_from_failure(r, whole.from_ns, err->code);
            return error_wrap(err, "%s", kql_stream_name(g.stream));
        }
    }
    r->failing_from_ns = 0;
    r->failures = 0;
    r->depth = 0;
    return 0;
}

/* ---- counting -------------------------------------------------------------------------------- */

struct counting {
    int64_t *counts;
    size_t n;
};

static int count_row(void *self, const struct answer_row *row, struct error *err)
{
    struct counting *c = self;
    int64_t at = answer_int(row, "W", -1), n = answer_int(row, "N", -1);

    if (at < 0 || (size_t)at >= c->n || n < 0)
        return error_set(err, ERR_SERVER, "a count is no count");
    c->counts[at] = i64_add_sat(c->counts[at], n);
    return 0;
}

static int ask_count(struct reader *r, const int64_t *edges, size_t n, int64_t *counts, struct error *err)
{
    CLEANUP(buf_release) struct buf query = BUF_INIT(QUERY_TEXT_MAX);
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    struct counting c = { .counts = counts, .n = n };

    for (size_t i = 0; i < n; i++)
        counts[i] = 0;
    if (kql_add_count(&query, &r->scope, edges, n, err) < 0 ||
        r->ask(r->self, buf_slice(&query), r->wait_s, &answer, err) < 0)
        return -1;
    return answer_each_row_apart(r->apart, buf_slice(&answer.body), count_row, &c, err);
}

static int count_some(struct reader *r, const int64_t *edges, size_t n, unsigned depth, int64_t *counts,
                      struct error *err)
{
    struct error first = { 0 };

    if (n <= KQL_COUNT_MAX) {
        if (ask_count(r, edges, n, counts, &first) == 0)
            return 0;
        if ((first.code != ERR_LIMIT && first.code != ERR_PARTIAL) || depth >= DEPTH_MAX) {
            *err = first;
            return -1;
        }
    }
    if (n > 1) {
        if (count_some(r, edges, n / 2, depth + 1, counts, err) < 0 ||
            count_some(r, edges + n / 2, n - n / 2, depth + 1, counts + n / 2, err) < 0)
            return -1;
        return 0;
    }
    {
        int64_t middle = time_floor(edges[0] + (edges[1] - edges[0]) / 2, KQL_TICK_NS);
        const int64_t finer[3] = { edges[0], middle, edges[1] };
        int64_t halves[2] = { 0, 0 };

        if (middle <= edges[0]) {
            *err = first;
            return -1;
        }
        if (count_some(r, finer, 1, depth + 1, &halves[0], err) < 0 ||
            count_some(r, finer + 1, 1, depth + 1, &halves[1], err) < 0)
            return -1;
        counts[0] = i64_add_sat(halves[0], halves[1]);
    }
    return 0;
}

int reader_count(struct reader *r, const int64_t *edges, size_t n, int64_t *ret_counts, struct error *err)
{
    return n == 0 ? 0 : count_some(r, edges, n, 0, ret_counts, err);
}
