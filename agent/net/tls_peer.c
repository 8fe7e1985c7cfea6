/* tls_peer.c - see tls_peer.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_peer.h"

#include "base/buf.h"
#include "base/slice.h"
#include "base/timeutil.h"
#include "net/openssl.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

void tls_peer_reset(struct tls_peer *p, const char *pin_sha1)
{
    *p = (struct tls_peer){ .pin_sha1 = pin_sha1 };
}

/* ---- reading a certificate ------------------------------------------------------------------------ */

static int64_t asn1_time_ns(const ASN1_TIME *t)
{
    struct tm tm = { 0 };

    if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
        return 0;
    return (int64_t)timegm(&tm) * NS_PER_S;
}

/* The common name; a name without one is shown as OpenSSL writes it. */
static void keep_name(char *at, size_t size, const X509_NAME *name)
{
    at[0] = '\0';
    if (name && X509_NAME_get_text_by_NID(name, NID_commonName, at, (int)size) < 0)
        (void)X509_NAME_oneline(name, at, (int)size);
}

static void add_name(char *at, size_t size, struct slice name)
{
    size_t used = strlen(at);

    if (used + name.len + 3 > size)
        return; /* the first ones tell enough */
    (void)snprintf(at + used, size - used, "%s%.*s", used ? ", " : "", SLF(name));
}

static void add_ip(char *at, size_t size, const ASN1_OCTET_STRING *ip)
{
    int len = ASN1_STRING_length(ip);
    char text[INET6_ADDRSTRLEN];

    if ((len == 4 || len == 16) &&
        inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(ip), text, sizeof(text)))
        add_name(at, size, slice_of(text));
}

static void keep_alt_names(char *at, size_t size, const X509 *cert)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);

    at[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        int kind = 0;
        const void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all, i), &kind);

        if (kind == GEN_DNS)
            add_name(at, size, slice_make((const char *)ASN1_STRING_get0_data(value),
                                          (size_t)ASN1_STRING_length(value)));
        else if (kind == GEN_IPADD)
            add_ip(at, size, value);
    }
    GENERAL_NAMES_free(all);
}

static void keep_certificate(struct tls_peer *p, const X509 *cert)
{
    keep_name(p->subject, sizeof(p->subject), X509_get_subject_name(cert));
    keep_name(p->issuer, sizeof(p->issuer), X509_get_issuer_name(cert));
    keep_alt_names(p->names, sizeof(p->names), cert);
    p->not_before_ns = asn1_time_ns(X509_get0_notBefore(cert));
    p->not_after_ns = asn1_time_ns(X509_get0_notAfter(cert));
}

/* ---- judging it ------------------------------------------------------------------------------------ */

/* X509_V_OK: it is the one. What could not be hashed may be; that is no word against it, and no trust in it. */
static int judge_pinned(const X509 *cert, const char *pin)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned len = 0;

    if (!cert)
        return X509_V_ERR_CERT_REJECTED;
    if (X509_digest(cert, EVP_sha1(), digest, &len) != 1)
        return X509_V_ERR_OUT_OF_MEM;
    for (unsigned i = 0; i < len; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return slice_eq_nocase(slice_make(hex, 2 * (size_t)len), slice_of(pin)) ? X509_V_OK : X509_V_ERR_CERT_REJECTED;
}

static void keep_first_end(struct peer_chain *c, const X509 *cert)
{
    int64_t to_ns = asn1_time_ns(X509_get0_notAfter(cert));

    if (to_ns == 0 || (c->to_ns != 0 && to_ns >= c->to_ns))
        return;
    c->from_ns = asn1_time_ns(X509_get0_notBefore(cert));
    c->to_ns = to_ns;
    keep_name(c->subject, sizeof(c->subject), X509_get_subject_name(cert));
}

/* The trusted root counts: OpenSSL refuses a chain whose root has ended. */
static void keep_chain(struct peer_chain *c, const X509_STORE_CTX *chain)
{
    STACK_OF(X509) *all = X509_STORE_CTX_get0_chain(chain);

    for (int i = 0; i < sk_X509_num(all); i++)
        keep_first_end(c, sk_X509_value(all, i));
}

