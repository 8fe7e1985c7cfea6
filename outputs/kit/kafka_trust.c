/* kafka_trust.c - see kafka_client.h.
 *
 * Librdkafka makes its connections itself. Of certificates it tells its callback alone, in the thread of that broker, once
 * for each of the chain while OpenSSL verifies. The callback could let anybody in: it hands on what was found.
 * OpenSSL looks at name constraints of authorities after the leaf: a chain that fails there is kept as believed, and
 * refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/peers.h"
#include "net/tls_peer.h"
#include "outputs/kit/kafka_client.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct kafka_trust {
    const struct services *sv;
    pthread_mutex_t lock;
    char refusal[240]; /* the last one */
};

int kafka_trust_new(const struct services *sv, struct kafka_trust **ret, struct error *err)
{
    struct kafka_trust *t = calloc(1, sizeof *t);

    if (!t)
        return error_set(err, ERR_NOMEM, "Kafka client");
    t->sv = sv;
    (void)pthread_mutex_init(&t->lock, NULL);
    *ret = t;
    return 0;
}

void kafka_trust_free(struct kafka_trust *t)
{
    if (t)
        (void)pthread_mutex_destroy(&t->lock);
    free(t);
}

bool kafka_trust_show(struct kafka_trust *t, const char *broker, int depth, struct slice der, int x509_error, char *ret,
                      size_t size)
{
    /* One broker's thread verifies one chain at a time, and has no other place for what it saw of it so far. */
    static _Thread_local struct tls_peer peer;

    tls_peer_show(&peer, depth, der, x509_error);
    if (x509_error == 0) {
        if (depth == 0)
            peers_note(t->sv->peers, broker, &peer.chain);
        return true;
    }
    (void)snprintf(ret, size, "is refused");
    (void)tls_peer_says(&peer, sv_wall_ns(t->sv), ret, size);
    (void)pthread_mutex_lock(&t->lock);
    (void)snprintf(t->refusal, sizeof t->refusal, "%.60s: %.170s", broker, ret);
    (void)pthread_mutex_unlock(&t->lock);
    return false;
}

bool kafka_trust_says(struct kafka_trust *t, char *ret, size_t size)
{
    bool is_said;

    (void)pthread_mutex_lock(&t->lock);
    is_said = t->refusal[0] != '\0';
    if (is_said)
        (void)snprintf(ret, size, "%s", t->refusal);
    (void)pthread_mutex_unlock(&t->lock);
    return is_said;
}
