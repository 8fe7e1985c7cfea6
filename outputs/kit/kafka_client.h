/* kafka_client.h - a producer that is made anew whenever that is the way out. For kafka and event_hubs.
 *
 *   kafka_conf.c    settings -> librdkafka's configuration; the option tables
 *   kafka_token.c   OAUTHBEARER tokens: our own Azure identity, or an OIDC client
 *   kafka_fault.c   an error of broker or library -> verdict and words
 *   kafka_trust.c   the certificates that brokers show
 *   kafka_client.c  the producer's life, a batch and its delivery reports
 *
 * One thread, but for kafka_tokens and kafka_trust, which the library's own threads use.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KAFKA_CLIENT_H
#define COSMOWATCH_KAFKA_CLIENT_H

#include "azure/azure.h"
#include "base/buf.h"
#include "outputs/output.h"
#include "settings/option.h"

/* ---- settings ----------------------------------------------------------------------------------- */

enum kafka_security { KAFKA_PLAINTEXT, KAFKA_TLS, KAFKA_SASL_TLS, KAFKA_SASL_PLAINTEXT };
enum kafka_mechanism { KAFKA_PLAIN, KAFKA_SCRAM_256, KAFKA_SCRAM_512, KAFKA_OAUTHBEARER };

struct kafka_settings { /* filled by the option tables; lives as long as the client */
    struct string_list brokers;
    char *topic, *transactional_id;
    int security, compression;
    int64_t timeout_ms, message_max;
    struct kafka_tls { char *ca, *cert, *key; } tls;
    struct kafka_sasl {
        int mechanism;
        char *username, *password_reference;
        struct secret password;
        struct kafka_oidc {
            char *token_url, *client_id, *client_secret_reference, *scope, *ca;
            struct secret client_secret;
        } oidc;
    } sasl;

    bool is_event_hubs; /* and then, in place of brokers, security and sasl: */
    struct secret connection_string;
    char *connection_string_reference, *event_namespace, *address;
    int cloud;
    struct azure_auth_options auth;
};

extern const char *const kafka_securities[], *const kafka_compressions[], *const kafka_hub_compressions[],
    *const kafka_clouds[];
extern const struct option_spec kafka_tls_options[], kafka_sasl_options[];

/* ---- what was worked out of them ----------------------------------------------------------------- */

struct kafka_place {
    char *brokers, *topic;
    char host[256];          /* of the namespace */
    enum kafka_security security;
    enum kafka_mechanism mechanism;
};

/* ERR_CONFIG: what is missing or contradicts. */
MUST_CHECK int kafka_place_from(const struct kafka_settings *s, struct kafka_place *ret, struct error *err);
void kafka_place_release(struct kafka_place *p);
/* Secrets are read again. `conf`: rd_kafka_conf_t. */
MUST_CHECK int kafka_conf_fill(void *conf, const struct kafka_settings *s, const struct kafka_place *p,
                               struct error *err);

/* ---- tokens -------------------------------------------------------------------------------------- */

struct kafka_tokens; /* any thread */

MUST_CHECK int kafka_tokens_new(const struct kafka_settings *s, const struct kafka_place *p,
                                const struct services *sv, struct kafka_tokens **ret, struct error *err);
void kafka_tokens_free(struct kafka_tokens *t);
/* Ask for one now and give it, or the reason why there is none, to the client `rk` (rd_kafka_t). */
void kafka_tokens_refresh(struct kafka_tokens *t, void *rk);
void kafka_tokens_forget(struct kafka_tokens *t); /* the broker refused it */

/* ---- certificates of brokers ---------------------------------------------------------------------- */

struct kafka_trust; /* any thread */

MUST_CHECK int kafka_trust_new(const struct services *sv, struct kafka_trust **ret, struct error *err);
void kafka_trust_free(struct kafka_trust *t);
/* A broker showed a certificate of its chain, the root's first. What OpenSSL found (0: nothing wrong) is looked at and never
 * changed: true means that it found nothing. False: `ret` says what it found. */
MUST_CHECK bool kafka_trust_show(struct kafka_trust *t, const char *broker, int depth, struct slice der, int x509_error,
                                 char *ret, size_t size);
/* Why a broker was refused last; false: none was (nothing written). */
bool kafka_trust_says(struct kafka_trust *t, char *ret, size_t size);

/* ---- faults -------------------------------------------------------------------------------------- */

enum delivery_verdict kafka_verdict(int code);       /* rd_kafka_resp_err_t */
enum error_code kafka_error_code(int code);
/* "Broker: Topic authorization failed: ...", with what to do about it. */
void kafka_explain(int code, const char *said, bool is_event_hubs, char *ret, size_t size);
void kafka_result(struct delivery_result *r, enum delivery_verdict verdict, const char *reason);

/* ---- the client ---------------------------------------------------------------------------------- */

#define KAFKA_HEADERS_MAX 5

struct kafka_message { /* all borrowed for the call */
    struct slice key, payload;
    struct { const char *name, *value; } headers[KAFKA_HEADERS_MAX];
};

struct kafka_client;

/* Asks nobody. */
MUST_CHECK int kafka_client_new(const struct kafka_settings *s, const char *name, const struct services *sv,
                                struct kafka_client **ret, struct error *err);
void kafka_client_free(struct kafka_client *c);
/* Judges each in ret_each; or -1 and judges none. Nothing is in flight when it returns. */
MUST_CHECK int kafka_client_send(struct kafka_client *c, const struct kafka_message *messages, size_t n,
                                 struct delivery_result *ret_each, struct error *err);
/* Is the topic there, would the brokers take us? Writes nothing. */
MUST_CHECK int kafka_client_probe(struct kafka_client *c, struct buf *said, struct error *err);

#endif
