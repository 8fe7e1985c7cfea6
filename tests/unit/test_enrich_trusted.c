/* What trusted.h promises about use: days on which an entry vouched for somebody, whatever the order, kept and put back.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/trusted.h"

#include "base/buf.h"
#include "base/timeutil.h"
#include "settings/errors.h"
#include "settings/yaml_node.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdlib.h>

#define DAY(n) ((INT64_C(20000) + (n)) * NS_PER_DAY)

static struct trusted *list_of(const char *text)
{
    struct settings_errors errors = { 0 };
    struct yaml_tree *yaml = NULL;
    struct trusted *t = NULL;

    ck_assert_int_eq(yaml_tree_parse(slice_of(text), "f", &yaml, &errors), 0);
    ck_assert_int_eq(trusted_read(yaml_tree_root(yaml), &t, &errors), 0);
    yaml_tree_free(yaml);
    return t;
}

static const char two[] = "[{ address: 192.0.2.0/24, note: ours }, { agent: 'tool*', accounts: [a, b] }]";

static bool asks(const struct trusted *t, const char *address, int64_t time_ns)
{
    return trusted_has(t, TRUSTED_ADDRESS, SL("a"), slice_of(address), time_ns);
}

START_TEST(days_are_counted_once_and_by_their_end)
{
    static const struct {
        int64_t time_ns;
        int days;
        int64_t last_ns;
    } steps[] = {
        { DAY(0) + 5, 1, DAY(0) },
        { DAY(0) + 3600 * NS_PER_S, 1, DAY(0) + 3600 * NS_PER_S },
        { DAY(0) + 3600 * NS_PER_S, 1, DAY(0) + 3600 * NS_PER_S }, /* judged again */
        { DAY(2), 2, DAY(2) },
        { DAY(1), 3, DAY(2) },                                     /* late */
        { DAY(64), 3, DAY(64) },                                   /* the first is out of sight */
        { DAY(0), 3, DAY(64) },
        { DAY(128), 1, DAY(128) },
        { DAY(500), 1, DAY(500) },
    };
    struct trusted *t = list_of(two);

    ck_assert_int_eq(trusted_use(t, 0).last_ns, 0);
    ck_assert(!asks(t, "198.51.100.1", DAY(0)) && !trusted_has_news(t));
    ck_assert_int_eq(trusted_use(t, 0).days, 0);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        trusted_mark_saved(t);
        ck_assert(asks(t, "192.0.2.7", steps[i].time_ns));
        ck_assert_msg(trusted_use(t, 0).days == steps[i].days && trusted_use(t, 0).last_ns == steps[i].last_ns, "step %zu: %d", i,
                      trusted_use(t, 0).days);
        ck_assert_msg(trusted_has_news(t) == (i != 2 && i != 6), "step %zu", i);
    }
    ck_assert_int_eq(trusted_use(t, 1).days, 0);
    trusted_free(t);
}
END_TEST

START_TEST(the_order_does_not_matter)
{
    int64_t days[] = { 0, 3, 3, 40, 62, 63, 64, 90 };
    unsigned seed = 7;
    struct trusted *first = list_of(two);

    for (size_t i = 0; i < ARRAY_LEN(days); i++)
        ck_assert(asks(first, "192.0.2.1", DAY(days[i])));
    for (int round = 0; round < 200; round++) {
        struct trusted *t = list_of(two);

        for (size_t i = ARRAY_LEN(days); i > 1; i--) {
            size_t k = (size_t)rand_r(&seed) % i;
            int64_t swapped = days[i - 1];

            days[i - 1] = days[k];
            days[k] = swapped;
        }
        for (size_t i = 0; i < ARRAY_LEN(days); i++)
            ck_assert(asks(t, "192.0.2.1", DAY(days[i])));
        ck_assert_int_eq(trusted_use(t, 0).days, trusted_use(first, 0).days);
        ck_assert_int_eq(trusted_use(t, 0).last_ns, DAY(90));
        trusted_free(t);
    }
    trusted_free(first);
}
END_TEST

START_TEST(what_is_kept_is_put_back_where_the_entry_is_the_same)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(1u << 20);
    struct trusted *t = list_of(two), *later;

    ck_assert(asks(t, "192.0.2.7", DAY(1)) && asks(t, "192.0.2.7", DAY(3)));
    ck_assert(trusted_has(t, TRUSTED_AGENT, SL("a"), SL("tool/1"), DAY(2)));
    trusted_save(t, &text);
    later = list_of("[{ agent: 'tool*', accounts: [a] }, { address: 192.0.2.0/24, until: 2040-01-01 }, { agent: 'tool*' }]");
    trusted_load(later, buf_slice(&text));
    ck_assert(!trusted_has_news(later));
    ck_assert_int_eq(trusted_use(later, 0).days, 0); /* another entry: not for the same accounts */
    ck_assert_int_eq(trusted_use(later, 1).days, 2);
    ck_assert_int_eq(trusted_use(later, 1).last_ns, DAY(3));
    ck_assert_int_eq(trusted_use(later, 2).days, 0);
    ck_assert(asks(later, "192.0.2.7", DAY(3)));
    ck_assert_int_eq(trusted_use(later, 1).days, 2); /* the same rows once more */
    trusted_free(later);

    ck_assert(asks(t, "192.0.2.7", DAY(9))); /* and not kept: */
    trusted_load(t, buf_slice(&text));
    ck_assert_int_eq(trusted_use(t, 0).days, 2);
    trusted_load(t, SL(""));
    ck_assert_int_eq(trusted_use(t, 0).days, 0);
    trusted_load(t, SL("[1, {\"entry\": \"address 192.0.2.0/24\"}, {\"entry\": 7, \"days\": \"x\"}]"));
    trusted_load(t, SL("{\"entry\": 7}"));
    ck_assert_int_eq(trusted_use(t, 0).days, 0);
    trusted_free(t);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { days_are_counted_once_and_by_their_end, the_order_does_not_matter,
                                   what_is_kept_is_put_back_where_the_entry_is_the_same };

    return run_tests("enrich_trusted", tests, ARRAY_LEN(tests));
}
