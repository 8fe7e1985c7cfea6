/* trusted.c - see trusted.h. A walk over a short list; the list is bounded.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/trusted.h"

#include "base/buf.h"
#include "base/expiry.h"
#include "base/json_in.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "enrich/networks.h"
#include "enrich/prefix.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"

#include <json-c/json.h>
#include <stdlib.h>

#define TRUSTED_MAX 2000

struct entry {
    char *value[TRUSTED_KIND_COUNT]; /* exactly one is set */
    char *until, *note;
    struct string_list accounts;
    enum trusted_kind kind;
    struct prefix range;
    int64_t asn;
    int64_t until_ns, warn_before_ms;
};

/* Of one entry. A bit for each of the last days, the lowest for that of last_ns. */
struct use {
    int64_t last_ns;
    uint64_t days;
};

struct trusted {
    struct entry *at;
    size_t len;
    struct use *uses; /* as many; they change while the list stays what it is */
    bool *has_news;
};

#define VALUE(word, kind_at, what, shown)                                                          \
    { .key = word, .type = OPT_STRING, .at = offsetof(struct entry, value[kind_at]), .min = 1,     \
      .max = 512, .help = what, .example = shown }

static const struct option_spec entry_options[] = {
    VALUE("address", TRUSTED_ADDRESS, "an address or a range: who comes from there is not told, how much is read still is",
          "203.0.113.0/24"),
    VALUE("asn", TRUSTED_ASN, "number of an autonomous system: spares alerts about unusual places and networks only",
          "AS64500"),
    VALUE("principal", TRUSTED_PRINCIPAL, "object id, user name or application id: what it does is not told, but where a "
          "listed address or a key is concerned", "anna@contoso.example"),
    VALUE("key_reader", TRUSTED_KEY_READER, "who may read keys: user name, object id or application id",
          "terraform@contoso.example"),
    VALUE("agent", TRUSTED_AGENT, "a user agent; * at the end stands for any rest; spares alerts about the program only",
          "contoso-backup*"),
    { .key = "accounts", .type = OPT_STRING_LIST, .at = offsetof(struct entry, accounts),
      .help = "database accounts; none named: all" },
    { .key = "until", .type = OPT_STRING, .at = offsetof(struct entry, until),
      .help = "until this time of events, UTC; a date alone is its first moment; unsaid: for ever" },
    { .key = "warn_before", .type = OPT_DURATION, .at = offsetof(struct entry, warn_before_ms), .preset = "7d",
      .min = 0, .max = INT64_C(366) * 86400000, .help = "the log warns this long before it ends" },
    { .key = "note", .type = OPT_STRING, .at = offsetof(struct entry, note), .max = 1000,
      .help = "who asked for it, and why" },
    { 0 },
};

static void read_entry(struct entry *e, const struct yaml_node *item, struct settings_errors *errors)
{
    int n = 0;

    e->until_ns = INT64_MAX;
    if (settings_table_apply(entry_options, item, e, errors) < 0)
        return;
    for (int k = 0; k < TRUSTED_KIND_COUNT; k++)
        if (e->value[k]) {
            e->kind = (enum trusted_kind)k;
            n++;
        }
    if (n != 1)
        settings_errors_add(errors, item, "exactly one of address, asn, principal, key_reader and agent is expected");
    if (e->value[TRUSTED_ADDRESS] && !prefix_parse(slice_of(e->value[TRUSTED_ADDRESS]), &e->range))
        settings_errors_add(errors, yaml_node_get(item, "address"), "'%.60s' is neither an address nor a range",
                            e->value[TRUSTED_ADDRESS]);
    if (e->value[TRUSTED_ASN] && (!asn_parse(slice_of(e->value[TRUSTED_ASN]), &e->asn) || e->asn == 0))
        settings_errors_add(errors, yaml_node_get(item, "asn"), "'%.60s' is no system number, as in AS64500",
                            e->value[TRUSTED_ASN]);
    if (e->until && !time_parse_iso(slice_of(e->until), &e->until_ns))
        settings_errors_add(errors, yaml_node_get(item, "until"), "a date or a time in UTC is expected, as in 2027-01-31");
}

