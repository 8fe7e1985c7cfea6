/* settings.h - one YAML file as everything the agent needs to know.
 *
 * settings/ knows no module: the caller hands in a registry of what exists, and each module's options
 * are read by the module's own table. All errors of a file are found in one reading.
 *
 *     horizon: 12h            sources: [ ... ]     outputs: [ ... ]     feeds: [ ... ]
 *     learn: 14d              networks: [ ... ]    detectors: { name: { ... } }
 *     accounts: [ ... ]
 *     trusted: [ ... ]        suppressions: [ ... ]
 *     store: { ... }          log: { ... }         and the registry's sections, one map each
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SETTINGS_H
#define COSMOWATCH_SETTINGS_H

#include "settings/errors.h"
#include "settings/option.h"

struct yaml_node;

struct module_desc {
    const char *name, *summary;        /* what `type:` says, or the key; one line for people */
    const struct option_spec *options; /* NULL: none */
    size_t size;                       /* of `self`; 0: none */
};

struct settings_registry {
    const struct module_desc *sources, *outputs, *detectors, *feeds;
    size_t sources_len, outputs_len, detectors_len, feeds_len;
    const struct module_desc *sections; /* further top-level maps: console, ... */
    size_t sections_len;
    const char *const *formats;         /* what an output's `format` may say, NULL-terminated; NULL: any */
};

enum settings_on_full { SETTINGS_FULL_HOLD, SETTINGS_FULL_PARK };

/* What an output gets: all that is said must hold, one word of each list is enough, empty lists ask nothing.
 * Compiled and checked by agent/delivery/route.c. */
struct settings_route {
    int min_severity, max_severity; /* informational 0, low 1, medium 2, high 3: as enum severity */
    struct string_list types, accounts, tags, apis, addresses, principals, user_agents, databases, containers,
        raised_by, tactics;
    const struct yaml_node *any_of, *none_of, *rule_sets; /* or NULL; maps of the same table; Defender's rule sets */
};
extern const struct option_spec settings_route_options[]; /* struct settings_route */

struct settings_entry {        /* one item of sources, outputs or feeds */
    char *name;                /* unique in its list; 1..63 of A-Z a-z 0-9 . _ - */
    char *type;
    bool is_enabled;           /* always, here: what is switched off is left out of the list */
    const struct module_desc *module;
    void *self;                /* module->size bytes, options filled in; owned by the settings */
    const struct yaml_node *node;
    char *format;              /* outputs: NULL is the module's own default */
    int64_t queue_max;         /* outputs: alerts that may wait; 0: no bound */
    int on_full;               /* outputs: enum settings_on_full */
    int64_t max_per_second;    /* outputs: 0 no limit */
    int64_t backfill_ms;       /* outputs */
    struct settings_route route; /* outputs */
};

struct settings_entries {
    struct settings_entry *at;
    size_t len;
};

struct settings_module {       /* a detector or a section: always there, file or not */
    const struct module_desc *module;
    bool is_enabled;           /* detectors */
    void *self;                /* owned by the settings */
    const struct yaml_node *node; /* NULL: the file does not mention it */
};

struct settings {
    struct settings_entries sources, outputs, feeds;
    struct settings_module *detectors, *sections; /* in the registry's order */
    size_t detectors_len, sections_len;
    const struct yaml_node *accounts; /* a list, or NULL; read by alert/accounts.c */
    const struct yaml_node *networks; /* a list, or NULL; read by enrich */
    const struct yaml_node *trusted;      /* a list, or NULL; read by enrich/trusted.c */
    const struct yaml_node *suppressions; /* a list, or NULL; read by alert/suppress.c */
    const struct yaml_node *console;  /* a map, or NULL; when the registry has no such section */
    struct {
        char *path;            /* state directory */
        int64_t max_bytes;     /* reading stops above it */
        int64_t retention_ms;  /* settled alerts are kept this long */
    } store;
    int log_level;             /* enum log_level */
    int64_t horizon_ms;        /* how late a record may come and still count */
    int64_t learn_ms;          /* an account seen for less does not raise anomalies */
    struct yaml_tree *tree;    /* owned: all nodes above live in it */
};

/* Who may have written the file. */
enum settings_trust {
    SETTINGS_OWN_FILE, /* root or ourselves, and not writable by group or others */
    SETTINGS_ANY_FILE, /* for tests and for files that only describe a replay */
};

/* Read and check. -1: nothing is stored, and `errors` (zeroed by the caller) says all that is wrong. */
MUST_CHECK int settings_load(const char *path, const struct settings_registry *registry,
                             enum settings_trust trust, struct settings **ret,
                             struct settings_errors *errors);
MUST_CHECK int settings_parse_text(struct slice text, const char *file,
                                   const struct settings_registry *registry, struct settings **ret,
                                   struct settings_errors *errors);
/* Running with no file at all. ERR_NOMEM, or ERR_BUG for a table that refuses its own presets. */
MUST_CHECK int settings_presets(const struct settings_registry *registry, struct settings **ret,
                                struct error *err);
void settings_free(struct settings *s); /* also every `self`: close the modules first */
void settings_freep(struct settings **s);

/* By name; NULL when there is none. */
const struct settings_module *settings_section_find(const struct settings *s, const char *name);

/* Every file that options name (option_spec.file) and that is set; whether it is there is not looked at. `where`:
 * "outputs.soc.tls.cert". Ends with the first -1 of fn. */
struct settings_file {
    const char *where, *path;
    enum option_file kind;
    const struct secret *password; /* of a certificate's file; NULL: it has no such option */
};
MUST_CHECK int settings_each_file(const struct settings *s,
                                  int (*fn)(void *self, const struct settings_file *f, struct error *err), void *self,
                                  struct error *err);

/* Both from the option tables alone. The sample has every option commented out with its preset: prose
 * after "# ", settings after "#"; taking the latter away leaves a valid file. */
void settings_print_sample(struct buf *out, const struct settings_registry *registry);
/* JSON Schema draft-07, for editors. */
void settings_print_json_schema(struct buf *out, const struct settings_registry *registry);
/* The sections of cosmowatch.yaml(5) that describe options, in mdoc(7). */
void settings_print_manual(struct buf *out, const struct settings_registry *registry);

/* What is configured, for whoever helps from outside, as a JSON object: numbers, sizes, durations, truth values, words out
 * of a list, presets. Texts somebody wrote are given to add_name, which adds a JSON text in their place (NULL: not set);
 * of lists the length is told, of secrets that there is such an option. */
void settings_print_outline(struct buf *out, const struct settings *s,
                            void (*add_name)(void *self, struct buf *out, const char *name), void *self);

#endif
