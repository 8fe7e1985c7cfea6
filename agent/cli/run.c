/* run.c - `cosmowatch run`: the agent, in the foreground.
 * SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"
#include "base/log.h"
#include "cli/cli.h"
#include "delivery/delivery.h"
#include "flow.h"
#include "net/http.h"
#include "store/store.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#define GRACE_MS 10000
#define CATCH_UP_GRACE_MS 15000

static struct flow *running; /* for the signal handler alone */

static void on_signal(int number UNUSED)
{
    if (running)
        flow_stop(running);
}

static void catch_signals(struct flow *f)
{
    struct sigaction sa = { .sa_handler = on_signal };

    running = f;
    (void)sigemptyset(&sa.sa_mask);
    (void)sigaction(SIGTERM, &sa, NULL);
    (void)sigaction(SIGINT, &sa, NULL);
}

static int run_parts(struct assembly *a, struct store *store, struct delivery *delivery, bool until_caught_up,
                     struct error *err)
{
    const struct flow_config cfg = {
        .sv = &a->sv,
        .store = store,
        .engine = a->engine,
        .delivery = delivery,
        .feeder = a->feeder,
        .sources = a->sources,
        .sources_len = a->sources_len,
        .outputs = a->outputs,
        .routes = a->routes,
        .outputs_len = a->outputs_len,
        .horizon_ns = assemble_horizon_ns(a),
        .retention_ns = assemble_retention_ns(a),
        .until_caught_up = until_caught_up,
    };
    struct flow *flow = NULL;
    int rc = -1;

    if (feeder_first(a->feeder, store, false, err) < 0 || flow_new(&cfg, &flow, err) < 0)
        return -1;
    catch_signals(flow);
    if (feeder_start(a->feeder, err) == 0 && delivery_start(delivery, err) == 0) {
        log_event(LOG_LEVEL_INFO, "agent", "started", "version", COSMOWATCH_VERSION, NULL);
        rc = flow_run(flow, NULL, NULL, err);
        delivery_stop(delivery, until_caught_up ? CATCH_UP_GRACE_MS : GRACE_MS);
        flow_say_status(flow);
        log_event(LOG_LEVEL_INFO, "agent", "stopped", NULL);
    }
    running = NULL;
    flow_free(flow);
    return rc;
}

static int run_run(int argc, char **argv)
{
    static const char *const flags[] = { "--until-caught-up", NULL };
    struct cli_args args = { .flags = flags };
    CLEANUP(assembly_release) struct assembly a = { 0 };
    CLEANUP(store_closep) struct store *store = NULL;
    struct delivery *delivery = NULL;
    struct error err = { 0 };
    const struct rlimit no_core = { 0, 0 };
    int exit_code = 0, rc = cli_parse(&verb_run, argc, argv, &args, &exit_code);

    if (rc != 0)
        return exit_code;
    (void)setrlimit(RLIMIT_CORE, &no_core); /* a core dump would hold tokens */
    if (assemble(&a, args.config, ASSEMBLE_ENGINE | ASSEMBLE_FEEDS | ASSEMBLE_SOURCES | ASSEMBLE_OUTPUTS, &err) < 0)
        return cli_fail(&err);
    if (a.sources_len == 0) {
        (void)fprintf(stderr, "cosmowatch: the configuration names no sources: there is nothing to read\n");
        return CLI_USAGE;
    }
    if (assemble_open_store(args.config, STORE_RUN, &store, &err) < 0)
        return cli_fail(&err);
    if (store_recovery(store))
        log_event(LOG_LEVEL_WARN, "store", "was repaired", "what", store_recovery(store), NULL);
    if (delivery_new(store, &a.sv, a.outputs, a.outputs_len, &delivery, &err) < 0)
        return cli_fail(&err);
    rc = run_parts(&a, store, delivery, args.flag[0], &err);
    if (a.sv.http)
        http_client_cancel(a.sv.http);
    delivery_free(delivery);
    log_flush_repeats();
    return rc < 0 ? cli_fail(&err) : CLI_OK;
}

const struct verb verb_run = {
    .name = "run",
    .summary = "the agent, in the foreground",
    .usage = "[--until-caught-up]",
    .help = "Ends on SIGTERM or SIGINT: finishes what is being judged, gives outputs ten seconds, loses nothing.\n\n"
            "      --until-caught-up   end once everything up to now is read and delivered\n",
    .run = run_run,
};
