/* rules.c - `cosmowatch rules`: do the detectors, as they are configured, raise what their cases say?
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "assemble.h"
#include "base/json_out.h"
#include "base/term.h"
#include "cli/cases.h"
#include "cli/cli.h"
#include "outputs/output.h"
#include "source/replay.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX_BYTES ((size_t)1 << 30)
#define BAD_MAX 3

enum { F_COMPLETE, F_QUIET };
static const char *const flag_names[] = { "--complete", "--quiet", NULL };

/* ---- types ---------------------------------------------------------------------------------------- */

/* Who raises it: the detectors' names, "incidents", or "the agent itself" of what is no matter of rows. */
static void add_raisers(const char *type, struct buf *out)
{
    size_t before = out->len;

    for (size_t d = 0; detectors_all[d]; d++)
        for (size_t i = 0; detectors_all[d]->types[i]; i++)
            if (strcmp(detectors_all[d]->types[i], type) == 0) {
                buf_add_str(out, out->len > before ? ", " : "");
                buf_add_str(out, detectors_all[d]->name);
            }
    if (out->len == before)
        buf_add_str(out, alert_type_find(type)->is_incident ? "incidents" : "the agent itself");
}

static bool is_of_rows(const char *type)
{
    CLEANUP(buf_release) struct buf who = BUF_HERE(4096);

    add_raisers(type, &who);
    return strcmp(buf_cstr(&who), "the agent itself") != 0;
}

static int list_types(bool is_json)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(1u << 20);

    for (size_t i = 0; alert_type_at(i); i++) {
        CLEANUP(buf_release) struct buf who = BUF_HERE(4096);
        const char *type = alert_type_at(i)->id;

        add_raisers(type, &who);
        if (!is_json) {
            buf_addf(&out, "%-52s %s\n", type, buf_cstr(&who));
            continue;
        }
        buf_add_char(&out, '{');
        json_add_key(&out, "alertType");
        json_add_str(&out, type);
        json_add_key(&out, "raisedBy");
        json_add_string(&out, buf_slice(&who));
        buf_add_str(&out, "}\n");
    }
    return cli_print(&out);
}

/* ---- one case --------------------------------------------------------------------------------------- */

struct trial {
    const struct rule_case *c;
    const struct encoder *json;
    struct json_object *alerts;
    struct buf says; /* what differed, a line each */
    int bad;
};

static void on_bad(void *self, const char *path UNUSED, struct slice raw UNUSED, const char *reason)
{
    struct trial *t = self;

    if (++t->bad > BAD_MAX)
        return;
    buf_add_str(&t->says, "a row could not be read: ");
    term_add_safe(&t->says, slice_of(reason));
    buf_add_char(&t->says, '\n');
}

static int settle(void *self UNUSED, const struct alert *a UNUSED, bool is_told UNUSED, struct error *err UNUSED)
{
    return 0; /* nothing is told on the way: the end state counts */
}

static int keep_alert(void *self, const struct alert *a, struct error *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(8u << 20);
    struct trial *t = self;
    struct json_object *o = NULL;

    if (t->json->encode(a, &text, err) < 0)
        return -1;
    o = json_tokener_parse(buf_cstr(&text));
    if (!o)
        return error_set(err, ERR_NOMEM, "no memory for an alert");
    (void)json_object_array_add(t->alerts, o);
    return 0;
}

static int read_rows(const struct rule_case *c, struct replay *replay, struct error *err)
{
    CLEANUP(buf_release) struct buf rows = BUF_INIT(ROWS_MAX_BYTES);

    if (!cases_is_shorthand(c))
        return replay_add_file(replay, c->rows, err) < 0 ? error_wrap(err, "%s", c->rows) : 0;
    if (cases_rows(c, &rows, err) < 0)
        return -1;
    return replay_add_text(replay, c->rows, buf_slice(&rows), err);
}

static int judge(struct trial *t, struct assembly *a, struct error *err)
{
    const struct replay_config cfg = { .bad_self = t, .on_bad = on_bad };
    CLEANUP(replay_freep) struct replay *replay = NULL;
    const struct observation *obs = NULL;
    size_t n = 0;

    if (replay_new(&cfg, &replay, err) < 0 || read_rows(t->c, replay, err) < 0 || replay_finish(replay, err) < 0)
        return -1;
    obs = replay_observations(replay, &n);
    if (n == 0)
        buf_add_str(&t->says, "there is no row that a detector could read\n");
    if (engine_judge(a->engine, obs, n, false, INT64_MAX, NULL, err) < 0 ||
        stage_settle(engine_stage(a->engine), INT64_MAX, settle, NULL, err) < 0)
        return -1;
    return stage_each(engine_stage(a->engine), keep_alert, t, err);
}

