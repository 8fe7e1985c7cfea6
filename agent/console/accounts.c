/* accounts.c - what was learned, by account: the same that `cosmowatch baseline show` prints.
 * SPDX-License-Identifier: Apache-2.0 */
#include "baseline/baseline.h"
#include "base/num.h"
#include "console/html.h"
#include "console/view.h"
#include "store/store.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define ACCOUNTS_MAX 2000
#define ROWS_PER_MEMORY 40

/* ---- the list ----------------------------------------------------------------------------------------------------- */

struct listing {
    struct buf *out;
    struct buf last;  /* rows come by account */
    int64_t rows, seen_ns;
    size_t accounts;
};

static void end_account(struct listing *l)
{
    if (l->rows == 0)
        return;
    buf_add_str(l->out, "<tr><td><a href=\"/accounts/");
    html_add_url(l->out, l->last.len > 0 ? buf_slice(&l->last) : SL("-"));
    buf_add_str(l->out, "\">");
    html_add(l->out, l->last.len > 0 ? buf_slice(&l->last) : SL("(across accounts)"));
    buf_addf(l->out, "</a></td><td class=\"num\">%" PRId64 "</td><td>", l->rows);
    html_add_time(l->out, l->seen_ns);
    buf_add_str(l->out, "</td></tr>\n");
    l->accounts++;
}

static int count_row(void *self, const struct baseline_row *row, struct error *err)
{
    struct listing *l = self;

    if (l->rows == 0 || !slice_eq(row->account, buf_slice(&l->last))) {
        end_account(l);
        buf_clear(&l->last);
        buf_add_slice(&l->last, row->account);
        l->rows = l->seen_ns = 0;
    }
    if (l->accounts >= ACCOUNTS_MAX)
        return error_set(err, ERR_LIMIT, "more than %d accounts: cosmowatch baseline show lists them", ACCOUNTS_MAX);
    l->rows++;
    l->seen_ns = row->seen_ns > l->seen_ns ? row->seen_ns : l->seen_ns;
    return 0;
}

int accounts_page(struct view *v, struct error *err)
{
    struct listing l = { .out = v->out, .last = BUF_INIT(4096) };
    int rc = 0;

    html_begin(v, "Baselines", "/accounts");
    buf_add_str(v->out, "<p>What is normal for each database account, as far as it was learned.</p>"
                        "<div class=\"scroll\"><table><thead><tr><th>Account</th><th class=\"num\">Entries</th>"
                        "<th>Last seen</th></tr></thead><tbody>\n");
    rc = store_each_baseline(v->store, NULL, NULL, count_row, &l, err);
    if (rc == 0)
        end_account(&l);
    buf_release(&l.last);
    if (rc < 0)
        return -1;
    buf_add_str(v->out, "</tbody></table></div>\n");
    if (l.accounts == 0)
        buf_add_str(v->out, "<p class=\"none\">Nothing was learned yet.</p>\n");
    html_end(v);
    return 200;
}

/* ---- one account -------------------------------------------------------------------------------------------------- */

/* A square an hour, darker the more it usually reaches, on a log scale. */
static void add_hours(struct buf *out, const struct baseline_hours *h)
{
    static const char *const days[] = { "working days", "weekend" };

    buf_add_str(out, "<svg class=\"hours\" viewBox=\"0 0 580 62\" role=\"img\" aria-label=\"What each hour of a day usually "
                     "reaches\">");
    for (int kind = 0; kind < 2; kind++) {
        buf_addf(out, "<text x=\"0\" y=\"%d\">%s</text>", kind * 22 + 14, days[kind]);
        for (int hour = 0; hour < 24; hour++) {
            CLEANUP(buf_release) struct buf bytes = BUF_INIT(64);
            int64_t usual = h->usual[kind][hour];
            double shade = usual > 0 ? 0.15 + 0.85 * log10((double)usual / 4096 + 1) / log10((double)h->p99 / 4096 + 2) : 0;

            fmt_bytes(&bytes, usual);
            buf_addf(out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"18\" height=\"18\" fill-opacity=\"%.2f\"><title>%s, "
                          "%02d:00 UTC: %s</title></rect>",
                     usual > 0 ? "busy" : "quiet", 90 + hour * 20, kind * 22, usual > 0 ? (shade > 1 ? 1 : shade) : 1,
                     days[kind], hour, usual > 0 ? buf_cstr(&bytes) : "quiet");
        }
    }
    for (int hour = 0; hour < 24; hour += 6)
        buf_addf(out, "<text x=\"%d\" y=\"58\">%02d</text>", 90 + hour * 20, hour);
    buf_add_str(out, "</svg>");
}

struct memories {
    struct view *v;
    char memory[64];
    int64_t rows;
};

static void end_memory(struct memories *m)
{
    if (!m->memory[0])
        return;
    buf_add_str(m->v->out, "</tbody></table></div>");
    if (m->rows > ROWS_PER_MEMORY)
        buf_addf(m->v->out, "<p>and %" PRId64 " more: <code>cosmowatch baseline show ACCOUNT %s</code></p>",
                 m->rows - ROWS_PER_MEMORY, m->memory);
    buf_add_str(m->v->out, "</section>\n");
}

static int add_row(void *self, const struct baseline_row *row, struct error *err UNUSED)
{
    struct memories *m = self;
    struct buf *out = m->v->out;
    CLEANUP(buf_release) struct buf what = BUF_INIT(65536);
    struct baseline_hours hours;

    if (!baseline_describe_row(m->v->baseline, row, &what) || what.len == 0)
        return 0; /* book-keeping that says nothing to a person */
    if (strcmp(m->memory, row->memory) != 0) {
        end_memory(m);
        *m = (struct memories){ .v = m->v };
        (void)snprintf(m->memory, sizeof m->memory, "%s", row->memory);
        buf_add_str(out, "<section><h2>");
        html_add_str(out, row->memory);
        buf_add_str(out, "</h2><div class=\"scroll\"><table><thead><tr><th>What</th><th>Known of it</th><th>Last seen</th></tr>"
                         "</thead><tbody>\n");
    }
    if (m->rows++ >= ROWS_PER_MEMORY)
        return 0;
    buf_add_str(out, "<tr><td>");
    html_add(out, slice_empty(row->label) ? SL("(the account)") : slice_cut(row->label, 200));
    buf_add_str(out, "</td><td>");
    html_add(out, buf_slice(&what));
    if (baseline_hours_row(m->v->baseline, row, &hours))
        add_hours(out, &hours);
    buf_add_str(out, "</td><td>");
    html_add_time(out, row->seen_ns);
    buf_add_str(out, "</td></tr>\n");
    return 0;
}

int account_page(struct view *v, struct error *err)
{
    struct memories m = { .v = v };
    const char *account = strcmp(v->rest, "-") == 0 ? "" : v->rest;

    html_begin(v, account[0] ? account : "Across accounts", "/accounts");
    buf_add_str(v->out, "<p>To remove or accept an entry: <code>cosmowatch baseline forget</code>, "
                        "<code>cosmowatch baseline confirm</code>.</p>\n");
    if (store_each_baseline(v->store, account, NULL, add_row, &m, err) < 0)
        return -1;
    end_memory(&m);
    if (!m.memory[0])
        return error_set(err, ERR_NOT_FOUND, "nothing was learned of an account of that name");
    html_end(v);
    return 200;
}
