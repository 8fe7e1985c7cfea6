/* overview.c - the first page: is all well, what was read, what was told. SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "console/health.h"
#include "console/html.h"
#include "console/parts.h"
#include "console/rows.h"
#include "console/view.h"
#include "store/store.h"

#define CHART_DAYS 14
#define LATEST 10
#define FIRST_DAYS 2
#define FIRST_MAX 3

/* ---- health ------------------------------------------------------------------------------------------------------- */

static void add_problem(void *self, enum health_problem_kind kind, const char *name, const char *what)
{
    static const char *const kinds[] = { "", "source ", "output ", "" };
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
    buf_take_refusal(v->out, &list);
    if (list.len > 0) {
        buf_add_str(v->out, "<ul>");
        buf_add_buf(v->out, &list);
        buf_add_str(v->out, "</ul>");
    }
    buf_add_str(v->out, "</section>\n");
}

/* ---- alerts over time --------------------------------------------------------------------------------------------- */

struct chart {
    int64_t first_day_ns;
    int64_t n[CHART_DAYS][SEVERITY_HIGH + 1];
    int64_t total, highest;
};

static int count_day(void *self, const struct alert_tally *t, struct error *err UNUSED)
{
    struct chart *c = self;
    int64_t day = (t->day_ns - c->first_day_ns) / NS_PER_DAY, sum = 0;

    if (t->is_suppressed || day < 0 || day >= CHART_DAYS || t->severity < 0 || t->severity > SEVERITY_HIGH)
        return 0;
    c->n[day][t->severity] += t->n;
    c->total += t->n;
    for (int s = 0; s <= SEVERITY_HIGH; s++)
        sum += c->n[day][s];
    c->highest = sum > c->highest ? sum : c->highest;
    return 0;
}

/* A bar, and where there are alerts the way to them. */
static void add_day(struct buf *out, const struct chart *c, int day)
{
    CLEANUP(buf_release) struct buf date = BUF_HERE(64), next = BUF_HERE(64);
    const int64_t *n = c->n[day], sum = n[0] + n[1] + n[2] + n[3];
    double y = 100, unit = c->highest > 0 ? 96.0 / (double)c->highest : 0;

    time_add_iso(&date, c->first_day_ns + day * NS_PER_DAY, 0);
    time_add_iso(&next, c->first_day_ns + (day + 1) * NS_PER_DAY, 0);
    if (sum > 0)
        buf_addf(out, "<a href=\"/alerts?from=%.10sT00:00&amp;to=%.10sT00:00\">", buf_cstr(&date), buf_cstr(&next));
    buf_addf(out, "<g><title>%.10s: %" PRId64 " high, %" PRId64 " medium, %" PRId64 " low, %" PRId64 " informational</title>"
                  "<rect class=\"day\" x=\"%d\" y=\"0\" width=\"48\" height=\"100\"/>",
             buf_cstr(&date), n[SEVERITY_HIGH], n[SEVERITY_MEDIUM], n[SEVERITY_LOW], n[SEVERITY_INFORMATIONAL], day * 50 + 1);
    for (int s = SEVERITY_HIGH; s >= 0; s--) {
        double h = unit * (double)n[s];

        y -= h;
        if (h > 0)
            buf_addf(out, "<rect class=\"bar-%d\" x=\"%d\" y=\"%.2f\" width=\"40\" height=\"%.2f\"/>", s, day * 50 + 5, y, h);
    }
    buf_addf(out, "<text x=\"%d\" y=\"114\">%.2s</text></g>%s", day * 50 + 25, buf_cstr(&date) + 8, sum > 0 ? "</a>" : "");
}

