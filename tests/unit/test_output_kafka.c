/* What kafka and event_hubs promise: verdicts by delivery report, keys and headers, a producer made anew when
 * that is the way out, nothing in flight between two calls. The brokers are librdkafka's own mock cluster.
 * Certificates: a gate in front of it speaks TLS.
 * SPDX-License-Identifier: Apache-2.0 */
#include "store_kit.h"

#include "base/buf.h"
#include "base/file.h"
#include "net/peers.h"
#include "outputs/kit/kafka_client.h"
#include "outputs/output.h"
#include "settings/errors.h"
#include "settings/yaml_node.h"
#include "tests/kit/certs.h"
#include "tests/kit/fake_services.h"
#include "tests/kit/gate.h"
#include "tests/kit/mockbroker.h"
#include "tests/kit/suite.h"

#include <librdkafka/rdkafka.h>

extern const struct output_ops output_kafka, output_event_hubs;

/* librdkafka is not built with the thread sanitizer, which does not see its atomic counters. */
const char *__tsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void)
{
    return "race:librdkafka\n";
}

static struct fake_services world;
static struct mockbroker *brokers;
static struct yaml_tree *tree;
static struct settings_errors errors;
static const struct output_ops *ops;
static void *self;
static struct alert *alerts[3];

static void set_up(void)
{
    static const char *const topics[] = { "alerts:2", NULL };

    fake_services_init(&world, false);
    ops = &output_kafka;
    brokers = mockbroker_start(1, topics);
    ck_assert_ptr_nonnull(brokers);
    for (int i = 0; i < 3; i++)
        alerts[i] = alert_nth(i);
}

static void close_output(void)
{
    if (self) {
        ops->close(self);
        settings_table_release(ops->options, self);
        free(self);
    }
    yaml_tree_free(tree);
    settings_errors_release(&errors);
    self = NULL;
    tree = NULL;
}

static void tear_down(void)
{
    close_output();
    mockbroker_stop(brokers);
    for (int i = 0; i < 3; i++)
        alert_free(alerts[i]);
    fake_services_release(&world);
}

static int try_open(const char *yaml, struct error *err)
{
    self = calloc(1, ops->size);
    ck_assert_ptr_nonnull(self);
    if (yaml_tree_parse(slice_of(yaml), "test.yaml", &tree, &errors) < 0 ||
        settings_table_apply(ops->options, yaml_tree_root(tree), self, &errors) < 0)
        return settings_errors_first(&errors, err);
    return ops->open(self, "bus", &world.sv, err);
}

static void open_for(const char *timeout, const char *more)
{
    char yaml[1000];

    (void)snprintf(yaml, sizeof yaml, "brokers: \"%s\"\ntopic: alerts\nsecurity: plaintext\ntimeout: %s\n%s",
                   mockbroker_bootstrap(brokers), timeout, more);
    OK(try_open(yaml, err));
}

static void open_with(const char *more)
{
    open_for("10s", more);
}

static void obey(const char *line)
{
    ck_assert_msg(mockbroker_obey(brokers, line) == 0, "%s", line);
}

static int deliver(size_t n, struct delivery_result *results, struct error *err)
{
    struct output_item items[3] = {
        { .alert = alerts[0], .payload = SL("{\"n\":0}") },
        { .alert = alerts[1], .payload = SL("CEF:0|1") },
        { .alert = alerts[2], .payload = SL("{\"specversion\":\"1.0\",\"n\":2}") },
    };

    return ops->deliver(self, items, n, results, err);
}

static void all_are(const struct delivery_result *results, size_t n, enum delivery_verdict wanted, const char *says)
{
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(results[i].verdict == wanted && strstr(results[i].reason, says), "%zu: %d: %s", i,
                      (int)results[i].verdict, results[i].reason);
}

/* ---- reading back ---------------------------------------------------------------------------------------- */

struct seen {
    char key[64], payload[100], headers[5][100];
};

