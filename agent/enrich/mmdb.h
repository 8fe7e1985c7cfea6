/* mmdb.h - libmaxminddb, with a look at the bytes before it.
 *
 * Debian 12's libmaxminddb (1.7.1) believes what a file says of itself in four places, and a damaged or made-up file then
 * ends the process: it multiplies the number of nodes in 32 bits, and goes to a tree that lies beyond the file; it reads
 * a description that is shorter than a number behind its end; it steps over what stands in what stands in what by calling
 * itself, without a limit; and it lays out a description whose pointers lead to pointers, twice as much at each. Later ones
 * mend most of it (1.9 and on, their Changes.md). Nothing here reads an address: it is looked at whether reading can go wrong.
 *
 * What is mapped is a copy that nobody else can reach: who writes into a mapped file, as `gunzip -c > file` does, pulls the
 * ground from under every reader (SIGBUS), or has it read half of the old and half of the new.
 *
 * Threads: none of their own; a database is used by one at a time.
 * Source: MaxMind DB file format 2.0.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_MMDB_H
#define COSMOWATCH_MMDB_H

#include "base/error.h"

#include <maxminddb.h>

/* MMDB_open() of a file that does not end it. ERR_IO: it cannot be read; ERR_INPUT: it is no database, and why; ERR_NOMEM:
 * no memory or descriptor now. MMDB_close() when it is done with. */
MUST_CHECK int mmdb_open(const char *path, MMDB_s *ret, struct error *err);
/* MMDB_aget_value(), a step at a time: path ends with NULL. False: nothing is there, or nothing to be walked over. */
bool mmdb_value(const MMDB_entry_s *from, const char *const *path, MMDB_entry_data_s *ret);

#endif
