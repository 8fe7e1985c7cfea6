/* key_use.h - a request with an account key, seen by where it came from: the networks and client programs an account's keys
 * are used from (stolen_key.places), and the requests from elsewhere that are told together.
 * Elsewhere is a public address, neither trusted nor Microsoft's, in a /24 (IPv6: /64) from which no key came in HABIT_DAYS;
 * a /16 that is known counts as known when the client program is known too.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KEY_USE_H
#define COSMOWATCH_KEY_USE_H

#include "detectors/detector.h"
#include "detectors/kit/access.h"
#include "detectors/kit/few.h"
#include "detectors/kit/key_event.h"
#include "enrich/prefix.h"

#define KEY_USE_KINDS 4     /* the account's keys; those for reading only come last */
#define KEY_USE_BUCKETS 256 /* a wide network is one of these; IPv4 the upper half */
extern const char *const key_use_kinds[KEY_USE_KINDS]; /* as Azure names them */
bool key_use_is_readonly(size_t kind);
uint8_t key_use_bucket(const struct network_of *net);

extern const struct baseline_memory key_places_memory; /* networks, wide networks, client programs */

struct key_use { /* requests from elsewhere that are told together */
    int64_t count, bytes_out, bytes_in, ru_milli, reads, writes, others;
    int64_t first_ns, last_ns, log_days;
    int32_t api;
    uint8_t is_told, padding[3];
    char sample[FEW_TEXT];
    struct few addresses, agents, containers, networks;
};

void key_use_add(struct key_use *to, const struct key_use *more);
void key_use_facts(struct fact_list *f, const struct key_use *u, size_t kind);

/* Addresses read lately. Saves work, judges nothing: part of a detector's self. */
struct key_request_memo {
    struct {
        char text[ADDRESS_TEXT_MAX];
        uint32_t len;
        bool is_public;
        struct network_of net;
    } networks[64];
};

struct key_request {
    struct key_request_memo *memo;
    const struct observation *obs;
    const struct detector_context *ctx;
    int32_t len, slot;
    size_t kind;          /* index of key_use_kinds[] */
    struct agent agent;
    struct slice product;
    struct network_of net;
    bool is_elsewhere, is_new_wide, is_new_agent;
};

/* With memo, obs, ctx, len and slot filled in: fills the rest and notes the places. False: no successful request with an account
 * key. */
bool key_request_read(struct key_request *r);
struct key_use key_use_of(const struct key_request *r);

/* The key of what is kept per slot, or (place not SIZE_MAX) per slot and place. In room. */
struct slice key_slot(int32_t slot, size_t place, char room[32]);

#endif