static size_t read_back(struct seen *ret, size_t max)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2);
    char why[300];
    rd_kafka_t *rk;
    size_t n = 0;
    int ends = 0;

    (void)rd_kafka_conf_set(conf, "bootstrap.servers", mockbroker_bootstrap(brokers), why, sizeof why);
    (void)rd_kafka_conf_set(conf, "group.id", "test", why, sizeof why);
    (void)rd_kafka_conf_set(conf, "enable.partition.eof", "true", why, sizeof why);
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    ck_assert_ptr_nonnull(rk);
    for (int p = 0; p < 2; p++)
        rd_kafka_topic_partition_list_add(list, "alerts", p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    ck_assert_int_eq(rd_kafka_assign(rk, list), 0);
    while (ends < 2) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 60000);
        rd_kafka_headers_t *headers = NULL;

        ck_assert_ptr_nonnull(m);
        ends += m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR && n < max) {
            struct seen *s = &ret[n++];

            *s = (struct seen){ 0 };
            (void)snprintf(s->key, sizeof s->key, "%.*s", (int)m->key_len, (const char *)m->key);
            (void)snprintf(s->payload, sizeof s->payload, "%.*s", (int)m->len, (const char *)m->payload);
            (void)rd_kafka_message_headers(m, &headers);
            for (size_t i = 0; headers && i < 5; i++) {
                const char *name;
                const void *value;
                size_t len;

                if (rd_kafka_header_get_all(headers, i, &name, &value, &len) == 0)
                    (void)snprintf(s->headers[i], sizeof s->headers[i], "%s=%.*s", name, (int)len, (const char *)value);
            }
        }
        rd_kafka_message_destroy(m);
    }
    rd_kafka_topic_partition_list_destroy(list);
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return n;
}

static const struct seen *of(const struct seen *all, size_t n, const char *payload)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].payload, payload) == 0)
            return &all[i];
    ck_abort_msg("no %s", payload);
    return NULL;
}

/* ---- tests ------------------------------------------------------------------------------------------------- */

START_TEST(a_batch_arrives_with_keys_and_headers)
{
    struct delivery_result results[3];
    struct seen seen[10];
    const struct seen *one;
    char wanted[100];

    open_with("");
    OK(deliver(3, results, err));
    all_are(results, 3, DELIVERY_ACCEPTED, "");
    ck_assert_uint_eq(read_back(seen, 10), 3);
    one = of(seen, 3, "{\"n\":0}");
    ck_assert_str_eq(one->key, alerts[0]->id);
    (void)snprintf(wanted, sizeof wanted, "id=%s", alerts[0]->id);
    ck_assert_str_eq(one->headers[0], wanted);
    (void)snprintf(wanted, sizeof wanted, "record_id=%s", alerts[0]->record_id);
    ck_assert_str_eq(one->headers[1], wanted);
    ck_assert_str_eq(one->headers[2], "type=CosmosDB_TorAnomaly");
    ck_assert_str_eq(one->headers[3], "severity=Informational");
    ck_assert_str_eq(one->headers[4], "content-type=application/json");
    ck_assert_str_eq(of(seen, 3, "CEF:0|1")->headers[4], "content-type=text/plain; charset=utf-8");
    ck_assert_str_eq(of(seen, 3, "{\"specversion\":\"1.0\",\"n\":2}")->headers[4],
                     "content-type=application/cloudevents+json; charset=utf-8");
}
END_TEST

START_TEST(the_account_can_be_the_key)
{
    struct delivery_result results[1];
    struct seen seen[2];

    open_with("key: account\n");
    OK(deliver(1, results, err));
    ck_assert_uint_eq(read_back(seen, 2), 1);
    ck_assert_str_eq(seen[0].key, "contoso-orders");
}
END_TEST

