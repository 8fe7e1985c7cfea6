/* What incidents promise: the chains of the catalogue, and the same incidents with the same words whatever the order
 * of rows, the cut into batches, the lateness within the horizon and the restarts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "alert/incident.h"
#include "alert/stage.h"
#include "alert/suppress.h"
#include "base/buf.h"
#include "base/map.h"
#include "base/timeutil.h"
#include "baseline/baseline.h"
#include "settings/errors.h"
#include "settings/yaml_node.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define HORIZON (2 * NS_PER_HOUR)
#define DAY0 (20000 * NS_PER_DAY)
#define SCRIPT "CosmosDB_SuspiciousListKeys.MaliciousScript"
#define PRINCIPAL "AzureCosmosDB_SuspiciousListKeys.SuspiciousPrincipal"
#define TOR "CosmosDB_TorAnomaly"
#define BAD "CosmosDB_SuspiciousIp"
#define FIRST "CosmosDBX_KeyRead.FirstTime"
#define VOLUME "CosmosDB_DataExfiltrationAnomaly"
#define FUZZ "CosmosDB_SqlInjection.FailedFuzzingAttempt"
#define INJECTED "CosmosDB_SqlInjection.DataExfiltration"
#define KEY_THEFT "CosmosDBX_Incident.KeyTheft"
#define INSIDER "CosmosDBX_Incident.Insider"
#define INTRUSION "CosmosDBX_Incident.Intrusion"
#define INJECTION "CosmosDBX_Incident.Injection"
#define SAME_ACTOR "CosmosDBX_Incident.SameActor"

static struct error err;

/* ---- a store of two maps, and what stands on it ----------------------------------------------------------- */

struct bench {
    struct baseline *baseline;
    struct stage *stage;
    struct incidents *incidents;
    struct suppress *rules;
    struct map *alerts;   /* id -> char *, durable JSON */
    struct map *rows;     /* memory and id -> struct kept */
    int told;
    char last_record[64];
};

struct kept { char memory[64]; struct baseline_row row; void *value; };

static int watch(void *self, const struct alert_draft *d, const struct alert *whole, bool is_suppressed, struct error *e)
{
    return incidents_note(((struct bench *)self)->incidents, d, whole, is_suppressed, e);
}

static void start(struct bench *b)
{
    const struct baseline_config cfg = { .horizon_ns = HORIZON, .learn_ns = 0 };

    b->baseline = baseline_new(&cfg);
    b->stage = stage_new(HORIZON);
    ck_assert_int_eq(incidents_new(b->baseline, &b->incidents, &err), 0);
    stage_set_suppress(b->stage, b->rules);
    stage_watch(b->stage, watch, b);
}

static void stop(struct bench *b)
{
    incidents_free(b->incidents);
    stage_free(b->stage);
    baseline_free(b->baseline);
}

static struct bench *bench_open(const char *suppressions)
{
    struct bench *b = calloc(1, sizeof *b);

    b->alerts = map_new(sizeof(char *));
    b->rows = map_new(sizeof(struct kept));
    if (suppressions) {
        struct settings_errors errors = { 0 };
        struct yaml_tree *tree = NULL;
        CLEANUP(buf_release) struct buf text = BUF_INIT(65536);

        ck_assert_int_eq(yaml_tree_parse(slice_of(suppressions), "test", &tree, &errors), 0);
        int rc = suppress_read(yaml_tree_root(tree), &b->rules, &errors);

        settings_errors_print(&errors, &text);
        ck_assert_msg(rc == 0, "%s", buf_cstr(&text));
        yaml_tree_free(tree);
        settings_errors_release(&errors);
    }
    start(b);
    return b;
}

static void bench_free(struct bench *b)
{
    size_t it = 0;
    struct slice key = { 0 };
    void *value = NULL;

    stop(b);
    while (map_next(b->alerts, &it, &key, &value))
        free(*(char **)value);
    map_free(b->alerts);
    it = 0;
    while (map_next(b->rows, &it, &key, &value))
        free(((struct kept *)value)->value);
    map_free(b->rows);
    suppress_free(b->rules);
    free(b);
}

static int keep_row(void *self, const struct baseline_row *row, struct error *e)
{
    struct bench *b = self;
    char key[96];
    int n = snprintf(key, sizeof key, "%s", row->memory);
    struct kept *k = NULL;

    (void)e;
    memcpy(key + n, row->id, sizeof row->id);
    struct slice name = slice_make(key, (size_t)n + sizeof row->id);

    k = map_get(b->rows, name);
    if (k)
        free(k->value);
    if (row->is_deleted) {
        (void)map_del(b->rows, name);
        return 0;
    }
    k = map_put(b->rows, name, NULL);
    *k = (struct kept){ .row = *row, .value = malloc(row->value.len) };
    memcpy(k->value, row->value.at, row->value.len);
    (void)snprintf(k->memory, sizeof k->memory, "%s", row->memory);
    return 0;
}

