/* collect.c - see report.h. SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/progress.h"
#include "base/timeutil.h"
#include "detectors/controls.h"
#include "enrich/places.h"
#include "kept_trust.h"
#include "report/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NAME_MAX 300  /* bytes of a name that is counted by */
#define NO_RULE "(a suppression that is no longer there)"
#define NO_PLACE "(place not known)"

struct collecting {
    struct report *r;
    struct progress progress;
    int64_t done;
};

/* ---- counting by name ----------------------------------------------------------------------------------------------- */

/* Newest first: what this span has is all there when the span before is counted, and no name of that one alone. */
static int tally(struct report *r, enum report_by by, const char *text, const struct alert *a, struct error *err)
{
    struct report_tally *t = &r->by[by];
    struct slice name = slice_cut(slice_of(text), NAME_MAX);
    struct report_row *row = map_get(t->rows, name);
    bool is_new = false;

    if (a->last_ns < r->from_ns) {
        if (row)
            row->before++;
        return 0;
    }
    if (!row && map_len(t->rows) == REPORT_NAMES) {
        t->others++;
        return 0;
    }
    if (!row && !(row = map_put(t->rows, name, &is_new)))
        return error_set(err, ERR_NOMEM, "no memory for the report");
    row->total++;
    row->n[a->severity]++;
    return 0;
}

static void count_rule(struct report *r, const char *rule)
{
    for (size_t i = 0; i < suppress_len(r->suppress); i++) {
        struct suppress_view look;

        suppress_look(r->suppress, i, &look);
        r->of_rule[i] += strcmp(look.name, rule) == 0;
    }
}

static int count_suppressed(struct report *r, const struct alert *a, struct report_sums *sums, struct error *err)
{
    const char *rule = suppress_find(r->suppress, a);

    sums->suppressed++;
    if (rule && a->last_ns >= r->from_ns)
        count_rule(r, rule);
    return tally(r, BY_SUPPRESSION, rule ? rule : NO_RULE, a, err);
}

/* ---- the alerts to talk about --------------------------------------------------------------------------------------- */

static bool is_worse(const struct alert *a, const struct report_worst *w)
{
    if (a->severity != w->severity)
        return a->severity > w->severity;
    if (a->type->is_incident != w->is_incident)
        return a->type->is_incident;
    if (a->confidence != w->confidence)
        return a->confidence > w->confidence;
    return a->last_ns > w->last_ns;
}

static void worst_release(struct report_worst *w)
{
    free(w->title);
    free(w->account);
    free(w->why);
    *w = (struct report_worst){ 0 };
}

static char *words(const struct alert *a, void (*say)(const struct alert *a, struct buf *out))
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(65536);

    buf_add_str(&text, "");
    say(a, &text);
    return buf_take(&text);
}

static int keep_worst(struct report *r, const struct alert *a, struct error *err)
{
    struct report_worst *w = r->worst;
    size_t at = r->worst_len;

    while (at > 0 && is_worse(a, &w[at - 1]))
        at--;
    if (at == REPORT_WORST)
        return 0;
    if (r->worst_len == REPORT_WORST)
        worst_release(&w[--r->worst_len]);
    memmove(&w[at + 1], &w[at], (r->worst_len - at) * sizeof *w);
    r->worst_len++;
    w[at] = (struct report_worst){ .severity = a->severity, .is_incident = a->type->is_incident, .confidence = a->confidence,
                                   .last_ns = a->last_ns, .title = words(a, alert_title),
                                   .account = words(a, alert_accounts), .why = words(a, alert_why) };
    memcpy(w[at].id, a->id, sizeof w[at].id);
    return w[at].title && w[at].account && w[at].why ? 0 : error_set(err, ERR_NOMEM, "no memory for the report");
}

/* ---- alerts --------------------------------------------------------------------------------------------------------- */

static void count_bar(struct report *r, const struct alert *a)
{
    size_t bar = (size_t)((a->last_ns - r->bars[0].from_ns) / r->bar_ns);

    if (bar < r->bars_len)
        r->bars[bar].n[a->severity]++;
}

