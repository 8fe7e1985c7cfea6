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
                        "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Account</th>"
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

/* What people ask for first stands first; what is not here comes after, under its own name. */
static const struct memory_words {
    const char *memory, *title, *words;
} memories[] = {
    { "unusual_place.home", "Usual places", "Countries and regions that its clients come from." },
    { "usual.value", "Usual clients", "Networks, programs, principals, regions and ways of signing in, by the days on "
                     "which they came. A new one that reads or writes is told." },
    { "usual.address", "Usual addresses", "By the days on which they came." },
    { "unusual_principal.role", "Principals and what they do", "Identities of Entra ID and the kinds of operations they use." },
    { "keys.habits", "Who handles its keys", "Callers that list or regenerate keys." },
    { "keys.readers", "Who read its keys lately", "Kept to tell who used a key that somebody else had read." },
    { "stolen_key.places", "Where its keys are used from", "Networks and programs seen with an account key." },
    { "volume.band", "How much is read in an hour", "By reader and container. Squares are hours of the day, UTC: the stronger "
                     "the colour, the more is usual. An hour far above is told." },
    { "slow_leak.days", "How much is read in a day", "Weeks of days: what grows slowly shows here." },
    { "number_of_documents.band", "How many documents are read in an hour", "By reader and container." },
    { "full_scan.band", "Reading of whole containers", "How much of it is usual." },
    { "change_feed.known", "Readers of the change feed", "Programs that follow changes, which is no scan." },
    { "enumeration.usual", "Listing of databases and containers", "Who lists them, and how many." },
    { "query.shape", "Programs and their statements", "How many statements of each program are known by their shape." },
    { "unusual_network.endpoints", "Private endpoints and the public way", "How the account is reached." },
    { "dormant_account.life", "When it is in use", "The longest pause: after a much longer one, use is told." },
    { "incident.signal", "Alerts kept to be joined", "Incidents are made of these." },
};

static const struct memory_words *find_words(const char *memory)
{
    for (size_t i = 0; i < ARRAY_LEN(memories); i++)
        if (strcmp(memories[i].memory, memory) == 0)
            return &memories[i];
    return NULL;
}

struct memories {
    struct view *v;
    char memory[64];
    int64_t rows;
    bool only_others; /* those without words of ours */
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

static void begin_memory(struct memories *m, const char *memory)
{
    const struct memory_words *w = find_words(memory);
    struct buf *out = m->v->out;

    end_memory(m);
    m->rows = 0;
    (void)snprintf(m->memory, sizeof m->memory, "%s", memory);
    buf_add_str(out, "<section><h2>");
    html_add_str(out, w ? w->title : memory);
    buf_add_str(out, "</h2><p class=\"legend\">");
    buf_addf(out, "%s <code>", w ? w->words : "");
    html_add_str(out, memory);
    buf_add_str(out, "</code></p><div class=\"scroll\"><table class=\"known\"><thead><tr><th scope=\"col\">What</th>"
                     "<th scope=\"col\">Known of it</th><th scope=\"col\">Last seen</th></tr></thead><tbody>\n");
}

static int add_row(void *self, const struct baseline_row *row, struct error *err UNUSED)
{
    struct memories *m = self;
    struct buf *out = m->v->out;
    CLEANUP(buf_release) struct buf what = BUF_INIT(65536);
    struct baseline_hours hours;

    if (m->only_others && find_words(row->memory))
        return 0;
    if (!baseline_describe_row(m->v->baseline, row, &what) || what.len == 0)
        return 0; /* book-keeping that says nothing to a person */
    if (strcmp(m->memory, row->memory) != 0)
        begin_memory(m, row->memory);
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
    if (account[0]) {
        buf_add_str(v->out, "<p class=\"more\"><a href=\"/alerts?account=");
        html_add_url(v->out, slice_of(account));
        buf_add_str(v->out, "\">Alerts of this account</a></p>");
    }
    buf_add_str(v->out, "<p>To remove or accept an entry: <code>cosmowatch baseline forget</code>, "
                        "<code>cosmowatch baseline confirm</code>.</p>\n");
    for (size_t i = 0; i < ARRAY_LEN(memories); i++)
        if (store_each_baseline(v->store, account, memories[i].memory, add_row, &m, err) < 0)
            return -1;
    m.only_others = true;
    if (store_each_baseline(v->store, account, NULL, add_row, &m, err) < 0)
        return -1;
    end_memory(&m);
    if (!m.memory[0])
        return error_set(err, ERR_NOT_FOUND, "nothing was learned of an account of that name");
    html_end(v);
    return 200;
}
