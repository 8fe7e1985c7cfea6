/* Memory refused to the delivery of alerts: every kind of output, with the real worker, a real store and a
 * receiver on loopback. Whatever request is refused, once there is memory again the worker goes on by itself:
 * each alert is accepted, none is parked, and what is called accepted has arrived. See torture_kit.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "torture_kit.h"

#include "receiver_table.h"
#include "store_kit.h"

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
#include "tests/kit/outsider.h"
#include "tests/kit/sink.h"

#include <librdkafka/rdkafka.h>
#include <poll.h>

#define ALERTS 3
#define PATIENCE_ROUNDS 20000 /* of half a millisecond */
#define REFUSING_ROUNDS 600   /* then there is memory again, whether it was noticed or not */

/* With the receiver, which lives in a process of its own. */
static struct outside {
    int port, http_port;
    char bootstrap[100], ids[ALERTS][40];
    _Atomic int taken[ALERTS];
} * outside;

static const struct receiver *receiver;
static struct folder folder;
static char pem[120];

/* ---- the receiver's process
 * ------------------------------------------------------------------------------------------- */

static void take(struct slice text)
{
    for (int i = 0; i < ALERTS; i++)
        if (slice_find(text, slice_of(outside->ids[i])) != SIZE_MAX)
            outside->taken[i]++;
}

static void answer(void *unused UNUSED, const struct httpd_request *rq, struct httpd_reply *say)
{
    struct buf plain = BUF_INIT(1);
    char encoding[40];
    bool is_gzip =
        httpd_header(rq, "Content-Encoding", encoding, sizeof encoding) && strcmp(encoding, "gzip") == 0;

    if (strstr(rq->target, "/oauth2/")) {
        httpd_say(say, 200, "Content-Type: application/json\r\n", TOKEN);
        return;
    }
    if (strstr(rq->target, "/search/jql")) {
        httpd_say(say, 200, "", "{\"issues\":[]}");
        return;
    }
    if (is_gzip)
        httpd_gunzip(rq->body, &plain);
    take(is_gzip ? buf_slice(&plain) : rq->body);
    buf_release(&plain);
    httpd_say(say, receiver->ok_status, "Content-Type: application/json\r\n", receiver->ok);
}

static void take_message(void *unused UNUSED, struct slice message)
{
    take(message);
}

static bool is_tls(void)
{
    return receiver->way && strcmp(receiver->way, "tls") == 0;
}

/* Never returns. */
static void receive(const void *unused UNUSED, int ready)
{
    static const char *const topics[] = { "alerts:1", NULL };
    struct gate_config cfg = { .pem_file = is_tls() ? pem : NULL,
                               .is_kafka = receiver->over == KAFKA,
                               .is_sasl = strcmp(receiver->output, "event_hubs") == 0 };
    struct httpd *h = httpd_start(answer, NULL, NULL);
    int64_t port = 0;

    outside->http_port = cfg.port = httpd_port(h);
    if (receiver->over == KAFKA) {
        const char *at = mockbroker_bootstrap(mockbroker_start(1, topics));

        (void)snprintf(outside->bootstrap, sizeof outside->bootstrap, "%s", at);
        SCENE_NEEDS(parse_i64(slice_of(strrchr(at, ':') + 1), 1, 65535, &port));
        cfg.port = (int)port;
    } else if (receiver->over == STREAM || receiver->over == DATAGRAM) {
        cfg.port = sink_port(sink_start(receiver->over == DATAGRAM, 0, take_message, NULL));
    }
    outside->port = receiver->over == DATAGRAM ? cfg.port : gate_port(gate_start(&cfg));
    SCENE_NEEDS(write(ready, "x", 1) == 1);
    for (;;)
        (void)pause();
}

/* ---- one delivery
 * ----------------------------------------------------------------------------------------------------- */

static struct fake_services world;

/* Syslog over TCP listens for half a second whether the receiver refuses a fresh connection: what these
 * scenes would spend their time with. Where nothing is heard it passes on their clock instead. */
#define LISTEN_REALLY_MS 40

CALL_EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    static int (*_Atomic real)(struct pollfd *, nfds_t, int);
    int (*next)(struct pollfd *, nfds_t, int) = real;
    bool is_long = receiver && receiver->over == STREAM && n == 1 && timeout_ms > LISTEN_REALLY_MS;
    int rc;

    if (!next)
        real = next = (int (*)(struct pollfd *, nfds_t, int))memory_next("poll");
    rc = next(fds, n, is_long ? LISTEN_REALLY_MS : timeout_ms);
    if (rc == 0 && is_long)
        fake_services_pass(&world, timeout_ms - LISTEN_REALLY_MS);
    return rc;
}
static struct store *store;
static int64_t high_before;

