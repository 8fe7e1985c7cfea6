/* A report counts each alert once, compares with the time before, keeps the worst and forgets nothing that it cannot name;
 * long counting says how far it is. Every detector serves a control that exists.
 * SPDX-License-Identifier: Apache-2.0 */
#include "report/report.h"

#include "base/services.h"
#include "detectors/controls.h"
#include "detectors/detector.h"
#include "store_kit.h"
#include "tests/kit/suite.h"

#include <fcntl.h>

#define DAY (NS_PER_DAY * 20000) /* of alert_nth */

static struct folder folder;

static void set_up(void) { folder = folder_new(); }
static void tear_down(void) { folder_remove(&folder); }

/* A clock on which this much passes whenever somebody looks. */
static int64_t step_ms;

static int64_t slow_mono_ms(void *self)
{
    int64_t *ms = self;

    return *ms += step_ms;
}

static int64_t fixed_wall_ns(void *self UNUSED)
{
    return DAY + NS_PER_DAY;
}

static const struct clock_ops slow = { .wall_ns = fixed_wall_ns, .mono_ms = slow_mono_ms };

static struct report collected(int alerts, int64_t from_ns, int64_t to_ns)
{
    int64_t ms = 0;
    const struct services sv = { .clock = &slow, .clock_self = &ms };
    struct store *s = store_at(folder.path, STORE_RUN);
    struct report r = { .from_ns = from_ns, .to_ns = to_ns, .made_ns = DAY + NS_PER_DAY, .sv = &sv };

    OK(store_begin(s, err));
    for (int i = 0; i < alerts; i++)
        put_nth(s, "soc", i);
    OK(store_commit(s, err));
    OK(report_collect(&r, s, err));
    store_close(s);
    r.sv = NULL;
    return r;
}

START_TEST(each_alert_is_in_one_bar_one_severity_and_one_name)
{
    static const struct { int64_t from, to; int64_t now, before; } cases[] = {
        { 0, 49, 50, 0 }, { 25, 49, 25, 24 }, { 48, 49, 2, 1 }, { 60, 90, 0, 20 }, { 10, 20, 11, 10 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct report r = collected(50, DAY + cases[i].from * NS_PER_MIN, DAY + cases[i].to * NS_PER_MIN);
        int64_t bars = 0, severities = 0, names = 0;

        ck_assert_int_eq(r.now.alerts, cases[i].now);
        ck_assert_int_eq(r.before.alerts, cases[i].before);
        for (size_t b = 0; b < r.bars_len; b++)
            for (int s = 0; s <= SEVERITY_HIGH; s++)
                bars += r.bars[b].n[s];
        for (int s = 0; s <= SEVERITY_HIGH; s++)
            severities += r.now.n[s];
        for (size_t n = 0; n < r.by[BY_SUBJECT].len; n++)
            names += r.by[BY_SUBJECT].lines[n].row->total;
        ck_assert_int_eq(bars, cases[i].now);
        ck_assert_int_eq(severities, cases[i].now);
        ck_assert_int_eq(names, cases[i].now);
        report_release(&r);
        folder_empty(folder.path);
    }
}
END_TEST

START_TEST(the_worst_come_first_and_newest_among_equals)
{
    struct report r = collected(50, DAY, DAY + NS_PER_HOUR);

    ck_assert_uint_eq(r.worst_len, REPORT_WORST);
    for (size_t i = 0; i < r.worst_len; i++) /* the highest numbers that are 3 of 4: 47, 43, 39 ... */
        ck_assert_int_eq(r.worst[i].last_ns, DAY + (int64_t)(47 - 4 * i) * NS_PER_MIN);
    report_release(&r);
}
END_TEST

START_TEST(a_place_is_named_by_its_words)
{
    static const struct fact_value where = {
        .name = "place", .kind = FACT_SET,
        .text = SL("{\"country\":\"Nigeria\",\"city\":\"Lagos\",\"latitude\":6.45,\"longitude\":3.39}") };
    int64_t ms = 0;
    const struct services sv = { .clock = &slow, .clock_self = &ms };
    struct store *s = store_at(folder.path, STORE_RUN);
    struct report r = { .from_ns = DAY, .to_ns = DAY + NS_PER_DAY, .made_ns = DAY + NS_PER_DAY, .sv = &sv };
    struct alert *a = NULL;

    OK(alert_from_draft(&(struct alert_draft){ .detector = "bad_address", .type = "CosmosDB_TorAnomaly", .account = SL("a"),
                                               .subject = SL("s"), .first_ns = DAY, .last_ns = DAY, .count = 1,
                                               .facts = &where, .facts_len = 1 }, &a, err));
    OK(store_begin(s, err));
    OK(store_put_alert(s, a, err));
    OK(store_commit(s, err));
    OK(report_collect(&r, s, err));
    ck_assert_uint_eq(r.by[BY_PLACE].len, 1);
    ck_assert_msg(slice_eq(r.by[BY_PLACE].lines[0].name, SL("Lagos, Nigeria")), "%.*s", SLF(r.by[BY_PLACE].lines[0].name));
    report_release(&r);
    store_close(s);
    alert_free(a);
}
END_TEST

START_TEST(names_beyond_the_limit_are_counted_together)
{
    struct report r = collected(REPORT_NAMES + 7, DAY, DAY + NS_PER_DAY * 10);
    CLEANUP(buf_release) struct buf json = BUF_INIT(64u << 20), page = BUF_INIT(64u << 20);

    ck_assert_uint_eq(r.by[BY_SUBJECT].len, REPORT_NAMES);
    ck_assert_int_eq(r.by[BY_SUBJECT].others, 7);
    ck_assert_int_eq(r.by[BY_ACCOUNT].others, 0);
    OK(report_add_json(&r, &json, err));
    OK(report_add_page(&r, &page, err));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&json), "\"bySubject\": 9007"));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&page), "and more than 9,980 more subjects with 9,987 alerts"));
    report_release(&r);
}
END_TEST

