/* rules.c - what is looked for, what cannot be, and what is kept quiet. SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/json_in.h"
#include "base/timeutil.h"
#include "alert/suppress.h"
#include "console/html.h"
#include "console/view.h"
#include "engine.h"
#include "enrich/trusted.h"
#include "settings/option.h"
#include "store/store.h"

#include <json-c/json.h>
#include <stdlib.h>

#define TYPES_MAX 512

/* How often each type spoke and what each suppression kept quiet, among the alerts that are kept. */
struct counts {
    const struct suppress *suppress;
    struct quiet { int64_t n, first_ns, last_ns; } *of_rule;
    int64_t types[TYPES_MAX];
};

static int count_types(void *self, const struct alert_tally *t, struct error *err UNUSED)
{
    struct counts *c = self;

    for (size_t i = 0; i < TYPES_MAX && alert_type_at(i); i++)
        if (strcmp(alert_type_at(i)->id, t->type) == 0)
            c->types[i] += t->n;
    return 0;
}

static int count_quiet(void *self, const struct alert *a, struct error *err UNUSED)
{
    struct counts *c = self;
    const char *rule = suppress_find(c->suppress, a);
    struct suppress_view look;

    for (size_t i = 0; rule && i < suppress_len(c->suppress); i++) {
        struct quiet *q = &c->of_rule[i];

        suppress_look(c->suppress, i, &look);
        if (strcmp(look.name, rule) != 0)
            continue;
        q->first_ns = q->n == 0 || a->first_ns < q->first_ns ? a->first_ns : q->first_ns;
        q->last_ns = a->last_ns > q->last_ns ? a->last_ns : q->last_ns;
        q->n++;
    }
    return 0;
}

static void begin_table(struct buf *out, const char *const *heads)
{
    buf_add_str(out, "<div class=\"scroll\"><table class=\"cards\"><thead><tr>");
    for (; *heads; heads++)
        buf_addf(out, "<th scope=\"col\">%s</th>", *heads);
    buf_add_str(out, "</tr></thead><tbody>\n");
}

/* A time that may be past, near, or never. */
static void add_end(struct buf *out, int64_t end_ns, int64_t warn_before_ns, int64_t now_ns)
{
    if (end_ns == INT64_MAX) {
        buf_add_str(out, "never");
        return;
    }
    html_add_time(out, end_ns);
    if (end_ns <= now_ns)
        buf_add_str(out, " <span class=\"state slow\">is over</span>");
    else if (end_ns - now_ns <= warn_before_ns)
        buf_add_str(out, " <span class=\"state slow\">ends soon</span>");
}

static void add_quiet(struct buf *out, const struct quiet *q)
{
    if (q->n == 0) {
        buf_add_str(out, "nothing so far");
        return;
    }
    buf_addf(out, "<a href=\"/alerts?told=suppressed\">%" PRId64 " alert%s</a>, from ", q->n, q->n == 1 ? "" : "s");
    html_add_time(out, q->first_ns);
    buf_add_str(out, " to ");
    html_add_time(out, q->last_ns);
}

static void add_suppression(struct view *v, size_t i, const struct quiet *quiet)
{
    CLEANUP(buf_release) struct buf what = BUF_INIT(1u << 16);
    struct suppress_view look;

    suppress_look(v->suppress, i, &look);
    suppress_add_conditions(v->suppress, i, &what);
    buf_add_str(v->out, "<tr><td>");
    html_add_str(v->out, look.name);
    buf_add_str(v->out, "</td><td>");
    html_add_buf(v->out, &what);
    buf_add_str(v->out, "</td><td>");
    html_add_str(v->out, look.reason);
    if (look.comment[0]) {
        buf_add_str(v->out, "<br><span class=\"soft\">");
        html_add_str(v->out, look.comment);
        buf_add_str(v->out, "</span>");
    }
    buf_add_str(v->out, "</td><td data-label=\"ends\">");
    add_end(v->out, look.expires_ns, look.warn_before_ns, sv_wall_ns(v->sv));
    buf_add_str(v->out, "</td><td data-label=\"kept quiet\">");
    add_quiet(v->out, quiet);
    buf_add_str(v->out, "</td></tr>\n");
}

static void add_suppressions(struct view *v, const struct counts *c)
{
    static const char *const heads[] = { "Name", "Covers", "Reason", "Ends", "Kept quiet", NULL };

    buf_add_str(v->out, "<section><h2>Suppressions</h2>");
    if (suppress_len(v->suppress) == 0) {
        buf_add_str(v->out, "<p class=\"none\">None: every alert is told.</p></section>\n");
        return;
    }
    begin_table(v->out, heads);
    for (size_t i = 0; i < suppress_len(v->suppress); i++)
        add_suppression(v, i, &c->of_rule[i]);
    buf_add_str(v->out, "</tbody></table></div></section>\n");
}

/* As the agent last told it, unless the list has changed since. */
static void add_use(struct view *v, size_t i, const struct trusted_view *look)
{
    struct json_object *list = NULL, *o = NULL;
    int64_t last_ns = 0;

    if (!v->status || i >= json_list(v->status, "trusted", &list))
        return;
    o = json_object_array_get_idx(list, i);
    if (strcmp(json_text(o, "value", ""), look->value) != 0)
        return;
    if (!time_parse_iso(slice_of(json_text(o, "lastUsed", "")), &last_ns)) {
        buf_add_str(v->out, "nobody so far");
        return;
    }
    buf_addf(v->out, "on %" PRId64 " of %d days, last at ", json_number(o, "daysUsed"), TRUSTED_DAYS);
    html_add_time(v->out, last_ns);
}

