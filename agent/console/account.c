/* account.c - what is usual for one account: from where, by whom, at which hours, how much; and the day against it. Below,
 * everything that was learned, the same that `cosmowatch baseline show` prints.
 * SPDX-License-Identifier: Apache-2.0 */
#include "baseline/baseline.h"
#include "base/num.h"
#include "console/html.h"
#include "console/places.h"
#include "console/view.h"
#include "console/volume.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

#define ROWS_PER_MEMORY 40
#define VALUES_PER_GROUP 12

/* ---- usual clients ------------------------------------------------------------------------------------------------- */

/* Kinds of values by the words that their labels begin with. */
static const struct { const char *prefix, *title; } groups[] = {
    { "program ", "Programs" },           { "principal ", "Principals" },      { "signs in with ", "Ways of signing in" },
    { "network ", "Networks" },           { "provider ", "Providers" },        { "administered by ", "Administered by" },
    { "region ", "Regions that answer" },
};

struct clients {
    const struct baseline *baseline;
    struct buf of[ARRAY_LEN(groups)];
    size_t n[ARRAY_LEN(groups)];
};

static int add_client(void *self, const struct baseline_row *row, struct error *err UNUSED)
{
    struct clients *c = self;
    CLEANUP(buf_release) struct buf what = BUF_HERE(4096);

    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        struct slice prefix = slice_of(groups[i].prefix);

        if (!slice_starts(row->label, prefix) || slice_starts(row->label, SL("network path")) ||
            !baseline_describe_row(c->baseline, row, &what))
            continue;
        if (slice_starts(buf_slice(&what), SL("0 of "))) /* came, and is not known yet */
            return 0;
        if (c->n[i]++ >= VALUES_PER_GROUP)
            return 0;
        buf_add_str(&c->of[i], "<li>");
        html_add(&c->of[i], slice_make(row->label.at + prefix.len, row->label.len - prefix.len));
        buf_add_str(&c->of[i], " <span class=\"soft\">");
        html_add_buf(&c->of[i], &what);
        buf_add_str(&c->of[i], "</span></li>");
        return 0;
    }
    return 0;
}

static int add_clients(struct view *v, const char *account, struct error *err)
{
    struct clients c = { .baseline = v->baseline };
    size_t total = 0;
    int rc;

    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        c.of[i] = BUF_INIT(1u << 18);
    rc = store_each_baseline(v->store, account, "usual.value", add_client, &c, err);
    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        total += c.n[i];
    buf_add_str(v->out, total > 0 ? "<section><h2>Usual clients</h2><p class=\"legend\">By the days on which they came.</p>"
                                    "<div class=\"groups\">" : "");
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        if (c.n[i] > 0) {
            buf_addf(v->out, "<div><h3>%s</h3><ul>", groups[i].title);
            buf_add_buf(v->out, &c.of[i]);
            if (c.n[i] > VALUES_PER_GROUP)
                buf_addf(v->out, "<li>and %zu more</li>", c.n[i] - VALUES_PER_GROUP);
            buf_add_str(v->out, "</ul></div>\n");
        }
        buf_release(&c.of[i]);
    }
    buf_add_str(v->out, total > 0 ? "</div></section>\n" : "");
    return rc;
}

/* ---- everything ------------------------------------------------------------------------------------------------------ */

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
    { "role_granted.habits", "Who gives rights in it", "Callers that gave data-plane roles, users of MongoDB or Azure roles." },
    { "role_granted.readers", "Principals that read it", "A grantee who reads at once and is not among them is told." },
    { "volume.band", "How much is read in an hour", "By reader and container. An hour far above is told." },
    { "slow_leak.days", "How much is read in a day", "Weeks of days: what grows slowly shows here." },
    { "number_of_documents.band", "How many documents are read in an hour", "By reader and container." },
    { "mass_deletion.days", "How many documents are deleted in a day", "By reader and container. A day far above is told." },
    { "mass_deletion.habit", "Who deletes containers", "Readers that delete containers or empty them." },
    { "full_scan.band", "Reading of whole containers", "How much of it is usual." },
    { "change_feed.known", "Readers of the change feed", "Programs that follow changes, which is no scan." },
    { "enumeration.usual", "Listing of databases and containers", "Who lists them, and how many." },
    { "data_moved.who", "Who restores, copies, lets networks in", "Callers that had the service itself carry data, in 200 days." },
    { "logging_impaired.who", "Who changes what is logged", "Callers that changed logs or alarms, in 200 days." },
    { "logging_impaired.state", "What is logged", "Categories that were on or off after a change." },
    { "server_code.who", "Who writes its code", "Whoever wrote stored procedures, triggers or functions, in 200 days." },
    { "network_opened.state", "Who is let in", "Addresses, virtual networks, private endpoints and web origins, as last seen." },
    { "network_opened.habit", "What opens it again and again", "Openings of the network, and who writes the account." },
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
    struct buf rows; /* of the memory at hand */
    int64_t rows_len, total;
    bool only_others; /* those without words of ours */
};

