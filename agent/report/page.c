/* page.c - a report as one HTML file that needs nothing else: for a screen, a telephone and a printer.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "base/timeutil.h"
#include "console/assets.h"
#include "console/html.h"
#include "detectors/controls.h"
#include "report/report.h"

#define ROWS_MAX 20 /* of each table */
#define UNREAD_IS_USUAL_NS NS_PER_HOUR /* rows arrive late: the end of a report that goes up to now is always open */

static const struct { enum report_by by; const char *title, *column, *unit; } tables[] = {
    { BY_ACCOUNT, "By account", "Account", "accounts" },
    { BY_TYPE, "By kind of alert", "Alert", "kinds" },
    { BY_TACTIC, "By tactic (ATT&amp;CK)", "Tactic", "tactics" },
    { BY_PLACE, "By place", "Place of the client address", "places" },
    { BY_SUBJECT, "Top subjects", "Address, principal, key or statement that alerts are about", "subjects" },
};

/* ---- pieces --------------------------------------------------------------------------------------------------------- */

static void add_number(struct buf *out, int64_t n)
{
    fmt_count(out, n);
}

/* "1 alert", "1,234 alerts" */
static void add_count(struct buf *out, int64_t n, const char *what)
{
    fmt_count(out, n);
    buf_addf(out, " %s%s", what, n == 1 ? "" : "s");
}

static void begin_table(struct buf *out, const char *kind)
{
    buf_addf(out, "<div class=\"scroll\"><table class=\"%s\"><thead><tr>", kind);
}

static void add_head(struct buf *out, const char *kind, const char *text)
{
    buf_addf(out, "<th scope=\"col\"%s%s%s>%s</th>", kind ? " class=\"" : "", kind ? kind : "", kind ? "\"" : "", text);
}

static void end_heads(struct buf *out)
{
    buf_add_str(out, "</tr></thead><tbody>\n");
}

static void end_table(struct buf *out)
{
    buf_add_str(out, "</tbody></table></div>\n");
}

static void add_number_cell(struct buf *out, const char *kind, const char *label, int64_t n)
{
    buf_addf(out, "<td class=\"num%s%s\" data-label=\"%s\">", kind ? " " : "", kind ? kind : "", label);
    add_number(out, n);
    buf_add_str(out, "</td>");
}

static void add_percent(struct buf *out, int64_t part, int64_t whole)
{
    double share = whole > 0 ? 100.0 * (double)part / (double)whole : 0;

    /* "100 %" is said of the whole only, "0 %" of nothing only. */
    if (part > 0 && part < whole)
        share = share < 0.01 ? 0.01 : share > 99.99 ? 99.99 : share;
    buf_addf(out, part == 0 || part >= whole ? "%.0f %%" : "%.2f %%", share);
}

/* ---- head ----------------------------------------------------------------------------------------------------------- */

static void add_sum(struct buf *out, const char *name, int severity, int64_t n, int64_t before)
{
    buf_add_str(out, "<div><dt>");
    if (severity >= 0)
        html_add_severity(out, severity);
    else
        buf_add_str(out, name);
    buf_add_str(out, "</dt><dd><strong>");
    add_number(out, n);
    buf_add_str(out, "</strong><span class=\"soft\">before: ");
    add_number(out, before);
    if (before > 0 && n != before)
        buf_addf(out, " (%+.0f %%)", 100.0 * ((double)n - (double)before) / (double)before);
    buf_add_str(out, "</span></dd></div>\n");
}

static void add_trust_in_before(struct buf *out, const struct report *r)
{
    int64_t span = r->to_ns - r->from_ns, most = 0;

    for (size_t i = 0; i < r->sources_len; i++)
        most = r->sources[i].read_before_ns > most ? r->sources[i].read_before_ns : most;
    buf_add_str(out, "<p class=\"legend\">before: the same length of time, from ");
    html_add_time(out, report_before_ns(r));
    if (most < span) {
        buf_add_str(out, ", of which ");
        add_percent(out, most, span);
        buf_add_str(out, " was read");
    }
    if (report_before_ns(r) < r->forgotten_ns) {
        buf_add_str(out, "; alerts from before ");
        html_add_time(out, r->forgotten_ns);
        buf_add_str(out, " are no longer kept");
    }
    buf_add_str(out, "</p>\n");
}

