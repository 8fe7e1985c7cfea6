/* What base/map.h promises: any bytes are a key, order is insertion order, deleting while walking.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>

static struct slice key_of(int i, char *text, size_t size)
{
    int n = snprintf(text, size, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);

    return slice_make(text, (size_t)n);
}

START_TEST(an_empty_map_finds_deletes_and_walks_nothing)
{
    CLEANUP(map_freep) struct map *m = map_new(8);
    size_t it = 0;

    ck_assert_ptr_null(map_get(m, SL("a")));
    ck_assert(!map_del(m, SL("a")));
    ck_assert(!map_next(m, &it, NULL, NULL));
    ck_assert_uint_eq(map_len(m), 0);
    map_clear(m);
    map_free(NULL);
}
END_TEST

START_TEST(a_new_value_is_zeroed_and_an_old_one_is_kept)
{
    CLEANUP(map_freep) struct map *m = map_new(sizeof(int64_t));
    bool is_new = false;
    int64_t *v = map_put(m, SL("a"), &is_new);

    ck_assert(is_new);
    ck_assert_int_eq(*v, 0);
    *v = 7;
    v = map_put(m, SL("a"), &is_new);
    ck_assert(!is_new);
    ck_assert_int_eq(*v, 7);
    ck_assert(map_del(m, SL("a")));
    v = map_put(m, SL("a"), NULL);
    ck_assert_int_eq(*v, 0);
}
END_TEST

START_TEST(empty_keys_and_keys_with_nul_bytes_are_keys)
{
    CLEANUP(map_freep) struct map *m = map_new(1);
    static const struct slice keys[] = { SL(""), SL("\0"), SL("\0\0"), SL("a"), SL("a\0"), SL("a\0b") };

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        *(char *)map_put(m, keys[i], NULL) = (char)i;
    ck_assert_uint_eq(map_len(m), ARRAY_LEN(keys));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        ck_assert_int_eq(*(char *)map_get(m, keys[i]), (char)i);
    ck_assert_ptr_nonnull(map_get(m, slice_make(NULL, 0)));
}
END_TEST

START_TEST(keys_are_copied)
{
    CLEANUP(map_freep) struct map *m = map_new(0);
    char key[] = "abc";

    ck_assert_ptr_nonnull(map_put(m, slice_make(key, 3), NULL));
    key[0] = 'x';
    ck_assert_ptr_nonnull(map_get(m, SL("abc")));
    ck_assert_ptr_null(map_get(m, SL("xbc")));
}
END_TEST

START_TEST(the_walk_is_in_insertion_order_with_holes_passed_over)
{
    CLEANUP(map_freep) struct map *m = map_new(sizeof(int));
    char text[32];
    size_t it = 0;
    struct slice key;
    void *value;
    int want = 1;

    for (int i = 0; i < 1000; i++)
        *(int *)map_put(m, key_of(i, text, sizeof(text)), NULL) = i;
    for (int i = 0; i < 1000; i += 2)
        ck_assert(map_del(m, key_of(i, text, sizeof(text))));
    while (map_next(m, &it, &key, &value)) {
        ck_assert_int_eq(*(int *)value, want);
        ck_assert(slice_eq(key, key_of(want, text, sizeof(text))));
        want += 2;
    }
    ck_assert_int_eq(want, 1001);
}
END_TEST

START_TEST(the_current_one_may_be_deleted_on_a_walk)
{
    CLEANUP(map_freep) struct map *m = map_new(sizeof(int));
    char text[32];
    size_t it = 0, seen = 0;
    struct slice key;

    for (int i = 0; i < 500; i++)
        ck_assert_ptr_nonnull(map_put(m, key_of(i, text, sizeof(text)), NULL));
    while (map_next(m, &it, &key, NULL)) {
        ck_assert(map_del(m, key)); /* the key is a view into what dies */
        seen++;
    }
    ck_assert_uint_eq(seen, 500);
    ck_assert_uint_eq(map_len(m), 0);
}
END_TEST

