/* stage.c - see stage.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/stage.h"

#include "alert/accounts.h"
#include "alert/catalogue.h"
#include "alert/suppress.h"
#include "base/buf.h"
#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>

struct held {
    struct alert *alert;
    bool is_touched;   /* changed since the last settle */
    bool was_told;     /* record_id of the alert has gone to the outputs */
    bool is_over;      /* may be forgotten after the commit */
};

struct stage {
    int64_t horizon_ns;
    size_t passed_on; /* alerts of another product held so far */
    struct map *held; /* alert id -> struct held */
    const struct suppress *suppress;
    const struct accounts *accounts;
    int (*watch)(void *self, const struct alert_draft *d, const struct alert *whole, bool is_suppressed,
                 struct error *err);
    void *watch_self;
};

struct stage *stage_new(int64_t horizon_ns)
{
    struct stage *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->horizon_ns = horizon_ns;
    s->held = map_new(sizeof(struct held));
    if (!s->held) {
        free(s);
        return NULL;
    }
    return s;
}

void stage_forget(struct stage *s)
{
    size_t it = 0;
    struct slice key = { 0 };
    void *value = NULL;

    while (map_next(s->held, &it, &key, &value))
        alert_free(((struct held *)value)->alert);
    map_clear(s->held);
}

void stage_free(struct stage *s)
{
    if (!s)
        return;
    stage_forget(s);
    map_free(s->held);
    free(s);
}

void stage_freep(struct stage **s)
{
    stage_free(*s);
    *s = NULL;
}

size_t stage_len(const struct stage *s)
{
    return map_len(s->held);
}

void stage_set_suppress(struct stage *s, const struct suppress *rules)
{
    s->suppress = rules;
}

const struct suppress *stage_suppress(const struct stage *s)
{
    return s->suppress;
}

void stage_set_accounts(struct stage *s, const struct accounts *accounts)
{
    s->accounts = accounts;
}

void stage_watch(struct stage *s, int (*fn)(void *self, const struct alert_draft *d, const struct alert *whole,
                                            bool is_suppressed, struct error *err), void *self)
{
    s->watch = fn;
    s->watch_self = self;
}

/* How far the alert has come, as the n of its record id: grows with the count's power of ten (an incident's: with
 * the kinds of alerts in it), then with the severity, then with the end of its bucket. Two batches or a hundred,
 * the same n. */
static int64_t progress(const struct alert *a)
{
    int64_t level = a->type->is_incident ? alert_number(a, "types", 0) : 0;

    for (int64_t n = a->type->is_incident ? 0 : a->count; n >= 10; n /= 10)
        level++;
    return level * 10 + (int64_t)a->severity * 2 + (a->is_final ? 1 : 0);
}

static bool is_passed_on(const struct alert *a);

static struct held *hold(struct stage *s, struct alert *a, struct error *err)
{
    struct held *h = map_put(s->held, slice_of(a->id), NULL);

    if (!h) {
        error_set(err, ERR_NOMEM, "no memory to hold an alert");
        return NULL;
    }
    h->alert = a;
    return h;
}

int stage_adopt(struct stage *s, struct alert *a, struct error *err)
{
    struct held *h = NULL;

    if (map_get(s->held, slice_of(a->id))) {
        alert_free(a);
        return 0;
    }
    h = hold(s, a, err);
    if (!h) {
        alert_free(a);
        return -1;
    }
    h->was_told = a->told_count > 0;
    s->passed_on += is_passed_on(a);
    return 0;
}

/* ---- one story, two products --------------------------------------------------------------------- */

/* An alert passed on from Defender and ours of the same type, account and day are one story: each learns the
 * other's id. Ours is the one that is told. */
static int note_id(struct held *h, const char *fact, const char *id, struct error *err)
{
    const struct fact_value v = { .name = fact, .kind = FACT_SET, .text = slice_of(id) };
    const struct alert_draft d = { .severity = h->alert->severity, .first_ns = h->alert->first_ns,
                                   .last_ns = h->alert->last_ns, .facts = &v, .facts_len = 1 };

    h->is_touched = true;
    return alert_merge(h->alert, &d, err);
}

