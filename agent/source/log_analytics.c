/* log_analytics - reads an Azure Monitor (Log Analytics) workspace by its query API.
 *
 * Windows are intervals of ingestion_time(), so rows that come late are in a later window and none is
 * skipped; counting closed windows again finds what became visible out of order. The grouping happens in
 * the workspace (`mode: summarize`); `mode: rows` fetches the rows and lets the fold do it, with the same
 * result.
 *
 * What one query is: kql.c. How a window is read whatever its size: reader.c. Here: the options, the
 * token, and what an operator wants to know before trusting it (probe).
 * Sources: Azure Monitor "Log Analytics API" pages, limits of the query service (read 2026-08).
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/azure.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "base/uuid.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "source/answer_apart.h"
#include "source/gate.h"
#include "source/kql.h"
#include "source/reader.h"
#include "source/source.h"
#include "source/survey.h"
#include "source/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECHECKS_MAX 4
#define NS(ms) ((ms) * NS_PER_MS)
#define QUERY_TEXT_MAX ((size_t)1 << 20)
#define SKEW_TOLERATED_NS (2 * NS_PER_MIN)

enum mode { MODE_SUMMARIZE, MODE_ROWS };
enum places { PLACES_WORKSPACE, PLACES_NONE };

struct log_analytics {
    char *workspace;
    struct string_list workspaces;
    int cloud, mode, places;
    char *endpoint;
    struct azure_auth_options auth;
    struct connection connection;
    struct string_list tables, accounts, recheck;
    char *shard;
    int64_t window_ms, settle_ms, catch_up_ms, lookback_ms, backfill_ms, backfill_window_ms, retention_ms;
    int64_t text_wait_ms, query_timeout_ms, concurrency, row_cap;

    /* from open() on */
    const struct services *sv;
    const struct azure_cloud *azure;
    struct azure_credential *credential;
    struct decoder *decoder;
    struct gate *gate;
    struct reader reader;
    _Atomic int64_t ahead_ns; /* the service's time minus our monotonic clock, 0 unknown: feeds ask too */
};

/* ---- options --------------------------------------------------------------------------------- */

static const char *const cloud_names[] = { "public", "us_government", "china", NULL };
static const char *const mode_names[] = { "summarize", "rows", NULL };
static const char *const place_names[] = { "workspace", "none", NULL };

#define DEFAULT_TABLES                                                                                     \
    (KQL_TABLE(TABLE_DATA_PLANE) | KQL_TABLE(TABLE_QUERY_STATS) | KQL_TABLE(TABLE_CONTROL_PLANE) |         \
     KQL_TABLE(TABLE_MONGO) | KQL_TABLE(TABLE_CASSANDRA) | KQL_TABLE(TABLE_GREMLIN) |                      \
     KQL_TABLE(TABLE_TABLE_API) | KQL_TABLE(TABLE_ACTIVITY) | KQL_TABLE(TABLE_SECURITY_ALERT) | KQL_LEGACY)

/* 0: not a table that this source reads. */
static uint32_t table_bit(struct slice name)
{
    enum table t = table_from_name(name);

    if (slice_eq_nocase(name, SL("auto")))
        return DEFAULT_TABLES;
    if (slice_eq_nocase(name, SL("AzureDiagnostics")))
        return KQL_LEGACY;
    return t == TABLE_NONE || t == TABLE_THREAT_INTEL ? 0 : KQL_TABLE(t);
}

static void check_tables(const void *self, const struct yaml_node *value, struct settings_errors *errors)
{
    static const char *const known[] = {
        "auto",
        "CDBDataPlaneRequests",
        "CDBDataPlaneRequests5M",
        "CDBDataPlaneRequests15M",
        "CDBQueryRuntimeStatistics",
        "CDBControlPlaneRequests",
        "CDBMongoRequests",
        "CDBCassandraRequests",
        "CDBGremlinRequests",
        "CDBTableApiRequests",
        "AzureActivity",
        "SecurityAlert",
        "AzureDiagnostics",
        NULL,
    };
    const struct log_analytics *s = self;

    for (size_t i = 0; i < s->tables.len; i++) {
        struct slice name = slice_of(s->tables.at[i]);
        const char *near = settings_nearest(name, known);

        if (table_bit(name) == 0)
            settings_errors_add(errors, value, "\"%.*s\" is no table that is read here%s%s%s",
                                SLF(slice_cut(name, 60)), near ? "; did you mean " : "", near ? near : "",
                                near ? "?" : "");
    }
}