static int keep_alert(void *self, const struct alert *a, bool is_told, struct error *e)
{
    struct bench *b = self;
    CLEANUP(buf_release) struct buf text = BUF_INIT(1u << 20);
    char **at = map_put(b->alerts, slice_of(a->id), NULL);

    if (alert_save(a, &text, e) < 0)
        return -1;
    free(*at);
    *at = strdup(buf_cstr(&text));
    b->told += is_told;
    if (is_told)
        (void)snprintf(b->last_record, sizeof b->last_record, "%s", a->record_id);
    return 0;
}

static int load_alert(void *self, const char *id, struct alert **ret, struct error *e)
{
    char **at = map_get(((struct bench *)self)->alerts, slice_of(id));

    *ret = NULL;
    return at ? alert_load(slice_of(*at), ret, e) : 0;
}

static void emit(struct bench *b, const struct alert_draft *d)
{
    const struct stage_loader load = { .self = b, .load = load_alert };

    ck_assert_msg(stage_emit(b->stage, d, &load, &err) == 0, "%s", err.msg);
}

/* End of a batch, as the flow does it. */
static void settle(struct bench *b, int64_t watermark_ns)
{
    const struct stage_loader load = { .self = b, .load = load_alert };

    ck_assert_msg(incidents_settle(b->incidents, b->stage, watermark_ns, &load, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(stage_settle(b->stage, watermark_ns, keep_alert, b, &err), 0);
    ck_assert_int_eq(baseline_each_changed(b->baseline, keep_row, b, &err), 0);
    baseline_mark_clean(b->baseline);
    stage_commit(b->stage);
}

/* Everything not committed is gone, what was committed is read back: only open alerts are. */
static void restart(struct bench *b)
{
    size_t it = 0;
    struct slice key = { 0 };
    void *value = NULL;

    stop(b);
    start(b);
    while (map_next(b->rows, &it, &key, &value)) {
        struct kept *k = value;

        k->row.memory = k->memory;
        k->row.account = k->row.key = k->row.label = (struct slice){ 0 };
        k->row.value = slice_make(k->value, k->row.value.len);
        ck_assert_int_eq(baseline_load_row(b->baseline, &k->row, &err), 0);
    }
    it = 0;
    while (map_next(b->alerts, &it, &key, &value)) {
        struct alert *a = NULL;

        ck_assert_int_eq(alert_load(slice_of(*(char **)value), &a, &err), 0);
        if (a->is_final)
            alert_free(a);
        else
            ck_assert_int_eq(stage_adopt(b->stage, a, &err), 0);
    }
}

static struct alert *find(struct bench *b, const char *type, size_t *ret_n)
{
    size_t it = 0;
    struct slice key = { 0 };
    void *value = NULL;
    struct alert *found = NULL;

    *ret_n = 0;
    while (map_next(b->alerts, &it, &key, &value)) {
        struct alert *a = NULL;

        ck_assert_int_eq(alert_load(slice_of(*(char **)value), &a, &err), 0);
        if (strcmp(a->type->id, type) == 0) {
            alert_free(found);
            found = a;
            ++*ret_n;
        } else {
            alert_free(a);
        }
    }
    return found;
}

static size_t count(struct bench *b, const char *type)
{
    size_t n = 0;

    alert_free(find(b, type, &n));
    return n;
}

/* ---- drafts ------------------------------------------------------------------------------------------------- */

struct say {
    const char *type, *account, *address, *principal, *accounts;
    int64_t time_ns;
    enum severity severity; /* INFORMATIONAL here: the type's own */
    bool is_informational;
    bool is_weekly; /* one alert for all of a week */
};

static void say(struct bench *b, struct say s)
{
    struct fact_value facts[3];
    size_t n = 0;
    const struct alert_type *t = alert_type_find(s.type);
    int64_t span = s.is_weekly ? 7 * NS_PER_DAY : NS_PER_DAY;

    ck_assert_msg(t != NULL, "%s", s.type);
    if (s.address)
        facts[n++] = (struct fact_value){ .name = "address", .kind = FACT_SET, .text = slice_of(s.address) };
    if (s.principal)
        facts[n++] = (struct fact_value){ .name = "principal", .kind = FACT_SET, .text = slice_of(s.principal) };
    if (s.accounts)
        facts[n++] = (struct fact_value){ .name = "accounts", .kind = FACT_SET, .text = slice_of(s.accounts) };
    emit(b, &(struct alert_draft){
        .detector = "test", .state_version = 1, .type = s.type, .api = API_NOSQL, .confidence = 50,
        .severity = s.is_informational ? SEVERITY_INFORMATIONAL : s.severity ? s.severity : t->severity,
        .account = slice_of(s.account), .subject = slice_of(s.principal ? s.principal : s.address ? s.address : "client"),
        .resource_id = s.account ? SL("/subscriptions/1/databaseaccounts/a") : SL("/subscriptions/1"),
        .bucket_ns = s.time_ns - ((s.time_ns % span) + span) % span, .first_ns = s.time_ns,
        .last_ns = s.time_ns, .count = 1, .facts = facts, .facts_len = n });
}

#define SAY(b, ...) say((b), (struct say){ __VA_ARGS__ })

/* ---- chains --------------------------------------------------------------------------------------------------- */

START_TEST(a_key_read_and_then_used_over_tor_is_key_theft)
{
    struct bench *b = bench_open(NULL);
    CLEANUP(buf_release) struct buf why = BUF_INIT(65536);
    CLEANUP(alert_freep) struct alert *a = NULL;
    size_t n = 0;

    SAY(b, .type = PRINCIPAL, .account = "orders", .principal = "eve@x.example", .time_ns = DAY0 + NS_PER_HOUR);
    SAY(b, .type = TOR, .account = "orders", .address = "198.51.100.9", .severity = SEVERITY_MEDIUM,
        .time_ns = DAY0 + 3 * NS_PER_DAY);
    settle(b, 0);
    a = find(b, KEY_THEFT, &n);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(a->severity, SEVERITY_HIGH);
    ck_assert_int_eq(a->bucket_ns, DAY0);
    ck_assert_int_eq(a->first_ns, DAY0 + NS_PER_HOUR);
    ck_assert_int_eq(a->last_ns, DAY0 + 3 * NS_PER_DAY);
    ck_assert_int_eq(a->count, 2);
    ck_assert_str_eq(a->account, "orders");
    ck_assert_str_eq(a->resource_id, "/subscriptions/1/databaseaccounts/a");
    ck_assert_uint_eq(alert_fact(a, "members")->len, 2);
    ck_assert_str_eq(alert_fact(a, "timeline")->entries[1].text,
                     "2024-10-07T00:00:00Z Access from a Tor exit node: 198.51.100.9");
    ck_assert_str_eq(alert_text(a, "raised"), "a member is High already, and there is no higher step");
    alert_why(a, &why);
    ck_assert_ptr_null(strchr(buf_cstr(&why), '{'));
    bench_free(b);
}
END_TEST

static const struct {
    const char *name, *incident, *first, *second;
    int64_t apart_ns;
    size_t expected;
} pairs[] = {
    { "at once", KEY_THEFT, PRINCIPAL, TOR, 0, 1 },
    { "14 days later", KEY_THEFT, PRINCIPAL, TOR, 14 * NS_PER_DAY, 1 },
    { "more than 14 days later", KEY_THEFT, PRINCIPAL, TOR, 14 * NS_PER_DAY + 1, 0 },
    { "used before it was read", KEY_THEFT, TOR, PRINCIPAL, NS_PER_HOUR, 0 },
    { "key and volume", KEY_THEFT, PRINCIPAL, VOLUME, NS_PER_DAY, 1 },
    { "somebody new at a key, and volume", KEY_THEFT, FIRST, VOLUME, NS_PER_DAY, 0 },
    { "somebody new at a key, and another place", KEY_THEFT, FIRST, "CosmosDB_GeoAnomaly", NS_PER_DAY, 1 },
    { "use alone begins no theft", KEY_THEFT, TOR, VOLUME, NS_PER_HOUR, 0 },
    { "but an intrusion", INTRUSION, TOR, VOLUME, NS_PER_HOUR, 1 },
    { "a right, and somebody new", INSIDER, "CosmosDBX_DataRole", "CosmosDBX_PrincipalAnomaly", NS_PER_HOUR, 1 },
    { "somebody new, and no right was given", INSIDER, "CosmosDBX_PrincipalAnomaly", VOLUME, NS_PER_HOUR, 0 },
    { "a new way of signing in, and none either", INSIDER, "CosmosDBX_AuthMethodAnomaly", VOLUME, NS_PER_HOUR, 0 },
    { "over midnight", INTRUSION, BAD, VOLUME, 24 * NS_PER_HOUR, 1 },
    { "24 hours and a little", INTRUSION, BAD, VOLUME, 24 * NS_PER_HOUR + 1, 0 },
    { "the same step twice", INTRUSION, TOR, BAD, NS_PER_HOUR, 0 },
    { "tried, then through", INJECTION, FUZZ, INJECTED, NS_PER_HOUR, 1 },
    { "through, then data", INJECTION, INJECTED, VOLUME, NS_PER_HOUR, 1 },
    { "through, then tried", INJECTION, INJECTED, FUZZ, NS_PER_HOUR, 0 },
    { "other chains", INJECTION, TOR, VOLUME, NS_PER_HOUR, 0 },
};

START_TEST(chains_need_their_order_and_their_time)
{
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct bench *b = bench_open(NULL);

        SAY(b, .type = pairs[i].first, .account = "orders", .address = "198.51.100.9", .time_ns = DAY0 + 23 * NS_PER_HOUR);
        SAY(b, .type = pairs[i].second, .account = "orders", .address = "198.51.100.9",
            .time_ns = DAY0 + 23 * NS_PER_HOUR + pairs[i].apart_ns);
        settle(b, INT64_MAX);
        ck_assert_msg(count(b, pairs[i].incident) == pairs[i].expected, "%s", pairs[i].name);
        bench_free(b);
    }
}
END_TEST

START_TEST(what_a_weekly_alert_adds_has_a_day_of_its_own)
{
    static const struct { int day, apart_days; size_t expected; } cases[] = {
        { 0, 0, 1 }, { 3, 0, 1 }, { 6, 0, 1 }, { 6, 1, 1 }, { 3, 2, 0 }, { 0, 6, 0 },
    };
    const int64_t week = time_floor(DAY0, 7 * NS_PER_DAY) + 7 * NS_PER_DAY;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench_open(NULL);
        int64_t t = week + cases[i].day * NS_PER_DAY + 9 * NS_PER_HOUR;

        SAY(b, .type = "CosmosDB_GeoAnomaly", .account = "orders", .address = "198.51.100.9", .time_ns = t, .is_weekly = true);
        SAY(b, .type = VOLUME, .account = "orders", .address = "198.51.100.9", .time_ns = t + cases[i].apart_days * NS_PER_DAY);
        settle(b, INT64_MAX);
        ck_assert_msg(count(b, INTRUSION) == cases[i].expected, "day %d, %d later", cases[i].day, cases[i].apart_days);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_weekly_alert_that_goes_on_is_one_member)
{
    struct bench *b = bench_open(NULL);
    CLEANUP(alert_freep) struct alert *a = NULL;
    int64_t t = time_floor(DAY0, 7 * NS_PER_DAY) + 10 * NS_PER_DAY + 20 * NS_PER_HOUR;
    size_t n = 0;

    SAY(b, .type = "CosmosDBX_BruteForce", .account = "orders", .address = "198.51.100.9", .time_ns = t);
    SAY(b, .type = "CosmosDB_GeoAnomaly", .account = "orders", .address = "198.51.100.9", .time_ns = t, .is_weekly = true);
    SAY(b, .type = "CosmosDB_GeoAnomaly", .account = "orders", .address = "198.51.100.9", .time_ns = t + 8 * NS_PER_HOUR,
        .is_weekly = true);
    settle(b, INT64_MAX);
    a = find(b, INTRUSION, &n);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(a->count, 2);
    ck_assert_uint_eq(alert_fact(a, "members")->len, 2);
    bench_free(b);
}
END_TEST

START_TEST(a_weekly_alert_is_of_the_actor_on_the_day_it_happens)
{
    struct bench *b = bench_open(NULL);
    int64_t t = time_floor(DAY0, 7 * NS_PER_DAY) + 12 * NS_PER_DAY;

    SAY(b, .type = "CosmosDB_GeoAnomaly", .account = "orders", .address = "198.51.100.9", .time_ns = t, .is_weekly = true);
    SAY(b, .type = TOR, .account = "users", .address = "198.51.100.9", .time_ns = t + NS_PER_HOUR);
    SAY(b, .type = VOLUME, .account = "users", .address = "198.51.100.9", .time_ns = t + 2 * NS_PER_HOUR);
    settle(b, INT64_MAX);
    ck_assert_uint_eq(count(b, SAME_ACTOR), 1);
    bench_free(b);
}
END_TEST

START_TEST(accounts_are_not_mixed_and_several_of_one_listing_each_have_their_own)
{
    struct bench *b = bench_open(NULL);

    SAY(b, .type = SCRIPT, .accounts = "orders", .principal = "eve", .time_ns = DAY0);
    SAY(b, .type = SCRIPT, .accounts = "payroll", .principal = "eve", .time_ns = DAY0 + NS_PER_HOUR);
    SAY(b, .type = TOR, .account = "other", .address = "198.51.100.9", .time_ns = DAY0 + 2 * NS_PER_HOUR);
    settle(b, 0);
    ck_assert_uint_eq(count(b, KEY_THEFT), 0);
    SAY(b, .type = TOR, .account = "orders", .address = "198.51.100.9", .time_ns = DAY0 + 2 * NS_PER_HOUR);
    SAY(b, .type = BAD, .account = "payroll", .address = "203.0.113.9", .time_ns = DAY0 + 2 * NS_PER_HOUR);
    settle(b, 0);
    ck_assert_uint_eq(count(b, KEY_THEFT), 2);
    bench_free(b);
}
END_TEST

START_TEST(a_refused_run_of_key_listings_took_nothing)
{
    struct bench *b = bench_open(NULL);

    SAY(b, .type = SCRIPT, .accounts = "orders", .principal = "eve (refused)", .severity = SEVERITY_LOW, .time_ns = DAY0);
    SAY(b, .type = TOR, .account = "orders", .address = "198.51.100.9", .time_ns = DAY0 + NS_PER_HOUR);
    settle(b, 0);
    ck_assert_uint_eq(count(b, KEY_THEFT), 0);
    bench_free(b);
}
END_TEST

START_TEST(the_severity_is_the_gravest_members_raised_by_one_step)
{
    struct bench *b = bench_open(NULL);
    CLEANUP(alert_freep) struct alert *a = NULL;
    size_t n = 0;

    SAY(b, .type = FUZZ, .account = "orders", .severity = SEVERITY_LOW, .time_ns = DAY0);
    SAY(b, .type = INJECTED, .account = "orders", .severity = SEVERITY_LOW, .time_ns = DAY0);
    settle(b, 0);
    a = find(b, INJECTION, &n);
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM);
    ck_assert_str_eq(alert_text(a, "raised"), "the gravest member is Low, the chain raises it to Medium");
    bench_free(b);
}
END_TEST

