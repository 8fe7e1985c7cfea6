/* What detectors/stolen_key.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/key_kit.h"

#include "alert/catalogue.h"
#include "enrich/networks.h"

#include <math.h>

extern const struct detector_ops detector_stolen_key;

#define STOLEN "CosmosDBX_StolenKeyUse"
#define LEAKED "CosmosDBX_KeyPubliclyLeaked"
#define UNREAD "CosmosDBX_ServiceSideKeyTheft"
#define EVE "eve@contoso.example"
#define THIEF "198.51.100.7"

static struct bench *judged(void)
{
    struct bench *b = bench_open(&detector_stolen_key, "");

    key_feed(b, 0);
    key_forget();
    return b;
}

static size_t alerts_of(const struct bench *b, const char *type)
{
    size_t n = 0;

    for (size_t i = 0; i < bench_alerts(b); i++)
        n += strcmp(bench_alert(b, i)->type->id, type) == 0;
    return n;
}

static size_t alerts_since(const struct bench *b, int64_t time_ns)
{
    size_t n = 0;

    for (size_t i = 0; i < bench_alerts(b); i++)
        n += bench_alert(b, i)->first_ns >= time_ns;
    return n;
}

START_TEST(read_by_one_and_used_by_another_from_elsewhere_is_high)
{
    struct bench *b;
    const struct alert *a;

    key_usual("shop-prod", 0, 22, true);
    key_act((struct act){ .at = key_day(20, 3, 0), .caller = EVE });
    for (int i = 0; i < 5; i++)
        key_req((struct req){ .at = key_day(20, 5, i), .address = THIEF, .agent = PYTHON, .bytes = 1000000 });
    b = judged();
    a = bench_only(b, STOLEN);
    ck_assert_uint_eq(bench_alerts(b), 1);
    ck_assert_int_eq(a->severity, SEVERITY_HIGH);
    ck_assert_int_eq(a->count, 5);
    ck_assert_int_eq(alert_number(a, "bytesOut", 0), 5000000);
    ck_assert_str_eq(a->subject, "PrimaryMasterKey");
    ck_assert_str_eq(alert_text(a, "principal"), EVE);
    ck_assert_str_eq(alert_text(a, "readerAddress"), "203.0.113.5");
    ck_assert_str_eq(alert_text(a, "address"), THIEF);
    ck_assert_str_eq(alert_text(a, "network"), "198.51.100.0/24");
    ck_assert_str_eq(alert_text(a, "usualReaders"), TERRAFORM);
    ck_assert_int_eq(alert_number(a, "readAt", 0), key_day(20, 3, 0));
    bench_free(b);
}
END_TEST

START_TEST(many_usual_readers_leave_room_for_the_one_who_is_new)
{
    static char address[40][24];
    struct bench *b;

    key_usual("shop-prod", 0, 22, true);
    for (int i = 0; i < (int)ARRAY_LEN(address); i++) { /* agents of a pipeline, each from an address of its own */
        (void)snprintf(address[i], sizeof address[i], "203.0.113.%d", 20 + i);
        key_act((struct act){ .at = key_day(20, 1, i), .caller = TERRAFORM, .address = address[i] });
    }
    key_act((struct act){ .at = key_day(20, 3, 0), .caller = EVE });
    key_req((struct req){ .at = key_day(20, 5, 0), .address = THIEF, .agent = PYTHON });
    b = judged();
    ck_assert_str_eq(alert_text(bench_only(b, STOLEN), "principal"), EVE);
    ck_assert_int_eq(bench_only(b, STOLEN)->severity, SEVERITY_HIGH);
    bench_free(b);
}
END_TEST

START_TEST(the_thief_may_use_the_application_s_own_program)
{
    struct bench *b;

    key_usual("shop-prod", 0, 22, true);
    key_act((struct act){ .at = key_day(20, 3, 0), .caller = EVE });
    key_req((struct req){ .at = key_day(20, 5, 0), .address = THIEF, .agent = JAVA });
    b = judged();
    ck_assert_int_eq(bench_only(b, STOLEN)->severity, SEVERITY_MEDIUM);
    bench_free(b);
}
END_TEST

