/* Every output against every fault, with the real delivery worker, a real store and a receiver on loopback.
 *
 * Whatever happens on the way: each alert ends accepted by the receiver or parked with a reason, nothing is lost, a
 * second copy comes only where the sender cannot know, trouble is said once and healing once, and nobody restarts
 * anything. One line in receiver_table.h makes a new output stand all of it. An output of outputs/all.c without a line
 * fails the test.
 *
 * Time is virtual: while the worker waits, the clock leaps.
 * SPDX-License-Identifier: Apache-2.0 */
#include "log_kit.h"
#include "receiver_table.h"
#include "store_kit.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/num.h"
#include "delivery/delivery.h"
#include "net/http.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"
#include "tests/kit/certs.h"
#include "tests/kit/fake_services.h"
#include "tests/kit/gate.h"
#include "tests/kit/httpd.h"
#include "tests/kit/mockbroker.h"
#include "tests/kit/sink.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define ALERTS_MAX 500
#define POISON 377          /* the n-th alert, which the receiver will not take */
#define PAGE ((size_t)5 << 20) /* more than any output reads */
#define HOUR_MS (60 * 60 * 1000)
#define RETRY_CAP_MS 300000 /* what delivery/ promises at most between two tries */

/* librdkafka is not built with the thread sanitizer, which does not see its atomic counters. */
const char *__tsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void)
{
    return "race:librdkafka\n";
}

/* ---- the faults ------------------------------------------------------------------------------------------ */

enum trouble { NO_TROUBLE, RETRIES, HOLDS };

/* How a transport has a fault: at the gate, in the receiver's answer, or by an order to the broker. */
struct how {
    bool can;                 /* false: this transport cannot have it */
    enum gate_mode gate;
    int status;               /* HTTP: answer this */
    const char *headers;
    size_t page;              /* HTTP: bytes of that answer */
    const char *order;        /* Kafka: see mockbroker.h */
    const char *undo;
    bool is_stranger;         /* Kafka: SASL says no */
    enum trouble trouble;
    const char *says;         /* in the reason */
    bool may_repeat;          /* the sender cannot know whether it arrived */
    int64_t not_before_ms;    /* asked for by the receiver */
};

struct fault {
    const char *name;
    struct how how[LINES + 1];
};

static const struct fault faults[] = {
    { "refused connection", {
        [HTTP] = { .can = true, .gate = GATE_REFUSE, .trouble = RETRIES, .says = "refused" },
        [KAFKA] = { .can = true, .gate = GATE_REFUSE, .trouble = RETRIES, .says = "refused" },
        [STREAM] = { .can = true, .gate = GATE_REFUSE, .trouble = RETRIES, .says = "refused" },
        [DATAGRAM] = { .can = true, .gate = GATE_REFUSE, .trouble = RETRIES, .says = "refused" },
        [LINES] = { .can = true, .gate = GATE_REFUSE, .trouble = HOLDS, .says = "No such file" } } },
    { "reset in the middle", {
        [HTTP] = { .can = true, .gate = GATE_RESET, .trouble = RETRIES, .says = "127.0.0.1" },
        [KAFKA] = { .can = true, .gate = GATE_RESET, .trouble = RETRIES, .says = "" },
        [STREAM] = { .can = true, .gate = GATE_RESET, .trouble = RETRIES, .says = "", .may_repeat = true } } },
    { "never an answer", {
        [HTTP] = { .can = true, .gate = GATE_SILENT, .trouble = RETRIES, .says = "answer" },
        [KAFKA] = { .can = true, .gate = GATE_SILENT, .trouble = RETRIES, .says = "" },
        [STREAM] = { .can = true, .gate = GATE_SILENT, .trouble = NO_TROUBLE, .may_repeat = true } } },
    { "half an answer", {
        [HTTP] = { .can = true, .gate = GATE_HALF, .trouble = RETRIES, .says = "127.0.0.1", .may_repeat = true },
        [KAFKA] = { .can = true, .gate = GATE_HALF, .trouble = RETRIES, .says = "", .may_repeat = true },
        [LINES] = { .can = true, .gate = GATE_HALF, .trouble = RETRIES, .says = "File too large", .may_repeat = true } } },
    { "a garbage answer", {
        [HTTP] = { .can = true, .gate = GATE_GARBAGE, .trouble = RETRIES, .says = "127.0.0.1" },
        [KAFKA] = { .can = true, .gate = GATE_GARBAGE, .trouble = RETRIES, .says = "" },
        [STREAM] = { .can = true, .gate = GATE_GARBAGE, .trouble = RETRIES, .says = "", .may_repeat = true } } },
    { "authentication lost and regained", {
        [HTTP] = { .can = true, .status = 401, .trouble = HOLDS, .says = "401" },
        [KAFKA] = { .can = true, .order = "err 0 29 1000", .undo = "forget 0", .is_stranger = true, .trouble = HOLDS,
                    .says = "uth" } } },
    { "permission lost and regained", {
        [HTTP] = { .can = true, .status = 403, .trouble = HOLDS, .says = "403" },
        [KAFKA] = { .can = true, .order = "err 0 29 1000", .undo = "forget 0", .trouble = HOLDS, .says = "uth" } } },
    { "429 with Retry-After", {
        [HTTP] = { .can = true, .status = 429, .headers = "Retry-After: 120\r\n", .trouble = RETRIES, .says = "429",
                   .not_before_ms = 120000 } } },
    { "503 with Retry-After", {
        [HTTP] = { .can = true, .status = 503, .headers = "Retry-After: 120\r\n", .trouble = RETRIES, .says = "503",
                   .not_before_ms = 120000 },
        [KAFKA] = { .can = true, .order = "err 0 19 1000", .undo = "forget 0", .trouble = RETRIES, .says = "" } } },
    { "an error page that has no end", {
        [HTTP] = { .can = true, .status = 403, .page = PAGE, .trouble = HOLDS, .says = "403" } } },
    { "a good answer that has no end", {
        [HTTP] = { .can = true, .status = 200, .page = PAGE, .trouble = RETRIES, .says = "larger than" } } },
};

