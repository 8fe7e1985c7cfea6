/* access.c - see access.h. SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/access.h"

#include "base/map.h"
#include "base/timeutil.h"
#include "enrich/prefix.h"

#include <stdio.h>

/* ---- the program ----------------------------------------------------------------------------------- */

/* "orders-api-v2", "worker_17" -> "orders-api", "worker": a release is not a new program. */
static struct slice without_number(struct slice name)
{
    struct slice s = name;

    while (s.len > 0 && ((s.at[s.len - 1] >= '0' && s.at[s.len - 1] <= '9') || s.at[s.len - 1] == '.'))
        s.len--;
    if (s.len == name.len || s.len == 0)
        return name;
    if (s.len > 1 && (s.at[s.len - 1] == 'v' || s.at[s.len - 1] == 'V') && strchr("-_ ", s.at[s.len - 2]))
        s.len--;
    while (s.len > 1 && strchr("-_ ", s.at[s.len - 1]))
        s.len--;
    return s;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The word stands alone: "6.6.9-kali1-amd64", "Kali GNU/Linux", not "kalinka". */
static bool has_word(struct slice text, struct slice word)
{
    for (struct slice rest = text; rest.len >= word.len;) {
        size_t at = slice_find_nocase(rest, word);

        if (at == SIZE_MAX)
            return false;
        if ((at == 0 || !is_letter(rest.at[at - 1])) &&
            (at + word.len == rest.len || !is_letter(rest.at[at + word.len])))
            return true;
        rest = slice_make(rest.at + at + 1, rest.len - at - 1);
    }
    return false;
}

/* As GuardDuty's PenTest findings: the system gives the person away. */
static bool names_pentest_system(struct slice platform)
{
    static const char *const systems[] = { "kali", "parrot", "blackarch", "pentoo" };

    for (size_t i = 0; i < ARRAY_LEN(systems); i++)
        if (has_word(platform, slice_of(systems[i])))
            return true;
    return false;
}

static struct agent read_agent(struct slice text)
{
    struct user_agent ua;
    struct agent ret;

    user_agent_parse(text, &ua);
    ret = (struct agent){ .kind = ua.kind, .product = ua.product, .name = slice_of(ua.family),
                          .is_pentest = names_pentest_system(ua.platform) };
    if (slice_eq(ret.name, SL("other")))
        ret.name = without_number(ua.product);
    else if (ua.kind == AGENT_DRIVER) /* one family of them speaks many languages */
        ret.name = ua.product;
    return ret;
}

struct agent agent_read(struct agent_memo *memo, struct slice text)
{
    struct agent_memo_entry *e;

    if (text.len > AGENT_TEXT_MAX || text.len == 0)
        return read_agent(text);
    e = &memo->at[hash64(text.at, text.len, 3) % ARRAY_LEN(memo->at)];
    if (e->len != text.len || memcmp(e->text, text.at, text.len) != 0) {
        memcpy(e->text, text.at, text.len);
        e->len = (uint32_t)text.len;
        e->agent = read_agent(slice_make(e->text, text.len));
    }
    return e->agent;
}

/* ---- where from -------------------------------------------------------------------------------------- */

struct neighbourhood neighbourhood_of(struct slice address)
{
    struct neighbourhood n = { .at = { 'p' }, .len = 1 };
    struct address a;

    if (slice_empty(address))
        return n;
    if (!address_parse(address, &a)) {
        n.at[0] = '?';
    } else if (!enrich_is_private_address(&a)) {
        bool is_v4 = address_is_v4(&a);

        n.at[0] = is_v4 ? '4' : '6';
        memcpy(n.at + 1, a.at + (is_v4 ? 12 : 0), is_v4 ? 2 : 4);
        n.len = is_v4 ? 3 : 5;
    }
    return n;
}

struct caller caller_of(struct agent_memo *memo, const struct observation *obs)
{
    return (struct caller){ .agent = agent_read(memo, obs->text[F_USER_AGENT]),
                            .near = neighbourhood_of(obs->text[F_ADDRESS]) };
}

struct usual_view access_touch_network(const struct detector_context *ctx, const struct observation *obs)
{
    return usual_touch(ctx->baseline, obs->text[F_ACCOUNT], USUAL_NETWORK, neighbourhood_slice(&ctx->caller->near),
                       obs->minute_ns);
}

struct slice client_key(const struct agent *a, const struct neighbourhood *n, char room[CLIENT_KEY_MAX])
{
    struct slice name = slice_cut(a->name, CLIENT_KEY_MAX - sizeof n->at - 1);

    memcpy(room, n->at, n->len);
    room[n->len] = '\x1f';
    if (name.len)
        memcpy(room + n->len + 1, name.at, name.len);
    return slice_make(room, n->len + 1 + name.len);
}

struct slice access_who(const struct observation *obs)
{
    const char *name = "";
    enum key_kind kind = key_kind_parse(obs->text[F_KEY_KIND], &name);

