/* compare.c - see compare.h.
 *
 * Bars stand in tables: name and number are text, readable at any width and by any reader, and the bar beside them says
 * it again. SPDX-License-Identifier: Apache-2.0 */
#include "console/compare.h"

#include "alert/catalogue.h"
#include "base/buf.h"
#include "base/num.h"
#include "console/html.h"
#include "enrich/places.h"

#include <math.h>
#include <string.h>

#define FLIGHT_KMH 900
#define LOG_FROM 30  /* times the smallest: beyond, the small ones would not be seen */
#define BARS_MAX FACT_SET_MAX

enum unit { BYTES, COUNT, HOURS, DAYS, KMH };
enum kind { SEEN, USUAL, LIMIT };

struct bar {
    const char *words;
    int64_t number;
    enum kind kind;
};

static void add_number(struct buf *out, int64_t number, enum unit unit)
{
    static const char *const words[] = { "", "", " h", " days", " km/h" };

    if (unit == BYTES)
        fmt_bytes(out, number);
    else
        fmt_count(out, number);
    buf_add_str(out, words[unit]);
}

/* ---- bars ---------------------------------------------------------------------------------------------------------- */

static bool wants_log(const struct bar *bars, size_t n)
{
    int64_t low = INT64_MAX, high = 0;

    for (size_t i = 0; i < n; i++) {
        high = bars[i].number > high ? bars[i].number : high;
        low = bars[i].number > 0 && bars[i].number < low ? bars[i].number : low;
    }
    return high / LOG_FROM > low;
}

static double width_of(int64_t number, int64_t highest, bool is_log)
{
    double x = number > 0 ? (double)number : 0, most = highest > 0 ? (double)highest : 1;

    return 100 * (is_log ? log10(x + 1) / log10(most + 1) : x / most);
}

static void add_bars(struct buf *out, const struct bar *bars, size_t n, enum unit unit)
{
    static const char *const classes[] = { "seen", "usual", "limit" };
    bool is_log = wants_log(bars, n);
    int64_t highest = 0;

    for (size_t i = 0; i < n; i++)
        highest = bars[i].number > highest ? bars[i].number : highest;
    buf_addf(out, "<table class=\"bars\"><caption class=\"legend\">%s</caption><tbody>",
             is_log ? "Bars are on a logarithmic scale: one twice as long is far more than twice as much." : "");
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "<tr class=\"%s\"><th scope=\"row\">", classes[bars[i].kind]);
        html_add_str(out, bars[i].words);
        buf_add_str(out, "</th><td class=\"num\">");
        add_number(out, bars[i].number, unit);
        buf_addf(out, "</td><td><svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
                      "<rect width=\"%.1f\" height=\"10\"/></svg></td></tr>\n",
                 width_of(bars[i].number, highest, is_log));
    }
    buf_add_str(out, "</tbody></table>\n");
}

/* ---- numbers that have something usual ------------------------------------------------------------------------------ */

/* The first that an alert has stands for it: the narrower measures come first. */
static const struct comparison {
    const char *seen, *seen_words, *usual, *p99, *limit;
    enum unit unit;
} comparisons[] = {
    { .seen = "dayBytes", .seen_words = "Read in the day", .usual = "usualDayBytes", .p99 = "usualDayP99Bytes",
      .limit = "dayLimitBytes", .unit = BYTES },
    { .seen = "largestHourBytes", .seen_words = "Read in its largest hour", .usual = "usualBytes", .p99 = "usualP99Bytes",
      .limit = "limitBytes", .unit = BYTES },
    { .seen = "takenBytes", .seen_words = "Taken in these days", .usual = "usualBytes", .limit = "limitBytes", .unit = BYTES },
    { .seen = "largestHour", .seen_words = "Documents in its largest hour", .usual = "usualHour", .p99 = "usualP99Hour",
      .limit = "limitHour", .unit = COUNT },
    { .seen = "newNetworks", .seen_words = "New networks", .usual = "usualNewNetworks", .unit = COUNT },
    { .seen = "pauseDays", .seen_words = "Unused before", .usual = "usualPauseDays", .unit = DAYS },
    { .seen = "silentHours", .seen_words = "Without a row for", .usual = "usualPauseHours", .unit = HOURS },
    { .seen = "bytesOut", .seen_words = "Read", .usual = "usualBytes", .limit = "limitBytes", .unit = BYTES },
};

