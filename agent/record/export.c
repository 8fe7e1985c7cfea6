/* export.c - files of rows -> records: every form but the query answer (decode.c).
 *
 * A file is read line by line when its first line is a document of its own; otherwise as one document. A
 * document is an object or an array of objects; an object is a query answer, an envelope of records
 * {"records":[...]}, a raw record {time, category, properties:{}}, or a row with columns as names.
 * A damaged line or item goes to on_bad and the next one goes on.
 * Surprises: several documents may stand on one line without a separator (Event Hubs captures); lines of
 * an old storage blob end in a comma, because the file was one array.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "record/decode_inside.h"

static int read_object(struct decoder *d, struct slice s);

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct slice trim(struct slice s)
{
    while (s.len && is_blank(s.at[0])) {
        s.at++;
        s.len--;
    }
    while (s.len && is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

/* ---- one row object ---------------------------------------------------------------------------- */

static bool has_shape(const struct shape *sh, const struct scan_member *m, size_t n, enum table t,
                      enum column_form form)
{
    const char *at = sh->names.at;

    if (sh->n != n || sh->table != t || sh->form != form)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint32_t len;

        memcpy(&len, at, sizeof len);
        at += sizeof len;
        if (!slice_eq(m[i].key, slice_make(at, len)))
            return false;
        at += len;
    }
    return true;
}

static const struct row_plan *shape_plan(struct decoder *d, size_t n, enum table t,
                                         enum column_form form)
{
    const struct scan_member *m = d->members;
    struct shape *sh;

    for (size_t k = 0; k < SHAPES; k++) {
        sh = &d->shapes[(d->shape_last + k) % SHAPES];
        if (has_shape(sh, m, n, t, form)) {
            d->shape_last = (size_t)(sh - d->shapes);
            return &sh->plan;
        }
    }
    sh = &d->shapes[d->shape_next];
    d->shape_last = d->shape_next;
    d->shape_next = (d->shape_next + 1) % SHAPES;

    buf_clear(&sh->names);
    row_plan_begin(&sh->plan, t, form);
    for (size_t i = 0; i < n; i++) {
        uint32_t len = (uint32_t)m[i].key.len;

        buf_add(&sh->names, &len, sizeof len);
        buf_add(&sh->names, m[i].key.at, len);
        row_plan_add(&sh->plan, m[i].key, i);
    }
    row_plan_end(&sh->plan);
    sh->table = t;
    sh->form = form;
    sh->n = sh->names.failed ? SIZE_MAX : n; /* without memory: used once, never found again */
    return &sh->plan;
}

static const struct scan_member *member(const struct decoder *d, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_eq_nocase(d->members[i].key, name))
            return &d->members[i];
    }
    return NULL;
}

/* The n members read so far are a row or a raw record. */
static int read_row(struct decoder *d, size_t n, struct slice raw)
{
    const struct scan_member *type = member(d, n, SL("Type")), *inside;
    const struct scan_member *category = member(d, n, SL("category"));
    bool has_type = type && type->value.kind == SCAN_STRING;
    bool is_legacy = has_type && slice_eq_nocase(type->value.text, SL("AzureDiagnostics"));
    enum column_form form = FORM_TABLE;
    enum table t = TABLE_NONE;

    if (decoder_leaves_out(d, raw, false))
        return 0;
    if (has_type && !is_legacy) {
        t = table_from_name(type->value.text);
    } else if (category && category->value.kind == SCAN_STRING) {
        form = FORM_RAW;
        t = table_from_category(category->value.text);
    } else if (d->hint != TABLE_NONE) {
        t = d->hint;
    } else {
        decoder_bad(d, raw, "no table named");
        return 0;
    }
    if (t == TABLE_NONE) {
        d->result->skipped++;
        decoder_mark_row(d);
        return 0;
    }

    inside = t == TABLE_ACTIVITY ? NULL : member(d, n, SL("properties"));
    if (inside && inside->value.kind == SCAN_OBJECT) {
        struct slice text = inside->value.text;
        size_t more = 0;
        enum scan_result r = scan_object(d->level[LEVEL_PROPERTIES], text.at, text.len,
                                         d->members + n, LINE_MEMBERS - n, &more);

        if (r != SCAN_OK) {
            decoder_bad(d, raw, r == SCAN_MANY ? "too many properties" : "damaged properties");
            return 0;
        }
        n += more;
        form = FORM_RAW;
    }

    const struct row_plan *p = shape_plan(d, n, t, form);
    for (size_t i = 0; i < n; i++)
        d->cells[i] = d->members[i].value;
    return decoder_row(d, p, d->cells, &raw);
}

