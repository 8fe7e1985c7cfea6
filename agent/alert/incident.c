/* incident.c - see incident.h. Chains are those of the catalogue of incidents: types by step, in the order in
 * which an attack goes through them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/incident.h"

#include "alert/catalogue.h"
#include "alert/stage.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "baseline/baseline.h"
#include "enrich/enrich.h"
#include "enrich/prefix.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY_TYPE_SCRIPT "CosmosDB_SuspiciousListKeys.MaliciousScript"
#define SAME_ACTOR "CosmosDBX_Incident.SameActor"
#define SAME_ACTOR_TYPES 3
#define SAME_ACTOR_ACCOUNTS 2

#define STEPS 4
#define STEP_TYPES 24  /* patterns of a step */
#define STEP_FOUND 64  /* types that they name, and a NULL */
#define FOUND_MAX 1024
#define KEY_MAX 512

struct chain {
    const char *type;
    int reach_days;      /* from the end of one signal to the beginning of the next */
    bool is_from_first;  /* every link begins with the first step: without it the chain is another one's */
    const char *weak;    /* of the first step: it is linked to the second alone. NULL: none */
    const char *steps[STEPS][STEP_TYPES];
};

static const struct chain chains[] = {
    { .type = "CosmosDBX_Incident.KeyTheft", .reach_days = 14, .is_from_first = true, .weak = "CosmosDBX_KeyRead.FirstTime",
      .steps = {
          { KEY_TYPE_SCRIPT, "AzureCosmosDB_SuspiciousListKeys.SuspiciousPrincipal", "CosmosDBX_KeyRead.FirstTime" },
          { "CosmosDBX_StolenKeyUse", "CosmosDB_TorAnomaly", "CosmosDB_SuspiciousIp", "CosmosDB_GeoAnomaly",
            "CosmosDBX_AuthMethodAnomaly" },
          { "CosmosDB_DataExfiltrationAnomaly", "CosmosDBX_FullScan", "CosmosDBX_DataExfiltration.LowAndSlow" } } },
    { .type = "CosmosDBX_Incident.Intrusion", .reach_days = 1,
      .steps = {
          { "CosmosDBX_RefusedAccess*", "CosmosDBX_BruteForce*" },
          { "CosmosDB_TorAnomaly", "CosmosDB_SuspiciousIp", "CosmosDB_GeoAnomaly", "CosmosDBX_ApplicationAnomaly",
            "CosmosDBX_SuspiciousApplication", "CosmosDBX_CloudProviderAnomaly*", "CosmosDBX_PrincipalAnomaly" },
          { "CosmosDBX_Enumeration" },
          { "CosmosDB_DataExfiltrationAnomaly" } } },
    { .type = "CosmosDBX_Incident.Injection", .reach_days = 1,
      .steps = {
          { "CosmosDB_SqlInjection.FailedFuzzingAttempt", "CosmosDBX_QueryAnomaly" },
          { "CosmosDB_SqlInjection.DataExfiltration", "CosmosDBX_NoSqlInjection*", "CosmosDBX_MongoInjection*",
            "CosmosDBX_CqlInjection", "CosmosDBX_GremlinInjection", "CosmosDBX_TableInjection*" },
          { "CosmosDB_DataExfiltrationAnomaly", "CosmosDBX_FullScan" } } },
    { .type = "CosmosDBX_Incident.Blindfold", .reach_days = 1,
      .steps = {
          { "CosmosDBX_LoggingImpaired" },
          { "CosmosDB_*", "AzureCosmosDB_*", "CosmosDBX_Key*", "CosmosDBX_StolenKeyUse", "CosmosDBX_FullScan",
            "CosmosDBX_DataExfiltration*", "CosmosDBX_NumberOfDocuments", "CosmosDBX_Enumeration", "CosmosDBX_CopyJob",
            "CosmosDBX_PartnerPrivateEndpoint", "CosmosDBX_NetworkOpened*", "CosmosDBX_MassDelete*", "CosmosDBX_BackupWeakened",
            "CosmosDBX_PrincipalAnomaly" } } },
    { .type = "CosmosDBX_Incident.Ransom", .reach_days = 1,
      .steps = {
          { "CosmosDB_DataExfiltrationAnomaly", "CosmosDBX_FullScan", "CosmosDBX_DataExfiltration.LowAndSlow",
            "CosmosDBX_CopyJob" },
          { "CosmosDBX_BackupWeakened", "CosmosDBX_LockRemoved", "CosmosDBX_LoggingImpaired" },
          { "CosmosDBX_MassDelete*", "CosmosDBX_Ransom" } } },
    { .type = "CosmosDBX_Incident.Insider", .reach_days = 1, .is_from_first = true, /* its words name who was given a right */
      .steps = {
          { "CosmosDBX_AzureRoleGrant", "CosmosDBX_DataRole*", "CosmosDBX_MongoUserBackdoor" },
          { "CosmosDBX_PrincipalAnomaly", "CosmosDBX_AuthMethodAnomaly" },
          { "CosmosDB_DataExfiltrationAnomaly", "CosmosDBX_FullScan", "CosmosDBX_DataExfiltration.LowAndSlow" } } },
    { .type = "CosmosDBX_Incident.Takeover", .reach_days = 1,
      .steps = {
          { "CosmosDBX_ElevatedAccess", "CosmosDBX_AzureRoleGrant" },
          { KEY_TYPE_SCRIPT, "AzureCosmosDB_SuspiciousListKeys.SuspiciousPrincipal" },
          { "CosmosDBX_NetworkOpened*", "CosmosDBX_ClusterFirewall", "CosmosDBX_LoggingImpaired" },
          { "CosmosDB_DataExfiltrationAnomaly", "CosmosDBX_MassDelete*", "CosmosDBX_KeyRegenerated*" } } },
};

