/* trusted.h - whom the operator trusts, for what, until when, and why: the `trusted:` list.
 *
 *     trusted:
 *       - { address: 203.0.113.0/24, note: head office }
 *       - { asn: AS64500, note: our carrier at all branches }
 *       - { principal: 3f2c..., accounts: [contoso-orders], until: 2027-01-31, note: nightly export }
 *       - { key_reader: terraform@contoso.example, note: reads keys at every refresh }
 *       - { agent: contoso-backup*, note: our own tool }
 *
 * Trust is about one question of one kind; detectors ask with enrich_trusts(). It is judged at the event's time, so
 * that a replay judges as the day did. It spares alerts, not learning: when it ends, what it covered is known. How far
 * a kind goes:
 *   address     where from: places, networks, listings, refusals, lists of names, sleeping accounts, stolen keys. Never
 *               how much: who sits at a trusted address can still carry the data away.
 *   asn         unusual places and networks, and where a key reader is. No more: a carrier or cloud serves everybody.
 *   principal   what this identity does (volumes, scans, feeds, lists), that it is new, that it travels. Never where a
 *               listed address or a key is concerned: an identity can be stolen like a key.
 *   agent       that the program is new or a tool. A user agent is the caller's own word.
 *   key_reader  that it reads or regenerates keys. Never from a listed address, never all keys at once.
 *
 * An entry keeps on which days of events it vouched for somebody, so that one that nobody needs any more is seen. Days and
 * not alerts: whether there would have been an alert is not always known when a detector asks. The same rows judged again
 * change nothing. Of two entries that cover the same, the first is used. One thread asks; others may look at the rest.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TRUSTED_H
#define COSMOWATCH_TRUSTED_H

#include "base/slice.h"

#define TRUSTED_DAYS 64

struct buf;
struct settings_errors;
struct trusted;
struct yaml_node;

enum trusted_kind {
    TRUSTED_ADDRESS,    /* an address or a range */
    TRUSTED_ASN,        /* autonomous system: asked with trusted_has_asn() */
    TRUSTED_PRINCIPAL,  /* object id, UPN or application id, as logged */
    TRUSTED_KEY_READER, /* may read keys: the caller of AzureActivity, or its application id */
    TRUSTED_AGENT,      /* user agent; * at the end stands for any rest */
    TRUSTED_KIND_COUNT
};

/* `list`: the node, or NULL. What is wrong goes to errors, all of it; then -1. */
MUST_CHECK int trusted_read(const struct yaml_node *list, struct trusted **ret, struct settings_errors *errors);
void trusted_free(struct trusted *t);
void trusted_freep(struct trusted **t);
struct trusted_use {
    int64_t last_ns;                 /* the last event that an entry vouched for; 0: none yet */
    int days;                        /* of the TRUSTED_DAYS days that end then */
};
struct trusted_view { /* borrowed */
    const char *kind, *value, *note; /* note "" when unsaid */
    int64_t until_ns;                /* INT64_MAX: for ever */
    int64_t warn_before_ns;
    bool is_everywhere;              /* not for some accounts only */
};
size_t trusted_len(const struct trusted *t); /* NULL: 0 */
void trusted_look(const struct trusted *t, size_t i, struct trusted_view *ret);
struct trusted_use trusted_use(const struct trusted *t, size_t i); /* only the thread that asks */
/* Is the value trusted at that time, everywhere or for this account? NULL trusts nobody. */
bool trusted_has(const struct trusted *t, enum trusted_kind kind, struct slice account, struct slice value,
                 int64_t time_ns);
bool trusted_has_asn(const struct trusted *t, struct slice account, int64_t asn, int64_t time_ns);
/* What use was made of the entries, to be kept; and put back in the place of what is known, where the entries are still the
 * same. Of a text that cannot be, nothing is taken. */
bool trusted_has_news(const struct trusted *t); /* since the last save that was kept */
void trusted_save(const struct trusted *t, struct buf *out);
void trusted_mark_saved(const struct trusted *t);
void trusted_load(const struct trusted *t, struct slice text);
/* fn for each entry that is over or will be within its warning time: "address 203.0.113.0/24 (head office)" and
 * "ends on ..." (base/expiry.h). */
void trusted_warn(const struct trusted *t, int64_t now_ns, void (*fn)(void *self, const char *name, const char *what),
                  void *self);

#endif