/* Against a plain array, through growth, holes and moves of slots. */
START_TEST(a_long_random_life_loses_and_invents_nothing)
{
    enum { KEYS = 3000, STEPS = 300000 };
    CLEANUP(map_freep) struct map *m = map_new(sizeof(int64_t));
    static int64_t truth[KEYS]; /* 0: absent */
    size_t live = 0;
    uint64_t state = 42;
    char text[32];

    memset(truth, 0, sizeof(truth));
    for (int step = 0; step < STEPS; step++) {
        int i;
        struct slice key;

        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        i = (int)(state >> 33) % KEYS;
        key = key_of(i, text, sizeof(text));
        if (state >> 63) {
            bool is_new;
            int64_t *v = map_put(m, key, &is_new);

            if (is_new != (truth[i] == 0))
                ck_abort_msg("step %d", step);
            live += is_new ? 1 : 0;
            *v = truth[i] = step + 1;
        } else {
            if (map_del(m, key) != (truth[i] != 0))
                ck_abort_msg("step %d", step);
            live -= truth[i] != 0 ? 1 : 0;
            truth[i] = 0;
        }
        if (map_len(m) != live)
            ck_abort_msg("step %d", step);
    }
    for (int i = 0; i < KEYS; i++) {
        int64_t *v = map_get(m, key_of(i, text, sizeof(text)));

        ck_assert((v ? *v : 0) == truth[i]);
    }
}
END_TEST

START_TEST(a_queue_of_keys_does_not_grow_the_map)
{
    CLEANUP(map_freep) struct map *m = map_new(8);
    char text[32];

    for (int i = 0; i < 200000; i++) { /* one in, one out: what an eviction rule does */
        if (!map_put(m, key_of(i, text, sizeof(text)), NULL) ||
            (i >= 100 && !map_del(m, key_of(i - 100, text, sizeof(text)))))
            ck_abort_msg("step %d", i);
    }
    ck_assert_uint_eq(map_len(m), 100);
}
END_TEST

START_TEST(a_cleared_map_can_be_filled_again)
{
    CLEANUP(map_freep) struct map *m = map_new(8);
    char text[32];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++)
            ck_assert_ptr_nonnull(map_put(m, key_of(i, text, sizeof(text)), NULL));
        ck_assert_uint_eq(map_len(m), 100);
        map_clear(m);
        ck_assert_ptr_null(map_get(m, key_of(5, text, sizeof(text))));
    }
}
END_TEST

START_TEST(the_hash_is_the_same_everywhere)
{
    /* Fixed for ever: hashes are stored. */
    ck_assert_uint_eq(hash64("", 0, 0), UINT64_C(0x3f226cc204bfb879));
    ck_assert_uint_eq(hash64("a", 1, 0), UINT64_C(0xd407a5ed04fd4e9e));
    ck_assert_uint_eq(hash64("abcdefgh", 8, 1), UINT64_C(0xdb75a555a2ed02ad));
    ck_assert_uint_eq(hash64("the quick brown fox jumps over the lazy dog", 43, 7), UINT64_C(0x8585dadd53215323));
}
END_TEST

START_TEST(the_hash_differs_by_length_seed_and_each_bit)
{
    unsigned char key[64] = { 0 };
    int flips = 0, bits = 0;

    for (size_t len = 0; len < sizeof(key); len++) {
        ck_assert_uint_ne(hash64(key, len, 0), hash64(key, len + 1, 0));
        ck_assert_uint_ne(hash64(key, len, 0), hash64(key, len, 1));
    }
    for (size_t len = 1; len <= sizeof(key); len++)
        for (size_t bit = 0; bit < len * 8; bit++) {
            uint64_t before = hash64(key, len, 5), after;

            key[bit / 8] ^= (unsigned char)(1u << bit % 8);
            after = hash64(key, len, 5);
            key[bit / 8] ^= (unsigned char)(1u << bit % 8);
            ck_assert_uint_ne(before, after);
            flips += __builtin_popcountll(before ^ after);
            bits += 64;
        }
    ck_assert_msg(flips > bits * 49 / 100 && flips < bits * 51 / 100, "%d of %d bits", flips, bits);
}
END_TEST

START_TEST(short_keys_do_not_collide)
{
    CLEANUP(map_freep) struct map *seen = map_new(0);
    char text[32];

    for (int i = 0; i < 300000; i++) {
        struct slice key = key_of(i, text, sizeof(text));
        uint64_t h = hash64(key.at, key.len, 0);
        bool is_new;

        (void)map_put(seen, slice_make((const char *)&h, sizeof(h)), &is_new);
        if (!is_new)
            ck_abort_msg("collision at %s", text);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_empty_map_finds_deletes_and_walks_nothing,
        a_new_value_is_zeroed_and_an_old_one_is_kept,
        empty_keys_and_keys_with_nul_bytes_are_keys,
        keys_are_copied,
        the_walk_is_in_insertion_order_with_holes_passed_over,
        the_current_one_may_be_deleted_on_a_walk,
        a_long_random_life_loses_and_invents_nothing,
        a_queue_of_keys_does_not_grow_the_map,
        a_cleared_map_can_be_filled_again,
        the_hash_is_the_same_everywhere,
        the_hash_differs_by_length_seed_and_each_bit,
        short_keys_do_not_collide,
    };

    return run_tests("map", tests, ARRAY_LEN(tests));
}
