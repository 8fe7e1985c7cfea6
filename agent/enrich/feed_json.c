/* feed_json.c - STIX 2.1 indicators and the workspace's ThreatIntelIndicators rows.
 *
 * An indicator counts when its pattern says that an address *alone* is the sign: comparisons of an address
 * joined by OR. A pattern that asks for more (AND, FOLLOWEDBY, a negation) is skipped: an address taken
 * out of it would accuse everybody behind that address.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "enrich/feeds.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdlib.h>

struct json_parse {
    const struct feed_options *opt;
    int64_t now_ns;
    struct feed_table *table;
    struct feed_report *report;
};

static struct slice json_text(struct json_object *o)
{
    if (!o || !json_object_is_type(o, json_type_string))
        return (struct slice){ 0 };
    return slice_make(json_object_get_string(o), (size_t)json_object_get_string_len(o));
}

static struct json_object *member(struct json_object *o, const char *name)
{
    struct json_object *found = NULL;

    if (o && json_object_is_type(o, json_type_object))
        (void)json_object_object_get_ex(o, name, &found); /* absent: NULL, which is our answer too */
    return found;
}

static bool json_true(struct json_object *o)
{
    return json_object_is_type(o, json_type_boolean) ? json_object_get_boolean(o)
                                                     : slice_eq_nocase(json_text(o), SL("true"));
}

static bool json_false(struct json_object *o)
{
    return json_object_is_type(o, json_type_boolean) ? !json_object_get_boolean(o)
                                                     : slice_eq_nocase(json_text(o), SL("false"));
}

static void read_time(struct json_object *o, int64_t *ret, bool *ret_said)
{
    if (time_parse_iso(json_text(o), ret) && ret_said)
        *ret_said = true;
}

static void read_confidence(struct json_object *o, struct feed_entry *e)
{
    if (json_object_is_type(o, json_type_int) || json_object_is_type(o, json_type_double)) {
        double value = json_object_get_double(o);

        if (value >= 0 && value <= 100)
            e->confidence = (uint8_t)value;
    }
}

/* Each text of an array (or the one text) to the category it means; "benign" clears *is_bad. */
static void read_labels(struct json_object *o, struct feed_entry *e, bool *is_bad)
{
    size_t n = json_object_is_type(o, json_type_array) ? json_object_array_length(o) : 1;
    enum feed_category best = FEED_CATEGORY_COUNT;

    for (size_t i = 0; i < n; i++) {
        struct slice text = json_text(json_object_is_type(o, json_type_array)
                                          ? json_object_array_get_idx(o, i)
                                          : o);
        enum feed_category category;

        if (slice_eq_nocase(text, SL("benign")))
            *is_bad = false;
        if (feed_category_guess(text, &category) && category != FEED_MALICIOUS && category < best)
            best = category;
    }
    if (best != FEED_CATEGORY_COUNT)
        e->category = (uint8_t)best;
}

/* ---- patterns ---------------------------------------------------------------------------------- */

static bool is_address_path(struct slice path)
{
    static const char *const paths[] = { "ipv4-addr:value", "ipv6-addr:value",
                                         "network-traffic:src_ref.value",
                                         "network-traffic:dst_ref.value" };

    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (slice_eq(path, slice_of(paths[i])))
            return true;
    }
    return false;
}

static bool asks_for_more(struct slice pattern)
{
    static const char *const words[] = { " AND ", "FOLLOWEDBY", "!=", "NOT ", "MATCHES", "LIKE",
                                         "REPEATS", "ISSUPERSET" };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (slice_find(pattern, slice_of(words[i])) != SIZE_MAX)
            return true;
    }
    return false;
}

/* Cut the next `path = 'value'` off. False at the end. */
static bool next_comparison(struct slice *rest, struct slice *ret_path, struct slice *ret_value)
{
    struct slice head, value;
    size_t begin;

    if (!slice_split(rest, '\'', &head) || !slice_split(rest, '\'', &value))
        return false;
    head = slice_trim(head);
    /* head: "[ipv4-addr:value =", "OR ipv4-addr:value ISSUBSET", "('203...' , " of an IN list */
    for (begin = 0; begin < head.len; begin++) {
        if (strchr("[]( ", head.at[begin]))
            continue;
        if (head.len - begin > 3 && memcmp(head.at + begin, "OR ", 3) == 0) {
            begin += 2;
            continue;
        }
        break;
    }
    *ret_path = slice_make(head.at + begin, head.len - begin);
    for (size_t i = 0; i < ret_path->len; i++) {
        if (strchr(" =", ret_path->at[i])) {
            ret_path->len = i;
            break;
        }
    }
    *ret_value = value;
    return true;
}

