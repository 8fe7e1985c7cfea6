/* queries.c - `cosmowatch queries`: every KQL text the agent would send with this configuration.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "assemble.h"
#include "base/json_out.h"
#include "cli/cli.h"
#include "sample.h"
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

/* The query that each alert type shows to an analyst, filled with a sample's values. */
static int print_alert_queries(struct printing *p, struct error *err)
{
    struct services sv = { .clock = &clock_system };

    p->source = "alerts";
    for (size_t i = 0; alert_type_at(i); i++) {
        CLEANUP(alert_freep) struct alert *a = NULL;
        CLEANUP(buf_release) struct buf kql = BUF_INIT(65536);

        if (sample_alert(alert_type_at(i)->id, sv_wall_ns(&sv), &a, err) < 0)
            return -1;
        alert_kql(a, &kql);
        if (buf_check(&kql, err) < 0 || print_query(p, alert_type_at(i)->id, buf_slice(&kql), err) < 0)
            return -1;
    }
    return 0;
}

static void printing_release(struct printing *p)
{
    buf_release(&p->out);
}

static int run_queries(int argc, char **argv)
{
    static const char *const flags[] = { "--alerts", NULL };
    struct cli_args args = { .flags = flags };
    CLEANUP(assembly_release) struct assembly a = { 0 };
    CLEANUP(printing_release) struct printing p = { .out = BUF_INIT(64u << 20) };
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_queries, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    p.is_json = args.is_json;
    if (args.flag[0]) {
        if (print_alert_queries(&p, &err) < 0)
            return cli_fail(&err);
        return cli_print(&p.out);
    }
    if (assemble(&a, args.config, ASSEMBLE_SOURCES | ASSEMBLE_OFFLINE, &err) < 0)
        return cli_fail(&err);
    for (size_t i = 0; i < a.sources_len; i++) {
        p.source = a.sources[i].name;
        if (a.sources[i].ops->each_query &&
            a.sources[i].ops->each_query(a.sources[i].self, print_query, &p, &err) < 0)
            return cli_fail(&err);
    }
    return cli_print(&p.out);
}

const struct verb verb_queries = {
    .name = "queries",
    .summary = "every KQL text that the agent would send with this configuration",
    .usage = "[--alerts] [--json]",
    .help = "The windows in them are examples. Paste one into Log Analytics to see what the agent sees.\n\n"
            "      --alerts            instead, the query that each alert type hands to the analyst\n"
            "      --json              {\"source\",\"name\",\"query\"}, one a line\n",
    .run = run_queries,
};
