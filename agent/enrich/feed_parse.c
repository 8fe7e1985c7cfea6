/* feed_parse.c - lists, CSV and Tor's exit-addresses. (The JSON forms are in feed_json.c.)
 *
 * Feeds are text by volunteers: comments in three styles, ports behind addresses, headers inside comments.
 * What is not an address is reported with its line and left out.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "base/timeutil.h"
#include "enrich/feeds.h"
#include "enrich/networks.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const format_names[] = {
    [FEED_FORMAT_AUTO] = "auto", [FEED_FORMAT_LIST] = "list", [FEED_FORMAT_CSV] = "csv",
    [FEED_FORMAT_TOR] = "tor",   [FEED_FORMAT_STIX] = "stix", [FEED_FORMAT_WORKSPACE] = "workspace",
};

const char *feed_format_name(enum feed_format f)
{
    return format_names[f];
}

static const char *const category_names[FEED_CATEGORY_COUNT] = {
    [FEED_TOR] = "tor",           [FEED_BOTNET] = "botnet",           [FEED_C2] = "c2",
    [FEED_PHISHING] = "phishing", [FEED_BRUTE_FORCE] = "brute_force", [FEED_RANSOMWARE] = "ransomware",
    [FEED_PROXY] = "proxy",       [FEED_SCANNER] = "scanner",         [FEED_MALICIOUS] = "malicious",
};

const char *feed_category_name(enum feed_category c)
{
    return c < FEED_CATEGORY_COUNT ? category_names[c] : "malicious";
}

bool feed_category_parse(struct slice name, enum feed_category *ret)
{
    for (size_t i = 0; i < FEED_CATEGORY_COUNT; i++) {
        if (slice_eq_nocase(name, slice_of(category_names[i]))) {
            *ret = (enum feed_category)i;
            return true;
        }
    }
    return false;
}

/* First match wins: the graver meaning of a text with several words stands first. */
static const struct {
    const char *word;
    enum feed_category category;
} guesses[] = {
    { .word = "ransom", .category = FEED_RANSOMWARE },
    { .word = "c2", .category = FEED_C2 },
    { .word = "c&c", .category = FEED_C2 },
    { .word = "cnc", .category = FEED_C2 },
    { .word = "botnet_cc", .category = FEED_C2 },
    { .word = "command-and-control", .category = FEED_C2 },
    { .word = "command and control", .category = FEED_C2 },
    { .word = "bot", .category = FEED_BOTNET },
    { .word = "zombie", .category = FEED_BOTNET },
    { .word = "compromised", .category = FEED_BOTNET },
    { .word = "phish", .category = FEED_PHISHING },
    { .word = "brute", .category = FEED_BRUTE_FORCE },
    { .word = "tor-exit", .category = FEED_TOR },
    { .word = "tor exit", .category = FEED_TOR },
    { .word = "tor_exit", .category = FEED_TOR },
    { .word = "tor:exit", .category = FEED_TOR },
    { .word = "vpn", .category = FEED_PROXY },
    { .word = "proxy", .category = FEED_PROXY },
    { .word = "anonym", .category = FEED_PROXY },
    { .word = "scan", .category = FEED_SCANNER },
    { .word = "malicious", .category = FEED_MALICIOUS },
    { .word = "malware", .category = FEED_MALICIOUS },
};

bool feed_category_guess(struct slice words, enum feed_category *ret)
{
    if (feed_category_parse(words, ret))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(guesses); i++) {
        if (slice_find_nocase(words, slice_of(guesses[i].word)) != SIZE_MAX) {
            *ret = guesses[i].category;
            return true;
        }
    }
    return false;
}

void feed_report_bad(struct feed_report *r, int64_t line, const char *fmt, ...)
{
    va_list ap;
    char *reason;

    r->bad++;
    if (r->said == FEED_REPORT_MAX)
        return;
    r->each[r->said].line = line;
    reason = r->each[r->said++].reason;
    va_start(ap, fmt);
    (void)vsnprintf(reason, sizeof(r->each[0].reason), fmt, ap);
    va_end(ap);
    for (; *reason; reason++) {
        if ((unsigned char)*reason < 0x20 || *reason == 0x7f)
            *reason = '?';
    }
}

/* ---- common ------------------------------------------------------------------------------------ */

struct parse {
    const struct feed_options *opt;
    int64_t now_ns;
    struct feed_table *table;
    struct feed_report *report;
};

static struct feed_entry entry_start(const struct parse *p)
{
    return (struct feed_entry){ .category = (uint8_t)p->opt->category,
                                .confidence = (uint8_t)p->opt->confidence,
                                .from_ns = INT64_MIN,
                                .until_ns = INT64_MAX,
                                .seen_ns = p->now_ns };
}

