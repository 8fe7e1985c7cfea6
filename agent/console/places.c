/* places.c - see places.h. SPDX-License-Identifier: Apache-2.0 */
#include "console/places.h"

#include "alert/alert.h"
#include "base/buf.h"
#include "baseline/baseline.h"
#include "console/html.h"
#include "console/view.h"
#include "console/world.h"
#include "enrich/country.h"
#include "enrich/places.h"
#include "store/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_MAX 20
#define USUAL_MAX 64
#define USUAL_WORDS 8  /* named below the map */
#define USUAL_DAYS 3   /* of the last sixty: a place that came once is none to come home to */
#define MAP_TOP 84     /* degrees north */
#define MAP_WIDTH 720
#define MAP_HEIGHT 282

struct spot {
    char name[136];
    double lat, lon; /* NAN: unknown */
    int days;        /* of the last sixty */
};

struct spots {
    const struct baseline *baseline;
    struct spot seen[SEEN_MAX], usual[USUAL_MAX];
    size_t seen_len, usual_len;
    bool is_refused; /* memory, to one of them */
};

static bool is_placed(const struct spot *s)
{
    return !isnan(s->lat) && !isnan(s->lon);
}

/* The country's English name; where nobody said more, its middle. */
static void settle(struct spot *s, const char *country, const char *city)
{
    const char *code = country_code(slice_of(country));
    const char *name = code ? country_name(slice_of(code)) : country;

    (void)snprintf(s->name, sizeof s->name, "%s%s%s", city, city[0] ? ", " : "", name);
    if (!is_placed(s) && code)
        (void)country_middle(slice_of(code), &s->lat, &s->lon);
}

/* ---- where they were ---------------------------------------------------------------------------------------------- */

static void see(struct spots *all, const char *text)
{
    struct spot *s = &all->seen[all->seen_len];
    struct place_said said;

    if (!text[0] || all->seen_len == SEEN_MAX)
        return;
    if (place_read(slice_of(text), &said)) {
        *s = (struct spot){ .lat = said.lat, .lon = said.lon };
        settle(s, said.country, said.city);
    } else {
        all->is_refused |= said.is_refused;
        *s = (struct spot){ .lat = (double)NAN, .lon = (double)NAN };
        settle(s, text, "");
    }
    all->seen_len++;
}

static void find_seen(struct spots *all, const struct alert *a)
{
    const struct fact *f = alert_fact(a, "place");

    for (size_t i = 0; f && fact_is_list(f) && i < f->len; i++)
        see(all, f->entries[i].text);
    if (all->seen_len == 0 && strcmp(a->detector, "unusual_place") == 0)
        see(all, alert_text(a, "observedValue"));
}

/* ---- where they usually are ------------------------------------------------------------------------------------------ */

static int add_usual(void *self, const struct baseline_row *row, struct error *err UNUSED)
{
    struct spots *all = self;
    struct baseline_place place;
    struct spot s;

    if (!baseline_place_row(all->baseline, row, &place) || place.days < USUAL_DAYS)
        return 0;
    s = (struct spot){ .lat = place.lat, .lon = place.lon, .days = place.days };
    settle(&s, place.name, "");
    for (size_t i = 0; i < all->usual_len; i++) { /* the places of several principals in one country, and the country */
        struct spot *known = &all->usual[i];

        if (strcmp(known->name, s.name) != 0)
            continue;
        known->days = known->days > s.days ? known->days : s.days;
        if (isnan(place.lat) || (known->lat == s.lat && known->lon == s.lon))
            return 0;
    }
    if (all->usual_len < USUAL_MAX)
        all->usual[all->usual_len++] = s;
    return 0;
}

static int most_days_first(const void *a, const void *b)
{
    const struct spot *x = a, *y = b;

    return x->days != y->days ? y->days - x->days : strcmp(x->name, y->name);
}

static int find_usual(struct view *v, struct spots *all, const char *account, struct error *err)
{
    if (!account[0])
        return 0;
    if (store_each_baseline(v->store, account, "usual.value", add_usual, all, err) < 0)
        return -1;
    qsort(all->usual, all->usual_len, sizeof all->usual[0], most_days_first);
    return 0;
}

static const struct spot *nearest(const struct spots *all, const struct spot *to, double *ret_km)
{
    const struct spot *best = NULL;

    for (size_t i = 0; is_placed(to) && i < all->usual_len; i++) {
        double km = place_distance_km(to->lat, to->lon, all->usual[i].lat, all->usual[i].lon);

        if (isnan(km) || (best && km >= *ret_km))
            continue;
        best = &all->usual[i];
        *ret_km = km;
    }
    return best;
}

/* ---- words ------------------------------------------------------------------------------------------------------------ */

static void add_km(struct buf *out, double km)
{
    if (km < 100)
        buf_add_str(out, "less than 100 km");
    else
        buf_addf(out, "about %d km", (int)(km / 10) * 10);
}

