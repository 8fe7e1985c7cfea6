/* unusual_principal - an identity that never used the account, or another way of signing in than usual.
 *
 * Why:     a role given to the wrong identity, and a key used where everybody signs in with Entra ID, are how
 *          insiders and thieves come in without breaking anything.
 * Reads:   all data-plane tables: principal, key kind, user agent, address of successful requests; role
 *          assignments in CDBControlPlaneRequests.
 * Judges:  PrincipalAnomaly: a principal (Entra object id, Mongo user) not seen in 60 days. Medium; Low when
 *          its role was assigned less than 7 days ago, as then somebody meant it, or when the client (program and
 *          neighbourhood) is known: an application that moves to an identity of its own. Where new principals are
 *          everyday life only those from a new neighbourhood are told.
 *          AuthMethodAnomaly: .Key an account that is used by Entra ID is used by an account key (Low in a
 *          browser: the portal takes the key); .OtherKey a key that was not in use, by a client (program and
 *          neighbourhood) that is unknown: a rotation moves the known ones, and is silent; .MoreRights a client that
 *          only ever held a read-only key holds a read-write one.
 * Trust:   a principal for PrincipalAnomaly; an address for .OtherKey, whose stranger is one by his place. No more: what
 *          is unusual of the others is the credential.
 * Keeps:   usual.value: principals, methods, keys, rights of clients; unusual_principal.role: when a role
 *          was assigned, by closed slots.
 * Blind:   a key tells nobody's name. A role assigned within the same two slots as its first use does
 *          not yet lower the severity.
 * Source:  Defender's SQL.DB_PrincipalAnomaly and its 60 days; ATT&CK T1078.004, T1550.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/detector.h"
#include "detectors/kit/access.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/slots.h"
#include "settings/option.h"

#define PRINCIPAL "CosmosDBX_PrincipalAnomaly"
#define METHOD "CosmosDBX_AuthMethodAnomaly"
#define ROLE_IS_NEW_DAYS 7
#define MATURE_DAYS 7 /* "only ever" needs a while */

struct unusual_principal {
    int sensitivity;
};

static const struct option_spec unusual_principal_options[] = {
    SENSITIVITY_OPTION(struct unusual_principal, "low: neither principals with a role of the last 7 days or a known client, nor keys in browsers; "
                       "high: new principals also where they come every week"),
    { 0 },
};

/* ---- roles ------------------------------------------------------------------------------------------- */

struct role {
    int32_t newest;
    int32_t day[2];   /* newest assignment by slots up to s-2, s-3; 0: none */
    uint8_t is_open[2], padding[2];
};

static const struct baseline_memory role_memory = {
    .name = "unusual_principal.role", .version = 1, .size = sizeof(struct role), .max_keys = 100000,
};

static void role_step(void *self, int32_t closed, int32_t next)
{
    struct role *r = self;

    (void)next;
    r->day[1] = r->day[0];
    if (r->is_open[1])
        r->day[0] = slots_day(closed);
    r->is_open[1] = r->is_open[0];
    r->is_open[0] = 0;
}

static void note_role(const struct observation *obs, const struct detector_context *ctx)
{
    struct slice principal = obs_extra(obs, F_ROLE_ASSIGN_PRINCIPAL);
    int32_t len = slots_len(baseline_cfg(ctx->baseline));
    struct role *r;
    enum slot_age age;

    if (slice_empty(principal) || slice_empty(obs->text[F_ACCOUNT]))
        return;
    r = baseline_put(ctx->baseline, &role_memory, obs->text[F_ACCOUNT], principal, principal, obs->minute_ns, NULL);
    if (!r)
        return;
    age = slots_advance(&r->newest, slots_of(obs->minute_ns, len), len, role_step, r);
    if (age != SLOT_LATE)
        r->is_open[age] = 1;
}

static bool role_is_new(const struct observation *obs, const struct detector_context *ctx)
{
    int32_t len = slots_len(baseline_cfg(ctx->baseline)), slot = slots_of(obs->minute_ns, len);
    const struct role *known = baseline_get(ctx->baseline, &role_memory, obs->text[F_ACCOUNT],
                                            obs->text[F_PRINCIPAL]);
    struct role r;
    int32_t day;

    if (!known)
        return false;
    r = *known;
    day = r.day[slots_advance(&r.newest, slot, len, role_step, &r) == SLOT_NOW ? 0 : 1];
    return day && slots_day(slot) - day < ROLE_IS_NEW_DAYS;
}

/* ---- judging -------------------------------------------------------------------------------------------- */

struct finding {
    const struct unusual_principal *options;
    const struct observation *obs;
    const struct detector_context *ctx;
    struct agent agent;
    struct neighbourhood near;
    bool is_counted;
};

