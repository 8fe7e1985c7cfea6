/* feed_table.c - a feed's entries with their history: merging refreshes, keeping, reading back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/num.h"
#include "enrich/feeds.h"

#include <stdlib.h>

#define NOTE_MAX 200
#define HISTORY_NS (30 * NS_PER_DAY)
#define EMPTY_GUARD 50 /* a feed of fewer entries may shrink as it likes */
#define EMPTY_SHARE 10 /* to less than a tenth is suspicious */
#define SAVE_HEADER "cosmowatch-feed 1"

struct feed_table *feed_table_new(void)
{
    struct feed_table *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->texts = calloc(1, 64);
    if (!t->texts) {
        free(t);
        return NULL;
    }
    t->texts_cap = 64;
    t->texts_len = 1;
    return t;
}

void feed_table_free(struct feed_table *t)
{
    if (!t)
        return;
    free(t->each);
    free(t->texts);
    free(t);
}

void feed_table_freep(struct feed_table **t)
{
    feed_table_free(*t);
    *t = NULL;
}

size_t feed_table_len(const struct feed_table *t)
{
    return t->len;
}

static bool holds_at(const struct feed_entry *e, int64_t time_ns)
{
    return e->from_ns <= time_ns && time_ns < e->until_ns;
}

size_t feed_table_live(const struct feed_table *t, int64_t time_ns)
{
    size_t live = 0;

    for (size_t i = 0; i < t->len; i++)
        live += holds_at(&t->each[i], time_ns);
    return live;
}

int64_t feed_table_refreshed_ns(const struct feed_table *t)
{
    return t->refreshed_ns;
}

const char *feed_table_note(const struct feed_table *t, const struct feed_entry *e)
{
    return t->texts + e->note;
}

/* As it is kept, so that it comes back from the store as it went in: blanks for control bytes, none at the ends. */
static struct slice clean_note(struct slice s, char room[NOTE_MAX])
{
    s = slice_cut(slice_trim(s), NOTE_MAX);
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];

        room[i] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
    }
    return slice_trim(slice_make(room, s.len));
}

/* Most notes of a feed are the same few words ("feodo"): the previous one is looked at first. */
static bool texts_add(struct feed_table *t, struct slice s, uint32_t *ret_at)
{
    char room[NOTE_MAX];

    s = clean_note(s, room);
    *ret_at = 0;
    if (slice_empty(s))
        return true;
    if (t->len) {
        uint32_t last = t->each[t->len - 1].note;

        if (slice_eq(slice_of(t->texts + last), s)) {
            *ret_at = last;
            return true;
        }
    }
    if (t->texts_len + s.len + 1 > t->texts_cap) {
        size_t cap = 2 * (t->texts_len + s.len + 1);
        char *texts = cap > UINT32_MAX ? NULL : realloc(t->texts, cap);

        if (!texts)
            return false;
        t->texts = texts;
        t->texts_cap = cap;
    }
    *ret_at = (uint32_t)t->texts_len;
    memcpy(t->texts + t->texts_len, s.at, s.len);
    t->texts_len += s.len;
    t->texts[t->texts_len++] = '\0';
    return true;
}

int feed_table_add(struct feed_table *t, const struct feed_entry *entry, struct slice note,
                   struct error *err)
{
    uint32_t note_at;

    if (t->len >= FEED_ENTRIES_MAX)
        return error_set(err, ERR_LIMIT, "more than %d entries", FEED_ENTRIES_MAX);
    if (t->len == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 64;
        struct feed_entry *each = realloc(t->each, cap * sizeof(*each));

        if (!each)
            return error_set(err, ERR_NOMEM, "feed entries");
        t->each = each;
        t->cap = cap;
    }
    if (!texts_add(t, note, &note_at))
        return error_set(err, ERR_NOMEM, "feed notes");
    t->each[t->len] = *entry;
    t->each[t->len++].note = note_at;
    return 0;
}

/* ---- order ------------------------------------------------------------------------------------- */

static int subject_cmp(const struct feed_entry *a, const struct feed_entry *b)
{
    int order = memcmp(a->range.first.at, b->range.first.at, 16);

    if (order)
        return order;
    if (a->range.bits != b->range.bits)
        return a->range.bits < b->range.bits ? -1 : 1;
    return (int)a->category - (int)b->category;
}

