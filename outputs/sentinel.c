/* sentinel - alerts as rows of a workspace's table, by the Logs Ingestion API of Azure Monitor.
 *
 * Accepted: HTTP 204, and nothing else. It says that the rule took the rows, not that its transformation
 *           kept them: columns that the rule's stream does not declare are dropped in silence. So take table and
 *           rule from `cosmowatch azure template`, which declare what is sent.
 * Size:     a request stays under 1,000,000 bytes before compression; the service's limit is 1 MiB for both
 *           forms. An answer 413 halves the batch; an alert that is too large alone is parked.
 * 400:      about the rows: halved until the guilty are alone, those are parked. That also parts rows that are
 *           more than 30 minutes from each other, which tables on the Auxiliary plan refuse. About rule or
 *           stream: held, since no row is at fault.
 * 403:      a new role assignment takes up to half an hour to work. Until then it is waited for; only later the
 *           sentence says that it must be missing.
 * Source:   Azure Monitor "Logs Ingestion API overview", "service limits"; read August 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/azure.h"
#include "base/num.h"
#include "outputs/output.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"

#include <stddef.h>
#include <stdio.h>

#define CALL_BYTES ((size_t)1000000)
#define BATCH_MAX 500
#define ROLE_SPREADS_MS (30 * 60 * 1000)

enum sentinel_table { SENTINEL_CUSTOM, SENTINEL_ASIM, SENTINEL_COMMON_SECURITY_LOG };

struct sentinel {
    char *endpoint, *rule, *stream;
    int table, cloud;
    struct azure_auth_options auth;
    struct connection connection;

    const struct services *sv;
    const struct azure_cloud *azure;
    struct azure_credential *credential;
    int64_t denied_since_ms; /* of an unbroken run of 403; 0: none */
};

static const char *const table_names[] = { "custom", "asim", "common_security_log", NULL };
static const char *const table_formats[] = { [SENTINEL_CUSTOM] = "sentinel", [SENTINEL_ASIM] = "asim",
                                             [SENTINEL_COMMON_SECURITY_LOG] = "common_security_log" };
static const char *const cloud_names[] = { "public", "us_government", "china", NULL };

/* ---- options ------------------------------------------------------------------------------------ */

static bool is_hex(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!strchr("0123456789abcdefABCDEF", s.at[i]))
            return false;
    return true;
}

static void check_rule(const void *self, const struct yaml_node *value, struct settings_errors *errors)
{
    struct slice rule = slice_of(((const struct sentinel *)self)->rule);

    if (rule.len != strlen("dcr-") + 32 || !slice_starts(rule, SL("dcr-")) ||
        !is_hex(slice_make(rule.at + 4, rule.len - 4)))
        settings_errors_add(errors, value, "the rule is named by its immutable id, dcr- and 32 hexadecimal digits "
                                           "(portal: data collection rule, JSON view, immutableId), not by its name");
}

static void check_stream(const void *self, const struct yaml_node *value, struct settings_errors *errors)
{
    struct slice stream = slice_of(((const struct sentinel *)self)->stream);

    if (!slice_starts(stream, SL("Custom-")) && !slice_starts(stream, SL("Microsoft-")))
        settings_errors_add(errors, value, "a stream begins with Custom- or Microsoft-, as in the rule's "
                                           "streamDeclarations");
}

static const struct option_spec sentinel_options[] = {
    { .key = "endpoint", .type = OPT_URL, .at = offsetof(struct sentinel, endpoint), .required = true,
      .example = "https://cosmowatch-abcd.westeurope-1.ingest.monitor.azure.com",
      .help = "where the rule takes logs: its own endpoint (logsIngestion) or that of a data collection endpoint" },
    { .key = "rule", .type = OPT_STRING, .at = offsetof(struct sentinel, rule), .required = true,
      .example = "dcr-00000000000000000000000000000000", .check = check_rule,
      .help = "immutable id of the data collection rule" },
    { .key = "stream", .type = OPT_STRING, .at = offsetof(struct sentinel, stream),
      .preset = "Custom-CosmosWatchAlerts", .check = check_stream, .help = "stream of the rule" },
    { .key = "table", .type = OPT_ENUM, .at = offsetof(struct sentinel, table), .values = table_names,
      .preset = "custom",
      .help = "what the rule feeds: custom is CosmosWatchAlerts_CL, asim ASimAlertEventLogs, "
              "common_security_log CommonSecurityLog; decides the format" },
    { .key = "cloud", .type = OPT_ENUM, .at = offsetof(struct sentinel, cloud), .values = cloud_names,
      .preset = "public", .help = "national cloud of the workspace" },
    { .key = "auth", .type = OPT_MAP, .at = offsetof(struct sentinel, auth), .sub = azure_auth_option_specs,
      .help = "who we are; needs the role Monitoring Metrics Publisher on the rule" },
    CONNECTION_OPTIONS(offsetof(struct sentinel, connection)),
    { 0 },
};

