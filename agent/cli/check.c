/* check.c - `cosmowatch check`: every mistake of a configuration at once; with --online, does the world
 * outside agree with it? SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "base/json_out.h"
#include "base/term.h"
#include "certificates.h"
#include "cli/check.h"
#include "cli/cli.h"
#include "net/peers.h"
#include "outputs/output.h"
#include "source/survey.h"

#include <stdio.h>
#include <unistd.h>

struct checking {
    struct buf out;
    bool is_json, colour;
    struct check_result result;
};

enum finding { FINDING_OK, FINDING_NOTE /* works, but something cannot be seen */, FINDING_BAD };

static void say(struct checking *c, const char *kind, const char *name, enum finding what, const char *text)
{
    static const char *const words[] = { "ok  ", "note", "FAIL" };
    static const enum term_style styles[] = { TERM_GREEN, TERM_YELLOW, TERM_RED };
    struct slice rest = slice_of(text), line = { 0 };

    c->result.bad += what == FINDING_BAD;
    c->result.bad_sources += what == FINDING_BAD && strcmp(kind, "source") == 0;
    if (c->is_json) {
        buf_add_char(&c->out, '{');
        json_add_key(&c->out, "kind");
        json_add_string(&c->out, slice_of(kind));
        json_add_key(&c->out, "name");
        json_add_string(&c->out, slice_of(name));
        json_add_key(&c->out, "ok");
        buf_add_str(&c->out, what != FINDING_BAD ? "true" : "false");
        json_add_key(&c->out, "text");
        json_add_string(&c->out, slice_of(text));
        buf_add_str(&c->out, "}\n");
        return;
    }
    buf_addf(&c->out, "%s%s%s  %s %s\n", term_style(c->colour, styles[what]), words[what],
             term_style(c->colour, TERM_PLAIN), kind, name);
    while (slice_split(&rest, '\n', &line))
        if (line.len > 0) {
            buf_add_str(&c->out, "        ");
            term_add_safe(&c->out, line);
            buf_add_char(&c->out, '\n');
        }
}

static bool has_line(const struct buf *said, const char *words)
{
    return said->len > 0 && memmem(said->at, said->len, words, strlen(words)) != NULL;
}

/* A service that does not answer takes its time: a person is told whom we wait for. */
static void say_asking(const char *kind, const char *name)
{
    if (term_wants_colour(STDERR_FILENO))
        (void)fprintf(stderr, "\r\x1b[K%s%s%s%s", kind ? "asking " : "", kind ? kind : "", kind ? " " : "", name);
}

static void probe_source(struct checking *c, const struct worker_source *s)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(1u << 20);
    struct error err = { 0 };
    bool is_ok = false;

    say_asking("source", s->name);
    is_ok = s->ops->probe(s->self, &said, &err) == 0 && buf_check(&said, &err) == 0;
    if (!is_ok)
        buf_addf(&said, "%s%s", said.len ? "\n" : "", err.msg);
    c->result.has_places |= has_line(&said, SURVEY_HAS_PLACES);
    say(c, "source", s->name, is_ok ? FINDING_OK : FINDING_BAD, buf_cstr(&said));
}

static void probe_output(struct checking *c, const struct delivery_output_config *o, const struct services *sv)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(1u << 20);
    struct error err = { 0 };
    bool is_ok = false;

    say_asking("output", o->name);
    is_ok = (!o->ops->open || o->ops->open(o->self, o->name, sv, &err) == 0) &&
            (!o->ops->probe || o->ops->probe(o->self, &said, &err) == 0) && buf_check(&said, &err) == 0;
    if (o->ops->close)
        o->ops->close(o->self);
    if (!is_ok)
        buf_addf(&said, "%s%s", said.len ? "\n" : "", err.msg);
    say(c, "output", o->name, is_ok ? FINDING_OK : FINDING_BAD, buf_cstr(&said));
}

static void check_judgement(struct checking *c, struct assembly *a)
{
    size_t i = 0;
    const char *why = NULL, *name = NULL;

    while ((why = engine_blind(a->engine, &i, &name)) != NULL)
        /* It has not seen a row yet; the workspace, which was asked, says that rows will bring places. */
        if (!(c->result.has_places && strcmp(name, "unusual_place") == 0))
            say(c, "detector", name, FINDING_NOTE, why);
}

