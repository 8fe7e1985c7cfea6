/* sql_quality - how well the SQL-injection detector tells attacks from ordinary statements.
 *
 *     sql_quality [--history=none|template|app] [--mask-history] [--list=CLASS] FILE...
 *
 * FILE: one JSON object a line: query, label (benign, injection_...), class, effect, status_code,
 * template_id, app (optional). Each row is judged as a request of its own. With history, the benign
 * rows that were answered with 200 are sent ten days earlier: `template` gives each template a client of
 * its own; `app` lets all templates of an application share one client and keeps three in ten templates
 * (by hash) out of history, so that statements of an unknown shape are judged too.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/map.h"
#include "detectors/detector.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

extern const struct detector_ops detector_sql_injection;

#define ROWS_MAX 400000
#define DAY_NS (INT64_C(20000) * NS_PER_DAY)

struct row {
    char *query, *label, *class, *effect, *template_id, *app;
    int status;
};

struct judged { int alerts; bool attack, fuzz; };

struct tally { char name[160]; int rows, alerts, attack; };

static struct row rows[ROWS_MAX];
static size_t rows_len;
static struct tally tallies[512];
static size_t tallies_len;
static struct judged last;
static void *detector;
static struct baseline *memory;
static int64_t alerts_total;

static int sink_emit(void *self, const struct alert_draft *d, struct error *err)
{
    (void)self;
    (void)err;
    last.alerts++;
    alerts_total++;
    if (strstr(d->type, "DataExfiltration"))
        last.attack = true;
    else
        last.fuzz = true;
    if (getenv("WHY")) {
        for (size_t i = 0; i < d->facts_len; i++)
            if (strcmp(d->facts[i].name, "reason") == 0)
                printf("    %d %s %.*s\n", d->confidence, d->variant, SLF(d->facts[i].text));
    }
    return 0;
}

static char *field(struct json_object *o, const char *name, const char *otherwise)
{
    struct json_object *v = NULL;

    return strdup(json_object_object_get_ex(o, name, &v) && json_object_get_string(v) ? json_object_get_string(v) : otherwise);
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

        if (o && strcmp(api, "nosql") == 0) {
            struct row *r = &rows[rows_len++];

            *r = (struct row){ .query = field(o, "query", ""), .label = field(o, "label", "benign"),
                               .class = field(o, "class", "unknown"), .effect = field(o, "effect", "none"),
                               .template_id = field(o, "template_id", ""), .status = atoi(status) };
            char app[64] = { 0 };

            snprintf(app, sizeof(app), "%.*s", (int)strcspn(r->template_id, "."), r->template_id);
            r->app = field(o, "app", app);
        }
        free(api);
        free(status);
        json_object_put(o);
    }
    free(line);
    fclose(f);
}

static void feed(const struct row *r, const char *container, int64_t when, size_t n, bool backfill)
{
    struct alert_sink sink = { .emit = sink_emit };
    struct detector_context ctx = { .baseline = memory, .sink = &sink, .is_backfill = backfill };
    struct observation o = { .kind = OBS_TEXT, .table = TABLE_QUERY_STATS, .api = API_NOSQL, .minute_ns = when,
                             .first_ns = when, .last_ns = when, .status = r->status, .count = 1,
                             .bytes_out = 2000, .bytes_in = 300, .ru_milli = 3000 };
    struct error err = { 0 };
    char address[32];

    snprintf(address, sizeof(address), "10.%zu.%zu.%zu", n >> 16 & 255, n >> 8 & 255, n & 255);
    o.text[F_ACCOUNT] = SL("shop");
    o.text[F_DATABASE] = SL("db");
    o.text[F_CONTAINER] = slice_of(container);
    o.text[F_ADDRESS] = slice_of(address);
    o.text[F_USER_AGENT] = SL("azsdk-java-cosmos/4.60.0 Linux/5.15 JRE/17");
    o.text[F_OPERATION] = SL("Query");
    o.text[F_QUERY_TEXT] = slice_of(r->query);
    last = (struct judged){ 0 };
    if (detector_sql_injection.observe(detector, &o, &ctx, &err) < 0) {
        fprintf(stderr, "observe: %s\n", err.msg);
        exit(1);
    }
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

int main(int argc, char **argv)
{
    const char *history = "none", *list = NULL;
    struct baseline_config cfg = { .horizon_ns = 6 * NS_PER_HOUR, .learn_ns = 14 * NS_PER_DAY };
    struct error err = { 0 };
    struct map *seen = map_new(1);

    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--history=", 10) == 0)
            history = argv[i] + 10;
        else if (strncmp(argv[i], "--list=", 7) == 0)
            list = argv[i] + 7;
        else
            load(argv[i]);
    memory = baseline_new(&cfg);
    detector = calloc(1, 4096);
    *(int64_t *)detector = 12; /* burst_shapes, burst_requests, fuzzing_medium, high_bytes */
    ((int64_t *)detector)[1] = 40;
    ((int64_t *)detector)[2] = 20;
    ((int64_t *)detector)[3] = 262144;
    for (size_t i = 0; detector_sql_injection.memories[i]; i++)
        if (baseline_declare(memory, detector_sql_injection.memories[i], &err) < 0)
            return 1;
    if (detector_sql_injection.open(detector, &err) < 0)
        return 1;
    bool by_template = strcmp(history, "template") == 0, by_app = strcmp(history, "app") == 0;

    if (by_template || by_app)
        for (size_t i = 0; i < rows_len; i++)
            if (strcmp(rows[i].label, "benign") == 0 && rows[i].status == 200 && !(by_app && held_out(&rows[i])))
                feed(&rows[i], by_app ? rows[i].app : rows[i].template_id, DAY_NS, i, true);
    for (size_t i = 0; i < rows_len; i++) {
        const struct row *r = &rows[i];
        bool benign = strcmp(r->label, "benign") == 0, is_new = false;
        char name[160], alone[32];

        snprintf(alone, sizeof(alone), "c%zu", i);
        /* without history: a container of its own for each row */
        (void)map_put(seen, slice_of(r->query), &is_new);
        if (!is_new)
            continue; /* distinct texts */
        feed(r, by_app ? r->app : by_template ? r->template_id : alone, DAY_NS + 10 * NS_PER_DAY, i, false);
        snprintf(name, sizeof(name), "%s %s", strcmp(r->effect, "contained") == 0 ? "3 contained" : benign ? "1 benign" :
                 strcmp(r->label, "injection_success") == 0 ? "2 success" : r->status == 200 ? "4 ran" : "5 failed", r->class);
        count(name, last.alerts > 0, last.attack);
        count(strcmp(r->effect, "contained") == 0 ? "ALL contained" : benign ? "ALL benign" :
              strcmp(r->label, "injection_success") == 0 ? "ALL success" : r->status == 200 ? "ALL ran" : "ALL failed",
              last.alerts > 0, last.attack);
        bool wrong = (benign || strcmp(r->effect, "contained") == 0) == (last.alerts > 0);

        if (list && wrong && (strcmp(list, "all") == 0 || strcmp(list, r->class) == 0 || strcmp(list, r->effect) == 0 ||
                              strcmp(list, r->label) == 0))
            printf("%s %s %s %d | %s\n", r->label, r->class, r->template_id, r->status, r->query);
    }
    qsort(tallies, tallies_len, sizeof(tallies[0]), by_name);
    printf("%-46s %7s %7s %9s %8s\n", "class (distinct texts)", "rows", "alerts", "percent", "exfil");
    for (size_t i = 0; i < tallies_len; i++)
        printf("%-46s %7d %7d %8.3f%% %8d\n", tallies[i].name, tallies[i].rows, tallies[i].alerts,
               100.0 * tallies[i].alerts / tallies[i].rows, tallies[i].attack);
    detector_sql_injection.close(detector);
    baseline_free(memory);
    map_free(seen);
    return 0;
}
