/* networks.c - see networks.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/networks.h"

#include "base/arena.h"
#include "base/num.h"
#include "base/timeutil.h"

#include <math.h>
#include <stdlib.h>

struct network_table {
    struct prefix *ranges;
    struct network *each;
    size_t len, cap;
    struct arena texts;
};

struct network_table *network_table_new(void)
{
    struct network_table *t = calloc(1, sizeof(*t));

    if (t)
        t->texts = ARENA_INIT(0);
    return t;
}

void network_table_free(struct network_table *t)
{
    if (!t)
        return;
    free(t->ranges);
    free(t->each);
    arena_release(&t->texts);
    free(t);
}

void network_table_freep(struct network_table **t)
{
    network_table_free(*t);
    *t = NULL;
}

size_t network_table_len(const struct network_table *t)
{
    return t->len;
}

const struct prefix *network_table_ranges(const struct network_table *t)
{
    return t->ranges;
}

const struct network *network_table_at(const struct network_table *t, size_t i)
{
    return &t->each[i];
}

static bool grow(struct network_table *t)
{
    size_t cap = t->cap ? 2 * t->cap : 32;
    struct prefix *ranges;
    struct network *each;

    if (t->len < t->cap)
        return true;
    ranges = realloc(t->ranges, cap * sizeof(*ranges));
    if (!ranges)
        return false;
    t->ranges = ranges;
    each = realloc(t->each, cap * sizeof(*each));
    if (!each)
        return false;
    t->each = each;
    t->cap = cap;
    return true;
}

static bool keep_text(struct network_table *t, const char **text)
{
    struct slice copy;

    if (!*text || !**text) {
        *text = "";
        return true;
    }
    if (!arena_copy(&t->texts, slice_of(*text), &copy))
        return false;
    *text = copy.at;
    return true;
}

/* Addresses announced by Microsoft's own network (AS8075), or so named, count as Microsoft's. */
static bool is_microsoft(const struct network *n)
{
    return n->is_microsoft || n->asn == 8075 || slice_starts_nocase(slice_of(n->org), SL("microsoft"));
}

int network_table_add_range(struct network_table *t, const struct prefix *range, const struct network *n,
                            struct error *err)
{
    struct network copy = *n;

    if (t->len >= NETWORKS_MAX)
        return error_set(err, ERR_LIMIT, "more than %d networks", NETWORKS_MAX);
    if (!grow(t) || !keep_text(t, &copy.name) || !keep_text(t, &copy.country) ||
        !keep_text(t, &copy.city) || !keep_text(t, &copy.org) || !keep_text(t, &copy.region))
        return error_set(err, ERR_NOMEM, "networks");
    copy.is_microsoft = is_microsoft(&copy);
    t->ranges[t->len] = *range;
    t->each[t->len++] = copy;
    return 0;
}

int network_table_add(struct network_table *t, struct slice cidr, const struct network *n,
                      struct error *err)
{
    struct prefix range;

    if (!prefix_parse(cidr, &range))
        return error_set(err, ERR_CONFIG, "'%.*s' is neither an address nor a range like 192.0.2.0/24",
                         SLF(slice_cut(cidr, 60)));
    return network_table_add_range(t, &range, n, err);
}

/* ---- CSV --------------------------------------------------------------------------------------- */

enum column { COL_CIDR, COL_NAME, COL_COUNTRY, COL_CITY, COL_LAT, COL_LON, COL_ASN, COL_ORG, COL_TRUSTED,
              COL_UNTIL, COL_COUNT };

static const char *const column_names[COL_COUNT] = {
    [COL_CIDR] = "cidr", [COL_NAME] = "name", [COL_COUNTRY] = "country", [COL_CITY] = "city",
    [COL_LAT] = "lat",   [COL_LON] = "lon",   [COL_ASN] = "asn",         [COL_ORG] = "org",
    [COL_TRUSTED] = "trusted", [COL_UNTIL] = "until",
};

struct header {
    enum column columns[COL_COUNT];
    size_t len;
};

static int read_header(struct slice line, struct header *ret, struct error *err)
{
    struct slice field;
    unsigned seen = 0;

    ret->len = 0;
    while (csv_field(&line, &field)) {
        size_t c = 0;

        while (c < COL_COUNT && !slice_eq_nocase(field, slice_of(column_names[c])))
            c++;
        if (c == COL_COUNT)
            return error_set(err, ERR_CONFIG, "column '%.*s' is none of cidr, name, country, city, lat, "
                             "lon, asn, org, trusted, until", SLF(slice_cut(field, 40)));
        if (seen & (1U << c))
            return error_set(err, ERR_CONFIG, "column '%s' stands twice", column_names[c]);
        seen |= 1U << c;
        ret->columns[ret->len++] = (enum column)c;
    }
    if (!(seen & (1U << COL_CIDR)))
        return error_set(err, ERR_CONFIG, "the header has no column 'cidr'");
    return 0;
}

