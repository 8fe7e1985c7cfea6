/* page.c - see page.h. All foreign text goes through term_add_safe.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cli/page.h"

#include "alert/catalogue.h"
#include "base/num.h"
#include "base/term.h"
#include "base/timeutil.h"

#include <stdio.h>

#define LABEL 11 /* columns of the labels at the left */

static enum term_style severity_style(enum severity s)
{
    return s == SEVERITY_HIGH ? TERM_RED : s == SEVERITY_MEDIUM ? TERM_YELLOW : TERM_CYAN;
}

/* "label      text, wrapped and indented" */
static void add_line(struct buf *out, const char *label, struct buf *text, struct page_style st)
{
    CLEANUP(buf_release) struct buf safe = BUF_INIT(262144);

    term_add_safe(&safe, buf_slice(text));
    buf_take_refusal(out, text);
    buf_take_refusal(out, &safe);
    if (safe.len == 0)
        return;
    buf_addf(out, "  %s%-*s%s", term_style(st.is_colour, TERM_DIM), LABEL, label,
             term_style(st.is_colour, TERM_PLAIN));
    term_add_wrapped(out, buf_slice(&safe), LABEL + 2, LABEL + 2, st.width);
    buf_add_char(out, '\n');
}

static void add_expanded(struct buf *out, const char *label, const struct alert *a, const char *template_text,
                         struct page_style st)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(65536);

    alert_expand(a, template_text, &text);
    add_line(out, label, &text, st);
}

/* A line of words, left out when there are none. */
static void add_words(struct buf *out, const char *label, const struct alert *a,
                      void (*words)(const struct alert *a, struct buf *out), struct page_style st)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(65536);

    words(a, &text);
    add_line(out, label, &text, st);
}

static void add_head(struct buf *out, const struct alert *a, struct page_style st)
{
    CLEANUP(buf_release) struct buf title = BUF_HERE(1024);

    alert_title(a, &title);
    buf_addf(out, "%s%-6s%s %s%s%s  %s%s%s\n", term_style(st.is_colour, severity_style(a->severity)),
             severity_name(a->severity), term_style(st.is_colour, TERM_PLAIN),
             term_style(st.is_colour, TERM_BOLD), buf_cstr(&title), term_style(st.is_colour, TERM_PLAIN),
             term_style(st.is_colour, TERM_DIM), a->id, term_style(st.is_colour, TERM_PLAIN));
}

static void add_who(struct buf *out, const struct alert *a, struct page_style st)
{
    CLEANUP(buf_release) struct buf when = BUF_HERE(256);

    time_add_iso(&when, a->first_ns, 0);
    if (a->last_ns - a->first_ns >= NS_PER_S) {
        buf_add_str(&when, " to ");
        time_add_iso(&when, a->last_ns, 0);
    }
    buf_addf(&when, " UTC, ");
    alert_count(a, &when);
    add_line(out, "when", &when, st);
    add_words(out, "what", a, alert_what, st);
    add_words(out, "who", a, alert_who, st);
    add_words(out, "from where", a, alert_where, st);
}

void page_add_card(struct buf *out, const struct alert *a, struct page_style st)
{
    add_head(out, a, st);
    add_who(out, a, st);
    add_expanded(out, "why", a, a->type->why, st);
    if (alert_text(a, "query")[0])
        add_expanded(out, "statement", a, "{query:first}", st);
    add_expanded(out, "next", a, a->type->investigate[0], st);
    if (a->type->remediate[0])
        add_expanded(out, "", a, a->type->remediate[1] ? a->type->remediate[1] : a->type->remediate[0], st);
}

static void add_steps(struct buf *out, const char *title, const struct alert *a, const char *const *steps,
                      struct page_style st)
{
    if (!steps[0])
        return;
    buf_addf(out, "\n%s%s%s\n", term_style(st.is_colour, TERM_BOLD), title,
             term_style(st.is_colour, TERM_PLAIN));
    for (size_t i = 0; i < STEPS_MAX && steps[i]; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT(65536);
        CLEANUP(buf_release) struct buf safe = BUF_INIT(65536);

        alert_expand(a, steps[i], &text);
        term_add_safe(&safe, buf_slice(&text));
        buf_take_refusal(out, &text);
        buf_take_refusal(out, &safe);
        buf_addf(out, "  %zu. ", i + 1);
        term_add_wrapped(out, buf_slice(&safe), 5, 5, st.width);
        buf_add_char(out, '\n');
    }
}

