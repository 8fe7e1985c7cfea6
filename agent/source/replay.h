/* replay.h - exported rows of any supported form, from files, as observations: `cosmowatch replay`.
 *
 * Files in any order, rows in any order, requests and query texts in different files: the same set of
 * rows gives the same observations. A file given twice (the same content, packed or not) counts once; so
 * does a row given twice, where rows carry an _ItemId. Memory is bounded.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_REPLAY_H
#define COSMOWATCH_REPLAY_H

#include "base/error.h"
#include "fold/fold.h"

#define REPLAY_MAX_BYTES ((size_t)4 << 30)

struct apart;
struct replay;

struct replay_config {
    struct apart *reader; /* where rows are parsed; NULL: here */
    size_t max_bytes;  /* of memory; 0: REPLAY_MAX_BYTES */
    enum table table;  /* of rows that do not say; TABLE_NONE: by the file's name, if it is a table's */
    void *bad_self;    /* rows that could not be read; may be NULL */
    void (*on_bad)(void *self, const char *path, struct slice raw, const char *reason);
    void *progress_self;
    void (*on_progress)(void *self, int64_t bytes); /* unpacked bytes read so far; may be NULL */
};

struct replay_counts {
    int64_t files, repeated_files, bytes;
    int64_t records;       /* read, repeated ones included */
    int64_t repeated_rows; /* of them, left out */
    int64_t bad;           /* rows that could not be read */
    int64_t skipped;       /* rows of tables that are not ours, or about other resources */
    int64_t texts_joined, texts_alone;
};

MUST_CHECK int replay_new(const struct replay_config *cfg, struct replay **ret, struct error *err);
void replay_free(struct replay *r);
void replay_freep(struct replay **r);
/* "-": standard input. ERR_NOT_FOUND, ERR_IO, ERR_INPUT (cut gzip, a damaged document), ERR_LIMIT. */
MUST_CHECK int replay_add_file(struct replay *r, const char *path, struct error *err);
/* Rows in memory. `text` must have DECODE_PADDING readable bytes after it (decode.h); `name` stands in messages. */
MUST_CHECK int replay_add_text(struct replay *r, const char *name, struct slice text, struct error *err);
/* After the last file: join query texts with their requests. */
MUST_CHECK int replay_finish(struct replay *r, struct error *err);
/* By (minute, kind, key); a view. */
const struct observation *replay_observations(struct replay *r, size_t *ret_n);
const struct replay_counts *replay_counts(const struct replay *r);

#endif
