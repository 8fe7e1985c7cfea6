/* A week and a day of a reader, in pictures with words: what is drawn is what the band knows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "baseline/baseline.h"
#include "console/volume.h"
#include "detectors/kit/band.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define LEN 12
#define MONDAY 20605 /* 2026-06-01, in days since 1970 */

static const struct band_rule rule = { .z10 = 30, .q = 3, .floor_bytes = 50 << 20, .samples = 20 };

static int32_t slot_of(int32_t day, int32_t hour)
{
    return slots_of((day * INT64_C(24) + hour) * NS_PER_HOUR, LEN);
}

static void read_hour(struct band *b, int32_t day, int32_t hour, int64_t bytes)
{
    enum slot_age age = band_enter(b, slot_of(day, hour), LEN, &rule);

    band_note(b, age, hour % LEN, bytes);
}

/* Four weeks of working days from 8 to 18, 10 MB at noon, 1 MB else; Saturdays one hour. */
static struct band *ordinary(void)
{
    struct band *b = calloc(1, sizeof *b);

    ck_assert_ptr_nonnull(b);
    for (int32_t day = MONDAY - 28; day < MONDAY; day++)
        for (int32_t hour = 0; hour < 24; hour++) {
            int32_t weekday = (day - MONDAY + 28) % 7;

            if (weekday < 5 && hour >= 8 && hour < 18)
                read_hour(b, day, hour, hour == 12 ? 10000000 : 1000000);
            if (weekday == 5 && hour == 3)
                read_hour(b, day, hour, 100000);
        }
    return b;
}

START_TEST(a_week_and_the_newest_day_are_told_hour_by_hour)
{
    struct band *b = ordinary();
    struct baseline_hours h = { 0 };

    read_hour(b, MONDAY, 9, 1000000);
    read_hour(b, MONDAY, 13, 500000000);
    ck_assert(band_look_hours(b, LEN, &h));
    ck_assert_int_eq(h.day_ns, MONDAY * NS_PER_DAY);
    for (int hour = 0; hour < 24; hour++) {
        bool is_busy = hour >= 8 && hour < 18;

        ck_assert_msg((h.usual[0][hour] > 0) == is_busy, "Monday %d: %ld", hour, (long)h.usual[0][hour]);
        ck_assert_msg((h.day[hour].usual > 0) == is_busy, "today %d", hour);
        ck_assert_msg((h.day[hour].seen > 0) == (hour == 9 || hour == 13), "seen %d", hour);
        ck_assert(h.day[hour].p99 >= h.day[hour].usual);
    }
    ck_assert_int_gt(h.usual[5][3], 0);
    ck_assert_int_eq(h.usual[5][12], 0);
    ck_assert_int_gt(h.usual[2][12], 5 * h.usual[2][13]);
    ck_assert_double_eq_tol((double)h.day[13].seen, 500e6, 60e6); /* kept to an eighth of an octave */
    ck_assert_int_lt(h.day[13].p99, h.day[13].seen);
    free(b);
}
END_TEST

START_TEST(pictures_have_words_and_name_what_is_above)
{
    struct band *b = ordinary();
    struct baseline_hours h = { 0 };
    struct buf out = BUF_INIT(1u << 20);

    read_hour(b, MONDAY, 9, 900000);
    read_hour(b, MONDAY, 13, 500000000);
    read_hour(b, MONDAY, 22, 70000000);
    ck_assert(band_look_hours(b, LEN, &h));
    volume_add_week(&out, &h);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "Active in 52 of the 168 hours of a week, most on ")); /* and Sunday at 3, as Saturday */
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), " at 12:00 with "));
    buf_clear(&out);
    volume_add_day(&out, &h);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "2026-06-01, the newest day"));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "3 hours with reads; above the band: 13:00 with "));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), ", 22:00 with "));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "(usual nothing)"));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "<circle class=\"within\""));
    ck_assert_ptr_null(strstr(buf_cstr(&out), "nan"));
    ck_assert_uint_lt(out.len, 8192); /* a page has several */
    buf_release(&out);
    free(b);
}
END_TEST

START_TEST(nothing_is_known_of_what_never_was)
{
    struct band *b = calloc(1, sizeof *b);
    struct baseline_hours h = { 0 };

    ck_assert_ptr_nonnull(b);
    ck_assert(!band_look_hours(b, LEN, &h));
    read_hour(b, MONDAY, 9, 1000000);
    ck_assert(!band_look_hours(b, LEN, &h)); /* its first slot is still open */
    free(b);
}
END_TEST

START_TEST(a_length_of_slots_that_was_changed_does_no_harm)
{
    static const int32_t lengths[] = { 1, 2, 3, 4, 6, 8, 12, 24 };
    struct band *b = ordinary();

    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct baseline_hours h = { 0 };

        ck_assert(band_look_hours(b, lengths[i], &h));
    }
    free(b);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("volume");

    tcase_add_test(t, a_week_and_the_newest_day_are_told_hour_by_hour);
    tcase_add_test(t, pictures_have_words_and_name_what_is_above);
    tcase_add_test(t, nothing_is_known_of_what_never_was);
    tcase_add_test(t, a_length_of_slots_that_was_changed_does_no_harm);
    return run_group("console/volume", t);
}
