/* manual.c - the options as sections of the manual page cosmowatch.yaml(5), in mdoc(7), from the option tables alone.
 *
 * The prose around them is packaging/man/cosmowatch.yaml.5.in. What a table says is text for people, not mdoc: here it is
 * escaped, wrapped and ended with a full stop, so that `mandoc -Tlint` has nothing to say.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"

#include "settings/inside.h"

#define MANUAL_WIDTH 78
#define EXPECTATION_MAX 4096

/* ---- words -------------------------------------------------------------------------------------- */

static void add_escaped(struct buf *out, struct slice s, bool is_literal)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        if (c == '\\')
            buf_add_str(out, "\\e");
        else if (c == '-' && is_literal)
            buf_add_str(out, "\\-");
        else if (c == '"' && is_literal)
            buf_add_str(out, "\\(dq");
        else if ((unsigned char)c < 0x20)
            buf_add_char(out, ' ');
        else
            buf_add_char(out, c);
    }
}

static bool ends_sentence(struct slice word)
{
    return word.len > 0 && strchr(".!?", word.at[word.len - 1]) != NULL;
}

/* Text as lines of at most MANUAL_WIDTH; a new sentence starts a new line. Ends with a full stop and a newline. */
static void add_sentence(struct buf *out, struct slice text)
{
    struct slice rest = slice_trim(text), word, last = { 0 };
    size_t column = 0;
    bool is_first = true;

    while (slice_split(&rest, ' ', &word)) {
        bool breaks = column > 0 && (column + 2 + word.len > MANUAL_WIDTH || ends_sentence(last));

        if (word.len == 0)
            continue;
        if (column > 0)
            buf_add_char(out, breaks ? '\n' : ' ');
        column = column == 0 || breaks ? 0 : column + 1;
        if (column == 0 && (word.at[0] == '.' || word.at[0] == '\''))
            buf_add_str(out, "\\&"); /* else it is a request to the formatter */
        if (is_first && word.at[0] >= 'a' && word.at[0] <= 'z' && word.at[word.len - 1] != ':') {
            buf_add_char(out, (char)(word.at[0] - 'a' + 'A'));
            add_escaped(out, slice_make(word.at + 1, word.len - 1), false);
        } else {
            add_escaped(out, word, false);
        }
        column += word.len;
        last = word;
        is_first = false;
    }
    buf_add_str(out, ends_sentence(last) ? "\n" : ".\n");
}

/* `.Ql "value" .`: the \& keeps a value that is punctuation from being taken for such. */
static void add_literal(struct buf *out, const char *macro, const char *text, const char *after)
{
    buf_addf(out, ".%s \"\\&", macro);
    add_escaped(out, slice_of(text), true);
    buf_addf(out, "\"%s\n", after);
}

/* ---- options ------------------------------------------------------------------------------------- */

static void add_options(struct buf *out, const struct option_spec *specs);

static void add_option(struct buf *out, const struct option_spec *spec)
{
    CLEANUP(buf_release) struct buf accepts = BUF_INIT(EXPECTATION_MAX);

    add_literal(out, "It Ic", spec->key, "");
    if (spec->help)
        add_sentence(out, slice_of(spec->help));
    if (spec->type == OPT_MAP) {
        buf_add_str(out, "A map of:\n.Bl -tag -width Ds\n");
        add_options(out, spec->sub);
        buf_add_str(out, ".El\n");
        return;
    }
    if (spec->required)
        buf_add_str(&accepts, "required; ");
    option_add_expectation(spec, &accepts);
    if (spec->since)
        buf_addf(&accepts, "; since version %s", spec->since);
    buf_take_refusal(out, &accepts);
    add_sentence(out, buf_slice(&accepts));
    if (spec->preset) {
        buf_add_str(out, "Preset:\n");
        add_literal(out, "Ql", spec->preset, " .");
    }
    if (spec->example) {
        buf_add_str(out, "Example:\n");
        add_literal(out, "Ql", spec->example, " .");
    }
}

static void add_options(struct buf *out, const struct option_spec *specs)
{
    for (const struct option_spec *s = specs; s && s->key; s++)
        add_option(out, s);
}

static void add_list(struct buf *out, const struct option_spec *specs)
{
    if (!specs || !specs->key)
        return;
    buf_add_str(out, ".Bl -tag -width Ds\n");
    add_options(out, specs);
    buf_add_str(out, ".El\n");
}

/* ---- sections ------------------------------------------------------------------------------------ */

static void add_modules(struct buf *out, const struct module_desc *modules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        add_literal(out, "Ss", modules[i].name, "");
        if (modules[i].summary)
            add_sentence(out, slice_of(modules[i].summary));
        if (i > 0 && modules[i].options && modules[i].options == modules[i - 1].options) {
            buf_add_str(out, "Takes the same options as\n");
            add_literal(out, "Sy", modules[i - 1].name, " .");
        } else {
            add_list(out, modules[i].options);
        }
    }
}

static void add_entries(struct buf *out, const char *title, const char *about, const struct module_desc *modules,
                        size_t n, const struct option_spec *more)
{
    buf_addf(out, ".Sh %s\n%s.Bl -tag -width Ds\n", title, about);
    add_options(out, settings_entry_options);
    add_options(out, more);
    buf_add_str(out, ".El\n");
    add_modules(out, modules, n);
}

void settings_print_manual(struct buf *out, const struct settings_registry *r)
{
    add_entries(out, "SOURCES", "Where the logs are: a list under\n.Ic sources .\nEach entry has:\n", r->sources,
                r->sources_len, NULL);
    add_entries(out, "OUTPUTS", "Where alerts go: a list under\n.Ic outputs .\nEach entry has:\n", r->outputs,
                r->outputs_len, settings_output_options);
    buf_add_str(out, ".Sh DETECTORS\n"
                     "What is looked for: a map under\n.Ic detectors .\n"
                     "Every detector is on;\n.Ql \"NAME: off\"\nswitches one off.\nEach has:\n");
    add_list(out, settings_detector_options);
    add_modules(out, r->detectors, r->detectors_len);
    add_entries(out, "FEEDS", "Who is known bad: a list under\n.Ic feeds .\nEach entry has:\n", r->feeds, r->feeds_len,
                NULL);
    buf_add_str(out, ".Sh THE REST\n");
    add_list(out, settings_top_options);
    add_modules(out, r->sections, r->sections_len);
}
