/* kafka_conf.c - see kafka_client.h. SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/kafka_client.h"

#include "net/http.h"
#include "net/stream.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

const char *const kafka_securities[] = { "plaintext", "tls", "sasl_tls", "sasl_plaintext", NULL };
const char *const kafka_compressions[] = { "none", "gzip", "snappy", "lz4", "zstd", NULL };
const char *const kafka_hub_compressions[] = { "none", "gzip", NULL };
const char *const kafka_clouds[] = { "public", "us_government", "china", NULL };
static const char *const mechanisms[] = { "plain", "scram_sha_256", "scram_sha_512", "oauthbearer", NULL };
static const char *const mechanisms_there[] = { "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER" };
static const char *const protocols[] = { "plaintext", "ssl", "sasl_ssl", "sasl_plaintext" };

const struct option_spec kafka_tls_options[] = {
    { .key = "ca", .type = OPT_STRING, .at = offsetof(struct kafka_tls, ca), .file = OPTION_FILE_TRUST,
      .example = "/etc/ssl/certs/ca-certificates.crt",
      .help = "PEM file, or folder, with the authorities to trust instead of the system's" },
    { .key = "cert", .type = OPT_STRING, .at = offsetof(struct kafka_tls, cert), .file = OPTION_FILE_CERTIFICATE,
      .example = "/etc/cosmowatch/client.pem",
      .help = "PEM file with our certificate for the brokers, read again when it is replaced" },
    { .key = "key", .type = OPT_STRING, .at = offsetof(struct kafka_tls, key), .file = OPTION_FILE_KEY,
      .example = "/etc/cosmowatch/client.key",
      .help = "PEM file with its key; needless when it stands in cert" },
    { 0 },
};

#define OIDC_AT(field) offsetof(struct kafka_oidc, field)
static const struct option_spec oidc_options[] = {
    { .key = "token_url", .type = OPT_URL, .at = OIDC_AT(token_url), .example = "https://id.example.net/oauth2/token",
      .help = "token endpoint of the identity provider" },
    { .key = "client_id", .type = OPT_STRING, .at = OIDC_AT(client_id), .min = 1, .max = 500, .example = "cosmowatch",
      .help = "client that asks for the token (grant client_credentials)" },
    { .key = "client_secret", .type = OPT_SECRET, .at = OIDC_AT(client_secret),
      .reference_at = OIDC_AT(client_secret_reference), .example = "${file:/etc/cosmowatch/oidc}",
      .help = "reference to its secret, read again for every token" },
    { .key = "scope", .type = OPT_STRING, .at = OIDC_AT(scope), .min = 1, .max = 1000, .example = "kafka",
      .help = "scope to ask for" },
    { .key = "ca", .type = OPT_STRING, .at = OIDC_AT(ca), .file = OPTION_FILE_TRUST,
      .example = "/etc/ssl/certs/ca-certificates.crt",
      .help = "PEM file with the authorities to trust for token_url" },
    { 0 },
};

#define SASL_AT(field) offsetof(struct kafka_sasl, field)
const struct option_spec kafka_sasl_options[] = {
    { .key = "mechanism", .type = OPT_ENUM, .at = SASL_AT(mechanism), .values = mechanisms, .preset = "scram_sha_512",
      .help = "as the brokers want it; oauthbearer needs oidc" },
    { .key = "username", .type = OPT_STRING, .at = SASL_AT(username), .min = 1, .max = 500, .example = "cosmowatch",
      .help = "for plain and scram" },
    { .key = "password", .type = OPT_SECRET, .at = SASL_AT(password), .reference_at = SASL_AT(password_reference),
      .example = "${file:/etc/cosmowatch/kafka}", .help = "reference to its password, read again when it was refused" },
    { .key = "oidc", .type = OPT_MAP, .at = SASL_AT(oidc), .sub = oidc_options, .help = "for oauthbearer: where tokens come from" },
    { 0 },
};

/* ---- where to -------------------------------------------------------------------------------------- */