static void check_workspace(const void *self, const struct yaml_node *value, struct settings_errors *errors)
{
    const struct log_analytics *s = self;

    if (s->workspace && !uuid_is_valid(slice_of(s->workspace)))
        settings_errors_add(errors, value,
                            "the workspace is named by its id, a GUID such as "
                            "00000000-0000-0000-0000-000000000000 (portal: Overview, Workspace ID)");
}

/* Ages in ms; -1: not an ascending list of at most four durations. */
static int parse_rechecks(const struct string_list *list, int64_t ret_ms[RECHECKS_MAX + 1])
{
    int64_t last = 0;

    memset(ret_ms, 0, sizeof *ret_ms * (RECHECKS_MAX + 1));
    if (list->len > RECHECKS_MAX)
        return -1;
    for (size_t i = 0; i < list->len; i++) {
        if (!parse_duration_ms(slice_of(list->at[i]), &ret_ms[i]) || ret_ms[i] <= last)
            return -1;
        last = ret_ms[i];
    }
    return 0;
}

static void check_recheck(const void *self, const struct yaml_node *value, struct settings_errors *errors)
{
    const struct log_analytics *s = self;
    int64_t ages[RECHECKS_MAX + 1];

    if (parse_rechecks(&s->recheck, ages) < 0)
        settings_errors_add(errors, value,
                            "up to four growing ages are expected, for example 15m, 1h, 4h, 24h");
}

/* "i/n" with 0 <= i < n. */
static bool parse_shard(const char *text, int64_t *ret_shard, int64_t *ret_shards)
{
    struct slice rest = slice_of(text), part;

    *ret_shard = *ret_shards = 0;
    if (!text)
        return true;
    return slice_split(&rest, '/', &part) && parse_i64(part, 0, 1023, ret_shard) &&
           parse_i64(rest, 1, 1024, ret_shards) && *ret_shard < *ret_shards;
}

static void check_shard(const void *self, const struct yaml_node *value, struct settings_errors *errors)
{
    const struct log_analytics *s = self;
    int64_t shard, shards;

    if (!parse_shard(s->shard, &shard, &shards))
        settings_errors_add(errors, value,
                            "a shard is i/n with i from 0 to n-1, for example 0/2 and 1/2 on two agents");
}

#define AT(field) offsetof(struct log_analytics, field)
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS INT64_C(3600000)
#define DAY_MS INT64_C(86400000)

