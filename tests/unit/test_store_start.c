/* A start reads what it needs: what was learned, what is open, the ledger. Not the alerts of the past,
 * however many, and not the whole of a large file. Counted in bytes that are asked of the kernel, not in
 * time. SPDX-License-Identifier: Apache-2.0 */
#include "store_kit.h"
#include "tests/kit/big_store.h"
#include "tests/kit/suite.h"

static const int64_t MB = 1 << 20;

/* Above the size up to which a start looks through the whole file (store.c). */
static const struct big_store large = {
    .subjects = 2000, .windows = 2000, .alerts = 25000, .open_alerts = 50
};

static int64_t size_of(const char *dir, const char *name)
{
    char path[128];
    struct stat st = { 0 };

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &st) == 0 ? st.st_size : 0;
}

START_TEST(a_start_after_a_kill_reads_a_small_part_of_a_large_store)
{
    struct folder f = folder_new();
    int64_t before, read;
    double took_s;

    OK(big_store_make(f.path, &large, err));
    ck_assert_int_gt(size_of(f.path, "store.db"), 256 * MB);
    ck_assert_int_gt(size_of(f.path, "store.db-wal"), 0); /* it was not closed */
    before = bytes_read_so_far();
    if (before < 0) { /* a kernel without /proc/PID/io */
        folder_empty(f.path);
        (void)rmdir(f.path);
        return;
    }
    OK(big_store_start(f.path, &large, &took_s, err));
    read = bytes_read_so_far() - before;
    ck_assert_msg(read < size_of(f.path, "store.db") / 8, "%lld of %lld bytes were read", (long long)read,
                  (long long)size_of(f.path, "store.db"));
    folder_empty(f.path);
    (void)rmdir(f.path);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("start");

    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_start_after_a_kill_reads_a_small_part_of_a_large_store);
    return run_group("store/start", t);
}
