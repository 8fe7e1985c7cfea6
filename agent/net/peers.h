/* peers.h - when the certificates of those who answered end: of receivers, of Azure, of whoever was asked over TLS.
 *
 * Theirs end without a word to us, and alerts stop at that moment. What a full handshake showed is kept here; nobody is
 * asked for it. A resumed session shows no certificate, a peer that is known by its fingerprint alone has no end.
 * At most PEERS_MAX places; the one not seen for longest makes room.
 * Any thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_PEERS_H
#define COSMOWATCH_PEERS_H

#include "base/base.h"

#define PEERS_MAX 128

struct peers;

struct peer_chain {             /* of the verified chain, the certificate that ends first */
    int64_t from_ns, to_ns;     /* to_ns 0: none was shown */
    char subject[80];           /* its common name */
};

struct peer {
    char place[136];            /* "siem.example.net:6514"; nothing in it needs quoting in a line or a label */
    struct peer_chain chain;
};

struct peers *peers_new(void); /* NULL without memory */
void peers_free(struct peers *p);

/* `place` showed this chain and was believed. NULL: nobody keeps it. */
void peers_note(struct peers *p, const char *place, const struct peer_chain *chain);
/* A copy of what stands at i; false: no more. A place stays where it is until it makes room. */
bool peers_at(struct peers *p, size_t i, struct peer *ret);

#endif
