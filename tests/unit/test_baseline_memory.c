/* What agent/baseline promises: memory that is bounded, durable and the same in any order.
 * SPDX-License-Identifier: Apache-2.0 */
#include "baseline/baseline.h"
#include "baseline/slots.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct thing {
    int64_t number;
    int32_t other;
};

static const struct baseline_memory things = {
    .name = "test.thing", .version = 3, .size = sizeof(struct thing), .max_keys = 1000,
};
static const struct baseline_memory odd = {
    .name = "test.odd", .version = 1, .size = 3, .max_keys = 10,
};

static struct baseline *open_baseline(void)
{
    struct baseline_config cfg = { .horizon_ns = 4 * NS_PER_HOUR, .learn_ns = 14 * NS_PER_DAY };
    struct baseline *b = baseline_new(&cfg);
    struct error err = { 0 };

    ck_assert_ptr_nonnull(b);
    ck_assert_int_eq(baseline_declare(b, &things, &err), 0);
    ck_assert_int_eq(baseline_declare(b, &odd, &err), 0);
    return b;
}

static struct thing *put_number(struct baseline *b, int64_t key, int64_t seen_ns, bool *ret_new)
{
    struct thing *t = baseline_put(b, &things, SL("shop"), slice_make((const char *)&key, sizeof(key)),
                                   SL("label"), seen_ns, ret_new);

    ck_assert_ptr_nonnull(t);
    return t;
}

static const struct thing *get_number(struct baseline *b, int64_t key)
{
    return baseline_get(b, &things, SL("shop"), slice_make((const char *)&key, sizeof(key)));
}

/* ---- a store of rows --------------------------------------------------------------------------- */

struct row {
    char memory[32], account[32], label[32], value[64];
    size_t value_len, key_len;
    uint8_t id[16];
    uint16_t version;
    int64_t seen_ns;
    bool is_deleted;
};

struct rows {
    struct row each[4096];
    size_t len;
    size_t fail_at; /* 0: never */
};

static int keep(void *self, const struct baseline_row *r, struct error *err)
{
    struct rows *rows = self;
    struct row *to = &rows->each[rows->len++];

    if (rows->len == rows->fail_at)
        return error_set(err, ERR_IO, "disk");
    ck_assert_uint_lt(rows->len, 4096);
    *to = (struct row){ .version = r->version, .seen_ns = r->seen_ns, .is_deleted = r->is_deleted,
                        .value_len = r->value.len, .key_len = r->key.len };
    memcpy(to->id, r->id, 16);
    (void)snprintf(to->memory, sizeof(to->memory), "%s", r->memory);
    (void)snprintf(to->account, sizeof(to->account), "%.*s", SLF(r->account));
    (void)snprintf(to->label, sizeof(to->label), "%.*s", SLF(r->label));
    if (r->value.len)
        memcpy(to->value, r->value.at, r->value.len);
    return 0;
}

static struct rows *changes(struct baseline *b)
{
    struct rows *rows = calloc(1, sizeof(*rows));
    struct error err = { 0 };

    ck_assert_int_eq(baseline_each_changed(b, keep, rows, &err), 0);
    return rows;
}

static bool drop(struct baseline *b, const struct row *r)
{
    struct baseline_row row = { .memory = r->memory };

    memcpy(row.id, r->id, 16);
    return baseline_drop_row(b, &row);
}

static int load(struct baseline *b, const struct row *r, struct error *err)
{
    struct baseline_row row = { .memory = r->memory, .version = r->version, .seen_ns = r->seen_ns,
                                .is_deleted = r->is_deleted, .value = slice_make(r->value, r->value_len) };

    memcpy(row.id, r->id, 16);
    return baseline_load_row(b, &row, err);
}

/* ---- keys -------------------------------------------------------------------------------------- */

START_TEST(a_new_key_is_zeroed_and_found_again)
{
    struct baseline *b = open_baseline();
    bool is_new = false;
    struct thing *t = put_number(b, 7, 0, &is_new);

    ck_assert(is_new);
    ck_assert_int_eq(t->number, 0);
    t->number = 42;
    ck_assert_int_eq(put_number(b, 7, 0, &is_new)->number, 42);
    ck_assert(!is_new);
    ck_assert_int_eq(get_number(b, 7)->number, 42);
    ck_assert_ptr_null(get_number(b, 8));
    baseline_free(b);
}
END_TEST