static void add_facts(struct buf *out, const struct alert *a, struct page_style st)
{
    buf_addf(out, "\n%sEvidence%s\n", term_style(st.is_colour, TERM_BOLD), term_style(st.is_colour, TERM_PLAIN));
    for (size_t i = 0; i < a->facts_len; i++) {
        const struct fact *f = &a->facts[i];
        CLEANUP(buf_release) struct buf text = BUF_INIT(65536);
        CLEANUP(buf_release) struct buf safe = BUF_INIT(262144);

        alert_fact_words(a, f, &text);
        term_add_safe(&safe, buf_slice(&text));
        buf_take_refusal(out, &text);
        buf_take_refusal(out, &safe);
        buf_addf(out, "  %-18s ", f->name);
        term_add_wrapped(out, buf_slice(&safe), 21, 21, st.width);
        buf_add_char(out, '\n');
    }
}

void page_add_full(struct buf *out, const struct alert *a, struct page_style st)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(65536);
    CLEANUP(buf_release) struct buf kql = BUF_INIT(65536);
    CLEANUP(buf_release) struct buf link = BUF_HERE(4096);
    struct slice line = { 0 }, rest = { 0 };

    add_head(out, a, st);
    add_who(out, a, st);
    add_expanded(out, "why", a, a->type->why, st);
    buf_addf(&text, "%s%s, %s, techniques", a->type->id, a->variant, a->type->intent);
    for (size_t i = 0; i < TECHNIQUES_MAX && a->type->techniques[i]; i++)
        buf_addf(&text, " %s", a->type->techniques[i]);
    buf_addf(&text, ", confidence %d of 100", a->confidence);
    add_line(out, "type", &text, st);
    buf_clear(&text);
    alert_description(a, &text);
    add_line(out, "meaning", &text, st);
    alert_portal_link(a, &link);
    add_line(out, "portal", &link, st);
    add_facts(out, a, st);
    add_steps(out, "Investigate", a, a->type->investigate, st);
    add_steps(out, "Contain and recover", a, a->type->remediate, st);
    add_steps(out, "Prevent", a, a->type->prevent, st);
    alert_kql(a, &kql);
    buf_take_refusal(out, &kql);
    buf_addf(out, "\n%sThe rows behind it%s (Log Analytics)\n", term_style(st.is_colour, TERM_BOLD),
             term_style(st.is_colour, TERM_PLAIN));
    rest = buf_slice(&kql);
    while (slice_split(&rest, '\n', &line)) {
        buf_add_str(out, "  ");
        term_add_safe(out, line);
        buf_add_char(out, '\n');
    }
}

void page_add_row_head(struct buf *out, struct page_style st)
{
    buf_addf(out, "%s%-8s  %-20s  %-6s  %9s  %-18s  %s%s\n", term_style(st.is_colour, TERM_DIM), "id",
             "last seen (UTC)", "sev", "count", "account", "alert", term_style(st.is_colour, TERM_PLAIN));
}

void page_add_row(struct buf *out, const struct alert *a, struct page_style st)
{
    CLEANUP(buf_release) struct buf when = BUF_HERE(64);
    CLEANUP(buf_release) struct buf subject = BUF_HERE(4096);
    CLEANUP(buf_release) struct buf account = BUF_HERE(1024), names = BUF_INIT(65536);

    time_add_iso(&when, a->last_ns, 0);
    term_add_safe(&subject, slice_cut(slice_of(a->subject), 80));
    alert_accounts(a, &names);
    buf_take_refusal(out, &names);
    term_add_safe(&account, slice_cut(buf_slice(&names), 60));
    buf_addf(out, "%.8s  %-20s  %s%-6.6s%s  %9" PRId64 "  %-18s  %s: %s%s\n", a->id, buf_cstr(&when),
             term_style(st.is_colour, severity_style(a->severity)), severity_name(a->severity),
             term_style(st.is_colour, TERM_PLAIN), a->count, buf_cstr(&account), a->type->display_name,
             buf_cstr(&subject), a->is_suppressed ? "  (suppressed)" : "");
}