static const struct option_spec log_analytics_options[] = {
    { .key = "workspace",
      .type = OPT_STRING,
      .at = AT(workspace),
      .required = true,
      .check = check_workspace,
      .example = "00000000-0000-0000-0000-000000000000",
      .help = "workspace id, a GUID" },
    { .key = "workspaces",
      .type = OPT_STRING_LIST,
      .at = AT(workspaces),
      .max = 99,
      .help = "further workspaces to read in the same queries, by id or name; the same credential must reach "
              "them" },
    { .key = "auth",
      .type = OPT_MAP,
      .at = AT(auth),
      .sub = azure_auth_option_specs,
      .help = "who we are; needs the role Log Analytics Reader on the workspace" },
    CONNECTION_OPTIONS(AT(connection)),
    { .key = "cloud",
      .type = OPT_ENUM,
      .at = AT(cloud),
      .values = cloud_names,
      .preset = "public",
      .help = "which Azure" },
    { .key = "endpoint",
      .type = OPT_URL,
      .at = AT(endpoint),
      .help = "query service; unset: the cloud's own",
      .example = "https://api.loganalytics.azure.com" },
    { .key = "mode",
      .type = OPT_ENUM,
      .at = AT(mode),
      .values = mode_names,
      .preset = "summarize",
      .help = "summarize: the workspace groups rows, only summaries travel; rows: fetch rows. Same alerts" },
    { .key = "tables",
      .type = OPT_STRING_LIST,
      .at = AT(tables),
      .preset = "auto",
      .check = check_tables,
      .help = "tables to read; auto: all that exist, except the aggregated CDBDataPlaneRequests5M and 15M" },
    { .key = "accounts",
      .type = OPT_STRING_LIST,
      .at = AT(accounts),
      .max = 1000,
      .help = "only these database accounts; unset: all" },
    { .key = "shard",
      .type = OPT_STRING,
      .at = AT(shard),
      .check = check_shard,
      .example = "0/2",
      .help = "i/n: read only accounts whose hash is i of n, to share the work between n agents" },
    { .key = "places",
      .type = OPT_ENUM,
      .at = AT(places),
      .values = place_names,
      .preset = "workspace",
      .help = "workspace: let it say where addresses are (geo_info_from_ip_address)" },
    { .key = "window",
      .type = OPT_DURATION,
      .at = AT(window_ms),
      .preset = "5m",
      .min = 10000,
      .max = 6 * HOUR_MS,
      .help = "how much is read at a time, by arrival" },
    { .key = "settle",
      .type = OPT_DURATION,
      .at = AT(settle_ms),
      .preset = "2m",
      .max = HOUR_MS,
      .help = "leave so much of the newest arrivals unread: they are still becoming visible" },
    { .key = "catch_up",
      .type = OPT_DURATION,
      .at = AT(catch_up_ms),
      .preset = "1h",
      .min = MINUTE_MS,
      .max = DAY_MS,
      .help = "longest window when far behind" },
    { .key = "lookback",
      .type = OPT_DURATION,
      .at = AT(lookback_ms),
      .preset = "24h",
      .max = 30 * DAY_MS,
      .help = "at the first start, raise alerts on what arrived so long ago" },
    { .key = "backfill",
      .type = OPT_DURATION,
      .at = AT(backfill_ms),
      .preset = "14d",
      .max = 90 * DAY_MS,
      .help = "at the first start, learn from so much before that; 0: learn from scratch" },
    { .key = "backfill_window",
      .type = OPT_DURATION,
      .at = AT(backfill_window_ms),
      .preset = "6h",
      .min = MINUTE_MS,
      .max = 7 * DAY_MS,
      .help = "how much of it is read at a time" },
    { .key = "recheck",
      .type = OPT_STRING_LIST,
      .at = AT(recheck),
      .preset = "15m, 1h, 4h, 24h",
      .max = RECHECKS_MAX,
      .check = check_recheck,
      .help = "ages at which a window is counted again, for rows that became visible late" },
    { .key = "retention",
      .type = OPT_DURATION,
      .at = AT(retention_ms),
      .preset = "30d",
      .max = 4000 * DAY_MS,
      .help = "how long the workspace keeps rows; what was not read by then is admitted as a gap" },
    { .key = "text_wait",
      .type = OPT_DURATION,
      .at = AT(text_wait_ms),
      .preset = "1h",
      .min = MINUTE_MS,
      .max = DAY_MS,
      .help = "how long a query text waits for the request it belongs to, before it is judged alone" },
    { .key = "query_timeout",
      .type = OPT_DURATION,
      .at = AT(query_timeout_ms),
      .preset = "3m",
      .min = 10000,
      .max = 600000,
      .help = "time limit of one query" },
    { .key = "concurrency",
      .type = OPT_INT,
      .at = AT(concurrency),
      .preset = "5",
      .min = 1,
      .max = 5,
      .help = "queries at a time for one credential, over all sources; the service allows 5" },
    { .key = "row_cap",
      .type = OPT_INT,
      .at = AT(row_cap),
      .preset = "100000",
      .min = 2,
      .max = READER_ROWS_MAX,
      .help = "rows of one answer; a window with more is read in parts" },
    { 0 },
};

/* ---- scope, open, close ---------------------------------------------------------------------- */

static int scope_from(const struct log_analytics *s, struct kql_scope *ret, struct error *err)
{
    struct kql_scope sc = {
        .bin_ns = NS_PER_MIN,
        .is_rows = s->mode == MODE_ROWS,
        .has_places = s->places == PLACES_WORKSPACE,
        .accounts = s->accounts.at,
        .accounts_len = s->accounts.len,
        .workspaces = s->workspaces.at,
        .workspaces_len = s->workspaces.len,
        .text_wait_ns = NS(s->text_wait_ms),
        .row_cap = s->row_cap,
    };

    for (size_t i = 0; i < s->tables.len; i++)
        sc.tables |= table_bit(slice_of(s->tables.at[i]));
    if (sc.tables == 0)
        sc.tables = DEFAULT_TABLES;
    if (!parse_shard(s->shard, &sc.shard, &sc.shards))
        return error_set(err, ERR_CONFIG, "shard: i/n is expected");
    *ret = sc;
    return 0;
}

