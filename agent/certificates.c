/* certificates.c - see certificates.h. SPDX-License-Identifier: Apache-2.0 */
#include "certificates.h"

#include "azure/credential.h"
#include "base/file.h"
#include "base/log.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "net/openssl.h"
#include "net/peers.h"
#include "settings/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FILE_MAX_BYTES (4u << 20)
#define WATCH_EVERY_MS 3600000
#define DAY_NS (24 * 3600 * NS_PER_S)

static const int64_t notice_days[] = { 30, 7, 1, 0 };
static const int64_t peer_notice_days[] = { 14, 3, 1, 0 };
#define PEER_NOTICE_PART 6 /* of its life: who renews late on purpose is not told of each time */

struct entry {
    struct certificate c;
    const struct secret *password; /* the settings'; NULL: none */
    size_t told;                   /* notices that were given for this end */
};

struct entry_of_peer {
    char place[sizeof(((struct peer *)0)->place)];
    int64_t to_ns; /* for which notices were given */
    size_t told;
};

struct certificates {
    struct peers *peers; /* NULL: none are watched */
    struct entry_of_peer theirs[PEERS_MAX];
    struct entry *at;
    size_t len;
    int64_t due_ms;
};

/* ---- reading -------------------------------------------------------------------------------------- */

static int64_t end_of(const X509 *cert)
{
    struct tm tm = { 0 };

    return ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1 ? (int64_t)timegm(&tm) * NS_PER_S : 0;
}

static void add_end(struct certificate *c, int64_t end_ns, int64_t now_ns)
{
    c->count++;
    c->ended += end_ns <= now_ns;
    if (c->not_after_ns == 0 || (c->is_trust ? end_ns > c->not_after_ns : end_ns < c->not_after_ns))
        c->not_after_ns = end_ns;
}

static int no_password(char *at UNUSED, int size UNUSED, int writing UNUSED, void *arg UNUSED)
{
    return -1; /* of certificates there is none, and nobody is at the terminal */
}

static void read_pem(struct certificate *c, struct slice bytes, int64_t now_ns)
{
    BIO *bio = BIO_new_mem_buf(bytes.at, (int)bytes.len);
    X509 *cert = NULL;

    while (bio && (cert = PEM_read_bio_X509_AUX(bio, NULL, no_password, NULL)) != NULL) {
        add_end(c, end_of(cert), now_ns);
        X509_free(cert);
    }
    BIO_free(bio);
}

static void read_pfx(struct certificate *c, struct slice bytes, const struct secret *password, int64_t now_ns)
{
    const unsigned char *at = (const unsigned char *)bytes.at;
    PKCS12 *pfx = d2i_PKCS12(NULL, &at, (long)bytes.len);
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;

    if (pfx && PKCS12_parse(pfx, password ? secret_reveal(password) : "", &key, &cert, NULL) == 1 && cert)
        add_end(c, end_of(cert), now_ns);
    X509_free(cert);
    EVP_PKEY_free(key);
    PKCS12_free(pfx);
}

/* What cannot be read is told by whoever needs it. */
static void entry_read(struct entry *e, int64_t now_ns)
{
    CLEANUP(secret_release) struct secret ours = SECRET_INIT; /* the file may hold the key as well */
    CLEANUP(buf_release) struct buf theirs = BUF_INIT(FILE_MAX_BYTES);
    struct error ignored = { 0 };
    struct slice bytes;

    e->c.not_after_ns = 0;
    e->c.count = e->c.ended = 0;
    if ((e->c.is_trust ? file_read(&theirs, e->c.path, &ignored)
                       : credential_read_file(e->c.path, FILE_MAX_BYTES, &ours, &ignored)) < 0)
        return;
    bytes = e->c.is_trust ? buf_slice(&theirs) : slice_make(secret_reveal(&ours), ours.len);
    if (slice_find(bytes, SL("-----BEGIN ")) != SIZE_MAX)
        read_pem(&e->c, bytes, now_ns);
    else if (!e->c.is_trust)
        read_pfx(&e->c, bytes, e->password, now_ns);
    ERR_clear_error();
}

static int add_file(void *self, const struct settings_file *f, struct error *err)
{
    struct certificates *c = self;
    struct entry *more;

    if (f->kind != OPTION_FILE_TRUST && f->kind != OPTION_FILE_CERTIFICATE)
        return 0;
    more = realloc(c->at, (c->len + 1) * sizeof *more);
    if (!more)
        return error_set(err, ERR_NOMEM, "no memory for certificates");
    c->at = more;
    c->at[c->len] = (struct entry){ .c = { .path = f->path, .is_trust = f->kind == OPTION_FILE_TRUST },
                                    .password = f->password };
    (void)snprintf(c->at[c->len].c.where, sizeof c->at->c.where, "%s", f->where);
    c->len++;
    return 0;
}

