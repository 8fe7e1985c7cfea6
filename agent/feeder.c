/* feeder.c - see feeder.h. One thread for all feeds: they are few and slow to change.
 * SPDX-License-Identifier: Apache-2.0 */
#include "feeder.h"

#include "apart/apart.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/timeutil.h"
#include "enrich/feed_apart.h"
#include "enrich/enrich.h"
#include "enrich/feeds.h"
#include "enrich/places.h"
#include "enrich/service_tags_apart.h"
#include "net/http.h"
#include "settings/option.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FEED_BYTES_MAX ((size_t)256 << 20)
#define RETRY_MS 60000
#define AWAIT_STEP_MS 50

const struct feeder_type feeder_types[] = {
    { "tor_exits", "exits of the Tor network: the bulk list or exit-addresses" },
    { "addresses", "your own list of bad addresses" },
    { "list", "somebody else's list of bad addresses" },
    { "stix", "indicators as a STIX 2.1 bundle" },
    { "workspace", "the workspace's own ThreatIntelIndicators table" },
    { FEEDER_AZURE, "which addresses are Azure's, by service and region: Microsoft's ServiceTags_*.json" },
    { NULL, NULL },
};

static const char *const format_names[] = { "auto", "list", "csv", "tor", "stix", "workspace", NULL };
static const char *const category_names[] = { "tor", "botnet", "c2", "phishing", "brute_force", "ransomware",
                                              "proxy", "scanner", "malicious", NULL };

const struct option_spec feeder_options[] = {
    { .key = "path", .type = OPT_STRING, .at = offsetof(struct feeder_settings, path), .file = OPTION_FILE_LIST,
      .help = "file to read; read again when it changed; one that cannot be read leaves the last good one in use", .example = "/etc/cosmowatch/bad.txt" },
    { .key = "url", .type = OPT_URL, .at = offsetof(struct feeder_settings, url),
      .help = "address to fetch it from, with ETag", .example = "https://check.torproject.org/torbulkexitlist" },
    { .key = "source", .type = OPT_STRING, .at = offsetof(struct feeder_settings, source),
      .help = "type workspace: which source's workspace (preset: the first)", .example = "prod" },
    { .key = "format", .type = OPT_ENUM, .at = offsetof(struct feeder_settings, format), .preset = "auto",
      .values = format_names, .help = "how to read it" },
    { .key = "columns", .type = OPT_STRING, .at = offsetof(struct feeder_settings, columns),
      .help = "csv without a header: its columns", .example = "address,confidence,-,note" },
    { .key = "category", .type = OPT_ENUM, .at = offsetof(struct feeder_settings, category), .preset = "malicious",
      .values = category_names, .help = "of entries that do not say" },
    { .key = "confidence", .type = OPT_INT, .at = offsetof(struct feeder_settings, confidence), .preset = "70",
      .min = 0, .max = 100, .help = "of entries that do not say, 0 to 100" },
    { .key = "refresh", .type = OPT_DURATION, .at = offsetof(struct feeder_settings, refresh_ms), .preset = "1h",
      .min = 60000, .max = INT64_C(30) * 86400000, .help = "how often to look" },
    { 0 },
};

struct feed {
    struct feeder_feed cfg;
    struct feed_options options;
    char etag[200];            /* worker's */
    struct timespec changed;   /* of the file when last read */
    int64_t due_ms;            /* monotonic */
    /* guarded by feeder->lock */
    struct feed_table *fresh;  /* waits for feeder_swap */
    struct network_table *fresh_azure; /* type azure_service_tags: instead, with the bytes it was read from */
    struct buf fresh_bytes;
    char reason[240];
    bool kept_waits;           /* flow thread's: what the store has of it waits for a reader */
    bool is_unused;            /* what came last could not be put in place: it is to come again */
    int64_t refreshed_ns, entries;
};

struct feeder {
    struct feeder_config cfg;
    struct feed *feeds;
    size_t feeds_len;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_started, is_stopping, was_asked; /* each once */
};

void feeder_add_path(struct buf *out, const char *config_dir, const char *path)
{
    if (path[0] != '/' && config_dir && access(path, F_OK) != 0)
        buf_addf(out, "%s/%s", config_dir, path);
    else
        buf_add_str(out, path);
}

static struct feed_options options_of(const struct feeder_feed *f)
{
    struct feed_options o = FEED_OPTIONS_INIT;

