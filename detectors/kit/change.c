/* change.c - see change.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/change.h"

#include "base/map.h"
#include "base/timeutil.h"
#include "enrich/enrich.h"

#include <stdio.h>
#include <string.h>

static struct slice operation_of(const struct observation *obs, char room[CHANGE_OPERATION_MAX])
{
    return slice_lower(slice_trim(obs->text[F_OPERATION]), room, CHANGE_OPERATION_MAX);
}

/* The record holds the account's id, and apart from it what is inside the account. */
static struct slice resource_of(const struct observation *obs, char room[CHANGE_RESOURCE_MAX])
{
    struct slice id = obs->text[F_RESOURCE_ID], uri = obs_extra(obs, F_RESOURCE_URI);

    if (slice_empty(uri) || id.len + 1 + uri.len > CHANGE_RESOURCE_MAX)
        return id;
    if (id.len)
        memcpy(room, id.at, id.len);
    room[id.len] = '/';
    memcpy(room + id.len + 1, uri.at, uri.len);
    return slice_make(room, id.len + 1 + uri.len);
}

/* A long operation may end with "Accept" and never say more: what was accepted is under way. */
static enum key_outcome outcome_of(const struct key_event *by)
{
    struct slice status = obs_extra(by->obs, F_ACTIVITY_STATUS);

    return by->outcome == KEY_PENDING && slice_starts_nocase(status, SL("Accept")) ? KEY_DONE : by->outcome;
}

bool change_read(const struct observation *obs, struct change *ret)
{
    if (obs->kind != OBS_ACTIVITY)
        return false;
    *ret = (struct change){ .outcome = KEY_PENDING };
    ret->resource = resource_of(obs, ret->resource_room);
    (void)key_event_read(obs, &ret->by); /* whatever was done: who did it is read in any case */
    ret->by.account = obs->text[F_ACCOUNT];
    ret->operation = operation_of(obs, ret->room);
    ret->outcome = outcome_of(&ret->by);
    return !slice_empty(ret->operation) && ret->outcome != KEY_PENDING && !slice_empty(ret->by.caller) &&
           ret->by.tool != KEY_TOOL_MICROSOFT;
}

bool change_is_under(const struct change *c, const char *prefix)
{
    struct slice p = slice_of(prefix);

    return slice_starts(c->operation, p) && (c->operation.len == p.len || c->operation.at[p.len] == '/');
}

bool change_is(const struct change *c, const char *operation)
{
    return slice_eq(c->operation, slice_of(operation));
}

struct slice change_last_part(struct slice id)
{
    size_t at = id.len;

    if (slice_empty(id))
        return id;
    while (at > 0 && id.at[at - 1] != '/')
        at--;
    return slice_make(id.at + at, id.len - at);
}

bool change_is_repeat(struct baseline *b, const struct change *c, char who)
{
    struct key_event once = c->by;
    char target[20];
    int n = snprintf(target, sizeof target, "%016" PRIx64, hash64(c->resource.at, c->resource.len, 0));

    once.outcome = c->outcome; /* of Accept and Success one is told */
    /* What was changed tells operations apart, not the account it belongs to: of an id all counts, to its end. */
    once.account = slice_make(target, (size_t)n);
    return key_event_is_repeat(b, &once, who);
}

static struct slice caller_key(char kind, struct slice caller, char room[CALLER_MAX + 2])
{
    room[0] = kind;
    room[1] = '\x1f'; /* no name holds it */
    if (caller.len)
        memcpy(room + 2, caller.at, caller.len);
    return slice_make(room, caller.len + 2);
}

struct habits {
    struct baseline *b;
    const struct baseline_memory *memory;
    bool is_long;
};

static void note_one(const struct habits *h, const struct change *c, struct slice account, struct slice key,
                     struct habit_view *ret)
{
    int64_t t = c->by.obs->minute_ns;
    struct slice label = slice_empty(c->by.caller) ? account : c->by.caller;

    if (c->outcome != KEY_DONE)
        (h->is_long ? habit_look_long : habit_look)(h->b, h->memory, account, key, t, ret);
    else
        (h->is_long ? habit_note_long : habit_note)(h->b, h->memory, account, key, label, t, ret);
}

static void note(const struct habits *h, char kind, const struct change *c, struct change_usual *ret)
{
    char room[CALLER_MAX + 2];
    struct slice account = c->by.account;
    struct key_event by = c->by;

    *ret = (struct change_usual){ .is_young = true };
    by.outcome = c->outcome;
    key_event_note(h->b, &by, &ret->by);
    note_one(h, c, SL(""), caller_key(kind, by.caller, room), &ret->caller);
    if (slice_empty(account)) {
        ret->is_young = !ret->by.is_logged;
        return;
    }
    note_one(h, c, account, caller_key(kind, by.caller, room), &ret->caller_here);
    note_one(h, c, account, caller_key(kind, SL(""), room), &ret->here);
    ret->is_young = key_event_is_learning(h->b, &by, &ret->by);
}