/* Add one entry for each address of the pattern. *ret_added: how many. */
static int add_pattern(struct json_parse *p, struct slice pattern, struct feed_entry *e, struct slice note,
                       int64_t number, size_t *ret_added, struct error *err)
{
    struct slice path, value;

    *ret_added = 0;
    if (asks_for_more(pattern))
        return 0;
    while (next_comparison(&pattern, &path, &value)) {
        if (!is_address_path(path))
            continue;
        if (!prefix_parse(value, &e->range)) {
            feed_report_bad(p->report, number, "'%.*s' is not an address", SLF(slice_cut(value, 60)));
            continue;
        }
        if (feed_table_add(p->table, e, note, err) < 0)
            return -1;
        ++*ret_added;
    }
    return 0;
}

static struct feed_entry entry_start(const struct json_parse *p)
{
    return (struct feed_entry){ .category = (uint8_t)p->opt->category,
                                .confidence = (uint8_t)p->opt->confidence,
                                .from_ns = INT64_MIN,
                                .until_ns = INT64_MAX,
                                .seen_ns = p->now_ns };
}

/* An indicator vouches for itself when it was made or changed; that a bundle still holds it after two
 * years says nothing new. */
static void read_seen(struct feed_entry *e, struct json_object *modified)
{
    if (time_parse_iso(json_text(modified), &e->seen_ns))
        return;
    if (e->has_own_time)
        e->seen_ns = e->from_ns;
}

/* ---- STIX -------------------------------------------------------------------------------------- */

static int add_indicator(struct json_parse *p, struct json_object *o, int64_t number, struct error *err)
{
    struct feed_entry e = entry_start(p);
    struct slice note = json_text(member(o, "name"));
    bool is_bad = !json_true(member(o, "revoked"));
    size_t added = 0, bad = (size_t)p->report->bad;

    read_time(member(o, "valid_from"), &e.from_ns, &e.has_own_time);
    read_time(member(o, "valid_until"), &e.until_ns, NULL);
    read_seen(&e, member(o, "modified"));
    read_confidence(member(o, "confidence"), &e);
    read_labels(member(o, "labels"), &e, &is_bad);
    read_labels(member(o, "indicator_types"), &e, &is_bad);
    if (slice_empty(note))
        note = json_text(member(o, "description"));
    if (is_bad && add_pattern(p, json_text(member(o, "pattern")), &e, note, number, &added, err) < 0)
        return -1;
    if (!added && (size_t)p->report->bad == bad)
        p->report->skipped++;
    return 0;
}