static bool is_silent(const struct finding *in)
{
    return in->ctx->is_backfill || in->ctx->is_learning;
}

/* What a client (program and neighbourhood) signed in with; a letter each. */
enum { RIGHT_READ = 'r', RIGHT_WRITE = 'w', RIGHT_OTHER = 'e' };

static struct slice rights_key(const struct finding *in, char right, char room[CLIENT_KEY_MAX + 1])
{
    struct slice client = client_key(&in->agent, &in->near, room + 1);

    room[0] = right;
    return slice_make(room, client.len + 1);
}

static struct usual_view look_rights(const struct finding *in, char right)
{
    char room[CLIENT_KEY_MAX + 1];

    return usual_look(in->ctx->baseline, in->obs->text[F_ACCOUNT], USUAL_RIGHTS, rights_key(in, right, room),
                      in->obs->minute_ns);
}

static bool client_is_unknown(const struct finding *in)
{
    struct usual_view r = look_rights(in, RIGHT_READ), w = look_rights(in, RIGHT_WRITE),
                      e = look_rights(in, RIGHT_OTHER);

    return usual_is_unseen(&r) && usual_is_unseen(&w) && usual_is_unseen(&e);
}

static int tell(const struct finding *in, const struct access_alert *alert, enum usual_what what,
                const struct usual_view *seen, struct slice observed, struct slice reason, struct error *err)
{
    struct access_facts f = { .len = 0 };
    struct place place;

    enrich_place(in->ctx->enrich, in->obs->text[F_ADDRESS], in->obs->text[F_PLACE], in->obs->minute_ns, &place);
    access_add_request(&f, in->obs, &place, in->is_counted);
    access_add_set(&f, "observedValue", observed);
    access_add_set(&f, "reason", reason);
    access_add_usual(&f, in->ctx, in->obs, what, seen);
    return access_emit(alert, in->obs, &f, in->ctx, err);
}

static int judge_principal(const struct finding *in, struct error *err)
{
    const struct observation *obs = in->obs;
    struct baseline *b = in->ctx->baseline;
    struct slice account = obs->text[F_ACCOUNT], principal = obs->text[F_PRINCIPAL];
    struct usual_view seen;
    struct access_alert alert = { .detector = "unusual_principal", .type = PRINCIPAL, .severity = SEVERITY_MEDIUM,
                                  .confidence = 60, .subject = principal, .is_counted = in->is_counted };
    bool is_meant, is_known;

    if (slice_empty(principal))
        return 0;
    seen = usual_touch(b, account, USUAL_PRINCIPAL, principal, obs->minute_ns);
    if (seen.is_first_touch)
        usual_list_add(b, account, USUAL_PRINCIPAL, principal, obs->minute_ns);
    if (!usual_is_unseen(&seen))
        return 0;
    usual_note_new(b, account, USUAL_PRINCIPAL, obs->minute_ns);
    if (is_silent(in) || access_trusts(in->ctx, obs, TRUSTED_PRINCIPAL, principal))
        return 0;
    is_known = !client_is_unknown(in);
    if (in->options->sensitivity != SENSITIVITY_HIGH && is_known &&
        usual_is_restless(b, account, USUAL_PRINCIPAL, obs->minute_ns))
        return 0;
    is_meant = role_is_new(obs, in->ctx);
    if (is_meant || is_known) {
        alert.severity = SEVERITY_LOW;
        alert.confidence = 40;
    }
    if (!sensitivity_wants(in->options->sensitivity, alert.confidence))
        return 0;
    return tell(in, &alert, USUAL_PRINCIPAL, &seen, principal,
                is_meant ? SL("a principal that never used this account; its role was assigned in the last 7 days")
                : is_known ? SL("a principal that never used this account, with a program and from a network that do")
                         : SL("a principal that never used this account"), err);
}

static const char *const account_keys[] = { "PrimaryMasterKey", "SecondaryMasterKey",
                                            "PrimaryReadonlyMasterKey", "SecondaryReadonlyMasterKey" };

/* Was a key of the account in use, for at least so many days? */
static bool any_key_was_used(const struct finding *in, int32_t age_days)
{
    for (size_t i = 0; i < ARRAY_LEN(account_keys); i++) {
        struct usual_view v = usual_look(in->ctx->baseline, in->obs->text[F_ACCOUNT], USUAL_KEY,
                                         slice_of(account_keys[i]), in->obs->minute_ns);

        if (!usual_is_unseen(&v) && v.age_days >= age_days)
            return true;
    }
    return false;
}

static bool entra_was_used(const struct finding *in)
{
    struct usual_view v = usual_look(in->ctx->baseline, in->obs->text[F_ACCOUNT], USUAL_KEY, SL("AadToken"),
                                     in->obs->minute_ns);

    return !usual_is_unseen(&v) && v.age_days >= MATURE_DAYS;
}