/* ---- documents --------------------------------------------------------------------------------- */

static int read_record(void *self, struct slice raw)
{
    struct decoder *d = self;
    size_t n = 0;
    enum scan_result r;

    if (decoder_leaves_out(d, raw, false))
        return 0;
    r = scan_object(d->level[LEVEL_RECORD], raw.at, raw.len, d->members, LINE_MEMBERS, &n);
    if (r == SCAN_OK)
        return read_row(d, n, raw);
    decoder_bad(d, raw, r == SCAN_OTHER ? "record is not an object"
                        : r == SCAN_MANY ? "record has too many members"
                                         : "damaged record");
    return 0;
}

static int read_item(void *self, struct slice raw)
{
    return read_object(self, raw);
}

/* What scan_* said about a document that is not row data. */
static int judge(struct decoder *d, enum scan_result r, struct slice raw)
{
    if (r == SCAN_OK)
        return 0;
    if (r == SCAN_STOPPED)
        return -1;
    if (r == SCAN_NOMEM)
        return error_set(d->err, ERR_NOMEM, "document of %zu bytes", raw.len);
    decoder_bad(d, raw, r == SCAN_OTHER ? "not an object"
                        : r == SCAN_MANY ? "too many members"
                                         : "not JSON, or cut");
    return 0;
}

/* The members of one object are in d->members: go on by what it is. */
static int read_members(struct decoder *d, size_t n, struct slice s)
{
    const struct scan_member *tables = member(d, n, SL("tables"));
    const struct scan_member *records = member(d, n, SL("records"));

    if (tables && tables->value.kind == SCAN_ARRAY)
        return decoder_answer(d, s);
    if (records && records->value.kind == SCAN_ARRAY) {
        struct slice list = records->value.text;

        return judge(d, scan_array(d->level[LEVEL_RECORDS], list.at, list.len, read_record, d), list);
    }
    return read_row(d, n, s);
}

static int read_object(struct decoder *d, struct slice s)
{
    size_t n = 0;
    enum scan_result r;

    if (decoder_leaves_out(d, s, true))
        return 0;
    r = scan_object(d->level[LEVEL_ITEM], s.at, s.len, d->members, LINE_MEMBERS, &n);
    return r == SCAN_OK ? read_members(d, n, s) : judge(d, r, s);
}

/* One document; *ret is what the sink said about its rows. */
static enum scan_result try_document(struct decoder *d, struct slice s, int *ret)
{
    size_t n = 0;
    enum scan_result r;

    *ret = 0;
    decoder_mark_row(d);
    if (decoder_leaves_out(d, s, true))
        return SCAN_OK;
    if (s.at[0] == '[')
        return scan_array(d->level[LEVEL_LIST], s.at, s.len, read_item, d);
    r = scan_object(d->level[LEVEL_ITEM], s.at, s.len, d->members, LINE_MEMBERS, &n);
    if (r == SCAN_OK)
        *ret = read_members(d, n, s);
    return r;
}

static int read_one_of_many(void *self, struct slice raw)
{
    struct decoder *d = self;
    int rc = 0;
    enum scan_result r;

    if (raw.len == 0)
        return 0;
    r = try_document(d, raw, &rc);
    return r == SCAN_OK ? rc : judge(d, r, raw);
}

