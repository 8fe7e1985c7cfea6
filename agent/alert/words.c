/* words.c - sentences for people, expanded from catalogue templates and the alert's facts.
 *
 * Template language, small on purpose:
 *   {name}         account, subject, count, first, last, day, severity, api, variant, or a fact
 *   {name:bytes}   a number as "7.4 GB";   {name:count} "1,234"; {name:first} the first text of a set
 *   {name:tenths}  25 as "2.5";            {name:ru} thousandths as "3,120 RU"
 *   {name:place}   where an address is, as "Amsterdam, Netherlands"
 *   {name:kql}     a KQL literal: the first text quoted, or a datetime for first/last/day
 *   {name:kqlset}  ("a", "b") of a set
 *   [[ ... ]]      left out when something inside it is missing; nests
 * Text from rows is copied as it is: encoders and the terminal escape it, each for its own medium.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/buf.h"
#include "base/kql_quote.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "enrich/places.h"

#include <stdio.h>

#define SHOWN_MAX 3 /* texts of a set shown in a sentence */

#define TEXT_SHOWN 160 /* bytes of one of them */

static void add_shown(struct buf *out, struct slice text)
{
    bool is_cut = text.len > TEXT_SHOWN;

    buf_add_slice(out, slice_cut(text, is_cut ? TEXT_SHOWN - 3 : TEXT_SHOWN));
    buf_add_str(out, is_cut ? "..." : "");
}

static void add_entries(struct buf *out, const struct fact *f)
{
    size_t shown = f->len > SHOWN_MAX ? SHOWN_MAX : f->len;

    for (size_t i = 0; i < shown; i++) {
        if (i > 0)
            buf_add_str(out, ", ");
        add_shown(out, slice_of(f->entries[i].text));
        if (f->kind == FACT_MAP)
            buf_addf(out, "=%" PRId64, f->entries[i].number);
    }
    if (f->len > shown || f->more)
        buf_addf(out, " (+%zu%s)", f->len - shown, f->more ? " or more" : "");
}

static void add_places(struct buf *out, const struct fact *f)
{
    for (size_t i = 0; i < f->len && i < SHOWN_MAX; i++) {
        buf_add_str(out, i > 0 ? "; " : "");
        place_words(slice_of(f->entries[i].text), out);
    }
    if (f->len > SHOWN_MAX)
        buf_addf(out, " (+%zu)", f->len - SHOWN_MAX);
}

static void add_kql_set(struct buf *out, const struct fact *f)
{
    buf_add_char(out, '(');
    for (size_t i = 0; i < f->len; i++) {
        if (i > 0)
            buf_add_str(out, ", ");
        kql_quote_shown(out, slice_of(f->entries[i].text));
    }
    buf_add_char(out, ')');
}

static void add_time(struct buf *out, int64_t ns, struct slice how)
{
    if (slice_eq(how, SL("kql")))
        kql_add_datetime(out, ns);
    else
        time_add_iso(out, ns, 0);
}

static void add_text(struct buf *out, const char *text, struct slice how)
{
    if (slice_eq(how, SL("kql")))
        kql_quote_shown(out, slice_of(text));
    else
        buf_add_str(out, text);
}

static bool expand_fact(const struct alert *a, const char *name, struct slice how, struct buf *out)
{
    const struct fact *f = alert_fact(a, name);

    if (!f)
        return false;
    if (fact_is_list(f)) {
        if (f->len == 0)
            return false;
        if (slice_eq(how, SL("kqlset")))
            add_kql_set(out, f);
        else if (slice_eq(how, SL("place")))
            add_places(out, f);
        else if (slice_eq(how, SL("kql")) || slice_eq(how, SL("first")))
            add_text(out, f->entries[0].text, how);
        else
            add_entries(out, f);
    } else if (slice_eq(how, SL("bytes"))) {
        fmt_bytes(out, f->number);
    } else if (slice_eq(how, SL("tenths"))) {
        buf_addf(out, "%" PRId64 ".%" PRId64, f->number / 10, f->number % 10);
    } else if (slice_eq(how, SL("ru"))) {
        fmt_count(out, f->number / 1000);
        buf_add_str(out, " RU");
    } else if (slice_eq(how, SL("time"))) {
        time_add_iso(out, f->number, 0);
    } else {
        fmt_count(out, f->number);
    }
    return true;
}

