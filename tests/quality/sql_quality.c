/* sql_quality - how well the injection detectors tell attacks from ordinary statements.
 *
 *     sql_quality [--history=none|template|app] [--api=NAME] [--list=all|LABEL|CLASS|EFFECT] [--summary] FILE...
 *
 * FILE: one JSON object a line: api (nosql, mongodb, cassandra, gremlin, table), query, label (benign,
 * injection_...), class, effect, status_code (as the API has it: 0 and 200 are success), template_id, app
 * (optional). Each row is judged as a request of its own by the detector of its API. With history, the benign
 * rows that were answered are sent twenty and ten days earlier: `template` gives each template a client of its own; `app`
 * lets all templates of an application share one client and keeps three in ten templates (by hash) out of
 * history, so that statements of an unknown shape are judged too.
 * Rows that name a `burst` (in order, one after the other) come from one sender in one minute on one container, and
 * are one thing to be told: is there any alert?
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/map.h"
#include "tests/kit/bench.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

extern const struct detector_ops detector_sql_injection, detector_mongo_injection, detector_cql_injection,
    detector_gremlin_injection, detector_table_injection;

static const struct dialect {
    const char *name;
    enum api api;
    enum table table;
    const struct detector_ops *detector;
} dialects[] = {
    { .name = "nosql", .api = API_NOSQL, .table = TABLE_QUERY_STATS, .detector = &detector_sql_injection },
    { .name = "mongodb", .api = API_MONGODB, .table = TABLE_MONGO, .detector = &detector_mongo_injection },
    { .name = "cassandra", .api = API_CASSANDRA, .table = TABLE_CASSANDRA, .detector = &detector_cql_injection },
    { .name = "gremlin", .api = API_GREMLIN, .table = TABLE_GREMLIN, .detector = &detector_gremlin_injection },
    { .name = "table", .api = API_TABLE, .table = TABLE_TABLE_API, .detector = &detector_table_injection },
};

#define ROWS_MAX 400000
#define DAY_NS (INT64_C(20000) * NS_PER_DAY)

struct row {
    char *query, *label, *class, *effect, *template_id, *app;
    char *burst; /* rows of one burst: one sender within one minute; "" none */
    int status;
    const struct dialect *dialect;
};

struct judged { bool alerted, attack; };

struct tally { char name[160]; int rows, alerts, attack; };

static struct row rows[ROWS_MAX];
static size_t rows_len;
static struct tally tallies[512];
static size_t tallies_len;
static struct bench *benches[ARRAY_LEN(dialects)];
static const char *only_api, *history = "none", *list;
static bool summary;

static char *field(struct json_object *o, const char *name, const char *otherwise)
{
    struct json_object *v = NULL;

    return strdup(json_object_object_get_ex(o, name, &v) && json_object_get_string(v) ? json_object_get_string(v) : otherwise);
}

static int http_status(int code)
{
    return code == 0 || (code >= 200 && code < 400) ? 200 : 400;
}

static void load(const char *path)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;

    if (!f) {
        perror(path);
        exit(1);
    }
    while (getline(&line, &cap, f) > 0 && rows_len < ROWS_MAX) {
        struct json_object *o = json_tokener_parse(line);
        char *api = o ? field(o, "api", "nosql") : NULL, *status = o ? field(o, "status_code", "200") : NULL;

        const struct dialect *d = NULL;

        for (size_t i = 0; o && i < ARRAY_LEN(dialects); i++)
            if (strcmp(api, dialects[i].name) == 0 && (!only_api || strcmp(api, only_api) == 0))
                d = &dialects[i];
        if (d) {
            struct row *r = &rows[rows_len++];

            *r = (struct row){ .query = field(o, "query", ""), .label = field(o, "label", "benign"),
                               .class = field(o, "class", "unknown"), .effect = field(o, "effect", "none"),
                               .template_id = field(o, "template_id", ""), .status = http_status(atoi(status)), .dialect = d };
            char app[64] = { 0 };

            snprintf(app, sizeof(app), "%.*s", (int)strcspn(r->template_id, "."), r->template_id);
            r->app = field(o, "app", app);
            r->burst = field(o, "burst", "");
        }
        free(api);
        free(status);
        json_object_put(o);
    }
    free(line);
    fclose(f);
}

