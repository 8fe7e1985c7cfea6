/* option.c - see option.h. Each type has one reader that turns text into the value at `at`, used for
 * presets and for the file alike, so a preset obeys the same rules as what people write.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/option.h"

#include "base/num.h"
#include "settings/inside.h"

#include <stdlib.h>

#define SHOWN_MAX 60 /* bytes of a wrong value that are repeated to the operator */

/* ---- what an option accepts, in words --------------------------------------------------------- */

bool option_has_min(const struct option_spec *spec)
{
    return spec->min != 0 || spec->max != 0;
}

bool option_has_max(const struct option_spec *spec)
{
    return spec->max > spec->min;
}

void option_add_duration(struct buf *out, int64_t ms)
{
    CLEANUP(buf_release) struct buf text = BUF_HERE(64);
    int64_t back = -1;

    fmt_duration_ms(&text, ms);
    if (parse_duration_ms(buf_slice(&text), &back) && back == ms)
        buf_add_slice(out, buf_slice(&text));
    else
        buf_addf(out, "%" PRId64 "ms", ms);
}

void option_add_bytes(struct buf *out, int64_t bytes)
{
    static const struct {
        int64_t factor;
        const char *name;
    } units[] = {
        { .factor = INT64_C(1) << 40, .name = "TiB" }, { .factor = INT64_C(1) << 30, .name = "GiB" },
        { .factor = INT64_C(1) << 20, .name = "MiB" }, { .factor = INT64_C(1) << 10, .name = "KiB" },
        { .factor = INT64_C(1000000000000), .name = "TB" }, { .factor = 1000000000, .name = "GB" },
        { .factor = 1000000, .name = "MB" }, { .factor = 1000, .name = "kB" },
    };

    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (bytes != 0 && bytes % units[i].factor == 0) {
            buf_addf(out, "%" PRId64 "%s", bytes / units[i].factor, units[i].name);
            return;
        }
    buf_addf(out, "%" PRId64, bytes);
}

static void add_limit(const struct option_spec *spec, int64_t v, struct buf *out)
{
    if (spec->type == OPT_DURATION)
        option_add_duration(out, v);
    else if (spec->type == OPT_BYTES)
        option_add_bytes(out, v);
    else
        buf_add_i64(out, v);
}

void option_add_range(const struct option_spec *spec, struct buf *out)
{
    if (spec->type == OPT_REAL && spec->real_max > spec->real_min) {
        buf_addf(out, " from %g to %g", spec->real_min, spec->real_max);
        return;
    }
    if (!option_has_min(spec))
        return;
    buf_add_str(out, option_has_max(spec) ? " from " : " of at least ");
    add_limit(spec, spec->min, out);
    if (!option_has_max(spec))
        return;
    buf_add_str(out, " to ");
    add_limit(spec, spec->max, out);
}

static void add_words(const char *const *words, struct buf *out)
{
    for (size_t i = 0; words[i]; i++) {
        if (i > 0)
            buf_add_str(out, ", ");
        buf_add_str(out, words[i]);
    }
}

void option_add_expectation(const struct option_spec *spec, struct buf *out)
{
    switch (spec->type) {
    case OPT_INT: buf_add_str(out, "a whole number"); break;
    case OPT_REAL: buf_add_str(out, "a number"); break;
    case OPT_BOOL: buf_add_str(out, "true or false"); return;
    case OPT_DURATION: buf_add_str(out, "a duration (30s, 5m, 2h, 14d)"); break;
    case OPT_BYTES: buf_add_str(out, "a size (64KiB, 10MB, 10GiB)"); break;
    case OPT_STRING: buf_add_str(out, "a text"); break;
    case OPT_SECRET:
        buf_add_str(out, "a reference to a secret: ${env:NAME}, ${file:/path} or ${credential:NAME}");
        return;
    case OPT_ENUM:
        buf_add_str(out, "one of ");
        add_words(spec->values, out);
        return;
    case OPT_STRING_LIST: buf_add_str(out, "a list of texts"); break;
    case OPT_URL: buf_add_str(out, "an http:// or https:// address"); return;
    case OPT_MAP: buf_add_str(out, "a map (key: value)"); return;
    case OPT_NONE:
    case OPT_NODE: buf_add_str(out, "a value"); return;
    }
    if (option_has_min(spec) || spec->real_max > spec->real_min) {
        if (spec->type == OPT_STRING)
            buf_add_str(out, " with a length");
        if (spec->type == OPT_STRING_LIST)
            buf_add_str(out, " with a number of items");
        option_add_range(spec, out);
    }
}

/* ---- text to value ---------------------------------------------------------------------------- */

