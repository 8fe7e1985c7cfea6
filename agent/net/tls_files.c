/* tls_files.c - see tls_files.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_files.h"

#include "base/log.h"
#include "net/openssl.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES (4u << 20)
#define ENTRIES_MAX 64 /* distinct files of one configuration */

/* Enough to notice every way of replacing a file. */
struct file_stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec changed, modified;
};

/* A CA file (key NULL), or a client certificate with its key. */
struct entry {
    char *path, *key_path;
    bool is_identity;
    struct file_stamp stamp, key_stamp; /* of what was last looked at, good or bad */
    struct buf bytes, key_bytes;        /* last good */
};

struct tls_files {
    pthread_mutex_t lock;
    struct entry *entries[ENTRIES_MAX];
    size_t len;
};

static void wipe_release(struct buf *b)
{
    if (b->at)
        wipe(b->at, b->cap);
    buf_release(b);
}

static void entry_free(struct entry *e)
{
    if (!e)
        return;
    wipe_release(&e->bytes);
    wipe_release(&e->key_bytes);
    free(e->path);
    free(e->key_path);
    free(e);
}

struct tls_files *tls_files_new(void)
{
    struct tls_files *f = calloc(1, sizeof *f);

    if (f)
        (void)pthread_mutex_init(&f->lock, NULL); /* cannot fail without attributes */
    return f;
}

void tls_files_free(struct tls_files *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->len; i++)
        entry_free(f->entries[i]);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
}

/* ---- reading -------------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static struct file_stamp stamp_of(const char *path)
{
    struct file_stamp s = { 0 };
    struct stat st;

    if (!path || stat(path, &st) < 0)
        return s; /* absent is a stamp too */
    return (struct file_stamp){ .dev = st.st_dev, .ino = st.st_ino, .size = st.st_size,
                                .changed = st.st_ctim, .modified = st.st_mtim };
}

static bool same_stamp(const struct file_stamp *a, const struct file_stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

static int read_all(int fd, struct buf *ret)
{
    for (;;) {
        ssize_t n;

        if (!buf_reserve(ret, 4096))
            return -1;
        n = read(fd, ret->at + ret->len, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -1 : 0;
        ret->len += (size_t)n;
        ret->at[ret->len] = '\0';
    }
}

static int read_file(const char *path, struct buf *ret, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), failed;

    if (fd < 0)
        return error_errno(err, ERR_CONFIG, errno, "'%s'", path);
    failed = read_all(fd, ret);
    if (failed && !ret->failed)
        (void)error_errno(err, ERR_CONFIG, errno, "'%s'", path);
    (void)close(fd); /* nothing was written */
    if (ret->failed)
        return error_set(err, ERR_CONFIG, "'%s' is too large for a certificate file", path);
    return failed;
}

/* Never ask on the terminal for a key's password. */
static int no_password(char *at UNUSED, int size UNUSED, int writing UNUSED, void *arg UNUSED)
{
    return -1;
}

static int check_trust(const struct entry *e, const struct buf *bytes, struct error *err)
{
    BIO *bio = BIO_new_mem_buf(bytes->at, (int)bytes->len);
    X509 *cert = bio ? PEM_read_bio_X509_AUX(bio, NULL, no_password, NULL) : NULL;

    BIO_free(bio);
    ERR_clear_error();
    if (!cert)
        return error_set(err, ERR_CONFIG, "'%s' holds no certificate in PEM form", e->path);
    X509_free(cert);
    return 0;
}

static int check_identity(const struct entry *e, const struct buf *cert_bytes,
                          const struct buf *key_bytes, struct error *err)
{
    BIO *cert_bio = BIO_new_mem_buf(cert_bytes->at, (int)cert_bytes->len);
    BIO *key_bio = BIO_new_mem_buf(key_bytes->at, (int)key_bytes->len);
    X509 *cert = cert_bio ? PEM_read_bio_X509(cert_bio, NULL, no_password, NULL) : NULL;
    EVP_PKEY *key = key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, no_password, NULL) : NULL;
    int result = 0;

    if (!cert)
        result = error_set(err, ERR_CONFIG, "'%s' holds no certificate in PEM form", e->path);
    else if (!key)
        result = error_set(err, ERR_CONFIG, "'%s' holds no private key in PEM form without password",
                           e->key_path ? e->key_path : e->path);
    else if (X509_check_private_key(cert, key) != 1)
        result = error_set(err, ERR_CONFIG, "private key does not belong to the certificate '%s'",
                           e->path);
    EVP_PKEY_free(key);
    X509_free(cert);
    BIO_free(key_bio);
    BIO_free(cert_bio);
    ERR_clear_error();
    return result;
}