static void add_trusted(struct view *v)
{
    static const char *const heads[] = { "Who", "Value", "Accounts", "Note", "Until", "Vouched for", NULL };

    if (trusted_len(v->trusted) == 0)
        return;
    buf_add_str(v->out, "<section><h2>Trusted</h2><p class=\"legend\">Spares alerts; what they do is learned all the same.</p>");
    begin_table(v->out, heads);
    for (size_t i = 0; i < trusted_len(v->trusted); i++) {
        struct trusted_view look;

        trusted_look(v->trusted, i, &look);
        buf_addf(v->out, "<tr><td>%s</td><td>", look.kind);
        html_add_str(v->out, look.value);
        buf_addf(v->out, "</td><td data-label=\"accounts\">%s</td><td>", look.is_everywhere ? "all" : "some");
        html_add_str(v->out, look.note);
        buf_add_str(v->out, "</td><td data-label=\"until\">");
        add_end(v->out, look.until_ns, look.warn_before_ns, sv_wall_ns(v->sv));
        buf_add_str(v->out, "</td><td data-label=\"vouched for\">");
        add_use(v, i, &look);
        buf_add_str(v->out, "</td></tr>\n");
    }
    buf_add_str(v->out, "</tbody></table></div></section>\n");
}

/* ---- detectors ------------------------------------------------------------------------------------------------------- */

static const char *sensitivity_of(const struct engine_detector *d)
{
    for (const struct option_spec *o = d->ops->options; o && o->key; o++)
        if (strcmp(o->key, "sensitivity") == 0 && o->type == OPT_ENUM)
            return o->values[*(const int *)(const void *)((const char *)d->self + o->at)];
    return "-";
}

static void add_needs(struct buf *out, unsigned reads)
{
    static const struct { unsigned kind; const char *name; } kinds[] = {
        { OBS_REQUEST, "requests" }, { OBS_TEXT, "query texts" }, { OBS_CONTROL, "control plane" },
        { OBS_ACTIVITY, "AzureActivity" }, { OBS_DEFENDER, "Defender's alerts" },
    };
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (reads & kinds[i].kind)
            buf_addf(out, "%s%s", n++ > 0 ? ", " : "", kinds[i].name);
}

/* Why it cannot, in the words that the agent left; NULL: it can, as far as anybody knows. */
static const char *why_blind(struct view *v, const char *name)
{
    struct json_object *j = NULL, *list = NULL;
    size_t n = v->status && json_object_object_get_ex(v->status, "judgement", &j) ? json_list(j, "cannotJudge", &list) : 0;

    for (size_t i = 0; i < n; i++)
        if (strcmp(json_text(json_object_array_get_idx(list, i), "detector", ""), name) == 0)
            return json_text(json_object_array_get_idx(list, i), "why", "");
    return NULL;
}

static void add_detectors(struct view *v)
{
    static const char *const heads[] = { "Detector", "Looks for", "Sensitivity", "Needs", "Can judge", NULL };

    buf_add_str(v->out, "<section><h2>Detectors</h2>");
    begin_table(v->out, heads);
    for (size_t i = 0; i < v->detectors_len; i++) {
        const struct engine_detector *d = &v->detectors[i];
        const char *why = why_blind(v, d->ops->name);

        buf_addf(v->out, "<tr><td><code>%s</code></td><td>", d->ops->name);
        html_add_str(v->out, d->ops->summary);
        buf_addf(v->out, "</td><td data-label=\"sensitivity\">%s</td><td data-label=\"needs\">", sensitivity_of(d));
        add_needs(v->out, d->ops->reads);
        buf_addf(v->out, "</td><td data-label=\"can judge\"><span class=\"state %s\">%s</span> ", why ? "slow" : "good", why ? "no" : "yes");
        html_add_str(v->out, why ? why : "");
        buf_add_str(v->out, "</td></tr>\n");
    }
    buf_add_str(v->out, "</tbody></table></div></section>\n");
}

static void add_types(struct view *v, const struct counts *c)
{
    static const char *const heads[] = { "Alert", "Type", "Severity", "Tactic", "Kept alerts", NULL };

    buf_add_str(v->out, "<section><h2>Alert types</h2>");
    begin_table(v->out, heads);
    for (size_t i = 0; i < TYPES_MAX && alert_type_at(i); i++) {
        const struct alert_type *t = alert_type_at(i);

        buf_addf(v->out, "<tr><td><a href=\"/alerts?type=%s\">%s</a></td><td><code>%s</code></td><td>", t->id, t->display_name,
                 t->id);
        html_add_severity(v->out, t->severity);
        buf_addf(v->out, "</td><td data-label=\"tactic\">%s</td><td data-label=\"kept alerts\">%" PRId64 "</td></tr>\n",
                 t->intent, c->types[i]);
    }
    buf_add_str(v->out, "</tbody></table></div></section>\n");
}

int rules_page(struct view *v, struct error *err)
{
    const struct alert_filter quiet = { .since_ns = INT64_MIN, .told = TOLD_SUPPRESSED };
    struct counts c = { .suppress = v->suppress, .of_rule = calloc(suppress_len(v->suppress) + 1, sizeof(struct quiet)) };
    int rc = -1;

    if (!c.of_rule)
        return error_set(err, ERR_NOMEM, "no memory for the rules");
    if (store_tally_alerts(v->store, INT64_MIN, count_types, &c, err) == 0 &&
        store_each_alert(v->store, &quiet, count_quiet, &c, err) == 0)
        rc = 200;
    if (rc == 200) {
        html_begin(v, "Rules", "/rules");
        add_suppressions(v, &c);
        add_trusted(v);
        add_detectors(v);
        add_types(v, &c);
        html_end(v);
    }
    free(c.of_rule);
    return rc;
}
