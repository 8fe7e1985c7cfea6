/* output.c - see fuzz_output.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz_output.h"

#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"
#include "tests/fuzz/fuzz_alert.h"
#include "tests/kit/fake_services.h"

static struct {
    struct httpd *receiver;
    struct fake_services services;
    httpd_fn fn;
    void *self;
} world;

static void answer(void *self UNUSED, const struct httpd_request *rq, struct httpd_reply *say)
{
    world.fn(world.self, rq, say);
}

void fuzz_world_start(httpd_fn fn, void *self)
{
    world.fn = fn;
    world.self = self;
    if (world.receiver)
        return;
    world.receiver = httpd_start(answer, NULL, NULL);
    fake_services_init(&world.services, true);
    fake_services_add_http(&world.services);
    PROMISE(setenv("FUZZ_SECRET", FUZZ_SECRET_TEXT, 1) == 0);
    PROMISE(setenv("FUZZ_URL", httpd_url(world.receiver), 1) == 0);
}

void fuzz_world_rest(void)
{
    PROMISE(httpd_wait_idle(world.receiver));
}

static void add_options(struct buf *out, struct slice options)
{
    for (size_t at; (at = slice_find(options, SL("%s"))) != SIZE_MAX;) {
        buf_add(out, options.at, at);
        buf_add_str(out, httpd_url(world.receiver));
        options = slice_make(options.at + at + 2, options.len - at - 2);
    }
    buf_add_slice(out, options);
}

static bool read_options(struct fuzz_output *o, struct slice options)
{
    struct buf text = BUF_INIT((size_t)4 << 20);
    struct settings_errors errors = { 0 };
    bool is_fine;

    add_options(&text, options);
    is_fine = yaml_tree_parse(buf_slice(&text), "fuzz.yaml", &o->tree, &errors) == 0 &&
              settings_table_apply(o->ops->options, yaml_tree_root(o->tree), o->self, &errors) == 0;
    settings_errors_release(&errors);
    buf_release(&text);
    return is_fine;
}

bool fuzz_output_open(struct fuzz_output *o, const char *type, struct slice options)
{
    const struct encoder *format;
    const char *fixed;
    struct error err = { 0 };

    *o = (struct fuzz_output){ .payload = BUF_INIT((size_t)1 << 20) };
    for (size_t i = 0; outputs_all[i]; i++)
        if (strcmp(outputs_all[i]->name, type) == 0)
            o->ops = outputs_all[i];
    PROMISE(o->ops);
    o->self = calloc(1, o->ops->size);
    PROMISE(o->self);
    if (!read_options(o, options) || o->ops->open(o->self, "fuzz", &world.services.sv, &err) < 0)
        return false;
    fixed = o->ops->fixed_format ? o->ops->fixed_format(o->self) : NULL;
    format = encoder_find(fixed ? fixed : o->ops->default_format);
    o->alert = fuzz_alert_with(SL("203.0.113.66"));
    PROMISE(format && format->encode(o->alert, &o->payload, &err) == 0);
    return true;
}

void fuzz_output_close(struct fuzz_output *o)
{
    if (o->self) {
        o->ops->close(o->self);
        settings_table_release(o->ops->options, o->self);
    }
    free(o->self);
    yaml_tree_free(o->tree);
    alert_free(o->alert);
    buf_release(&o->payload);
    fuzz_world_rest();
    *o = (struct fuzz_output){ 0 };
}