static int judge_new_key(const struct finding *in, const struct usual_view *by_key, const char *key,
                         struct error *err)
{
    struct access_alert alert = { .detector = "unusual_principal", .type = METHOD, .severity = SEVERITY_MEDIUM,
                                  .confidence = 60, .subject = slice_of(key), .is_counted = in->is_counted };

    if (!any_key_was_used(in, 0)) {
        if (!entra_was_used(in))
            return 0;
        alert.variant = ".Key";
        if (in->agent.kind == AGENT_BROWSER && in->options->sensitivity == SENSITIVITY_LOW)
            return 0;
        if (in->agent.kind == AGENT_BROWSER)
            alert.severity = SEVERITY_LOW;
        return tell(in, &alert, USUAL_KEY, by_key, slice_of(key),
                    SL("an account that is used with Entra ID was used with an account key"), err);
    }
    if (!client_is_unknown(in) || !any_key_was_used(in, MATURE_DAYS) ||
        access_trusts(in->ctx, in->obs, TRUSTED_ADDRESS, in->obs->text[F_ADDRESS]))
        return 0;
    alert.variant = ".OtherKey";
    return tell(in, &alert, USUAL_KEY, by_key, slice_of(key),
                SL("a key that was not in use was used by an unknown client"), err);
}

/* The client holds a read-write key for the first time: did it only ever hold a read-only one? */
static int judge_new_right(const struct finding *in, const struct usual_view *by_right, const char *key,
                           struct error *err)
{
    struct usual_view before = look_rights(in, RIGHT_READ);
    struct access_alert alert = { .detector = "unusual_principal", .type = METHOD, .variant = ".MoreRights",
                                  .severity = SEVERITY_MEDIUM, .confidence = 50, .subject = slice_of(key),
                                  .is_counted = in->is_counted };

    if (usual_is_unseen(&before) || before.age_days < MATURE_DAYS)
        return 0;
    return tell(in, &alert, USUAL_KEY, by_right, slice_of(key),
                SL("a client that only ever held a read-only key holds a read-write one"), err);
}

static int judge_method(const struct finding *in, struct error *err)
{
    const struct observation *obs = in->obs;
    struct baseline *b = in->ctx->baseline;
    struct slice account = obs->text[F_ACCOUNT];
    const char *key = "";
    enum key_kind kind = key_kind_parse(obs->text[F_KEY_KIND], &key);
    char room[CLIENT_KEY_MAX + 1];
    char right = kind == KEY_READ_WRITE ? RIGHT_WRITE : kind == KEY_READ_ONLY ? RIGHT_READ : RIGHT_OTHER;
    struct usual_view by_right = usual_touch(b, account, USUAL_RIGHTS, rights_key(in, right, room),
                                             obs->minute_ns);
    struct usual_view by_key = usual_touch(b, account, USUAL_KEY, slice_of(key), obs->minute_ns);

    if (by_key.is_first_touch)
        usual_list_add(b, account, USUAL_KEY, slice_of(key), obs->minute_ns);
    if (right == RIGHT_OTHER || is_silent(in)) /* all that follows only looks, and tells */
        return 0;
    if (usual_is_unseen(&by_key))
        return judge_new_key(in, &by_key, key, err);
    return right == RIGHT_WRITE && usual_is_unseen(&by_right) ? judge_new_right(in, &by_right, key, err) : 0;
}

static int unusual_principal_observe(void *self, const struct observation *obs,
                                     const struct detector_context *ctx, struct error *err)
{
    struct unusual_principal *d = self;
    struct finding in = { .options = d, .obs = obs, .ctx = ctx };

    if (obs->kind == OBS_CONTROL) {
        note_role(obs, ctx);
        return 0;
    }
    in.is_counted = !ctx->is_counted_elsewhere;
    if (!obs_ok(obs) || !access_is_customers(obs))
        return 0;
    in.agent = ctx->caller->agent;
    in.near = ctx->caller->near;
    if (judge_principal(&in, err) < 0)
        return -1;
    return judge_method(&in, err);
}

static const char *const unusual_principal_types[] = { PRINCIPAL, METHOD, NULL };
static const struct baseline_memory *const unusual_principal_memories[] = { USUAL_MEMORIES, &role_memory, NULL };

const struct detector_ops detector_unusual_principal = {
    .name = "unusual_principal",
    .summary = "an identity that never used the account, or an unusual way of signing in",
    .reads = OBS_REQUEST | OBS_CONTROL,
    .types = unusual_principal_types,
    .options = unusual_principal_options,
    .size = sizeof(struct unusual_principal),
    .memories = unusual_principal_memories,
    .observe = unusual_principal_observe,
};
