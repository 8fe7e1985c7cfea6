/* row.c - see row.h.
 *
 * Why a plan: an answer has thirty columns and hundreds of thousands of rows; names are looked at once.
 * Several columns of one meaning (KeyType, AuthTokenType, ...) are put behind each other in the plan,
 * best first, and the later ones only fill what is still empty.
 * Surprises: lower-casing an ARM id for every row would cost more than reading it, so the last ids and
 * names are remembered with their lower-case form. Text stays where the scanner left it; only what is
 * made here (lower case, values out of inner JSON) lives in the maker.
 * SPDX-License-Identifier: Apache-2.0 */
#include "record/row.h"

#include "base/num.h"
#include "base/timeutil.h"

#include <stdlib.h>

#define SCRATCH_MAX ((size_t)256 << 20) /* inner JSON of one row; rows are smaller than answers */
#define NAME_MAX_LEN 512
#define NAMES 64
#define INNER_MEMBERS 256

static const char nested_value[] = "a nested value where a plain one belongs";

/* A name seen before, as it came and as it is used. */
struct known_name {
    size_t len;
    size_t account_at, account_len; /* within `made`, of an ARM id */
    size_t id_len;                  /* the account's own id: `made` up to here */
    size_t rest_at;                 /* what follows the account in the id */
    char raw[NAME_MAX_LEN];
    char made[NAME_MAX_LEN];
};

struct row_maker {
    struct record rec;
    const struct row_plan *last_plan;
    unsigned last_generation;
    struct slice derived_account;
    struct arena scratch;        /* of one row */
    struct scanner *inner;       /* for JSON inside text */
    char *padded;                /* its input */
    size_t padded_cap;
    struct scan_member members[INNER_MEMBERS];
    struct known_name accounts[NAMES], resources[NAMES];
};

struct row_maker *row_maker_new(void)
{
    struct row_maker *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->scratch = ARENA_INIT(SCRATCH_MAX);
    m->inner = scanner_new();
    if (!m->inner) {
        row_maker_free(m);
        return NULL;
    }
    record_clear(&m->rec);
    return m;
}

void row_maker_free(struct row_maker *m)
{
    if (!m)
        return;
    arena_release(&m->scratch);
    scanner_free(m->inner);
    free(m->padded);
    free(m);
}

/* ---- plans ----------------------------------------------------------------------------------- */

static bool is_number(enum means means)
{
    return means == MEANS_STATUS || means == MEANS_COUNT || means == MEANS_RU ||
           means == MEANS_RU_MILLI || means == MEANS_BYTES_IN || means == MEANS_BYTES_OUT ||
           means == MEANS_DURATION_MS || means == MEANS_DURATION_US || means == MEANS_ROWS;
}

enum scan_want row_want(struct slice name)
{
    for (int t = 1; t < TABLE_COUNT; t++) {
        const struct column *c = column_find(name, (enum table)t, FORM_TABLE);

        if (!c)
            c = column_find(name, (enum table)t, FORM_RAW);
        if (c)
            return is_number(c->means) ? SCAN_WANT_NUMBER : SCAN_WANT_TEXT;
    }
    return SCAN_WANT_NOTHING;
}

/* What a step writes to: steps of one target stand together. */
static unsigned target_of(const struct row_step *s)
{
    switch (s->means) {
    case MEANS_RU_MILLI:
        return MEANS_RU;
    case MEANS_DURATION_US:
        return MEANS_DURATION_MS;
    case MEANS_TEXT:
    case MEANS_JSON:
    case MEANS_ADDRESS:
    case MEANS_ACCOUNT:
    case MEANS_API_KIND:
        return 100u + s->field;
    default:
        return s->means;
    }
}

void row_plan_begin(struct row_plan *p, enum table t, enum column_form form)
{
    p->table = t;
    p->form = form;
    p->is_lazy = p->sets_account = false;
    p->len = 0;
    p->generation++;
}

static const struct column *find_column(struct slice name, enum table t, enum column_form form)
{
    const struct column *c = column_find(name, t, form);

    /* Our own queries over the legacy table may carry its names. */
    if (!c && form == FORM_TABLE)
        c = column_find(name, t, FORM_RAW);
    return c;
}