static bool log_analytics_now(const void *self, int64_t *ret_ns)
{
    const struct log_analytics *s = self;
    int64_t ahead_ns = s->ahead_ns;

    *ret_ns = ahead_ns + sv_mono_ms(s->sv) * NS_PER_MS;
    return ahead_ns != 0;
}

static int ask(void *self, struct slice query, int64_t wait_s, struct http_answer *ret, struct error *err)
{
    struct log_analytics *s = self;
    const struct azure_query q = {
        .endpoint = s->endpoint,
        .workspace = s->workspace,
        .query = query,
        .wait_s = wait_s,
        .no_cache = true,
    };
    int rc;

    gate_enter(s->gate);
    rc = azure_query_run(s->credential, s->azure, s->sv, &q, ret, err);
    gate_leave(s->gate);
    if (rc == 0 && ret->server_date_ns > 0)
        s->ahead_ns = ret->server_date_ns - sv_mono_ms(s->sv) * NS_PER_MS;
    return rc;
}

static void log_analytics_close(void *self)
{
    struct log_analytics *s = self;

    gate_close(s->gate);
    s->gate = NULL;
    decoder_free(s->decoder);
    s->decoder = NULL;
    azure_credential_free(s->credential);
    s->credential = NULL;
}

static int log_analytics_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct log_analytics *s = self;
    struct azure_auth_config auth = { 0 };

    s->sv = sv;
    s->azure = azure_cloud_find(cloud_names[s->cloud]);
    if (!s->azure)
        return error_set(err, ERR_BUG, "no cloud %s", cloud_names[s->cloud]);
    azure_auth_config_from(&s->auth, &auth);
    auth.connection = &s->connection;
    if (azure_credential_new(&auth, s->azure, sv, &s->credential, err) < 0)
        return error_wrap(err, "source %s", name);
    s->decoder = sv->reader ? decoder_new_apart(sv->reader) : decoder_new();
    if (!s->decoder)
        return error_set(err, ERR_NOMEM, "no memory for source %s", name);
    if (gate_open(azure_credential_describe(s->credential), s->concurrency, &s->gate, err) < 0)
        return -1;
    s->reader = (struct reader) {
        .ask = ask, .self = s, .decoder = s->decoder, .apart = sv->reader, .wait_s = s->query_timeout_ms / 1000
    };
    return scope_from(s, &s->reader.scope, err);
}

/* ---- reading and counting -------------------------------------------------------------------- */

static int log_analytics_read(void *self, const struct source_request *req, struct source_batch *batch,
                              struct error *err)
{
    struct log_analytics *s = self;

    return reader_read(&s->reader, req, batch, err);
}

static int log_analytics_count(void *self, const int64_t *edges, size_t n, int64_t *ret_counts,
                               struct error *err)
{
    struct log_analytics *s = self;

    return reader_count(&s->reader, edges, n, ret_counts, err);
}

static void log_analytics_timing(const void *self, struct window_timing *ret)
{
    const struct log_analytics *s = self;
    int64_t ages[RECHECKS_MAX + 1] = { 0 };

    *ret = (struct window_timing){
        .window_ns = NS(s->window_ms),
        .settle_ns = NS(s->settle_ms),
        .catch_up_ns = NS(s->catch_up_ms),
        .backfill_ns = NS(s->backfill_ms),
        .backfill_window_ns = NS(s->backfill_window_ms),
        .lookback_ns = NS(s->lookback_ms),
        .retention_ns = NS(s->retention_ms),
    };
    if (parse_rechecks(&s->recheck, ages) == 0)
        for (size_t i = 0; i < RECHECKS_MAX; i++)
            ret->recheck_ns[i] = NS(ages[i]);
}

static int log_analytics_threat_intel(void *self, struct buf *ret_answer, struct error *err)
{
    struct log_analytics *s = self;
    CLEANUP(buf_release) struct buf query = BUF_INIT(QUERY_TEXT_MAX);
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    int64_t now = 0;

    if (!log_analytics_now(s, &now))
        now = sv_wall_ns(s->sv);
    if (kql_add_threat_intel(&query, now, err) < 0 ||
        ask(s, buf_slice(&query), s->query_timeout_ms / 1000, &answer, err) < 0)
        return error_wrap(err, "threat intelligence");
    buf_add(ret_answer, answer.body.at, answer.body.len);
    return buf_check(ret_answer, err);
}

