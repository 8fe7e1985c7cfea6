/* option.h - option tables: the only description of a module's settings.
 *
 * A table parses, checks, sets presets, and prints the annotated sample and the schema for editors. It
 * is a `static const struct option_spec[]` with designated initializers, ended by `{ 0 }`; `at` is the
 * offset in the module's own struct, which starts zeroed.
 *
 *     { .key = "window", .type = OPT_DURATION, .at = offsetof(struct auth_burst, window_ms),
 *       .preset = "5m", .min = 1000, .max = 86400000, .help = "sliding window, in event time" },
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OPTION_H
#define COSMOWATCH_OPTION_H

#include "base/error.h"
#include "base/secret.h"
#include "base/slice.h"

struct settings_errors;
struct yaml_node;

enum option_type { /* what stands at `at` */
    OPT_NONE,
    OPT_INT,         /* int64_t */
    OPT_REAL,        /* double */
    OPT_BOOL,        /* bool; true/false, yes/no, on/off */
    OPT_DURATION,    /* int64_t, ms; "30s", "5m", "1h 30m", "14d", 0 */
    OPT_BYTES,       /* int64_t; "64KiB", "10MB", "10GiB" */
    OPT_STRING,      /* char *, owned; NULL when neither set nor preset */
    OPT_SECRET,      /* struct secret, resolved; the text must be a reference (secret_ref_resolve) */
    OPT_ENUM,        /* int: the index in `values` */
    OPT_STRING_LIST, /* struct string_list, owned; one bare text counts as a list of one */
    OPT_URL,         /* char *, owned; http or https, no user and password in it */
    OPT_MAP,         /* a nested struct, filled by the table `sub`, whose offsets start at `at` */
    OPT_NODE,        /* const struct yaml_node *: free form, read by the module; a view that lives as
                        long as the settings; NULL when absent */
};

/* An option that names a file which decides something: who may have written it is asked, and when it ends. */
enum option_file {
    OPTION_FILE_NOT,
    OPTION_FILE_TRUST,       /* authorities, PEM */
    OPTION_FILE_CERTIFICATE, /* of ours, PEM or PFX; its password is the option of the same name with "_password" */
    OPTION_FILE_KEY,
    OPTION_FILE_LIST,        /* data that somebody keeps: feeds, places */
};

struct string_list {
    char **at;
    size_t len;
};

struct option_spec {
    const char *key;
    enum option_type type;
    size_t at;
    const char *preset;        /* as in YAML; for lists "a, b"; NULL: zero, NULL or empty */
    int64_t min, max;          /* of numbers (REAL too), ms, bytes; length of texts; items of lists.
                                  max <= min: no upper limit; both 0: no limit at all (durations and
                                  sizes are never negative) */
    double real_min, real_max; /* OPT_REAL with a limit that is no whole number */
    const char *const *values; /* OPT_ENUM: names, NULL-terminated */
    const struct option_spec *sub; /* OPT_MAP */
    size_t reference_at;       /* OPT_SECRET: char * that keeps the reference, so that a rotated file
                                  can be read again; 0: not kept */
    enum option_file file;     /* OPT_STRING, OPT_STRING_LIST: it is the path of a file of that kind */
    bool required;             /* not with preset */
    const char *help;          /* one line, lower case, no full stop; with the unit or the reason */
    const char *example;       /* as in YAML; shown in the sample when there is no preset */
    const char *since;         /* version; NULL: always there */
    /* What a table cannot say, after the value was read. `self`: the struct with the option (for
     * OPT_MAP, the nested one). Reports with settings_errors_add (settings/errors.h). May be NULL. */
    void (*check)(const void *self, const struct yaml_node *value, struct settings_errors *errors);
};

/* Fill the zeroed `self`: presets first, then what the map `node` says (NULL: nothing). -1 when
 * anything was wrong; all of it is in `errors`, and self may be half filled: release it. */
MUST_CHECK int settings_table_apply(const struct option_spec *specs, const struct yaml_node *node,
                                    void *self, struct settings_errors *errors);
/* Presets alone. ERR_NOMEM, or ERR_BUG for a preset that its own option refuses. */
MUST_CHECK int settings_table_presets(const struct option_spec *specs, void *self, struct error *err);
/* Free what the table's options own; safe on half-filled and on zeroed structs. */
void settings_table_release(const struct option_spec *specs, void *self);

/* The secret behind "${env:NAME}", "${file:/PATH}" or "${credential:NAME}" ($CREDENTIALS_DIRECTORY,
 * systemd.exec(5)), read now. A byte order mark in front and line ends at the end are dropped, blanks
 * are kept. ERR_CONFIG with a sentence that names the place and never the content. */
MUST_CHECK int secret_ref_resolve(struct slice reference, struct secret *ret, struct error *err);
/* Is it such a reference, whatever is behind it? */
bool secret_ref_is_valid(struct slice reference);

#endif