START_TEST(an_incident_is_told_once_and_again_with_each_further_kind)
{
    struct bench *b = bench_open(NULL);

    SAY(b, .type = PRINCIPAL, .account = "orders", .principal = "eve", .time_ns = DAY0);
    SAY(b, .type = TOR, .account = "orders", .address = "198.51.100.9", .time_ns = DAY0 + NS_PER_HOUR);
    settle(b, 0);
    ck_assert_int_eq(b->told, 3);
    SAY(b, .type = TOR, .account = "orders", .address = "198.51.100.9", .time_ns = DAY0 + 2 * NS_PER_HOUR);
    settle(b, 0);
    ck_assert_int_eq(b->told, 3); /* one more row of the same: nobody is told */
    restart(b);
    SAY(b, .type = BAD, .account = "orders", .address = "198.51.100.9", .time_ns = DAY0 + 2 * NS_PER_HOUR);
    settle(b, 0);
    ck_assert_int_eq(b->told, 5); /* the alert and the incident */
    ck_assert_uint_eq(count(b, KEY_THEFT), 1);
    settle(b, 0);
    ck_assert_int_eq(b->told, 5);
    bench_free(b);
}
END_TEST

START_TEST(an_attack_that_goes_on_names_the_day_before)
{
    struct bench *b = bench_open(NULL);
    CLEANUP(alert_freep) struct alert *a = NULL;
    size_t n = 0;

    for (int d = 0; d < 2; d++) {
        SAY(b, .type = TOR, .account = "orders", .address = "198.51.100.9", .time_ns = DAY0 + d * NS_PER_DAY);
        SAY(b, .type = VOLUME, .account = "orders", .time_ns = DAY0 + d * NS_PER_DAY + NS_PER_HOUR);
    }
    settle(b, 0);
    a = find(b, INTRUSION, &n);
    ck_assert_uint_eq(n, 2);
    for (size_t i = 0, it = 0; i < map_len(b->alerts); i++) {
        struct slice key = { 0 };
        void *value = NULL;
        CLEANUP(alert_freep) struct alert *each = NULL;

        ck_assert(map_next(b->alerts, &it, &key, &value));
        ck_assert_int_eq(alert_load(slice_of(*(char **)value), &each, &err), 0);
        if (strcmp(each->type->id, INTRUSION) == 0)
            ck_assert_str_eq(alert_text(each, "continues"), each->bucket_ns == DAY0 ? "" : "2024-10-04");
    }
    bench_free(b);
}
END_TEST

