/* credential_choose.c - which kind of credential, from the configuration and, for what that leaves out,
 * the environment as the Azure SDKs read it. Also the option table of `auth:`.
 *
 * Order of `default`: a secret or certificate in the environment, then workload identity, then the
 * managed identity of the host. Source: azidentity's README (read 2026-08).
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/credential.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- options ------------------------------------------------------------------------------------------ */

static const char *const auth_types[] = {
    [AZURE_AUTH_DEFAULT] = "default",
    [AZURE_AUTH_CLIENT_SECRET] = "client_secret",
    [AZURE_AUTH_CERTIFICATE] = "certificate",
    [AZURE_AUTH_WORKLOAD_IDENTITY] = "workload_identity",
    [AZURE_AUTH_MANAGED_IDENTITY] = "managed_identity",
    [AZURE_AUTH_ENVIRONMENT] = "environment",
    NULL,
};

#define AT(member) offsetof(struct azure_auth_options, member)

const struct option_spec azure_auth_option_specs[] = {
    { .key = "type", .type = OPT_ENUM, .at = AT(type), .values = auth_types, .preset = "default",
      .help = "how the agent proves who it is; default looks at the environment, then for a workload "
              "identity, then for a managed one" },
    { .key = "tenant", .type = OPT_STRING, .at = AT(tenant),
      .example = "11111111-1111-1111-1111-111111111111",
      .help = "Entra tenant, id or domain; else AZURE_TENANT_ID" },
    { .key = "client_id", .type = OPT_STRING, .at = AT(client_id),
      .example = "22222222-2222-2222-2222-222222222222",
      .help = "app registration, or user-assigned managed identity; else AZURE_CLIENT_ID" },
    { .key = "client_secret", .type = OPT_SECRET, .at = AT(client_secret),
      .reference_at = AT(client_secret_reference), .example = "${file:/etc/cosmowatch/client-secret}",
      .help = "secret of the app, read again at every renewal; else AZURE_CLIENT_SECRET" },
    { .key = "certificate", .type = OPT_STRING, .at = AT(certificate), .file = OPTION_FILE_CERTIFICATE,
      .example = "/etc/cosmowatch/app.pem",
      .help = "file with the app's certificate and key, PEM or PFX; else AZURE_CLIENT_CERTIFICATE_PATH" },
    { .key = "certificate_password", .type = OPT_SECRET, .at = AT(certificate_password),
      .example = "${credential:app-pfx}",
      .help = "password of that file; else AZURE_CLIENT_CERTIFICATE_PASSWORD" },
    { .key = "token_file", .type = OPT_STRING, .at = AT(token_file),
      .example = "/var/run/secrets/azure/tokens/azure-identity-token",
      .help = "federated token of a workload identity; else AZURE_FEDERATED_TOKEN_FILE" },
    { .key = "authority", .type = OPT_URL, .at = AT(authority),
      .help = "where tokens are issued, when it is not the cloud's; else AZURE_AUTHORITY_HOST" },
    { .key = "imds_endpoint", .type = OPT_URL, .at = AT(imds_endpoint),
      .help = "metadata service of the virtual machine, when it is not http://169.254.169.254" },
    { .key = "object_id", .type = OPT_STRING, .at = AT(object_id),
      .help = "user-assigned managed identity by object id, in place of client_id" },
    { .key = "msi_resource_id", .type = OPT_STRING, .at = AT(msi_resource_id),
      .help = "user-assigned managed identity by resource id, in place of client_id" },
    { 0 },
};

void azure_auth_config_from(const struct azure_auth_options *o, struct azure_auth_config *ret)
{
    *ret = (struct azure_auth_config){
        .type = (enum azure_auth_type)o->type,
        .tenant = o->tenant,
        .client_id = o->client_id,
        .client_secret = secret_empty(&o->client_secret) ? NULL : &o->client_secret,
        .client_secret_reference = o->client_secret_reference,
        .certificate = o->certificate,
        .certificate_password = secret_empty(&o->certificate_password) ? NULL : &o->certificate_password,
        .token_file = o->token_file,
        .authority = o->authority,
        .imds_endpoint = o->imds_endpoint,
        .object_id = o->object_id,
        .msi_resource_id = o->msi_resource_id,
    };
}

/* ---- texts ------------------------------------------------------------------------------------------------ */

/* An empty variable is an unset one. */
static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

static const char *or_env(const char *configured, const char *name)
{
    return configured && configured[0] ? configured : env(name);
}