void row_plan_add(struct row_plan *p, struct slice name, size_t cell)
{
    const struct column *c = find_column(name, p->table, p->form);
    struct row_step step;
    size_t at;

    if (!c || p->len == ARRAY_LEN(p->steps))
        return;
    step = (struct row_step){ .cell = (uint16_t)cell, .means = (uint8_t)c->means,
                              .field = (uint8_t)c->field, .rank = c->rank };
    for (at = p->len; at > 0; at--) { /* a column that comes twice: the later one wins */
        const struct row_step *before = &p->steps[at - 1];

        if (target_of(before) < target_of(&step) ||
            (target_of(before) == target_of(&step) && before->rank < step.rank))
            break;
    }
    memmove(&p->steps[at + 1], &p->steps[at], (p->len - at) * sizeof p->steps[0]);
    p->steps[at] = step;
    p->len++;
}

/* Move the steps that only copy a text to the front, keeping the order of both kinds: a first step may
 * overtake anything but a later one of its own target. */
static void plain_first(struct row_plan *p)
{
    p->plain_len = 0;
    for (size_t i = 0; i < p->len; i++) {
        struct row_step s = p->steps[i];

        if (!s.is_first || (s.means != MEANS_TEXT && s.means != MEANS_JSON))
            continue;
        memmove(&p->steps[p->plain_len + 1], &p->steps[p->plain_len],
                (i - p->plain_len) * sizeof p->steps[0]);
        p->steps[p->plain_len++] = s;
    }
}

void row_plan_end(struct row_plan *p)
{
    for (size_t i = 0; i < p->len; i++) {
        struct row_step *s = &p->steps[i];

        s->is_first = i == 0 || target_of(&p->steps[i - 1]) != target_of(s);
        if (s->means == MEANS_ACCOUNT)
            p->sets_account = true;
        if (s->means == MEANS_CLAIMS || s->means == MEANS_AUTHORIZATION ||
            s->means == MEANS_HTTP_REQUEST || s->means == MEANS_MORE)
            p->is_lazy = true;
    }
    plain_first(p);
}

/* ---- cells to values -------------------------------------------------------------------------- */

static bool cell_whole(const struct scan_cell *c, int64_t *ret)
{
    double real;

    if (c->kind == SCAN_INT) {
        *ret = c->whole;
        return true;
    }
    if (c->kind == SCAN_STRING && parse_i64(c->text, INT64_MIN + 1, INT64_MAX, ret))
        return true;
    if (c->kind == SCAN_REAL)
        real = c->real;
    else if (c->kind != SCAN_STRING || !parse_real(c->text, &real))
        return false;
    if (!(real > -9.2e18 && real < 9.2e18))
        return false;
    *ret = (int64_t)(real < 0 ? real - 0.5 : real + 0.5);
    return true;
}

/* A real in thousandths, rounded half up; absent when unreadable or negative. */
static int64_t cell_milli(const struct scan_cell *c)
{
    double real;
    int64_t whole, milli;

    if (c->kind == SCAN_REAL) {
        real = c->real;
    } else if (c->kind == SCAN_INT ||
               (c->kind == SCAN_STRING && parse_i64(c->text, INT64_MIN + 1, INT64_MAX, &whole))) {
        if (c->kind == SCAN_INT)
            whole = c->whole;
        return whole >= 0 && i64_mul(whole, 1000, &milli) ? milli : NUM_ABSENT;
    } else if (c->kind != SCAN_STRING || !parse_real(c->text, &real)) {
        return NUM_ABSENT;
    }
    real = real * 1000 + 0.5;
    return real >= 0 && real < 9.2e18 ? (int64_t)real : NUM_ABSENT;
}

static int64_t cell_amount(const struct scan_cell *c)
{
    int64_t n;

    return cell_whole(c, &n) && n >= 0 ? n : NUM_ABSENT;
}

static int64_t cell_time(const struct scan_cell *c)
{
    int64_t ns;

    return c->kind == SCAN_STRING && time_parse_iso(c->text, &ns) ? ns : NUM_ABSENT;
}

/* 192.0.2.1:443 -> 192.0.2.1; [2001:db8::1]:443 and [2001:db8::1] -> 2001:db8::1. */
static struct slice cut_port(struct slice s)
{
    const char *colon, *end = s.at + s.len;