/* ---- every query ----------------------------------------------------------------------------- */

typedef int query_fn(void *self, const char *name, struct slice text, struct error *err);

static int say_stream(const char *variant, const struct kql_scope *sc, query_fn *fn, void *self,
                      struct error *err)
{
    for (unsigned i = 0; i < KQL_STREAM_COUNT; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT(QUERY_TEXT_MAX);
        CLEANUP(buf_release) struct buf name = BUF_HERE(256);
        enum kql_stream s = (enum kql_stream)i;

        if (!kql_has_stream(sc, s))
            continue;
        buf_addf(&name, "%s%s", kql_stream_name(s), variant);
        if (kql_add_stream(&text, s, sc, err) < 0 || fn(self, buf_cstr(&name), buf_slice(&text), err) < 0)
            return -1;
    }
    return 0;
}

static int say_rest(const struct kql_scope *sc, query_fn *fn, void *self, struct error *err)
{
    CLEANUP(buf_release) struct buf one = BUF_INIT(QUERY_TEXT_MAX), several = BUF_INIT(QUERY_TEXT_MAX);
    CLEANUP(buf_release) struct buf intel = BUF_INIT(QUERY_TEXT_MAX), probe = BUF_INIT(QUERY_TEXT_MAX);
    CLEANUP(buf_release) struct buf accounts = BUF_INIT(QUERY_TEXT_MAX), usage = BUF_INIT(QUERY_TEXT_MAX);
    CLEANUP(buf_release) struct buf places = BUF_INIT(QUERY_TEXT_MAX), aggregate = BUF_INIT(QUERY_TEXT_MAX);
    const int64_t step = sc->to_ns - sc->from_ns;
    const int64_t edges[4] = { sc->from_ns, sc->from_ns + step, sc->from_ns + 2 * step,
                               sc->from_ns + 3 * step };

    if (kql_add_count(&one, sc, edges, 1, err) < 0 || fn(self, "count", buf_slice(&one), err) < 0 ||
        kql_add_count(&several, sc, edges, 3, err) < 0 ||
        fn(self, "count-several", buf_slice(&several), err) < 0 ||
        kql_add_threat_intel(&intel, sc->to_ns, err) < 0 ||
        fn(self, "threat-intelligence", buf_slice(&intel), err) < 0 || kql_add_probe(&probe, sc, err) < 0 ||
        fn(self, "probe", buf_slice(&probe), err) < 0 || survey_add_accounts_query(&accounts, sc, err) < 0 ||
        fn(self, "probe-accounts", buf_slice(&accounts), err) < 0 || survey_add_usage_query(&usage, err) < 0 ||
        fn(self, "probe-usage", buf_slice(&usage), err) < 0 || survey_add_places_query(&places, sc, err) < 0 ||
        fn(self, "probe-places", buf_slice(&places), err) < 0 || survey_add_aggregate_query(&aggregate, err) < 0 ||
        fn(self, "probe-aggregate", buf_slice(&aggregate), err) < 0)
        return -1;
    return 0;
}

/* For an example window, so that the texts can be compared and checked; no need to be open. */
static int log_analytics_each_query(void *self, query_fn *fn, void *fn_self, struct error *err)
{
    const struct log_analytics *s = self;
    struct kql_scope sc;

    if (scope_from(s, &sc, err) < 0)
        return -1;
    if (!time_parse_iso(SL("2026-08-20T10:00:00Z"), &sc.from_ns))
        return error_set(err, ERR_BUG, "example window");
    sc.to_ns = sc.from_ns + (s->window_ms > 0 ? NS(s->window_ms) : NS_PER_MIN);
    if (say_stream("", &sc, fn, fn_self, err) < 0 || say_rest(&sc, fn, fn_self, err) < 0)
        return -1;
    sc.bin_ns = NS_PER_HOUR;
    if (say_stream("-backfill", &sc, fn, fn_self, err) < 0)
        return -1;
    sc.bin_ns = NS_PER_MIN;
    sc.to_ns = sc.from_ns + KQL_TICK_NS;
    sc.part_from = 0;
    sc.part_to = KQL_PARTS / 2;
    return say_stream("-cut-by-hash", &sc, fn, fn_self, err);
}