static int add_chart(struct view *v, int64_t now, struct error *err)
{
    struct chart c = { .first_day_ns = time_floor(now, NS_PER_DAY) - (CHART_DAYS - 1) * NS_PER_DAY };

    if (store_tally_alerts(v->store, c.first_day_ns, count_day, &c, err) < 0)
        return -1;
    buf_addf(v->out, "<section><h2>Alerts of the last %d days</h2><p class=\"legend\">%" PRId64 " alerts, at most %" PRId64
                     " a day: ", CHART_DAYS, c.total, c.highest);
    for (int s = SEVERITY_HIGH; s >= 0; s--)
        html_add_severity(v->out, s);
    buf_addf(v->out, "</p><svg class=\"chart\" viewBox=\"0 0 %d 118\" role=\"group\" aria-label=\"%" PRId64
                     " alerts in %d days, by day and severity\">", CHART_DAYS * 50, c.total, CHART_DAYS);
    for (int day = 0; day < CHART_DAYS; day++)
        add_day(v->out, &c, day);
    buf_add_str(v->out, "</svg></section>\n");
    return 0;
}

/* ---- what to look at first ------------------------------------------------------------------------------------------ */

/* The gravest of the last days: incidents before single alerts, these only where no incident is. */
struct first {
    struct buf incidents, others;
    int incidents_len, others_len;
};

static void add_first(struct buf *out, const struct alert *a)
{
    CLEANUP(buf_release) struct buf title = BUF_HERE(1024), why = BUF_INIT(65536);

    alert_title(a, &title);
    alert_why(a, &why);
    buf_add_str(out, "<li>");
    html_add_severity(out, a->severity);
    buf_addf(out, "<a href=\"/alerts/%s\">", a->id);
    html_add_buf(out, &title);
    buf_add_str(out, "</a> <span class=\"soft\">");
    html_add_time(out, a->last_ns);
    buf_add_str(out, "</span><br>");
    html_add_buf(out, &why);
    buf_add_str(out, "</li>\n");
}

static int look_first(void *self, const struct alert *a, struct error *err UNUSED)
{
    struct first *f = self;

    if (a->is_suppressed)
        return 0;
    if (a->type->is_incident && f->incidents_len++ < FIRST_MAX)
        add_first(&f->incidents, a);
    else if (!a->type->is_incident && f->others_len++ < FIRST_MAX)
        add_first(&f->others, a);
    return f->incidents_len >= FIRST_MAX;
}

static int add_look_first(struct view *v, int64_t now, struct error *err)
{
    const struct alert_filter grave = { .since_ns = now - FIRST_DAYS * NS_PER_DAY, .min_severity = SEVERITY_HIGH,
                                        .limit = 1000 };
    struct first f = { .incidents = BUF_INIT(1u << 20), .others = BUF_INIT(1u << 20) };
    int rc = store_each_alert(v->store, &grave, look_first, &f, err);

    if (rc == 0 && f.incidents_len + f.others_len > 0) {
        buf_add_str(v->out, "<section><h2>Look at these first</h2><ol class=\"first\">");
        buf_add_buf(v->out, f.incidents_len > 0 ? &f.incidents : &f.others);
        buf_addf(v->out, "</ol><p class=\"more\"><a href=\"/alerts?severity=3&amp;since=%dd\">All of high severity in the last %d "
                         "days</a></p></section>\n", FIRST_DAYS, FIRST_DAYS);
    }
    buf_release(&f.incidents);
    buf_release(&f.others);
    return rc;
}

static int add_latest(struct view *v, struct error *err)
{
    const struct alert_filter latest = { .since_ns = INT64_MIN, .until_ns = INT64_MAX, .limit = LATEST };

    buf_add_str(v->out, "<section><h2>Latest alerts</h2>\n");
    if (rows_add_table(v, &latest, NULL, NULL, err) < 0)
        return -1;
    buf_add_str(v->out, "<p class=\"more\"><a href=\"/alerts\">All alerts</a></p></section>\n");
    return 0;
}

int overview_page(struct view *v, struct error *err)
{
    int64_t now = sv_wall_ns(v->sv);

    html_begin(v, "Overview", "/");
    add_health(v, now);
    if (add_look_first(v, now, err) < 0 || add_chart(v, now, err) < 0 || add_latest(v, err) < 0 || parts_add(v, now, err) < 0)
        return -1;
    html_end(v);
    return 200;
}
