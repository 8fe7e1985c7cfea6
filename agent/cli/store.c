/* store.c - `cosmowatch store`: is the state sound, take it elsewhere, give its room back.
 *
 * check and export only read, beside a running agent too. import and compact take the agent's lock, so that they and it
 * never meet.
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include "assemble.h"
#include "base/json_out.h"
#include "base/num.h"
#include "base/progress.h"
#include "base/services.h"
#include "base/term.h"
#include "cli/cli.h"
#include "source/chunks.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { V_OUT };
enum { F_REPLACE };
static const char *const value_names[] = { "--out", NULL };
static const char *const flag_names[] = { "--replace", NULL };

/* ---- check ---------------------------------------------------------------------------------------- */

struct check {
    struct buf out;
    bool is_json;
    int64_t wrong;
    char last_remedy[400];
    struct services sv;
    struct progress progress;
    char at[40], what[60]; /* of the progress */
};

static int say_wrong(void *self, const char *what, const char *remedy, struct error *err UNUSED)
{
    struct check *c = self;

    c->wrong++;
    if (c->is_json) {
        buf_add_char(&c->out, '{');
        json_add_key(&c->out, "wrong");
        json_add_str(&c->out, what);
        json_add_key(&c->out, "remedy");
        json_add_str(&c->out, remedy);
        buf_add_str(&c->out, "}\n");
        return 0;
    }
    buf_add_str(&c->out, "WRONG  ");
    term_add_safe(&c->out, slice_of(what));
    if (strcmp(remedy, c->last_remedy) != 0)
        buf_addf(&c->out, "\n       remedy: %s", remedy);
    (void)snprintf(c->last_remedy, sizeof c->last_remedy, "%s", remedy);
    buf_add_char(&c->out, '\n');
    return 0;
}

static int say_count(void *self, const char *table, int64_t rows, struct error *err UNUSED)
{
    struct check *c = self;

    if (!c->is_json) {
        buf_addf(&c->out, "%-14s %12" PRId64 " rows\n", table, rows);
        return 0;
    }
    buf_add_char(&c->out, '{');
    json_add_key(&c->out, "table");
    json_add_str(&c->out, table);
    json_add_key(&c->out, "rows");
    json_add_i64(&c->out, rows);
    buf_add_str(&c->out, "}\n");
    return 0;
}

/* Each part is a piece of work of its own: how many rows there are is known at its end only. */
static void say_looking(void *self, const char *at, int64_t done)
{
    struct check *c = self;

    if (strcmp(c->at, at) != 0) {
        progress_end(&c->progress);
        (void)snprintf(c->at, sizeof c->at, "%s", at);
        (void)snprintf(c->what, sizeof c->what, "checking %s:", at);
        progress_begin(&c->progress, &c->sv, STDERR_FILENO, c->what, strcmp(at, "pages") == 0 ? "steps" : "rows", 0);
    }
    progress_at(&c->progress, done);
}

static int check(const struct cli_args *args, struct error *err)
{
    CLEANUP(store_closep) struct store *store = NULL;
    struct check c = { .out = BUF_INIT(1u << 20), .is_json = args->is_json, .sv = { .clock = &clock_system } };
    const struct store_examiner to = { .self = &c, .found = say_wrong, .counted = say_count, .looking = say_looking };
    int rc = assemble_open_store(args->config, STORE_READ, &store, err);

    if (rc == 0)
        rc = store_examine(store, &to, err);
    progress_end(&c.progress);
    if (rc == 0 && c.wrong == 0 && !c.is_json)
        buf_add_str(&c.out, "sound: every page, every checksum, every alert, no overlap and no hole in the ledger\n");
    if (rc == 0)
        rc = cli_put(&c.out, err);
    buf_release(&c.out);
    if (rc == 0 && c.wrong > 0)
        rc = error_set(err, ERR_STATE, "%" PRId64 " thing%s wrong with the store", c.wrong, c.wrong == 1 ? " is" : "s are");
    return rc;
}

/* ---- export --------------------------------------------------------------------------------------- */

struct written {
    FILE *f;
    struct progress progress;
    int64_t rows;
};

static int not_written(struct error *err)
{
    enum error_code code = errno == EPIPE ? ERR_CANCELLED : errno == ENOSPC ? ERR_LIMIT : ERR_IO;

    return error_errno(err, code, errno, "the export could not be written");
}