    if (!slice_empty(obs->text[F_PRINCIPAL]))
        return slice_cut(obs->text[F_PRINCIPAL], 200);
    if (*name)
        return slice_of(name);
    return kind == KEY_OTHER ? slice_cut(obs->text[F_KEY_KIND], 64) : SL("unknown credential");
}

bool access_trusts(const struct detector_context *ctx, const struct observation *obs, enum trusted_kind kind,
                   struct slice value)
{
    return enrich_trusts(ctx->enrich, kind, obs->text[F_ACCOUNT], value, obs->minute_ns);
}

bool access_is_customers(const struct observation *obs)
{
    return obs->kind == OBS_REQUEST && !slice_empty(obs->text[F_ACCOUNT]) &&
           !caller_is_service(obs->text[F_KEY_KIND]);
}

/* ---- telling -------------------------------------------------------------------------------------------- */

void access_add_set(struct access_facts *f, const char *name, struct slice text)
{
    if (f->len < ACCESS_FACTS_MAX && !slice_empty(text))
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = FACT_SET, .text = text };
}

void access_add_number(struct access_facts *f, const char *name, enum fact_kind kind, int64_t number)
{
    if (f->len < ACCESS_FACTS_MAX)
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = kind, .number = number };
}

void access_add_map(struct access_facts *f, const char *name, struct slice key, int64_t number)
{
    if (f->len < ACCESS_FACTS_MAX && !slice_empty(key))
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = FACT_MAP, .text = key, .number = number };
}

void access_add_request(struct access_facts *f, const struct observation *obs, const struct place *place,
                        bool is_counted)
{
    const char *key_name = "";

    (void)key_kind_parse(obs->text[F_KEY_KIND], &key_name); /* only the name is wanted here */
    access_add_set(f, "address", obs->text[F_ADDRESS]);
    access_add_set(f, "keyKind", *key_name ? slice_of(key_name) : obs->text[F_KEY_KIND]);
    access_add_set(f, "principal", obs->text[F_PRINCIPAL]);
    access_add_set(f, "userAgent", obs->text[F_USER_AGENT]);
    access_add_set(f, "database", obs->text[F_DATABASE]);
    access_add_set(f, "container", obs->text[F_CONTAINER]);
    access_add_set(f, "region", obs->text[F_REGION]);
    if (f->len < ACCESS_FACTS_MAX && !slice_empty(obs->sample))
        f->at[f->len++] = (struct fact_value){ .name = "activityId", .kind = FACT_SAMPLE,
                                               .number = (int64_t)(obs->key % FACT_SAMPLES), .text = obs->sample };
    if (place) {
        access_add_set(f, "place", place_text(place, f->place));
        access_add_set(f, "placeSource", slice_of(place->source));
        access_add_set(f, "network", slice_of(place->network[0] ? place->network : place->org));
    }
    if (!is_counted)
        return;
    (void)snprintf(f->status, sizeof f->status, "%d", (int)obs->status);
    access_add_map(f, "operations", obs->text[F_OPERATION], obs->count);
    access_add_map(f, "statusCodes", slice_of(f->status), obs->count);
    access_add_number(f, "requests", FACT_SUM, obs->count);
    access_add_number(f, "bytesOut", FACT_SUM, obs->bytes_out);
    access_add_number(f, "bytesIn", FACT_SUM, obs->bytes_in);
    access_add_number(f, "ruMilli", FACT_SUM, obs->ru_milli);
}

static void add_usual(void *self, struct slice value, const struct usual_view *v)
{
    struct access_facts *f = self;
    char *room = NULL;

    if (f->usual_len == USUAL_LISTED)
        return;
    room = f->usual[f->usual_len];
    /* A text cut short to be listed cannot be looked up: it goes without a word. */
    if (usual_is_unseen(v))
        (void)snprintf(room, sizeof f->usual[0], "%.*s", SLF(value));
    else
        (void)snprintf(room, sizeof f->usual[0], "%.*s (%s)", SLF(value), usual_word(v));
    access_add_set(f, "usualValues", slice_of(room));
    f->usual_len++;
}

void access_add_usual(struct access_facts *f, const struct detector_context *ctx, const struct observation *obs,
                      enum usual_what what, const struct usual_view *seen)
{
    usual_list_each(ctx->baseline, obs->text[F_ACCOUNT], what, obs->minute_ns, add_usual, f);
    access_add_set(f, "rarity", slice_of(usual_word(seen)));
    if (seen->age_days >= 0)
        (void)snprintf(f->baseline, sizeof f->baseline, "it was last seen %d days before",
                       (int)(obs->minute_ns / NS_PER_DAY - seen->last_day));
    else
        (void)snprintf(f->baseline, sizeof f->baseline, "it was not seen in the 60 days before");
    access_add_set(f, "baseline", slice_of(f->baseline));
}

int access_emit(const struct access_alert *a, const struct observation *obs, const struct access_facts *f,
                const struct detector_context *ctx, struct error *err)
{
    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = a->detector, .state_version = 1, .type = a->type, .variant = a->variant,
        .severity = a->severity, .confidence = a->confidence, .api = obs->api,
        .account = obs->text[F_ACCOUNT], .resource_id = obs->text[F_RESOURCE_ID], .subject = a->subject,
        .bucket_ns = time_floor(obs->minute_ns, a->is_daily ? NS_PER_DAY : ACCESS_WEEK_NS), .first_ns = obs->first_ns,
        .last_ns = obs->last_ns, .count = a->is_counted ? obs->count : 0, .facts = f->at,
        .facts_len = f->len }, err);
}