/* One {name:how}; false when there is no such thing. */
static bool expand_one(const struct alert *a, struct slice name, struct slice how, struct buf *out)
{
    char key[64];

    if (name.len >= sizeof key)
        return false;
    (void)snprintf(key, sizeof key, "%.*s", SLF(name));
    if (slice_eq(name, SL("account")))
        add_text(out, a->account, how);
    else if (slice_eq(name, SL("subject")))
        add_text(out, a->subject, how);
    else if (slice_eq(name, SL("variant")) && a->variant[0] != '\0')
        add_text(out, a->variant, how);
    else if (slice_eq(name, SL("resourceId")) && a->resource_id[0] != '\0')
        add_text(out, a->resource_id, how);
    else if (slice_eq(name, SL("severity")))
        buf_add_str(out, severity_name(a->severity));
    else if (slice_eq(name, SL("api")) && a->api != API_UNKNOWN)
        buf_add_str(out, api_name(a->api));
    else if (slice_eq(name, SL("count")))
        fmt_count(out, a->count);
    else if (slice_eq(name, SL("first")))
        add_time(out, time_floor(a->first_ns, NS_PER_MIN), how);
    else if (slice_eq(name, SL("last")))
        add_time(out, i64_add_sat(time_floor(a->last_ns, NS_PER_MIN), NS_PER_MIN), how);
    else if (slice_eq(name, SL("day")))
        add_time(out, a->bucket_ns, how);
    else
        return expand_fact(a, key, how, out);
    return true;
}

/* Offset of the "]]" that closes the "[[" at the start of text, or SIZE_MAX. They nest. */
static size_t closing(struct slice text)
{
    size_t depth = 0;

    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.at[i] == '[' && text.at[i + 1] == '[') {
            depth++;
            i++;
        } else if (text.at[i] == ']' && text.at[i + 1] == ']') {
            if (--depth == 0)
                return i;
            i++;
        }
    }
    return SIZE_MAX;
}

/* Expand up to `end` (or the end of text); false when a placeholder was missing. */
static bool expand_run(const struct alert *a, struct slice text, struct buf *out)
{
    bool is_whole = true;

    for (size_t i = 0; i < text.len;) {
        struct slice rest = slice_make(text.at + i, text.len - i);

        if (slice_starts(rest, SL("[["))) {
            size_t end = closing(rest);
            CLEANUP(buf_release) struct buf part = BUF_INIT(65536);

            if (end != SIZE_MAX) {
                if (expand_run(a, slice_make(rest.at + 2, end - 2), &part))
                    buf_add_slice(out, buf_slice(&part));
                buf_take_refusal(out, &part);
                i += end + 2;
                continue;
            }
        }
        if (text.at[i] == '{') {
            size_t end = slice_find(rest, SL("}"));

            if (end != SIZE_MAX && end > 1) {
                struct slice inside = slice_make(rest.at + 1, end - 1);
                struct slice name = { 0 }, how = { 0 };

                (void)slice_split(&inside, ':', &name);
                how = inside;
                if (!expand_one(a, name, how, out)) {
                    is_whole = false;
                    buf_add(out, rest.at, end + 1);
                }
                i += end + 1;
                continue;
            }
        }
        size_t run = i + 1; /* plain text up to the next mark goes over in one piece */

        while (run < text.len && text.at[run] != '{' && text.at[run] != '[')
            run++;
        buf_add(out, text.at + i, run - i);
        i = run;
    }
    return is_whole;
}

