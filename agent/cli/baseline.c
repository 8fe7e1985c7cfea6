/* baseline.c - `cosmowatch baseline`: what was learned, and the operator's word about it.
 *
 * Showing reads the store. Changing leaves a request there, which the agent carries out between two windows or at its
 * next start (requests.h): a command that changed rows under a running agent would be undone by its memory.
 * SPDX-License-Identifier: Apache-2.0 */
#include "baseline/baseline.h"

#include "assemble.h"
#include "base/json_out.h"
#include "base/num.h"
#include "base/term.h"
#include "base/timeutil.h"
#include "cli/cli.h"
#include "requests.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

enum { V_MEMORY, V_LIMIT };
static const char *const value_names[] = { "--memory", "--limit", NULL };

struct listing {
    struct buf out;
    const struct baseline *baseline;
    const char *label; /* NULL: any */
    bool is_json, is_counting;
    int64_t n, limit, confirmable;
};

/* "-" on the command line: what is known across accounts. */
static const char *account_of(const char *word)
{
    return word && strcmp(word, "-") == 0 ? "" : word;
}

static void add_json(struct listing *l, const struct baseline_row *row, struct buf *what, struct buf *seen)
{
    buf_add_char(&l->out, '{');
    json_add_key(&l->out, "account");
    json_add_string(&l->out, row->account);
    json_add_key(&l->out, "memory");
    json_add_string(&l->out, slice_of(row->memory));
    json_add_key(&l->out, "label");
    json_add_string(&l->out, row->label);
    json_add_key(&l->out, "lastSeen");
    json_add_string(&l->out, buf_slice(seen));
    json_add_key(&l->out, "what");
    json_add_string(&l->out, buf_slice(what));
    json_add_key(&l->out, "canBeConfirmed");
    buf_add_str(&l->out, baseline_can_confirm(l->baseline, row->memory) ? "true}\n" : "false}\n");
}

static int list_row(void *self, const struct baseline_row *row, struct error *err)
{
    struct listing *l = self;
    CLEANUP(buf_release) struct buf what = BUF_HERE(4096), seen = BUF_HERE(64);

    if (l->label && !slice_eq(row->label, slice_of(l->label)))
        return 0;
    l->confirmable += baseline_can_confirm(l->baseline, row->memory);
    if (l->n++ >= l->limit || l->is_counting)
        return 0;
    (void)baseline_describe_row(l->baseline, row, &what);
    time_add_iso(&seen, row->seen_ns, 0);
    if (l->is_json) {
        add_json(l, row, &what, &seen);
    } else {
        buf_addf(&l->out, "%s  ", buf_cstr(&seen));
        term_add_safe(&l->out, slice_empty(row->account) ? SL("-") : slice_cut(row->account, 60));
        buf_addf(&l->out, "  %s  ", row->memory);
        term_add_safe(&l->out, slice_cut(row->label, 200));
        if (what.len > 0) {
            buf_add_str(&l->out, ": ");
            term_add_safe(&l->out, buf_slice(&what));
        }
        buf_add_char(&l->out, '\n');
    }
    if (l->out.len > 65536) {
        if (cli_put(&l->out, err) < 0)
            return -1;
        buf_clear(&l->out);
    }
    return 0;
}

static int show(struct store *s, struct listing *l, const char *account, const char *memory, struct error *err)
{
    if (store_each_baseline(s, account, memory, list_row, l, err) < 0)
        return -1;
    if (cli_put(&l->out, err) < 0)
        return -1;
    if (l->n == 0 && !l->is_json)
        (void)puts("nothing is known");
    if (l->n > l->limit)
        (void)fprintf(stderr, "cosmowatch: %" PRId64 " more; --limit shows them\n", l->n - l->limit);
    return 0;
}

