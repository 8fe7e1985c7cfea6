/* parts.c - see parts.h. The names of facts are those that the detectors give.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/parts.h"

#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/num.h"
#include "base/timeutil.h"

#include <arpa/inet.h>
#include <json-c/json.h>
#include <math.h>

#define LIST_SHOWN_MAX FACT_SET_MAX
#define DETAIL_MAX 65536
#define USER_AGENT_SHOWN 256
#define QUERY_SHOWN 1024
#define PLACE_MAX 2048 /* bytes of JSON from the workspace that are looked at */

/* ---- small readings ----------------------------------------------------------------------------- */

static bool is_address(const char *text)
{
    unsigned char ignored[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, ignored) == 1 || inet_pton(AF_INET6, text, ignored) == 1;
}

bool parts_is_time(const char *fact_name)
{
    static const char *const names[] = { "listedSince", "listedLast", "gapFrom", "gapTo", "learnedSince" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], fact_name) == 0)
            return true;
    return false;
}

struct slice parts_technique(const char *technique)
{
    struct slice rest = slice_of(technique), whole = rest;

    (void)slice_split(&rest, '.', &whole);
    return whole;
}

void parts_add_list(struct buf *out, const struct fact *f, size_t shown_max)
{
    size_t shown = f->len < shown_max ? f->len : shown_max;

    for (size_t i = 0; i < shown; i++) {
        if (i > 0)
            buf_add_str(out, ", ");
        buf_add_slice(out, slice_cut(slice_of(f->entries[i].text), QUERY_SHOWN));
        if (f->kind == FACT_MAP) {
            buf_add_char(out, '=');
            buf_add_i64(out, f->entries[i].number);
        }
    }
    if (f->len > shown || f->more)
        buf_addf(out, " (+%zu%s)", f->len - shown, f->more ? " or more" : "");
}

/* ---- places ------------------------------------------------------------------------------------- */

/* What geo_info_from_ip_address gives: {"country":..,"state":..,"city":..,"latitude":..,"longitude":..}.
 * The object owns the texts that ret points at; NULL when the text is something else. */
static struct json_object *read_place(const char *text, struct entity_place *ret)
{
    struct json_tokener *tok = NULL;
    struct json_object *o = NULL, *v = NULL;
    size_t len = strlen(text);