/* A range, also with quotes or brackets around it, or a port behind an IPv4 address. */
static bool range_parse(struct slice s, struct prefix *ret)
{
    size_t colon;

    s = slice_trim(s);
    while (s.len >= 2 && strchr("\"'[", s.at[0]) && strchr("\"']", s.at[s.len - 1]))
        s = slice_make(s.at + 1, s.len - 2);
    if (prefix_parse(s, ret))
        return true;
    colon = slice_find(s, SL(":"));
    return colon != SIZE_MAX && slice_find(slice_make(s.at, colon), SL(".")) != SIZE_MAX &&
           prefix_parse(slice_make(s.at, colon), ret);
}

static struct slice next_line(struct slice *rest, bool *ret_more)
{
    struct slice line = { 0 };

    *ret_more = !slice_empty(*rest) && slice_split(rest, '\n', &line);
    return slice_trim(line);
}

static bool is_comment(struct slice line)
{
    return slice_empty(line) || line.at[0] == '#' || line.at[0] == ';' || slice_starts(line, SL("//"));
}

/* ---- plain lists ------------------------------------------------------------------------------- */

static int parse_list_line(const struct parse *p, struct slice line, struct error *err)
{
    struct feed_entry e = entry_start(p);
    size_t len = 0, note_at;

    if (is_comment(line))
        return 0;
    while (len < line.len && !strchr(" \t,;#|", line.at[len]))
        len++;
    if (!range_parse(slice_make(line.at, len), &e.range)) {
        feed_report_bad(p->report, p->report->lines, "'%.*s' is not an address", SLF(slice_cut(line, 60)));
        return 0;
    }
    for (note_at = len; note_at < line.len && strchr(" \t,;#|", line.at[note_at]); note_at++)
        ;
    return feed_table_add(p->table, &e, slice_make(line.at + note_at, line.len - note_at), err);
}

