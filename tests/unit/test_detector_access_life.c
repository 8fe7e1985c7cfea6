/* The detectors of unusual access against months of ordinary life (autoscaling, releases, SDK upgrades, portal
 * users, a rotation with a forgotten client, a recovery drill, a traveller, a new service), and against thieves.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/bench.h"
#include "tests/kit/suite.h"

#include "alert/catalogue.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

extern const struct detector_ops detector_unusual_place, detector_unusual_application, detector_unusual_principal,
    detector_unusual_network, detector_refused_access, detector_dormant_account;

static const struct detector_ops *const all[] = {
    &detector_unusual_place,   &detector_unusual_application, &detector_unusual_principal,
    &detector_unusual_network, &detector_refused_access,      &detector_dormant_account,
};

#define NL "{\"country\":\"Netherlands\",\"city\":\"Amsterdam\",\"latitude\":52.37,\"longitude\":4.90}"
#define DE "{\"country\":\"Germany\",\"city\":\"Frankfurt\",\"latitude\":50.11,\"longitude\":8.68}"
#define IE "{\"country\":\"Ireland\",\"city\":\"Dublin\",\"latitude\":53.35,\"longitude\":-6.26}"
#define ES "{\"country\":\"Spain\",\"city\":\"Vigo\",\"latitude\":42.24,\"longitude\":-8.72}"
#define VN "{\"country\":\"Vietnam\",\"city\":\"Hanoi\",\"latitude\":21.03,\"longitude\":105.85}"
#define ALICE "aaaaaaaa-1111-4222-8333-000000000001"
#define BOB "bbbbbbbb-1111-4222-8333-000000000002"
#define CAROL "cccccccc-1111-4222-8333-000000000003"
#define SERVICE "5e5e5e5e-1111-4222-8333-000000000004"

static unsigned seed;

static unsigned dice(unsigned n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

/* ---- observations: a ring of texts keeps them alive while they are fed ------------------------------------ */

static const char *text(const char *fmt, unsigned a, unsigned b)
{
    static char ring[16][200];
    static unsigned turn;
    char *p = ring[turn++ % 16];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(p, 200, fmt, a, b);
#pragma GCC diagnostic pop
    return p;
}

struct who {
    const char *address, *place, *agent, *key, *principal, *region;
};

static int64_t day_ns(unsigned day)
{
    return bench_time(BENCH_DAY0) + (int64_t)day * NS_PER_DAY;
}

static void use(struct bench *b, int64_t t, const struct who *w, int32_t status, int64_t count)
{
    struct observation o = { .minute_ns = t - t % NS_PER_MIN, .status = status, .count = count, .bytes_out = 4000 * count,
                             .ru_milli = 2830 * count };

    o.text[F_ADDRESS] = slice_of(w->address);
    o.text[F_PLACE] = slice_of(w->place ? w->place : "");
    o.text[F_USER_AGENT] = slice_of(w->agent);
    o.text[F_KEY_KIND] = slice_of(w->key);
    o.text[F_PRINCIPAL] = slice_of(w->principal ? w->principal : "");
    o.text[F_REGION] = slice_of(w->region ? w->region : "West Europe");
    o.text[F_CONNECTION_MODE] = SL("Gateway");
    o.text[F_OPERATION] = SL("Query");
    o.text[F_DATABASE] = SL("shop");
    o.text[F_CONTAINER] = SL("orders");
    bench_feed(b, &o);
}

/* ---- ordinary life ---------------------------------------------------------------------------------------- */

static const char *dotnet(unsigned day)
{
    return text("cosmos-netstandard-sdk/3.%u.%u|1|X64|Ubuntu 22.04.4 LTS|.NET 8.0.4|N|", 30 + day / 20, day / 10 % 2);
}

/* Hosts come and go within the application's network. */
static const char *scaled(unsigned day)
{
    return text("203.10.%u.%u", day % 7 + dice(3), 1 + dice(250));
}