static void add_sums(struct buf *out, const struct report *r)
{
    buf_add_str(out, "<dl class=\"sums\">\n");
    add_sum(out, "Alerts", -1, r->now.alerts, r->before.alerts);
    for (int s = SEVERITY_HIGH; s >= 0; s--)
        add_sum(out, NULL, s, r->now.n[s], r->before.n[s]);
    add_sum(out, "Incidents", -1, r->now.incidents, r->before.incidents);
    add_sum(out, "Kept quiet", -1, r->now.suppressed, r->before.suppressed);
    buf_add_str(out, "</dl>\n");
    add_trust_in_before(out, r);
}

static void begin_item(struct buf *out, const char *what, const char *name)
{
    buf_addf(out, "<li>%s <strong>", what);
    html_add_str(out, name);
    buf_add_str(out, "</strong>");
}

/* Lost, and not read: a source that is never read is the first thing to be seen to. */
static void add_todo_source(struct buf *out, const struct report *r, const struct report_source *s)
{
    int64_t open = s->open_ns + report_unseen(r, s);

    if (s->gap_ns > 0) {
        begin_item(out, "Source", s->name);
        buf_add_str(out, ": ");
        fmt_duration_ms(out, s->gap_ns / NS_PER_MS);
        buf_add_str(out, " of logs could not be read and are lost: <a href=\"#coverage\">why</a>.</li>\n");
    }
    if (open > UNREAD_IS_USUAL_NS) {
        begin_item(out, "Source", s->name);
        buf_add_str(out, ": ");
        fmt_duration_ms(out, open / NS_PER_MS);
        buf_add_str(out, " of this time were not read (yet), so the numbers may grow: <code>cosmowatch status</code> "
                         "tells why.</li>\n");
    }
}

static void add_todo_output(struct buf *out, const struct report_output *o)
{
    if (o->n.pending + o->n.parked == 0)
        return;
    begin_item(out, "Output", o->name);
    buf_add_str(out, ": ");
    add_number(out, o->n.pending);
    buf_add_str(out, " waiting, ");
    add_number(out, o->n.parked);
    buf_add_str(out, " refused: <code>cosmowatch outputs status</code> tells why.</li>\n");
}

static void add_todo_suppression(struct buf *out, const struct report *r, size_t i)
{
    struct suppress_view look;

    suppress_look(r->suppress, i, &look);
    if (look.expires_ns > r->made_ns + look.warn_before_ns)
        return;
    begin_item(out, "Suppression", look.name);
    buf_add_str(out, look.expires_ns <= r->made_ns ? " ended on " : " ends on ");
    html_add_time(out, look.expires_ns);
    buf_add_str(out, ".</li>\n");
}

/* What somebody must do about the watching itself. */
static void add_todo(struct buf *out, const struct report *r)
{
    CLEANUP(buf_release) struct buf items = BUF_INIT(1u << 20);

    if (r->sources_len == 0)
        buf_add_str(&items, "<li>Nothing was read in this time: no agent ran on this store.</li>\n");
    for (size_t i = 0; i < r->sources_len; i++)
        add_todo_source(&items, r, &r->sources[i]);
    for (size_t i = 0; i < r->outputs_len; i++)
        add_todo_output(&items, &r->outputs[i]);
    for (size_t i = 0; i < suppress_len(r->suppress); i++)
        add_todo_suppression(&items, r, i);
    buf_addf(out, "<section class=\"todo%s\"><h2>To be seen to</h2>", items.len == 0 ? " is-good" : "");
    if (items.len == 0) {
        buf_add_str(out, "<p>Nothing: all of this time was read, every alert was delivered.</p></section>\n");
        return;
    }
    buf_add_str(out, "<ul>\n");
    buf_add_slice(out, buf_slice(&items));
    buf_add_str(out, "</ul></section>\n");
}

/* ---- over time ------------------------------------------------------------------------------------------------------ */

static int64_t bar_sum(const struct report_bar *b)
{
    int64_t sum = 0;

    for (int s = 0; s <= SEVERITY_HIGH; s++)
        sum += b->n[s];
    return sum;
}

