/* run.c - `cosmowatch run`: the agent, in the foreground.
 * SPDX-License-Identifier: Apache-2.0 */
#include "apart/apart.h"
#include "assemble.h"
#include "base/log.h"
#include "cli/cli.h"
#include "console/console.h"
#include "enrich/enrich.h"
#include "delivery/delivery.h"
#include "flow.h"
#include "net/http.h"
#include "notify.h"
#include "store/store.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define GRACE_MS 10000
#define CATCH_UP_GRACE_MS 15000
#define RELOAD_GRACE_MS 500
#define FEEDS_WAIT_MS 20000

enum { PARTS = ASSEMBLE_ENGINE | ASSEMBLE_FEEDS | ASSEMBLE_SOURCES | ASSEMBLE_OUTPUTS | ASSEMBLE_READER };

/* Two configurations: the one that runs, and the one that a reload made ready beside it. Nothing of the running one is
 * touched before the other stands whole. */
struct agent {
    const struct cli_args *args;
    struct store *store;
    struct assembly sets[2], *now, *next; /* next: NULL but between a reload and its start */
    struct delivery *delivery, *next_delivery;
    struct flow *flow;
    struct notify notify;
    bool until_caught_up;
    int reloads;
};

static struct flow *_Atomic running; /* for the signal handler alone, as are these */
static volatile sig_atomic_t stop_asked, reload_asked;

static void on_signal(int number)
{
    struct flow *f = running;

    if (number == SIGHUP) {
        reload_asked = 1;
        return;
    }
    stop_asked = 1;
    if (f)
        flow_stop(f);
}

static bool is_stop_asked(void)
{
    return stop_asked;
}

static void catch_signals(void)
{
    struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

    (void)sigemptyset(&sa.sa_mask);
    (void)sigaction(SIGTERM, &sa, NULL);
    (void)sigaction(SIGINT, &sa, NULL);
    (void)sigaction(SIGHUP, &sa, NULL);
    sa.sa_handler = SIG_IGN;
    (void)sigaction(SIGXFSZ, &sa, NULL); /* a file at its limit is a failed write (EFBIG), not our end */
}

static int read_config(const struct agent *g, struct assembly *a, unsigned parts, struct error *err)
{
    if (assemble(a, g->args->config, parts, err) < 0)
        return -1;
    return a->sources_len > 0 ? 0
           : error_set(err, ERR_CONFIG, "the configuration names no sources: there is nothing to read");
}

static int new_delivery(const struct agent *g, struct assembly *a, struct delivery **ret, struct error *err)
{
    return delivery_new(g->store, &a->sv, a->outputs, a->outputs_len, ret, err);
}

/* The store is open and stays so: a reload cannot move it. */
static int check_store(const struct assembly *now, const struct assembly *next, struct error *err)
{
    if (strcmp(now->settings->store.path, next->settings->store.path) == 0)
        return 0;
    return error_set(err, ERR_CONFIG, "store.path is %s while the agent runs: a restart makes it %s",
                     now->settings->store.path, next->settings->store.path);
}

static void drop_next(struct agent *g)
{
    delivery_free(g->next_delivery);
    g->next_delivery = NULL;
    if (g->next)
        assembly_release(g->next);
    g->next = NULL;
}

/* All or nothing: what does not stand whole changes nothing. */
static void reload(struct agent *g)
{
    struct error err = { 0 };

    log_flush_repeats(); /* whoever asks again is answered again */
    notify_reloading(&g->notify);
    drop_next(g); /* a second SIGHUP before the first came into force: the newer file counts */
    g->next = g->now == &g->sets[0] ? &g->sets[1] : &g->sets[0];
    *g->next = (struct assembly){ 0 };
    if (read_config(g, g->next, PARTS, &err) == 0 && check_store(g->now, g->next, &err) == 0 &&
        new_delivery(g, g->next, &g->next_delivery, &err) == 0) {
        flow_stop(g->flow);
        return;
    }
    log_set_level((enum log_level)g->now->settings->log_level); /* the one thing that was in force already */
    log_event(LOG_LEVEL_ERROR, "agent", "configuration not reloaded", "cause", err.msg,
              "what_now", "the running one stays in force", "remedy", "cosmowatch check names each mistake", NULL);
    drop_next(g);
}

static void on_progress(void *self)
{
    struct agent *g = self;

    if (reload_asked && !stop_asked) {
        reload_asked = 0;
        reload(g);
    }
    if (!g->next)
        notify_progress(&g->notify);
}

/* Detection does not wait for a page: without it the work goes on. */
static struct console *start_console(struct assembly *a)
{
    const struct store_config store = { .dir = a->settings->store.path };
    const struct console_config cfg = { .sv = &a->sv, .settings = assemble_console(a), .store = &store,
                                        .baseline = engine_baseline(a->engine), .suppress = a->suppress,
                                        .trusted = enrich_trusted(a->enrich), .detectors = a->detectors,
                                        .detectors_len = a->detectors_len };
    struct console *c = NULL;
    struct error err = { 0 };

    if (console_start(&cfg, &c, &err) < 0)
        log_event(LOG_LEVEL_ERROR, "console", "does not run", "cause", err.msg, "what_now",
                  "logs are read and alerts delivered without it", "remedy", "mend `console:` and reload", NULL);
    return c;
}

