/* What base/arena.h promises: zeroed, aligned, counted, and gone together.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "tests/kit/suite.h"

#include <check.h>

static bool is_all(const unsigned char *at, size_t len, unsigned char want)
{
    for (size_t i = 0; i < len; i++)
        if (at[i] != want)
            return false;
    return true;
}

START_TEST(memory_is_zeroed_and_aligned_also_after_a_reset)
{
    CLEANUP(arena_release) struct arena a = ARENA_INIT(0);

    for (int round = 0; round < 3; round++) {
        for (size_t len = 0; len < 3000; len += 7) {
            unsigned char *p = arena_alloc(&a, len);

            ck_assert_ptr_nonnull(p);
            ck_assert_uint_eq((uintptr_t)p % 16, 0);
            ck_assert(is_all(p, len, 0));
            memset(p, 0xaa, len);
        }
        arena_reset(&a);
        ck_assert_uint_eq(a.used, 0);
    }
}
END_TEST

START_TEST(pieces_do_not_overlap_whatever_their_sizes)
{
    enum { N = 400 };
    CLEANUP(arena_release) struct arena a = ARENA_INIT(0);
    unsigned char *at[N];
    size_t len[N];

    for (size_t i = 0; i < N; i++) {
        len[i] = i % 10 == 9 ? 100000 + i : i * 13; /* some larger than a block */
        at[i] = arena_alloc(&a, len[i]);
        memset(at[i], (int)(i & 0xff), len[i]);
    }
    for (size_t i = 0; i < N; i++)
        ck_assert(is_all(at[i], len[i], i & 0xff));
}
END_TEST

START_TEST(the_ceiling_counts_what_is_handed_out)
{
    CLEANUP(arena_release) struct arena a = ARENA_INIT(64);

    ck_assert_ptr_nonnull(arena_alloc(&a, 48));
    ck_assert_ptr_null(arena_alloc(&a, 17));
    ck_assert_ptr_nonnull(arena_alloc(&a, 16));
    ck_assert_ptr_null(arena_alloc(&a, 1));
    ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX));
    ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX - 8));
    arena_reset(&a);
    ck_assert_ptr_nonnull(arena_alloc(&a, 64));
}
END_TEST

START_TEST(copies_end_in_nul_and_keep_nul_bytes)
{
    CLEANUP(arena_release) struct arena a = ARENA_INIT(32);
    struct slice copy = { 0 };

    ck_assert(arena_copy(&a, SL("a\0b"), &copy));
    ck_assert(slice_eq(copy, SL("a\0b")));
    ck_assert_int_eq(copy.at[3], '\0');
    ck_assert(arena_copy(&a, slice_make(NULL, 0), &copy));
    ck_assert_ptr_nonnull(copy.at);
    ck_assert_uint_eq(copy.len, 0);
    ck_assert(!arena_copy(&a, SL("x"), &copy));
}
END_TEST

START_TEST(release_works_on_nothing_and_twice)
{
    struct arena a = ARENA_INIT(0);

    arena_release(NULL);
    arena_release(&a);
    ck_assert_ptr_nonnull(arena_alloc(&a, 1));
    arena_release(&a);
    arena_release(&a);
    ck_assert_ptr_null(a.head);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        memory_is_zeroed_and_aligned_also_after_a_reset,
        pieces_do_not_overlap_whatever_their_sizes,
        the_ceiling_counts_what_is_handed_out,
        copies_end_in_nul_and_keep_nul_bytes,
        release_works_on_nothing_and_twice,
    };

    return run_tests("arena", tests, ARRAY_LEN(tests));
}
