/* join.c - see join.h.
 * Request rows are kept until the end, since the text may be in the last file: so they are kept small.
 * Texts of a row that repeat (account, database, agent ...) are stored once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/join.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/num.h"
#include "source/kql.h"

#include <stdlib.h>

#define MAP_ENTRY_BYTES 128 /* what a map needs for an entry, about */

struct waiting { /* a request row of a query operation */
    struct slice activity;
    const struct slice *text[F_QUERY_TEXT];
    uint64_t hash; /* of account and activity: brings rows of one activity together */
    int64_t time_ns, first_ns, last_ns, count, ru_milli, bytes_in, bytes_out, duration_us;
    int32_t status;
    enum api api;
};

struct known_text { /* of one activity */
    struct slice activity, text;
    const struct slice *field[F_QUERY_TEXT];
    int64_t time_ns, rows;
    enum api api;
    bool is_joined;
};

struct join {
    size_t max_bytes, map_bytes;
    struct arena strings;
    struct map *once;  /* text -> struct slice */
    struct map *texts; /* account NUL activity -> struct known_text * */
    struct waiting *waiting;
    size_t len, cap;
    char *key; /* scratch */
    size_t key_cap;
};

struct join *join_new(size_t max_bytes)
{
    struct join *j = calloc(1, sizeof *j);

    if (!j)
        return NULL;
    j->max_bytes = max_bytes;
    j->strings = ARENA_INIT(0);
    j->once = map_new(sizeof(struct slice));
    j->texts = map_new(sizeof(struct known_text *));
    if (!j->once || !j->texts) {
        join_free(j);
        return NULL;
    }
    return j;
}

void join_free(struct join *j)
{
    if (!j)
        return;
    arena_release(&j->strings);
    map_free(j->once);
    map_free(j->texts);
    free(j->waiting);
    free(j->key);
    free(j);
}

static int claim(struct join *j, size_t more, struct error *err)
{
    size_t used = j->strings.used + j->map_bytes + j->cap * sizeof *j->waiting;

    if (used > j->max_bytes || more > j->max_bytes - used)
        return error_set(
            err, ERR_LIMIT,
            "more query rows than %zu bytes hold; replay fewer files at a time, or allow more memory",
            j->max_bytes);
    return 0;
}

static int no_memory(struct error *err)
{
    return error_set(err, ERR_NOMEM, "no memory for joining query texts");
}

static int copy(struct join *j, struct slice s, struct slice *ret, struct error *err)
{
    if (claim(j, s.len + 32, err) < 0)
        return -1;
    return arena_copy(&j->strings, s, ret) ? 0 : no_memory(err);
}

/* The one copy of a text that many rows share. */
static int share(struct join *j, struct slice s, const struct slice **ret, struct error *err)
{
    struct slice *kept = map_get(j->once, s), made;
    bool is_new = false;

    if (!kept) {
        if (claim(j, s.len + MAP_ENTRY_BYTES, err) < 0 || copy(j, s, &made, err) < 0)
            return -1;
        kept = map_put(j->once, s, &is_new);
        if (!kept)
            return no_memory(err);
        j->map_bytes += s.len + MAP_ENTRY_BYTES;
        *kept = made;
    }
    *ret = kept;
    return 0;
}

static int share_fields(struct join *j, const struct record *rec, const struct slice **ret, struct error *err)
{
    for (size_t i = 0; i < F_QUERY_TEXT; i++) {
        ret[i] = NULL;
        if (!slice_empty(rec->text[i]) && share(j, rec->text[i], &ret[i], err) < 0)
            return -1;
    }
    return 0;
}

/* account NUL activity; valid until the next call. */
static int make_key(struct join *j, struct slice account, struct slice activity, struct slice *ret,
                    struct error *err)
{
    size_t need = account.len + 1 + activity.len;

    if (need > j->key_cap) {
        char *grown = realloc(j->key, need * 2);

        if (!grown)
            return no_memory(err);
        j->key = grown;
        j->key_cap = need * 2;
    }
    if (account.len)
        memcpy(j->key, account.at, account.len);
    j->key[account.len] = '\0';
    if (activity.len)
        memcpy(j->key + account.len + 1, activity.at, activity.len);
    *ret = slice_make(j->key, need);
    return 0;
}

static int add_text(struct join *j, const struct record *rec, struct error *err)
{
    struct slice key;
    struct known_text **at, *t;
    bool is_new = false;

    if (make_key(j, rec->text[F_ACCOUNT], rec->text[F_ACTIVITY_ID], &key, err) < 0 ||
        claim(j, key.len + MAP_ENTRY_BYTES, err) < 0)
        return -1;
    at = map_put(j->texts, key, &is_new);
    if (!at)
        return no_memory(err);
    if (is_new) {
        j->map_bytes += key.len + MAP_ENTRY_BYTES;
        *at = arena_alloc(&j->strings, sizeof **at);
        if (!*at) {
            (void)map_del(j->texts, key);
            return no_memory(err);
        }
        (*at)->time_ns = rec->time_ns;
        (*at)->rows = NUM_ABSENT;
        (*at)->api = rec->api;
        if (share_fields(j, rec, (*at)->field, err) < 0 ||
            copy(j, rec->text[F_ACTIVITY_ID], &(*at)->activity, err) < 0)
            return -1;
    }
    t = *at;
    if (rec->time_ns < t->time_ns)
        t->time_ns = rec->time_ns;
    if (rec->rows != NUM_ABSENT)
        t->rows = i64_add_sat(t->rows == NUM_ABSENT ? 0 : t->rows, rec->rows);
    if (slice_empty(t->text) || slice_cmp(rec->text[F_QUERY_TEXT], t->text) < 0)
        return copy(j, rec->text[F_QUERY_TEXT], &t->text, err);
    return 0;
}

