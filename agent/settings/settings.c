/* settings.c - see settings.h. A map of the file is often read by two tables, the common one and the
 * module's; a key is unknown when neither has it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"

#include "base/file.h"
#include "settings/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRIES_MAX 1000 /* in one list */
#define NAME_MAX_LEN 63

/* ---- tables that belong to no module ---------------------------------------------------------- */

static const char *const log_levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const full_answers[] = { "hold", "park", NULL };

static const struct option_spec store_options[] = {
    { .key = "path", .type = OPT_STRING, .at = offsetof(struct settings, store.path),
      .preset = "/var/lib/cosmowatch", .min = 1, .max = 4000,
      .help = "state directory: what was read, what was learned, alerts and deliveries" },
    { .key = "max_size", .type = OPT_BYTES, .at = offsetof(struct settings, store.max_bytes),
      .preset = "10GiB", .min = 16 << 20, .max = INT64_C(1) << 44,
      .help = "above it reading stops until outputs have caught up; nothing undelivered is deleted" },
    { .key = "retention", .type = OPT_DURATION, .at = offsetof(struct settings, store.retention_ms),
      .preset = "90d", .min = 86400000, .max = INT64_C(3650) * 86400000,
      .help = "how long delivered alerts stay for `cosmowatch alerts`" },
    { 0 },
};

static const struct option_spec log_options[] = {
    { .key = "level", .type = OPT_ENUM, .at = offsetof(struct settings, log_level), .preset = "info",
      .values = log_levels, .help = "the agent's own messages, on stderr or in the journal" },
    { 0 },
};

const struct option_spec settings_top_options[] = {
    { .key = "horizon", .type = OPT_DURATION, .at = offsetof(struct settings, horizon_ms),
      .preset = "12h", .min = 3600000, .max = 86400000,
      .help = "how late a row may arrive and still be judged and learned from: 1h 2h 3h 4h 6h 8h 12h 24h" },
    { .key = "learn", .type = OPT_DURATION, .at = offsetof(struct settings, learn_ms),
      .preset = "14d", .min = 0, .max = 90 * INT64_C(86400000),
      .help = "an account must have been seen this long before anomalies in it alert" },
    { .key = "store", .type = OPT_MAP, .at = 0, .sub = store_options,
      .help = "what has to survive a restart" },
    { .key = "log", .type = OPT_MAP, .at = 0, .sub = log_options, .help = "messages to the operator" },
    { .key = "accounts", .type = OPT_NODE, .at = offsetof(struct settings, accounts),
      .help = "what you know about database accounts: name, tags (for routes) and owner; alerts carry both",
      .example = "[{ name: prod-orders, tags: [prod, pci], owner: payments@contoso.example }]" },
    { .key = "networks", .type = OPT_NODE, .at = offsetof(struct settings, networks),
      .help = "what you know about addresses, here or in a CSV: { file: networks.csv }",
      .example = "[{ cidr: 203.0.113.0/24, name: head office, country: DE, trusted: true }]" },
    { .key = "trusted", .type = OPT_NODE, .at = offsetof(struct settings, trusted),
      .help = "who spares alerts and is learned all the same, each an address, asn, principal, key_reader or agent, with "
              "accounts, until, warn_before, note. address: who comes from there, not how much is read; asn: unusual places "
              "and networks only; principal: what it reads and lists, that it is new or travels; key_reader: reads and "
              "regenerates keys; agent: a new or strange program only",
      .example = "[{ key_reader: terraform@contoso.example, until: 2027-01-31 }]" },
    { .key = "suppressions", .type = OPT_NODE, .at = offsetof(struct settings, suppressions),
      .help = "alerts that are kept but not delivered, as long as all they say is covered: name, reason, comment, types, "
              "accounts, addresses, principals, user_agents, databases, containers, key_kinds, subjects, max_severity, "
              "begins, expires, warn_before",
      .example = "[{ name: drill, reason: exercise, types: [CosmosDB_TorAnomaly] }]" },
    { 0 },
};