static void add_bar(struct buf *out, const struct report *r, size_t i, int64_t highest)
{
    const struct report_bar *b = &r->bars[i];
    double wide = 1000.0 / (double)r->bars_len, x = (double)i * wide, y = 200;
    size_t every = 1 + (r->bars_len - 1) / 8;
    CLEANUP(buf_release) struct buf date = BUF_HERE(64);

    time_add_iso(&date, b->from_ns, 0);
    buf_addf(out, "<g><title>%.10s %.5s: %" PRId64 " alerts</title>"
                  "<rect class=\"day\" x=\"%.1f\" y=\"0\" width=\"%.1f\" height=\"200\"/>",
             buf_cstr(&date), buf_cstr(&date) + 11, bar_sum(b), x + wide * .03, wide * .94);
    for (int s = SEVERITY_HIGH; s >= 0; s--) {
        double high = highest > 0 ? 194.0 * (double)b->n[s] / (double)highest : 0;

        y -= high;
        if (high > 0)
            buf_addf(out, "<rect class=\"bar-%d\" x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\"/>", s,
                     x + wide * .1, y, wide * .8, high);
    }
    if (i % every == 0 && r->bar_ns < NS_PER_DAY)
        buf_addf(out, "<text x=\"%.1f\" y=\"218\">%.2s h</text>", x + wide / 2, buf_cstr(&date) + 11);
    else if (i % every == 0)
        buf_addf(out, "<text x=\"%.1f\" y=\"218\">%.5s</text>", x + wide / 2, buf_cstr(&date) + 5);
    buf_add_str(out, "</g>");
}

static void add_chart(struct buf *out, const struct report *r)
{
    int64_t highest = 0, days = r->bar_ns / NS_PER_DAY;

    for (size_t i = 0; i < r->bars_len; i++)
        highest = bar_sum(&r->bars[i]) > highest ? bar_sum(&r->bars[i]) : highest;
    if (highest == 0)
        return;
    buf_add_str(out, "<section><h2>Over time</h2><p class=\"legend\">alerts ");
    buf_addf(out, days == 0 ? "an hour" : days == 1 ? "a day" : "in %" PRId64 " days", days);
    buf_add_str(out, ", at most ");
    add_number(out, highest);
    buf_add_str(out, ": ");
    for (int s = SEVERITY_HIGH; s >= 0; s--)
        html_add_severity(out, s);
    buf_addf(out, "</p><svg class=\"chart\" viewBox=\"0 0 1000 224\" role=\"img\" aria-label=\"%" PRId64
                  " alerts over time, by severity; at most %" PRId64 " together\">", r->now.alerts, highest);
    for (size_t i = 0; i < r->bars_len; i++)
        add_bar(out, r, i, highest);
    buf_add_str(out, "</svg></section>\n");
}

static void add_worst(struct buf *out, const struct report *r)
{
    if (r->worst_len == 0)
        return;
    buf_add_str(out, "<section><h2>To talk about</h2><ol class=\"worst\">\n");
    for (size_t i = 0; i < r->worst_len; i++) {
        const struct report_worst *w = &r->worst[i];

        buf_add_str(out, "<li>");
        html_add_severity(out, (int)w->severity);
        buf_add_str(out, "<strong>");
        html_add_str(out, w->title);
        buf_add_str(out, "</strong> ");
        html_add(out, slice_cut(slice_of(w->account), 200));
        buf_add_str(out, ", ");
        html_add_time(out, w->last_ns);
        buf_add_str(out, "<p>");
        html_add(out, slice_cut(slice_of(w->why), 600));
        buf_addf(out, "</p><p class=\"soft\"><code>cosmowatch alerts explain %.8s</code></p></li>\n", w->id);
    }
    buf_add_str(out, "</ol></section>\n");
}

/* ---- by name -------------------------------------------------------------------------------------------------------- */

static void add_share(struct buf *out, const struct report_row *row, int64_t most)
{
    double x = 0;

    buf_addf(out, "<svg class=\"share\" viewBox=\"0 0 1000 5\" preserveAspectRatio=\"none\" role=\"img\" "
                  "aria-label=\"%" PRId64 " alerts\">", row->total);
    for (int s = SEVERITY_HIGH; s >= 0; s--) {
        double wide = most > 0 ? 1000.0 * (double)row->n[s] / (double)most : 0;

        if (wide > 0)
            buf_addf(out, "<rect class=\"bar-%d\" x=\"%.1f\" y=\"0\" width=\"%.1f\" height=\"5\"/>", s, x, wide);
        x += wide;
    }
    buf_add_str(out, "</svg>");
}

