/* replay.c - `cosmowatch replay`: the detectors over exported rows. Touches no state and no network.
 * SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "base/num.h"
#include "base/progress.h"
#include "base/term.h"
#include "cli/cli.h"
#include "cli/page.h"
#include "outputs/output.h"
#include "source/replay.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_BAD 3 /* rows that could not be read and are shown */

struct replaying {
    struct buf out;
    struct page_style style;
    const struct encoder *json;
    bool is_json;
    int64_t alerts, bad;
};

static void on_bad(void *self, const char *path, struct slice raw UNUSED, const char *reason)
{
    struct replaying *r = self;
    CLEANUP(buf_release) struct buf line = BUF_HERE(4096);

    if (++r->bad > FIRST_BAD)
        return;
    buf_addf(&line, "cosmowatch: %s: a row could not be read: ", path);
    term_add_safe(&line, slice_of(reason));
    (void)fprintf(stderr, "%s\n", buf_cstr(&line));
}

static int settle(void *self UNUSED, const struct alert *a UNUSED, bool is_told UNUSED, struct error *err UNUSED)
{
    return 0; /* nothing is told on the way: the end state is printed */
}

static int print_alert(void *self, const struct alert *a, struct error *err)
{
    struct replaying *r = self;

    r->alerts++;
    if (r->is_json) {
        if (r->json->encode(a, &r->out, err) < 0)
            return -1;
        buf_add_char(&r->out, '\n');
    } else {
        page_add_card(&r->out, a, r->style);
        buf_add_char(&r->out, '\n');
    }
    if (cli_put(&r->out, err) < 0)
        return -1;
    buf_clear(&r->out);
    return 0;
}

static void say_blind(struct assembly *a)
{
    size_t i = 0;
    const char *why = NULL, *name = NULL;

    while ((why = engine_blind(a->engine, &i, &name)) != NULL)
        (void)fprintf(stderr, "cosmowatch: %s cannot judge: %s\n", name, why);
}

static void say_summary(const struct replaying *r, const struct replay_counts *n, size_t observations)
{
    CLEANUP(buf_release) struct buf line = BUF_HERE(1024);

    buf_add_str(&line, "cosmowatch: ");
    fmt_count(&line, n->records);
    buf_addf(&line, " rows of %" PRId64 " file%s made ", n->files, n->files == 1 ? "" : "s");
    fmt_count(&line, (int64_t)observations);
    buf_add_str(&line, " observations and ");
    fmt_count(&line, r->alerts);
    buf_addf(&line, " alert%s", r->alerts == 1 ? "" : "s");
    if (n->bad > 0)
        buf_addf(&line, "; %" PRId64 " row%s could not be read", n->bad, n->bad == 1 ? "" : "s");
    if (n->repeated_rows > 0)
        buf_addf(&line, "; %" PRId64 " were there twice and counted once", n->repeated_rows);
    if (n->repeated_files > 0)
        buf_addf(&line, "; %" PRId64 " file%s given twice", n->repeated_files, n->repeated_files == 1 ? "" : "s");
    if (n->skipped > 0)
        buf_addf(&line, "; %" PRId64 " of other tables", n->skipped);
    (void)fprintf(stderr, "%s\n", buf_cstr(&line));
}

/* What is to be read, where that can be told beforehand: not of packed files, not of standard input. */
static int64_t total_bytes(char **files, int n)
{
    int64_t total = 0;

    for (int i = 0; i < n; i++) {
        struct stat st;

        if (slice_ends_nocase(slice_of(files[i]), SL(".gz")) || stat(files[i], &st) < 0 || !S_ISREG(st.st_mode))
            return 0;
        total = i64_add_sat(total, st.st_size);
    }
    return total;
}

static void on_progress(void *self, int64_t bytes)
{
    progress_at(self, bytes);
}

static int replay_all(struct assembly *a, struct replaying *r, char **files, int n_files, struct error *err)
{
    struct progress progress;
    const struct replay_config cfg = { .reader = a->sv.reader, .bad_self = r, .on_bad = on_bad, .progress_self = &progress,
                                       .on_progress = on_progress };
    CLEANUP(replay_freep) struct replay *replay = NULL;
    const struct observation *obs = NULL;
    size_t n = 0;
    int rc = 0;

    if (replay_new(&cfg, &replay, err) < 0)
        return -1;
    progress_begin(&progress, &a->sv, STDERR_FILENO, "reading", "bytes", total_bytes(files, n_files));
    for (int i = 0; rc == 0 && i < n_files; i++)
        if (replay_add_file(replay, files[i], err) < 0)
            rc = error_wrap(err, "%s", files[i]);
    progress_end(&progress);
    if (rc < 0)
        return -1;
    if (replay_finish(replay, err) < 0)
        return -1;
    obs = replay_observations(replay, &n);
    if (engine_judge(a->engine, obs, n, false, INT64_MAX, NULL, err) < 0 ||
        stage_settle(engine_stage(a->engine), INT64_MAX, settle, NULL, err) < 0 ||
        stage_each(engine_stage(a->engine), print_alert, r, err) < 0)
        return -1;
    say_blind(a);
    say_summary(r, replay_counts(replay), n);
    return 0;
}

static int run_replay(int argc, char **argv)
{
    struct cli_args args = { 0 };
    CLEANUP(assembly_release) struct assembly a = { 0 };
    struct replaying r = { .out = BUF_INIT(8u << 20), .json = encoder_find("json") };
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_replay, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    if (args.operands_len == 0) {
        (void)fprintf(stderr, "usage: cosmowatch replay %s\n", verb_replay.usage);
        return CLI_USAGE;
    }
    r.is_json = args.is_json;
    r.style = (struct page_style){ term_wants_colour(STDOUT_FILENO), term_width(STDOUT_FILENO) };
    if (assemble(&a, args.config, ASSEMBLE_ENGINE | ASSEMBLE_FEEDS | ASSEMBLE_PRESETS | ASSEMBLE_READER, &err) < 0 ||
        feeder_files(a.feeder, &err) < 0 ||
        replay_all(&a, &r, args.operands, args.operands_len, &err) < 0)
        rc = cli_fail(&err);
    buf_release(&r.out);
    return rc;
}

const struct verb verb_replay = {
    .name = "replay",
    .summary = "run the detectors over exported rows and print the alerts",
    .usage = "[--json] FILE...",
    .help = "Reads query-API answers, NDJSON and JSON arrays of rows (Type names the table), Event Hubs and storage\n"
            "envelopes, each also as .gz; '-' is standard input. Several files are one set of rows, in any order. Needs\n"
            "no configuration; with -c the feeds that are files, the networks and the detectors' options are used.\n"
            "Touches no state and no network. An account's first weeks in the rows teach what is normal for it.\n\n"
            "      --json              one native alert a line, first seen first\n",
    .run = run_replay,
};