/* ---- the scene ------------------------------------------------------------------------------------------- */

static struct {
    const struct receiver *receiver;
    const struct how *how;      /* the fault that is on, NULL: none */
    pthread_mutex_t lock;       /* of what the receivers' threads write: the rest of this part */
    int taken[ALERTS_MAX];      /* copies by alert */
    bool is_one_by_one, has_poison;
    int64_t last_refusal_ms, too_early; /* of the fault's answers: when the last was; tries before not_before_ms */
    int requests;
} scene;

static struct { char id[40]; int nth; } ids[ALERTS_MAX]; /* sorted by id */
static int ids_len;
static struct folder folder;
static struct store *store;
static struct fake_services world;
static struct httpd *httpd;
static struct gate *gate;
static struct mockbroker *brokers;
static struct sink *sink;
static int udp_port;
static struct delivery *delivery;
static const struct output_ops *ops;
static struct output_ops watched;            /* the same, and we see when it is called */
static atomic_int tries;                     /* calls of open and deliver */
static atomic_bool is_trying;
static atomic_int_fast64_t tried_ms, longest_gap_ms;
static void *self;
static struct yaml_tree *tree;
static struct settings_errors errors;
static char good_pem[128], bad_pem[128];

static const char *way(void)
{
    return scene.receiver->way ? scene.receiver->way : "";
}

static bool is_tls(void)
{
    return gate && good_pem[0] != '\0';
}

static int by_id(const void *a, const void *b)
{
    return memcmp(a, b, 36);
}

/* One document of the receiver: every alert in it arrived once, however often it is named. */
static void take(struct slice text)
{
    bool is_named[ALERTS_MAX] = { false };

    for (size_t i = 0; i + 36 <= text.len; i++) {
        __typeof__(&ids[0]) found;

        if (text.at[i + 8] != '-' || text.at[i + 13] != '-')
            continue;
        found = bsearch(text.at + i, ids, (size_t)ids_len, sizeof ids[0], by_id);
        if (found)
            is_named[found->nth] = true;
    }
    (void)pthread_mutex_lock(&scene.lock);
    for (int i = 0; i < ids_len; i++)
        scene.taken[i] += is_named[i];
    (void)pthread_mutex_unlock(&scene.lock);
}

static int count_taken(bool ret_again[1])
{
    int n = 0;

    *ret_again = false;
    (void)pthread_mutex_lock(&scene.lock);
    for (int i = 0; i < ids_len; i++) {
        n += scene.taken[i] > 0;
        *ret_again |= scene.taken[i] > 1;
    }
    (void)pthread_mutex_unlock(&scene.lock);
    return n;
}

static const char *id_of(int nth)
{
    for (int i = 0; i < ids_len; i++)
        if (ids[i].nth == nth)
            return ids[i].id;
    return "";
}

/* ---- the receiver over HTTP ------------------------------------------------------------------------------ */

static void note_refusal(const struct how *how)
{
    int64_t now = sv_mono_ms(&world.sv);

    if (scene.last_refusal_ms > 0 && now - scene.last_refusal_ms < how->not_before_ms)
        scene.too_early++;
    scene.last_refusal_ms = now;
}

