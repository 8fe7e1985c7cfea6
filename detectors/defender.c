/* defender - alerts that Microsoft Defender for Cloud raised about a Cosmos DB account, passed on.
 *
 * Why:     one road for all alerts of an account: the same outputs, formats and routes. Where we raise the same type
 *          for the same account and day, it is one story: the alert carries both ids (facts defenderAlertId and
 *          ownAlertId, set by the stage).
 *          Which ones is up to the operator: by product, type, severity and resource. What a rule of Sentinel's own
 *          made of our alerts is not among the products by preset, and what names us as its product never is:
 *          nothing goes in circles.
 * Reads:   SecurityAlert: AlertType, AlertSeverity, ProductName, SystemAlertId, StartTime, EndTime, ResourceId, Entities,
 *          ExtendedProperties (Azure Monitor table reference, read 2026-08).
 * Keeps:   nothing. The alert's id is Defender's own, so that both products speak of the same thing.
 * Blind:   types that are not in our catalogue are left to the cloud's own export.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/detector.h"

#include "alert/catalogue.h"
#include "base/timeutil.h"
#include "settings/errors.h"
#include "settings/option.h"

#include <json-c/json.h>
#include <stdio.h>

#define FACTS_MAX 48
#define KNOWN_MAX 512

#define OUR_PRODUCT "cosmowatch"

struct defender {
    int min_severity;
    struct string_list products, types, resources;
};

static bool matches(const char *pattern, struct slice text)
{
    size_t len = strlen(pattern);

    if (len > 0 && pattern[len - 1] == '*')
        return slice_starts_nocase(text, slice_make(pattern, len - 1));
    return slice_eq_nocase(slice_make(pattern, len), text);
}

static bool is_listed(const struct string_list *list, struct slice text)
{
    for (size_t i = 0; i < list->len; i++)
        if (matches(list->at[i], text))
            return true;
    return list->len == 0;
}

static const char *const severity_words[] = { "informational", "low", "medium", "high", NULL };

/* A misspelt type would silently pass nothing on. */
static void check_types(const void *self, const struct yaml_node *value, struct settings_errors *errors)
{
    const struct defender *d = self;
    const char *known[KNOWN_MAX + 1] = { 0 };
    size_t n = 0;

    for (; n < KNOWN_MAX && alert_type_at(n); n++)
        known[n] = alert_type_at(n)->id;
    for (size_t i = 0; i < d->types.len; i++) {
        bool is_known = alert_type_find(d->types.at[i]) != NULL;
        const char *near = NULL;

        for (size_t k = 0; !is_known && k < n; k++)
            is_known = matches(d->types.at[i], slice_of(known[k]));
        if (is_known)
            continue;
        near = settings_nearest(slice_of(d->types.at[i]), known);
        settings_errors_add(errors, value, "'%.80s' is no alert type%s%s%s", d->types.at[i],
                            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
}

static const struct option_spec defender_options[] = {
    { .key = "products", .type = OPT_STRING_LIST, .at = offsetof(struct defender, products),
      .preset = "Azure Security Center, Microsoft Defender for Cloud",
      .help = "pass on what these products raised (ProductName); * at the end stands for any rest" },
    { .key = "types", .type = OPT_STRING_LIST, .at = offsetof(struct defender, types), .check = check_types,
      .help = "pass on only these types, * at the end; old spellings count; unset: all that are known",
      .example = "[CosmosDB_TorAnomaly, CosmosDB_SqlInjection.*]" },
    { .key = "resources", .type = OPT_STRING_LIST, .at = offsetof(struct defender, resources),
      .help = "pass on only what is about these resource ids, * at the end; unset: every Cosmos DB account",
      .example = "[/subscriptions/00000000-0000-0000-0000-000000000000/*]" },
    { .key = "min_severity", .type = OPT_ENUM, .at = offsetof(struct defender, min_severity), .preset = "informational",
      .values = severity_words, .help = "pass on alerts of this severity or above" },
    { 0 },
};

/* Defender's own words for details (continuous export of database alerts) and our facts of the same meaning. */
static const struct {
    const char *property, *fact;
} details[] = {
    { "Client IP address", "address" },       { "Client application", "userAgent" },
    { "Client principal name", "principal" }, { "Client IP location", "place" },
    { "Database name", "database" },          { "Container name", "container" },
    { "Potential causes", "reason" },
};

struct facts {
    struct fact_value at[FACTS_MAX];
    size_t len;
};

static void add_text(struct facts *f, const char *name, struct slice text)
{
    if (f->len < FACTS_MAX && !slice_empty(text))
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = FACT_SET, .text = text };
}

static struct slice member(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v) ||
        !json_object_is_type(v, json_type_string))
        return SL("");
    return slice_make(json_object_get_string(v), (size_t)json_object_get_string_len(v));
}

