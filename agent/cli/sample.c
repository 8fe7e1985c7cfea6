/* sample.c - `cosmowatch sample`: a marked alert of each type, to see how a receiver shows it and whether its rules
 * match. Straight to the receiver, past the store: nothing is learned, counted or correlated.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include "alert/catalogue.h"
#include "assemble.h"
#include "base/term.h"
#include "cli/cli.h"
#include "cli/page.h"
#include "outputs/output.h"
#include "settings/errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SAMPLES_MAX 256

enum { V_OUTPUT, V_FORMAT };
static const char *const value_names[] = { "--output", "--format", NULL };
enum { G_LIST };
static const char *const flag_names[] = { "--list", NULL };

struct samples {
    struct alert *at[SAMPLES_MAX];
    size_t len;
};

static void samples_release(struct samples *s)
{
    for (size_t i = 0; i < s->len; i++)
        alert_free(s->at[i]);
}

static int add_sample(struct samples *s, const char *type, struct error *err)
{
    const struct services sv = { .clock = &clock_system };

    if (s->len == SAMPLES_MAX)
        return error_set(err, ERR_LIMIT, "more than %d samples", SAMPLES_MAX);
    if (sample_alert(type, sv_wall_ns(&sv), &s->at[s->len], err) < 0)
        return -1;
    s->len++;
    return 0;
}

static int unknown_type(const char *type, struct error *err)
{
    const char *known[SAMPLES_MAX];
    size_t n = 0;
    const char *near = NULL;

    for (; n + 1 < ARRAY_LEN(known) && alert_type_at(n); n++)
        known[n] = alert_type_at(n)->id;
    known[n] = NULL;
    near = settings_nearest(slice_of(type), known);
    return error_set(err, ERR_CONFIG, "no alert type is called '%.60s'%s%s%s; --list names them all", type,
                     near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* None named: every type there is. */
static int make_samples(struct samples *s, char **types, int n, struct error *err)
{
    for (size_t i = 0; n == 0 && alert_type_at(i); i++)
        if (add_sample(s, alert_type_at(i)->id, err) < 0)
            return -1;
    for (int i = 0; i < n; i++) {
        if (!alert_type_find(types[i]))
            return unknown_type(types[i], err);
        if (add_sample(s, types[i], err) < 0)
            return -1;
    }
    return 0;
}

static int print_samples(const struct samples *s, const struct encoder *encoder, struct error *err)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(64u << 20);
    const struct page_style style = { term_wants_colour(STDOUT_FILENO), term_width(STDOUT_FILENO) };

    for (size_t i = 0; i < s->len; i++) {
        if (!encoder)
            page_add_card(&out, s->at[i], style);
        else if (encoder->encode(s->at[i], &out, err) < 0)
            return error_wrap(err, "%s", s->at[i]->type->id);
        buf_add_char(&out, '\n');
    }
    if (buf_check(&out, err) < 0)
        return -1;
    return cli_put(&out, err);
}

/* ---- to a receiver ------------------------------------------------------------------------------------ */

static int send_one(const struct delivery_output_config *o, const struct alert *a, struct buf *out, struct error *err)
{
    CLEANUP(buf_release) struct buf payload = BUF_INIT(4u << 20);
    struct delivery_result result = { .verdict = DELIVERY_ACCEPTED };
    struct output_item item = { .alert = a };
    struct error e = { 0 };

    if (o->encoder->encode(a, &payload, err) < 0)
        return -1;
    item.payload = buf_slice(&payload);
    if (o->ops->deliver(o->self, &item, 1, &result, &e) == 0 && result.verdict == DELIVERY_ACCEPTED) {
        buf_addf(out, "accepted  %s  %s\n", a->record_id, a->type->id);
        return 0;
    }
    buf_addf(out, "REFUSED   %s  %s: ", a->record_id, a->type->id);
    term_add_safe(out, slice_of(e.msg[0] ? e.msg : result.reason[0] ? result.reason : "without a reason"));
    buf_add_char(out, '\n');
    return 1;
}

static int send_samples(struct assembly *a, const struct samples *s, const char *name, struct error *err)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(4u << 20);
    const struct delivery_output_config *o = NULL;
    size_t refused = 0;
    int rc = 0;

    for (size_t i = 0; i < a->outputs_len; i++)
        if (strcmp(a->outputs[i].name, name) == 0)
            o = &a->outputs[i];
    if (!o)
        return error_set(err, ERR_CONFIG, "no output is called '%.60s'", name);
    if (!o->ops->open || o->ops->open(o->self, o->name, &a->sv, err) == 0) {
        for (size_t i = 0; rc >= 0 && i < s->len; i++) {
            rc = send_one(o, s->at[i], &out, err);
            refused += rc > 0;
        }
    } else {
        rc = -1;
    }
    if (o->ops->close)
        o->ops->close(o->self);
    if (rc >= 0)
        rc = cli_put(&out, err);
    else
        (void)cli_print(&out); /* what went before; why no more did is said by who asked */
    if (rc < 0)
        return error_wrap(err, "output '%s'", name);
    return refused == 0 ? 0 : error_set(err, ERR_SERVER, "output '%s' did not take %zu of %zu samples", name, refused, s->len);
}

static int list_types(void)
{
    for (size_t i = 0; alert_type_at(i); i++)
        (void)printf("%-52s %s\n", alert_type_at(i)->id, alert_type_at(i)->display_name);
    return CLI_OK;
}

static int run_sample(int argc, char **argv)
{
    struct cli_args args = { .values = value_names, .flags = flag_names };
    CLEANUP(assembly_release) struct assembly a = { 0 };
    CLEANUP(samples_release) struct samples samples = { .len = 0 };
    const struct encoder *encoder = NULL;
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_sample, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    if (args.flag[G_LIST])
        return list_types();
    if (args.is_json || args.value[V_FORMAT]) {
        const char *format = args.value[V_FORMAT] ? args.value[V_FORMAT] : "json";

        encoder = encoder_find(format);
        if (!encoder)
            rc = error_set(&err, ERR_CONFIG, "no format is called '%.60s'", format);
    }
    if (rc == 0)
        rc = make_samples(&samples, args.operands, args.operands_len, &err);
    if (rc == 0 && !args.value[V_OUTPUT])
        rc = print_samples(&samples, encoder, &err);
    else if (rc == 0)
        rc = assemble(&a, args.config, ASSEMBLE_OUTPUTS, &err) < 0 ? -1
                                                                   : send_samples(&a, &samples, args.value[V_OUTPUT], &err);
    return rc < 0 ? cli_fail(&err) : CLI_OK;
}

const struct verb verb_sample = {
    .name = "sample",
    .summary = "send or print a sample alert of each type, marked as a sample",
    .usage = "[TYPE...] [--output NAME | --json | --format NAME]",
    .help = "Without a type: every type there is, incidents too. Titles begin with [SAMPLE ALERT]; addresses are those\n"
            "kept for documentation, the account is sample-cosmos. Nothing is stored, learned, counted or correlated.\n\n"
            "      --output NAME       deliver to this output of the configuration and say what it answered\n"
            "      --json              print native JSON, one alert a line\n"
            "      --format NAME       print in this format\n"
            "      --list              the types and their names\n",
    .run = run_sample,
};
