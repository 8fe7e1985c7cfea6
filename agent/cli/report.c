/* report.c - `cosmowatch report`: a span of time on one page, for the weekly meeting and for auditors: what was told, about
 * what, how much of the time was read, who received it, what was kept quiet. One file that needs nothing else.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "alert/suppress.h"
#include "assemble.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "cli/cli.h"
#include "console/assets.h"
#include "console/html.h"
#include "store/store.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS_SHOWN 20
#define TALLY_MAX 4000

enum { V_FROM, V_TO, V_OUT };
static const char *const value_names[] = { "--from", "--to", "--out", NULL };

struct tally_row {
    char *text;
    int64_t n[SEVERITY_HIGH + 1], total;
};

struct tally {
    struct tally_row *rows;
    size_t len, cap;
    int64_t left_off; /* beyond TALLY_MAX different texts */
};

enum { BY_ACCOUNT, BY_TYPE, BY_TACTIC, BY_PLACE, BY_SUBJECT, BY_SUPPRESSION, TALLIES };
static const struct { const char *key, *title, *column; } tallies[TALLIES] = {
    { "byAccount", "By account", "Account" },
    { "byType", "By kind of alert", "Alert" },
    { "byTactic", "By tactic", "Tactic" },
    { "byPlace", "By place", "Place" },
    { "bySubject", "Most often", "About" },
    { "suppressed", "Kept quiet by a suppression", "Suppression" },
};

struct coverage {
    char source[64];
    int64_t read_ns, gap_ns, open_ns;
    char reason[200]; /* of the newest gap */
};

struct report {
    int64_t from_ns, to_ns;
    int64_t by_severity[SEVERITY_HIGH + 1], alerts, incidents, suppressed, requests;
    struct tally by[TALLIES];
    struct coverage sources[64];
    size_t sources_len;
    const struct suppress *suppress;
    const struct assembly *a;
    struct store *store;
};

/* ---- counting ------------------------------------------------------------------------------------------------------- */

static int tally_add(struct tally *t, const char *text, enum severity s, struct error *err)
{
    size_t i = 0;

    while (i < t->len && strcmp(t->rows[i].text, text) != 0)
        i++;
    if (i == TALLY_MAX) {
        t->left_off++;
        return 0;
    }
    if (i == t->len && t->len == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        struct tally_row *rows = realloc(t->rows, cap * sizeof *rows);

        if (!rows)
            return error_set(err, ERR_NOMEM, "no memory for the report");
        t->rows = rows;
        t->cap = cap;
    }
    if (i == t->len) {
        t->rows[i] = (struct tally_row){ .text = strdup(text) };
        if (!t->rows[i].text)
            return error_set(err, ERR_NOMEM, "no memory for the report");
        t->len++;
    }
    t->rows[i].n[s]++;
    t->rows[i].total++;
    return 0;
}

static int compare_rows(const void *a, const void *b)
{
    const struct tally_row *x = a, *y = b;

    return x->total != y->total ? (x->total < y->total ? 1 : -1) : strcmp(x->text, y->text);
}

static int count_alert(void *self, const struct alert *a, struct error *err)
{
    struct report *r = self;
    const char *rule = a->is_suppressed ? suppress_find(r->suppress, a) : NULL;
    const char *place = alert_text(a, "place");
    CLEANUP(buf_release) struct buf accounts = BUF_INIT(65536);

    if (a->is_sample)
        return 0;
    if (a->is_suppressed) {
        r->suppressed++;
        return tally_add(&r->by[BY_SUPPRESSION], rule ? rule : "(a rule that is no longer there)", a->severity, err);
    }
    r->alerts++;
    r->by_severity[a->severity]++;
    r->incidents += a->type->is_incident;
    r->requests += a->type->is_incident ? 0 : a->count;
    alert_accounts(a, &accounts);
    if (tally_add(&r->by[BY_ACCOUNT], accounts.len > 0 ? buf_cstr(&accounts) : "(none)", a->severity, err) < 0 ||
        tally_add(&r->by[BY_TYPE], a->type->display_name, a->severity, err) < 0 ||
        tally_add(&r->by[BY_TACTIC], a->type->intent, a->severity, err) < 0 ||
        tally_add(&r->by[BY_SUBJECT], a->subject, a->severity, err) < 0)
        return -1;
    return place[0] ? tally_add(&r->by[BY_PLACE], place, a->severity, err) : 0;
}

