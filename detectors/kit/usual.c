/* usual.c - see usual.h. SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/usual.h"

#include "base/buf.h"
#include "detectors/kit/slots.h"

#include <stdio.h>

#define KEY_MAX 320
#define RESTLESS_DAYS 6  /* one new value is new on up to two days: so about four values a month */
#define SETTLING_DAYS 4  /* everything is new to a new account */

/* ---- days ---------------------------------------------------------------------------------------- */

struct days { /* bit n: active n days before `day` */
    uint64_t bits;
    int32_t day, padding;
};

struct value {
    int32_t newest, first;   /* slots; first: the oldest slot with a row */
    struct days learned[2];
    uint8_t is_active[2];    /* open slots */
    uint8_t padding[6];
};

static void days_fold(void *learned, const void *open, int32_t slot)
{
    struct days *d = learned;
    int32_t day = slots_day(slot), gone;

    if (!*(const uint8_t *)open)
        return;
    gone = day - d->day;
    if (gone > 0) {
        d->bits = gone > 63 ? 0 : d->bits << gone;
        d->day = day;
    }
    if (gone > -64)
        d->bits |= UINT64_C(1) << (gone > 0 ? 0 : -gone);
}

static const struct slots_kind days_slots = { .learned_size = sizeof(struct days), .open_size = 1,
                                              .fold = days_fold };

/* Active days among the last `window` before and including `day`. */
static int32_t days_count(const struct days *d, int32_t day, int32_t window)
{
    int32_t left = window - (day - d->day); /* of the bits, this many are recent enough */

    if (left <= 0)
        return 0;
    return (int32_t)__builtin_popcountll(left >= 63 ? d->bits : d->bits & ((UINT64_C(1) << (left + 1)) - 1));
}

static void value_describe(const void *at, struct buf *out)
{
    const struct value *v = at;

    buf_addf(out, "%d of the last 60 days", days_count(&v->learned[0], slots_day(v->newest), USUAL_DAYS));
}

/* As if it had been there every day that is remembered. */
static void value_confirm(void *at, int32_t slot)
{
    struct value *v = at;
    int32_t since = slot - USUAL_DAYS * 24, day = slots_day(slot);

    if (v->first > since)
        v->first = since > SLOT_NEVER ? since : 1;
    for (size_t i = 0; i < ARRAY_LEN(v->learned); i++) {
        v->learned[i].day = v->learned[i].bits && v->learned[i].day > day ? v->learned[i].day : day;
        v->learned[i].bits = UINT64_MAX;
    }
}

/* As unusual_place.c packs it, before the principal. */
struct cell {
    int16_t lat, lon;
    char country[8];
};

static bool value_place(struct slice key, const void *at, struct baseline_place *ret)
{
    const struct value *v = at;
    struct slice name = slice_empty(key) ? SL("") : slice_make(key.at + 1, key.len - 1);
    struct cell cell;

    ret->days = days_count(&v->learned[0], slots_day(v->newest), USUAL_DAYS);
    if (!slice_empty(key) && key.at[0] == USUAL_CELL && name.len >= sizeof cell) {
        memcpy(&cell, name.at, sizeof cell);
        ret->lat = cell.lat;
        ret->lon = cell.lon;
        (void)snprintf(ret->name, sizeof ret->name, "%.8s", cell.country);
        return true;
    }
    (void)snprintf(ret->name, sizeof ret->name, "%.*s", SLF(slice_cut(name, sizeof ret->name - 1)));
    return !slice_empty(key) && key.at[0] == USUAL_COUNTRY;
}

const struct baseline_memory usual_value_memory = {
    .name = "usual.value", .version = 1, .size = sizeof(struct value), .max_keys = 1000000,
    .describe = value_describe, .place = value_place, .confirm = value_confirm,
};

const struct baseline_memory usual_address_memory = {
    .name = "usual.address", .version = 1, .size = sizeof(struct value), .max_keys = 1000000,
    .describe = value_describe, .confirm = value_confirm,
};

/* ---- one value ------------------------------------------------------------------------------------ */

