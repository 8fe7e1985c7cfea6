/* alerts.c - `cosmowatch alerts`: what the local store holds.
 * SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "alert/catalogue.h"
#include "alert/suppress.h"
#include "base/num.h"
#include "base/term.h"
#include "base/timeutil.h"
#include "cli/cli.h"
#include "cli/page.h"
#include "outputs/output.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { V_SINCE, V_UNTIL, V_SEVERITY, V_TYPE, V_ACCOUNT, V_LIMIT };
static const char *const value_names[] = { "--since", "--until", "--severity", "--type", "--account", "--limit", NULL };
enum { G_CARDS, G_OPEN, G_REVERSE, G_SUPPRESSED, G_WOULD };
static const char *const flag_names[] = { "--cards", "--open", "--reverse", "--suppressed", "--would-suppress", NULL };

struct printing {
    struct buf out;
    struct page_style style;
    bool is_json, is_cards, only_suppressed;
    const struct suppress *would; /* only what these rules would cover; NULL: all */
    const struct encoder *json;
    int64_t shown;
};

static int flush(struct printing *p, struct error *err)
{
    if (cli_put(&p->out, err) < 0)
        return -1;
    buf_clear(&p->out);
    return 0;
}

static int print_one(void *self, const struct alert *a, struct error *err)
{
    struct printing *p = self;

    if ((p->only_suppressed && !a->is_suppressed) || (p->would && !suppress_find(p->would, a)))
        return 0;
    p->shown++;
    if (p->is_json) {
        if (p->json->encode(a, &p->out, err) < 0)
            return -1;
        buf_add_char(&p->out, '\n');
    } else if (p->is_cards) {
        page_add_card(&p->out, a, p->style);
        buf_add_char(&p->out, '\n');
    } else {
        if (p->shown == 1)
            page_add_row_head(&p->out, p->style);
        page_add_row(&p->out, a, p->style);
    }
    return flush(p, err);
}

static int parse_severity(const char *text, int *ret, struct error *err)
{
    for (int s = SEVERITY_INFORMATIONAL; s <= SEVERITY_HIGH; s++)
        if (slice_eq_nocase(slice_of(text), slice_of(severity_name((enum severity)s)))) {
            *ret = s;
            return 0;
        }
    return error_set(err, ERR_CONFIG, "'%s' is no severity: Informational, Low, Medium or High", text);
}

static int build_filter(const struct cli_args *args, struct alert_filter *f, struct error *err)
{
    int64_t limit = 0;

    *f = (struct alert_filter){ .since_ns = INT64_MIN, .until_ns = INT64_MAX, .limit = 1000,
                                .type = args->value[V_TYPE], .account = args->value[V_ACCOUNT],
                                .only_open = args->flag[G_OPEN], .oldest_first = args->flag[G_REVERSE] };
    if ((args->value[V_SINCE] && cli_parse_when(args->value[V_SINCE], &f->since_ns, err) < 0) ||
        (args->value[V_UNTIL] && cli_parse_when(args->value[V_UNTIL], &f->until_ns, err) < 0) ||
        (args->value[V_SEVERITY] && parse_severity(args->value[V_SEVERITY], &f->min_severity, err) < 0))
        return -1;
    if (args->value[V_LIMIT]) {
        if (!parse_i64(slice_of(args->value[V_LIMIT]), 1, 10000000, &limit))
            return error_set(err, ERR_CONFIG, "'%s' is no number of alerts", args->value[V_LIMIT]);
        f->limit = (size_t)limit;
    }
    return 0;
}

static int list(struct store *s, const struct cli_args *args, struct printing *p, struct error *err)
{
    struct alert_filter f;

    if (build_filter(args, &f, err) < 0 || store_each_alert(s, &f, print_one, p, err) < 0)
        return -1;
    if (p->shown == 0 && !p->is_json)
        (void)puts("no alerts");
    return 0;
}