static void start(void)
{
    outside = mmap(NULL, sizeof *outside, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(outside, MAP_FAILED);
    folder = folder_in_memory();
    log_set_fd(-1);
    (void)snprintf(pem, sizeof pem, "%s.pem", folder.path);
    cert_make(pem, &(struct cert_wish) { .cn = "127.0.0.1", .alt_names = "IP:127.0.0.1" });
    for (int i = 0; i < ALERTS; i++) {
        struct alert *a = alert_nth(i);

        (void)snprintf(outside->ids[i], sizeof outside->ids[0], "%s", a->id);
        alert_free(a);
    }
}

static void stop(void)
{
    folder_remove(&folder);
    (void)unlink(pem);
}

/* So many messages are in the topic. */
static int64_t kafka_high(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int64_t low = 0, high = -1;
    char why[300];
    rd_kafka_t *rk;

    SCENE_NEEDS(rd_kafka_conf_set(conf, "bootstrap.servers", outside->bootstrap, why, sizeof why) ==
                RD_KAFKA_CONF_OK);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    SCENE_NEEDS(rk && rd_kafka_query_watermark_offsets(rk, "alerts", 0, &low, &high, 20000) == 0);
    rd_kafka_destroy(rk);
    return high;
}

static void put_alerts(void)
{
    struct error err = { 0 };

    SCENE_NEEDS(store_open(&(struct store_config) { .dir = folder.path }, STORE_RUN, &store, &err) == 0);
    SCENE_NEEDS(store_begin(store, &err) == 0);
    for (int i = 0; i < ALERTS; i++) {
        struct alert *a = alert_nth(i);

        SCENE_NEEDS(store_put_alert(store, a, &err) == 0 && store_add_delivery(store, "soc", a, &err) == 0);
        alert_free(a);
    }
    SCENE_NEEDS(store_commit(store, &err) == 0);
}

static void before(void)
{
    folder_empty(folder.path);
    put_alerts();
    fake_services_init(&world, true);
    for (int i = 0; i < ALERTS; i++)
        outside->taken[i] = 0;
    high_before = receiver->over == KAFKA ? kafka_high() : 0;
}

static void after(const struct buf *said UNUSED)
{
    store_close(store);
}

/* Once for a scene: what is read of the environment is kept elsewhere. */
static void say_secrets(void)
{
    char url[60];

    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d", outside->port);
    (void)setenv("TEST_SECRET", "s3cret-value", 1);
    (void)setenv("TEST_URL", url, 1);
    (void)setenv(
        "TEST_HUB",
        "Endpoint=sb://127.0.0.1/;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true;"
        "EntityPath=alerts",
        1);
}

static void fill_in(struct buf *out, const char *options)
{
    char address[40], url[60], login[60], tls[200] = "";

    (void)snprintf(address, sizeof address, "127.0.0.1:%d", outside->port);
    (void)snprintf(url, sizeof url, "http://%s", address);
    (void)snprintf(login, sizeof login, "http://127.0.0.1:%d", outside->http_port);
    if (is_tls())
        (void)snprintf(tls, sizeof tls, "tls: { ca: '%s' }\n", pem);
    const struct option_place places[] = {
        { "{url}", url },     { "{address}", address },      { "{tls}", tls }, { "{folder}", folder.path },
        { "{login}", login }, { "{security}", is_tls() ? "tls" : "plaintext" },
    };

    fill_places(out, options, places, ARRAY_LEN(places));
}

static const struct output_ops *find_output(const char *type)
{
    size_t i = 0;

    while (outputs_all[i] && strcmp(outputs_all[i]->name, type) != 0)
        i++;
    return outputs_all[i];
}

struct setting {
    const struct output_ops *ops;
    void *self;
    struct yaml_tree *tree;
    struct settings_errors errors;
};

static int read_options(struct setting *s, struct error *err)
{
    struct buf yaml = BUF_HERE(4000);

    s->ops = find_output(receiver->output);
    SCENE_NEEDS(s->ops != NULL);
    s->self = calloc(1, s->ops->size);
    if (!s->self)
        return error_set(err, ERR_NOMEM, "options");
    fill_in(&yaml, receiver->options);
    if (yaml_tree_parse(buf_slice(&yaml), "test.yaml", &s->tree, &s->errors) < 0 ||
        settings_table_apply(s->ops->options, yaml_tree_root(s->tree), s->self, &s->errors) < 0)
        return settings_errors_first(&s->errors, err);
    return 0;
}

static void release_options(struct setting *s)
{
    if (s->self)
        settings_table_release(s->ops->options, s->self);
    free(s->self);
    yaml_tree_free(s->tree);
    settings_errors_release(&s->errors);
}

static struct delivery_status status(struct delivery *d)
{
    struct delivery_status s = { 0 };

    memory_is_excused = true; /* the test's own look */
    (void)delivery_get_status(d, &s, 1);
    memory_is_excused = false;
    return s;
}

static const struct output_ops *real_ops;
static _Atomic bool is_trying;

/* A call that is under way must not run out of time by our leaps. */
static int watched_deliver(void *output, const struct output_item *items, size_t n,
                           struct delivery_result *ret_each, struct error *err)
{
    int rc;

    is_trying = true;
    rc = real_ops->deliver(output, items, n, ret_each, err);
    is_trying = false;
    return rc;
}

/* Until all is accepted. Memory comes back once the refusal was noticed; then time leaps over the waits. */
static bool wait_until_accepted(struct delivery *d)
{
    bool is_refusing = true;

    for (int round = 0; round < PATIENCE_ROUNDS; round++) {
        struct delivery_status s = status(d);

        if (s.accepted == ALERTS)
            return true;
        if (is_refusing && (s.reason[0] || s.parked || (memory.refused > 0 && round > REFUSING_ROUNDS))) {
            (void)scene_pause();
            is_refusing = false;
        }
        if (!is_refusing && !is_trying && (s.state == DELIVERY_WAITING || s.state == DELIVERY_HELD)) {
            fake_services_pass(&world, 60000);
            delivery_wake(d);
        }
        (void)usleep(500);
    }
    return false;
}

static int count_arrived(void)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1 << 20);
    struct error err = { 0 };
    char path[100];
    int n = 0;

    if (receiver->over == KAFKA)
        return kafka_high() - high_before >= ALERTS ? ALERTS : 0;
    (void)snprintf(path, sizeof path, "%s/alerts", folder.path);
    if (receiver->over == LINES) {
        FILE *f = fopen(path, "re");
        char part[4096];
        size_t len;

        while (f && (len = fread(part, 1, sizeof part, f)) > 0)
            buf_add(&text, part, len);
        if (f)
            (void)fclose(f);
        SCENE_NEEDS(buf_check(&text, &err) == 0);
        take(buf_slice(&text));
    }
    for (int round = 0; round < 4000 && n < ALERTS; round++) { /* datagrams and streams are on their way */
        n = 0;
        for (int i = 0; i < ALERTS; i++)
            n += outside->taken[i] > 0;
        if (n < ALERTS)
            (void)usleep(500);
    }
    return n;
}