enum verdict {
    VALUE_OK,
    VALUE_WRONG,  /* not what the option accepts */
    VALUE_TOLD,   /* the same, with a sentence of its own in err */
    VALUE_NOMEM,
};

static bool is_in_range(const struct option_spec *spec, int64_t v)
{
    if (option_has_min(spec) && v < spec->min)
        return false;
    return !option_has_max(spec) || v <= spec->max;
}

static bool real_is_in_range(const struct option_spec *spec, double v)
{
    if (spec->real_max > spec->real_min)
        return v >= spec->real_min && v <= spec->real_max;
    if (option_has_min(spec) && v < (double)spec->min)
        return false;
    return !option_has_max(spec) || v <= (double)spec->max;
}

static bool parse_bool(struct slice text, bool *ret)
{
    static const char *const yes[] = { "true", "yes", "on" }, *const no[] = { "false", "no", "off" };

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        *ret = slice_eq_nocase(text, slice_of(yes[i]));
        if (*ret || slice_eq_nocase(text, slice_of(no[i])))
            return true;
    }
    return false;
}

static enum verdict read_number(const struct option_spec *spec, struct slice text, int64_t *at)
{
    int64_t v = 0;
    bool is_number = spec->type == OPT_DURATION ? parse_duration_ms(text, &v)
                     : spec->type == OPT_BYTES  ? parse_bytes(text, &v)
                                                : parse_i64(text, INT64_MIN, INT64_MAX, &v);

    if (!is_number || !is_in_range(spec, v))
        return VALUE_WRONG;
    *at = v;
    return VALUE_OK;
}

static enum verdict read_enum(const struct option_spec *spec, struct slice text, int *at,
                              struct error *err)
{
    CLEANUP(buf_release) struct buf words = BUF_HERE(256);
    const char *nearest;

    for (int i = 0; spec->values[i]; i++)
        if (slice_eq(text, slice_of(spec->values[i]))) {
            *at = i;
            return VALUE_OK;
        }
    nearest = settings_nearest(text, spec->values);
    if (!nearest)
        return VALUE_WRONG;
    add_words(spec->values, &words);
    (void)error_set(err, ERR_CONFIG, "'%.*s' is not one of %s; did you mean '%s'?",
                    SLF(slice_cut(text, SHOWN_MAX)), buf_cstr(&words), nearest);
    return VALUE_TOLD;
}

static bool is_reference(struct slice text)
{
    return slice_starts(text, SL("${env:")) || slice_starts(text, SL("${file:")) ||
           slice_starts(text, SL("${credential:"));
}

static enum verdict keep_string(struct slice text, char **at)
{
    char *copy = malloc(text.len + 1);

    if (!copy)
        return VALUE_NOMEM;
    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    free(*at);
    *at = copy;
    return VALUE_OK;
}

static enum verdict read_string(const struct option_spec *spec, struct slice text, char **at,
                                struct error *err)
{
    if (is_reference(text)) {
        (void)error_set(err, ERR_CONFIG, "references are read only where a secret is expected");
        return VALUE_TOLD;
    }
    if (memchr(text.at, '\0', text.len)) {
        (void)error_set(err, ERR_CONFIG, "a NUL byte in a text");
        return VALUE_TOLD;
    }
    if (!is_in_range(spec, (int64_t)text.len))
        return VALUE_WRONG;
    return keep_string(text, at);
}

/* Enough to catch mistakes early; the HTTP library judges the rest. */
static enum verdict read_url(struct slice text, char **at, struct error *err)
{
    struct slice rest = text, host;

    if (slice_starts_nocase(text, SL("https://")))
        rest = slice_make(text.at + 8, text.len - 8);
    else if (slice_starts_nocase(text, SL("http://")))
        rest = slice_make(text.at + 7, text.len - 7);
    else
        return VALUE_WRONG;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] <= 0x20 || text.at[i] == 0x7f) {
            (void)error_set(err, ERR_CONFIG, "a blank or control byte in an address");
            return VALUE_TOLD;
        }
    host = rest;
    for (size_t i = 0; i < rest.len; i++)
        if (rest.at[i] == '/' || rest.at[i] == '?' || rest.at[i] == '#') {
            host.len = i;
            break;
        }
    if (host.len > 0 && memchr(host.at, '@', host.len)) { /* not repeated: it may be a password */
        (void)error_set(err, ERR_CONFIG, "an address with a user or password in it; use the options "
                                         "for secrets");
        return VALUE_TOLD;
    }
    if (host.len == 0 || host.at[0] == ':')
        return VALUE_WRONG;
    return keep_string(text, at);
}

