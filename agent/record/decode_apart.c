/* decode_apart.c - records from the reader's process into the agent's: both ends.
 *
 * A batch is a row of events: a record, a row that could not be read, the columns of a table. A text is where it stands in
 * the body, which both sides have: nearly all are, for only what had to be unescaped or made is not; those are copied
 * behind their event. So a row costs the agent a few additions and comparisons, no allocation and no system call.
 *
 * The agent's end believes nothing: offsets, lengths, kinds, the order of rows and their number are checked, and a reader
 * that is found lying is ended. What a text says is not checked: it was hostile before.
 * SPDX-License-Identifier: Apache-2.0 */
#include "record/decode_apart.h"

#include "apart/apart.h"
#include "record/decode_inside.h"

#include <assert.h>

#define COLUMN_NAME_MAX 256
#define REASON_MAX 96
#define IS_EXPORT 1u /* bits of the work's parameter; the table stands above them */
#define ONLY_COUNT 2u
#define TABLE_SHIFT 8

static_assert(APART_PADDING >= DECODE_PADDING, "the padding that apart lays out is enough for decoding");

enum event_kind { EVENT_RECORD, EVENT_BAD, EVENT_COLUMNS };

struct event_text {
    uint32_t at, len; /* at: from where the body or the batch begins */
    uint16_t field;   /* records only; ascending */
    uint16_t is_in_body;
};

struct event {
    uint32_t size;   /* with its texts, and what they say where it is not in the body; a multiple of 8 */
    uint16_t kind, texts;
    uint64_t row;
    int32_t status;
    uint8_t table, api, unused[2];
    int64_t numbers[9];
};

struct ending {
    int32_t is_failure, code;
    int64_t records, bad, skipped;
    int32_t is_partial;
    char error_code[sizeof((struct decode_result *)0)->error_code];
    char error_text[sizeof((struct decode_result *)0)->error_text];
    char msg[sizeof((struct error *)0)->msg];
};

static_assert(sizeof(struct event) % 8 == 0 && sizeof(struct event_text) % 4 == 0, "events stand one behind the other");
static_assert(F_COUNT <= 128, "the fields of a record fit into the bits of two numbers");

