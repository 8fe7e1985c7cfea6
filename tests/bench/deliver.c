/* deliver.c - see deliver.h. A store on the disk, workers as in the agent; the receivers are functions, so that what is
 * measured is the agent: taking, encoding, settling, and the store that the outputs share.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/deliver.h"

#include "alert/alert.h"
#include "base/log.h"
#include "delivery/delivery.h"
#include "store/store.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ALERTS 10000
#define PAIRS_MAX 50

static int open_any(void *self UNUSED, const char *name UNUSED, const struct services *sv UNUSED, struct error *err UNUSED)
{
    return 0;
}

static void close_any(void *self UNUSED)
{
}

static int take_all(void *self, const struct output_item *items UNUSED, size_t n, struct delivery_result *ret_each,
                    struct error *err UNUSED)
{
    atomic_fetch_add((atomic_size_t *)self, n);
    for (size_t i = 0; i < n; i++)
        ret_each[i].verdict = DELIVERY_ACCEPTED;
    return 0;
}

static int be_dead(void *self UNUSED, const struct output_item *items UNUSED, size_t n UNUSED,
                   struct delivery_result *ret_each UNUSED, struct error *err)
{
    return error_set(err, ERR_NET, "nobody listens");
}

static const struct output_ops live_ops = { .name = "live", .batch_max = 500, .default_format = "json", .open = open_any,
                                            .deliver = take_all, .close = close_any };
static const struct output_ops dead_ops = { .name = "dead", .batch_max = 500, .default_format = "json", .open = open_any,
                                            .deliver = be_dead, .close = close_any };

/* The dead one has its backlog in both runs: what is measured is that it is tried. */
static int put_alerts(struct store *s, struct error *err)
{
    for (int n = 0; n < ALERTS; n++) {
        CLEANUP(alert_freep) struct alert *a = NULL;
        char subject[32];
        int len = snprintf(subject, sizeof subject, "198.51.%d.%d", n / 250, n % 250);
        const struct fact_value f = { .name = "address", .kind = FACT_SET, .text = slice_make(subject, (size_t)len) };

        if (alert_from_draft(&(struct alert_draft){
                .detector = "bad_address", .state_version = 1, .type = "CosmosDB_TorAnomaly", .severity = SEVERITY_HIGH,
                .account = SL("contoso-orders"), .subject = f.text, .bucket_ns = NS_PER_DAY * 20000, .count = 1,
                .facts = &f, .facts_len = 1 }, &a, err) < 0 ||
            store_put_alert(s, a, err) < 0 || store_add_delivery(s, "live", a, err) < 0 ||
            store_add_delivery(s, "dead", a, err) < 0)
            return -1;
    }
    return 0;
}

/* What a run took: real time, and that of the processor, which a busy machine changes less. */
struct took { double real, cpu; };

static double now_s(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds until the live output has everything. */
static int deliver_all(struct store *s, size_t outputs_len, struct took *ret, struct error *err)
{
    const struct services sv = { .clock = &clock_system, .random = &random_system };
    atomic_size_t taken = 0;
    const struct delivery_output_config outputs[] = {
        { .name = "live", .ops = &live_ops, .self = &taken, .encoder = encoder_find("json") },
        { .name = "dead", .ops = &dead_ops, .encoder = encoder_find("json") },
    };
    struct delivery *d = NULL;
    double real = now_s(CLOCK_MONOTONIC), cpu = now_s(CLOCK_PROCESS_CPUTIME_ID);
    int rc = -1;

    if (delivery_new(s, &sv, outputs, outputs_len, &d, err) < 0)
        return -1;
    rc = delivery_start(d, err);
    while (rc == 0 && atomic_load(&taken) < ALERTS)
        (void)usleep(1000);
    *ret = (struct took){ .real = now_s(CLOCK_MONOTONIC) - real, .cpu = now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu };
    delivery_free(d);
    return rc;
}

static int run_one(const char *dir, bool has_dead, struct took *ret, struct error *err)
{
    CLEANUP(store_closep) struct store *s = NULL;
    int rc = -1;

    if (store_open(&(struct store_config){ .dir = dir }, STORE_RUN, &s, err) < 0 || store_begin(s, err) < 0)
        return -1;
    rc = put_alerts(s, err);
    if (rc < 0 || store_commit(s, err) < 0) {
        store_rollback(s);
        return -1;
    }
    return deliver_all(s, has_dead ? 2 : 1, ret, err);
}

static int run_in_folder(bool has_dead, struct took *ret)
{
    static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm", "lock" };
    char dir[] = "/tmp/cw-bench-XXXXXX", path[64];
    struct error err = { 0 };
    int rc = mkdtemp(dir) ? run_one(dir, has_dead, ret, &err) : -1;

    if (rc < 0)
        (void)fprintf(stderr, "bench: deliver: %s\n", err.msg);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
    return rc;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

int bench_deliver(int pairs, void (*fn)(void *self, const char *name, double value, const char *unit), void *self)
{
    double alone[PAIRS_MAX], beside[PAIRS_MAX], rate[PAIRS_MAX], cpu[PAIRS_MAX];

    log_set_level(LOG_LEVEL_ERROR); /* the dead one complains */
    pairs = pairs > PAIRS_MAX ? PAIRS_MAX : pairs;
    for (int i = 0; i < pairs; i++) {
        struct took took[2]; /* alone, beside */

        for (int k = 0; k < 2; k++)
            if (run_in_folder((k + i) % 2, &took[(k + i) % 2]) < 0)
                return -1;
        alone[i] = ALERTS / took[0].real;
        beside[i] = ALERTS / took[1].real;
        rate[i] = beside[i] / alone[i];
        cpu[i] = took[1].cpu / took[0].cpu;
    }
    fn(self, "deliver.alerts_per_s", median(alone, pairs), "alerts/s");
    fn(self, "deliver.beside_dead.alerts_per_s", median(beside, pairs), "alerts/s");
    fn(self, "deliver.beside_dead.rate_ratio", median(rate, pairs), "of alone");
    fn(self, "deliver.beside_dead.cpu_ratio", median(cpu, pairs), "of alone");
    return 0;
}
