/* status.c - `cosmowatch status`: what the running agent last said of itself.
 * SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "base/json_in.h"
#include "base/num.h"
#include "base/term.h"
#include "base/timeutil.h"
#include "cli/cli.h"
#include "console/health.h"
#include "status.h"
#include "store/store.h"

#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TRUSTED_SHOWN 5

static void add_reason(struct buf *out, const char *reason)
{
    if (reason[0]) {
        buf_add_str(out, "\n      ");
        term_add_safe(out, slice_of(reason));
    }
    buf_add_char(out, '\n');
}

static enum term_style state_style(const char *state)
{
    static const enum term_style styles[] = { TERM_GREEN, TERM_YELLOW, TERM_RED };

    return styles[status_grade(state)];
}

/* Ages are told as of when the agent wrote them: an agent that is away must not seem to fall behind. */
static int64_t written_ns(struct json_object *o)
{
    int64_t at = 0;

    return time_parse_iso(slice_of(json_text(o, "writtenAt", "")), &at) ? at : 0;
}

static void add_sources(struct buf *out, struct json_object *o, bool colour)
{
    struct json_object *list = NULL;
    size_t n = json_list(o, "sources", &list);

    buf_add_str(out, "sources\n");
    for (size_t i = 0; i < n; i++) {
        struct json_object *s = json_object_array_get_idx(list, i);
        const char *state = json_text(s, "state", "");

        buf_addf(out, "  %-14s %s%-10s%s read up to %-20s  ", json_text(s, "name", ""), term_style(colour, state_style(state)),
                 state, term_style(colour, TERM_PLAIN),
                 json_text(s, "readUpTo", "")[0] ? json_text(s, "readUpTo", "") : "(nothing yet)");
        status_add_source_words(out, s);
        buf_addf(out, ", %" PRId64 " queries", json_number(s, "queries"));
        add_reason(out, json_text(s, "reason", ""));
    }
}

static void add_outputs(struct buf *out, struct json_object *o, bool colour, int64_t now_ns)
{
    struct json_object *list = NULL;
    size_t n = json_list(o, "outputs", &list);

    buf_add_str(out, "outputs\n");
    for (size_t i = 0; i < n; i++) {
        struct json_object *s = json_object_array_get_idx(list, i);
        const char *state = json_text(s, "state", "");

        buf_addf(out, "  %-14s %s%-10s%s ", json_text(s, "name", ""), term_style(colour, state_style(state)), state,
                 term_style(colour, TERM_PLAIN));
        status_add_output_words(out, s, now_ns);
        add_reason(out, json_text(s, "reason", ""));
    }
}

static void add_feeds(struct buf *out, struct json_object *o)
{
    struct json_object *list = NULL;
    size_t n = json_list(o, "feeds", &list);

    if (n > 0)
        buf_add_str(out, "feeds\n");
    for (size_t i = 0; i < n; i++) {
        struct json_object *s = json_object_array_get_idx(list, i);

        buf_addf(out, "  %-14s %" PRId64 " entries, refreshed %s", json_text(s, "name", ""), json_number(s, "entries"),
                 json_text(s, "refreshedAt", "")[0] ? json_text(s, "refreshedAt", "") : "never");
        add_reason(out, json_text(s, "reason", ""));
    }
}

static void add_certificates(struct buf *out, struct json_object *o, const char *key, const char *of, bool colour)
{
    struct json_object *list = NULL;
    size_t n = json_list(o, key, &list);

    for (size_t i = 0; i < n; i++) {
        struct json_object *c = json_object_array_get_idx(list, i);
        bool is_over = json_number(c, "hasEnded");

        if (json_text(c, "reason", "")[0])
            buf_addf(out, "%scertificate%s%s\n  %s %s\n", term_style(colour, is_over ? TERM_RED : TERM_YELLOW),
                     of, term_style(colour, TERM_PLAIN), json_text(c, "name", ""), json_text(c, "reason", ""));
    }
}

