/* kafka_client.c - see kafka_client.h. SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/kafka_client.h"

#include "base/log.h"
#include "net/stream_tls.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#define POLL_MS 100
#define LATE_MS 5000        /* the library's own time-out should have come by then */
#define REFUSED_GRACE_MS 3000 /* one broker of several may refuse us by mistake */
#define PROBE_MS 15000
#define ABORT_MS 10000

struct kafka_client {
    const struct kafka_settings *settings;
    const struct services *sv;
    struct kafka_place place;
    struct kafka_tokens *tokens;   /* NULL: no OAUTHBEARER */
    struct kafka_trust *trust;
    char component[80];
    rd_kafka_t *rk;                /* NULL: to be made */
    bool has_transactions;         /* the producer has initialised them */
    uint64_t stamp;                /* of the certificate files when rk was made */

    /* Told by callbacks, which run in rd_kafka_poll of the same thread. */
    int fault;                     /* rd_kafka_resp_err_t of the last trouble; 0: none since the last success */
    char said[400];
    int64_t refused_since_ms;      /* 0: nobody refused us */
};

/* One batch under way. */
struct flight {
    struct kafka_client *client;
    struct delivery_result *each;
    size_t judged;
};

struct slot { /* the opaque of a message */
    struct flight *flight;
    struct delivery_result *result;
    bool is_judged;
};

/* ---- callbacks -------------------------------------------------------------------------------------- */

static void on_report(rd_kafka_t *rk UNUSED, const rd_kafka_message_t *m, void *opaque UNUSED)
{
    struct slot *slot = m->_private;
    struct kafka_client *c = slot->flight->client;
    char why[200];

    slot->is_judged = true;
    slot->flight->judged++;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_result(slot->result, DELIVERY_ACCEPTED, "");
        c->fault = 0;
        c->said[0] = '\0';
        c->refused_since_ms = 0;
        return;
    }
    /* "Message timed out" says nothing; what kept it from going does. */
    if (m->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT && c->fault != 0) {
        kafka_explain(c->fault, c->said, c->settings->is_event_hubs, why, sizeof why);
        kafka_result(slot->result, kafka_verdict(c->fault), why);
        return;
    }
    kafka_explain(m->err, c->said, c->settings->is_event_hubs, why, sizeof why);
    kafka_result(slot->result, kafka_verdict(m->err), why);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_client *c = opaque;
    char fatal[300];

    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        code = rd_kafka_fatal_error(rk, fatal, sizeof fatal);
        reason = fatal;
    }
    /* TLS 1.3 tells a refused client certificate after the handshake: to the library a lost connection. */
    if (code == RD_KAFKA_RESP_ERR__TRANSPORT && reason &&
        (strstr(reason, "SSL alert number 4") || strstr(reason, "SSL alert number 116")))
        code = RD_KAFKA_RESP_ERR__SSL;
    /* "All brokers are down" comes last and knows least. */
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && c->fault != 0)
        return;
    if (kafka_verdict(code) == DELIVERY_HOLD && c->refused_since_ms == 0)
        c->refused_since_ms = sv_mono_ms(c->sv) | 1;
    if (c->refused_since_ms != 0 && kafka_verdict(code) != DELIVERY_HOLD)
        return; /* a refused connection is also a lost one */
    c->fault = code;
    /* OpenSSL's code for any certificate that it refuses; which one, and why, was told to on_certificate(). */
    if (code != RD_KAFKA_RESP_ERR__SSL || !reason || !strstr(reason, "certificate verify failed") ||
        !kafka_trust_says(c->trust, c->said, sizeof c->said))
        (void)snprintf(c->said, sizeof c->said, "%s", reason ? reason : "");
    secrets_hide(c->said, strlen(c->said));
}

