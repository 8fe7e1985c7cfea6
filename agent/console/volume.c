/* volume.c - see volume.h. Hours are told in UTC, amounts on a logarithmic scale: what is unusual is ten and a hundred times
 * the usual. SPDX-License-Identifier: Apache-2.0 */
#include "console/volume.h"

#include "base/buf.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "baseline/baseline.h"
#include "console/html.h"
#include "console/view.h"
#include "store/store.h"

#include <math.h>
#include <string.h>

#define BANDS_MAX 6     /* that a page has room for */
#define SHADES 5
#define CELL 20
#define LEFT 44         /* room for the names of days */
#define DAY_HEIGHT 120
#define LOWEST 4096     /* bytes: what a band takes for nothing */
#define ABOVE_SHOWN 4

static const char *const days[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

static double log_share(int64_t bytes, int64_t highest)
{
    double share = bytes > 0 ? log2((double)bytes / LOWEST + 1) / log2((double)highest / LOWEST + 1) : 0;

    return share > 1 ? 1 : share;
}

static void add_hours_below(struct buf *out, int y)
{
    for (int hour = 0; hour < 24; hour += 6)
        buf_addf(out, "<text x=\"%d\" y=\"%d\">%02d</text>", LEFT + hour * CELL, y, hour);
}

/* ---- a week ----------------------------------------------------------------------------------------------------------- */

struct week {
    int64_t lowest, highest; /* of the active ones */
    int day, hour, active; /* the busiest; how many there are */
};

static struct week look_at_week(const struct baseline_hours *h)
{
    struct week w = { 0 };

    for (int day = 0; day < 7; day++)
        for (int hour = 0; hour < 24; hour++) {
            int64_t bytes = h->usual[day][hour];

            w.active += bytes > 0;
            w.lowest = bytes > 0 && (w.lowest == 0 || bytes < w.lowest) ? bytes : w.lowest;
            if (bytes <= w.highest)
                continue;
            w.highest = bytes;
            w.day = day;
            w.hour = hour;
        }
    return w;
}

/* 0: quiet. The least active hour has the lightest shade, the busiest the strongest. */
static int shade_of(const struct week *w, int64_t bytes)
{
    double span = log2((double)w->highest) - log2((double)(w->lowest > 0 ? w->lowest : 1));
    double share = bytes > 0 && span > 0.1 ? (log2((double)bytes) - log2((double)w->lowest)) / span : 1;

    return bytes <= 0 ? 0 : 1 + (int)lround(share * (SHADES - 1));
}

/* All squares of a shade are one path: a picture of two kilobytes, not twenty. */
static void add_shade(struct buf *out, const struct baseline_hours *h, const struct week *w, int shade)
{
    buf_addf(out, "<path class=\"h%d\" d=\"", shade);
    for (int day = 0; day < 7; day++)
        for (int hour = 0; hour < 24; hour++)
            if (shade_of(w, h->usual[day][hour]) == shade)
                buf_addf(out, "M%d %dh%dv%dh-%dz", LEFT + hour * CELL, day * CELL, CELL - 2, CELL - 2, CELL - 2);
    buf_add_str(out, "\"/>");
}

static void add_week_words(struct buf *out, const struct week *w)
{
    buf_addf(out, "Active in %d of the 168 hours of a week, most on %s at %02d:00 with ", w->active, days[w->day], w->hour);
    fmt_bytes(out, w->highest);
}

void volume_add_week(struct buf *out, const struct baseline_hours *h)
{
    struct week w = look_at_week(h);

    buf_addf(out, "<figure><svg class=\"week\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"What each hour of a week usually "
                  "reaches: ", LEFT + 24 * CELL, 7 * CELL + 18);
    add_week_words(out, &w);
    buf_add_str(out, "\">");
    for (int shade = 0; shade <= SHADES; shade++)
        add_shade(out, h, &w, shade);
    for (int day = 0; day < 7; day++)
        buf_addf(out, "<text x=\"0\" y=\"%d\">%s</text>", day * CELL + 14, days[day]);
    add_hours_below(out, 7 * CELL + 14);
    buf_add_str(out, "</svg><figcaption>A usual week. ");
    add_week_words(out, &w);
    buf_add_str(out, ".</figcaption></figure>\n");
}

/* ---- the newest day ------------------------------------------------------------------------------------------------------ */

static bool is_above(const struct baseline_hour *o)
{
    return o->seen > LOWEST && o->seen > o->p99;
}

static double day_y(int64_t bytes, int64_t highest)
{
    return DAY_HEIGHT - (DAY_HEIGHT - 6) * log_share(bytes, highest);
}

/* The band reaches from what is usual to what 99 of 100 such hours stay below; a step wider is drawn where both are the
 * same. */
static void add_band(struct buf *out, const struct baseline_hours *h, int64_t highest)
{
    buf_add_str(out, "<path class=\"band\" d=\"");
    for (int hour = 0; hour < 24; hour++) {
        const struct baseline_hour *o = &h->day[hour];
        double top = day_y(o->p99, highest) - 1, bottom = day_y(o->usual, highest) + 1;

        if (o->usual > 0)
            buf_addf(out, "M%d %.0fh%dV%.0fh-%dz", LEFT + hour * CELL, top, CELL, bottom, CELL);
    }
    buf_add_str(out, "\"/>");
}

/* A line through the hours with rows, broken where there were none. */
static void add_line(struct buf *out, const struct baseline_hours *h, int64_t highest)
{
    bool is_on = false;

    buf_add_str(out, "<path class=\"line\" d=\"");
    for (int hour = 0; hour < 24; hour++) {
        if (h->day[hour].seen > 0)
            buf_addf(out, "%s%d %.0f", is_on ? "L" : "M", LEFT + hour * CELL + CELL / 2, day_y(h->day[hour].seen, highest));
        is_on = h->day[hour].seen > 0;
    }
    buf_add_str(out, "\"/>");
    for (int hour = 0; hour < 24; hour++)
        if (h->day[hour].seen > 0)
            buf_addf(out, "<circle class=\"%s\" cx=\"%d\" cy=\"%.0f\" r=\"%d\"/>",
                     is_above(&h->day[hour]) ? "seen" : "within", LEFT + hour * CELL + CELL / 2, day_y(h->day[hour].seen, highest), is_above(&h->day[hour]) ? 5 : 3);
}

static void add_day_words(struct buf *out, const struct baseline_hours *h)
{
    int active = 0, above = 0;

    for (int hour = 0; hour < 24; hour++)
        active += h->day[hour].seen > 0;
    buf_addf(out, "%d hours with reads", active);
    for (int hour = 0; hour < 24; hour++) {
        const struct baseline_hour *o = &h->day[hour];

        if (!is_above(o) || above++ >= ABOVE_SHOWN)
            continue;
        buf_addf(out, "%s %02d:00 with ", above == 1 ? "; above the band:" : ",", hour);
        fmt_bytes(out, o->seen);
        buf_add_str(out, " (usual ");
        if (o->usual > 0)
            fmt_bytes(out, o->usual);
        else
            buf_add_str(out, "nothing");
        buf_add_char(out, ')');
    }
    if (above > ABOVE_SHOWN)
        buf_addf(out, " and %d more", above - ABOVE_SHOWN);
    else if (above == 0)
        buf_add_str(out, ", none above the band");
}

void volume_add_day(struct buf *out, const struct baseline_hours *h)
{
    CLEANUP(buf_release) struct buf date = BUF_HERE(64);
    int64_t highest = 4 * LOWEST;

    for (int hour = 0; hour < 24; hour++) {
        highest = h->day[hour].seen > highest ? h->day[hour].seen : highest;
        highest = h->day[hour].p99 > highest ? h->day[hour].p99 : highest;
    }
    time_add_iso(&date, h->day_ns, 0);
    buf_addf(out, "<figure><svg class=\"today\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%.10s against the band: ",
             LEFT + 24 * CELL, DAY_HEIGHT + 18, buf_cstr(&date));
    add_day_words(out, h);
    buf_add_str(out, "\">");
    add_band(out, h, highest);
    add_line(out, h, highest);
    buf_add_str(out, "<text x=\"0\" y=\"12\">");
    fmt_bytes(out, highest);
    buf_add_str(out, "</text>");
    add_hours_below(out, DAY_HEIGHT + 14);
    buf_addf(out, "</svg><figcaption>%.10s, the newest day, against the band from the usual to what 99 of 100 such hours "
                  "stay below: ", buf_cstr(&date));
    add_day_words(out, h);
    buf_add_str(out, ".</figcaption></figure>\n");
}

/* ---- bands ---------------------------------------------------------------------------------------------------------------- */

struct bands {
    struct view *v;
    int n;
    bool of_readers; /* second pass */
};

static int add_band_row(void *self, const struct baseline_row *row, struct error *err UNUSED)
{
    struct bands *b = self;
    struct buf *out = b->v->out;
    struct baseline_hours hours;

    if (slice_starts(row->label, SL("all readers")) == b->of_readers || b->n >= BANDS_MAX ||
        !baseline_hours_row(b->v->baseline, row, &hours))
        return 0;
    if (b->n++ == 0)
        buf_add_str(out, "<section><h2>How much is read, and when</h2><p class=\"legend\">Hours are UTC. The stronger a square, "
                         "the more is usual in that hour, on a logarithmic scale; empty ones are quiet.</p>\n");
    buf_add_str(out, "<article class=\"part\"><h3>");
    html_add(out, slice_cut(row->label, 200));
    buf_add_str(out, "</h3><div class=\"pair\">");
    volume_add_week(out, &hours);
    volume_add_day(out, &hours);
    buf_add_str(out, "</div></article>\n");
    return 0;
}

int volume_add(struct view *v, const char *account, struct error *err)
{
    struct bands b = { .v = v };

    if (store_each_baseline(v->store, account, "volume.band", add_band_row, &b, err) < 0)
        return -1;
    b.of_readers = true;
    if (store_each_baseline(v->store, account, "volume.band", add_band_row, &b, err) < 0)
        return -1;
    if (b.n > 0)
        buf_add_str(v->out, "</section>\n");
    return 0;
}
