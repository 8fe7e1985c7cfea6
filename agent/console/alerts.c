/* alerts.c - the list with its filters. A plain form: what is shown stands in the address, to be kept and sent.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "console/html.h"
#include "console/rows.h"
#include "console/view.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

#define TYPES_TEXT_MAX 8192

static const struct choice { const char *value, *words; } severities[] = {
    { "", "any" }, { "3", "High" }, { "2", "Medium and up" }, { "1", "Low and up" },
}, ages[] = {
    { "", "the beginning" }, { "1h", "one hour ago" }, { "1d", "a day ago" }, { "7d", "a week ago" }, { "30d", "30 days ago" },
}, told[] = { /* in the order of enum alert_told */
    { "", "any" }, { "waiting", "an output has not taken it yet" }, { "refused", "an output refused it" },
    { "accepted", "an output took it" }, { "nobody", "no output wants it" }, { "suppressed", "suppressed" },
};

/* What the address of a page may say, beside where the page begins. */
static const char *const keys[] = { "severity", "since", "from", "to", "type", "tactic", "told", "account", "q" };

static const char *asked(struct view *v, const char *key)
{
    return v->query(v->query_self, key);
}

/* ---- the form ----------------------------------------------------------------------------------------------------- */

static void add_option(struct buf *out, const char *value, const char *words, const char *chosen)
{
    buf_addf(out, "<option value=\"%s\"%s>%s</option>", value, chosen && strcmp(value, chosen) == 0 ? " selected" : "", words);
}

static void add_select(struct view *v, const char *key, const char *label, const struct choice *each, size_t n)
{
    buf_addf(v->out, "<label>%s <select name=\"%s\">", label, key);
    for (size_t i = 0; i < n; i++)
        add_option(v->out, each[i].value, each[i].words, asked(v, key));
    buf_add_str(v->out, "</select></label>");
}

static void add_field(struct view *v, const char *key, const char *label, const char *example)
{
    const char *value = asked(v, key);

    buf_addf(v->out, "<label>%s <input name=\"%s\" placeholder=\"%s\" value=\"", label, key, example);
    html_add_str(v->out, value ? value : "");
    buf_add_str(v->out, "\"></label>");
}

static bool is_first_of_tactic(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(alert_type_at(k)->intent, alert_type_at(i)->intent) == 0)
            return false;
    return true;
}

static void add_types(struct view *v)
{
    buf_add_str(v->out, "<label>Type <select name=\"type\"><option value=\"\">any</option>");
    for (size_t i = 0; alert_type_at(i); i++)
        add_option(v->out, alert_type_at(i)->id, alert_type_at(i)->display_name, asked(v, "type"));
    buf_add_str(v->out, "</select></label><label>Tactic <select name=\"tactic\"><option value=\"\">any</option>");
    for (size_t i = 0; alert_type_at(i); i++)
        if (is_first_of_tactic(i))
            add_option(v->out, alert_type_at(i)->intent, alert_type_at(i)->intent, asked(v, "tactic"));
    buf_add_str(v->out, "</select></label>");
}

static void add_form(struct view *v)
{
    buf_add_str(v->out, "<form class=\"filter\" method=\"get\" action=\"/alerts\">");
    add_field(v, "q", "Contains", "any text of it");
    add_field(v, "account", "Account", "");
    add_select(v, "severity", "Severity", severities, ARRAY_LEN(severities));
    add_types(v);
    add_select(v, "told", "Told", told, ARRAY_LEN(told));
    add_select(v, "since", "Since", ages, ARRAY_LEN(ages));
    add_field(v, "from", "From (UTC)", "2026-01-31 09:30");
    add_field(v, "to", "To (UTC)", "2026-01-31 18:00");
    buf_add_str(v->out, "<button>Show</button> <a href=\"/alerts\">clear</a></form>\n");
}

/* ---- what it asks for ----------------------------------------------------------------------------------------------- */

static int read_told(const char *text, enum alert_told *ret, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(told); i++)
        if (strcmp(told[i].value, text) == 0) {
            *ret = (enum alert_told)i;
            return 0;
        }
    return error_set(err, ERR_INPUT, "told is waiting, refused, accepted, nobody or suppressed");
}

