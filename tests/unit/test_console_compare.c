/* What an alert's page holds against what is usual: every kind of alert with numbers or values has something to see, and
 * what an attacker wrote stays text. SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/buf.h"
#include "console/compare.h"
#include "sample.h"
#include "store_kit.h"
#include "tests/kit/suite.h"

#define ROWS(words) "<th scope=\"row\">" words "</th>"

static const struct {
    const char *type;
    struct fact_value facts[5];
    const char *says[4]; /* in this order */
} cases[] = {
    { "CosmosDB_DataExfiltrationAnomaly",
      { { .name = "largestHourBytes", .kind = FACT_MAX, .number = 2900000000 }, { .name = "usualBytes", .kind = FACT_MAX, .number = 4000 },
        { .name = "usualP99Bytes", .kind = FACT_MAX, .number = 9300 }, { .name = "limitBytes", .kind = FACT_MAX, .number = 52400000 },
        { .name = "bytesOut", .kind = FACT_SUM, .number = 2900000000 } },
      { ROWS("Read in its largest hour") "<td class=\"num\">2.9 GB", "99 of 100 stay below", ROWS("The limit"),
        "725,000 times the usual" } },
    { "CosmosDB_DataExfiltrationAnomaly",
      { { .name = "dayBytes", .kind = FACT_MAX, .number = 6000 }, { .name = "usualDayBytes", .kind = FACT_MAX, .number = 3000 },
        { .name = "dayLimitBytes", .kind = FACT_MAX, .number = 5000 } },
      { ROWS("Read in the day") "<td class=\"num\">6 kB</td><td><svg", "<rect width=\"100.0\"", "<rect width=\"50.0\"",
        "2 times the usual" } },
    { "CosmosDBX_DataExfiltration.LowAndSlow",
      { { .name = "takenBytes", .kind = FACT_MAX, .number = 96000000000 }, { .name = "limitBytes", .kind = FACT_MAX, .number = 21000000000 } },
      { "Taken in these days", "96 GB", "The limit", "21 GB" } },
    { "CosmosDBX_NumberOfDocuments",
      { { .name = "largestHour", .kind = FACT_MAX, .number = 84000 }, { .name = "usualHour", .kind = FACT_MAX, .number = 900 } },
      { "Documents in its largest hour", "84,000", "900", "93 times" } },
    { "CosmosDBX_FullScan",
      { { .name = "bytesOut", .kind = FACT_SUM, .number = 5000000 }, { .name = "limitBytes", .kind = FACT_MAX, .number = 1000000 } },
      { ROWS("Read"), "5 MB", "The limit" } },
    { "CosmosDBX_KeyPubliclyLeaked",
      { { .name = "newNetworks", .kind = FACT_MAX, .number = 17 }, { .name = "usualNewNetworks", .kind = FACT_MAX, .number = 0 } },
      { "New networks", "17", "Usual", "0" } },
    { "CosmosDBX_DormantAccountUsed",
      { { .name = "pauseDays", .kind = FACT_MAX, .number = 45 }, { .name = "usualPauseDays", .kind = FACT_MAX, .number = 3 } },
      { "Unused before", "45 days", "3 days", "15 times" } },
    { "CosmosDBX_LogSilence",
      { { .name = "silentHours", .kind = FACT_MAX, .number = 30 }, { .name = "usualPauseHours", .kind = FACT_MAX, .number = 2 } },
      { "Without a row for", "30 h", "2 h" } },
    { "CosmosDB_GeoAnomaly",
      { { .name = "travelKm", .kind = FACT_MAX, .number = 5000 }, { .name = "travelMinutes", .kind = FACT_MIN, .number = 30 } },
      { "10,000 km/h", "An airliner", "900 km/h", "5000 km lie between them, and 30 min" } },
    { "CosmosDB_GeoAnomaly",
      { { .name = "travelKm", .kind = FACT_MAX, .number = 5000 }, { .name = "travelMinutes", .kind = FACT_MIN, .number = 0 } },
      { "300,000 km/h", "less than 1 min" } },
    { "CosmosDBX_ApplicationAnomaly",
      { { .name = "observedValue", .kind = FACT_SET, .text = SL("<b>curl") }, { .name = "usualValues", .kind = FACT_SET, .text = SL("dotnet-v3 (FREQUENT)") } },
      { "<td class=\"seen\">&lt;b&gt;curl</td>", "dotnet-v3 (FREQUENT)" } },
    { "CosmosDBX_KeyRead.FirstTime",
      { { .name = "principal", .kind = FACT_SET, .text = SL("eve") }, { .name = "usualReaders", .kind = FACT_SET, .text = SL("ada") } },
      { "<td class=\"seen\">eve</td>", "ada" } },
    { "CosmosDBX_Enumeration",
      { { .name = "listed", .kind = FACT_SET, .text = SL("databases") }, { .name = "usualListed", .kind = FACT_SET, .text = SL("containers") } },
      { "databases", "containers" } },
};

static struct alert *alert_with(const char *type, const struct fact_value *facts, size_t n)
{
    struct alert *a = NULL;

    OK(alert_from_draft(&(struct alert_draft){ .detector = "test", .state_version = 1, .type = type, .api = API_NOSQL,
                                               .account = SL("contoso"), .subject = SL("x"), .first_ns = 1, .last_ns = 2,
                                               .count = 1, .facts = facts, .facts_len = n }, &a, err));
    return a;
}