/* A document that is part of the file. SCAN_OK, SCAN_STOPPED, or why nothing could be read. */
static enum scan_result read_document(struct decoder *d, struct slice s)
{
    int rc = 0;
    enum scan_result r = try_document(d, s, &rc);

    if (r == SCAN_UTF8 || r == SCAN_CONTROL) {
        if (!decoder_clean(d, s, &s))
            return SCAN_NOMEM;
        r = try_document(d, s, &rc);
    }
    if (r == SCAN_TRAILING && s.at[0] == '{')
        r = scan_many(d->level[LEVEL_MANY], s.at, s.len, read_one_of_many, d);
    return rc < 0 ? SCAN_STOPPED : r;
}

static int read_lines(struct decoder *d, struct slice rest)
{
    struct slice line;

    while (slice_split(&rest, '\n', &line)) {
        line = trim(line);
        if (line.len && line.at[line.len - 1] == ',')
            line = trim(slice_make(line.at, line.len - 1));
        if (line.len == 0 || (line.len == 1 && (line.at[0] == '[' || line.at[0] == ']')))
            continue;
        if (judge(d, read_document(d, line), line) < 0)
            return -1;
    }
    return 0;
}

/* Does it begin like {"tables": ? Then it is nothing but a query answer, whole or cut. */
static bool begins_as_answer(struct slice s)
{
    size_t i = 1;

    if (s.len == 0 || s.at[0] != '{')
        return false;
    while (i < s.len && is_blank(s.at[i]))
        i++;
    return slice_starts(slice_make(s.at + i, s.len - i), SL("\"tables\""));
}

static int nothing(void *self, struct slice raw)
{
    (void)self;
    (void)raw;
    return 0;
}

/* Is the line a document of its own, or several? */
static bool is_document(struct decoder *d, struct slice s)
{
    size_t n;
    enum scan_result r = SCAN_CUT;

    if (s.len && s.at[0] == '{')
        r = scan_object(d->level[LEVEL_ITEM], s.at, s.len, d->members, LINE_MEMBERS, &n);
    else if (s.len && s.at[0] == '[')
        r = scan_array(d->level[LEVEL_LIST], s.at, s.len, nothing, NULL);
    return r == SCAN_OK || r == SCAN_TRAILING || r == SCAN_MANY || r == SCAN_UTF8 ||
           r == SCAN_CONTROL;
}

int decode_export(struct decoder *d, const char *at, size_t len, enum table table_hint,
                  const struct decode_sink *sink, struct decode_result *ret, struct error *err)
{
    struct slice s = slice_make(at, len), first;
    const char *newline;
    enum scan_result r;

    *ret = (struct decode_result){ 0 };
    d->sink = sink;
    d->result = ret;
    d->err = err;
    d->hint = table_hint;
    d->body_id = 0;

    if (d->apart)
        return decoder_ask_apart(d, s, true);
    if (slice_starts(s, SL("\xEF\xBB\xBF")))
        s = slice_make(s.at + 3, s.len - 3);
    s = trim(s);
    if (s.len == 0)
        return 0;
    newline = memchr(s.at, '\n', s.len);
    first = trim(slice_make(s.at, newline ? (size_t)(newline - s.at) : s.len));
    if (newline && (is_document(d, first) || (s.at[0] != '{' && s.at[0] != '[')))
        return read_lines(d, s);
    if (begins_as_answer(s)) /* spares a look at its members, which would read it twice */
        return decoder_answer(d, s);

    r = read_document(d, s);
    if (r == SCAN_OK)
        return 0;
    if (r == SCAN_STOPPED || r == SCAN_NOMEM || r == SCAN_MANY || r == SCAN_OTHER)
        return judge(d, r, s);
    if (newline && ret->records + ret->bad + ret->skipped == 0)
        return read_lines(d, s); /* no document as a whole: perhaps only its first line is bad */
    return error_set(err, ERR_SERVER, "the document is cut or damaged");
}