/* Elasticsearch judges each document; the ids stand in the order of the documents, in "_id" first. */
static void answer_bulk(struct slice body, struct httpd_reply *say)
{
    CLEANUP(buf_release) struct buf answer = BUF_INIT(1 << 20);
    struct slice rest = body, line;
    bool is_document = false;

    buf_add_str(&answer, "{\"errors\":true,\"items\":[");
    for (; slice_split(&rest, '\n', &line) && line.len > 0; is_document = !is_document) {
        bool is_poison = slice_find(line, slice_of(id_of(POISON))) != SIZE_MAX;

        if (!is_document)
            continue;
        if (!is_poison)
            take(line);
        buf_addf(&answer, "%s{\"create\":%s}", answer.at[answer.len - 1] == '[' ? "" : ",",
                 is_poison ? "{\"status\":400,\"error\":{\"type\":\"document_parsing_exception\",\"reason\":\"no\"}}"
                           : "{\"status\":201}");
    }
    buf_add_str(&answer, "]}");
    httpd_say(say, 200, "Content-Type: application/json\r\n", buf_cstr(&answer));
}

static void say_fault(const struct how *how, struct httpd_reply *say)
{
    CLEANUP(buf_release) struct buf page = BUF_INIT(PAGE + 100);

    buf_add_str(&page, "{}");
    while (page.len < how->page)
        buf_add_str(&page, " and more of the same, and more of the same, and more of the same");
    httpd_say(say, how->status, how->headers ? how->headers : "", buf_cstr(&page));
}

static void answer_request(const struct httpd_request *rq, struct slice body, struct httpd_reply *say)
{
    const struct receiver *r = scene.receiver;
    const struct how *how = scene.how;
    bool is_poisoned = scene.has_poison && slice_find(body, slice_of(id_of(POISON))) != SIZE_MAX;

    if (how && how->status) {
        note_refusal(how);
        say_fault(how, say);
    } else if (strstr(rq->target, "/search/jql")) {
        httpd_say(say, 200, "", "{\"issues\":[]}");
    } else if (is_poisoned && strcmp(r->output, "elastic") == 0) {
        answer_bulk(body, say);
    } else if (is_poisoned) {
        httpd_say(say, r->no_status, "", r->no);
    } else {
        take(body);
        httpd_say(say, r->ok_status, "Content-Type: application/json\r\n", r->ok);
    }
}

static size_t count_ids(struct slice text)
{
    size_t n = 0;

    for (int i = 0; i < ids_len; i++)
        n += slice_find(text, slice_of(ids[i].id)) != SIZE_MAX;
    return n;
}

static void http_answer(void *unused UNUSED, const struct httpd_request *rq, struct httpd_reply *say)
{
    struct buf plain = BUF_INIT(1);
    char encoding[40];
    bool is_gzip = httpd_header(rq, "Content-Encoding", encoding, sizeof encoding) && strcmp(encoding, "gzip") == 0;
    struct slice body;

    if (strstr(rq->target, "/oauth2/")) {
        httpd_say(say, 200, "Content-Type: application/json\r\n", TOKEN);
        return;
    }
    if (is_gzip)
        httpd_gunzip(rq->body, &plain);
    body = is_gzip ? buf_slice(&plain) : rq->body;
    scene.requests++;
    if (scene.is_one_by_one && count_ids(body) > 1)
        httpd_say(say, 413, "", "one at a time");
    else
        answer_request(rq, body, say);
    buf_release(&plain);
}

/* ---- the other receivers --------------------------------------------------------------------------------- */

static void sink_message(void *unused UNUSED, struct slice message)
{
    take(message);
}

static void take_lines(void)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)256 << 20);
    struct slice rest, line;
    char path[200], chunk[65536];
    size_t n;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/alerts", folder.path);
    f = fopen(path, "r");
    while (f && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_add(&text, chunk, n);
    if (f)
        fclose(f);
    memset(scene.taken, 0, sizeof scene.taken);
    for (rest = buf_slice(&text); slice_split(&rest, '\n', &line);)
        if (line.len > 0 && line.at[line.len - 1] == '}') /* what was cut is no JSON */
            take(line);
}

static void take_messages(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    char why[300];
    rd_kafka_t *rk;

    memset(scene.taken, 0, sizeof scene.taken);
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", mockbroker_bootstrap(brokers), why, sizeof why);
    (void)rd_kafka_conf_set(conf, "group.id", "test", why, sizeof why);
    (void)rd_kafka_conf_set(conf, "enable.partition.eof", "true", why, sizeof why);
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    ck_assert_ptr_nonnull(rk);
    rd_kafka_topic_partition_list_add(list, "alerts", 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    ck_assert_int_eq(rd_kafka_assign(rk, list), 0);
    for (bool is_end = false; !is_end;) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 60000);

        ck_assert_ptr_nonnull(m);
        is_end = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (!m->err)
            take(slice_make(m->payload, m->len));
        rd_kafka_message_destroy(m);
    }
    rd_kafka_topic_partition_list_destroy(list);
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

