/* places.c - see places.h. SPDX-License-Identifier: Apache-2.0 */
#include "enrich/places.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/json_out.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "enrich/country.h"
#include "enrich/mmdb.h"
#include "enrich/prefix.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define DATABASES_MAX 16
#define SETS 2048 /* of remembered addresses; a power of two */
#define WAYS 4
#define REMEMBERED ((size_t)SETS * WAYS)
#define ROW_PLACE_MAX 1024
#define EARTH_KM 6371.0

/* Systems of Microsoft: its own network, its peering and its services. */
static const int64_t microsoft_systems[] = { 8075, 8068, 8069, 12076 };

struct database {
    char *path;
    MMDB_s mmdb;
    struct stat seen;        /* of the file that is open */
    struct stat refused;     /* of one that could not be opened: said once */
    char name[96];
    bool is_open, has_countries, has_networks;
};

struct found { /* what the files and the row say of one address */
    struct address address;
    uint64_t row_hash;
    bool is_used;
    char country[40], city[64], org[96];
    const char *source;
    double lat, lon;
    int64_t asn;
};

struct places {
    struct database each[DATABASES_MAX];
    size_t len;
    bool rows_tell;
    struct found *remembered; /* SETS of WAYS, the newest first */
};

/* ---- settings ------------------------------------------------------------------------------------ */

const struct option_spec places_options[] = {
    { .key = "databases", .type = OPT_STRING_LIST, .at = offsetof(struct places_settings, databases), .file = OPTION_FILE_LIST,
      .max = DATABASES_MAX, .example = "[/var/lib/GeoIP/GeoLite2-City.mmdb, /var/lib/GeoIP/GeoLite2-ASN.mmdb]",
      .help = ".mmdb files that say where an address is; asked before the workspace, read again when they change" },
    { 0 },
};

/* ---- one .mmdb file ------------------------------------------------------------------------------- */

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec; /* of content and rights */
}

static void name_database(struct database *d, const char *path)
{
    CLEANUP(buf_release) struct buf day = BUF_HERE(40);
    const char *base = strrchr(path, '/');
    const char *type = d->mmdb.metadata.database_type;
    uint64_t build = d->mmdb.metadata.build_epoch;

    if (build > INT64_MAX / NS_PER_S)
        build = 0; /* damaged, but it may answer all the same */
    time_add_iso(&day, (int64_t)build * NS_PER_S, 0);
    (void)snprintf(d->name, sizeof d->name, "%.60s of %.10s", type && *type ? type : base ? base + 1 : path,
                   buf_cstr(&day));
}

static bool find_text(MMDB_lookup_result_s *at, const char *const *path, struct slice *ret)
{
    MMDB_entry_data_s data;

    if (!mmdb_value(&at->entry, path, &data) || data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size == 0)
        return false;
    *ret = slice_make(data.utf8_string, data.data_size);
    return true;
}

static bool find_number(MMDB_lookup_result_s *at, const char *const *path, double *ret)
{
    MMDB_entry_data_s data;
    struct slice text;

    if (!mmdb_value(&at->entry, path, &data))
        return false;
    switch (data.type) {
    case MMDB_DATA_TYPE_DOUBLE:
        *ret = data.double_value;
        return isfinite(*ret);
    case MMDB_DATA_TYPE_FLOAT:
        *ret = (double)data.float_value;
        return isfinite(*ret);
    case MMDB_DATA_TYPE_UINT16:
        *ret = data.uint16;
        return true;
    case MMDB_DATA_TYPE_UINT32:
        *ret = data.uint32;
        return true;
    case MMDB_DATA_TYPE_UTF8_STRING: /* "AS15169", "52.37" */
        text = slice_make(data.utf8_string, data.data_size);
        if (slice_starts_nocase(text, SL("AS")))
            text = slice_make(text.at + 2, text.len - 2);
        return parse_real(text, ret);
    default:
        return false;
    }
}

#define PATHS_MAX 4
#define PATH_MAX_KEYS 5

/* MaxMind's layout first, then the flat ones that are about. */
static const char *const country_paths[PATHS_MAX][PATH_MAX_KEYS] = {
    { "country", "iso_code" }, { "country_code" }, { "country" }, { "registered_country", "iso_code" },
};
static const char *const city_paths[PATHS_MAX][PATH_MAX_KEYS] = { { "city", "names", "en" }, { "city" } };
static const char *const lat_paths[PATHS_MAX][PATH_MAX_KEYS] = { { "location", "latitude" }, { "latitude" },
                                                                 { "lat" } };