    if (s.len == 0)
        return s;
    if (s.at[0] == '[') {
        const char *close = memchr(s.at, ']', s.len);

        return close ? slice_make(s.at + 1, (size_t)(close - s.at - 1)) : s;
    }
    colon = memchr(s.at, ':', s.len);
    if (!colon || !memchr(s.at, '.', (size_t)(colon - s.at)))
        return s;
    for (const char *p = colon + 1; p < end; p++) {
        if (*p < '0' || *p > '9')
            return s;
    }
    return slice_make(s.at, (size_t)(colon - s.at));
}

/* ---- names in lower case ---------------------------------------------------------------------- */

static size_t lower_into(char *to, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        to[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    return s.len;
}

static uint64_t load8(const char *at)
{
    uint64_t v;

    memcpy(&v, at, sizeof v);
    return v;
}

/* Where a name is looked for first: a place to look, not a hash; equality is checked. */
static size_t place_of(struct slice s)
{
    uint64_t v = s.len;

    if (s.len >= 8)
        v += load8(s.at) * 3 + load8(s.at + s.len - 8) * 5 + load8(s.at + (s.len - 8) / 2) * 7;
    else
        for (size_t i = 0; i < s.len; i++)
            v = v * 31 + (unsigned char)s.at[i];
    return (size_t)((v * UINT64_C(0x9e3779b97f4a7c15)) >> 58) % NAMES;
}

/* Where the account, or the cluster, stands in a lower-case ARM id: what is inside it is no account of its own. */
static void split_id(struct known_name *k)
{
    static const char *const marks[] = { "/databaseaccounts/", "/mongoclusters/", "/cassandraclusters/" };
    struct slice id = slice_make(k->made, k->len);
    size_t at = SIZE_MAX, end;

    k->account_at = k->account_len = 0;
    k->id_len = k->rest_at = k->len;
    for (size_t i = 0; i < ARRAY_LEN(marks) && at == SIZE_MAX; i++) {
        at = slice_find(id, slice_of(marks[i]));
        if (at != SIZE_MAX)
            at += strlen(marks[i]);
    }
    if (at == SIZE_MAX)
        return;
    for (end = at; end < k->len && k->made[end] != '/'; end++)
        ;
    k->account_at = at;
    k->account_len = end - at;
    k->id_len = end;
    k->rest_at = end < k->len ? end + 1 : end;
}

static const struct known_name *name_known(struct known_name *names, struct slice s, bool is_id)
{
    struct known_name *k = &names[place_of(s)];

    if (LIKELY(k->len == s.len && memcmp(k->raw, s.at, s.len) == 0))
        return k;
    k->len = s.len;
    memcpy(k->raw, s.at, s.len);
    lower_into(k->made, s);
    if (is_id)
        split_id(k);
    return k;
}

static bool set_account(struct row_maker *m, struct slice s)
{
    struct slice made;

    if (LIKELY(s.len <= NAME_MAX_LEN)) {
        made = s.len ? slice_make(name_known(m->accounts, s, false)->made, s.len) : s;
    } else {
        char *at = arena_alloc(&m->scratch, s.len);

        if (!at)
            return false;
        made = slice_make(at, lower_into(at, s));
    }
    m->rec.text[F_ACCOUNT] = made;
    return true;
}

/* An ARM id of at most 512 bytes is taken apart; a longer one is no id. */
static void set_resource(struct row_maker *m, struct slice s)
{
    const struct known_name *k;
    struct slice id;

    m->rec.text[F_RESOURCE_ID] = slice_make(NULL, 0);
    if (m->rec.table == TABLE_ACTIVITY) /* has no such column of its own */
        m->rec.text[F_RESOURCE_URI] = slice_make(NULL, 0);
    if (s.len == 0 || s.len > NAME_MAX_LEN)
        return;
    k = name_known(m->resources, s, true);
    id = slice_make(k->made, k->id_len);
    m->rec.text[F_RESOURCE_ID] = id;
    if (k->account_len) {
        m->derived_account = slice_make(k->made + k->account_at, k->account_len);
    } else if (m->rec.table != TABLE_ACTIVITY ||
               (slice_find(id, SL("/microsoft.documentdb/")) != SIZE_MAX &&
                slice_find(id, SL("/microsoft.documentdb/locations/")) == SIZE_MAX)) { /* of a region: no account's */
        size_t at = id.len;

        while (at > 0 && id.at[at - 1] != '/')
            at--;
        m->derived_account = slice_make(id.at + at, id.len - at);
    }
    if (m->rec.table == TABLE_ACTIVITY && k->rest_at < k->len)
        m->rec.text[F_RESOURCE_URI] = slice_make(k->made + k->rest_at, k->len - k->rest_at);
}

/* ---- JSON inside text ------------------------------------------------------------------------- */

/* The members of a JSON object inside text; 0 when it is none. They live until the next call. */
static size_t inner_members(struct row_maker *m, struct slice text)
{
    size_t n = 0, need;

    if (text.len < 2 || text.len > SIZE_MAX / 2)
        return 0;
    need = text.len + SCAN_PADDING;
    if (need > m->padded_cap) {
        char *more = realloc(m->padded, need * 2);

        if (!more)
            return 0;
        m->padded = more;
        m->padded_cap = need * 2;
    }
    memmove(m->padded, text.at, text.len);
    memset(m->padded + text.len, 0, SCAN_PADDING);
    return scan_object(m->inner, m->padded, text.len, m->members, INNER_MEMBERS, &n) == SCAN_OK ? n
                                                                                                : 0;
}

static void keep_if_empty(struct row_maker *m, enum field f, const struct scan_cell *c)
{
    struct slice kept;

    if (m->rec.text[f].len || !c->text.len || c->kind == SCAN_ARRAY)
        return;
    if (arena_copy(&m->scratch, c->text, &kept))
        m->rec.text[f] = kept;
}

/* Claims of the caller's token, under their short names or the URIs of the older format. */
static void take_claims(struct row_maker *m, struct slice text)
{
    static const struct {
        const char *name;
        enum field field;
    } claims[] = {
        { .name = "appid", .field = F_APP_ID },
        { .name = "oid", .field = F_OBJECT_ID },
        { .name = "http://schemas.microsoft.com/identity/claims/objectidentifier",
          .field = F_OBJECT_ID },
        { .name = "name", .field = F_CALLER_NAME },
        { .name = "tid", .field = F_TENANT_ID },
        { .name = "http://schemas.microsoft.com/identity/claims/tenantid", .field = F_TENANT_ID },
    };
    size_t n = inner_members(m, text);

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < ARRAY_LEN(claims); k++) {
            if (slice_eq_nocase(m->members[i].key, slice_of(claims[k].name)))
                keep_if_empty(m, claims[k].field, &m->members[i].value);
        }
    }
}

