/* config.c - `cosmowatch config`: the annotated sample and the schema, from the option tables.
 * SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static int run_config(int argc, char **argv)
{
    struct cli_args args = { 0 };
    CLEANUP(buf_release) struct buf out = BUF_INIT(8u << 20);
    int exit_code = 0, rc = cli_parse(&verb_config, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    if (args.operands_len == 1 && strcmp(args.operands[0], "sample") == 0) {
        settings_print_sample(&out, assemble_registry());
    } else if (args.operands_len == 1 && strcmp(args.operands[0], "schema") == 0) {
        settings_print_json_schema(&out, assemble_registry());
    } else {
        (void)fprintf(stderr, "usage: cosmowatch config %s\n", verb_config.usage);
        return CLI_USAGE;
    }
    return cli_print(&out);
}

const struct verb verb_config = {
    .name = "config",
    .summary = "print the annotated sample configuration, or its JSON Schema for editors",
    .usage = "sample | schema",
    .help = "",
    .run = run_config,
};