static const char *const lon_paths[PATHS_MAX][PATH_MAX_KEYS] = { { "location", "longitude" }, { "longitude" },
                                                                 { "lng" }, { "lon" } };
static const char *const asn_paths[PATHS_MAX][PATH_MAX_KEYS] = {
    { "autonomous_system_number" }, { "traits", "autonomous_system_number" }, { "asn" }, { "as_number" },
};
static const char *const org_paths[PATHS_MAX][PATH_MAX_KEYS] = {
    { "autonomous_system_organization" }, { "traits", "autonomous_system_organization" }, { "as_name" },
    { "as_organization" },
};

static bool any_text(MMDB_lookup_result_s *at, const char *const paths[][PATH_MAX_KEYS], struct slice *ret)
{
    for (size_t i = 0; i < PATHS_MAX && paths[i][0]; i++)
        if (find_text(at, paths[i], ret))
            return true;
    return false;
}

static bool any_number(MMDB_lookup_result_s *at, const char *const paths[][PATH_MAX_KEYS], double *ret)
{
    for (size_t i = 0; i < PATHS_MAX && paths[i][0]; i++)
        if (find_number(at, paths[i], ret))
            return true;
    return false;
}

static void keep(char *room, size_t size, struct slice text)
{
    (void)snprintf(room, size, "%.*s", SLF(slice_cut(text, size - 1)));
}

static void keep_country(struct found *f, struct slice text, const char *source)
{
    const char *code = country_code(text);

    keep(f->country, sizeof f->country, code ? slice_of(code) : text);
    f->source = source;
}

static bool look_up(MMDB_s *mmdb, const struct address *a, MMDB_lookup_result_s *ret)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    bool is_v4 = address_is_v4(a);
    int rc = MMDB_SUCCESS;

    memcpy(&v4.sin_addr, a->at + 12, 4);
    memcpy(&v6.sin6_addr, a->at, 16);
    *ret = MMDB_lookup_sockaddr(mmdb, is_v4 ? (const struct sockaddr *)(const void *)&v4
                                            : (const struct sockaddr *)(const void *)&v6, &rc);
    return rc == MMDB_SUCCESS && ret->found_entry;
}

static void ask_database(struct database *d, struct found *f)
{
    MMDB_lookup_result_s at;
    struct slice text;
    double number;

    if (!d->is_open || !look_up(&d->mmdb, &f->address, &at))
        return;
    if (!f->country[0] && any_text(&at, country_paths, &text)) {
        keep_country(f, text, d->name);
        d->has_countries = true;
        if (any_text(&at, city_paths, &text))
            keep(f->city, sizeof f->city, text);
        if (!any_number(&at, lat_paths, &f->lat) || !any_number(&at, lon_paths, &f->lon) ||
            fabs(f->lat) > 90 || fabs(f->lon) > 180)
            f->lat = f->lon = NAN;
    }
    if (!f->asn && any_number(&at, asn_paths, &number) && number >= 1 && number <= UINT32_MAX) {
        f->asn = (int64_t)number;
        d->has_networks = true;
        if (any_text(&at, org_paths, &text))
            keep(f->org, sizeof f->org, text);
    }
}

/* What a file can tell is seen at well-known addresses, so that "no source" is said before the first row. */
static void probe_database(struct database *d)
{
    static const char *const known[] = { "8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", "9.9.9.9" };

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        struct found f = { .lat = NAN, .lon = NAN };

        if (address_parse(slice_of(known[i]), &f.address))
            ask_database(d, &f);
    }
}

static int open_database(struct database *d, const char *path, struct error *err)
{
    struct stat now;
    MMDB_s mmdb;

    if (stat(path, &now) < 0)
        return error_errno(err, ERR_IO, errno, "'%s'", path);
    if (mmdb_open(path, &mmdb, err) < 0) {
        if (err->code != ERR_NOMEM)
            d->refused = now;
        return -1;
    }
    if (d->is_open)
        MMDB_close(&d->mmdb);
    d->mmdb = mmdb;
    d->seen = now;
    d->is_open = true;
    d->has_countries = d->has_networks = false;
    name_database(d, path);
    probe_database(d);
    return 0;
}

/* ---- life ----------------------------------------------------------------------------------------- */

struct places *places_new(void)
{
    struct places *p = calloc(1, sizeof(*p));