static void check_name(const void *self, const struct yaml_node *value, struct settings_errors *errors)
{
    const struct settings_entry *e = self;

    for (const char *p = e->name; *p; p++) {
        bool is_fine = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                       (*p >= '0' && *p <= '9') || *p == '.' || *p == '_' || *p == '-';

        if (!is_fine) { /* it becomes a key in the store, a label of a metric, a word on a command line */
            settings_errors_add(errors, value, "name '%.60s': only letters, digits and . _ - are taken",
                                e->name);
            return;
        }
    }
}

const struct option_spec settings_entry_options[] = {
    { .key = "name", .type = OPT_STRING, .at = offsetof(struct settings_entry, name), .required = true,
      .min = 1, .max = NAME_MAX_LEN, .check = check_name,
      .help = "what messages, metrics and commands call it; keep it, progress is stored under it" },
    { .key = "type", .type = OPT_STRING, .at = offsetof(struct settings_entry, type), .required = true,
      .help = "the module" },
    { .key = "enabled", .type = OPT_BOOL, .at = offsetof(struct settings_entry, is_enabled),
      .preset = "true", .help = "false leaves it out without deleting its lines" },
    { 0 },
};

const struct option_spec settings_output_options[] = {
    { .key = "format", .type = OPT_STRING, .at = offsetof(struct settings_entry, format), .min = 1,
      .max = 64, .help = "how an alert is written; each type has its own usual one",
      .example = "json" },
    { .key = "queue", .type = OPT_INT, .at = offsetof(struct settings_entry, queue_max), .preset = "0", .min = 0,
      .max = INT64_C(1000000000),
      .help = "alerts that may wait for it; 0: as many as the store has room for" },
    { .key = "on_full", .type = OPT_ENUM, .at = offsetof(struct settings_entry, on_full),
      .preset = "hold", .values = full_answers,
      .help = "when its queue is full: hold stops reading logs, park sets its oldest alerts aside" },
    { .key = "max_per_second", .type = OPT_INT, .at = offsetof(struct settings_entry, max_per_second), .preset = "0",
      .min = 0, .max = 1000000, .help = "alerts sent in a second at most; 0: as fast as the receiver takes them" },
    { .key = "backfill", .type = OPT_DURATION, .at = offsetof(struct settings_entry, backfill_ms), .preset = "0",
      .min = 0, .max = INT64_C(3650) * 86400000,
      .help = "alerts of the time before the output was there that it still gets, once; as in 7d" },
    { .key = "route", .type = OPT_MAP, .at = offsetof(struct settings_entry, route),
      .sub = settings_route_options, .help = "which alerts it gets" },
    { 0 },
};

const struct option_spec settings_detector_options[] = {
    { .key = "enabled", .type = OPT_BOOL, .at = offsetof(struct settings_module, is_enabled),
      .preset = "true", .help = "false switches it off" },
    { 0 },
};

/* ---- entries: sources, outputs, feeds --------------------------------------------------------- */

static const struct module_desc *module_find(const struct module_desc *modules, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(modules[i].name, name) == 0)
            return &modules[i];
    return NULL;
}

struct kind { /* one of the three lists */
    const char *key;
    const struct module_desc *modules;
    size_t modules_len;
    const struct option_spec *more; /* common options besides name, type, enabled; may be NULL */
    const char *const *formats;
};

static bool module_make(const struct module_desc *m, void **ret_self, const struct yaml_node *node,
                        const char *file, struct settings_errors *errors)
{
    if (m->size == 0)
        return true;
    *ret_self = calloc(1, m->size);
    if (*ret_self)
        return true;
    if (node)
        settings_errors_add(errors, node, "no memory for '%s'", m->name);
    else
        settings_errors_add_at(errors, file, 0, 0, "no memory for '%s'", m->name);
    return false;
}

static const char **module_names(const struct module_desc *modules, size_t n)
{
    const char **names = calloc(n + 1, sizeof(*names));

    if (!names)
        return NULL;
    for (size_t i = 0; i < n; i++)
        names[i] = modules[i].name;
    return names;
}