static void live_application(struct bench *b, unsigned day, unsigned hour)
{
    int64_t t = day_ns(day) + hour * NS_PER_HOUR + dice(60) * NS_PER_MIN;
    const char *key = day < 50 ? "PrimaryMasterKey" : "SecondaryMasterKey"; /* rotated on day 50 */
    bool is_drill = day == 70 && hour >= 10 && hour < 12;

    if (is_drill)
        use(b, t, &(struct who){ .address = text("198.18.7.%u", 1 + dice(9), 0), .place = IE, .agent = dotnet(day),
                                 .key = key, .region = "North Europe" }, 200, 40);
    else
        use(b, t, &(struct who){ .address = scaled(day), .place = NL, .agent = dotnet(day), .key = key }, 200, 40);
    use(b, t, &(struct who){ .address = "203.10.1.7", .place = NL, .agent = text("orders-api-v%u.%u", 1 + day / 7, day),
                             .key = "AadToken", .principal = SERVICE }, 200, 10);
    if (hour % 6 == 0)
        use(b, t, &(struct who){ .address = "10.2.0.4", .agent = "azsdk-java-cosmos/4.60.0 Linux/5.15.0 JRE/17.0.10",
                                 .key = "PrimaryReadonlyMasterKey" }, 200, 5);
    /* A client that was forgotten in the rotation knocks for ten days, always the same way. */
    if (day >= 50 && day < 60)
        for (int i = 0; i < 4; i++)
            use(b, t + i * NS_PER_MIN, &(struct who){ .address = scaled(day), .place = NL, .agent = dotnet(day),
                                                      .key = "PrimaryMasterKey" }, 401, 60);
}

static void live_people(struct bench *b, unsigned day)
{
    static const char *const people[] = { ALICE, BOB, CAROL };
    const char *browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/124.0.0.0 Safari/537.36";
    int64_t t = day_ns(day) + (9 + dice(8)) * NS_PER_HOUR;
    unsigned who = dice(3);
    bool is_away = who == 1 && day >= 80 && day < 86; /* Bob's week in Spain */

    if (day % 7 >= 5)
        return;
    use(b, t, &(struct who){ .address = is_away ? "198.51.100.77" : text("86.%u.7.%u", 80 + dice(9), dice(250)),
                             .place = is_away ? ES : dice(5) ? NL : DE, .agent = browser, .key = "AadToken",
                             .principal = people[who] }, 200, 3);
    if (day % 11 == 0) /* the portal takes the key */
        use(b, t, &(struct who){ .address = text("86.%u.7.%u", 80 + dice(9), dice(250)), .place = NL, .agent = browser,
                                 .key = "PrimaryMasterKey" }, 200, 3);
    if (dice(4) == 0) /* a wrong password once in a while */
        use(b, t, &(struct who){ .address = text("86.%u.7.%u", 80 + dice(9), dice(250)), .place = NL, .agent = browser,
                                 .key = "AadToken" }, 403, 2);
}

static void live(struct bench *b, unsigned from_day, unsigned days)
{
    for (unsigned day = from_day; day < from_day + days; day++) {
        for (unsigned hour = 0; hour < 24; hour += 2)
            live_application(b, day, hour);
        live_people(b, day);
        if (day >= 95) /* a new service, with its own identity and program */
            use(b, day_ns(day) + 8 * NS_PER_HOUR,
                &(struct who){ .address = "203.10.9.9", .place = NL, .key = "AadToken",
                               .principal = "dddddddd-1111-4222-8333-000000000005",
                               .agent = "azsdk-python-cosmos/4.7.0 Python/3.12.2 (Linux-5.15.0-x86_64)" }, 200, 10);
    }
}

static void print_alerts(const struct bench *b)
{
    for (size_t i = 0; i < bench_alerts(b); i++) {
        const struct alert *a = bench_alert(b, i);

        (void)printf("  %s%s [%s] %s\n", a->type->id, a->variant, a->subject, alert_text(a, "reason"));
    }
}

START_TEST(four_months_of_ordinary_life_raise_at_most_one_alert_a_month)
{
    size_t alerts = 0, accounts = 6, months = 4;

    for (seed = 1; seed < 1 + accounts; seed++) {
        unsigned kept = seed;

        for (size_t d = 0; d < ARRAY_LEN(all); d++) {
            struct bench *b = bench_open(all[d], "");

            seed = kept * 97 + 5;
            live(b, 0, 14 + 30 * (unsigned)months);
            alerts += bench_alerts(b);
            if (kept == 1)
                print_alerts(b);
            bench_free(b);
        }
        seed = kept;
    }
    (void)printf("%zu alerts in %zu account-months\n", alerts, accounts * months);
    ck_assert_uint_le(alerts, accounts * months);
}
END_TEST

