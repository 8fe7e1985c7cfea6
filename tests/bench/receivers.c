/* receivers.c - see receivers.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/receivers.h"

#include "alert/alert.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/num.h"
#include "delivery/delivery.h"
#include "net/http.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"
#include "store/store.h"
#include "tests/kit/httpd.h"
#include "tests/kit/mockbroker.h"
#include "tests/kit/sink.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ALERTS 5000

extern const struct output_ops output_kafka, output_syslog, output_webhook, output_file;

static const struct way {
    const char *name;
    const struct output_ops *ops;
    const char *yaml;      /* {port}: the receiver's, {folder} */
    const char *sender;    /* shell: the receiver's own sender for FILE, a line each; NULL: there is none */
    const char *tool;
} ways[] = {
    { .name = "kafka", .ops = &output_kafka, .yaml = "brokers: ['127.0.0.1:{port}']\ntopic: alerts\nsecurity: plaintext\n",
      .sender = "kcat -P -q -b 127.0.0.1:{port} -t alerts -X acks=all -X enable.idempotence=true -l {folder}/lines", .tool = "kcat" },
    { .name = "syslog_tcp", .ops = &output_syslog, .yaml = "address: 127.0.0.1:{port}\ntransport: tcp\nmax_message: 64KB\n",
      .sender = "logger -n 127.0.0.1 -P {port} -T --octet-count --rfc5424 -S 65000 -f {folder}/lines", .tool = "logger" },
    { .name = "webhook_array", .ops = &output_webhook, .yaml = "url: 'http://127.0.0.1:{port}/'\nbatch: array\n",
      .sender = "cd {folder} && split -l 50 lines part- && for f in part-*; do printf 'url=http://127.0.0.1:{port}/\\n"
                "data-binary=@%s\\noutput=/dev/null\\nnext\\n' $f; done | sed '$d' >list && curl -s -K list", .tool = "curl" },
    { .name = "file", .ops = &output_file, .yaml = "path: '{folder}/alerts'\n" },
};

struct bench {
    char folder[200];
    struct store *store;
    struct services sv;
    struct mockbroker *brokers;
    struct sink *sink;
    struct httpd *httpd;
    int ports[ARRAY_LEN(ways)];
    void (*fn)(void *self, const char *name, double value, const char *unit);
    void *self;
};

struct output {
    struct delivery_output_config cfg;
    struct yaml_tree *tree;
    struct buf yaml;
};

static void must(bool ok, const char *what, const struct error *err)
{
    if (ok)
        return;
    (void)fprintf(stderr, "bench: receivers: %s: %s\n", what, err->msg);
    exit(1);
}