START_TEST(what_brokers_say_is_a_verdict)
{
    static const struct { int code; enum delivery_verdict wanted; } cases[] = {
        { RD_KAFKA_RESP_ERR_NO_ERROR, DELIVERY_ACCEPTED },
        { RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, DELIVERY_REFUSED },
        { RD_KAFKA_RESP_ERR_INVALID_RECORD, DELIVERY_REFUSED },
        { RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR__AUTHENTICATION, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR__SSL, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, DELIVERY_REFUSED },
        { RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR_POLICY_VIOLATION, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR_SECURITY_DISABLED, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, DELIVERY_HOLD },
        { RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, DELIVERY_RETRY },
        { RD_KAFKA_RESP_ERR__TRANSPORT, DELIVERY_RETRY },
        { RD_KAFKA_RESP_ERR__FATAL, DELIVERY_RETRY },
        { RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, DELIVERY_RETRY },
        { RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, DELIVERY_RETRY },
        { RD_KAFKA_RESP_ERR__PURGE_QUEUE, DELIVERY_RETRY },
        { 12345, DELIVERY_RETRY },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(kafka_verdict(cases[i].code) == cases[i].wanted, "code %d", cases[i].code);
}
END_TEST

START_TEST(refusals_are_told_with_a_remedy)
{
    static const struct { const char *line; enum delivery_verdict wanted; const char *says; } cases[] = {
        { "err 0 29 20", DELIVERY_HOLD, "Topic authorization failed; allow Write" },
        { "topic alerts 3", DELIVERY_HOLD, "create the topic" },
        { "err 0 10 20", DELIVERY_REFUSED, "max.message.bytes" },
        { "err 0 87 20", DELIVERY_REFUSED, "" },
    };
    struct delivery_result results[3];

    open_with("");
    obey(cases[_i].line);
    OK(deliver(3, results, err));
    all_are(results, 3, cases[_i].wanted, cases[_i].says);
}
END_TEST

START_TEST(a_right_that_was_granted_is_enough)
{
    struct delivery_result results[3];

    open_with("");
    obey("err 0 29 2");
    OK(deliver(1, results, err));
    ck_assert_int_eq(results[0].verdict, DELIVERY_HOLD);
    OK(deliver(1, results, err)); /* the second */
    OK(deliver(3, results, err));
    all_are(results, 3, DELIVERY_ACCEPTED, "");
}
END_TEST

START_TEST(a_set_that_is_too_large_is_tried_one_by_one)
{
    struct delivery_result results[3];
    struct seen seen[10];

    open_with("");
    obey("err 0 10 2"); /* at most one request to each partition: the whole batch */
    OK(deliver(3, results, err));
    all_are(results, 3, DELIVERY_ACCEPTED, "");
    ck_assert_uint_ge(read_back(seen, 10), 3);
}
END_TEST

START_TEST(a_message_over_our_limit_is_refused_alone)
{
    static const char text[2000] = { [0 ... 1998] = 'x' };
    struct output_item items[2] = { { .alert = alerts[0], .payload = slice_of(text) },
                                    { .alert = alerts[1], .payload = SL("short") } };
    struct delivery_result results[2];

    open_with(_i == 0 ? "max_message: 1000\n" : "max_message: 1000\ntransactional_id: t\n");
    OK(ops->deliver(self, items, 2, results, err));
    all_are(results, 1, DELIVERY_REFUSED, "too large");
    if (_i == 0)
        ck_assert_int_eq(results[1].verdict, DELIVERY_ACCEPTED);
    else /* one transaction: all or none, and the next batch is without the first */
        ck_assert_int_ne(results[1].verdict, DELIVERY_REFUSED);
}
END_TEST

START_TEST(brokers_that_are_down_are_a_retry_with_their_cause_and_come_back)
{
    struct delivery_result results[3];
    struct seen seen[10];

    obey("down 1");
    open_for("2s", "");
    OK(deliver(3, results, err));
    all_are(results, 3, DELIVERY_RETRY, "");
    ck_assert_msg(strstr(results[0].reason, "refused") || strstr(results[0].reason, "Disconnected") ||
                  strstr(results[0].reason, "failed"), "%s", results[0].reason);
    obey("up 1");
    for (int tries = 0; tries < 10; tries++) {
        OK(deliver(3, results, err));
        if (results[0].verdict == DELIVERY_ACCEPTED)
            break;
    }
    all_are(results, 3, DELIVERY_ACCEPTED, "");
    ck_assert_uint_ge(read_back(seen, 10), 3);
}
END_TEST

START_TEST(a_fatal_producer_is_made_anew)
{
    struct delivery_result results[3];

    open_with("");
    OK(deliver(3, results, err));
    obey(_i == 0 ? "err 0 45 1" /* OUT_OF_ORDER_SEQUENCE_NUMBER: fatal for an idempotent producer */
                 : "err 0 47 1" /* INVALID_PRODUCER_EPOCH */);
    for (int tries = 0; tries < 3; tries++) {
        OK(deliver(1, results, err));
        if (results[0].verdict == DELIVERY_ACCEPTED)
            break;
        ck_assert_int_eq(results[0].verdict, DELIVERY_RETRY);
    }
    ck_assert_int_eq(results[0].verdict, DELIVERY_ACCEPTED);
}
END_TEST

START_TEST(a_transaction_is_all_or_nothing)
{
    struct delivery_result results[3];
    struct seen seen[10];

    open_with("transactional_id: cosmowatch-1\n");
    OK(deliver(3, results, err));
    all_are(results, 3, DELIVERY_ACCEPTED, "");
    obey("err 0 29 2");
    OK(deliver(3, results, err));
    for (int i = 0; i < 3; i++)
        ck_assert_int_ne(results[i].verdict, DELIVERY_ACCEPTED);
    for (int tries = 0; tries < 3 && results[0].verdict != DELIVERY_ACCEPTED; tries++)
        OK(deliver(3, results, err)); /* the right is granted: at once, or after the second refusal */
    all_are(results, 3, DELIVERY_ACCEPTED, "");
    ck_assert_uint_ge(read_back(seen, 10), 3);
}
END_TEST

START_TEST(the_probe_names_the_topic_and_writes_nothing)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(1000);
    struct seen seen[1];

    open_with("");
    OK(ops->probe(self, &said, err));
    ck_assert_str_eq(buf_cstr(&said), "topic 'alerts' has 2 partitions on 1 brokers");
    ck_assert_uint_eq(read_back(seen, 1), 0);
    obey("topic alerts 29");
    FAILS(ops->probe(self, &said, err), ERR_DENIED);
}
END_TEST

