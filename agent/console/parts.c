/* parts.c - see parts.h. SPDX-License-Identifier: Apache-2.0 */
#include "console/parts.h"

#include "base/json_in.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "console/html.h"
#include "console/rows.h"
#include "console/view.h"
#include "status.h"
#include "store/store.h"

#include <json-c/json.h>

#define STRIP_DAYS 7
#define GAPS_SHOWN 5

/* ---- coverage as a strip ------------------------------------------------------------------------------------------- */

enum cover { COVER_READ, COVER_LEARNED, COVER_OPEN, COVER_GAP, COVERS };
static const char *const cover_classes[] = { "read", "learn", "open", "gap" };

struct strip {
    struct buf *out;
    int64_t from_ns, to_ns, sum_ns[COVERS];
    struct buf gaps; /* a line each, what a picture cannot say */
    int gaps_len;
};

static enum cover cover_of(const struct window *w)
{
    return w->state == WINDOW_GAP    ? COVER_GAP
           : w->state < WINDOW_CLOSED ? COVER_OPEN
           : w->is_backfill           ? COVER_LEARNED
                                      : COVER_READ;
}

static bool looks_the_same(const struct window *a, const struct window *b)
{
    return cover_of(a) == cover_of(b) && (cover_of(a) != COVER_GAP || strcmp(a->reason, b->reason) == 0);
}

static int64_t clamp_time(const struct strip *s, int64_t ns)
{
    return ns < s->from_ns ? s->from_ns : ns > s->to_ns ? s->to_ns : ns;
}

static void note_gap(struct strip *s, const struct window *w)
{
    if (s->gaps_len++ >= GAPS_SHOWN)
        return;
    buf_add_str(&s->gaps, "<li>");
    html_add_time(&s->gaps, w->from_ns);
    buf_add_str(&s->gaps, " to ");
    html_add_time(&s->gaps, w->to_ns);
    buf_add_str(&s->gaps, " is lost: ");
    html_add_str(&s->gaps, w->reason);
    buf_add_str(&s->gaps, "</li>");
}

static int add_run(void *self, const struct window_run *r, struct error *err UNUSED)
{
    struct strip *s = self;
    enum cover what = cover_of(&r->w);
    int64_t from = clamp_time(s, r->w.from_ns), to = clamp_time(s, r->w.to_ns);
    double unit = 1000.0 / (double)(s->to_ns - s->from_ns), width = unit * (double)(to - from);
    CLEANUP(buf_release) struct buf words = BUF_HERE(1024);

    if (to <= from)
        return 0;
    s->sum_ns[what] += to - from;
    time_add_iso(&words, r->w.from_ns, 0);
    buf_add_str(&words, " to ");
    time_add_iso(&words, r->w.to_ns, 0);
    buf_addf(&words, ": %s%s%s", window_state_name(r->w.state), r->w.reason[0] ? ", " : "", r->w.reason);
    buf_addf(s->out, "<rect class=\"%s\" x=\"%.2f\" width=\"%.2f\" height=\"16\"><title>", cover_classes[what],
             unit * (double)(from - s->from_ns), width < 2 ? 2 : width); /* a short one must be seen too */
    html_add_buf(s->out, &words);
    buf_add_str(s->out, "</title></rect>");
    if (what == COVER_GAP)
        note_gap(s, &r->w);
    return 0;
}

static void add_strip_words(struct buf *out, const struct strip *s)
{
    static const char *const words[] = { "read", "learned from", "to be read", "lost" };
    int64_t rest = s->to_ns - s->from_ns;

    buf_add_str(out, "Coverage of the last seven days:");
    for (int i = 0; i < COVERS; i++) {
        rest -= s->sum_ns[i];
        if (s->sum_ns[i] < NS_PER_S)
            continue;
        buf_addf(out, " %s ", words[i]);
        fmt_duration_ms(out, s->sum_ns[i] / NS_PER_MS);
        buf_add_char(out, ',');
    }
    buf_add_str(out, " not asked for ");
    fmt_duration_ms(out, rest > 0 ? rest / NS_PER_MS : 0);
}