/* ---- suppressed and informational members ------------------------------------------------------------------- */

#define HIDE_TOR "- { name: test, reason: exercise, types: [CosmosDB_TorAnomaly] }\n"
#define HIDE_BOTH HIDE_TOR "- { name: export, reason: planned, types: [CosmosDB_DataExfiltrationAnomaly] }\n"

START_TEST(suppressed_alerts_are_members_but_open_nothing_alone)
{
    struct bench *b = bench_open(HIDE_TOR);
    CLEANUP(alert_freep) struct alert *a = NULL;
    size_t n = 0;

    SAY(b, .type = TOR, .account = "orders", .address = "198.51.100.9", .severity = SEVERITY_HIGH, .time_ns = DAY0);
    SAY(b, .type = VOLUME, .account = "orders", .severity = SEVERITY_LOW, .time_ns = DAY0 + NS_PER_HOUR);
    settle(b, 0);
    a = find(b, INTRUSION, &n);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(a->count, 2);
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM); /* the suppressed one does not make it graver */
    ck_assert_int_eq(b->told, 2);
    bench_free(b);

    b = bench_open(HIDE_BOTH);
    SAY(b, .type = TOR, .account = "orders", .address = "198.51.100.9", .time_ns = DAY0);
    SAY(b, .type = VOLUME, .account = "orders", .time_ns = DAY0 + NS_PER_HOUR);
    settle(b, 0);
    ck_assert_uint_eq(count(b, INTRUSION), 0);
    ck_assert_uint_eq(count(b, TOR), 1); /* kept all the same */
    ck_assert_int_eq(b->told, 0);
    bench_free(b);
}
END_TEST

