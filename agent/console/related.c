/* related.c - see related.h. SPDX-License-Identifier: Apache-2.0 */
#include "console/related.h"

#include "alert/catalogue.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "console/html.h"
#include "console/rows.h"
#include "console/view.h"
#include "store/store.h"

#include <stdlib.h>

#define REACH_NS (14 * NS_PER_DAY)
#define SCANNED 20000 /* a page is read by a person who waits */
#define OTHERS_MAX 20

/* ---- members -------------------------------------------------------------------------------------------------------- */

struct members {
    struct alert *at[FACT_SET_MAX];
    size_t len, gone;
};

static void members_release(struct members *m)
{
    for (size_t i = 0; i < m->len; i++)
        alert_free(m->at[i]);
}

static int by_time(const void *a, const void *b)
{
    const struct alert *x = *(struct alert *const *)a, *y = *(struct alert *const *)b;

    return x->first_ns != y->first_ns ? (x->first_ns > y->first_ns ? 1 : -1) : strcmp(x->id, y->id);
}

static int find_members(struct view *v, const struct fact *f, struct members *m, struct error *err)
{
    for (size_t i = 0; i < f->len && m->len < ARRAY_LEN(m->at); i++) {
        struct error gone = { 0 };

        if (store_get_alert(v->store, f->entries[i].text, &m->at[m->len], &gone) == 0) {
            m->len++;
        } else if (gone.code == ERR_NOT_FOUND) { /* older than retention */
            m->gone++;
        } else {
            *err = gone;
            return -1;
        }
    }
    if (m->len > 0)
        qsort(m->at, m->len, sizeof m->at[0], by_time);
    return 0;
}

static void add_member(struct buf *out, const struct alert *a)
{
    CLEANUP(buf_release) struct buf title = BUF_HERE(1024), why = BUF_INIT(65536);

    alert_title(a, &title);
    alert_why(a, &why);
    buf_addf(out, "<li class=\"at-%d\">", (int)a->severity);
    html_add_time(out, a->first_ns);
    buf_add_char(out, ' ');
    html_add_severity(out, a->severity);
    buf_addf(out, "<br><a href=\"/alerts/%s\">", a->id);
    html_add_buf(out, &title);
    buf_add_str(out, "</a>");
    if (a->is_suppressed)
        buf_add_str(out, " <span class=\"state slow\">suppressed</span>");
    buf_add_str(out, "<br><span class=\"soft\">");
    html_add_buf(out, &why);
    buf_add_str(out, "</span></li>\n");
}

int related_add_members(struct view *v, const struct alert *a, struct error *err)
{
    CLEANUP(members_release) struct members m = { 0 };
    const struct fact *f = alert_fact(a, "members");

    if (!a->type->is_incident || !f)
        return 0;
    if (find_members(v, f, &m, err) < 0)
        return -1;
    buf_add_str(v->out, "<h2>What happened, in order</h2><ol class=\"timeline\">\n");
    for (size_t i = 0; i < m.len; i++)
        add_member(v->out, m.at[i]);
    buf_add_str(v->out, "</ol>\n");
    if (f->more)
        buf_add_str(v->out, "<p>There were more: the evidence has their types and numbers.</p>\n");
    if (m.gone > 0)
        buf_addf(v->out, "<p>%zu of its alerts are older than what the store keeps.</p>\n", m.gone);
    return 0;
}

/* ---- others ---------------------------------------------------------------------------------------------------------- */

struct others {
    const struct alert *a;
    struct buf incidents, rows;
    size_t incidents_len, rows_len, left_off;
};

static bool has_text(const struct fact *f, const char *text)
{
    for (size_t i = 0; f && i < f->len; i++)
        if (strcmp(f->entries[i].text, text) == 0)
            return true;
    return false;
}

static bool share(const struct alert *a, const struct alert *b, const char *name)
{
    const struct fact *f = alert_fact(a, name), *g = alert_fact(b, name);

    for (size_t i = 0; f && fact_is_list(f) && i < f->len; i++)
        if (f->entries[i].text[0] && has_text(g, f->entries[i].text))
            return true;
    return false;
}

static int look(void *self, const struct alert *b, struct error *err UNUSED)
{
    struct others *o = self;

    if (strcmp(o->a->id, b->id) == 0 || has_text(alert_fact(o->a, "members"), b->id))
        return 0;
    if (b->type->is_incident && has_text(alert_fact(b, "members"), o->a->id)) {
        o->incidents_len++;
        rows_add(&o->incidents, b);
    } else if (share(o->a, b, "address") || share(o->a, b, "principal")) {
        if (o->rows_len < OTHERS_MAX)
            rows_add(&o->rows, b);
        o->left_off += o->rows_len++ >= OTHERS_MAX;
    }
    return 0;
}

static void add_table(struct buf *out, const char *title, const struct buf *rows)
{
    buf_addf(out, "<h2>%s</h2>", title);
    rows_begin(out);
    buf_add_buf(out, rows);
    rows_end(out);
}

static void add_all_link(struct buf *out, const struct alert *a, const char *fact, const char *word)
{
    const char *text = alert_text(a, fact);

    if (!text[0])
        return;
    buf_add_str(out, " <a href=\"/alerts?q=");
    html_add_url(out, slice_of(text));
    buf_addf(out, "\">All alerts of this %s</a>", word);
}

int related_add_others(struct view *v, const struct alert *a, struct error *err)
{
    const struct alert_filter f = { .since_ns = a->first_ns - REACH_NS, .until_ns = i64_add_sat(a->last_ns, REACH_NS),
                                    .limit = SCANNED };
    CLEANUP(buf_release) struct buf incidents = BUF_INIT(1u << 20), rows = BUF_INIT(1u << 20);
    struct others o = { .a = a, .incidents = incidents, .rows = rows };
    int rc = store_each_alert(v->store, &f, look, &o, err);

    incidents = o.incidents;
    rows = o.rows;
    if (rc < 0)
        return -1;
    if (o.incidents_len > 0)
        add_table(v->out, "Part of", &incidents);
    if (o.rows_len > 0)
        add_table(v->out, "Other alerts of the same client, within two weeks", &rows);
    buf_add_str(v->out, "<p class=\"more\">");
    add_all_link(v->out, a, "address", "address");
    add_all_link(v->out, a, "principal", "principal");
    if (a->account[0]) {
        buf_add_str(v->out, " <a href=\"/alerts?account=");
        html_add_url(v->out, slice_of(a->account));
        buf_add_str(v->out, "\">All alerts of this account</a> <a href=\"/accounts/");
        html_add_url(v->out, slice_of(a->account));
        buf_add_str(v->out, "\">What is usual for this account</a>");
    }
    buf_add_str(v->out, "</p>\n");
    return 0;
}
