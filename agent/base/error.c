/* error.c - see error.h. A message is built beside `err` first, so that an error may quote its own
 * earlier message.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include "base/slice.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One line of UTF-8 without controls, whatever the foreign text in it held, and no half character at the cut. */
static void error_store(struct error *err, const char *text)
{
    struct slice cut = slice_cut(slice_of(text), sizeof(err->msg) - 1);
    size_t len = 0;
    uint32_t c;

    for (size_t i = 0, n; i < cut.len; i += n) {
        n = utf8_next(cut, i, &c);
        if (c == UTF8_BAD || c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            err->msg[len++] = '?';
            continue;
        }
        memcpy(err->msg + len, cut.at + i, n);
        len += n;
    }
    err->msg[len] = '\0';
}

int error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
    char text[sizeof(err->msg) + 8];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    error_store(err, text);
    err->code = code;
    err->retry_after_ms = 0;
    return -1;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
    char text[2 * sizeof(err->msg)];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(err->msg), fmt, ap);
    va_end(ap);
    if (n < 0)
        return -1;
    if ((size_t)n >= sizeof(err->msg))
        n = (int)sizeof(err->msg) - 1;
    (void)snprintf(text + n, sizeof(text) - (size_t)n, ": %s", err->msg);
    error_store(err, text);
    return -1;
}

int error_errno(struct error *err, enum error_code code, int errnum, const char *fmt, ...)
{
    char context[sizeof(err->msg)], why[96];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(context, sizeof(context), fmt, ap);
    va_end(ap);
    return error_set(err, code, "%s: %s", context, strerror_r(errnum, why, sizeof(why)));
}

const char *error_code_name(enum error_code code)
{
    static const char *const names[] = {
        [ERR_NONE] = "none",       [ERR_NOMEM] = "no memory",   [ERR_IO] = "io",
        [ERR_NET] = "network",     [ERR_BUSY] = "busy",         [ERR_AUTH] = "not authenticated",
        [ERR_DENIED] = "denied",   [ERR_NOT_FOUND] = "not found", [ERR_LIMIT] = "limit",
        [ERR_PARTIAL] = "partial", [ERR_INPUT] = "input",       [ERR_CONFIG] = "configuration",
        [ERR_STATE] = "state",     [ERR_SERVER] = "server",     [ERR_CANCELLED] = "cancelled",
        [ERR_BUG] = "bug",
    };

    if ((size_t)code >= ARRAY_LEN(names))
        return "unknown";
    return names[code];
}