int certificates_new(const struct settings *s, struct peers *peers, struct certificates **ret, struct error *err)
{
    struct certificates *c = calloc(1, sizeof *c);
    const struct services sv = { .clock = &clock_system };

    if (!c)
        return error_set(err, ERR_NOMEM, "no memory for certificates");
    c->peers = peers;
    if (settings_each_file(s, add_file, c, err) < 0) {
        certificates_free(c);
        return -1;
    }
    for (size_t i = 0; i < c->len; i++)
        entry_read(&c->at[i], sv_wall_ns(&sv));
    *ret = c;
    return 0;
}

void certificates_free(struct certificates *c)
{
    if (c)
        free(c->at);
    free(c);
}

const struct certificate *certificates_at(const struct certificates *c, size_t i)
{
    return c && i < c->len ? &c->at[i].c : NULL;
}

bool certificates_peer(const struct certificates *c, size_t i, struct peer *ret)
{
    return c && peers_at(c->peers, i, ret);
}

/* ---- telling -------------------------------------------------------------------------------------- */

static enum certificate_end say_end(int64_t end_ns, int64_t now_ns, struct buf *out)
{
    int64_t left = end_ns - now_ns;

    if (left > 0) {
        buf_add_str(out, "ends in ");
        fmt_duration_ms(out, left / NS_PER_MS);
        buf_add_str(out, ", at ");
    } else {
        buf_add_str(out, "ended at ");
    }
    time_add_iso(out, end_ns, 0);
    return left > 0 ? CERTIFICATE_SOON : CERTIFICATE_ENDED;
}

enum certificate_end certificate_says(const struct certificate *c, int64_t now_ns, struct buf *out)
{
    if (c->not_after_ns == 0 || c->not_after_ns - now_ns > notice_days[0] * DAY_NS)
        return CERTIFICATE_FINE;
    return say_end(c->not_after_ns, now_ns, out);
}

/* How many of the notices are due for a peer's. */
static size_t peer_notices(const struct peer_chain *c, int64_t now_ns)
{
    int64_t part_ns = (c->to_ns - c->from_ns) / PEER_NOTICE_PART, left = c->to_ns - now_ns;
    size_t n = 0;

    while (n < ARRAY_LEN(peer_notice_days) && left <= peer_notice_days[n] * DAY_NS && left <= part_ns)
        n++;
    return n;
}

enum certificate_end certificate_says_peer(const struct peer *p, int64_t now_ns, struct buf *out)
{
    enum certificate_end end;

    if (peer_notices(&p->chain, now_ns) == 0)
        return CERTIFICATE_FINE;
    end = say_end(p->chain.to_ns, now_ns, out);
    buf_add_str(out, end == CERTIFICATE_ENDED ? ", and no connection since then has shown another" : "");
    return end;
}

/* How many of the notices are due. */
static size_t notices(const struct certificate *c, int64_t now_ns)
{
    size_t n = 0;

    while (c->not_after_ns > 0 && n < ARRAY_LEN(notice_days) && c->not_after_ns - now_ns <= notice_days[n] * DAY_NS)
        n++;
    return n;
}

static void entry_tell(struct entry *e, int64_t now_ns)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(512);
    size_t due = notices(&e->c, now_ns);

    /* The place is in the sentence: two that end together are two events, and none is folded into the other. */
    buf_addf(&text, "our certificate %s ", e->c.where);
    if (due > e->told && certificate_says(&e->c, now_ns, &text) != CERTIFICATE_FINE)
        log_event(e->c.not_after_ns > now_ns ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "tls", buf_cstr(&text), "file", e->c.path,
                  "remedy", "put a new one into the file; it is read again by itself", NULL);
    e->told = due; /* fewer after it was replaced: then the count begins anew */
}

static void tell_peer(struct entry_of_peer *e, const struct peer *p, int64_t now_ns)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(512);
    size_t due = peer_notices(&p->chain, now_ns);

    if (strcmp(e->place, p->place) != 0 || e->to_ns != p->chain.to_ns)
        e->told = 0; /* another one: the count begins anew */
    (void)snprintf(e->place, sizeof e->place, "%s", p->place);
    e->to_ns = p->chain.to_ns;
    buf_addf(&text, "certificate of %s ", p->place);
    if (due > e->told && certificate_says_peer(p, now_ns, &text) != CERTIFICATE_FINE)
        log_event(LOG_LEVEL_WARN, "tls", buf_cstr(&text), "certificate", p->chain.subject, "remedy",
                  "ask whoever runs it to renew it: without, nothing is sent there or read there from then on", NULL);
    e->told = due;
}

void certificates_watch(struct certificates *c, const struct services *sv)
{
    int64_t now_ns = sv_wall_ns(sv);
    struct peer peer;

    for (size_t i = 0; i < PEERS_MAX && certificates_peer(c, i, &peer); i++)
        tell_peer(&c->theirs[i], &peer, now_ns);
    if (!c || sv_mono_ms(sv) < c->due_ms)
        return;
    c->due_ms = sv_mono_ms(sv) + WATCH_EVERY_MS;
    for (size_t i = 0; i < c->len; i++) {
        entry_read(&c->at[i], now_ns);
        if (!c->at[i].c.is_trust)
            entry_tell(&c->at[i], now_ns);
    }
}