static void add_line(struct buf *out, const struct report_line *l, int64_t most)
{
    buf_add_str(out, "<tr><td>");
    html_add(out, slice_cut(l->name, 200));
    add_share(out, l->row, most);
    buf_add_str(out, "</td>");
    for (int s = SEVERITY_HIGH; s >= 0; s--)
        add_number_cell(out, "by-severity", severity_name((enum severity)s), l->row->n[s]);
    add_number_cell(out, NULL, "all", l->row->total);
    add_number_cell(out, NULL, "before", l->row->before);
    buf_add_str(out, "</tr>\n");
}

static void add_more(struct buf *out, const struct report_tally *t, const char *unit)
{
    int64_t alerts = t->others;

    for (size_t i = ROWS_MAX; i < t->len; i++)
        alerts += t->lines[i].row->total;
    if (alerts == 0)
        return;
    buf_add_str(out, "<p class=\"legend\">and ");
    if (t->others > 0)
        buf_add_str(out, "more than ");
    add_number(out, (int64_t)t->len - ROWS_MAX);
    buf_addf(out, " more %s with ", unit);
    add_count(out, alerts, "alert");
    buf_add_str(out, "; the JSON has more of them</p>");
}

static void add_table(struct buf *out, const struct report *r, size_t which)
{
    const struct report_tally *t = &r->by[tables[which].by];

    if (t->len == 0)
        return;
    buf_addf(out, "<section><h2>%s</h2>", tables[which].title);
    begin_table(out, "tally");
    add_head(out, NULL, tables[which].column);
    for (int s = SEVERITY_HIGH; s >= 0; s--)
        add_head(out, "num by-severity", severity_name((enum severity)s));
    add_head(out, "num", "All");
    add_head(out, "num", "Before");
    end_heads(out);
    for (size_t i = 0; i < t->len && i < ROWS_MAX; i++)
        add_line(out, &t->lines[i], t->lines[0].row->total);
    end_table(out);
    add_more(out, t, tables[which].unit);
    buf_add_str(out, "</section>\n");
}

/* ---- what was kept quiet -------------------------------------------------------------------------------------------- */

static void add_suppression(struct buf *out, const struct report *r, size_t i)
{
    CLEANUP(buf_release) struct buf covers = BUF_INIT(1u << 16);
    struct suppress_view look;

    suppress_look(r->suppress, i, &look);
    suppress_add_conditions(r->suppress, i, &covers);
    buf_add_str(out, "<tr><td>");
    html_add_str(out, look.name);
    buf_add_str(out, "</td><td>");
    html_add(out, buf_slice(&covers));
    buf_add_str(out, "</td><td>");
    html_add_str(out, look.reason);
    buf_add_str(out, look.comment[0] ? ": " : "");
    html_add_str(out, look.comment);
    buf_add_str(out, "</td><td data-label=\"ends\">");
    if (look.expires_ns == INT64_MAX)
        buf_add_str(out, "never");
    else
        html_add_time(out, look.expires_ns);
    buf_add_str(out, "</td>");
    add_number_cell(out, NULL, "kept quiet", r->of_rule[i]);
    buf_add_str(out, "</tr>\n");
}

static void add_suppressions(struct buf *out, const struct report *r)
{
    int64_t by_no_rule = r->now.suppressed;

    buf_add_str(out, "<section><h2>Kept quiet by suppressions</h2>");
    for (size_t i = 0; i < suppress_len(r->suppress); i++)
        by_no_rule -= r->of_rule[i];
    if (suppress_len(r->suppress) == 0 && by_no_rule == 0) {
        buf_add_str(out, "<p>There are none: every alert was told.</p></section>\n");
        return;
    }
    begin_table(out, "cards");
    add_head(out, NULL, "Suppression");
    add_head(out, NULL, "Covers");
    add_head(out, NULL, "Why");
    add_head(out, NULL, "Ends");
    add_head(out, "num", "Alerts kept quiet");
    end_heads(out);
    for (size_t i = 0; i < suppress_len(r->suppress); i++)
        add_suppression(out, r, i);
    if (by_no_rule > 0) {
        buf_add_str(out, "<tr><td>(no longer in the configuration)</td><td></td><td></td><td></td>");
        add_number_cell(out, NULL, "kept quiet", by_no_rule);
        buf_add_str(out, "</tr>\n");
    }
    end_table(out);
    buf_add_str(out, "</section>\n");
}