    o.format = (enum feed_format)f->settings->format;
    o.category = (enum feed_category)f->settings->category;
    o.confidence = (int)f->settings->confidence;
    o.columns = f->settings->columns;
    if (strcmp(f->type, "tor_exits") == 0) {
        o.category = FEED_TOR;
        o.confidence = 100;
    } else if (strcmp(f->type, "stix") == 0) {
        o.format = FEED_FORMAT_STIX;
    } else if (strcmp(f->type, "workspace") == 0) {
        o.format = FEED_FORMAT_WORKSPACE;
    }
    o.is_own = strcmp(f->type, "addresses") == 0;
    return o;
}

int feeder_new(const struct feeder_config *cfg, struct feeder **ret, struct error *err)
{
    struct feeder *f = calloc(1, sizeof *f);
    pthread_condattr_t monotonic;

    if (!f)
        return error_set(err, ERR_NOMEM, "no memory for the feeds");
    f->cfg = *cfg;
    f->feeds = calloc(cfg->feeds_len + 1, sizeof *f->feeds);
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&f->wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (!f->feeds) {
        feeder_free(f);
        return error_set(err, ERR_NOMEM, "no memory for the feeds");
    }
    for (; f->feeds_len < cfg->feeds_len; f->feeds_len++) {
        f->feeds[f->feeds_len].cfg = cfg->feeds[f->feeds_len];
        f->feeds[f->feeds_len].options = options_of(&cfg->feeds[f->feeds_len]);
        f->feeds[f->feeds_len].fresh_bytes = BUF_INIT(FEED_BYTES_MAX);
    }
    *ret = f;
    return 0;
}

void feeder_free(struct feeder *f)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->is_stopping = true;
    pthread_cond_broadcast(&f->wake);
    pthread_mutex_unlock(&f->lock);
    if (f->is_started)
        (void)pthread_join(f->thread, NULL);
    for (size_t i = 0; i < f->feeds_len; i++) {
        feed_table_free(f->feeds[i].fresh);
        network_table_free(f->feeds[i].fresh_azure);
        buf_release(&f->feeds[i].fresh_bytes);
    }
    free(f->feeds);
    (void)pthread_cond_destroy(&f->wake);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
}

/* ---- fetching ------------------------------------------------------------------------------------- */

/* Each gives 0 with bytes, 1 when nothing changed, -1. */
static int fetch_file(struct feeder *f, struct feed *feed, struct buf *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf path = BUF_HERE(4096);
    struct stat st = { 0 };
    FILE *in = NULL;
    int rc = 0, fd;

    feeder_add_path(&path, f->cfg.config_dir, feed->cfg.settings->path);
    fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe would be waited for, and by no end */
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !(in = fdopen(fd, "r"))) {
        int why = fd < 0 || S_ISREG(st.st_mode) ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;

        if (fd >= 0)
            (void)close(fd); /* nothing was written */
        return why ? error_errno(err, ERR_IO, why, "'%s'", buf_cstr(&path))
                   : error_set(err, ERR_IO, "'%s' is no ordinary file", buf_cstr(&path));
    }
    if (st.st_mtim.tv_sec == feed->changed.tv_sec && st.st_mtim.tv_nsec == feed->changed.tv_nsec) {
        (void)fclose(in);
        return 1;
    }
    rc = file_add(ret, in, buf_cstr(&path), err);
    (void)fclose(in);
    if (rc < 0)
        return -1;
    feed->changed = st.st_mtim;
    return 0;
}

static int fetch_url(struct feeder *f, struct feed *feed, struct buf *ret, struct error *err)
{
    const struct http_header etag = { .name = "If-None-Match", .value = slice_of(feed->etag) };
    const struct http_request req = {
        .method = "GET",
        .url = feed->cfg.settings->url,
        .headers = &etag,
        .headers_len = feed->etag[0] ? 1 : 0,
        .answer_max = FEED_BYTES_MAX,
        .timeout_ms = 120000,
    };
    struct http_answer answer = { 0 };
    int rc = -1;

    if (http_perform(f->cfg.sv->http, &req, &answer, err) < 0)
        return -1;
    if (answer.status == 304) {
        rc = 1;
    } else if (answer.status != 200) {
        error_set(err, answer.status == 429 ? ERR_BUSY : ERR_SERVER, "answered %d", answer.status);
        err->retry_after_ms = answer.retry_after_ms;
    } else {
        buf_add_slice(ret, buf_slice(&answer.body));
        (void)snprintf(feed->etag, sizeof feed->etag, "%s", answer.etag);
        rc = buf_check(ret, err);
    }
    http_answer_release(&answer);
    return rc;
}