/* "'syslgo' is not a type of outputs; did you mean ...?" or the list of those there are. */
static void report_word(const struct yaml_node *at, bool is_key, struct slice typed, const char *what,
                        const char *const *words, struct settings_errors *errors)
{
    CLEANUP(buf_release) struct buf tail = BUF_HERE(600);
    const char *nearest = settings_nearest(typed, words);

    if (nearest)
        buf_addf(&tail, "; did you mean '%s'?", nearest);
    for (size_t i = 0; !nearest && words[i]; i++)
        buf_addf(&tail, "%s%s", i == 0 ? "; there are " : ", ", words[i]);
    if (is_key)
        settings_errors_add_key(errors, at, "'%.*s' is not %s%s", SLF(slice_cut(typed, 60)), what,
                                buf_cstr(&tail));
    else
        settings_errors_add(errors, at, "'%.*s' is not %s%s", SLF(slice_cut(typed, 60)), what,
                            buf_cstr(&tail));
}

static void report_type(const struct kind *kind, const struct settings_entry *e,
                        struct settings_errors *errors)
{
    const char **names = module_names(kind->modules, kind->modules_len);
    const struct yaml_node *at = yaml_node_get(e->node, "type");
    char what[64];

    (void)snprintf(what, sizeof(what), "a type of %s", kind->key);
    if (names)
        report_word(at, false, slice_of(e->type), what, names, errors);
    else
        settings_errors_add(errors, at, "no memory");
    free(names);
}

static void check_format(const struct kind *kind, const struct settings_entry *e,
                         struct settings_errors *errors)
{
    if (!kind->formats || !e->format)
        return;
    for (size_t i = 0; kind->formats[i]; i++)
        if (strcmp(kind->formats[i], e->format) == 0)
            return;
    report_word(yaml_node_get(e->node, "format"), false, slice_of(e->format), "a format", kind->formats,
                errors);
}

static void check_duplicate(const struct settings_entries *list, const struct settings_entry *e,
                            struct settings_errors *errors)
{
    for (const struct settings_entry *other = list->at; other < e; other++)
        if (other->name && e->name && strcmp(other->name, e->name) == 0) {
            settings_errors_add(errors, yaml_node_get(e->node, "name"),
                                "name '%s' is already used in line %d", e->name,
                                yaml_node_get(other->node, "name")->line);
            return;
        }
}

/* The sentences are in errors; whoever called looks there. */
static void fill(const struct option_spec *specs, const struct yaml_node *node, void *self,
                 struct settings_errors *errors)
{
    if (specs && settings_table_fill(specs, node, self, errors) < 0)
        return;
}

static void entry_read(const struct kind *kind, const struct yaml_node *node, struct settings_entry *e,
                       struct settings_errors *errors)
{
    const struct option_spec *tables[4] = { settings_entry_options };
    const struct yaml_node *map = node;
    size_t n = 1;

    e->node = node;
    if (!settings_want_map(&map, errors))
        return;
    if (!map) {
        settings_errors_add(errors, node, "an empty item under %s", kind->key);
        return;
    }
    fill(settings_entry_options, map, e, errors);
    fill(kind->more, map, e, errors);
    if (e->type)
        e->module = module_find(kind->modules, kind->modules_len, e->type);
    if (!e->module) { /* without its table every key would look wrong */
        if (e->type)
            report_type(kind, e, errors);
        return;
    }
    if (kind->more)
        tables[n++] = kind->more;
    if (e->module->options)
        tables[n++] = e->module->options;
    settings_check_keys(map, tables, errors);
    check_format(kind, e, errors);
    if (e->is_enabled && module_make(e->module, &e->self, node, node->file, errors))
        fill(e->module->options, map, e->self, errors);
}

static void module_release(const struct module_desc *m, void *self)
{
    if (m && self && m->options)
        settings_table_release(m->options, self);
    free(self);
}

