/* overview.c - the first page: is all well, what was read, what was told. SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/json_in.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "console/health.h"
#include "console/html.h"
#include "console/rows.h"
#include "console/view.h"
#include "status.h"
#include "store/store.h"

#include <json-c/json.h>

#define STRIP_DAYS 7
#define CHART_DAYS 14
#define LATEST 10
#define ALERTS_MAX 100000

/* ---- health ------------------------------------------------------------------------------------------------------- */

static void add_problem(void *self, enum health_problem_kind kind, const char *name, const char *what)
{
    static const char *const kinds[] = { "", "source ", "output ", "output " };
    struct buf *out = self;

    buf_addf(out, "<li class=\"%s\"><strong>%s", kind == HEALTH_NOTE ? "note" : "bad", kinds[kind]);
    html_add_str(out, name);
    buf_add_str(out, "</strong> ");
    html_add_str(out, what);
    buf_add_str(out, "</li>");
}

static void add_health(struct view *v, int64_t now)
{
    CLEANUP(buf_release) struct buf list = BUF_INIT(1u << 20);
    size_t bad = health_judge(v->status, now, add_problem, &list);

    buf_addf(v->out, "<section class=\"health %s\" role=\"status\"><h2>%s</h2>", bad ? "is-bad" : "is-good",
             bad ? "Something needs you" : "All sources are read, all outputs deliver");
    if (list.len > 0) {
        buf_add_str(v->out, "<ul>");
        buf_add_slice(v->out, buf_slice(&list));
        buf_add_str(v->out, "</ul>");
    }
    buf_add_str(v->out, "</section>\n");
}

/* ---- coverage strip ----------------------------------------------------------------------------------------------- */

struct strip {
    struct buf *out;
    int64_t from_ns, to_ns;
    struct window run;
    bool has_run;
};

static double strip_x(const struct strip *s, int64_t ns)
{
    int64_t at = ns < s->from_ns ? s->from_ns : ns > s->to_ns ? s->to_ns : ns;

    return 1000.0 * (double)(at - s->from_ns) / (double)(s->to_ns - s->from_ns);
}

static void add_run(struct strip *s)
{
    const struct window *w = &s->run;
    const char *class = w->state == WINDOW_GAP ? "gap" : w->state < WINDOW_CLOSED ? "open" : w->is_backfill ? "learn" : "read";
    double x = strip_x(s, w->from_ns), width = strip_x(s, w->to_ns) - x;
    CLEANUP(buf_release) struct buf from = BUF_INIT(64), to = BUF_INIT(64);

    if (!s->has_run || w->to_ns <= s->from_ns)
        return;
    time_add_iso(&from, w->from_ns, 0);
    time_add_iso(&to, w->to_ns, 0);
    buf_addf(s->out, "<rect class=\"%s\" x=\"%.2f\" width=\"%.2f\" height=\"16\"><title>%s to %s: %s", class, x,
             width < 1 ? 1 : width, buf_cstr(&from), buf_cstr(&to), window_state_name(w->state));
    if (w->reason[0]) {
        buf_add_str(s->out, ", ");
        html_add_str(s->out, w->reason);
    }
    buf_add_str(s->out, "</title></rect>");
}

static int join_window(void *self, const struct window *w, struct error *err UNUSED)
{
    struct strip *s = self;
    bool is_final = s->run.state >= WINDOW_CLOSED && w->state >= WINDOW_CLOSED;

    if (s->has_run && s->run.to_ns == w->from_ns && s->run.is_backfill == w->is_backfill &&
        (s->run.state == w->state || (is_final && s->run.state != WINDOW_GAP && w->state != WINDOW_GAP))) {
        s->run.to_ns = w->to_ns;
        return 0;
    }
    add_run(s);
    s->run = *w;
    s->has_run = true;
    return 0;
}

static int add_strip(struct view *v, const char *source, int64_t now, struct error *err)
{
    struct strip s = { .out = v->out, .from_ns = now - STRIP_DAYS * NS_PER_DAY, .to_ns = now };

    buf_add_str(v->out, "<svg class=\"strip\" viewBox=\"0 0 1000 16\" preserveAspectRatio=\"none\" role=\"img\" "
                        "aria-label=\"Coverage of the last seven days\">");
    if (store_each_window(v->store, source, s.from_ns - 2 * NS_PER_DAY, join_window, &s, err) < 0)
        return -1;
    add_run(&s);
    buf_add_str(v->out, "</svg>");
    return 0;
}

/* ---- sources, outputs, feeds ------------------------------------------------------------------------------------- */

static void add_state(struct buf *out, const char *state)
{
    static const char *const classes[] = { "good", "slow", "bad" };

    buf_addf(out, "<span class=\"state %s\">", classes[status_grade(state)]);
    html_add_str(out, state);
    buf_add_str(out, "</span>");
}

