/* outputs.c - `cosmowatch outputs`: how deliveries stand, what was refused, what to do about it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "alert/catalogue.h"
#include "base/json_out.h"
#include "base/term.h"
#include "base/timeutil.h"
#include "cli/cli.h"
#include "outputs/output.h"
#include "sample.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int print_status(const struct assembly *a, struct store *s, bool is_json, struct buf *out, struct error *err)
{
    if (!is_json)
        buf_addf(out, "%-16s %-10s %-8s %9s %9s %7s  %s\n", "output", "type", "format", "accepted", "pending", "parked",
                 "oldest pending");
    for (size_t i = 0; i < a->outputs_len; i++) {
        const struct delivery_output_config *o = &a->outputs[i];
        CLEANUP(buf_release) struct buf oldest = BUF_INIT(64);
        struct output_counts n = { 0 };

        if (store_count_output(s, o->name, &n, err) < 0)
            return -1;
        if (n.pending > 0)
            time_add_iso(&oldest, n.oldest_pending_ns, 0);
        if (!is_json) {
            buf_addf(out, "%-16s %-10s %-8s %9" PRId64 " %9" PRId64 " %7" PRId64 "  %s\n", o->name, o->ops->name,
                     o->encoder->name, n.accepted, n.pending, n.parked, buf_cstr(&oldest));
            continue;
        }
        buf_add_char(out, '{');
        json_add_key(out, "name");
        json_add_string(out, slice_of(o->name));
        json_add_key(out, "type");
        json_add_string(out, slice_of(o->ops->name));
        json_add_key(out, "format");
        json_add_string(out, slice_of(o->encoder->name));
        json_add_key(out, "accepted");
        json_add_i64(out, n.accepted);
        json_add_key(out, "pending");
        json_add_i64(out, n.pending);
        json_add_key(out, "parked");
        json_add_i64(out, n.parked);
        buf_add_str(out, "}\n");
    }
    return 0;
}

struct parked_print { struct buf *out; bool is_json; int64_t n; };

static int print_parked(void *self, const struct delivery_row *r, struct error *err UNUSED)
{
    struct parked_print *p = self;
    CLEANUP(buf_release) struct buf when = BUF_INIT(64);

    p->n++;
    time_add_iso(&when, r->last_try_ns, 0);
    if (p->is_json) {
        buf_add_char(p->out, '{');
        json_add_key(p->out, "output");
        json_add_string(p->out, slice_of(r->output));
        json_add_key(p->out, "recordId");
        json_add_string(p->out, slice_of(r->record_id));
        json_add_key(p->out, "attempts");
        json_add_i64(p->out, r->attempts);
        json_add_key(p->out, "lastTry");
        json_add_string(p->out, buf_slice(&when));
        json_add_key(p->out, "reason");
        json_add_string(p->out, slice_of(r->reason));
        json_add_key(p->out, "refused");
        json_add_string(p->out, buf_slice(&r->refused));
        buf_add_str(p->out, "}\n");
        return 0;
    }
    buf_addf(p->out, "%s  %-12s %s, %d tries: ", buf_cstr(&when), r->output, r->record_id, r->attempts);
    term_add_safe(p->out, slice_of(r->reason));
    buf_add_char(p->out, '\n');
    return 0;
}

/* A marked sample straight to the receiver, past the store: what did it say? */
static int test_one(struct assembly *a, const struct delivery_output_config *o, struct buf *out, struct error *err)
{
    CLEANUP(alert_freep) struct alert *sample = NULL;
    CLEANUP(buf_release) struct buf payload = BUF_INIT(4u << 20);
    CLEANUP(buf_release) struct buf said = BUF_INIT(4096);
    struct delivery_result result = { .verdict = DELIVERY_ACCEPTED };
    struct output_item item = { 0 };
    int rc = -1;

    if (sample_alert("CosmosDB_TorAnomaly", sv_wall_ns(&a->sv), &sample, err) < 0 ||
        o->encoder->encode(sample, &payload, err) < 0)
        return -1;
    if (o->ops->open && o->ops->open(o->self, o->name, &a->sv, err) < 0)
        goto out;
    if (o->ops->probe && o->ops->probe(o->self, &said, err) < 0)
        goto out;
    item = (struct output_item){ .alert = sample, .payload = buf_slice(&payload) };
    rc = o->ops->deliver(o->self, &item, 1, &result, err);
    if (rc == 0 && result.verdict != DELIVERY_ACCEPTED)
        rc = error_set(err, ERR_SERVER, "%s", result.reason[0] ? result.reason : "refused without a reason");
    if (rc == 0)
        buf_addf(out, "%s: accepted a marked sample alert%s%s; look for record %s there\n", o->name,
                 said.len ? "; " : "", buf_cstr(&said), sample->record_id);
out:
    if (o->ops->close)
        o->ops->close(o->self);
    return rc < 0 ? error_wrap(err, "output '%s'", o->name) : 0;
}