int trusted_read(const struct yaml_node *list, struct trusted **ret, struct settings_errors *errors)
{
    CLEANUP(trusted_freep) struct trusted *t = calloc(1, sizeof *t);
    size_t before = errors->len + errors->omitted;

    if (list && yaml_node_is_null(list))
        list = NULL;
    if (list && list->kind != YAML_NODE_LIST) {
        settings_errors_add(errors, list, "trusted: a list (- address: ...) is expected here, not %s",
                            yaml_node_kind_name(list));
        return -1;
    }
    if (list && list->len > TRUSTED_MAX) {
        settings_errors_add(errors, list, "trusted: more than %d; a networks file holds ranges without number",
                            TRUSTED_MAX);
        return -1;
    }
    if (t) {
        t->at = calloc(list ? list->len + 1 : 1, sizeof *t->at);
        t->uses = calloc(list ? list->len + 1 : 1, sizeof *t->uses);
        t->has_news = calloc(1, sizeof *t->has_news);
    }
    if (!t || !t->at || !t->uses || !t->has_news) {
        settings_errors_add_at(errors, list ? list->file : "", 0, 0, "no memory for the trusted list");
        return -1;
    }
    for (const struct yaml_node *c = list ? list->first : NULL; c; c = c->next)
        read_entry(&t->at[t->len++], c, errors);
    if (errors->len + errors->omitted > before)
        return -1;
    *ret = TAKE(t);
    return 0;
}

void trusted_free(struct trusted *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->len; i++)
        settings_table_release(entry_options, &t->at[i]);
    free(t->at);
    free(t->uses);
    free(t->has_news);
    free(t);
}

void trusted_freep(struct trusted **t)
{
    trusted_free(*t);
    *t = NULL;
}

static bool is_the_value(const struct entry *e, struct slice value)
{
    struct slice want = slice_of(e->value[e->kind]);
    struct address a;

    if (e->kind == TRUSTED_ADDRESS)
        return address_parse(value, &a) && prefix_holds(&e->range, &a);
    if (e->kind == TRUSTED_AGENT && want.at[want.len - 1] == '*')
        return value.len >= want.len - 1 && slice_eq_nocase(slice_make(value.at, want.len - 1),
                                                            slice_make(want.at, want.len - 1));
    return slice_eq_nocase(want, value);
}

static bool is_for_account(const struct entry *e, struct slice account)
{
    for (size_t i = 0; i < e->accounts.len; i++)
        if (slice_eq_nocase(slice_of(e->accounts.at[i]), account))
            return true;
    return e->accounts.len == 0;
}

/* The order of events is nobody's: what comes out is the same for the same events. */
static void note_day(struct use *u, int64_t time_ns)
{
    int64_t behind = time_floor(u->last_ns, NS_PER_DAY) / NS_PER_DAY - time_floor(time_ns, NS_PER_DAY) / NS_PER_DAY;

    if (u->days == 0)
        behind = -TRUSTED_DAYS;
    if (behind <= -TRUSTED_DAYS)
        u->days = 1;
    else if (behind <= 0)
        u->days = u->days << -behind | 1;
    else if (behind < TRUSTED_DAYS)
        u->days |= UINT64_C(1) << behind;
}

/* Times are kept to the minute: rows of one minute are judged together. */
static bool vouch(const struct trusted *t, size_t i, int64_t time_ns)
{
    struct use was = t->uses[i], *u = &t->uses[i];
    int64_t minute_ns = time_floor(time_ns, 60 * NS_PER_S);

    note_day(u, minute_ns);
    u->last_ns = was.days == 0 || minute_ns > was.last_ns ? minute_ns : was.last_ns;
    if (u->last_ns != was.last_ns || u->days != was.days)
        *t->has_news = true;
    return true;
}

bool trusted_has(const struct trusted *t, enum trusted_kind kind, struct slice account, struct slice value,
                 int64_t time_ns)
{
    if (!t || slice_empty(value))
        return false;
    for (size_t i = 0; i < t->len; i++)
        if (t->at[i].kind == kind && time_ns < t->at[i].until_ns && is_for_account(&t->at[i], account) &&
            is_the_value(&t->at[i], value))
            return vouch(t, i, time_ns);
    return false;
}

bool trusted_has_asn(const struct trusted *t, struct slice account, int64_t asn, int64_t time_ns)
{
    for (size_t i = 0; t && asn && i < t->len; i++)
        if (t->at[i].kind == TRUSTED_ASN && t->at[i].asn == asn && time_ns < t->at[i].until_ns &&
            is_for_account(&t->at[i], account))
            return vouch(t, i, time_ns);
    return false;
}

