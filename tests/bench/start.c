/* start.c - see start.h. Half a million subjects, a quarter of a gigabyte; the rest is alerts, a year's
 * ledger beside them. SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/start.h"

#include "tests/kit/big_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct big_store gigabyte = {
    .subjects = 500000, .windows = 100000, .alerts = 80000, .open_alerts = 2000
};

static void remove_store(const char *dir)
{
    static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm", "lock" };
    char path[256];

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

int bench_start(const char *folder, void (*fn)(void *self, const char *name, double value, const char *unit),
                void *self)
{
    char dir[200], path[256];
    struct error err = { 0 };
    struct stat st = { 0 };
    double took_s = 0;
    int64_t before;
    int rc;

    (void)snprintf(dir, sizeof dir, "%s/cw-start-XXXXXX", folder);
    if (!mkdtemp(dir))
        return -1;
    rc = big_store_make(dir, &gigabyte, &err);
    before = bytes_read_so_far();
    if (rc == 0)
        rc = big_store_start(dir, &gigabyte, &took_s, &err);
    (void)snprintf(path, sizeof path, "%s/store.db", dir);
    (void)stat(path, &st);
    if (rc == 0) {
        fn(self, "start.store_mb", (double)st.st_size / 1e6, "MB");
        fn(self, "start.read_mb", (double)(bytes_read_so_far() - before) / 1e6, "MB");
        fn(self, "start.seconds", took_s, "s");
    } else {
        (void)fprintf(stderr, "bench: start: %s\n", err.msg);
    }
    remove_store(dir);
    return rc;
}