static struct bench *bench_of(const struct row *r)
{
    return benches[r->dialect - dialects];
}

static void feed(const struct row *r, const char *container, int64_t when, size_t n)
{
    struct observation o = { .kind = OBS_TEXT, .table = r->dialect->table, .api = r->dialect->api, .minute_ns = when,
                             .status = r->status, .bytes_out = 2000, .bytes_in = 300, .ru_milli = 3000 };
    char address[32]; /* one for each row: bursts are not what is measured */

    (void)snprintf(address, sizeof(address), "10.%zu.%zu.%zu", n >> 16 & 255, n >> 8 & 255, n & 255);
    o.text[F_DATABASE] = SL("db");
    o.text[F_CONTAINER] = slice_of(container);
    o.text[F_ADDRESS] = slice_of(address);
    o.text[F_USER_AGENT] = SL("azsdk-java-cosmos/4.60.0 Linux/5.15 JRE/17");
    o.text[F_OPERATION] = SL("Query");
    o.text[F_QUERY_TEXT] = slice_of(r->query);
    bench_feed(bench_of(r), &o);
}

/* What the row just fed led to; the alerts are forgotten. */
static struct judged take_verdict(struct bench *bench, bool explain)
{
    struct judged ret = { 0 };

    for (size_t i = 0; i < bench_alerts(bench); i++) {
        const struct alert *a = bench_alert(bench, i);
        const struct fact *reasons = alert_fact(a, "reason");

        ret.alerted = true;
        ret.attack |= a->severity >= SEVERITY_MEDIUM;
        for (size_t k = 0; explain && reasons && k < reasons->len; k++)
            printf("    %d %s %s\n", a->confidence, a->variant, reasons->entries[k].text);
    }
    bench_forget_alerts(bench);
    return ret;
}

static bool held_out(const struct row *r)
{
    return hash64(r->template_id, strcspn(r->template_id, "#"), 7) % 10 < 3;
}

static void count(const char *name, bool alerted, bool attack)
{
    size_t i = 0;

    while (i < tallies_len && strcmp(tallies[i].name, name) != 0)
        i++;
    if (i == tallies_len) {
        if (tallies_len == ARRAY_LEN(tallies))
            return;
        tallies_len++;
        snprintf(tallies[i].name, sizeof(tallies[i].name), "%s", name);
    }
    tallies[i].rows++;
    tallies[i].alerts += alerted;
    tallies[i].attack += attack;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tally *)a)->name, ((const struct tally *)b)->name);
}

static const char *group_of(const struct row *r)
{
    if (strcmp(r->effect, "contained") == 0)
        return "3 contained";
    if (strcmp(r->label, "benign") == 0)
        return "1 benign";
    if (strcmp(r->label, "injection_success") == 0)
        return "2 success";
    return r->status == 200 ? "4 ran" : "5 failed";
}

/* All rows of the burst that begins at `from`; returns the index behind it. */
static size_t judge_burst(size_t from)
{
    const struct row *first = &rows[from];
    struct judged all = { 0 };
    char name[160];
    size_t i = from;

    for (; i < rows_len && strcmp(rows[i].burst, first->burst) == 0; i++) {
        feed(&rows[i], first->burst, DAY_NS + 10 * NS_PER_DAY, 100000 + from);
        struct judged j = take_verdict(bench_of(&rows[i]), false);

        all.alerted |= j.alerted;
        all.attack |= j.attack;
    }
    (void)snprintf(name, sizeof(name), "%-9s bursts %s", first->dialect->name, first->class);
    count(name, all.alerted, all.attack);
    if (list && (strcmp(first->label, "benign") == 0) == all.alerted)
        for (size_t k = from; k < i; k++)
            printf("%s %s %d | %s\n", first->burst, rows[k].class, rows[k].status, rows[k].query);
    return i;
}

static void count_row(const struct row *r, struct judged j)
{
    char name[160];

    (void)snprintf(name, sizeof(name), "%-9s %s %s", r->dialect->name, group_of(r), r->class);
    if (!summary)
        count(name, j.alerted, j.attack);
    (void)snprintf(name, sizeof(name), "%-9s %s ALL", r->dialect->name, group_of(r));
    count(name, j.alerted, j.attack);
}