static int add_strip(struct view *v, const char *source, int64_t now, struct error *err)
{
    CLEANUP(buf_release) struct buf rects = BUF_INIT(1u << 20), words = BUF_HERE(1024);
    struct strip s = { .out = &rects, .from_ns = now - STRIP_DAYS * NS_PER_DAY, .to_ns = now, .gaps = BUF_INIT(1u << 16) };
    int rc = store_each_run(v->store, source, s.from_ns - 2 * NS_PER_DAY, looks_the_same, add_run, &s, err);

    add_strip_words(&words, &s);
    buf_addf(v->out, "<svg class=\"strip\" viewBox=\"0 0 1000 16\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s\">",
             buf_cstr(&words));
    buf_add_buf(v->out, &rects);
    buf_add_str(v->out, "</svg>");
    if (s.gaps_len > 0) {
        buf_add_str(v->out, "<ul class=\"reason\">");
        buf_add_buf(v->out, &s.gaps);
        if (s.gaps_len > GAPS_SHOWN)
            buf_addf(v->out, "<li>and %d more: <code>cosmowatch coverage</code></li>", s.gaps_len - GAPS_SHOWN);
        buf_add_str(v->out, "</ul>");
    }
    buf_release(&s.gaps);
    return rc;
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

static void add_words(struct buf *out, const struct buf *words)
{
    html_add_buf(out, words);
}

static int add_source(struct view *v, struct json_object *o, int64_t now, struct error *err)
{
    CLEANUP(buf_release) struct buf words = BUF_HERE(1024);

    begin_part(v->out, o);
    status_add_source_words(&words, o);
    add_words(v->out, &words);
    buf_add_str(v->out, "<br>read up to ");
    html_add_str(v->out, json_text(o, "readUpTo", "")[0] ? json_text(o, "readUpTo", "") : "(nothing yet)");
    buf_add_str(v->out, "</p>");
    add_reason(v->out, o);
    if (add_strip(v, json_text(o, "name", ""), now, err) < 0)
        return -1;
    buf_add_str(v->out, "</article>\n");
    return 0;
}

static void add_output(struct view *v, struct json_object *o, int64_t now)
{
    CLEANUP(buf_release) struct buf words = BUF_HERE(1024);

    begin_part(v->out, o);
    status_add_output_words(&words, o, now);
    add_words(v->out, &words);
    if (json_text(o, "type", "")[0]) {
        buf_add_str(v->out, "<br>");
        html_add_str(v->out, json_text(o, "type", ""));
        buf_add_str(v->out, " as ");
        html_add_str(v->out, json_text(o, "format", ""));
    }
    buf_add_str(v->out, "</p>");
    add_reason(v->out, o);
    if (json_number(o, "parked") > 0) {
        buf_add_str(v->out, "<p>It refused alerts: <code>cosmowatch outputs parked ");
        html_add_str(v->out, json_text(o, "name", ""));
        buf_add_str(v->out, "</code> lists them with their reasons, <code>outputs retry</code> sends them again.</p>");
    }
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

static int add_sources(struct view *v, int64_t now, struct error *err)
{
    struct json_object *list = NULL;
    size_t n = json_list(v->status, "sources", &list);

    buf_add_str(v->out, "<section><h2>Sources</h2>\n<p class=\"legend\">last seven days: <span class=\"key read\">read</span> "
                        "<span class=\"key learn\">learned from</span> <span class=\"key open\">to be read</span> "
                        "<span class=\"key gap\">lost</span></p><div class=\"parts\">");
    for (size_t i = 0; i < n; i++)
        if (add_source(v, json_object_array_get_idx(list, i), now, err) < 0)
            return -1;
    buf_add_str(v->out, "</div></section>\n");
    return 0;
}

static void add_outputs(struct view *v, int64_t now)
{
    struct json_object *list = NULL;
    size_t n = json_list(v->status, "outputs", &list);

    buf_add_str(v->out, "<section><h2>Outputs</h2>\n<div class=\"parts\">");
    for (size_t i = 0; i < n; i++)
        add_output(v, json_object_array_get_idx(list, i), now);
    buf_addf(v->out, "%s</div></section>\n", n > 0 ? "" : "<p>None is configured: alerts stay in the store.</p>");
}

static void add_feeds(struct view *v)
{
    struct json_object *list = NULL;
    size_t n = json_list(v->status, "feeds", &list);

    if (n == 0)
        return;
    buf_add_str(v->out, "<section><h2>Feeds</h2><ul>");
    for (size_t i = 0; i < n; i++)
        add_feed(v, json_object_array_get_idx(list, i));
    buf_add_str(v->out, "</ul></section>\n");
}

int parts_add(struct view *v, int64_t now, struct error *err)
{
    if (!v->status)
        return 0;
    if (add_sources(v, now, err) < 0)
        return -1;
    add_outputs(v, now);
    add_feeds(v);
    add_judgement(v);
    return 0;
}