/* "Endpoint=sb://host/;SharedAccessKeyName=..;SharedAccessKey=..;EntityPath=.." ; views into the text. */
struct hub_string {
    struct slice host, hub;
    bool has_key, is_emulator;
};

static void read_hub_string(const struct secret *text, struct hub_string *ret)
{
    struct slice rest = slice_make(secret_reveal(text), text->len), part;

    *ret = (struct hub_string){ 0 };
    while (slice_split(&rest, ';', &part)) {
        struct slice value = slice_trim(part), name;

        (void)slice_split(&value, '=', &name);
        if (slice_eq_nocase(name, SL("Endpoint")) && slice_starts_nocase(value, SL("sb://"))) {
            value = slice_make(value.at + 5, value.len - 5);
            (void)slice_split(&value, '/', &ret->host);
        } else if (slice_eq_nocase(name, SL("EntityPath"))) {
            ret->hub = value;
        } else if (slice_eq_nocase(name, SL("SharedAccessKey"))) {
            ret->has_key = value.len > 0;
        } else if (slice_eq_nocase(name, SL("UseDevelopmentEmulator"))) {
            ret->is_emulator = slice_eq_nocase(value, SL("true"));
        }
    }
}

static int namespace_host(const struct kafka_settings *s, const struct azure_cloud *cloud, const struct hub_string *hub,
                          struct kafka_place *p, int *ret_port, struct error *err)
{
    char full[256];
    struct slice host = hub->host;

    if (host.len == 0 && s->event_namespace) {
        (void)snprintf(full, sizeof full, strchr(s->event_namespace, '.') ? "%s" : "%s.%s", s->event_namespace,
                       cloud->event_hubs_suffix);
        host = slice_of(full);
    }
    if (host.len == 0)
        return error_set(err, ERR_CONFIG, "needs connection_string (Endpoint=sb://...), or namespace and auth");
    return stream_parse_address(host, *ret_port, p->host, sizeof p->host, ret_port, err);
}

static int place_of_hub(const struct kafka_settings *s, struct kafka_place *p, struct error *err)
{
    const struct azure_cloud *cloud = azure_cloud_find(kafka_clouds[s->cloud]);
    struct hub_string hub;
    int port;

    read_hub_string(&s->connection_string, &hub);
    port = hub.is_emulator ? 9092 : 9093;
    if (!secret_empty(&s->connection_string) && (hub.host.len == 0 || !hub.has_key))
        return error_set(err, ERR_CONFIG, "connection_string is none: Endpoint=sb://...;SharedAccessKeyName=...;"
                                          "SharedAccessKey=... is expected (signatures are not taken over Kafka)");
    if (!cloud || namespace_host(s, cloud, &hub, p, &port, err) < 0)
        return -1;
    p->topic = s->topic ? strdup(s->topic) : hub.hub.len > 0 ? strndup(hub.hub.at, hub.hub.len) : NULL;
    if (!p->topic)
        return error_set(err, ERR_CONFIG, "needs 'hub', as the connection string has no EntityPath");
    if (s->address)
        p->brokers = strdup(s->address);
    else if (asprintf(&p->brokers, strchr(p->host, ':') ? "[%s]:%d" : "%s:%d", p->host, port) < 0)
        p->brokers = NULL;
    p->security = hub.is_emulator ? KAFKA_SASL_PLAINTEXT : KAFKA_SASL_TLS;
    p->mechanism = secret_empty(&s->connection_string) ? KAFKA_OAUTHBEARER : KAFKA_PLAIN;
    return p->brokers ? 0 : error_set(err, ERR_NOMEM, "event hub");
}

/* The client's secret must not travel in clear, except within this host. */
static bool is_guarded(const char *url)
{
    return slice_starts_nocase(slice_of(url), SL("https://")) || http_url_is_local(url);
}

