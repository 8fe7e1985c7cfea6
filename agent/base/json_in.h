/* json_in.h - members of a json-c object, without asking each time whether they are there, borrowed from the object; and JSON
 * to the letter.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_JSON_IN_H
#define COSMOWATCH_JSON_IN_H

#include "base/error.h"
#include "base/slice.h"

struct json_object;

/* Is all of it one JSON value to the letter: UTF-8, no comments, no single quotes, no commas too many, no control bytes in
 * strings? The value is the caller's (NULL is "null", too). */
bool json_parse_strict(struct slice text, struct json_object **ret);

/* A document of our own; the caller puts it. -1: ERR_NOMEM, or ERR_INPUT when it is no JSON, which matters where damage is
 * thrown away: what only memory was missing for is not damaged. */
MUST_CHECK int json_read(struct slice text, struct json_object **ret, struct error *err);

/* `otherwise` when it is missing, or no text. */
const char *json_text(struct json_object *o, const char *key, const char *otherwise);
int64_t json_number(struct json_object *o, const char *key); /* missing: 0; true: 1 */
/* Its length; 0 when it is missing, or no array. */
size_t json_list(struct json_object *o, const char *key, struct json_object **ret);

#endif