/* What is read back rather than told. */
static void read_back(void)
{
    if (scene.receiver->over == LINES)
        take_lines();
    if (scene.receiver->over == KAFKA)
        take_messages();
}

/* ---- faults on and off ------------------------------------------------------------------------------------ */

static void set_file_fault(bool is_on, enum gate_mode mode)
{
    static const struct rlimit none = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
    struct rlimit limit = { .rlim_cur = ((rlim_t)64 << 20) + 700, .rlim_max = RLIM_INFINITY };
    char path[200], away[200];

    (void)snprintf(path, sizeof path, "%s/alerts", folder.path);
    (void)snprintf(away, sizeof away, "%s/gone/alerts", folder.path);
    if (mode == GATE_HALF && is_on) { /* the disk takes 700 bytes more; the store's files are much smaller */
        FILE *f = fopen(path, "w");

        ck_assert(f && ftruncate(fileno(f), ((off_t)64 << 20) - 1) == 0 && fseek(f, 0, SEEK_END) == 0 && fputc('\n', f) == '\n');
        fclose(f);
        (void)signal(SIGXFSZ, SIG_IGN);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    } else if (mode == GATE_HALF) {
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    } else if (is_on) { /* into a folder that is not there */
        ck_assert_int_eq(symlink(away, path), 0);
    } else {
        ck_assert_int_eq(unlink(path), 0);
    }
}

static void set_fault(const struct how *how, bool is_on)
{
    enum transport over = scene.receiver->over;
    bool is_hub = strcmp(scene.receiver->output, "event_hubs") == 0;

    scene.how = is_on ? how : NULL;
    if (over == LINES) {
        set_file_fault(is_on, how->gate);
    } else if (over == DATAGRAM && is_on) {
        sink_stop(sink);
        sink = NULL;
    } else if (over == DATAGRAM) {
        sink = sink_start(true, udp_port, sink_message, NULL);
    } else if (how->is_stranger && is_hub) {
        gate_set_known(gate, !is_on);
    } else if (how->order) {
        ck_assert_int_eq(mockbroker_obey(brokers, is_on ? how->order : how->undo), 0);
    } else if (how->gate != GATE_PASS) {
        gate_set(gate, is_on ? how->gate : GATE_PASS);
    }
}

/* ---- setting up ------------------------------------------------------------------------------------------- */

static void fill_in(struct buf *out, const char *options)
{
    char address[40], url[60], tls[200] = "";

    (void)snprintf(address, sizeof address, "127.0.0.1:%d", gate ? gate_port(gate) : udp_port);
    (void)snprintf(url, sizeof url, "%s://%s", is_tls() ? "https" : "http", address);
    if (is_tls())
        (void)snprintf(tls, sizeof tls, "tls: { ca: '%s' }\n", good_pem);
    (void)setenv("TEST_SECRET", "s3cret-value", 1);
    (void)setenv("TEST_URL", url, 1);
    (void)setenv("TEST_HUB", is_tls() ? "Endpoint=sb://127.0.0.1/;SharedAccessKeyName=n;SharedAccessKey=k;EntityPath=alerts"
                                      : "Endpoint=sb://127.0.0.1/;SharedAccessKeyName=n;SharedAccessKey=k;"
                                        "UseDevelopmentEmulator=true;EntityPath=alerts", 1);
    const struct option_place places[] = {
        { "{url}", url }, { "{address}", address }, { "{tls}", tls }, { "{folder}", folder.path },
        { "{login}", httpd ? httpd_url(httpd) : "" }, { "{security}", is_tls() ? "tls" : "plaintext" },
    };

    fill_places(out, options, places, ARRAY_LEN(places));
}

static const struct output_ops *find_output(const char *type)
{
    for (size_t i = 0; outputs_all[i]; i++)
        if (strcmp(outputs_all[i]->name, type) == 0)
            return outputs_all[i];
    ck_abort_msg("there is no output '%s'", type);
    return NULL;
}