START_TEST(bad_settings_are_refused_in_words)
{
    static const struct { bool is_hub; const char *yaml, *said; } cases[] = {
        { false, "topic: t\n", "brokers" },
        { false, "brokers: a\n", "topic" },
        { false, "brokers: \"a:x\"\ntopic: t\n", "port" },
        { false, "brokers: a\ntopic: t\nsecurity: sasl_tls\n", "sasl.username and sasl.password" },
        { false, "brokers: a\ntopic: t\nsecurity: tls\nsasl: { username: u }\n", "use sasl_tls" },
        { false, "brokers: a\ntopic: t\nsecurity: sasl_tls\nsasl: { mechanism: oauthbearer }\n", "token_url" },
        { false, "brokers: a\ntopic: t\nsecurity: sasl_tls\nsasl: { mechanism: oauthbearer, oidc: { token_url: \"http://id.example.net/\" } }\n",
          "must be https" },
        { false, "brokers: a\ntopic: t\nsasl: { password: plain }\n", "reference" },
        { false, "brokers: a\ntopic: t\ncompression: rar\n", "zstd" },
        { true, "hub: h\n", "connection_string" },
        { true, "hub: h\nconnection_string: ${env:CW_KEY}\n", "is none" },
        { true, "hub: h\nconnection_string: ${env:CW_SAS}\n", "is none" },
        { true, "connection_string: ${env:CW_HUB}\n", "EntityPath" },
        { true, "namespace: n\nhub: h\ncompression: zstd\n", "none, gzip" },
    };
    struct error why = { 0 };

    (void)setenv("CW_KEY", "canary-key", 1);
    (void)setenv("CW_SAS", "Endpoint=sb://n.servicebus.windows.net/;SharedAccessSignature=canary-key", 1);
    (void)setenv("CW_HUB", "Endpoint=sb://n.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey=canary-key=", 1);
    ops = cases[_i].is_hub ? &output_event_hubs : &output_kafka;
    ck_assert_msg(try_open(cases[_i].yaml, &why) == -1, "accepted: %s", cases[_i].yaml);
    ck_assert_int_eq(why.code, ERR_CONFIG);
    ck_assert_msg(strstr(why.msg, cases[_i].said), "%s: %s", cases[_i].yaml, why.msg);
    ck_assert_ptr_null(strstr(why.msg, "canary"));
}
END_TEST