static void end_memory(struct memories *m)
{
    const struct memory_words *w = find_words(m->memory);
    struct buf *out = m->v->out;

    if (m->rows_len == 0)
        return;
    buf_add_str(out, "<details><summary>");
    html_add_str(out, w ? w->title : m->memory);
    buf_addf(out, " <span class=\"soft\">%" PRId64 "</span></summary><p class=\"legend\">%s <code>", m->rows_len,
             w ? w->words : "");
    html_add_str(out, m->memory);
    buf_add_str(out, "</code></p><div class=\"scroll\"><table class=\"cards known\"><thead><tr><th scope=\"col\">What</th>"
                     "<th scope=\"col\">Known of it</th><th scope=\"col\">Last seen</th></tr></thead><tbody>\n");
    buf_add_buf(out, &m->rows);
    buf_add_str(out, "</tbody></table></div>");
    if (m->rows_len > ROWS_PER_MEMORY)
        buf_addf(out, "<p>and %" PRId64 " more: <code>cosmowatch baseline show ACCOUNT %s</code></p>",
                 m->rows_len - ROWS_PER_MEMORY, m->memory);
    buf_add_str(out, "</details>\n");
    buf_clear(&m->rows);
    m->rows_len = 0;
}

static int add_row(void *self, const struct baseline_row *row, struct error *err UNUSED)
{
    struct memories *m = self;
    CLEANUP(buf_release) struct buf what = BUF_INIT(65536);
    bool is_told = false;

    if (m->only_others && find_words(row->memory))
        return 0;
    is_told = baseline_describe_row(m->v->baseline, row, &what);
    buf_take_refusal(m->v->out, &what);
    if (!is_told || what.len == 0)
        return 0; /* book-keeping that says nothing to a person */
    if (strcmp(m->memory, row->memory) != 0)
        end_memory(m);
    (void)snprintf(m->memory, sizeof m->memory, "%s", row->memory);
    m->total++;
    if (m->rows_len++ >= ROWS_PER_MEMORY)
        return 0;
    buf_add_str(&m->rows, "<tr><td>");
    html_add(&m->rows, slice_empty(row->label) ? SL("(the account)") : slice_cut(row->label, 200));
    buf_add_str(&m->rows, "</td><td>");
    html_add_buf(&m->rows, &what);
    buf_add_str(&m->rows, "</td><td data-label=\"last seen\">");
    html_add_time(&m->rows, row->seen_ns);
    buf_add_str(&m->rows, "</td></tr>\n");
    return 0;
}

static int add_everything(struct view *v, const char *account, struct error *err)
{
    struct memories m = { .v = v, .rows = BUF_INIT(1u << 20) };
    int rc = 0;

    buf_add_str(v->out, "<section><h2>Everything that was learned</h2><p>To remove or accept an entry: <code>cosmowatch "
                        "baseline forget</code>, <code>cosmowatch baseline confirm</code>.</p>\n");
    for (size_t i = 0; i < ARRAY_LEN(memories) && rc == 0; i++)
        rc = store_each_baseline(v->store, account, memories[i].memory, add_row, &m, err);
    end_memory(&m);
    m.only_others = true;
    if (rc == 0)
        rc = store_each_baseline(v->store, account, NULL, add_row, &m, err);
    end_memory(&m);
    buf_release(&m.rows);
    buf_add_str(v->out, "</section>\n");
    if (rc == 0 && m.total == 0)
        return error_set(err, ERR_NOT_FOUND, "nothing was learned of an account of that name");
    return rc;
}

int account_page(struct view *v, struct error *err)
{
    const char *account = strcmp(v->rest, "-") == 0 ? "" : v->rest;

    html_begin(v, account[0] ? account : "Across accounts", "/accounts");
    if (account[0]) {
        buf_add_str(v->out, "<p class=\"more\"><a href=\"/alerts?account=");
        html_add_url(v->out, slice_of(account));
        buf_add_str(v->out, "\">Alerts of this account</a></p>");
    }
    if (places_add_of_account(v, account, err) < 0 || add_clients(v, account, err) < 0 || volume_add(v, account, err) < 0 ||
        add_everything(v, account, err) < 0)
        return -1;
    html_end(v);
    return 200;
}
