/* metrics.c - /metrics in OpenMetrics text 1.0 or, unless asked for it, in Prometheus text 0.0.4, from what the agent last said of itself. Labels are names of the
 * configuration and of the catalogue, never values of log rows: their number is fixed.
 * Source: OpenMetrics 1.0; names of process metrics as in the Prometheus client libraries' convention.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/json_in.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "console/health.h"
#include "console/view.h"
#include "status.h"

#include <json-c/json.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum metric_kind { GAUGE, COUNTER, SECONDS /* gauge: an ISO time as seconds since 1970 */, STATE /* gauge: 1 unless bad */ };

struct metric {
    const char *name, *key;      /* of the metric; in the status */
    enum metric_kind kind;
    const char *unit, *help;
    double scale;                /* 0: 1 */
};

static const struct metric of_sources[] = {
    { "cosmowatch_source_up", "state", STATE, NULL, "1 when the source is read, 0 when it is failing or reading is paused", 0 },
    { "cosmowatch_source_read_up_to_timestamp_seconds", "readUpTo", SECONDS, "seconds",
      "Ingestion time up to which everything was read", 0 },
    { "cosmowatch_source_last_success_timestamp_seconds", "lastSuccess", SECONDS, "seconds", "Last complete answer", 0 },
    { "cosmowatch_source_lag_seconds", "lagSeconds", GAUGE, "seconds", "How far behind now the source was read", 0 },
    { "cosmowatch_source_clock_skew_seconds", "clockSkewMs", GAUGE, "seconds", "The server's clock minus ours", 0.001 },
    { "cosmowatch_source_backfilling", "backfilling", GAUGE, NULL, "1 while learning from history", 0 },
    { "cosmowatch_source_windows", "windows", COUNTER, NULL, "Windows read completely", 0 },
    { "cosmowatch_source_queries", "queries", COUNTER, NULL, "Queries asked", 0 },
    { "cosmowatch_source_rows", "rows", COUNTER, NULL, "Log rows read", 0 },
    { "cosmowatch_source_late_rows", "lateRows", COUNTER, NULL, "Rows found only when a window was read again", 0 },
    { "cosmowatch_source_unreadable_rows", "unreadableRows", COUNTER, NULL, "Rows set aside with a reason", 0 },
};
static const struct metric of_outputs[] = {
    { "cosmowatch_output_up", "state", STATE, NULL, "1 unless alerts are held back by the output's trouble", 0 },
    { "cosmowatch_output_accepted_alerts", "accepted", COUNTER, NULL, "Alert records that the receiver took", 0 },
    { "cosmowatch_output_retries", "retried", COUNTER, NULL, "Attempts that were repeated", 0 },
    { "cosmowatch_output_pending_alerts", "pending", GAUGE, NULL, "Alert records that wait", 0 },
    { "cosmowatch_output_parked_alerts", "parked", GAUGE, NULL, "Alert records that the receiver refused", 0 },
    { "cosmowatch_output_last_accepted_timestamp_seconds", "lastAccepted", SECONDS, "seconds", "Last accepted record", 0 },
};
static const struct metric of_feeds[] = {
    { "cosmowatch_feed_entries", "entries", GAUGE, NULL, "Entries of the list in force", 0 },
    { "cosmowatch_feed_refreshed_timestamp_seconds", "refreshedAt", SECONDS, "seconds", "When it was last fresh", 0 },
};
static const struct metric of_certificates[] = {
    { "cosmowatch_certificate_expiry_timestamp_seconds", "notAfter", SECONDS, "seconds",
      "When a certificate of ours ends, of a receiver, of Entra or of the console", 0 },
};
static const struct metric of_peers[] = {
    { "cosmowatch_peer_certificate_expiry_timestamp_seconds", "notAfter", SECONDS, "seconds",
      "When the certificates that another side showed end, the first of its chain", 0 },
};
static const struct metric of_trusted[] = {
    { "cosmowatch_trusted_last_used_timestamp_seconds", "lastUsed", SECONDS, "seconds",
      "The last event that an entry of `trusted:` vouched for, by its place in the list", 0 },
    { "cosmowatch_trusted_used_days", "daysUsed", GAUGE, NULL, "On how many of the 64 days up to then it did", 0 },
};
static const struct metric of_judgement[] = {
    { "cosmowatch_accounts", "accounts", GAUGE, NULL, "Database accounts seen", 0 },
    { "cosmowatch_learning_accounts", "learningAccounts", GAUGE, NULL, "Accounts whose anomalies do not alert yet", 0 },
    { "cosmowatch_subjects", "subjects", GAUGE, NULL, "Learned entries in memory", 0 },
    { "cosmowatch_evicted_subjects", "evicted", COUNTER, NULL, "Entries that left because memory is bounded", 0 },
    { "cosmowatch_beyond_horizon_observations", "beyondHorizon", COUNTER, NULL, "Rows too late to be learned", 0 },
    { "cosmowatch_open_alerts", "openAlerts", GAUGE, NULL, "Alerts that may still grow", 0 },
    { "cosmowatch_open_suppressed_alerts", "openSuppressedAlerts", GAUGE, NULL, "Of them, those that are not told", 0 },
};
static const struct metric of_reader[] = {
    { "cosmowatch_reader_ends", "ended", COUNTER, NULL, "Times the process that parses log rows died or stood still", 0 },
    { "cosmowatch_reader_left_out_rows", "leftOut", COUNTER, NULL, "Rows set aside because they ended it twice", 0 },
};
static const struct metric of_statement_reader[] = {
    { "cosmowatch_statement_reader_ends", "ended", COUNTER, NULL,
      "Times the process that parses the statements in log rows died or stood still", 0 },
    { "cosmowatch_left_out_statements", "leftOut", COUNTER, NULL,
      "Statements set aside because they, or many others in the account, ended it twice", 0 },
    { "cosmowatch_unread_statements", "passedOver", COUNTER, NULL,
      "Of these, statements set aside unread because others in the account ended it too often", 0 },
};
static const struct metric of_agent[] = {
    { "cosmowatch_store_size_bytes", "storeBytes", GAUGE, "bytes", "The store on disk", 0 },
    { "cosmowatch_kept_unreadable_rows", "unreadableRowsKept", GAUGE, NULL, "Unreadable rows kept to be looked at", 0 },
    { "cosmowatch_status_timestamp_seconds", "writtenAt", SECONDS, "seconds",
      "When the agent last said this; an old one means that it is stuck", 0 },
};

