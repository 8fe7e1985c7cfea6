/* generate.c - the annotated sample and the schema for editors, from the option tables alone: what is
 * not in a table cannot be configured, and what is in one cannot be forgotten here.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"

#include "base/json_out.h"
#include "base/num.h"
#include "settings/inside.h"

#define SAMPLE_WIDTH 100

/* ---- sample ----------------------------------------------------------------------------------- */

static void add_indent(struct buf *out, size_t indent)
{
    buf_addf(out, "%*s", (int)indent, "");
}

/* "# text", wrapped at blanks. */
static void add_prose(struct buf *out, size_t indent, struct slice text)
{
    struct slice word;
    size_t column = 0;

    while (slice_split(&text, ' ', &word)) {
        if (column > 0 && column + 1 + word.len > SAMPLE_WIDTH) {
            buf_add_char(out, '\n');
            column = 0;
        }
        if (column == 0) {
            add_indent(out, indent);
            buf_add_char(out, '#');
            column = indent + 1;
        }
        buf_add_char(out, ' ');
        buf_add_slice(out, word);
        column += 1 + word.len;
    }
    buf_add_char(out, '\n');
}

/* Would the text be read back as itself without quotes? Only the plainest are trusted. */
static bool is_plain_scalar(struct slice s)
{
    if (s.len == 0 || slice_eq_nocase(s, SL("null")) || strchr("-:@% ", s.at[0]) ||
        strchr(": ", s.at[s.len - 1]) || slice_find(s, SL(": ")) != SIZE_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool is_word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!is_word && !strchr("._-/:+%@ ", c))
            return false;
    }
    return true;
}

static void add_scalar(struct buf *out, struct slice s)
{
    if (is_plain_scalar(s))
        buf_add_slice(out, s);
    else
        json_add_string(out, s); /* a JSON string is a double-quoted YAML scalar */
}

static void add_list_value(struct buf *out, struct slice items)
{
    struct slice part;
    bool is_first = true;

    buf_add_char(out, '[');
    while (slice_split(&items, ',', &part)) {
        part = slice_trim(part);
        if (part.len == 0)
            continue;
        if (!is_first)
            buf_add_str(out, ", ");
        add_scalar(out, part);
        is_first = false;
    }
    buf_add_char(out, ']');
}

/* Something valid when there is neither preset nor example. */
static void add_filler(struct buf *out, const struct option_spec *spec)
{
    switch (spec->type) {
    case OPT_INT:
    case OPT_REAL: buf_add_i64(out, option_has_min(spec) ? spec->min : 0); return;
    case OPT_BOOL: buf_add_str(out, "false"); return;
    case OPT_DURATION: option_add_duration(out, spec->min); return;
    case OPT_BYTES: option_add_bytes(out, spec->min); return;
    case OPT_STRING: buf_add_str(out, "\"...\""); return;
    case OPT_SECRET: buf_add_str(out, "\"${env:NAME}\""); return;
    case OPT_ENUM: add_scalar(out, slice_of(spec->values[0])); return;
    case OPT_STRING_LIST: buf_add_str(out, "[]"); return;
    case OPT_URL: buf_add_str(out, "https://example.net/"); return;
    case OPT_NONE:
    case OPT_MAP:
    case OPT_NODE: buf_add_str(out, "{}"); return;
    }
}

static void add_value(struct buf *out, const struct option_spec *spec)
{
    const char *text = spec->preset ? spec->preset : spec->example;

    if (!text)
        add_filler(out, spec);
    else if (spec->type == OPT_STRING_LIST && spec->preset)
        add_list_value(out, slice_of(text));
    else if (spec->type == OPT_STRING_LIST || spec->type == OPT_NODE || text[0] == '"')
        buf_add_str(out, text); /* YAML already */
    else
        add_scalar(out, slice_of(text));
}

/* Help, what is accepted where the value alone does not show it, and whether it has to be there. */
static void add_option_prose(struct buf *out, const struct option_spec *spec, size_t indent)
{
    CLEANUP(buf_release) struct buf text = BUF_HERE(4096), limits = BUF_HERE(1024);

    if (spec->help)
        buf_add_str(&text, spec->help);
    if (spec->type == OPT_ENUM)
        option_add_expectation(spec, &limits);
    else if (spec->type == OPT_INT || spec->type == OPT_REAL || spec->type == OPT_DURATION ||
             spec->type == OPT_BYTES)
        option_add_range(spec, &limits);
    if (limits.len > 0) {
        struct slice said = slice_trim(buf_slice(&limits));

        buf_add_str(&text, text.len > 0 ? "; " : "");
        buf_add_slice(&text, slice_starts(said, SL("of ")) ? slice_make(said.at + 3, said.len - 3) : said);
    }
    if (spec->required)
        buf_add_str(&text, text.len > 0 ? " (required)" : "(required)");
    if (spec->preset && spec->example)
        buf_addf(&text, "; e.g. %s", spec->example);
    if (spec->since)
        buf_addf(&text, " (since %s)", spec->since);
    if (text.len > 0)
        add_prose(out, indent, buf_slice(&text));
}