static bool read_bool(struct slice s, bool *ret)
{
    static const char *const yes[] = { "true", "yes", "1" }, *const no[] = { "false", "no", "0", "" };

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (slice_eq_nocase(s, slice_of(yes[i])))
            return *ret = true, true;
    }
    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        if (slice_eq_nocase(s, slice_of(no[i])))
            return *ret = false, true;
    }
    return false;
}

bool asn_parse(struct slice s, int64_t *ret)
{
    if (slice_starts_nocase(s, SL("AS")))
        s = slice_make(s.at + 2, s.len - 2);
    return parse_i64(s, 0, UINT32_MAX, ret);
}

static bool read_degrees(struct slice s, double most, double *ret)
{
    return parse_real(s, ret) && *ret >= -most && *ret <= most;
}

/* False when the field cannot be what its column says. `text`: where the field's own copy goes. */
static bool read_field(struct network_table *t, enum column c, struct slice field, struct slice *cidr,
                       struct network *n)
{
    struct slice copy = { .at = "" };

    if (slice_empty(field))
        return c != COL_CIDR;
    switch (c) {
    case COL_CIDR:
        *cidr = field;
        return true;
    case COL_LAT:
        return read_degrees(field, 90, &n->lat);
    case COL_LON:
        return read_degrees(field, 180, &n->lon);
    case COL_ASN:
        return asn_parse(field, &n->asn);
    case COL_TRUSTED:
        return read_bool(field, &n->is_trusted);
    case COL_UNTIL:
        return time_parse_iso(field, &n->until_ns);
    case COL_NAME:
    case COL_COUNTRY:
    case COL_CITY:
    case COL_ORG:
    case COL_COUNT:
        break;
    }
    if (!arena_copy(&t->texts, slice_cut(field, 200), &copy))
        return false;
    if (c == COL_NAME)
        n->name = copy.at;
    else if (c == COL_COUNTRY)
        n->country = copy.at;
    else if (c == COL_CITY)
        n->city = copy.at;
    else
        n->org = copy.at;
    return true;
}

static void read_line(struct network_table *t, struct slice line, const struct header *h,
                      struct feed_report *report)
{
    struct network n = { .lat = NAN, .lon = NAN, .until_ns = INT64_MAX };
    struct slice field, cidr = { 0 };
    struct error err = { 0 };

    for (size_t i = 0; i < h->len && csv_field(&line, &field); i++) {
        if (!read_field(t, h->columns[i], field, &cidr, &n)) {
            feed_report_bad(report, report->lines, "'%.*s' is no %s", SLF(slice_cut(field, 40)),
                            column_names[h->columns[i]]);
            return;
        }
    }
    if (network_table_add(t, cidr, &n, &err) < 0)
        feed_report_bad(report, report->lines, "%.90s", err.msg);
    else
        report->entries++;
}

int network_table_parse_csv(struct network_table *t, struct slice bytes, struct feed_report *report,
                            struct error *err)
{
    struct header h = { .len = 0 };
    struct slice line;

    *report = (struct feed_report){ 0 };
    if (slice_starts(bytes, SL("\xef\xbb\xbf")))
        bytes = slice_make(bytes.at + 3, bytes.len - 3);
    while (slice_split(&bytes, '\n', &line)) {
        line = slice_trim(line);
        report->lines++;
        if (slice_empty(line) || line.at[0] == '#')
            continue;
        if (h.len)
            read_line(t, line, &h, report);
        else if (read_header(line, &h, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- standing facts ---------------------------------------------------------------------------- */

/* "Allow requests from the Azure portal" of the Cosmos DB firewall page: requests of the portal come from
 * these on behalf of a person whose own address is in the row of the browser's requests. */
static const char *const portal_addresses[] = {
    /* old list: public cloud, Germany, China, US Government */
    "104.42.195.92", "40.76.54.131", "52.176.6.30", "52.169.50.45", "52.187.184.26", "51.4.229.218",
    "139.217.8.252", "52.244.48.71",
    /* new list: all APIs, MongoDB, Cassandra */
    "13.91.105.215", "4.210.172.107", "13.88.56.148", "40.91.218.243", "20.245.81.54", "40.118.23.126",
    "40.80.152.199", "13.95.130.121", "40.113.96.14", "104.42.11.145", "137.117.230.240", "168.61.72.237",
    /* China, US Government */
    "163.228.137.6", "143.64.170.142", "52.131.240.99", "143.64.61.130", "40.73.99.146", "143.64.62.47",
    "52.247.163.6", "52.244.134.181", "52.244.176.112", "52.247.148.42", "52.244.50.101", "52.227.165.24",
};

int network_table_add_standing(struct network_table *t, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(portal_addresses); i++) {
        struct network n = { .name = "Azure portal middleware", .org = "Microsoft", .lat = NAN, .lon = NAN,
                             .is_microsoft = true, .until_ns = INT64_MAX };

        if (network_table_add(t, slice_of(portal_addresses[i]), &n, err) < 0)
            return -1;
    }
    return 0;
}