static size_t add_bar(struct bar *bars, size_t n, const struct alert *a, const char *fact, const char *words, enum kind kind)
{
    const struct fact *f = fact ? alert_fact(a, fact) : NULL;

    if (!f || fact_is_list(f))
        return n;
    bars[n] = (struct bar){ .words = words, .number = f->number, .kind = kind };
    return n + 1;
}

static void add_times(struct buf *out, const struct bar *bars, size_t n)
{
    int64_t usual = 0;

    for (size_t i = 1; i < n; i++)
        usual = bars[i].kind == USUAL && usual == 0 ? bars[i].number : usual;
    if (usual <= 0 || bars[0].number / 2 < usual)
        return;
    buf_add_str(out, "<p>That is ");
    fmt_count(out, bars[0].number / usual);
    buf_add_str(out, " times the usual.</p>\n");
}

static bool add_comparison(struct buf *out, const struct alert *a, const struct comparison *c)
{
    struct bar bars[4];
    size_t n = add_bar(bars, 0, a, c->seen, c->seen_words, SEEN);

    if (n == 0)
        return false;
    n = add_bar(bars, n, a, c->usual, "Usual", USUAL);
    n = add_bar(bars, n, a, c->p99, "99 of 100 stay below", USUAL);
    n = add_bar(bars, n, a, c->limit, "The limit", LIMIT);
    if (n == 1)
        return false;
    add_bars(out, bars, n, c->unit);
    add_times(out, bars, n);
    return true;
}

/* Two places in so short a time: how fast that would have been. */
static bool add_travel(struct buf *out, const struct alert *a)
{
    int64_t km = alert_number(a, "travelKm", 0), minutes = alert_number(a, "travelMinutes", 0);
    const struct bar bars[] = {
        { .words = "The way between the two places", .number = minutes > 0 ? km * 60 / minutes : km * 60, .kind = SEEN },
        { .words = "An airliner", .number = FLIGHT_KMH, .kind = USUAL },
    };

    if (km <= 0)
        return false;
    add_bars(out, bars, ARRAY_LEN(bars), KMH);
    buf_addf(out, "<p>%" PRId64 " km lie between them, and %s%" PRId64 " min.</p>\n", km, minutes > 0 ? "" : "less than ",
             minutes > 0 ? minutes : 1);
    return true;
}

static bool add_numbers(struct buf *out, const struct alert *a)
{
    bool has_any = add_travel(out, a);

    for (size_t i = 0; !has_any && i < ARRAY_LEN(comparisons); i++)
        has_any = add_comparison(out, a, &comparisons[i]);
    return has_any;
}

/* ---- hours ----------------------------------------------------------------------------------------------------------- */

static int64_t entry_of(const struct fact *f, const char *text)
{
    for (size_t i = 0; f && i < f->len; i++)
        if (strcmp(f->entries[i].text, text) == 0)
            return f->entries[i].number;
    return 0;
}

static void add_column(struct buf *out, const char *class, double x, double width, int64_t number, int64_t highest)
{
    double h = width_of(number, highest, true);

    if (h > 0)
        buf_addf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", class, x, 100 - h, width, h);
}

/* Columns for the unusual hours, the usual one behind each. One hour is told by the bars already. */
static void add_hours(struct buf *out, const struct alert *a)
{
    const struct fact *seen = alert_fact(a, "bytesByHour"), *usual = alert_fact(a, "usualByHour");
    size_t n = seen && fact_is_list(seen) ? seen->len : 0;
    int64_t highest = 1;

    if (n < 2)
        return;
    for (size_t i = 0; i < n; i++)
        highest = seen->entries[i].number > highest ? seen->entries[i].number : highest;
    buf_addf(out, "<h3>By hour</h3><svg class=\"columns\" viewBox=\"0 0 %zu 118\" role=\"img\" aria-label=\"The unusual hours; "
                  "their numbers are in the evidence, bytesByHour and usualByHour\">", n * 34);
    for (size_t i = 0; i < n; i++) {
        const char *hour = seen->entries[i].text;
        double x = (double)i * 34;

        buf_add_str(out, "<g><title>");
        html_add_str(out, hour);
        buf_add_str(out, ": ");
        fmt_bytes(out, seen->entries[i].number);
        buf_add_str(out, ", usual ");
        fmt_bytes(out, entry_of(usual, hour));
        buf_add_str(out, "</title>");
        add_column(out, "seen", x + 4, 14, seen->entries[i].number, highest);
        add_column(out, "usual", x + 18, 8, entry_of(usual, hour), highest);
        if (strlen(hour) >= 13)
            buf_addf(out, "<text x=\"%.0f\" y=\"114\">%.2s</text>", x + 15, hour + 11);
        buf_add_str(out, "</g>");
    }
    buf_add_str(out, "</svg>\n");
}