    if (p)
        p->remembered = calloc(REMEMBERED, sizeof(*p->remembered));
    if (p && !p->remembered) {
        free(p);
        return NULL;
    }
    return p;
}

void places_free(struct places *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->len; i++) {
        if (p->each[i].is_open)
            MMDB_close(&p->each[i].mmdb);
        free(p->each[i].path);
    }
    free(p->remembered);
    free(p);
}

int places_add_database(struct places *p, const char *path, enum places_when when, struct error *err)
{
    struct database *d;
    int rc;

    if (p->len == DATABASES_MAX)
        return error_set(err, ERR_LIMIT, "more than %d databases of places", DATABASES_MAX);
    d = &p->each[p->len];
    *d = (struct database){ .path = strdup(path) };
    if (!d->path)
        return error_set(err, ERR_NOMEM, "databases of places");
    rc = open_database(d, path, err);
    if (rc == 0 || when == PLACES_LATER)
        p->len++;
    else
        free(d->path);
    return rc;
}

int places_refresh(struct places *p, struct error *err)
{
    int opened = 0;
    bool failed = false;

    for (size_t i = 0; i < p->len; i++) {
        struct database *d = &p->each[i];
        struct stat now;

        /* A file that is gone for a moment is being replaced; the mapped one still answers. */
        if (stat(d->path, &now) < 0 || is_same_file(&now, &d->seen) || is_same_file(&now, &d->refused))
            continue;
        if (open_database(d, d->path, err) < 0)
            failed = true;
        else
            opened++;
    }
    if (opened > 0)
        memset(p->remembered, 0, REMEMBERED * sizeof(*p->remembered));
    return failed ? -1 : opened;
}

bool places_know_countries(const struct places *p)
{
    for (size_t i = 0; i < p->len; i++)
        if (p->each[i].has_countries)
            return true;
    return p->rows_tell;
}

bool places_know_networks(const struct places *p)
{
    for (size_t i = 0; i < p->len; i++)
        if (p->each[i].has_networks)
            return true;
    return false;
}

/* ---- the row's own word ----------------------------------------------------------------------------- */

static struct slice text_member(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_string))
        return SL("");
    return slice_make(json_object_get_string(v), (size_t)json_object_get_string_len(v));
}

static double number_member(struct json_object *o, const char *key, double most)
{
    struct json_object *v = NULL;
    double d;

    if (!json_object_object_get_ex(o, key, &v) ||
        (!json_object_is_type(v, json_type_double) && !json_object_is_type(v, json_type_int)))
        return NAN;
    d = json_object_get_double(v);
    return fabs(d) <= most ? d : (double)NAN;
}

bool place_read(struct slice text, struct place_said *ret)
{
    struct json_tokener *tok = NULL;
    struct json_object *o = NULL;
    bool is_place = false;

    *ret = (struct place_said){ .lat = (double)NAN, .lon = (double)NAN };
    if (text.len == 0 || text.len > ROW_PLACE_MAX || text.at[0] != '{')
        return false;
    tok = json_tokener_new_ex(4);
    o = tok ? json_tokener_parse_ex(tok, text.at, (int)text.len) : NULL;
    ret->is_refused = !o && (!tok || json_tokener_get_error(tok) == json_tokener_success);
    if (tok)
        json_tokener_free(tok);
    if (o && json_object_is_type(o, json_type_object)) {
        keep(ret->country, sizeof ret->country, text_member(o, "country"));
        keep(ret->city, sizeof ret->city, text_member(o, "city"));
        ret->lat = number_member(o, "latitude", 90);
        ret->lon = number_member(o, "longitude", 180);
        if (isnan(ret->lat) || isnan(ret->lon))
            ret->lat = ret->lon = (double)NAN;
        is_place = ret->country[0];
    }
    json_object_put(o);
    return is_place;
}

static void read_row(struct found *f, struct slice text)
{
    struct place_said said;

    if (!place_read(text, &said))
        return;
    keep_country(f, slice_of(said.country), "workspace");
    keep(f->city, sizeof f->city, slice_of(said.city));
    f->lat = said.lat;
    f->lon = said.lon;
}

void place_words(struct slice text, struct buf *out)
{
    struct place_said said;

    if (!place_read(text, &said)) {
        out->failed |= said.is_refused;
        buf_add_slice(out, text);
        return;
    }
    buf_addf(out, "%s%s%s", said.city, said.city[0] ? ", " : "", said.country);
}