static int read_time(struct view *v, const char *key, int64_t *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf text = BUF_HERE(64);
    const char *value = asked(v, key);

    if (!value)
        return 0;
    buf_add_str(&text, value);
    if (strlen(value) == sizeof("2026-01-31T09:30") - 1)
        buf_add_str(&text, ":00");
    return time_parse_iso(buf_slice(&text), ret) ? 0 : error_set(err, ERR_INPUT, "%s is a time such as 2026-01-31T09:30", key);
}

static int read_span(struct view *v, struct alert_filter *f, struct error *err)
{
    const char *since = asked(v, "since");
    int64_t ms = 0, from_ns = INT64_MIN;

    if (since && !parse_duration_ms(slice_of(since), &ms))
        return error_set(err, ERR_INPUT, "since is an age such as 7d");
    if (since)
        f->since_ns = sv_wall_ns(v->sv) - ms * NS_PER_MS;
    if (read_time(v, "from", &from_ns, err) < 0 || read_time(v, "to", &f->until_ns, err) < 0)
        return -1;
    f->since_ns = f->since_ns > from_ns ? f->since_ns : from_ns;
    return 0;
}

/* "1767225600000000000_<alert id>": after which alert the page begins. */
static int read_page(const char *page, struct alert_filter *f, struct error *err)
{
    struct slice rest = slice_of(page), ns = { 0 };

    if (!slice_split(&rest, '_', &ns) || !parse_i64(ns, 1, INT64_MAX, &f->until_ns) || rest.len != 36)
        return error_set(err, ERR_INPUT, "there is no such page");
    f->after_id = rest.at;
    return 0;
}

static int read_filter(struct view *v, struct buf *types, struct alert_filter *f, struct error *err)
{
    const char *severity = asked(v, "severity"), *tactic = asked(v, "tactic"), *page = asked(v, "page");
    int64_t level = 0;

    *f = (struct alert_filter){ .since_ns = INT64_MIN, .until_ns = INT64_MAX, .limit = ROWS_PER_PAGE,
                                .type = asked(v, "type"), .account = asked(v, "account") };
    if (severity && !parse_i64(slice_of(severity), 0, SEVERITY_HIGH, &level))
        return error_set(err, ERR_INPUT, "severity is a number from 0 to 3");
    f->min_severity = (int)level;
    if ((asked(v, "told") && read_told(asked(v, "told"), &f->told, err) < 0) || read_span(v, f, err) < 0)
        return -1;
    for (size_t i = 0; tactic && alert_type_at(i); i++)
        if (strcmp(alert_type_at(i)->intent, tactic) == 0)
            buf_addf(types, ",%s,", alert_type_at(i)->id);
    f->types = tactic ? buf_cstr(types) : NULL;
    return page ? read_page(page, f, err) : 0;
}

/* ---- the page ------------------------------------------------------------------------------------------------------- */

/* To the page that follows, or without a stop to the first. */
static void add_page_link(struct view *v, const struct rows_stop *stop, const char *words)
{
    const char *mark = "?";

    buf_addf(v->out, " <a rel=\"%s\" href=\"/alerts", stop ? "next" : "start");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (asked(v, keys[i])) {
            buf_addf(v->out, "%s%s=", mark, keys[i]);
            html_add_url(v->out, slice_of(asked(v, keys[i])));
            mark = "&amp;";
        }
    if (stop)
        buf_addf(v->out, "%spage=%" PRId64 "_%s", mark, stop->last_ns, stop->id);
    buf_addf(v->out, "\">%s</a>", words);
}

int alerts_page(struct view *v, struct error *err)
{
    CLEANUP(buf_release) struct buf types = BUF_INIT(TYPES_TEXT_MAX);
    struct alert_filter f;
    struct rows_stop stop;

    if (read_filter(v, &types, &f, err) < 0)
        return -1;
    html_begin(v, "Alerts", "/alerts");
    add_form(v);
    if (rows_add_table(v, &f, asked(v, "q"), &stop, err) < 0)
        return -1;
    if (stop.has_more || f.after_id) {
        buf_add_str(v->out, "<p class=\"more\">");
        if (f.after_id)
            add_page_link(v, NULL, "Newest");
        if (stop.has_more)
            add_page_link(v, &stop, stop.is_tired ? "Look further back" : "Older alerts");
        buf_add_str(v->out, "</p>\n");
    }
    html_end(v);
    return 200;
}