/* ---- values ------------------------------------------------------------------------------------------------------------ */

static const struct { const char *seen, *usual, *words; } values[] = {
    { "observedValue", "usualValues", "Value" },
    { "listed", "usualListed", "What was listed" },
    { "principal", "usualReaders", "Who reads keys" },
    { "reader", "usualReaders", "Who reads keys" },
    { "place", "usualValues", "Place" },
};

static void add_texts(struct buf *out, const struct fact *f)
{
    for (size_t i = 0; i < f->len; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT(65536);

        if (strcmp(f->name, "place") == 0)
            place_words(slice_of(f->entries[i].text), &text);
        else
            buf_add_slice(&text, slice_cut(slice_of(f->entries[i].text), 200));
        buf_add_str(out, i > 0 ? "<br>" : "");
        html_add_buf(out, &text);
    }
}

static bool add_values(struct buf *out, const struct alert *a)
{
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        const struct fact *seen = alert_fact(a, values[i].seen), *usual = alert_fact(a, values[i].usual);

        if (!seen || !usual || !fact_is_list(seen) || !fact_is_list(usual))
            continue;
        buf_addf(out, "<div class=\"scroll\"><table class=\"cards\"><thead><tr><th scope=\"col\">%s</th><th scope=\"col\">Usual, "
                      "with how often it comes</th></tr></thead><tbody><tr><td class=\"seen\">", values[i].words);
        add_texts(out, seen);
        buf_add_str(out, "</td><td data-label=\"usual\">");
        add_texts(out, usual);
        buf_add_str(out, "</td></tr></tbody></table></div>\n");
        return true;
    }
    return false;
}

void compare_add(struct buf *out, const struct alert *a)
{
    CLEANUP(buf_release) struct buf part = BUF_INIT(1u << 20);
    bool has_numbers = add_numbers(&part, a), has_values = add_values(&part, a);

    buf_take_refusal(out, &part);
    if (!has_numbers && !has_values)
        return;
    add_hours(&part, a);
    buf_add_str(out, "<h2>Usual against observed</h2>\n");
    buf_add_buf(out, &part);
}

/* ---- requests ------------------------------------------------------------------------------------------------------------ */

static bool add_map(struct buf *out, const struct alert *a, const char *name, const char *title)
{
    const struct fact *f = alert_fact(a, name);
    struct bar bars[BARS_MAX];
    size_t n = 0;

    for (; f && f->kind == FACT_MAP && n < f->len && n < BARS_MAX; n++)
        bars[n] = (struct bar){ .words = f->entries[n].text, .number = f->entries[n].number,
                                .kind = strcmp(name, "statusCodes") == 0 && f->entries[n].text[0] != '2' ? SEEN : USUAL };
    if (n == 0)
        return false;
    buf_addf(out, "<div><h3>%s</h3>", title);
    add_bars(out, bars, n, COUNT);
    buf_add_str(out, "</div>\n");
    return true;
}

void compare_add_requests(struct buf *out, const struct alert *a)
{
    CLEANUP(buf_release) struct buf part = BUF_INIT(1u << 20);
    bool has_operations = add_map(&part, a, "operations", "Operations");
    bool has_answers = add_map(&part, a, "statusCodes", "Answers by status");

    buf_take_refusal(out, &part);
    if (!has_answers && !has_operations)
        return;
    buf_add_str(out, "<h2>What was asked</h2><div class=\"pair\">\n");
    buf_add_buf(out, &part);
    buf_add_str(out, "</div>\n");
}