static int count_window(void *self, const struct window *w, struct error *err UNUSED)
{
    struct report *r = self;
    int64_t from = w->from_ns > r->from_ns ? w->from_ns : r->from_ns, to = w->to_ns < r->to_ns ? w->to_ns : r->to_ns;
    size_t i = 0;

    while (i < r->sources_len && strcmp(r->sources[i].source, w->source) != 0)
        i++;
    if (to <= from || i == ARRAY_LEN(r->sources))
        return 0;
    if (i == r->sources_len) {
        (void)snprintf(r->sources[i].source, sizeof r->sources[i].source, "%s", w->source);
        r->sources_len++;
    }
    if (w->state == WINDOW_GAP) {
        r->sources[i].gap_ns += to - from;
        (void)snprintf(r->sources[i].reason, sizeof r->sources[i].reason, "%s", w->reason);
    } else if (w->state >= WINDOW_CLOSED) {
        r->sources[i].read_ns += to - from;
    } else {
        r->sources[i].open_ns += to - from;
    }
    return 0;
}

static int collect(struct report *r, struct error *err)
{
    const struct alert_filter f = { .since_ns = r->from_ns, .until_ns = r->to_ns, .limit = SIZE_MAX };

    if (store_each_alert(r->store, &f, count_alert, r, err) < 0 ||
        store_each_window(r->store, NULL, INT64_MIN, count_window, r, err) < 0)
        return -1;
    for (size_t i = 0; i < TALLIES; i++)
        qsort(r->by[i].rows, r->by[i].len, sizeof *r->by[i].rows, compare_rows);
    return 0;
}

/* ---- as JSON -------------------------------------------------------------------------------------------------------- */

static void add(struct json_object *o, const char *key, struct json_object *value)
{
    (void)json_object_object_add(o, key, value);
}

static struct json_object *time_json(int64_t ns)
{
    CLEANUP(buf_release) struct buf t = BUF_INIT(64);

    time_add_iso(&t, ns, 0);
    return json_object_new_string(buf_cstr(&t));
}

static struct json_object *severities_json(const int64_t n[SEVERITY_HIGH + 1])
{
    struct json_object *o = json_object_new_object();

    for (int s = SEVERITY_HIGH; s >= 0; s--)
        add(o, severity_name((enum severity)s), json_object_new_int64(n[s]));
    return o;
}

static struct json_object *tally_json(const struct tally *t)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < t->len; i++) {
        struct json_object *o = json_object_new_object();

        add(o, "name", json_object_new_string(t->rows[i].text));
        add(o, "alerts", json_object_new_int64(t->rows[i].total));
        add(o, "bySeverity", severities_json(t->rows[i].n));
        (void)json_object_array_add(list, o);
    }
    return list;
}

static struct json_object *coverage_json(const struct report *r)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < r->sources_len; i++) {
        const struct coverage *c = &r->sources[i];
        struct json_object *o = json_object_new_object();

        add(o, "source", json_object_new_string(c->source));
        add(o, "readSeconds", json_object_new_int64(c->read_ns / NS_PER_S));
        add(o, "gapSeconds", json_object_new_int64(c->gap_ns / NS_PER_S));
        add(o, "openSeconds", json_object_new_int64(c->open_ns / NS_PER_S));
        if (c->reason[0])
            add(o, "reason", json_object_new_string(c->reason));
        (void)json_object_array_add(list, o);
    }
    return list;
}

static int deliveries_json(const struct report *r, struct json_object *list, struct error *err)
{
    for (size_t i = 0; i < r->a->outputs_len; i++) {
        struct json_object *o = json_object_new_object();
        struct output_counts n = { 0 };

        (void)json_object_array_add(list, o);
        if (store_count_output(r->store, r->a->outputs[i].name, &n, err) < 0)
            return -1;
        add(o, "output", json_object_new_string(r->a->outputs[i].name));
        add(o, "accepted", json_object_new_int64(n.accepted));
        add(o, "pending", json_object_new_int64(n.pending));
        add(o, "parked", json_object_new_int64(n.parked));
    }
    return 0;
}

static struct json_object *report_json(const struct report *r, struct error *err)
{
    struct json_object *o = json_object_new_object(), *deliveries = json_object_new_array();

    add(o, "from", time_json(r->from_ns));
    add(o, "to", time_json(r->to_ns));
    add(o, "version", json_object_new_string(COSMOWATCH_VERSION));
    add(o, "alerts", json_object_new_int64(r->alerts));
    add(o, "incidents", json_object_new_int64(r->incidents));
    add(o, "suppressedAlerts", json_object_new_int64(r->suppressed));
    add(o, "requestsInAlerts", json_object_new_int64(r->requests));
    add(o, "bySeverity", severities_json(r->by_severity));
    for (size_t i = 0; i < TALLIES; i++)
        add(o, tallies[i].key, tally_json(&r->by[i]));
    add(o, "coverage", coverage_json(r));
    add(o, "deliveries", deliveries);
    if (deliveries_json(r, deliveries, err) == 0)
        return o;
    json_object_put(o);
    return NULL;
}

