/* kafka, event_hubs - alerts as messages of a Kafka topic; Azure Event Hubs speaks the same protocol.
 *
 * Accepted: a delivery report without error, with all in-sync replicas and the idempotent producer, so that
 * the library's own retries make no second copy. A batch is produced and then waited for; nothing is in
 * flight between two calls. What was not judged when the time ran out dies with its producer, and a new one
 * is made for the next call: only then may a second copy arrive (same key, same `record_id` header).
 * With `transactional_id` each batch is one transaction: readers of committed messages see all or nothing.
 *
 * Faults:   a refused credential, certificate or topic is told in the broker's words and holds the alerts
 *           (kafka_fault.c has the table); secrets are read again and the producer is made anew for each
 *           try, as it is after a fatal error and when a certificate file was replaced.
 *           A broker that finds a *set* of messages too large names all of them: each is tried alone.
 * Messages: key is the alert id (one alert's updates stay in order) or the account; headers id, record_id,
 *           type, severity, content-type. The time is the broker's or ours, never the event's: retention
 *           by time would drop a late alert at once.
 * Event Hubs: TLS and SASL always; the literal user $ConnectionString with the connection string as
 *           password, or a token of our own identity. Its load balancer drops idle connections silently
 *           after 4 minutes, so they are closed before.
 * Limits of the library: it knows no proxy (where only one leads out, a relay or another output is needed) and
 *           has no setting for the oldest TLS: that is OpenSSL's own (openssl.cnf, MinProtocol). Requests for tokens
 *           are HTTP of ours and use the environment's proxy.
 * Tokens are fetched by the library's background thread when it asks; nothing of self is touched there
 * but what is constant after open (and the credential, which has its own lock).
 * Sources: librdkafka 2.0 INTRODUCTION.md and CONFIGURATION.md; Azure/azure-event-hubs-for-kafka
 * CONFIGURATION.md; Microsoft Learn, Event Hubs for Apache Kafka. Read 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/kafka_client.h"

#include "alert/alert.h"
#include "alert/catalogue.h"
#include "net/http.h"
#include "outputs/encode/cloudevents.h"
#include "outputs/output.h"

#include <stddef.h>
#include <stdlib.h>

#define BATCH_ALERTS 500
#define BATCH_BYTES ((size_t)4 << 20)

enum kafka_key { KEY_ALERT, KEY_ACCOUNT };

struct kafka {
    struct kafka_settings settings;
    int key;                         /* enum kafka_key */
    struct kafka_client *client;
    const struct services *sv;
};

static const char *const keys[] = { "alert_id", "account", NULL };

/* ---- options ---------------------------------------------------------------------------------------- */

#define AT(field) offsetof(struct kafka, field)
#define SHARED_OPTIONS                                                                                          \
    { .key = "key", .type = OPT_ENUM, .at = AT(key), .values = keys, .preset = "alert_id",                      \
      .help = "message key: alert_id keeps the updates of an alert in order, account those of an account" },    \
    { .key = "timeout", .type = OPT_DURATION, .at = AT(settings.timeout_ms), .preset = "60s", .min = 2000,      \
      .max = 900000, .help = "for a batch to be acknowledged by all in-sync replicas" },                        \
    { .key = "transactional_id", .type = OPT_STRING, .at = AT(settings.transactional_id), .min = 1, .max = 200, \
      .example = "cosmowatch-1",                                                                                \
      .help = "make each batch one transaction; must be unique to this agent and output" },                     \
    { .key = "tls", .type = OPT_MAP, .at = AT(settings.tls), .sub = kafka_tls_options,                          \
      .help = "trust and our own certificate" }

static const struct option_spec kafka_options[] = {
    { .key = "brokers", .type = OPT_STRING_LIST, .at = AT(settings.brokers), .required = true, .min = 1, .max = 50,
      .example = "[kafka1.example.net:9093, kafka2.example.net:9093]", .help = "where to begin, host:port" },
    { .key = "topic", .type = OPT_STRING, .at = AT(settings.topic), .required = true, .min = 1, .max = 249,
      .example = "alerts", .help = "topic to write to" },
    { .key = "security", .type = OPT_ENUM, .at = AT(settings.security), .values = kafka_securities, .preset = "tls",
      .help = "plaintext and sasl_plaintext show alerts, and the latter the password, to the network" },
    { .key = "sasl", .type = OPT_MAP, .at = AT(settings.sasl), .sub = kafka_sasl_options,
      .help = "with security sasl_tls or sasl_plaintext: who we are" },
    { .key = "compression", .type = OPT_ENUM, .at = AT(settings.compression), .values = kafka_compressions,
      .preset = "none", .help = "of message sets" },
    { .key = "max_message", .type = OPT_BYTES, .at = AT(settings.message_max), .preset = "1000000", .min = 1000,
      .max = 100000000, .help = "larger messages are parked; the topic's own limit (max.message.bytes) comes first" },
    SHARED_OPTIONS,
    { 0 },
};