static void entry_release(struct settings_entry *e)
{
    module_release(e->module, e->self);
    settings_table_release(settings_output_options, e);
    settings_table_release(settings_entry_options, e);
}

/* What is switched off was checked for its keys; its secrets need not exist. */
static void drop_disabled(struct settings_entries *list)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->len; i++) {
        if (list->at[i].module && !list->at[i].is_enabled)
            entry_release(&list->at[i]);
        else
            list->at[kept++] = list->at[i];
    }
    list->len = kept;
}

static void entries_read(const struct kind *kind, const struct yaml_node *node,
                         struct settings_entries *list, struct settings_errors *errors)
{
    if (!node || yaml_node_is_null(node))
        return;
    if (node->kind != YAML_NODE_LIST) {
        settings_errors_add(errors, node, "%s: a list (- name: ...) is expected here, not %s", kind->key,
                            yaml_node_kind_name(node));
        return;
    }
    if (node->len > ENTRIES_MAX) {
        settings_errors_add(errors, node, "%s: more than %d items", kind->key, ENTRIES_MAX);
        return;
    }
    list->at = calloc(node->len + 1, sizeof(*list->at));
    if (!list->at) {
        settings_errors_add(errors, node, "%s: no memory", kind->key);
        return;
    }
    for (const struct yaml_node *c = node->first; c; c = c->next) {
        struct settings_entry *e = &list->at[list->len++];

        entry_read(kind, c, e, errors);
        check_duplicate(list, e, errors);
    }
    drop_disabled(list);
}

/* ---- detectors and sections: one of each, always there ---------------------------------------- */

/* `detectors: { volume: off }` is short for `{ volume: { enabled: off } }`. */
static bool read_switch(const struct yaml_node *node, bool *ret)
{
    static const char *const yes[] = { "true", "yes", "on" }, *const no[] = { "false", "no", "off" };

    if (!node || node->kind != YAML_NODE_SCALAR)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        *ret = slice_eq_nocase(node->text, slice_of(yes[i]));
        if (*ret || slice_eq_nocase(node->text, slice_of(no[i])))
            return true;
    }
    return false;
}

static void module_read(const struct module_desc *desc, const struct option_spec *common,
                        const struct yaml_node *node, const char *file, struct settings_module *m,
                        struct settings_errors *errors)
{
    const struct option_spec *tables[3] = { 0 };
    const struct yaml_node *map = node;
    bool is_on = true, is_switch = common && read_switch(node, &is_on);
    size_t n = 0;

    m->module = desc;
    m->node = node;
    m->is_enabled = true;
    if (is_switch)
        map = NULL;
    else if (!settings_want_map(&map, errors))
        return;
    if (common)
        tables[n++] = common;
    if (desc->options)
        tables[n++] = desc->options;
    if (map)
        settings_check_keys(map, tables, errors);
    fill(common, map, m, errors);
    if (is_switch)
        m->is_enabled = is_on;
    if (module_make(desc, &m->self, node, file, errors))
        fill(desc->options, map, m->self, errors);
}

static struct settings_module *modules_read(const struct module_desc *descs, size_t n,
                                            const struct option_spec *common,
                                            const struct yaml_node *parent, const char *file,
                                            struct settings_errors *errors)
{
    struct settings_module *at = calloc(n + 1, sizeof(*at));