static int entry_read(struct entry *e, struct error *err)
{
    CLEANUP(wipe_release) struct buf bytes = BUF_PRIVATE(FILE_MAX_BYTES);
    CLEANUP(wipe_release) struct buf key_bytes = BUF_PRIVATE(FILE_MAX_BYTES);

    if (read_file(e->path, &bytes, err) < 0 ||
        (e->is_identity && read_file(e->key_path ? e->key_path : e->path, &key_bytes, err) < 0) ||
        (e->is_identity ? check_identity(e, &bytes, &key_bytes, err) : check_trust(e, &bytes, err)) < 0)
        return -1;
    wipe_release(&e->bytes);
    wipe_release(&e->key_bytes);
    e->bytes = bytes;
    e->key_bytes = key_bytes;
    bytes = key_bytes = BUF_INIT(0);
    return 0;
}

static int entry_refresh(struct entry *e, struct error *err)
{
    struct file_stamp stamp = stamp_of(e->path), key_stamp = stamp_of(e->key_path);
    struct error e2 = { 0 };

    if (e->bytes.len > 0 && same_stamp(&stamp, &e->stamp) && same_stamp(&key_stamp, &e->key_stamp))
        return 0;
    e->stamp = stamp;
    e->key_stamp = key_stamp;
    if (entry_read(e, &e2) == 0)
        return 0;
    if (e->bytes.len == 0) {
        *err = e2;
        return error_wrap(err, e->is_identity ? "client certificate" : "CA file");
    }
    log_event(LOG_LEVEL_WARN, "tls", "replaced certificate file is not usable, the last good one stays",
              "reason", e2.msg, NULL);
    return 0;
}

/* ---- handing over ---------------------------------------------------------------------------------- */

static struct entry *entry_find(struct tls_files *f, bool is_identity, const char *path,
                                const char *key_path)
{
    struct entry *e;

    for (size_t i = 0; i < f->len; i++) {
        e = f->entries[i];
        if (e->is_identity == is_identity && same_text(e->path, path) && same_text(e->key_path, key_path))
            return e;
    }
    if (f->len == ENTRIES_MAX)
        return NULL;
    e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->is_identity = is_identity;
    e->path = strdup(path);
    e->key_path = key_path ? strdup(key_path) : NULL;
    if (!e->path || (key_path && !e->key_path)) {
        entry_free(e);
        return NULL;
    }
    f->entries[f->len++] = e;
    return e;
}

static int set_blob(CURL *easy, CURLoption option, const struct buf *bytes, struct error *err)
{
    struct curl_blob blob = { .data = bytes->at, .len = bytes->len, .flags = CURL_BLOB_COPY };

    if (curl_easy_setopt(easy, option, &blob) != CURLE_OK)
        return error_set(err, ERR_NOMEM, "certificate could not be handed to curl");
    return 0;
}

static int set_authorities(CURL *easy, const struct entry *e, struct error *err)
{
#if LIBCURL_VERSION_NUM >= 0x074d00
    if (set_blob(easy, CURLOPT_CAINFO_BLOB, &e->bytes, err) < 0)
        return -1;
    return set_blob(easy, CURLOPT_PROXY_CAINFO_BLOB, &e->bytes, err); /* of a proxy that speaks TLS itself */
#else
    /* RHEL 9's curl takes them from a file only: one replaced while it is read is refused, and read again with the retry. */
    if (curl_easy_setopt(easy, CURLOPT_CAINFO, e->path) != CURLE_OK || curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, e->path) != CURLE_OK)
        return error_set(err, ERR_NOMEM, "CA file could not be handed to curl");
    return 0;
#endif
}

static int apply_trust(struct tls_files *f, CURL *easy, const struct http_tls *tls, struct error *err)
{
    struct entry *e;

    if (!tls->ca_file && !tls->ca_dir)
        return 0; /* curl's own: the system's */
    if (curl_easy_setopt(easy, CURLOPT_CAINFO, NULL) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_CAPATH, tls->ca_dir) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, NULL) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, tls->ca_dir) != CURLE_OK)
        return error_set(err, ERR_NOMEM, "CA folder could not be handed to curl");
    if (!tls->ca_file)
        return 0;
    e = entry_find(f, false, tls->ca_file, NULL);
    if (!e)
        return error_set(err, ERR_NOMEM, "no room for CA file '%s'", tls->ca_file);
    if (entry_refresh(e, err) < 0)
        return -1;
    return set_authorities(easy, e, err);
}

static int apply_identity(struct tls_files *f, CURL *easy, const struct http_tls *tls, struct error *err)
{
    struct entry *e;

    if (!tls->client_cert)
        return 0;
    e = entry_find(f, true, tls->client_cert, tls->client_key);
    if (!e)
        return error_set(err, ERR_NOMEM, "no room for client certificate '%s'", tls->client_cert);
    if (entry_refresh(e, err) < 0 || set_blob(easy, CURLOPT_SSLCERT_BLOB, &e->bytes, err) < 0)
        return -1;
    return set_blob(easy, CURLOPT_SSLKEY_BLOB, &e->key_bytes, err);
}

int tls_files_apply(struct tls_files *f, void *easy, const struct http_tls *tls, struct error *err)
{
    int result;

    (void)pthread_mutex_lock(&f->lock);
    result = apply_trust(f, easy, tls, err) < 0 || apply_identity(f, easy, tls, err) < 0 ? -1 : 0;
    (void)pthread_mutex_unlock(&f->lock);
    return result;
}
