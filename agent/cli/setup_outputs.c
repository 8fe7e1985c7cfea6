/* setup_outputs.c - where alerts go, for `cosmowatch setup`. What an output needs is read from its own option table.
 * SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "cli/setup.h"
#include "outputs/output.h"
#include "settings/errors.h"
#include "settings/option.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_OUTPUT "file,path=/var/log/cosmowatch/alerts.json"

static const struct output_ops *find_output(const char *type, struct error *err)
{
    const char *names[64] = { NULL }, *near = NULL;
    size_t n = 0;

    for (; outputs_all[n] && n + 1 < ARRAY_LEN(names); n++) {
        names[n] = outputs_all[n]->name;
        if (strcmp(type, names[n]) == 0)
            return outputs_all[n];
    }
    near = settings_nearest(slice_of(type), names);
    (void)error_set(err, ERR_CONFIG, "'%.40s' is no type of output%s%s%s", type, near ? ", did you mean '" : "",
                    near ? near : "", near ? "'?" : "; cosmowatch config sample lists them");
    return NULL;
}

static const struct option_spec *find_option(const struct output_ops *o, struct slice key)
{
    for (const struct option_spec *spec = o->options; spec && spec->key; spec++)
        if (slice_eq(slice_of(spec->key), key))
            return spec;
    return NULL;
}

static void add_option(struct buf *out, const struct option_spec *spec, const char *key, const char *value)
{
    bool is_plain = spec && (spec->type == OPT_INT || spec->type == OPT_REAL || spec->type == OPT_BOOL);

    if (spec && spec->help)
        buf_addf(out, "    # %s\n", spec->help);
    if (is_plain)
        buf_addf(out, "    %s: %s\n", key, value);
    else
        setup_add_pair(out, 4, key, value);
}

static int ask_required(struct setup *s, const struct output_ops *o, const struct option_spec *spec, struct buf *out,
                        struct error *err)
{
    CLEANUP(buf_release) struct buf question = BUF_HERE(1024), name = BUF_HERE(256), reference = BUF_INIT(8192);
    const char *answer = NULL;

    if (!s->asker.is_there)
        return error_set(err, ERR_CONFIG, "output %s needs %s=..., %s", o->name, spec->key, spec->help);
    buf_addf(&question, "  %s: %s (%s)", o->name, spec->key, spec->help);
    if (spec->type == OPT_SECRET) {
        buf_add_str(&question, ", not shown, or where it is: ${file:/PATH}");
        buf_addf(&name, "%s-%s", o->name, spec->key);
        if (setup_want_secret(s, buf_cstr(&name), buf_cstr(&question), &reference, err) < 0)
            return -1;
        buf_take_refusal(out, &reference);
        add_option(out, spec, spec->key, buf_cstr(&reference));
        return 0;
    }
    if (spec->example)
        buf_addf(&question, ", such as %s", spec->example);
    answer = ask_line(&s->asker, buf_cstr(&question), NULL);
    if (!answer || !answer[0])
        return error_set(err, ERR_CONFIG, "output %s cannot be without %s", o->name, spec->key);
    add_option(out, spec, spec->key, answer);
    return 0;
}

/* "webhook", then "webhook-2". */
static void add_name(struct setup *s, const char *type, struct buf *out)
{
    for (int n = 1; n < 100; n++) {
        CLEANUP(buf_release) struct buf name = BUF_HERE(128);

        buf_addf(&name, n > 1 ? ",%s-%d," : ",%s,", type, n);
        if (s->made.len > 0 && memmem(s->made.at, s->made.len, name.at, name.len))
            continue;
        buf_add_slice(&s->made, buf_slice(&name));
        buf_take_refusal(out, &s->made);
        buf_addf(out, "  - name: %.*s\n", (int)name.len - 2, name.at + 1);
        return;
    }
}

/* "key=value"; a word without a sign belongs to the value before: brokers=a:9092,b:9092 */
static int add_words(struct buf *out, const struct output_ops *o, struct slice rest, bool *given, size_t given_len,
                     struct error *err)
{
    struct slice word = { 0 };

