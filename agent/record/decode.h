/* decode.h - bytes from outside -> records. The only place that knows simdjson.
 *
 * Forms: a query-API answer {"tables":[{"columns":[],"rows":[[]]}]} (streamed in row order, any
 * number of tables; `error` beside tables is reported); NDJSON and JSON arrays of row objects (column
 * names as keys in any case, `Type` names the table); Event Hubs / storage envelopes
 * {"records":[{time,resourceId,category,operationName,properties:{all strings}}]}, one per line,
 * concatenated or in arrays. A row that cannot be decoded goes to on_bad with its reason; its
 * neighbours go on. Foreign bytes: bounded depth, bounded memory; never trips an assert.
 * A decoder is used by one thread at a time; its buffers are reused between calls (no allocation
 * per row in steady state).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_DECODE_H
#define COSMOWATCH_DECODE_H

#include "base/error.h"
#include "record/record.h"

struct apart;
struct apart_left_out;
struct decoder;

struct decode_sink {
    void *self;
    /* One record; its slices die when this returns. -1 stops the decoding with err. NULL: rows are decoded and counted. */
    int (*on_record)(void *self, const struct record *rec, struct error *err);
    /* A row that could not be decoded: the raw text (cut to 4 KiB) and why. May be NULL. */
    void (*on_bad)(void *self, struct slice raw, const char *reason);
    /* The columns of the next table of an answer, before its rows. May be NULL. */
    void (*on_columns)(void *self, const struct slice *names, size_t n);

    /* For who works where a decoder may die (decode_apart.c): the number of the row being read is kept here, from 0; rows of
     * this list, in order, are stepped over and given to on_bad. */
    _Atomic uint64_t *row;
    const struct apart_left_out *left_out;
    size_t left_out_len;
};

struct decode_result {
    int64_t records, bad;
    int64_t skipped; /* rows of tables that we do not know */
    /* A 200 with `error` beside `tables` (query API). */
    bool is_partial;
    char error_code[64];   /* innermost code, "E_QUERY_RESULT_SET_TOO_LARGE" when the text has it */
    char error_text[200];
};

struct decoder *decoder_new(void); /* NULL without memory */
/* One that has a process apart read (apart/apart.h): what it hands on is the same, and what comes of a row that ends that
 * process is in on_bad. Beyond what is said below its calls fail with ERR_IO when there is no such process, and with
 * ERR_PARTIAL when the bytes end it wherever one begins: fewer at a time may go. `a` is borrowed. */
struct decoder *decoder_new_apart(struct apart *a);
void decoder_free(struct decoder *d);

/* A whole query-API answer in memory. `at` must have DECODE_PADDING readable bytes after len.
 * `table` is used when the answer has no `Type` column. Our summarize queries name their columns like
 * the table's, plus RowCount, FirstTime, LastTime, RequestChargeMilli, DurationUs, Place. */
#define DECODE_PADDING 64
MUST_CHECK int decode_answer(struct decoder *d, const char *at, size_t len, enum table table,
                             const struct decode_sink *sink, struct decode_result *ret,
                             struct error *err);

/* The answer that the last call was given, once more; the bytes have to be there still, unchanged. */
MUST_CHECK int decode_answer_again(struct decoder *d, const struct decode_sink *sink, struct decode_result *ret,
                                   struct error *err);

/* Any of the export forms, detected from the bytes. Padding as above. */
MUST_CHECK int decode_export(struct decoder *d, const char *at, size_t len, enum table table_hint,
                             const struct decode_sink *sink, struct decode_result *ret,
                             struct error *err);

#endif