void change_note(struct baseline *b, const struct baseline_memory *habits, char kind, const struct change *c,
                 struct change_usual *ret)
{
    note(&(struct habits){ .b = b, .memory = habits }, kind, c, ret);
}

void change_note_long(struct baseline *b, const struct baseline_memory *habits, char kind, const struct change *c,
                      struct change_usual *ret)
{
    note(&(struct habits){ .b = b, .memory = habits, .is_long = true }, kind, c, ret);
}

/* Take `c` off the front of the text, with the blanks and backslashes before it: a quote of text in text is \" or \\\". */
static bool take(struct slice *text, char c)
{
    size_t i = 0;

    while (i < text->len && (text->at[i] == '\\' || text->at[i] == ' '))
        i++;
    if (i == text->len || text->at[i] != c)
        return false;
    *text = slice_make(text->at + i + 1, text->len - i - 1);
    return true;
}

struct slice change_says(const struct change *c, const char *name)
{
    struct slice text = obs_extra(c->by.obs, F_PROPERTIES), word = slice_of(name);
    size_t at;

    while ((at = slice_find_nocase(text, word)) != SIZE_MAX) {
        bool is_name = at > 0 && text.at[at - 1] == '"';
        size_t end = 0;

        text = slice_make(text.at + at + word.len, text.len - at - word.len);
        if (!is_name || !take(&text, '"') || !take(&text, ':') || !take(&text, '"'))
            continue;
        while (end < text.len && text.at[end] != '"' && text.at[end] != '\\')
            end++;
        if (end > 0 && end < text.len)
            return slice_make(text.at, end);
    }
    return SL("");
}

bool change_is_trusted(const struct detector_context *ctx, const struct change *c)
{
    const struct slice names[] = { c->by.caller, c->by.app_id };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!slice_empty(names[i]) &&
            enrich_trusts(ctx->enrich, TRUSTED_PRINCIPAL, c->by.account, names[i], c->by.obs->minute_ns))
            return true;
    return false;
}

void change_keep_text(char *room, struct slice text, size_t size)
{
    text = slice_cut(text, size - 1);
    if (!room[0] && !slice_empty(text) && !memchr(text.at, '\0', text.len))
        slice_keep(text, room, size);
}

void change_keep(struct change_by *by, const struct change *c)
{
    const struct observation *obs = c->by.obs;

    change_keep_text(by->caller, c->by.caller, sizeof by->caller);
    change_keep_text(by->caller_name, obs_extra(obs, F_CALLER_NAME), sizeof by->caller_name);
    change_keep_text(by->app_id, c->by.app_id, sizeof by->app_id);
    change_keep_text(by->tool, slice_of(c->by.tool_name), sizeof by->tool);
    change_keep_text(by->address, obs->text[F_ADDRESS], sizeof by->address);
    if (obs->text[F_PLACE].len < sizeof by->place) /* half a place is none */
        change_keep_text(by->place, obs->text[F_PLACE], sizeof by->place);
    change_keep_text(by->role, obs_extra(obs, F_ROLE), sizeof by->role);
    change_keep_text(by->correlation, obs_extra(obs, F_CORRELATED_ID), sizeof by->correlation);
}

void change_add(struct fact_list *f, const struct change_by *by)
{
    facts_add_set(f, "principal", slice_of(by->caller));
    facts_add_set(f, "callerName", slice_of(by->caller_name));
    facts_add_set(f, "appId", slice_of(by->app_id));
    facts_add_set(f, "application", slice_of(by->tool));
    facts_add_set(f, "address", slice_of(by->address));
    facts_add_set(f, "place", slice_of(by->place));
    facts_add_set(f, "role", slice_of(by->role));
    facts_add_set(f, "correlationId", slice_of(by->correlation));
}

/* ---- telling --------------------------------------------------------------------------------------------- */

int change_confidence(enum severity s)
{
    return s == SEVERITY_HIGH ? 80 : s == SEVERITY_MEDIUM ? 60 : 40;
}

int change_emit(const struct change_alert *a, const struct change *c, struct fact_list *f, const struct detector_context *ctx,
                struct error *err)
{
    const struct observation *obs = c->by.obs;
    struct change_by by = { .caller = "" };

    change_keep(&by, c);
    change_add(f, &by);
    facts_add_set(f, "changed", c->resource);
    if (a->is_counted) {
        facts_add_map(f, "operations", c->operation, 1);
        facts_add_number(f, c->outcome == KEY_DONE ? "requests" : "failedRequests", FACT_SUM, 1);
    }
    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = a->detector, .state_version = 1, .type = a->type, .variant = a->variant, .severity = a->severity,
        .confidence = a->confidence, .api = obs->api, .account = c->by.account, .resource_id = obs->text[F_RESOURCE_ID],
        .subject = a->subject, .bucket_ns = time_floor(obs->minute_ns, NS_PER_DAY), .first_ns = obs->first_ns,
        .last_ns = obs->last_ns, .count = a->is_counted ? 1 : 0, .is_aside = !a->is_counted, .facts = f->at,
        .facts_len = f->len }, err);
}