static const char *const words[TRUSTED_KIND_COUNT] = {
    [TRUSTED_ADDRESS] = "address", [TRUSTED_ASN] = "asn", [TRUSTED_PRINCIPAL] = "principal",
    [TRUSTED_KEY_READER] = "key_reader", [TRUSTED_AGENT] = "agent",
};

size_t trusted_len(const struct trusted *t)
{
    return t ? t->len : 0;
}

void trusted_look(const struct trusted *t, size_t i, struct trusted_view *ret)
{
    const struct entry *e = &t->at[i];

    *ret = (struct trusted_view){ .kind = words[e->kind], .value = e->value[e->kind], .note = e->note ? e->note : "",
                                  .until_ns = e->until_ns, .warn_before_ns = e->warn_before_ms * NS_PER_MS,
                                  .is_everywhere = e->accounts.len == 0 };
}

struct trusted_use trusted_use(const struct trusted *t, size_t i)
{
    return (struct trusted_use){ .last_ns = t->uses[i].last_ns, .days = __builtin_popcountll(t->uses[i].days) };
}

/* ---- use, kept ----------------------------------------------------------------------------------- */

bool trusted_has_news(const struct trusted *t)
{
    return t && *t->has_news;
}

void trusted_mark_saved(const struct trusted *t)
{
    if (t)
        *t->has_news = false;
}

/* What an entry is known by when the list was written anew: its note and its end may change. */
static struct json_object *name_of(const struct entry *e)
{
    CLEANUP(buf_release) struct buf name = BUF_INIT(1u << 20);

    buf_addf(&name, "%s %s", words[e->kind], e->value[e->kind]);
    for (size_t i = 0; i < e->accounts.len; i++)
        buf_addf(&name, "\n%s", e->accounts.at[i]);
    return json_object_new_string_len(buf_cstr(&name), (int)name.len);
}

void trusted_save(const struct trusted *t, struct buf *out)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < t->len; i++) {
        struct json_object *o = t->uses[i].days ? json_object_new_object() : NULL;

        if (!o)
            continue;
        (void)json_object_object_add(o, "entry", name_of(&t->at[i]));
        (void)json_object_object_add(o, "last", json_object_new_int64(t->uses[i].last_ns));
        (void)json_object_object_add(o, "days", json_object_new_uint64(t->uses[i].days));
        (void)json_object_array_add(list, o);
    }
    buf_add_str(out, json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN));
    json_object_put(list);
}

static void load_entry(const struct trusted *t, size_t i, struct json_object *list)
{
    struct json_object *mine = name_of(&t->at[i]), *days = NULL;

    for (size_t k = 0; mine && k < json_object_array_length(list); k++) {
        struct json_object *o = json_object_array_get_idx(list, k);

        if (strcmp(json_text(o, "entry", ""), json_object_get_string(mine)) == 0 &&
            json_object_object_get_ex(o, "days", &days))
            t->uses[i] = (struct use){ .last_ns = json_number(o, "last"), .days = json_object_get_uint64(days) };
    }
    json_object_put(mine);
}

void trusted_load(const struct trusted *t, struct slice text)
{
    struct json_object *list = NULL;
    struct error ignored = { 0 };

    if (!t)
        return;
    memset(t->uses, 0, t->len * sizeof *t->uses);
    *t->has_news = false;
    if (json_read(text, &list, &ignored) < 0)
        return;
    if (json_object_is_type(list, json_type_array))
        for (size_t i = 0; i < t->len; i++)
            load_entry(t, i, list);
    json_object_put(list);
}

void trusted_warn(const struct trusted *t, int64_t now_ns, void (*fn)(void *self, const char *name, const char *what),
                  void *self)
{
    for (size_t i = 0; t && i < t->len; i++) {
        CLEANUP(buf_release) struct buf name = BUF_HERE(2048), what = BUF_HERE(256);
        const struct entry *e = &t->at[i];

        if (!expiry_say(&what, e->until_ns, e->warn_before_ms * NS_PER_MS, now_ns))
            continue;
        buf_addf(&name, "%s %s", words[e->kind], e->value[e->kind]);
        if (e->note)
            buf_addf(&name, " (%s)", e->note);
        fn(self, buf_cstr(&name), buf_cstr(&what));
    }
}
