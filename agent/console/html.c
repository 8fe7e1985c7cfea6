/* html.c - see html.h. SPDX-License-Identifier: Apache-2.0 */
#include "console/html.h"

#include "alert/alert.h"
#include "base/term.h"
#include "base/timeutil.h"
#include "console/view.h"

#define TEXT_MAX (1u << 20)

static void add_escaped(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        switch (s.at[i]) {
        case '&': buf_add_str(out, "&amp;"); break;
        case '<': buf_add_str(out, "&lt;"); break;
        case '>': buf_add_str(out, "&gt;"); break;
        case '"': buf_add_str(out, "&quot;"); break;
        case '\'': buf_add_str(out, "&#39;"); break;
        default: buf_add_char(out, s.at[i]);
        }
}

void html_add(struct buf *out, struct slice text)
{
    CLEANUP(buf_release) struct buf safe = BUF_INIT(TEXT_MAX);

    term_add_safe(&safe, slice_cut(text, TEXT_MAX / 8));
    buf_take_refusal(out, &safe);
    add_escaped(out, buf_slice(&safe));
}

void html_add_buf(struct buf *out, const struct buf *part)
{
    buf_take_refusal(out, part);
    html_add(out, buf_slice(part));
}

void html_add_str(struct buf *out, const char *text)
{
    html_add(out, slice_of(text));
}

void html_add_lines(struct buf *out, struct slice text)
{
    struct slice line = { 0 };

    while (slice_split(&text, '\n', &line)) {
        html_add(out, line);
        buf_add_char(out, '\n');
    }
}

void html_add_url(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                        c == '-' || c == '_' || c == '.' || c == '~';

        if (is_plain)
            buf_add_char(out, (char)c);
        else
            buf_addf(out, "%%%02X", c);
    }
}

void html_add_time(struct buf *out, int64_t ns)
{
    CLEANUP(buf_release) struct buf t = BUF_HERE(64);

    if (ns <= 0) {
        buf_add_str(out, "never");
        return;
    }
    time_add_iso(&t, ns, 0);
    buf_addf(out, "<time datetime=\"%s\">%.10s %.8s</time>", buf_cstr(&t), buf_cstr(&t), buf_cstr(&t) + 11);
}

void html_add_severity(struct buf *out, int severity)
{
    const char *name = severity_name((enum severity)severity);

    buf_addf(out, "<span class=\"sev sev-%d\">%s</span>", severity, name);
}

void html_begin(struct view *v, const char *title, const char *tab)
{
    static const struct { const char *path, *name; } tabs[] = {
        { "/", "Overview" }, { "/alerts", "Alerts" }, { "/accounts", "Baselines" }, { "/rules", "Rules" },
    };
    struct buf *out = v->out;

    buf_add_str(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                     "<meta name=\"color-scheme\" content=\"light dark\"><title>");
    html_add_str(out, title);
    buf_add_str(out, " - cosmowatch</title><link rel=\"stylesheet\" href=\"/style.css\">"
                     "<link rel=\"icon\" href=\"/icon.svg\"><script src=\"/console.js\" defer></script></head><body>\n"
                     "<a class=\"skip\" href=\"#main\">Skip to the content</a>\n"
                     "<header><span class=\"brand\">cosmowatch</span><nav aria-label=\"Pages\">");
    for (size_t i = 0; i < ARRAY_LEN(tabs); i++)
        buf_addf(out, "<a href=\"%s\"%s>%s</a>", tabs[i].path,
                 strcmp(tab, tabs[i].path) == 0 ? " aria-current=\"page\"" : "", tabs[i].name);
    buf_add_str(out, "</nav></header>\n<main id=\"main\"><h1>");
    html_add_str(out, title);
    buf_add_str(out, "</h1>\n");
}

void html_end(struct view *v)
{
    buf_add_str(v->out, "</main>\n<footer>Times are UTC. As of ");
    html_add_time(v->out, sv_wall_ns(v->sv));
    buf_add_str(v->out, ", version " COSMOWATCH_VERSION ". <a href=\"/metrics\">metrics</a> "
                        "<a href=\"/healthz\">health</a></footer></body></html>\n");
}