/* ---- what is kept ------------------------------------------------------------------------------------ */

#define IDS_MAX FACT_SET_MAX
#define ID_TEXT 40
#define SOME 8 /* subjects and addresses of a signal: the smallest */

struct signal { /* alerts of one type about one account that begin on one day */
    int64_t first_ns, last_ns;
    int32_t grade; /* severity + 1 of the gravest alert that is not suppressed; 0: there is none */
    int32_t api;
    uint32_t ids_len, subjects_len, addresses_len, principals_len;
    char ids[IDS_MAX][ID_TEXT], subjects[SOME][96], addresses[SOME][48], principals[SOME][96];
    char resource_id[256];
};

struct actor_day { /* what one actor did on one day, over all accounts */
    int64_t first_ns, last_ns;
    int32_t is_open; /* not everything is suppressed */
    int32_t api;
    uint32_t types_len, accounts_len, ids_len, addresses_len;
    struct actor_type { char id[64]; int64_t first_ns; } types[24];
    char accounts[16][64], ids[IDS_MAX][ID_TEXT], addresses[SOME][48];
};

static void describe_signal(const void *value, struct buf *out)
{
    const struct signal *s = value;

    buf_addf(out, "%u alert(s) from ", s->ids_len);
    time_add_iso(out, s->first_ns, 0);
}

static void describe_actor(const void *value, struct buf *out)
{
    const struct actor_day *a = value;

    buf_addf(out, "%u type(s) of alert about %u account(s)", a->types_len, a->accounts_len);
}

static const struct baseline_memory signal_memory = {
    .name = "incident.signal", .version = 1, .size = sizeof(struct signal), .max_keys = 50000,
    .describe = describe_signal,
};

static const struct baseline_memory actor_memory = {
    .name = "incident.actor", .version = 1, .size = sizeof(struct actor_day), .max_keys = 50000,
    .describe = describe_actor,
};

struct incidents {
    struct baseline *baseline;                     /* borrowed */
    const struct alert_type *steps[ARRAY_LEN(chains)][STEPS][STEP_FOUND]; /* NULL-terminated, from the catalogue */
    struct map *dirty;                             /* struct place as bytes: what was noted since the last settle */
    int64_t swept_ns;
};

/* Keep the smallest `max` texts of a sorted list of rooms; a text is cut to its room. */
static void keep_smallest(char *room, size_t width, uint32_t max, uint32_t *len, struct slice text)
{
    char cut[256];
    uint32_t at = 0;
    int order = 1;

    if (slice_empty(text))
        return;
    (void)snprintf(cut, sizeof cut, "%.*s", SLF(slice_cut(text, width - 1)));
    while (at < *len && (order = strcmp(room + at * width, cut)) < 0)
        at++;
    if ((at < *len && order == 0) || at == max)
        return;
    if (*len == max)
        (*len)--;
    memmove(room + (at + 1) * width, room + at * width, (*len - at) * width);
    memset(room + at * width, 0, width);
    memcpy(room + at * width, cut, strlen(cut) + 1);
    (*len)++;
}

#define KEEP(set, len, text) keep_smallest((set)[0], sizeof (set)[0], ARRAY_LEN(set), &(len), (text))

static void widen(int64_t *first_ns, int64_t *last_ns, bool is_new, const struct alert_draft *d)
{
    if (is_new || d->first_ns < *first_ns)
        *first_ns = d->first_ns;
    if (is_new || d->last_ns > *last_ns)
        *last_ns = d->last_ns;
}

