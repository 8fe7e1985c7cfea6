/* errors.h - everything that is wrong with a configuration file, told at once and in its order.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SETTINGS_ERRORS_H
#define COSMOWATCH_SETTINGS_ERRORS_H

#include "base/buf.h"

struct yaml_node;

#define SETTINGS_ERRORS_MAX 100 /* kept; further ones are only counted */

struct settings_error {
    int line, column; /* from 1; 0: the file as a whole */
    char *text;       /* "file:line:column: sentence"; control bytes escaped */
};

struct settings_errors { /* zeroed: empty; `at` is sorted by place at all times */
    struct settings_error *at;
    size_t len, cap;
    size_t omitted; /* found, not kept */
    bool ignore_secrets; /* set before reading, by commands that send nothing: references are judged by
                            their form only and the secrets stay empty */
};

static inline bool settings_errors_any(const struct settings_errors *e)
{
    return e->len > 0 || e->omitted > 0;
}

/* At the value of a node (NULL: of nothing that the file mentions), or at its key. Foreign text is to be quoted and cut by the caller. */
void settings_errors_add(struct settings_errors *e, const struct yaml_node *node, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void settings_errors_add_key(struct settings_errors *e, const struct yaml_node *node, const char *fmt,
                             ...) PRINTF_LIKE(3, 4);
void settings_errors_add_at(struct settings_errors *e, const char *file, int line, int column,
                            const char *fmt, ...) PRINTF_LIKE(5, 6);
/* One a line, then how many were omitted. */
void settings_errors_print(const struct settings_errors *e, struct buf *out);
/* The first one (and how many more) as ERR_CONFIG; 0 when there is none, else -1. */
int settings_errors_first(const struct settings_errors *e, struct error *err);
void settings_errors_release(struct settings_errors *e);

/* The word of the list nearest to a mistyped one (Damerau-Levenshtein, any case), or NULL when none is
 * near enough to be meant. words: NULL-terminated. */
const char *settings_nearest(struct slice typed, const char *const *words);

#endif
