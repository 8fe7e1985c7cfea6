/* members.h - members of a JSON document that must not grow over its receiver's limit.
 *
 * An encoder writes its document with a pen. The pen knows how long a text and how long a list may be; when the
 * document came out too large, document_write() takes a finer pen and writes it again. So the document is
 * valid however much was cut; texts that were cut end in "...", and the pen counts what it cut or left out.
 * Names of members are ours, never from a log row: a map of facts becomes a list of {value, count}.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ENCODE_MEMBERS_H
#define COSMOWATCH_ENCODE_MEMBERS_H

#include "base/buf.h"
#include "outputs/kit/gist.h"
#include "outputs/kit/parts.h"

struct pen {
    struct buf *out;
    size_t text_max; /* characters of one text */
    size_t list_max; /* entries of one list */
    int64_t cuts;
};

/* A member, or with key NULL an entry of a list. */
void pen_text(struct pen *p, const char *key, const char *value);
void pen_slice(struct pen *p, const char *key, struct slice value);
void pen_limited(struct pen *p, const char *key, struct slice value, size_t max_chars);
void pen_known(struct pen *p, const char *key, struct slice value);        /* not when empty */
void pen_known_limited(struct pen *p, const char *key, struct slice value, size_t max_chars);
void pen_id(struct pen *p, const char *key, struct slice value);           /* never cut */
void pen_null(struct pen *p, const char *key);
void pen_i64(struct pen *p, const char *key, int64_t value);
void pen_real(struct pen *p, const char *key, double value);
void pen_bool(struct pen *p, const char *key, bool value);
void pen_time(struct pen *p, const char *key, int64_t ns);                 /* text, 7 digits, Z */
void pen_ms(struct pen *p, const char *key, int64_t ns);                   /* number, ms since 1970 */
void pen_open(struct pen *p, const char *key, char bracket);               /* '{' or '[' */
void pen_close(struct pen *p, char bracket);

/* Groups that several formats have. */
void pen_steps(struct pen *p, const char *key, const struct alert *a, const char *const *steps);
void pen_strings(struct pen *p, const char *key, const char *const *texts, size_t max);
/* T1078, each once; with subs T1078.004. */
void pen_techniques(struct pen *p, const char *key, const struct alert *a, bool subs);
void pen_details(struct pen *p, const struct alert *a);  /* members of an object that is open: all texts */
void pen_facts(struct pen *p, const char *key, const struct alert *a); /* an object */
/* Entities as Defender's export and Sentinel's table write them, "$id" counting from *next_id on. */
void pen_entities(struct pen *p, const char *key, const struct gist *g, int *next_id);

/* Write an object whose members fn adds, until no more than max_bytes were added. ERR_LIMIT when the finest
 * pen needs more. */
MUST_CHECK int document_write(const struct alert *a, struct buf *out, size_t max_bytes,
                              void (*fn)(struct pen *p, const struct gist *g), struct error *err);

#endif
