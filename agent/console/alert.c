/* alert.c - all about one alert: who did what from where, how far from usual, what to do, who was told.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "console/compare.h"
#include "console/html.h"
#include "console/places.h"
#include "console/related.h"
#include "console/view.h"
#include "store/store.h"

#define TEXT_MAX 65536

static void add_expanded(struct buf *out, const struct alert *a, const char *template_text)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);

    alert_expand(a, template_text, &text);
    html_add_buf(out, &text);
}

/* A line of words, left out when there are none. */
static void add_term(struct buf *out, const char *label, const struct alert *a,
                     void (*words)(const struct alert *a, struct buf *out))
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);

    words(a, &text);
    buf_take_refusal(out, &text);
    if (text.len == 0)
        return;
    buf_addf(out, "<dt>%s</dt><dd>", label);
    html_add_buf(out, &text);
    buf_add_str(out, "</dd>");
}

static void add_account(struct buf *out, const char *account)
{
    buf_add_str(out, "<a href=\"/accounts/");
    html_add_url(out, slice_of(account));
    buf_add_str(out, "\">");
    html_add_str(out, account);
    buf_add_str(out, "</a>");
}

/* Accounts lead to what is usual there. */
static void add_what(struct buf *out, const struct alert *a)
{
    CLEANUP(buf_release) struct buf scope = BUF_INIT(TEXT_MAX);
    const struct fact *several = alert_fact(a, "accounts");

    buf_add_str(out, "<dt>What</dt><dd>");
    if (a->account[0])
        add_account(out, a->account);
    for (size_t i = 0; !a->account[0] && several && i < several->len; i++) {
        buf_add_str(out, i > 0 ? ", " : "");
        add_account(out, several->entries[i].text);
    }
    if (a->api != API_UNKNOWN)
        buf_add_char(out, ' ');
    alert_scope(a, &scope);
    html_add_buf(out, &scope);
    buf_add_str(out, "</dd>");
}

static void add_story(struct buf *out, const struct alert *a)
{
    buf_add_str(out, "<p class=\"why\">");
    add_expanded(out, a, a->type->why);
    buf_add_str(out, "</p>\n<dl class=\"story\"><dt>When</dt><dd>");
    html_add_time(out, a->first_ns);
    if (a->last_ns - a->first_ns >= NS_PER_S) {
        buf_add_str(out, " to ");
        html_add_time(out, a->last_ns);
    }
    buf_add_str(out, ", ");
    alert_count(a, out);
    buf_add_str(out, "</dd>");
    add_what(out, a);
    add_term(out, "Who", a, alert_who);
    add_term(out, "From where", a, alert_where);
    if (alert_text(a, "query")[0]) {
        buf_add_str(out, "<dt>Statement</dt><dd>");
        add_expanded(out, a, "{query:first}");
        buf_add_str(out, "</dd>");
    }
    buf_addf(out, "<dt>Kind</dt><dd><code>%s", a->type->id);
    html_add_str(out, a->variant);
    buf_addf(out, "</code>, %s", a->type->intent);
    for (size_t i = 0; i < TECHNIQUES_MAX && a->type->techniques[i]; i++)
        buf_addf(out, " <code>%s</code>", a->type->techniques[i]);
    buf_addf(out, ", confidence %d of 100</dd></dl>\n", a->confidence);
}

/* ---- the rest ----------------------------------------------------------------------------------------------------- */

static void add_steps(struct buf *out, const struct alert *a, const char *title, const char *const *steps)
{
    if (!steps[0])
        return;
    buf_addf(out, "<section><h2>%s</h2><ol>", title);
    for (size_t i = 0; i < STEPS_MAX && steps[i]; i++) {
        buf_add_str(out, "<li>");
        add_expanded(out, a, steps[i]);
        buf_add_str(out, "</li>");
    }
    buf_add_str(out, "</ol></section>\n");
}

static void add_evidence(struct buf *out, const struct alert *a)
{
    buf_add_str(out, "<h2>Evidence</h2><div class=\"scroll\"><table class=\"evidence\"><thead><tr><th scope=\"col\">Fact</th>"
                     "<th scope=\"col\">Value</th></tr></thead><tbody>");
    for (size_t i = 0; i < a->facts_len; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);

        alert_fact_words(a, &a->facts[i], &text);
        buf_addf(out, "<tr><th scope=\"row\">%s</th><td>", a->facts[i].name);
        html_add_buf(out, &text);
        buf_add_str(out, "</td></tr>\n");
    }
    buf_add_str(out, "</tbody></table></div>\n");
}