/* ---- the question ----------------------------------------------------------------------------------- */

static const struct found *find(struct places *p, const struct address *a, struct slice row_place)
{
    uint64_t row_hash = slice_empty(row_place) ? 0 : hash64(row_place.at, row_place.len, 7);
    struct found *f = &p->remembered[WAYS * (hash64(a->at, sizeof a->at, row_hash) & (SETS - 1))];

    for (size_t i = 0; i < WAYS && f[i].is_used; i++)
        if (f[i].row_hash == row_hash && memcmp(&f[i].address, a, sizeof *a) == 0)
            return &f[i];
    memmove(f + 1, f, (WAYS - 1) * sizeof *f); /* the oldest leaves */
    *f = (struct found){ .address = *a, .row_hash = row_hash, .is_used = true, .source = "", .lat = NAN,
                         .lon = NAN };
    for (size_t i = 0; i < p->len; i++)
        ask_database(&p->each[i], f);
    if (!f->country[0])
        read_row(f, row_place);
    return f;
}

static bool is_microsoft(int64_t asn, const char *org)
{
    for (size_t i = 0; i < ARRAY_LEN(microsoft_systems); i++)
        if (asn == microsoft_systems[i])
            return true;
    return slice_starts_nocase(slice_of(org), SL("microsoft"));
}

#define AZURE_ASN 8075

static void add_network(const struct network *net, struct place *ret)
{
    const char *code = country_code(slice_of(net->country));

    ret->network = net->name;
    ret->is_trusted = net->is_trusted;
    ret->is_microsoft = net->is_microsoft;
    ret->is_azure = net->is_azure;
    ret->is_azure_service = net->is_azure_service;
    if (net->is_azure) {
        ret->asn = AZURE_ASN;
        ret->org = "Azure";
    }
    if (net->asn) {
        ret->asn = net->asn;
        ret->org = net->org;
    }
    if (!net->country[0])
        return;
    ret->country = code ? code : net->country;
    ret->city = net->city;
    ret->lat = net->lat;
    ret->lon = net->lon;
    ret->source = "networks";
}

void places_find(struct places *p, const struct network *net, struct slice address, struct slice row_place,
                 struct place *ret)
{
    struct address a;

    *ret = (struct place){ .country = "", .city = "", .org = "", .source = "", .network = "", .region = "", .lat = NAN,
                           .lon = NAN };
    if (!slice_empty(row_place))
        p->rows_tell = true;
    if ((p->len || !slice_empty(row_place)) && address_parse(address, &a)) {
        const struct found *f = find(p, &a, row_place);

        ret->country = f->country;
        ret->city = f->city;
        ret->org = f->org;
        ret->source = f->source;
        ret->lat = f->lat;
        ret->lon = f->lon;
        ret->asn = f->asn;
    }
    if (net)
        add_network(net, ret);
    ret->is_microsoft = !ret->is_azure && (ret->is_microsoft || is_microsoft(ret->asn, ret->org));
}

/* ---- words and distance ------------------------------------------------------------------------------ */

struct slice place_text(const struct place *p, char room[PLACE_TEXT_MAX])
{
    CLEANUP(buf_release) struct buf out = BUF_HERE(PLACE_TEXT_MAX - 1);
    const char *name = country_name(slice_of(p->country));

    if (!p->country[0])
        return SL("");
    buf_add_str(&out, "{\"country\":");
    json_add_string(&out, slice_of(name ? name : p->country));
    buf_add_str(&out, ",\"city\":");
    json_add_string(&out, slice_of(p->city));
    if (!isnan(p->lat) && !isnan(p->lon))
        buf_addf(&out, ",\"latitude\":%.4f,\"longitude\":%.4f", p->lat, p->lon);
    buf_add_char(&out, '}');
    if (out.failed)
        return SL("");
    memcpy(room, buf_cstr(&out), out.len + 1);
    return slice_make(room, out.len);
}

double place_distance_km(double lat1, double lon1, double lat2, double lon2)
{
    const double rad = 3.14159265358979323846 / 180;
    double a = sin((lat2 - lat1) * rad / 2), b = sin((lon2 - lon1) * rad / 2);
    double h = a * a + cos(lat1 * rad) * cos(lat2 * rad) * b * b;

    return isnan(h) ? (double)NAN : 2 * EARTH_KM * asin(sqrt(h > 1 ? 1 : h));
}