/* ---- thieves ------------------------------------------------------------------------------------------------ */

static const struct theft {
    const char *name;
    const struct detector_ops *detector;
    const char *type;
    enum severity at_least;
    struct who who;
    int32_t status;
    int64_t count; /* of each of ten minutes */
    const char *yaml;
} thefts[] = {
    { .name = "key used from another country with the application's own SDK", .detector = &detector_unusual_place,
      .type = "CosmosDB_GeoAnomaly", .at_least = SEVERITY_LOW, .status = 200, .count = 1,
      .who = { .address = "198.51.100.9", .place = VN, .key = "SecondaryMasterKey",
               .agent = "cosmos-netstandard-sdk/3.47.0|1|X64|Ubuntu|.NET 8.0.4|N|" } },
    { .name = "principal in two places", .detector = &detector_unusual_place, .type = "CosmosDB_GeoAnomaly",
      .at_least = SEVERITY_MEDIUM, .status = 200, .count = 1,
      .who = { .address = "198.51.100.9", .place = VN, .key = "AadToken", .principal = SERVICE,
               .agent = "cosmos-netstandard-sdk/3.47.0|1|X64|Ubuntu|.NET 8.0.4|N|" } },
    { .name = "country of high risk", .detector = &detector_unusual_place, .type = "CosmosDB_GeoAnomaly",
      .at_least = SEVERITY_MEDIUM, .status = 200, .count = 1, .yaml = "high_risk_countries: [Germany]",
      .who = { .address = "198.51.100.9", .place = DE, .key = "SecondaryMasterKey", .agent = "x" } },
    { .name = "another SDK in the same country", .detector = &detector_unusual_application,
      .type = "CosmosDBX_ApplicationAnomaly", .at_least = SEVERITY_MEDIUM, .status = 200, .count = 1,
      .who = { .address = "198.51.100.9", .place = NL, .key = "SecondaryMasterKey",
               .agent = "azsdk-go-azcosmos/v1.1.0 (go1.22; linux)" } },
    { .name = "another SDK from the application's network", .detector = &detector_unusual_application,
      .type = "CosmosDBX_ApplicationAnomaly", .at_least = SEVERITY_LOW, .status = 200, .count = 1,
      .who = { .address = "203.10.1.7", .place = NL, .key = "SecondaryMasterKey",
               .agent = "azsdk-go-azcosmos/v1.1.0 (go1.22; linux)" } },
    { .name = "no user agent in gateway mode", .detector = &detector_unusual_application,
      .type = "CosmosDBX_ApplicationAnomaly", .at_least = SEVERITY_LOW, .status = 200, .count = 1,
      .who = { .address = "198.51.100.9", .place = NL, .key = "SecondaryMasterKey", .agent = "" } },
    { .name = "script", .detector = &detector_unusual_application, .type = "CosmosDBX_SuspiciousApplication",
      .at_least = SEVERITY_LOW, .status = 200, .count = 1,
      .who = { .address = "198.51.100.9", .place = NL, .key = "SecondaryMasterKey", .agent = "python-requests/2.31.0" } },
    { .name = "tool", .detector = &detector_unusual_application, .type = "CosmosDBX_SuspiciousApplication",
      .at_least = SEVERITY_HIGH, .status = 200, .count = 1,
      .who = { .address = "198.51.100.9", .place = NL, .key = "SecondaryMasterKey",
               .agent = "sqlmap/1.7.2#stable (https://sqlmap.org)" } },
    { .name = "tool refused", .detector = &detector_unusual_application, .type = "CosmosDBX_SuspiciousApplication",
      .at_least = SEVERITY_MEDIUM, .status = 401, .count = 1,
      .who = { .address = "198.51.100.9", .place = NL, .key = "PrimaryMasterKey",
               .agent = "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)" } },
    { .name = "SDK on a pentest system", .detector = &detector_unusual_application,
      .type = "CosmosDBX_SuspiciousApplication", .at_least = SEVERITY_HIGH, .status = 200, .count = 1,
      .who = { .address = "198.51.100.9", .place = NL, .key = "SecondaryMasterKey",
               .agent = "azsdk-python-cosmos/4.5.0 Python/3.11.8 (Linux-6.6.9-kali1-amd64-x86_64-with-glibc2.37)" } },
    { .name = "new principal", .detector = &detector_unusual_principal, .type = "CosmosDBX_PrincipalAnomaly",
      .at_least = SEVERITY_MEDIUM, .status = 200, .count = 1,
      .who = { .address = "198.51.100.9", .place = NL, .key = "AadToken", .agent = "orders-api-v9",
               .principal = "eeeeeeee-1111-4222-8333-000000000006" } },
    { .name = "new principal, a known client", .detector = &detector_unusual_principal,
      .type = "CosmosDBX_PrincipalAnomaly", .at_least = SEVERITY_LOW, .status = 200, .count = 1,
      .who = { .address = "203.10.1.7", .place = NL, .key = "AadToken", .agent = "orders-api-v9",
               .principal = "eeeeeeee-1111-4222-8333-000000000006" } },
    { .name = "key that nobody uses, unknown client", .detector = &detector_unusual_principal,
      .type = "CosmosDBX_AuthMethodAnomaly", .at_least = SEVERITY_MEDIUM, .status = 200, .count = 1,
      .who = { .address = "198.51.100.9", .place = NL, .key = "SecondaryReadonlyMasterKey", .agent = "curl/8.5.0" } },
    { .name = "reader with a read-write key", .detector = &detector_unusual_principal,
      .type = "CosmosDBX_AuthMethodAnomaly", .at_least = SEVERITY_MEDIUM, .status = 200, .count = 1,
      .who = { .address = "10.2.0.4", .key = "PrimaryMasterKey",
               .agent = "azsdk-java-cosmos/4.60.0 Linux/5.15.0 JRE/17.0.10" } },
    { .name = "guessing", .detector = &detector_refused_access, .type = "CosmosDBX_BruteForce",
      .at_least = SEVERITY_LOW, .status = 401, .count = 15,
      .who = { .address = "198.51.100.9", .place = VN, .key = "PrimaryMasterKey", .agent = "python-requests/2.31.0" } },
    { .name = "knocking at the firewall over IPv6", .detector = &detector_refused_access,
      .type = "CosmosDBX_BruteForce", .at_least = SEVERITY_LOW, .status = 403, .count = 30,
      .who = { .address = "2001:db8:7::9", .place = VN, .key = "PrimaryMasterKey", .agent = "curl/8.5.0" } },
};

