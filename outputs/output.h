/* output.h - what every output provides. All calls come from that output's own worker.
 *
 * An output says what happened to each alert; delivery/ alone decides about retry, hold, park,
 * back-off and splitting. Adding an output: one file with its ops last, one line in all.c.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OUTPUT_H
#define COSMOWATCH_OUTPUT_H

#include "base/error.h"
#include "base/slice.h"
#include "base/services.h"

struct option_spec;
struct alert;
struct buf;

enum delivery_verdict {
    DELIVERY_ACCEPTED, /* the receiver has it for good */
    DELIVERY_RETRY,    /* try again, not before retry_after_ms */
    DELIVERY_HOLD,     /* only an operator or the receiver's owner can help (401, 403, 404 ...):
                          keep order, say it once, try again slowly */
    DELIVERY_REFUSED,  /* this very alert will never be taken: park it with the reason */
};

struct delivery_result {
    enum delivery_verdict verdict;
    int64_t retry_after_ms;
    char reason[200];  /* in the receiver's own words, no secret */
};

struct output_item {
    const struct alert *alert;  /* borrowed */
    struct slice payload;       /* already encoded by the output's format */
};

struct output_ops {
    const char *name, *summary;      /* `type:` under outputs; one line for people */
    const struct option_spec *options;
    size_t size;                     /* of self: zeroed, then filled from the options */
    const char *default_format;      /* an encoder's name */
    /* The one format that goes with these options, whatever `format:` would say; NULL, also as a result: any.
     * The options are filled in, nothing is open. */
    const char *(*fixed_format)(const void *self);
    size_t batch_max;                /* alerts in one deliver call */
    size_t batch_bytes_max;          /* payload bytes in one call */
    int (*open)(void *self, const char *name, const struct services *sv, struct error *err);
    /* Judge each of the n items in ret_each, or return -1 and judge none: all stay queued and err says
     * why (ERR_LIMIT: split the batch; ERR_AUTH/DENIED/NOT_FOUND/CONFIG: hold; else retry). */
    int (*deliver)(void *self, const struct output_item *items, size_t n,
                   struct delivery_result *ret_each, struct error *err);
    /* Is the receiver there and would it take us? Sends nothing a person would see. May be NULL. */
    int (*probe)(void *self, struct buf *said, struct error *err);
    void (*close)(void *self);       /* also called after a failed open */
};

extern const struct output_ops *const outputs_all[]; /* all.c, NULL-terminated */

/* One HTTP answer -> verdict (reliability tables: 2xx accepted, 413 split, 401/403/404 hold ...). */
enum delivery_verdict delivery_from_http(int status);

/* outputs/encode/: alert -> bytes, pure. */
struct encoder {
    const char *name, *content_type;
    bool is_json; /* a batch may be framed as a JSON array or as NDJSON */
    int (*encode)(const struct alert *a, struct buf *out, struct error *err);
};
extern const struct encoder *const encoders_all[]; /* encode/all.c, NULL-terminated */
const struct encoder *encoder_find(const char *name);

#endif