static void check_certificates(struct checking *c, const struct assembly *a)
{
    const struct certificate *cert = NULL;

    for (size_t i = 0; (cert = certificates_at(a->certificates, i)) != NULL; i++) {
        CLEANUP(buf_release) struct buf says = BUF_INIT(1024);
        enum certificate_end end = certificate_says(cert, sv_wall_ns(&a->sv), &says);

        buf_addf(&says, " (%s)", cert->path);
        if (cert->is_trust && cert->ended > 0 && cert->ended < cert->count) {
            buf_clear(&says);
            buf_addf(&says, "%zu of %zu authorities have ended (%s)", cert->ended, cert->count, cert->path);
            end = CERTIFICATE_SOON;
        }
        if (end != CERTIFICATE_FINE)
            say(c, "certificate", cert->where, end == CERTIFICATE_ENDED ? FINDING_BAD : FINDING_NOTE, buf_cstr(&says));
    }
}

/* What the answers showed. */
static void check_peers(struct checking *c, const struct assembly *a)
{
    struct peer p;

    for (size_t i = 0; certificates_peer(a->certificates, i, &p); i++) {
        CLEANUP(buf_release) struct buf says = BUF_INIT(1024);

        if (certificate_says_peer(&p, sv_wall_ns(&a->sv), &says) == CERTIFICATE_FINE)
            continue;
        buf_addf(&says, " ('%s'); whoever runs it renews it", p.chain.subject);
        say(c, "certificate of", p.place, FINDING_NOTE, buf_cstr(&says));
    }
}

static int check_online(struct checking *c, struct assembly *a, struct error *err)
{
    say_asking("for", "feeds");
    if (feeder_first(a->feeder, NULL, true, err) < 0) {
        say(c, "feeds", "", FINDING_BAD, err->msg);
        *err = (struct error){ 0 };
    }
    for (size_t i = 0; i < a->sources_len; i++)
        if (a->sources[i].ops->probe)
            probe_source(c, &a->sources[i]);
    for (size_t i = 0; i < a->outputs_len; i++)
        probe_output(c, &a->outputs[i], &a->sv);
    say_asking(NULL, "");
    check_peers(c, a);
    check_judgement(c, a);
    return 0;
}

static void add_sum(struct checking *c, const char *config, const struct assembly *a)
{
    buf_addf(&c->out, "%s: %zu source%s, %zu output%s, %zu detector%s, %zu feed%s: %s\n", config ? config : CLI_DEFAULT_CONFIG,
             a->sources_len, a->sources_len == 1 ? "" : "s", a->outputs_len, a->outputs_len == 1 ? "" : "s",
             a->detectors_len, a->detectors_len == 1 ? "" : "s", a->settings->feeds.len,
             a->settings->feeds.len == 1 ? "" : "s",
             c->result.bad ? "the configuration reads well, but not everything answers" : "fine");
    if (a->outputs_len == 0)
        buf_add_str(&c->out, "note: no outputs: alerts stay in the local store\n");
}

int check_config(const char *config, bool is_online, bool is_json, struct check_result *ret)
{
    CLEANUP(assembly_release) struct assembly a = { 0 };
    struct checking c = { .out = BUF_INIT(8u << 20), .is_json = is_json, .colour = term_wants_colour(STDOUT_FILENO) };
    const unsigned parts = ASSEMBLE_ENGINE | ASSEMBLE_SOURCES | ASSEMBLE_OUTPUTS | ASSEMBLE_FEEDS;
    struct error err = { 0 };
    int rc = 0;

    *ret = (struct check_result){ 0 };
    if (assemble(&a, config, parts | (is_online ? ASSEMBLE_READER : ASSEMBLE_OFFLINE), &err) < 0)
        return cli_fail(&err);
    check_certificates(&c, &a);
    if (is_online && check_online(&c, &a, &err) < 0)
        return cli_fail(&err);
    if (!is_json)
        add_sum(&c, config, &a);
    *ret = c.result;
    rc = cli_print(&c.out);
    buf_release(&c.out);
    return rc;
}

static int run_check(int argc, char **argv)
{
    static const char *const flags[] = { "--online", NULL };
    struct cli_args args = { .flags = flags };
    struct check_result result;
    int exit_code = 0, rc = cli_parse(&verb_check, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    if (args.operands_len == 1) /* `check FILE` is what people type */
        args.config = args.operands[0];
    rc = check_config(args.config, args.flag[0], args.is_json, &result);
    return rc != CLI_OK ? rc : result.bad ? CLI_FAILED : CLI_OK;
}

const struct verb verb_check = {
    .name = "check",
    .summary = "every mistake of a configuration at once; --online: does the world outside agree?",
    .usage = "[--online] [FILE]",
    .help = "Errors are file:line:column, what was expected, and the nearest right word.\n\n"
            "      --online            token, permissions, tables and their delay, of each account too, query\n"
            "                          text logged?, places, gigabytes a month, feeds, outputs reachable, clock skew;\n"
            "                          what is missing comes with the command that mends it (do: az ...), which is\n"
            "                          never run; sends nothing a person would see\n"
            "      --json              one object a finding\n",
    .run = run_check,
};
