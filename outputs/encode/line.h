/* line.h - key=value lines with a size limit, for CEF and LEEF.
 *
 * A relay cuts what is too long without telling anybody (rsyslog's default is 8 KiB), so a line is made to
 * fit here: first the free texts shrink, in the order the format names, then keys leave from the end. Never
 * half an escape, never half a character. What was cut or left out is counted, and the line says so.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ENCODE_LINE_H
#define COSMOWATCH_ENCODE_LINE_H

#include "base/buf.h"
#include "base/slice.h"

#define LINE_FIELDS_MAX 48
/* Under 8,000 bytes together with the longest header that our syslog output writes. */
#define LINE_MAX_BYTES 7600

struct line_format {
    char separator;        /* between pairs */
    bool is_escaped;       /* CEF: \ = CR LF in values are escaped; LEEF: they and the separator become spaces */
    const char *cut_key, *cut_label; /* where the count of cuts goes */
    size_t (*max_chars)(const char *key);
};

enum line_need {
    LINE_KEEP,    /* must be there: a line without it is an error */
    LINE_DROP,    /* whole or not at all: ids, numbers; leaves when there is no room */
    LINE_SHRINK,  /* free text */
};

struct line_field {
    const char *key, *label; /* label: "cs1Label" is written behind; NULL: none. Static text */
    enum line_need need;
    size_t at, len;          /* cleaned text in line.text */
    bool is_gone;
};

struct line {
    const struct line_format *format;
    struct buf text;         /* of all fields, not escaped */
    struct line_field fields[LINE_FIELDS_MAX];
    size_t fields_len;
    int64_t cuts;
};

void line_init(struct line *l, const struct line_format *format);
void line_release(struct line *l);

/* A text over the key's limit is cut and marked; with LINE_DROP it is left out. Nothing is added for a
 * text that is empty when cleaned, nor for a key that is there already. */
void line_add(struct line *l, const char *key, const char *label, struct slice value, enum line_need need);
void line_add_i64(struct line *l, const char *key, const char *label, int64_t value, enum line_need need);

/* Append the pairs so that out holds no more than max_bytes behind `start`. `shrink` names keys in the order in
 * which they give way, NULL-terminated. ERR_LIMIT when even the LINE_KEEP fields do not fit. */
MUST_CHECK int line_write(struct line *l, struct buf *out, size_t start, size_t max_bytes,
                          const char *const *shrink, struct error *err);

#endif