/* Many modules share a table (auth, connection, tls): it is explained where it is first met, and referred to from
 * then on. */
#define SHARED_MAX 64

struct told {
    const char *module; /* whose options are printed now; NULL: nobody's */
    struct { const struct option_spec *table; const char *where; } each[SHARED_MAX];
    size_t len;
};

/* Where the table was explained; NULL: not yet, and noted. */
static const char *told_where(struct told *told, const struct option_spec *table)
{
    for (size_t i = 0; i < told->len; i++)
        if (told->each[i].table == table)
            return told->each[i].where;
    if (told->module && told->len < SHARED_MAX) {
        told->each[told->len].table = table;
        told->each[told->len++].where = told->module;
    }
    return NULL;
}

static void add_option(struct buf *out, const struct option_spec *spec, size_t indent, struct told *told);

static void add_options(struct buf *out, const struct option_spec *specs, size_t indent, struct told *told)
{
    for (const struct option_spec *s = specs; s && s->key; s++)
        add_option(out, s, indent, told);
}

static void add_map(struct buf *out, const struct option_spec *spec, size_t indent, struct told *told)
{
    const char *where = told_where(told, spec->sub);

    if (where) {
        buf_addf(out, " {} # its options: see %s of %s\n", spec->key, where);
        return;
    }
    buf_add_char(out, '\n');
    add_options(out, spec->sub, indent + 2, told);
}

static void add_option(struct buf *out, const struct option_spec *spec, size_t indent, struct told *told)
{
    add_option_prose(out, spec, indent);
    add_indent(out, indent);
    buf_addf(out, "#%s:", spec->key);
    if (spec->type == OPT_MAP) {
        add_map(out, spec, indent, told);
        return;
    }
    buf_add_char(out, ' ');
    add_value(out, spec);
    buf_add_char(out, '\n');
}

static void add_module_title(struct buf *out, const struct module_desc *m, size_t indent)
{
    CLEANUP(buf_release) struct buf text = BUF_HERE(1024);

    buf_addf(&text, "%s - %s", m->name, m->summary ? m->summary : "");
    add_prose(out, indent, buf_slice(&text));
}

static void add_list(struct buf *out, const char *key, const char *what, const struct module_desc *modules,
                     size_t n, const struct option_spec *more, struct told *told)
{
    buf_add_char(out, '\n');
    add_prose(out, 0, slice_of(what));
    buf_addf(out, "%s:\n", key);
    for (size_t i = 0; i < n; i++) {
        told->module = modules[i].name;
        add_module_title(out, &modules[i], 2);
        buf_addf(out, "  #- name: %s\n    #type: %s\n", modules[i].name, modules[i].name);
        add_options(out, modules[i].options, 4, told);
        if (i == 0) { /* once is enough */
            add_prose(out, 4, SL("And for each type:"));
            for (const struct option_spec *s = settings_entry_options; s->key; s++)
                if (!s->required)
                    add_option(out, s, 4, told);
            add_options(out, more, 4, told);
        }
        if (i + 1 < n)
            buf_add_char(out, '\n');
    }
}

static void add_top_option(struct buf *out, const char *key, struct told *told)
{
    for (const struct option_spec *s = settings_top_options; s->key; s++)
        if (strcmp(s->key, key) == 0) {
            buf_add_char(out, '\n');
            add_option(out, s, 0, told);
        }
}

static void add_detectors(struct buf *out, const struct settings_registry *r, struct told *told)
{
    buf_add_char(out, '\n');
    add_prose(out, 0, SL("What is looked for. Every detector is on; `NAME: off` switches one off."));
    buf_add_str(out, "detectors:\n");
    for (size_t i = 0; i < r->detectors_len; i++) {
        add_module_title(out, &r->detectors[i], 2);
        buf_addf(out, "  #%s:\n", r->detectors[i].name);
        add_options(out, settings_detector_options, 4, told);
        add_options(out, r->detectors[i].options, 4, told);
        if (i + 1 < r->detectors_len)
            buf_add_char(out, '\n');
    }
}