static int ask(struct store *s, struct listing *l, const struct request *r, struct error *err)
{
    bool is_confirm = r->what == REQUEST_CONFIRM;

    l->is_counting = true;
    l->label = r->label;
    if (store_each_baseline(s, r->account, r->memory, list_row, l, err) < 0)
        return -1;
    if (l->n == 0)
        return error_set(err, ERR_NOT_FOUND, "nothing like that is known; `cosmowatch baseline show` lists what is");
    if (is_confirm && l->confirmable == 0)
        return error_set(err, ERR_INPUT, "what '%.60s' keeps is measured, not a value that is usual or not; it can only "
                                         "be forgotten", r->memory);
    if (requests_add(s, r, err) < 0)
        return -1;
    (void)printf("%" PRId64 " entr%s will be %s by the running agent, or at its next start\n",
                 is_confirm ? l->confirmable : l->n, (is_confirm ? l->confirmable : l->n) == 1 ? "y" : "ies",
                 is_confirm ? "taken as usual" : "forgotten");
    return 0;
}

static int run_baseline(int argc, char **argv)
{
    struct cli_args args = { .values = value_names };
    CLEANUP(assembly_release) struct assembly a = { 0 };
    CLEANUP(store_closep) struct store *store = NULL;
    struct listing l = { .out = BUF_INIT(1u << 20), .limit = 1000 };
    struct request r = { 0 };
    struct error err = { 0 };
    const char *what = NULL;
    int exit_code = 0, rc = cli_parse(&verb_baseline, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    what = args.operands_len > 0 ? args.operands[0] : "show";
    r.account = args.operands_len > 1 ? account_of(args.operands[1]) : NULL;
    r.memory = args.operands_len > 2 ? args.operands[2] : args.value[V_MEMORY];
    r.label = args.operands_len > 3 ? args.operands[3] : NULL;
    bool is_show = strcmp(what, "show") == 0, is_confirm = strcmp(what, "confirm") == 0;

    r.what = is_confirm ? REQUEST_CONFIRM : REQUEST_FORGET;
    if (args.operands_len > 4 || (!is_show && !r.account) || (is_confirm && !r.label) ||
        (!is_show && !is_confirm && strcmp(what, "forget") != 0)) {
        (void)fprintf(stderr, "usage: cosmowatch baseline %s\n", verb_baseline.usage);
        return CLI_USAGE;
    }
    if (args.value[V_LIMIT] && !parse_i64(slice_of(args.value[V_LIMIT]), 1, INT64_MAX, &l.limit)) {
        error_set(&err, ERR_CONFIG, "'%.40s' is no number of entries", args.value[V_LIMIT]);
        return cli_fail(&err);
    }
    if (assemble(&a, args.config, ASSEMBLE_ENGINE | ASSEMBLE_OFFLINE, &err) < 0 ||
        assembly_open_store(&a, is_show ? STORE_READ : STORE_WRITE, &store, &err) < 0)
        return cli_fail(&err);
    l.baseline = engine_baseline(a.engine);
    l.is_json = args.is_json;
    l.label = r.label;
    rc = is_show ? show(store, &l, r.account, r.memory, &err) : ask(store, &l, &r, &err);
    buf_release(&l.out);
    return rc < 0 ? cli_fail(&err) : CLI_OK;
}

const struct verb verb_baseline = {
    .name = "baseline",
    .summary = "what was learned about each account; forget it, or take it as usual",
    .usage = "show [ACCOUNT [MEMORY]] | forget ACCOUNT [MEMORY [LABEL]] | confirm ACCOUNT MEMORY LABEL",
    .help = "  show                   one line an entry: last seen, account, memory, label, what is known\n"
            "  forget                 an account begins to learn anew; or a memory of it; or one entry\n"
            "  confirm                take what was seen as usual from now on, as if it had been there for weeks\n\n"
            "ACCOUNT - is what is known across accounts. The running agent carries a change out within seconds,\n"
            "between two windows; without one it waits for the next start.\n\n"
            "      --memory NAME       only this kind\n"
            "      --limit N           preset 1000\n"
            "      --json              one object a line\n",
    .run = run_baseline,
};
