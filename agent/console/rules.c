/* rules.c - what is looked for, what cannot be, and what is kept quiet. SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "alert/suppress.h"
#include "console/html.h"
#include "console/rows.h"
#include "console/view.h"
#include "store/store.h"

#include <stdlib.h>

#define ALERTS_MAX 100000

/* How often each type and each suppression spoke, among the alerts that are kept. */
struct counts {
    const struct suppress *suppress;
    int64_t *of_rule, types[512], suppressed_elsewhere;
};

static int count_alert(void *self, const struct alert *a, struct error *err UNUSED)
{
    struct counts *c = self;
    const char *rule = a->is_suppressed ? suppress_find(c->suppress, a) : NULL;
    struct suppress_view look;

    for (size_t i = 0; i < ARRAY_LEN(c->types) && alert_type_at(i); i++)
        c->types[i] += alert_type_at(i) == a->type;
    for (size_t i = 0; rule && i < suppress_len(c->suppress); i++) {
        suppress_look(c->suppress, i, &look);
        c->of_rule[i] += strcmp(look.name, rule) == 0;
    }
    return 0;
}

static void add_suppressions(struct view *v, const struct counts *c)
{
    buf_add_str(v->out, "<section><h2>Suppressions</h2>");
    if (suppress_len(v->suppress) == 0) {
        buf_add_str(v->out, "<p class=\"none\">None: every alert is told.</p></section>\n");
        return;
    }
    buf_add_str(v->out, "<div class=\"scroll\"><table><thead><tr><th>Name</th><th>Reason</th><th>Comment</th><th>Ends</th>"
                        "<th class=\"num\">Kept quiet</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < suppress_len(v->suppress); i++) {
        struct suppress_view look;

        suppress_look(v->suppress, i, &look);
        buf_add_str(v->out, "<tr><td>");
        html_add_str(v->out, look.name);
        buf_add_str(v->out, "</td><td>");
        html_add_str(v->out, look.reason);
        buf_add_str(v->out, "</td><td>");
        html_add_str(v->out, look.comment);
        buf_add_str(v->out, "</td><td>");
        if (look.expires_ns == INT64_MAX)
            buf_add_str(v->out, "never");
        else
            html_add_time(v->out, look.expires_ns);
        buf_addf(v->out, "</td><td class=\"num\">%" PRId64 "</td></tr>\n", c->of_rule[i]);
    }
    buf_add_str(v->out, "</tbody></table></div></section>\n");
}

static void add_types(struct view *v, const struct counts *c)
{
    buf_add_str(v->out, "<section><h2>Alert types</h2><div class=\"scroll\"><table><thead><tr><th>Alert</th><th>Type</th>"
                        "<th>Severity</th><th>Tactic</th><th class=\"num\">Kept alerts</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < ARRAY_LEN(c->types) && alert_type_at(i); i++) {
        const struct alert_type *t = alert_type_at(i);

        buf_addf(v->out, "<tr><td><a href=\"/alerts?type=%s\">%s</a></td><td><code>%s</code></td><td>", t->id, t->display_name,
                 t->id);
        html_add_severity(v->out, t->severity);
        buf_addf(v->out, "</td><td>%s</td><td class=\"num\">%" PRId64 "</td></tr>\n", t->intent, c->types[i]);
    }
    buf_add_str(v->out, "</tbody></table></div></section>\n");
}

int rules_page(struct view *v, struct error *err)
{
    const struct alert_filter all = { .since_ns = INT64_MIN, .until_ns = INT64_MAX, .limit = ALERTS_MAX };
    struct counts c = { .suppress = v->suppress, .of_rule = calloc(suppress_len(v->suppress) + 1, sizeof(int64_t)) };
    int rc = c.of_rule ? store_each_alert(v->store, &all, count_alert, &c, err)
                       : error_set(err, ERR_NOMEM, "no memory for the rules");

    if (rc == 0) {
        html_begin(v, "Rules", "/rules");
        add_suppressions(v, &c);
        rows_add_blind(v);
        add_types(v, &c);
        html_end(v);
    }
    free(c.of_rule);
    return rc < 0 ? -1 : 200;
}