START_TEST(informational_signals_open_nothing_alone)
{
    struct bench *b = bench_open(NULL);

    SAY(b, .type = TOR, .account = "orders", .address = "198.51.100.9", .is_informational = true, .time_ns = DAY0);
    SAY(b, .type = VOLUME, .account = "orders", .is_informational = true, .time_ns = DAY0 + NS_PER_HOUR);
    settle(b, 0);
    ck_assert_uint_eq(count(b, INTRUSION), 0);
    SAY(b, .type = VOLUME, .account = "orders", .time_ns = DAY0 + NS_PER_HOUR);
    settle(b, 0);
    ck_assert_uint_eq(count(b, INTRUSION), 1);
    bench_free(b);
}
END_TEST

/* ---- one actor ------------------------------------------------------------------------------------------------ */

START_TEST(one_network_in_three_kinds_of_alert_over_two_accounts_is_one_actor)
{
    struct bench *b = bench_open(NULL);
    CLEANUP(alert_freep) struct alert *a = NULL;
    CLEANUP(buf_release) struct buf why = BUF_INIT(65536);
    size_t n = 0;

    SAY(b, .type = TOR, .account = "orders", .address = "203.0.113.9", .time_ns = DAY0 + 20 * NS_PER_HOUR);
    SAY(b, .type = BAD, .account = "orders", .address = "203.0.113.10", .time_ns = DAY0 + 21 * NS_PER_HOUR);
    SAY(b, .type = VOLUME, .account = "orders", .address = "203.0.113.9", .time_ns = DAY0 + 22 * NS_PER_HOUR);
    settle(b, 0);
    ck_assert_uint_eq(count(b, SAME_ACTOR), 0); /* one account */
    SAY(b, .type = VOLUME, .account = "payroll", .address = "203.0.113.200", .time_ns = DAY0 + 25 * NS_PER_HOUR);
    settle(b, 0);
    a = find(b, SAME_ACTOR, &n);
    ck_assert_uint_eq(n, 1);
    ck_assert_str_eq(a->subject, "203.0.113.0/24");
    ck_assert_str_eq(a->account, "");
    ck_assert(alert_is_about(a, "PAYROLL") && alert_is_about(a, "orders") && !alert_is_about(a, "other"));
    alert_why(a, &why);
    ck_assert_ptr_null(strchr(buf_cstr(&why), '{'));
    bench_free(b);
}
END_TEST

