/* assemble.c - see assemble.h. SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"

#include "alert/accounts.h"
#include "alert/suppress.h"
#include "apart/apart.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "certificates.h"
#include "cli/cli.h"
#include "console/console.h"
#include "delivery/route.h"
#include "detectors/detector.h"
#include "enrich/enrich.h"
#include "enrich/network_list.h"
#include "enrich/places.h"
#include "net/http.h"
#include "net/peers.h"
#include "outputs/output.h"
#include "settings/yaml_node.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MODULES_MAX 64
#define NETWORK_FILE_MAX ((size_t)256 << 20)

/* ---- what exists ------------------------------------------------------------------------------------ */

const struct settings_registry *assemble_registry(void)
{
    /* Filled once from the catalogues of modules; constant afterwards. */
    static struct module_desc sources[MODULES_MAX], outputs[MODULES_MAX], detectors[MODULES_MAX],
        feeds[MODULES_MAX];
    static const struct module_desc sections[] = {
        { .name = "places", .summary = "where an address is, beside the workspace and `networks`",
          .options = places_options, .size = sizeof(struct places_settings) },
        { .name = "console", .summary = "a local web page, metrics and health of the running agent",
          .options = console_options, .size = sizeof(struct console_settings) },
    };
    static const char *formats[MODULES_MAX];
    static struct settings_registry r;

    if (r.sources)
        return &r;
    for (; sources_all[r.sources_len] && r.sources_len < MODULES_MAX; r.sources_len++)
        sources[r.sources_len] = (struct module_desc){
            .name = sources_all[r.sources_len]->name, .summary = sources_all[r.sources_len]->summary,
            .options = sources_all[r.sources_len]->options, .size = sources_all[r.sources_len]->size };
    for (; outputs_all[r.outputs_len] && r.outputs_len < MODULES_MAX; r.outputs_len++)
        outputs[r.outputs_len] = (struct module_desc){
            .name = outputs_all[r.outputs_len]->name, .summary = outputs_all[r.outputs_len]->summary,
            .options = outputs_all[r.outputs_len]->options, .size = outputs_all[r.outputs_len]->size };
    for (; detectors_all[r.detectors_len] && r.detectors_len < MODULES_MAX; r.detectors_len++)
        detectors[r.detectors_len] = (struct module_desc){
            .name = detectors_all[r.detectors_len]->name, .summary = detectors_all[r.detectors_len]->summary,
            .options = detectors_all[r.detectors_len]->options, .size = detectors_all[r.detectors_len]->size };
    for (; feeder_types[r.feeds_len].name; r.feeds_len++)
        feeds[r.feeds_len] = (struct module_desc){
            .name = feeder_types[r.feeds_len].name, .summary = feeder_types[r.feeds_len].summary,
            .options = feeder_options, .size = sizeof(struct feeder_settings) };
    for (size_t i = 0; encoders_all[i] && i + 1 < MODULES_MAX; i++)
        formats[i] = encoders_all[i]->name;
    r.outputs = outputs;
    r.detectors = detectors;
    r.feeds = feeds;
    r.formats = formats;
    r.sections = sections;
    r.sections_len = ARRAY_LEN(sections);
    r.sources = sources;
    return &r;
}

const struct console_settings *assemble_console(const struct assembly *a)
{
    return settings_section_find(a->settings, "console")->self;
}

int64_t assemble_horizon_ns(const struct assembly *a)
{
    return a->settings->horizon_ms * NS_PER_MS;
}

int64_t assemble_retention_ns(const struct assembly *a)
{
    return a->settings->store.retention_ms * NS_PER_MS;
}

/* ---- configuration ----------------------------------------------------------------------------------- */

/* Keys, certificates, authorities, feeds: what they say is believed. One that is not there is told by whoever opens it. */
static int check_file(void *self, const struct settings_file *f, struct error *err)
{
    CLEANUP(buf_release) struct buf path = BUF_INIT(4096);
    struct stat st;
    char why[160];

    feeder_add_path(&path, self, f->path);
    if (stat(buf_cstr(&path), &st) < 0 ||
        file_is_trusted(&st, f->kind == OPTION_FILE_LIST ? FILE_OWNER_ANY : FILE_OWNER_US, why, sizeof why))
        return 0;
    return error_set(err, ERR_CONFIG, "%s: '%.100s' is %s", f->where, buf_cstr(&path), why);
}

