/* What agent/enrich promises about feeds: every form, times, history, and that one bad line costs only itself.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/timeutil.h"
#include "enrich/enrich.h"
#include "enrich/feeds.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t at(const char *iso)
{
    int64_t ns = 0;

    ck_assert_msg(time_parse_iso(slice_of(iso), &ns), "%s", iso);
    return ns;
}

#define NOW "2026-03-10T12:00:00Z"

static struct feed_table *parse(const char *text, const struct feed_options *opt, struct feed_report *report)
{
    struct feed_table *t = NULL;
    struct error err = { 0 };

    if (feed_parse(slice_of(text), opt, at(NOW), &t, report, &err) < 0)
        ck_abort_msg("%s", err.msg);
    return t;
}

/* Where and as what the address is listed at the time; .feed NULL: not at all. */
static struct listing ask(const struct feed_table *t, const char *address, const char *when)
{
    struct enrich *e = enrich_new();
    struct feed_table *copy = feed_table_copy(t);
    struct listing l = { .feed = NULL };
    struct error err = { 0 };

    ck_assert_int_eq(enrich_set_feed(e, "feed", copy, &err), 0);
    if (enrich_listings(e, slice_of(address), at(when), &l, 1)) {
        l.feed = "feed"; /* what it points to dies with e */
        l.note = "";
    }
    enrich_free(e);
    return l;
}

static bool is_listed(const struct feed_table *t, const char *address, const char *when)
{
    return ask(t, address, when).feed != NULL;
}

/* ---- forms ------------------------------------------------------------------------------------- */