static void take_authorization(struct row_maker *m, struct slice text)
{
    size_t n = inner_members(m, text);

    for (size_t i = 0; i < n; i++) {
        if (!slice_eq_nocase(m->members[i].key, SL("evidence")))
            continue;
        n = inner_members(m, m->members[i].value.text); /* an object, or text of one */
        for (i = 0; i < n; i++) {
            if (slice_eq_nocase(m->members[i].key, SL("role")))
                keep_if_empty(m, F_ROLE, &m->members[i].value);
            else if (slice_eq_nocase(m->members[i].key, SL("principalType")))
                keep_if_empty(m, F_PRINCIPAL_TYPE, &m->members[i].value);
        }
        return;
    }
}

static void take_http_request(struct row_maker *m, struct slice text)
{
    size_t n = inner_members(m, text);

    for (size_t i = 0; i < n; i++) {
        if (slice_eq_nocase(m->members[i].key, SL("clientRequestId")))
            keep_if_empty(m, F_CLIENT_REQUEST_ID, &m->members[i].value);
    }
}

/* ---- one step --------------------------------------------------------------------------------- */

static void set_api_kind(struct record *r, struct slice kind)
{
    static const struct {
        const char *name;
        enum api api;
    } kinds[] = {
        { .name = "Sql", .api = API_NOSQL },         { .name = "MongoDB", .api = API_MONGODB },
        { .name = "Cassandra", .api = API_CASSANDRA }, { .name = "Gremlin", .api = API_GREMLIN },
        { .name = "Table", .api = API_TABLE },
    };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (slice_eq_nocase(kind, slice_of(kinds[i].name)))
            r->api = kinds[i].api;
    }
}