static bool is_passed_on(const struct alert *a)
{
    return strcmp(a->detector, "defender") == 0;
}

static bool is_same_story(const struct alert *a, const struct alert *b)
{
    return a->type == b->type && a->bucket_ns == b->bucket_ns && strcmp(a->account, b->account) == 0 &&
           is_passed_on(a) != is_passed_on(b);
}

/* A new alert came: whom does it belong to? Alerts passed on are few, so most of the time nobody is asked. */
static int join_story(struct stage *s, struct held *fresh, struct error *err)
{
    size_t it = 0;
    struct slice key = { 0 };
    void *value = NULL;

    if (is_passed_on(fresh->alert))
        s->passed_on++;
    if (s->passed_on == 0)
        return 0;
    while (map_next(s->held, &it, &key, &value)) {
        struct held *other = value;
        struct held *own = is_passed_on(fresh->alert) ? other : fresh, *theirs = own == other ? fresh : other;

        if (!other->alert || !is_same_story(fresh->alert, other->alert))
            continue;
        if (note_id(own, "defenderAlertId", theirs->alert->id, err) < 0 ||
            note_id(theirs, "ownAlertId", own->alert->id, err) < 0)
            return -1;
    }
    return 0;
}

/* The held alert of that id, from the store if need be; *ret NULL: there is none. */
static int find(struct stage *s, const char *id, const struct stage_loader *load, struct held **ret, struct error *err)
{
    struct alert *stored = NULL;

    *ret = map_get(s->held, slice_of(id));
    if (*ret || !load)
        return 0;
    if (load->load(load->self, id, &stored, err) < 0)
        return -1;
    if (!stored)
        return 0;
    if (stage_adopt(s, stored, err) < 0)
        return -1;
    *ret = map_get(s->held, slice_of(id));
    return 0;
}

int stage_emit(struct stage *s, const struct alert_draft *d, const struct stage_loader *load,
               struct error *err)
{
    CLEANUP(alert_freep) struct alert *fresh = NULL;
    struct held *h = NULL;
    bool is_suppressed = false;

    if (alert_from_draft(d, &fresh, err) < 0)
        return -1;
    is_suppressed = d->is_aside ? suppress_covers_aside(s->suppress, fresh) : suppress_find(s->suppress, fresh) != NULL;
    fresh->is_suppressed = is_suppressed;
    if (find(s, fresh->id, load, &h, err) < 0)
        return -1;
    if (!h) {
        h = hold(s, fresh, err);
        if (!h)
            return -1;
        fresh = NULL; /* held now */
        if (join_story(s, h, err) < 0)
            return -1;
    } else if (alert_merge(h->alert, d, err) < 0) {
        return -1;
    } else {
        h->alert->is_suppressed = h->alert->is_suppressed && is_suppressed;
    }
    if (accounts_label(s->accounts, h->alert, err) < 0)
        return -1;
    h->is_touched = true;
    return s->watch ? s->watch(s->watch_self, d, h->alert, is_suppressed, err) : 0;
}

static int says_the_same(const struct alert *a, const struct alert *b, bool *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf one = BUF_INIT(ALERT_SAVED_MAX), other = BUF_INIT(ALERT_SAVED_MAX);

    if (alert_save(a, &one, err) < 0 || alert_save(b, &other, err) < 0)
        return -1;
    *ret = slice_eq(buf_slice(&one), buf_slice(&other));
    return 0;
}

int stage_put(struct stage *s, const struct alert_draft *d, const struct stage_loader *load, struct error *err)
{
    CLEANUP(alert_freep) struct alert *fresh = NULL;
    struct held *h = NULL;
    bool is_same = false;

    if (alert_from_draft(d, &fresh, err) < 0)
        return -1;
    fresh->is_suppressed = s->suppress && suppress_find(s->suppress, fresh);
    if (accounts_label(s->accounts, fresh, err) < 0 || find(s, fresh->id, load, &h, err) < 0)
        return -1;
    if (!h) {
        h = hold(s, fresh, err);
        if (!h)
            return -1;
        fresh = NULL; /* held now */
        h->is_touched = true;
        return 0;
    }
    fresh->update = h->alert->update; /* how far it was told stays */
    fresh->told_count = h->alert->told_count;
    fresh->is_final = h->alert->is_final;
    memcpy(fresh->record_id, h->alert->record_id, sizeof fresh->record_id);
    if (says_the_same(h->alert, fresh, &is_same, err) < 0)
        return -1;
    if (is_same)
        return 0;
    alert_free(h->alert);
    h->alert = TAKE(fresh);
    h->is_touched = true;
    return 0;
}