    if (!at) {
        settings_errors_add_at(errors, file, 0, 0, "no memory");
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        module_read(&descs[i], common, parent ? yaml_node_get(parent, descs[i].name) : NULL, file,
                    &at[i], errors);
    return at;
}

static void detectors_read(const struct settings_registry *registry, const struct yaml_node *node,
                           const char *file, struct settings *s, struct settings_errors *errors)
{
    const char **names = module_names(registry->detectors, registry->detectors_len);

    if (!names)
        settings_errors_add_at(errors, file, 0, 0, "no memory");
    if (!names || !settings_want_map(&node, errors))
        node = NULL;
    for (const struct yaml_node *c = node ? node->first : NULL; c; c = c->next) {
        char name[128];

        (void)snprintf(name, sizeof(name), "%.*s", SLF(slice_cut(c->key, sizeof(name) - 1)));
        if (!module_find(registry->detectors, registry->detectors_len, name))
            report_word(c, true, c->key, "a detector", names, errors);
    }
    free(names);
    s->detectors = modules_read(registry->detectors, registry->detectors_len, settings_detector_options,
                                node, file, errors);
    s->detectors_len = s->detectors ? registry->detectors_len : 0;
}

/* ---- the whole file --------------------------------------------------------------------------- */

/* Keys of the top that are read by hand, as a table, so that typing errors are found against them. */
static void top_keys(const struct settings_registry *registry, struct option_spec *ret, size_t max)
{
    static const char *const lists[] = { "sources", "outputs", "feeds", "detectors", "console" };
    bool has_console = module_find(registry->sections, registry->sections_len, "console") != NULL;
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(lists) - (has_console ? 1 : 0); i++)
        ret[n++] = (struct option_spec){ .key = lists[i], .type = OPT_NODE };
    for (size_t i = 0; i < registry->sections_len && n + 1 < max; i++)
        ret[n++] = (struct option_spec){ .key = registry->sections[i].name, .type = OPT_NODE };
    ret[n] = (struct option_spec){ 0 };
}

static void check_top_keys(const struct settings_registry *registry, const struct yaml_node *root,
                           struct settings_errors *errors)
{
    struct option_spec by_hand[64];
    const struct option_spec *const tables[] = { settings_top_options, by_hand, NULL };

    top_keys(registry, by_hand, ARRAY_LEN(by_hand));
    settings_check_keys(root, tables, errors);
}

static void read_networks(struct settings *s, struct settings_errors *errors)
{
    const struct yaml_node *n = s->networks;

    if (!n)
        return;
    if (n->kind != YAML_NODE_LIST) {
        settings_errors_add(errors, n, "networks: a list is expected here, not %s",
                            yaml_node_kind_name(n));
        return;
    }
    for (const struct yaml_node *c = n->first; c; c = c->next)
        if (c->kind != YAML_NODE_MAP)
            settings_errors_add(errors, c, "networks[%zu]: a map (key: value) is expected here, not %s",
                                c->place, yaml_node_kind_name(c));
}

/* root NULL: presets alone. */
static void settings_read(struct settings *s, const struct settings_registry *registry,
                          const struct yaml_node *root, const char *file, struct settings_errors *errors)
{
    const struct kind kinds[] = {
        { .key = "sources", .modules = registry->sources, .modules_len = registry->sources_len },
        { .key = "outputs", .modules = registry->outputs, .modules_len = registry->outputs_len,
          .more = settings_output_options, .formats = registry->formats },
        { .key = "feeds", .modules = registry->feeds, .modules_len = registry->feeds_len },
    };
    struct settings_entries *const lists[] = { &s->sources, &s->outputs, &s->feeds };

    if (!settings_want_map(&root, errors))
        return;
    if (root)
        check_top_keys(registry, root, errors);
    fill(settings_top_options, root, s, errors);
    read_networks(s, errors);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        entries_read(&kinds[i], root ? yaml_node_get(root, kinds[i].key) : NULL, lists[i], errors);
    detectors_read(registry, root ? yaml_node_get(root, "detectors") : NULL, file, s, errors);
    s->sections = modules_read(registry->sections, registry->sections_len, NULL, root, file, errors);
    s->sections_len = s->sections ? registry->sections_len : 0;
    s->console = root && !settings_section_find(s, "console") ? yaml_node_get(root, "console") : NULL;
    if (s->console && !settings_want_map(&s->console, errors))
        s->console = NULL;
}

int settings_parse_text(struct slice text, const char *file, const struct settings_registry *registry,
                        struct settings **ret, struct settings_errors *errors)
{
    CLEANUP(settings_freep) struct settings *s = calloc(1, sizeof(*s));