static const struct option_spec event_hubs_options[] = {
    { .key = "connection_string", .type = OPT_SECRET, .at = AT(settings.connection_string),
      .reference_at = AT(settings.connection_string_reference), .example = "${file:/etc/cosmowatch/hub}",
      .help = "reference to Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=...; or use auth" },
    { .key = "namespace", .type = OPT_STRING, .at = AT(settings.event_namespace), .min = 1, .max = 250,
      .example = "contoso-soc", .help = "namespace, or its full host name; needless with a connection string" },
    { .key = "hub", .type = OPT_STRING, .at = AT(settings.topic), .min = 1, .max = 256, .example = "alerts",
      .help = "event hub to write to; needless when the connection string names it (EntityPath)" },
    { .key = "cloud", .type = OPT_ENUM, .at = AT(settings.cloud), .values = kafka_clouds, .preset = "public",
      .help = "where the namespace and our identity are" },
    { .key = "auth", .type = OPT_MAP, .at = AT(settings.auth), .sub = azure_auth_option_specs,
      .help = "our identity when there is no connection string; role: Azure Event Hubs Data Sender" },
    { .key = "address", .type = OPT_STRING, .at = AT(settings.address), .min = 1, .max = 300,
      .example = "hub.internal.example.net:9093", .help = "host:port when it is not the namespace's own" },
    { .key = "compression", .type = OPT_ENUM, .at = AT(settings.compression), .values = kafka_hub_compressions,
      .preset = "none", .help = "gzip is taken by Premium and Dedicated alone" },
    SHARED_OPTIONS,
    { 0 },
};

/* ---- delivering ------------------------------------------------------------------------------------- */

/* The encoder is not told to outputs; what it wrote tells enough. */
static const char *content_type(struct slice payload)
{
    if (!slice_starts(payload, SL("{")))
        return "text/plain; charset=utf-8";
    return cloudevents_is_event(payload) ? CLOUDEVENTS_STRUCTURED_TYPE : "application/json";
}

static void fill_message(const struct kafka *k, const struct output_item *item, struct kafka_message *ret)
{
    const struct alert *a = item->alert;

    *ret = (struct kafka_message){
        .key = slice_of(k->key == KEY_ACCOUNT && a->account[0] ? a->account : a->id), .payload = item->payload,
        .headers = { { "id", a->id }, { "record_id", a->record_id }, { "type", a->type->id },
                     { "severity", severity_name(a->severity) }, { "content-type", content_type(item->payload) } } };
}

static int kafka_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                         struct error *err)
{
    struct kafka *k = self;
    struct kafka_message *messages;
    int rc;

    if (http_is_cancelled(k->sv->http))
        return error_set(err, ERR_CANCELLED, "asked to stop");
    messages = calloc(n, sizeof *messages);
    if (!messages)
        return error_set(err, ERR_NOMEM, "batch");
    for (size_t i = 0; i < n; i++)
        fill_message(k, &items[i], &messages[i]);
    rc = kafka_client_send(k->client, messages, n, ret_each, err);
    for (size_t i = 0; rc == 0 && n > 1 && i < n; i++) /* a refusal of the set is none of each */
        if (ret_each[i].verdict == DELIVERY_REFUSED) {
            struct error why = { 0 };

            if (kafka_client_send(k->client, &messages[i], 1, &ret_each[i], &why) < 0)
                kafka_result(&ret_each[i], DELIVERY_RETRY, why.msg);
        }
    free(messages);
    return rc;
}

static int kafka_probe(void *self, struct buf *said, struct error *err)
{
    struct kafka *k = self;

    return kafka_client_probe(k->client, said, err);
}

/* ---- opening ---------------------------------------------------------------------------------------- */

static void kafka_close(void *self)
{
    struct kafka *k = self;

    kafka_client_free(k->client);
    k->client = NULL;
}

static int kafka_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct kafka *k = self;

    k->sv = sv;
    if (kafka_client_new(&k->settings, name, sv, &k->client, err) < 0)
        return error_wrap(err, "output '%s'", name);
    return 0;
}

static int event_hubs_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct kafka *k = self;

    k->settings.is_event_hubs = true;
    return kafka_open(self, name, sv, err);
}

const struct output_ops output_kafka = {
    .name = "kafka",
    .summary = "alerts as messages of a Kafka topic",
    .options = kafka_options,
    .size = sizeof(struct kafka),
    .default_format = "json",
    .batch_max = BATCH_ALERTS,
    .batch_bytes_max = BATCH_BYTES,
    .open = kafka_open,
    .deliver = kafka_deliver,
    .probe = kafka_probe,
    .close = kafka_close,
};

const struct output_ops output_event_hubs = {
    .name = "event_hubs",
    .summary = "alerts as events of an Azure event hub, by connection string or identity",
    .options = event_hubs_options,
    .size = sizeof(struct kafka),
    .default_format = "json",
    .batch_max = BATCH_ALERTS,
    .batch_bytes_max = BATCH_BYTES,
    .open = event_hubs_open,
    .deliver = kafka_deliver,
    .probe = kafka_probe,
    .close = kafka_close,
};