static void add_reason(struct buf *out, struct json_object *o)
{
    if (!json_text(o, "reason", "")[0])
        return;
    buf_add_str(out, "<p class=\"reason\">");
    html_add_str(out, json_text(o, "reason", ""));
    buf_add_str(out, "</p>");
}

static void add_number(struct buf *out, struct json_object *o, const char *key, const char *what)
{
    fmt_count(out, json_number(o, key));
    buf_addf(out, what[0] == '.' ? "%s" : " %s", what);
}

static void begin_part(struct buf *out, struct json_object *o)
{
    buf_add_str(out, "<article class=\"part\"><h3>");
    html_add_str(out, json_text(o, "name", ""));
    buf_add_char(out, ' ');
    add_state(out, json_text(o, "state", ""));
    buf_add_str(out, "</h3><p>");
}

static int add_source(struct view *v, struct json_object *o, int64_t now, struct error *err)
{
    begin_part(v->out, o);
    buf_add_str(v->out, "read up to ");
    html_add_str(v->out, json_text(o, "readUpTo", "")[0] ? json_text(o, "readUpTo", "") : "(nothing yet)");
    if (json_text(o, "readUpTo", "")[0]) {
        buf_add_str(v->out, ", ");
        html_add_age(v->out, json_number(o, "lagSeconds"));
        buf_add_str(v->out, " behind");
    }
    if (json_number(o, "backfilling"))
        buf_addf(v->out, "; learning from history, %" PRId64 " %% done", json_number(o, "historyPercent"));
    buf_add_str(v->out, "; ");
    add_number(v->out, o, "rows", "rows, ");
    add_number(v->out, o, "lateRows", "late, ");
    add_number(v->out, o, "unreadableRows", "unreadable");
    buf_add_str(v->out, "</p>");
    add_reason(v->out, o);
    if (add_strip(v, json_text(o, "name", ""), now, err) < 0)
        return -1;
    buf_add_str(v->out, "</article>\n");
    return 0;
}

static void add_output(struct view *v, struct json_object *o)
{
    begin_part(v->out, o);
    html_add_str(v->out, json_text(o, "type", ""));
    buf_add_str(v->out, " as ");
    html_add_str(v->out, json_text(o, "format", ""));
    buf_add_str(v->out, "; ");
    add_number(v->out, o, "accepted", "accepted, ");
    add_number(v->out, o, "pending", "pending, ");
    add_number(v->out, o, "parked", "parked");
    if (json_number(o, "parked") > 0) {
        buf_add_str(v->out, ": <code>cosmowatch outputs parked ");
        html_add_str(v->out, json_text(o, "name", ""));
        buf_add_str(v->out, "</code> lists them with their reasons, <code>outputs retry</code> sends them again");
    }
    buf_add_str(v->out, "</p>");
    add_reason(v->out, o);
    buf_add_str(v->out, "</article>\n");
}

static void add_feed(struct view *v, struct json_object *o)
{
    buf_add_str(v->out, "<li><strong>");
    html_add_str(v->out, json_text(o, "name", ""));
    buf_add_str(v->out, "</strong> ");
    add_number(v->out, o, "entries", "entries, refreshed ");
    html_add_str(v->out, json_text(o, "refreshedAt", "")[0] ? json_text(o, "refreshedAt", "") : "never");
    add_reason(v->out, o);
    buf_add_str(v->out, "</li>");
}

static void add_judgement(struct view *v)
{
    struct json_object *j = NULL;

    if (!json_object_object_get_ex(v->status, "judgement", &j))
        return;
    buf_add_str(v->out, "<section><h2>Judgement</h2><p>");
    buf_add_str(v->out, "Database accounts seen: ");
    add_number(v->out, j, "accounts", "(");
    add_number(v->out, j, "learningAccounts", "still learning what is normal). Entries remembered: ");
    add_number(v->out, j, "subjects", ". Open alerts: ");
    add_number(v->out, j, "openAlerts", ".");
    buf_add_str(v->out, " The store takes ");
    fmt_bytes(v->out, json_number(v->status, "storeBytes"));
    buf_add_str(v->out, ".</p></section>\n");
    rows_add_blind(v);
}