void alert_expand(const struct alert *a, const char *template_text, struct buf *out)
{
    if (template_text)
        (void)expand_run(a, slice_of(template_text), out);
}

void alert_title(const struct alert *a, struct buf *out)
{
    if (a->is_sample)
        buf_add_str(out, "[SAMPLE ALERT] ");
    buf_add_str(out, a->type->display_name);
}

void alert_why(const struct alert *a, struct buf *out)
{
    alert_expand(a, a->type->why, out);
}

void alert_description(const struct alert *a, struct buf *out)
{
    if (a->is_sample)
        buf_add_str(out, "THIS IS A SAMPLE ALERT: ");
    alert_expand(a, a->type->description, out);
}

/* ---- who did what from where ---------------------------------------------------------------------- */

static bool has(const struct alert *a, const char *fact)
{
    const struct fact *f = alert_fact(a, fact);

    return f && (f->len > 0 || !fact_is_list(f));
}

void alert_accounts(const struct alert *a, struct buf *out)
{
    alert_expand(a, a->account[0] ? "{account}" : "[[{accounts}]]", out);
}

void alert_what(const struct alert *a, struct buf *out)
{
    size_t before = out->len;

    alert_accounts(a, out);
    if (out->len > before && a->api != API_UNKNOWN)
        buf_add_char(out, ' ');
    alert_scope(a, out);
}

void alert_scope(const struct alert *a, struct buf *out)
{
    alert_expand(a, "[[({api})]][[, database {database}]][[, container {container}]]", out);
}

void alert_who(const struct alert *a, struct buf *out)
{
    if (has(a, "principal"))
        alert_expand(a, "principal {principal}[[, {keyKind}]][[, client {userAgent}]]", out);
    else if (has(a, "keyKind"))
        alert_expand(a, "holder of {keyKind}[[, client {userAgent}]]", out);
    else if (has(a, "userAgent"))
        alert_expand(a, "client {userAgent}", out);
}

void alert_where(const struct alert *a, struct buf *out)
{
    if (has(a, "address"))
        alert_expand(a, "{address}[[, {place:place}]][[, network {network}]][[, listed as {category}]][[ by {feed}]]", out);
}

/* Weeks of reading, or a silence, are no request. */
void alert_count(const struct alert *a, struct buf *out)
{
    bool has_requests = has(a, "requests") || has(a, "failedRequests");

    fmt_count(out, a->count);
    buf_addf(out, " %s%s", a->type->is_incident ? "alert" : has_requests ? "request" : "event", a->count == 1 ? "" : "s");
}

void alert_fact_words(const struct alert *a, const struct fact *f, struct buf *out)
{
    static const struct { const char *end, *how; } units[] = {
        { "Bytes", ":bytes" }, { "bytesOut", ":bytes" }, { "10", ":tenths" }, { "ruMilli", ":ru" }, { "listedSince", ":time" },
        { "readAt", ":time" }, { "firstSeen", ":time" }, { "putBackAt", ":time" }, { "seenOpenAt", ":time" }, { "place", ":place" },
    };
    const char *how = "";
    char template_text[80];

    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (slice_ends_nocase(slice_of(f->name), slice_of(units[i].end)))
            how = units[i].how;
    (void)snprintf(template_text, sizeof template_text, "{%s%s}", f->name, how);
    alert_expand(a, template_text, out);
}

void alert_kql(const struct alert *a, struct buf *out)
{
    alert_expand(a, a->type->kql, out);
}

void alert_portal_link(const struct alert *a, struct buf *out)
{
    if (a->resource_id[0] == '\0')
        return;
    buf_add_str(out, "https://portal.azure.com/#resource");
    for (const char *p = a->resource_id; *p; p++) {
        unsigned char c = (unsigned char)*p;

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
            strchr("/-_.~()", c))
            buf_add_char(out, (char)c);
        else
            buf_addf(out, "%%%02X", (unsigned)c);
    }
    buf_add_str(out, "/overview");
}