static void start_receiver(bool with_tls)
{
    static const char *const topics[] = { "alerts:1", NULL };
    const struct receiver *r = scene.receiver;
    struct gate_config cfg = { .pem_file = with_tls ? good_pem : NULL, .is_kafka = r->over == KAFKA,
                               .is_sasl = strcmp(r->output, "event_hubs") == 0 };
    const char *colon;
    int64_t port = 0;

    if (r->over == HTTP) {
        httpd = httpd_start(http_answer, NULL, NULL);
        cfg.port = httpd_port(httpd);
    } else if (r->over == KAFKA) {
        brokers = mockbroker_start(1, topics);
        ck_assert_ptr_nonnull(brokers);
        colon = strrchr(mockbroker_bootstrap(brokers), ':');
        ck_assert(colon && parse_i64(slice_of(colon + 1), 1, 65535, &port));
        cfg.port = (int)port;
    } else if (r->over == STREAM || r->over == DATAGRAM) {
        sink = sink_start(r->over == DATAGRAM, 0, sink_message, NULL);
        cfg.port = udp_port = sink_port(sink);
    }
    if (r->over != LINES && r->over != DATAGRAM)
        gate = gate_start(&cfg);
}

static void make_output(void)
{
    CLEANUP(buf_release) struct buf yaml = BUF_INIT(4000);
    struct error err = { 0 };

    ops = find_output(scene.receiver->output);
    self = calloc(1, ops->size);
    ck_assert_ptr_nonnull(self);
    fill_in(&yaml, scene.receiver->options);
    if (yaml_tree_parse(buf_slice(&yaml), "test.yaml", &tree, &errors) < 0 ||
        settings_table_apply(ops->options, yaml_tree_root(tree), self, &errors) < 0) {
        (void)settings_errors_first(&errors, &err);
        ck_abort_msg("%s: %s", buf_cstr(&yaml), err.msg);
    }
}