START_TEST(a_browser_elsewhere_is_told_unless_somebody_read_the_key_there)
{
    for (int is_explained = 0; is_explained < 2; is_explained++) {
        struct bench *b;

        key_usual("shop-prod", 0, 24, true);
        key_act((struct act){ .at = key_day(20, 8, 0), .caller = EVE });
        key_req((struct req){ .at = key_day(20, 9, 0), .address = THIEF, .agent = EDGE, .count = 4 });
        if (is_explained)
            key_act((struct act){ .at = key_day(20, 8, 59), .app = PORTAL, .address = "198.51.7.8" });
        b = judged();
        if (is_explained)
            ck_assert_uint_eq(bench_alerts(b), 0);
        else
            ck_assert_int_eq(bench_only(b, STOLEN)->count, 4);
        bench_free(b);
    }
}
END_TEST

START_TEST(what_is_not_a_story)
{
    static const struct {
        const char *name;
        struct act read;
        struct req use;
        int hours; /* from reading to use */
    } cases[] = {
        { .name = "used before it was read", .read = { .caller = EVE }, .use = { .address = THIEF }, .hours = -1 },
        { .name = "used two days later", .read = { .caller = EVE }, .use = { .address = THIEF }, .hours = 49 },
        { .name = "from where it was read", .read = { .caller = EVE, .address = THIEF },
          .use = { .address = "198.51.100.9" }, .hours = 1 },
        { .name = "portal: person and browser, one address", .read = { .app = PORTAL, .address = THIEF },
          .use = { .address = THIEF, .agent = EDGE }, .hours = 0 },
        { .name = "portal: read over IPv6", .read = { .app = PORTAL, .address = "2001:db8::7" },
          .use = { .address = THIEF, .agent = EDGE }, .hours = 0 },
        { .name = "from a known network", .read = { .caller = EVE }, .use = { .address = "192.0.2.77" }, .hours = 1 },
        { .name = "autoscaled next door with the known program", .read = { .caller = EVE },
          .use = { .address = "192.0.7.77" }, .hours = 1 },
        { .name = "private address", .read = { .caller = EVE }, .use = { .address = "10.1.2.3" }, .hours = 1 },
        { .name = "Entra ID", .read = { .caller = EVE }, .use = { .address = THIEF, .key = "AadToken" }, .hours = 1 },
        { .name = "refused", .read = { .caller = EVE }, .use = { .address = THIEF, .status = 403 }, .hours = 1 },
        { .name = "the service itself", .read = { .caller = EVE },
          .use = { .address = THIEF, .key = "SystemReadWrite" }, .hours = 1 },
        { .name = "read-only keys read, read-write used", .read = { .caller = EVE, .op = READONLY_KEYS },
          .use = { .address = THIEF }, .hours = 1 },
        { .name = "another account's key", .read = { .caller = EVE, .account = "payroll" },
          .use = { .address = THIEF }, .hours = 1 },
        { .name = "the reading was refused", .read = { .caller = EVE, .status = "Failure" },
          .use = { .address = THIEF }, .hours = 1 },
        { .name = "read by Terraform, known program, next door", .read = { .caller = TERRAFORM, .address = "203.0.113.90" },
          .use = { .address = "192.0.9.77", .agent = JAVA }, .hours = 1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct act read = cases[i].read;
        struct req use = cases[i].use;
        struct bench *b;

        key_usual("shop-prod", 0, 24, false);
        for (int d = 0; d < 19; d++)
            key_act((struct act){ .at = key_day(d, 6, 1), .caller = TERRAFORM, .app = TERRAFORM_APP });
        read.at = key_day(20, 8, 0);
        use.at = key_day(20, 8 + cases[i].hours, 1);
        key_act(read);
        key_req(use);
        b = judged();
        ck_assert_msg(alerts_of(b, STOLEN) == 0, "%s", cases[i].name);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_read_only_key_read_and_used_is_a_story)
{
    struct bench *b;

    key_usual("shop-prod", 0, 22, true);
    key_act((struct act){ .at = key_day(20, 3, 0), .caller = EVE, .op = READONLY_KEYS });
    key_req((struct req){ .at = key_day(20, 5, 0), .address = THIEF, .key = "PrimaryReadOnlyMasterKey" });
    b = judged();
    ck_assert_str_eq(bench_only(b, STOLEN)->subject, "PrimaryReadonlyMasterKey");
    bench_free(b);
}
END_TEST

START_TEST(after_a_usual_reading_only_a_new_program_counts_and_is_medium)
{
    struct bench *b;

    key_usual("shop-prod", 0, 22, true);
    key_req((struct req){ .at = key_day(20, 8, 0), .address = THIEF, .agent = PYTHON });
    b = judged();
    ck_assert_int_eq(bench_only(b, STOLEN)->severity, SEVERITY_MEDIUM);
    ck_assert_str_eq(alert_text(bench_only(b, STOLEN), "habitualReader"), TERRAFORM);
    bench_free(b);
}
END_TEST

START_TEST(every_api_s_table_counts_and_none_twice)
{
    static const enum table tables[] = { TABLE_MONGO, TABLE_CASSANDRA, TABLE_GREMLIN, TABLE_TABLE_API };

    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        for (int both = 0; both < 2; both++) {
            struct bench *b;

            for (int d = 0; d < 22; d++)
                for (int h = 0; h < 24; h += 3) {
                    key_req((struct req){ .at = key_day(d, h, 10), .table = tables[i] });
                    if (both)
                        key_req((struct req){ .at = key_day(d, h, 10) });
                }
            key_act((struct act){ .at = key_day(20, 3, 0), .caller = EVE });
            key_req((struct req){ .at = key_day(20, 5, 0), .address = THIEF, .table = tables[i] });
            if (both)
                key_req((struct req){ .at = key_day(20, 5, 0), .address = THIEF });
            b = judged();
            ck_assert_msg(bench_only(b, STOLEN)->count == 1, "%s both %d", table_name(tables[i]), both);
            bench_free(b);
        }
}
END_TEST

START_TEST(networks_that_the_operator_knows_are_not_elsewhere)
{
    struct bench *b = bench_open(&detector_stolen_key, "");
    struct network_table *t = network_table_new();
    struct error err = { 0 };

    ck_assert_int_eq(network_table_add(t, SL("198.51.100.0/24"),
                                       &(struct network){ .name = "new site", .lat = NAN, .lon = NAN,
                                                          .is_trusted = true, .until_ns = INT64_MAX }, &err), 0);
    ck_assert_int_eq(enrich_set_networks(bench_enrich(b), t, &err), 0);
    key_usual("shop-prod", 0, 22, true);
    key_act((struct act){ .at = key_day(20, 3, 0), .caller = EVE });
    key_req((struct req){ .at = key_day(20, 5, 0), .address = THIEF, .agent = PYTHON });
    key_req((struct req){ .at = key_day(20, 5, 0), .address = "13.91.105.215", .agent = PYTHON }); /* portal middleware */
    key_feed(b, 0);
    key_forget();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(an_account_that_is_still_learning_is_silent)
{
    struct bench *b;

    key_usual("shop-prod", 0, 12, true);
    key_act((struct act){ .at = key_day(10, 3, 0), .caller = EVE });
    for (int i = 0; i < 40; i++) {
        char *address = malloc(32);

        (void)snprintf(address, 32, "198.%d.100.7", i);
        key_req((struct req){ .at = key_day(10, 5, i), .address = address, .agent = PYTHON });
    }
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(one_key_kind_from_many_new_networks_has_leaked)
{
    static char addresses[20][32];
    struct bench *b;
    const struct alert *a;

    key_usual("shop-prod", 0, 22, true);
    for (int i = 0; i < 20; i++) {
        (void)snprintf(addresses[i], sizeof addresses[i], "%d.%d.3.4", 31 + i, 7 * i);
        key_req((struct req){ .at = key_day(20, i, 5), .address = addresses[i], .agent = i % 2 ? PYTHON : "curl/8.5.0" });
    }
    b = judged();
    a = bench_only(b, LEAKED);
    ck_assert_int_eq(a->severity, SEVERITY_HIGH);
    ck_assert_int_eq(a->count, 20); /* also those before the eighth */
    ck_assert_int_eq(alert_number(a, "newNetworks", 0), 20);
    ck_assert_int_eq(alert_number(a, "usualNewNetworks", -1), 0);
    ck_assert_uint_eq(alert_fact(a, "network")->len, 20);
    bench_free(b);
}
END_TEST

START_TEST(a_few_new_networks_a_day_are_life_and_so_are_many_where_that_is_usual)
{
    static char addresses[2000][32];
    struct bench *b;
    int n = 0;

    key_usual("shop-prod", 0, 40, true);
    for (int d = 18; d < 24; d++) /* seven are below the threshold */
        for (int i = 0; i < 7; i++, n++) {
            (void)snprintf(addresses[n], 32, "%d.%d.3.4", 20 + n % 80, n / 80);
            key_req((struct req){ .at = key_day(d, 5, i), .address = addresses[n], .agent = JAVA });
        }
    for (int d = 26; d < 40; d++) /* and then seven are usual, fourteen twice that */
        for (int i = 0; i < 14; i++, n++) {
            (void)snprintf(addresses[n], 32, "%d.%d.3.4", 20 + n % 80, n / 80);
            key_req((struct req){ .at = key_day(d, 5, i), .address = addresses[n], .agent = JAVA });
        }
    b = judged();
    ck_assert_uint_eq(alerts_of(b, LEAKED), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_valid_key_that_nobody_read_is_told_when_the_log_is_complete)
{
    struct bench *b;
    const struct alert *a;

    key_usual("shop-prod", 0, 23, false);
    key_req((struct req){ .at = key_day(20, 5, 0), .address = THIEF, .agent = PYTHON, .count = 3 });
    b = judged();
    a = bench_only(b, UNREAD);
    ck_assert_uint_eq(bench_alerts(b), 1);
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM);
    ck_assert_int_eq(a->count, 3);
    ck_assert_int_eq(alert_number(a, "logDays", 0), 20);
    bench_free(b);
}
END_TEST

/* The application's own program, from a /16 that is new; on some accounts new ones come each week. */
START_TEST(a_new_network_alone_is_low_unless_new_ones_are_everyday_life)
{
    static const struct {
        const char *name, *type;
        bool by_terraform, is_restless;
    } cases[] = {
        { .name = "read by Terraform that morning", .type = STOLEN, .by_terraform = true },
        { .name = "read by nobody", .type = UNREAD },
        { .name = "read by Terraform, and networks come and go", .by_terraform = true, .is_restless = true },
        { .name = "read by nobody, and networks come and go", .is_restless = true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static char address[40][32];
        struct bench *b;

        key_usual("shop-prod", 0, 43, cases[i].by_terraform);
        for (int d = 2; d < 38 && cases[i].is_restless; d += 2) {
            (void)snprintf(address[d], 32, "20.%d.3.4", d);
            key_req((struct req){ .at = key_day(d, 12, 0), .address = address[d], .agent = JAVA });
        }
        key_req((struct req){ .at = key_day(40, 9, 0), .address = THIEF, .agent = JAVA, .count = 3 });
        b = judged();
        ck_assert_msg(alerts_since(b, key_day(40, 0, 0)) == (cases[i].type ? 1 : 0), "%s", cases[i].name);
        if (cases[i].type)
            ck_assert_int_eq(bench_only(b, cases[i].type)->severity, SEVERITY_LOW);
        bench_free(b);
    }
}
END_TEST

START_TEST(read_two_days_before_and_used_by_a_new_program_is_told_as_read_by_nobody)
{
    for (int by_himself = 0; by_himself < 2; by_himself++) {
        struct bench *b;

        key_usual("shop-prod", 0, 24, false);
        for (int d = 0; d < 19; d++)
            key_act((struct act){ .at = key_day(d, 6, 1), .caller = TERRAFORM, .app = TERRAFORM_APP });
        key_req((struct req){ .at = key_day(20, 20, 0), .address = THIEF, .agent = PYTHON, .bytes = 200000000 });
        if (by_himself) /* a developer takes the key at home, and works there */
            key_act((struct act){ .at = key_day(20, 19, 0), .app = CLI, .address = THIEF });
        b = judged();
        ck_assert_uint_eq(bench_alerts(b), by_himself ? 0 : 1);
        if (!by_himself)
            ck_assert_int_eq(bench_only(b, UNREAD)->severity, SEVERITY_MEDIUM);
        bench_free(b);
    }
}
END_TEST

START_TEST(bulk_reading_with_it_is_high)
{
    struct bench *b;

    key_usual("shop-prod", 0, 23, false);
    key_req((struct req){ .at = key_day(20, 5, 0), .address = THIEF, .agent = PYTHON, .bytes = 200000000 });
    b = judged();
    ck_assert_int_eq(bench_only(b, UNREAD)->severity, SEVERITY_HIGH);
    bench_free(b);
}
END_TEST

START_TEST(unread_for_more_than_ninety_days_is_never)
{
    for (int pause = 90; pause <= 91; pause++) {
        struct bench *b;

        key_usual("shop-prod", 0, 104, false);
        key_act((struct act){ .at = key_day(100 - pause, 6, 1), .caller = TERRAFORM, .app = TERRAFORM_APP });
        key_req((struct req){ .at = key_day(100, 5, 0), .address = THIEF, .agent = PYTHON, .bytes = 200000000 });
        b = judged();
        ck_assert_msg(bench_only(b, UNREAD)->severity == (pause > 90 ? SEVERITY_HIGH : SEVERITY_MEDIUM), "%d days", pause);
        bench_free(b);
    }
}
END_TEST

START_TEST(nobody_read_it_says_nothing_when)
{
    static const struct {
        const char *name;
        bool is_read, is_known_network, is_log_missing;
    } cases[] = {
        { .name = "somebody read it that very hour, and the row came late", .is_read = true },
        { .name = "the program is known, and the host is next door", .is_known_network = true },
        { .name = "the activity log is not read", .is_log_missing = true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench_open(&detector_stolen_key, "");

        for (int d = 0; d < 23; d++)
            for (int h = 0; h < 24; h += 3)
                key_req((struct req){ .at = key_day(d, h, 0) });
        for (int d = 0; d < 20 && !cases[i].is_log_missing; d++)
            key_act((struct act){ .at = key_day(d, 9, 0), .op = "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/WRITE" });
        key_req((struct req){ .at = key_day(20, 5, 0), .address = cases[i].is_known_network ? "192.0.9.77" : THIEF,
                              .agent = cases[i].is_known_network ? JAVA : PYTHON });
        if (cases[i].is_read) /* from the same place: no story of two either */
            key_act((struct act){ .at = key_day(20, 5, 1), .address = THIEF });
        key_feed(b, 0);
        key_forget();
        ck_assert_msg(bench_alerts(b) == 0, "%s", cases[i].name);
        bench_free(b);
    }
}
END_TEST

static void any_order_rows(unsigned seed)
{
    static const char *const callers[] = { EVE, "mallory@x.example", TERRAFORM };
    static const char *const agents[] = { JAVA, PYTHON, EDGE, "curl/8.5.0" };
    static const char *const keys[] = { "PrimaryMasterKey", "SecondaryMasterKey", "PrimaryReadonlyMasterKey" };
    static char addresses[400][40];
    bool with_readers = seed % 3 != 0; /* else nobody reads: ServiceSideKeyTheft */

    key_seed = seed;
    key_usual("shop-prod", 0, 21, with_readers);
    for (int i = 0; i < 400; i++) {
        int64_t at = key_day(18, 0, 0) + (int64_t)key_dice(2 * 24 * 60) * NS_PER_MIN;
        unsigned site = key_dice(seed % 2 ? 5 : 30);

        (void)snprintf(addresses[i], sizeof addresses[i], "198.%u.100.%u", 50 + site, key_dice(40));
        key_req((struct req){ .at = at, .address = addresses[i], .agent = agents[key_dice(4)], .key = keys[key_dice(3)],
                              .bytes = 1 + key_dice(100000), .op = key_dice(4) ? "Query" : "Upsert" });
        if (with_readers && key_dice(20) == 0)
            key_act((struct act){ .at = at, .caller = callers[key_dice(3)], .op = key_dice(4) ? LIST_KEYS : READONLY_KEYS,
                                  .address = key_dice(2) ? addresses[i] : "203.0.113.5" });
    }
}

START_TEST(any_order_gives_the_same_alerts)
{
    key_same_in_any_order(&detector_stolen_key, "", any_order_rows);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        read_by_one_and_used_by_another_from_elsewhere_is_high,
        many_usual_readers_leave_room_for_the_one_who_is_new,
        the_thief_may_use_the_application_s_own_program,
        a_browser_elsewhere_is_told_unless_somebody_read_the_key_there,
        what_is_not_a_story,
        a_read_only_key_read_and_used_is_a_story,
        after_a_usual_reading_only_a_new_program_counts_and_is_medium,
        every_api_s_table_counts_and_none_twice,
        networks_that_the_operator_knows_are_not_elsewhere,
        an_account_that_is_still_learning_is_silent,
        one_key_kind_from_many_new_networks_has_leaked,
        a_few_new_networks_a_day_are_life_and_so_are_many_where_that_is_usual,
        a_valid_key_that_nobody_read_is_told_when_the_log_is_complete,
        a_new_network_alone_is_low_unless_new_ones_are_everyday_life,
        read_two_days_before_and_used_by_a_new_program_is_told_as_read_by_nobody,
        bulk_reading_with_it_is_high,
        unread_for_more_than_ninety_days_is_never,
        nobody_read_it_says_nothing_when,
        any_order_gives_the_same_alerts,
        NULL,
    };

    return key_run("stolen_key", tests);
}