static size_t round_up(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

/* ---- the reader's end ----------------------------------------------------------------------------------------------- */

struct serving {
    struct apart_inside *in;
    struct slice body;
    struct decode_result *result;
    void (*before)(struct apart_inside *in, const struct record *rec);
};

static uint64_t row_of(const struct serving *v)
{
    return (uint64_t)(v->result->records + v->result->bad + v->result->skipped);
}

static bool is_in_body(const struct serving *v, struct slice s)
{
    return s.at >= v->body.at && s.at + s.len <= v->body.at + v->body.len;
}

/* An event with these texts into the batch. False: the agent wants no more, or it is larger than a batch can be. */
static bool put(struct serving *v, struct event *e, const struct slice *texts, const uint16_t *fields, size_t n)
{
    size_t head = sizeof *e + n * sizeof(struct event_text), need = head;
    struct event_text *refs;
    char *room, *copies;

    for (size_t i = 0; i < n; i++)
        need += is_in_body(v, texts[i]) ? 0 : texts[i].len;
    need = round_up(need);
    room = apart_room(v->in, need);
    if (!room)
        return false;
    e->size = (uint32_t)need;
    e->texts = (uint16_t)n;
    memcpy(room, e, sizeof *e);
    refs = (struct event_text *)(void *)(room + sizeof *e);
    copies = room + head;
    for (size_t i = 0; i < n; i++) {
        struct slice s = texts[i];

        refs[i] = (struct event_text){ .len = (uint32_t)s.len, .field = fields ? fields[i] : 0 };
        if (is_in_body(v, s)) {
            refs[i].at = (uint32_t)(s.at - v->body.at);
            refs[i].is_in_body = 1;
            continue;
        }
        memcpy(copies, s.at, s.len);
        refs[i].at = (uint32_t)(apart_at(v->in) + (size_t)(copies - room));
        copies += s.len;
    }
    apart_wrote(v->in, need);
    return true;
}

static void serve_bad(void *self, struct slice raw, const char *reason)
{
    struct serving *v = self;
    struct event e = { .kind = EVENT_BAD, .row = row_of(v) };
    const struct slice texts[2] = { raw, slice_cut(slice_of(reason), REASON_MAX) };

    (void)put(v, &e, texts, NULL, 2); /* 4 KiB fit: it is only stopped */
}

static int serve_record(void *self, const struct record *r, struct error *err)
{
    struct serving *v = self;
    struct event e = { .kind = EVENT_RECORD, .row = row_of(v), .status = r->status, .table = (uint8_t)r->table,
                       .api = (uint8_t)r->api,
                       .numbers = { r->time_ns, r->count, r->ru_milli, r->bytes_in, r->bytes_out, r->duration_us, r->rows,
                                    r->first_ns, r->last_ns } };
    struct slice texts[F_COUNT];
    uint16_t fields[F_COUNT];
    size_t n = 0;

    if (v->before)
        v->before(v->in, r);
    for (size_t f = 0; f < F_COUNT; f++) {
        texts[n] = r->text[f];
        fields[n] = (uint16_t)f;
        n += r->text[f].len > 0;
    }
    if (put(v, &e, texts, fields, n))
        return 0;
    if (apart_is_stopped(v->in))
        return error_set(err, ERR_CANCELLED, "no more is wanted");
    return error_set(err, ERR_LIMIT, "a row with %zu KiB of texts that have to be unescaped", APART_SLOT_BYTES >> 10);
}

static int count_record(void *self, const struct record *r, struct error *err UNUSED)
{
    struct serving *v = self;

    if (v->before)
        v->before(v->in, r);
    return 0;
}

static void serve_columns(void *self, const struct slice *names, size_t n)
{
    struct serving *v = self;
    struct event e = { .kind = EVENT_COLUMNS };
    struct slice cut[SCAN_COLUMNS_MAX];

    for (size_t i = 0; i < n; i++)
        cut[i] = slice_cut(names[i], COLUMN_NAME_MAX);
    (void)put(v, &e, cut, NULL, n);
}

static void tell_end(struct serving *v, int rc, const struct error *err)
{
    const struct decode_result *r = v->result;
    struct ending end = { .is_failure = rc < 0, .code = (int32_t)err->code, .records = r->records, .bad = r->bad,
                          .skipped = r->skipped, .is_partial = r->is_partial };

    memcpy(end.error_code, r->error_code, sizeof end.error_code);
    memcpy(end.error_text, r->error_text, sizeof end.error_text);
    memcpy(end.msg, err->msg, sizeof end.msg);
    apart_end(v->in, &end, sizeof end);
}

static struct decoder *the_decoder(void)
{
    static struct decoder *d; /* the reader's one */

    if (!d)
        d = decoder_new();
    return d;
}

void decode_serve_with(struct apart_inside *in, void (*before)(struct apart_inside *in, const struct record *rec))
{
    uint64_t param = apart_param(in);
    struct decode_result result = { 0 };
    struct serving v = { .in = in, .body = apart_body(in), .result = &result, .before = before };
    bool only_counts = (param & ONLY_COUNT) != 0;
    struct decode_sink sink = { .self = &v, .on_record = only_counts ? count_record : serve_record,
                                .on_bad = only_counts ? NULL : serve_bad, .on_columns = serve_columns,
                                .row = apart_row_mark(in) };
    struct decoder *d = the_decoder();
    enum table table = (enum table)(param >> TABLE_SHIFT);
    struct error err = { 0 };
    int rc;

    sink.left_out = apart_left_out_list(in, &sink.left_out_len);
    if (!d)
        rc = error_set(&err, ERR_NOMEM, "no memory for a decoder");
    else if (param & IS_EXPORT)
        rc = decode_export(d, v.body.at, v.body.len, table, &sink, &result, &err);
    else
        rc = decode_answer(d, v.body.at, v.body.len, table, &sink, &result, &err);
    tell_end(&v, rc, &err);
}

void decode_serve(struct apart_inside *in)
{
    decode_serve_with(in, NULL);
}

/* ---- the agent's end -------------------------------------------------------------------------------------------------- */

struct asking {
    struct decoder *d;
    struct slice body;
    bool only_counts;
    uint64_t next_row;  /* rows before it have been handed on, perhaps from a reader that died since */
    size_t tables;      /* of this attempt */
    uint64_t least_row; /* of the next event of this attempt */
    struct apart_work *work;
    int64_t records, bad, left_out; /* of this attempt */
    struct record rec;
    uint64_t fields[2]; /* of rec that hold a text */
};

static void begin(void *self)
{
    struct asking *k = self;

    k->least_row = 0;
    k->tables = 0;
    k->records = k->bad = k->left_out = 0;
}

static const struct event_text *refs_of(const struct event *e)
{
    return (const struct event_text *)(const void *)(e + 1);
}

static bool find_text(const struct asking *k, struct slice batch, const struct event_text *t, struct slice *ret)
{
    struct slice home = t->is_in_body ? k->body : batch;

    if (t->at > home.len || t->len > home.len - t->at)
        return false;
    *ret = slice_make(home.at + t->at, t->len);
    return true;
}

/* What decoding takes care of, and the rest of the agent relies on. */
static bool is_number_sound(size_t i, int64_t n)
{
    return i != 1 || n >= 0; /* the count */
}

static bool make_record(struct asking *k, struct slice batch, const struct event *e)
{
    struct record *r = &k->rec;
    int64_t *const numbers[] = { &r->time_ns,   &r->count,       &r->ru_milli, &r->bytes_in, &r->bytes_out,
                                 &r->duration_us, &r->rows, &r->first_ns, &r->last_ns };
    const struct event_text *t = refs_of(e);
    int before = -1;

    if (e->table == TABLE_NONE || e->table >= TABLE_COUNT || e->api >= API_COUNT || e->status < -1 || e->texts > F_COUNT)
        return false;
    r->table = (enum table)e->table;
    r->api = (enum api)e->api;
    r->status = e->status;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (!is_number_sound(i, e->numbers[i]))
            return false;
        *numbers[i] = e->numbers[i];
    }
    for (size_t word = 0; word < ARRAY_LEN(k->fields); word++) {
        for (uint64_t left = k->fields[word]; left; left &= left - 1)
            r->text[word * 64 + (size_t)__builtin_ctzll(left)] = slice_make(NULL, 0);
        k->fields[word] = 0;
    }
    for (size_t i = 0; i < e->texts; i++, t++) {
        if (t->field >= F_COUNT || (int)t->field <= before || !find_text(k, batch, t, &r->text[t->field]))
            return false;
        before = t->field;
        k->fields[t->field / 64] |= UINT64_C(1) << t->field % 64;
    }
    return true;
}