void settings_print_sample(struct buf *out, const struct settings_registry *r)
{
    struct told told = { 0 };

    buf_add_str(out, "# cosmowatch.yaml - every setting there is, with what it is when nothing is said.\n"
                     "# Take the # in front of a setting away to change it. Check with: cosmowatch check\n"
                     "# Durations: 300ms 30s 5m 2h 14d. Sizes: 64KiB 10MB 10GiB. Secrets only by reference:\n"
                     "# ${env:NAME}, ${file:/path} or ${credential:NAME} (systemd LoadCredential=).\n");
    add_list(out, "sources", "Where the logs are.", r->sources, r->sources_len, NULL, &told);
    add_list(out, "outputs", "Where alerts go.", r->outputs, r->outputs_len, settings_output_options, &told);
    told.module = NULL; /* what follows is met once */
    add_detectors(out, r, &told);
    add_list(out, "feeds", "Who is known bad.", r->feeds, r->feeds_len, NULL, &told);
    for (const struct option_spec *s = settings_top_options; s->key; s++)
        add_top_option(out, s->key, &told);
    for (size_t i = 0; i < r->sections_len; i++) {
        buf_add_char(out, '\n');
        if (r->sections[i].summary)
            add_prose(out, 0, slice_of(r->sections[i].summary));
        buf_addf(out, "#%s:\n", r->sections[i].name);
        add_options(out, r->sections[i].options, 2, &told);
    }
}

/* ---- schema ----------------------------------------------------------------------------------- */

static void add_property(struct buf *out, const struct option_spec *spec);

static void add_properties(struct buf *out, const struct option_spec *specs)
{
    for (const struct option_spec *s = specs; s && s->key; s++) {
        json_add_key(out, s->key);
        add_property(out, s);
    }
}

static void add_required(struct buf *out, const struct option_spec *specs)
{
    for (const struct option_spec *s = specs; s && s->key; s++)
        if (s->required) {
            json_add_comma(out);
            json_add_str(out, s->key);
        }
}

/* An object of up to three tables; type_name: the `type` it must have, NULL for none. */
static void add_object(struct buf *out, const char *summary, const char *type_name,
                       const struct option_spec *const *tables)
{
    buf_add_str(out, type_name ? "{\"type\":\"object\"" : "{\"type\":[\"object\",\"null\"]");
    if (summary) {
        json_add_key(out, "description");
        json_add_str(out, summary);
    }
    json_add_key(out, "additionalProperties");
    json_add_bool(out, false);
    json_add_key(out, "properties");
    buf_add_char(out, '{');
    for (size_t i = 0; tables[i]; i++)
        for (const struct option_spec *s = tables[i]; s->key; s++) {
            json_add_key(out, s->key);
            if (type_name && strcmp(s->key, "type") == 0 && tables[i] == settings_entry_options) {
                buf_add_str(out, "{\"const\":");
                json_add_str(out, type_name);
                buf_add_char(out, '}');
            } else {
                add_property(out, s);
            }
        }
    buf_add_char(out, '}');
    json_add_key(out, "required");
    buf_add_char(out, '[');
    for (size_t i = 0; tables[i]; i++)
        add_required(out, tables[i]);
    buf_add_str(out, "]}");
}

static void add_limits(struct buf *out, const struct option_spec *spec, const char *low, const char *high)
{
    bool is_real = spec->type == OPT_REAL && spec->real_max > spec->real_min;

    if (is_real || option_has_min(spec)) {
        json_add_key(out, low);
        json_add_real(out, is_real ? spec->real_min : (double)spec->min);
    }
    if (is_real || option_has_max(spec)) {
        json_add_key(out, high);
        json_add_real(out, is_real ? spec->real_max : (double)spec->max);
    }
}

static void add_type(struct buf *out, const struct option_spec *spec)
{
    switch (spec->type) {
    case OPT_INT:
    case OPT_REAL:
        buf_add_str(out, spec->type == OPT_INT ? "\"type\":\"integer\"" : "\"type\":\"number\"");
        add_limits(out, spec, "minimum", "maximum");
        return;
    case OPT_BOOL: buf_add_str(out, "\"type\":\"boolean\""); return;
    case OPT_DURATION:
        buf_add_str(out, "\"anyOf\":[{\"type\":\"string\",\"pattern\":"
                         "\"^[0-9]+(ms|s|m|h|d|w)( ?[0-9]+(ms|s|m|h|d))*$\"},{\"const\":0}]");
        return;
    case OPT_BYTES:
        buf_add_str(out, "\"anyOf\":[{\"type\":\"string\",\"pattern\":"
                         "\"^[0-9]+ ?([kKmMgGtT]i?)?[bB]?$\"},{\"type\":\"integer\",\"minimum\":0}]");
        return;
    case OPT_STRING:
        buf_add_str(out, "\"type\":\"string\"");
        add_limits(out, spec, "minLength", "maxLength");
        return;
    case OPT_SECRET:
        buf_add_str(out, "\"type\":\"string\",\"pattern\":"
                         "\"^\\\\$\\\\{(env:[^}]+|file:/[^}]+|credential:[^}]+)\\\\}$\"");
        return;
    case OPT_ENUM:
        buf_add_str(out, "\"enum\":[");
        for (size_t i = 0; spec->values[i]; i++) {
            json_add_comma(out);
            json_add_str(out, spec->values[i]);
        }
        buf_add_char(out, ']');
        return;
    case OPT_STRING_LIST:
        buf_add_str(out, "\"anyOf\":[{\"type\":\"array\",\"items\":{\"type\":\"string\"}");
        add_limits(out, spec, "minItems", "maxItems");
        buf_add_str(out, "},{\"type\":\"string\"}]");
        return;
    case OPT_URL: buf_add_str(out, "\"type\":\"string\",\"pattern\":\"^[hH][tT][tT][pP][sS]?://\""); return;
    case OPT_NONE:
    case OPT_MAP:
    case OPT_NODE: return;
    }
}