/* That it cannot be started is known at once, not with the first window; it is tried again with each. */
static void start_reader(struct assembly *a)
{
    struct error err = { 0 };

    if (apart_start(a->sv.reader, &err) < 0 || apart_start(a->sv.statement_reader, &err) < 0)
        log_event(LOG_LEVEL_ERROR, "reader", "does not run", "cause", err.msg, "what_now",
                  "no log row is read until it does; it is tried again with every window", "remedy",
                  "a filter of system calls or a profile around the agent has to allow exec of itself and seccomp", NULL);
}

static int run_once(struct agent *g, struct error *err)
{
    struct assembly *a = g->now;
    const struct flow_config cfg = {
        .sv = &a->sv,
        .source_http = a->source_sv.http,
        .store = g->store,
        .engine = a->engine,
        .delivery = g->delivery,
        .feeder = a->feeder,
        .certificates = a->certificates,
        .sources = a->sources,
        .sources_len = a->sources_len,
        .outputs = a->outputs,
        .routes = a->routes,
        .outputs_len = a->outputs_len,
        .horizon_ns = assemble_horizon_ns(a),
        .retention_ns = assemble_retention_ns(a),
        .until_caught_up = g->until_caught_up,
    };
    struct console *console = NULL;
    int64_t grace_ms = GRACE_MS;
    int rc = -1;

    if (feeder_begin(a->feeder, g->store, FEEDS_WAIT_MS, is_stop_asked, err) < 0 || flow_new(&cfg, &g->flow, err) < 0) {
        http_client_cancel(a->sv.http); /* a feed under way ends with it */
        http_client_cancel(a->source_sv.http);
        return -1;
    }
    g->notify = (struct notify){ .sv = &a->sv };
    running = g->flow;
    if (stop_asked)
        flow_stop(g->flow);
    if (delivery_start(g->delivery, err) == 0) {
        start_reader(a);
        flow_say_status(g->flow);
        log_event(LOG_LEVEL_INFO, "agent", "started", "version", COSMOWATCH_VERSION, NULL); /* `status` has an answer now */
        console = start_console(a);
        rc = flow_run(g->flow, on_progress, g, err);
        if (!g->next)
            notify_stopping();
        grace_ms = g->next ? RELOAD_GRACE_MS : g->until_caught_up ? CATCH_UP_GRACE_MS : GRACE_MS;
        delivery_stop(g->delivery, grace_ms);
        flow_say_status(g->flow);
        console_stop(console);
    }
    running = NULL;
    if (a->sv.http)
        http_client_cancel(a->sv.http);
    flow_free(g->flow);
    g->flow = NULL;
    delivery_free(g->delivery);
    g->delivery = NULL;
    return rc;
}

static int run_agent(struct agent *g, struct error *err)
{
    char times[16];
    int rc = 0;

    while ((rc = run_once(g, err)) == 0 && g->next && !stop_asked) {
        assembly_release(g->now);
        *g->now = (struct assembly){ 0 };
        g->now = g->next;
        g->delivery = g->next_delivery;
        g->next = NULL;
        g->next_delivery = NULL;
        (void)snprintf(times, sizeof times, "%d", ++g->reloads);
        log_event(LOG_LEVEL_INFO, "agent", "configuration reloaded", "times", times, NULL);
    }
    if (rc == 0)
        log_event(LOG_LEVEL_INFO, "agent", "stopped", NULL);
    return rc;
}

static void agent_release(struct agent *g)
{
    drop_next(g);
    delivery_free(g->delivery);
    if (g->now)
        assembly_release(g->now);
    store_close(g->store);
}

static int run_run(int argc, char **argv)
{
    static const char *const flags[] = { "--until-caught-up", NULL };
    struct cli_args args = { .flags = flags };
    CLEANUP(agent_release) struct agent g = { .args = &args };
    struct error err = { 0 };
    int exit_code = 0, rc = cli_parse(&verb_run, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    catch_signals();
    g.until_caught_up = args.flag[0];
    g.now = &g.sets[0];
    if (read_config(&g, g.now, PARTS | ASSEMBLE_ANYHOW, &err) < 0 || assembly_open_store(g.now, STORE_RUN, &g.store, &err) < 0)
        return cli_fail(&err);
    if (store_recovery(g.store))
        log_event(LOG_LEVEL_WARN, "store", "was repaired", "what", store_recovery(g.store), NULL);
    if (new_delivery(&g, g.now, &g.delivery, &err) < 0)
        return cli_fail(&err);
    rc = run_agent(&g, &err);
    log_flush_repeats();
    return rc < 0 ? cli_fail(&err) : CLI_OK;
}

const struct verb verb_run = {
    .name = "run",
    .summary = "the agent, in the foreground",
    .usage = "[--until-caught-up]",
    .help = "Ends on SIGTERM or SIGINT: finishes what is being judged, gives outputs ten seconds, loses nothing.\n"
            "SIGHUP reads the configuration anew: when all of it is right it takes the place of the old one between two\n"
            "windows, when anything is wrong the old one stays in force and the log says why.\n\n"
            "      --until-caught-up   end once everything up to now is read and delivered\n",
    .run = run_run,
};
