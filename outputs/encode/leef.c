/* leef.c - Log Event Extended Format 2.0 for QRadar, with ^ between the pairs.
 *
 *   LEEF:2.0|cosmowatch|cosmowatch|version|alert type|^|key=value^key=value...
 *
 * The tab of LEEF 1.0 does not survive a relay (rsyslog writes #011), hence ^. LEEF has no escapes: the
 * delimiter and control characters in values become spaces, | in header fields becomes /.
 *
 * key                                    | from                                        | limit
 * ---------------------------------------|---------------------------------------------|----------------
 * devTime                                | last event, ms since 1970                   |
 * sev                                    | 1 to 10                                     |
 * cosmosAlertId, cosmosRecordId          | alert over all updates; this record         | never cut
 * cosmosUpdate                           | n of the record                             |
 * cat                                    | tactic                                      | 255
 * policy                                 | alert type                                  | 255
 * src                                    | first client address, IPv4 or IPv6          |
 * usrName                                | principal                                   | 255
 * accountName, resource                  | account name                                | 255
 * srcBytes, dstBytes                     | bytes to the account, bytes it answered     |
 * cosmosCount, cosmosStart, cosmosEnd    | events; first and last, ms since 1970       |
 * cosmosTechniques                       | "T1078.004,T1530"                           | 1023
 * cosmosOutcome, cosmosOperation         | success or failure; operation seen most     | 255
 * cosmosStatus, cosmosRequestUnits       | when there was one only; request units      |
 * cosmosResourceId, url                  | full id of the account; portal              | 2048, never cut
 * cosmosDatabase, cosmosContainer        | lists                                       | 1023
 * cosmosKeyKind, cosmosApplication       | list; application id                        | 255
 * cosmosVariant, cosmosDetector          |                                             | 255
 * cosmosTitle, cosmosClient              | title; user agent                           | 1023
 * cosmosMessage                          | why it fired                                | 1023
 * cosmosFieldsCut                        | how many texts were cut or left out         |
 *
 * Source: IBM QRadar DSM guide, LEEF event components and predefined attributes; read 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outputs/encode/leef.h"

#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/timeutil.h"
#include "outputs/kit/gist.h"
#include "outputs/kit/parts.h"
#include "outputs/kit/severity.h"
#include "outputs/output.h"

static size_t max_chars(const char *key)
{
    static const char *const longer[] = { "cosmosTechniques", "cosmosDatabase", "cosmosContainer", "cosmosTitle",
                                          "cosmosClient", "cosmosMessage", "cosmosQuery" };

    if (strcmp(key, "url") == 0 || strcmp(key, "cosmosResourceId") == 0)
        return 2048;
    for (size_t i = 0; i < ARRAY_LEN(longer); i++)
        if (strcmp(longer[i], key) == 0)
            return 1023;
    return 255;
}

const struct line_format leef_format = {
    .separator = '^', .is_escaped = false, .cut_key = "cosmosFieldsCut", .max_chars = max_chars,
};

static void add_header_field(struct buf *out, struct slice text)
{
    size_t from = out->len;

    (void)fit_line(out, text, 255, false, '\0');
    for (size_t i = from; i < out->len; i++)
        if (out->at[i] == '|')
            out->at[i] = '/';
    buf_add_char(out, '|');
}

void leef_add_header(struct buf *out, struct slice vendor, struct slice product, struct slice version,
                     struct slice id)
{
    buf_add_str(out, "LEEF:2.0|");
    add_header_field(out, vendor);
    add_header_field(out, product);
    add_header_field(out, version);
    add_header_field(out, id);
    buf_add_str(out, "^|");
}

static void add_fact(struct line *l, const char *key, const struct alert *a, const char *name)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 20);
    const struct fact *f = alert_fact(a, name);

    if (!f)
        return;
    if (!fact_is_list(f)) {
        line_add_i64(l, key, NULL, f->number, LINE_DROP);
        return;
    }
    parts_add_list(&text, f, FACT_SET_MAX);
    l->text.failed |= text.failed;
    line_add(l, key, NULL, buf_slice(&text), LINE_SHRINK);
}

static void add_identity(struct line *l, const struct alert *a)
{
    line_add_i64(l, "devTime", NULL, time_floor(a->last_ns, NS_PER_MS) / NS_PER_MS, LINE_KEEP);
    line_add_i64(l, "sev", NULL, severity_scale(a->severity)->leef, LINE_KEEP);
    line_add(l, "cosmosAlertId", NULL, slice_of(a->id), LINE_KEEP);
    line_add(l, "cosmosRecordId", NULL, slice_of(a->record_id), LINE_KEEP);
    line_add_i64(l, "cosmosUpdate", NULL, a->update, LINE_KEEP);
    line_add(l, "cat", NULL, slice_of(a->type->intent), LINE_KEEP);
    line_add(l, "policy", NULL, slice_of(a->type->id), LINE_DROP);
}

static void add_numbers(struct line *l, const struct alert *a)
{
    CLEANUP(buf_release) struct buf text = BUF_HERE(4096);

    line_add_i64(l, "cosmosCount", NULL, a->count, LINE_DROP);
    line_add_i64(l, "cosmosStart", NULL, time_floor(a->first_ns, NS_PER_MS) / NS_PER_MS, LINE_DROP);
    line_add_i64(l, "cosmosEnd", NULL, time_floor(a->last_ns, NS_PER_MS) / NS_PER_MS, LINE_DROP);
    add_fact(l, "srcBytes", a, "bytesIn");
    add_fact(l, "dstBytes", a, "bytesOut");
    gist_add_techniques(&text, a);
    line_add(l, "cosmosTechniques", NULL, buf_slice(&text), LINE_DROP);
    if (!alert_fact(a, "ruMilli"))
        return;
    buf_clear(&text);
    gist_add_milli(&text, alert_number(a, "ruMilli", 0));
    line_add(l, "cosmosRequestUnits", NULL, buf_slice(&text), LINE_DROP);
}

static void add_texts(struct line *l, const struct gist *g)
{
    static const struct slice outcomes[] = { [GIST_SUCCESS] = SL("success"), [GIST_FAILURE] = SL("failure") };
    const struct alert *a = g->alert;

    if (g->outcome != GIST_UNKNOWN)
        line_add(l, "cosmosOutcome", NULL, outcomes[g->outcome], LINE_DROP);
    line_add(l, "cosmosOperation", NULL, g->operation, LINE_SHRINK);
    if (g->status >= 0)
        line_add_i64(l, "cosmosStatus", NULL, g->status, LINE_DROP);
    line_add(l, "cosmosResourceId", NULL, buf_slice(&g->resource), LINE_DROP);
    line_add(l, "url", NULL, buf_slice(&g->link), LINE_DROP);
    add_fact(l, "cosmosDatabase", a, "database");
    add_fact(l, "cosmosContainer", a, "container");
    add_fact(l, "cosmosKeyKind", a, "keyKind");
    line_add(l, "cosmosApplication", NULL, g->application, LINE_SHRINK);
    line_add(l, "cosmosVariant", NULL, slice_of(a->variant[0] == '.' ? a->variant + 1 : a->variant), LINE_DROP);
    line_add(l, "cosmosDetector", NULL, slice_of(a->detector), LINE_DROP);
    line_add(l, "cosmosTitle", NULL, buf_slice(&g->title), LINE_SHRINK);
    line_add(l, "cosmosClient", NULL, g->user_agent, LINE_SHRINK);
    line_add(l, "cosmosMessage", NULL, buf_slice(&g->why), LINE_SHRINK);
}

int leef_encode_within(const struct alert *a, size_t max_bytes, struct buf *out, struct error *err)
{
    static const char *const shrink[] = { "cosmosMessage", "cosmosClient", "cosmosTitle", "usrName",
                                          "cosmosContainer", "cosmosDatabase", NULL };
    CLEANUP(gist_release) struct gist g = { 0 };
    CLEANUP(line_release) struct line l;
    size_t start = out->len;

    line_init(&l, &leef_format);
    if (gist_init(&g, a, false, err) < 0)
        return -1;
    leef_add_header(out, SL(GIST_VENDOR), SL(GIST_VENDOR), SL(COSMOWATCH_VERSION), slice_of(a->type->id));
    add_identity(&l, a);
    line_add(&l, "src", NULL, g.address, LINE_KEEP);
    line_add(&l, "usrName", NULL, g.principal, LINE_SHRINK);
    line_add(&l, "accountName", NULL, slice_of(a->account), LINE_SHRINK);
    line_add(&l, "resource", NULL, slice_of(a->account), LINE_SHRINK);
    add_numbers(&l, a);
    add_texts(&l, &g);
    return line_write(&l, out, start, max_bytes, shrink, err);
}

static int leef_encode(const struct alert *a, struct buf *out, struct error *err)
{
    return leef_encode_within(a, LINE_MAX_BYTES, out, err);
}

const struct encoder encoder_leef = {
    .name = "leef", .content_type = "text/plain; charset=utf-8", .is_json = false, .encode = leef_encode,
};