static int keep(char **ret, const char *text, struct error *err)
{
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy)
        return error_set(err, ERR_NOMEM, "no memory for a credential");
    free(*ret);
    *ret = copy;
    return 0;
}

static int keep_secret(struct secret *ret, const struct secret *configured, const char *name,
                       struct error *err)
{
    bool is_kept = true;

    if (configured)
        is_kept = configured->len == 0 || secret_set(ret, slice_make(secret_reveal(configured), configured->len));
    else if (secret_env_is_set(name))
        is_kept = secret_from_env(name, ret) != SECRET_ENV_NOMEM;
    return is_kept ? 0 : error_set(err, ERR_NOMEM, "no memory for a credential");
}

/* An id or a domain goes into a path: nothing in it may change the path. */
static bool is_name(const char *text)
{
    for (const char *p = text; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              *p == '-' || *p == '.' || *p == '_'))
            return false;
    return text[0] != '\0' && text[0] != '.';
}

static bool is_safe_url(const char *url)
{
    struct slice s = slice_of(url);

    return slice_starts_nocase(s, SL("https://")) || slice_starts_nocase(s, SL("http://127.")) ||
           slice_starts_nocase(s, SL("http://localhost")) || slice_starts_nocase(s, SL("http://[::1]"));
}

static int choose_authority(struct azure_credential *c, const struct azure_auth_config *cfg,
                            struct error *err)
{
    const char *url = or_env(cfg->authority, "AZURE_AUTHORITY_HOST");
    CLEANUP(buf_release) struct buf full = BUF_HERE(2048);

    if (!url)
        url = c->cloud->authority;
    if (slice_find(slice_of(url), SL("://")) == SIZE_MAX) /* the SDKs take a bare host too */
        buf_add_str(&full, "https://");
    buf_add_str(&full, url);
    while (full.len > 0 && full.at[full.len - 1] == '/')
        full.at[--full.len] = '\0';
    if (buf_check(&full, err) < 0)
        return -1;
    if (!is_safe_url(buf_cstr(&full)))
        return error_set(err, ERR_CONFIG, "authority '%.100s' is not https: secrets are not sent in clear", url);
    return keep(&c->authority, buf_cstr(&full), err);
}

/* ---- kinds ------------------------------------------------------------------------------------------------- */

static int choose_app(struct azure_credential *c, const struct azure_auth_config *cfg, const char *what,
                      struct error *err)
{
    const char *tenant = or_env(cfg->tenant, "AZURE_TENANT_ID");
    const char *client_id = or_env(cfg->client_id, "AZURE_CLIENT_ID");

    if (!tenant || !client_id)
        return error_set(err, ERR_CONFIG, "%s needs `%s` (or %s)", what, tenant ? "client_id" : "tenant",
                         tenant ? "AZURE_CLIENT_ID" : "AZURE_TENANT_ID");
    if (!is_name(tenant))
        return error_set(err, ERR_CONFIG, "tenant '%.60s' is neither an id nor a domain", tenant);
    if (!is_name(client_id))
        return error_set(err, ERR_CONFIG, "client_id '%.60s' is not an id", client_id);
    if (keep(&c->tenant, tenant, err) < 0 || keep(&c->client_id, client_id, err) < 0 ||
        choose_authority(c, cfg, err) < 0)
        return -1;
    (void)snprintf(c->describe, sizeof(c->describe), "%s of app %.60s in tenant %.60s", what, client_id, tenant);
    return 0;
}

static int choose_secret(struct azure_credential *c, const struct azure_auth_config *cfg, struct error *err)
{
    c->fetch = credential_fetch_secret;
    if (choose_app(c, cfg, "client secret", err) < 0 ||
        keep_secret(&c->client_secret, cfg->client_secret, "AZURE_CLIENT_SECRET", err) < 0 ||
        keep(&c->secret_reference, cfg->client_secret_reference, err) < 0)
        return -1;
    if (secret_empty(&c->client_secret) && !c->secret_reference)
        return error_set(err, ERR_CONFIG, "client secret needs `client_secret` (or AZURE_CLIENT_SECRET)");
    return 0;
}

static int choose_certificate(struct azure_credential *c, const struct azure_auth_config *cfg,
                              struct error *err)
{
    const char *path = or_env(cfg->certificate, "AZURE_CLIENT_CERTIFICATE_PATH");

    c->fetch = credential_fetch_certificate;
    if (choose_app(c, cfg, "certificate", err) < 0 || keep(&c->certificate, path, err) < 0 ||
        keep_secret(&c->certificate_password, cfg->certificate_password,
                    "AZURE_CLIENT_CERTIFICATE_PASSWORD", err) < 0)
        return -1;
    if (!c->certificate)
        return error_set(err, ERR_CONFIG, "certificate needs `certificate` (or AZURE_CLIENT_CERTIFICATE_PATH)");
    return 0;
}