static int grow(struct join *j, struct error *err)
{
    size_t cap = j->cap ? j->cap * 2 : 1024;
    struct waiting *grown;

    if (claim(j, (cap - j->cap) * sizeof *grown, err) < 0)
        return -1;
    grown = realloc(j->waiting, cap * sizeof *grown);
    if (!grown)
        return no_memory(err);
    j->waiting = grown;
    j->cap = cap;
    return 0;
}

static int add_waiting(struct join *j, const struct record *rec, struct error *err)
{
    struct waiting w = {
        .time_ns = rec->time_ns,
        .first_ns = rec->first_ns,
        .last_ns = rec->last_ns,
        .count = rec->count,
        .ru_milli = rec->ru_milli,
        .bytes_in = rec->bytes_in,
        .bytes_out = rec->bytes_out,
        .duration_us = rec->duration_us,
        .status = rec->status,
        .api = rec->api,
    };

    if (j->len == j->cap && grow(j, err) < 0)
        return -1;
    if (share_fields(j, rec, w.text, err) < 0 || copy(j, rec->text[F_ACTIVITY_ID], &w.activity, err) < 0)
        return -1;
    w.hash =
        hash64(w.activity.at, w.activity.len, hash64(rec->text[F_ACCOUNT].at, rec->text[F_ACCOUNT].len, 0));
    j->waiting[j->len++] = w;
    return 0;
}

int join_add(struct join *j, const struct record *rec, struct error *err)
{
    if (rec->time_ns == NUM_ABSENT)
        return 0;
    if (rec->table == TABLE_QUERY_STATS && !slice_empty(rec->text[F_QUERY_TEXT]))
        return add_text(j, rec, err);
    if (rec->table == TABLE_DATA_PLANE && !slice_empty(rec->text[F_ACTIVITY_ID]) &&
        kql_is_query_operation(rec->text[F_OPERATION]))
        return add_waiting(j, rec, err);
    return 0;
}

/* ---- the end ----------------------------------------------------------------------------------------------
 */

static int by_activity(const void *a, const void *b)
{
    const struct waiting *x = a, *y = b;
    const int64_t nx[] = { x->time_ns, x->status, x->bytes_out, x->bytes_in, x->duration_us, x->ru_milli };
    const int64_t ny[] = { y->time_ns, y->status, y->bytes_out, y->bytes_in, y->duration_us, y->ru_milli };

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    for (size_t i = 0; i < ARRAY_LEN(nx); i++)
        if (nx[i] != ny[i])
            return nx[i] < ny[i] ? -1 : 1;
    return 0;
}

static void set_fields(struct record *rec, const struct slice *const *field)
{
    for (size_t i = 0; i < F_QUERY_TEXT; i++)
        if (field[i])
            rec->text[i] = *field[i];
}

static int finish_pair(struct join *j, const struct waiting *w, struct fold *fold, int64_t *joined,
                       struct error *err)
{
    struct record rec;
    struct slice key, account = w->text[F_ACCOUNT] ? *w->text[F_ACCOUNT] : SL("");
    struct known_text **at;

    if (make_key(j, account, w->activity, &key, err) < 0)
        return -1;
    at = map_get(j->texts, key);
    if (!at)
        return 0;
    record_clear(&rec);
    set_fields(&rec, w->text);
    rec.table = TABLE_QUERY_STATS;
    rec.api = w->api;
    rec.time_ns = w->time_ns;
    rec.first_ns = w->first_ns;
    rec.last_ns = w->last_ns;
    rec.status = w->status;
    rec.count = w->count;
    rec.ru_milli = w->ru_milli;
    rec.bytes_in = w->bytes_in;
    rec.bytes_out = w->bytes_out;
    rec.duration_us = w->duration_us;
    rec.rows = (*at)->is_joined ? NUM_ABSENT : (*at)->rows;
    rec.text[F_ACTIVITY_ID] = w->activity;
    rec.text[F_QUERY_TEXT] = (*at)->text;
    (*at)->is_joined = true;
    ++*joined;
    return fold_add_text(fold, &rec, err);
}

static int finish_alone(const struct known_text *t, struct fold *fold, struct error *err)
{
    struct record rec;

    record_clear(&rec);
    set_fields(&rec, t->field);
    rec.table = TABLE_QUERY_STATS;
    rec.api = t->api;
    rec.time_ns = rec.first_ns = rec.last_ns = t->time_ns;
    rec.rows = t->rows;
    rec.text[F_ACTIVITY_ID] = t->activity;
    rec.text[F_QUERY_TEXT] = t->text;
    return fold_add_text(fold, &rec, err);
}

int join_finish(struct join *j, struct fold *fold, int64_t *ret_joined, int64_t *ret_alone, struct error *err)
{
    int64_t joined = 0, alone = 0;
    size_t it = 0;
    struct slice key;
    void *value = NULL;

    if (j->len > 0)
        qsort(j->waiting, j->len, sizeof *j->waiting, by_activity);
    for (size_t i = 0; i < j->len; i++)
        if (finish_pair(j, &j->waiting[i], fold, &joined, err) < 0)
            return -1;
    while (map_next(j->texts, &it, &key, &value)) {
        const struct known_text *t = *(struct known_text *const *)value;

        if (t->is_joined)
            continue;
        alone++;
        if (finish_alone(t, fold, err) < 0)
            return -1;
    }
    *ret_joined = joined;
    *ret_alone = alone;
    return 0;
}