static void set_up_scene(const struct receiver *r, bool with_tls)
{
    memset(&scene, 0, sizeof scene);
    scene.receiver = r;
    (void)pthread_mutex_init(&scene.lock, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    folder = folder_new();
    log_to(folder.path);
    good_pem[0] = '\0';
    if (with_tls) {
        (void)snprintf(good_pem, sizeof good_pem, "%s/good.pem", folder.path);
        (void)snprintf(bad_pem, sizeof bad_pem, "%s/bad.pem", folder.path);
        cert_make(good_pem, &(struct cert_wish){ .cn = "127.0.0.1", .alt_names = "IP:127.0.0.1" });
        cert_make(bad_pem, &(struct cert_wish){ .cn = "127.0.0.1", .alt_names = "IP:127.0.0.1" });
    }
    store = store_at(folder.path, STORE_RUN);
    fake_services_init(&world, false);
    fake_services_add_http(&world);
    start_receiver(with_tls);
    make_output();
}

static void tear_down_scene(void)
{
    if (world.sv.http)
        http_client_cancel(world.sv.http);
    delivery_free(delivery);
    delivery = NULL;
    settings_table_release(ops->options, self);
    free(self);
    yaml_tree_free(tree);
    settings_errors_release(&errors);
    gate_stop(gate);
    httpd_stop(httpd);
    mockbroker_stop(brokers);
    sink_stop(sink);
    gate = NULL;
    httpd = NULL;
    brokers = NULL;
    sink = NULL;
    fake_services_release(&world);
    store_close(store);
    folder_remove(&folder);
}

/* ---- alerts on their way --------------------------------------------------------------------------------- */

static const struct encoder *format;
static size_t oversize; /* bytes that the last alert is made to have; 0: none */

/* The output's own format; the last alert is too large when that is wanted. */
static int encode(const struct alert *a, struct buf *out, struct error *err)
{
    if (format->encode(a, out, err) < 0)
        return -1;
    while (oversize > 0 && a->count == ids_len && out->len < oversize && !out->failed)
        buf_addf(out, "%*s", 1000, "x");
    return buf_check(out, err);
}

static void put_alerts(int n)
{
    OK(store_begin(store, err));
    for (int i = 0; i < n; i++) {
        struct alert *a = alert_nth(i);

        (void)snprintf(ids[i].id, sizeof ids[i].id, "%s", a->id);
        ids[i].nth = i;
        OK(store_put_alert(store, a, err));
        OK(store_add_delivery(store, "soc", a, err));
        alert_free(a);
    }
    OK(store_commit(store, err));
    ids_len = n;
    qsort(ids, (size_t)n, sizeof ids[0], by_id);
}

static void note_try(void)
{
    int64_t now = sv_mono_ms(&world.sv), before = atomic_exchange(&tried_ms, now);

    if (before > 0 && now - before > atomic_load(&longest_gap_ms))
        atomic_store(&longest_gap_ms, now - before);
    (void)atomic_fetch_add(&tries, 1);
}

static int watched_deliver(void *output, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                           struct error *err)
{
    int rc;

    atomic_store(&is_trying, true);
    note_try();
    rc = ops->deliver(output, items, n, ret_each, err);
    atomic_store(&is_trying, false);
    return rc;
}

static int watched_open(void *output, const char *name, const struct services *sv, struct error *err)
{
    int rc = ops->open(output, name, sv, err);

    if (rc < 0)
        note_try();
    return rc;
}

static void start_delivery(void)
{
    static struct encoder encoder;
    const char *fixed = ops->fixed_format ? ops->fixed_format(self) : NULL;
    const struct delivery_output_config cfg = { .name = "soc", .ops = &watched, .self = self, .encoder = &encoder };

    format = encoder_find(fixed ? fixed : ops->default_format);
    ck_assert_ptr_nonnull(format);
    encoder = *format;
    encoder.encode = encode;
    watched = *ops;
    watched.open = watched_open;
    watched.deliver = watched_deliver;
    OK(delivery_new(store, &world.sv, &cfg, 1, &delivery, err));
    OK(delivery_start(delivery, err));
}

static struct delivery_status status(void)
{
    struct delivery_status s;

    ck_assert_uint_eq(delivery_get_status(delivery, &s, 1), 1);
    return s;
}

static uint64_t looks_before_leap;

static void leap(int64_t ms)
{
    fake_services_pass(&world, ms);
    looks_before_leap = atomic_load(&world.looks);
    delivery_wake(delivery);
}

/* On a busy machine the worker may sleep through several leaps, and would be late by them. */
static bool is_leap_noticed(void)
{
    return atomic_load(&world.looks) != looks_before_leap;
}

/* Let the worker get on: while it waits, time passes; a request that nobody answers runs out of time. One that is only
 * slow, on a busy machine, does not: it arrived, and would arrive twice. A syslog connection has its own sense of
 * "lately" and is left to the real clock. */
static void go_on(int64_t leap_ms)
{
    static int hangs;
    enum { HANGS_MS = 300 };
    bool is_unanswered = scene.how && scene.how->gate == GATE_SILENT && scene.receiver->over == HTTP;
    struct delivery_status s;

    (void)usleep(1000);
    hangs = is_unanswered && atomic_load(&is_trying) ? hangs + 1 : 0;
    if (hangs > HANGS_MS) {
        hangs = 0;
        leap(61000);
        return;
    }
    s = status();
    if (!atomic_load(&is_trying) && (s.state == DELIVERY_WAITING || s.state == DELIVERY_HELD) && is_leap_noticed())
        leap(leap_ms);
}

#define UNTIL(condition, leap_ms, what)                                                                   \
    do {                                                                                                  \
        int until_round_ = 0;                                                                             \
        while (!(condition)) {                                                                            \
            ck_assert_msg(until_round_++ < 60000, "%s over %s %s: never: %s (%s)", what, scene.receiver->output,    \
                          way(), #condition, status().reason);                              \
            go_on(leap_ms);                                                                                \
        }                                                                                                 \
    } while (0)

static bool has_all(int n)
{
    bool has_again;

    return count_taken(&has_again) == n;
}

/* Nothing lost, nothing parked that was not to be, no copy where none is allowed. */
static void check_arrived(const char *what, int taken, int parked, bool may_repeat)
{
    struct output_counts c = { 0 };
    bool has_again = false;
    int n;

    UNTIL(status().pending == 0, 30000, what);
    if (scene.receiver->over == STREAM || scene.receiver->over == DATAGRAM)
        UNTIL(has_all(taken), 0, what);
    read_back();
    n = count_taken(&has_again);
    OK(store_count_output(store, "soc", &c, err));
    ck_assert_msg(n == taken, "%s over %s %s: %d of %d arrived", what, scene.receiver->output, way(), n, taken);
    ck_assert_msg(c.accepted == taken && c.parked == parked, "%s over %s %s: %d accepted, %d parked", what,
                  scene.receiver->output, way(), (int)c.accepted, (int)c.parked);
    ck_assert_msg(may_repeat || !has_again, "%s over %s %s: a second copy", what, scene.receiver->output,
                  way());
}

static void check_said_once(const char *what, enum trouble trouble)
{
    int said = lines_with("delivery interrupted") + lines_with("delivery on hold");

    if (trouble == NO_TROUBLE)
        return;
    UNTIL(lines_with("delivery works again") >= 1, 0, what);
    ck_assert_msg(said == 1 && lines_with("delivery works again") == 1, "%s over %s %s: broken is said %d times", what,
                  scene.receiver->output, way(), said);
}

/* ---- tests ------------------------------------------------------------------------------------------------ */

/* Most of the time is waiting for time-outs: the cases are spread over processes of their own. */
enum { PARTS = 8 };
static int part;

START_TEST(every_output_type_has_a_line)
{
    for (size_t i = 0; outputs_all[i] && part == 0; i++) {
        size_t r = 0;

        while (r < ARRAY_LEN(receivers) && strcmp(receivers[r].output, outputs_all[i]->name) != 0)
            r++;
        ck_assert_msg(r < ARRAY_LEN(receivers), "the output '%s' has no line in `receivers` (tests/unit/receiver_table.h), "
                      "so nobody knows what it does when its receiver fails: add one", outputs_all[i]->name);
    }
}
END_TEST

static const struct receiver *nth_receiver(int i)
{
    return &receivers[(size_t)i % ARRAY_LEN(receivers)];
}

static bool needs_tls(const struct receiver *r)
{
    return r->way && strcmp(r->way, "tls") == 0;
}

/* COSMOWATCH_OUTPUT=kafka: that one alone, while it is being written. */
static bool is_wanted(int i)
{
    const char *only = getenv("COSMOWATCH_OUTPUT");

    return (i / (int)ARRAY_LEN(receivers) + i) % PARTS == part && (!only || strcmp(only, nth_receiver(i)->output) == 0);
}

START_TEST(an_alert_outlives_the_fault)
{
    const struct fault *fault = &faults[(size_t)_i / ARRAY_LEN(receivers)];
    const struct receiver *r = nth_receiver(_i);
    const struct how *how = &fault->how[r->over];
    const int enough = r->over == KAFKA ? 2 : 4; /* there each lasts seconds */
    struct delivery_status seen = { 0 };

    if (!how->can || !is_wanted(_i))
        return;
    set_up_scene(r, needs_tls(r));
    put_alerts(3);
    set_fault(how, true);
    start_delivery();
    if (how->trouble == NO_TROUBLE) {
        UNTIL(status().pending == 0, 0, fault->name);
    } else {
        UNTIL(atomic_load(&tries) >= enough && (seen = status()).reason[0], 30000, fault->name);
        ck_assert_msg(strstr(seen.reason, how->says), "%s over %s %s: the reason is '%s'", fault->name, r->output, way(),
                      seen.reason);
        ck_assert_msg((seen.state == DELIVERY_HELD) == (how->trouble == HOLDS), "%s over %s %s: state %d (%s)", fault->name,
                      r->output, way(), (int)seen.state, seen.reason);
    }
    set_fault(how, false);
    check_arrived(fault->name, 3, 0, how->may_repeat);
    check_said_once(fault->name, how->trouble);
    ck_assert_msg(scene.too_early == 0, "%s over %s: asked again too early", fault->name, r->output);
    tear_down_scene();
}
END_TEST

START_TEST(a_wrong_certificate_stops_until_it_is_right)
{
    const struct receiver *r = nth_receiver(_i);
    struct delivery_status seen = { 0 };

    if (!strstr(r->options, "{tls}") || !is_wanted(_i))
        return;
    set_up_scene(r, true);
    gate_set_certificate(gate, bad_pem);
    put_alerts(3);
    start_delivery();
    UNTIL(atomic_load(&tries) >= 2 && (seen = status()).reason[0], 30000, "wrong certificate");
    ck_assert_msg(strcasestr(seen.reason, "certificate"), "%s: %s", r->output, seen.reason);
    ck_assert_int_eq((int)status().accepted, 0);
    gate_set_certificate(gate, good_pem);
    check_arrived("wrong certificate", 3, 0, false);
    check_said_once("wrong certificate", RETRIES);
    tear_down_scene();
}
END_TEST

static int keep_parked(void *at, const struct delivery_row *row, struct error *err UNUSED)
{
    struct buf *b = at;

    buf_addf(b, "%d: %s\n", (int)row->alert->count, row->reason);
    return 0;
}

static void only_parked(const char *output, int count, const char *reason)
{
    CLEANUP(buf_release) struct buf parked = BUF_INIT(10000);
    char wanted[20];

    OK(store_each_parked(store, "soc", keep_parked, &parked, err));
    (void)snprintf(wanted, sizeof wanted, "%d: ", count);
    ck_assert_msg(parked.at && strstr(parked.at, wanted) == parked.at && strcasestr(parked.at, reason), "%s parked %s", output,
                  buf_cstr(&parked));
    ck_assert_int_eq(lines_with("alert parked"), 1);
}

START_TEST(one_poisonous_alert_of_500_is_parked_and_the_others_arrive)
{
    const struct receiver *r = nth_receiver(_i);
    char status_text[20];

    if (r->over != HTTP || !is_wanted(_i)) /* only over HTTP a receiver names the one alert it will not take */
        return;
    set_up_scene(r, false);
    put_alerts(500);
    scene.has_poison = true;
    start_delivery();
    check_arrived("poison", 499, 1, false);
    (void)snprintf(status_text, sizeof status_text, "%d", r->no_status);
    only_parked(r->output, POISON + 1, status_text);
    tear_down_scene();
}
END_TEST

START_TEST(an_alert_that_is_too_large_is_parked_and_the_others_arrive)
{
    const struct receiver *r = nth_receiver(_i);
    size_t limit;

    if (!is_wanted(_i))
        return;
    set_up_scene(r, needs_tls(r));
    limit = r->limit ? r->limit : ops->batch_bytes_max;
    oversize = limit == 0 || limit > 1 << 20 ? (1 << 20) + 1 : limit + 1;
    put_alerts(20);
    start_delivery();
    check_arrived("oversize", 19, 1, false);
    only_parked(r->output, 20, "l"); /* larger, limit, too long: each in its own words */
    tear_down_scene();
}
END_TEST

START_TEST(a_receiver_that_takes_less_at_once_gets_less_at_once)
{
    const struct receiver *r = nth_receiver(_i);

    if (r->over != HTTP || !is_wanted(_i))
        return;
    set_up_scene(r, false);
    scene.is_one_by_one = true;
    put_alerts(20);
    start_delivery();
    check_arrived("413", 20, 0, false);
    tear_down_scene();
}
END_TEST

/* A week without receiver: tried on, at most five minutes apart, nothing given up, and little said. */
START_TEST(a_week_without_receiver_loses_nothing)
{
    const struct receiver *r = nth_receiver(_i);
    const struct how *how = &faults[0].how[r->over];
    int64_t cap = how->trouble == HOLDS ? 3 * RETRY_CAP_MS : RETRY_CAP_MS;
    int first_day = r->over == KAFKA ? 2 : 12, leaps = r->over == KAFKA ? 3 : 28, said;

    if (!is_wanted(_i))
        return;
    set_up_scene(r, needs_tls(r));
    put_alerts(3);
    set_fault(how, true);
    start_delivery();
    UNTIL(atomic_load(&tries) >= first_day, cap / 10, "week");
    ck_assert_msg(atomic_load(&longest_gap_ms) < cap * 3 / 2, "%s: no try for %d s", r->output,
                  (int)(atomic_load(&longest_gap_ms) / 1000));
    for (int i = 0; i < leaps; i++) {
        int before = atomic_load(&tries);

        leap((int64_t)7 * 24 * HOUR_MS / leaps);
        UNTIL(atomic_load(&tries) > before, 1000, "week");
        ck_assert_int_eq((int)status().pending, 3);
    }
    said = lines_with("delivery");
    ck_assert_msg(said <= 40, "%s: %d lines about one broken receiver", r->output, said);
    set_fault(how, false);
    check_arrived("a week", 3, 0, false);
    check_said_once("a week", how->trouble);
    tear_down_scene();
}
END_TEST

static int run_part(void)
{
    const int all = (int)ARRAY_LEN(receivers);
    Suite *s = suite_create("every output");
    TCase *t = tcase_create("every output");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_set_timeout(t, 240);
    tcase_add_test(t, every_output_type_has_a_line);
    tcase_add_loop_test(t, an_alert_outlives_the_fault, 0, all * (int)ARRAY_LEN(faults));
    tcase_add_loop_test(t, a_wrong_certificate_stops_until_it_is_right, 0, all);
    tcase_add_loop_test(t, one_poisonous_alert_of_500_is_parked_and_the_others_arrive, 0, all);
    tcase_add_loop_test(t, an_alert_that_is_too_large_is_parked_and_the_others_arrive, 0, all);
    tcase_add_loop_test(t, a_receiver_that_takes_less_at_once_gets_less_at_once, 0, all);
    tcase_add_loop_test(t, a_week_without_receiver_loses_nothing, 0, all);
    suite_add_tcase(s, t);
    srunner_run_all(r, part == 0 ? CK_NORMAL : CK_MINIMAL);
    failed = srunner_ntests_failed(r);
    if (part > 0 && failed > 0)
        srunner_print(r, CK_NORMAL);
    srunner_free(r);
    return failed != 0;
}

int main(void)
{
    pid_t children[PARTS];
    int failed = 0;

    for (part = 0; part < PARTS; part++) {
        children[part] = fork();
        if (children[part] == 0)
            return run_part();
    }
    for (int i = 0; i < PARTS; i++) {
        int code = 1;

        failed |= children[i] < 0 || waitpid(children[i], &code, 0) != children[i] || code != 0;
    }
    return failed;
}
