/* decode.c - query-API answers -> records; see decode.h. Files of rows are in export.c.
 *
 * Columns are looked up once per table of an answer; a row is then a walk over the plan (row.c).
 * Surprises: simdjson judges a document as a whole, so one invalid byte would cost every row: such a
 * document is cleaned and read again (nothing was delivered before). A cut answer, on the other hand, may
 * have delivered rows before its end was missed: the caller drops what it took from a failed call.
 * Source: Log Analytics query API, response format and errors (read 2026-08).
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/utf8.h"
#include "apart/inside.h"
#include "record/decode_inside.h"

#include <stdlib.h>

#define CLEAN_MAX ((size_t)4 << 30)
#define ERROR_DEPTH 16

struct decoder *decoder_new(void)
{
    struct decoder *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->clean = BUF_INIT(CLEAN_MAX);
    for (size_t i = 0; i < SHAPES; i++)
        d->shapes[i].names = BUF_INIT(CLEAN_MAX);
    d->answer = scanner_new();
    d->maker = row_maker_new();
    if (!d->answer || !d->maker)
        goto failed;
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        d->level[i] = scanner_new();
        if (!d->level[i])
            goto failed;
    }
    return d;

failed:
    decoder_free(d);
    return NULL;
}

struct decoder *decoder_new_apart(struct apart *a)
{
    struct decoder *d = calloc(1, sizeof *d);

    if (d)
        d->apart = a;
    return d;
}

void decoder_free(struct decoder *d)
{
    if (!d)
        return;
    scanner_free(d->answer);
    for (size_t i = 0; i < LEVEL_COUNT; i++)
        scanner_free(d->level[i]);
    row_maker_free(d->maker);
    buf_release(&d->clean);
    for (size_t i = 0; i < SHAPES; i++)
        buf_release(&d->shapes[i].names);
    free(d->names_text);
    free(d);
}

/* ---- shared with export.c --------------------------------------------------------------------- */

static void skip_row(struct decoder *d)
{
    d->result->skipped++;
    decoder_mark_row(d);
}

void decoder_bad(struct decoder *d, struct slice raw, const char *reason)
{
    if (d->sink->on_bad)
        d->sink->on_bad(d->sink->self, slice_cut(raw, BAD_RAW_MAX), reason);
    d->result->bad++;
    decoder_mark_row(d);
}

bool decoder_is_left_out(const struct decoder *d, bool is_whole)
{
    for (size_t i = 0; i < d->sink->left_out_len; i++)
        if (d->sink->left_out[i].row == decoder_rows_done(d))
            return !is_whole || d->sink->left_out[i].whole;
    return false;
}

bool decoder_leaves_out(struct decoder *d, struct slice raw, bool is_whole)
{
    if (LIKELY(d->sink->left_out_len == 0) || !decoder_is_left_out(d, is_whole))
        return false;
    decoder_bad(d, raw, "left out");
    return true;
}

int decoder_row(struct decoder *d, const struct row_plan *p, const struct scan_cell *cells,
                const struct slice *raw)
{
    const char *reason = "";
    const struct record *rec = row_make(d->maker, p, cells, &reason);

    if (UNLIKELY(!rec)) {
        decoder_bad(d, raw ? *raw : scan_row_text(d->answer), reason);
        return 0;
    }
    if (d->sink->on_record && d->sink->on_record(d->sink->self, rec, d->err) < 0)
        return -1;
    d->result->records++;
    decoder_mark_row(d);
    return 0;
}

bool decoder_clean(struct decoder *d, struct slice s, struct slice *ret)
{
    static const char padding[DECODE_PADDING];
    size_t plain = 0; /* start of bytes not copied yet */

    buf_clear(&d->clean);
    for (size_t i = 0; i < s.len;) {
        uint32_t c;
        size_t n = utf8_next(s, i, &c);
        bool is_space = c == '\t' || c == '\n' || c == '\r';

        if (c == UTF8_BAD || c < 0x20) {
            buf_add(&d->clean, s.at + plain, i - plain);
            buf_add_str(&d->clean, is_space ? " " : "\xEF\xBF\xBD");
            plain = i + n;
        }
        i += n;
    }
    buf_add(&d->clean, s.at + plain, s.len - plain);
    buf_add(&d->clean, padding, sizeof padding);
    if (d->clean.failed)
        return false;
    *ret = slice_make(d->clean.at, d->clean.len - sizeof padding);
    return true;
}

/* ---- the rows of an answer -------------------------------------------------------------------- */