static int check_sasl(const struct kafka_settings *s, struct error *err)
{
    const struct kafka_oidc *o = &s->sasl.oidc;

    if (o->token_url && !is_guarded(o->token_url))
        return error_set(err, ERR_CONFIG, "sasl.oidc.token_url must be https, or the secret is shown to the network");
    if (s->security != KAFKA_SASL_TLS && s->security != KAFKA_SASL_PLAINTEXT)
        return s->sasl.username || o->token_url
                   ? error_set(err, ERR_CONFIG, "sasl is given, but security is %s: use sasl_tls", kafka_securities[s->security])
                   : 0;
    if (s->sasl.mechanism == KAFKA_OAUTHBEARER)
        return o->token_url && o->client_id && !secret_empty(&o->client_secret)
                   ? 0 : error_set(err, ERR_CONFIG, "oauthbearer needs sasl.oidc with token_url, client_id and client_secret");
    return s->sasl.username && !secret_empty(&s->sasl.password)
               ? 0 : error_set(err, ERR_CONFIG, "security %s needs sasl.username and sasl.password",
                               kafka_securities[s->security]);
}

int kafka_place_from(const struct kafka_settings *s, struct kafka_place *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf brokers = BUF_INIT(65536);

    *ret = (struct kafka_place){ 0 };
    if (s->is_event_hubs)
        return place_of_hub(s, ret, err);
    if (check_sasl(s, err) < 0)
        return -1;
    for (size_t i = 0; i < s->brokers.len; i++) {
        char host[256];
        int port;

        if (stream_parse_address(slice_of(s->brokers.at[i]), 9092, host, sizeof host, &port, err) < 0)
            return -1;
        buf_addf(&brokers, strchr(host, ':') ? "%s[%s]:%d" : "%s%s:%d", i > 0 ? "," : "", host, port);
    }
    ret->brokers = buf_take(&brokers);
    ret->topic = strdup(s->topic);
    ret->security = (enum kafka_security)s->security;
    ret->mechanism = (enum kafka_mechanism)s->sasl.mechanism;
    return ret->brokers && ret->topic ? 0 : error_set(err, ERR_NOMEM, "brokers");
}

void kafka_place_release(struct kafka_place *p)
{
    free(p->brokers);
    free(p->topic);
    *p = (struct kafka_place){ 0 };
}

/* ---- librdkafka's configuration ---------------------------------------------------------------------- */