static struct slice key_of(enum usual_what what, struct slice value, char room[KEY_MAX])
{
    size_t len = value.len < KEY_MAX - 1 ? value.len : KEY_MAX - 1;

    room[0] = (char)what;
    memcpy(room + 1, value.at, len);
    return slice_make(room, len + 1);
}

/* ---- what people read --------------------------------------------------------------------------- */

static const char *word_of(enum usual_what what)
{
    switch (what) {
    case USUAL_COUNTRY: return "country ";
    case USUAL_FAMILY: return "program ";
    case USUAL_SCRIPT: return "scripting client ";
    case USUAL_PRINCIPAL: return "principal ";
    case USUAL_KEY: return "signs in with ";
    case USUAL_RIGHTS: return "client that ";
    case USUAL_CLIENT: return "client from ";
    case USUAL_NETWORK: return "network ";
    case USUAL_PROVIDER: return "provider ";
    case USUAL_PATH: return "network path ";
    case USUAL_REGION: return "region ";
    case USUAL_WIDE_OF_KEY: return "new networks of ";
    case USUAL_DESTROYER: return "new ones who delete containers";
    case USUAL_CELL: return "place of ";
    case USUAL_APP_ID: return "administered by ";
    case USUAL_MANAGED_FROM: return "administered from ";
    case USUAL_ROAMING: return "new networks of a client that ";
    case USUAL_ADDRESS:
    case USUAL_REFUSED: break;
    }
    return "";
}

/* As access.c packs it: '4' and two bytes, '6' and four, 'p' or '?'. What follows is returned. */
static struct slice add_neighbourhood(struct buf *out, struct slice v)
{
    const unsigned char *at = (const unsigned char *)v.at;
    size_t len = 1;

    if (v.len >= 3 && at[0] == '4') {
        buf_addf(out, "%d.%d.0.0/16", at[1], at[2]);
        len = 3;
    } else if (v.len >= 5 && at[0] == '6') {
        buf_addf(out, "%x:%x::/32", at[1] << 8 | at[2], at[3] << 8 | at[4]);
        len = 5;
    } else {
        buf_add_str(out, v.len > 0 && at[0] == 'p' ? "private networks" : "an unknown address");
    }
    len = len < v.len ? len : v.len;
    return slice_make(v.at + len, v.len - len);
}

static void add_label(struct buf *out, enum usual_what what, struct slice v)
{
    bool has_network = what == USUAL_RIGHTS || what == USUAL_CLIENT || what == USUAL_NETWORK || what == USUAL_MANAGED_FROM;
    uint32_t id = 0;
    uint64_t hash = 0;

    buf_add_str(out, word_of(what));
    if (what == USUAL_ROAMING && v.len == 1 + sizeof hash) {
        memcpy(&hash, v.at + 1, sizeof hash);
        buf_addf(out, "%s a container, %016" PRIx64, v.at[0] == 's' ? "scans" : "follows", hash);
        return;
    }
    if (what == USUAL_RIGHTS && v.len > 0) {
        buf_add_str(out, v.at[0] == 'r' ? "reads, from " : v.at[0] == 'w' ? "writes, from " : "does something else, from ");
        v = slice_make(v.at + 1, v.len - 1);
    }
    if (what == USUAL_PROVIDER && v.len == sizeof id) {
        memcpy(&id, v.at, sizeof id);
        buf_addf(out, "%08x", id);
        return;
    }
    if (what == USUAL_CELL && v.len > 12) /* two coordinates and a country's code stand before the principal */
        v = slice_make(v.at + 12, v.len - 12);
    if (has_network)
        v = add_neighbourhood(out, v);
    if (v.len > 0 && v.at[0] == '\x1f') {
        buf_add_str(out, ", ");
        v = slice_make(v.at + 1, v.len - 1);
    }
    buf_add_slice(out, slice_cut(v, 80));
}

/* ---- one value, further ------------------------------------------------------------------------- */

static const struct baseline_memory *memory_of(enum usual_what what)
{
    return what == USUAL_ADDRESS || what == USUAL_REFUSED ? &usual_address_memory : &usual_value_memory;
}