START_TEST(every_form_is_recognised_and_read)
{
    static const struct {
        const char *name, *text, *listed, *not_listed;
        int64_t entries, bad, skipped;
    } cases[] = {
        { .name = "plain", .text = "203.0.113.66\n203.0.113.67\n", .listed = "203.0.113.67",
          .not_listed = "203.0.113.68", .entries = 2 },
        { .name = "no line end, CRLF, blanks", .text = "\r\n 203.0.113.66 \r\n\r\n203.0.113.67",
          .listed = "203.0.113.67", .not_listed = "203.0.113.68", .entries = 2 },
        { .name = "byte order mark", .text = "\xef\xbb\xbf" "203.0.113.66\n", .listed = "203.0.113.66",
          .not_listed = "203.0.113.68", .entries = 1 },
        { .name = "comments", .text = "# a list\n; more\n// more\n203.0.113.66 # note\n10.0.0.0/8 ; SBL1\n",
          .listed = "10.255.255.255", .not_listed = "11.0.0.0", .entries = 2 },
        { .name = "ports and brackets", .text = "203.0.113.66:443\n[2001:db8::1]\n",
          .listed = "2001:db8::1", .not_listed = "2001:db8::2", .entries = 2 },
        { .name = "v6 ranges", .text = "2001:db8::/32\n", .listed = "2001:db8:ffff::1",
          .not_listed = "2001:db9::1", .entries = 1 },
        { .name = "bad lines", .text = "203.0.113.66\nhello\n203.0.113.256\n1.2.3.4/33\n203.0.113.67\n",
          .listed = "203.0.113.67", .not_listed = "203.0.113.68", .entries = 2, .bad = 3 },
        { .name = "repeated", .text = "203.0.113.66\n203.0.113.66\n203.0.113.66/32\n",
          .listed = "203.0.113.66", .not_listed = "203.0.113.67", .entries = 1 },
        { .name = "exit-addresses",
          .text = "ExitNode FE39F07EBE7870DCE124AB30DF3ABD0700A43F75\nPublished 2026-03-10 00:10:50\n"
                  "LastStatus 2026-03-10 10:00:00\nExitAddress 203.0.113.66 2026-03-10 10:21:54\n"
                  "ExitAddress 203.0.113.67 2026-03-10 10:21:55\nExitNode 23B4\nExitAddress bad\n",
          .listed = "203.0.113.67", .not_listed = "203.0.113.68", .entries = 2, .bad = 1 },
        { .name = "CSV with header",
          .text = "ip,confidence,category,first_seen,note\n203.0.113.66,90,botnet,2026-03-01 00:00:00,\"a, b\"\n"
                  "oops,1,c2,,\n",
          .listed = "203.0.113.66", .not_listed = "203.0.113.67", .entries = 1, .bad = 1 },
        { .name = "CSV with header in a comment, quoted",
          .text = "# by us\n# \"first_seen_utc\",\"dst_ip\",\"dst_port\",\"malware\"\n"
                  "\"2026-03-01 00:00:00\",\"203.0.113.66\",\"443\",\"Dridex\"\n",
          .listed = "203.0.113.66", .not_listed = "203.0.113.67", .entries = 1 },
        { .name = "STIX",
          .text = "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":["
                  "{\"type\":\"identity\",\"name\":\"x\"},"
                  "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"pattern\":\"[ipv4-addr:value = '203.0.113.66']\","
                  "\"pattern_type\":\"stix\",\"valid_from\":\"2026-03-01T00:00:00Z\"},"
                  "{\"type\":\"indicator\",\"pattern\":\"[domain-name:value = 'a.example']\"}]}",
          .listed = "203.0.113.66", .not_listed = "203.0.113.67", .entries = 1, .skipped = 1 },
        { .name = "workspace, query answer",
          .text = "{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[{\"name\":\"TimeGenerated\"},{\"name\":\"Id\"},"
                  "{\"name\":\"ObservableKey\"},{\"name\":\"ObservableValue\"},{\"name\":\"Confidence\"},"
                  "{\"name\":\"IsActive\"},{\"name\":\"ValidFrom\"},{\"name\":\"ValidUntil\"}],\"rows\":["
                  "[\"2026-03-01T00:00:00Z\",\"i--1\",\"ipv4-addr:value\",\"203.0.113.66\",80,true,"
                  "\"2026-03-01T00:00:00Z\",\"2026-04-01T00:00:00Z\"],"
                  "[\"2026-03-01T00:00:00Z\",\"i--2\",\"url:value\",\"http://x\",80,true,null,null]]}]}",
          .listed = "203.0.113.66", .not_listed = "203.0.113.67", .entries = 1, .skipped = 1 },
        { .name = "workspace, NDJSON",
          .text = "{\"Id\":\"1\",\"ObservableKey\":\"ipv6-addr:value\",\"ObservableValue\":\"2001:db8::1\"}\n"
                  "{\"Id\":\"2\",\"ObservableKey\":\"ipv4-addr:value\",\"ObservableValue\":\"x\"}\n",
          .listed = "2001:db8::1", .not_listed = "2001:db8::2", .entries = 1, .bad = 1 },
        { .name = "workspace, array with a pattern only",
          .text = "[{\"Id\":\"1\",\"Pattern\":\"[ipv4-addr:value = '203.0.113.66']\",\"IsActive\":\"true\"}]",
          .listed = "203.0.113.66", .not_listed = "203.0.113.67", .entries = 1 },
        { .name = "empty", .text = "", .listed = NULL, .not_listed = "203.0.113.66", .entries = 0 },
        { .name = "empty bundle", .text = "{\"type\":\"bundle\",\"id\":\"x\"}", .listed = NULL,
          .not_listed = "203.0.113.66", .entries = 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct feed_options opt = FEED_OPTIONS_INIT;
        struct feed_report report;
        struct feed_table *t = parse(cases[i].text, &opt, &report);

        ck_assert_msg(report.entries == cases[i].entries, "%s: %lld entries", cases[i].name,
                      (long long)report.entries);
        ck_assert_msg(report.bad == cases[i].bad, "%s: %lld bad", cases[i].name, (long long)report.bad);
        ck_assert_msg(report.skipped == cases[i].skipped, "%s: %lld skipped", cases[i].name,
                      (long long)report.skipped);
        if (cases[i].listed)
            ck_assert_msg(is_listed(t, cases[i].listed, NOW), "%s: %s", cases[i].name, cases[i].listed);
        ck_assert_msg(!is_listed(t, cases[i].not_listed, NOW), "%s: %s", cases[i].name, cases[i].not_listed);
        feed_table_free(t);
    }
}
END_TEST

START_TEST(a_bad_line_is_told_with_its_number)
{
    struct feed_options opt = FEED_OPTIONS_INIT;
    struct feed_report report;
    struct feed_table *t = parse("# head\n203.0.113.66\nnot\x01 this\n", &opt, &report);

    ck_assert_int_eq(report.lines, 3);
    ck_assert_uint_eq(report.said, 1);
    ck_assert_int_eq(report.each[0].line, 3);
    ck_assert_str_eq(report.each[0].reason, "'not? this' is not an address");
    feed_table_free(t);
}
END_TEST

START_TEST(what_is_no_feed_at_all_is_refused)
{
    static const struct {
        const char *name, *text;
        enum feed_format format;
    } cases[] = {
        { .name = "an HTML page", .text = "<!DOCTYPE html>\n<html>busy</html>\n" },
        { .name = "cut JSON", .text = "{\"type\":\"bundle\",\"objects\":[{\"type\":\"indi" },
        { .name = "JSON of something else", .text = "{\"error\":{\"code\":\"x\"}}" },
        { .name = "CSV without a header", .text = "1,2,3\n4,5,6\n", .format = FEED_FORMAT_CSV },
        { .name = "a list said to be STIX", .text = "203.0.113.66\n", .format = FEED_FORMAT_STIX },
        { .name = "deep JSON", .text = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[" ,
          .format = FEED_FORMAT_STIX },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct feed_options opt = FEED_OPTIONS_INIT;
        struct feed_table *t = NULL;
        struct feed_report report;
        struct error err = { 0 };

        opt.format = cases[i].format;
        ck_assert_msg(feed_parse(slice_of(cases[i].text), &opt, 0, &t, &report, &err) < 0, "%s",
                      cases[i].name);
        ck_assert_int_eq(err.code, ERR_INPUT);
        ck_assert_ptr_null(t);
    }
}
END_TEST

START_TEST(csv_columns_say_category_confidence_and_times)
{
    static const char text[] = "address,threat_type,confidence,valid_from,valid_until,last_seen\n"
                               "203.0.113.1,botnet_cc,95,2026-03-01T00:00:00Z,2026-03-05T00:00:00Z,2026-03-04T00:00:00Z\n"
                               "203.0.113.2,,,,,\n"
                               "203.0.113.3,ssh brute force,high,,,\n"
                               "203.0.113.4,nonsense,101,yesterday,tomorrow,\n";
    struct feed_options opt = { .category = FEED_PHISHING, .confidence = 33 };
    struct feed_report report;
    struct feed_table *t = parse(text, &opt, &report);
    struct listing l = ask(t, "203.0.113.1", "2026-03-02T00:00:00Z");

    ck_assert_int_eq(l.category, FEED_C2);
    ck_assert_int_eq(l.confidence, 95);
    ck_assert_int_eq(l.from_ns, at("2026-03-01T00:00:00Z"));
    ck_assert_int_eq(l.until_ns, at("2026-03-05T00:00:00Z"));
    ck_assert_int_eq(l.seen_ns, at("2026-03-04T00:00:00Z"));
    ck_assert(!is_listed(t, "203.0.113.1", "2026-02-28T23:59:59Z"));
    ck_assert(!is_listed(t, "203.0.113.1", "2026-03-05T00:00:00Z"));
    l = ask(t, "203.0.113.2", NOW);
    ck_assert_int_eq(l.category, FEED_PHISHING);
    ck_assert_int_eq(l.confidence, 33);
    ck_assert_int_eq(l.from_ns, INT64_MIN);
    ck_assert_int_eq(l.until_ns, INT64_MAX);
    ck_assert_int_eq(l.seen_ns, at(NOW));
    l = ask(t, "203.0.113.3", NOW);
    ck_assert_int_eq(l.category, FEED_BRUTE_FORCE);
    ck_assert_int_eq(l.confidence, 85);
    l = ask(t, "203.0.113.4", NOW);
    ck_assert_int_eq(l.category, FEED_PHISHING);
    ck_assert_int_eq(l.confidence, 33);
    feed_table_free(t);
}
END_TEST

START_TEST(csv_without_header_takes_the_configured_columns)
{
    struct feed_options opt = { .category = FEED_MALICIOUS, .confidence = 50,
                                .columns = "-,address,note,confidence" };
    struct feed_report report;
    struct feed_table *t = parse("1,203.0.113.1,x,77\n2,203.0.113.2,\"y\"\n3\n", &opt, &report);

    ck_assert_int_eq(report.entries, 2);
    ck_assert_int_eq(report.bad, 1);
    ck_assert_int_eq(ask(t, "203.0.113.1", NOW).confidence, 77);
    ck_assert_int_eq(ask(t, "203.0.113.2", NOW).confidence, 50);
    feed_table_free(t);
}
END_TEST

static struct feed_table *parse_indicator(const char *members, struct feed_report *report)
{
    struct feed_options opt = FEED_OPTIONS_INIT;
    char text[1000];

    (void)snprintf(text, sizeof(text), "{\"type\":\"bundle\",\"objects\":[{\"type\":\"indicator\",%s}]}", members);
    return parse(text, &opt, report);
}

START_TEST(stix_patterns_count_only_when_an_address_alone_is_the_sign)
{
    static const struct {
        const char *pattern;
        int64_t entries;
    } cases[] = {
        { .pattern = "[ipv4-addr:value = '203.0.113.66']", .entries = 1 },
        { .pattern = "[ipv4-addr:value='203.0.113.66']", .entries = 1 },
        { .pattern = "[ipv4-addr:value = '203.0.113.66' OR ipv4-addr:value = '203.0.113.67']", .entries = 2 },
        { .pattern = "[ipv4-addr:value = '203.0.113.66'] OR [ipv6-addr:value = '2001:db8::1']", .entries = 2 },
        { .pattern = "[ipv4-addr:value ISSUBSET '203.0.113.0/24']", .entries = 1 },
        { .pattern = "[ipv4-addr:value = '203.0.113.0/24']", .entries = 1 },
        { .pattern = "[network-traffic:src_ref.value = '203.0.113.66']", .entries = 1 },
        { .pattern = "[ipv4-addr:value = '203.0.113.66' AND domain-name:value = 'x']", .entries = 0 },
        { .pattern = "[ipv4-addr:value = '203.0.113.66'] FOLLOWEDBY [url:value = 'x']", .entries = 0 },
        { .pattern = "[ipv4-addr:value != '203.0.113.66']", .entries = 0 },
        { .pattern = "[NOT ipv4-addr:value = '203.0.113.66']", .entries = 0 },
        { .pattern = "[domain-name:value = 'x' OR ipv4-addr:value = '203.0.113.66']", .entries = 1 },
        { .pattern = "[file:name = 'ipv4-addr:value']", .entries = 0 },
        { .pattern = "[ipv4-addr:value = '203.0.113.66", .entries = 1 },
        { .pattern = "'", .entries = 0 },
        { .pattern = "", .entries = 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char members[300];
        struct feed_report report;
        struct feed_table *t;

        (void)snprintf(members, sizeof(members), "\"pattern\":\"%s\"", cases[i].pattern);
        t = parse_indicator(members, &report);
        ck_assert_msg(report.entries == cases[i].entries, "%s: %lld", cases[i].pattern,
                      (long long)report.entries);
        feed_table_free(t);
    }
}
END_TEST

START_TEST(stix_members_give_times_confidence_and_category)
{
    static const char members[] =
        "\"pattern\":\"[ipv4-addr:value = '203.0.113.66']\",\"valid_from\":\"2026-03-01T00:00:00.5Z\","
        "\"valid_until\":\"2026-03-20T00:00:00Z\",\"modified\":\"2026-03-02T00:00:00Z\",\"confidence\":88,"
        "\"labels\":[\"x\",\"phishing-kit\"],\"indicator_types\":[\"malicious-activity\"]";
    struct feed_report report;
    struct feed_table *t = parse_indicator(members, &report);
    struct listing l = ask(t, "203.0.113.66", NOW);

    ck_assert_int_eq(l.confidence, 88);
    ck_assert_int_eq(l.category, FEED_PHISHING);
    ck_assert_int_eq(l.seen_ns, at("2026-03-02T00:00:00Z"));
    ck_assert(!is_listed(t, "203.0.113.66", "2026-03-01T00:00:00Z"));
    ck_assert(!is_listed(t, "203.0.113.66", "2026-03-20T00:00:00Z"));
    feed_table_free(t);
}
END_TEST

START_TEST(revoked_benign_and_inactive_indicators_are_skipped)
{
    static const char *const members[] = {
        "\"pattern\":\"[ipv4-addr:value = '203.0.113.66']\",\"revoked\":true",
        "\"pattern\":\"[ipv4-addr:value = '203.0.113.66']\",\"indicator_types\":[\"benign\"]",
        "\"pattern\":7", "\"name\":\"no pattern\"",
    };
    static const char *const rows[] = {
        "{\"Id\":\"1\",\"ObservableKey\":\"ipv4-addr:value\",\"ObservableValue\":\"203.0.113.66\",\"IsActive\":false}",
        "{\"Id\":\"1\",\"ObservableKey\":\"ipv4-addr:value\",\"ObservableValue\":\"203.0.113.66\",\"IsDeleted\":true}",
        "{\"Id\":\"1\",\"ObservableKey\":\"ipv4-addr:value\",\"ObservableValue\":\"203.0.113.66\",\"Revoked\":\"True\"}",
        "{\"Id\":\"1\",\"ObservableKey\":\"ipv4-addr:value\",\"ObservableValue\":\"203.0.113.66\","
        "\"Data\":\"{\\\"indicator_types\\\":[\\\"benign\\\"]}\"}",
    };
    struct feed_options opt = FEED_OPTIONS_INIT;
    struct feed_report report;

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        struct feed_table *t = parse_indicator(members[i], &report);

        ck_assert_msg(report.entries == 0 && report.skipped == 1, "%s", members[i]);
        feed_table_free(t);
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct feed_table *t = parse(rows[i], &opt, &report);

        ck_assert_msg(report.entries == 0 && report.skipped == 1, "%s", rows[i]);
        feed_table_free(t);
    }
}
END_TEST

START_TEST(the_newest_row_of_a_workspace_indicator_speaks)
{
    static const char text[] =
        "[{\"Id\":\"1\",\"TimeGenerated\":\"2026-03-08T00:00:00Z\",\"ObservableKey\":\"ipv4-addr:value\","
        "\"ObservableValue\":\"203.0.113.66\",\"IsActive\":false},"
        "{\"Id\":\"1\",\"TimeGenerated\":\"2026-03-01T00:00:00Z\",\"ObservableKey\":\"ipv4-addr:value\","
        "\"ObservableValue\":\"203.0.113.66\",\"IsActive\":true},"
        "{\"Id\":\"2\",\"TimeGenerated\":\"2026-03-01T00:00:00Z\",\"ObservableKey\":\"ipv4-addr:value\","
        "\"ObservableValue\":\"203.0.113.67\",\"Confidence\":10},"
        "{\"Id\":\"2\",\"TimeGenerated\":\"2026-03-08T00:00:00Z\",\"ObservableKey\":\"ipv4-addr:value\","
        "\"ObservableValue\":\"203.0.113.67\",\"Confidence\":60,\"Tags\":\"c2\"}]";
    struct feed_options opt = FEED_OPTIONS_INIT;
    struct feed_report report;
    struct feed_table *t = parse(text, &opt, &report);

    ck_assert(!is_listed(t, "203.0.113.66", NOW));
    ck_assert_int_eq(ask(t, "203.0.113.67", NOW).confidence, 60);
    ck_assert_int_eq(ask(t, "203.0.113.67", NOW).category, FEED_C2);
    feed_table_free(t);
}
END_TEST

/* ---- history ----------------------------------------------------------------------------------- */

static struct feed_table *parse_at(const char *text, const char *when)
{
    struct feed_options opt = { .format = FEED_FORMAT_LIST, .category = FEED_TOR, .confidence = 90 };
    struct feed_table *t = NULL;
    struct feed_report report;
    struct error err = { 0 };

    ck_assert_int_eq(feed_parse(slice_of(text), &opt, at(when), &t, &report, &err), 0);
    return t;
}

static void refresh(struct feed_table **t, const char *text, const char *when)
{
    struct error err = { 0 };

    if (feed_table_update(t, parse_at(text, when), at(when), &err) < 0)
        ck_abort_msg("%s", err.msg);
}

START_TEST(an_address_that_leaves_the_list_stays_listed_in_the_past)
{
    struct feed_table *t = NULL;

    refresh(&t, "203.0.113.1\n203.0.113.2\n", "2026-03-01T00:00:00Z");
    refresh(&t, "203.0.113.1\n", "2026-03-02T00:00:00Z");
    ck_assert(is_listed(t, "203.0.113.2", "2026-02-20T00:00:00Z")); /* the first load says nothing of since when */
    ck_assert(is_listed(t, "203.0.113.2", "2026-03-01T23:59:59Z"));
    ck_assert(!is_listed(t, "203.0.113.2", "2026-03-02T00:00:00Z"));
    ck_assert(is_listed(t, "203.0.113.1", "2026-03-09T00:00:00Z"));
    ck_assert_int_eq(ask(t, "203.0.113.1", "2026-03-09T00:00:00Z").seen_ns, at("2026-03-02T00:00:00Z"));
    ck_assert_uint_eq(feed_table_live(t, at("2026-03-02T00:00:00Z")), 1);
    ck_assert_uint_eq(feed_table_len(t), 2);
    feed_table_free(t);
}
END_TEST

START_TEST(an_address_that_comes_to_the_list_is_listed_since_the_refresh_before)
{
    struct feed_table *t = NULL;

    refresh(&t, "203.0.113.1\n", "2026-03-01T00:00:00Z");
    refresh(&t, "203.0.113.1\n203.0.113.2\n", "2026-03-01T01:00:00Z");
    ck_assert(!is_listed(t, "203.0.113.2", "2026-02-28T23:59:59Z"));
    ck_assert(is_listed(t, "203.0.113.2", "2026-03-01T00:00:00Z"));
    refresh(&t, "203.0.113.1\n203.0.113.2\n", "2026-03-01T02:00:00Z");
    ck_assert_int_eq(ask(t, "203.0.113.2", "2026-03-01T02:00:00Z").from_ns, at("2026-03-01T00:00:00Z"));
    feed_table_free(t);
}
END_TEST

START_TEST(history_is_kept_for_thirty_days_and_survives_a_comeback)
{
    struct feed_table *t = NULL;

    refresh(&t, "203.0.113.1\n203.0.113.2\n", "2026-03-01T00:00:00Z");
    refresh(&t, "203.0.113.1\n", "2026-03-02T00:00:00Z");
    refresh(&t, "203.0.113.1\n", "2026-03-05T00:00:00Z");
    refresh(&t, "203.0.113.1\n203.0.113.2\n", "2026-03-06T00:00:00Z");
    ck_assert(is_listed(t, "203.0.113.2", "2026-03-01T12:00:00Z"));
    ck_assert(!is_listed(t, "203.0.113.2", "2026-03-03T00:00:00Z"));
    ck_assert(is_listed(t, "203.0.113.2", "2026-03-06T12:00:00Z"));
    refresh(&t, "203.0.113.1\n", "2026-03-07T00:00:00Z");
    refresh(&t, "203.0.113.1\n", "2026-04-02T00:00:00Z");
    ck_assert(!is_listed(t, "203.0.113.2", "2026-03-01T12:00:00Z"));
    ck_assert(is_listed(t, "203.0.113.2", "2026-03-06T12:00:00Z"));
    refresh(&t, "203.0.113.1\n", "2026-04-07T00:00:00Z");
    ck_assert_uint_eq(feed_table_len(t), 1);
    feed_table_free(t);
}
END_TEST

START_TEST(a_feed_that_is_suddenly_empty_keeps_what_it_had)
{
    char text[4000] = "";
    struct feed_table *t = NULL;
    struct error err = { 0 };

    for (int i = 0; i < 100; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "198.51.100.%d\n", i);
    refresh(&t, text, "2026-03-01T00:00:00Z");
    ck_assert_int_eq(feed_table_update(&t, parse_at("", "2026-03-02T00:00:00Z"), at("2026-03-02T00:00:00Z"), &err),
                     -1);
    ck_assert_int_eq(err.code, ERR_INPUT);
    ck_assert_ptr_nonnull(strstr(err.msg, "had 100 entries and has 0 now"));
    ck_assert(is_listed(t, "198.51.100.50", NOW));
    refresh(&t, "198.51.100.1\n198.51.100.2\n198.51.100.3\n198.51.100.4\n198.51.100.5\n198.51.100.6\n"
                "198.51.100.7\n198.51.100.8\n198.51.100.9\n198.51.100.10\n", "2026-03-03T00:00:00Z");
    ck_assert(!is_listed(t, "198.51.100.50", NOW));
    feed_table_free(t);
}
END_TEST

START_TEST(the_operator_s_own_list_may_become_empty)
{
    char text[4000] = "";
    struct feed_table *t = NULL, *empty;
    struct error err = { 0 };

    for (int i = 0; i < 100; i++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "198.51.100.%d\n", i);
    refresh(&t, text, "2026-03-01T00:00:00Z");
    empty = parse_at("", "2026-03-02T00:00:00Z");
    empty->is_own = true;
    ck_assert_int_eq(feed_table_update(&t, empty, at("2026-03-02T00:00:00Z"), &err), 0);
    ck_assert(!is_listed(t, "198.51.100.50", NOW));
    feed_table_free(t);
}
END_TEST

START_TEST(a_table_survives_saving_and_loading)
{
    struct feed_options opt = FEED_OPTIONS_INIT;
    struct feed_report report;
    struct feed_table *t = parse("ip,confidence,category,first_seen,note\n203.0.113.66,90,botnet,2026-03-01 00:00:00,"
                                 "a\tb\n2001:db8::/32,1,c2,,\n0.0.0.0/0,2,scanner,,x\n", &opt, &report);
    struct feed_table *back = NULL;
    struct buf one = BUF_INIT(100000), two = BUF_INIT(100000);
    struct error err = { 0 };

    ck_assert_int_eq(feed_table_save(t, &one, &err), 0);
    ck_assert_int_eq(feed_table_load(buf_slice(&one), &back, &err), 0);
    ck_assert_int_eq(feed_table_save(back, &two, &err), 0);
    ck_assert_str_eq(buf_cstr(&one), buf_cstr(&two));
    ck_assert_int_eq(ask(back, "203.0.113.66", NOW).confidence, 90);
    ck_assert_int_eq(feed_table_refreshed_ns(back), at(NOW));
    feed_table_free(back);
    feed_table_free(t);
    buf_release(&one);
    buf_release(&two);
}
END_TEST

START_TEST(a_damaged_kept_table_is_refused)
{
    static const char *const texts[] = {
        "", "x", "cosmowatch-feed 2\t0\t0\t0\n", "cosmowatch-feed 1\t0\t0\t1\n",
        "cosmowatch-feed 1\t0\t0\t1\n203.0.113.1\t9\t0\t0\t0\t0\t0\t\n",
        "cosmowatch-feed 1\t0\t0\t1\n203.0.113.1\t0\t101\t0\t0\t0\t0\t\n",
        "cosmowatch-feed 1\t0\t0\t1\n203.0.113\t0\t10\t0\t0\t0\t0\t\n",
        "cosmowatch-feed 1\t0\t0\t2\n203.0.113.1\t0\t10\t0\t0\t0\t0\t\n",
        "cosmowatch-feed 1\t0\t0\t1\n203.0.113.1\t0\t10\t0\t0\t0",
        "cosmowatch-feed 1\t0\t0\t-1\n", "cosmowatch-feed 1",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct feed_table *t = NULL;
        struct error err = { 0 };

        ck_assert_msg(feed_table_load(slice_of(texts[i]), &t, &err) < 0, "%zu", i);
        ck_assert_int_eq(err.code, ERR_STATE);
    }
}
END_TEST

START_TEST(hostile_bytes_never_do_more_than_be_refused)
{
    static const char seeds[] =
        "{\"type\":\"bundle\",\"objects\":[{\"type\":\"indicator\",\"pattern\":\"[ipv4-addr:value = '203.0.113.66']\","
        "\"labels\":[\"c2\"],\"valid_from\":\"2026-03-01T00:00:00Z\"}]}\n"
        "ip,confidence\n203.0.113.66,\"90\"\"\nExitAddress 203.0.113.66 2026-03-10 10:21:54\n"
        "{\"tables\":[{\"columns\":[{\"name\":\"ObservableValue\"}],\"rows\":[[\"1.2.3.4\"],[]]}]}\n10.0.0.0/8 ; x\n";
    uint64_t state = 1;

    for (int round = 0; round < 20000; round++) {
        char text[sizeof(seeds)];
        size_t from, len;
        struct feed_options opt = FEED_OPTIONS_INIT;
        struct feed_table *t = NULL;
        struct feed_report report;
        struct error err = { 0 };

        memcpy(text, seeds, sizeof(seeds));
        for (int change = 0; change < 6; change++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            text[(state >> 33) % (sizeof(seeds) - 1)] = "\"'[]{}:,/.\\\n\0 9a"[(state >> 20) % 16];
        }
        state = state * 6364136223846793005u + 1442695040888963407u;
        from = (state >> 33) % sizeof(seeds);
        len = (state >> 13) % (sizeof(seeds) - from);
        opt.format = (enum feed_format)(round % 6);
        if (feed_parse(slice_make(text + from, len), &opt, 0, &t, &report, &err) == 0)
            feed_table_free(t);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, every_form_is_recognised_and_read);
    tcase_add_test(t, a_bad_line_is_told_with_its_number);
    tcase_add_test(t, what_is_no_feed_at_all_is_refused);
    tcase_add_test(t, csv_columns_say_category_confidence_and_times);
    tcase_add_test(t, csv_without_header_takes_the_configured_columns);
    tcase_add_test(t, stix_patterns_count_only_when_an_address_alone_is_the_sign);
    tcase_add_test(t, stix_members_give_times_confidence_and_category);
    tcase_add_test(t, revoked_benign_and_inactive_indicators_are_skipped);
    tcase_add_test(t, the_newest_row_of_a_workspace_indicator_speaks);
    tcase_add_test(t, an_address_that_leaves_the_list_stays_listed_in_the_past);
    tcase_add_test(t, an_address_that_comes_to_the_list_is_listed_since_the_refresh_before);
    tcase_add_test(t, history_is_kept_for_thirty_days_and_survives_a_comeback);
    tcase_add_test(t, a_feed_that_is_suddenly_empty_keeps_what_it_had);
    tcase_add_test(t, the_operator_s_own_list_may_become_empty);
    tcase_add_test(t, a_table_survives_saving_and_loading);
    tcase_add_test(t, a_damaged_kept_table_is_refused);
    tcase_add_test(t, hostile_bytes_never_do_more_than_be_refused);
    return run_group("enrich/feeds", t);
}