/* Only what may be stale: who looks at the rest looks at --json or at the console. */
static void add_trusted(struct buf *out, struct json_object *o)
{
    struct json_object *list = NULL;
    size_t n = json_list(o, "trusted", &list), unused = 0;

    for (size_t i = 0; i < n; i++)
        unused += !json_text(json_object_array_get_idx(list, i), "lastUsed", "")[0];
    if (n == 0)
        return;
    buf_addf(out, "trusted\n  %zu entr%s, %zu of them vouched for nobody so far\n", n, n == 1 ? "y" : "ies", unused);
    for (size_t i = 0, said = 0; i < n && said < TRUSTED_SHOWN; i++) {
        struct json_object *t = json_object_array_get_idx(list, i);

        if (json_text(t, "lastUsed", "")[0])
            continue;
        buf_addf(out, "  %s %s%s%s\n", json_text(t, "type", ""), json_text(t, "value", ""),
                 json_text(t, "note", "")[0] ? ": " : "", json_text(t, "note", ""));
        said++;
    }
}

static void add_judgement(struct buf *out, struct json_object *o)
{
    struct json_object *j = NULL, *list = NULL;
    size_t n = 0;

    if (!json_object_object_get_ex(o, "judgement", &j))
        return;
    buf_addf(out, "judgement\n  %" PRId64 " accounts, %" PRId64 " subjects remembered (%" PRId64 " evicted), %" PRId64
                  " open alerts\n",
             json_number(j, "accounts"), json_number(j, "subjects"), json_number(j, "evicted"), json_number(j, "openAlerts"));
    if (json_number(j, "learningAccounts") > 0)
        buf_addf(out, "  %" PRId64 " of them still learn%s what is normal: anomalies there do not alert yet, known-bad "
                      "addresses and injections do\n",
                 json_number(j, "learningAccounts"), json_number(j, "learningAccounts") == 1 ? "s" : "");
    n = json_list(j, "cannotJudge", &list);
    for (size_t i = 0; i < n; i++) {
        struct json_object *b = json_object_array_get_idx(list, i);

        buf_addf(out, "  %s cannot judge: ", json_text(b, "detector", ""));
        term_add_safe(out, slice_of(json_text(b, "why", "")));
        buf_add_char(out, '\n');
    }
}

static void add_reader(struct buf *out, struct json_object *o, const char *which, const char *pieces)
{
    struct json_object *r = NULL;

    if (!json_object_object_get_ex(o, which, &r))
        return;
    buf_addf(out, "reader of %s\n", pieces);
    if (json_number(r, "pid") > 0)
        buf_addf(out, "  process %" PRId64, json_number(r, "pid"));
    else
        buf_add_str(out, "  does not run");
    buf_addf(out, ", ended %" PRId64 " times, %" PRId64 " %s set aside for that", json_number(r, "ended"),
             json_number(r, "leftOut"), pieces);
    if (json_number(r, "passedOver") > 0)
        buf_addf(out, ", %" PRId64 " of them unread", json_number(r, "passedOver"));
    if (json_number(r, "leftOut") > 0)
        buf_add_str(out, " (cosmowatch coverage --unreadable)");
    add_reason(out, json_text(r, "lastEnd", ""));
}

/* ---- one screen: --watch on a terminal ------------------------------------------------------------------------------ */

static void add_short(struct buf *out, struct json_object *s, bool colour)
{
    const char *state = json_text(s, "state", "");

    buf_addf(out, "  %-14.14s %s%-10s%s ", json_text(s, "name", ""), term_style(colour, state_style(state)), state,
             term_style(colour, TERM_PLAIN));
}

static void end_short(struct buf *out, struct json_object *s)
{
    buf_add_char(out, '\n');
    if (json_text(s, "reason", "")[0]) {
        buf_add_str(out, "    ");
        term_add_safe(out, slice_of(json_text(s, "reason", "")));
        buf_add_char(out, '\n');
    }
}