/* A case that differs may do so because a detector sees nothing: no feed, no place of an address. */
static void say_blind(struct trial *t, struct assembly *a)
{
    CLEANUP(buf_release) struct buf who = BUF_HERE(4096);
    const char *why = NULL, *name = NULL;
    size_t i = 0;

    add_raisers(t->c->about, &who);
    while ((why = engine_blind(a->engine, &i, &name)) != NULL)
        if (strstr(buf_cstr(&who), name))
            buf_addf(&t->says, "%s cannot judge: %s\n", name, why);
}

static int try_case(struct trial *t, const char *config, struct error *err)
{
    CLEANUP(assembly_release) struct assembly a = { 0 };

    if (assemble(&a, t->c->config ? t->c->config : config, ASSEMBLE_ENGINE | ASSEMBLE_FEEDS | ASSEMBLE_PRESETS, err) < 0 ||
        feeder_files(a.feeder, err) < 0 || judge(t, &a, err) < 0)
        return -1;
    if (!cases_compare(t->alerts, t->c, &t->says))
        say_blind(t, &a);
    return buf_check(&t->says, err);
}

/* ---- all of them ------------------------------------------------------------------------------------ */

struct testing {
    struct rule_cases cases;
    const char *config; /* for folders without one; NULL: presets */
    bool is_json, is_quiet;
    size_t failed;
};

static void say_json(const struct trial *t, struct buf *out)
{
    struct slice rest = buf_slice(&t->says), line;

    buf_add_char(out, '{');
    json_add_key(out, "case");
    json_add_str(out, t->c->name);
    json_add_key(out, "about");
    json_add_str(out, t->c->about);
    json_add_key(out, "kind");
    json_add_str(out, case_kind_name(t->c->kind));
    json_add_key(out, "ok");
    json_add_bool(out, t->says.len == 0);
    json_add_key(out, "says");
    buf_add_char(out, '[');
    while (slice_split(&rest, '\n', &line))
        if (!slice_empty(line)) {
            json_add_comma(out);
            json_add_string(out, line);
        }
    buf_add_str(out, "]}\n");
}

static void say_text(const struct trial *t, struct buf *out)
{
    struct slice rest = buf_slice(&t->says), line;

    buf_addf(out, "%s  %s", t->says.len ? "FAIL" : "ok  ", t->c->name);
    if (t->says.len && t->c->why) {
        buf_add_str(out, ": ");
        term_add_safe(out, slice_of(t->c->why));
    }
    buf_add_char(out, '\n');
    while (slice_split(&rest, '\n', &line))
        if (!slice_empty(line))
            buf_addf(out, "        %.*s\n", SLF(line));
}

static int test_one(struct testing *g, const struct rule_case *c, struct error *err)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(8u << 20);
    struct trial t = { .c = c, .json = encoder_find("json"), .alerts = json_object_new_array(),
                       .says = BUF_INIT(4u << 20) };
    int rc = try_case(&t, g->config, err);

    if (rc == 0) {
        g->failed += t.says.len > 0;
        if (g->is_json)
            say_json(&t, &out);
        else if (t.says.len > 0 || !g->is_quiet)
            say_text(&t, &out);
        rc = cli_put(&out, err);
    }
    json_object_put(t.alerts);
    buf_release(&t.says);
    return rc;
}

/* ---- is there a case of everything ------------------------------------------------------------------- */

static const char *const kind_words[CASE_KINDS] = { "hit", "near miss", "noise case" };

/* "hit, near miss and noise case" of the kinds that are not there. */
static void add_missing(const size_t n[CASE_KINDS], struct buf *out)
{
    size_t missing = 0, said = 0;

    for (size_t k = 0; k < CASE_KINDS; k++)
        missing += n[k] == 0;
    for (size_t k = 0; k < CASE_KINDS; k++) {
        if (n[k] > 0)
            continue;
        buf_add_str(out, said == 0 ? "" : said + 1 == missing ? " and no " : ", no ");
        buf_add_str(out, kind_words[k]);
        said++;
    }
}

