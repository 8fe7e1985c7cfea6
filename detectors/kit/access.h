/* access.h - what the detectors of unusual access read from a request, and how they tell of it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_ACCESS_H
#define COSMOWATCH_KIT_ACCESS_H

#include "detectors/detector.h"
#include "detectors/kit/usual.h"
#include "enrich/caller.h"
#include "enrich/places.h"
#include "enrich/user_agent.h"

/* ---- the program ----------------------------------------------------------------------------------- */

#define AGENT_TEXT_MAX 192

struct agent {
    enum agent_kind kind;
    bool is_pentest;       /* runs on a distribution made for attacking */
    struct slice name;     /* what tells programs apart: the family, without versions; a driver by its own name; for an unknown text its
                              first word without a number at its end; empty when the text says nothing */
    struct slice product;  /* "curl", "PostmanRuntime" */
};

/* Texts that were read lately: the same few come all day, and reading one costs more than judging it. Saves
 * work, judges nothing. */
struct agent_memo {
    struct agent_memo_entry {
        char text[AGENT_TEXT_MAX];
        uint32_t len;
        struct agent agent; /* views into text */
    } at[64];
};

/* Valid until the next call with the same memo, or as long as text. */
struct agent agent_read(struct agent_memo *memo, struct slice text);

/* ---- where from ---------------------------------------------------------------------------------------- */

/* The neighbourhood of an address: /16 of IPv4, /32 of IPv6, "private" for what no outsider can have. Hosts
 * of one application come and go within it. */
struct neighbourhood {
    char at[8];
    size_t len;
};
struct neighbourhood neighbourhood_of(struct slice address);
static inline struct slice neighbourhood_slice(const struct neighbourhood *n)
{
    return slice_make(n->at, n->len);
}

/* ---- both -------------------------------------------------------------------------------------------- */

/* What most detectors ask of a request, read once for all of them (detector_context.caller). */
struct caller {
    struct agent agent;
    struct neighbourhood near;
};
struct caller caller_of(struct agent_memo *memo, const struct observation *obs);

/* Note the neighbourhood of a successful request, and say what was known of it. */
struct usual_view access_touch_network(const struct detector_context *ctx, const struct observation *obs);

/* Program and neighbourhood together: "a client that was here before", whatever host it runs on today. */
#define CLIENT_KEY_MAX 256
struct slice client_key(const struct agent *a, const struct neighbourhood *n, char room[CLIENT_KEY_MAX]);

/* The operator's trusted list, for the address or anything else of the request. */
bool access_trusts(const struct detector_context *ctx, const struct observation *obs, enum trusted_kind kind,
                   struct slice value);
/* Who: the principal, else the kind of key, else "unknown credential". */
struct slice access_who(const struct observation *obs);
/* Data plane, account known, not the service talking to itself. */
bool access_is_customers(const struct observation *obs);

/* ---- telling --------------------------------------------------------------------------------------------- */

#define ACCESS_WEEK_NS (7 * NS_PER_DAY)
#define ACCESS_FACTS_MAX 64

struct access_facts {
    struct fact_value at[ACCESS_FACTS_MAX];
    size_t len;
    char status[16], place[PLACE_TEXT_MAX], baseline[96];
    char usual[USUAL_LISTED][USUAL_TEXT_MAX + 16];
    size_t usual_len;
};

void access_add_set(struct access_facts *f, const char *name, struct slice text);
void access_add_number(struct access_facts *f, const char *name, enum fact_kind kind, int64_t number);
void access_add_map(struct access_facts *f, const char *name, struct slice key, int64_t number);
/* Everything a request says; the sums only when it is counted here. */
void access_add_request(struct access_facts *f, const struct observation *obs, const struct place *place,
                        bool is_counted);
/* "usualValues": up to USUAL_LISTED with their words; "baseline": what is remembered. */
void access_add_usual(struct access_facts *f, const struct detector_context *ctx, const struct observation *obs,
                      enum usual_what what, const struct usual_view *seen);

struct access_alert {
    const char *detector, *type, *variant;
    enum severity severity;
    int confidence;
    struct slice subject;
    bool is_counted;
    bool is_daily; /* bucket: its UTC day; else its week */
};
/* One observation as (part of) an alert. What is new stays new for two slots, which are seldom one day: so that
 * one piece of news is one alert its bucket is a week, and its type open as long (open_days). */
int access_emit(const struct access_alert *a, const struct observation *obs, const struct access_facts *f,
                const struct detector_context *ctx, struct error *err);

#endif
