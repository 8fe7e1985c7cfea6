/* cli.c - what the verbs share. SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "base/num.h"
#include "base/services.h"
#include "base/timeutil.h"
#include "settings/errors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct verb *const verbs_all[] = {
    &verb_setup,  &verb_run,      &verb_check,    &verb_replay,  &verb_alerts, &verb_outputs,
    &verb_status, &verb_coverage, &verb_report, &verb_sample,  &verb_baseline, &verb_rules, &verb_queries,
    &verb_config, &verb_azure,    &verb_store,   NULL,
};

int cli_fail(const struct error *err)
{
    (void)fprintf(stderr, "cosmowatch: %s\n", err->msg);
    return err->code == ERR_CONFIG ? CLI_USAGE : CLI_FAILED;
}

int cli_parse_when(const char *text, int64_t *ret_ns, struct error *err)
{
    int64_t ms = 0;
    struct services sv = { .clock = &clock_system };

    if (time_parse_iso(slice_of(text), ret_ns))
        return 0;
    if (parse_duration_ms(slice_of(text), &ms)) {
        *ret_ns = sv_wall_ns(&sv) - ms * NS_PER_MS;
        return 0;
    }
    return error_set(err, ERR_CONFIG, "'%s' is neither a time (2026-08-20T10:00:00Z) nor an age (2h, 7d)", text);
}

int cli_print(struct buf *out)
{
    struct error err = { 0 };
    const char *p = buf_cstr(out);
    size_t left = out->len;

    if (buf_check(out, &err) < 0)
        return cli_fail(&err);
    while (left > 0) {
        ssize_t n = write(STDOUT_FILENO, p, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return CLI_FAILED; /* a closed pipe is the reader's choice: no message */
        p += n;
        left -= (size_t)n;
    }
    return CLI_OK;
}

static void print_help(const struct verb *v)
{
    (void)printf("usage: cosmowatch %s %s\n\n%s\n\n%s", v->name, v->usage, v->summary, v->help);
    (void)printf("  -c, --config FILE   configuration (default " CLI_DEFAULT_CONFIG ")\n"
                 "      --help          this text\n");
}

static int index_of(const char *const *names, const char *name)
{
    for (int i = 0; names && names[i]; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

static int unknown(const struct verb *v, const struct cli_args *a, const char *given, int *ret_exit)
{
    const char *candidates[24] = { "--config", "--json", "--help", NULL };
    size_t n = 3;
    const char *near = NULL;

    for (int i = 0; a->flags && a->flags[i]; i++)
        candidates[n++] = a->flags[i];
    for (int i = 0; a->values && a->values[i]; i++)
        candidates[n++] = a->values[i];
    candidates[n] = NULL;
    near = settings_nearest(slice_of(given), candidates);
    (void)fprintf(stderr, "cosmowatch %s: unknown option '%s'%s%s%s; see 'cosmowatch %s --help'\n", v->name, given,
                  near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "", v->name);
    *ret_exit = CLI_USAGE;
    return -1;
}

int cli_parse(const struct verb *v, int argc, char **argv, struct cli_args *ret, int *ret_exit)
{
    bool options_over = false;

    ret->operands = argv;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i], **value = NULL;
        int at = -1;

        if (options_over || arg[0] != '-' || arg[1] == '\0') {
            argv[ret->operands_len++] = argv[i];
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            options_over = true;
        } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            print_help(v);
            *ret_exit = CLI_OK;
            return 1;
        } else if (strcmp(arg, "--json") == 0) {
            ret->is_json = true;
        } else if ((at = index_of(ret->flags, arg)) >= 0) {
            ret->flag[at] = true;
        } else if (strcmp(arg, "-c") == 0 || strcmp(arg, "--config") == 0) {
            value = &ret->config;
        } else if ((at = index_of(ret->values, arg)) >= 0) {
            value = &ret->value[at];
        } else {
            return unknown(v, ret, arg, ret_exit);
        }
        if (value && i + 1 >= argc) {
            (void)fprintf(stderr, "cosmowatch %s: %s needs a value\n", v->name, arg);
            *ret_exit = CLI_USAGE;
            return -1;
        }
        if (value)
            *value = argv[++i];
    }
    return 0;
}
