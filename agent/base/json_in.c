/* json_in.c - see json_in.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/json_in.h"

#include "base/buf.h"

#include <json-c/json.h>
#include <limits.h>

int json_read(struct slice text, struct json_object **ret, struct error *err)
{
    struct json_tokener *tok = json_tokener_new();
    struct json_object *o = tok && text.len <= INT32_MAX ? json_tokener_parse_ex(tok, text.at, (int)text.len) : NULL;
    enum json_tokener_error why = tok ? json_tokener_get_error(tok) : json_tokener_success;

    if (tok)
        json_tokener_free(tok);
    if (!o && why == json_tokener_success) /* a refusal has no code of its own */
        return error_set(err, ERR_NOMEM, "no memory to read JSON of %zu bytes", text.len);
    if (!o)
        return error_set(err, ERR_INPUT, "not readable JSON: %s", json_tokener_error_desc(why));
    *ret = o;
    return 0;
}

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

/* With the NUL behind it, so that the value must end there. */
static bool parse_whole(const struct buf *text, int flags, struct json_object **ret)
{
    struct json_tokener *tok = json_tokener_new();
    bool is_whole;

    if (!tok)
        return false;
    json_tokener_set_flags(tok, flags);
    *ret = json_tokener_parse_ex(tok, text->at, (int)text->len + 1);
    is_whole = json_tokener_get_error(tok) == json_tokener_success && json_tokener_get_parse_end(tok) == text->len;
    json_tokener_free(tok);
    return is_whole;
}

/* In two goes: where char is signed, the strict parser of json-c 0.18 takes each byte beyond ASCII for a control byte. Those may
 * stand in strings alone, as an x may. */
bool json_parse_strict(struct slice text, struct json_object **ret)
{
    CLEANUP(buf_release) struct buf copy = BUF_INIT(text.len + 1);
    struct json_object *o = NULL, *plain = NULL;
    bool is_strict = false;

    buf_add(&copy, text.at, text.len);
    if (!copy.failed && copy.len && text.len < INT_MAX && parse_whole(&copy, JSON_TOKENER_VALIDATE_UTF8, &o)) {
        for (size_t i = 0; i < copy.len; i++)
            if ((unsigned char)copy.at[i] >= 0x80)
                copy.at[i] = 'x';
        is_strict = parse_whole(&copy, JSON_TOKENER_STRICT, &plain);
        json_object_put(plain);
    }
    if (is_strict)
        *ret = o;
    else
        json_object_put(o);
    return is_strict;
}