START_TEST(memory_account_and_key_are_kept_apart)
{
    static const struct { const char *account, *key; } keys[] = {
        { .account = "a", .key = "bc" }, { .account = "ab", .key = "c" }, { .account = "abc", .key = "" },
        { .account = "", .key = "abc" }, { .account = "A", .key = "bc" },
    };
    struct baseline *b = open_baseline();
    bool is_new;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct thing *t = baseline_put(b, &things, slice_of(keys[i].account), slice_of(keys[i].key), SL(""), 0,
                                       &is_new);

        ck_assert_msg(is_new, "%s|%s", keys[i].account, keys[i].key);
        t->number = (int64_t)i;
    }
    ck_assert_ptr_nonnull(baseline_put(b, &odd, SL("a"), SL("bc"), SL(""), 0, &is_new));
    ck_assert(is_new);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct thing *t = baseline_get(b, &things, slice_of(keys[i].account), slice_of(keys[i].key));

        ck_assert_int_eq(t->number, (int64_t)i);
    }
    baseline_free(b);
}
END_TEST

START_TEST(a_key_may_hold_nul_bytes_and_be_long)
{
    struct baseline *b = open_baseline();
    static char huge[100000];
    bool is_new;

    (void)baseline_put(b, &odd, SL("x"), slice_make("a\0b", 3), SL(""), 0, &is_new);
    ck_assert(is_new);
    (void)baseline_put(b, &odd, SL("x"), slice_make("a\0c", 3), SL(""), 0, &is_new);
    ck_assert(is_new);
    (void)baseline_put(b, &odd, SL("x"), slice_make(huge, sizeof(huge)), SL(""), 0, &is_new);
    ck_assert(is_new);
    (void)baseline_put(b, &odd, SL("x"), slice_make(huge, sizeof(huge) - 1), SL(""), 0, &is_new);
    ck_assert(is_new);
    baseline_free(b);
}
END_TEST

START_TEST(dropping_and_growing_keep_all_the_others)
{
    struct baseline *b = open_baseline();
    struct rows *rows;

    for (int64_t i = 0; i < 1000; i++)
        put_number(b, i, i, NULL)->number = i;
    rows = changes(b);
    ck_assert_uint_eq(rows->len, 1000);
    for (size_t n = 0; n < rows->len; n++) {
        struct thing t;

        memcpy(&t, rows->each[n].value, sizeof t);
        ck_assert(t.number % 3 != 0 || drop(b, &rows->each[n]));
    }
    free(rows);
    for (int64_t i = 0; i < 1000; i++) {
        const struct thing *t = get_number(b, i);

        if (i % 3 == 0)
            ck_assert_ptr_null(t);
        else
            ck_assert_int_eq(t->number, i);
    }
    baseline_free(b);
}
END_TEST

START_TEST(declaring_twice_is_fine_for_the_same_and_a_bug_for_a_namesake)
{
    static const struct baseline_memory namesake = { .name = "test.thing", .version = 1, .size = 8,
                                                     .max_keys = 1 };
    struct baseline *b = open_baseline();
    struct error err = { 0 };

    ck_assert_int_eq(baseline_declare(b, &things, &err), 0);
    ck_assert_int_eq(baseline_declare(b, &namesake, &err), -1);
    ck_assert_int_eq(err.code, ERR_BUG);
    baseline_free(b);
}
END_TEST

/* ---- bounds ------------------------------------------------------------------------------------ */