    while (slice_split(&rest, ',', &word)) {
        const char *equals = memchr(word.at, '=', word.len);
        struct slice key = slice_make(word.at, equals ? (size_t)(equals - word.at) : word.len), more = { 0 };
        const struct option_spec *spec = find_option(o, key);
        CLEANUP(buf_release) struct buf name = BUF_HERE(256), value = BUF_HERE(4096);

        if (!equals || (!spec && !slice_eq(key, SL("format"))))
            return error_set(err, ERR_CONFIG, "output %s: '%.*s' is no option of it; cosmowatch config sample lists them",
                             o->name, SLF(key));
        if (spec && (size_t)(spec - o->options) < given_len)
            given[spec - o->options] = true;
        buf_add_slice(&name, key);
        buf_add(&value, equals + 1, word.len - key.len - 1);
        for (struct slice after = rest; slice_split(&after, ',', &more) && !memchr(more.at, '=', more.len); rest = after)
            buf_addf(&value, ",%.*s", SLF(more));
        add_option(out, spec, buf_cstr(&name), buf_cstr(&value));
    }
    return 0;
}

/* "syslog,address=siem.example.net:6514" */
static int make_output(struct setup *s, const char *words, struct buf *out, struct error *err)
{
    struct slice rest = slice_of(words), word = { 0 };
    CLEANUP(buf_release) struct buf type = BUF_HERE(64);
    const struct output_ops *o = NULL;
    bool given[64] = { false };

    (void)slice_split(&rest, ',', &word);
    buf_add_slice(&type, slice_cut(word, 60));
    o = find_output(buf_cstr(&type), err);
    if (!o)
        return -1;
    buf_addf(out, "  # %s\n", o->summary);
    add_name(s, o->name, out);
    buf_addf(out, "    type: %s\n", o->name);
    if (add_words(out, o, rest, given, ARRAY_LEN(given), err) < 0)
        return -1;
    for (size_t i = 0; o->options && o->options[i].key; i++)
        if (o->options[i].required && !(i < ARRAY_LEN(given) && given[i]) &&
            ask_required(s, o, &o->options[i], out, err) < 0)
            return -1;
    return 0;
}

static int add_output(struct setup *s, const char *words, struct error *err)
{
    CLEANUP(buf_release) struct buf one = BUF_INIT(1u << 16), alone = BUF_INIT(1u << 16);
    size_t made_before = s->made.len;
    int mark = ask_mark();
    int rc = make_output(s, words, &one, err);

    if (rc == 0 && s->asker.is_there && !s->args.flag[SETUP_OFFLINE]) {
        buf_add_str(&alone, "outputs:\n");
        buf_add_buf(&alone, &one);
        if (!setup_try(s, &alone, ASSEMBLE_OUTPUTS, "it") && !ask_yes(&s->asker, "  Keep it all the same?", false)) {
            s->made.len = made_before;
            ask_undo(mark);
            return 0;
        }
    }
    if (rc < 0)
        ask_undo(mark);
    if (rc == 0)
        buf_add_buf(&s->outputs, &one);
    return rc;
}

static int ask_outputs(struct setup *s, struct error *err)
{
    (void)fputs("\nWhere alerts go\n", stderr);
    for (size_t i = 0; outputs_all[i]; i++)
        (void)fprintf(stderr, "  %-12s %s\n", outputs_all[i]->name, outputs_all[i]->summary);
    for (;;) {
        bool is_first = s->outputs.len == 0;
        const char *type = ask_line(&s->asker, is_first ? "  First output" : "  Another output, or Enter for no more",
                                    is_first ? "file" : NULL);
        char copy[256];

        if (!type || !type[0])
            return !type && is_first ? error_set(err, ERR_CONFIG, "no output: alerts would stay here") : 0;
        (void)snprintf(copy, sizeof copy, "%s", type);
        if (add_output(s, strcmp(copy, "file") == 0 ? DEFAULT_OUTPUT : copy, err) < 0) {
            if (feof(stdin))
                return -1;
            (void)fprintf(stderr, "  %s\n", err->msg);
            *err = (struct error){ 0 };
        }
    }
}

int setup_find_outputs(struct setup *s, struct error *err)
{
    for (int i = 0; i < s->args.operands_len; i++)
        if (add_output(s, s->args.operands[i], err) < 0)
            return -1;
    if (s->args.operands_len > 0)
        return 0;
    return s->asker.is_there ? ask_outputs(s, err) : add_output(s, DEFAULT_OUTPUT, err);
}
