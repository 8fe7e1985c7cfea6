/* mmdb.h - a small .mmdb made by the test itself (MaxMind DB format 2.0, IPv6 tree, records of 24 bits).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_MMDB_H
#define COSMOWATCH_TEST_MMDB_H

#include "base/slice.h"

#include <stddef.h>

struct mmdb_entry {
    const char *cidr;    /* "203.0.113.0/24"; entries do not overlap */
    const char *country; /* NULL: none */
    const char *city;
    double lat, lon;     /* 0, 0: none */
    unsigned asn;        /* 0: none */
    const char *org;
    int is_flat;         /* country_code instead of country.iso_code */
};

/* Writes to path by renaming a finished file over it. build_epoch: seconds. Any failure ends the test. */
void mmdb_write(const char *path, const char *type, long build_epoch, const struct mmdb_entry *entries, size_t n);

/* A file whose tree is one node that leads every address to `data`, and that says it has `nodes`. */
void mmdb_write_one(const char *path, struct slice data, unsigned nodes);
/* A file of any bytes. */
void mmdb_write_bytes(const char *path, struct slice bytes);

#endif
