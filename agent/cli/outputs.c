/* outputs.c - `cosmowatch outputs`: how deliveries stand, what was refused, what to do about it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "alert/catalogue.h"
#include "backfill.h"
#include "base/json_out.h"
#include "base/num.h"
#include "base/term.h"
#include "base/timeutil.h"
#include "cli/cli.h"
#include "delivery/route.h"
#include "outputs/output.h"
#include "sample.h"
#include "settings/errors.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const flags[] = { "--yes", NULL };
static const char *const values[] = { "--since", NULL };

struct action { /* what the verb was told */
    const struct assembly *a;
    struct assembly *open; /* for test */
    struct store *store;
    const char *name, *record; /* operands after the action's own word; NULL: unsaid */
    const char *since;
    bool is_json, is_sure;
    struct buf *out;
};

/* ---- status ------------------------------------------------------------------------------------------ */

static void add_status(struct buf *out, bool is_json, const char *const words[3], const struct output_counts *n)
{
    static const char *const keys[] = { "name", "type", "format" };
    const struct { const char *key; int64_t n; } counts[] = {
        { "accepted", n->accepted }, { "pending", n->pending }, { "parked", n->parked }, { "dropped", n->dropped },
    };
    CLEANUP(buf_release) struct buf oldest = BUF_HERE(64);

    if (n->pending > 0)
        time_add_iso(&oldest, n->oldest_pending_ns, 0);
    if (!is_json) {
        buf_addf(out, "%-16s %-10s %-8s %9" PRId64 " %9" PRId64 " %7" PRId64 " %7" PRId64 "  %s\n", words[0], words[1],
                 words[2], n->accepted, n->pending, n->parked, n->dropped, buf_cstr(&oldest));
        return;
    }
    buf_add_char(out, '{');
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        json_add_key(out, keys[i]);
        json_add_string(out, slice_of(words[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        json_add_key(out, counts[i].key);
        json_add_i64(out, counts[i].n);
    }
    buf_add_str(out, "}\n");
}

static const struct delivery_output_config *find_output(const struct assembly *a, const char *name)
{
    for (size_t i = 0; i < a->outputs_len; i++)
        if (strcmp(a->outputs[i].name, name) == 0)
            return &a->outputs[i];
    return NULL;
}

/* Outputs that left the configuration are listed as long as they owe something. */
static int add_left(void *self, const char *name, const struct output_counts *n, struct error *err UNUSED)
{
    const struct action *act = self;
    const char *const words[] = { name, "(not configured)", "" };

    if (!find_output(act->a, name) && n->pending + n->parked > 0)
        add_status(act->out, act->is_json, words, n);
    return 0;
}

static int do_status(struct action *act, struct error *err)
{
    if (!act->is_json)
        buf_addf(act->out, "%-16s %-10s %-8s %9s %9s %7s %7s  %s\n", "output", "type", "format", "accepted", "pending",
                 "parked", "dropped", "oldest pending");
    for (size_t i = 0; i < act->a->outputs_len; i++) {
        const struct delivery_output_config *o = &act->a->outputs[i];
        const char *const words[] = { o->name, o->ops->name, o->encoder->name };
        struct output_counts n = { 0 };

        if (store_count_output(act->store, o->name, &n, err) < 0)
            return -1;
        add_status(act->out, act->is_json, words, &n);
    }
    return store_each_output(act->store, add_left, act, err);
}

/* ---- parked -------------------------------------------------------------------------------------------- */

struct parked_print { struct buf *out; bool is_json; int64_t n, now_ns; };

static void add_parked_json(struct buf *out, const struct delivery_row *r, struct slice when, int64_t age_s)
{
    buf_add_char(out, '{');
    json_add_key(out, "output");
    json_add_string(out, slice_of(r->output));
    json_add_key(out, "recordId");
    json_add_string(out, slice_of(r->record_id));
    json_add_key(out, "attempts");
    json_add_i64(out, r->attempts);
    json_add_key(out, "lastTry");
    json_add_string(out, when);
    json_add_key(out, "ageSeconds");
    json_add_i64(out, age_s);
    json_add_key(out, "reason");
    json_add_string(out, slice_of(r->reason));
    json_add_key(out, "refused");
    json_add_string(out, buf_slice(&r->refused));
    buf_add_str(out, "}\n");
}

static int print_parked(void *self, const struct delivery_row *r, struct error *err UNUSED)
{
    struct parked_print *p = self;
    CLEANUP(buf_release) struct buf when = BUF_HERE(64);
    CLEANUP(buf_release) struct buf age = BUF_HERE(64);
    int64_t age_ms = r->last_try_ns > 0 && p->now_ns > r->last_try_ns ? (p->now_ns - r->last_try_ns) / NS_PER_MS : 0;

    p->n++;
    time_add_iso(&when, r->last_try_ns, 0);
    fmt_duration_ms(&age, age_ms / 1000 * 1000);
    if (p->is_json) {
        add_parked_json(p->out, r, buf_slice(&when), age_ms / 1000);
        return 0;
    }
    buf_addf(p->out, "%s  %-12s %s, parked for %s, %d tries: ", buf_cstr(&when), r->output, r->record_id,
             buf_cstr(&age), r->attempts);
    term_add_safe(p->out, slice_of(r->reason));
    buf_add_char(p->out, '\n');
    return 0;
}

static int do_parked(struct action *act, struct error *err)
{
    struct parked_print p = { .out = act->out, .is_json = act->is_json, .now_ns = sv_wall_ns(&act->a->sv) };

    if (store_each_parked(act->store, act->name, print_parked, &p, err) < 0)
        return -1;
    if (p.n == 0 && !act->is_json)
        buf_add_str(act->out, "nothing is parked\n");
    return 0;
}

/* ---- retry, drop, backfill -------------------------------------------------------------------------------- */

/* An output of the configuration, or one that the store knows; a typing error is told. */
static int check_name(const struct action *act, struct output_counts *ret, struct error *err)
{
    const char *names[256] = { 0 }, *near = NULL;

    if (store_count_output(act->store, act->name, ret, err) < 0)
        return -1;
    if (find_output(act->a, act->name) || ret->accepted + ret->pending + ret->parked + ret->dropped > 0)
        return 0;
    for (size_t i = 0; i < act->a->outputs_len && i + 1 < ARRAY_LEN(names); i++)
        names[i] = act->a->outputs[i].name;
    near = settings_nearest(slice_of(act->name), names);
    return error_set(err, ERR_CONFIG, "no output is called '%s'%s%s%s", act->name, near ? "; did you mean '" : "",
                     near ? near : "", near ? "'?" : "");
}

static int do_retry(struct action *act, struct error *err)
{
    struct output_counts counts = { 0 };
    int64_t n = 0;

    if (check_name(act, &counts, err) < 0 || store_retry_parked(act->store, act->name, act->record, &n, err) < 0)
        return -1;
    buf_addf(act->out, "%" PRId64 " will be tried again%s\n", n,
             find_output(act->a, act->name) ? "" : ", once the output is configured again");
    return 0;
}

/* Of an output that is configured what is parked; of one that is not, what waits as well. */
static int do_drop(struct action *act, struct error *err)
{
    bool is_left = !find_output(act->a, act->name) && !act->record;
    struct output_counts counts = { 0 };
    int64_t n = 0;

    if (check_name(act, &counts, err) < 0)
        return -1;
    if (!act->is_sure)
        return error_set(err, ERR_CONFIG, "%s would never be delivered (%" PRId64 " parked%s%" PRId64 "%s): add --yes to "
                         "give up", act->record ? act->record : "they", counts.parked, is_left ? ", " : ", not the ",
                         counts.pending, " pending");
    if ((is_left ? store_drop_output(act->store, act->name, &n, err)
                 : store_drop_parked(act->store, act->name, act->record, &n, err)) < 0)
        return -1;
    buf_addf(act->out, "%" PRId64 " dropped; they will not be delivered\n", n);
    return 0;
}

static int do_backfill(struct action *act, struct error *err)
{
    CLEANUP(buf_release) struct buf when = BUF_HERE(64);
    struct output_counts counts = { 0 };
    int64_t since_ns = 0;

    if (check_name(act, &counts, err) < 0)
        return -1;
    if (!find_output(act->a, act->name))
        return error_set(err, ERR_CONFIG, "output '%s' is not configured: nobody would deliver", act->name);
    if (!act->since)
        return error_set(err, ERR_CONFIG, "since when? --since 7d, or --since 2026-08-20T10:00:00Z");
    if (cli_parse_when(act->since, &since_ns, err) < 0 ||
        backfill_ask(act->store, act->name, since_ns, err) < 0)
        return -1;
    time_add_iso(&when, since_ns, 0);
    buf_addf(act->out, "alerts since %s that '%s' did not get will be handed to it: by the running agent within seconds, "
                       "else at its next start\n", buf_cstr(&when), act->name);
    return 0;
}

/* ---- route --------------------------------------------------------------------------------------------------- */

struct state_of { const char *output; char state[120]; };

/* The newest record counts. */
static int keep_state(void *self, const char *output, const char *record_id, const char *state, int attempts UNUSED,
                      const char *reason)
{
    struct state_of *s = self;

    if (strcmp(s->output, output) == 0)
        (void)snprintf(s->state, sizeof s->state, "%s as %s%s%s", state, record_id, reason[0] ? ": " : "", reason);
    return 0;
}

static void add_route(struct buf *out, bool is_json, const char *output, bool is_wanted, const char *why,
                      const char *state)
{
    if (!is_json) {
        buf_addf(out, "%-16s %s", output, is_wanted ? "gets it" : "does not get it");
        buf_addf(out, "%s%s", why[0] ? ": " : "", why);
        buf_addf(out, "%s%s\n", state[0] ? "; " : "", state);
        return;
    }
    buf_add_char(out, '{');
    json_add_key(out, "output");
    json_add_string(out, slice_of(output));
    json_add_key(out, "wanted");
    buf_add_str(out, is_wanted ? "true" : "false");
    json_add_key(out, "why");
    json_add_string(out, slice_of(why));
    json_add_key(out, "delivery");
    json_add_string(out, slice_of(state));
    buf_add_str(out, "}\n");
}

/* The stored alert of that id, or a sample of that type: to try a route before anything happens. */
static int find_alert(const struct action *act, struct alert **ret, struct error *err)
{
    struct error why = { 0 };

    if (alert_type_find(act->name))
        return sample_alert(act->name, sv_wall_ns(&act->a->sv), ret, err);
    if (store_get_alert(act->store, act->name, ret, &why) == 0)
        return 0;
    return error_set(err, why.code, why.code == ERR_NOT_FOUND ? "no alert '%s', and no alert type of that name" : "%s",
                     why.code == ERR_NOT_FOUND ? act->name : why.msg);
}

static int do_route(struct action *act, struct error *err)
{
    CLEANUP(alert_freep) struct alert *alert = NULL;

    if (find_alert(act, &alert, err) < 0)
        return -1;
    for (size_t i = 0; i < act->a->outputs_len; i++) {
        CLEANUP(buf_release) struct buf why = BUF_HERE(1000);
        struct state_of state = { .output = act->a->outputs[i].name };
        bool is_wanted = false;

        if (route_judge(act->a->routes[i], alert, &is_wanted, &why, err) < 0 ||
            store_each_delivery_of(act->store, alert->id, keep_state, &state, err) < 0)
            return -1;
        if (is_wanted && alert->is_suppressed) {
            is_wanted = false;
            buf_add_str(&why, "it is suppressed");
        }
        add_route(act->out, act->is_json, state.output, is_wanted, buf_cstr(&why), state.state);
    }
    return 0;
}

/* ---- test ------------------------------------------------------------------------------------------------------ */

/* A marked sample straight to the receiver, past the store: what did it say? */
static int test_one(struct assembly *a, const struct delivery_output_config *o, struct buf *out, struct error *err)
{
    CLEANUP(alert_freep) struct alert *sample = NULL;
    CLEANUP(buf_release) struct buf payload = BUF_INIT(4u << 20);
    CLEANUP(buf_release) struct buf said = BUF_HERE(4096);
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

static int do_test(struct action *act, struct error *err)
{
    return test(act->open, act->name, act->out, err);
}

static const struct {
    const char *word;
    int (*run)(struct action *act, struct error *err);
    bool needs_name, sends, has_store, writes;
} actions[] = {
    { .word = "status", .run = do_status, .has_store = true },
    { .word = "test", .run = do_test, .sends = true },
    { .word = "route", .run = do_route, .needs_name = true, .has_store = true },
    { .word = "parked", .run = do_parked, .has_store = true },
    { .word = "retry", .run = do_retry, .needs_name = true, .has_store = true, .writes = true },
    { .word = "drop", .run = do_drop, .needs_name = true, .has_store = true, .writes = true },
    { .word = "backfill", .run = do_backfill, .needs_name = true, .has_store = true, .writes = true },
};

static size_t find_action(const struct cli_args *args)
{
    const char *word = args->operands_len > 0 ? args->operands[0] : "status";
    size_t i = 0;

    while (i < ARRAY_LEN(actions) && strcmp(actions[i].word, word) != 0)
        i++;
    return i < ARRAY_LEN(actions) && actions[i].needs_name && args->operands_len < 2 ? ARRAY_LEN(actions) : i;
}

static int run_outputs(int argc, char **argv)
{
    struct cli_args args = { .flags = flags, .values = values };
    CLEANUP(assembly_release) struct assembly a = { 0 };
    CLEANUP(store_closep) struct store *store = NULL;
    CLEANUP(buf_release) struct buf out = BUF_INIT(16u << 20);
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_outputs, argc, argv, &args, &exit_code);
    size_t i = 0;

    if (rc != 0)
        return exit_code;
    i = find_action(&args);
    if (i == ARRAY_LEN(actions)) {
        (void)fprintf(stderr, "usage: cosmowatch outputs %s\n", verb_outputs.usage);
        return CLI_USAGE;
    }
    if (assemble(&a, args.config, ASSEMBLE_OUTPUTS | (actions[i].sends ? 0u : ASSEMBLE_OFFLINE), &err) < 0 ||
        (actions[i].has_store &&
         assembly_open_store(&a, actions[i].writes ? STORE_WRITE : STORE_READ, &store, &err) < 0))
        return cli_fail(&err);
    rc = actions[i].run(&(struct action){ .a = &a, .open = &a, .store = store, .is_json = args.is_json, .out = &out,
                                          .name = args.operands_len > 1 ? args.operands[1] : NULL,
                                          .record = args.operands_len > 2 ? args.operands[2] : NULL,
                                          .since = args.value[0], .is_sure = args.flag[0] }, &err);
    if (rc < 0 && actions[i].sends) { /* what each output said is in out, its error too */
        (void)cli_print(&out);
        return out.len > 0 ? CLI_FAILED : cli_fail(&err);
    }
    return rc < 0 ? cli_fail(&err) : cli_print(&out);
}

const struct verb verb_outputs = {
    .name = "outputs",
    .summary = "how deliveries stand and who gets what; test an output; list, retry or drop what a receiver refused",
    .usage = "status | test [NAME] | route ID|TYPE | parked [NAME] | retry NAME [RECORD] | drop NAME [RECORD] --yes | "
             "backfill NAME --since WHEN",
    .help = "  status                       accepted, pending, parked and dropped alerts of each output, also of one that\n"
            "                               left the configuration and still owes some\n"
            "  test [NAME]                  send a sample alert, marked as such, and say what the receiver answered\n"
            "  route ID|TYPE                which outputs get the alert (or a sample of the type), and why not the others\n"
            "  parked [NAME]                alerts a receiver refused for good: since when and why\n"
            "  retry NAME [RECORD]          offer parked alerts again (all of the output, or one)\n"
            "  drop NAME [RECORD] --yes     give them up; of an output that is not configured also what waits\n"
            "  backfill NAME --since WHEN   hand it alerts that were raised before it was there (WHEN: a time, or an age\n"
            "                               as 7d); none twice\n\n"
            "      --json                   one object a line\n",
    .run = run_outputs,
};
