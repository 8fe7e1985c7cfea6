/* files.c - which files a configuration names: option tables say of an option that it is one (option_spec.file), so that
 * nobody has to know every module to look at all of them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"

#define WHERE_MAX 200

struct walk {
    int (*fn)(void *self, const struct settings_file *f, struct error *err);
    void *fn_self;
    struct error *err;
};

/* The password of "certificate" is "certificate_password". */
static const struct secret *password_of(const struct option_spec *specs, const char *key, const char *self)
{
    size_t len = strlen(key);

    for (; specs->key; specs++)
        if (specs->type == OPT_SECRET && strncmp(specs->key, key, len) == 0 && strcmp(specs->key + len, "_password") == 0)
            return (const void *)(self + specs->at);
    return NULL;
}

static int tell(const struct walk *w, struct settings_file *f, const char *path)
{
    f->path = path;
    return path && path[0] ? w->fn(w->fn_self, f, w->err) : 0;
}

static int walk_table(const struct walk *w, const char *where, const struct option_spec *specs, const void *self)
{
    for (const struct option_spec *o = specs; o && o->key; o++) {
        CLEANUP(buf_release) struct buf name = BUF_INIT(WHERE_MAX);
        const void *at = (const char *)self + o->at;
        struct settings_file f = { .kind = o->file };

        buf_addf(&name, "%s.%s", where, o->key);
        f.where = buf_cstr(&name);
        if (o->type == OPT_MAP && walk_table(w, f.where, o->sub, at) < 0)
            return -1;
        if (o->file == OPTION_FILE_NOT)
            continue;
        f.password = password_of(specs, o->key, self);
        if (o->type == OPT_STRING && tell(w, &f, *(char *const *)at) < 0)
            return -1;
        for (size_t i = 0; o->type == OPT_STRING_LIST && i < ((const struct string_list *)at)->len; i++)
            if (tell(w, &f, ((const struct string_list *)at)->at[i]) < 0)
                return -1;
    }
    return 0;
}

static int walk_entries(const struct walk *w, const char *kind, const struct settings_entries *list)
{
    for (size_t i = 0; i < list->len; i++) {
        CLEANUP(buf_release) struct buf where = BUF_INIT(WHERE_MAX);

        buf_addf(&where, "%s.%s", kind, list->at[i].name);
        if (list->at[i].module && walk_table(w, buf_cstr(&where), list->at[i].module->options, list->at[i].self) < 0)
            return -1;
    }
    return 0;
}

int settings_each_file(const struct settings *s, int (*fn)(void *self, const struct settings_file *f, struct error *err),
                       void *self, struct error *err)
{
    const struct walk w = { .fn = fn, .fn_self = self, .err = err };

    if (walk_entries(&w, "sources", &s->sources) < 0 || walk_entries(&w, "outputs", &s->outputs) < 0 ||
        walk_entries(&w, "feeds", &s->feeds) < 0)
        return -1;
    for (size_t i = 0; i < s->sections_len; i++)
        if (walk_table(&w, s->sections[i].module->name, s->sections[i].module->options, s->sections[i].self) < 0)
            return -1;
    return 0;
}
