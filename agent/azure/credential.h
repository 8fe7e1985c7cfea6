/* credential.h - the inside of a credential, for the files that make one up (and their tests).
 *
 *   credential.c             the cache: who gets which token, who asks for a new one
 *   credential_choose.c      configuration and environment -> which kind, with what
 *   credential_entra.c       client secret, certificate and workload identity: the token endpoint
 *   credential_certificate.c the signed assertion of a certificate
 *   credential_managed.c     the endpoints of VMs, App Service, Service Fabric, ML and Arc
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CREDENTIAL_H
#define COSMOWATCH_CREDENTIAL_H

#include "azure/azure.h"
#include "azure/token.h"

#include <pthread.h>

#define CREDENTIAL_SCOPES_MAX 8 /* query, ingestion, one per Event Hubs namespace */

/* One kind: asks for a token now. Several threads may be in it, for several scopes. */
typedef int (*credential_fetch)(struct azure_credential *c, const char *scope, struct token *ret,
                                struct error *err);

enum managed_host { MANAGED_IMDS, MANAGED_APP_SERVICE, MANAGED_SERVICE_FABRIC, MANAGED_ML, MANAGED_ARC };

struct managed {
    enum managed_host host;
    char *endpoint, *thumbprint;
    char *client_id, *object_id, *resource_id; /* of a user-assigned identity */
    struct secret header;                      /* IDENTITY_HEADER, MSI_SECRET */
    const char *arc_key_dir;                   /* where Arc's keys must be; tests have another */
    int64_t retry_ms;                          /* first wait between tries, doubles */
};

struct signing_key;

struct scope_token {
    char *scope;
    struct token token;            /* empty: none */
    int64_t asked_ms;              /* monotonic, when it was asked for */
    bool is_renewing;
    int64_t flights;               /* renewals that ended */
    struct error failure;          /* of the last renewal; ERR_NONE after a good one */
    int64_t hold_until_ms;         /* after a failure: nobody asks again before */
};

struct azure_credential {
    const struct services *sv;
    const struct azure_cloud *cloud;
    const struct connection *connection;
    credential_fetch fetch;
    char describe[200];

    /* Entra */
    char *tenant, *client_id, *authority, *certificate, *token_file, *secret_reference;
    struct secret client_secret, certificate_password;
    pthread_mutex_t proof_lock;    /* client_secret and key, which may be read anew */
    struct signing_key *key;       /* the last good one */

    struct managed managed;

    pthread_mutex_t lock;          /* everything below */
    pthread_cond_t renewed;
    struct scope_token scopes[CREDENTIAL_SCOPES_MAX];
    size_t scopes_len;
};

/* The kind, its settings and `describe`, in a zeroed credential with sv and cloud. */
MUST_CHECK int credential_choose(struct azure_credential *c, const struct azure_auth_config *cfg,
                                 struct error *err);

int credential_fetch_secret(struct azure_credential *c, const char *scope, struct token *ret, struct error *err);
int credential_fetch_certificate(struct azure_credential *c, const char *scope, struct token *ret,
                                 struct error *err);
int credential_fetch_workload(struct azure_credential *c, const char *scope, struct token *ret, struct error *err);
int credential_fetch_managed(struct azure_credential *c, const char *scope, struct token *ret, struct error *err);

/* Which endpoint this host has; fills c->managed from the environment. */
MUST_CHECK int managed_detect(struct managed *m, const char *imds_endpoint, struct error *err);
/* Is there one, and does it hand out tokens? One try, for who does not know yet what host this is. */
enum managed_state { MANAGED_ABSENT, MANAGED_REFUSES /* a host of Azure without an identity */, MANAGED_GIVES };
enum managed_state managed_look(struct azure_credential *c, const char *scope);
const char *managed_host_name(enum managed_host host);
void managed_release(struct managed *m);

/* A JWT that proves possession of the certificate's key, good for ten minutes (PS256). `aud` is the token
 * endpoint. The file is read at every call; a broken one is reported and the key read last stays. */
MUST_CHECK int certificate_assertion(struct azure_credential *c, const char *aud, struct buf *ret,
                                     struct error *err);
/* What the operator should know of the certificate after a refusal: that it has expired. */
void certificate_explain(const struct azure_credential *c, struct error *err);
void signing_key_free(struct signing_key *k);

/* Drop the cached token of the scope if it is still this one: of several threads whose token was refused
 * only the first makes the next call renew. */
void credential_refuse(struct azure_credential *c, const char *scope, const struct secret *refused);

/* A small file, as it is. Not empty. */
MUST_CHECK int credential_read_file(const char *path, size_t max, struct secret *ret, struct error *err);
void buf_wipe_release(struct buf *b);

#endif