static int i64_cmp(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int entry_cmp(const void *a, const void *b)
{
    const struct feed_entry *x = a, *y = b;
    int order = subject_cmp(x, y);

    if (!order)
        order = i64_cmp(x->from_ns, y->from_ns);
    if (!order)
        order = i64_cmp(y->confidence, x->confidence);
    if (!order)
        order = i64_cmp(y->until_ns, x->until_ns);
    return order ? order : i64_cmp(x->note, y->note);
}

/* One listing of one address, told twice: the interval covers both, the surer one speaks. */
static void join(struct feed_entry *into, const struct feed_entry *e)
{
    if (e->confidence > into->confidence) {
        into->confidence = e->confidence;
        into->note = e->note;
    }
    if (e->until_ns > into->until_ns)
        into->until_ns = e->until_ns;
    if (e->seen_ns > into->seen_ns)
        into->seen_ns = e->seen_ns;
}

void feed_table_sort(struct feed_table *t)
{
    size_t kept = 0;

    if (t->len < 2)
        return;
    qsort(t->each, t->len, sizeof(*t->each), entry_cmp);
    for (size_t i = 1; i < t->len; i++) {
        struct feed_entry *last = &t->each[kept];

        if (subject_cmp(last, &t->each[i]) == 0 && t->each[i].from_ns <= last->until_ns)
            join(last, &t->each[i]);
        else
            t->each[++kept] = t->each[i];
    }
    t->len = kept + 1;
}

/* ---- refreshes --------------------------------------------------------------------------------- */

struct feed_table *feed_table_copy(const struct feed_table *t)
{
    struct feed_table *copy = feed_table_new();
    struct error err = { 0 };

    if (!copy)
        return NULL;
    for (size_t i = 0; i < t->len; i++) {
        if (feed_table_add(copy, &t->each[i], slice_of(feed_table_note(t, &t->each[i])), &err) < 0) {
            feed_table_free(copy);
            return NULL;
        }
    }
    copy->refreshed_ns = t->refreshed_ns;
    copy->is_own = t->is_own;
    return copy;
}

/* What the fresh table says of an address that the old one knew: *goes_on is its still open interval. */
static void carry_on(struct feed_entry *fresh, const struct feed_entry *goes_on, int64_t previous_ns)
{
    if (fresh->has_own_time)
        return;
    if (goes_on && !goes_on->has_own_time)
        fresh->from_ns = goes_on->from_ns;
    else
        fresh->from_ns = previous_ns;
}

static int keep_history(struct feed_table *merged, const struct feed_table *old,
                        const struct feed_entry *was, int64_t now_ns, struct error *err)
{
    struct feed_entry ended = *was;

    if (ended.until_ns > now_ns)
        ended.until_ns = now_ns;
    if (ended.until_ns <= now_ns - HISTORY_NS || ended.until_ns <= ended.from_ns)
        return 0;
    return feed_table_add(merged, &ended, slice_of(feed_table_note(old, was)), err);
}

/* Both are sorted: walk them side by side, a subject (range and category) at a time. */
static int merge(struct feed_table *merged, const struct feed_table *old, struct feed_table *fresh,
                 int64_t now_ns, struct error *err)
{
    size_t o = 0, f = 0;

    while (o < old->len || f < fresh->len) {
        int order = o == old->len ? 1 : f == fresh->len ? -1
                                                        : subject_cmp(&old->each[o], &fresh->each[f]);
        const struct feed_entry *goes_on = NULL;

        if (order < 0) {
            if (keep_history(merged, old, &old->each[o++], now_ns, err) < 0)
                return -1;
            continue;
        }
        for (; order == 0 && o < old->len && subject_cmp(&old->each[o], &fresh->each[f]) == 0; o++) {
            if (old->each[o].until_ns > old->refreshed_ns)
                goes_on = &old->each[o]; /* the newest one, as they are sorted by time */
            else if (keep_history(merged, old, &old->each[o], now_ns, err) < 0)
                return -1;
        }
        for (size_t first = f; f < fresh->len && subject_cmp(&fresh->each[first], &fresh->each[f]) == 0;
             f++) {
            struct feed_entry e = fresh->each[f];

            carry_on(&e, goes_on, old->refreshed_ns);
            if (feed_table_add(merged, &e, slice_of(feed_table_note(fresh, &fresh->each[f])), err) < 0)
                return -1;
        }
    }
    return 0;
}

int feed_table_update(struct feed_table **table, struct feed_table *fresh, int64_t now_ns,
                      struct error *err)
{
    CLEANUP(feed_table_freep) struct feed_table *taken = fresh;
    CLEANUP(feed_table_freep) struct feed_table *merged = NULL;
    const struct feed_table *old = *table;
    size_t live;

    taken->refreshed_ns = now_ns;
    if (!old) {
        *table = TAKE(taken);
        return 0;
    }
    live = feed_table_live(old, old->refreshed_ns);
    if (!taken->is_own && live >= EMPTY_GUARD && taken->len < live / EMPTY_SHARE)
        return error_set(err, ERR_INPUT, "had %zu entries and has %zu now; the old ones stay in use",
                         live, taken->len);
    merged = feed_table_new();
    if (!merged)
        return error_set(err, ERR_NOMEM, "feed");
    if (merge(merged, old, taken, now_ns, err) < 0)
        return -1;
    merged->refreshed_ns = now_ns;
    merged->is_own = taken->is_own;
    feed_table_sort(merged);
    feed_table_free(*table);
    *table = TAKE(merged);
    return 0;
}

/* ---- durable form ------------------------------------------------------------------------------ */

int feed_table_save(const struct feed_table *t, struct buf *out, struct error *err)
{
    buf_addf(out, SAVE_HEADER "\t%lld\t%d\t%zu\n", (long long)t->refreshed_ns, t->is_own, t->len);
    for (size_t i = 0; i < t->len; i++) {
        const struct feed_entry *e = &t->each[i];
        char range[PREFIX_TEXT_MAX];

        prefix_format(&e->range, range);
        buf_addf(out, "%s\t%u\t%u\t%d\t%lld\t%lld\t%lld\t%s\n", range, e->category, e->confidence,
                 e->has_own_time, (long long)e->from_ns, (long long)e->until_ns, (long long)e->seen_ns,
                 feed_table_note(t, e));
    }
    return buf_check(out, err);
}

static bool load_number(struct slice *rest, int64_t min, int64_t max, int64_t *ret)
{
    struct slice part;

    return slice_split(rest, '\t', &part) && parse_i64(part, min, max, ret);
}

static bool load_entry(struct slice line, struct feed_entry *ret, struct slice *ret_note)
{
    struct slice range;
    int64_t category, confidence, own;

    if (!slice_split(&line, '\t', &range) || !prefix_parse(range, &ret->range) ||
        !load_number(&line, 0, FEED_CATEGORY_COUNT - 1, &category) ||
        !load_number(&line, 0, 100, &confidence) || !load_number(&line, 0, 1, &own) ||
        !load_number(&line, INT64_MIN, INT64_MAX, &ret->from_ns) ||
        !load_number(&line, INT64_MIN, INT64_MAX, &ret->until_ns) ||
        !load_number(&line, INT64_MIN, INT64_MAX, &ret->seen_ns) ||
        !slice_split(&line, '\n', ret_note))
        return false;
    ret->category = (uint8_t)category;
    ret->confidence = (uint8_t)confidence;
    ret->has_own_time = own != 0;
    return true;
}

int feed_table_load(struct slice text, struct feed_table **ret, struct error *err)
{
    CLEANUP(feed_table_freep) struct feed_table *t = feed_table_new();
    struct slice line, head;
    int64_t own, count;

    if (!t)
        return error_set(err, ERR_NOMEM, "feed");
    if (!slice_split(&text, '\n', &line) || !slice_split(&line, '\t', &head) ||
        !slice_eq(head, SL(SAVE_HEADER)) ||
        !load_number(&line, INT64_MIN, INT64_MAX, &t->refreshed_ns) ||
        !load_number(&line, 0, 1, &own) || !load_number(&line, 0, FEED_ENTRIES_MAX, &count))
        return error_set(err, ERR_STATE, "kept feed is of another version or damaged");
    t->is_own = own != 0;
    while (slice_split(&text, '\n', &line) && (int64_t)t->len < count) {
        struct feed_entry e = { 0 };
        struct slice note;

        if (!load_entry(line, &e, &note))
            return error_set(err, ERR_STATE, "kept feed is damaged at entry %zu", t->len + 1);
        if (feed_table_add(t, &e, note, err) < 0)
            return -1;
    }
    if ((int64_t)t->len != count)
        return error_set(err, ERR_STATE, "kept feed has %zu of %lld entries", t->len, (long long)count);
    feed_table_sort(t);
    *ret = TAKE(t);
    return 0;
}