static int choose_workload(struct azure_credential *c, const struct azure_auth_config *cfg,
                           struct error *err)
{
    const char *path = or_env(cfg->token_file, "AZURE_FEDERATED_TOKEN_FILE");

    c->fetch = credential_fetch_workload;
    if (choose_app(c, cfg, "workload identity", err) < 0 || keep(&c->token_file, path, err) < 0)
        return -1;
    if (!c->token_file)
        return error_set(err, ERR_CONFIG, "workload identity needs `token_file` (or AZURE_FEDERATED_TOKEN_FILE)");
    return 0;
}

static int choose_managed(struct azure_credential *c, const struct azure_auth_config *cfg,
                          struct error *err)
{
    struct managed *m = &c->managed;
    const char *which = "";

    c->fetch = credential_fetch_managed;
    if (managed_detect(m, cfg->imds_endpoint, err) < 0)
        return -1;
    if (cfg->object_id)
        which = cfg->object_id;
    else if (cfg->msi_resource_id)
        which = cfg->msi_resource_id;
    else if (or_env(cfg->client_id, "AZURE_CLIENT_ID"))
        which = or_env(cfg->client_id, "AZURE_CLIENT_ID");
    if (keep(&m->object_id, cfg->object_id, err) < 0 ||
        keep(&m->resource_id, cfg->object_id ? NULL : cfg->msi_resource_id, err) < 0 ||
        keep(&m->client_id, cfg->object_id || cfg->msi_resource_id || !which[0] ? NULL : which, err) < 0)
        return -1;
    if (which[0] && (m->host == MANAGED_SERVICE_FABRIC || m->host == MANAGED_ARC))
        return error_set(err, ERR_CONFIG, "%s has one identity only: leave `client_id` (AZURE_CLIENT_ID) out",
                         managed_host_name(m->host));
    (void)snprintf(c->describe, sizeof(c->describe), "managed identity %s%.100s%s(%s)", which[0] ? "'" : "",
                   which, which[0] ? "' " : "", managed_host_name(m->host));
    return 0;
}

static bool has_app_in_environment(void)
{
    return env("AZURE_TENANT_ID") && env("AZURE_CLIENT_ID");
}

static int choose_environment(struct azure_credential *c, const struct azure_auth_config *cfg,
                              struct error *err)
{
    if (secret_env_is_set("AZURE_CLIENT_SECRET"))
        return choose_secret(c, cfg, err);
    if (env("AZURE_CLIENT_CERTIFICATE_PATH"))
        return choose_certificate(c, cfg, err);
    if (env("AZURE_FEDERATED_TOKEN_FILE"))
        return choose_workload(c, cfg, err);
    return error_set(err, ERR_CONFIG, "none of AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH, "
                                      "AZURE_FEDERATED_TOKEN_FILE is set");
}

/* What the configuration names decides before the environment does. */
static int choose_default(struct azure_credential *c, const struct azure_auth_config *cfg,
                          struct error *err)
{
    if (cfg->client_secret || cfg->client_secret_reference)
        return choose_secret(c, cfg, err);
    if (cfg->certificate)
        return choose_certificate(c, cfg, err);
    if (cfg->token_file)
        return choose_workload(c, cfg, err);
    if (has_app_in_environment() &&
        (secret_env_is_set("AZURE_CLIENT_SECRET") || env("AZURE_CLIENT_CERTIFICATE_PATH") ||
         env("AZURE_FEDERATED_TOKEN_FILE")))
        return choose_environment(c, cfg, err);
    return choose_managed(c, cfg, err);
}

int credential_choose(struct azure_credential *c, const struct azure_auth_config *cfg, struct error *err)
{
    switch (cfg->type) {
    case AZURE_AUTH_CLIENT_SECRET:
        return choose_secret(c, cfg, err);
    case AZURE_AUTH_CERTIFICATE:
        return choose_certificate(c, cfg, err);
    case AZURE_AUTH_WORKLOAD_IDENTITY:
        return choose_workload(c, cfg, err);
    case AZURE_AUTH_MANAGED_IDENTITY:
        return choose_managed(c, cfg, err);
    case AZURE_AUTH_ENVIRONMENT:
        return choose_environment(c, cfg, err);
    case AZURE_AUTH_DEFAULT:
    default:
        return choose_default(c, cfg, err);
    }
}