START_TEST(at_the_ceiling_the_least_recently_seen_leave_and_are_counted)
{
    struct baseline *b = open_baseline();
    struct baseline_stats stats;

    for (int64_t i = 0; i < 1000; i++)
        put_number(b, i, (1000 - i) * NS_PER_MIN, NULL); /* 999 is the oldest */
    (void)put_number(b, 998, 5000 * NS_PER_MIN, NULL);   /* seen again */
    baseline_get_stats(b, &stats);
    ck_assert_int_eq(stats.evicted, 0);
    ck_assert_int_eq(stats.keys, 1000);
    (void)put_number(b, 5000, 6000 * NS_PER_MIN, NULL);
    baseline_get_stats(b, &stats);
    ck_assert_int_gt(stats.evicted, 0);
    ck_assert_int_eq(stats.keys, 1001 - stats.evicted);
    ck_assert_ptr_null(get_number(b, 999));
    ck_assert_ptr_nonnull(get_number(b, 998));
    ck_assert_ptr_nonnull(get_number(b, 0));
    ck_assert_ptr_nonnull(get_number(b, 5000));
    baseline_free(b);
}
END_TEST

START_TEST(eviction_does_not_depend_on_the_order_of_arrival)
{
    struct baseline *one = open_baseline(), *two = open_baseline();

    for (int64_t i = 0; i < 1000; i++) {
        (void)put_number(one, i, (i % 7) * NS_PER_MIN, NULL);
        (void)put_number(two, 999 - i, ((999 - i) % 7) * NS_PER_MIN, NULL);
    }
    (void)put_number(one, 5000, NS_PER_DAY, NULL);
    (void)put_number(two, 5000, NS_PER_DAY, NULL);
    for (int64_t i = 0; i < 1000; i++)
        ck_assert((get_number(one, i) == NULL) == (get_number(two, i) == NULL));
    baseline_free(one);
    baseline_free(two);
}
END_TEST

START_TEST(expiring_forgets_what_was_seen_before_the_time)
{
    struct baseline *b = open_baseline();

    for (int64_t i = 0; i < 900; i++)
        (void)put_number(b, i, i * NS_PER_MIN, NULL);
    baseline_expire(b, &things, 600 * NS_PER_MIN);
    for (int64_t i = 0; i < 900; i++)
        ck_assert_msg((get_number(b, i) != NULL) == (i >= 600), "%d", (int)i);
    baseline_free(b);
}
END_TEST

/* ---- durability -------------------------------------------------------------------------------- */

START_TEST(what_changed_is_told_once_with_its_texts)
{
    struct baseline *b = open_baseline();
    struct rows *rows;

    put_number(b, 7, 60 * NS_PER_MIN, NULL)->number = 1;
    put_number(b, 7, 61 * NS_PER_MIN + 5, NULL)->number = 2;
    rows = changes(b);
    ck_assert_uint_eq(rows->len, 1);
    ck_assert_str_eq(rows->each[0].memory, "test.thing");
    ck_assert_str_eq(rows->each[0].account, "shop");
    ck_assert_str_eq(rows->each[0].label, "label");
    ck_assert_uint_eq(rows->each[0].key_len, 8);
    ck_assert_uint_eq(rows->each[0].version, 3);
    ck_assert_int_eq(rows->each[0].seen_ns, 61 * NS_PER_MIN);
    ck_assert_uint_eq(rows->each[0].value_len, sizeof(struct thing));
    ck_assert_mem_eq(rows->each[0].value, &(int64_t){ 2 }, 8);
    free(rows);
    baseline_mark_clean(b);
    rows = changes(b);
    ck_assert_uint_eq(rows->len, 0);
    free(rows);
    (void)get_number(b, 7); /* looking is no change */
    rows = changes(b);
    ck_assert_uint_eq(rows->len, 0);
    free(rows);
    baseline_free(b);
}
END_TEST

START_TEST(a_row_restores_by_its_id_alone)
{
    struct baseline *one = open_baseline(), *two = open_baseline();
    struct error err = { 0 };
    struct rows *rows;

    for (int64_t i = 0; i < 500; i++)
        put_number(one, i, i * NS_PER_MIN, NULL)->number = i * i;
    rows = changes(one);
    for (size_t i = 0; i < rows->len; i++)
        ck_assert_int_eq(load(two, &rows->each[i], &err), 0);
    free(rows);
    for (int64_t i = 0; i < 500; i++)
        ck_assert_int_eq(get_number(two, i)->number, i * i);
    rows = changes(two); /* what comes from the store needs no saving */
    ck_assert_uint_eq(rows->len, 0);
    free(rows);
    baseline_expire(two, &things, 250 * NS_PER_MIN); /* seen times came along */
    ck_assert_ptr_null(get_number(two, 249));
    ck_assert_ptr_nonnull(get_number(two, 250));
    baseline_free(one);
    baseline_free(two);
}
END_TEST