/* From the thread of that broker, while it shakes hands. */
static int on_certificate(rd_kafka_t *rk UNUSED, const char *broker, int32_t id UNUSED, int *x509_error, int depth,
                          const char *der, size_t len, char *said, size_t size, void *opaque)
{
    const struct kafka_client *c = opaque;

    return kafka_trust_show(c->trust, broker, depth, slice_make(der, len), *x509_error, said, size) ? 1 : 0;
}

/* From any of the library's threads. What matters to the operator is told once, by delivery, with its cause:
 * the library repeats itself with every attempt. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    const struct kafka_client *c = rd_kafka_opaque(rk);
    char said[512];

    (void)snprintf(said, sizeof said, "%s", text);
    secrets_hide(said, strlen(said));
    log_event(level <= LOG_CRIT ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, c ? c->component : "kafka", "librdkafka", "what",
              facility, "text", said, NULL);
}

static void on_token(rd_kafka_t *rk, const char *config UNUSED, void *opaque)
{
    const struct kafka_client *c = opaque;

    kafka_tokens_refresh(c->tokens, rk);
}

/* ---- the producer's life ---------------------------------------------------------------------------- */

static uint64_t files_stamp(const struct kafka_client *c)
{
    const char *const paths[] = { c->settings->tls.ca, c->settings->tls.cert, c->settings->tls.key };

    return stream_files_stamp(paths, ARRAY_LEN(paths));
}

static void drop_producer(struct kafka_client *c)
{
    if (c->rk)
        rd_kafka_destroy(c->rk);
    c->rk = NULL;
    c->has_transactions = false;
}

/* Before librdkafka 1.9 a token is asked for in rd_kafka_poll() only, and what opens a transaction does not poll: the first one
 * is handed over here, later ones while alerts are awaited. */
static void serve_tokens(const struct kafka_client *c, rd_kafka_t *rk)
{
#if RD_KAFKA_VERSION >= 0x010900ff
    (void)c;
    rd_kafka_error_destroy(rd_kafka_sasl_background_callbacks_enable(rk));
#else
    kafka_tokens_refresh(c->tokens, rk);
#endif
}

static rd_kafka_t *make_producer(struct kafka_client *c, struct error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *rk;
    char why[300];

    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    if (c->tokens)
        rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, on_token);
    (void)rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate); /* one without TLS refuses tls itself */
    if (kafka_conf_fill(conf, c->settings, &c->place, err) < 0) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        (void)error_set(err, ERR_CONFIG, "%.220s", why); /* a certificate or CA file, mostly */
        return NULL;
    }
    if (c->tokens)
        serve_tokens(c, rk);
    return rk;
}

