/* bin.h - what one subject did in one hour or day, while rows of it may still come.
 *
 * Everything in it is a sum, a smallest, a largest or a union, so order and split of rows do not matter. A
 * detector tells the whole bin when it crosses its limit, and each further observation as an increment:
 * alerts merge by adding, and end up the same.
 *
 * A bin of a day may span the end of learning. Rows from before it are never told, so they belong into a bin of
 * their own (another tag), or which rows an alert holds would hang on their order.
 *
 * Bins of all detectors share one memory (the detector's own tag is in the key) and are forgotten when no
 * row of them can come any more.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_BIN_H
#define COSMOWATCH_KIT_BIN_H

#include "detectors/detector.h"
#include "detectors/kit/few.h"
#include "detectors/kit/reader.h"

extern const struct baseline_memory bin_memory, bin_addresses_memory; /* list both in the detector's memories */

#define BIN_SAMPLE 40 /* bytes with the NUL: a uuid fits */

struct bin {
    int64_t bytes, requests, ru_milli;
    int64_t first_ns, last_ns;
    uint64_t marks;                                  /* the detector's own union of bits */
    uint32_t query, read_feed, read, execute, other; /* requests by operation */
    uint32_t other_ok, not_modified, absent, refused; /* requests by status: 2xx but 200, 304, 404, the rest */
    char sample[BIN_SAMPLE];                         /* the smallest ActivityId */
    struct address address;                          /* the first one seen; further ones apart */
    uint8_t has_address, has_more_addresses, is_told, padding;
};

struct bin_key {
    char tag[8];      /* "volume R" */
    uint64_t subject; /* hash */
    int64_t start_ns; /* of the hour or day */
};

/* The bin of a key, NULL without memory. Valid until the next one is put. */
struct bin *bin_put(const struct detector_context *ctx, const struct observation *obs, const struct bin_key *key);
/* `marks` are the bits that this observation adds to the union. */
void bin_add(struct bin *b, const struct observation *obs, int64_t bytes, uint64_t marks);
void bin_add_address(struct bin *b, const struct detector_context *ctx, const struct observation *obs,
                     const struct bin_key *key, const struct reader *r);
/* What is to be told of a bin that crossed its limit: all of it at first, then what `obs` alone adds (made in
 * *room). Marks the bin as told. */
const struct bin *bin_tell(struct bin *b, const struct observation *obs, int64_t bytes, uint64_t marks,
                           const struct reader *r, struct bin *room);
/* Forget bins that can get no row any more. Only tidies up: whoever would have used such a bin is beyond the
 * horizon. *swept_ns is the caller's, zero at first. */
void bin_sweep(int64_t *swept_ns, const struct detector_context *ctx);

/* Facts. Texts live in the room until the draft is emitted. */
#define BIN_ADDRESSES (FACT_SET_MAX + 1) /* one more than an alert keeps, so that it can say "more" */
struct bin_facts {
    struct fact_list f;
    char addresses[BIN_ADDRESSES][ADDRESS_TEXT_MAX], hour[32];
};
void bin_facts_sums(struct fact_list *f, const struct bin *part);
void bin_facts_addresses(struct bin_facts *f, const struct detector_context *ctx, const struct observation *obs,
                         const struct bin *part, const struct bin_key *key);
/* Reader, principal or key kind, user agent, network, database, container. */
void bin_facts_reader(struct fact_list *f, const struct observation *obs, const struct reader *r);
/* "hours": the hour of the observation. */
void bin_facts_hour(struct bin_facts *f, const struct observation *obs);

#endif