static void add_rows_behind(struct buf *out, const struct alert *a)
{
    CLEANUP(buf_release) struct buf kql = BUF_INIT(TEXT_MAX), link = BUF_HERE(4096);

    alert_kql(a, &kql);
    alert_portal_link(a, &link);
    buf_add_str(out, "<h2>The rows behind it</h2><p>In Log Analytics: <button type=\"button\" class=\"copy\" data-copy=\"kql\" "
                     "hidden>Copy</button></p><pre id=\"kql\" tabindex=\"0\">");
    buf_take_refusal(out, &kql);
    html_add_lines(out, buf_slice(&kql));
    buf_add_str(out, "</pre>\n");
    if (link.len > 0) {
        buf_add_str(out, "<p><a rel=\"noreferrer\" href=\"");
        html_add_buf(out, &link);
        buf_add_str(out, "\">The account in the Azure portal</a></p>\n");
    }
}

static int add_delivery(void *self, const char *output, const char *record_id, const char *state, int attempts,
                        const char *reason)
{
    struct buf *out = self;

    buf_add_str(out, "<tr><td>");
    html_add_str(out, output);
    buf_add_str(out, "</td><td>");
    html_add_str(out, state);
    buf_addf(out, "</td><td class=\"num\" data-label=\"attempts\">%d</td><td><code>%s</code></td><td>", attempts, record_id);
    html_add_str(out, reason ? reason : "");
    buf_add_str(out, "</td></tr>\n");
    return 0;
}

static int add_deliveries(struct view *v, const struct alert *a, struct error *err)
{
    size_t before = 0, empty = 0;

    buf_add_str(v->out, "<h2>Delivery</h2><div class=\"scroll\">");
    before = v->out->len;
    buf_add_str(v->out, "<table class=\"cards\"><thead><tr><th scope=\"col\">Output</th><th scope=\"col\">State</th>"
                        "<th scope=\"col\" class=\"num\">Attempts</th><th scope=\"col\">Record</th><th scope=\"col\">Reason</th></tr></thead><tbody>\n");
    empty = v->out->len;
    if (store_each_delivery_of(v->store, a->id, add_delivery, v->out, err) < 0)
        return -1;
    if (v->out->len == empty) {
        v->out->len = before;
        buf_add_str(v->out, a->is_suppressed ? "<p>Suppressed: nobody was told.</p></div>\n"
                                             : "<p>No output's route wants it.</p></div>\n");
    } else {
        buf_add_str(v->out, "</tbody></table></div>\n");
    }
    return 0;
}

/* The story, and beside it where there is room what shows how far from usual it is. */
static int add_top(struct view *v, const struct alert *a, struct error *err)
{
    struct buf *out = v->out;
    size_t before = 0, empty = 0;

    buf_add_str(out, "<div class=\"top\"><div>");
    add_story(out, a);
    before = out->len;
    buf_add_str(out, "</div><div>\n");
    empty = out->len;
    if (places_add_of_alert(v, a, err) < 0)
        return -1;
    compare_add(out, a);
    if (out->len == empty)
        out->len = before;
    buf_add_str(out, "</div></div>\n");
    return 0;
}

int alert_page(struct view *v, struct error *err)
{
    CLEANUP(alert_freep) struct alert *a = NULL;
    CLEANUP(buf_release) struct buf title = BUF_HERE(1024), description = BUF_INIT(TEXT_MAX);

    if (store_get_alert(v->store, v->rest, &a, err) < 0)
        return -1;
    alert_title(a, &title);
    html_begin(v, buf_cstr(&title), "/alerts");
    buf_add_str(v->out, "<p class=\"id\">");
    html_add_severity(v->out, a->severity);
    buf_addf(v->out, " <code>%s</code>%s%s</p>\n", a->id, a->is_final ? "" : " <span class=\"state good\">open</span>",
             a->is_suppressed ? " <span class=\"state slow\">suppressed</span>" : "");
    if (add_top(v, a, err) < 0)
        return -1;
    if (related_add_members(v, a, err) < 0)
        return -1;
    buf_add_str(v->out, "<div class=\"steps\">");
    add_steps(v->out, a, "Investigate", a->type->investigate);
    add_steps(v->out, a, "Contain and recover", a->type->remediate);
    add_steps(v->out, a, "Prevent", a->type->prevent);
    buf_add_str(v->out, "</div>\n");
    alert_description(a, &description);
    buf_add_str(v->out, "<h2>What it means</h2><p>");
    html_add_buf(v->out, &description);
    buf_add_str(v->out, "</p>\n");
    add_rows_behind(v->out, a);
    compare_add_requests(v->out, a);
    add_evidence(v->out, a);
    if (related_add_others(v, a, err) < 0 || add_deliveries(v, a, err) < 0)
        return -1;
    html_end(v);
    return 200;
}