static int parse_list(const struct parse *p, struct slice bytes, struct error *err)
{
    bool more;

    for (struct slice line = next_line(&bytes, &more); more; line = next_line(&bytes, &more)) {
        p->report->lines++;
        if (parse_list_line(p, line, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- Tor --------------------------------------------------------------------------------------- */

/* "ExitAddress 185.220.101.1 2026-01-10 12:00:00" under "ExitNode", "Published", "LastStatus". The time is
 * when the exit was last seen to use the address; since when it does, the list does not say. */
static int parse_tor(const struct parse *p, struct slice bytes, struct error *err)
{
    static const char *const known[] = { "ExitNode ", "Published ", "LastStatus ", "@type ",
                                         "Downloaded " };
    struct slice node = { 0 };
    bool more;

    for (struct slice line = next_line(&bytes, &more); more; line = next_line(&bytes, &more)) {
        struct feed_entry e = entry_start(p);
        bool is_known = is_comment(line);

        p->report->lines++;
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
            is_known = is_known || slice_starts(line, slice_of(known[i]));
        if (slice_starts(line, SL("ExitNode ")))
            node = slice_trim(slice_make(line.at + 9, line.len - 9));
        if (is_known)
            continue;
        if (slice_starts(line, SL("ExitAddress "))) {
            struct slice rest = slice_trim(slice_make(line.at + 12, line.len - 12)), host;

            if (slice_split(&rest, ' ', &host) && range_parse(host, &e.range)) {
                if (!time_parse_iso(rest, &e.seen_ns))
                    e.seen_ns = p->now_ns;
                if (feed_table_add(p->table, &e, node, err) < 0)
                    return -1;
                continue;
            }
        }
        feed_report_bad(p->report, p->report->lines, "'%.*s' is not a line of an exit list",
                        SLF(slice_cut(line, 50)));
    }
    return 0;
}

/* ---- CSV --------------------------------------------------------------------------------------- */

enum column { COL_NONE, COL_ADDRESS, COL_CONFIDENCE, COL_CATEGORY, COL_FROM, COL_SEEN, COL_UNTIL, COL_NOTE };

#define COLUMNS_MAX 64

static const struct {
    const char *name;
    enum column column;
} column_names[] = {
    { .name = "address", .column = COL_ADDRESS },       { .name = "ip", .column = COL_ADDRESS },
    { .name = "ip_address", .column = COL_ADDRESS },    { .name = "ipaddress", .column = COL_ADDRESS },
    { .name = "cidr", .column = COL_ADDRESS },          { .name = "network", .column = COL_ADDRESS },
    { .name = "dst_ip", .column = COL_ADDRESS },        { .name = "src_ip", .column = COL_ADDRESS },
    { .name = "ioc_value", .column = COL_ADDRESS },     { .name = "indicator", .column = COL_ADDRESS },
    { .name = "value", .column = COL_ADDRESS },         { .name = "observable", .column = COL_ADDRESS },
    { .name = "ip-dst", .column = COL_ADDRESS },
    { .name = "confidence", .column = COL_CONFIDENCE },
    { .name = "confidence_level", .column = COL_CONFIDENCE },
    { .name = "confidencescore", .column = COL_CONFIDENCE }, { .name = "score", .column = COL_CONFIDENCE },
    { .name = "category", .column = COL_CATEGORY },     { .name = "threat_type", .column = COL_CATEGORY },
    { .name = "type", .column = COL_CATEGORY },         { .name = "label", .column = COL_CATEGORY },
    { .name = "valid_from", .column = COL_FROM },       { .name = "first_seen", .column = COL_FROM },
    { .name = "first_seen_utc", .column = COL_FROM },   { .name = "firstseen", .column = COL_FROM },
    { .name = "last_seen", .column = COL_SEEN },        { .name = "last_seen_utc", .column = COL_SEEN },
    { .name = "last_online", .column = COL_SEEN },      { .name = "lastseen", .column = COL_SEEN },
    { .name = "valid_until", .column = COL_UNTIL },     { .name = "expires", .column = COL_UNTIL },
    { .name = "expiry", .column = COL_UNTIL },          { .name = "until", .column = COL_UNTIL },
    { .name = "note", .column = COL_NOTE },             { .name = "description", .column = COL_NOTE },
    { .name = "malware", .column = COL_NOTE },          { .name = "malware_printable", .column = COL_NOTE },
    { .name = "actor", .column = COL_NOTE },            { .name = "comment", .column = COL_NOTE },
};

static enum column column_of(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(column_names); i++) {
        if (slice_eq_nocase(name, slice_of(column_names[i].name)))
            return column_names[i].column;
    }
    return COL_NONE;
}

/* Cut the next field off; quotes are taken away, doubled quotes inside stay doubled (no field of ours
 * minds). A field never spans lines: one stray quote must not swallow the rest of a feed. */
bool csv_field(struct slice *rest, struct slice *ret)
{
    struct slice s = *rest;
    size_t i = 0;

    if (!s.at)
        return false;
    while (i < s.len && (s.at[i] == ' ' || s.at[i] == '\t'))
        i++;
    if (i < s.len && s.at[i] == '"') {
        size_t begin = ++i;

        while (i < s.len && (s.at[i] != '"' || (i + 1 < s.len && s.at[i + 1] == '"')))
            i += s.at[i] == '"' ? 2 : 1;
        i = i > s.len ? s.len : i;
        *ret = slice_make(s.at + begin, i - begin);
        while (i < s.len && s.at[i] != ',')
            i++;
    } else {
        size_t begin = i;

        while (i < s.len && s.at[i] != ',')
            i++;
        *ret = slice_trim(slice_make(s.at + begin, i - begin));
    }
    *rest = i < s.len ? slice_make(s.at + i + 1, s.len - i - 1) : (struct slice){ 0 };
    return true;
}

static size_t read_header(struct slice line, enum column *columns)
{
    struct slice field;
    size_t n = 0;
    bool has_address = false;

    while (slice_starts(line, SL("#")) || slice_starts(line, SL(" ")))
        line = slice_make(line.at + 1, line.len - 1);
    while (n < COLUMNS_MAX && csv_field(&line, &field)) {
        columns[n] = column_of(field);
        if (columns[n] == COL_ADDRESS) {
            if (has_address)
                columns[n] = COL_NONE;
            has_address = true;
        }
        n++;
    }
    return has_address ? n : 0;
}

static void read_confidence(struct slice field, struct feed_entry *e)
{
    static const struct { const char *word; uint8_t value; } words[] = {
        { .word = "high", .value = 85 }, { .word = "medium", .value = 50 }, { .word = "low", .value = 20 },
    };
    double value;

    if (parse_real(field, &value) && value >= 0 && value <= 100)
        e->confidence = (uint8_t)value;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (slice_eq_nocase(field, slice_of(words[i].word)))
            e->confidence = words[i].value;
    }
}

static bool apply_field(enum column column, struct slice field, struct feed_entry *e, struct slice *note)
{
    enum feed_category category;

    switch (column) {
    case COL_NONE:
        break;
    case COL_ADDRESS:
        return range_parse(field, &e->range);
    case COL_CONFIDENCE:
        read_confidence(field, e);
        break;
    case COL_CATEGORY:
        if (feed_category_guess(field, &category))
            e->category = (uint8_t)category;
        break;
    case COL_FROM:
        e->has_own_time = time_parse_iso(field, &e->from_ns) || e->has_own_time;
        break;
    case COL_SEEN:
        (void)time_parse_iso(field, &e->seen_ns); /* unreadable: our refresh vouches for it */
        break;
    case COL_UNTIL:
        (void)time_parse_iso(field, &e->until_ns); /* unreadable: until it leaves the list */
        break;
    case COL_NOTE:
        if (slice_empty(*note))
            *note = field;
        break;
    }
    return true;
}

static int parse_csv_line(const struct parse *p, struct slice line, const enum column *columns, size_t n,
                          struct error *err)
{
    struct feed_entry e = entry_start(p);
    struct slice field, note = { 0 }, rest = line;
    bool has_address = false;

    for (size_t i = 0; i < n && csv_field(&rest, &field); i++) {
        if (!apply_field(columns[i], field, &e, &note)) {
            feed_report_bad(p->report, p->report->lines, "'%.*s' is not an address",
                            SLF(slice_cut(field, 60)));
            return 0;
        }
        has_address = has_address || columns[i] == COL_ADDRESS;
    }
    if (!has_address) {
        feed_report_bad(p->report, p->report->lines, "no address in '%.*s'", SLF(slice_cut(line, 60)));
        return 0;
    }
    return feed_table_add(p->table, &e, note, err);
}

static int parse_csv(const struct parse *p, struct slice bytes, struct error *err)
{
    enum column columns[COLUMNS_MAX] = { COL_NONE };
    size_t n = p->opt->columns ? read_header(slice_of(p->opt->columns), columns) : 0;
    bool more;

    if (p->opt->columns && !n)
        return error_set(err, ERR_CONFIG, "columns '%s' name no address", p->opt->columns);
    for (struct slice line = next_line(&bytes, &more); more; line = next_line(&bytes, &more)) {
        p->report->lines++;
        if (!n && (n = read_header(line, columns)) > 0)
            continue;
        if (is_comment(line))
            continue;
        if (p->opt->columns && p->table->len == 0 && read_header(line, (enum column[COLUMNS_MAX]){ 0 }))
            continue; /* it has a header after all; the configured one rules */
        if (!n)
            return error_set(err, ERR_INPUT, "no header names an address, and no columns are configured");
        if (parse_csv_line(p, line, columns, n, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- which one --------------------------------------------------------------------------------- */

static enum feed_format guess_text(struct slice bytes)
{
    enum column columns[COLUMNS_MAX];
    bool more;

    for (struct slice line = next_line(&bytes, &more); more; line = next_line(&bytes, &more)) {
        if (slice_starts(line, SL("ExitNode ")) || slice_starts(line, SL("ExitAddress ")) ||
            slice_starts(line, SL("@type tordnsel")))
            return FEED_FORMAT_TOR;
        if (slice_find(line, SL(",")) != SIZE_MAX && read_header(line, columns))
            return FEED_FORMAT_CSV;
        if (!is_comment(line))
            break;
    }
    return FEED_FORMAT_LIST;
}

static bool is_json(struct slice bytes)
{
    bytes = slice_trim(bytes);
    return bytes.len > 0 && (bytes.at[0] == '{' || (bytes.at[0] == '[' && bytes.len > 1 &&
                                                    strchr("{]\r\n\t ", bytes.at[1])));
}

int feed_parse(struct slice bytes, const struct feed_options *opt, int64_t now_ns,
               struct feed_table **ret, struct feed_report *report, struct error *err)
{
    CLEANUP(feed_table_freep) struct feed_table *t = feed_table_new();
    struct parse p = { .opt = opt, .now_ns = now_ns, .table = t, .report = report };
    enum feed_format format = opt->format;
    int result = -1;

    *report = (struct feed_report){ 0 };
    if (!t)
        return error_set(err, ERR_NOMEM, "feed");
    if (slice_starts(bytes, SL("\xef\xbb\xbf")))
        bytes = slice_make(bytes.at + 3, bytes.len - 3);
    if (format == FEED_FORMAT_AUTO)
        format = opt->columns ? FEED_FORMAT_CSV : is_json(bytes) ? FEED_FORMAT_STIX : guess_text(bytes);

    switch (format) {
    case FEED_FORMAT_AUTO:
    case FEED_FORMAT_LIST:
        result = parse_list(&p, bytes, err);
        break;
    case FEED_FORMAT_CSV:
        result = parse_csv(&p, bytes, err);
        break;
    case FEED_FORMAT_TOR:
        result = parse_tor(&p, bytes, err);
        break;
    case FEED_FORMAT_STIX:
    case FEED_FORMAT_WORKSPACE:
        result = feed_parse_json(bytes, opt, now_ns, t, report, err);
        break;
    }
    if (result < 0)
        return -1;
    if (t->len == 0 && report->bad > 0)
        return error_set(err, ERR_INPUT, "none of %lld lines is an address (line %lld: %s)",
                         (long long)report->lines, (long long)report->each[0].line,
                         report->each[0].reason);
    t->is_own = opt->is_own;
    t->refreshed_ns = now_ns;
    feed_table_sort(t);
    report->entries = (int64_t)t->len;
    *ret = TAKE(t);
    return 0;
}