static struct slice key_of(char room[KEY_MAX], struct slice name, int64_t day_ns)
{
    int n = snprintf(room, KEY_MAX, "%.*s\x1f%" PRId64, SLF(slice_cut(name, KEY_MAX - 32)), day_ns / NS_PER_DAY);

    return slice_make(room, n < 0 ? 0 : (size_t)n);
}

/* ---- noting ------------------------------------------------------------------------------------------- */

static bool matches(const char *pattern, const char *id)
{
    size_t len = strlen(pattern);

    return pattern[len - 1] == '*' ? strncmp(pattern, id, len - 1) == 0 : strcmp(pattern, id) == 0;
}

/* The types that a pattern of a chain names, each once; how many it names. */
static size_t add_step(const struct alert_type *types[STEP_FOUND], size_t *n, const char *pattern)
{
    size_t named = 0;

    for (size_t i = 0; alert_type_at(i); i++) {
        const struct alert_type *t = alert_type_at(i);
        bool is_there = false;

        if (!matches(pattern, t->id))
            continue;
        named++;
        for (size_t k = 0; k < *n; k++)
            is_there = is_there || types[k] == t;
        if (!is_there && *n + 1 < STEP_FOUND)
            types[(*n)++] = t;
    }
    return named;
}

int incidents_new(struct baseline *b, struct incidents **ret, struct error *err)
{
    struct incidents *x = calloc(1, sizeof *x);

    if (!x || !(x->dirty = map_new(1))) {
        incidents_free(x);
        return error_set(err, ERR_NOMEM, "no memory for incidents");
    }
    x->baseline = b;
    for (size_t c = 0; c < ARRAY_LEN(chains); c++)
        for (size_t s = 0; s < STEPS; s++) {
            size_t n = 0;

            for (size_t p = 0; p < STEP_TYPES && chains[c].steps[s][p]; p++)
                if (add_step(x->steps[c][s], &n, chains[c].steps[s][p]) == 0) {
                    incidents_free(x);
                    return error_set(err, ERR_BUG, "%s: no type of alert is named %s", chains[c].type,
                                     chains[c].steps[s][p]);
                }
        }
    if (baseline_declare(b, &signal_memory, err) < 0 || baseline_declare(b, &actor_memory, err) < 0) {
        incidents_free(x);
        return -1;
    }
    *ret = x;
    return 0;
}

void incidents_free(struct incidents *x)
{
    if (!x)
        return;
    map_free(x->dirty);
    free(x);
}

void incidents_forget(struct incidents *x)
{
    map_clear(x->dirty);
}

static bool is_in_a_chain(const struct incidents *x, const struct alert_type *t)
{
    for (size_t c = 0; c < ARRAY_LEN(chains); c++)
        for (size_t s = 0; s < STEPS; s++)
            for (size_t i = 0; x->steps[c][s][i]; i++)
                if (x->steps[c][s][i] == t)
                    return true;
    return false;
}

/* kind 'A': an account's chains; 'P': an actor. */
static int mark(struct incidents *x, char kind, struct slice name, int64_t day_ns, struct error *err)
{
    char room[KEY_MAX + 1];

    room[0] = kind;
    struct slice key = key_of(room + 1, name, day_ns);

    if (!map_put(x->dirty, slice_make(room, key.len + 1), NULL))
        return error_set(err, ERR_NOMEM, "no memory for incidents");
    return 0;
}

/* The day on which it happened: an alert of a week, or of a month, is one story, and what is added to it has its own day. */
static int64_t day_of(const struct alert_draft *d)
{
    return time_floor(d->first_ns > d->bucket_ns ? d->first_ns : d->bucket_ns, NS_PER_DAY);
}

static bool is_fact(const struct fact_value *v, const char *name)
{
    return v->kind == FACT_SET && strcmp(v->name, name) == 0 && !slice_empty(v->text);
}

