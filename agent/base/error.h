/* error.h - what went wrong: a code for the program, a sentence for the operator.
 *
 * Fallible functions return 0 or -1 (or NULL) and fill `struct error`, which is never NULL and is
 * untouched on success. Each layer adds only what it alone knows, in front (error_wrap).
 * Messages: impersonal, one line, no newline, no secret. Foreign text is quoted and cut short; error_set itself
 * makes every control (C0, DEL, C1) and every sequence that is no UTF-8 a '?'.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ERROR_H
#define COSMOWATCH_ERROR_H

#include "base/base.h"

enum error_code {
    ERR_NONE = 0,
    ERR_NOMEM,    /* memory refused */
    ERR_IO,       /* disk or local descriptor */
    ERR_NET,      /* transport: connect, reset, timeout, TLS; retry makes sense */
    ERR_BUSY,     /* asked to slow down; see retry_after_ms */
    ERR_AUTH,     /* credential refused (401); renew, then alarm */
    ERR_DENIED,   /* permission missing (403) */
    ERR_NOT_FOUND,/* thing does not exist (404, unknown table ...) */
    ERR_LIMIT,    /* too large or too many: split and try again */
    ERR_PARTIAL,  /* answer incomplete: split the window */
    ERR_INPUT,    /* data or arguments are malformed */
    ERR_CONFIG,   /* the configuration is wrong */
    ERR_STATE,    /* durable state damaged, or of a newer version */
    ERR_SERVER,   /* 5xx: transient trouble at the other side */
    ERR_CANCELLED,/* we were asked to stop */
    ERR_BUG,      /* our own mistake (bad request we built) */
};

struct error {
    enum error_code code;
    int64_t retry_after_ms; /* with ERR_BUSY / ERR_SERVER: not before this long, 0 = unsaid */
    char msg[240];
};

/* Fill `err`; returns -1 so that `return error_set(...)` reads well. */
int error_set(struct error *err, enum error_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Put "context: " in front of the message; keeps code and retry_after_ms; returns -1. */
int error_wrap(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* errno as a sentence: "context: No space left on device"; returns -1. */
int error_errno(struct error *err, enum error_code code, int errnum, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

const char *error_code_name(enum error_code code);

#endif
