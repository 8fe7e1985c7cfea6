/* refusal.c - see refusal.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/refusal.h"

#include "base/num.h"

#include <json-c/json.h>
#include <stdio.h>

#define DEPTH_MAX 32

static void json_put(struct json_object **o)
{
    json_object_put(*o);
}

static struct json_object *parse(struct slice body)
{
    struct json_tokener *tok = json_tokener_new_ex(DEPTH_MAX);
    struct json_object *o = NULL;

    if (tok && body.len > 0 && body.len <= INT32_MAX)
        o = json_tokener_parse_ex(tok, body.at, (int)body.len);
    if (tok)
        json_tokener_free(tok);
    if (json_object_is_type(o, json_type_object))
        return o;
    json_object_put(o);
    return NULL;
}

/* A text member, cut to size; "" and false when there is none. */
static bool member_text(struct json_object *o, const char *key, char *ret, size_t size)
{
    struct json_object *v = NULL;
    struct slice text;

    ret[0] = '\0';
    if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string))
        return false;
    text = slice_cut(slice_make(json_object_get_string(v), (size_t)json_object_get_string_len(v)), size - 1);
    (void)snprintf(ret, size, "%.*s", SLF(text));
    return ret[0] != '\0';
}

/* ---- resource errors ------------------------------------------------------------------------------- */

void refusal_read(struct slice body, struct refusal *ret)
{
    CLEANUP(json_put) struct json_object *root = parse(body);
    struct json_object *e = NULL;
    char text[sizeof(ret->message)];

    *ret = (struct refusal){ .is_json = root != NULL };
    if (!root || !json_object_object_get_ex(root, "error", &e))
        e = root;
    for (int depth = 0; depth < DEPTH_MAX && json_object_is_type(e, json_type_object); depth++) {
        struct json_object *inner = NULL;

        if (member_text(e, "code", text, sizeof(ret->code)))
            memcpy(depth == 0 ? ret->code : ret->inner_code, text, sizeof(ret->code));
        if (member_text(e, "message", text, sizeof(text)))
            memcpy(ret->message, text, sizeof(text));
        (void)json_object_object_get_ex(e, "innererror", &inner);
        e = inner;
    }
    secrets_hide(ret->code, strlen(ret->code)); /* also where the status says success */
    secrets_hide(ret->inner_code, strlen(ret->inner_code));
    secrets_hide(ret->message, strlen(ret->message));
}

/* ---- the token endpoint ----------------------------------------------------------------------------- */

/* In the order of the numbers. The remedy completes "AADSTS<n>: ...". */
static const struct remedy {
    int64_t number;
    enum error_code code;
    const char *text;
} remedies[] = {
    { 28002, ERR_CONFIG, "the scope is not known; check `cloud`" },
    { 50001, ERR_CONFIG, "the resource is disabled or unknown in this tenant; check `cloud` and `tenant`" },
    { 50012, ERR_AUTH, "the certificate is not registered with the app, or signs wrongly" },
    { 50196, ERR_BUSY, "asked too often; waiting" },
    { 53003, ERR_AUTH, "blocked by a conditional access policy of the tenant" },
    { 70001, ERR_AUTH, "the app is disabled in this tenant" },
    { 70011, ERR_CONFIG, "the scope is not valid; check `cloud`" },
    { 70021, ERR_AUTH, "no federated credential of the app matches this token's issuer and subject" },
    { 90002, ERR_CONFIG, "the tenant does not exist; check `tenant` and `cloud`" },
    { 90006, ERR_SERVER, "passing trouble at the service" },
    { 90012, ERR_SERVER, "the service took too long" },
    { 90024, ERR_SERVER, "passing trouble at the service" },
    { 90033, ERR_SERVER, "passing trouble at the service" },
    { 90038, ERR_CONFIG, "the tenant lives in another national cloud; check `cloud`" },
    { 90055, ERR_BUSY, "the tenant is throttled" },
    { 90090, ERR_SERVER, "passing trouble at the service" },
    { 500011, ERR_CONFIG, "the resource is not known in this tenant; check `cloud` and `tenant`" },
    { 700016, ERR_CONFIG, "the app is not in this tenant; check `client_id` and `tenant`" },
    { 700021, ERR_AUTH, "the assertion is not for this app; check `client_id` and the federated credential" },
    { 700024, ERR_AUTH, "the assertion's time is not now; check this host's clock" },
    { 700027, ERR_AUTH, "the certificate is not registered with the app, or signs wrongly" },
    { 700030, ERR_AUTH, "the certificate's subject is not allowed for the app" },
    { 900144, ERR_CONFIG, "a parameter is missing; check `tenant` and `client_id`" },
    { 900382, ERR_CONFIG, "the tenant lives in another national cloud; check `cloud`" },
    { 900384, ERR_CONFIG, "a parameter is wrong; check `tenant` and `client_id`" },
    { 900432, ERR_CONFIG, "the tenant lives in another national cloud; check `cloud`" },
    { 7000215, ERR_AUTH, "the client secret is wrong; it takes the secret's value, not its id" },
    { 7000218, ERR_AUTH, "neither secret nor assertion arrived; check `auth`" },
    { 7000222, ERR_AUTH, "the client secret has expired; make a new one" },
};

