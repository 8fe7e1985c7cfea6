/* A store that an earlier release wrote is opened by this one, with everything in it.
 *
 * tests/golden/store/format-N.db.gz was made by the release that brought format N, by this program with
 * UPDATE_GOLDEN=1, and is never made again: what an old release really wrote cannot be made by a new one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "store_kit.h"

#include "base/log.h"
#include "baseline/baseline.h"
#include "store/inside.h"
#include "tests/kit/suite.h"

#include <sqlite3.h>
#include <zlib.h>

#define GOLDEN "tests/golden/store/format-%d.db.gz"

static struct folder folder;

static void set_up(void)
{
    log_set_fd(-1);
    folder = folder_new();
}

static void tear_down(void)
{
    folder_remove(&folder);
}

/* What every golden store holds, whatever its format. */
static void fill(struct store *s)
{
    struct baseline_row row = { .memory = "volume.actor", .version = 1, .account = SL("contoso-orders"), .key = SL("k"),
                                .label = SL("an actor"), .value = SL("value"), .seen_ns = NS_PER_DAY, .id = { 1, 2, 3 } };
    struct delivery_row d;
    size_t n = 0;

    OK(store_begin(s, err));
    for (int i = 0; i < 8; i++) {
        struct window w = window_nth("prod", i, i < 4 ? WINDOW_RECHECKED : WINDOW_CLOSED);

        OK(store_put_window(s, &w, err));
        OK(store_put_seen(s, &w, SL("seen"), err));
        put_nth(s, "soc", i);
    }
    OK(store_put_baseline(s, &row, err));
    OK(store_put_blob(s, "feed/tor", SL("198.51.100.1"), err));
    OK(store_park_row(s, "prod", SL("{"), "not JSON", 1, err));
    OK(store_commit(s, err));
    OK(store_take(s, "soc", 1, &d, &n, err));
    OK(store_settle(s, &(struct settlement){ .seq = d.seq, .what = SETTLE_PARKED, .now_ns = 1, .reason = "HTTP 400",
                                             .refused = SL("{}") }, 1, err));
    delivery_row_release(&d);
}

static void make_golden(void)
{
    char path[128], golden[64], part[65536];
    gzFile to;
    FILE *from;
    size_t n;

    store_close(({ struct store *s = store_at(folder.path, STORE_RUN); fill(s); s; }));
    (void)snprintf(path, sizeof path, "%s/store.db", folder.path);
    (void)snprintf(golden, sizeof golden, GOLDEN, STORE_FORMAT);
    from = fopen(path, "r");
    to = gzopen(golden, "wb9");
    ck_assert(from && to);
    while ((n = fread(part, 1, sizeof part, from)) > 0)
        ck_assert_int_eq(gzwrite(to, part, (unsigned)n), (int)n);
    (void)fclose(from);
    ck_assert_int_eq(gzclose(to), Z_OK);
}

static void unpack(int format)
{
    char path[128], golden[64], part[65536];
    gzFile from;
    FILE *to;
    int n;

    (void)snprintf(path, sizeof path, "%s/store.db", folder.path);
    (void)snprintf(golden, sizeof golden, GOLDEN, format);
    from = gzopen(golden, "rb");
    ck_assert_msg(from, "%s is missing: a new format brings its store, UPDATE_GOLDEN=1 makes it once", golden);
    to = fopen(path, "w");
    while ((n = gzread(from, part, sizeof part)) > 0)
        ck_assert_uint_eq(fwrite(part, 1, (size_t)n, to), (size_t)n);
    ck_assert_int_eq(gzclose(from), Z_OK);
    ck_assert_int_eq(fchmod(fileno(to), 0600), 0);
    (void)fclose(to);
}

static int found(void *self, const char *what, const char *remedy, struct error *err)
{
    (void)self;
    (void)remedy;
    (void)err;
    ck_abort_msg("%s", what);
    return 0;
}

static int counted(void *self, const char *table, int64_t rows, struct error *err)
{
    (void)table;
    (void)err;
    *(int64_t *)self += rows;
    return 0;
}

static int same_window(void *self, const struct window *w, struct error *err)
{
    int *n = self;

    (void)err;
    ck_assert(w->from_ns == *n * NS_PER_MIN && w->records == *n);
    ck_assert_int_eq(w->state, *n < 4 ? WINDOW_RECHECKED : WINDOW_CLOSED);
    ++*n;
    return 0;
}

START_TEST(a_store_of_every_format_there_was_is_opened_with_all_that_is_in_it)
{
    for (int format = 1; format <= STORE_FORMAT; format++) {
        struct output_counts c = { 0 };
        struct store *s;
        int windows = 0;
        int64_t rows = 0;

        folder_empty(folder.path);
        if (getenv("UPDATE_GOLDEN") && format == STORE_FORMAT) {
            make_golden();
            folder_empty(folder.path);
        }
        unpack(format);
        s = store_at(folder.path, STORE_RUN);
        ck_assert_msg(!store_recovery(s), "%s", store_recovery(s));
        OK(store_each_window(s, "prod", 0, same_window, &windows, err));
        ck_assert_int_eq(windows, 8);
        for (int i = 0; i < 8; i++) {
            CLEANUP(alert_freep) struct alert *a = alert_nth(i), *back = NULL;

            OK(store_get_alert(s, a->id, &back, err));
            ck_assert_int_eq(back->count, a->count);
        }
        OK(store_count_output(s, "soc", &c, err));
        ck_assert(c.pending == 7 && c.parked == 1);
        OK(store_examine(s, &(struct store_examiner){ .self = &rows, .found = found, .counted = counted }, err));
        ck_assert_int_eq(rows, 8 + 8 + 1 + 8 + 8 + 8 + 0 + 1 + 1); /* in the order of schema.c */
        put_nth(s, "soc", 100);
        store_close(s);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("golden");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_store_of_every_format_there_was_is_opened_with_all_that_is_in_it);
    return run_group("store golden", t);
}