/* sends: the caller will talk to somebody, so secrets have to be there. */
static int load_settings(const char *config, bool presets_are_fine, bool sends, struct settings **ret,
                         struct error *err)
{
    struct settings_errors errors = { .ignore_secrets = !sends };
    CLEANUP(buf_release) struct buf text = BUF_INIT(1u << 20);
    const char *path = config ? config : CLI_DEFAULT_CONFIG;
    size_t n = 0;

    if (!config && presets_are_fine)
        return settings_presets(assemble_registry(), ret, err);
    if (settings_load(path, assemble_registry(), presets_are_fine ? SETTINGS_ANY_FILE : SETTINGS_OWN_FILE, ret,
                      &errors) == 0) {
        settings_errors_release(&errors);
        return 0;
    }
    settings_errors_print(&errors, &text);
    (void)fputs(buf_cstr(&text), stderr);
    n = errors.len + errors.omitted;
    settings_errors_release(&errors);
    return error_set(err, ERR_CONFIG, "%zu error%s in %s", n, n == 1 ? "" : "s", path);
}

static int64_t slot_hours(const struct settings *s)
{
    return s->horizon_ms / 3600000;
}

/* Slots of learning have to divide a day (baseline.h). */
static int check_horizon(const struct settings *s, struct error *err)
{
    int64_t h = slot_hours(s);

    if (h * 3600000 != s->horizon_ms || h < 1 || h > 24 || 24 % h != 0)
        return error_set(err, ERR_CONFIG, "horizon: whole hours that divide a day are accepted: 1h 2h 3h 4h 6h 8h "
                                          "12h 24h");
    return 0;
}

/* ---- networks ------------------------------------------------------------------------------------------ */

static int read_network_file(void *self, const char *file, struct network_table *t, struct error *err)
{
    CLEANUP(buf_release) struct buf path = BUF_HERE(4096);
    CLEANUP(buf_release) struct buf bytes = BUF_INIT(NETWORK_FILE_MAX);
    struct feed_report report = { 0 };
    const struct settings_file f = { .where = "networks", .path = file, .kind = OPTION_FILE_LIST };

    if (check_file(self, &f, err) < 0)
        return -1;
    feeder_add_path(&path, self, file);
    if (file_read(&bytes, buf_cstr(&path), err) < 0) {
        err->code = ERR_CONFIG;
        return -1;
    }
    if (network_table_parse_csv(t, buf_slice(&bytes), &report, err) < 0)
        return error_wrap(err, "'%s'", buf_cstr(&path));
    if (report.bad > 0)
        log_event(LOG_LEVEL_WARN, "networks", "some lines were left out", "file", buf_cstr(&path), "first",
                  report.each[0].reason, NULL);
    return 0;
}

/* Detection does not wait for what adds to it. A reload is different: there is something that works as long. */
static void say_without_places(const struct error *err)
{
    log_event(LOG_LEVEL_WARN, "places", "cannot be read", "cause", err->msg, "what_now",
              "nobody is told where these addresses are, until the file can be read; it is looked at again and again", NULL);
}

static int build_places(struct assembly *a, const char *dir, enum places_when when, struct error *err)
{
    const struct settings_module *section = settings_section_find(a->settings, "places");
    const struct places_settings *s = section->self;

    for (size_t i = 0; i < s->databases.len; i++) {
        CLEANUP(buf_release) struct buf path = BUF_HERE(4096);

        feeder_add_path(&path, dir, s->databases.at[i]);
        if (places_add_database(enrich_places(a->enrich), buf_cstr(&path), when, err) == 0)
            continue;
        if (when == PLACES_NOW || err->code == ERR_LIMIT || err->code == ERR_NOMEM)
            return error_wrap(err, "places");
        say_without_places(err);
        *err = (struct error){ 0 };
    }
    return 0;
}

/* ---- what the operator says about addresses, alerts and actors ------------------------------------------- */

/* Every error of the three lists, a line each. */
static int build_words(struct assembly *a, char *dir, struct error *err)
{
    const struct network_files files = { .self = dir, .read = read_network_file };
    struct settings_errors errors = { 0 };
    CLEANUP(buf_release) struct buf text = BUF_INIT(1u << 20);
    CLEANUP(network_table_freep) struct network_table *networks = NULL;
    struct trusted *trusted = NULL;
    size_t n = 0;
    bool is_fine = network_list_read(a->settings->networks, &files, &networks, &errors) == 0;

    is_fine = trusted_read(a->settings->trusted, &trusted, &errors) == 0 && is_fine;
    is_fine = suppress_read(a->settings->suppressions, &a->suppress, &errors) == 0 && is_fine;
    enrich_set_trusted(a->enrich, trusted);
    settings_errors_print(&errors, &text);
    n = errors.len + errors.omitted;
    settings_errors_release(&errors);
    if (is_fine)
        return enrich_set_networks(a->enrich, TAKE(networks), err);
    (void)fputs(buf_cstr(&text), stderr);
    return error_set(err, ERR_CONFIG, "%zu error%s in the configuration", n, n == 1 ? "" : "s");
}