struct writer {
    struct buf *out;
    const char *total; /* what a counter's head ends in: "_total" in the older format, nothing in OpenMetrics */
};

static void add_head(const struct writer *w, const char *name, bool is_counter, const char *unit, const char *help)
{
    const char *end = is_counter ? w->total : "";

    buf_addf(w->out, "# HELP %s%s %s.\n# TYPE %s%s %s\n", name, end, help, name, end, is_counter ? "counter" : "gauge");
    if (unit)
        buf_addf(w->out, "# UNIT %s%s %s\n", name, end, unit);
}

/* Names of the configuration hold letters, digits, dot, underscore and hyphen only (settings.h). */
static void add_labels(struct buf *out, const char *label, struct json_object *o)
{
    if (!label)
        return;
    buf_addf(out, "{%s=\"%s\"", label, json_text(o, "name", ""));
    if (json_text(o, "type", "")[0])
        buf_addf(out, ",type=\"%s\"", json_text(o, "type", ""));
    buf_add_char(out, '}');
}

/* False: nothing to tell, such as a time that has not come yet. */
static bool value_of(const struct metric *m, struct json_object *o, double *ret)
{
    int64_t ns = 0;

    if (m->kind == STATE) {
        *ret = status_grade(json_text(o, m->key, "")) == STATUS_GOOD;
        return true;
    }
    if (m->kind == SECONDS) {
        if (!time_parse_iso(slice_of(json_text(o, m->key, "")), &ns))
            return false;
        *ret = (double)ns / NS_PER_S;
        return true;
    }
    *ret = (double)json_number(o, m->key) * (m->scale > 0 ? m->scale : 1);
    return json_object_object_get_ex(o, m->key, NULL);
}

static void add_samples(struct buf *out, const struct metric *m, const char *label, struct json_object *o)
{
    double value = 0;

    if (!value_of(m, o, &value))
        return;
    buf_addf(out, "%s%s", m->name, m->kind == COUNTER ? "_total" : "");
    add_labels(out, label, o);
    buf_addf(out, " %.15g\n", value);
}

/* `o`: one object, or an array of them. */
static void add_family(const struct writer *w, const struct metric *m, size_t n, const char *label, struct json_object *o)
{
    for (; n > 0; n--, m++) {
        add_head(w, m->name, m->kind == COUNTER, m->unit, m->help);
        if (!json_object_is_type(o, json_type_array))
            add_samples(w->out, m, label, o);
        else
            for (size_t i = 0; i < json_object_array_length(o); i++)
                add_samples(w->out, m, label, json_object_array_get_idx(o, i));
    }
}