/* grade: severity + 1 of the alert, or 0. */
static int note_account(struct incidents *x, struct slice account, const struct alert_draft *d,
                        const struct alert *whole, int32_t grade, struct error *err)
{
    char room[KEY_MAX], label[KEY_MAX];
    int64_t day = day_of(d);
    struct slice key = key_of(room, slice_of(whole->type->id), day);
    bool is_new = false;
    struct signal *s = NULL;

    (void)snprintf(label, sizeof label, "%s", whole->type->id);
    s = baseline_put(x->baseline, &signal_memory, account, key, slice_of(label), d->last_ns, &is_new);
    if (!s)
        return error_set(err, ERR_NOMEM, "no memory for incidents");
    widen(&s->first_ns, &s->last_ns, is_new, d);
    s->grade = grade > s->grade ? grade : s->grade;
    s->api = (int32_t)d->api > s->api ? (int32_t)d->api : s->api;
    KEEP(s->ids, s->ids_len, slice_of(whole->id));
    KEEP(s->subjects, s->subjects_len, slice_of(whole->subject));
    for (size_t i = 0; i < d->facts_len; i++) {
        if (is_fact(&d->facts[i], "address"))
            KEEP(s->addresses, s->addresses_len, d->facts[i].text);
        if (is_fact(&d->facts[i], "principal"))
            KEEP(s->principals, s->principals_len, d->facts[i].text);
    }
    if (!slice_empty(d->account) && !slice_empty(d->resource_id)) {
        char id[sizeof s->resource_id];

        (void)snprintf(id, sizeof id, "%.*s", SLF(slice_cut(d->resource_id, sizeof id - 1)));
        if (s->resource_id[0] == '\0' || strcmp(id, s->resource_id) < 0)
            memcpy(s->resource_id, id, sizeof id);
    }
    return mark(x, 'A', account, day, err);
}

static void actor_add_type(struct actor_day *a, const char *id, int64_t first_ns)
{
    uint32_t at = 0;

    while (at < a->types_len && strcmp(a->types[at].id, id) < 0)
        at++;
    if (at < a->types_len && strcmp(a->types[at].id, id) == 0) {
        if (first_ns < a->types[at].first_ns)
            a->types[at].first_ns = first_ns;
        return;
    }
    if (at == ARRAY_LEN(a->types))
        return;
    if (a->types_len == ARRAY_LEN(a->types))
        a->types_len--;
    memmove(&a->types[at + 1], &a->types[at], (a->types_len - at) * sizeof a->types[0]);
    a->types[at] = (struct actor_type){ .first_ns = first_ns };
    (void)snprintf(a->types[at].id, sizeof a->types[at].id, "%s", id);
    a->types_len++;
}

static int note_actor(struct incidents *x, struct slice actor, const struct alert_draft *d, const struct alert *whole,
                      bool is_suppressed, struct error *err)
{
    char room[KEY_MAX];
    int64_t day = day_of(d);
    struct slice key = key_of(room, actor, day);
    bool is_new = false;
    struct actor_day *a = baseline_put(x->baseline, &actor_memory, SL(""), key, actor, d->last_ns, &is_new);

    if (!a)
        return error_set(err, ERR_NOMEM, "no memory for incidents");
    widen(&a->first_ns, &a->last_ns, is_new, d);
    if (!is_suppressed && whole->type->severity > SEVERITY_INFORMATIONAL)
        a->is_open = 1;
    a->api = (int32_t)d->api > a->api ? (int32_t)d->api : a->api;
    actor_add_type(a, whole->type->id, d->first_ns);
    KEEP(a->accounts, a->accounts_len, d->account);
    KEEP(a->ids, a->ids_len, slice_of(whole->id));
    for (size_t i = 0; i < d->facts_len; i++) {
        if (is_fact(&d->facts[i], "accounts"))
            KEEP(a->accounts, a->accounts_len, d->facts[i].text);
        if (is_fact(&d->facts[i], "address"))
            KEEP(a->addresses, a->addresses_len, d->facts[i].text);
    }
    return mark(x, 'P', actor, day, err);
}

/* The network of a public address, or of a range that an alert has in its place (refused_access counts by the /64). */
static bool network_of(struct slice text, char ret[PREFIX_TEXT_MAX])
{
    struct prefix p;

    if (!prefix_parse(text, &p) || enrich_is_private_address(&p.first))
        return false;
    p = prefix_of(&p.first, address_is_v4(&p.first) ? 120 : 64);
    prefix_format(&p, ret);
    return true;
}

static int note_actors(struct incidents *x, const struct alert_draft *d, const struct alert *whole, bool is_suppressed,
                       struct error *err)
{
    for (size_t i = 0; i < d->facts_len; i++) {
        const struct fact_value *v = &d->facts[i];
        char network[PREFIX_TEXT_MAX];
        struct slice actor = { 0 };

        if (is_fact(v, "address") && network_of(v->text, network))
            actor = slice_of(network);
        else if (is_fact(v, "principal"))
            actor = slice_cut(v->text, 256);
        if (!slice_empty(actor) && note_actor(x, actor, d, whole, is_suppressed, err) < 0)
            return -1;
    }
    return 0;
}

int incidents_note(struct incidents *x, const struct alert_draft *d, const struct alert *whole, bool is_suppressed,
                   struct error *err)
{
    const struct alert_type *t = whole->type;
    int32_t grade = whole->is_suppressed || whole->severity == SEVERITY_INFORMATIONAL ? 0 : (int32_t)whole->severity + 1;