static struct usual_view view_of(const struct value *v, enum slot_age age, int32_t slot, int32_t len)
{
    const struct days *d = &v->learned[age == SLOT_NOW ? 0 : 1];
    int32_t day = slots_day(slot);
    struct usual_view ret = { .active_days = days_count(d, day, USUAL_DAYS), .age_days = -1, .last_day = -1 };

    if (v->first <= slot - 2 * len) {
        ret.age_days = day - slots_day(v->first);
        ret.span_days = ret.age_days > USUAL_DAYS ? USUAL_DAYS : ret.age_days + 1;
    }
    if (d->bits)
        ret.last_day = d->day;
    return ret;
}

static struct value *put_value(struct baseline *b, struct slice account, enum usual_what what, struct slice value,
                               struct slice key, int64_t minute_ns, bool *ret_new)
{
    CLEANUP(buf_release) struct buf label = BUF_HERE(256);

    add_label(&label, what, value);
    return baseline_put(b, memory_of(what), account, key, buf_slice(&label), minute_ns, ret_new);
}

struct usual_view usual_touch(struct baseline *b, struct slice account, enum usual_what what,
                              struct slice value, int64_t minute_ns)
{
    char room[KEY_MAX];
    struct slice key;
    int32_t len = slots_len(baseline_cfg(b)), slot = slots_of(minute_ns, len);
    const struct value *known;
    struct value *v;
    enum slot_age age;
    bool is_new = false;
    struct usual_view ret;

    if (slice_empty(value))
        return (struct usual_view){ .age_days = -1, .last_day = -1 };
    key = key_of(what, value, room);
    known = baseline_get(b, memory_of(what), account, key);
    if (known && known->newest == slot && known->is_active[0]) /* nearly every row: nothing to write */
        return view_of(known, SLOT_NOW, slot, len);
    v = put_value(b, account, what, value, key, minute_ns, &is_new);
    if (!v) /* without memory: known, which errs on the silent side */
        return (struct usual_view){ .active_days = 1, .span_days = 1 };
    if (is_new)
        v->first = slot;
    age = slots_enter(&v->newest, slot, len, &days_slots, v->learned, v->is_active);
    ret = view_of(v, age, slot, len);
    if (age == SLOT_LATE)
        return ret;
    ret.is_first_touch = !v->is_active[age];
    v->is_active[age] = 1;
    if (slot < v->first)
        v->first = slot;
    return ret;
}

struct usual_view usual_look(struct baseline *b, struct slice account, enum usual_what what,
                             struct slice value, int64_t minute_ns)
{
    char room[KEY_MAX];
    int32_t len = slots_len(baseline_cfg(b)), slot = slots_of(minute_ns, len);
    const struct value *known = NULL;
    struct value v;

    if (!slice_empty(value))
        known = baseline_get(b, memory_of(what), account, key_of(what, value, room));
    if (!known)
        return (struct usual_view){ .age_days = -1, .last_day = -1 };
    v = *known;
    return view_of(&v, slots_enter(&v.newest, slot, len, &days_slots, v.learned, v.is_active), slot, len);
}

const char *usual_word(const struct usual_view *v)
{
    if (v->active_days == 0)
        return "UNSEEN";
    if (v->active_days * 7 >= v->span_days)
        return "FREQUENT";
    return v->active_days * 30 >= v->span_days ? "INFREQUENT" : "RARE";
}

/* ---- restlessness ----------------------------------------------------------------------------------- */

/* The letter in upper case keys "something new of this kind". */
static enum usual_what news_of(enum usual_what what)
{
    return (enum usual_what)(what - 'a' + 'A');
}

void usual_note_new(struct baseline *b, struct slice account, enum usual_what what, int64_t minute_ns)
{
    (void)usual_touch(b, account, news_of(what), SL("new"), minute_ns);
}