static bool is_in_folder(const struct rule_case *c, const char *folder)
{
    const char *end = strrchr(c->name, '/');
    size_t n = strlen(folder);

    return end - c->name > (ptrdiff_t)n && end[-(ptrdiff_t)n - 1] == '/' && strncmp(end - n, folder, n) == 0;
}

/* Of a type; or of all types in one folder, when there is no type to ask for. */
static void check_kinds(struct testing *g, const char *type, const char *folder, struct buf *out)
{
    size_t n[CASE_KINDS] = { 0 };

    for (size_t i = 0; i < g->cases.len; i++) {
        const struct rule_case *c = &g->cases.at[i];

        if (type ? strcmp(c->about, type) == 0 : folder && is_in_folder(c, folder))
            n[c->kind]++;
    }
    if (n[CASE_HIT] && n[CASE_NEAR_MISS] && n[CASE_NOISE])
        return;
    g->failed++;
    buf_addf(out, "FAIL  %s %s has no ", type ? "alert type" : "detector", type ? type : folder);
    add_missing(n, out);
    buf_add_str(out, ".\n");
}

static int check_complete(struct testing *g, struct error *err)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(1u << 20);

    for (size_t i = 0; alert_type_at(i); i++)
        if (is_of_rows(alert_type_at(i)->id))
            check_kinds(g, alert_type_at(i)->id, NULL, &out);
    for (size_t d = 0; detectors_all[d]; d++) /* two detectors may share a type, one may pass on any */
        check_kinds(g, NULL, detectors_all[d]->name, &out);
    return cli_put(&out, err);
}

static int test_all(struct testing *g, char **dirs, int n, bool is_complete, struct error *err)
{
    for (int i = 0; i < n; i++)
        if (cases_find(dirs[i], &g->cases, err) < 0)
            return -1;
    for (size_t i = 0; i < g->cases.len; i++)
        if (test_one(g, &g->cases.at[i], err) < 0)
            return -1;
    return is_complete ? check_complete(g, err) : 0;
}

static int run_rules(int argc, char **argv)
{
    struct cli_args args = { .flags = flag_names };
    struct testing g = { .failed = 0 };
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_rules, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    if (args.operands_len == 1 && strcmp(args.operands[0], "types") == 0)
        return list_types(args.is_json);
    if (args.operands_len < 2 || strcmp(args.operands[0], "test") != 0) {
        (void)fprintf(stderr, "usage: cosmowatch rules %s\n", verb_rules.usage);
        return CLI_USAGE;
    }
    g.config = args.config;
    g.is_json = args.is_json;
    g.is_quiet = args.flag[F_QUIET];
    rc = test_all(&g, args.operands + 1, args.operands_len - 1, args.flag[F_COMPLETE], &err);
    if (rc == 0)
        (void)fprintf(stderr, "cosmowatch: %zu case%s, %zu failed\n", g.cases.len, g.cases.len == 1 ? "" : "s", g.failed);
    cases_release(&g.cases);
    return rc < 0 ? cli_fail(&err) : g.failed ? CLI_FAILED : CLI_OK;
}

const struct verb verb_rules = {
    .name = "rules",
    .summary = "run cases, rows with the alerts that they must raise, through the detectors",
    .usage = "test DIR... | types [--complete] [--quiet] [--json]",
    .help = "test: every CASE.expected.json in a folder, and in the folders directly in it, says what the rows beside it\n"
            "(CASE.ndjson) must raise. Differences are said; exit code 1 when there are any.\n"
            "types: every alert type, and who raises it.\n\n"
            "  CASE.ndjson         rows as exported, one a line; or short: columns in {\"defaults\": {...}} stand for all\n"
            "                      rows of their Type, \"repeat\": {\"times\": 336, \"every\": \"1h\"} in a row repeats it\n"
            "  CASE.expected.json  {\"about\": TYPE, \"why\": SENTENCE, \"alerts\": [...]}: an alert is expected to say what is\n"
            "                      written, and may say more; '*' stands for any text. No other may be raised,\n"
            "                      but around a hit those of types that it does not name\n"
            "  cosmowatch.yaml     in the folder: its configuration; else that of -c, else presets\n\n"
            "A CASE is named hit..., near_miss... or noise.... Touches no state and no network.\n\n"
            "      --complete          fail when an alert type has no hit, no near miss or no noise case\n"
            "      --quiet             say only what fails\n"
            "      --json              one object a case\n",
    .run = run_rules,
};