static enum apart_verdict take_record(struct asking *k, struct slice batch, const struct event *e, struct error *err)
{
    if (!make_record(k, batch, e))
        return apart_lie(err, "a record");
    k->records++;
    if (e->row < k->next_row)
        return APART_GO_ON;
    k->next_row = e->row + 1;
    return k->d->sink->on_record(k->d->sink->self, &k->rec, err) < 0 ? APART_STOP : APART_GO_ON;
}

static enum apart_verdict take_bad(struct asking *k, struct slice batch, const struct event *e, struct error *err)
{
    const char *reason = apart_left_out(k->d->apart, e->row);
    char text[REASON_MAX + 1];
    struct slice raw, why;

    if (e->texts != 2 || !find_text(k, batch, refs_of(e), &raw) || !find_text(k, batch, refs_of(e) + 1, &why) ||
        why.len > REASON_MAX || (why.len == 0 && !reason) || raw.len > BAD_RAW_MAX)
        return apart_lie(err, "an unreadable row");
    k->bad++;
    k->left_out += reason != NULL;
    if (e->row < k->next_row)
        return APART_GO_ON;
    k->next_row = e->row + 1;
    for (size_t i = 0; i < why.len; i++)
        text[i] = why.at[i] >= 0x20 && why.at[i] < 0x7f ? why.at[i] : '?';
    text[why.len] = '\0';
    if (k->d->sink->on_bad)
        k->d->sink->on_bad(k->d->sink->self, raw, reason ? reason : text);
    return APART_GO_ON;
}

static enum apart_verdict take_columns(struct asking *k, struct slice batch, const struct event *e, struct error *err)
{
    struct slice names[SCAN_COLUMNS_MAX];