START_TEST(the_length_of_a_bar_follows_the_time_and_there_are_never_too_many)
{
    static const struct { int64_t span, bar; } cases[] = {
        { NS_PER_MIN, NS_PER_HOUR }, { 48 * NS_PER_HOUR, NS_PER_HOUR }, { 49 * NS_PER_HOUR, NS_PER_DAY },
        { 60 * NS_PER_DAY, NS_PER_DAY }, { 61 * NS_PER_DAY, 2 * NS_PER_DAY }, { 3650 * NS_PER_DAY, 60 * NS_PER_DAY },
        { 20000 * NS_PER_DAY, 328 * NS_PER_DAY },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int64_t shift = 0; shift < NS_PER_DAY; shift += 7 * NS_PER_HOUR) {
            struct report r = collected(1, DAY + shift - cases[i].span, DAY + shift);
            int64_t covered = 0;

            ck_assert_int_eq(r.bar_ns, cases[i].bar);
            ck_assert_uint_le(r.bars_len, REPORT_BARS);
            covered = r.bars[r.bars_len - 1].from_ns + r.bar_ns;
            ck_assert_int_le(r.bars[0].from_ns, r.from_ns);
            ck_assert_int_gt(covered, r.to_ns);
            report_release(&r);
            folder_empty(folder.path);
        }
}
END_TEST

START_TEST(long_counting_says_how_far_it_is)
{
    char path[128], text[4096] = "";
    int fd, saved = dup(STDERR_FILENO);
    struct report r;
    ssize_t n;

    (void)snprintf(path, sizeof path, "%s/stderr", folder.path);
    step_ms = 400;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(dup2(fd, STDERR_FILENO), 0);
    r = collected(200, DAY, DAY + NS_PER_DAY);
    (void)dup2(saved, STDERR_FILENO);
    n = pread(fd, text, sizeof text - 1, 0);
    ck_assert_int_gt(n, 0);
    ck_assert_msg(strncmp(text, "counting [", 10) == 0 && strstr(text, " 2 alerts/s, ") && strstr(text, " left\n"), "%s",
                  text);
    report_release(&r);
    close(fd);
    close(saved);
}
END_TEST

/* ---- controls ------------------------------------------------------------------------------------------------------- */

static const struct control_part *part_named(const char *name)
{
    const struct control_part *p = NULL;

    for (size_t i = 0; (p = control_part_at(i)) != NULL; i++)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

START_TEST(every_detector_serves_a_control)
{
    for (size_t i = 0; detectors_all[i]; i++) {
        const struct control_part *p = part_named(detectors_all[i]->name);

        ck_assert_msg(p && p->ids[0], "%s stands in no line of detectors/controls.c", detectors_all[i]->name);
    }
}
END_TEST

START_TEST(every_number_is_that_of_a_control_and_every_control_is_served)
{
    const struct control_part *p = NULL;
    const struct control *c = NULL;

    for (size_t i = 0; (p = control_part_at(i)) != NULL; i++) {
        size_t ids = 0, found = 0;

        while (ids < CONTROLS_OF_PART && p->ids[ids])
            ids++;
        for (size_t k = 0; (c = control_at(k)) != NULL; k++)
            found += control_is_served_by(c, p);
        ck_assert_msg(ids == found, "%s: %zu numbers, %zu controls", p->name, ids, found);
    }
    for (size_t k = 0; (c = control_at(k)) != NULL; k++) {
        size_t n = 0;

        for (size_t i = 0; (p = control_part_at(i)) != NULL; i++)
            n += control_is_served_by(c, p);
        ck_assert_msg(n > 0, "%s is served by nothing", c->id);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("report");
    TCase *t = tcase_create("report"), *c = tcase_create("controls");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, each_alert_is_in_one_bar_one_severity_and_one_name);
    tcase_add_test(t, the_worst_come_first_and_newest_among_equals);
    tcase_add_test(t, a_place_is_named_by_its_words);
    tcase_add_test(t, names_beyond_the_limit_are_counted_together);
    tcase_add_test(t, the_length_of_a_bar_follows_the_time_and_there_are_never_too_many);
    tcase_add_test(t, long_counting_says_how_far_it_is);
    tcase_add_test(c, every_detector_serves_a_control);
    tcase_add_test(c, every_number_is_that_of_a_control_and_every_control_is_served);
    suite_add_tcase(s, t);
    suite_add_tcase(s, c);
    return run_suite(s);
}
