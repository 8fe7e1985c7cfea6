/* outline.c - a configuration without what its owner wrote into it: of numbers, sizes, durations, truth values and words of
 * a list the value, of texts a name, of everything else how much there is. From the option tables, so that an option nobody
 * thought of is hidden.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"

#include "base/json_out.h"
#include "settings/inside.h"
#include "settings/yaml_node.h"

struct outline {
    struct buf *out;
    void (*add_name)(void *self, struct buf *out, const char *name);
    void *self;
};

static void add_table(const struct outline *l, const struct option_spec *specs, const void *self);

/* What everybody has is no secret. */
static void add_string(const struct outline *l, const struct option_spec *o, const char *text)
{
    if (text && o->preset && strcmp(text, o->preset) == 0)
        json_add_str(l->out, text);
    else
        l->add_name(l->self, l->out, text);
}

static void add_option(const struct outline *l, const struct option_spec *o, const void *at)
{
    CLEANUP(buf_release) struct buf text = BUF_HERE(64);
    const struct yaml_node *node = NULL;
    struct buf *out = l->out;

    switch (o->type) {
    case OPT_INT: json_add_i64(out, *(const int64_t *)at); return;
    case OPT_REAL: json_add_real(out, *(const double *)at); return;
    case OPT_BOOL: json_add_bool(out, *(const bool *)at); return;
    case OPT_ENUM: json_add_str(out, o->values[*(const int *)at]); return;
    case OPT_DURATION: option_add_duration(&text, *(const int64_t *)at); break;
    case OPT_BYTES: option_add_bytes(&text, *(const int64_t *)at); break;
    case OPT_STRING_LIST: buf_addf(&text, "(%zu)", ((const struct string_list *)at)->len); break;
    case OPT_MAP:
        buf_add_char(out, '{');
        add_table(l, o->sub, at);
        buf_add_char(out, '}');
        return;
    case OPT_STRING:
    case OPT_URL: add_string(l, o, *(char *const *)at); return;
    case OPT_NODE:
        node = *(const struct yaml_node *const *)at;
        if (node)
            buf_addf(&text, "(%zu)", node->len);
        break;
    case OPT_SECRET: buf_add_str(&text, "(secret)"); break; /* set or not: it was not read */
    case OPT_NONE: break;
    }
    if (text.len > 0)
        json_add_string(out, buf_slice(&text));
    else
        json_add_str(out, NULL);
}

static void add_table(const struct outline *l, const struct option_spec *specs, const void *self)
{
    for (const struct option_spec *o = specs; o && o->key; o++) {
        json_add_key(l->out, o->key);
        add_option(l, o, (const char *)self + o->at);
    }
}

/* Those that are switched off are not read, and not here. */
static void add_entries(const struct outline *l, const char *key, const struct settings_entries *list,
                        const struct option_spec *more)
{
    json_add_key(l->out, key);
    buf_add_char(l->out, '[');
    for (size_t i = 0; i < list->len; i++) {
        const struct settings_entry *e = &list->at[i];

        json_add_comma(l->out);
        buf_add_char(l->out, '{');
        json_add_key(l->out, "name");
        l->add_name(l->self, l->out, e->name);
        json_add_member(l->out, "type", slice_of(e->module->name));
        add_table(l, more, e);
        add_table(l, e->module->options, e->self);
        buf_add_char(l->out, '}');
    }
    buf_add_char(l->out, ']');
}

static void add_module(const struct outline *l, const struct settings_module *m, const struct option_spec *more)
{
    json_add_key(l->out, m->module->name);
    buf_add_char(l->out, '{');
    add_table(l, more, m);
    add_table(l, m->module->options, m->self);
    buf_add_char(l->out, '}');
}

void settings_print_outline(struct buf *out, const struct settings *s,
                            void (*add_name)(void *self, struct buf *out, const char *name), void *self)
{
    const struct outline l = { .out = out, .add_name = add_name, .self = self };

    buf_add_char(out, '{');
    add_table(&l, settings_top_options, s);
    add_entries(&l, "sources", &s->sources, NULL);
    add_entries(&l, "outputs", &s->outputs, settings_output_options);
    add_entries(&l, "feeds", &s->feeds, NULL);
    json_add_key(out, "detectors");
    buf_add_char(out, '{');
    for (size_t i = 0; i < s->detectors_len; i++)
        add_module(&l, &s->detectors[i], settings_detector_options);
    buf_add_char(out, '}');
    for (size_t i = 0; i < s->sections_len; i++)
        add_module(&l, &s->sections[i], NULL);
    buf_add_char(out, '}');
}
