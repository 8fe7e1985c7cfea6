/* cef.c - Common Event Format, version 0: one line for ArcSight, Sentinel's CommonSecurityLog and most SIEMs.
 *
 *   CEF:0|cosmowatch|cosmowatch|version|alert type|title|severity|key=value key=value ...
 *
 * key                      | from                                       | limit
 * -------------------------|--------------------------------------------|-------------------------------
 * rt, end                  | last event, ms since 1970                  | (an alert has no other time that
 *                          |                                            | a replay would give again)
 * start                    | first event                                |
 * externalId               | alert id, the same over all its updates    | 40, never cut
 * cn1 "updateNumber"       | n of the record: externalId "-" cn1 is the | an update is no duplicate
 *                          | record id                                  |
 * src                      | first client address, if IPv4              |
 * c6a2 "Source IPv6 Address" | the same if IPv6                         |
 * suser, suid              | principal; suid when it is an object id    | 1023
 * sourceServiceName        | application id                             | 1023
 * dhost                    | account name                               | 1023
 * destinationServiceName   | "Azure Cosmos DB"                          |
 * act                      | operation seen most                        | 63
 * outcome                  | success, failure, when all statuses agree  | 63
 * cat                      | tactic, "InitialAccess"                    | 1023
 * cnt                      | events behind it, when more than one       |
 * deviceFacility           | detector                                   | 1023
 * in, out                  | bytes to the account, bytes it answered    |
 * cs1 "azureResourceId"    | full id of the account                     | 4000, never cut
 * cs2 "databaseContainer"  |                                            | 4000
 * cs3 "keyKind"            |                                            | 4000
 * cs4 "mitreTechniques"    | "T1078.004,T1530"                          | 4000
 * cs5 "correlationKey"     | account "|" subject                        | 4000, never cut
 * cs6 "alertLink"          | portal                                     | 4000, never cut
 * cn2 "httpStatusCode"     | when there was one only                    |
 * cn3 "fieldsCut"          | how many texts were cut or left out        |
 * cfp1 "requestUnits"      |                                            |
 * type                     | 2, "correlation": made of several events   |
 * reason                   | variant, "FirstSeen"                       | 1023
 * requestClientApplication | user agent                                 | 1023
 * msg                      | why it fired                               | 1023
 *
 * Escaping differs: a header escapes \ and |, a value \ = CR LF. An empty value is left out (receivers refuse or
 * swallow it), zero is a value. A line is kept under LINE_MAX_BYTES.
 * Source: ArcSight CEF Implementation Standard, document version 27, and what real parsers do; read 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outputs/encode/cef.h"

#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/timeutil.h"
#include "outputs/kit/gist.h"
#include "outputs/kit/parts.h"
#include "outputs/kit/severity.h"
#include "outputs/output.h"

static size_t max_chars(const char *key)
{
    static const struct { const char *key; size_t max; } limits[] = {
        { "act", 63 },          { "outcome", 63 },      { "app", 31 },           { "proto", 31 },
        { "externalId", 40 },   { "dvchost", 100 },     { "deviceExternalId", 255 }, { "dtz", 255 },
        { "fileHash", 255 },    { "requestContext", 2048 }, { "cs1", 4000 },     { "cs2", 4000 },
        { "cs3", 4000 },        { "cs4", 4000 },        { "cs5", 4000 },         { "cs6", 4000 },
    };

    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        if (strcmp(limits[i].key, key) == 0)
            return limits[i].max;
    return 1023;
}

const struct line_format cef_format = {
    .separator = ' ', .is_escaped = true, .cut_key = "cn3", .cut_label = "fieldsCut", .max_chars = max_chars,
};

/* ---- header ------------------------------------------------------------------------------------- */

static void add_header_field(struct buf *out, struct slice text, size_t max)
{
    CLEANUP(buf_release) struct buf clean = BUF_INIT(8192);

    (void)fit_line(&clean, text, max, false, '\0');
    for (size_t i = 0; i < clean.len; i++) {
        if (clean.at[i] == '|' || clean.at[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, clean.at[i]);
    }
    out->failed |= clean.failed;
    buf_add_char(out, '|');
}

void cef_add_header(struct buf *out, struct slice vendor, struct slice product, struct slice version,
                    struct slice id, struct slice name, int severity)
{
    buf_add_str(out, "CEF:0|");
    add_header_field(out, vendor, 63);
    add_header_field(out, product, 63);
    add_header_field(out, version, 31);
    add_header_field(out, id, 1023);
    add_header_field(out, name, 512);
    buf_add_i64(out, severity);
    buf_add_char(out, '|');
}

/* ---- fields ------------------------------------------------------------------------------------- */

static void add_number(struct line *l, const char *key, const struct alert *a, const char *fact)
{
    const struct fact *f = alert_fact(a, fact);

    if (f && !fact_is_list(f) && f->number >= 0)
        line_add_i64(l, key, NULL, f->number, LINE_DROP);
}

/* A text made by fn, which cannot be larger than the alert itself. */
static void add_made(struct line *l, const char *key, const char *label, const struct alert *a,
                     void (*fn)(struct buf *, const struct alert *), enum line_need need)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)4 << 20);

    fn(&text, a);
    l->text.failed |= text.failed;
    line_add(l, key, label, buf_slice(&text), need);
}