static const struct { const char *name, *third, *address, *account; int64_t time_ns; size_t expected; } actors[] = {
    { "three kinds, two accounts", VOLUME, "203.0.113.9", "payroll", DAY0 + NS_PER_HOUR, 1 },
    { "only two kinds", BAD, "203.0.113.9", "payroll", DAY0 + NS_PER_HOUR, 0 },
    { "another network", VOLUME, "203.0.114.9", "payroll", DAY0 + NS_PER_HOUR, 0 },
    { "two days later", VOLUME, "203.0.113.9", "payroll", DAY0 + 2 * NS_PER_DAY, 0 },
};

START_TEST(an_actor_needs_three_kinds_two_accounts_and_a_day)
{
    for (size_t i = 0; i < ARRAY_LEN(actors); i++) {
        struct bench *b = bench_open(NULL);

        SAY(b, .type = TOR, .account = "orders", .address = "203.0.113.9", .time_ns = DAY0);
        SAY(b, .type = BAD, .account = "orders", .address = "203.0.113.9", .time_ns = DAY0);
        SAY(b, .type = actors[i].third, .account = actors[i].account, .address = actors[i].address,
            .time_ns = actors[i].time_ns);
        settle(b, 0);
        ck_assert_msg(count(b, SAME_ACTOR) == actors[i].expected, "%s", actors[i].name);
        bench_free(b);
    }
}
END_TEST

