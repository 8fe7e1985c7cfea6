/* cli.c - what the verbs share. SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "base/file.h"
#include "base/num.h"
#include "base/services.h"
#include "base/timeutil.h"
#include "settings/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct verb *const verbs_all[] = {
    &verb_setup,  &verb_run,      &verb_check,    &verb_replay,  &verb_alerts, &verb_outputs,
    &verb_status, &verb_coverage, &verb_report, &verb_sample,  &verb_baseline, &verb_rules, &verb_queries,
    &verb_config, &verb_azure,    &verb_store,   &verb_support, NULL,
};

int cli_fail(const struct error *err)
{
    if (err->code != ERR_CANCELLED)
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

int cli_write_file(const char *path, struct slice text, unsigned mode, struct error *err)
{
    CLEANUP(buf_release) struct buf fresh = BUF_INIT(8192);
    struct stat st;
    bool is_plain = stat(path, &st) < 0 || S_ISREG(st.st_mode);
    const char *name = path;
    int fd, rc;

    buf_addf(&fresh, "%s.new", path);
    if (buf_check(&fresh, err) < 0)
        return -1;
    if (is_plain)
        name = buf_cstr(&fresh);
    (void)(is_plain && unlink(name)); /* of a run that was killed */
    fd = open(name, O_WRONLY | O_CLOEXEC | (is_plain ? O_CREAT | O_EXCL | O_NOFOLLOW : 0), (mode_t)mode);
    if (fd < 0)
        return error_errno(err, ERR_IO, errno, "%s", name);
    rc = !file_write(fd, text) || (is_plain && fsync(fd) < 0) ? error_errno(err, ERR_IO, errno, "%s", name) : 0;
    if (close(fd) != 0 && rc == 0)
        rc = error_errno(err, ERR_IO, errno, "%s", name);
    if (rc == 0 && is_plain && rename(name, path) < 0)
        rc = error_errno(err, ERR_IO, errno, "%s", path);
    if (rc < 0 && is_plain)
        (void)unlink(name); /* half a file is none */
    return rc;
}

int cli_put(struct buf *out, struct error *err)
{
    const char *p = buf_cstr(out);

    if (buf_check(out, err) < 0)
        return -1;
    if (file_write(STDOUT_FILENO, slice_make(p, out->len)))
        return 0;
    return error_errno(err, errno == EPIPE ? ERR_CANCELLED : ERR_IO, errno, "standard output");
}

int cli_print(struct buf *out)
{
    struct error err = { 0 };

    return cli_put(out, &err) < 0 ? cli_fail(&err) : CLI_OK;
}

static void print_help(const struct verb *v)
{
    (void)printf("usage: cosmowatch %s %s\n\n%s\n\n%s", v->name, v->usage, v->summary, v->help);
    (void)printf("  -c, --config FILE   configuration (default " CLI_DEFAULT_CONFIG ")\n"
                 "      --help          this text\n");
}

/* `--from` and `--from=7d`; *ret_value is what stands behind the sign, or NULL. */
static bool is_option(const char *name, const char *given, const char **ret_value)
{
    size_t len = strlen(name);

    if (strncmp(name, given, len) != 0 || (given[len] != '\0' && given[len] != '='))
        return false;
    *ret_value = given[len] == '=' ? given + len + 1 : NULL;
    return true;
}

static int index_of(const char *const *names, const char *given, const char **ret_value)
{
    for (int i = 0; names && names[i]; i++)
        if (is_option(names[i], given, ret_value))
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
        const char *arg = argv[i], **value = NULL, *behind = NULL;
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
        } else if ((at = index_of(ret->flags, arg, &behind)) >= 0 && !behind) {
            ret->flag[at] = true;
        } else if (strcmp(arg, "-c") == 0 || is_option("--config", arg, &behind)) {
            value = &ret->config;
        } else if (at < 0 && (at = index_of(ret->values, arg, &behind)) >= 0) {
            value = &ret->value[at];
        } else {
            return unknown(v, ret, arg, ret_exit);
        }
        if (value && behind) {
            *value = behind;
            continue;
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