static void make_units(struct buf *out, const struct alert *a)
{
    if (alert_fact(a, "ruMilli"))
        gist_add_milli(out, alert_number(a, "ruMilli", 0));
}

static void add_who(struct line *l, const struct gist *g, const struct cef_options *options)
{
    if (g->family == FIT_IPV4 || options->src_takes_v6)
        line_add(l, "src", NULL, g->address, LINE_KEEP);
    if (g->family == FIT_IPV6)
        line_add(l, "c6a2", "Source IPv6 Address", g->address, LINE_KEEP);
    line_add(l, "suser", NULL, g->principal, LINE_SHRINK);
    if (fit_is_uuid(g->principal))
        line_add(l, "suid", NULL, g->principal, LINE_DROP);
    line_add(l, "sourceServiceName", NULL, g->application, LINE_SHRINK);
    line_add(l, "dhost", NULL, slice_of(g->alert->account), LINE_SHRINK);
    line_add(l, "destinationServiceName", NULL, SL("Azure Cosmos DB"), LINE_DROP);
}

static void add_what(struct line *l, const struct gist *g)
{
    static const struct slice outcomes[] = { [GIST_SUCCESS] = SL("success"), [GIST_FAILURE] = SL("failure") };
    const struct alert *a = g->alert;

    line_add(l, "act", NULL, g->operation, LINE_SHRINK);
    if (g->outcome != GIST_UNKNOWN)
        line_add(l, "outcome", NULL, outcomes[g->outcome], LINE_DROP);
    line_add(l, "cat", NULL, slice_of(a->type->intent), LINE_DROP);
    if (a->count > 1)
        line_add_i64(l, "cnt", NULL, a->count, LINE_DROP);
    line_add(l, "deviceFacility", NULL, slice_of(a->detector), LINE_DROP);
    add_number(l, "in", a, "bytesIn");
    add_number(l, "out", a, "bytesOut");
    line_add(l, "cs1", "azureResourceId", buf_slice(&g->resource), LINE_DROP);
    add_made(l, "cs2", "databaseContainer", a, gist_add_container, LINE_SHRINK);
    add_made(l, "cs3", "keyKind", a, gist_add_key_kinds, LINE_SHRINK);
    add_made(l, "cs4", "mitreTechniques", a, gist_add_techniques, LINE_DROP);
    add_made(l, "cs5", "correlationKey", a, gist_add_correlation, LINE_DROP);
    line_add(l, "cs6", "alertLink", buf_slice(&g->link), LINE_DROP);
    if (g->status >= 0)
        line_add_i64(l, "cn2", "httpStatusCode", g->status, LINE_DROP);
    add_made(l, "cfp1", "requestUnits", a, make_units, LINE_DROP);
    line_add_i64(l, "type", NULL, 2, LINE_DROP);
    line_add(l, "reason", NULL, slice_of(a->variant[0] == '.' ? a->variant + 1 : a->variant), LINE_DROP);
    line_add(l, "requestClientApplication", NULL, g->user_agent, LINE_SHRINK);
    line_add(l, "msg", NULL, buf_slice(&g->why), LINE_SHRINK);
}

int cef_encode_with(const struct alert *a, const struct cef_options *options, struct buf *out, struct error *err)
{
    static const char *const shrink[] = { "msg", "requestClientApplication", "request",
                                          "suser", "cs2", "cs3", NULL };
    CLEANUP(gist_release) struct gist g = { 0 };
    CLEANUP(line_release) struct line l;
    size_t start = out->len;

    line_init(&l, &cef_format);
    if (gist_init(&g, a, false, err) < 0)
        return -1;
    cef_add_header(out, SL(GIST_VENDOR), SL(GIST_VENDOR), SL(COSMOWATCH_VERSION), slice_of(a->type->id),
                   buf_slice(&g.title), severity_scale(a->severity)->cef);
    line_add_i64(&l, "rt", NULL, time_floor(a->last_ns, NS_PER_MS) / NS_PER_MS, LINE_KEEP);
    line_add_i64(&l, "start", NULL, time_floor(a->first_ns, NS_PER_MS) / NS_PER_MS, LINE_KEEP);
    line_add_i64(&l, "end", NULL, time_floor(a->last_ns, NS_PER_MS) / NS_PER_MS, LINE_KEEP);
    line_add(&l, "externalId", NULL, slice_of(a->id), LINE_KEEP);
    line_add_i64(&l, "cn1", "updateNumber", a->update, LINE_KEEP);
    add_who(&l, &g, options);
    add_what(&l, &g);
    return line_write(&l, out, start, options->max_bytes, shrink, err);
}

static int cef_encode(const struct alert *a, struct buf *out, struct error *err)
{
    return cef_encode_with(a, &(struct cef_options){ .max_bytes = LINE_MAX_BYTES }, out, err);
}

const struct encoder encoder_cef = {
    .name = "cef", .content_type = "text/plain; charset=utf-8", .is_json = false, .encode = cef_encode,
};
