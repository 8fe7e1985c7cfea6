/* log.h - lines for the operator at night, on stderr (or the journal's stderr).
 *
 * key=value form: `log_event(LOG_LEVEL_WARN, "source.prod", "query throttled", "retry_in", "30 s", NULL)`.
 * Values are escaped: no control byte, quote or newline of foreign text survives. Repeats of the same
 * (component, message) within a minute are folded into one line with a count. No secret, token or
 * record body at any level. Any thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_LOG_H
#define COSMOWATCH_LOG_H

#include "base/base.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level max);
void log_set_fd(int fd); /* default 2; -1 silences */
/* Pairs of (const char *key, const char *value), ended by NULL. */
void log_event(enum log_level level, const char *component, const char *message, ...)
    __attribute__((sentinel));
void log_flush_repeats(void);

#endif