static void add_seen_words(struct buf *out, const struct spots *all)
{
    for (size_t i = 0; i < all->seen_len; i++) {
        double km = 0;
        const struct spot *home = nearest(all, &all->seen[i], &km);

        buf_add_str(out, "<li class=\"seen\">Seen: <strong>");
        html_add_str(out, all->seen[i].name);
        buf_add_str(out, "</strong>");
        if (home) {
            buf_add_str(out, ", ");
            add_km(out, km);
            buf_add_str(out, " from the nearest usual place, ");
            html_add_str(out, home->name);
        }
        buf_add_str(out, "</li>");
    }
}

static void add_usual_words(struct buf *out, const struct spots *all)
{
    size_t shown = 0;

    buf_add_str(out, "<li class=\"usual\">Usual for the account: ");
    for (size_t i = 0; i < all->usual_len; i++) {
        if (i > 0 && strcmp(all->usual[i].name, all->usual[i - 1].name) == 0)
            continue;
        if (shown++ == USUAL_WORDS)
            break;
        buf_add_str(out, shown > 1 ? ", " : "");
        html_add_str(out, all->usual[i].name);
        buf_addf(out, " (%d of the last 60 days)", all->usual[i].days);
    }
    buf_addf(out, "%s</li>", all->usual_len == 0 ? "no place was learned yet" : shown > USUAL_WORDS ? " and others" : "");
}

/* ---- the map ------------------------------------------------------------------------------------------------------------ */

static double map_x(const struct spot *s)
{
    return (s->lon + 180) * MAP_WIDTH / 360;
}

static double map_y(const struct spot *s)
{
    double y = (MAP_TOP - s->lat) * MAP_WIDTH / 360;

    return y < 4 ? 4 : y > MAP_HEIGHT - 4 ? MAP_HEIGHT - 4 : y;
}

static void add_dot(struct buf *out, const struct spot *s, const char *class, int radius)
{
    if (!is_placed(s))
        return;
    buf_addf(out, "<circle class=\"%s\" cx=\"%.0f\" cy=\"%.0f\" r=\"%d\"><title>", class, map_x(s), map_y(s), radius);
    html_add_str(out, s->name);
    buf_add_str(out, "</title></circle>");
}

static void add_way(struct buf *out, const struct spots *all, const struct spot *seen)
{
    double km = 0;
    const struct spot *home = nearest(all, seen, &km);

    if (home && fabs(home->lon - seen->lon) <= 180) /* the other way round would leave the map */
        buf_addf(out, "<line class=\"way\" x1=\"%.0f\" y1=\"%.0f\" x2=\"%.0f\" y2=\"%.0f\"/>", map_x(home), map_y(home),
                 map_x(seen), map_y(seen));
}

static void add_lines(struct buf *out)
{
    buf_add_str(out, "<path class=\"lines\" d=\"");
    for (int lon = -150; lon < 180; lon += 30)
        buf_addf(out, "M%d 0V%d", (lon + 180) * 2, MAP_HEIGHT);
    for (int lat = -30; lat <= 60; lat += 30)
        buf_addf(out, "M0 %dH%d", (MAP_TOP - lat) * 2, MAP_WIDTH);
    buf_add_str(out, "\"/>");
}

static void add_map(struct buf *out, const struct spots *all)
{
    buf_addf(out, "<svg class=\"map\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Map of the world with the places named "
                  "below\"><path class=\"land\" transform=\"translate(%d %d) scale(2 -2)\" fill-rule=\"evenodd\" d=\"%s\"/>",
             MAP_WIDTH, MAP_HEIGHT, MAP_WIDTH / 2, MAP_TOP * 2, world_coasts);
    add_lines(out);
    for (size_t i = 0; i < all->seen_len; i++)
        add_way(out, all, &all->seen[i]);
    for (size_t i = all->usual_len; i-- > 0;)
        add_dot(out, &all->usual[i], "usual", 4);
    for (size_t i = 0; i < all->seen_len; i++)
        add_dot(out, &all->seen[i], "seen", 6);
    buf_add_str(out, "</svg>");
}

static bool has_place(const struct spot *each, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_placed(&each[i]))
            return true;
    return false;
}

static void add_section(struct buf *out, const struct spots *all, const char *title)
{
    buf_addf(out, "<section><h2>%s</h2>", title);
    if (has_place(all->seen_len ? all->seen : all->usual, all->seen_len ? all->seen_len : all->usual_len))
        add_map(out, all);
    buf_add_str(out, "<ul class=\"places\">");
    add_seen_words(out, all);
    add_usual_words(out, all);
    buf_add_str(out, "</ul><p class=\"legend\">A country of which no city is known stands in its middle.</p></section>\n");
}

int places_add_of_alert(struct view *v, const struct alert *a, struct error *err)
{
    struct spots all = { .baseline = v->baseline };

    find_seen(&all, a);
    v->out->failed |= all.is_refused;
    if (all.seen_len == 0)
        return 0;
    if (find_usual(v, &all, a->account, err) < 0)
        return -1;
    add_section(v->out, &all, "Where it came from");
    return 0;
}

int places_add_of_account(struct view *v, const char *account, struct error *err)
{
    struct spots all = { .baseline = v->baseline };

    if (find_usual(v, &all, account, err) < 0)
        return -1;
    if (all.usual_len > 0)
        add_section(v->out, &all, "Usual places");
    return 0;
}
