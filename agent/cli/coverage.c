/* coverage.c - `cosmowatch coverage`: which intervals of ingestion time were read, which are open, which
 * are lost and why. SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "base/json_out.h"
#include "base/term.h"
#include "base/timeutil.h"
#include "cli/cli.h"
#include "store/store.h"

struct coverage {
    struct buf out;
    bool is_json;
    int64_t n;
};

static int print_run(void *self, const struct window_run *r, struct error *err UNUSED)
{
    struct coverage *c = self;
    CLEANUP(buf_release) struct buf from = BUF_HERE(64);
    CLEANUP(buf_release) struct buf to = BUF_HERE(64);
    const struct window *w = &r->w;

    c->n++;
    if (!c->is_json) {
        time_add_iso(&from, w->from_ns, 0);
        time_add_iso(&to, w->to_ns, 0);
        buf_addf(&c->out, "%-14s %s .. %s  %-10s%s %9" PRId64 " rows in %" PRId64 " window%s", w->source,
                 buf_cstr(&from), buf_cstr(&to), window_state_name(w->state), w->is_backfill ? " learning" : "",
                 w->records, r->windows, r->windows == 1 ? "" : "s");
        if (w->reason[0]) {
            buf_add_str(&c->out, "  ");
            term_add_safe(&c->out, slice_of(w->reason));
        }
        buf_add_char(&c->out, '\n');
        return 0;
    }
    buf_add_char(&c->out, '{');
    json_add_member(&c->out, "source", slice_of(w->source));
    json_add_member_time(&c->out, "from", w->from_ns, 0);
    json_add_member_time(&c->out, "to", w->to_ns, 0);
    json_add_member(&c->out, "state", slice_of(window_state_name(w->state)));
    json_add_member_bool(&c->out, "backfill", w->is_backfill);
    json_add_member_i64(&c->out, "rows", w->records);
    json_add_member_i64(&c->out, "windows", r->windows);
    json_add_member(&c->out, "reason", slice_of(w->reason));
    buf_add_str(&c->out, "}\n");
    return 0;
}

static int add_bad_row(void *self, const struct bad_row *r, struct error *err UNUSED)
{
    struct coverage *c = self;
    CLEANUP(buf_release) struct buf when = BUF_HERE(64);

    c->n++;
    if (c->is_json) {
        buf_add_char(&c->out, '{');
        json_add_member(&c->out, "source", slice_of(r->source));
        json_add_member_time(&c->out, "seenAt", r->seen_ns, 0);
        json_add_member(&c->out, "reason", slice_of(r->reason));
        json_add_member(&c->out, "row", r->raw);
        buf_add_str(&c->out, "}\n");
        return 0;
    }
    time_add_iso(&when, r->seen_ns, 0);
    buf_addf(&c->out, "%s  %-14s ", buf_cstr(&when), r->source);
    term_add_safe(&c->out, slice_of(r->reason));
    buf_add_str(&c->out, ": ");
    term_add_safe(&c->out, slice_cut(r->raw, 200));
    buf_add_char(&c->out, '\n');
    return 0;
}

static int run_coverage(int argc, char **argv)
{
    static const char *const flags[] = { "--unreadable", NULL };
    struct cli_args args = { .flags = flags };
    CLEANUP(store_closep) struct store *store = NULL;
    struct coverage c = { .out = BUF_INIT(64u << 20) };
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_coverage, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    c.is_json = args.is_json;
    if (assemble_open_store(args.config, STORE_READ, &store, &err) < 0)
        return cli_fail(&err);
    if (args.flag[0]) {
        if (store_each_bad_row(store, 10000, add_bad_row, &c, &err) < 0)
            return cli_fail(&err);
        if (c.n == 0 && !c.is_json)
            buf_add_str(&c.out, "every row could be read\n");
        rc = cli_print(&c.out);
        buf_release(&c.out);
        return rc;
    }
    if (store_each_run(store, args.operands_len > 0 ? args.operands[0] : NULL, INT64_MIN, window_says_the_same, print_run, &c, &err) < 0)
        return cli_fail(&err);
    if (c.n == 0 && !c.is_json)
        buf_add_str(&c.out, "nothing was read yet\n");
    rc = cli_print(&c.out);
    buf_release(&c.out);
    return rc;
}

const struct verb verb_coverage = {
    .name = "coverage",
    .summary = "which intervals were read, which are pending, which are lost and why",
    .usage = "[SOURCE] [--unreadable] [--json]",
    .help = "Intervals are of ingestion_time(). 'closed' was read and will be counted again for late rows;\n"
            "'rechecked' is final; 'pending' is read next; 'gap' can no longer be read.\n\n"
            "      --unreadable        instead, the rows that could not be read, with the reason\n"
            "      --json              one object a line\n",
    .run = run_coverage,
};