/* Called in the place of X509_verify_cert, which is then called from here. */
static int verify_chain(X509_STORE_CTX *chain, void *arg)
{
    struct tls_peer *p = arg;
    X509 *leaf = X509_STORE_CTX_get0_cert(chain), *guilty;
    int ok;

    p->is_seen = true;
    if (leaf)
        keep_certificate(p, leaf);
    if (p->pin_sha1) {
        p->verify_error = judge_pinned(leaf, p->pin_sha1);
        p->is_pin_wrong = p->verify_error == X509_V_ERR_CERT_REJECTED;
        X509_STORE_CTX_set_error(chain, p->verify_error);
        return p->verify_error == X509_V_OK;
    }
    ok = X509_verify_cert(chain);
    p->verify_error = ok == 1 ? X509_V_OK : X509_STORE_CTX_get_error(chain);
    guilty = X509_STORE_CTX_get_current_cert(chain);
    if (ok != 1 && guilty)
        keep_certificate(p, guilty);
    p->chain = (struct peer_chain){ 0 };
    if (ok == 1)
        keep_chain(&p->chain, chain);
    return ok;
}

int tls_peer_watch(void *ssl_ctx, struct tls_peer *p)
{
    SSL_CTX_set_cert_verify_callback(ssl_ctx, verify_chain, p);
    return 0;
}

void tls_peer_show(struct tls_peer *p, int depth, struct slice der, int verify_error)
{
    const unsigned char *at = (const unsigned char *)der.at;
    X509 *cert;

    if (!p->is_seen || depth >= p->depth) /* the first of another chain */
        tls_peer_reset(p, NULL);
    (void)ERR_set_mark(); /* the errors of the handshake are the library's */
    cert = d2i_X509(NULL, &at, (long)der.len);
    p->is_seen = true;
    p->depth = depth;
    p->verify_error = verify_error;
    if (cert) {
        keep_certificate(p, cert);
        keep_first_end(&p->chain, cert);
    }
    X509_free(cert);
    (void)ERR_pop_to_mark();
}

/* ---- telling it ------------------------------------------------------------------------------------- */

static void say_date(char *ret, size_t size, int64_t ns)
{
    CLEANUP(buf_release) struct buf text = BUF_HERE(64);

    time_add_iso(&text, ns, 0);
    (void)snprintf(ret, size, "%s", buf_cstr(&text));
}

bool tls_peer_lacked_memory(const struct tls_peer *p)
{
    return p->is_seen && p->verify_error == X509_V_ERR_OUT_OF_MEM;
}

bool tls_peer_says(const struct tls_peer *p, int64_t wall_ns, char *ret, size_t size)
{
    char date[40], now[40];

    if (!p->is_seen)
        return false;
    if (p->is_pin_wrong) {
        (void)snprintf(ret, size, "certificate of '%s' has another thumbprint than the one given",
                       p->subject);
        return true;
    }
    if (p->verify_error == X509_V_OK)
        return false;
    say_date(now, sizeof(now), wall_ns);
    switch (p->verify_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        say_date(date, sizeof(date), p->not_after_ns);
        (void)snprintf(ret, size, "certificate of '%s' expired at %s (our clock says %s)", p->subject,
                       date, now);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        say_date(date, sizeof(date), p->not_before_ns);
        (void)snprintf(ret, size, "certificate of '%s' is valid from %s only (our clock says %s)",
                       p->subject, date, now);
        break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        tls_peer_says_names(p, ret, size);
        break;
    default: /* unknown CA in its several spellings, revoked, bad signature, too weak ... */
        (void)snprintf(ret, size, "certificate of '%s', issued by '%s', is not trusted: %s", p->subject,
                       p->issuer, X509_verify_cert_error_string(p->verify_error));
    }
    return true;
}

void tls_peer_says_names(const struct tls_peer *p, char *ret, size_t size)
{
    if (!p->is_seen)
        (void)snprintf(ret, size, "certificate is for another name");
    else
        (void)snprintf(ret, size, "certificate is for %s, not for this name",
                       p->names[0] ? p->names : p->subject);
}