static void add_short_source(struct buf *out, struct json_object *s, bool colour, int64_t now_ns UNUSED)
{
    add_short(out, s, colour);
    status_add_source_words(out, s);
    end_short(out, s);
}

static void add_short_output(struct buf *out, struct json_object *s, bool colour, int64_t now_ns)
{
    add_short(out, s, colour);
    status_add_output_words(out, s, now_ns);
    end_short(out, s);
}

static void add_short_list(struct buf *out, struct json_object *o, const char *key, bool colour,
                           void (*add)(struct buf *out, struct json_object *s, bool colour, int64_t now_ns))
{
    struct json_object *list = NULL;
    size_t n = json_list(o, key, &list);

    buf_addf(out, "%s\n", key);
    for (size_t i = 0; i < n; i++)
        add(out, json_object_array_get_idx(list, i), colour, written_ns(o));
}

static void add_short_rest(struct buf *out, struct json_object *o)
{
    struct json_object *j = NULL, *list = NULL, *feeds = NULL;
    size_t n = json_list(o, "feeds", &feeds), failing = 0;

    for (size_t i = 0; i < n; i++)
        failing += json_text(json_object_array_get_idx(feeds, i), "reason", "")[0] != '\0';
    buf_addf(out, "feeds\n  %zu, of them %zu cannot be refreshed\njudgement\n", n, failing);
    if (!json_object_object_get_ex(o, "judgement", &j))
        return;
    buf_addf(out, "  %" PRId64 " open alerts; %" PRId64 " accounts, %" PRId64 " still learning; %zu detectors cannot judge\n",
             json_number(j, "openAlerts"), json_number(j, "accounts"), json_number(j, "learningAccounts"),
             json_list(j, "cannotJudge", &list));
}

/* No line is wider than the terminal and none is below it: what scrolls away is not watched. Colours take no room. */
static void add_clipped(struct buf *out, struct slice text, int columns, int rows)
{
    struct slice line = { 0 };

    while (rows-- > 0 && slice_split(&text, '\n', &line)) {
        int column = 0;
        bool is_escape = false;

        if (rows == 0 && !slice_empty(text)) {
            buf_add_str(out, "... all of it: cosmowatch status\n");
            return;
        }
        for (size_t i = 0; i < line.len; i++) {
            bool is_first = ((unsigned char)line.at[i] & 0xC0) != 0x80; /* of a character */

            is_escape = is_escape || line.at[i] == '\x1b';
            if (!is_escape && is_first && ++column > columns)
                break;
            buf_add_char(out, line.at[i]);
            if (is_escape && line.at[i] == 'm')
                is_escape = false;
        }
        buf_add_char(out, '\n');
    }
}

static void add_screen(struct buf *out, struct json_object *o, bool colour)
{
    CLEANUP(buf_release) struct buf all = BUF_INIT(8u << 20);
    struct winsize size = { 0 };

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row < 5)
        size.ws_row = 24;
    buf_addf(&all, "cosmowatch %s, process %" PRId64 ", as of %s\n", json_text(o, "version", ""), json_number(o, "pid"),
             json_text(o, "writtenAt", ""));
    add_short_list(&all, o, "sources", colour, add_short_source);
    add_short_list(&all, o, "outputs", colour, add_short_output);
    add_short_rest(&all, o);
    add_clipped(out, buf_slice(&all), term_width(STDOUT_FILENO), size.ws_row - 1);
}

static void add_problem(void *self, enum health_problem_kind kind, const char *name, const char *what)
{
    static const char *const kinds[] = { "", "source ", "output ", "note: " };
    struct buf *out = self;

    buf_addf(out, "%s%s: ", kinds[kind], name);
    term_add_safe(out, slice_of(what));
    buf_add_char(out, '\n');
}

/* What /healthz says, for where there is no console to ask: a container's health check, a monitor's script. An agent that
 * has not run on this store yet is one problem more, no failure to look. */