/* ---- parts ------------------------------------------------------------------------------------------------ */

static int build_engine(struct assembly *a, char *dir, enum places_when when, struct error *err)
{
    const struct settings *s = a->settings;
    struct engine_config cfg = { .statement_reader = a->sv.statement_reader,
                                 .baseline = { .horizon_ns = s->horizon_ms * NS_PER_MS, .learn_ns = s->learn_ms * NS_PER_MS } };

    a->enrich = enrich_new();
    a->detectors = calloc(s->detectors_len + 1, sizeof *a->detectors);
    if (!a->enrich || !a->detectors)
        return error_set(err, ERR_NOMEM, "no memory for the detectors");
    if (build_words(a, dir, err) < 0 || build_places(a, dir, when, err) < 0)
        return -1;
    for (size_t i = 0; i < s->detectors_len; i++)
        if (s->detectors[i].is_enabled)
            a->detectors[a->detectors_len++] = (struct engine_detector){ .ops = detectors_all[i],
                                                                         .self = s->detectors[i].self };
    cfg.detectors = a->detectors;
    cfg.detectors_len = a->detectors_len;
    cfg.enrich = a->enrich;
    cfg.suppress = a->suppress;
    cfg.accounts = a->accounts;
    return engine_new(&cfg, &a->engine, err);
}

static int build_feeder(struct assembly *a, const char *dir, struct error *err)
{
    const struct settings_entries *list = &a->settings->feeds;
    struct feeder_config cfg = { .sv = &a->sv, .enrich = a->enrich, .config_dir = dir };
    int azure = 0;

    a->feeds = calloc(list->len + 1, sizeof *a->feeds);
    a->feed_sources = calloc(a->sources_len + 1, sizeof *a->feed_sources);
    if (!a->feeds || !a->feed_sources)
        return error_set(err, ERR_NOMEM, "no memory for the feeds");
    for (size_t i = 0; i < list->len; i++) {
        const struct feeder_settings *fs = list->at[i].self;

        if (!list->at[i].is_enabled)
            continue;
        if (!fs->path && !fs->url && strcmp(list->at[i].type, "workspace") != 0)
            return yaml_node_refuse(list->at[i].node, err, "feed '%s' needs a path or a url", list->at[i].name);
        if (strcmp(list->at[i].type, FEEDER_AZURE) == 0 && azure++ > 0)
            return yaml_node_refuse(list->at[i].node, err, "feed '%s': one feed of type " FEEDER_AZURE " at most, that of your "
                                    "cloud", list->at[i].name);
        a->feeds[cfg.feeds_len++] = (struct feeder_feed){ .name = list->at[i].name, .type = list->at[i].type,
                                                         .settings = fs };
    }
    for (size_t i = 0; i < a->sources_len; i++)
        a->feed_sources[cfg.sources_len++] = (struct feeder_source){ .name = a->sources[i].name,
                                                                    .ops = a->sources[i].ops,
                                                                    .self = a->sources[i].self };
    cfg.feeds = a->feeds;
    cfg.sources = a->feed_sources;
    return feeder_new(&cfg, &a->feeder, err);
}

/* The workspace of a source that reads all of it; NULL: one that was given a part, or no workspace. */
static const struct yaml_node *whole_workspace(const struct yaml_node *source)
{
    static const char *const parts[] = { "accounts", "tables", "shard" };

    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (yaml_node_get(source, parts[i]))
            return NULL;
    return yaml_node_get(source, "workspace");
}

/* No window shows it and no row: two sources with the same rows, of which each would count twice. */
static void warn_of_twins(const struct settings_entries *list)
{
    for (size_t i = 0; i < list->len; i++) {
        const struct yaml_node *one = list->at[i].is_enabled ? whole_workspace(list->at[i].node) : NULL;

        for (size_t j = 0; one && j < i; j++) {
            const struct yaml_node *other = list->at[j].is_enabled ? whole_workspace(list->at[j].node) : NULL;

            if (other && slice_eq_nocase(one->text, other->text))
                log_event(LOG_LEVEL_WARN, "source", "two sources read the same workspace, each row counts twice", "source",
                          list->at[j].name, "other", list->at[i].name, "remedy",
                          "remove one, or give each a part of it: accounts, tables or shard", NULL);
        }
    }
}