static int fetch_workspace(struct feeder *f, struct feed *feed, struct buf *ret, struct error *err)
{
    const char *wanted = feed->cfg.settings->source;

    for (size_t i = 0; i < f->cfg.sources_len; i++) {
        const struct feeder_source *s = &f->cfg.sources[i];

        if (s->ops->read_threat_intel && (!wanted || strcmp(wanted, s->name) == 0))
            return s->ops->read_threat_intel(s->self, ret, err);
    }
    return error_set(err, ERR_CONFIG, "no source%s%s has a workspace to ask", wanted ? " " : "",
                     wanted ? wanted : "");
}

static int fetch(struct feeder *f, struct feed *feed, struct buf *ret, struct error *err)
{
    if (strcmp(feed->cfg.type, "workspace") == 0)
        return fetch_workspace(f, feed, ret, err);
    if (feed->cfg.settings->path)
        return fetch_file(f, feed, ret, err);
    if (feed->cfg.settings->url)
        return fetch_url(f, feed, ret, err);
    return error_set(err, ERR_CONFIG, "has neither path nor url");
}

static void say_report(const struct feed *feed, const struct feed_report *r)
{
    if (r->bad == 0)
        return;
    CLEANUP(buf_release) struct buf what = BUF_HERE(512);

    buf_addf(&what, "%" PRId64 " of %" PRId64 " lines; line %" PRId64 ": %s", r->bad, r->lines, r->each[0].line,
             r->each[0].reason);
    log_event(LOG_LEVEL_WARN, "feed", "some lines hold no address and were left out", "feed", feed->cfg.name,
              "what", buf_cstr(&what), NULL);
}

static bool is_azure(const struct feed *feed)
{
    return strcmp(feed->cfg.type, FEEDER_AZURE) == 0;
}

static int parse(struct feeder *f, struct feed *feed, struct slice bytes, struct feed_table **ret,
                 struct feed_report *report, struct error *err)
{
    int64_t now = sv_wall_ns(f->cfg.sv);

    if (f->cfg.sv->reader)
        return feed_parse_apart(f->cfg.sv->reader, bytes, &feed->options, now, ret, report, err);
    return feed_parse(bytes, &feed->options, now, ret, report, err);
}

static int parse_azure(struct feeder *f, struct slice bytes, struct network_table **ret, struct feed_report *report,
                       struct error *err)
{
    if (f->cfg.sv->reader)
        return service_tags_parse_apart(f->cfg.sv->reader, bytes, ret, report, err);
    return service_tags_parse(bytes, ret, report, err);
}

/* What came is not in use: "not changed" would be no answer to the next question. */
static void forget_marks(struct feed *feed)
{
    feed->changed = (struct timespec){ 0 };
    feed->etag[0] = '\0';
}

/* Fetch and parse one feed; the table waits for feeder_swap. */
static int refresh(struct feeder *f, struct feed *feed, struct error *err)
{
    CLEANUP(buf_release) struct buf bytes = BUF_INIT(FEED_BYTES_MAX);
    CLEANUP(feed_table_freep) struct feed_table *table = NULL;
    CLEANUP(network_table_freep) struct network_table *azure = NULL;
    struct feed_report report = { 0 };
    int rc = fetch(f, feed, &bytes, err);

    if (rc == 0 && is_azure(feed))
        rc = parse_azure(f, buf_slice(&bytes), &azure, &report, err);
    else if (rc == 0)
        rc = parse(f, feed, buf_slice(&bytes), &table, &report, err);
    pthread_mutex_lock(&f->lock);
    if (rc < 0) {
        (void)snprintf(feed->reason, sizeof feed->reason, "%s", err->msg);
    } else {
        feed->reason[0] = '\0';
        feed->refreshed_ns = sv_wall_ns(f->cfg.sv);
    }
    if (table) {
        feed_table_free(feed->fresh);
        feed->fresh = TAKE(table);
    }
    if (azure) {
        network_table_free(feed->fresh_azure);
        feed->fresh_azure = TAKE(azure);
        buf_release(&feed->fresh_bytes);
        feed->fresh_bytes = bytes;
        bytes = BUF_INIT(FEED_BYTES_MAX);
    }
    pthread_mutex_unlock(&f->lock);
    if (rc < 0) {
        forget_marks(feed);
        return error_wrap(err, "feed '%s'", feed->cfg.name);
    }
    say_report(feed, &report);
    return 0;
}