static int add_objects(struct json_parse *p, struct json_object *objects, struct error *err)
{
    size_t n = json_object_array_length(objects);

    for (size_t i = 0; i < n; i++) {
        struct json_object *o = json_object_array_get_idx(objects, i);

        p->report->lines++;
        if (slice_eq(json_text(member(o, "type")), SL("indicator")) &&
            add_indicator(p, o, (int64_t)i + 1, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- ThreatIntelIndicators --------------------------------------------------------------------- */

struct ti_row { /* borrowed from the JSON tree */
    struct slice id;
    int64_t time_ns;
    int64_t number;
    struct json_object *row;    /* of columns, or the array of cells */
    struct json_object *columns;/* of a query answer; NULL: `row` is an object */
};

struct ti_rows {
    struct ti_row *each;
    size_t len, cap;
};

static struct json_object *cell(const struct ti_row *r, const char *name)
{
    size_t n;

    if (!r->columns)
        return member(r->row, name);
    n = json_object_array_length(r->columns);
    for (size_t i = 0; i < n; i++) {
        if (slice_eq(json_text(member(json_object_array_get_idx(r->columns, i), "name")), slice_of(name)))
            return json_object_is_type(r->row, json_type_array) ? json_object_array_get_idx(r->row, i)
                                                                : NULL;
    }
    return NULL;
}

static int rows_add(struct ti_rows *rows, struct json_object *row, struct json_object *columns,
                    struct error *err)
{
    struct ti_row r = { .row = row, .columns = columns, .number = (int64_t)rows->len + 1 };

    if (rows->len == rows->cap) {
        size_t cap = rows->cap ? 2 * rows->cap : 64;
        struct ti_row *each = realloc(rows->each, cap * sizeof(*each));

        if (!each)
            return error_set(err, ERR_NOMEM, "indicators");
        rows->each = each;
        rows->cap = cap;
    }
    r.id = json_text(cell(&r, "Id"));
    if (!time_parse_iso(json_text(cell(&r, "TimeGenerated")), &r.time_ns))
        r.time_ns = INT64_MIN;
    rows->each[rows->len++] = r;
    return 0;
}

static int row_cmp(const void *a, const void *b)
{
    const struct ti_row *x = a, *y = b;
    int order = slice_cmp(x->id, y->id);

    if (order)
        return order;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* The columns that the pattern's own object has, as text or as JSON (dynamic). */
static void read_data(struct json_object *data, struct feed_entry *e, struct slice *note, bool *is_bad)
{
    read_labels(member(data, "labels"), e, is_bad);
    read_labels(member(data, "indicator_types"), e, is_bad);
    if (slice_empty(*note))
        *note = json_text(member(data, "name"));
    if (slice_empty(*note))
        *note = json_text(member(data, "description"));
}

static int add_row(struct json_parse *p, const struct ti_row *r, struct error *err)
{
    struct feed_entry e = entry_start(p);
    struct json_object *data = cell(r, "Data"), *parsed = NULL;
    struct slice note = json_text(cell(r, "Description")), value = json_text(cell(r, "ObservableValue"));
    bool is_bad = !json_false(cell(r, "IsActive")) && !json_true(cell(r, "IsDeleted")) &&
                  !json_true(cell(r, "Revoked"));
    size_t added = 0;
    int result = 0;

    read_time(cell(r, "ValidFrom"), &e.from_ns, &e.has_own_time);
    read_time(cell(r, "ValidUntil"), &e.until_ns, NULL);
    read_seen(&e, cell(r, "Modified"));
    read_confidence(cell(r, "Confidence"), &e);
    read_labels(cell(r, "Tags"), &e, &is_bad);
    if (json_object_is_type(data, json_type_string))
        data = parsed = json_tokener_parse(json_object_get_string(data));
    read_data(data, &e, &note, &is_bad);
    if (slice_empty(note))
        note = json_text(cell(r, "Source"));

    if (is_bad && is_address_path(json_text(cell(r, "ObservableKey"))) && !slice_empty(value)) {
        if (prefix_parse(value, &e.range)) {
            added = 1;
            result = feed_table_add(p->table, &e, note, err);
        } else {
            feed_report_bad(p->report, r->number, "'%.*s' is not an address", SLF(slice_cut(value, 60)));
            added = 1;
        }
    } else if (is_bad && slice_empty(value)) {
        result = add_pattern(p, json_text(cell(r, "Pattern")), &e, note, r->number, &added, err);
    }
    if (!added)
        p->report->skipped++;
    (void)json_object_put(parsed); /* the count of references left; NULL is fine */
    return result;
}

/* Every indicator is published again each week, and again when it changes: the newest row of an Id speaks. */
static int add_rows(struct json_parse *p, struct ti_rows *rows, struct error *err)
{
    if (rows->len > 1)
        qsort(rows->each, rows->len, sizeof(*rows->each), row_cmp);
    for (size_t i = 0; i < rows->len; i++) {
        bool is_newest = i + 1 == rows->len || slice_empty(rows->each[i].id) ||
                         !slice_eq(rows->each[i].id, rows->each[i + 1].id);

        p->report->lines++;
        if (is_newest && add_row(p, &rows->each[i], err) < 0)
            return -1;
    }
    return 0;
}

static int collect_tables(struct json_object *tables, struct ti_rows *rows, struct error *err)
{
    for (size_t t = 0; t < json_object_array_length(tables); t++) {
        struct json_object *table = json_object_array_get_idx(tables, t);
        struct json_object *columns = member(table, "columns"), *list = member(table, "rows");

        if (!json_object_is_type(columns, json_type_array) || !json_object_is_type(list, json_type_array))
            return error_set(err, ERR_INPUT, "a table of the answer has no columns or no rows");
        for (size_t i = 0; i < json_object_array_length(list); i++) {
            if (rows_add(rows, json_object_array_get_idx(list, i), columns, err) < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- documents --------------------------------------------------------------------------------- */

static bool is_array(struct json_object *o)
{
    return o && json_object_is_type(o, json_type_array);
}

/* One JSON value of the bytes: STIX is added at once, rows are collected. */
static int take_document(struct json_parse *p, struct json_object *doc, struct ti_rows *rows,
                         struct error *err)
{
    if (is_array(member(doc, "objects")))
        return add_objects(p, member(doc, "objects"), err);
    if (is_array(member(doc, "tables")))
        return collect_tables(member(doc, "tables"), rows, err);
    if (is_array(doc)) {
        struct json_object *first = json_object_array_length(doc) ? json_object_array_get_idx(doc, 0) : NULL;

        if (member(first, "pattern_type") || member(first, "spec_version"))
            return add_objects(p, doc, err);
        for (size_t i = 0; i < json_object_array_length(doc); i++) {
            if (rows_add(rows, json_object_array_get_idx(doc, i), NULL, err) < 0)
                return -1;
        }
        return 0;
    }
    if (slice_eq(json_text(member(doc, "type")), SL("indicator"))) {
        p->report->lines++;
        return add_indicator(p, doc, p->report->lines, err);
    }
    if (slice_eq(json_text(member(doc, "type")), SL("bundle")))
        return 0; /* a bundle without objects is allowed, and empty */
    if (member(doc, "ObservableValue") || member(doc, "Pattern"))
        return rows_add(rows, doc, NULL, err);
    return error_set(err, ERR_INPUT, "neither a STIX bundle nor ThreatIntelIndicators rows");
}

struct documents { /* the trees that rows borrow from */
    struct json_object **each;
    size_t len, cap;
};

static int documents_add(struct documents *d, struct json_object *doc, struct error *err)
{
    if (d->len == d->cap) {
        size_t cap = d->cap ? 2 * d->cap : 16;
        struct json_object **each = realloc(d->each, cap * sizeof(struct json_object *));

        if (!each)
            return error_set(err, ERR_NOMEM, "indicators");
        d->each = each;
        d->cap = cap;
    }
    d->each[d->len++] = doc;
    return 0;
}

static int read_documents(struct json_parse *p, struct json_tokener *tok, struct slice bytes,
                          struct documents *docs, struct ti_rows *rows, struct error *err)
{
    for (bytes = slice_trim(bytes); !slice_empty(bytes); bytes = slice_trim(bytes)) {
        struct json_object *doc;
        size_t used;

        json_tokener_reset(tok);
        doc = json_tokener_parse_ex(tok, bytes.at, (int)bytes.len);
        if (json_tokener_get_error(tok) != json_tokener_success)
            return error_set(err, ERR_INPUT, "not JSON: %s",
                             json_tokener_error_desc(json_tokener_get_error(tok)));
        if (documents_add(docs, doc, err) < 0) {
            (void)json_object_put(doc);
            return -1;
        }
        if (take_document(p, doc, rows, err) < 0)
            return -1;
        used = json_tokener_get_parse_end(tok);
        bytes = slice_make(bytes.at + used, bytes.len - used);
    }
    return 0;
}

int feed_parse_json(struct slice bytes, const struct feed_options *opt, int64_t now_ns,
                    struct feed_table *t, struct feed_report *report, struct error *err)
{
    struct json_parse p = { .opt = opt, .now_ns = now_ns, .table = t, .report = report };
    struct json_tokener *tok;
    struct documents docs = { 0 };
    struct ti_rows rows = { 0 };
    int result;

    if (bytes.len >= INT_MAX)
        return error_set(err, ERR_LIMIT, "%zu bytes of JSON", bytes.len);
    tok = json_tokener_new_ex(32);
    if (!tok)
        return error_set(err, ERR_NOMEM, "JSON");
    result = read_documents(&p, tok, bytes, &docs, &rows, err);
    if (result == 0)
        result = add_rows(&p, &rows, err);
    for (size_t i = 0; i < docs.len; i++)
        (void)json_object_put(docs.each[i]); /* the count of references left */
    free(docs.each);
    free(rows.each);
    json_tokener_free(tok);
    return result;
}