static int count_place(struct report *r, const struct alert *a, struct error *err)
{
    struct slice said = slice_of(alert_text(a, "place"));
    struct buf place = BUF_HERE(PLACE_TEXT_MAX);

    place_words(slice_cut(said, PLACE_TEXT_MAX), &place);
    if (buf_check(&place, err) < 0)
        return -1;
    return tally(r, BY_PLACE, place.len > 0 ? buf_cstr(&place) : NO_PLACE, a, err);
}

static int count_told(struct report *r, const struct alert *a, struct report_sums *sums, struct error *err)
{
    CLEANUP(buf_release) struct buf accounts = BUF_INIT(65536);

    sums->alerts++;
    sums->n[a->severity]++;
    sums->incidents += a->type->is_incident;
    sums->requests += a->type->is_incident ? 0 : a->count;
    if (sums == &r->now) {
        count_bar(r, a);
        if (keep_worst(r, a, err) < 0)
            return -1;
    }
    alert_accounts(a, &accounts);
    if (tally(r, BY_ACCOUNT, accounts.len > 0 ? buf_cstr(&accounts) : "(none)", a, err) < 0 ||
        tally(r, BY_TYPE, a->type->display_name, a, err) < 0 || tally(r, BY_TACTIC, a->type->intent, a, err) < 0 ||
        tally(r, BY_SUBJECT, a->subject, a, err) < 0 || tally(r, BY_DETECTOR, a->detector, a, err) < 0)
        return -1;
    return a->type->is_incident ? 0 : count_place(r, a, err);
}

static int count_alert(void *self, const struct alert *a, struct error *err)
{
    struct collecting *c = self;
    struct report_sums *sums = a->last_ns < c->r->from_ns ? &c->r->before : &c->r->now;

    progress_at(&c->progress, ++c->done);
    if (a->is_sample)
        return 0;
    return a->is_suppressed ? count_suppressed(c->r, a, sums, err) : count_told(c->r, a, sums, err);
}

static int collect_alerts(struct report *r, struct store *store, struct error *err)
{
    struct collecting c = { .r = r };
    const struct alert_filter f = { .since_ns = report_before_ns(r), .until_ns = r->to_ns };
    int64_t n = 0;
    int rc;

    if (store_count_alerts(store, f.since_ns, f.until_ns, &n, err) < 0)
        return -1;
    progress_begin(&c.progress, r->sv, STDERR_FILENO, "counting", "alerts", n);
    rc = store_each_alert(store, &f, count_alert, &c, err);
    progress_end(&c.progress);
    return rc;
}

/* Most first; ties by what is older news, then by name, so that the same store gives the same page. */
static int compare_lines(const void *a, const void *b)
{
    const struct report_line *x = a, *y = b;

    if (x->row->total != y->row->total)
        return x->row->total < y->row->total ? 1 : -1;
    if (x->row->before != y->row->before)
        return x->row->before < y->row->before ? 1 : -1;
    return slice_cmp(x->name, y->name);
}

static int sort_tally(struct report_tally *t, struct error *err)
{
    void *row = NULL;
    size_t it = 0;

    t->lines = calloc(map_len(t->rows) + 1, sizeof *t->lines);
    if (!t->lines)
        return error_set(err, ERR_NOMEM, "no memory for the report");
    for (; map_next(t->rows, &it, &t->lines[t->len].name, &row); t->len++)
        t->lines[t->len].row = row;
    qsort(t->lines, t->len, sizeof *t->lines, compare_lines);
    return 0;
}

/* Hours for two days, days for two months, then as many days as it takes; they begin where hours and days do. */
static void lay_bars(struct report *r)
{
    int64_t span = r->to_ns - r->from_ns, from = 0;

    r->bar_ns = span <= 48 * NS_PER_HOUR ? NS_PER_HOUR : NS_PER_DAY * (1 + span / (NS_PER_DAY * (REPORT_BARS - 1)));
    from = time_floor(r->from_ns, r->bar_ns < NS_PER_DAY ? NS_PER_HOUR : NS_PER_DAY);
    for (; r->bars_len < REPORT_BARS && from <= r->to_ns; from += r->bar_ns)
        r->bars[r->bars_len++].from_ns = from;
}

/* ---- coverage and delivery ------------------------------------------------------------------------------------------ */

static int64_t overlap(const struct window *w, int64_t from_ns, int64_t to_ns)
{
    int64_t from = w->from_ns > from_ns ? w->from_ns : from_ns, to = w->to_ns < to_ns ? w->to_ns : to_ns;

    return to > from ? to - from : 0;
}

