/* accounts.c - of which accounts something was learned.
 * SPDX-License-Identifier: Apache-2.0 */
#include "baseline/baseline.h"
#include "base/num.h"
#include "console/html.h"
#include "console/view.h"
#include "store/store.h"

#include <string.h>

#define ACCOUNTS_MAX 2000

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
    buf_take_refusal(l->out, &l->last);
    buf_add_str(l->out, "<tr><td><a href=\"/accounts/");
    html_add_url(l->out, l->last.len > 0 ? buf_slice(&l->last) : SL("-"));
    buf_add_str(l->out, "\">");
    html_add(l->out, l->last.len > 0 ? buf_slice(&l->last) : SL("(across accounts)"));
    buf_addf(l->out, "</a></td><td class=\"num\" data-label=\"entries\">%" PRId64 "</td><td data-label=\"last seen\">", l->rows);
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
                        "<div class=\"scroll\"><table class=\"cards\"><thead><tr><th scope=\"col\">Account</th>"
                        "<th scope=\"col\" class=\"num\">Entries</th><th scope=\"col\">Last seen</th></tr></thead><tbody>\n");
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