    if (!s) {
        settings_errors_add_at(errors, file, 0, 0, "no memory");
        return -1;
    }
    if (yaml_tree_parse(text, file, &s->tree, errors) < 0)
        return -1;
    settings_read(s, registry, yaml_tree_root(s->tree), file, errors);
    if (settings_errors_any(errors))
        return -1;
    *ret = TAKE(s);
    return 0;
}

int settings_presets(const struct settings_registry *registry, struct settings **ret, struct error *err)
{
    CLEANUP(settings_freep) struct settings *s = calloc(1, sizeof(*s));
    CLEANUP(settings_errors_release) struct settings_errors errors = { 0 };

    if (!s)
        return error_set(err, ERR_NOMEM, "no memory for settings");
    settings_read(s, registry, NULL, "presets", &errors);
    if (settings_errors_first(&errors, err) < 0) {
        if (err->code == ERR_CONFIG)
            err->code = ERR_BUG;
        return -1;
    }
    *ret = TAKE(s);
    return 0;
}

/* Whoever can write the file decides where alerts go and which files are read as secrets. */
static int check_owner(const struct stat *st, const char *path, struct settings_errors *errors)
{
    char why[160];

    if (file_is_trusted(st, FILE_OWNER_US, why, sizeof why))
        return 0;
    settings_errors_add_at(errors, path, 0, 0, "%s", why);
    return -1;
}

static int read_fd(int fd, const char *path, struct buf *text, struct settings_errors *errors)
{
    for (;;) {
        ssize_t n;

        if (!buf_reserve(text, 65536)) {
            settings_errors_add_at(errors, path, 0, 0, "larger than %zu MiB", YAML_TEXT_MAX >> 20);
            return -1;
        }
        n = read(fd, text->at + text->len, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            settings_errors_add_at(errors, path, 0, 0, "cannot be read: %s", strerrordesc_np(errno));
            return -1;
        }
        if (n == 0)
            return 0;
        text->len += (size_t)n;
    }
}

/* The descriptor is judged, not the name: what is checked is what is read. */
static int load_fd(int fd, const char *path, enum settings_trust trust, struct buf *text,
                   struct settings_errors *errors)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        settings_errors_add_at(errors, path, 0, 0, "not a regular file");
        return -1;
    }
    if (trust == SETTINGS_OWN_FILE && check_owner(&st, path, errors) < 0)
        return -1;
    return read_fd(fd, path, text, errors);
}

int settings_load(const char *path, const struct settings_registry *registry, enum settings_trust trust,
                  struct settings **ret, struct settings_errors *errors)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(YAML_TEXT_MAX + 65536 + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc;

    if (fd < 0) {
        settings_errors_add_at(errors, path, 0, 0, "cannot be opened: %s", strerrordesc_np(errno));
        return -1;
    }
    rc = load_fd(fd, path, trust, &text, errors);
    (void)close(fd); /* only read */
    if (rc < 0)
        return -1;
    return settings_parse_text(buf_slice(&text), path, registry, ret, errors);
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void entries_release(struct settings_entries *list)
{
    for (size_t i = 0; i < list->len; i++)
        entry_release(&list->at[i]);
    free(list->at);
}

static void modules_release(struct settings_module *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        module_release(at[i].module, at[i].self);
    free(at);
}

void settings_free(struct settings *s)
{
    if (!s)
        return;
    entries_release(&s->sources);
    entries_release(&s->outputs);
    entries_release(&s->feeds);
    modules_release(s->detectors, s->detectors_len);
    modules_release(s->sections, s->sections_len);
    settings_table_release(settings_top_options, s);
    yaml_tree_free(s->tree);
    free(s);
}

void settings_freep(struct settings **s)
{
    settings_free(*s);
    *s = NULL;
}

const struct settings_module *settings_section_find(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->sections_len; i++)
        if (strcmp(s->sections[i].module->name, name) == 0)
            return &s->sections[i];
    return NULL;
}
