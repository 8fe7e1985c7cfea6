/* big_store.c - see big_store.h. SPDX-License-Identifier: Apache-2.0 */
#include "big_store.h"

#include "alert/alert.h"
#include "base/timeutil.h"
#include "baseline/baseline.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE 5000 /* rows of one transaction */
#define SLOT_NS (12 * NS_PER_HOUR)
#define NEWEST_NS (INT64_C(1780315200) * NS_PER_S)
#define SOURCE "prod"

static const struct baseline_memory memory = {
    .name = "big.subject", .version = 1, .size = 400, .max_keys = 4000000
};
static const struct baseline_config learning = { .horizon_ns = SLOT_NS, .learn_ns = 14 * NS_PER_DAY };

static struct slice text_of(char *at, size_t size, const char *before, int64_t n)
{
    return slice_make(at, (size_t)snprintf(at, size, "%s%lld", before, (long long)n));
}

static int put_baseline(void *store, const struct baseline_row *row, struct error *err)
{
    return store_put_baseline(store, row, err);
}

static int put_subjects(struct store *s, struct baseline *b, int64_t from, int64_t to, struct error *err)
{
    for (int64_t i = from; i < to; i++) {
        char account[32], key[64];
        unsigned char *value = baseline_put(b, &memory, text_of(account, sizeof account, "contoso-", i % 10),
                                            text_of(key, sizeof key, "principal-of-an-application-", i),
                                            SL("someone"), NEWEST_NS, NULL);

        if (!value)
            return error_set(err, ERR_NOMEM, "a subject");
        for (size_t at = 0; at < memory.size; at++)
            value[at] = (unsigned char)((size_t)i * 31 + at * 7);
    }
    if (baseline_each_changed(b, put_baseline, s, err) < 0)
        return -1;
    baseline_mark_clean(b);
    return 0;
}

static int put_windows(struct store *s, int64_t from, int64_t to, struct error *err)
{
    for (int64_t i = from; i < to; i++) {
        struct window w = { .source = SOURCE, .state = WINDOW_CLOSED, .records = 100, .observations = 10 };

        w.from_ns = NEWEST_NS - (i + 1) * 300 * NS_PER_S;
        w.to_ns = w.from_ns + 300 * NS_PER_S;
        if (store_put_window(s, &w, err) < 0)
            return -1;
    }
    return 0;
}

static int put_alert(struct store *s, int64_t i, bool is_final, const char *evidence, struct error *err)
{
    CLEANUP(alert_freep) struct alert *a = NULL;
    char subject[32];
    const struct fact_value facts[] = {
        { .name = "address", .kind = FACT_SET, .text = text_of(subject, sizeof subject, "198.51.", i) },
        { .name = "statement", .kind = FACT_SET, .text = slice_of(evidence) },
        { .name = "agent", .kind = FACT_SET, .text = slice_of(evidence) },
        { .name = "container", .kind = FACT_SET, .text = slice_of(evidence) },
    };

    if (alert_from_draft(&(struct alert_draft) { .detector = "bad_address",
                                                 .state_version = 1,
                                                 .type = "CosmosDB_TorAnomaly",
                                                 .severity = SEVERITY_HIGH,
                                                 .account = SL("contoso-orders"),
                                                 .subject = facts[0].text,
                                                 .bucket_ns = NEWEST_NS - NEWEST_NS % NS_PER_DAY,
                                                 .first_ns = NEWEST_NS,
                                                 .last_ns = NEWEST_NS,
                                                 .count = 1,
                                                 .facts = facts,
                                                 .facts_len = ARRAY_LEN(facts) },
                         &a, err) < 0)
        return -1;
    a->is_final = is_final;
    return store_put_alert(s, a, err);
}

static int put_alerts(struct store *s, int64_t from, int64_t to, int64_t open_alerts, struct error *err)
{
    char evidence[4001];

    memset(evidence, 'x', sizeof evidence - 1);
    evidence[sizeof evidence - 1] = '\0';
    for (int64_t i = from; i < to; i++)
        if (put_alert(s, i, i >= open_alerts, evidence, err) < 0)
            return -1;
    return 0;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int fill(struct store *s, const struct big_store *what, struct error *err)
{
    CLEANUP(baseline_freep) struct baseline *b = baseline_new(&learning);
    int64_t alerts = what->alerts + what->open_alerts;

    if (!b || baseline_declare(b, &memory, err) < 0)
        return -1;
    for (int64_t at = 0; at < what->subjects || at < what->windows || at < alerts; at += AT_ONCE) {
        if (store_begin(s, err) < 0)
            return -1;
        if (put_subjects(s, b, at, least(at + AT_ONCE, what->subjects), err) < 0 ||
            put_windows(s, at, least(at + AT_ONCE, what->windows), err) < 0 ||
            put_alerts(s, at, least(at + AT_ONCE, alerts), what->open_alerts, err) < 0 ||
            store_commit(s, err) < 0) {
            store_rollback(s);
            return -1;
        }
    }
    return 0;
}

int big_store_make(const char *dir, const struct big_store *what, struct error *err)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        struct store *s = NULL;
        int rc = store_open(&(struct store_config) { .dir = dir }, STORE_RUN, &s, err) < 0
                     ? -1
                     : fill(s, what, err);

        if (rc < 0)
            (void)fprintf(stderr, "big store: %s\n", err->msg);
        _exit(rc < 0 ? 1 : 0); /* as a kill would leave it: nothing is closed */
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        return error_set(err, ERR_IO, "the store in '%s' could not be made", dir);
    return 0;
}

static int count_alert(void *n, const struct alert *a UNUSED, struct error *err UNUSED)
{
    ++*(int64_t *)n;
    return 0;
}

static int count_window(void *n, const struct window *w UNUSED, struct error *err UNUSED)
{
    ++*(int64_t *)n;
    return 0;
}

static int read_all(struct store *s, struct baseline *b, const struct big_store *what, struct error *err)
{
    const struct alert_filter open_ones = { .until_ns = INT64_MAX, .since_ns = INT64_MIN, .only_open = true };
    int64_t alerts = 0, windows = 0;
    struct baseline_stats stats;

    if (!b || baseline_declare(b, &memory, err) < 0 || store_load_baselines(s, b, err) < 0 ||
        store_each_alert(s, &open_ones, count_alert, &alerts, err) < 0 ||
        store_each_window(s, SOURCE, INT64_MIN, count_window, &windows, err) < 0)
        return -1;
    baseline_get_stats(b, &stats);
    if (stats.keys == what->subjects && alerts == what->open_alerts && windows == what->windows)
        return 0;
    return error_set(err, ERR_STATE, "%lld subjects, %lld open alerts and %lld windows were read",
                     (long long)stats.keys, (long long)alerts, (long long)windows);
}

int big_store_start(const char *dir, const struct big_store *what, double *ret_s, struct error *err)
{
    CLEANUP(store_closep) struct store *s = NULL;
    CLEANUP(baseline_freep) struct baseline *b = baseline_new(&learning);
    struct timespec from, to;

    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    if (store_open(&(struct store_config) { .dir = dir }, STORE_RUN, &s, err) < 0 ||
        read_all(s, b, what, err) < 0)
        return -1;
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    *ret_s = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    return 0;
}

int64_t bytes_read_so_far(void)
{
    FILE *f = fopen("/proc/self/io", "re");
    long long n = -1;

    if (f && fscanf(f, "rchar: %lld", &n) != 1)
        n = -1;
    if (f)
        (void)fclose(f);
    return n;
}