static const struct remedy *find_remedy(int64_t number)
{
    for (size_t i = 0; i < ARRAY_LEN(remedies); i++)
        if (remedies[i].number == number)
            return &remedies[i];
    return NULL;
}

/* error_codes[0], else the number in "AADSTS7000215: ...". 0 when neither is there. */
static int64_t aadsts_number(struct json_object *o, struct slice description)
{
    struct json_object *list = NULL, *first;
    size_t at = slice_find(description, SL("AADSTS")), len = 0;
    int64_t number = 0;

    if (json_object_object_get_ex(o, "error_codes", &list) && json_object_is_type(list, json_type_array)) {
        first = json_object_array_get_idx(list, 0);
        if (json_object_is_type(first, json_type_int))
            return json_object_get_int64(first);
    }
    if (at == SIZE_MAX)
        return 0;
    at += 6;
    while (at + len < description.len && len < 12 && description.at[at + len] >= '0' &&
           description.at[at + len] <= '9')
        len++;
    return parse_i64(slice_make(description.at + at, len), 1, INT64_MAX, &number) ? number : 0;
}

/* Without a number we know: the OAuth word decides. */
static enum error_code code_of_word(const char *word)
{
    if (strcmp(word, "temporarily_unavailable") == 0 || strcmp(word, "server_error") == 0)
        return ERR_SERVER;
    if (strcmp(word, "invalid_client") == 0 || strcmp(word, "unauthorized_client") == 0 ||
        strcmp(word, "invalid_grant") == 0 || strcmp(word, "interaction_required") == 0)
        return ERR_AUTH;
    return ERR_CONFIG; /* invalid_request, invalid_resource, invalid_scope, unsupported_grant_type ... */
}

static int explain(struct json_object *o, int status, int64_t skew_ns, struct error *err)
{
    char word[48], text[160];
    int64_t number;
    const struct remedy *r;

    (void)member_text(o, "error", word, sizeof(word));
    (void)member_text(o, "error_description", text, sizeof(text));
    number = aadsts_number(o, slice_of(text));
    r = find_remedy(number);
    if (!r)
        return error_set(err, code_of_word(word), "HTTP %d %s: '%s'", status, word, text);
    (void)error_set(err, r->code, "AADSTS%" PRId64 ": %s", number, r->text);
    if (number == 700024 && (skew_ns > 60 * NS_PER_S || skew_ns < -60 * NS_PER_S))
        (void)error_set(err, r->code, "AADSTS%" PRId64 ": %s: it is %" PRId64 " s %s", number, r->text,
                        (skew_ns > 0 ? skew_ns : -skew_ns) / NS_PER_S, skew_ns > 0 ? "behind" : "ahead");
    return -1;
}

int refusal_of_token(const struct http_answer *a, int64_t skew_ns, struct error *err)
{
    CLEANUP(json_put) struct json_object *o = NULL;

    if (a->status == 408 || a->status == 429 || a->status == 503)
        (void)error_set(err, ERR_BUSY, "asks us to slow down (HTTP %d)", a->status);
    else if (a->status >= 500)
        (void)error_set(err, ERR_SERVER, "has trouble (HTTP %d)", a->status);
    else if (!(o = parse(buf_slice(&a->body))))
        /* Not its language: a proxy, a portal, a wrong address. Passes, or is seen from the message. */
        (void)error_set(err, ERR_SERVER, "answered HTTP %d without JSON; is something in between?", a->status);
    else
        (void)explain(o, a->status, skew_ns, err);
    err->retry_after_ms = a->retry_after_ms;
    return -1;
}