START_TEST(thieves_are_seen)
{
    size_t seen = 0, n = 0;

    for (size_t i = 0; i < ARRAY_LEN(thefts); i++) {
        const struct theft *t = &thefts[i];

        for (unsigned at = 0; at < 4; at++, n++) { /* at four hours of the day */
            struct bench *b = bench_open(t->detector, t->yaml ? t->yaml : "");
            bool found = false;

            seed = 11 + at;
            live(b, 0, 45);
            bench_forget_alerts(b);
            for (int64_t minute = 0; minute < 10; minute++)
                use(b, day_ns(45) + (1 + 6 * at) * NS_PER_HOUR + minute * NS_PER_MIN, &t->who, t->status, t->count);
            live(b, 45, 1);
            for (size_t k = 0; k < bench_alerts(b); k++)
                found = found || (strcmp(bench_alert(b, k)->type->id, t->type) == 0 &&
                                  bench_alert(b, k)->severity >= t->at_least);
            if (!found) {
                (void)printf("missed: %s at %u h\n", t->name, 1 + 6 * at);
                print_alerts(b);
            }
            seen += found;
            bench_free(b);
        }
    }
    (void)printf("%zu of %zu thefts seen\n", seen, n);
    ck_assert_uint_ge(100 * seen, 95 * n);
}
END_TEST

/* ---- order and splitting ------------------------------------------------------------------------------------ */

struct event {
    struct who who;
    int64_t t, visible;
    int32_t status;
    int64_t count;
};

#define EVENTS_MAX 6000
static struct event events[EVENTS_MAX];
static size_t events_len;