    if (t->is_incident)
        return 0;
    /* A run of refused key listings took nothing; it is an alert of its own subject, always Low. */
    if (strcmp(t->id, KEY_TYPE_SCRIPT) == 0 && d->severity <= SEVERITY_LOW)
        return 0;
    if (note_actors(x, d, whole, is_suppressed, err) < 0)
        return -1;
    if (!is_in_a_chain(x, t))
        return 0;
    if (!slice_empty(d->account))
        return note_account(x, d->account, d, whole, grade, err);
    /* An alert over several accounts: each draft names some of them, and what later ones say about its severity
     * is not about these. So the type's own severity counts. */
    for (size_t i = 0; i < d->facts_len; i++)
        if (is_fact(&d->facts[i], "accounts") &&
            note_account(x, d->facts[i].text, d, whole, is_suppressed ? 0 : (int32_t)t->severity + 1, err) < 0)
            return -1;
    return 0;
}

/* ---- a chain of one account --------------------------------------------------------------------------- */

struct found {
    const struct alert_type *type;
    const struct signal *signal;
    size_t step;
    bool is_on_day, is_member;
};

struct story { /* what goes into the alert */
    const struct chain *chain;   /* NULL: the same actor */
    const char *type;
    struct slice account, subject, resource_id;
    int64_t day_ns, first_ns, last_ns, count;
    int grade, api;
    bool continues;
    struct fact_value *facts;
    size_t facts_len, facts_cap;
    char (*lines)[192];          /* texts of the time line */
    size_t lines_len;
    const struct alert_type *types[64]; /* distinct */
    size_t types_len;
};

static void story_release(struct story *s)
{
    free(s->facts);
    free(s->lines);
}

static bool story_reserve(struct story *s, size_t facts, size_t lines)
{
    s->facts = calloc(facts, sizeof *s->facts);
    s->lines = calloc(lines + 1, sizeof *s->lines);
    s->facts_cap = facts;
    return s->facts && s->lines;
}

static void add_fact(struct story *s, const char *name, enum fact_kind kind, struct slice text, int64_t number)
{
    if (s->facts_len < s->facts_cap)
        s->facts[s->facts_len++] = (struct fact_value){ .name = name, .kind = kind, .text = text, .number = number };
}

static void add_rooms(struct story *s, const char *name, const char *room, size_t width, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        add_fact(s, name, FACT_SET, slice_of(room + i * width), 0);
}

static void add_type(struct story *s, const struct alert_type *t)
{
    for (size_t i = 0; i < s->types_len; i++)
        if (s->types[i] == t)
            return;
    if (s->types_len == ARRAY_LEN(s->types))
        return;
    s->types[s->types_len++] = t;
    for (size_t i = 0; i < TECHNIQUES_MAX && t->techniques[i]; i++)
        add_fact(s, "techniques", FACT_SET, slice_of(t->techniques[i]), 0);
}

/* "2026-08-20T10:00:00Z Access from a Tor exit node: 203.0.113.9". Sorted as text is sorted by time. */
static void add_line(struct story *s, int64_t time_ns, const char *what, const char *about)
{
    struct buf line = BUF_INIT(sizeof s->lines[0] - 1);
    char *room = s->lines[s->lines_len++];

    time_add_iso(&line, time_ns, 0);
    buf_addf(&line, " %s", what);
    if (about[0])
        buf_addf(&line, ": %.90s", about);
    (void)snprintf(room, sizeof s->lines[0], "%s", buf_cstr(&line));
    buf_release(&line);
    add_fact(s, "timeline", FACT_SET, slice_of(room), 0);
}

static bool techniques_differ(const struct alert_type *a, const struct alert_type *b)
{
    for (size_t i = 0; i < TECHNIQUES_MAX; i++) {
        if (!a->techniques[i] || !b->techniques[i])
            return a->techniques[i] != b->techniques[i];
        if (strcmp(a->techniques[i], b->techniques[i]) != 0)
            return true;
    }
    return false;
}

/* A new administrator reads a key, and within two weeks some job reads much: that alone is ordinary life. */
static bool is_too_weak(const struct chain *c, const struct found *a, const struct found *b)
{
    return c->weak && b->step > 1 && strcmp(a->type->id, c->weak) == 0;
}

static bool is_linked(const struct chain *c, const struct found *a, const struct found *b)
{
    return !is_too_weak(c, a, b) && a->is_on_day && a->step < b->step && (a->step == 0 || !c->is_from_first) &&
           b->signal->last_ns >= a->signal->first_ns &&
           b->signal->first_ns <= i64_add_sat(a->signal->last_ns, c->reach_days * NS_PER_DAY) &&
           techniques_differ(a->type, b->type);
}