static const char *sentinel_format(const void *self)
{
    return table_formats[((const struct sentinel *)self)->table];
}

/* ---- opening ------------------------------------------------------------------------------------ */

static int sentinel_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct sentinel *s = self;
    struct azure_auth_config auth = { 0 };

    s->sv = sv;
    s->azure = azure_cloud_find(cloud_names[s->cloud]);
    if (!s->azure)
        return error_set(err, ERR_BUG, "output '%s': no cloud %s", name, cloud_names[s->cloud]);
    azure_auth_config_from(&s->auth, &auth);
    auth.connection = &s->connection;
    if (azure_credential_new(&auth, s->azure, sv, &s->credential, err) < 0)
        return error_wrap(err, "output '%s'", name);
    return 0;
}

static void sentinel_close(void *self)
{
    struct sentinel *s = self;

    azure_credential_free(s->credential);
    s->credential = NULL;
    s->denied_since_ms = 0;
}

/* ---- sending ------------------------------------------------------------------------------------ */

static void note_denial(struct sentinel *s, int status, struct error *err)
{
    CLEANUP(buf_release) struct buf since = BUF_HERE(64);
    int64_t now = sv_mono_ms(s->sv), lasts;

    if (status != 403) {
        if (status != 0) /* no answer at all says nothing about the role */
            s->denied_since_ms = 0;
        return;
    }
    if (s->denied_since_ms == 0)
        s->denied_since_ms = now > 0 ? now : 1;
    lasts = now - s->denied_since_ms;
    if (lasts < ROLE_SPREADS_MS)
        return;
    fmt_duration_ms(&since, lasts);
    (void)error_wrap(err, "denied for %s, longer than a new role takes", buf_cstr(&since));
}

static int ingest(struct sentinel *s, struct slice body, int *ret_status, struct error *err)
{
    const struct azure_ingest q = { .endpoint = s->endpoint, .rule = s->rule, .stream = s->stream, .body = body };
    int rc = azure_ingest_run(s->credential, s->azure, s->sv, &q, ret_status, err);

    note_denial(s, *ret_status, err);
    return rc;
}

static void refuse_all(struct delivery_result *ret_each, size_t n, const char *reason)
{
    struct slice cut = slice_cut(slice_of(reason), sizeof(ret_each->reason) - 1);

    for (size_t i = 0; i < n; i++) {
        ret_each[i] = (struct delivery_result){ .verdict = DELIVERY_REFUSED };
        memcpy(ret_each[i].reason, cut.at, cut.len);
    }
}

static int sentinel_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                            struct error *err)
{
    CLEANUP(buf_release) struct buf body = BUF_INIT(CALL_BYTES);
    struct sentinel *s = self;
    struct error why = { 0 };
    int status = 0;

    buf_add_char(&body, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_char(&body, ',');
        buf_add_slice(&body, items[i].payload);
    }
    buf_add_char(&body, ']');
    if (buf_check(&body, err) < 0)
        return -1;
    if (ingest(s, buf_slice(&body), &status, &why) < 0) {
        if (why.code == ERR_INPUT && status == 400) {
            refuse_all(ret_each, n, why.msg);
            return 0;
        }
        *err = why;
        return -1;
    }
    for (size_t i = 0; i < n; i++)
        ret_each[i] = (struct delivery_result){ .verdict = DELIVERY_ACCEPTED };
    return 0;
}

/* An empty array stores nothing, but is asked for token, role, rule and stream like any other. What the service
 * says to the array itself is not documented: any answer behind those gates will do. */
static int sentinel_probe(void *self, struct buf *said, struct error *err)
{
    struct sentinel *s = self;
    struct error why = { 0 };
    int status = 0, rc = ingest(s, SL("[]"), &status, &why);

    if (rc < 0 && status != 500 && why.code != ERR_INPUT) {
        *err = why;
        return -1;
    }
    buf_addf(said, "%s; rule %s answers HTTP %d to an empty request", azure_credential_describe(s->credential), s->rule,
             status);
    return 0;
}

const struct output_ops output_sentinel = {
    .name = "sentinel",
    .summary = "alerts as rows of a Microsoft Sentinel workspace, by the Logs Ingestion API",
    .options = sentinel_options,
    .size = sizeof(struct sentinel),
    .default_format = "sentinel",
    .fixed_format = sentinel_format,
    .batch_max = BATCH_MAX,
    .batch_bytes_max = CALL_BYTES - BATCH_MAX - 1, /* brackets and commas */
    .open = sentinel_open,
    .deliver = sentinel_deliver,
    .probe = sentinel_probe,
    .close = sentinel_close,
};
