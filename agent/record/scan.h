/* scan.h - JSON bytes -> cells: the thin C face of simdjson. No meaning of any column lives here.
 *
 * Everything is forward-only and allocates only when a document is larger than any before it. Slices
 * point into the document itself or into the scanner's own buffer: they live until the next call on
 * the same scanner. The document needs SCAN_PADDING readable bytes after its end. No recursion: depth
 * costs nothing.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SCAN_H
#define COSMOWATCH_SCAN_H

#include "base/slice.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SCAN_PADDING 64

enum scan_kind {
    SCAN_NULL,   /* null, or a string that is empty */
    SCAN_STRING, /* text: unescaped */
    SCAN_TOKEN,  /* text: a number, true or false as spelled */
    SCAN_INT,    /* whole; text: as spelled */
    SCAN_REAL,   /* real; text: as spelled */
    SCAN_OBJECT, /* text: the raw JSON */
    SCAN_ARRAY,  /* text: the raw JSON */
};

struct scan_cell {
    struct slice text;
    union {
        int64_t whole;
        double real;
    };
    enum scan_kind kind;
};

struct scan_member {
    struct slice key; /* unescaped */
    struct scan_cell value;
};

enum scan_want { SCAN_WANT_NOTHING, SCAN_WANT_TEXT, SCAN_WANT_NUMBER };

enum scan_result {
    SCAN_OK,
    SCAN_STOPPED,  /* a callback said so */
    SCAN_CUT,      /* ends too early, or is not JSON */
    SCAN_UTF8,     /* invalid UTF-8 somewhere; nothing was delivered */
    SCAN_CONTROL,  /* a raw control byte inside a string; nothing was delivered */
    SCAN_TRAILING, /* one whole document, then more */
    SCAN_OTHER,    /* valid so far, but not the asked-for form */
    SCAN_MANY,     /* more members or columns than we take */
    SCAN_NOMEM,
};

struct scanner;
struct scanner *scanner_new(void); /* NULL without memory */
void scanner_free(struct scanner *s);

/* {"tables":[{"columns":[{"name"}],"rows":[[...]]}],"error":{}}. Callbacks that return non-zero stop. */
#define SCAN_COLUMNS_MAX 512
struct scan_answer_ops {
    /* The columns of the next table; fill ret_wants[n] with enum scan_want (zeroed before). */
    int (*on_columns)(void *self, const struct slice *names, size_t n, uint8_t *ret_wants);
    /* One row: cells[n] in column order; those not wanted are undefined. A number where text is wanted
     * is SCAN_TOKEN; a string where a number is wanted is SCAN_STRING. */
    int (*on_row)(void *self, const struct scan_cell *cells);
    /* A row of the wrong shape. */
    void (*on_bad)(void *self, struct slice raw, const char *reason);
    /* Asked before a row is looked at: is it to be given to on_bad as it is? NULL: none is. */
    bool (*is_left_out)(void *self);
    /* The raw JSON of `error` beside tables. */
    void (*on_error)(void *self, struct slice raw);
};
/* ret_tables: how many tables were seen. */
enum scan_result scan_answer(struct scanner *s, const char *at, size_t len,
                             const struct scan_answer_ops *ops, void *self, size_t *ret_tables);

/* The text of the row that on_row or on_bad was called for; only from within them. */
struct slice scan_row_text(struct scanner *s);

/* All members of one JSON object, in order; numbers as SCAN_INT / SCAN_REAL with their spelling. */
enum scan_result scan_object(struct scanner *s, const char *at, size_t len,
                             struct scan_member *ret, size_t max, size_t *ret_n);

/* The raw JSON of each item of one JSON array; fn returning non-zero stops. */
enum scan_result scan_array(struct scanner *s, const char *at, size_t len,
                            int (*fn)(void *self, struct slice raw), void *self);

/* The raw JSON of each of several documents written one after the other. */
enum scan_result scan_many(struct scanner *s, const char *at, size_t len,
                           int (*fn)(void *self, struct slice raw), void *self);

#ifdef __cplusplus
}
#endif

#endif
