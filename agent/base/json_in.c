/* json_in.c - see json_in.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/json_in.h"

#include <json-c/json.h>

const char *json_text(struct json_object *o, const char *key, const char *otherwise)
{
    struct json_object *v = NULL;

    return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string) ? json_object_get_string(v)
                                                                                             : otherwise;
}

int64_t json_number(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    return json_object_object_get_ex(o, key, &v) ? json_object_get_int64(v) : 0;
}

size_t json_list(struct json_object *o, const char *key, struct json_object **ret)
{
    return json_object_object_get_ex(o, key, ret) && json_object_is_type(*ret, json_type_array)
               ? json_object_array_length(*ret)
               : 0;
}