static enum verdict list_add(struct string_list *list, struct slice text)
{
    char **at = realloc(list->at, (list->len + 1) * sizeof(*at));

    if (!at)
        return VALUE_NOMEM;
    list->at = at;
    at[list->len] = NULL;
    if (keep_string(text, &at[list->len]) != VALUE_OK)
        return VALUE_NOMEM;
    list->len++;
    return VALUE_OK;
}

static void list_release(struct string_list *list)
{
    for (size_t i = 0; i < list->len; i++)
        free(list->at[i]);
    free(list->at);
    *list = (struct string_list){ 0 };
}

/* fetch false: the form is judged, nothing is read. */
static enum verdict read_secret(const struct option_spec *spec, struct slice text, char *self, bool fetch,
                                struct error *err)
{
    struct secret *at = (void *)(self + spec->at);
    char **reference = (void *)(self + spec->reference_at);

    if ((fetch || !secret_ref_is_valid(text)) && secret_ref_resolve(text, at, err) < 0)
        return err->code == ERR_NOMEM ? VALUE_NOMEM : VALUE_TOLD;
    return spec->reference_at > 0 ? keep_string(text, reference) : VALUE_OK;
}

/* One scalar into self. */
static enum verdict read_scalar(const struct option_spec *spec, struct slice text, char *self,
                                struct error *err)
{
    void *at = self + spec->at;
    double real;

    switch (spec->type) {
    case OPT_INT:
    case OPT_DURATION:
    case OPT_BYTES: return read_number(spec, text, at);
    case OPT_REAL:
        if (!parse_real(text, &real) || !real_is_in_range(spec, real))
            return VALUE_WRONG;
        *(double *)at = real;
        return VALUE_OK;
    case OPT_BOOL: return parse_bool(text, at) ? VALUE_OK : VALUE_WRONG;
    case OPT_ENUM: return read_enum(spec, text, at, err);
    case OPT_STRING: return read_string(spec, text, at, err);
    case OPT_URL: return read_url(text, at, err);
    case OPT_SECRET: return read_secret(spec, text, self, true, err);
    case OPT_STRING_LIST: return list_add(at, text);
    case OPT_NONE:
    case OPT_MAP:
    case OPT_NODE: break;
    }
    return VALUE_WRONG;
}

/* ---- presets ---------------------------------------------------------------------------------- */

static enum verdict set_preset(const struct option_spec *spec, char *self, struct error *err)
{
    struct slice rest, part;
    enum verdict v = VALUE_OK;

    if (spec->type == OPT_MAP)
        return settings_table_presets(spec->sub, self + spec->at, err) < 0 ? VALUE_TOLD : VALUE_OK;
    if (!spec->preset)
        return VALUE_OK;
    if (spec->type != OPT_STRING_LIST)
        return read_scalar(spec, slice_of(spec->preset), self, err);
    rest = slice_of(spec->preset);
    while (v == VALUE_OK && slice_split(&rest, ',', &part))
        if (slice_trim(part).len > 0)
            v = read_scalar(spec, slice_trim(part), self, err);
    return v;
}

int settings_table_presets(const struct option_spec *specs, void *self, struct error *err)
{
    struct error why = { 0 };

    for (const struct option_spec *s = specs; s && s->key; s++) {
        enum verdict v = set_preset(s, self, &why);

        if (v == VALUE_NOMEM || why.code == ERR_NOMEM)
            return error_set(err, ERR_NOMEM, "no memory for settings");
        if (v != VALUE_OK)
            return error_set(err, ERR_BUG, "option '%s' refuses its own preset '%s'", s->key,
                             s->preset ? s->preset : why.msg);
    }
    return 0;
}

/* ---- the file --------------------------------------------------------------------------------- */

static void report_value(const struct option_spec *spec, const struct yaml_node *node, enum verdict v,
                         const struct error *err, struct settings_errors *errors)
{
    CLEANUP(buf_release) struct buf path = BUF_HERE(1024), wanted = BUF_HERE(1024);

    yaml_node_add_path(node, &path);
    if (v == VALUE_NOMEM) {
        settings_errors_add(errors, node, "%s: no memory", buf_cstr(&path));
        return;
    }
    if (v == VALUE_TOLD) {
        settings_errors_add(errors, node, "%s: %s", buf_cstr(&path), err->msg);
        return;
    }
    option_add_expectation(spec, &wanted);
    if (node->kind == YAML_NODE_SCALAR)
        settings_errors_add(errors, node, "%s: '%.*s' is not %s", buf_cstr(&path),
                            SLF(slice_cut(node->text, SHOWN_MAX)), buf_cstr(&wanted));
    else
        settings_errors_add(errors, node, "%s: %s is expected here, not %s", buf_cstr(&path),
                            buf_cstr(&wanted), yaml_node_kind_name(node));
}

