/* What base/uuid.h promises: names decide, and the marks of RFC 9562 are in place.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include "base/services.h"
#include "tests/kit/suite.h"

#include <check.h>

/* RFC 9562, section 6.6: the DNS namespace. */
static const uint8_t dns[16] = { 0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8 };

START_TEST(the_example_of_the_rfc_comes_out)
{
    char id[37];

    ck_assert(uuid_v5(dns, SL("www.example.com"), id)); /* RFC 9562, appendix A.4 */
    ck_assert_str_eq(id, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    ck_assert(uuid_v5(dns, SL("python.org"), id)); /* Python's uuid module documentation */
    ck_assert_str_eq(id, "886313e1-3b8a-5372-9b90-0c9aee199e5d");
}
END_TEST

START_TEST(an_empty_name_and_names_with_nul_are_names)
{
    char a[37], b[37], c[37];

    ck_assert(uuid_v5(dns, slice_make(NULL, 0), a) && uuid_v5(dns, SL("\0"), b) && uuid_v5(dns, SL("\0\0"), c));
    ck_assert_str_ne(a, b);
    ck_assert_str_ne(b, c);
    ck_assert(uuid_is_valid(slice_of(a)));
}
END_TEST

START_TEST(chance_gives_version_four)
{
    const struct services sv = { .random = &random_system };
    char a[37], b[37];

    for (int i = 0; i < 100; i++) {
        uuid_v4(&sv, a);
        uuid_v4(&sv, b);
        ck_assert_str_ne(a, b);
        ck_assert(uuid_is_valid(slice_of(a)));
        ck_assert_int_eq(a[14], '4');
        ck_assert_ptr_nonnull(strchr("89ab", a[19]));
    }
}
END_TEST

START_TEST(the_form_is_judged_strictly)
{
    ck_assert(uuid_is_valid(SL("00000000-0000-0000-0000-000000000000")));
    ck_assert(uuid_is_valid(SL("ABCDEFab-0000-0000-0000-000000000000")));
    ck_assert(!uuid_is_valid(SL("")));
    ck_assert(!uuid_is_valid(SL("{0000000-0000-0000-0000-00000000000}")));
    ck_assert(!uuid_is_valid(SL("000000000000-0000-0000-0000-00000000")));
    ck_assert(!uuid_is_valid(SL("g0000000-0000-0000-0000-000000000000")));
    ck_assert(!uuid_is_valid(SL("00000000-0000-0000-0000-0000000000000")));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_example_of_the_rfc_comes_out,
        an_empty_name_and_names_with_nul_are_names,
        chance_gives_version_four,
        the_form_is_judged_strictly,
    };

    return run_tests("uuid", tests, ARRAY_LEN(tests));
}