static void add_trust(struct buf *out, const struct report *r, size_t i)
{
    struct trusted_use use = trusted_use(r->trusted, i);
    struct trusted_view look;

    trusted_look(r->trusted, i, &look);
    buf_addf(out, "<tr><td>%s</td><td>", look.kind);
    html_add_str(out, look.value);
    buf_add_str(out, "</td><td>");
    html_add_str(out, look.note);
    buf_add_str(out, "</td><td data-label=\"ends\">");
    if (look.until_ns == INT64_MAX)
        buf_add_str(out, "never");
    else
        html_add_time(out, look.until_ns);
    buf_add_str(out, "</td><td data-label=\"last vouched for\">");
    if (use.days == 0)
        buf_add_str(out, "nobody so far");
    else
        html_add_time(out, use.last_ns);
    buf_add_str(out, "</td>");
    add_number_cell(out, NULL, "days used", use.days);
    buf_add_str(out, "</tr>\n");
}

/* Of all time, not of the span: an exception that nobody needs any more should go. */
static void add_trusted(struct buf *out, const struct report *r)
{
    if (trusted_len(r->trusted) == 0)
        return;
    buf_add_str(out, "<section><h2>Whom the configuration trusts</h2>");
    begin_table(out, "cards");
    add_head(out, NULL, "Who");
    add_head(out, NULL, "Value");
    add_head(out, NULL, "Why");
    add_head(out, NULL, "Ends");
    add_head(out, NULL, "Last vouched for");
    add_head(out, "num", "Days used of 64");
    end_heads(out);
    for (size_t i = 0; i < trusted_len(r->trusted); i++)
        add_trust(out, r, i);
    end_table(out);
    buf_add_str(out, "</section>\n");
}

/* ---- how much of it was seen, and who received it ------------------------------------------------------------------- */

static void add_coverage(struct buf *out, const struct report *r)
{
    static const char *const heads[] = { "Read and judged", "Learned from only", "Lost", "Still to read", "No agent" };

    buf_add_str(out, "<section id=\"coverage\"><h2>How much of the time was read</h2>");
    if (r->sources_len == 0) {
        buf_add_str(out, "<p>Nothing.</p></section>\n");
        return;
    }
    begin_table(out, "cards");
    add_head(out, NULL, "Source");
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        add_head(out, "num", heads[i]);
    add_head(out, NULL, "Why lost");
    end_heads(out);
    for (size_t i = 0; i < r->sources_len; i++) {
        const struct report_source *s = &r->sources[i];
        const int64_t parts[] = { s->read_ns, s->learned_ns, s->gap_ns, s->open_ns, report_unseen(r, s) };

        buf_add_str(out, "<tr><td>");
        html_add_str(out, s->name);
        for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
            buf_addf(out, "</td><td class=\"num\" data-label=\"%s\">", heads[k]);
            add_percent(out, parts[k], r->to_ns - r->from_ns);
        }
        buf_add_str(out, "</td><td>");
        html_add_str(out, s->reason);
        buf_add_str(out, "</td></tr>\n");
    }
    end_table(out);
    buf_add_str(out, "</section>\n");
}

static void add_deliveries(struct buf *out, const struct report *r)
{
    buf_add_str(out, "<section><h2>Delivery</h2>");
    if (r->outputs_len == 0) {
        buf_add_str(out, "<p>There are no outputs: alerts stay in the local store.</p></section>\n");
        return;
    }
    buf_add_str(out, "<p class=\"legend\">of these alerts; a later update of an alert counts for itself</p>");
    begin_table(out, "cards");
    add_head(out, NULL, "Output");
    add_head(out, "num", "Accepted");
    add_head(out, "num", "Waiting");
    add_head(out, "num", "Refused");
    add_head(out, "num", "Given up by hand");
    end_heads(out);
    for (size_t i = 0; i < r->outputs_len; i++) {
        const struct report_output *o = &r->outputs[i];

        buf_add_str(out, "<tr><td>");
        html_add_str(out, o->name);
        buf_add_str(out, o->is_configured ? "</td>" : " <span class=\"soft\">(no longer configured)</span></td>");
        add_number_cell(out, NULL, "accepted", o->n.accepted);
        add_number_cell(out, NULL, "waiting", o->n.pending);
        add_number_cell(out, NULL, "refused", o->n.parked);
        add_number_cell(out, NULL, "given up", o->n.dropped);
        buf_add_str(out, "</tr>\n");
    }
    end_table(out);
    buf_add_str(out, "</section>\n");
}

