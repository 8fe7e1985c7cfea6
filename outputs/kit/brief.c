/* brief.c - see brief.h. SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/brief.h"

#include "alert/catalogue.h"
#include "base/timeutil.h"

#define VALUE_BYTES ((size_t)64 << 10)

static void add_line(struct brief *b, const char *label, struct slice value)
{
    struct brief_line *l;

    if (slice_empty(value) || b->lines_len == BRIEF_LINES_MAX)
        return;
    l = &b->lines[b->lines_len++];
    *l = (struct brief_line){ .label = label, .value = BUF_INIT(VALUE_BYTES) };
    (void)fit_line(&l->value, value, BRIEF_VALUE_MAX, false, '\0');
    if (l->value.len == 0 && !l->value.failed)
        b->lines_len--;
}

/* `why` is asked in the end: it stands for all that was made on the way. */
static void add_made(struct brief *b, const char *label, const struct buf *text)
{
    buf_take_refusal(&b->why, text);
    add_line(b, label, buf_slice(text));
}

static void add_fact(struct brief *b, const char *label, const char *fact)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)4 << 20);

    if (alert_fact(b->gist.alert, fact))
        parts_add_list(&text, alert_fact(b->gist.alert, fact), 3);
    add_made(b, label, &text);
}

static void add_address(struct brief *b)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1 << 20);
    const struct gist *g = &b->gist;

    buf_add_slice(&text, g->address);
    if (!slice_empty(g->address) && !slice_empty(g->place.country)) {
        buf_add_str(&text, " (");
        if (!slice_empty(g->place.city)) {
            buf_add_slice(&text, g->place.city);
            buf_add_str(&text, ", ");
        }
        buf_add_slice(&text, g->place.country);
        buf_add_char(&text, ')');
    }
    add_made(b, "Client address", &text);
}

static void add_time(struct brief *b)
{
    CLEANUP(buf_release) struct buf text = BUF_HERE(200);
    const struct alert *a = b->gist.alert;

    time_add_iso(&text, a->first_ns, 0);
    if (a->last_ns - a->first_ns >= NS_PER_S) {
        buf_add_str(&text, " to ");
        time_add_iso(&text, a->last_ns, 0);
    }
    add_made(b, "Time", &text);
}

static void add_lines(struct brief *b)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)4 << 20);
    const struct gist *g = &b->gist;

    add_line(b, "Account", slice_of(g->alert->account));
    add_address(b);
    add_fact(b, "Principal", "principal");
    add_line(b, "User agent", g->user_agent);
    gist_add_container(&text, g->alert);
    add_made(b, "Container", &text);
    add_fact(b, "Operations", "operations");
    buf_clear(&text);
    buf_add_i64(&text, g->alert->count);
    add_made(b, "Events", &text);
    add_time(b);
    buf_clear(&text);
    gist_add_technique_names(&text, g->alert);
    add_made(b, "Techniques", &text);
    add_line(b, "Alert", slice_of(g->alert->record_id));
}

int brief_init(struct brief *b, const struct alert *a, size_t title_max, size_t why_max, struct error *err)
{
    CLEANUP(buf_release) struct buf title = BUF_INIT((size_t)4 << 20);

    *b = (struct brief){ .title = BUF_INIT(VALUE_BYTES), .why = BUF_INIT((size_t)1 << 20) };
    if (gist_init(&b->gist, a, true, err) < 0)
        return -1;
    buf_addf(&title, "%s: ", severity_name(a->severity));
    buf_add_slice(&title, buf_slice(&b->gist.title));
    buf_addf(&title, " (%s)", a->account);
    if (buf_check(&title, err) < 0)
        return -1;
    (void)fit_line(&b->title, buf_slice(&title), title_max, false, '\0');
    (void)fit_line(&b->why, buf_slice(&b->gist.why), why_max, false, '\0');
    add_lines(b);
    for (size_t i = 0; i < b->lines_len; i++)
        if (buf_check(&b->lines[i].value, err) < 0)
            return -1;
    return buf_check(&b->title, err) < 0 || buf_check(&b->why, err) < 0 ? -1 : 0;
}

void brief_release(struct brief *b)
{
    gist_release(&b->gist);
    buf_release(&b->title);
    buf_release(&b->why);
    for (size_t i = 0; i < b->lines_len; i++)
        buf_release(&b->lines[i].value);
    b->lines_len = 0;
}

static void add_step(void *self, struct slice text)
{
    struct buf *out = self;

    buf_add_str(out, "- ");
    (void)fit_line(out, text, 500, false, '\0');
    buf_add_char(out, '\n');
}

void brief_add_plain(struct buf *out, const struct brief *b)
{
    const struct alert *a = b->gist.alert;

    buf_add_slice(out, buf_slice(&b->why));
    buf_add_str(out, "\n\n");
    for (size_t i = 0; i < b->lines_len; i++) {
        buf_addf(out, "%s: ", b->lines[i].label);
        buf_add_slice(out, buf_slice(&b->lines[i].value));
        buf_add_char(out, '\n');
    }
    buf_add_str(out, "\nWhat to do:\n");
    out->failed |= !parts_each_step(a, a->type->remediate, add_step, out);
    if (b->gist.link.len > 0) {
        buf_add_char(out, '\n');
        buf_add_slice(out, buf_slice(&b->gist.link));
        buf_add_char(out, '\n');
    }
}