static void add_default(struct buf *out, const struct option_spec *spec)
{
    struct slice rest = slice_of(spec->preset), part;

    json_add_key(out, "default");
    if (spec->type == OPT_INT || spec->type == OPT_REAL) {
        buf_add_slice(out, rest);
    } else if (spec->type == OPT_BOOL) {
        json_add_bool(out, slice_eq(rest, SL("true")) || slice_eq(rest, SL("yes")) ||
                               slice_eq(rest, SL("on")));
    } else if (spec->type == OPT_STRING_LIST) {
        buf_add_char(out, '[');
        while (slice_split(&rest, ',', &part)) {
            if (slice_trim(part).len == 0)
                continue;
            json_add_comma(out);
            json_add_string(out, slice_trim(part));
        }
        buf_add_char(out, ']');
    } else {
        json_add_string(out, rest);
    }
}

static void add_property(struct buf *out, const struct option_spec *spec)
{
    if (spec->type == OPT_MAP) {
        const struct option_spec *const tables[] = { spec->sub, NULL };

        add_object(out, spec->help, NULL, tables);
        return;
    }
    buf_add_char(out, '{');
    add_type(out, spec);
    if (spec->help) {
        json_add_key(out, "description");
        json_add_str(out, spec->help);
    }
    if (spec->preset)
        add_default(out, spec);
    buf_add_char(out, '}');
}

static void add_schema_list(struct buf *out, const char *key, const struct module_desc *modules, size_t n,
                            const struct option_spec *more)
{
    json_add_key(out, key);
    buf_add_str(out, "{\"type\":[\"array\",\"null\"]");
    if (n > 0) {
        json_add_key(out, "items");
        buf_add_str(out, "{\"oneOf\":[");
        for (size_t i = 0; i < n; i++) {
            const struct option_spec *tables[4] = { settings_entry_options };
            size_t t = 1;

            if (more)
                tables[t++] = more;
            if (modules[i].options)
                tables[t++] = modules[i].options;
            json_add_comma(out);
            add_object(out, modules[i].summary, modules[i].name, tables);
        }
        buf_add_str(out, "]}");
    }
    buf_add_char(out, '}');
}

static void add_schema_detectors(struct buf *out, const struct settings_registry *r)
{
    json_add_key(out, "detectors");
    buf_add_str(out, "{\"type\":[\"object\",\"null\"],\"additionalProperties\":false,\"properties\":{");
    for (size_t i = 0; i < r->detectors_len; i++) {
        const struct option_spec *const tables[] = { settings_detector_options,
                                                     r->detectors[i].options, NULL };

        json_add_key(out, r->detectors[i].name);
        buf_add_str(out, "{\"anyOf\":[{\"type\":\"boolean\"},");
        add_object(out, r->detectors[i].summary, NULL, tables);
        buf_add_str(out, "]}");
    }
    buf_add_str(out, "}}");
}

void settings_print_json_schema(struct buf *out, const struct settings_registry *r)
{
    bool has_console = false;

    buf_add_str(out, "{\"$schema\":\"http://json-schema.org/draft-07/schema#\","
                     "\"title\":\"cosmowatch.yaml\",\"type\":[\"object\",\"null\"],"
                     "\"additionalProperties\":false,\"properties\":{");
    add_schema_list(out, "sources", r->sources, r->sources_len, NULL);
    add_schema_list(out, "outputs", r->outputs, r->outputs_len, settings_output_options);
    add_schema_list(out, "feeds", r->feeds, r->feeds_len, NULL);
    add_schema_detectors(out, r);
    add_properties(out, settings_top_options);
    for (size_t i = 0; i < r->sections_len; i++) {
        static const struct option_spec none[] = { { 0 } };
        const struct option_spec *const tables[] = {
            r->sections[i].options ? r->sections[i].options : none, NULL
        };

        json_add_key(out, r->sections[i].name);
        add_object(out, r->sections[i].summary, NULL, tables);
        has_console = has_console || strcmp(r->sections[i].name, "console") == 0;
    }
    if (!has_console)
        buf_add_str(out, ",\"console\":{\"type\":[\"object\",\"null\"]}");
    buf_add_str(out, "}}\n");
}