/* ---- as a page ------------------------------------------------------------------------------------------------------ */

static void add_tally(struct buf *out, size_t which, const struct tally *t)
{
    if (t->len == 0)
        return;
    buf_addf(out, "<section><h2>%s</h2><div class=\"scroll\"><table><thead><tr><th>%s</th>", tallies[which].title,
             tallies[which].column);
    for (int s = SEVERITY_HIGH; s >= 0; s--)
        buf_addf(out, "<th class=\"num\">%s</th>", severity_name((enum severity)s));
    buf_add_str(out, "<th class=\"num\">All</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < t->len && i < ROWS_SHOWN; i++) {
        buf_add_str(out, "<tr><td>");
        html_add(out, slice_cut(slice_of(t->rows[i].text), 200));
        buf_add_str(out, "</td>");
        for (int s = SEVERITY_HIGH; s >= 0; s--)
            buf_addf(out, "<td class=\"num\">%" PRId64 "</td>", t->rows[i].n[s]);
        buf_addf(out, "<td class=\"num\">%" PRId64 "</td></tr>\n", t->rows[i].total);
    }
    buf_add_str(out, "</tbody></table></div>");
    if (t->len > ROWS_SHOWN)
        buf_addf(out, "<p class=\"legend\">and %zu more; the JSON has all</p>", t->len - ROWS_SHOWN);
    buf_add_str(out, "</section>\n");
}

static void add_coverage(struct buf *out, const struct report *r)
{
    int64_t span = r->to_ns - r->from_ns;

    buf_add_str(out, "<section><h2>How much of the time was read</h2><div class=\"scroll\"><table><thead><tr><th>Source</th>"
                     "<th class=\"num\">Read</th><th class=\"num\">Gap</th><th class=\"num\">Still to read</th>"
                     "<th class=\"num\">Before the agent</th><th>Why a gap</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < r->sources_len; i++) {
        const struct coverage *c = &r->sources[i];
        int64_t none = span - c->read_ns - c->gap_ns - c->open_ns;
        const int64_t parts[] = { c->read_ns, c->gap_ns, c->open_ns, none > 0 ? none : 0 };

        buf_add_str(out, "<tr><td>");
        html_add_str(out, c->source);
        for (size_t k = 0; k < ARRAY_LEN(parts); k++)
            buf_addf(out, "</td><td class=\"num\">%.2f %%", 100.0 * (double)parts[k] / (double)span);
        buf_add_str(out, "</td><td>");
        html_add_str(out, c->reason);
        buf_add_str(out, "</td></tr>\n");
    }
    buf_add_str(out, "</tbody></table></div></section>\n");
}

static int add_deliveries(struct buf *out, const struct report *r, struct error *err)
{
    buf_add_str(out, "<section><h2>Delivery</h2><p>Of everything the store remembers.</p><div class=\"scroll\"><table><thead><tr>"
                     "<th>Output</th><th class=\"num\">Accepted</th><th class=\"num\">Waiting</th><th class=\"num\">Refused</th>"
                     "</tr></thead><tbody>\n");
    for (size_t i = 0; i < r->a->outputs_len; i++) {
        struct output_counts n = { 0 };

        if (store_count_output(r->store, r->a->outputs[i].name, &n, err) < 0)
            return -1;
        buf_add_str(out, "<tr><td>");
        html_add_str(out, r->a->outputs[i].name);
        buf_addf(out, "</td><td class=\"num\">%" PRId64 "</td><td class=\"num\">%" PRId64 "</td><td class=\"num\">%" PRId64
                      "</td></tr>\n", n.accepted, n.pending, n.parked);
    }
    buf_add_str(out, "</tbody></table></div></section>\n");
    return 0;
}