static int on_columns(void *self, const struct slice *names, size_t n, uint8_t *ret_wants)
{
    struct decoder *d = self;
    size_t need = 0, used = 0;

    if (d->sink->on_columns)
        d->sink->on_columns(d->sink->self, names, n);
    decoder_mark_row(d);
    for (size_t i = 0; i < n; i++)
        need += names[i].len;
    if (need > d->names_cap || !d->names_text) {
        char *more = realloc(d->names_text, need + 1);

        if (!more)
            return error_set(d->err, ERR_NOMEM, "column names");
        d->names_text = more;
        d->names_cap = need;
    }
    d->names_n = n;
    d->type_at = d->category_at = SIZE_MAX;
    d->type_last_len = SIZE_MAX;
    memset(d->has_plan, 0, sizeof d->has_plan);
    for (size_t i = 0; i < n; i++) {
        if (names[i].len)
            memcpy(d->names_text + used, names[i].at, names[i].len);
        d->names[i] = slice_make(d->names_text + used, names[i].len);
        used += names[i].len;
        ret_wants[i] = (uint8_t)row_want(d->names[i]);
        if (slice_eq_nocase(d->names[i], SL("Type"))) {
            d->type_at = i;
            ret_wants[i] = SCAN_WANT_TEXT;
        } else if (slice_eq_nocase(d->names[i], SL("Category"))) {
            d->category_at = i;
        }
    }
    return 0;
}

static const struct row_plan *plan_for(struct decoder *d, enum table t, enum column_form form)
{
    struct row_plan *p = &d->plans[t][form];

    if (LIKELY(d->has_plan[t][form]))
        return p;
    row_plan_begin(p, t, form);
    for (size_t i = 0; i < d->names_n; i++)
        row_plan_add(p, d->names[i], i);
    row_plan_end(p);
    d->has_plan[t][form] = true;
    return p;
}

/* AzureDiagnostics rows say what they are in Category. */
static bool is_legacy(struct slice type)
{
    return slice_eq_nocase(type, SL("AzureDiagnostics"));
}

static enum table table_of_type(struct decoder *d, struct slice type)
{
    if (LIKELY(type.len == d->type_last_len && memcmp(type.at, d->type_last, type.len) == 0))
        return d->type_last_table;

    enum table t = table_from_name(type);
    if (type.len <= sizeof d->type_last) {
        memcpy(d->type_last, type.at, type.len);
        d->type_last_len = type.len;
        d->type_last_table = t;
    }
    return t;
}

static int on_row(void *self, const struct scan_cell *cells)
{
    struct decoder *d = self;
    enum table t = d->hint;
    enum column_form form = FORM_TABLE;

    if (d->type_at != SIZE_MAX && cells[d->type_at].kind == SCAN_STRING) {
        t = table_of_type(d, cells[d->type_at].text);
        if (UNLIKELY(t == TABLE_NONE)) {
            if (is_legacy(cells[d->type_at].text) && d->category_at != SIZE_MAX) {
                form = FORM_RAW;
                t = table_from_category(cells[d->category_at].text);
            }
            if (t == TABLE_NONE) {
                skip_row(d);
                return 0;
            }
        }
    }
    if (UNLIKELY(t == TABLE_NONE && d->category_at != SIZE_MAX &&
                 cells[d->category_at].kind == SCAN_STRING)) {
        form = FORM_RAW;
        t = table_from_category(cells[d->category_at].text);
        if (t == TABLE_NONE) {
            skip_row(d);
            return 0;
        }
    }
    if (UNLIKELY(t == TABLE_NONE)) {
        decoder_bad(d, scan_row_text(d->answer), "no table named");
        return 0;
    }
    return decoder_row(d, plan_for(d, t, form), cells, NULL);
}

static void on_bad(void *self, struct slice raw, const char *reason)
{
    decoder_bad(self, raw, reason);
}

static bool is_left_out(void *self)
{
    return decoder_is_left_out(self, false);
}

/* ---- `error` beside tables -------------------------------------------------------------------- */