static size_t find_signals(struct incidents *x, size_t c, struct slice account, int64_t day_ns,
                           struct found ret[FOUND_MAX])
{
    size_t n = 0;

    for (int d = 0; d <= chains[c].reach_days; d++) {
        for (size_t s = 0; s < STEPS; s++)
            for (size_t i = 0; x->steps[c][s][i] && n < FOUND_MAX; i++) {
                char room[KEY_MAX];
                struct slice key = key_of(room, slice_of(x->steps[c][s][i]->id), day_ns + d * NS_PER_DAY);
                const struct signal *found = baseline_get(x->baseline, &signal_memory, account, key);

                if (found)
                    ret[n++] = (struct found){ .type = x->steps[c][s][i], .signal = found, .step = s,
                                               .is_on_day = d == 0 };
            }
        if (n == 0 || (chains[c].is_from_first && ret[0].step > 0))
            return 0; /* nothing on the day itself that could begin the chain; steps come in order */
    }
    return n;
}

/* Members of the chain that begins on the day; 0: there is none. *ret_grade is the gravest member's. */
static size_t link_signals(const struct chain *c, struct found *f, size_t n, int *ret_grade)
{
    size_t members = 0;

    *ret_grade = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            if (is_linked(c, &f[i], &f[k]))
                f[i].is_member = f[k].is_member = true;
    for (size_t i = 0; i < n; i++)
        if (f[i].is_member) {
            members++;
            *ret_grade = f[i].signal->grade > *ret_grade ? f[i].signal->grade : *ret_grade;
        }
    return *ret_grade > 0 ? members : 0;
}

/* Alerts of a signal that no earlier member has: an alert of a week may stand in the signals of several days. */
static int64_t count_new(const struct found *all, const struct found *f)
{
    int64_t n = 0;

    for (uint32_t i = 0; i < f->signal->ids_len; i++) {
        bool is_known = false;

        for (const struct found *e = all; e < f && !is_known; e++)
            for (uint32_t k = 0; e->is_member && e->type == f->type && k < e->signal->ids_len && !is_known; k++)
                is_known = strcmp(e->signal->ids[k], f->signal->ids[i]) == 0;
        n += !is_known;
    }
    return n;
}

static void tell_signal(struct story *s, const struct found *all, const struct found *f)
{
    const struct signal *g = f->signal;
    int64_t alerts = count_new(all, f);

    s->first_ns = g->first_ns < s->first_ns ? g->first_ns : s->first_ns;
    s->last_ns = g->last_ns > s->last_ns ? g->last_ns : s->last_ns;
    s->count += alerts;
    s->api = g->api > s->api ? g->api : s->api;
    if (g->resource_id[0] && (slice_empty(s->resource_id) || slice_cmp(slice_of(g->resource_id), s->resource_id) < 0))
        s->resource_id = slice_of(g->resource_id);
    add_type(s, f->type);
    add_fact(s, "alertTypes", FACT_MAP, slice_of(f->type->id), alerts);
    add_rooms(s, "members", g->ids[0], sizeof g->ids[0], g->ids_len);
    add_rooms(s, "address", g->addresses[0], sizeof g->addresses[0], g->addresses_len);
    add_rooms(s, "principal", g->principals[0], sizeof g->principals[0], g->principals_len);
    add_line(s, g->first_ns, f->type->display_name, g->subjects_len > 0 ? g->subjects[0] : "");
}

/* ---- telling -------------------------------------------------------------------------------------------- */

static int tell(struct story *s, struct stage *stage, const struct stage_loader *load, struct error *err)
{
    bool is_top = s->grade > SEVERITY_HIGH;
    enum severity severity = is_top ? SEVERITY_HIGH : (enum severity)s->grade; /* grade is severity + 1: one step up */
    CLEANUP(buf_release) struct buf raised = BUF_HERE(160), before = BUF_HERE(64);

    if (is_top)
        buf_add_str(&raised, "a member is High already, and there is no higher step");
    else
        buf_addf(&raised, "the gravest member is %s, the chain raises it to %s",
                 severity_name((enum severity)(s->grade - 1)), severity_name(severity));
    add_fact(s, "raised", FACT_SET, buf_slice(&raised), 0);
    add_fact(s, "types", FACT_MAX, SL(""), (int64_t)s->types_len);
    if (s->continues) {
        time_add_iso(&before, s->day_ns - NS_PER_DAY, 0);
        add_fact(s, "continues", FACT_SET, slice_cut(buf_slice(&before), 10), 0);
    }
    return stage_put(stage, &(struct alert_draft){
        .detector = "incident", .state_version = 1, .type = s->type, .severity = severity,
        .confidence = s->types_len > 2 ? 90 : 75, .api = (enum api)s->api, .account = s->account,
        .resource_id = s->resource_id, .subject = s->subject, .bucket_ns = s->day_ns, .first_ns = s->first_ns,
        .last_ns = s->last_ns, .count = s->count, .facts = s->facts, .facts_len = s->facts_len }, load, err);
}