static int add_parts(struct view *v, int64_t now, struct error *err)
{
    struct json_object *list = NULL;
    size_t n = json_list(v->status, "sources", &list);

    buf_add_str(v->out, "<section><h2>Sources</h2>\n<p class=\"legend\">last seven days: <span class=\"key read\">read</span> "
                        "<span class=\"key learn\">learned from</span> <span class=\"key open\">to be read</span> "
                        "<span class=\"key gap\">gap</span></p>");
    for (size_t i = 0; i < n; i++)
        if (add_source(v, json_object_array_get_idx(list, i), now, err) < 0)
            return -1;
    buf_add_str(v->out, "</section>\n<section><h2>Outputs</h2>\n");
    n = json_list(v->status, "outputs", &list);
    for (size_t i = 0; i < n; i++)
        add_output(v, json_object_array_get_idx(list, i));
    buf_add_str(v->out, "</section>\n");
    n = json_list(v->status, "feeds", &list);
    if (n > 0)
        buf_add_str(v->out, "<section><h2>Feeds</h2><ul>");
    for (size_t i = 0; i < n; i++)
        add_feed(v, json_object_array_get_idx(list, i));
    if (n > 0)
        buf_add_str(v->out, "</ul></section>\n");
    add_judgement(v);
    return 0;
}

/* ---- alerts over time --------------------------------------------------------------------------------------------- */

struct chart {
    int64_t first_day_ns;
    int64_t n[CHART_DAYS][SEVERITY_HIGH + 1];
    int64_t total, highest;
};

static int count_alert(void *self, const struct alert *a, struct error *err UNUSED)
{
    struct chart *c = self;
    int64_t day = (a->last_ns - c->first_day_ns) / NS_PER_DAY, sum = 0;

    if (a->is_suppressed || a->last_ns < c->first_day_ns || day >= CHART_DAYS)
        return 0;
    c->n[day][a->severity]++;
    c->total++;
    for (int s = 0; s <= SEVERITY_HIGH; s++)
        sum += c->n[day][s];
    c->highest = sum > c->highest ? sum : c->highest;
    return 0;
}

static void add_day(struct buf *out, const struct chart *c, int day)
{
    CLEANUP(buf_release) struct buf date = BUF_INIT(64);
    double y = 100, unit = c->highest > 0 ? 96.0 / (double)c->highest : 0;

    time_add_iso(&date, c->first_day_ns + day * NS_PER_DAY, 0);
    buf_addf(out, "<g><title>%.10s: %" PRId64 " high, %" PRId64 " medium, %" PRId64 " low, %" PRId64 " informational</title>"
                  "<rect class=\"day\" x=\"%d\" y=\"0\" width=\"48\" height=\"100\"/>",
             buf_cstr(&date), c->n[day][SEVERITY_HIGH], c->n[day][SEVERITY_MEDIUM], c->n[day][SEVERITY_LOW],
             c->n[day][SEVERITY_INFORMATIONAL], day * 50 + 1);
    for (int s = SEVERITY_HIGH; s >= 0; s--) {
        double h = unit * (double)c->n[day][s];

        y -= h;
        if (h > 0)
            buf_addf(out, "<rect class=\"bar-%d\" x=\"%d\" y=\"%.2f\" width=\"40\" height=\"%.2f\"/>", s, day * 50 + 5, y, h);
    }
    buf_addf(out, "<text x=\"%d\" y=\"114\">%.2s</text></g>", day * 50 + 25, buf_cstr(&date) + 8);
}

static int add_chart(struct view *v, int64_t now, struct error *err)
{
    struct chart c = { .first_day_ns = time_floor(now, NS_PER_DAY) - (CHART_DAYS - 1) * NS_PER_DAY };
    const struct alert_filter f = { .since_ns = c.first_day_ns, .until_ns = INT64_MAX, .limit = ALERTS_MAX };

    if (store_each_alert(v->store, &f, count_alert, &c, err) < 0)
        return -1;
    buf_addf(v->out, "<section><h2>Alerts of the last %d days</h2><p class=\"legend\">%" PRId64 " alerts, at most %" PRId64
                     " a day: ", CHART_DAYS, c.total, c.highest);
    for (int s = SEVERITY_HIGH; s >= 0; s--)
        html_add_severity(v->out, s);
    buf_addf(v->out, "</p><svg class=\"chart\" viewBox=\"0 0 %d 118\" role=\"img\" aria-label=\"%" PRId64
                     " alerts in %d days, by day and severity\">", CHART_DAYS * 50, c.total, CHART_DAYS);
    for (int day = 0; day < CHART_DAYS; day++)
        add_day(v->out, &c, day);
    buf_add_str(v->out, "</svg>");
    return 0;
}

int overview_page(struct view *v, struct error *err)
{
    const struct alert_filter latest = { .since_ns = INT64_MIN, .until_ns = INT64_MAX, .limit = LATEST };
    int64_t now = sv_wall_ns(v->sv);

    html_begin(v, "Overview", "/");
    add_health(v, now);
    if (add_chart(v, now, err) < 0 || rows_add_table(v, &latest, NULL, err) < 0)
        return -1;
    buf_add_str(v->out, "</section>\n");
    if (v->status && add_parts(v, now, err) < 0)
        return -1;
    html_end(v);
    return 200;
}