static void keep_text(char *to, size_t size, struct slice s)
{
    s = slice_cut(s, size - 1);
    for (size_t i = 0; i < s.len; i++)
        to[i] = (unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7f ? '?' : s.at[i];
    to[s.len] = '\0';
}

static int first_item(void *self, struct slice raw)
{
    *(struct slice *)self = raw;
    return 1;
}

/* The innermost code is the useful one; innererror and details nest to any depth. */
static void on_error(void *self, struct slice raw)
{
    static const struct slice known[] = { SL("E_QUERY_RESULT_SET_TOO_LARGE"),
                                          SL("E_RUNAWAY_QUERY"), SL("E_QUERY_TIMEOUT") };
    struct decoder *d = self;
    struct decode_result *r = d->result;
    struct slice at = raw;

    r->is_partial = true;
    keep_text(r->error_code, sizeof r->error_code, SL("error"));
    for (int depth = 0; at.len && depth < ERROR_DEPTH; depth++) {
        struct scan_member *m = d->members;
        struct slice inner = { 0 }, details = { 0 };
        size_t n = 0;

        if (scan_object(d->level[LEVEL_RECORD], at.at, at.len, m, LINE_MEMBERS, &n) != SCAN_OK)
            break;
        for (size_t i = 0; i < n; i++) {
            struct slice text = m[i].value.text;

            if (slice_eq_nocase(m[i].key, SL("code")) && text.len)
                keep_text(r->error_code, sizeof r->error_code, text);
            else if (slice_eq_nocase(m[i].key, SL("message")) && text.len)
                keep_text(r->error_text, sizeof r->error_text, text);
            else if (slice_eq_nocase(m[i].key, SL("innererror")) && m[i].value.kind == SCAN_OBJECT)
                inner = text;
            else if (slice_eq_nocase(m[i].key, SL("details")) && m[i].value.kind == SCAN_ARRAY)
                details = text;
        }
        at = inner;
        if (!at.len && details.len)
            (void)scan_array(d->level[LEVEL_PROPERTIES], details.at, details.len, first_item, &at);
    }
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (slice_find(raw, known[i]) != SIZE_MAX) {
            keep_text(r->error_code, sizeof r->error_code, known[i]);
            break;
        }
    }
}

/* ---- entry ------------------------------------------------------------------------------------ */

int decoder_answer(struct decoder *d, struct slice s)
{
    const struct scan_answer_ops ops = {
        .on_columns = on_columns, .on_row = on_row, .on_bad = on_bad, .on_error = on_error,
        .is_left_out = d->sink->left_out_len > 0 ? is_left_out : NULL,
    };
    size_t tables = 0;
    enum scan_result r = scan_answer(d->answer, s.at, s.len, &ops, d, &tables);

    if (r == SCAN_UTF8 || r == SCAN_CONTROL) {
        if (!decoder_clean(d, s, &s))
            return error_set(d->err, ERR_NOMEM, "cleaning an answer of %zu bytes", s.len);
        r = scan_answer(d->answer, s.at, s.len, &ops, d, &tables);
    }
    switch (r) {
    case SCAN_OK:
        break;
    case SCAN_STOPPED:
        return -1; /* whoever stopped it said why */
    case SCAN_NOMEM:
        return error_set(d->err, ERR_NOMEM, "answer of %zu bytes", s.len);
    case SCAN_MANY:
        return error_set(d->err, ERR_LIMIT, "answer with more than %d columns", SCAN_COLUMNS_MAX);
    case SCAN_OTHER:
        return error_set(d->err, ERR_SERVER, "answer is JSON, but not a query answer");
    case SCAN_CUT:
    case SCAN_UTF8:
    case SCAN_CONTROL:
    case SCAN_TRAILING:
        return error_set(d->err, ERR_SERVER, "answer is cut or damaged");
    }
    if (tables == 0 && d->result->is_partial)
        return error_set(d->err, ERR_SERVER, "answer is an error: %s: %s", d->result->error_code,
                         d->result->error_text);
    if (tables == 0)
        return error_set(d->err, ERR_SERVER, "answer has no tables");
    return 0;
}

int decode_answer(struct decoder *d, const char *at, size_t len, enum table table,
                  const struct decode_sink *sink, struct decode_result *ret, struct error *err)
{
    *ret = (struct decode_result){ 0 };
    d->sink = sink;
    d->result = ret;
    d->err = err;
    d->hint = d->last_hint = table;
    d->last = slice_make(at, len);
    d->body_id = 0;
    return d->apart ? decoder_ask_apart(d, d->last, false) : decoder_answer(d, d->last);
}

int decode_answer_again(struct decoder *d, const struct decode_sink *sink, struct decode_result *ret, struct error *err)
{
    *ret = (struct decode_result){ 0 };
    d->sink = sink;
    d->result = ret;
    d->err = err;
    d->hint = d->last_hint;
    return d->apart ? decoder_ask_apart(d, d->last, false) : decoder_answer(d, d->last);
}