/* ---- probing --------------------------------------------------------------------------------- */

struct probing {
    struct buf *said;
    struct buf empty;    /* names of tables that exist and got nothing in 24 h */
    uint32_t seen, full; /* tables that exist, and that have rows */
    int64_t rows, texts, masked;
};

static int probe_row(void *self, const struct answer_row *row, struct error *err)
{
    struct probing *p = self;
    struct slice name = answer_text(row, "Type"), newest = answer_text(row, "Newest");
    int64_t rows = answer_int(row, "Rows", 0);

    (void)err;
    if (slice_eq_nocase(name, SL("ThreatIntelIndicators")))
        p->seen |= KQL_TABLE(TABLE_THREAT_INTEL);
    p->seen |= table_bit(name);
    if (!slice_eq_nocase(name, SL("AzureActivity")) && !slice_eq_nocase(name, SL("ThreatIntelIndicators")))
        p->rows = i64_add_sat(p->rows, rows);
    p->texts = i64_add_sat(p->texts, answer_int(row, "Texts", 0));
    p->masked = i64_add_sat(p->masked, answer_int(row, "Masked", 0));
    if (rows == 0) {
        buf_addf(&p->empty, "%s%.*s", p->empty.len > 0 ? ", " : "", SLF(slice_cut(name, 60)));
        return 0;
    }
    p->full |= table_bit(name);
    buf_addf(p->said, "ok: table %.*s: ", SLF(slice_cut(name, 60)));
    fmt_count(p->said, rows);
    buf_addf(p->said, " rows in 24 h, newest %.*s, arriving ", SLF(slice_cut(newest, 40)));
    fmt_duration_ms(p->said, answer_int(row, "DelayMs", 0));
    buf_add_str(p->said, " after the event (median)\n");
    return 0;
}

/* Few accounts have every API: a table without rows is worth a word, not a line. */
static void say_missing(struct probing *p, uint32_t wanted, const struct survey *commands)
{
    if (p->empty.len > 0)
        buf_addf(p->said, "note: no rows in 24 h (fine where no account has that API): %s\n", buf_cstr(&p->empty));
    for (unsigned t = 1; t < TABLE_COUNT; t++)
        if ((wanted & ~p->seen) & KQL_TABLE(t))
            buf_addf(p->said, "%s: table %s does not exist (nothing was ever sent to it)\n",
                     t == TABLE_DATA_PLANE || t == TABLE_ACTIVITY ? "warning" : "note",
                     table_name((enum table)t));
    if (!(p->full & KQL_TABLE(TABLE_ACTIVITY)) && (wanted & KQL_TABLE(TABLE_ACTIVITY))) {
        buf_add_str(p->said, "warning: without AzureActivity nobody sees who lists keys: send the subscription's activity "
                             "log to the workspace\n");
        survey_do_activity(commands);
    }
    if (p->rows == 0) {
        buf_add_str(p->said, "warning: no Cosmos DB rows in 24 h: is the account's diagnostic setting on?\n");
        survey_do_logs(commands, SL("ACCOUNT"), "DataPlaneRequests");
    }
}

static void say_full_text(struct probing *p)
{
    if (p->texts == 0)
        return;
    if (p->masked == 0)
        buf_add_str(p->said, "ok: query texts are logged in full\n");
    else
        buf_addf(p->said,
                 "warning: %lld %% of the query texts are masked: switch on full-text query logging, or "
                 "injection is judged "
                 "by shape alone\n",
                 (long long)((p->masked * 100 + p->texts - 1) / p->texts));
}

static void say_skew(const struct log_analytics *s, struct buf *said)
{
    int64_t now = 0, skew = 0;

    if (log_analytics_now(s, &now))
        skew = now > sv_wall_ns(s->sv) ? now - sv_wall_ns(s->sv) : sv_wall_ns(s->sv) - now;
    buf_add_str(said, skew > SKEW_TOLERATED_NS ? "warning: our clock differs from the service's by "
                                                : "ok: clocks agree within ");
    fmt_duration_ms(said, skew / NS_PER_MS + 1);
    buf_add_str(said, skew > SKEW_TOLERATED_NS ? "; tokens and labels suffer\n  do: timedatectl set-ntp true\n" : "\n");
}

