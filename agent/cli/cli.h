/* cli.h - the command line: one binary, one file per verb.
 * Exit codes: 0 fine, 1 failed, 2 usage or configuration.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CLI_H
#define COSMOWATCH_CLI_H

#include "base/buf.h"
#include "base/error.h"

#define CLI_OK 0
#define CLI_FAILED 1
#define CLI_USAGE 2

#define CLI_DEFAULT_CONFIG "/etc/cosmowatch/cosmowatch.yaml"

struct verb {
    const char *name, *summary;
    const char *usage;   /* after "cosmowatch NAME " */
    const char *help;    /* the rest of --help */
    int (*run)(int argc, char **argv); /* argv[0] is the verb's name */
};

extern const struct verb verb_run, verb_check, verb_replay, verb_alerts, verb_outputs, verb_status,
    verb_coverage, verb_sample, verb_baseline, verb_rules, verb_queries, verb_config, verb_azure, verb_setup, verb_report,
    verb_store, verb_support;
extern const struct verb *const verbs_all[]; /* NULL-terminated, in the order of help */

/* What every verb takes: options before and between the operands. */
struct cli_args {
    const char *config;    /* -c FILE; NULL: the default file */
    bool is_json;          /* --json */
    const char *const *flags; /* names of extra boolean flags the verb knows, NULL-terminated */
    bool flag[8];
    const char *const *values; /* names of extra options with a value, NULL-terminated */
    const char *value[8];
    char **operands;       /* points into argv */
    int operands_len;
};

/* Parse; on --help prints help and returns 1 (*ret_exit = 0); on a usage error says it with the nearest
 * right word and returns -1 (*ret_exit = 2); 0: go on. */
int cli_parse(const struct verb *v, int argc, char **argv, struct cli_args *ret, int *ret_exit);
/* "cosmowatch: message" on stderr, with the exit code for it. Of ERR_CANCELLED not a word: whoever did it knows. */
int cli_fail(const struct error *err);
/* "2026-08-20T10:00:00Z", or an age back from now: "2h", "7d". */
MUST_CHECK int cli_parse_when(const char *text, int64_t *ret_ns, struct error *err);
/* Whole under its name, or what was there stays. What is no plain file (a device, a pipe) is written to as it is. */
MUST_CHECK int cli_write_file(const char *path, struct slice text, unsigned mode, struct error *err);
/* All of it to standard output. ERR_CANCELLED: its reader has gone, as `head` does; ERR_IO: why not. */
MUST_CHECK int cli_put(struct buf *out, struct error *err);
int cli_print(struct buf *out); /* the same where nothing follows; the exit code */

#endif
