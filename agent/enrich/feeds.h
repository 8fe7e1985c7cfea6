/* feeds.h - who is known bad: foreign lists become tables of address ranges with times.
 *
 * A listing is an interval in event time: an exit node of last week is judged by last week's list, and an
 * address that has left the list is forgotten only after 30 days, because late rows and replays ask
 * about the past. Where a format says nothing about times, the intervals come from our own refreshes.
 *
 * Parsing takes bytes; fetching them is somebody else's work. One bad line never costs the rest.
 * Threads: a table belongs to one thread at a time.
 *
 * Outside facts: Tor exit list format (ExitNode/Published/LastStatus/ExitAddress, TorDNSEL
 * "exit-addresses" and the bulk list of bare addresses); STIX 2.1 (indicator objects, OASIS 2021);
 * ThreatIntelIndicators (Azure Monitor table reference, columns of 2024-07: ObservableKey,
 * ObservableValue, Pattern, ValidFrom, ValidUntil, Confidence, IsActive, IsDeleted, Revoked, Id, Source,
 * Tags, Data, Modified, TimeGenerated).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_FEEDS_H
#define COSMOWATCH_FEEDS_H

#include "enrich/enrich.h"
#include "enrich/prefix.h"

enum feed_format {
    FEED_FORMAT_AUTO,      /* from the bytes */
    FEED_FORMAT_LIST,      /* address or CIDR a line; '#', ';' and "//" begin a comment */
    FEED_FORMAT_CSV,       /* with a header, or with `columns` */
    FEED_FORMAT_TOR,       /* exit-addresses; the bulk list is a FEED_FORMAT_LIST */
    FEED_FORMAT_STIX,      /* bundle, or a lone array of objects */
    FEED_FORMAT_WORKSPACE, /* ThreatIntelIndicators: a query answer, an array of rows, or NDJSON */
};
const char *feed_format_name(enum feed_format f); /* "auto" "list" "csv" "tor" "stix" "workspace" */
bool feed_category_parse(struct slice name, enum feed_category *ret); /* feed_category_name's words */

struct feed_options {
    enum feed_format format;
    enum feed_category category; /* of entries that do not say; FEED_TOR for type tor_exits */
    int confidence;              /* of entries that do not say, 0..100 */
    bool is_own;                 /* type `addresses`: Microsoft's addresses stay, and it may become empty */
    const char *columns;         /* CSV without a header: "address,confidence,-,note"; NULL */
};
#define FEED_OPTIONS_INIT                                                                              \
    ((struct feed_options){ .category = FEED_MALICIOUS, .confidence = 70 })

#define FEED_ENTRIES_MAX 4000000
#define FEED_REPORT_MAX 5
struct feed_report {
    int64_t lines, entries;
    int64_t bad;      /* lines that should hold an address and do not */
    int64_t skipped;  /* indicators about something else: domains, hashes; revoked or benign ones */
    size_t said;      /* how many of the bad ones are told below */
    struct { int64_t line; char reason[100]; } each[FEED_REPORT_MAX]; /* line, or number of the object */
};

struct feed_table;

/* A table of its own, not yet merged with what was known before (feed_table_update).
 * ERR_INPUT: not of the format at all (broken JSON, an HTML page in place of a list).
 * ERR_LIMIT: more than FEED_ENTRIES_MAX. */
MUST_CHECK int feed_parse(struct slice bytes, const struct feed_options *opt, int64_t now_ns,
                          struct feed_table **ret, struct feed_report *report, struct error *err);

/* Merge a refresh into what is known: *table (may be NULL: first load) becomes the union, with history.
 *   - still listed: the interval goes on, seen_ns = now;
 *   - newly listed, without a time of its own: from the refresh before (it appeared since then); on
 *     the first load from ever;
 *   - no longer listed: its interval ends now, and is kept for 30 days.
 * Takes `fresh`. -1 with a sentence for the operator (ERR_INPUT) when a feed of many entries is suddenly
 * nearly empty: that is a broken download, not peace on earth. *table then stays as it is. */
MUST_CHECK int feed_table_update(struct feed_table **table, struct feed_table *fresh, int64_t now_ns,
                                 struct error *err);
struct feed_table *feed_table_copy(const struct feed_table *t); /* NULL without memory */
void feed_table_free(struct feed_table *t);
void feed_table_freep(struct feed_table **t);
size_t feed_table_len(const struct feed_table *t);                     /* with history */
size_t feed_table_live(const struct feed_table *t, int64_t time_ns);   /* that hold at the time */
int64_t feed_table_refreshed_ns(const struct feed_table *t);

/* Durable form: lines of text, versioned. ERR_STATE when it cannot be read. */
struct buf;
MUST_CHECK int feed_table_save(const struct feed_table *t, struct buf *out, struct error *err);
MUST_CHECK int feed_table_load(struct slice text, struct feed_table **ret, struct error *err);

/* ---- for enrich.c and the parsers -------------------------------------------------------------- */

struct feed_entry {
    struct prefix range;
    uint8_t category, confidence; /* enum feed_category; 0..100 */
    bool has_own_time;            /* from_ns was said by the feed, not by our refreshes */
    uint32_t note;                /* offset into texts; 0: none */
    int64_t from_ns, until_ns, seen_ns;
};

struct feed_table {
    struct feed_entry *each; /* sorted by range, category, from_ns */
    size_t len, cap;
    char *texts;             /* notes, NUL-terminated, each once after the other; texts[0] is "" */
    size_t texts_len, texts_cap;
    int64_t refreshed_ns;
    bool is_own;
};

struct feed_table *feed_table_new(void);
/* Append; note is copied (control bytes become blanks, cut to 200 bytes). */
MUST_CHECK int feed_table_add(struct feed_table *t, const struct feed_entry *entry, struct slice note,
                              struct error *err);
void feed_table_sort(struct feed_table *t); /* and drop duplicates: the most confident one stays */
const char *feed_table_note(const struct feed_table *t, const struct feed_entry *e);
void feed_report_bad(struct feed_report *r, int64_t line, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Category by the words that feeds use for it ("c2_server", "ssh-bruteforce", "anonymization"). */
bool feed_category_guess(struct slice words, enum feed_category *ret);
/* The JSON forms, in feed_json.c. */
MUST_CHECK int feed_parse_json(struct slice bytes, const struct feed_options *opt, int64_t now_ns,
                               struct feed_table *t, struct feed_report *report, struct error *err);

#endif