/* What a reader may not see, or a workspace has not, is no fault of the configuration. -1: no memory to ask. */
static int survey(struct log_analytics *s, struct slice query, int (*row)(void *, const struct answer_row *, struct error *),
                  struct survey *to, const char *what, struct error *ret_err)
{
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    struct error err = { 0 };

    if (ask(s, query, s->query_timeout_ms / 1000, &answer, &err) == 0 &&
        answer_each_row_apart(s->sv->reader, buf_slice(&answer.body), row, to, &err) == 0)
        return 0;
    if (err.code == ERR_NOMEM) {
        *ret_err = err;
        return error_wrap(ret_err, "%s", what);
    }
    buf_addf(to->said, "note: %s: %s\n", what, err.msg);
    return 0;
}

static int survey_all(struct log_analytics *s, struct buf *said, struct error *err)
{
    CLEANUP(buf_release) struct buf accounts = BUF_INIT(QUERY_TEXT_MAX), usage = BUF_INIT(QUERY_TEXT_MAX);
    CLEANUP(buf_release) struct buf places = BUF_INIT(QUERY_TEXT_MAX), aggregate = BUF_INIT(QUERY_TEXT_MAX);
    struct survey to = { .said = said, .workspace = s->workspace };

    if (survey_add_accounts_query(&accounts, &s->reader.scope, err) < 0 || survey_add_usage_query(&usage, err) < 0 ||
        survey_add_places_query(&places, &s->reader.scope, err) < 0 || survey_add_aggregate_query(&aggregate, err) < 0)
        return -1;
    if (survey(s, buf_slice(&accounts), survey_account_row, &to, "what arrives of each account", err) < 0)
        return -1;
    survey_end_account(&to);
    if (survey(s, buf_slice(&places), survey_place_row, &to, "whether addresses have places", err) < 0 ||
        survey(s, buf_slice(&usage), survey_usage_row, &to, "how much it is", err) < 0)
        return -1;
    if (to.mb_month[TABLE_DATA_PLANE] > 0 && to.mb_month[TABLE_DATA_PLANE_5M] == 0 &&
        survey(s, buf_slice(&aggregate), survey_aggregate_row, &to, "what the aggregated table would hold", err) < 0)
        return -1;
    survey_end_usage(&to);
    return 0;
}

static int log_analytics_probe(void *self, struct buf *said, struct error *err)
{
    struct log_analytics *s = self;
    CLEANUP(buf_release) struct buf query = BUF_INIT(QUERY_TEXT_MAX);
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    struct secret token = SECRET_INIT;
    struct probing p = { .said = said, .empty = BUF_INIT(4096) };
    const struct survey commands = { .said = said, .workspace = s->workspace };
    int rc;

    if (azure_credential_token(s->credential, s->azure->query_scope, &token, err) < 0)
        return error_wrap(err, "token");
    secret_release(&token);
    buf_addf(said, "ok: token for %s\n", azure_credential_describe(s->credential));
    if (kql_add_probe(&query, &s->reader.scope, err) < 0)
        return -1;
    if (ask(s, buf_slice(&query), s->query_timeout_ms / 1000, &answer, err) < 0) {
        if (err->code == ERR_DENIED)
            survey_do_role(&commands, s->auth.client_id);
        return error_wrap(err, "workspace %s", s->workspace);
    }
    buf_addf(said, "ok: workspace %s answers\n", s->workspace);
    rc = answer_each_row_apart(s->sv->reader, buf_slice(&answer.body), probe_row, &p, err);
    if (rc == 0)
        say_missing(&p, s->reader.scope.tables, &commands);
    buf_release(&p.empty);
    if (rc < 0)
        return error_wrap(err, "workspace %s", s->workspace);
    say_full_text(&p);
    say_skew(s, said);
    if (survey_all(s, said, err) < 0)
        return -1;
    return buf_check(said, err);
}

extern const struct source_ops source_log_analytics;

const struct source_ops source_log_analytics = {
    .name = "log_analytics",
    .summary = "Azure Monitor (Log Analytics) workspace, by its query API",
    .options = log_analytics_options,
    .size = sizeof(struct log_analytics),
    .open = log_analytics_open,
    .read = log_analytics_read,
    .count = log_analytics_count,
    .probe = log_analytics_probe,
    .each_query = log_analytics_each_query,
    .close = log_analytics_close,
    .now = log_analytics_now,
    .timing = log_analytics_timing,
    .read_threat_intel = log_analytics_threat_intel,
};