START_TEST(private_addresses_are_nobodys)
{
    struct bench *b = bench_open(NULL);
    static const char *const types[] = { TOR, BAD, VOLUME };

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        SAY(b, .type = types[i], .account = i ? "orders" : "payroll", .address = "10.0.0.9", .time_ns = DAY0);
    settle(b, 0);
    ck_assert_uint_eq(count(b, SAME_ACTOR), 0);
    bench_free(b);
}
END_TEST

START_TEST(hostile_names_do_no_harm)
{
    struct bench *b = bench_open(NULL);
    char name[3000];

    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    name[7] = '\x1f';
    SAY(b, .type = TOR, .account = name, .address = "\x1f\x1f", .principal = name, .time_ns = DAY0);
    SAY(b, .type = VOLUME, .account = name, .address = "203.0.113.9\x1f", .principal = "\x1f", .time_ns = DAY0);
    settle(b, 0);
    settle(b, INT64_MAX);
    bench_free(b);
}
END_TEST

/* ---- the same in any order -------------------------------------------------------------------------------------- */

#define DRAFTS 260
#define DAYS 22

struct seen { struct say say; int64_t visible_ns; };

static struct seen seen[DRAFTS];
static unsigned seed;

static unsigned dice(unsigned n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void make_drafts(unsigned s)
{
    static const char *const types[] = { PRINCIPAL, SCRIPT, TOR, BAD, VOLUME, FUZZ, INJECTED };
    static const char *const accounts[] = { "orders", "payroll", "crm" };
    static const char *const addresses[] = { "203.0.113.9", "203.0.113.77", "198.51.100.1", "10.0.0.1" };
    static const char *const people[] = { "eve", "mallory", NULL };

    seed = s * 7919u + 3;
    for (size_t i = 0; i < DRAFTS; i++) {
        struct say *d = &seen[i].say;

        *d = (struct say){ .type = types[dice(ARRAY_LEN(types))] };
        if (strcmp(d->type, SCRIPT) == 0)
            d->accounts = accounts[dice(3)];
        else
            d->account = accounts[dice(3)];
        d->address = addresses[dice(4)];
        d->principal = people[dice(3)];
        d->time_ns = DAY0 + (int64_t)dice(DAYS * 86400) * NS_PER_S;
        d->is_informational = dice(6) == 0;
        d->severity = strcmp(d->type, SCRIPT) == 0 ? SEVERITY_MEDIUM : (enum severity)dice(4);
        seen[i].visible_ns = d->time_ns + (int64_t)dice(1000) * (HORIZON / 1001);
    }
}

static int by_visible(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;

    return x->visible_ns < y->visible_ns ? -1 : x->visible_ns > y->visible_ns;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What the store holds in the end, sorted, without when it was told. */
static void state(struct bench *b, struct buf *out)
{
    char *lines[2048];
    size_t n = 0, it = 0;
    struct slice key = { 0 };
    void *value = NULL;

    while (map_next(b->alerts, &it, &key, &value)) {
        CLEANUP(alert_freep) struct alert *a = NULL;
        CLEANUP(buf_release) struct buf line = BUF_INIT(1u << 20);

        ck_assert_int_eq(alert_load(slice_of(*(char **)value), &a, &err), 0);
        ck_assert_msg(a->is_final, "%s is never over", a->type->id);
        a->update = a->told_count = 0;
        a->record_id[0] = '\0';
        ck_assert_int_eq(alert_save(a, &line, &err), 0);
        ck_assert_uint_lt(n, ARRAY_LEN(lines));
        lines[n++] = strdup(buf_cstr(&line));
    }
    qsort(lines, n, sizeof lines[0], by_text);
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "%s\n", lines[i]);
        free(lines[i]);
    }
    ck_assert_int_eq(buf_check(out, &err), 0);
}

static void shuffle(size_t from, size_t to)
{
    for (size_t k = to; k > from + 1; k--) {
        size_t j = from + dice((unsigned)(k - from));
        struct seen t = seen[k - 1];

        seen[k - 1] = seen[j];
        seen[j] = t;
    }
}

