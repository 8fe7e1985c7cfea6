/* kafka_fault.c - see kafka_client.h. The brokers' codes: Kafka protocol guide, "Error codes", read 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/kafka_client.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>

enum kind { PASSING, TOO_LARGE, BAD_RECORD, NO_TOPIC, NO_RIGHT, NO_CREDENTIAL, NO_TRUST, NOT_SUPPORTED };

static enum kind kind_of(int code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return TOO_LARGE;
    case RD_KAFKA_RESP_ERR_INVALID_RECORD: case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
        return BAD_RECORD;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        return NO_TOPIC;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED: case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED: case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        return NO_RIGHT;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION: case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM: case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
        return NO_CREDENTIAL;
    case RD_KAFKA_RESP_ERR__SSL:
        return NO_TRUST;
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE: case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION: case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
        return NOT_SUPPORTED;
    default:
        return PASSING;
    }
}

enum delivery_verdict kafka_verdict(int code)
{
    enum kind kind = kind_of(code);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return DELIVERY_ACCEPTED;
    if (kind == TOO_LARGE || kind == BAD_RECORD)
        return DELIVERY_REFUSED;
    return kind == PASSING ? DELIVERY_RETRY : DELIVERY_HOLD;
}

enum error_code kafka_error_code(int code)
{
    static const enum error_code codes[] = {
        [PASSING] = ERR_NET, [TOO_LARGE] = ERR_LIMIT, [BAD_RECORD] = ERR_INPUT, [NO_TOPIC] = ERR_NOT_FOUND,
        [NO_RIGHT] = ERR_DENIED, [NO_CREDENTIAL] = ERR_AUTH, [NO_TRUST] = ERR_CONFIG, [NOT_SUPPORTED] = ERR_CONFIG,
    };

    return codes[kind_of(code)];
}

static const char *remedy(enum kind kind, bool is_event_hubs)
{
    switch (kind) {
    case NO_TOPIC:
        return is_event_hubs ? "create the event hub or correct 'hub'" : "create the topic or correct 'topic'";
    case NO_RIGHT:
        return is_event_hubs ? "give the role Azure Event Hubs Data Sender, or a key with Send; Basic has no Kafka"
                             : "allow Write on the topic (and IdempotentWrite before Kafka 3.0)";
    case NO_CREDENTIAL:
        return is_event_hubs ? "correct connection_string or auth" : "correct sasl";
    case NO_TRUST:
        return "correct tls, or the broker's certificate";
    case NOT_SUPPORTED:
        return "change the setting that the broker does not take";
    case TOO_LARGE:
        return "raise the topic's max.message.bytes";
    case BAD_RECORD:
    case PASSING:
        break;
    }
    return NULL;
}

void kafka_explain(int code, const char *said, bool is_event_hubs, char *ret, size_t size)
{
    const char *help = remedy(kind_of(code), is_event_hubs);
    const char *words = rd_kafka_err2str((rd_kafka_resp_err_t)code);
    int help_len = help ? (int)strlen(help) + 2 : 0;
    int room = (int)size - 1 - help_len;

    /* The library's "Local: ..." names a class; what was said beside it is the cause. */
    if (said && said[0] && (code == RD_KAFKA_RESP_ERR_NO_ERROR || strncmp(words, "Local: ", 7) == 0))
        words = said;
    (void)snprintf(ret, size, "%.*s%s%s", room > 0 ? room : 0, words, help ? "; " : "", help ? help : "");
}

void kafka_result(struct delivery_result *r, enum delivery_verdict verdict, const char *reason)
{
    struct error clean = { 0 };
    struct slice cut;

    (void)error_set(&clean, ERR_NONE, "%s", reason ? reason : "");
    cut = slice_cut(slice_of(clean.msg), sizeof r->reason - 1);
    *r = (struct delivery_result){ .verdict = verdict };
    memcpy(r->reason, cut.at, cut.len);
}
