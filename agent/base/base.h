/* base.h - the few macros every file may use. Knows nothing of Azure or alerts.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_BASE_H
#define COSMOWATCH_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <inttypes.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNUSED __attribute__((unused))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Run fn(&variable) when the variable's scope ends. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Hand a pointer over and leave NULL behind: *ret_x = TAKE(x). */
#define TAKE(p)                                                                                    \
    ({                                                                                             \
        __typeof__(p) take_tmp_ = (p);                                                             \
        (p) = NULL;                                                                                \
        take_tmp_;                                                                                 \
    })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MIN (60 * NS_PER_S)
#define NS_PER_HOUR (3600 * NS_PER_S)
#define NS_PER_DAY (86400 * NS_PER_S)

#endif