static int report_html(const struct report *r, struct buf *out, struct error *err)
{
    buf_add_str(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
                     "<title>cosmowatch report</title><style>\n");
    buf_add_slice(out, assets_find("/style.css")->bytes);
    buf_add_str(out, "</style></head><body><header><span class=\"brand\">cosmowatch</span></header><main><h1>Report from ");
    html_add_time(out, r->from_ns);
    buf_add_str(out, " to ");
    html_add_time(out, r->to_ns);
    buf_add_str(out, " UTC</h1>\n<p class=\"why\">");
    fmt_count(out, r->alerts);
    buf_add_str(out, " alerts, of them ");
    fmt_count(out, r->incidents);
    buf_add_str(out, " incidents; ");
    fmt_count(out, r->suppressed);
    buf_add_str(out, " more were kept quiet by suppressions.</p><p>");
    for (int s = SEVERITY_HIGH; s >= 0; s--) {
        html_add_severity(out, s);
        buf_addf(out, "%" PRId64 " &#160; ", r->by_severity[s]);
    }
    buf_add_str(out, "</p>\n");
    for (size_t i = 0; i < TALLIES; i++)
        add_tally(out, i, &r->by[i]);
    add_coverage(out, r);
    if (add_deliveries(out, r, err) < 0)
        return -1;
    buf_add_str(out, "</main><footer>Times are UTC. cosmowatch " COSMOWATCH_VERSION "</footer></body></html>\n");
    return 0;
}

/* ---- the verb ------------------------------------------------------------------------------------------------------- */

static int render(const struct report *r, bool is_json, struct buf *out, struct error *err)
{
    struct json_object *o = NULL;

    if (!is_json)
        return report_html(r, out, err) < 0 ? -1 : buf_check(out, err);
    o = report_json(r, err);
    if (!o)
        return -1;
    buf_add_str(out, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                                                           JSON_C_TO_STRING_NOSLASHESCAPE));
    buf_add_char(out, '\n');
    json_object_put(o);
    return buf_check(out, err);
}

static int write_out(const char *path, struct buf *out, struct error *err)
{
    FILE *f = NULL;
    bool is_written = false;

    if (!path || strcmp(path, "-") == 0)
        return cli_print(out) == CLI_OK ? 0 : error_set(err, ERR_IO, "standard output was closed");
    f = fopen(path, "we");
    is_written = f && fwrite(out->at, 1, out->len, f) == out->len;
    if (f && fclose(f) != 0)
        is_written = false;
    return is_written ? 0 : error_errno(err, ERR_IO, errno, "%s", path);
}

static int read_span(const struct cli_args *args, const struct services *sv, struct report *r, struct error *err)
{
    r->to_ns = sv_wall_ns(sv);
    if (args->value[V_TO] && cli_parse_when(args->value[V_TO], &r->to_ns, err) < 0)
        return -1;
    r->from_ns = r->to_ns - 7 * NS_PER_DAY;
    if (args->value[V_FROM] && cli_parse_when(args->value[V_FROM], &r->from_ns, err) < 0)
        return -1;
    return r->from_ns < r->to_ns ? 0 : error_set(err, ERR_CONFIG, "--from is not before --to");
}

static void report_release(struct report *r)
{
    for (size_t i = 0; i < TALLIES; i++) {
        for (size_t k = 0; k < r->by[i].len; k++)
            free(r->by[i].rows[k].text);
        free(r->by[i].rows);
    }
}

static int run_report(int argc, char **argv)
{
    struct cli_args args = { .values = value_names };
    CLEANUP(assembly_release) struct assembly a = { 0 };
    CLEANUP(store_closep) struct store *store = NULL;
    CLEANUP(report_release) struct report r = { 0 };
    CLEANUP(buf_release) struct buf out = BUF_INIT(64u << 20);
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_report, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    if (assemble(&a, args.config, ASSEMBLE_ENGINE | ASSEMBLE_OUTPUTS | ASSEMBLE_OFFLINE, &err) < 0 ||
        read_span(&args, &a.sv, &r, &err) < 0 || assembly_open_store(&a, STORE_READ, &store, &err) < 0)
        return cli_fail(&err);
    r.a = &a;
    r.suppress = a.suppress;
    r.store = store;
    if (collect(&r, &err) < 0 || render(&r, args.is_json, &out, &err) < 0 || write_out(args.value[V_OUT], &out, &err) < 0)
        return cli_fail(&err);
    return CLI_OK;
}

const struct verb verb_report = {
    .name = "report",
    .summary = "a span of time on one page: alerts, coverage, deliveries, suppressions; HTML or JSON",
    .usage = "[--from WHEN] [--to WHEN] [--out FILE] [--json]",
    .help = "      --from WHEN         a time or an age (2026-08-01T00:00:00Z, 30d); preset a week before the end\n"
            "      --to WHEN           preset now\n"
            "      --out FILE          instead of standard output\n"
            "      --json              the same as JSON, with every row of the tables\n",
    .run = run_report,
};