    *ret = (struct entity_place){ 0 };
    if (len == 0 || len > PLACE_MAX || text[0] != '{' || !(tok = json_tokener_new_ex(4)))
        return NULL;
    o = json_tokener_parse_ex(tok, text, (int)len);
    json_tokener_free(tok);
    if (!o || !json_object_is_type(o, json_type_object)) {
        json_object_put(o);
        return NULL;
    }
    const struct { const char *key; struct slice *to; } texts[] = {
        { .key = "country", .to = &ret->country },
        { .key = "state", .to = &ret->state },
        { .key = "city", .to = &ret->city },
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (json_object_object_get_ex(o, texts[i].key, &v) && json_object_is_type(v, json_type_string))
            *texts[i].to = slice_make(json_object_get_string(v), (size_t)json_object_get_string_len(v));
    if (json_object_object_get_ex(o, "latitude", &v))
        ret->latitude = json_object_get_double(v);
    ret->has_point = v && json_object_object_get_ex(o, "longitude", &v);
    if (ret->has_point)
        ret->longitude = json_object_get_double(v);
    ret->has_point = ret->has_point && isfinite(ret->latitude) && isfinite(ret->longitude);
    return o;
}

/* Which of several places belongs to which of several addresses is not kept: only one and one can be told. */
static const char *only_place(const struct alert *a)
{
    const struct fact *address = alert_fact(a, "address"), *place = alert_fact(a, "place");

    if (!place || place->len != 1 || place->more || (address && (address->len > 1 || address->more)))
        return "";
    return place->entries[0].text;
}

/* ---- entities ----------------------------------------------------------------------------------- */

struct entity_walk {
    void (*fn)(void *self, const struct entity *e);
    void *self;
};

static void say_principal(const struct entity_walk *w, const char *text)
{
    struct entity e = { .kind = ENTITY_ACCOUNT, .id = slice_of(text) };
    const char *at = strrchr(text, '@');

    if (at && at != text && at[1] != '\0') {
        e.name = slice_make(text, (size_t)(at - text));
        e.suffix = slice_of(at + 1);
    }
    w->fn(w->self, &e);
}

static size_t read_threats(const struct alert *a, struct entity_threat *ret, size_t max)
{
    const struct fact *feed = alert_fact(a, "feed"), *category = alert_fact(a, "category");
    size_t n = 0;

    for (; feed && n < feed->len && n < max; n++)
        ret[n] = (struct entity_threat){
            .feed = feed->entries[n].text,
            .category = category && category->len == 1 ? category->entries[0].text : "",
            .confidence = (int)alert_number(a, "listingConfidence", -1),
            .since_ns = alert_number(a, "listedSince", INT64_MIN),
        };
    return n;
}

static void say_addresses(const struct alert *a, const struct entity_walk *w)
{
    const struct fact *f = alert_fact(a, "address");
    struct entity_threat threats[FACT_SET_MAX];
    struct entity_place place;
    struct json_object *held = read_place(only_place(a), &place);
    size_t n = f ? f->len : is_address(a->subject) ? 1 : 0;

    for (size_t i = 0; i < n; i++) {
        struct entity e = { .kind = ENTITY_IP, .id = slice_of(f ? f->entries[i].text : a->subject) };

        if (n == 1 && !(f && f->more)) {
            e.place = held ? &place : NULL;
            e.threats = threats;
            e.threats_len = read_threats(a, threats, ARRAY_LEN(threats));
        }
        w->fn(w->self, &e);
    }
    json_object_put(held);
}

void parts_each_entity(const struct alert *a, void (*fn)(void *self, const struct entity *e), void *self)
{
    const struct entity_walk w = { .fn = fn, .self = self };
    const struct fact *principals = alert_fact(a, "principal"), *applications = alert_fact(a, "appId");

    if (a->resource_id[0])
        fn(self, &(struct entity){ .kind = ENTITY_RESOURCE, .id = slice_of(a->resource_id) });
    say_addresses(a, &w);
    for (size_t i = 0; principals && i < principals->len; i++)
        say_principal(&w, principals->entries[i].text);
    for (size_t i = 0; applications && i < applications->len; i++)
        fn(self, &(struct entity){ .kind = ENTITY_APPLICATION, .id = slice_of(applications->entries[i].text) });
}

/* ---- details ------------------------------------------------------------------------------------ */

static bool add_text_set(const struct alert *a, const char *name, struct buf *out)
{
    const struct fact *f = alert_fact(a, name);

    if (!f || !fact_is_list(f) || f->len == 0)
        return false;
    parts_add_list(out, f, LIST_SHOWN_MAX);
    return true;
}

static bool add_first(const struct alert *a, const char *name, size_t max, struct buf *out)
{
    struct slice text = slice_of(alert_text(a, name));

    if (slice_empty(text))
        return false;
    buf_add_slice(out, slice_cut(text, max));
    return true;
}

static bool add_number(const struct alert *a, const char *name, struct buf *out)
{
    const struct fact *f = alert_fact(a, name);

    if (!f || fact_is_list(f))
        return false;
    buf_add_i64(out, f->number);
    return true;
}

static bool add_location(const struct alert *a, const char *name, struct buf *out)
{
    const char *text = only_place(a);
    struct entity_place place;
    struct json_object *held = read_place(text, &place);

    (void)name;
    if (!held) {
        buf_add_str(out, text); /* an operator's network or another source: words already */
        return text[0] && text[0] != '{';
    }
    buf_add_slice(out, place.city);
    if (!slice_empty(place.city) && !slice_empty(place.country))
        buf_add_str(out, ", ");
    buf_add_slice(out, place.country);
    json_object_put(held);
    return out->len > 0;
}

static bool add_address(const struct alert *a, const char *name, struct buf *out)
{
    if (add_first(a, name, 64, out))
        return true;
    if (!is_address(a->subject))
        return false;
    buf_add_str(out, a->subject);
    return true;
}

/* Defender's three words and one of ours, from the kind of key. */
static bool add_authentication(const struct alert *a, const char *name, struct buf *out)
{
    static const struct { struct slice part; const char *said; } kinds[] = {
        { .part = SL("resource"), .said = "Resource token" },
        { .part = SL("entra"), .said = "Microsoft Entra ID" },
        { .part = SL("aad"), .said = "Microsoft Entra ID" },
        { .part = SL("readonly"), .said = "Read-only key" },
        { .part = SL("read-only"), .said = "Read-only key" },
        { .part = SL("key"), .said = "Master key" },
    };
    struct slice text = slice_of(alert_text(a, name));

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (slice_find_nocase(text, kinds[i].part) != SIZE_MAX) {
            buf_add_str(out, kinds[i].said);
            return true;
        }
    }
    if (alert_text(a, "principal")[0] == '\0')
        return false;
    buf_add_str(out, "Microsoft Entra ID");
    return true;
}

static bool add_request_units(const struct alert *a, const char *name, struct buf *out)
{
    int64_t milli = alert_number(a, name, -1);

    if (milli < 0)
        return false;
    buf_addf(out, "%lld.%03lld", (long long)(milli / 1000), (long long)(milli % 1000));
    return true;
}

static bool add_query(const struct alert *a, const char *name, struct buf *out)
{
    return add_first(a, name, QUERY_SHOWN, out);
}

static bool add_user_agent(const struct alert *a, const char *name, struct buf *out)
{
    return add_first(a, name, USER_AGENT_SHOWN, out);
}

static bool add_principal(const struct alert *a, const char *name, struct buf *out)
{
    return add_first(a, name, 256, out);
}

