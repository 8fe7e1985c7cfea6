/* certificates.h - when our certificates end.
 *
 * Those that options name as files: for receivers, for Entra, of the console. An ended one stops an output or a source from
 * one moment to the next, and what it takes to get a new one takes days: so it is told 30, 7 and 1 days before. A client
 * secret of Entra tells nobody when it ends, nor does a managed identity's certificate, which Azure replaces by itself.
 *
 * And the certificates of those who were asked over TLS (net/peers.h), 14, 3 and 1 days before: whoever answers renews
 * theirs by himself as a rule, many in the last weeks and some every few days, so that a notice waits for the last sixth
 * of what a certificate lives.
 * One thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CERTIFICATES_H
#define COSMOWATCH_CERTIFICATES_H

#include "base/buf.h"
#include "base/error.h"
#include "base/services.h"

struct settings;
struct peer; /* net/peers.h */
struct peers;
struct certificates;

struct certificate {
    char where[200];          /* "outputs.soc.tls.cert" */
    const char *path;         /* lives as long as the settings */
    bool is_trust;            /* authorities, not ours: a file of many */
    int64_t not_after_ns;     /* of ours: the first to end in its file; of authorities: the last. 0: not readable */
    size_t count, ended;      /* of authorities */
};

/* Reads every file that the settings name; keeps a view of them, and of the peers, which may be NULL. */
MUST_CHECK int certificates_new(const struct settings *s, struct peers *peers, struct certificates **ret,
                                struct error *err);
void certificates_free(struct certificates *c);
const struct certificate *certificates_at(const struct certificates *c, size_t i); /* NULL: no more */
bool certificates_peer(const struct certificates *c, size_t i, struct peer *ret); /* false: no more */

/* "ends in 6 d, at 2026-09-01T00:00:00Z", "ended at ..."; false, and nothing is written: there is no hurry. */
enum certificate_end { CERTIFICATE_FINE, CERTIFICATE_SOON, CERTIFICATE_ENDED };
enum certificate_end certificate_says(const struct certificate *c, int64_t now_ns, struct buf *out);
enum certificate_end certificate_says_peer(const struct peer *p, int64_t now_ns, struct buf *out);

/* Reads the files again once an hour at most, looks at the peers every time, and logs what came nearer than before. */
void certificates_watch(struct certificates *c, const struct services *sv);

#endif