START_TEST(every_kind_with_something_usual_shows_it_beside_what_was_seen)
{
    struct buf out = BUF_INIT(1u << 20);
    const char *at;
    struct alert *a;
    size_t n = 0;

    while (n < ARRAY_LEN(cases[_i].facts) && cases[_i].facts[n].name)
        n++;
    a = alert_with(cases[_i].type, cases[_i].facts, n);
    compare_add(&out, a);
    at = buf_cstr(&out);
    ck_assert_msg(strncmp(at, "<h2>Usual against observed</h2>", 31) == 0, "%s", at);
    for (size_t i = 0; i < ARRAY_LEN(cases[_i].says) && cases[_i].says[i]; i++) {
        at = strstr(at, cases[_i].says[i]);
        ck_assert_msg(at, "%s: no \"%s\" in %s", cases[_i].type, cases[_i].says[i], buf_cstr(&out));
    }
    alert_free(a);
    buf_release(&out);
}
END_TEST

START_TEST(unusual_hours_are_columns_with_the_usual_beside_them)
{
    const struct fact_value facts[] = {
        { .name = "largestHourBytes", .kind = FACT_MAX, .number = 9000 }, { .name = "usualBytes", .kind = FACT_MAX, .number = 10 },
        { .name = "bytesByHour", .kind = FACT_MAP, .text = SL("2026-06-01T02:00:00Z"), .number = 9000 },
        { .name = "bytesByHour", .kind = FACT_MAP, .text = SL("2026-06-01T03:00:00Z"), .number = 8000 },
        { .name = "usualByHour", .kind = FACT_MAP, .text = SL("2026-06-01T02:00:00Z"), .number = 10 },
    };
    struct buf out = BUF_INIT(1u << 20);
    struct alert *a = alert_with("CosmosDB_DataExfiltrationAnomaly", facts, ARRAY_LEN(facts));

    compare_add(&out, a);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "<title>2026-06-01T02:00:00Z: 9 kB, usual 10 B</title><rect class=\"seen\""));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "<title>2026-06-01T03:00:00Z: 8 kB, usual 0 B</title>"));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), ">03</text>"));
    alert_free(a);
    buf_release(&out);
}
END_TEST

START_TEST(an_alert_without_anything_usual_says_nothing)
{
    const struct fact_value facts[] = { { .name = "bytesOut", .kind = FACT_SUM, .number = 5 },
                                        { .name = "address", .kind = FACT_SET, .text = SL("192.0.2.1") } };
    struct buf out = BUF_INIT(1u << 20);
    struct alert *a = alert_with("CosmosDB_TorAnomaly", facts, ARRAY_LEN(facts));

    compare_add(&out, a);
    compare_add_requests(&out, a);
    ck_assert_uint_eq(out.len, 0);
    alert_free(a);
    buf_release(&out);
}
END_TEST

/* Tags are opened and closed in order, as a parser would have it. */
static void check_tags(const char *type, const char *html)
{
    static const char *const empty[] = { "br", "rect", "circle", "line", "path" };
    char open[64][16];
    size_t depth = 0;

    for (const char *p = html; (p = strchr(p, '<')) != NULL; p++) {
        bool is_end = p[1] == '/', is_empty = false;
        size_t len = strcspn(p + 1 + is_end, " >/");
        const char *name = p + 1 + is_end;

        for (size_t i = 0; i < ARRAY_LEN(empty); i++)
            is_empty = is_empty || (strlen(empty[i]) == len && strncmp(empty[i], name, len) == 0 && p[strcspn(p, ">") - 1] == '/') ||
                       (len == 2 && strncmp(name, "br", 2) == 0);
        if (is_end) {
            ck_assert_msg(depth > 0 && strncmp(open[--depth], name, len) == 0, "%s: %.60s", type, p);
        } else if (!is_empty) {
            ck_assert_msg(depth < ARRAY_LEN(open), "%s", type);
            (void)snprintf(open[depth++], sizeof open[0], "%.*s", (int)len, name);
        }
    }
    ck_assert_msg(depth == 0, "%s: %s is open", type, depth ? open[depth - 1] : "");
}

START_TEST(every_type_makes_sound_html)
{
    int told = 0;

    for (size_t i = 0; alert_type_at(i); i++) {
        struct buf out = BUF_INIT(1u << 20);
        struct alert *a = NULL;

        OK(sample_alert(alert_type_at(i)->id, INT64_C(1780315200) * NS_PER_S, &a, err));
        compare_add(&out, a);
        compare_add_requests(&out, a);
        check_tags(a->type->id, buf_cstr(&out));
        ck_assert_ptr_null(strstr(buf_cstr(&out), "nan"));
        ck_assert_ptr_null(strstr(buf_cstr(&out), "inf\""));
        told += out.len > 0;
        alert_free(a);
        buf_release(&out);
    }
    ck_assert_int_gt(told, 20);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("compare");

    tcase_add_loop_test(t, every_kind_with_something_usual_shows_it_beside_what_was_seen, 0, (int)ARRAY_LEN(cases));
    tcase_add_test(t, unusual_hours_are_columns_with_the_usual_beside_them);
    tcase_add_test(t, an_alert_without_anything_usual_says_nothing);
    tcase_add_test(t, every_type_makes_sound_html);
    return run_group("console/compare", t);
}
