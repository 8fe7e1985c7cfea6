/* queries.c - `cosmowatch queries`: every KQL text the agent would send with this configuration.
 * SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "base/json_out.h"
#include "cli/cli.h"
#include "source/source.h"

struct printing {
    struct buf out;
    bool is_json;
    const char *source;
};

static int print_query(void *self, const char *name, struct slice text, struct error *err)
{
    struct printing *p = self;

    if (p->is_json) {
        buf_add_char(&p->out, '{');
        json_add_key(&p->out, "source");
        json_add_string(&p->out, slice_of(p->source));
        json_add_key(&p->out, "name");
        json_add_string(&p->out, slice_of(name));
        json_add_key(&p->out, "query");
        json_add_string(&p->out, text);
        buf_add_str(&p->out, "}\n");
    } else {
        buf_addf(&p->out, "// source %s: %s\n", p->source, name);
        buf_add_slice(&p->out, text);
        buf_add_str(&p->out, "\n\n");
    }
    return buf_check(&p->out, err);
}

static int run_queries(int argc, char **argv)
{
    struct cli_args args = { 0 };
    CLEANUP(assembly_release) struct assembly a = { 0 };
    struct printing p = { .out = BUF_INIT(64u << 20) };
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_queries, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    p.is_json = args.is_json;
    if (assemble(&a, args.config, ASSEMBLE_SOURCES | ASSEMBLE_OFFLINE, &err) < 0)
        return cli_fail(&err);
    for (size_t i = 0; i < a.sources_len; i++) {
        p.source = a.sources[i].name;
        if (a.sources[i].ops->each_query &&
            a.sources[i].ops->each_query(a.sources[i].self, print_query, &p, &err) < 0)
            return cli_fail(&err);
    }
    rc = cli_print(&p.out);
    buf_release(&p.out);
    return rc;
}

const struct verb verb_queries = {
    .name = "queries",
    .summary = "every KQL text that the agent would send with this configuration",
    .usage = "[--json]",
    .help = "The windows in them are examples. Paste one into Log Analytics to see what the agent sees.\n\n"
            "      --json              {\"source\",\"name\",\"query\"}, one a line\n",
    .run = run_queries,
};