/* The library will send nothing more with it. */
static bool is_fatal(const struct kafka_client *c)
{
    char ignored[8];

    return c->rk && rd_kafka_fatal_error(c->rk, ignored, sizeof ignored) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* After a replaced certificate file: the new one if it is good, else the old producer goes on. */
static void renew_certificates(struct kafka_client *c)
{
    uint64_t stamp = files_stamp(c);
    struct error why = { 0 };
    rd_kafka_t *fresh;

    if (!c->rk || stamp == c->stamp)
        return;
    c->stamp = stamp;
    fresh = make_producer(c, &why);
    if (fresh) {
        drop_producer(c);
        c->rk = fresh;
        return;
    }
    log_event(LOG_LEVEL_WARN, c->component, "replaced certificate file is not usable, the last good one stays", "reason",
              why.msg, NULL);
}

/* In words of the last fault, or of what is given. */
static int fail(struct kafka_client *c, int code, const char *said, struct error *err)
{
    char why[220];

    if (c->fault != 0 && (kafka_verdict(code) == DELIVERY_RETRY || kafka_verdict(c->fault) == DELIVERY_HOLD)) {
        code = c->fault;
        said = c->said;
    }
    kafka_explain(code, said, c->settings->is_event_hubs, why, sizeof why);
    return error_set(err, kafka_error_code(code), "%s", why);
}

/* A refusal that has stood for a while, or a cancel: no use waiting for more. */
static bool must_give_up(struct kafka_client *c)
{
    return is_fatal(c) || http_is_cancelled(c->sv->http) ||
           (c->refused_since_ms != 0 && sv_mono_ms(c->sv) - c->refused_since_ms > REFUSED_GRACE_MS);
}

static int start_transactions(struct kafka_client *c, struct error *err)
{
    int64_t deadline_ms = sv_mono_ms(c->sv) + c->settings->timeout_ms;

    while (!c->has_transactions) {
        rd_kafka_error_t *e = rd_kafka_init_transactions(c->rk, 5 * POLL_MS);
        bool again = e && rd_kafka_error_is_retriable(e);
        int rc = 0;

        (void)rd_kafka_poll(c->rk, 0);
        c->has_transactions = !e;
        if (e && (!again || must_give_up(c) || sv_mono_ms(c->sv) > deadline_ms))
            rc = fail(c, rd_kafka_error_code(e), rd_kafka_error_string(e), err);
        if (e)
            rd_kafka_error_destroy(e);
        if (rc < 0) {
            drop_producer(c);
            return error_wrap(err, "transactions");
        }
    }
    return 0;
}

static int have_producer(struct kafka_client *c, struct error *err)
{
    renew_certificates(c);
    c->fault = 0; /* what was said stays: until something is accepted it explains a silence best */
    c->refused_since_ms = 0;
    if (!c->rk) {
        c->stamp = files_stamp(c);
        c->rk = make_producer(c, err);
        if (!c->rk)
            return -1;
    }
    (void)rd_kafka_poll(c->rk, 0); /* troubles of the idle time: told, and over unless they come again */
    if (is_fatal(c)) {
        drop_producer(c);
        return have_producer(c, err);
    }
    c->fault = 0;
    c->refused_since_ms = 0;
    return c->settings->transactional_id ? start_transactions(c, err) : 0;
}

/* ---- a batch ------------------------------------------------------------------------------------------ */

static rd_kafka_resp_err_t produce_one(struct kafka_client *c, const struct kafka_message *m, struct slot *slot)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(KAFKA_HEADERS_MAX);
    rd_kafka_resp_err_t rc = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (size_t i = 0; i < KAFKA_HEADERS_MAX && m->headers[i].name; i++)
        (void)rd_kafka_header_add(headers, m->headers[i].name, -1, m->headers[i].value, -1);
    do {
        if (rc == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            (void)rd_kafka_poll(c->rk, POLL_MS);
        rc = rd_kafka_producev(c->rk, RD_KAFKA_V_TOPIC(c->place.topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                               RD_KAFKA_V_KEY(m->key.at, m->key.len),
                               RD_KAFKA_V_VALUE((void *)(uintptr_t)m->payload.at, m->payload.len), /* copied, not changed */
                               RD_KAFKA_V_HEADERS(headers),
                               RD_KAFKA_V_OPAQUE(slot), RD_KAFKA_V_END);
    } while (rc == RD_KAFKA_RESP_ERR__QUEUE_FULL && !must_give_up(c));
    if (rc != RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_headers_destroy(headers); /* ours as long as the message was not taken */
    return rc;
}

static void produce_all(struct kafka_client *c, const struct kafka_message *messages, size_t n, struct slot *slots,
                        struct flight *f)
{
    for (size_t i = 0; i < n; i++) {
        rd_kafka_resp_err_t rc;
        char why[200];

        slots[i] = (struct slot){ .flight = f, .result = &f->each[i] };
        rc = produce_one(c, &messages[i], &slots[i]);
        if (rc == RD_KAFKA_RESP_ERR_NO_ERROR)
            continue;
        slots[i].is_judged = true;
        f->judged++;
        kafka_explain(rc, c->said, c->settings->is_event_hubs, why, sizeof why);
        kafka_result(slots[i].result, kafka_verdict(rc), why);
    }
}

/* Whatever has no report dies with the producer. */
static void await_reports(struct kafka_client *c, size_t n, struct slot *slots, struct flight *f)
{
    int64_t deadline_ms = sv_mono_ms(c->sv) + c->settings->timeout_ms + LATE_MS;
    struct error why = { 0 };
    bool is_cancelled;

    while (f->judged < n && !must_give_up(c) && sv_mono_ms(c->sv) < deadline_ms)
        (void)rd_kafka_poll(c->rk, POLL_MS);
    if (f->judged == n)
        return;
    is_cancelled = http_is_cancelled(c->sv->http);
    drop_producer(c);
    (void)fail(c, RD_KAFKA_RESP_ERR__TIMED_OUT, "no answer of the brokers in time", &why);
    for (size_t i = 0; i < n; i++)
        if (!slots[i].is_judged)
            kafka_result(slots[i].result, is_cancelled ? DELIVERY_RETRY : kafka_verdict(c->fault) == DELIVERY_HOLD
                                              ? DELIVERY_HOLD : DELIVERY_RETRY,
                         is_cancelled ? "asked to stop" : why.msg);
}

static bool is_every_one_accepted(const struct delivery_result *each, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (each[i].verdict != DELIVERY_ACCEPTED)
            return false;
    return true;
}

static bool is_any_held(const struct delivery_result *each, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (each[i].verdict == DELIVERY_HOLD)
            return true;
    return false;
}

/* None of them is to be seen: what was accepted is not, after all. */
static void take_back(struct delivery_result *each, size_t n, const char *why)
{
    for (size_t i = 0; i < n; i++)
        if (each[i].verdict == DELIVERY_ACCEPTED)
            kafka_result(&each[i], DELIVERY_RETRY, why);
}

static void end_transaction(struct kafka_client *c, struct delivery_result *each, size_t n)
{
    int64_t deadline_ms = sv_mono_ms(c->sv) + c->settings->timeout_ms;
    rd_kafka_error_t *e = NULL;
    struct error why = { 0 };
    bool again = is_every_one_accepted(each, n), is_done = false;

    while (again) {
        e = rd_kafka_commit_transaction(c->rk, 5 * POLL_MS);
        (void)rd_kafka_poll(c->rk, 0);
        is_done = !e;
        again = e && rd_kafka_error_is_retriable(e) && !must_give_up(c) && sv_mono_ms(c->sv) < deadline_ms;
        if (e && !again)
            (void)fail(c, rd_kafka_error_code(e), rd_kafka_error_string(e), &why);
        if (e)
            rd_kafka_error_destroy(e);
    }
    if (is_done)
        return;
    take_back(each, n, why.msg[0] ? why.msg : "its transaction was given up because of another alert");
    e = rd_kafka_abort_transaction(c->rk, ABORT_MS);
    if (!e)
        return;
    rd_kafka_error_destroy(e); /* a new producer of the same id makes the brokers abort it */
    drop_producer(c);
}

static int begin_transaction(struct kafka_client *c, struct error *err)
{
    rd_kafka_error_t *e = rd_kafka_begin_transaction(c->rk);

    if (!e)
        return 0;
    (void)fail(c, rd_kafka_error_code(e), rd_kafka_error_string(e), err);
    rd_kafka_error_destroy(e);
    drop_producer(c);
    return -1;
}

int kafka_client_send(struct kafka_client *c, const struct kafka_message *messages, size_t n,
                      struct delivery_result *ret_each, struct error *err)
{
    struct flight f = { .client = c, .each = ret_each };
    struct slot *slots;
    bool is_transaction = c->settings->transactional_id != NULL;

    if (have_producer(c, err) < 0 || (is_transaction && begin_transaction(c, err) < 0))
        return -1;
    slots = calloc(n, sizeof *slots);
    if (!slots) {
        drop_producer(c);
        return error_set(err, ERR_NOMEM, "batch");
    }
    produce_all(c, messages, n, slots, &f);
    await_reports(c, n, slots, &f);
    if (is_transaction && c->rk)
        end_transaction(c, ret_each, n);
    else if (is_transaction)
        take_back(ret_each, n, "its transaction ended with the producer");
    if (kafka_verdict(c->fault) == DELIVERY_HOLD)
        kafka_tokens_forget(c->tokens);
    /* The next one reads the secrets again, and has no memory of a topic that it could not write to. */
    if (is_fatal(c) || kafka_verdict(c->fault) == DELIVERY_HOLD || is_any_held(ret_each, n))
        drop_producer(c);
    free(slots);
    return 0;
}

/* ---- probing ------------------------------------------------------------------------------------------ */

static int judge_metadata(const struct kafka_client *c, const struct rd_kafka_metadata *m, struct buf *said,
                          struct error *err)
{
    char why[220];

    if (m->topic_cnt != 1)
        return error_set(err, ERR_SERVER, "the brokers do not speak of the topic '%s'", c->place.topic);
    if (m->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        buf_addf(said, "%s '%s' has %d partitions on %d brokers", c->settings->is_event_hubs ? "event hub" : "topic",
                 c->place.topic, m->topics[0].partition_cnt, m->broker_cnt);
        return 0;
    }
    kafka_explain(m->topics[0].err, NULL, c->settings->is_event_hubs, why, sizeof why);
    return error_set(err, kafka_error_code(m->topics[0].err), "topic '%.100s': %s", c->place.topic, why);
}

int kafka_client_probe(struct kafka_client *c, struct buf *said, struct error *err)
{
    int64_t deadline_ms = sv_mono_ms(c->sv) + PROBE_MS;
    const struct rd_kafka_metadata *m = NULL;
    rd_kafka_topic_t *topic;
    rd_kafka_resp_err_t rc;
    int ret;

    if (have_producer(c, err) < 0)
        return -1;
    topic = rd_kafka_topic_new(c->rk, c->place.topic, NULL);
    if (!topic)
        return fail(c, rd_kafka_last_error(), NULL, err);
    do {
        rc = rd_kafka_metadata(c->rk, 0, topic, &m, 5 * POLL_MS);
        (void)rd_kafka_poll(c->rk, 0);
    } while (rc != RD_KAFKA_RESP_ERR_NO_ERROR && !must_give_up(c) && sv_mono_ms(c->sv) < deadline_ms);
    ret = rc == RD_KAFKA_RESP_ERR_NO_ERROR ? judge_metadata(c, m, said, err) : fail(c, rc, "no broker answers", err);
    if (m)
        rd_kafka_metadata_destroy(m);
    rd_kafka_topic_destroy(topic);
    if (ret < 0)
        drop_producer(c);
    return ret;
}

/* ---- life ------------------------------------------------------------------------------------------- */

void kafka_client_free(struct kafka_client *c)
{
    if (!c)
        return;
    drop_producer(c);
    kafka_tokens_free(c->tokens); /* after the producer, whose threads may be asking for one, and shaking hands */
    kafka_trust_free(c->trust);
    kafka_place_release(&c->place);
    free(c);
}

int kafka_client_new(const struct kafka_settings *s, const char *name, const struct services *sv,
                     struct kafka_client **ret, struct error *err)
{
    struct kafka_client *c = calloc(1, sizeof *c);

    if (!c)
        return error_set(err, ERR_NOMEM, "Kafka client");
    c->settings = s;
    c->sv = sv;
    (void)snprintf(c->component, sizeof c->component, "output.%.60s", name);
    if (kafka_trust_new(sv, &c->trust, err) == 0 && kafka_place_from(s, &c->place, err) == 0 &&
        (c->place.mechanism != KAFKA_OAUTHBEARER ||
         (c->place.security != KAFKA_SASL_TLS && c->place.security != KAFKA_SASL_PLAINTEXT) ||
         kafka_tokens_new(s, &c->place, sv, &c->tokens, err) == 0)) {
        *ret = c;
        return 0;
    }
    kafka_client_free(c);
    return -1;
}