static int print_health(struct store *store, bool is_json, int64_t now_ns, struct error *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(STATUS_MAX_BYTES);
    CLEANUP(buf_release) struct buf out = BUF_INIT(STATUS_MAX_BYTES);
    struct json_object *o = NULL;
    bool is_good = false;

    if (status_read(store, &text, &o, err) < 0)
        return cli_fail(err);
    if (is_json) {
        struct json_object *said = health_json(o, now_ns, &is_good);

        buf_addf(&out, "%s\n", json_object_to_json_string_ext(said, JSON_C_TO_STRING_PLAIN));
        json_object_put(said);
    } else {
        is_good = health_judge(o, now_ns, add_problem, &out) == 0;
        if (is_good)
            buf_add_str(&out, "healthy\n");
    }
    json_object_put(o);
    return cli_print(&out) == CLI_OK && is_good ? CLI_OK : CLI_FAILED;
}

static int print_status(struct store *store, bool is_json, bool is_screen, struct error *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(STATUS_MAX_BYTES);
    CLEANUP(buf_release) struct buf out = BUF_INIT(STATUS_MAX_BYTES);
    struct json_object *o = NULL;
    bool colour = term_wants_colour(STDOUT_FILENO);

    if (status_read(store, &text, &o, err) < 0)
        return -1;
    if (text.len == 0)
        return error_set(err, ERR_NOT_FOUND, "the agent has not run on this store yet");
    if (is_json) {
        json_object_put(o);
        buf_add_char(&text, '\n');
        return cli_put(&text, err);
    }
    if (!o)
        return error_set(err, ERR_STATE, "the stored status is not readable");
    if (is_screen) {
        buf_add_str(&out, "\x1b[H\x1b[2J");
        add_screen(&out, o, colour);
        json_object_put(o);
        return cli_put(&out, err);
    }
    buf_addf(&out, "cosmowatch %s, process %" PRId64 ", as of %s\n", json_text(o, "version", ""), json_number(o, "pid"),
             json_text(o, "writtenAt", ""));
    add_sources(&out, o, colour);
    add_outputs(&out, o, colour, written_ns(o));
    add_feeds(&out, o);
    add_certificates(&out, o, "certificates", "", colour);
    add_certificates(&out, o, "peerCertificates", " of the other side", colour);
    add_trusted(&out, o);
    add_judgement(&out, o);
    add_reader(&out, o, "reader", "rows");
    add_reader(&out, o, "statementReader", "statements");
    if (json_text(o, "storeRecovery", "")[0]) {
        buf_add_str(&out, "store was repaired at the start: ");
        add_reason(&out, json_text(o, "storeRecovery", ""));
    }
    json_object_put(o);
    return cli_put(&out, err);
}

static int run_status(int argc, char **argv)
{
    static const char *const flags[] = { "--watch", "--health", NULL };
    struct cli_args args = { .flags = flags };
    CLEANUP(store_closep) struct store *store = NULL;
    struct services sv = { .clock = &clock_system };
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_status, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    if (assemble_open_store(args.config, STORE_READ, &store, &err) < 0)
        return cli_fail(&err);
    if (args.flag[1])
        return print_health(store, args.is_json, sv_wall_ns(&sv), &err);
    do {
        if (print_status(store, args.is_json, args.flag[0] && isatty(STDOUT_FILENO), &err) < 0)
            return cli_fail(&err);
    } while (args.flag[0] && poll(NULL, 0, 2000) == 0);
    return CLI_OK;
}

const struct verb verb_status = {
    .name = "status",
    .summary = "sources, outputs, feeds, learning and what cannot be judged",
    .usage = "[--watch | --health] [--json]",
    .help = "      --watch             every two seconds; on a terminal the essentials, in one screen\n"
            "      --health            what is wrong, and nothing else: exit 0 when sources and outputs make progress, else 1\n"
            "      --json              as the agent wrote it\n",
    .run = run_status,
};