static int test(struct assembly *a, const char *name, struct buf *out, struct error *err)
{
    bool is_found = false;
    int rc = 0;

    for (size_t i = 0; i < a->outputs_len; i++) {
        struct error e = { 0 };

        if (name && strcmp(name, a->outputs[i].name) != 0)
            continue;
        is_found = true;
        if (test_one(a, &a->outputs[i], out, &e) < 0) {
            *err = e;
            rc = -1;
            buf_addf(out, "%s\n", e.msg);
        }
    }
    if (!is_found)
        return error_set(err, ERR_CONFIG, name ? "no output is called '%s'" : "no outputs are configured%s",
                         name ? name : "");
    return rc;
}

static int run_outputs(int argc, char **argv)
{
    struct cli_args args = { 0 };
    CLEANUP(assembly_release) struct assembly a = { 0 };
    CLEANUP(store_closep) struct store *store = NULL;
    CLEANUP(buf_release) struct buf out = BUF_INIT(16u << 20);
    struct error err = { 0 };
    int64_t n = 0;
    int exit_code = 0, rc = cli_parse(&verb_outputs, argc, argv, &args, &exit_code);
    const char *what = NULL, *name = NULL, *record = NULL;

    if (rc != 0)
        return exit_code;
    what = args.operands_len > 0 ? args.operands[0] : "status";
    name = args.operands_len > 1 ? args.operands[1] : NULL;
    record = args.operands_len > 2 ? args.operands[2] : NULL;
    if (assemble(&a, args.config, ASSEMBLE_OUTPUTS | (strcmp(what, "test") == 0 ? 0u : ASSEMBLE_OFFLINE), &err) < 0)
        return cli_fail(&err);
    if (strcmp(what, "test") == 0) {
        rc = test(&a, name, &out, &err);
        (void)cli_print(&out);
        return rc < 0 ? CLI_FAILED : CLI_OK;
    }
    bool is_change = strcmp(what, "retry") == 0 || strcmp(what, "drop") == 0;

    if (assemble_open_store(args.config, is_change ? STORE_WRITE : STORE_READ, &store, &err) < 0)
        return cli_fail(&err);
    if (strcmp(what, "status") == 0) {
        rc = print_status(&a, store, args.is_json, &out, &err);
    } else if (strcmp(what, "parked") == 0) {
        struct parked_print p = { .out = &out, .is_json = args.is_json };

        rc = store_each_parked(store, name, print_parked, &p, &err);
        if (rc == 0 && p.n == 0 && !args.is_json)
            buf_add_str(&out, "nothing is parked\n");
    } else if (is_change && name) {
        rc = what[0] == 'r' ? store_retry_parked(store, name, record, &n, &err)
                            : store_drop_parked(store, name, record, &n, &err);
        if (rc == 0)
            buf_addf(&out, "%" PRId64 " %s\n", n,
                     what[0] == 'r' ? "will be tried again" : "dropped; they will not be delivered");
    } else {
        (void)fprintf(stderr, "usage: cosmowatch outputs %s\n", verb_outputs.usage);
        return CLI_USAGE;
    }
    if (rc < 0)
        return cli_fail(&err);
    return cli_print(&out);
}

const struct verb verb_outputs = {
    .name = "outputs",
    .summary = "how deliveries stand; test an output; list, retry or drop what a receiver refused",
    .usage = "status | test [NAME] | parked [NAME] | retry NAME [RECORD] | drop NAME [RECORD]",
    .help = "  status                 accepted, pending and parked alerts of each output\n"
            "  test [NAME]            send a sample alert, marked as such, and say what the receiver answered\n"
            "  parked [NAME]          alerts a receiver refused for good, with its reason\n"
            "  retry NAME [RECORD]    offer parked alerts again (all of the output, or one)\n"
            "  drop NAME [RECORD]     give them up\n\n"
            "      --json             one object a line\n",
    .run = run_outputs,
};
