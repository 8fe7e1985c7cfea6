/* key_kit.h - rows about keys for the tests of their detectors: of the activity log and of the data plane, fed in order
 * of time, or as late and as mixed as the horizon allows.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_KEY_KIT_H
#define COSMOWATCH_TEST_KEY_KIT_H

#include "tests/kit/bench.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define POWERSHELL "1950a258-227b-4e31-a9cf-717495945fc2"
#define CLI "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
#define PORTAL "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"
#define TERRAFORM "0e0e0e0e-2222-4222-8333-444444444444"
#define TERRAFORM_APP "00000000-0000-0000-0000-0000000000aa"
#define LIST_KEYS "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/LISTKEYS/ACTION"
#define READONLY_KEYS "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/READONLYKEYS/ACTION"
#define REGENERATE "Microsoft.DocumentDB/databaseAccounts/regenerateKey/action"
#define GRANT "MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE"
#define SUBSCRIPTION "11111111-2222-3333-4444-555555555555"
#define JAVA "azsdk-java-cosmos/4.60.0 Linux/5.15.0 JRE/17.0.10"
#define PYTHON "azsdk-python-cosmos/4.7.0 Python/3.12.2 (Linux)"
#define EDGE "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0"

struct act { /* a row of AzureActivity; what is NULL has a preset */
    int64_t at;
    const char *account, *op, *status, *caller, *address, *app, *correlation, *object_id, *properties, *place;
    const char *uri; /* of what is inside the account */
    const char *resource, *request; /* the resource's id where it is no account; clientRequestId */
};

struct req { /* data-plane requests */
    int64_t at;
    const char *account, *address, *key, *agent, *op;
    int64_t bytes, count;
    int32_t status;
    enum table table;
};

struct key_row {
    struct observation obs;
    struct slice extra[F_COUNT - F_GROUP_COUNT];
    char resource[200], correlation[40];
    int64_t visible;
};

#define KEY_ROWS_MAX 40000
static struct key_row *key_rows;
static size_t key_rows_len;
static unsigned key_seed = 1;

static unsigned key_dice(unsigned n)
{
    key_seed = key_seed * 1664525u + 1013904223u;
    return (key_seed >> 8) % n;
}

static struct key_row *key_row_new(int64_t at)
{
    struct key_row *r;

    if (!key_rows)
        key_rows = calloc(KEY_ROWS_MAX, sizeof *key_rows);
    ck_assert_ptr_nonnull(key_rows);
    ck_assert_uint_lt(key_rows_len, KEY_ROWS_MAX);
    r = &key_rows[key_rows_len++];
    *r = (struct key_row){ .obs = { .minute_ns = at, .first_ns = at, .last_ns = at, .count = 1 } };
    return r;
}

static void UNUSED key_act(struct act a)
{
    struct key_row *r = key_row_new(a.at);
    const char *op = a.op ? a.op : LIST_KEYS;
    bool is_cosmos = !strncasecmp(op, "microsoft.documentdb", 20);

    r->obs.kind = OBS_ACTIVITY;
    r->obs.table = TABLE_ACTIVITY;
    r->obs.status = -1;
    r->obs.text[F_ACCOUNT] = slice_of(a.account ? a.account : "shop-prod");
    (void)snprintf(r->resource, sizeof r->resource, "/subscriptions/" SUBSCRIPTION "/resourcegroups/rg/providers/%s%s",
                   is_cosmos ? "microsoft.documentdb/databaseaccounts/" : "x.y/zs/", a.account ? a.account : "shop-prod");
    (void)snprintf(r->correlation, sizeof r->correlation, "c0c0c0c0-0000-4000-8000-%012zu", key_rows_len);
    r->obs.text[F_OPERATION] = slice_of(op);
    r->obs.text[F_PRINCIPAL] = slice_of(a.caller ? a.caller : "ada@contoso.example");
    r->obs.text[F_ADDRESS] = slice_of(a.address ? a.address : "203.0.113.5");
    r->obs.text[F_PLACE] = slice_of(a.place);
    r->extra[F_APP_ID - F_GROUP_COUNT] = slice_of(a.app ? a.app : POWERSHELL);
    r->extra[F_ACTIVITY_STATUS - F_GROUP_COUNT] = slice_of(a.status ? a.status : "Success");
    r->extra[F_SUBSCRIPTION_ID - F_GROUP_COUNT] = SL(SUBSCRIPTION);
    r->extra[F_OBJECT_ID - F_GROUP_COUNT] = slice_of(a.object_id);
    r->extra[F_PROPERTIES - F_GROUP_COUNT] = slice_of(a.properties);
    r->extra[F_RESOURCE_URI - F_GROUP_COUNT] = slice_of(a.uri);
    r->extra[F_CLIENT_REQUEST_ID - F_GROUP_COUNT] = slice_of(a.request);
    if (a.resource)
        (void)snprintf(r->resource, sizeof r->resource, "%s", a.resource);
    if (a.correlation)
        (void)snprintf(r->correlation, sizeof r->correlation, "%s", a.correlation);
}