/* NULL, or why the row is damaged. */
static const char *apply_other(struct row_maker *m, const struct row_step *s,
                               const struct scan_cell *c)
{
    struct record *r = &m->rec;
    const bool only_if_absent = !s->is_first;
    int64_t n;

    if (c->kind == SCAN_ARRAY || c->kind == SCAN_OBJECT) {
        switch (s->means) {
        case MEANS_CLAIMS:
        case MEANS_AUTHORIZATION:
        case MEANS_HTTP_REQUEST:
        case MEANS_MORE:
            break;
        default:
            return nested_value;
        }
    }
    switch ((enum means)s->means) {
    case MEANS_TIME:
        if (!only_if_absent || r->time_ns == NUM_ABSENT)
            r->time_ns = cell_time(c);
        return NULL;
    case MEANS_FIRST:
        r->first_ns = cell_time(c);
        return NULL;
    case MEANS_LAST:
        r->last_ns = cell_time(c);
        return NULL;
    case MEANS_STATUS:
        if ((!only_if_absent || r->status < 0) && cell_whole(c, &n) && n > 0 && n <= 999)
            r->status = (int32_t)n;
        return NULL;
    case MEANS_COUNT:
        if (only_if_absent && r->count != 1)
            return NULL;
        if (!cell_whole(c, &n))
            return NULL;
        if (n < 0)
            return "a negative row count";
        r->count = n;
        return NULL;
    case MEANS_RU:
        if (!only_if_absent || r->ru_milli == NUM_ABSENT)
            r->ru_milli = cell_milli(c);
        return NULL;
    case MEANS_RU_MILLI:
        r->ru_milli = cell_amount(c);
        return NULL;
    case MEANS_BYTES_IN:
        if (!only_if_absent || r->bytes_in == NUM_ABSENT)
            r->bytes_in = cell_amount(c);
        return NULL;
    case MEANS_BYTES_OUT:
        if (!only_if_absent || r->bytes_out == NUM_ABSENT)
            r->bytes_out = cell_amount(c);
        return NULL;
    case MEANS_DURATION_MS:
        if (!only_if_absent || r->duration_us == NUM_ABSENT)
            r->duration_us = cell_milli(c);
        return NULL;
    case MEANS_DURATION_US:
        r->duration_us = cell_amount(c);
        return NULL;
    case MEANS_ROWS:
        if (!only_if_absent || r->rows == NUM_ABSENT)
            r->rows = cell_amount(c);
        return NULL;
    case MEANS_ACCOUNT:
        if (only_if_absent && r->text[F_ACCOUNT].len)
            return NULL;
        /* The legacy `Resource` is worth less than an ARM id. */
        if (s->rank > 1 && m->derived_account.len)
            return NULL;
        return set_account(m, c->text) ? NULL : "an account name beyond measure";
    case MEANS_RESOURCE:
        if (!only_if_absent || !r->text[F_RESOURCE_ID].len)
            set_resource(m, c->text);
        return NULL;
    case MEANS_ADDRESS:
        if (!only_if_absent || !r->text[F_ADDRESS].len)
            r->text[F_ADDRESS] = cut_port(c->text);
        return NULL;
    case MEANS_API_KIND:
        r->text[F_API_KIND] = c->text;
        set_api_kind(r, c->text);
        return NULL;
    case MEANS_CLAIMS:
        take_claims(m, c->text);
        return NULL;
    case MEANS_AUTHORIZATION:
        take_authorization(m, c->text);
        return NULL;
    case MEANS_HTTP_REQUEST:
        take_http_request(m, c->text);
        return NULL;
    case MEANS_TEXT:
    case MEANS_JSON:
    case MEANS_MORE:
        return NULL;
    }
    return NULL;
}