static void plan(int64_t t, const struct who *w, int32_t status, int64_t count)
{
    ck_assert_uint_lt(events_len, EVENTS_MAX);
    events[events_len++] = (struct event){ .who = *w, .t = t, .status = status, .count = count,
                                           .visible = t + (int64_t)dice(1000) * (4 * NS_PER_HOUR / 1001) };
}

/* A month, and then everything that any of the detectors looks for, all over two days. */
static void plan_all(void)
{
    static const struct who app = { .address = "203.10.1.7", .place = NL, .key = "AadToken", .principal = SERVICE,
                                    .agent = "orders-api-v9" };
    static const struct who office = { .address = "86.80.7.9", .place = DE, .key = "PrimaryMasterKey",
                                       .agent = "azsdk-java-cosmos/4.60.0 Linux/5.15.0 JRE/17.0.10" };

    events_len = 0;
    for (unsigned hour = 0; hour < 30 * 24; hour++) {
        plan(day_ns(0) + hour * NS_PER_HOUR + dice(60) * NS_PER_MIN, &app, 200, 1 + dice(5));
        if (hour % 5 == 0)
            plan(day_ns(0) + hour * NS_PER_HOUR + dice(60) * NS_PER_MIN, &office, 200, 2);
    }
    for (unsigned i = 0; i < 400; i++) {
        const struct theft *t = &thefts[dice(ARRAY_LEN(thefts))];
        int64_t at = day_ns(27) + dice(2 * 24 * 60) * NS_PER_MIN;

        plan(at, &t->who, t->status, 1 + dice(9));
        if (dice(3) == 0) /* and gets in */
            plan(at + dice(40) * NS_PER_MIN, &t->who, 200, 1 + dice(3));
        if (dice(3) == 0)
            plan(at, &(struct who){ .address = dice(2) ? "192.0.2.77" : "192.0.2.78", .place = VN, .agent = "curl/8.5.0",
                                    .key = "PrimaryMasterKey" }, dice(4) ? 401 : 200, 1 + dice(40));
    }
}

static int by_visible(const void *a, const void *b)
{
    const struct event *x = a, *y = b;

    return x->visible < y->visible ? -1 : x->visible > y->visible;
}

static int by_time(const void *a, const void *b)
{
    const struct event *x = a, *y = b;

    return x->t < y->t ? -1 : x->t > y->t;
}

static char *judged(const struct detector_ops *ops, int (*order)(const void *, const void *), bool is_split)
{
    struct bench *b = bench_open(ops, "");
    char *all_text;

    qsort(events, events_len, sizeof events[0], order);
    for (size_t i = 0; i < events_len; i++) {
        const struct event *e = &events[i];

        for (int64_t part = 0; part < (is_split ? e->count : 1); part++)
            use(b, e->t, &e->who, e->status, is_split ? 1 : e->count);
        if (i % 701 == 0)
            bench_restart(b);
    }
    all_text = bench_text(b, NULL);
    bench_free(b);
    return all_text;
}

START_TEST(any_order_and_split_says_the_same)
{
    for (seed = 1; seed < 4; seed++) {
        unsigned kept = seed;

        plan_all();
        for (size_t d = 0; d < ARRAY_LEN(all); d++) {
            char *a = judged(all[d], by_time, false), *b = judged(all[d], by_visible, false),
                 *c = judged(all[d], by_visible, true);

            ck_assert_msg(all[d] == &detector_dormant_account || all[d] == &detector_unusual_network || strlen(a) > 100,
                          "%s says nothing: the test tests nothing", all[d]->name);
            ck_assert_msg(strcmp(a, b) == 0, "%s, seed %u, order:\n%s\n%s", all[d]->name, kept, a, b);
            ck_assert_msg(strcmp(b, c) == 0, "%s, seed %u, split:\n%s\n%s", all[d]->name, kept, b, c);
            free(a);
            free(b);
            free(c);
        }
        seed = kept;
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("life");

    tcase_set_timeout(t, 300);
    tcase_add_test(t, four_months_of_ordinary_life_raise_at_most_one_alert_a_month);
    tcase_add_test(t, thieves_are_seen);
    tcase_add_test(t, any_order_and_split_says_the_same);
    return run_group("access_life", t);
}