/* JSON inside a column; NULL when it is none. Borrowed text is not NUL-terminated. */
static struct json_object *parse(struct slice text)
{
    struct json_tokener *tok = json_tokener_new_ex(32);
    struct json_object *o = NULL;

    if (tok && text.len > 0 && text.len < (1u << 20))
        o = json_tokener_parse_ex(tok, text.at, (int)text.len);
    if (tok)
        json_tokener_free(tok);
    return o;
}

static void add_entities(struct facts *f, struct json_object *entities)
{
    size_t n = entities && json_object_is_type(entities, json_type_array) ? json_object_array_length(entities) : 0;

    for (size_t i = 0; i < n; i++) {
        struct json_object *e = json_object_array_get_idx(entities, i);
        struct slice type = member(e, "Type");

        if (slice_eq_nocase(type, SL("ip")))
            add_text(f, "address", member(e, "Address"));
        else if (slice_eq_nocase(type, SL("account")))
            add_text(f, "principal", member(e, "Name"));
    }
}

static enum severity severity_of(struct slice word)
{
    for (int s = SEVERITY_INFORMATIONAL; s <= SEVERITY_HIGH; s++)
        if (slice_eq_nocase(word, slice_of(severity_words[s])))
            return (enum severity)s;
    return SEVERITY_INFORMATIONAL;
}

static int pass_on(const struct observation *obs, const char *type, const char *id, struct json_object *properties,
                   struct json_object *entities, const struct alert_sink *sink, struct error *err)
{
    struct facts f = { .len = 0 };

    for (size_t i = 0; properties && i < ARRAY_LEN(details); i++)
        add_text(&f, details[i].fact, member(properties, details[i].property));
    add_entities(&f, entities);
    add_text(&f, "defenderAlertId", slice_of(id));
    return alert_emit(sink, &(struct alert_draft){
        .detector = "defender", .state_version = 1, .id = id, .type = type,
        .severity = severity_of(obs_extra(obs, F_RESULT)), .confidence = 80, .api = obs->api,
        .account = obs->text[F_ACCOUNT], .resource_id = obs->text[F_RESOURCE_ID], .subject = slice_of(id),
        .bucket_ns = time_floor(obs->first_ns, NS_PER_DAY), .first_ns = obs->first_ns, .last_ns = obs->last_ns,
        .count = 1, .facts = f.at, .facts_len = f.len }, err);
}

/* An export may leave the product out; then the type speaks for it. */
static bool wants_product(const struct defender *d, struct slice product)
{
    return slice_empty(product) || (!slice_eq_nocase(product, SL(OUR_PRODUCT)) && is_listed(&d->products, product));
}

static bool wants_type(const struct defender *d, const struct alert_type *type)
{
    if (is_listed(&d->types, slice_of(type->id)))
        return true;
    for (size_t i = 0; i < d->types.len; i++)
        if (alert_type_find(d->types.at[i]) == type) /* an old spelling */
            return true;
    return false;
}

static int defender_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                            struct error *err)
{
    const struct defender *d = self;
    const struct alert_type *type = NULL;
    struct slice id = obs_extra(obs, F_ACTIVITY_ID);
    struct json_object *properties = NULL, *entities = NULL;
    char type_text[128], id_text[64];
    int rc = 0;

    if (ctx->is_backfill || obs->text[F_OPERATION].len >= sizeof type_text || id.len >= sizeof id_text ||
        (int)severity_of(obs_extra(obs, F_RESULT)) < d->min_severity ||
        !wants_product(d, obs_extra(obs, F_CATEGORY)) || !is_listed(&d->resources, obs->text[F_RESOURCE_ID]))
        return 0;
    (void)snprintf(type_text, sizeof type_text, "%.*s", SLF(obs->text[F_OPERATION]));
    (void)snprintf(id_text, sizeof id_text, "%.*s", SLF(id));
    type = alert_type_find(type_text); /* old and misspelt ids too */
    if (!type || !wants_type(d, type))
        return 0;
    properties = parse(obs_extra(obs, F_PROPERTIES));
    entities = parse(obs_extra(obs, F_RESOURCE_DETAILS));
    rc = pass_on(obs, type->id, id_text, properties, entities, ctx->sink, err);
    json_object_put(properties);
    json_object_put(entities);
    return rc;
}

static const char *const defender_types[] = { NULL }; /* whatever the cloud raises and we know */

const struct detector_ops detector_defender = {
    .name = "defender",
    .summary = "alerts of Microsoft Defender for Cloud about Cosmos DB accounts, passed on",
    .reads = OBS_DEFENDER,
    .types = defender_types,
    .options = defender_options,
    .size = sizeof(struct defender),
    .observe = defender_observe,
};