static int by_first(const void *a, const void *b)
{
    const struct alert *x = (*(struct held *const *)a)->alert, *y = (*(struct held *const *)b)->alert;

    if (x->first_ns != y->first_ns)
        return x->first_ns < y->first_ns ? -1 : 1;
    return strcmp(x->id, y->id);
}

/* Held alerts in (first, id) order: what is told must not depend on hashing. Caller frees. */
static int sorted(struct stage *s, struct held ***ret, size_t *ret_n, struct error *err)
{
    size_t n = 0, it = 0;
    struct slice key = { 0 };
    void *value = NULL;
    struct held **list = malloc((map_len(s->held) + 1) * sizeof(struct held *));

    if (!list)
        return error_set(err, ERR_NOMEM, "no memory to list alerts");
    while (map_next(s->held, &it, &key, &value))
        list[n++] = value;
    qsort(list, n, sizeof(struct held *), by_first);
    *ret = list;
    *ret_n = n;
    return 0;
}

static int settle_one(struct held *h, int64_t watermark_ns, int64_t horizon_ns,
                      int (*fn)(void *, const struct alert *, bool, struct error *), void *self,
                      struct error *err)
{
    struct alert *a = h->alert;
    int64_t open_days = a->type->open_days > 0 ? a->type->open_days : 1;
    bool is_over = watermark_ns == INT64_MAX ||
                   watermark_ns >= a->bucket_ns + open_days * NS_PER_DAY + horizon_ns;
    bool ended = is_over && !a->is_final;
    bool is_told = false;
    int64_t n = 0;

    if (!h->is_touched && !ended)
        return 0;
    if (is_over)
        a->is_final = true;
    n = progress(a);
    is_told = (!h->was_told || n > a->update) && !a->is_suppressed &&
              !(is_passed_on(a) && alert_fact(a, "ownAlertId"));
    /* The end is worth telling only when it says more than the last update did. */
    if (ended && h->was_told && n == a->update + 1 && a->told_count == a->count)
        is_told = false;
    if (is_told) {
        a->update = n;
        (void)snprintf(a->record_id, sizeof a->record_id, "%s-%lld", a->id, (long long)n);
        h->was_told = true;
        a->told_count = a->count;
    }
    h->is_touched = false;
    h->is_over = is_over;
    return fn(self, a, is_told, err);
}

int stage_settle(struct stage *s, int64_t watermark_ns,
                 int (*fn)(void *self, const struct alert *a, bool is_told, struct error *err),
                 void *self, struct error *err)
{
    struct held **list = NULL;
    size_t n = 0;
    int rc = 0;

    if (sorted(s, &list, &n, err) < 0)
        return -1;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = settle_one(list[i], watermark_ns, s->horizon_ns, fn, self, err);
    free(list);
    return rc;
}

void stage_commit(struct stage *s)
{
    size_t it = 0;
    struct slice key = { 0 };
    void *value = NULL;

    while (map_next(s->held, &it, &key, &value)) {
        struct held *h = value;

        if (!h->is_over)
            continue;
        alert_free(h->alert);
        h->alert = NULL;
        (void)map_del(s->held, key);
    }
}

int stage_each(struct stage *s, int (*fn)(void *self, const struct alert *a, struct error *err),
               void *self, struct error *err)
{
    struct held **list = NULL;
    size_t n = 0;
    int rc = 0;

    if (sorted(s, &list, &n, err) < 0)
        return -1;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = fn(self, list[i]->alert, err);
    free(list);
    return rc;
}
