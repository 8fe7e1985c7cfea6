/* setup.h - what the parts of `cosmowatch setup` share. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CLI_SETUP_H
#define COSMOWATCH_CLI_SETUP_H

#include "cli/ask.h"
#include "cli/cli.h"

enum { SETUP_REPLACE, SETUP_OFFLINE, SETUP_NO_FEEDS }; /* flags */

struct setup {
    struct cli_args args;
    struct asker asker;
    const char *path;
    struct buf fresh;   /* where it is written first */
    struct buf source, outputs, rest;
    struct buf made;    /* names of outputs, ",file,webhook," */
};

/* The outputs that are named on the command line, or asked for. */
MUST_CHECK int setup_find_outputs(struct setup *s, struct error *err);
/* Typed without being shown and put into a file beside the configuration, or a reference to where it is. */
MUST_CHECK int setup_want_secret(struct setup *s, const char *name, const char *question, struct buf *out,
                                 struct error *err);
void setup_add_pair(struct buf *out, int indent, const char *key, const char *value); /* a JSON string is a YAML one */
/* Does this part of a configuration (ASSEMBLE_...) work? Says so; mistakes in it are said by whoever reads it. */
bool setup_try(struct setup *s, const struct buf *yaml, unsigned part, const char *what);

#endif
