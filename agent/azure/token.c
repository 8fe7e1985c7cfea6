/* token.c - see token.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/token.h"

#include "base/num.h"
#include "base/timeutil.h"

#include <json-c/json.h>
#include <stdio.h>

#define ACCESS_MAX_BYTES (16u << 10)
#define LIFETIME_MAX_S 172800      /* nothing real lives longer; guards the sums */
#define LIFETIME_UNSAID_S 300
#define RENEW_BEFORE_MS 300000     /* five minutes before the end ... */
#define HALF_LIFE_FROM_MS 7200000  /* ... or, of long-lived ones, at half their life */

static void json_put(struct json_object **o)
{
    json_object_put(*o);
}

/* Numbers come as numbers or as texts, "3599" or "3599.0". */
static bool member_number(struct json_object *o, const char *key, double *ret)
{
    struct json_object *v = NULL;

    if (!json_object_object_get_ex(o, key, &v))
        return false;
    if (json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double)) {
        *ret = json_object_get_double(v);
        return true;
    }
    return json_object_is_type(v, json_type_string) &&
           parse_real(slice_of(json_object_get_string(v)), ret);
}

/* "MM/dd/yyyy HH:mm:ss", also with one-digit numbers, "AM"/"PM" and "+00:00" after it: what App Service
 * has been seen to write. */
static bool parse_us_date(struct slice s, int64_t *ret_ns)
{
    int64_t part[6];
    static const char ends[6] = { '/', '/', ' ', ':', ':', ' ' };
    static const int64_t max[6] = { 12, 31, 9999, 23, 59, 60 };
    struct slice piece;
    char iso[64];

    for (size_t i = 0; i < ARRAY_LEN(part); i++)
        if (!slice_split(&s, ends[i], &piece) || !parse_i64(piece, 0, max[i], &part[i]))
            return false;
    if (s.at && slice_starts_nocase(s, SL("PM")) && part[3] < 12)
        part[3] += 12;
    else if (s.at && slice_starts_nocase(s, SL("AM")) && part[3] == 12)
        part[3] = 0;
    (void)snprintf(iso, sizeof(iso), "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)part[2], (int)part[0],
                   (int)part[1], (int)part[3], (int)part[4], (int)part[5]);
    return time_parse_iso(slice_of(iso), ret_ns);
}

/* Seconds that expires_on leaves: an epoch, ISO 8601 or the American date. */
static bool left_until(struct json_object *o, int64_t wall_ns, double *ret_s)
{
    struct json_object *v = NULL;
    struct slice text;
    double epoch_s;
    int64_t ns;

    if (member_number(o, "expires_on", &epoch_s)) {
        *ret_s = epoch_s - (double)(wall_ns / NS_PER_S);
        return true;
    }
    if (!json_object_object_get_ex(o, "expires_on", &v) || !json_object_is_type(v, json_type_string))
        return false;
    text = slice_of(json_object_get_string(v));
    if (!time_parse_iso(text, &ns) && !parse_us_date(text, &ns))
        return false;
    *ret_s = (double)(ns / NS_PER_S) - (double)(wall_ns / NS_PER_S);
    return true;
}

static int64_t to_ms(double s)
{
    return s >= LIFETIME_MAX_S ? INT64_C(1000) * LIFETIME_MAX_S : (int64_t)(s * 1000);
}

static int read_lifetime(struct json_object *o, int64_t wall_ns, struct token *ret, struct error *err)
{
    double left_s = LIFETIME_UNSAID_S, refresh_s;

    if (!member_number(o, "expires_in", &left_s))
        (void)left_until(o, wall_ns, &left_s); /* neither: the short preset stays */
    if (!(left_s >= 1))
        return error_set(err, ERR_SERVER, "answer holds a token that is already over");
    ret->lifetime_ms = to_ms(left_s);
    ret->renew_after_ms = ret->lifetime_ms > HALF_LIFE_FROM_MS || ret->lifetime_ms < 2 * RENEW_BEFORE_MS
                              ? ret->lifetime_ms / 2
                              : ret->lifetime_ms - RENEW_BEFORE_MS;
    if (member_number(o, "refresh_in", &refresh_s) && refresh_s >= 1 &&
        to_ms(refresh_s) < ret->renew_after_ms)
        ret->renew_after_ms = to_ms(refresh_s);
    return 0;
}

/* It goes into a header line: visible ASCII only. */
static int read_access(struct json_object *o, struct token *ret, struct error *err)
{
    struct json_object *v = NULL;
    struct slice text;

    if (!json_object_object_get_ex(o, "access_token", &v) || !json_object_is_type(v, json_type_string) ||
        json_object_get_string_len(v) <= 0)
        return error_set(err, ERR_SERVER, "answer holds no access_token");
    text = slice_make(json_object_get_string(v), (size_t)json_object_get_string_len(v));
    if (text.len > ACCESS_MAX_BYTES)
        return error_set(err, ERR_SERVER, "answer's access_token has %zu bytes", text.len);
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= 0x20 || text.at[i] >= 0x7f)
            return error_set(err, ERR_SERVER, "answer's access_token has a strange byte in it");
    if (!secret_set(&ret->access, text))
        return error_set(err, ERR_NOMEM, "no memory for a token");
    return 0;
}

int token_parse(struct slice json, int64_t wall_ns, struct token *ret, struct error *err)
{
    CLEANUP(json_put) struct json_object *o = NULL;
    struct json_tokener *tok = json_tokener_new_ex(16);
    struct token t = { 0 };

    if (!tok)
        return error_set(err, ERR_NOMEM, "no memory for a token");
    if (json.len > 0 && json.len <= INT32_MAX)
        o = json_tokener_parse_ex(tok, json.at, (int)json.len);
    json_tokener_free(tok);
    if (!json_object_is_type(o, json_type_object))
        return error_set(err, ERR_SERVER, "answer is not JSON");
    if (read_lifetime(o, wall_ns, &t, err) < 0 || read_access(o, &t, err) < 0)
        return -1;
    secret_release(&ret->access);
    *ret = t;
    return 0;
}
