/* parts.h - an alert taken apart for the encoders: whom it is about, the detail keys, the steps.
 *
 * The meaning of facts stands here once; an encoder only knows its receiver's spelling. Keys of details are
 * those of Defender for Cloud's alerts where it has them (a real export of a Defender alert for databases,
 * elastic/integrations), so that parsers of SIEMs keep working; the others are ours in the same style.
 * Texts are foreign and unescaped: the encoder's format must keep them from ending a value.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OUTPUT_PARTS_H
#define COSMOWATCH_OUTPUT_PARTS_H

#include "base/buf.h"
#include "base/slice.h"

struct alert;
struct fact;

enum entity_kind { ENTITY_RESOURCE, ENTITY_IP, ENTITY_ACCOUNT, ENTITY_APPLICATION };

struct entity_place { /* where an address is; unknown texts are empty */
    struct slice country, state, city; /* names as the workspace gives them */
    bool has_point;
    double latitude, longitude;
};

struct entity_threat {
    const char *feed;       /* name of the list */
    const char *category;   /* "tor", "botnet" ...; "" when the lists disagree */
    int confidence;         /* 0..100, -1 unknown */
    int64_t since_ns;       /* listed since, INT64_MIN unknown */
};

struct entity {
    enum entity_kind kind;
    struct slice id;        /* resource id, address, principal or application id */
    struct slice name, suffix; /* ACCOUNT written user@domain: its two halves; else empty */
    const struct entity_place *place;   /* IP: NULL when unknown or not told apart from others */
    const struct entity_threat *threats;/* IP */
    size_t threats_len;
};

/* The resource first, then what attacked it. All borrowed for the call of fn. */
void parts_each_entity(const struct alert *a, void (*fn)(void *self, const struct entity *e), void *self);

/* Detail keys with their texts, in a fixed order; unknown ones are left out. False: memory was refused to some. */
MUST_CHECK bool parts_each_detail(const struct alert *a, void (*fn)(void *self, const char *key, struct slice value),
                       void *self);

/* One step of a list of the catalogue, expanded: investigate, remediate, prevent. False: memory was refused to some. */
MUST_CHECK bool parts_each_step(const struct alert *a, const char *const *steps,
                     void (*fn)(void *self, struct slice text), void *self);

/* "a, b, c (+2)" of a set, "Query=120, ReadFeed=8" of a map. */
void parts_add_list(struct buf *out, const struct fact *f, size_t shown_max);

/* Is a number of this name a time (ns since 1970)? */
bool parts_is_time(const char *fact_name);

/* "T1078" of "T1078.004". */
struct slice parts_technique(const char *technique);

#endif