/* window_ns 0: all at once. */
static void judge(int64_t window_ns, const char *rules, bool restarts, struct buf *out)
{
    struct bench *b = bench_open(rules);
    int64_t read_to = 0;

    qsort(seen, DRAFTS, sizeof seen[0], by_visible);
    for (size_t i = 0; i < DRAFTS;) {
        int64_t end = window_ns ? seen[i].visible_ns + 1 + (int64_t)dice(1000) * (window_ns / 1000) : INT64_MAX;
        size_t first = i;

        while (i < DRAFTS && seen[i].visible_ns < end)
            i++;
        shuffle(first, i);
        if (restarts && dice(3) == 0) { /* half a batch, then the plug */
            for (size_t k = first; k < i; k++)
                if (dice(2))
                    say(b, seen[k].say);
            restart(b);
        }
        for (size_t k = first; k < i; k++)
            say(b, seen[k].say);
        settle(b, read_to);
        read_to = window_ns ? end : 0;
        if (restarts && dice(3) == 0)
            restart(b);
    }
    settle(b, INT64_MAX);
    state(b, out);
    bench_free(b);
}

static const char *difference(const char *a, const char *b)
{
    const char *line = a;

    for (; *a && *a == *b; a++, b++)
        if (*a == '\n')
            line = a + 1;
    return line;
}

START_TEST(any_order_split_lateness_and_restart_give_the_same_incidents)
{
    static const int64_t windows[] = { NS_PER_MIN, 5 * NS_PER_HOUR, 3 * NS_PER_DAY };
    static const char rules[] = "- { name: a, reason: x, types: [CosmosDB_TorAnomaly], addresses: [203.0.113.9] }\n"
                                "- { name: b, reason: x, accounts: [crm], principals: [eve], expires: 2024-10-12 }\n";
    size_t found[4] = { 0 };

    for (unsigned s = 1; s <= 6; s++) {
        CLEANUP(buf_release) struct buf want = BUF_INIT(64u << 20);

        make_drafts(s);
        judge(0, s % 2 ? rules : NULL, false, &want);
        for (size_t k = 0; k < 4; k++)
            found[k] += strstr(buf_cstr(&want), (const char *[]){ KEY_THEFT, INTRUSION, INJECTION, SAME_ACTOR }[k]) != NULL;
        for (size_t w = 0; w < ARRAY_LEN(windows); w++)
            for (int restarts = 0; restarts < 2; restarts++) {
                CLEANUP(buf_release) struct buf got = BUF_INIT(64u << 20);

                judge(windows[w], s % 2 ? rules : NULL, restarts, &got);
                ck_assert_msg(strcmp(buf_cstr(&want), buf_cstr(&got)) == 0,
                              "seed %u, windows of %lld s, restarts %d\nwant %.1800s\n got %.1800s", s,
                              (long long)(windows[w] / NS_PER_S), restarts, difference(buf_cstr(&want), buf_cstr(&got)),
                              difference(buf_cstr(&got), buf_cstr(&want)));
            }
    }
    for (size_t k = 0; k < 4; k++)
        ck_assert_msg(found[k] > 0, "no incident of kind %zu: the test tests nothing", k);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("incident");

    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_key_read_and_then_used_over_tor_is_key_theft);
    tcase_add_test(t, chains_need_their_order_and_their_time);
    tcase_add_test(t, what_a_weekly_alert_adds_has_a_day_of_its_own);
    tcase_add_test(t, a_weekly_alert_that_goes_on_is_one_member);
    tcase_add_test(t, a_weekly_alert_is_of_the_actor_on_the_day_it_happens);
    tcase_add_test(t, accounts_are_not_mixed_and_several_of_one_listing_each_have_their_own);
    tcase_add_test(t, a_refused_run_of_key_listings_took_nothing);
    tcase_add_test(t, the_severity_is_the_gravest_members_raised_by_one_step);
    tcase_add_test(t, an_incident_is_told_once_and_again_with_each_further_kind);
    tcase_add_test(t, an_attack_that_goes_on_names_the_day_before);
    tcase_add_test(t, suppressed_alerts_are_members_but_open_nothing_alone);
    tcase_add_test(t, informational_signals_open_nothing_alone);
    tcase_add_test(t, one_network_in_three_kinds_of_alert_over_two_accounts_is_one_actor);
    tcase_add_test(t, an_actor_needs_three_kinds_two_accounts_and_a_day);
    tcase_add_test(t, private_addresses_are_nobodys);
    tcase_add_test(t, hostile_names_do_no_harm);
    tcase_add_test(t, any_order_split_lateness_and_restart_give_the_same_incidents);
    return run_group("incident", t);
}