static int print_delivery(void *self, const char *output, const char *record_id, const char *state, int attempts,
                          const char *reason)
{
    struct buf *out = self;

    buf_addf(out, "  %-12s %-9s %s, %d tr%s%s", output, state, record_id, attempts, attempts == 1 ? "y" : "ies",
             reason && reason[0] ? ": " : "");
    if (reason)
        term_add_safe(out, slice_of(reason));
    buf_add_char(out, '\n');
    return 0;
}

static int show(struct store *s, const char *id, bool is_full, struct printing *p, struct error *err)
{
    struct alert *a = NULL;
    int rc = 0;

    if (store_get_alert(s, id, &a, err) < 0)
        return error_wrap(err, "alert '%s'", id);
    if (p->is_json) {
        rc = print_one(p, a, err);
    } else {
        if (is_full)
            page_add_full(&p->out, a, p->style);
        else
            page_add_card(&p->out, a, p->style);
        buf_addf(&p->out, "\n%sDelivery%s\n", term_style(p->style.is_colour, TERM_BOLD),
                 term_style(p->style.is_colour, TERM_PLAIN));
        rc = store_each_delivery_of(s, a->id, print_delivery, &p->out, err);
        if (rc == 0)
            rc = flush(p, err);
    }
    alert_free(a);
    return rc;
}

static int run_alerts(int argc, char **argv)
{
    struct cli_args args = { .flags = flag_names, .values = value_names };
    CLEANUP(store_closep) struct store *store = NULL;
    CLEANUP(assembly_release) struct assembly rules = { 0 };
    struct printing p = { .out = BUF_INIT(8u << 20), .json = encoder_find("json") };
    struct error err = { 0 };
    const char *what = NULL;
    int exit_code = 0, rc = cli_parse(&verb_alerts, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    what = args.operands_len > 0 ? args.operands[0] : "list";
    p.is_json = args.is_json || strcmp(what, "export") == 0;
    p.is_cards = args.flag[G_CARDS];
    p.style = (struct page_style){ term_wants_colour(STDOUT_FILENO), term_width(STDOUT_FILENO) };
    p.only_suppressed = args.flag[G_SUPPRESSED];
    if (args.flag[G_WOULD]) { /* the rules as the file has them now, over what was told before */
        if (assemble(&rules, args.config, ASSEMBLE_ENGINE | ASSEMBLE_OFFLINE, &err) < 0)
            return cli_fail(&err);
        p.would = rules.suppress;
    }
    if (assemble_open_store(args.config, STORE_READ, &store, &err) < 0)
        return cli_fail(&err);
    if (strcmp(what, "list") == 0 || strcmp(what, "export") == 0) {
        rc = list(store, &args, &p, &err);
    } else if ((strcmp(what, "show") == 0 || strcmp(what, "explain") == 0) && args.operands_len == 2) {
        rc = show(store, args.operands[1], strcmp(what, "explain") == 0, &p, &err);
    } else {
        (void)fprintf(stderr, "usage: cosmowatch alerts %s\n", verb_alerts.usage);
        exit_code = CLI_USAGE;
    }
    buf_release(&p.out);
    return rc < 0 ? cli_fail(&err) : exit_code;
}

const struct verb verb_alerts = {
    .name = "alerts",
    .summary = "list, show, explain or export the alerts of the local store",
    .usage = "list | show ID | explain ID | export [OPTION...]",
    .help = "  list              one line each, newest first\n"
            "  show ID           what happened (ID may be its first characters)\n"
            "  explain ID        the whole page: evidence, steps, the query that shows the rows\n"
            "  export            native JSON, one alert a line\n\n"
            "      --cards             list: a card each instead of a line\n"
            "      --reverse           oldest first\n"
            "      --open              only those whose day is not over\n"
            "      --suppressed        only those that a suppression kept back\n"
            "      --would-suppress    only those that the suppressions of the configuration would cover, told or not\n"
            "      --since WHEN        last seen since a time or an age (2026-08-20T10:00:00Z, 2h, 7d)\n"
            "      --until WHEN\n"
            "      --severity NAME     at least Informational, Low, Medium, High\n"
            "      --type ID           catalogue id\n"
            "      --account NAME\n"
            "      --limit N           preset 1000\n"
            "      --json              native JSON, one alert a line\n",
    .run = run_alerts,
};
