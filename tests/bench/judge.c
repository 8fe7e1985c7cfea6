/* judge.c - see judge.h. The whole way of one observation through a detector: judged, held against history, learned.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/judge.h"

#include "baseline/baseline.h"
#include "detectors/detector.h"
#include "detectors/kit/request.h"
#include "detectors/kit/statements.h"
#include "settings/option.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 2000
#define TEXT_MAX 1024

extern const struct detector_ops detector_sql_injection, detector_mongo_injection, detector_cql_injection,
    detector_gremlin_injection, detector_table_injection;

/* #: a value that is another one each time. All of about 500 bytes. */
static const struct spoken {
    const char *name, *text;
    enum api api;
    enum table table;
    const struct detector_ops *detector;
} spoken[] = {
    { .name = "nosql", .api = API_NOSQL, .table = TABLE_QUERY_STATS, .detector = &detector_sql_injection,
      .text = "SELECT c.id, c.orderNumber, c.customer.name, c.customer.city, c.lines, c.total, c.currency, c.state, c.createdAt FROM c "
              "JOIN l IN c.lines WHERE c.tenant = 'north-#' AND c.kind = 'order' AND (c.state = 'open' OR c.state = 'held' OR c.state = 'late') "
              "AND l.sku IN ('A-100', 'A-200', 'A-300', 'A-400') AND c.total >= 20 AND c.total < 9000 AND STARTSWITH(c.customer.name, 'Mill') AND "
              "IS_DEFINED(c.shipment) AND c.createdAt > '2026-01-01T00:00:00Z' AND NOT ARRAY_CONTAINS(c.tags, 'test') ORDER BY c.createdAt DESC OFFSET 0 LIMIT 50" },
    { .name = "mongodb", .api = API_MONGODB, .table = TABLE_MONGO, .detector = &detector_mongo_injection,
      .text = "{\"find\":\"orders\",\"filter\":{\"tenant\":\"north-#\",\"kind\":\"order\",\"state\":{\"$in\":[\"open\",\"held\",\"late\"]},"
              "\"total\":{\"$gte\":20,\"$lt\":9000},\"lines\":{\"$elemMatch\":{\"sku\":{\"$in\":[\"A-100\",\"A-200\",\"A-300\"]},\"count\":{\"$gt\":0}}},"
              "\"$or\":[{\"customer.city\":\"Basel\"},{\"customer.city\":\"Zug\"},{\"customer.city\":\"Bern\"}],\"createdAt\":{\"$gte\":{\"$date\":\"2026-01-01T00:00:00Z\"}},"
              "\"deletedAt\":null},\"sort\":{\"createdAt\":-1},\"projection\":{\"lines\":1,\"total\":1,\"state\":1},\"limit\":50,\"$db\":\"shop\"}" },
    { .name = "cassandra", .api = API_CASSANDRA, .table = TABLE_CASSANDRA, .detector = &detector_cql_injection,
      .text = "SELECT order_id, order_number, customer_name, customer_city, line_count, total, currency, state, created_at, shipped_at, carrier FROM shop.orders_by_tenant "
              "WHERE tenant = 'north-#' AND bucket IN ('2026-01', '2026-02', '2026-03', '2026-04') AND state IN ('open', 'held', 'late') AND warehouse = 'basel-2' AND carrier = 'post' "
              "AND created_at >= '2026-01-01T00:00:00Z' AND created_at < '2026-05-01T00:00:00Z' AND region = 'europe' AND currency = 'CHF' "
              "ORDER BY created_at DESC LIMIT 50" },
    { .name = "gremlin", .api = API_GREMLIN, .table = TABLE_GREMLIN, .detector = &detector_gremlin_injection,
      .text = "g.V().has('order', 'tenant', 'north-#').has('kind', 'order').has('state', within('open', 'held', 'late')).has('total', gte(20)).has('total', lt(9000))"
              ".where(__.out('holds').has('sku', within('A-100', 'A-200', 'A-300'))).as('o').in('placed').has('customer', 'city', 'Basel').as('c')"
              ".select('o', 'c').by(valueMap('number', 'total', 'state')).by(valueMap('name', 'city')).order().by('createdAt', decr).range(0, 50)"
              ".project('order', 'customer').by(select('o')).by(select('c'))" },
    { .name = "table", .api = API_TABLE, .table = TABLE_TABLE_API, .detector = &detector_table_injection,
      .text = "PartitionKey eq 'north-#' and RowKey ge 'order-2026-01' and RowKey lt 'order-2026-05' and (State eq 'open' or State eq 'held' or State eq 'late') "
              "and Total ge 20 and Total lt 9000 and (City eq 'Basel' or City eq 'Zug' or City eq 'Bern') and Kind eq 'order' and Currency eq 'CHF' and "
              "Timestamp ge datetime'2026-01-01T00:00:00Z' and Timestamp lt datetime'2026-05-01T00:00:00Z' and Carrier eq 'post' and Warehouse eq 'basel-2' "
              "and Archived eq false and Customer ne 'test' and Weight le 30" },
};