static void add_blind(const struct writer *w, struct json_object *judgement)
{
    struct json_object *list = NULL;

    add_head(w, "cosmowatch_detector_blind", false, NULL, "1 for each detector that cannot judge; status says why");
    for (size_t i = 0, n = json_list(judgement, "cannotJudge", &list); i < n; i++)
        buf_addf(w->out, "cosmowatch_detector_blind{detector=\"%s\"} 1\n",
                 json_text(json_object_array_get_idx(list, i), "detector", ""));
}

static int64_t open_files(void)
{
    int64_t n = file_count("/proc/self/fd");

    return n > 0 ? n - 1 : 0; /* without the one that reads */
}

static int64_t resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    char line[128] = "";
    struct slice rest = { 0 }, word = { 0 };
    int64_t pages = 0;

    if (!f)
        return 0;
    if (fgets(line, sizeof line, f)) {
        rest = slice_of(line);
        (void)slice_split(&rest, ' ', &word);
        (void)slice_split(&rest, ' ', &word);
        (void)parse_i64(word, 0, INT64_MAX, &pages);
    }
    (void)fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static void add_process(const struct writer *w)
{
    struct rusage u = { 0 };

    (void)getrusage(RUSAGE_SELF, &u);
    add_head(w, "process_cpu_seconds", true, "seconds", "CPU time of the agent");
    buf_addf(w->out, "process_cpu_seconds_total %.6f\n",
             (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
    add_head(w, "process_resident_memory_bytes", false, "bytes", "Resident memory of the agent");
    buf_addf(w->out, "process_resident_memory_bytes %" PRId64 "\n", resident_bytes());
    add_head(w, "process_open_fds", false, NULL, "Open file descriptors of the agent");
    buf_addf(w->out, "process_open_fds %" PRId64 "\n", open_files());
}

int metrics_page(struct view *v, struct error *err UNUSED)
{
    const struct writer w[1] = { { .out = v->out, .total = v->wants_openmetrics ? "" : "_total" } };
    struct json_object *o = NULL;
    int64_t now = sv_wall_ns(v->sv);

    add_head(w, "cosmowatch_build", false, NULL, "The version that runs");
    buf_add_str(v->out, "cosmowatch_build{version=\"" COSMOWATCH_VERSION "\"} 1\n");
    add_head(w, "cosmowatch_healthy", false, NULL, "1 when /healthz says so");
    buf_addf(v->out, "cosmowatch_healthy %d\n", health_judge(v->status, now, NULL, NULL) == 0);
    if (v->status) {
        add_family(w, of_agent, ARRAY_LEN(of_agent), NULL, v->status);
        if (json_object_object_get_ex(v->status, "sources", &o))
            add_family(w, of_sources, ARRAY_LEN(of_sources), "source", o);
        if (json_object_object_get_ex(v->status, "outputs", &o))
            add_family(w, of_outputs, ARRAY_LEN(of_outputs), "output", o);
        if (json_object_object_get_ex(v->status, "feeds", &o))
            add_family(w, of_feeds, ARRAY_LEN(of_feeds), "feed", o);
        if (json_object_object_get_ex(v->status, "reader", &o))
            add_family(w, of_reader, ARRAY_LEN(of_reader), NULL, o);
        if (json_object_object_get_ex(v->status, "statementReader", &o))
            add_family(w, of_statement_reader, ARRAY_LEN(of_statement_reader), NULL, o);
        if (json_object_object_get_ex(v->status, "certificates", &o))
            add_family(w, of_certificates, ARRAY_LEN(of_certificates), "certificate", o);
        if (json_object_object_get_ex(v->status, "peerCertificates", &o))
            add_family(w, of_peers, ARRAY_LEN(of_peers), "peer", o);
        if (json_object_object_get_ex(v->status, "trusted", &o))
            add_family(w, of_trusted, ARRAY_LEN(of_trusted), "entry", o);
        if (json_object_object_get_ex(v->status, "judgement", &o)) {
            add_family(w, of_judgement, ARRAY_LEN(of_judgement), NULL, o);
            add_blind(w, o);
        }
    }
    add_process(w);
    buf_add_str(v->out, "# EOF\n");
    return 200;
}