START_TEST(a_namespace_becomes_an_address)
{
    static const struct { const char *env, *name, *address, *hub; int cloud; const char *brokers, *topic, *host; } cases[] = {
        { NULL, "contoso", NULL, "h", 0, "contoso.servicebus.windows.net:9093", "h", "contoso.servicebus.windows.net" },
        { NULL, "contoso", NULL, "h", 2, "contoso.servicebus.chinacloudapi.cn:9093", "h", NULL },
        { NULL, "a.example.net", NULL, "h", 0, "a.example.net:9093", "h", "a.example.net" },
        { NULL, "contoso", "10.0.0.4:19093", "h", 0, "10.0.0.4:19093", "h", "contoso.servicebus.windows.net" },
        { "Endpoint=sb://c.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey=k=;EntityPath=e", NULL, NULL, NULL, 0,
          "c.servicebus.windows.net:9093", "e", NULL },
        { "endpoint=sb://c.example ;sharedaccesskeyname=a;sharedaccesskey=k=;EntityPath=e", NULL, NULL, "h", 0, "c.example:9093", "h",
          NULL },
        { "Endpoint=sb://localhost;SharedAccessKeyName=a;SharedAccessKey=k;UseDevelopmentEmulator=true", NULL, NULL, "h", 0,
          "localhost:9092", "h", NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kafka_settings s = { .is_event_hubs = true, .cloud = cases[i].cloud };
        struct kafka_place p = { 0 };

        s.event_namespace = cases[i].name ? strdup(cases[i].name) : NULL;
        s.address = cases[i].address ? strdup(cases[i].address) : NULL;
        s.topic = cases[i].hub ? strdup(cases[i].hub) : NULL;
        if (cases[i].env)
            ck_assert(secret_set(&s.connection_string, slice_of(cases[i].env)));
        OK(kafka_place_from(&s, &p, err));
        ck_assert_str_eq(p.brokers, cases[i].brokers);
        ck_assert_str_eq(p.topic, cases[i].topic);
        if (cases[i].host)
            ck_assert_str_eq(p.host, cases[i].host);
        kafka_place_release(&p);
        secret_release(&s.connection_string);
        free(s.event_namespace);
        free(s.address);
        free(s.topic);
    }
}
END_TEST

/* ---- certificates --------------------------------------------------------------------------------------- */

#define DAY_S INT64_C(86400)

static struct folder folder;
static struct gate *gate;

static const char *in_folder(const char *name)
{
    return folder_file(&folder, name);
}

/* `issuer` NULL: of the authority that we trust. */
static void make_certificate(const char *name, const char *issuer, const char *alt_names, bool is_ca, int64_t to_s)
{
    cert_make(in_folder(name), &(struct cert_wish){ .cn = name, .alt_names = alt_names, .is_ca = is_ca,
                                                    .from_s = -300 * DAY_S, .to_s = to_s,
                                                    .issuer_file = in_folder(issuer ? issuer : "ca.pem") });
}

/* An authority between, as a server shows it: behind its own. */
static void add_certificate(const char *name, const char *of)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 20);
    struct error ignored = { 0 };
    FILE *f = fopen(in_folder(name), "a");

    cert_split(in_folder(of), in_folder("one.pem"), NULL);
    ck_assert(f && file_read(&text, in_folder("one.pem"), &ignored) == 0);
    ck_assert_int_ge(fputs(buf_cstr(&text), f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static void set_up_tls(void)
{
    set_up();
    folder = folder_in_memory();
    world.sv.peers = peers_new();
    ck_assert_ptr_nonnull(world.sv.peers);
    cert_make(in_folder("ca.pem"), &(struct cert_wish){ .cn = "ca", .is_ca = true, .from_s = -DAY_S, .to_s = 900 * DAY_S });
    cert_make(in_folder("strange.pem"), &(struct cert_wish){ .cn = "strange", .is_ca = true });
    make_certificate("good.pem", NULL, "IP:127.0.0.1", false, 200 * DAY_S);
    make_certificate("renewed.pem", NULL, "IP:127.0.0.1", false, 400 * DAY_S);
    make_certificate("foreign.pem", "strange.pem", "IP:127.0.0.1", false, 200 * DAY_S);
    make_certificate("misnamed.pem", NULL, "DNS:other.example.net", false, 200 * DAY_S);
    make_certificate("ended.pem", NULL, "IP:127.0.0.1", false, -DAY_S);
    make_certificate("between.pem", NULL, NULL, true, 100 * DAY_S);
    make_certificate("below.pem", "between.pem", "IP:127.0.0.1", false, 200 * DAY_S);
    add_certificate("below.pem", "between.pem");
    make_certificate("by-a-server.pem", "good.pem", "IP:127.0.0.1", false, 200 * DAY_S);
    add_certificate("by-a-server.pem", "good.pem");
}

static void tear_down_tls(void)
{
    close_output();
    gate_stop(gate);
    peers_free(world.sv.peers);
    folder_remove(&folder);
    tear_down();
}

static void open_behind(const char *certificate)
{
    char yaml[600];

    gate = gate_start(&(struct gate_config){ .port = atoi(strrchr(mockbroker_bootstrap(brokers), ':') + 1),
                                             .pem_file = in_folder(certificate), .is_kafka = true });
    (void)snprintf(yaml, sizeof yaml, "brokers: \"127.0.0.1:%d\"\ntopic: alerts\ntimeout: 10s\ntls: { ca: %s }\n",
                   gate_port(gate), in_folder("ca.pem"));
    OK(try_open(yaml, err));
}

/* Days until the end of what the only broker showed. */
static int64_t days_of_peer(const char *subject)
{
    struct peer p = { 0 };
    char place[40];

    (void)snprintf(place, sizeof place, "127.0.0.1:%d", gate_port(gate));
    ck_assert(peers_at(world.sv.peers, 0, &p) && !peers_at(world.sv.peers, 1, &(struct peer){ 0 }));
    ck_assert_str_eq(p.place, place);
    ck_assert_str_eq(p.chain.subject, subject);
    return (p.chain.to_ns - sv_wall_ns(&world.sv) + 3600 * NS_PER_S) / (DAY_S * NS_PER_S);
}

START_TEST(a_broker_that_is_not_to_be_trusted_gets_nothing_and_is_told)
{
    static const struct { const char *certificate, *says; } cases[] = {
        { "foreign.pem", "certificate of 'foreign.pem', issued by 'strange', is not trusted: unable to get local issuer" },
        { "misnamed.pem", "certificate is for other.example.net, not for this name" },
        { "ended.pem", "certificate of 'ended.pem' expired at 20" },
        { "by-a-server.pem", "certificate of 'good.pem', issued by 'ca', is not trusted: invalid CA certificate" },
    };
    struct delivery_result results[3];
    struct peer ignored;
    struct seen seen[1];

    open_behind(cases[_i].certificate);
    OK(deliver(3, results, err));
    ck_assert_uint_eq(read_back(seen, 1), 0);
    all_are(results, 3, DELIVERY_HOLD, cases[_i].says);
    all_are(results, 3, DELIVERY_HOLD, "; correct tls, or the broker's certificate");
    ck_assert(!peers_at(world.sv.peers, 0, &ignored));
}
END_TEST

static void comes_of_three(enum delivery_verdict verdict, const char *says)
{
    struct delivery_result results[3];

    OK(deliver(3, results, err));
    all_are(results, 3, verdict, says);
}

START_TEST(what_a_broker_shows_is_kept_until_it_shows_another)
{
    open_behind("good.pem");
    comes_of_three(DELIVERY_ACCEPTED, "");
    ck_assert_int_eq(days_of_peer("good.pem"), 200);
    gate_set_certificate(gate, in_folder("ended.pem"));
    comes_of_three(DELIVERY_HOLD, "expired");
    ck_assert_int_eq(days_of_peer("good.pem"), 200);
    gate_set_certificate(gate, in_folder("renewed.pem"));
    comes_of_three(DELIVERY_ACCEPTED, "");
    ck_assert_int_eq(days_of_peer("renewed.pem"), 400);
}
END_TEST

START_TEST(the_first_of_a_chain_to_end_counts)
{
    open_behind("below.pem");
    comes_of_three(DELIVERY_ACCEPTED, "");
    ck_assert_int_eq(days_of_peer("between.pem"), 100);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("output kafka");
    TCase *t = tcase_create("kafka"), *tls = tcase_create("tls");

    tcase_set_timeout(t, 180);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_batch_arrives_with_keys_and_headers);
    tcase_add_test(t, the_account_can_be_the_key);
    tcase_add_test(t, what_brokers_say_is_a_verdict);
    tcase_add_loop_test(t, refusals_are_told_with_a_remedy, 0, 4);
    tcase_add_test(t, a_right_that_was_granted_is_enough);
    tcase_add_test(t, a_set_that_is_too_large_is_tried_one_by_one);
    tcase_add_loop_test(t, a_message_over_our_limit_is_refused_alone, 0, 2);
    tcase_add_test(t, brokers_that_are_down_are_a_retry_with_their_cause_and_come_back);
    tcase_add_loop_test(t, a_fatal_producer_is_made_anew, 0, 2);
    tcase_add_test(t, a_transaction_is_all_or_nothing);
    tcase_add_test(t, the_probe_names_the_topic_and_writes_nothing);
    tcase_add_loop_test(t, bad_settings_are_refused_in_words, 0, 14);
    tcase_add_test(t, a_namespace_becomes_an_address);
    suite_add_tcase(s, t);
    tcase_set_timeout(tls, 180);
    tcase_add_checked_fixture(tls, set_up_tls, tear_down_tls);
    tcase_add_loop_test(tls, a_broker_that_is_not_to_be_trusted_gets_nothing_and_is_told, 0, 4);
    tcase_add_test(tls, what_a_broker_shows_is_kept_until_it_shows_another);
    tcase_add_test(tls, the_first_of_a_chain_to_end_counts);
    suite_add_tcase(s, tls);
    return run_suite(s);
}