static inline const char *apply(struct row_maker *m, const struct row_step *s,
                                const struct scan_cell *c)
{
    if (LIKELY(s->means == MEANS_TEXT || s->means == MEANS_JSON)) {
        struct slice *to = &m->rec.text[s->field];

        if (!s->is_first && to->len)
            return NULL;
        /* An object in a text column is kept as it stands: some exports nest what Azure writes as
         * text. A list is only believed where lists can be. */
        if (UNLIKELY(c->kind == SCAN_ARRAY && s->means == MEANS_TEXT))
            return nested_value;
        *to = c->text;
        return NULL;
    }
    return apply_other(m, s, c);
}

/* AdditionalFields of the legacy table: what did not fit into its 500 columns. Fills only gaps. */
static const char *take_more(struct row_maker *m, const struct row_plan *p, struct slice text)
{
    size_t n = inner_members(m, text);

    for (size_t i = 0; i < n; i++) {
        const struct column *c = column_find(m->members[i].key, p->table, FORM_RAW);
        struct scan_cell cell = m->members[i].value;
        struct row_step step;
        const char *reason;

        /* No JSON inside JSON inside text: members would be overwritten under our feet. */
        if (!c || cell.kind == SCAN_NULL || c->means == MEANS_MORE || c->means == MEANS_CLAIMS ||
            c->means == MEANS_AUTHORIZATION || c->means == MEANS_HTTP_REQUEST)
            continue;
        if (!arena_copy(&m->scratch, cell.text, &cell.text))
            return "a row beyond measure";
        step = (struct row_step){ .means = (uint8_t)c->means, .field = (uint8_t)c->field,
                                  .rank = c->rank };
        reason = apply(m, &step, &cell);
        if (reason)
            return reason;
    }
    return NULL;
}

static bool is_native(enum table t)
{
    return t == TABLE_MONGO || t == TABLE_CASSANDRA || t == TABLE_GREMLIN || t == TABLE_TABLE_API;
}

const struct record *row_make(struct row_maker *m, const struct row_plan *p,
                              const struct scan_cell *cells, const char **ret_reason)
{
    struct record *r = &m->rec;
    const struct scan_cell *more = NULL;
    const char *reason = NULL;

    if (UNLIKELY(m->last_plan != p || p->is_lazy || p->generation != m->last_generation)) {
        record_clear(r);
        m->last_plan = p;
        m->last_generation = p->generation;
        arena_reset(&m->scratch);
    } else {
        /* The same plan writes the same text again; the rest starts afresh. */
        r->time_ns = r->first_ns = r->last_ns = NUM_ABSENT;
        r->ru_milli = r->bytes_in = r->bytes_out = r->duration_us = r->rows = NUM_ABSENT;
        r->status = -1;
        r->count = 1;
        if (m->scratch.used)
            arena_reset(&m->scratch);
        if (!p->sets_account)
            r->text[F_ACCOUNT] = slice_make(NULL, 0);
    }
    r->table = p->table;
    r->api = api_of_table(p->table);
    m->derived_account = slice_make(NULL, 0);

    for (const struct row_step *s = p->steps, *end = s + p->plain_len; s < end; s++) {
        const struct scan_cell *c = &cells[s->cell];

        if (UNLIKELY(c->kind == SCAN_ARRAY && s->means == MEANS_TEXT)) {
            reason = nested_value;
            goto damaged;
        }
        r->text[s->field] = c->text;
    }
    for (const struct row_step *s = p->steps + p->plain_len, *end = p->steps + p->len; s < end; s++) {
        const struct scan_cell *c = &cells[s->cell];

        if (UNLIKELY(s->means == MEANS_MORE))
            more = c;
        else
            reason = apply(m, s, c);
        if (UNLIKELY(reason))
            goto damaged;
    }
    if (UNLIKELY(more)) {
        reason = take_more(m, p, more->text);
        if (reason)
            goto damaged;
    }
    if (!r->text[F_ACCOUNT].len)
        r->text[F_ACCOUNT] = m->derived_account;
    if (r->status < 0 && is_native(p->table))
        r->status = status_from_error_code(p->table, r->text[F_ERROR_CODE]);
    if (r->first_ns == NUM_ABSENT)
        r->first_ns = r->time_ns;
    if (r->last_ns == NUM_ABSENT)
        r->last_ns = r->time_ns;
    return r;

damaged:
    m->last_plan = NULL; /* half filled */
    *ret_reason = reason;
    return NULL;
}