/* ---- the counter --------------------------------------------------------------------------------- */

struct counter { int fd; struct timespec start; };

static struct counter counter_open(void)
{
    struct perf_event_attr attr = { .type = PERF_TYPE_HARDWARE, .size = sizeof(attr), .config = PERF_COUNT_HW_INSTRUCTIONS,
                                    .disabled = 1, .exclude_kernel = 1, .exclude_hv = 1 };

    return (struct counter){ .fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0) };
}

static void counter_start(struct counter *c)
{
    if (c->fd >= 0) {
        (void)ioctl(c->fd, PERF_EVENT_IOC_RESET, 0); /* read() tells when it does not work */
        (void)ioctl(c->fd, PERF_EVENT_IOC_ENABLE, 0);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &c->start);
}

static double counter_stop(struct counter *c)
{
    struct timespec now;
    long long n = 0;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    if (c->fd >= 0) {
        (void)ioctl(c->fd, PERF_EVENT_IOC_DISABLE, 0);
        if (read(c->fd, &n, sizeof(n)) == sizeof(n) && n > 0)
            return (double)n;
        (void)close(c->fd);
        c->fd = -1;
    }
    return (double)(now.tv_sec - c->start.tv_sec) * 1e9 + (double)(now.tv_nsec - c->start.tv_nsec);
}

/* ---- one detector -------------------------------------------------------------------------------- */

struct judge {
    const struct spoken *spoken;
    void *self;
    struct baseline *memory;
    struct statements *statements;
};

static int drop(void *self, const struct alert_draft *d, struct error *err)
{
    (void)d;
    (void)err;
    ++*(size_t *)self;
    return 0;
}

static bool judge_open(struct judge *j, const struct spoken *s, struct error *err)
{
    const struct detector_ops *ops = s->detector;

    *j = (struct judge){ .spoken = s, .self = calloc(1, ops->size + 1),
                         .memory = baseline_new(&(struct baseline_config){ .horizon_ns = 4 * NS_PER_HOUR, .learn_ns = 14 * NS_PER_DAY }) };
    if (!j->self || !j->memory || settings_table_presets(ops->options, j->self, err) < 0 ||
        baseline_declare(j->memory, &request_tables_memory, err) < 0)
        return false;
    for (size_t i = 0; ops->memories[i]; i++)
        if (baseline_declare(j->memory, ops->memories[i], err) < 0)
            return false;
    return statements_new(NULL, &j->statements, err) == 0;
}

static void judge_close(struct judge *j)
{
    free(j->self);
    statements_free(j->statements);
    baseline_free(j->memory);
}