static bool is_listed(const struct row *r, const char *what)
{
    return what && (strcmp(what, "all") == 0 || strcmp(what, r->class) == 0 || strcmp(what, r->effect) == 0 ||
                    strcmp(what, r->label) == 0);
}

/* The bench of the tests ends a test on failure, so the measurement is one. */
START_TEST(measure)
{
    struct map *seen = map_new(1);
    bool by_template = strcmp(history, "template") == 0, by_app = strcmp(history, "app") == 0;

    ck_assert_ptr_nonnull(seen);
    for (size_t i = 0; i < ARRAY_LEN(dialects); i++) {
        benches[i] = bench_open(dialects[i].detector, "");
        bench_set_backfill(benches[i], true);
    }
    for (int64_t when = DAY_NS - 10 * NS_PER_DAY; when <= DAY_NS && (by_template || by_app); when += 10 * NS_PER_DAY)
        for (size_t i = 0; i < rows_len; i++)
            if (strcmp(rows[i].label, "benign") == 0 && rows[i].status == 200 && !(by_app && held_out(&rows[i])))
                feed(&rows[i], by_app ? rows[i].app : rows[i].template_id, when, i);
    for (size_t i = 0; i < ARRAY_LEN(dialects); i++) {
        bench_set_backfill(benches[i], false);
        bench_forget_alerts(benches[i]);
    }
    for (size_t i = 0, next; i < rows_len; i = next) {
        const struct row *r = &rows[i];

        next = *r->burst ? judge_burst(i) : i + 1;
        if (*r->burst)
            continue;
        bool is_quiet = strcmp(r->label, "benign") == 0 || strcmp(r->effect, "contained") == 0, is_new = false;
        char alone[32]; /* without history each row has a container of its own */

        (void)snprintf(alone, sizeof(alone), "c%zu", i);
        (void)map_put(seen, slice_of(r->query), &is_new);
        if (!is_new)
            continue; /* distinct texts are counted */
        feed(r, by_app ? r->app : by_template ? r->template_id : alone, DAY_NS + 10 * NS_PER_DAY, i);
        struct judged j = take_verdict(bench_of(r), is_listed(r, list));

        count_row(r, j);
        if (is_listed(r, list) && is_quiet == j.alerted)
            printf("%s %s %s %d | %s\n", r->label, r->class, r->template_id, r->status, r->query);
    }
    for (size_t i = 0; i < ARRAY_LEN(dialects); i++)
        bench_free(benches[i]);
    map_free(seen);
}
END_TEST

static void print_table(void)
{
    qsort(tallies, tallies_len, sizeof(tallies[0]), by_name);
    printf("%-46s %7s %7s %9s %8s\n", summary ? "distinct texts" : "class (distinct texts)", "rows", "alerts", "percent", "medium");
    for (size_t i = 0; i < tallies_len; i++)
        printf("%-46s %7d %7d %8.3f%% %8d\n", tallies[i].name, tallies[i].rows, tallies[i].alerts,
               100.0 * tallies[i].alerts / tallies[i].rows, tallies[i].attack);
}

int main(int argc, char **argv)
{
    Suite *suite = suite_create("quality");
    TCase *tc = tcase_create("quality");

    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--history=", 10) == 0)
            history = argv[i] + 10;
        else if (strncmp(argv[i], "--api=", 6) == 0)
            only_api = argv[i] + 6;
        else if (strcmp(argv[i], "--summary") == 0)
            summary = true;
        else if (strncmp(argv[i], "--list=", 7) == 0)
            list = argv[i] + 7;
        else
            load(argv[i]);
    tcase_add_test(tc, measure);
    tcase_set_timeout(tc, 0);
    suite_add_tcase(suite, tc);
    SRunner *r = srunner_create(suite);

    srunner_set_fork_status(r, CK_NOFORK);
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);

    if (failed)
        srunner_print(r, CK_NORMAL);
    else
        print_table();
    srunner_free(r);
    return failed == 0 ? 0 : 1;
}
