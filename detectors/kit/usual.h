/* usual.h - which values an account is used with (countries, programs, principals ...), and how often.
 *
 * One small struct a value: the days of the last 60 on which it was used, by closed slots only (slots.h), so
 * that "never seen" depends on no order of rows. A value judged in slot t is unseen when no slot up to t-2
 * held it; so a value that is new today may stay new in the next slot.
 *
 * Words for people (GuardDuty's, with numbers): FREQUENT at least one active day a week, INFREQUENT at least
 * one a month, RARE less, UNSEEN none in 60 days.
 *
 * Two more things are remembered an account and kind of value:
 *   - the values themselves (at most USUAL_LISTED, the smallest in text order), to be shown in an alert;
 *   - on which days something new turned up. Where new values are everyday life (pods that carry their
 *     build in the user agent, a crowd of administrators), one more is no news: usual_is_restless().
 *
 * Memory: usual.value 64 bytes each; a flood of addresses lives in a memory of its own and cannot push out
 * what is rare and known. Least recently seen leaves first.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_USUAL_H
#define COSMOWATCH_KIT_USUAL_H

#include "baseline/baseline.h"
#include "baseline/slots.h"

enum usual_what { /* part of the durable key: never change a letter */
    USUAL_COUNTRY = 'c',
    USUAL_FAMILY = 'a',     /* program */
    USUAL_SCRIPT = 's',     /* product of a scripting client */
    USUAL_PRINCIPAL = 'p',
    USUAL_KEY = 'k',        /* PrimaryMasterKey ... AadToken */
    USUAL_RIGHTS = 'w',     /* what a client signs in with */
    USUAL_CLIENT = 'l',     /* program + network */
    USUAL_NETWORK = 'n',
    USUAL_ADDRESS = 'i',    /* an address that got in; both in the memory of addresses */
    USUAL_REFUSED = 'f',    /* one that was refused */
    USUAL_PROVIDER = 'o',
    USUAL_PATH = 't',       /* private, public */
    USUAL_REGION = 'r',
    USUAL_WIDE_OF_KEY = 'x', /* only that there are new ones (usual_note_new) */
    USUAL_CELL = 'g',       /* principal + where on the globe */
    USUAL_APP_ID = 'd',     /* application id that administers the account */
    USUAL_MANAGED_FROM = 'm', /* neighbourhood that it is administered from */
    USUAL_DESTROYER = 'b',  /* who deletes containers: only that there are new ones (usual_note_new) */
    USUAL_ROAMING = 'v',    /* a client that takes a container from a network new to it (kit/reader.h) */
};

#define USUAL_DAYS 60
#define USUAL_LISTED 12
#define USUAL_TEXT_MAX 40

extern const struct baseline_memory usual_value_memory, usual_address_memory, usual_list_memory;
/* For a detector's .memories. */
#define USUAL_MEMORIES &usual_value_memory, &usual_address_memory, &usual_list_memory

struct usual_view {
    int32_t active_days; /* of the last 60, by closed slots; 0: unseen */
    int32_t span_days;   /* since it was first seen, at most 60 */
    int32_t age_days;    /* since it was first seen by a closed slot; -1: never */
    int32_t last_day;    /* days since 1970 of the newest closed day; -1: never */
    bool is_first_touch; /* first row of its slot (says nothing about closed slots) */
};

/* Note the value, and say what was known of it. An empty value is no value: unseen, not noted. */
struct usual_view usual_touch(struct baseline *b, struct slice account, enum usual_what what,
                              struct slice value, int64_t minute_ns);
/* Look only. */
struct usual_view usual_look(struct baseline *b, struct slice account, enum usual_what what,
                             struct slice value, int64_t minute_ns);
const char *usual_word(const struct usual_view *v);
static inline bool usual_is_unseen(const struct usual_view *v)
{
    return v->active_days == 0;
}

/* Something new of this kind turned up. Call it for every unseen value, also while learning. */
void usual_note_new(struct baseline *b, struct slice account, enum usual_what what, int64_t minute_ns);
/* New values turned up on more than a few days of the last 30 (the account's first days do not count). */
bool usual_is_restless(struct baseline *b, struct slice account, enum usual_what what, int64_t minute_ns);

/* Note the value in the list that alerts show; only useful when it is the first touch of a slot. */
void usual_list_add(struct baseline *b, struct slice account, enum usual_what what, struct slice value,
                    int64_t minute_ns);
/* fn for each listed value, each with its word: "NL (FREQUENT)" is up to the caller. */
void usual_list_each(struct baseline *b, struct slice account, enum usual_what what, int64_t minute_ns,
                     void (*fn)(void *self, struct slice value, const struct usual_view *v), void *self);

#endif