static void UNUSED key_req(struct req q)
{
    struct key_row *r = key_row_new(q.at);

    r->obs.kind = OBS_REQUEST;
    r->obs.table = q.table;
    r->obs.count = q.count ? q.count : 1;
    r->obs.bytes_out = q.bytes ? q.bytes : 1000;
    r->obs.status = q.status;
    r->obs.text[F_ACCOUNT] = slice_of(q.account ? q.account : "shop-prod");
    (void)snprintf(r->resource, sizeof r->resource,
                   "/subscriptions/" SUBSCRIPTION "/resourcegroups/rg/providers/microsoft.documentdb/databaseaccounts/%s",
                   q.account ? q.account : "shop-prod");
    r->obs.text[F_OPERATION] = slice_of(q.op ? q.op : "Query");
    r->obs.text[F_ADDRESS] = slice_of(q.address ? q.address : "192.0.2.10");
    r->obs.text[F_KEY_KIND] = slice_of(q.key ? q.key : "PrimaryMasterKey");
    r->obs.text[F_USER_AGENT] = slice_of(q.agent ? q.agent : JAVA);
    r->obs.text[F_CONTAINER] = SL("orders");
    r->obs.text[F_DATABASE] = SL("shop");
}

static int key_by_visible(const void *a, const void *b)
{
    const struct key_row *x = a, *y = b;

    return x->visible < y->visible ? -1 : x->visible > y->visible;
}

/* Feed what was added, in order of time or up to `late_ns` late, and that is all; the rows stay. */
static void UNUSED key_feed(struct bench *b, int64_t late_ns)
{
    for (size_t i = 0; i < key_rows_len; i++)
        key_rows[i].visible = key_rows[i].obs.minute_ns + (late_ns ? (int64_t)key_dice(10000) * (late_ns / 10000) : 0);
    qsort(key_rows, key_rows_len, sizeof *key_rows, key_by_visible);
    for (size_t i = 0; i < key_rows_len; i++) {
        struct key_row *r = &key_rows[i];

        r->obs.text[F_RESOURCE_ID] = slice_of(r->resource);
        if (r->obs.kind != OBS_REQUEST)
            r->obs.extra = r->extra; /* rows were moved */
        if (r->obs.kind == OBS_ACTIVITY)
            r->extra[F_CORRELATED_ID - F_GROUP_COUNT] = slice_of(r->correlation);
        bench_feed(b, &r->obs);
    }
    bench_settle(b, INT64_MAX);
}

static void UNUSED key_forget(void)
{
    key_rows_len = 0;
}

static int64_t UNUSED key_day(int day, int hour, int minute)
{
    return bench_time(BENCH_DAY0) + day * NS_PER_DAY + hour * NS_PER_HOUR + minute * NS_PER_MIN;
}

/* Days of ordinary life on an account: its application every few hours, Terraform at six. */
static void UNUSED key_usual(const char *account, int first_day, int days, bool with_terraform)
{
    for (int d = first_day; d < first_day + days; d++) {
        for (int h = 0; h < 24; h += 3)
            key_req((struct req){ .at = key_day(d, h, 10), .account = account });
        if (with_terraform)
            key_act((struct act){ .at = key_day(d, 6, 1), .account = account, .caller = TERRAFORM, .app = TERRAFORM_APP,
                                  .address = "192.0.2.90" });
        /* Somebody administers something each day: the activity log is read. */
        key_act((struct act){ .at = key_day(d, 9, 0), .account = account, .caller = "ops@contoso.example",
                              .op = "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/WRITE", .app = PORTAL });
    }
}

/* The line of `a` in which the two begin to differ, and the same of `b`. */
static const char *UNUSED key_difference(const char *a, const char *b)
{
    const char *line = a;

    for (; *a && *a == *b; a++, b++)
        if (*a == '\n')
            line = a + 1;
    return line;
}

/* The same alerts, however late and mixed: `make` adds the rows. */
static void UNUSED key_same_in_any_order(const struct detector_ops *ops, const char *yaml, void (*make)(unsigned seed))
{
    for (unsigned seed = 1; seed <= 12; seed++) {
        char *want, *got;
        struct bench *b = bench_open(ops, yaml);
        size_t alerts;

        key_forget();
        make(seed);
        key_feed(b, 0);
        want = bench_text(b, NULL);
        alerts = bench_alerts(b);
        bench_free(b);
        ck_assert_msg(alerts > 0, "no alert: the test tests nothing");
        for (int again = 0; again < 4; again++) {
            b = bench_open(ops, yaml);
            key_feed(b, 4 * NS_PER_HOUR - 2 * NS_PER_MIN);
            if (again == 1)
                bench_restart(b);
            got = bench_text(b, NULL);
            ck_assert_msg(strcmp(want, got) == 0, "seed %u\nwant %.1500s\n got %.1500s", seed,
                          key_difference(want, got), key_difference(got, want));
            free(got);
            bench_free(b);
        }
        free(want);
    }
    key_forget();
}

static int UNUSED key_run(const char *name, const TTest *const *tests)
{
    TCase *t = tcase_create(name);

    tcase_set_timeout(t, 120);
    for (; *tests; tests++)
        tcase_add_test(t, *tests);
    return run_group(name, t);
}

#endif