static bool chain_begins(struct incidents *x, size_t c, struct slice account, int64_t day_ns, struct found *room)
{
    int grade = 0;
    size_t n = find_signals(x, c, account, day_ns, room);

    return link_signals(&chains[c], room, n, &grade) > 0;
}

static int settle_chain(struct incidents *x, size_t c, struct slice account, int64_t day_ns, struct stage *stage,
                        const struct stage_loader *load, struct found *room, struct error *err)
{
    CLEANUP(story_release) struct story s = { .chain = &chains[c], .type = chains[c].type, .account = account,
                                              .subject = account, .day_ns = day_ns, .first_ns = INT64_MAX,
                                              .last_ns = INT64_MIN };
    bool continues = chain_begins(x, c, account, day_ns - NS_PER_DAY, room);
    size_t n = find_signals(x, c, account, day_ns, room), members = link_signals(&chains[c], room, n, &s.grade);

    if (members == 0)
        return 0;
    s.continues = continues;
    if (!story_reserve(&s, members * (IDS_MAX + 2 * SOME + 2) + 64 * TECHNIQUES_MAX + 16, members))
        return error_set(err, ERR_NOMEM, "no memory for an incident");
    add_fact(&s, "accounts", FACT_SET, account, 0);
    for (size_t i = 0; i < n; i++)
        if (room[i].is_member)
            tell_signal(&s, room, &room[i]);
    return tell(&s, stage, load, err);
}

/* ---- one actor over several accounts ---------------------------------------------------------------------- */

struct actor_story {
    const struct actor_day *days[2];
    size_t len;
};

static bool actor_find(struct incidents *x, struct slice actor, int64_t day_ns, struct actor_story *ret)
{
    char room[KEY_MAX];
    const struct actor_day *next = NULL;
    size_t types = 0, accounts = 0;

    *ret = (struct actor_story){ .len = 1 };
    ret->days[0] = baseline_get(x->baseline, &actor_memory, SL(""), key_of(room, actor, day_ns));
    if (!ret->days[0])
        return false;
    next = baseline_get(x->baseline, &actor_memory, SL(""), key_of(room, actor, day_ns + NS_PER_DAY));
    if (next && next->first_ns <= i64_add_sat(ret->days[0]->last_ns, NS_PER_DAY))
        ret->days[ret->len++] = next;
    types = ret->days[0]->types_len;
    accounts = ret->days[0]->accounts_len;
    for (uint32_t i = 0; ret->len > 1 && i < next->types_len; i++) {
        bool is_known = false;

        for (uint32_t k = 0; k < ret->days[0]->types_len; k++)
            is_known = is_known || strcmp(next->types[i].id, ret->days[0]->types[k].id) == 0;
        types += !is_known;
    }
    for (uint32_t i = 0; ret->len > 1 && i < next->accounts_len; i++) {
        bool is_known = false;

        for (uint32_t k = 0; k < ret->days[0]->accounts_len; k++)
            is_known = is_known || strcmp(next->accounts[i], ret->days[0]->accounts[k]) == 0;
        accounts += !is_known;
    }
    return types >= SAME_ACTOR_TYPES && accounts >= SAME_ACTOR_ACCOUNTS &&
           (ret->days[0]->is_open || (ret->len > 1 && next->is_open));
}

static void tell_actor_day(struct story *s, const struct actor_day *a)
{
    s->first_ns = a->first_ns < s->first_ns ? a->first_ns : s->first_ns;
    s->last_ns = a->last_ns > s->last_ns ? a->last_ns : s->last_ns;
    s->count += a->ids_len;
    s->api = a->api > s->api ? a->api : s->api;
    add_rooms(s, "accounts", a->accounts[0], sizeof a->accounts[0], a->accounts_len);
    add_rooms(s, "members", a->ids[0], sizeof a->ids[0], a->ids_len);
    add_rooms(s, "address", a->addresses[0], sizeof a->addresses[0], a->addresses_len);
    for (uint32_t i = 0; i < a->types_len; i++) {
        const struct alert_type *t = alert_type_find(a->types[i].id);

        if (!t)
            continue; /* of another release */
        add_type(s, t);
        add_fact(s, "alertTypes", FACT_MAP, slice_of(t->id), 1);
        add_line(s, a->types[i].first_ns, t->display_name, "");
        /* Of a type over an actor's drafts only the catalogue's severity does not depend on order. */
        s->grade = (int)t->severity + 1 > s->grade ? (int)t->severity + 1 : s->grade;
    }
}