static void judge_text(struct judge *j, const char *text, int day)
{
    size_t drafts = 0;
    struct alert_sink sink = { .self = &drafts, .emit = drop };
    struct detector_context ctx = { .baseline = j->memory, .sink = &sink, .statements = j->statements };
    struct observation o = { .kind = OBS_TEXT, .table = j->spoken->table, .api = j->spoken->api, .status = 200, .count = 1,
                             .minute_ns = (INT64_C(20000) + day) * NS_PER_DAY, .bytes_out = 2000, .bytes_in = 500, .ru_milli = 3000 };
    struct error err = { 0 };

    o.first_ns = o.last_ns = o.minute_ns;
    o.text[F_ACCOUNT] = SL("orders");
    o.text[F_DATABASE] = SL("shop");
    o.text[F_CONTAINER] = SL("orders");
    o.text[F_ADDRESS] = SL("192.0.2.7");
    o.text[F_USER_AGENT] = SL("azsdk-java-cosmos/4.60.0 Linux/5.15 JRE/17");
    o.text[F_OPERATION] = SL("Query");
    o.text[F_QUERY_TEXT] = slice_of(text);
    statements_next(j->statements);
    if (j->spoken->detector->observe(j->self, &o, &ctx, &err) < 0 || drafts != 0) {
        (void)fprintf(stderr, "bench: %s: %s\n", j->spoken->name, drafts ? "an ordinary statement alerted" : err.msg);
        exit(1);
    }
}

static void write_text(const struct spoken *s, int value, char ret[static TEXT_MAX])
{
    size_t before = strcspn(s->text, "#");

    (void)snprintf(ret, TEXT_MAX, "%.*s%d%s", (int)before, s->text, value, s->text + before + 1); /* fits: the table above */
}

static double per_text(struct judge *j, struct counter *c, bool is_same)
{
    static char texts[ROUNDS][TEXT_MAX];

    for (int i = 0; i < ROUNDS; i++)
        write_text(j->spoken, is_same ? 7 : 1000 + i, texts[i]);
    counter_start(c);
    for (int i = 0; i < ROUNDS; i++)
        judge_text(j, texts[i], 20);
    return counter_stop(c) / ROUNDS;
}

static double first_text(const struct spoken *s, struct counter *c)
{
    struct error err = { 0 };
    struct judge j;
    char text[TEXT_MAX];
    double n;

    write_text(s, 7, text);
    if (!judge_open(&j, s, &err))
        exit(1);
    judge_text(&j, "x", 0); /* its own memory is made on first use */
    counter_start(c);
    judge_text(&j, text, 0);
    n = counter_stop(c);
    judge_close(&j);
    return n;
}

void bench_judge(void (*fn)(void *self, const char *name, double value, const char *unit), void *self)
{
    static char names[ARRAY_LEN(spoken)][3][48];
    struct counter c = counter_open();

    for (size_t i = 0; i < ARRAY_LEN(spoken); i++) {
        double first = first_text(&spoken[i], &c), fresh, again;
        struct error err = { 0 };
        struct judge j;
        char text[TEXT_MAX];

        write_text(&spoken[i], 7, text);
        if (!judge_open(&j, &spoken[i], &err))
            exit(1);
        judge_text(&j, text, 0);
        judge_text(&j, text, 5);
        fresh = per_text(&j, &c, false);
        again = per_text(&j, &c, true);
        judge_close(&j);
        const char *unit = c.fd >= 0 ? "instructions" : "ns of processor time";

        (void)snprintf(names[i][0], sizeof names[i][0], "judge.%s_first", spoken[i].name);
        (void)snprintf(names[i][1], sizeof names[i][1], "judge.%s_new_values", spoken[i].name);
        (void)snprintf(names[i][2], sizeof names[i][2], "judge.%s_again", spoken[i].name);
        fn(self, names[i][0], first, unit);
        fn(self, names[i][1], fresh, unit);
        fn(self, names[i][2], again, unit);
    }
    if (c.fd >= 0)
        (void)close(c.fd);
}
