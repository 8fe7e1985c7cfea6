/* report.c - `cosmowatch report`: a span of time on one page, for the weekly meeting and for auditors. One file that needs
 * nothing else, and the same as JSON. SPDX-License-Identifier: Apache-2.0 */
#include "report/report.h"

#include "assemble.h"
#include "cli/cli.h"
#include "enrich/enrich.h"

#include <stdio.h>
#include <unistd.h>

#define TEXT_MAX (64u << 20)
#define FILE_MODE 0640 /* names, addresses, statements */

enum { V_FROM, V_TO, V_OUT };
static const char *const value_names[] = { "--from", "--to", "--out", NULL };

static int read_span(const struct cli_args *args, struct report *r, struct error *err)
{
    r->to_ns = r->made_ns;
    if (args->value[V_TO] && cli_parse_when(args->value[V_TO], &r->to_ns, err) < 0)
        return -1;
    if (r->to_ns > r->made_ns) /* what is to come has no coverage */
        r->to_ns = r->made_ns;
    r->from_ns = r->to_ns - 7 * NS_PER_DAY;
    if (args->value[V_FROM] && cli_parse_when(args->value[V_FROM], &r->from_ns, err) < 0)
        return -1;
    return r->from_ns < r->to_ns ? 0 : error_set(err, ERR_CONFIG, "--from is not before --to");
}

static void name_outputs(struct report *r, const struct assembly *a)
{
    for (; r->outputs_len < a->outputs_len && r->outputs_len < REPORT_OUTPUTS; r->outputs_len++) {
        struct report_output *o = &r->outputs[r->outputs_len];

        (void)snprintf(o->name, sizeof o->name, "%s", a->outputs[r->outputs_len].name);
        o->is_configured = true;
    }
}

static int put(const struct report *r, bool is_json, const char *path, struct error *err)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(TEXT_MAX);

    if ((is_json ? report_add_json(r, &out, err) : report_add_page(r, &out, err)) < 0)
        return -1;
    if (path)
        return cli_write_file(path, buf_slice(&out), FILE_MODE, err);
    return cli_put(&out, err);
}

/* report.html has its JSON beside it, as report.json. */
static int put_beside(const struct report *r, const char *page, struct error *err)
{
    CLEANUP(buf_release) struct buf path = BUF_HERE(4096);
    size_t len = strlen(page);

    if (len < 6 || strcmp(page + len - 5, ".html") != 0)
        return 0;
    buf_add(&path, page, len - 5);
    buf_add_str(&path, ".json");
    return buf_check(&path, err) < 0 ? -1 : put(r, true, buf_cstr(&path), err);
}

static int make(const struct cli_args *args, struct error *err)
{
    CLEANUP(assembly_release) struct assembly a = { 0 };
    CLEANUP(store_closep) struct store *store = NULL;
    CLEANUP(report_release) struct report r = { 0 };
    const char *path = args->value[V_OUT] && strcmp(args->value[V_OUT], "-") != 0 ? args->value[V_OUT] : NULL;

    if (!path && !args->is_json && isatty(STDOUT_FILENO))
        return error_set(err, ERR_CONFIG, "a page of HTML is nothing for a terminal: --out report.html, or --json");
    if (assemble(&a, args->config, ASSEMBLE_ENGINE | ASSEMBLE_OUTPUTS | ASSEMBLE_OFFLINE, err) < 0)
        return -1;
    r.sv = &a.sv;
    r.made_ns = sv_wall_ns(&a.sv);
    r.forgotten_ns = r.made_ns - assemble_retention_ns(&a);
    r.suppress = a.suppress;
    r.trusted = enrich_trusted(a.enrich);
    r.detectors = a.detectors;
    r.detectors_len = a.detectors_len;
    name_outputs(&r, &a);
    if (read_span(args, &r, err) < 0 || assembly_open_store(&a, STORE_READ, &store, err) < 0 ||
        report_collect(&r, store, err) < 0 || put(&r, args->is_json, path, err) < 0)
        return -1;
    return path && !args->is_json ? put_beside(&r, path, err) : 0;
}

static int run_report(int argc, char **argv)
{
    struct cli_args args = { .values = value_names };
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_report, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    return make(&args, &err) < 0 ? cli_fail(&err) : CLI_OK;
}

const struct verb verb_report = {
    .name = "report",
    .summary = "a span of time on one page: alerts, trend, coverage, deliveries, suppressions, controls; HTML or JSON",
    .usage = "[--from WHEN] [--to WHEN] [--out FILE] [--json]",
    .help = "      --from WHEN         a day, a time or an age (2026-08-01, 2026-08-01T06:00:00Z, 30d);\n"
            "                          preset a week before the end\n"
            "      --to WHEN           preset now\n"
            "      --out FILE          instead of standard output; beside FILE.html its JSON, as FILE.json\n"
            "      --json              JSON alone\n",
    .run = run_report,
};
