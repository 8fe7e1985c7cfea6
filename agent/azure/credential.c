/* credential.c - tokens by scope: cached, renewed early, asked for once.
 *
 * Many threads share a credential. Whoever finds the token due renews it, without the lock; meanwhile the
 * others go on with the old one while it is good, or wait for the outcome: one request, whatever the
 * number of callers. A failed renewal is remembered for a moment, so that a wrong secret does not turn
 * into a storm at the token endpoint (AADSTS50196).
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/credential.h"

#include "base/fault.h"
#include "base/log.h"

#include <fcntl.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define HOLD_PASSING_MS 1000    /* after trouble that passes, unless told how long */
#define HOLD_REFUSED_MS 15000   /* after a refusal: somebody has to change something */
#define MARGIN_MS 10000         /* a token that ends now would end on the way */
#define RENEW_JITTER_MS 30000

/* ---- small things ------------------------------------------------------------------------------------ */

void buf_wipe_release(struct buf *b)
{
    if (b->at)
        wipe(b->at, b->cap);
    buf_release(b);
}

int credential_read_file(const char *path, size_t max, struct secret *ret, struct error *err)
{
    CLEANUP(buf_wipe_release) struct buf text = BUF_PRIVATE(max + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = 1;

    if (fd < 0)
        return error_errno(err, ERR_CONFIG, errno, "'%s'", path);
    if (!buf_reserve(&text, max + 1)) {
        (void)close(fd);
        return error_set(err, ERR_NOMEM, "no memory for '%s'", path);
    }
    while (n > 0 && text.len <= max) {
        n = read(fd, text.at + text.len, max + 1 - text.len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            text.len += (size_t)n;
    }
    if (n < 0)
        (void)error_errno(err, ERR_CONFIG, errno, "'%s'", path);
    (void)close(fd); /* nothing was written */
    if (n < 0)
        return -1;
    if (text.len > max)
        return error_set(err, ERR_CONFIG, "'%s' has more than %zu bytes", path, max);
    if (slice_empty(slice_trim(buf_slice(&text))))
        return error_set(err, ERR_CONFIG, "'%s' is empty", path);
    if (!secret_set(ret, buf_slice(&text)))
        return error_set(err, ERR_NOMEM, "no memory for '%s'", path);
    return 0;
}

static bool is_passing(enum error_code code)
{
    return code == ERR_BUSY || code == ERR_NET || code == ERR_SERVER || code == ERR_NOMEM ||
           code == ERR_IO;
}

/* ---- life -------------------------------------------------------------------------------------------- */

int azure_credential_new(const struct azure_auth_config *cfg, const struct azure_cloud *cloud,
                         const struct services *sv, struct azure_credential **ret, struct error *err)
{
    struct azure_credential *c = calloc(1, sizeof *c);

    if (!c)
        return error_set(err, ERR_NOMEM, "no memory for a credential");
    c->sv = sv;
    c->cloud = cloud;
    c->connection = cfg->connection;
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_mutex_init(&c->proof_lock, NULL);
    (void)pthread_cond_init(&c->renewed, NULL);
    if (credential_choose(c, cfg, err) < 0) {
        azure_credential_free(c);
        return -1;
    }
    *ret = c;
    return 0;
}

void azure_credential_free(struct azure_credential *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->scopes_len; i++) {
        secret_release(&c->scopes[i].token.access);
        free(c->scopes[i].scope);
    }
    signing_key_free(c->key);
    managed_release(&c->managed);
    secret_release(&c->client_secret);
    secret_release(&c->certificate_password);
    free(c->tenant);
    free(c->client_id);
    free(c->authority);
    free(c->certificate);
    free(c->token_file);
    free(c->secret_reference);
    (void)pthread_cond_destroy(&c->renewed);
    (void)pthread_mutex_destroy(&c->proof_lock);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

const char *azure_credential_describe(const struct azure_credential *c)
{
    return c->describe;
}

/* ---- the cache; the lock is held unless said otherwise ------------------------------------------------- */

static struct scope_token *scope_find(struct azure_credential *c, const char *scope)
{
    for (size_t i = 0; i < c->scopes_len; i++)
        if (strcmp(c->scopes[i].scope, scope) == 0)
            return &c->scopes[i];
    return NULL;
}

static struct scope_token *scope_get(struct azure_credential *c, const char *scope, struct error *err)
{
    struct scope_token *s = scope_find(c, scope);
    char *copy;

    if (s)
        return s;
    if (c->scopes_len == CREDENTIAL_SCOPES_MAX) {
        (void)error_set(err, ERR_BUG, "more than %d scopes for one credential", CREDENTIAL_SCOPES_MAX);
        return NULL;
    }
    copy = strdup(scope);
    if (!copy) {
        (void)error_set(err, ERR_NOMEM, "no memory for a token");
        return NULL;
    }
    s = &c->scopes[c->scopes_len++];
    *s = (struct scope_token){ .scope = copy };
    return s;
}

static bool is_usable(const struct scope_token *s, int64_t now_ms)
{
    return !secret_empty(&s->token.access) &&
           now_ms - s->asked_ms < s->token.lifetime_ms - (s->token.lifetime_ms > 4 * MARGIN_MS ? MARGIN_MS : 0);
}

static bool is_due(const struct scope_token *s, int64_t now_ms)
{
    return !is_usable(s, now_ms) || now_ms - s->asked_ms >= s->token.renew_after_ms;
}

static int give(const struct scope_token *s, struct secret *ret, struct error *err)
{
    if (!secret_set(ret, slice_make(secret_reveal(&s->token.access), s->token.access.len)))
        return error_set(err, ERR_NOMEM, "no memory for a token");
    return 0;
}

/* The last failure, with the rest of its waiting time. */
static int give_failure(const struct scope_token *s, int64_t now_ms, struct error *err)
{
    *err = s->failure;
    if (is_passing(err->code) && s->hold_until_ms > now_ms)
        err->retry_after_ms = s->hold_until_ms - now_ms;
    return -1;
}

static void note_success(struct azure_credential *c, struct scope_token *s, struct token *t, int64_t asked_ms)
{
    uint32_t dice = 0;

    secret_move(&s->token.access, &t->access);
    s->token.lifetime_ms = t->lifetime_ms;
    s->token.renew_after_ms = t->renew_after_ms;
    if (t->renew_after_ms > 4 * RENEW_JITTER_MS) { /* agents started together need not renew together */
        sv_random(c->sv, &dice, sizeof(dice));
        s->token.renew_after_ms -= (int64_t)(dice % RENEW_JITTER_MS);
    }
    s->asked_ms = asked_ms;
    s->failure = (struct error){ 0 };
    s->hold_until_ms = 0;
}

static void note_failure(struct scope_token *s, const struct error *e, int64_t now_ms)
{
    int64_t hold = is_passing(e->code) ? HOLD_PASSING_MS : HOLD_REFUSED_MS;

    s->failure = *e;
    s->hold_until_ms = now_ms + (e->retry_after_ms > hold ? e->retry_after_ms : hold);
    if (e->code == ERR_CANCELLED) /* ours, says nothing about the next try */
        s->hold_until_ms = 0;
}

/* Ask for a token, without the lock meanwhile. */
static void renew(struct azure_credential *c, struct scope_token *s)
{
    int64_t asked_ms = sv_mono_ms(c->sv);
    struct token t = { 0 };
    struct error e = { 0 };
    int result;

    s->is_renewing = true;
    (void)pthread_mutex_unlock(&c->lock);
    FAULT_POINT("token.renew");
    result = c->fetch(c, s->scope, &t, &e); /* s->scope never changes */
    (void)pthread_mutex_lock(&c->lock);
    s->is_renewing = false;
    s->flights++;
    if (result == 0) {
        note_success(c, s, &t, asked_ms);
    } else {
        note_failure(s, &e, sv_mono_ms(c->sv));
        if (is_passing(e.code) && is_usable(s, sv_mono_ms(c->sv)))
            log_event(LOG_LEVEL_WARN, "azure", "token not renewed, the old one still does", "reason", e.msg,
                      NULL);
    }
    secret_release(&t.access);
    (void)pthread_cond_broadcast(&c->renewed);
}

/* Renewal is due. Get it done by whoever does it; 0 when there is a token to use after that. */
static int settle_due(struct azure_credential *c, struct scope_token *s, struct error *err)
{
    int64_t now = sv_mono_ms(c->sv), flight = s->flights;

    if (now >= s->hold_until_ms && !s->is_renewing)
        renew(c, s);
    else if (s->is_renewing && is_usable(s, now))
        return 0; /* the old one does while somebody asks */
    while (s->is_renewing && s->flights == flight)
        (void)pthread_cond_wait(&c->renewed, &c->lock);
    now = sv_mono_ms(c->sv);
    if (s->failure.code == ERR_NONE && is_usable(s, now))
        return 0;
    if (s->failure.code == ERR_NONE) /* forgotten while we waited */
        return error_set(err, ERR_SERVER, "token was refused as soon as it came");
    return is_usable(s, now) && is_passing(s->failure.code) ? 0 : give_failure(s, now, err);
}

int azure_credential_token(struct azure_credential *c, const char *scope, struct secret *ret,
                           struct error *err)
{
    struct scope_token *s;
    int result = 0;

    (void)pthread_mutex_lock(&c->lock);
    s = scope_get(c, scope, err);
    if (!s)
        result = -1;
    else if (is_due(s, sv_mono_ms(c->sv)))
        result = settle_due(c, s, err);
    if (result == 0)
        result = give(s, ret, err);
    (void)pthread_mutex_unlock(&c->lock);
    return result;
}

void azure_credential_forget(struct azure_credential *c, const char *scope)
{
    struct scope_token *s;

    (void)pthread_mutex_lock(&c->lock);
    s = scope_find(c, scope);
    if (s)
        secret_release(&s->token.access);
    (void)pthread_mutex_unlock(&c->lock);
}

void credential_refuse(struct azure_credential *c, const char *scope, const struct secret *refused)
{
    struct scope_token *s;

    (void)pthread_mutex_lock(&c->lock);
    s = scope_find(c, scope);
    if (s && slice_eq(slice_make(secret_reveal(&s->token.access), s->token.access.len),
                      slice_make(secret_reveal(refused), refused->len)))
        secret_release(&s->token.access);
    (void)pthread_mutex_unlock(&c->lock);
}
