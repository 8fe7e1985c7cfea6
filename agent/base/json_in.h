/* json_in.h - members of a json-c object, without asking each time whether they are there. Borrowed from the object.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_JSON_IN_H
#define COSMOWATCH_JSON_IN_H

#include "base/base.h"

struct json_object;

/* `otherwise` when it is missing, or no text. */
const char *json_text(struct json_object *o, const char *key, const char *otherwise);
int64_t json_number(struct json_object *o, const char *key); /* missing: 0; true: 1 */
/* Its length; 0 when it is missing, or no array. */
size_t json_list(struct json_object *o, const char *key, struct json_object **ret);

#endif