static int play(struct buf *said, struct error *err)
{
    static const struct http_client_config client = { .user_agent = "test" };
    struct setting s = { 0 };
    struct output_ops watched = { 0 };
    struct delivery *d = NULL;
    int rc = -1;

    world.sv.http = http_client_new(&client, &world.sv);
    if (!world.sv.http)
        (void)error_set(err, ERR_NOMEM, "HTTP client");
    else
        rc = read_options(&s, err);
    if (rc == 0) {
        const char *fixed = s.ops->fixed_format ? s.ops->fixed_format(s.self) : NULL;
        const struct delivery_output_config cfg = { .name = "soc",
                                                    .ops = &watched,
                                                    .self = s.self,
                                                    .encoder =
                                                        encoder_find(fixed ? fixed : s.ops->default_format) };

        real_ops = s.ops;
        watched = *s.ops;
        watched.deliver = watched_deliver;
        rc = delivery_new(store, &world.sv, &cfg, 1, &d, err) < 0 || delivery_start(d, err) < 0 ? -1 : 0;
    }
    if (rc == 0) {
        bool is_fine = wait_until_accepted(d);
        struct delivery_status end = status(d);

        (void)scene_pause();
        buf_addf(said, "%s: %d accepted, %d parked, %d pending, %d arrived%s%s\n",
                 is_fine ? "done" : "never done", (int)end.accepted, (int)end.parked, (int)end.pending,
                 count_arrived(), is_fine ? "" : ": ", is_fine ? "" : end.reason);
    }
    if (world.sv.http)
        http_client_cancel(world.sv.http);
    delivery_free(d);
    release_options(&s);
    fake_services_release(&world);
    return rc;
}

/* Those of the table, and Kafka over TLS: whose certificate it is, is ours to look at there. */
#define SCENES (ARRAY_LEN(receivers) + 1)

static const struct receiver *receiver_at(size_t i)
{
    static struct receiver kafka_tls;

    if (i < ARRAY_LEN(receivers))
        return &receivers[i];
    for (size_t k = 0; k < ARRAY_LEN(receivers); k++)
        if (strcmp(receivers[k].output, "kafka") == 0)
            kafka_tls = receivers[k];
    kafka_tls.way = "tls";
    return &kafka_tls;
}

START_TEST(a_delivery_without_memory_waits_for_it_and_loses_nothing)
{
    const struct receiver *r = receiver_at((size_t)_i);
    char name[40];
    const struct scene s = {
        .name = name, .before = before, .play = play, .after = after, .dear = r->over == KAFKA ? 4 : 0
    };
    char ignored[OUTSIDER_WORD_MAX];
    pid_t child;

    (void)snprintf(name, sizeof name, "%s%s%s", r->output, r->way ? " " : "", r->way ? r->way : "");
    if (!torture_wants(&s))
        return;
    torture_begin();
    receiver = r;
    child = outsider_start(receive, NULL, ignored);
    say_secrets();
    int findings = scene_torture(&s);

    outsider_end(child);
    ck_assert_int_eq(findings, 0);
}
END_TEST

int main(void)
{
    return torture_main("torture: outputs", a_delivery_without_memory_waits_for_it_and_loses_nothing,
                        (int)SCENES, start, stop);
}