static void fill_list(const struct option_spec *spec, const struct yaml_node *node, char *self,
                      struct settings_errors *errors)
{
    struct string_list *list = (void *)(self + spec->at);

    if (node->kind == YAML_NODE_MAP) {
        report_value(spec, node, VALUE_WRONG, NULL, errors);
        return;
    }
    if (node->kind == YAML_NODE_SCALAR && list_add(list, node->text) != VALUE_OK)
        report_value(spec, node, VALUE_NOMEM, NULL, errors);
    for (const struct yaml_node *c = node->first; c; c = c->next) {
        CLEANUP(buf_release) struct buf path = BUF_HERE(1024);

        yaml_node_add_path(c, &path);
        if (c->kind != YAML_NODE_SCALAR || yaml_node_is_null(c))
            settings_errors_add(errors, c, "%s: a text is expected here, not %s", buf_cstr(&path),
                                yaml_node_is_null(c) ? "nothing" : yaml_node_kind_name(c));
        else if (memchr(c->text.at, '\0', c->text.len))
            settings_errors_add(errors, c, "%s: a NUL byte in a text", buf_cstr(&path));
        else if (list_add(list, c->text) != VALUE_OK)
            report_value(spec, c, VALUE_NOMEM, NULL, errors);
    }
    if (!is_in_range(spec, (int64_t)list->len)) {
        CLEANUP(buf_release) struct buf path = BUF_HERE(1024), wanted = BUF_HERE(256);

        yaml_node_add_path(node, &path);
        option_add_expectation(spec, &wanted);
        settings_errors_add(errors, node, "%s: %s is expected here, not %zu", buf_cstr(&path),
                            buf_cstr(&wanted), list->len);
    }
}

static void fill_scalar(const struct option_spec *spec, const struct yaml_node *node, char *self,
                        struct settings_errors *errors)
{
    struct error err = { 0 };
    enum verdict v = VALUE_WRONG;

    if (yaml_node_is_null(node)) {
        CLEANUP(buf_release) struct buf path = BUF_HERE(1024), wanted = BUF_HERE(1024);

        yaml_node_add_path(node, &path);
        option_add_expectation(spec, &wanted);
        settings_errors_add(errors, node, "%s has no value; %s is expected", buf_cstr(&path),
                            buf_cstr(&wanted));
        return;
    }
    if (node->kind == YAML_NODE_SCALAR && spec->type == OPT_SECRET)
        v = read_secret(spec, node->text, self, !errors->ignore_secrets, &err);
    else if (node->kind == YAML_NODE_SCALAR)
        v = read_scalar(spec, node->text, self, &err);
    if (v != VALUE_OK)
        report_value(spec, node, v, &err, errors);
}

bool settings_want_map(const struct yaml_node **node, struct settings_errors *errors)
{
    CLEANUP(buf_release) struct buf path = BUF_HERE(1024);

    if (!*node || (*node)->kind == YAML_NODE_MAP)
        return true;
    if (yaml_node_is_null(*node)) {
        *node = NULL;
        return true;
    }
    yaml_node_add_path(*node, &path);
    settings_errors_add(errors, *node, "%s%sa map (key: value) is expected here, not %s",
                        buf_cstr(&path), path.len > 0 ? ": " : "", yaml_node_kind_name(*node));
    return false;
}

static void fill_one(const struct option_spec *spec, const struct yaml_node *node, char *self,
                     struct settings_errors *errors)
{
    size_t before = errors->len + errors->omitted;

    if (spec->type == OPT_MAP && settings_table_apply(spec->sub, node, self + spec->at, errors) < 0)
        return;
    if (spec->type == OPT_NODE)
        *(const struct yaml_node **)(void *)(self + spec->at) = node;
    else if (spec->type == OPT_STRING_LIST)
        fill_list(spec, node, self, errors);
    else if (spec->type != OPT_MAP)
        fill_scalar(spec, node, self, errors);
    if (spec->check && errors->len + errors->omitted == before)
        spec->check(spec->type == OPT_MAP ? self + spec->at : self, node, errors);
}

/* Nothing under the key is as good as no key where a map, list or free form is wanted: sections of a
 * sample are often left with all their lines commented out. */
static bool is_absent(const struct option_spec *spec, const struct yaml_node *value)
{
    return !value || (yaml_node_is_null(value) && (spec->type == OPT_MAP || spec->type == OPT_NODE ||
                                                   spec->type == OPT_STRING_LIST));
}

