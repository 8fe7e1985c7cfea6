/* azure.h - clouds, credentials, the Log Analytics query API and the Logs Ingestion API.
 *
 * Sources: Microsoft Learn, Azure Monitor "Log Analytics API" and "Logs Ingestion API" pages, Microsoft
 * identity platform "client credentials" and "managed identities" pages (read 2026-08).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_AZURE_H
#define COSMOWATCH_AZURE_H

#include "net/connection.h"
#include "net/http.h"
#include "settings/option.h"

struct azure_cloud {
    const char *name;          /* "public", "us_government", "china" */
    const char *authority;     /* https://login.microsoftonline.com */
    const char *query_host;    /* https://api.loganalytics.azure.com */
    const char *query_scope;   /* https://api.loganalytics.io/.default */
    const char *ingest_scope;  /* https://monitor.azure.com/.default */
    const char *event_hubs_suffix; /* servicebus.windows.net */
    const char *portal;        /* https://portal.azure.com */
};
const struct azure_cloud *azure_cloud_find(const char *name); /* NULL: unknown */
const struct azure_cloud *azure_cloud_at(size_t i);           /* NULL after the last */

enum azure_auth_type { AZURE_AUTH_DEFAULT /* environment, then workload identity, then managed */,
    AZURE_AUTH_CLIENT_SECRET, AZURE_AUTH_CERTIFICATE, AZURE_AUTH_WORKLOAD_IDENTITY,
    AZURE_AUTH_MANAGED_IDENTITY /* IMDS, App Service, Arc: detected */, AZURE_AUTH_ENVIRONMENT };

struct azure_auth_config { /* plain pointers are borrowed for the credential's life */
    enum azure_auth_type type;
    const char *tenant, *client_id;
    const struct secret *client_secret;
    const char *client_secret_reference; /* "${file:...}": read again for every renewal, so that a rotated
                                            secret is found; NULL: client_secret stays as it is */
    const char *certificate;             /* PEM with key, or PFX; read again for every renewal */
    const struct secret *certificate_password;
    const char *token_file;              /* workload identity; read at every request */
    const char *authority;               /* NULL: the cloud's; AZURE_AUTHORITY_HOST */
    const char *imds_endpoint;           /* NULL: http://169.254.169.254; AZURE_POD_IDENTITY_AUTHORITY_HOST */
    const char *object_id, *msi_resource_id;
    const struct connection *connection; /* of the token endpoint and of every call with this credential; NULL: presets.
                                            Managed identities are asked straight, on this host */
};

/* Option table of `auth: {}` (settings/option.h), used by source and sentinel output alike; fills a
 * struct azure_auth_options that owns its texts. */
struct azure_auth_options { int type; char *tenant, *client_id, *certificate, *token_file, *authority,
    *imds_endpoint, *object_id, *msi_resource_id, *client_secret_reference;
    struct secret client_secret, certificate_password; };
extern const struct option_spec azure_auth_option_specs[];
void azure_auth_config_from(const struct azure_auth_options *o, struct azure_auth_config *ret);

/* Caches tokens by scope; thread-safe; single flight: of many callers one asks, the others wait for its
 * answer. What the configuration leaves out is taken from the environment (AZURE_TENANT_ID,
 * AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH, AZURE_CLIENT_CERTIFICATE_PASSWORD,
 * AZURE_FEDERATED_TOKEN_FILE, AZURE_AUTHORITY_HOST, IDENTITY_ENDPOINT, IDENTITY_HEADER, ...), which is
 * read once, by azure_credential_new. */
struct azure_credential;
MUST_CHECK int azure_credential_new(const struct azure_auth_config *cfg, const struct azure_cloud *cloud,
                                    const struct services *sv, struct azure_credential **ret,
                                    struct error *err);
void azure_credential_free(struct azure_credential *c);
/* A token for the scope ("https://.../.default"), from the cache while it is good for 5 more minutes
 * (kept using until really over when renewal fails for passing reasons). The secret is the caller's
 * copy. ERR_AUTH/ERR_CONFIG: with AADSTS code and the likely remedy; ERR_BUSY, ERR_NET, ERR_SERVER: passing. */
MUST_CHECK int azure_credential_token(struct azure_credential *c, const char *scope, struct secret *ret,
                                      struct error *err);
void azure_credential_forget(struct azure_credential *c, const char *scope); /* after a 401 */
const char *azure_credential_describe(const struct azure_credential *c); /* "client secret of app ..." */

/* ---- query API -------------------------------------------------------------------------------- */
struct azure_query {
    const char *endpoint;       /* NULL: the cloud's query_host */
    const char *workspace;      /* GUID */
    struct slice query;
    int64_t wait_s;             /* Prefer: wait=N (server limit), default 180, max 600 */
    size_t answer_max;          /* 0: 128 MiB */
    bool no_cache;
};
/* 0: HTTP 200 with a body that is JSON; `ret` holds it (padded, see http_answer). Everything else is
 * -1 with the verdict of the reliability table: ERR_PARTIAL is not judged here (decode does).
 * 400 syntax/semantic -> ERR_CONFIG, or ERR_NOT_FOUND for an unknown table/workspace; 401 (after one
 * renewal) ERR_AUTH; 403 ERR_DENIED; 413 ERR_LIMIT; 429/503 ERR_BUSY + retry_after_ms; 504 and
 * time-outs ERR_LIMIT (split); empty 200, HTML, cut body ERR_SERVER; other 5xx ERR_SERVER. */
MUST_CHECK int azure_query_run(struct azure_credential *c, const struct azure_cloud *cloud,
                               const struct services *sv, const struct azure_query *q,
                               struct http_answer *ret, struct error *err);

/* ---- ingestion API ---------------------------------------------------------------------------- */
/* POST a JSON array (<= 1 MiB raw and compressed, gzip) to a DCR stream. 0 only for 204. *ret_status is
 * written always: the HTTP status, 0 when no answer came. 400 ERR_INPUT (ERR_CONFIG when rule, stream or
 * shape is at fault), 401 (after one renewal) ERR_AUTH, 403 ERR_DENIED, 404 ERR_NOT_FOUND, 413 and a body
 * over 1 MiB ERR_LIMIT, 408/425/429/503 ERR_BUSY, 3xx ERR_CONFIG, everything else ERR_SERVER. */
struct azure_ingest { const char *endpoint, *rule, *stream; struct slice body; };
MUST_CHECK int azure_ingest_run(struct azure_credential *c, const struct azure_cloud *cloud,
                                const struct services *sv, const struct azure_ingest *q,
                                int *ret_status, struct error *err);

#endif