static int write_line(void *self, struct slice line, struct error *err)
{
    struct written *w = self;

    progress_at(&w->progress, ++w->rows);
    if (fwrite(line.at, 1, line.len, w->f) == line.len)
        return 0;
    return not_written(err);
}

static int export_to(struct store *s, FILE *f, struct store_moved *ret, struct error *err)
{
    struct written w = { .f = f };
    const struct services sv = { .clock = &clock_system };
    int rc = 0;

    progress_begin(&w.progress, &sv, STDERR_FILENO, "exporting", "rows", 0);
    rc = store_export(s, write_line, &w, ret, err);
    progress_end(&w.progress);
    return rc;
}

static int end_file(FILE *f, const char *temporary, const char *path, int rc, struct error *err)
{
    if (rc == 0 && (fflush(f) != 0 || fsync(fileno(f)) < 0))
        rc = error_errno(err, ERR_IO, errno, "cannot write '%s'", path);
    if (fclose(f) != 0 && rc == 0)
        rc = error_errno(err, ERR_IO, errno, "cannot write '%s'", path);
    if (rc == 0 && rename(temporary, path) < 0)
        rc = error_errno(err, ERR_IO, errno, "cannot write '%s'", path);
    if (rc < 0)
        (void)unlink(temporary); /* half an export is none */
    return rc;
}

/* Whole under its name or not there; rows of logs are nobody else's to read. */
static int export_to_file(struct store *s, const char *path, struct store_moved *ret, struct error *err)
{
    char *temporary = NULL;
    FILE *f = NULL;
    int fd = -1, rc = -1;

    if (asprintf(&temporary, "%s.tmp", path) < 0)
        return error_set(err, ERR_NOMEM, "no memory for the export");
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (f)
        rc = end_file(f, temporary, path, export_to(s, f, ret, err), err);
    else
        rc = error_errno(err, ERR_IO, errno, "cannot write '%s'", temporary);
    free(temporary);
    return rc;
}

static int export(const struct cli_args *args, struct error *err)
{
    CLEANUP(store_closep) struct store *store = NULL;
    struct store_moved moved = { 0 };
    const char *path = args->value[V_OUT];

    if (assemble_open_store(args->config, STORE_READ, &store, err) < 0)
        return -1;
    if (path && strcmp(path, "-") != 0) {
        if (export_to_file(store, path, &moved, err) < 0)
            return -1;
    } else if (export_to(store, stdout, &moved, err) < 0) {
        return -1;
    } else if (fflush(stdout) != 0) {
        return not_written(err);
    }
    if (moved.left_out > 0)
        return error_set(err, ERR_STATE, "%" PRId64 " rows are damaged and were left out: restart the agent, which repairs "
                         "them, then export again", moved.left_out);
    (void)fprintf(stderr, "%" PRId64 " rows\n", moved.rows);
    return 0;
}

/* ---- import, compact: with the agent's lock ---------------------------------------------------------- */

/* What another user makes in the agent's folder the agent could not open. */
static int check_user(const char *dir, struct error *err)
{
    struct stat st;
    const struct passwd *owner;

    if (stat(dir, &st) < 0 || st.st_uid == geteuid())
        return 0;
    owner = getpwuid(st.st_uid);
    return error_set(err, ERR_STATE, "the state folder '%s' belongs to user %s: run this as that user (runuser -u %s -- "
                     "cosmowatch ...)", dir, owner ? owner->pw_name : "?", owner ? owner->pw_name : "NAME");
}

static int open_alone(const struct assembly *a, struct store **ret, struct error *err)
{
    if (check_user(a->settings->store.path, err) < 0 || assembly_open_store(a, STORE_RUN, ret, err) < 0)
        return -1;
    if (store_recovery(*ret))
        (void)fprintf(stderr, "cosmowatch: %s\n", store_recovery(*ret));
    return 0;
}

struct lines {
    struct chunks *file;
    struct slice rest;
    struct progress progress;
};

static int next_line(void *self, struct slice *ret, struct error *err)
{
    struct lines *l = self;

    progress_at(&l->progress, chunks_bytes(l->file));
    do {
        if (slice_empty(l->rest) && chunks_next(l->file, &l->rest, err) < 0)
            return -1;
        if (slice_empty(l->rest))
            return 0;
        (void)slice_split(&l->rest, '\n', ret);
    } while (slice_empty(*ret)); /* the end of a piece */
    return 1;
}

