/* decode_inside.h - what decode.c (query answers) and export.c (files of rows) share. Internal.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_DECODE_INSIDE_H
#define COSMOWATCH_DECODE_INSIDE_H

#include "base/buf.h"
#include "record/decode.h"
#include "record/row.h"

#include <stdatomic.h>

#define BAD_RAW_MAX 4096
#define SHAPES 8
#define LINE_MEMBERS 512

/* Documents inside documents: an array of envelopes of records of properties. Slices of each level
 * must outlive work on the one below, so each has its scanner. */
enum level {
    LEVEL_MANY,
    LEVEL_LIST,
    LEVEL_ITEM,
    LEVEL_RECORDS,
    LEVEL_RECORD,
    LEVEL_PROPERTIES,
    LEVEL_COUNT
};

/* Row objects with the same names in the same order share a plan. */
struct shape {
    enum table table;
    enum column_form form;
    size_t n;
    struct buf names; /* each as length (uint32_t) and bytes */
    struct row_plan plan;
};

struct decoder {
    struct scanner *answer;  /* the whole query answer */
    struct scanner *level[LEVEL_COUNT];
    struct row_maker *maker;
    struct buf clean;        /* a document with its bad bytes replaced */
    struct apart *apart;     /* borrowed; whoever has one reads nothing itself */
    uint64_t body_id;        /* as apart counts bodies */
    struct slice last;       /* of the last decode_answer() */
    enum table last_hint;

    /* the call being served */
    const struct decode_sink *sink;
    struct decode_result *result;
    struct error *err;
    enum table hint;

    /* the table of an answer being read: plans per table and form, made when first needed */
    struct slice names[SCAN_COLUMNS_MAX];
    char *names_text;        /* owned copy */
    size_t names_cap, names_n;
    size_t type_at, category_at; /* column, SIZE_MAX when absent */
    char type_last[64];
    size_t type_last_len;
    enum table type_last_table;
    bool has_plan[TABLE_COUNT][2];
    struct row_plan plans[TABLE_COUNT][2];

    /* row objects */
    struct scan_member members[LINE_MEMBERS];
    struct scan_cell cells[LINE_MEMBERS];
    struct shape shapes[SHAPES];
    size_t shape_last, shape_next;
};

static inline uint64_t decoder_rows_done(const struct decoder *d)
{
    return (uint64_t)(d->result->records + d->result->bad + d->result->skipped);
}

/* What comes next is another row. Whoever looks at its number after our death knows where we were. */
static inline void decoder_mark_row(struct decoder *d)
{
    if (d->sink->row)
        atomic_store_explicit(d->sink->row, decoder_rows_done(d), memory_order_relaxed);
}

void decoder_bad(struct decoder *d, struct slice raw, const char *reason);
/* Hand on one row; -1 when the sink stops. raw NULL: the answer's row of the moment. */
int decoder_row(struct decoder *d, const struct row_plan *p, const struct scan_cell *cells,
                const struct slice *raw);
/* Before anything of a row is looked at: true when it is to be stepped over; on_bad has had it then. is_whole: raw is a
 * document, perhaps of several rows. */
bool decoder_leaves_out(struct decoder *d, struct slice raw, bool is_whole);
bool decoder_is_left_out(const struct decoder *d, bool is_whole);
/* decode_apart.c */
MUST_CHECK int decoder_ask_apart(struct decoder *d, struct slice s, bool is_export);
/* A copy of s without invalid UTF-8 (U+FFFD) and control bytes, padded; false without memory. */
bool decoder_clean(struct decoder *d, struct slice s, struct slice *ret);
/* The query answer in s. */
int decoder_answer(struct decoder *d, struct slice s);

#endif