START_TEST(deleting_is_told_also_for_keys_loaded_from_the_store_and_for_keys_that_come_again)
{
    struct baseline *b = open_baseline(), *other = open_baseline();
    struct error err = { 0 };
    struct rows *rows;

    put_number(b, 7, 0, NULL)->number = 1;
    rows = changes(b);
    ck_assert_int_eq(load(other, &rows->each[0], &err), 0);
    ck_assert(drop(other, &rows->each[0]));
    ck_assert(!drop(other, &rows->each[0]));
    free(rows);
    rows = changes(other);
    ck_assert_uint_eq(rows->len, 1);
    ck_assert(rows->each[0].is_deleted);
    ck_assert_uint_eq(rows->each[0].value_len, 0);
    free(rows);
    put_number(other, 7, 0, NULL)->number = 9;
    rows = changes(other);
    ck_assert_uint_eq(rows->len, 2); /* delete, then insert: in this order */
    ck_assert(rows->each[0].is_deleted && !rows->each[1].is_deleted);
    ck_assert_mem_eq(rows->each[0].id, rows->each[1].id, 16);
    free(rows);
    baseline_free(b);
    baseline_free(other);
}
END_TEST

START_TEST(after_a_failed_commit_everything_is_read_back)
{
    struct baseline *b = open_baseline();
    struct error err = { 0 };
    struct rows *saved, *failing = calloc(1, sizeof(*failing));

    put_number(b, 7, 0, NULL)->number = 1;
    saved = changes(b);
    baseline_mark_clean(b);
    put_number(b, 7, 0, NULL)->number = 2;
    put_number(b, 8, 0, NULL)->number = 3;
    failing->fail_at = 2;
    ck_assert_int_eq(baseline_each_changed(b, keep, failing, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    baseline_forget_all(b);
    ck_assert_ptr_null(get_number(b, 7));
    ck_assert_int_eq(load(b, &saved->each[0], &err), 0);
    ck_assert_int_eq(get_number(b, 7)->number, 1);
    ck_assert_ptr_null(get_number(b, 8));
    free(saved);
    free(failing);
    baseline_free(b);
}
END_TEST

static bool from_older(uint16_t version, const void *from, size_t size, void *to)
{
    if (version != 2 || size != 4)
        return false;
    ((struct thing *)to)->number = *(const int32_t *)from * 10;
    return true;
}

START_TEST(rows_of_other_versions_migrate_are_dropped_or_refused)
{
    static const struct baseline_memory migrating = { .name = "test.migrating", .version = 3,
                                                      .size = sizeof(struct thing), .max_keys = 10,
                                                      .migrate = from_older };
    static const struct {
        const char *name, *memory;
        uint16_t version;
        size_t len;
        int result;
        int64_t keys;
    } cases[] = {
        { .name = "older, migrates", .memory = "test.migrating", .version = 2, .len = 4, .keys = 1 },
        { .name = "older, unknown", .memory = "test.migrating", .version = 1, .len = 4 },
        { .name = "older, cannot migrate", .memory = "test.thing", .version = 2, .len = 4 },
        { .name = "newer", .memory = "test.thing", .version = 4, .len = 16, .result = -1 },
        { .name = "too short", .memory = "test.thing", .version = 3, .len = 15, .result = -1 },
        { .name = "too long", .memory = "test.thing", .version = 3, .len = 17, .result = -1 },
        { .name = "empty", .memory = "test.thing", .version = 3, .len = 0, .result = -1 },
        { .name = "switched off", .memory = "test.gone", .version = 9, .len = 3 },
        { .name = "right", .memory = "test.thing", .version = 3, .len = 16, .keys = 1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct baseline *b = open_baseline();
        struct row r = { .version = cases[i].version, .value_len = cases[i].len };
        struct baseline_stats stats;
        struct error err = { 0 };

        ck_assert_int_eq(baseline_declare(b, &migrating, &err), 0);
        memcpy(r.value, &(int32_t){ 4 }, 4);
        (void)snprintf(r.memory, sizeof(r.memory), "%s", cases[i].memory);
        ck_assert_msg(load(b, &r, &err) == cases[i].result, "%s: %s", cases[i].name, err.msg);
        if (cases[i].result < 0)
            ck_assert_int_eq(err.code, ERR_STATE);
        baseline_get_stats(b, &stats);
        ck_assert_msg(stats.keys == cases[i].keys, "%s", cases[i].name);
        baseline_free(b);
    }
}
END_TEST

/* ---- accounts ---------------------------------------------------------------------------------- */

#define T0 (INT64_C(20000) * NS_PER_DAY)

START_TEST(learning_ends_after_the_learning_time_with_enough_active_days)
{
    static const struct {
        const char *name;
        int active_days;     /* the first ones, each seen at noon */
        int64_t judged_at;   /* after T0 + 12 h */
        bool is_learning;
    } cases[] = {
        { .name = "never seen", .active_days = 0, .judged_at = 30 * NS_PER_DAY, .is_learning = true },
        { .name = "13 days", .active_days = 13, .judged_at = 13 * NS_PER_DAY, .is_learning = true },
        { .name = "14 days", .active_days = 14, .judged_at = 14 * NS_PER_DAY, .is_learning = false },
        { .name = "14 days less a slot", .active_days = 14, .judged_at = 14 * NS_PER_DAY - 4 * NS_PER_HOUR,
          .is_learning = true },
        { .name = "one day, long ago", .active_days = 1, .judged_at = 40 * NS_PER_DAY, .is_learning = true },
        { .name = "six days", .active_days = 6, .judged_at = 40 * NS_PER_DAY, .is_learning = true },
        { .name = "seven days", .active_days = 7, .judged_at = 40 * NS_PER_DAY, .is_learning = false },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct baseline *b = open_baseline();
        int64_t noon = T0 + 12 * NS_PER_HOUR;

        for (int day = 0; day < cases[i].active_days; day++)
            baseline_saw_account(b, SL("shop"), noon + day * NS_PER_DAY);
        ck_assert_msg(baseline_is_learning(b, SL("shop"), noon + cases[i].judged_at) == cases[i].is_learning,
                      "%s", cases[i].name);
        ck_assert(baseline_is_learning(b, SL("other"), noon + cases[i].judged_at));
        baseline_free(b);
    }
}
END_TEST

START_TEST(rows_beyond_the_horizon_are_counted_and_teach_nothing)
{
    struct baseline *b = open_baseline();
    struct baseline_stats stats;

    baseline_saw_account(b, SL("shop"), T0 + 20 * NS_PER_HOUR);
    baseline_saw_account(b, SL("shop"), T0 + 16 * NS_PER_HOUR); /* the slot before: late, but in time */
    baseline_get_stats(b, &stats);
    ck_assert_int_eq(stats.late, 0);
    baseline_saw_account(b, SL("shop"), T0 + 15 * NS_PER_HOUR);
    baseline_saw_account(b, SL("shop"), T0);
    baseline_get_stats(b, &stats);
    ck_assert_int_eq(stats.late, 2);
    ck_assert_int_eq(stats.accounts, 1);
    baseline_free(b);
}
END_TEST

/* ---- slots ------------------------------------------------------------------------------------- */

static char steps[200];

static void note_step(void *self, int32_t closed, int32_t next)
{
    size_t len = strlen(steps);

    (void)self;
    (void)snprintf(steps + len, sizeof(steps) - len, "%d>%d ", (int)closed, (int)next);
}

START_TEST(slots_step_one_by_one_and_jump_over_pauses)
{
    static const struct {
        const char *name, *steps;
        int32_t newest, slot, after;
        enum slot_age age;
    } cases[] = {
        { .name = "new", .newest = SLOT_NEVER, .slot = 40, .after = 40, .age = SLOT_NOW, .steps = "" },
        { .name = "same", .newest = 40, .slot = 40, .after = 40, .age = SLOT_NOW, .steps = "" },
        { .name = "before", .newest = 40, .slot = 36, .after = 40, .age = SLOT_BEFORE, .steps = "" },
        { .name = "late", .newest = 40, .slot = 32, .after = 40, .age = SLOT_LATE, .steps = "" },
        { .name = "next", .newest = 40, .slot = 44, .after = 44, .age = SLOT_NOW, .steps = "36>44 " },
        { .name = "two on", .newest = 40, .slot = 48, .after = 48, .age = SLOT_NOW,
          .steps = "36>44 40>48 " },
        { .name = "three on", .newest = 40, .slot = 52, .after = 52, .age = SLOT_NOW,
          .steps = "36>44 40>48 44>52 " },
        { .name = "far on", .newest = 40, .slot = 4000, .after = 4000, .age = SLOT_NOW,
          .steps = "36>44 40>48 44>4000 " },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int32_t newest = cases[i].newest;
        enum slot_age age;

        steps[0] = '\0';
        age = slots_advance(&newest, cases[i].slot, 4, note_step, NULL);
        ck_assert_msg(age == cases[i].age, "%s", cases[i].name);
        ck_assert_msg(newest == cases[i].after, "%s", cases[i].name);
        ck_assert_msg(strcmp(steps, cases[i].steps) == 0, "%s: %s", cases[i].name, steps);
    }
}
END_TEST

START_TEST(slots_are_named_by_their_first_hour_and_never_span_days)
{
    static const int32_t lengths[] = { 1, 2, 3, 4, 6, 8, 12, 24 };

    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        for (int64_t hour = 0; hour < 100; hour++) {
            int64_t at = T0 + hour * NS_PER_HOUR + 59 * NS_PER_MIN;
            int32_t slot = slots_of(at, lengths[i]);

            ck_assert_int_le(slots_start_ns(slot), at);
            ck_assert_int_lt(at, slots_start_ns(slot) + lengths[i] * NS_PER_HOUR);
            ck_assert_int_eq(slots_start_ns(slot) % (lengths[i] * NS_PER_HOUR), 0);
            ck_assert_int_eq(slots_day(slot), at / NS_PER_DAY);
        }
        ck_assert_int_gt(slots_of(0, lengths[i]), SLOT_NEVER);
        ck_assert_int_gt(slots_of(-1, lengths[i]), SLOT_NEVER);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("all");

    tcase_add_test(t, a_new_key_is_zeroed_and_found_again);
    tcase_add_test(t, memory_account_and_key_are_kept_apart);
    tcase_add_test(t, a_key_may_hold_nul_bytes_and_be_long);
    tcase_add_test(t, dropping_and_growing_keep_all_the_others);
    tcase_add_test(t, declaring_twice_is_fine_for_the_same_and_a_bug_for_a_namesake);
    tcase_add_test(t, at_the_ceiling_the_least_recently_seen_leave_and_are_counted);
    tcase_add_test(t, eviction_does_not_depend_on_the_order_of_arrival);
    tcase_add_test(t, expiring_forgets_what_was_seen_before_the_time);
    tcase_add_test(t, what_changed_is_told_once_with_its_texts);
    tcase_add_test(t, a_row_restores_by_its_id_alone);
    tcase_add_test(t, deleting_is_told_also_for_keys_loaded_from_the_store_and_for_keys_that_come_again);
    tcase_add_test(t, after_a_failed_commit_everything_is_read_back);
    tcase_add_test(t, rows_of_other_versions_migrate_are_dropped_or_refused);
    tcase_add_test(t, learning_ends_after_the_learning_time_with_enough_active_days);
    tcase_add_test(t, rows_beyond_the_horizon_are_counted_and_teach_nothing);
    tcase_add_test(t, slots_step_one_by_one_and_jump_over_pauses);
    tcase_add_test(t, slots_are_named_by_their_first_hour_and_never_span_days);
    return run_group("baseline", t);
}