    if (e->texts > SCAN_COLUMNS_MAX || ++k->tables > k->body.len)
        return apart_lie(err, "columns");
    for (size_t i = 0; i < e->texts; i++)
        if (!find_text(k, batch, refs_of(e) + i, &names[i]))
            return apart_lie(err, "the name of a column");
    if (k->d->sink->on_columns)
        k->d->sink->on_columns(k->d->sink->self, names, e->texts);
    return APART_GO_ON;
}

static enum apart_verdict take_event(struct asking *k, struct slice batch, const struct event *e, struct error *err)
{
    enum apart_verdict v;

    if (e->kind == EVENT_COLUMNS)
        return take_columns(k, batch, e, err);
    if (e->row < k->least_row || e->row > k->body.len || k->only_counts) /* no row is shorter than a byte */
        return apart_lie(err, "the order of rows");
    if (e->kind != EVENT_RECORD && e->kind != EVENT_BAD)
        return apart_lie(err, "a kind");
    v = e->kind == EVENT_RECORD ? take_record(k, batch, e, err) : take_bad(k, batch, e, err);
    if (v != APART_LIE)
        k->least_row = e->row + 1;
    return v;
}

static enum apart_verdict take_batch(void *self, struct slice batch, struct error *err)
{
    struct asking *k = self;
    size_t at = 0;

    while (at < batch.len) {
        const struct event *e = (const struct event *)(const void *)(batch.at + at);
        enum apart_verdict v;

        if (batch.len - at < sizeof *e || e->size > batch.len - at || e->size % 8 != 0 ||
            e->size < sizeof *e + e->texts * sizeof(struct event_text))
            v = apart_lie(err, "a size");
        else
            v = take_event(k, batch, e, err);
        if (v == APART_LIE)
            k->work->lie_row = k->least_row; /* what came before it was sound */
        if (v != APART_GO_ON)
            return v;
        at += e->size;
    }
    return APART_GO_ON;
}

/* The codes that decoding fails with. */
static enum error_code code_of(int32_t code)
{
    return code == ERR_NOMEM || code == ERR_LIMIT ? (enum error_code)code : ERR_SERVER;
}

static enum apart_verdict take_end(void *self, struct slice text, struct error *err)
{
    struct asking *k = self;
    struct decode_result *r = k->d->result;
    struct ending end;

    if (text.len != sizeof end)
        return apart_lie(err, "a last word");
    memcpy(&end, text.at, sizeof end);
    if (end.records < 0 || end.bad < 0 || end.skipped < 0 || end.records > (int64_t)k->body.len ||
        end.bad > (int64_t)k->body.len || end.skipped > (int64_t)k->body.len)
        return apart_lie(err, "a number of rows");
    if (end.is_failure && end.msg[0] == '\0')
        return apart_lie(err, "a failure without a word");
    if (!k->only_counts && !end.is_failure &&
        (end.records != k->records || end.bad != k->bad || (size_t)k->left_out != apart_left_out_len(k->d->apart)))
        return apart_lie(err, "rows are missing");
    r->records = end.records;
    r->bad = end.bad;
    r->skipped = end.skipped;
    r->is_partial = end.is_partial != 0;
    apart_tame(end.error_code, sizeof end.error_code);
    apart_tame(end.error_text, sizeof end.error_text);
    memcpy(r->error_code, end.error_code, sizeof r->error_code);
    memcpy(r->error_text, end.error_text, sizeof r->error_text);
    if (!end.is_failure)
        return APART_GO_ON;
    end.msg[sizeof end.msg - 1] = '\0';
    (void)error_set(err, code_of(end.code), "%s", end.msg);
    return APART_STOP;
}

int decoder_ask_apart(struct decoder *d, struct slice s, bool is_export)
{
    struct asking k = { .d = d, .body = s, .only_counts = !d->sink->on_record };
    struct apart_work w = { .service = DECODE_SERVICE, .body = s, .body_id = &d->body_id, .self = &k, .begin = begin,
                            .batch = take_batch, .end = take_end,
                            .param = (is_export ? IS_EXPORT : 0) | (k.only_counts ? ONLY_COUNT : 0) |
                                     ((uint64_t)d->hint << TABLE_SHIFT) };

    record_clear(&k.rec);
    k.work = &w;
    return apart_do(d->apart, &w, d->err);
}
