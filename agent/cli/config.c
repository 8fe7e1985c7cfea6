/* config.c - `cosmowatch config`: the annotated sample, the schema and what manuals say of options and alert types, from
 * the tables in the modules.
 * SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "cli/cli.h"
#include "cli/config_alerts.h"

#include <stdio.h>
#include <string.h>

static int run_config(int argc, char **argv)
{
    struct cli_args args = { 0 };
    CLEANUP(buf_release) struct buf out = BUF_INIT(8u << 20);
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_config, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    if (args.operands_len == 1 && strcmp(args.operands[0], "sample") == 0) {
        settings_print_sample(&out, assemble_registry());
    } else if (args.operands_len == 1 && strcmp(args.operands[0], "schema") == 0) {
        settings_print_json_schema(&out, assemble_registry());
    } else if (args.operands_len == 1 && strcmp(args.operands[0], "man") == 0) {
        settings_print_manual(&out, assemble_registry());
    } else if (args.operands_len > 0 && args.operands_len < 3 && strcmp(args.operands[0], "alerts") == 0) {
        if (config_alerts(&out, args.operands_len == 2 ? args.operands[1] : NULL, &err) < 0)
            return cli_fail(&err);
    } else {
        (void)fprintf(stderr, "usage: cosmowatch config %s\n", verb_config.usage);
        return CLI_USAGE;
    }
    return cli_print(&out);
}

const struct verb verb_config = {
    .name = "config",
    .summary = "the annotated sample configuration, its JSON Schema for editors, its manual page, its alert types",
    .usage = "sample | schema | man | alerts [DETECTOR]",
    .help = "  sample            every option, explained, with its preset\n"
            "  schema            JSON Schema (draft-07)\n"
            "  man               the options as sections of a manual page, in mdoc\n"
            "  alerts [DETECTOR] what is found and how it is tuned, in Markdown\n\n",
    .run = run_config,
};