static void report_missing(const struct option_spec *spec, const struct yaml_node *map,
                           struct settings_errors *errors)
{
    CLEANUP(buf_release) struct buf path = BUF_HERE(1024), wanted = BUF_HERE(1024);

    yaml_node_add_path(map, &path);
    option_add_expectation(spec, &wanted);
    settings_errors_add(errors, map, "'%s' is missing%s%s: %s", spec->key, path.len > 0 ? " under " : "",
                        buf_cstr(&path), spec->help ? spec->help : buf_cstr(&wanted));
}

int settings_table_fill(const struct option_spec *specs, const struct yaml_node *node, void *self,
                        struct settings_errors *errors)
{
    size_t before = errors->len + errors->omitted;

    for (const struct option_spec *s = specs; s && s->key; s++) {
        const struct yaml_node *value = node ? yaml_node_get(node, s->key) : NULL;
        struct error err = { 0 };

        if (!is_absent(s, value)) {
            fill_one(s, value, self, errors);
            continue;
        }
        if (set_preset(s, self, &err) != VALUE_OK)
            settings_errors_add_at(errors, node ? node->file : "presets", 0, 0,
                                   "the preset of '%s' cannot be used (%s)", s->key, err.msg);
        if (s->required && node)
            report_missing(s, node, errors);
    }
    return errors->len + errors->omitted == before ? 0 : -1;
}

/* All keys of the tables as one list of words. */
static size_t collect_keys(const struct option_spec *const *tables, const char **words, size_t max)
{
    size_t n = 0;

    for (; *tables; tables++)
        for (const struct option_spec *s = *tables; s->key && n + 1 < max; s++)
            words[n++] = s->key;
    words[n] = NULL;
    return n;
}

static void report_unknown(const struct yaml_node *value, const char *const *words,
                           struct settings_errors *errors)
{
    CLEANUP(buf_release) struct buf path = BUF_HERE(1024), known = BUF_HERE(400);
    const char *nearest = settings_nearest(value->key, words);
    struct slice key = slice_cut(value->key, SHOWN_MAX);

    yaml_node_add_path(value->parent, &path);
    add_words(words, &known);
    if (nearest)
        settings_errors_add_key(errors, value, "unknown key '%.*s'%s%s; did you mean '%s'?", SLF(key),
                                path.len > 0 ? " under " : "", buf_cstr(&path), nearest);
    else
        settings_errors_add_key(errors, value, "unknown key '%.*s'%s%s; known are %s%s", SLF(key),
                                path.len > 0 ? " under " : "", buf_cstr(&path), buf_cstr(&known),
                                known.failed ? " ..." : "");
}

void settings_check_keys(const struct yaml_node *map, const struct option_spec *const *tables,
                         struct settings_errors *errors)
{
    const char *words[256];
    size_t n = collect_keys(tables, words, ARRAY_LEN(words));

    for (const struct yaml_node *c = map->first; c; c = c->next) {
        bool is_known = false;

        for (size_t i = 0; i < n && !is_known; i++)
            is_known = slice_eq(c->key, slice_of(words[i]));
        if (!is_known)
            report_unknown(c, words, errors);
    }
}

int settings_table_apply(const struct option_spec *specs, const struct yaml_node *node, void *self,
                         struct settings_errors *errors)
{
    const struct option_spec *const tables[] = { specs, NULL };
    const struct yaml_node *said = node;
    size_t before = errors->len + errors->omitted;

    if (!settings_want_map(&node, errors))
        return -1;
    if (node)
        settings_check_keys(node, tables, errors);
    for (const struct option_spec *s = specs; said && !node && s->key; s++)
        if (s->required) /* "- " in a list: something begins there, and has nothing that it needs */
            report_missing(s, said, errors);
    if (settings_table_fill(specs, node, self, errors) < 0)
        return -1;
    return errors->len + errors->omitted == before ? 0 : -1;
}

void settings_table_release(const struct option_spec *specs, void *self)
{
    char *base = self;

    for (const struct option_spec *s = specs; s && s->key; s++) {
        void *at = base + s->at;

        if (s->type == OPT_STRING || s->type == OPT_URL) {
            free(*(char **)at);
            *(char **)at = NULL;
        } else if (s->type == OPT_SECRET) {
            secret_release(at);
            if (s->reference_at > 0) {
                free(*(char **)(void *)(base + s->reference_at));
                *(char **)(void *)(base + s->reference_at) = NULL;
            }
        } else if (s->type == OPT_STRING_LIST) {
            list_release(at);
        } else if (s->type == OPT_MAP) {
            settings_table_release(s->sub, at);
        }
    }
}