/* ---- for auditors --------------------------------------------------------------------------------------------------- */

/* Its parts, those that are switched off struck out; their alerts added to *alerts. */
static void add_parts(struct buf *out, const struct report *r, const struct control *c, int64_t *alerts)
{
    const struct control_part *p = NULL;
    size_t n = 0;

    for (size_t i = 0; (p = control_part_at(i)) != NULL; i++) {
        if (!control_is_served_by(c, p))
            continue;
        *alerts += report_alerts_of(r, p->name);
        buf_addf(out, "%s<code%s>%s</code>", n++ > 0 ? ", " : "", report_part_is_on(r, p) ? "" : " class=\"off\"", p->name);
    }
}

static void add_controls(struct buf *out, const struct report *r)
{
    const struct control *c = NULL;

    buf_add_str(out, "<section><h2>Controls that this serves</h2><p class=\"legend\">Microsoft cloud security benchmark v1; "
                     "CIS Microsoft Azure Foundations Benchmark 3.0.0, in our words. To serve is not to fulfil: the control is "
                     "met in Azure, this sees when it is lived against. Struck out: switched off.</p>");
    begin_table(out, "cards controls");
    add_head(out, NULL, "Control");
    add_head(out, NULL, "What it asks");
    add_head(out, NULL, "Served by");
    add_head(out, "num", "Alerts");
    end_heads(out);
    for (size_t i = 0; (c = control_at(i)) != NULL; i++) {
        int64_t alerts = 0;

        buf_addf(out, "<tr><td>%s %s</td><td>", c->frame, c->id);
        html_add_str(out, c->title);
        buf_add_str(out, "</td><td>");
        add_parts(out, r, c, &alerts);
        buf_add_str(out, "</td>");
        add_number_cell(out, NULL, "alerts", alerts);
        buf_add_str(out, "</tr>\n");
    }
    end_table(out);
    buf_add_str(out, "</section>\n");
}

/* ---- the page ------------------------------------------------------------------------------------------------------- */

static void add_begin(struct buf *out, const struct report *r)
{
    buf_add_str(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                     "<meta name=\"color-scheme\" content=\"light dark\">"
                     "<meta http-equiv=\"Content-Security-Policy\" "
                     "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
                     "<title>cosmowatch report</title><style>\n");
    buf_add_slice(out, assets_find("/style.css")->bytes);
    buf_add_slice(out, assets_find("/report.css")->bytes);
    buf_add_str(out, "</style></head><body><header><span class=\"brand\">cosmowatch</span></header>\n"
                     "<main><h1>Report from ");
    html_add_time(out, r->from_ns);
    buf_add_str(out, " to ");
    html_add_time(out, r->to_ns);
    buf_add_str(out, " UTC</h1>\n<p class=\"why\">");
    if (r->now.alerts == 0)
        buf_add_str(out, r->sources_len > 0 ? "No alerts in this time." : "No alerts in this time, and nothing was read.");
    else
        add_count(out, r->now.alerts, "alert");
    if (r->now.alerts > 0) {
        buf_add_str(out, " about ");
        add_count(out, r->now.requests, "request");
        buf_add_str(out, ", of them ");
        add_count(out, r->now.incidents, "incident");
        buf_add_char(out, '.');
    }
    buf_add_str(out, "</p>\n");
}

int report_add_page(const struct report *r, struct buf *out, struct error *err)
{
    add_begin(out, r);
    add_sums(out, r);
    add_todo(out, r);
    add_chart(out, r);
    add_worst(out, r);
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        add_table(out, r, i);
    add_suppressions(out, r);
    add_trusted(out, r);
    add_coverage(out, r);
    add_deliveries(out, r);
    add_controls(out, r);
    buf_add_str(out, "</main><footer>Times are UTC. An alert belongs to the time when it was last seen. Made ");
    html_add_time(out, r->made_ns);
    buf_add_str(out, " by cosmowatch " COSMOWATCH_VERSION ".</footer></body></html>\n");
    return buf_check(out, err);
}