static int set(rd_kafka_conf_t *conf, const char *key, const char *value, struct error *err)
{
    char why[300];

    if (!value || rd_kafka_conf_set(conf, key, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return 0;
    /* Its words hold the value. */
    if (strstr(key, "password"))
        return error_set(err, ERR_CONFIG, "the Kafka library refuses %s", key);
    return error_set(err, ERR_CONFIG, "%.200s", why);
}

/* What librdkafka knows since 1.9: Ubuntu 22.04 and RHEL 9 have older ones, which get along without. */
static int set_if_known(rd_kafka_conf_t *conf, const char *key, const char *value, struct error *err)
{
    return rd_kafka_conf_get(conf, key, NULL, &(size_t){ 0 }) == RD_KAFKA_CONF_UNKNOWN ? 0 : set(conf, key, value, err);
}

static int set_ms(rd_kafka_conf_t *conf, const char *key, int64_t value, struct error *err)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    return set(conf, key, text, err);
}

/* The secret as it is now; the one read at the start when it cannot be read. */
static int set_secret(rd_kafka_conf_t *conf, const char *key, const struct secret *first, const char *reference,
                      struct error *err)
{
    struct secret fresh = SECRET_INIT;
    struct error ignored = { 0 }; /* the broker will say what is wrong with the old one */
    int rc;

    if (!reference || secret_ref_resolve(slice_of(reference), &fresh, &ignored) < 0)
        return set(conf, key, secret_reveal(first), err);
    rc = set(conf, key, secret_reveal(&fresh), err);
    secret_release(&fresh);
    return rc;
}

static int set_sasl(rd_kafka_conf_t *conf, const struct kafka_settings *s, const struct kafka_place *p, struct error *err)
{
    if (p->security != KAFKA_SASL_TLS && p->security != KAFKA_SASL_PLAINTEXT)
        return 0;
    if (set(conf, "sasl.mechanism", mechanisms_there[p->mechanism], err) < 0)
        return -1;
    if (p->mechanism == KAFKA_OAUTHBEARER)
        return 0;
    if (s->is_event_hubs)
        return set(conf, "sasl.username", "$ConnectionString", err) < 0
                   ? -1 : set_secret(conf, "sasl.password", &s->connection_string, s->connection_string_reference, err);
    return set(conf, "sasl.username", s->sasl.username, err) < 0
               ? -1 : set_secret(conf, "sasl.password", &s->sasl.password, s->sasl.password_reference, err);
}

static int set_tls(rd_kafka_conf_t *conf, const struct kafka_settings *s, const struct kafka_place *p, struct error *err)
{
    if (p->security != KAFKA_TLS && p->security != KAFKA_SASL_TLS)
        return 0;
    /* Before librdkafka 2.0 any name would do. */
    return set(conf, "ssl.endpoint.identification.algorithm", "https", err) < 0 ||
           set(conf, "ssl.ca.location", s->tls.ca, err) < 0 || set(conf, "ssl.certificate.location", s->tls.cert, err) < 0 ||
           set(conf, "ssl.key.location", s->tls.key ? s->tls.key : s->tls.cert, err) < 0 ? -1 : 0;
}

/* Event Hubs: what Azure/azure-event-hubs-for-kafka CONFIGURATION.md asks for. Idle links are dropped
 * without a word by load balancers elsewhere too, so age and keep-alive are for everybody. */
static int set_hub_limits(rd_kafka_conf_t *conf, const struct kafka_settings *s, struct error *err)
{
    if (!s->is_event_hubs)
        return set_ms(conf, "message.max.bytes", s->message_max, err) < 0 ||
               set(conf, "compression.codec", kafka_compressions[s->compression], err) < 0 ||
               set_ms(conf, "request.timeout.ms", 30000, err) < 0 ? -1 : 0;
    return set_ms(conf, "message.max.bytes", 1000000, err) < 0 || /* a request over 1,046,528 bytes ends the connection */
           set(conf, "compression.codec", kafka_hub_compressions[s->compression], err) < 0 ||
           set_ms(conf, "request.timeout.ms", 60000, err) < 0 ||
           set_if_known(conf, "connections.max.idle.ms", "180000", err) < 0 ? -1 : 0;
}

int kafka_conf_fill(void *into, const struct kafka_settings *s, const struct kafka_place *p, struct error *err)
{
    static const struct { const char *key, *value; } fixed[] = {
        { "client.id", "cosmowatch" },
        { "enable.idempotence", "true" },
        { "acks", "all" },
        { "linger.ms", "5" },
        { "socket.keepalive.enable", "true" },
        { "socket.nagle.disable", "true" }, /* the end of a batch would wait 40 ms for the acknowledgement of its beginning */
        { "metadata.max.age.ms", "180000" },
        { "log.connection.close", "false" },
        { "topic.metadata.propagation.max.ms", "5000" }, /* how long an unknown topic may be a new one */
    };
    rd_kafka_conf_t *conf = into;

    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        if (set(conf, fixed[i].key, fixed[i].value, err) < 0)
            return -1;
    if (set_if_known(conf, "socket.connection.setup.timeout.ms", "10000", err) < 0)
        return -1;
    if (s->transactional_id && (set(conf, "transactional.id", s->transactional_id, err) < 0 ||
                                set_ms(conf, "transaction.timeout.ms", s->timeout_ms, err) < 0))
        return -1;
    return set(conf, "bootstrap.servers", p->brokers, err) < 0 ||
           set(conf, "security.protocol", protocols[p->security], err) < 0 ||
           set_ms(conf, "message.timeout.ms", s->timeout_ms, err) < 0 || set_hub_limits(conf, s, err) < 0 ||
           set_tls(conf, s, p, err) < 0 || set_sasl(conf, s, p, err) < 0 ? -1 : 0;
}