static const struct http_client_config http_config = { .user_agent = "cosmowatch/" COSMOWATCH_VERSION };

static int build_sources(struct assembly *a, bool is_offline, struct error *err)
{
    const struct settings_entries *list = &a->settings->sources;

    warn_of_twins(list);
    a->source_sv = a->sv;
    a->source_sv.http = http_client_new(&http_config, &a->sv);
    if (!a->source_sv.http)
        return error_set(err, ERR_NOMEM, "no memory for an HTTP client");
    a->sources_are_open = !is_offline;
    a->sources = calloc(list->len + 1, sizeof *a->sources);
    if (!a->sources)
        return error_set(err, ERR_NOMEM, "no memory for the sources");
    for (size_t i = 0; i < list->len; i++) {
        const struct source_ops *ops = sources_all[list->at[i].module - assemble_registry()->sources];

        if (!list->at[i].is_enabled)
            continue;
        a->sources[a->sources_len] = (struct worker_source){ .name = list->at[i].name, .ops = ops,
                                                           .self = list->at[i].self };
        a->sources_len++; /* closed as well when its opening fails half-way */
        if (!is_offline && ops->open(list->at[i].self, list->at[i].name, &a->source_sv, err) < 0)
            return error_wrap(err, "source '%s'", list->at[i].name);
    }
    return 0;
}

/* What the output itself asks for, then what the file says, then the preset. */
static int find_encoder(const struct settings_entry *e, const struct output_ops *ops, const struct encoder **ret,
                        struct error *err)
{
    const char *fixed = ops->fixed_format ? ops->fixed_format(e->self) : NULL;
    const char *name = fixed ? fixed : e->format ? e->format : ops->default_format;

    if (fixed && e->format && strcmp(fixed, e->format) != 0)
        return yaml_node_refuse(e->node, err, "output '%s': with these options its format is '%s'; leave out `format`",
                                e->name, fixed);
    *ret = encoder_find(name);
    return *ret ? 0 : yaml_node_refuse(e->node, err, "output '%s': no format '%s'", e->name, name);
}

/* What the operator knows of accounts, and every output's route: every error, a line each. */
static int build_routes(struct assembly *a, struct error *err)
{
    const struct settings_entries *list = &a->settings->outputs;
    struct settings_errors errors = { 0 };
    CLEANUP(buf_release) struct buf text = BUF_INIT(1u << 20);
    size_t n = 0;

    a->routes = calloc(list->len + 1, sizeof *a->routes);
    if (!a->routes)
        return error_set(err, ERR_NOMEM, "no memory for the routes");
    if (accounts_read(a->settings->accounts, &a->accounts, &errors) < 0)
        n = list->len; /* their tags are not known: routes would look wrong */
    for (; n < list->len; n++)
        if (route_read(&list->at[n].route, yaml_node_get(list->at[n].node, "route"), a->accounts, &a->routes[n],
                       &errors) < 0)
            continue; /* told below */
    settings_errors_print(&errors, &text);
    n = errors.len + errors.omitted;
    settings_errors_release(&errors);
    if (n == 0)
        return 0;
    (void)fputs(buf_cstr(&text), stderr);
    return error_set(err, ERR_CONFIG, "%zu error%s in the configuration", n, n == 1 ? "" : "s");
}

static int build_outputs(struct assembly *a, struct error *err)
{
    const struct settings_entries *list = &a->settings->outputs;

    a->outputs = calloc(list->len + 1, sizeof *a->outputs);
    if (!a->outputs)
        return error_set(err, ERR_NOMEM, "no memory for the outputs");
    for (size_t i = 0; i < list->len; i++) {
        const struct settings_entry *e = &list->at[i];
        const struct output_ops *ops = outputs_all[e->module - assemble_registry()->outputs];
        const struct encoder *encoder = NULL;

        if (find_encoder(e, ops, &encoder, err) < 0)
            return -1;
        a->outputs[a->outputs_len] = (struct delivery_output_config){
            .name = e->name, .ops = ops, .self = e->self, .encoder = encoder, .max_per_second = e->max_per_second,
            .queue_max = e->queue_max, .parks_when_full = e->on_full == SETTINGS_FULL_PARK,
            .backfill_ms = e->backfill_ms };
        a->outputs_len++;
    }
    return 0;
}

