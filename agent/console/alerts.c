/* alerts.c - the list with its filters. A plain form: what is shown stands in the address, to be kept and sent.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "console/html.h"
#include "console/rows.h"
#include "console/view.h"
#include "store/store.h"

static void add_choice(struct buf *out, const char *value, const char *name, const char *chosen)
{
    buf_addf(out, "<option value=\"%s\"%s>%s</option>", value, chosen && strcmp(value, chosen) == 0 ? " selected" : "", name);
}

static void add_field(struct view *v, const char *key, const char *label)
{
    const char *value = v->query(v->query_self, key);

    buf_addf(v->out, "<label>%s <input name=\"%s\" value=\"", label, key);
    html_add_str(v->out, value ? value : "");
    buf_add_str(v->out, "\"></label>");
}

static void add_form(struct view *v)
{
    const char *severity = v->query(v->query_self, "severity"), *since = v->query(v->query_self, "since");
    const char *type = v->query(v->query_self, "type");
    struct buf *out = v->out;

    buf_add_str(out, "<form class=\"filter\" method=\"get\" action=\"/alerts\"><label>Severity <select name=\"severity\">");
    add_choice(out, "", "any", NULL);
    for (int s = SEVERITY_HIGH; s > SEVERITY_INFORMATIONAL; s--) {
        char value[2] = { (char)('0' + s), '\0' };

        add_choice(out, value, s == SEVERITY_HIGH ? "High" : s == SEVERITY_MEDIUM ? "Medium and up" : "Low and up", severity);
    }
    buf_add_str(out, "</select></label><label>Since <select name=\"since\">");
    add_choice(out, "", "the beginning", NULL);
    add_choice(out, "1h", "one hour ago", since);
    add_choice(out, "1d", "a day ago", since);
    add_choice(out, "7d", "a week ago", since);
    add_choice(out, "30d", "30 days ago", since);
    buf_add_str(out, "</select></label><label>Type <select name=\"type\">");
    add_choice(out, "", "any", NULL);
    for (size_t i = 0; alert_type_at(i); i++)
        add_choice(out, alert_type_at(i)->id, alert_type_at(i)->display_name, type);
    buf_add_str(out, "</select></label>");
    add_field(v, "account", "Account");
    add_field(v, "q", "Contains");
    buf_add_str(out, "<button>Show</button> <a href=\"/alerts\">clear</a></form>\n");
}

static int read_filter(struct view *v, struct alert_filter *f, struct error *err)
{
    const char *severity = v->query(v->query_self, "severity"), *since = v->query(v->query_self, "since");
    int64_t ms = 0, level = 0;

    *f = (struct alert_filter){ .since_ns = INT64_MIN, .until_ns = INT64_MAX, .limit = ROWS_LIMIT,
                                .type = v->query(v->query_self, "type"), .account = v->query(v->query_self, "account") };
    if (severity && !parse_i64(slice_of(severity), 0, SEVERITY_HIGH, &level))
        return error_set(err, ERR_INPUT, "severity is a number from 0 to 3");
    if (since && !parse_duration_ms(slice_of(since), &ms))
        return error_set(err, ERR_INPUT, "since is an age such as 7d");
    f->min_severity = (int)level;
    if (since)
        f->since_ns = sv_wall_ns(v->sv) - ms * NS_PER_MS;
    return 0;
}

int alerts_page(struct view *v, struct error *err)
{
    struct alert_filter f;

    if (read_filter(v, &f, err) < 0)
        return -1;
    html_begin(v, "Alerts", "/alerts");
    add_form(v);
    if (rows_add_table(v, &f, v->query(v->query_self, "q"), err) < 0)
        return -1;
    html_end(v);
    return 200;
}