static void refresh_due(struct feeder *f, struct feed *feed)
{
    struct error err = { 0 };
    int64_t now = sv_mono_ms(f->cfg.sv);
    bool was_unused;

    pthread_mutex_lock(&f->lock);
    was_unused = feed->is_unused;
    feed->is_unused = false;
    pthread_mutex_unlock(&f->lock);
    if (was_unused) {
        forget_marks(feed);
        feed->due_ms = feed->due_ms > now + RETRY_MS ? now + RETRY_MS : feed->due_ms;
    }
    if (now < feed->due_ms)
        return;
    if (refresh(f, feed, &err) < 0) {
        int64_t wait = err.retry_after_ms > RETRY_MS ? err.retry_after_ms : RETRY_MS;

        if (err.code != ERR_CANCELLED) /* our own end */
            log_event(LOG_LEVEL_WARN, "feed", "could not be refreshed, what was known stays in use", "cause", err.msg, NULL);
        feed->due_ms = now + wait;
        return;
    }
    feed->due_ms = now + feed->cfg.settings->refresh_ms;
}

static void *feeder_main(void *arg)
{
    struct feeder *f = arg;

    pthread_mutex_lock(&f->lock);
    while (!f->is_stopping) {
        struct timespec t;

        pthread_mutex_unlock(&f->lock);
        for (size_t i = 0; i < f->feeds_len; i++)
            refresh_due(f, &f->feeds[i]);
        pthread_mutex_lock(&f->lock);
        f->was_asked = true;
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_sec += 5;
        if (!f->is_stopping)
            (void)pthread_cond_timedwait(&f->wake, &f->lock, &t);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

static int start(struct feeder *f, struct error *err)
{
    int rc = f->feeds_len > 0 ? pthread_create(&f->thread, NULL, feeder_main, f) : 0;

    if (rc != 0)
        return error_errno(err, ERR_IO, rc, "no thread for the feeds");
    f->is_started = f->feeds_len > 0;
    return 0;
}

/* ---- flow thread ------------------------------------------------------------------------------------ */

static void keep_text(struct store *store, const char *name, struct slice text)
{
    char blob[128];
    struct error err = { 0 };

    (void)snprintf(blob, sizeof blob, "feed/%s", name);
    if (store_put_blob(store, blob, text, &err) < 0)
        log_event(LOG_LEVEL_WARN, "feed", "could not be kept for the next start", "feed", name, "cause", err.msg, NULL);
}

static void keep(struct store *store, const char *name, const struct feed_table *t)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(FEED_BYTES_MAX);
    struct error err = { 0 };

    if (feed_table_save(t, &text, &err) < 0)
        log_event(LOG_LEVEL_WARN, "feed", "could not be kept for the next start", "feed", name, "cause", err.msg, NULL);
    else
        keep_text(store, name, buf_slice(&text));
}

/* The bytes are kept as they came. */
static int put_azure_in_place(struct feeder *f, struct feed *feed, struct network_table *fresh, struct slice bytes,
                              struct store *store, struct error *err)
{
    int64_t entries = (int64_t)network_table_len(fresh);

    if (enrich_set_azure(f->cfg.enrich, fresh, err) < 0)
        return error_wrap(err, "feed '%s'", feed->cfg.name);
    if (store)
        keep_text(store, feed->cfg.name, bytes);
    pthread_mutex_lock(&f->lock);
    feed->entries = entries;
    pthread_mutex_unlock(&f->lock);
    return 0;
}

static int put_in_place(struct feeder *f, struct feed *feed, struct feed_table *fresh, struct store *store,
                        struct error *err)
{
    const struct feed_table *old = enrich_feed(f->cfg.enrich, feed->cfg.name);
    CLEANUP(feed_table_freep) struct feed_table *table = old ? feed_table_copy(old) : NULL;
    int64_t now = sv_wall_ns(f->cfg.sv), entries = 0;

    if (old && !table) {
        feed_table_free(fresh);
        return error_set(err, ERR_NOMEM, "no memory to refresh feed '%s'", feed->cfg.name);
    }
    if (feed_table_update(&table, fresh, now, err) < 0)
        return error_wrap(err, "feed '%s'", feed->cfg.name);
    entries = (int64_t)feed_table_live(table, now);
    if (store)
        keep(store, feed->cfg.name, table);
    pthread_mutex_lock(&f->lock);
    feed->entries = entries;
    pthread_mutex_unlock(&f->lock);
    return enrich_set_feed(f->cfg.enrich, feed->cfg.name, TAKE(table), err);
}

/* -1: there is no memory for it. Begun without what is known, the next refresh would write over it. */
static int load_kept(struct feeder *f, struct feed *feed, struct store *store, struct error *ret_err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(FEED_BYTES_MAX);
    CLEANUP(feed_table_freep) struct feed_table *table = NULL;
    CLEANUP(network_table_freep) struct network_table *azure = NULL;
    struct feed_report report = { 0 };
    struct error err = { 0 };
    bool found = false;
    char blob[128];

    (void)snprintf(blob, sizeof blob, "feed/%s", feed->cfg.name);
    if (store_get_blob(store, blob, &text, &found, &err) == 0 && !found)
        return 0;
    if (err.code != ERR_NONE || buf_check(&text, &err) < 0 ||
        (is_azure(feed) ? parse_azure(f, buf_slice(&text), &azure, &report, &err) < 0 ||
                              put_azure_in_place(f, feed, TAKE(azure), SL(""), NULL, &err) < 0
                        : feed_table_load(buf_slice(&text), &table, &err) < 0 ||
                              enrich_set_feed(f->cfg.enrich, feed->cfg.name, TAKE(table), &err) < 0)) {
        if (err.code == ERR_NOMEM) {
            *ret_err = err;
            return error_wrap(ret_err, "what was kept of feed '%s'", feed->cfg.name);
        }
        feed->kept_waits = is_azure(feed) && f->cfg.sv->reader && err.code == ERR_IO;
        log_event(LOG_LEVEL_WARN, "feed", feed->kept_waits ? "what was kept waits for the reader"
                                                           : "what was kept cannot be read, starting afresh",
                  "feed", feed->cfg.name, "cause", err.msg, NULL);
        return 0;
    }
    feed->kept_waits = false;
    return 0;
}

/* When there was none at the start. Whoever has rows to judge has a reader again. */
static int load_what_waits(struct feeder *f, struct feed *feed, struct store *store, struct error *err)
{
    struct apart_status reader = { 0 };

    if (!feed->kept_waits || !store)
        return 0;
    apart_look(f->cfg.sv->reader, &reader);
    return reader.pid ? load_kept(f, feed, store, err) : 0;
}

static void refresh_places(struct feeder *f)
{
    struct error err = { 0 };
    int n = places_refresh(enrich_places(f->cfg.enrich), &err);

    if (n < 0)
        log_event(LOG_LEVEL_WARN, "places", "refused, what was known stays in use", "cause", err.msg, NULL);
    else if (n > 0)
        log_event(LOG_LEVEL_INFO, "places", "read anew", NULL);
}

void feeder_swap(struct feeder *f, struct store *store)
{
    refresh_places(f);
    for (size_t i = 0; i < f->feeds_len; i++) {
        struct feed *feed = &f->feeds[i];
        struct feed_table *fresh = NULL;
        struct network_table *azure = NULL;
        CLEANUP(buf_release) struct buf bytes = BUF_INIT(FEED_BYTES_MAX);
        struct error err = { 0 };

        pthread_mutex_lock(&f->lock);
        fresh = TAKE(feed->fresh);
        azure = TAKE(feed->fresh_azure);
        if (azure) {
            feed->kept_waits = false;
            bytes = feed->fresh_bytes;
            feed->fresh_bytes = BUF_INIT(FEED_BYTES_MAX);
        }
        pthread_mutex_unlock(&f->lock);
        if (load_what_waits(f, feed, store, &err) < 0 ||
            (fresh && put_in_place(f, feed, fresh, store, &err) < 0) ||
            (azure && put_azure_in_place(f, feed, azure, buf_slice(&bytes), store, &err) < 0)) {
            log_event(LOG_LEVEL_WARN, "feed", "refused, what was known stays in use", "cause", err.msg, NULL);
            pthread_mutex_lock(&f->lock);
            (void)snprintf(feed->reason, sizeof feed->reason, "%s", err.msg);
            feed->is_unused = true;
            pthread_mutex_unlock(&f->lock);
        }
    }
}

/* What refresh or swap had to say of one, as an error. */
static int complain(struct feeder *f, struct error *err)
{
    for (size_t i = 0; i < f->feeds_len; i++)
        if (f->feeds[i].is_unused)
            return error_set(err, ERR_INPUT, "%s", f->feeds[i].reason);
    return 0;
}

static int load_all_kept(struct feeder *f, struct store *store, struct error *err)
{
    for (size_t i = 0; i < f->feeds_len; i++)
        if (load_kept(f, &f->feeds[i], store, err) < 0)
            return -1;
    return 0;
}

int feeder_first(struct feeder *f, struct store *store, bool is_strict, struct error *err)
{
    if (store && load_all_kept(f, store, err) < 0)
        return -1;
    for (size_t i = 0; i < f->feeds_len; i++) {
        struct feed *feed = &f->feeds[i];
        struct error e = { 0 };

        if (!is_strict) {
            refresh_due(f, feed);
        } else if (refresh(f, feed, &e) < 0) {
            *err = e;
            return -1;
        }
    }
    feeder_swap(f, store);
    return is_strict ? complain(f, err) : 0;
}

/* False: some feed has not answered yet. */
static bool await(struct feeder *f, int64_t wait_ms, bool (*is_enough)(void))
{
    int64_t until_ms = sv_mono_ms(f->cfg.sv) + wait_ms;
    bool was_asked;

    pthread_mutex_lock(&f->lock);
    while (f->is_started && !f->was_asked && !is_enough() && sv_mono_ms(f->cfg.sv) < until_ms) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_nsec += AWAIT_STEP_MS * NS_PER_MS;
        t.tv_sec += t.tv_nsec / NS_PER_S;
        t.tv_nsec %= NS_PER_S;
        (void)pthread_cond_timedwait(&f->wake, &f->lock, &t);
    }
    was_asked = f->was_asked || !f->is_started;
    pthread_mutex_unlock(&f->lock);
    return was_asked;
}

