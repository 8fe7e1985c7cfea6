/* json_out.h - JSON text being written. Reading JSON is json-c's work, or simdjson's in bulk.
 *
 * Foreign text may hold anything; what is written here is always valid JSON in valid UTF-8, one line:
 * invalid bytes become U+FFFD, control characters (C0, DEL, C1) and U+2028/U+2029 are escaped.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_JSON_OUT_H
#define COSMOWATCH_JSON_OUT_H

#include "base/buf.h"

void json_add_string(struct buf *out, struct slice s); /* with the quotes */
void json_add_str(struct buf *out, const char *cstr);  /* NULL: null */
/* A comma unless an object or array was just opened, or nothing was written yet. Before each value of
 * an array; json_add_key does it by itself. */
void json_add_comma(struct buf *out);
void json_add_key(struct buf *out, const char *key); /* [,]"key": */
void json_add_i64(struct buf *out, int64_t v);
void json_add_real(struct buf *out, double v); /* fewest digits that read back; NaN, Inf: null */
void json_add_bool(struct buf *out, bool v);
/* A key and its value. */
void json_add_member(struct buf *out, const char *key, struct slice value);
void json_add_known(struct buf *out, const char *key, struct slice value); /* nothing when the value is empty */
void json_add_member_i64(struct buf *out, const char *key, int64_t value);
void json_add_member_bool(struct buf *out, const char *key, bool value);
void json_add_member_time(struct buf *out, const char *key, int64_t ns, int digits); /* as time_add_iso */

#endif