bool usual_is_restless(struct baseline *b, struct slice account, enum usual_what what, int64_t minute_ns)
{
    char room[KEY_MAX];
    int32_t len = slots_len(baseline_cfg(b)), slot = slots_of(minute_ns, len), day = slots_day(slot), settled;
    const struct value *known = baseline_get(b, &usual_value_memory, account,
                                             key_of(news_of(what), SL("new"), room));
    struct value v;
    enum slot_age age;

    if (!known)
        return false;
    v = *known;
    age = slots_enter(&v.newest, slot, len, &days_slots, v.learned, v.is_active);
    settled = day - slots_day(v.first) - SETTLING_DAYS; /* days since all was new */
    return days_count(&v.learned[age == SLOT_NOW ? 0 : 1], day, settled < 30 ? settled : 30) >= RESTLESS_DAYS;
}

/* ---- the list ------------------------------------------------------------------------------------------ */

struct listed {
    char text[USUAL_TEXT_MAX];
    int32_t last_day;
};

struct texts {
    struct listed each[USUAL_LISTED]; /* ascending */
    uint32_t len, padding;
};

struct list {
    int32_t newest, padding;
    struct texts learned[2], open[2];
};

const struct baseline_memory usual_list_memory = {
    .name = "usual.list", .version = 1, .size = sizeof(struct list), .max_keys = 50000,
};

/* The smallest ones are kept, whatever came first. */
static void texts_add(struct texts *t, const char *text, int32_t day)
{
    size_t at = 0;

    while (at < t->len && strcmp(t->each[at].text, text) < 0)
        at++;
    if (at < t->len && strcmp(t->each[at].text, text) == 0) {
        if (day > t->each[at].last_day)
            t->each[at].last_day = day;
        return;
    }
    if (at == USUAL_LISTED)
        return;
    if (t->len == USUAL_LISTED)
        t->len--;
    memmove(&t->each[at + 1], &t->each[at], (t->len - at) * sizeof(t->each[0]));
    memset(&t->each[at], 0, sizeof(t->each[at]));
    memcpy(t->each[at].text, text, strlen(text));
    t->each[at].last_day = day;
    t->len++;
}

static void texts_fold(void *learned, const void *open, int32_t slot)
{
    struct texts *to = learned;
    const struct texts *from = open;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < to->len; i++)
        if (to->each[i].last_day >= slots_day(slot) - USUAL_DAYS)
            to->each[kept++] = to->each[i];
    memset(&to->each[kept], 0, (USUAL_LISTED - kept) * sizeof(to->each[0]));
    to->len = kept;
    for (uint32_t i = 0; i < from->len; i++)
        texts_add(to, from->each[i].text, from->each[i].last_day);
}

static const struct slots_kind texts_slots = { .learned_size = sizeof(struct texts),
                                               .open_size = sizeof(struct texts), .fold = texts_fold };

void usual_list_add(struct baseline *b, struct slice account, enum usual_what what, struct slice value,
                    int64_t minute_ns)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slots_of(minute_ns, len);
    char letter = (char)what, text[USUAL_TEXT_MAX] = "";
    struct list *l;
    struct texts *open;

    value = slice_cut(value, USUAL_TEXT_MAX - 1);
    if (slice_empty(value) || memchr(value.at, '\0', value.len))
        return;
    memcpy(text, value.at, value.len);
    l = baseline_put(b, &usual_list_memory, account, slice_make(&letter, 1), slice_make(&letter, 1), minute_ns,
                     NULL);
    if (!l)
        return;
    open = slots_open(&texts_slots, l->open,
                      slots_enter(&l->newest, slot, len, &texts_slots, l->learned, l->open));
    if (open)
        texts_add(open, text, slots_day(slot));
}

void usual_list_each(struct baseline *b, struct slice account, enum usual_what what, int64_t minute_ns,
                     void (*fn)(void *self, struct slice value, const struct usual_view *v), void *self)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slots_of(minute_ns, len);
    char letter = (char)what;
    const struct list *known = baseline_get(b, &usual_list_memory, account, slice_make(&letter, 1));
    const struct texts *t;
    struct list l;

    if (!known)
        return;
    l = *known;
    t = slots_learned(&texts_slots, l.learned,
                      slots_enter(&l.newest, slot, len, &texts_slots, l.learned, l.open));
    for (uint32_t i = 0; i < t->len; i++) {
        struct slice value = slice_of(t->each[i].text);
        struct usual_view v = usual_look(b, account, what, value, minute_ns);

        fn(self, value, &v);
    }
}