static bool add_count(const struct alert *a, const char *name, struct buf *out)
{
    if (!add_number(a, name, out))
        buf_add_i64(out, a->count);
    return true;
}

static bool add_confidence(const struct alert *a, const char *name, struct buf *out)
{
    (void)name;
    buf_add_i64(out, a->confidence);
    return true;
}

static bool add_own(const struct alert *a, const char *name, struct buf *out)
{
    if (strcmp(name, "account") == 0)
        buf_add_str(out, a->account);
    else if (strcmp(name, "api") == 0)
        buf_add_str(out, a->api == API_UNKNOWN ? "" : api_name(a->api));
    else if (strcmp(name, "id") == 0)
        buf_add_str(out, a->id);
    else if (strcmp(name, "variant") == 0)
        buf_add_str(out, a->variant[0] == '.' ? a->variant + 1 : a->variant);
    else if (strcmp(name, "kql") == 0)
        alert_kql(a, out);
    else if (strcmp(name, "why") == 0)
        alert_why(a, out);
    return out->len > 0;
}

static bool add_threats(const struct alert *a, const char *name, struct buf *out)
{
    const struct fact *since = alert_fact(a, "listedSince");

    if (!add_text_set(a, name, out))
        return false;
    if (alert_text(a, "category")[0]) {
        buf_add_str(out, "; category ");
        (void)add_text_set(a, "category", out);
    }
    if (since) {
        buf_add_str(out, "; listed since ");
        time_add_iso(out, since->number, 0);
    }
    return true;
}

static const struct {
    const char *key, *fact;
    bool (*add)(const struct alert *a, const char *fact, struct buf *out);
} details[] = {
    { .key = "Alert Id", .fact = "id", .add = add_own },
    { .key = "Variant", .fact = "variant", .add = add_own },
    { .key = "Client IP address", .fact = "address", .add = add_address },
    { .key = "Client IP location", .fact = "place", .add = add_location },
    { .key = "Client network", .fact = "network", .add = add_text_set },
    { .key = "Client application", .fact = "userAgent", .add = add_user_agent },
    { .key = "Client principal name", .fact = "principal", .add = add_principal },
    { .key = "Authentication type", .fact = "keyKind", .add = add_authentication },
    { .key = "Key kind", .fact = "keyKind", .add = add_text_set },
    { .key = "Account name", .fact = "account", .add = add_own },
    { .key = "API", .fact = "api", .add = add_own },
    { .key = "Region", .fact = "region", .add = add_text_set },
    { .key = "Database name", .fact = "database", .add = add_text_set },
    { .key = "Container name", .fact = "container", .add = add_text_set },
    { .key = "Operations", .fact = "operations", .add = add_text_set },
    { .key = "Requests", .fact = "requests", .add = add_count },
    { .key = "Failed requests", .fact = "failedRequests", .add = add_number },
    { .key = "Status codes", .fact = "statusCodes", .add = add_text_set },
    { .key = "Extracted bytes", .fact = "bytesOut", .add = add_number },
    { .key = "Usual bytes", .fact = "usualBytes", .add = add_number },
    { .key = "Request charge", .fact = "ruMilli", .add = add_request_units },
    { .key = "Query", .fact = "query", .add = add_query },
    { .key = "Query shape", .fact = "queryShape", .add = add_query },
    { .key = "Query parameters visible", .fact = "literalsVisible", .add = add_text_set },
    { .key = "Usual values", .fact = "usualValues", .add = add_text_set },
    { .key = "Observed value", .fact = "observedValue", .add = add_text_set },
    { .key = "Baseline", .fact = "baseline", .add = add_text_set },
    { .key = "Threat intelligence", .fact = "feed", .add = add_threats },
    { .key = "Reason", .fact = "why", .add = add_own },
    { .key = "Confidence", .fact = NULL, .add = add_confidence },
    { .key = "Evidence query", .fact = "kql", .add = add_own },
};

/* What is too long is left out; what memory was refused to is missed. */
static bool is_missed(const struct buf *text)
{
    return text->failed && !text->is_full;
}

bool parts_each_detail(const struct alert *a, void (*fn)(void *self, const char *key, struct slice value),
                       void *self)
{
    bool is_whole = true;

    fn(self, "resourceType", SL("Azure Cosmos DB"));
    for (size_t i = 0; i < ARRAY_LEN(details); i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT(DETAIL_MAX);

        if (details[i].add(a, details[i].fact, &text) && !text.failed)
            fn(self, details[i].key, buf_slice(&text));
        is_whole &= !is_missed(&text);
    }
    return is_whole;
}

bool parts_each_step(const struct alert *a, const char *const *steps, void (*fn)(void *self, struct slice text),
                     void *self)
{
    bool is_whole = true;

    for (size_t i = 0; i < STEPS_MAX && steps[i]; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT(DETAIL_MAX);

        alert_expand(a, steps[i], &text);
        if (!text.failed)
            fn(self, buf_slice(&text));
        is_whole &= !is_missed(&text);
    }
    return is_whole;
}