int feeder_begin(struct feeder *f, struct store *store, int64_t wait_ms, bool (*is_enough)(void), struct error *err)
{
    if (load_all_kept(f, store, err) < 0 || start(f, err) < 0)
        return -1;
    if (!await(f, wait_ms, is_enough) && !is_enough())
        log_event(LOG_LEVEL_WARN, "feed", "not all have answered, the start does not wait for them", "what_now",
                  "rows are judged by what was kept of them until they do", NULL);
    feeder_swap(f, store);
    return 0;
}

int feeder_files(struct feeder *f, struct error *err)
{
    for (size_t i = 0; i < f->feeds_len; i++) {
        struct feed *feed = &f->feeds[i];

        if (!feed->cfg.settings->path || strcmp(feed->cfg.type, "workspace") == 0)
            log_event(LOG_LEVEL_WARN, "feed", "is not a file and is left out here", "feed", feed->cfg.name, NULL);
        else if (refresh(f, feed, err) < 0)
            return -1;
    }
    feeder_swap(f, NULL);
    return complain(f, err);
}

struct json_object *feeder_status(struct feeder *f)
{
    struct json_object *list = json_object_new_array();

    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->feeds_len; i++) {
        const struct feed *feed = &f->feeds[i];
        struct json_object *o = json_object_new_object();
        CLEANUP(buf_release) struct buf when = BUF_HERE(64);

        json_object_object_add(o, "name", json_object_new_string(feed->cfg.name));
        json_object_object_add(o, "type", json_object_new_string(feed->cfg.type));
        json_object_object_add(o, "entries", json_object_new_int64(feed->entries));
        if (feed->refreshed_ns > 0)
            time_add_iso(&when, feed->refreshed_ns, 0);
        json_object_object_add(o, "refreshedAt", when.len ? json_object_new_string(buf_cstr(&when)) : NULL);
        json_object_object_add(o, "reason", feed->reason[0] ? json_object_new_string(feed->reason) : NULL);
        json_object_array_add(list, o);
    }
    pthread_mutex_unlock(&f->lock);
    return list;
}