static int import(const struct cli_args *args, struct error *err)
{
    CLEANUP(assembly_release) struct assembly a = { 0 };
    CLEANUP(store_closep) struct store *store = NULL;
    CLEANUP(chunks_closep) struct chunks *file = NULL;
    struct lines lines = { 0 };
    struct store_moved moved = { 0 };
    int rc = 0;

    if (assemble(&a, args->config, ASSEMBLE_OFFLINE, err) < 0 || chunks_open(args->operands[1], &file, err) < 0 ||
        open_alone(&a, &store, err) < 0)
        return -1;
    lines.file = file;
    progress_begin(&lines.progress, &a.sv, STDERR_FILENO, "importing", "bytes", 0);
    rc = store_import(store, args->flag[F_REPLACE], next_line, &lines, &moved, err);
    progress_end(&lines.progress);
    if (rc < 0)
        return error_wrap(err, "nothing was imported from '%.200s'", args->operands[1]);
    (void)printf("%" PRId64 " rows are in the store\n", moved.rows);
    if (moved.left_out > 0)
        (void)printf("%" PRId64 " rows are of a later release, which this one does without\n", moved.left_out);
    return 0;
}

static int say_progress(void *self, int percent)
{
    const struct progress *p = self;

    progress_at(self, percent);
    if (percent == 100 && !p->is_terminal) /* a log shows that it came to its end */
        (void)fprintf(stderr, "compacting: 100 %%\n");
    return 0;
}

static int compact(const struct cli_args *args, struct error *err)
{
    CLEANUP(assembly_release) struct assembly a = { 0 };
    CLEANUP(store_closep) struct store *store = NULL;
    CLEANUP(buf_release) struct buf before = BUF_HERE(64), after = BUF_HERE(64);
    struct progress progress;
    int64_t now;
    int rc = 0;

    if (assemble(&a, args->config, ASSEMBLE_OFFLINE, err) < 0 || open_alone(&a, &store, err) < 0)
        return -1;
    now = sv_wall_ns(&a.sv);
    fmt_bytes(&before, store_size(store));
    if (store_compact_ledger(store, now - 3 * NS_PER_DAY, err) < 0 ||
        store_forget_alerts(store, now - assemble_retention_ns(&a), err) < 0)
        return -1;
    progress_begin(&progress, &a.sv, STDERR_FILENO, "compacting", "", 100);
    rc = store_compact(store, say_progress, &progress, err);
    progress_end(&progress);
    if (rc < 0)
        return -1;
    fmt_bytes(&after, store_size(store));
    (void)printf("the store took %s and takes %s\n", buf_cstr(&before), buf_cstr(&after));
    return 0;
}

/* ---- the verb --------------------------------------------------------------------------------------- */

static int run_store(int argc, char **argv)
{
    static const struct { const char *name; int (*run)(const struct cli_args *args, struct error *err); int operands; }
        each[] = { { "check", check, 1 }, { "export", export, 1 }, { "import", import, 2 }, { "compact", compact, 1 } };
    struct cli_args args = { .values = value_names, .flags = flag_names };
    struct error err = { 0 };
    int exit_code = 0;

    if (cli_parse(&verb_store, argc, argv, &args, &exit_code) != 0)
        return exit_code;
    for (size_t i = 0; i < ARRAY_LEN(each); i++)
        if (args.operands_len == each[i].operands && strcmp(args.operands[0], each[i].name) == 0)
            return each[i].run(&args, &err) < 0 ? cli_fail(&err) : CLI_OK;
    (void)fprintf(stderr, "usage: cosmowatch store %s\n", verb_store.usage);
    return CLI_USAGE;
}

const struct verb verb_store = {
    .name = "store",
    .summary = "the agent's state: is it sound, take it elsewhere, give its room back",
    .usage = "check [--json] | export [--out FILE] | import FILE [--replace] | compact",
    .help = "  check                  every page, every checksum, the ledger; what is wrong comes with its remedy\n"
            "  export                 everything durable as JSON, one row a line: to move, or for an earlier release\n"
            "  import FILE            all of an export or nothing; .gz and - (standard input) too\n"
            "  compact                what retention lets go leaves, and the room goes back to the disk\n\n"
            "check and export may run beside the agent; import and compact want it stopped, and its user. An export holds\n"
            "what logs and alerts hold, no credentials.\n\n"
            "      --out FILE          instead of standard output; appears when it is whole\n"
            "      --replace           import although the store is not empty: what it holds is lost\n"
            "      --json              check: one object a line\n",
    .run = run_store,
};
