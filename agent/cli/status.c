/* status.c - `cosmowatch status`: what the running agent last said of itself.
 * SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "base/term.h"
#include "base/timeutil.h"
#include "cli/cli.h"
#include "store/store.h"

#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    return json_object_object_get_ex(o, key, &v) && v ? json_object_get_string(v) : "";
}

static int64_t number_of(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    return json_object_object_get_ex(o, key, &v) && v ? json_object_get_int64(v) : 0;
}

static size_t list_of(struct json_object *o, const char *key, struct json_object **ret)
{
    return json_object_object_get_ex(o, key, ret) && json_object_is_type(*ret, json_type_array)
               ? json_object_array_length(*ret)
               : 0;
}

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
    return strcmp(state, "failing") == 0 || strcmp(state, "held") == 0 ? TERM_RED
           : strcmp(state, "waiting") == 0 || strcmp(state, "paused") == 0 ? TERM_YELLOW : TERM_GREEN;
}

static void add_sources(struct buf *out, struct json_object *o, bool colour)
{
    struct json_object *list = NULL;
    size_t n = list_of(o, "sources", &list);

    buf_add_str(out, "sources\n");
    for (size_t i = 0; i < n; i++) {
        struct json_object *s = json_object_array_get_idx(list, i);
        const char *state = text_of(s, "state");

        buf_addf(out, "  %-14s %s%-10s%s read up to %-20s  %" PRId64 " rows, %" PRId64 " late, %" PRId64
                      " unreadable, %" PRId64 " queries",
                 text_of(s, "name"), term_style(colour, state_style(state)), state, term_style(colour, TERM_PLAIN),
                 text_of(s, "readUpTo")[0] ? text_of(s, "readUpTo") : "(nothing yet)", number_of(s, "rows"),
                 number_of(s, "lateRows"), number_of(s, "unreadableRows"), number_of(s, "queries"));
        if (number_of(s, "backfilling"))
            buf_add_str(out, ", learning from history");
        add_reason(out, text_of(s, "reason"));
    }
}

static void add_outputs(struct buf *out, struct json_object *o, bool colour)
{
    struct json_object *list = NULL;
    size_t n = list_of(o, "outputs", &list);

    buf_add_str(out, "outputs\n");
    for (size_t i = 0; i < n; i++) {
        struct json_object *s = json_object_array_get_idx(list, i);
        const char *state = text_of(s, "state");

        buf_addf(out, "  %-14s %s%-10s%s %" PRId64 " accepted, %" PRId64 " pending, %" PRId64 " parked",
                 text_of(s, "name"), term_style(colour, state_style(state)), state, term_style(colour, TERM_PLAIN),
                 number_of(s, "accepted"), number_of(s, "pending"), number_of(s, "parked"));
        add_reason(out, text_of(s, "reason"));
    }
}

static void add_feeds(struct buf *out, struct json_object *o)
{
    struct json_object *list = NULL;
    size_t n = list_of(o, "feeds", &list);

    if (n > 0)
        buf_add_str(out, "feeds\n");
    for (size_t i = 0; i < n; i++) {
        struct json_object *s = json_object_array_get_idx(list, i);

        buf_addf(out, "  %-14s %" PRId64 " entries, refreshed %s", text_of(s, "name"), number_of(s, "entries"),
                 text_of(s, "refreshedAt")[0] ? text_of(s, "refreshedAt") : "never");
        add_reason(out, text_of(s, "reason"));
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
             number_of(j, "accounts"), number_of(j, "subjects"), number_of(j, "evicted"), number_of(j, "openAlerts"));
    if (number_of(j, "learningAccounts") > 0)
        buf_addf(out, "  %" PRId64 " of them still learn%s what is normal: anomalies there do not alert yet, known-bad "
                      "addresses and injections do\n",
                 number_of(j, "learningAccounts"), number_of(j, "learningAccounts") == 1 ? "s" : "");
    n = list_of(j, "cannotJudge", &list);
    for (size_t i = 0; i < n; i++) {
        struct json_object *b = json_object_array_get_idx(list, i);

        buf_addf(out, "  %s cannot judge: ", text_of(b, "detector"));
        term_add_safe(out, slice_of(text_of(b, "why")));
        buf_add_char(out, '\n');
    }
}

static int print_status(struct store *store, bool is_json, struct error *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(8u << 20);
    CLEANUP(buf_release) struct buf out = BUF_INIT(8u << 20);
    struct json_object *o = NULL;
    bool found = false, colour = term_wants_colour(STDOUT_FILENO);

    if (store_get_blob(store, STORE_BLOB_STATUS, &text, &found, err) < 0)
        return -1;
    if (!found)
        return error_set(err, ERR_NOT_FOUND, "the agent has not run on this store yet");
    if (is_json) {
        buf_add_char(&text, '\n');
        return cli_print(&text) == CLI_OK ? 0 : error_set(err, ERR_IO, "standard output was closed");
    }
    o = json_tokener_parse(buf_cstr(&text));
    if (!o)
        return error_set(err, ERR_STATE, "the stored status is not readable");
    buf_addf(&out, "cosmowatch %s, process %" PRId64 ", as of %s UTC\n", text_of(o, "version"), number_of(o, "pid"),
             text_of(o, "writtenAt"));
    add_sources(&out, o, colour);
    add_outputs(&out, o, colour);
    add_feeds(&out, o);
    add_judgement(&out, o);
    if (text_of(o, "storeRecovery")[0]) {
        buf_add_str(&out, "store was repaired at the start: ");
        add_reason(&out, text_of(o, "storeRecovery"));
    }
    json_object_put(o);
    return cli_print(&out) == CLI_OK ? 0 : error_set(err, ERR_IO, "standard output was closed");
}

static int run_status(int argc, char **argv)
{
    static const char *const flags[] = { "--watch", NULL };
    struct cli_args args = { .flags = flags };
    CLEANUP(store_closep) struct store *store = NULL;
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_status, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    if (assemble_open_store(args.config, STORE_READ, &store, &err) < 0)
        return cli_fail(&err);
    do {
        if (args.flag[0] && isatty(STDOUT_FILENO))
            (void)fputs("\x1b[H\x1b[2J", stdout), (void)fflush(stdout);
        if (print_status(store, args.is_json, &err) < 0)
            return cli_fail(&err);
    } while (args.flag[0] && poll(NULL, 0, 2000) == 0);
    return CLI_OK;
}

const struct verb verb_status = {
    .name = "status",
    .summary = "sources, outputs, feeds, learning and what cannot be judged",
    .usage = "[--watch] [--json]",
    .help = "      --watch             redraw every two seconds\n"
            "      --json              as the agent wrote it\n",
    .run = run_status,
};