static int build(struct assembly *a, char *dir, unsigned parts, struct error *err)
{
    log_set_level((enum log_level)a->settings->log_level);
    if (parts & (ASSEMBLE_FEEDS | ASSEMBLE_SOURCES | ASSEMBLE_OUTPUTS)) {
        a->sv.http = http_client_new(&http_config, &a->sv);
        a->sv.peers = peers_new();
        if (!a->sv.http || !a->sv.peers)
            return error_set(err, ERR_NOMEM, "no memory for an HTTP client");
    }
    if ((parts & ASSEMBLE_READER) && (apart_new(&(struct apart_config){ 0 }, &a->sv.reader, err) < 0 ||
                                      apart_new(&(struct apart_config){ 0 }, &a->sv.statement_reader, err) < 0))
        return -1;
    if (build_routes(a, err) < 0)
        return -1;
    if ((parts & ASSEMBLE_ENGINE) && build_engine(a, dir, parts & ASSEMBLE_ANYHOW ? PLACES_LATER : PLACES_NOW, err) < 0)
        return -1;
    if ((parts & ASSEMBLE_SOURCES) && build_sources(a, (parts & ASSEMBLE_OFFLINE) != 0, err) < 0)
        return -1;
    if ((parts & ASSEMBLE_OUTPUTS) && build_outputs(a, err) < 0)
        return -1;
    if ((parts & ASSEMBLE_FEEDS) && build_feeder(a, dir, err) < 0)
        return -1;
    if (parts & (ASSEMBLE_SOURCES | ASSEMBLE_OUTPUTS))
        return certificates_new(a->settings, a->sv.peers, &a->certificates, err);
    return 0;
}

int assemble(struct assembly *a, const char *config, unsigned parts, struct error *err)
{
    const char *path = config ? config : CLI_DEFAULT_CONFIG;
    const char *slash = strrchr(path, '/');

    a->sv = (struct services){ .clock = &clock_system, .random = &random_system };
    a->config_dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!a->config_dir)
        return error_set(err, ERR_NOMEM, "no memory");
    if (load_settings(config, (parts & ASSEMBLE_PRESETS) != 0, (parts & (ASSEMBLE_OFFLINE | ASSEMBLE_PRESETS)) == 0,
                      &a->settings, err) < 0 ||
        check_horizon(a->settings, err) < 0 || console_check(assemble_console(a), err) < 0)
        return -1;
    if (!(parts & ASSEMBLE_PRESETS) && settings_each_file(a->settings, check_file, a->config_dir, err) < 0)
        return -1;
    return build(a, a->config_dir, parts, err);
}

void assembly_release(struct assembly *a)
{
    certificates_free(a->certificates);
    feeder_free(a->feeder);
    engine_free(a->engine);
    suppress_free(a->suppress);
    accounts_free(a->accounts);
    for (size_t i = 0; a->routes && i < a->settings->outputs.len; i++)
        route_free(a->routes[i]);
    enrich_free(a->enrich);
    for (size_t i = 0; a->sources_are_open && i < a->sources_len; i++)
        a->sources[i].ops->close(a->sources[i].self);
    http_client_free(a->source_sv.http);
    http_client_free(a->sv.http);
    peers_free(a->sv.peers);
    apart_free(a->sv.reader);
    apart_free(a->sv.statement_reader);
    free(a->detectors);
    free(a->feeds);
    free(a->feed_sources);
    free(a->sources);
    free(a->outputs);
    free(a->routes);
    settings_free(a->settings);
    free(a->config_dir);
    *a = (struct assembly){ 0 };
}

static int open_store(const struct settings *s, enum store_mode mode, struct store **ret, struct error *err)
{
    return store_open(&(struct store_config){ .dir = s->store.path, .max_bytes = s->store.max_bytes }, mode, ret, err);
}

int assembly_open_store(const struct assembly *a, enum store_mode mode, struct store **ret, struct error *err)
{
    return open_store(a->settings, mode, ret, err);
}

int assemble_open_store(const char *config, enum store_mode mode, struct store **ret, struct error *err)
{
    struct settings *s = NULL;
    int rc = load_settings(config, false, false, &s, err);

    if (rc == 0)
        rc = open_store(s, mode, ret, err);
    settings_free(s);
    return rc;
}