static int count_window(void *self, const struct window *w, struct error *err UNUSED)
{
    struct report *r = self;
    int64_t ns = overlap(w, r->from_ns, r->to_ns), before = overlap(w, report_before_ns(r), r->from_ns);
    bool is_read = w->state == WINDOW_CLOSED || w->state == WINDOW_RECHECKED;
    struct report_source *s = r->sources;

    while (s < r->sources + r->sources_len && strcmp(s->name, w->source) != 0)
        s++;
    if (ns + before == 0 || s == r->sources + REPORT_SOURCES)
        return 0;
    if (s == r->sources + r->sources_len) {
        (void)snprintf(s->name, sizeof s->name, "%s", w->source);
        r->sources_len++;
    }
    if (is_read && !w->is_backfill)
        s->read_before_ns += before;
    if (w->state == WINDOW_GAP && ns > 0)
        (void)snprintf(s->reason, sizeof s->reason, "%s", w->reason);
    *(w->state == WINDOW_GAP ? &s->gap_ns : !is_read ? &s->open_ns : w->is_backfill ? &s->learned_ns : &s->read_ns) += ns;
    return 0;
}

int64_t report_unseen(const struct report *r, const struct report_source *s)
{
    int64_t none = r->to_ns - r->from_ns - s->read_ns - s->learned_ns - s->gap_ns - s->open_ns;

    return none > 0 ? none : 0;
}

static int count_output(void *self, const char *output, const struct output_counts *n, struct error *err UNUSED)
{
    struct report *r = self;
    struct report_output *o = r->outputs;

    while (o < r->outputs + r->outputs_len && strcmp(o->name, output) != 0)
        o++;
    if (o == r->outputs + REPORT_OUTPUTS)
        return 0;
    if (o == r->outputs + r->outputs_len) {
        (void)snprintf(o->name, sizeof o->name, "%s", output);
        r->outputs_len++;
    }
    o->n = *n;
    return 0;
}

/* ---- together ------------------------------------------------------------------------------------------------------- */

int report_collect(struct report *r, struct store *store, struct error *err)
{
    r->of_rule = calloc(suppress_len(r->suppress) + 1, sizeof *r->of_rule);
    for (size_t i = 0; i < REPORT_TALLIES; i++)
        if (!(r->by[i].rows = map_new(sizeof(struct report_row))))
            return error_set(err, ERR_NOMEM, "no memory for the report");
    if (!r->of_rule)
        return error_set(err, ERR_NOMEM, "no memory for the report");
    lay_bars(r);
    if (collect_alerts(r, store, err) < 0 || kept_trust_load(store, r->trusted, err) < 0 ||
        store_each_window(store, NULL, INT64_MIN, count_window, r, err) < 0 ||
        store_each_output_between(store, r->from_ns, r->to_ns, count_output, r, err) < 0)
        return -1;
    for (size_t i = 0; i < REPORT_TALLIES; i++)
        if (sort_tally(&r->by[i], err) < 0)
            return -1;
    return 0;
}

void report_release(struct report *r)
{
    for (size_t i = 0; i < REPORT_TALLIES; i++) {
        map_free(r->by[i].rows);
        free(r->by[i].lines);
    }
    for (size_t i = 0; i < r->worst_len; i++)
        worst_release(&r->worst[i]);
    free(r->of_rule);
}

int64_t report_alerts_of(const struct report *r, const char *detector)
{
    const struct report_row *row = map_get(r->by[BY_DETECTOR].rows, slice_of(detector));

    return row ? row->total : 0;
}

int64_t report_before_ns(const struct report *r)
{
    return r->from_ns - (r->to_ns - r->from_ns);
}

bool report_part_is_on(const struct report *r, const struct control_part *p)
{
    for (size_t i = 0; i < r->detectors_len; i++)
        if (strcmp(r->detectors[i].ops->name, p->name) == 0)
            return true;
    for (size_t i = 0; i < r->outputs_len && strcmp(p->name, CONTROL_PART_OUTPUTS) == 0; i++)
        if (r->outputs[i].is_configured)
            return true;
    return strcmp(p->name, CONTROL_PART_COVERAGE) == 0 ? r->sources_len > 0 : strcmp(p->name, CONTROL_PART_INCIDENT) == 0;
}