static int settle_actor(struct incidents *x, struct slice actor, int64_t day_ns, struct stage *stage,
                        const struct stage_loader *load, struct error *err)
{
    CLEANUP(story_release) struct story s = { .type = SAME_ACTOR, .subject = actor, .day_ns = day_ns,
                                              .first_ns = INT64_MAX, .last_ns = INT64_MIN };
    struct actor_story a, before;
    struct address unused;
    struct prefix network;

    if (!actor_find(x, actor, day_ns, &a))
        return 0;
    s.continues = actor_find(x, actor, day_ns - NS_PER_DAY, &before);
    if (!story_reserve(&s, 512, 2 * ARRAY_LEN(a.days[0]->types)))
        return error_set(err, ERR_NOMEM, "no memory for an incident");
    for (size_t i = 0; i < a.len; i++)
        tell_actor_day(&s, a.days[i]);
    if (!address_parse(actor, &unused) && !prefix_parse(actor, &network))
        add_fact(&s, "principal", FACT_SET, actor, 0);
    return tell(&s, stage, load, err);
}

/* ---- what changed -------------------------------------------------------------------------------------------- */

/* Can rows of that day's incident still come? Afterwards it is left as it is: its signals may be gone. */
static bool is_over(const struct incidents *x, int64_t day_ns, int reach_days, int64_t watermark_ns)
{
    return watermark_ns != INT64_MAX &&
           watermark_ns >= day_ns + (reach_days + 1) * NS_PER_DAY + baseline_cfg(x->baseline)->horizon_ns;
}

static int settle_account(struct incidents *x, struct slice account, int64_t day_ns, struct stage *stage,
                          int64_t watermark_ns, const struct stage_loader *load, struct error *err)
{
    struct found *room = malloc(FOUND_MAX * sizeof *room);
    int rc = 0;

    if (!room)
        return error_set(err, ERR_NOMEM, "no memory for incidents");
    /* As the chain's beginning, as a later part of one that began before, or as what the next day continues. */
    for (size_t c = 0; c < ARRAY_LEN(chains); c++)
        for (int d = -chains[c].reach_days; rc == 0 && d <= 1; d++)
            if (!is_over(x, day_ns + d * NS_PER_DAY, chains[c].reach_days, watermark_ns))
                rc = settle_chain(x, c, account, day_ns + d * NS_PER_DAY, stage, load, room, err);
    free(room);
    return rc;
}

static int settle_one(struct incidents *x, struct slice key, struct stage *stage, int64_t watermark_ns,
                      const struct stage_loader *load, struct error *err)
{
    size_t at = key.len;
    struct slice name;
    int64_t day = 0;
    int rc = 0;

    while (at > 1 && key.at[at - 1] != '\x1f') /* the last one: a name from a log may hold anything */
        at--;
    if (at < 2 || !parse_i64(slice_make(key.at + at, key.len - at), INT64_MIN, INT64_MAX, &day))
        return error_set(err, ERR_BUG, "incident of an unreadable key");
    name = slice_make(key.at + 1, at - 2);
    day *= NS_PER_DAY;
    if (key.at[0] == 'A')
        return settle_account(x, name, day, stage, watermark_ns, load, err);
    for (int d = -1; rc == 0 && d <= 1; d++)
        if (!is_over(x, day + d * NS_PER_DAY, 1, watermark_ns))
            rc = settle_actor(x, name, day + d * NS_PER_DAY, stage, load, err);
    return rc;
}

/* A walk over both memories, once a day of event time. */
static void sweep(struct incidents *x, int64_t watermark_ns)
{
    int64_t horizon = baseline_cfg(x->baseline)->horizon_ns, day = 0;

    if (watermark_ns == INT64_MAX || watermark_ns < x->swept_ns + NS_PER_DAY)
        return;
    day = time_floor(watermark_ns, NS_PER_DAY);
    baseline_expire(x->baseline, &signal_memory, day - horizon - 18 * NS_PER_DAY);
    baseline_expire(x->baseline, &actor_memory, day - horizon - 5 * NS_PER_DAY);
    x->swept_ns = day;
}

int incidents_settle(struct incidents *x, struct stage *stage, int64_t watermark_ns, const struct stage_loader *load,
                     struct error *err)
{
    size_t it = 0;
    struct slice key = { 0 };
    void *unused = NULL;

    while (map_next(x->dirty, &it, &key, &unused))
        if (settle_one(x, key, stage, watermark_ns, load, err) < 0)
            return -1;
    map_clear(x->dirty);
    sweep(x, watermark_ns);
    return 0;
}
