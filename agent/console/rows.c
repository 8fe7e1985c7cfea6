/* rows.c - see rows.h. SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/json_in.h"
#include "base/num.h"
#include "console/html.h"
#include "console/rows.h"
#include "console/view.h"
#include "store/store.h"

#include <json-c/json.h>
#include <string.h>

#define SCANNED 20000 /* a page is read by a person who waits */

struct rows {
    struct buf *out;
    const char *text;
    size_t n, limit, scanned;
    struct rows_stop stop;
};

static bool holds(const struct alert *a, const char *text, struct buf *out)
{
    CLEANUP(buf_release) struct buf all = BUF_INIT(1u << 20);

    if (!text)
        return true;
    alert_title(a, &all);
    buf_addf(&all, "\n%s\n%s\n%s\n%s", a->id, a->account, a->subject, a->type->id);
    for (size_t i = 0; i < a->facts_len; i++)
        for (size_t k = 0; fact_is_list(&a->facts[i]) && k < a->facts[i].len; k++)
            buf_addf(&all, "\n%s", a->facts[i].entries[k].text);
    buf_take_refusal(out, &all);
    return strcasestr(buf_cstr(&all), text) != NULL;
}

void rows_begin(struct buf *out)
{
    buf_add_str(out, "<div class=\"scroll\"><table class=\"alerts\"><thead><tr><th scope=\"col\">Last seen</th>"
                     "<th scope=\"col\">Severity</th><th scope=\"col\">Alert</th><th scope=\"col\">Account</th>"
                     "<th scope=\"col\">About</th><th scope=\"col\" class=\"num\">Count</th></tr></thead><tbody>\n");
}

void rows_end(struct buf *out)
{
    buf_add_str(out, "</tbody></table></div>\n");
}

void rows_add(struct buf *out, const struct alert *a)
{
    CLEANUP(buf_release) struct buf title = BUF_HERE(1024), accounts = BUF_INIT(65536);

    alert_title(a, &title);
    alert_accounts(a, &accounts);
    buf_addf(out, "<tr%s><td>", a->is_suppressed ? " class=\"suppressed\"" : "");
    html_add_time(out, a->last_ns);
    buf_add_str(out, "</td><td>");
    html_add_severity(out, a->severity);
    buf_addf(out, "</td><td><a href=\"/alerts/%s\">", a->id);
    html_add_buf(out, &title);
    buf_addf(out, "</a>%s</td><td>", a->is_suppressed ? " <span class=\"state slow\">suppressed</span>" : "");
    buf_take_refusal(out, &accounts);
    html_add(out, slice_cut(buf_slice(&accounts), 80));
    buf_add_str(out, "</td><td class=\"about\">");
    html_add(out, slice_cut(slice_of(a->subject), 120));
    buf_add_str(out, "</td><td class=\"num\">");
    fmt_count(out, a->count);
    buf_add_str(out, "</td></tr>\n");
}

/* One more than is shown is looked at, to know that there is more. */
static int add_row(void *self, const struct alert *a, struct error *err UNUSED)
{
    struct rows *r = self;

    if (r->n == r->limit || r->scanned == SCANNED) {
        r->stop.has_more = true;
        r->stop.is_tired = r->n < r->limit;
        return 1;
    }
    r->scanned++;
    r->stop.last_ns = a->last_ns;
    memcpy(r->stop.id, a->id, sizeof r->stop.id);
    if (!holds(a, r->text, r->out))
        return 0;
    if (r->n++ == 0)
        rows_begin(r->out);
    rows_add(r->out, a);
    return 0;
}

int rows_add_table(struct view *v, const struct alert_filter *f, const char *text, struct rows_stop *ret_stop,
                   struct error *err)
{
    struct rows r = { .out = v->out, .text = text, .limit = f->limit };
    struct alert_filter all = *f;

    all.limit = 0;
    if (store_each_alert(v->store, &all, add_row, &r, err) < 0)
        return -1;
    if (r.n > 0)
        rows_end(v->out);
    else
        buf_addf(v->out, "<p class=\"none\">%s</p>\n", r.stop.has_more ? "None among the newest." : "No alerts.");
    if (ret_stop)
        *ret_stop = r.stop;
    return 0;
}

/* ---- what cannot be seen ------------------------------------------------------------------------------------------- */

void rows_add_blind(struct view *v)
{
    struct json_object *j = NULL, *list = NULL;
    size_t n = v->status && json_object_object_get_ex(v->status, "judgement", &j) ? json_list(j, "cannotJudge", &list) : 0;

    if (n == 0)
        return;
    buf_add_str(v->out, "<section><h2>Detectors that cannot judge</h2><ul>");
    for (size_t i = 0; i < n; i++) {
        struct json_object *b = json_object_array_get_idx(list, i);

        buf_add_str(v->out, "<li><code>");
        html_add_str(v->out, json_text(b, "detector", ""));
        buf_add_str(v->out, "</code> ");
        html_add_str(v->out, json_text(b, "why", ""));
        buf_add_str(v->out, "</li>");
    }
    buf_add_str(v->out, "</ul></section>\n");
}
