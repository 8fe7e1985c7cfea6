/* What detectors/kit/usual promises to the operator: labels that can be read, and a word that counts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/timeutil.h"
#include "detectors/kit/access.h"
#include "detectors/kit/usual.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdlib.h>

static const struct baseline_config cfg = { .horizon_ns = 12 * NS_PER_HOUR, .learn_ns = 14 * NS_PER_DAY };
static const int64_t noon = INT64_C(1780315200) * NS_PER_S; /* 2026-06-01T12:00:00Z */

static struct baseline *open_baseline(void)
{
    struct baseline *b = baseline_new(&cfg);
    struct error err = { 0 };

    ck_assert_ptr_nonnull(b);
    ck_assert_int_eq(baseline_declare(b, &usual_value_memory, &err), 0);
    ck_assert_int_eq(baseline_declare(b, &usual_address_memory, &err), 0);
    ck_assert_int_eq(baseline_declare(b, &usual_list_memory, &err), 0);
    return b;
}

struct confirming {
    struct baseline *baseline;
    const char *label;
    int confirmed;
};

static int confirm_row(void *self, const struct baseline_row *row, struct error *err UNUSED)
{
    struct confirming *c = self;

    if (slice_eq(row->label, slice_of(c->label)))
        c->confirmed += baseline_confirm_row(c->baseline, row, noon);
    return 0;
}

static int confirm(struct baseline *b, const char *label)
{
    struct confirming c = { .baseline = b, .label = label };
    struct error err = { 0 };

    ck_assert_int_eq(baseline_each_changed(b, confirm_row, &c, &err), 0);
    return c.confirmed;
}

START_TEST(a_confirmed_value_is_as_usual_as_one_of_every_day)
{
    struct baseline *b = open_baseline();
    struct usual_view v;

    v = usual_touch(b, SL("shop"), USUAL_COUNTRY, SL("DE"), noon);
    ck_assert(usual_is_unseen(&v));
    v = usual_look(b, SL("shop"), USUAL_COUNTRY, SL("DE"), noon + NS_PER_MIN);
    ck_assert(usual_is_unseen(&v));
    ck_assert_int_eq(confirm(b, "country DE"), 1);
    v = usual_look(b, SL("shop"), USUAL_COUNTRY, SL("DE"), noon + NS_PER_MIN);
    ck_assert(!usual_is_unseen(&v));
    ck_assert_str_eq(usual_word(&v), "FREQUENT");
    v = usual_touch(b, SL("shop"), USUAL_COUNTRY, SL("DE"), noon + 3 * NS_PER_DAY);
    ck_assert(!usual_is_unseen(&v));
    v = usual_look(b, SL("shop"), USUAL_COUNTRY, SL("FR"), noon);
    ck_assert(usual_is_unseen(&v));
    baseline_free(b);
}
END_TEST

static void touch_client(struct baseline *b, enum usual_what what, const char *address)
{
    struct neighbourhood near = neighbourhood_of(slice_of(address));
    const struct agent agent = { .name = SL("java-v4") };
    char room[CLIENT_KEY_MAX];

    (void)usual_touch(b, SL("shop"), what,
                      what == USUAL_NETWORK ? neighbourhood_slice(&near) : client_key(&agent, &near, room), noon);
}

START_TEST(labels_say_what_a_person_would)
{
    static const char *const wanted[] = { "network 203.0.0.0/16", "network 2001:db8::/32", "network private networks",
                                          "client from 203.0.0.0/16, java-v4", "principal 3f2c", "program java-v4" };
    struct baseline *b = open_baseline();

    touch_client(b, USUAL_NETWORK, "203.0.113.9");
    touch_client(b, USUAL_NETWORK, "2001:db8::1");
    touch_client(b, USUAL_NETWORK, "10.0.0.1");
    touch_client(b, USUAL_CLIENT, "203.0.113.9");
    (void)usual_touch(b, SL("shop"), USUAL_PRINCIPAL, SL("3f2c"), noon);
    (void)usual_touch(b, SL("shop"), USUAL_FAMILY, SL("java-v4"), noon);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        ck_assert_msg(confirm(b, wanted[i]) == 1, "nothing is labelled '%s'", wanted[i]);
    baseline_free(b);
}
END_TEST

int main(void)
{
    TCase *all = tcase_create("all");

    tcase_add_test(all, a_confirmed_value_is_as_usual_as_one_of_every_day);
    tcase_add_test(all, labels_say_what_a_person_would);
    return run_group("kit/usual", all);
}
