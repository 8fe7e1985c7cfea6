/* accounts.c - what was learned, by account: the same that `cosmowatch baseline show` prints.
 * SPDX-License-Identifier: Apache-2.0 */
#include "baseline/baseline.h"
#include "console/html.h"
#include "console/view.h"
#include "store/store.h"

#include <stdlib.h>
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