/* CLOCK_MONOTONIC, or CLOCK_PROCESS_CPUTIME_ID: worker, store and receiver together. */
static double clock_s(clockid_t which)
{
    struct timespec t;

    (void)clock_gettime(which, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fill_in(struct buf *out, const char *text, int port, const char *folder)
{
    for (const char *p = text; *p;) {
        if (strncmp(p, "{port}", 6) == 0) {
            buf_addf(out, "%d", port);
            p += 6;
        } else if (strncmp(p, "{folder}", 8) == 0) {
            buf_add_str(out, folder);
            p += 8;
        } else {
            buf_add_char(out, *p++);
        }
    }
}

static double now_s(void)
{
    return clock_s(CLOCK_MONOTONIC);
}

/* ---- receivers -------------------------------------------------------------------------------------- */

static void drop(void *self UNUSED, struct slice message UNUSED)
{
}

static void say_ok(void *self UNUSED, const struct httpd_request *rq UNUSED, struct httpd_reply *say)
{
    httpd_say(say, 200, "", "");
}

static void start_receivers(struct bench *b)
{
    static const char *const topics[] = { "alerts:1", NULL };
    struct error err = { 0 };
    const char *colon;
    int64_t port = 0;

    b->brokers = mockbroker_start(1, topics);
    must(b->brokers != NULL, "mock broker", &err);
    colon = strrchr(mockbroker_bootstrap(b->brokers), ':');
    must(colon && parse_i64(slice_of(colon + 1), 1, 65535, &port), "its port", &err);
    b->sink = sink_start(false, 0, drop, NULL);
    b->httpd = httpd_start(say_ok, NULL, NULL);
    b->ports[0] = (int)port;
    b->ports[1] = sink_port(b->sink);
    b->ports[2] = httpd_port(b->httpd);
}

/* ---- alerts ------------------------------------------------------------------------------------------ */

static struct alert *make_alert(int n)
{
    struct alert *a = NULL;
    struct error err = { 0 };
    char subject[32];
    int len = snprintf(subject, sizeof subject, "198.51.%d.%d", n / 250 % 250, n % 250);
    const struct slice address = slice_make(subject, (size_t)len);
    const struct fact_value facts[] = {
        { .name = "address", .kind = FACT_SET, .text = address },
        { .name = "userAgent", .kind = FACT_SET, .text = SL("azsdk-python-cosmos/4.7.0 Python/3.11.2 (Linux-6.1)") },
        { .name = "principal", .kind = FACT_SET, .text = SL("22222222-3333-4444-8555-666666666666") },
        { .name = "database", .kind = FACT_SET, .text = SL("orders") },
        { .name = "container", .kind = FACT_SET, .text = SL("customers") },
        { .name = "operations", .kind = FACT_MAP, .text = SL("Query"), .number = 198 },
        { .name = "statusCodes", .kind = FACT_MAP, .text = SL("200"), .number = 198 },
        { .name = "bytesOut", .kind = FACT_SUM, .number = 1000 + n },
    };

    must(alert_from_draft(&(struct alert_draft){
             .detector = "bad_address", .state_version = 1, .type = "CosmosDB_TorAnomaly", .severity = SEVERITY_HIGH,
             .confidence = 80, .api = API_NOSQL, .account = SL("contoso-orders"),
             .resource_id = SL("/subscriptions/11111111-2222-4333-8444-555555555555/resourcegroups/rg/providers/"
                               "microsoft.documentdb/databaseaccounts/contoso-orders"),
             .subject = address, .bucket_ns = NS_PER_DAY * (20000 + n / 60000), .first_ns = NS_PER_DAY * 20000 + n,
             .last_ns = NS_PER_DAY * 20000 + n * NS_PER_MIN, .count = n + 1, .facts = facts, .facts_len = ARRAY_LEN(facts) },
             &a, &err) == 0, "alert", &err);
    return a;
}

static void empty_folder(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    char file[500];

    while (d && (e = readdir(d)) != NULL) {
        (void)snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.')
            (void)unlink(file);
    }
    if (d)
        closedir(d);
}

/* A new store in which the output owes all alerts. */
static void fill_store(struct bench *b, const struct output *o)
{
    struct error err = { 0 };

    empty_folder(b->folder);
    must(store_open(&(struct store_config){ .dir = b->folder }, STORE_RUN, &b->store, &err) == 0 &&
             store_begin(b->store, &err) == 0, "store", &err);
    for (int i = 0; i < ALERTS; i++) {
        struct alert *a = make_alert(i);

        must(store_put_alert(b->store, a, &err) == 0, "alert", &err);
        must(store_add_delivery(b->store, o->cfg.name, a, &err) == 0, "delivery", &err);
        alert_free(a);
    }
    must(store_commit(b->store, &err) == 0, "commit", &err);
}

/* ---- outputs ----------------------------------------------------------------------------------------- */

static void make_output(struct bench *b, struct output *o, const char *name, size_t way, const char *format, int port)
{
    struct settings_errors errors = { 0 };
    const struct output_ops *ops = ways[way].ops;
    struct error err = { 0 };
    void *self = calloc(1, ops->size);

    *o = (struct output){ .cfg = { .name = name, .ops = ops, .self = self, .encoder = encoder_find(format) } };
    o->yaml = BUF_INIT(4000);
    fill_in(&o->yaml, ways[way].yaml, port, b->folder);
    if (!self || yaml_tree_parse(buf_slice(&o->yaml), "bench.yaml", &o->tree, &errors) < 0 ||
        settings_table_apply(ops->options, yaml_tree_root(o->tree), self, &errors) < 0) {
        (void)settings_errors_first(&errors, &err);
        must(false, ways[way].name, &err);
    }
    settings_errors_release(&errors);
}

static void free_output(struct output *o)
{
    settings_table_release(o->cfg.ops->options, o->cfg.self);
    free(o->cfg.self);
    yaml_tree_free(o->tree);
    buf_release(&o->yaml);
}

/* Alerts a second, and a second of processor time. */
static double run(struct bench *b, const struct output *o, double *ret_per_cpu_s)
{
    struct delivery *d = NULL;
    struct delivery_status st;
    struct error err = { 0 };
    double start, took, cpu;

    must(delivery_new(b->store, &b->sv, &o->cfg, 1, &d, &err) == 0, "delivery", &err);
    start = now_s();
    cpu = clock_s(CLOCK_PROCESS_CPUTIME_ID);
    must(delivery_start(d, &err) == 0, "start", &err);
    do {
        (void)usleep(20000); /* looking counts rows: seldom */
        (void)delivery_get_status(d, &st, 1);
    } while (st.accepted < ALERTS && st.parked == 0 && now_s() - start < 120);
    took = now_s() - start;
    *ret_per_cpu_s = ALERTS / (clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    if (st.accepted < ALERTS)
        (void)fprintf(stderr, "bench: %s as %s: %lld accepted, %lld parked: %s\n", st.name, st.format,
                      (long long)st.accepted, (long long)st.parked, st.reason);
    delivery_free(d);
    store_close(b->store);
    b->store = NULL;
    return st.accepted < ALERTS ? 0 : ALERTS / took;
}

static double measure(struct bench *b, size_t way, const char *format, double *ret_per_cpu_s)
{
    struct output o;
    double rate;

    make_output(b, &o, ways[way].name, way, format, b->ports[way]);
    fill_store(b, &o);
    rate = run(b, &o, ret_per_cpu_s);
    free_output(&o);
    return rate;
}

/* ---- the receiver's own sender ------------------------------------------------------------------------- */

static void write_lines(struct bench *b, const char *format)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);
    struct error err = { 0 };
    char path[300];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/lines", b->folder);
    f = fopen(path, "we");
    must(f != NULL, path, &err);
    for (int i = 0; i < ALERTS; i++) {
        struct alert *a = make_alert(i);

        buf_clear(&line);
        must(encoder_find(format)->encode(a, &line, &err) == 0, format, &err);
        (void)fprintf(f, "%s\n", buf_cstr(&line));
        alert_free(a);
    }
    fclose(f);
}

/* The same bytes; 0: not installed. */
static double own_sender(struct bench *b, size_t way, const char *format)
{
    CLEANUP(buf_release) struct buf command = BUF_INIT(4000);
    char probe[100];
    double start;
    int rc;

    (void)snprintf(probe, sizeof probe, "command -v %s >/dev/null", ways[way].tool);
    if (system(probe) != 0)
        return 0;
    write_lines(b, format);
    fill_in(&command, ways[way].sender, b->ports[way], b->folder);
    start = now_s();
    rc = system(buf_cstr(&command));
    return rc == 0 ? ALERTS / (now_s() - start) : 0;
}

/* ---- all ------------------------------------------------------------------------------------------------ */

static void tell(struct bench *b, const char *name, double value, const char *unit)
{
    static char names[128][64];
    static size_t n;

    if (n == ARRAY_LEN(names))
        return;
    (void)snprintf(names[n], sizeof names[n], "%s", name);
    b->fn(b->self, names[n++], value, unit);
}

void bench_receivers(const char *folder, void (*fn)(void *self, const char *name, double value, const char *unit), void *self)
{
    struct bench b = { .fn = fn, .self = self };
    double per_cpu_s;
    char name[64];

    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(b.folder, sizeof b.folder, "%s/bench-XXXXXX", folder);
    if (!mkdtemp(b.folder))
        return;
    log_set_fd(open("/dev/null", O_WRONLY | O_CLOEXEC));
    b.sv = (struct services){ .clock = &clock_system, .random = &random_system };
    b.sv.http = http_client_new(&(struct http_client_config){ .user_agent = "bench" }, &b.sv);
    start_receivers(&b);
    for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
        for (size_t i = 0; encoders_all[i]; i++) {
            (void)snprintf(name, sizeof name, "deliver.%s.%s", ways[way].name, encoders_all[i]->name);
            tell(&b, name, measure(&b, way, encoders_all[i]->name, &per_cpu_s), "alerts/s");
            (void)snprintf(name, sizeof name, "cpu.%s.%s", ways[way].name, encoders_all[i]->name);
            tell(&b, name, per_cpu_s, "alerts/s of one core");
        }
        if (!ways[way].sender)
            continue;
        (void)snprintf(name, sizeof name, "%s.%s.%s", ways[way].tool, ways[way].name, ways[way].ops->default_format);
        tell(&b, name, own_sender(&b, way, ways[way].ops->default_format), "alerts/s");
    }
    http_client_free(b.sv.http);
    httpd_stop(b.httpd);
    sink_stop(b.sink);
    mockbroker_stop(b.brokers);
    empty_folder(b.folder);
    (void)rmdir(b.folder);
}
