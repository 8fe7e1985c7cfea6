/* What agent/enrich/service_tags.h and service_tags_apart.h promise, and how the ranges stand beside what the operator says.
 * This program is its own reader, and the bytes that it is given may say how it is to fail.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/service_tags_apart.h"

#include "base/buf.h"
#include "base/file.h"
#include "enrich/feed_apart.h"
#include "enrich/places.h"
#include "tests/kit/suite.h"
#include "tests/unit/apart_kit.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static struct error err;

#define TAG(name, region, service, prefixes)                                                       \
    "{\"name\":\"" name "\",\"id\":\"" name "\",\"properties\":{\"changeNumber\":1,\"region\":\"" region                       \
    "\",\"regionId\":18,\"platform\":\"Azure\",\"systemService\":\"" service "\",\"addressPrefixes\":[" prefixes          \
    "],\"networkFeatures\":[\"API\",\"NSG\"]}}"
#define FILE_OF(tags) "\xef\xbb\xbf{\"changeNumber\":1,\"cloud\":\"Public\",\"values\":[" tags "]}"

static const char whole[] = FILE_OF(
    TAG("AzureCloud", "", "", "\"20.0.0.0/8\",\"2603:1000::/24\"") ","
    TAG("AzureCloud.westeurope", "westeurope", "", "\"20.50.0.0/16\",\"20.60.0.0/24\"") ","
    TAG("AzureCosmosDB", "", "AzureCosmosDB", "\"20.50.1.0/25\",\"20.50.2.0/25\"") ","
    TAG("AzureCosmosDB.WestEurope", "westeurope", "AzureCosmosDB", "\"20.50.1.0/25\"") ","
    TAG("PowerBI", "", "PowerBI", "\"20.60.0.0/24\",\"not an address\""));

static struct enrich *enrich_of(const char *text)
{
    struct enrich *e = enrich_new();
    struct network_table *t = NULL;
    struct feed_report report = { 0 };

    ck_assert_int_eq(service_tags_parse(slice_of(text), &t, &report, &err), 0);
    ck_assert_int_eq(enrich_set_azure(e, t, &err), 0);
    return e;
}

static struct place place_of(const struct enrich *e, const char *address)
{
    struct place p;

    enrich_place(e, slice_of(address), SL(""), 0, &p);
    return p;
}

START_TEST(the_most_telling_tag_names_an_address)
{
    static const struct { const char *address, *name, *region; bool is_service; } cases[] = {
        { "20.50.1.7", "AzureCosmosDB.WestEurope", "Azure westeurope", true },
        { "20.50.2.7", "AzureCosmosDB", "Azure westeurope", true }, /* the region is that of the wider range */
        { "20.50.9.9", "AzureCloud.westeurope", "Azure westeurope", false },
        { "20.60.0.1", "PowerBI", "Azure westeurope", true },       /* equal ranges: the service's name, the region's place */
        { "20.99.0.1", "AzureCloud", "", false },
        { "2603:1000::1", "AzureCloud", "", false },
    };
    struct enrich *e = enrich_of(whole);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct place p = place_of(e, cases[i].address);

        ck_assert_str_eq(p.network, cases[i].name);
        ck_assert_str_eq(p.region, cases[i].region);
        ck_assert_int_eq(p.is_azure_service, cases[i].is_service);
        ck_assert(p.is_azure && !p.is_microsoft); /* anybody rents there */
        ck_assert_int_eq(p.asn, 8075);
    }
    ck_assert(!place_of(e, "192.0.2.1").is_azure);
    enrich_free(e);
}
END_TEST

START_TEST(the_operator_and_the_portal_are_believed_first_however_wide)
{
    struct enrich *e = enrich_of(whole);
    struct network_table *own = network_table_new();

    ck_assert_int_eq(network_table_add(own, SL("20.50.0.0/15"), &(struct network){ .name = "our hosts", .lat = NAN, .lon = NAN,
                                                                                   .until_ns = INT64_MAX }, &err), 0);
    ck_assert_int_eq(enrich_set_networks(e, own, &err), 0);
    ck_assert_str_eq(place_of(e, "20.50.1.7").network, "our hosts");
    ck_assert(!place_of(e, "20.50.1.7").is_azure);
    ck_assert_str_eq(place_of(e, "20.60.0.1").network, "PowerBI");
    ck_assert(place_of(e, "20.245.81.54").is_microsoft); /* the portal's middleware, inside AzureCloud */
    ck_assert_int_eq(enrich_set_azure(e, NULL, &err), 0);
    ck_assert(!place_of(e, "20.60.0.1").is_azure);
    enrich_free(e);
}
END_TEST

START_TEST(a_prefix_that_is_none_is_told_and_costs_nothing_else)
{
    struct network_table *t = NULL;
    struct feed_report report = { 0 };

    ck_assert_int_eq(service_tags_parse(slice_of(whole), &t, &report, &err), 0);
    ck_assert_int_eq(report.bad, 1);
    ck_assert_int_eq(report.entries, 8);
    ck_assert_ptr_nonnull(strstr(report.each[0].reason, "PowerBI"));
    network_table_free(t);
}
END_TEST

START_TEST(what_is_no_such_file_is_refused)
{
    static const char *const bad[] = { "", "<html>moved</html>", "[]", "{}", "{\"values\":{}}", "{\"values\":[]}",
                                       "{\"values\":[{\"name\":\"x\"},7,null]}",
                                       FILE_OF(TAG("AzureCloud", "", "", "\"nowhere\"")) };
    struct network_table *t = NULL;
    struct feed_report report = { 0 };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        err.code = 0;
        ck_assert_int_eq(service_tags_parse(slice_of(bad[i]), &t, &report, &err), -1);
        ck_assert_int_eq(err.code, ERR_INPUT);
        ck_assert_ptr_nonnull(strstr(err.msg, "ServiceTags_*.json"));
    }
    for (size_t n = 0; n + 1 < sizeof whole - 1; n++) /* half a download */
        ck_assert_int_eq(service_tags_parse(slice_make(whole, n), &t, &report, &err), -1);
    ck_assert_ptr_null(t);
}
END_TEST

START_TEST(names_end_and_hold_no_control_bytes)
{
    struct network_table *t = NULL;
    struct feed_report report = { 0 };
    struct buf text = BUF_INIT(1000000);

    buf_add_str(&text, "{\"values\":[{\"name\":\"a\\u0000b\\n\\u001b[2Jc\",\"properties\":{\"region\":\"");
    for (int i = 0; i < 1000; i++)
        buf_add_str(&text, "\xc3\xa4");
    buf_add_str(&text, "\",\"addressPrefixes\":[\"192.0.2.0/24\"]}}]}");
    ck_assert_int_eq(service_tags_parse(buf_slice(&text), &t, &report, &err), 0);
    ck_assert_str_eq(network_table_at(t, 0)->name, "a b  [2Jc");
    ck_assert_uint_eq(strlen(network_table_at(t, 0)->region), SERVICE_TAG_TEXT_MAX); /* "Azure " and whole characters */
    ck_assert(service_tag_text_is_sound(slice_of(network_table_at(t, 0)->region)));
    network_table_free(t);
    buf_release(&text);
}
END_TEST

/* ---- the reader: what it does when the bytes say so ---------------------------------------------------------------- */

/* A range as the wire has it; service_tags_apart.c alone knows the form. */
struct bogus {
    struct prefix range;
    uint8_t is_service;
    uint16_t name_len, region_len;
    char texts[4];
};
#define BOGUS_SIZE offsetof(struct bogus, texts) + 4

static struct bogus good(void)
{
    return (struct bogus){ .range = { .first = { { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2 } }, .bits = 120 },
                           .name_len = 3, .region_len = 1, .texts = { 'T', 'a', 'g', 'r' } };
}

static void put(struct apart_inside *in, struct bogus b, size_t size)
{
    void *room = apart_room(in, size);

    memcpy(room, &b, size);
    apart_wrote(in, size);
}

static void end_well(struct apart_inside *in)
{
    feed_tell_end(in, 0, &(struct feed_report){ .entries = 1 }, &(struct error){ 0 });
}

static void tell(struct apart_inside *in, struct bogus b)
{
    put(in, b, BOGUS_SIZE);
    end_well(in);
}

static void be_right(struct apart_inside *in) { tell(in, good()); }
static void cut_a_range(struct apart_inside *in) { put(in, good(), offsetof(struct bogus, name_len)); end_well(in); }
static void cut_a_text(struct apart_inside *in) { put(in, good(), BOGUS_SIZE - 1); end_well(in); }
static void lie_about_a_name(struct apart_inside *in) { struct bogus b = good(); b.name_len = UINT16_MAX; tell(in, b); }
static void lie_about_a_region(struct apart_inside *in) { struct bogus b = good(); b.region_len = UINT16_MAX; tell(in, b); }
static void name_nothing(struct apart_inside *in)
{
    struct bogus b = good();

    b.name_len = 0;
    b.region_len = 4;
    tell(in, b);
}
static void name_a_control(struct apart_inside *in) { struct bogus b = good(); b.texts[1] = '\x1b'; tell(in, b); }
static void name_an_end(struct apart_inside *in) { struct bogus b = good(); b.texts[1] = '\0'; tell(in, b); }
static void place_a_control(struct apart_inside *in) { struct bogus b = good(); b.texts[3] = '\n'; tell(in, b); }
static void be_too_wide(struct apart_inside *in) { struct bogus b = good(); b.range.bits = 200; tell(in, b); }
static void be_no_range(struct apart_inside *in) { struct bogus b = good(); b.range.first.at[15] = 1; tell(in, b); }
static void be_half_a_service(struct apart_inside *in) { struct bogus b = good(); b.is_service = 2; tell(in, b); }
static void say_nothing(struct apart_inside *in) { end_well(in); }
static void fail_without_a_word(struct apart_inside *in)
{
    feed_tell_end(in, -1, &(struct feed_report){ 0 }, &(struct error){ 0 });
}
static void report_too_much(struct apart_inside *in)
{
    feed_tell_end(in, 0, &(struct feed_report){ .said = FEED_REPORT_MAX + 1 }, &(struct error){ 0 });
}
static void end_early(struct apart_inside *in) { apart_end(in, "x", 1); }
static void name_too_much(struct apart_inside *in)
{
    struct bogus b = good();
    size_t size = offsetof(struct bogus, texts) + SERVICE_TAG_TEXT_MAX + 1;
    char *room = apart_room(in, size);

    b.name_len = SERVICE_TAG_TEXT_MAX + 1;
    b.region_len = 0;
    memset(room, 'x', size);
    memcpy(room, &b, offsetof(struct bogus, texts));
    apart_wrote(in, size);
    end_well(in);
}

/* Batches of ranges that are in no list, then its end; the next one, which sees that somebody was there, is right. */
static void die_once(struct apart_inside *in)
{
    if (!somebody_was_there(in)) {
        for (size_t i = 0; i < 2 * APART_BATCH_BYTES / sizeof(struct bogus); i++)
            put(in, good(), BOGUS_SIZE);
        abort();
    }
    service_tags_serve(in);
}

static const struct fault faults[] = { /* no reason: it is none */
    { "right", NULL, be_right },
    { "cut-range", "a size", cut_a_range },
    { "cut-text", "a size", cut_a_text },
    { "lie-name", "a size", lie_about_a_name },
    { "lie-region", "a size", lie_about_a_region },
    { "no-name", "a tag's name", name_nothing },
    { "control", "a tag's name", name_a_control },
    { "nul", "a tag's name", name_an_end },
    { "control-region", "a tag's name", place_a_control },
    { "long-name", "a tag's name", name_too_much },
    { "wide", "a range", be_too_wide },
    { "host-bits", "a range", be_no_range },
    { "half", "a range", be_half_a_service },
    { "nothing", "a list of nothing", say_nothing },
    { "no-word", "a failure without a word", fail_without_a_word },
    { "report", "a report", report_too_much },
    { "end", "a last word", end_early },
    { "abort", "SIGABRT", be_killed },
    { "call", "SIGSYS", make_a_socket },
};

static void serve(struct apart_inside *in)
{
    if (slice_find(apart_body(in), SL("dies once")) != SIZE_MAX) {
        die_once(in);
        return;
    }
    if (!fault_happens(in, faults, ARRAY_LEN(faults), apart_body(in)))
        feed_serve(in);
}

/* ---- the reader: what comes of it ---------------------------------------------------------------------------------- */

static void same_network(const struct network *x, const struct network *y)
{
    ck_assert_str_eq(x->name, y->name);
    ck_assert_str_eq(x->region, y->region);
    ck_assert_str_eq(x->org, y->org);
    ck_assert(x->country[0] == '\0' && y->country[0] == '\0' && x->city[0] == '\0' && y->city[0] == '\0');
    ck_assert(isnan(x->lat) && isnan(y->lat) && isnan(x->lon) && isnan(y->lon));
    ck_assert(x->asn == y->asn && x->until_ns == y->until_ns);
    ck_assert(x->is_azure && y->is_azure && x->is_azure_service == y->is_azure_service);
    ck_assert(!x->is_trusted && !y->is_trusted && !x->is_microsoft && !y->is_microsoft);
}

/* How many ranges there are; -1: both failed. */
static int64_t same_tags(struct apart *a, struct slice bytes, const char *name)
{
    struct network_table *home = NULL, *apart = NULL;
    struct feed_report x = { 0 }, y = { 0 };
    struct error ex = { 0 }, ey = { 0 };
    int rc = service_tags_parse(bytes, &home, &x, &ex);

    ck_assert_msg(service_tags_parse_apart(a, bytes, &apart, &y, &ey) == rc, "%s: %s | %s", name, ex.msg, ey.msg);
    ck_assert_str_eq(ex.msg, ey.msg);
    ck_assert_int_eq(ex.code, ey.code);
    ck_assert_msg(x.lines == y.lines && x.bad == y.bad && x.skipped == y.skipped && x.said == y.said, "%s", name);
    for (size_t i = 0; i < x.said; i++) {
        ck_assert_int_eq(x.each[i].line, y.each[i].line);
        ck_assert_str_eq(x.each[i].reason, y.each[i].reason);
    }
    if (rc < 0)
        return -1;
    ck_assert_int_eq(x.entries, y.entries);
    ck_assert_uint_eq(network_table_len(home), network_table_len(apart));
    for (size_t i = 0; i < network_table_len(home); i++) {
        ck_assert_mem_eq(&network_table_ranges(home)[i], &network_table_ranges(apart)[i], sizeof(struct prefix));
        same_network(network_table_at(home, i), network_table_at(apart, i));
    }
    network_table_free(home);
    network_table_free(apart);
    return x.entries;
}

START_TEST(the_reader_says_what_reading_at_home_says)
{
    static const char *const others[] = { "", "[]", "{\"values\":[]}", "<html>moved</html>",
                                          FILE_OF(TAG("AzureCloud", "", "", "\"nowhere\"")),
                                          FILE_OF(TAG("a\\u0000b", "\\n", "x", "\"192.0.2.1\",\"no\\u001bne\"")) };
    struct apart *a = new_apart(20000);
    struct buf file = BUF_INIT(1000000);

    ck_assert_int_eq(same_tags(a, slice_of(whole), "whole"), 8);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        (void)same_tags(a, slice_of(others[i]), others[i]);
    for (size_t n = 0; n < sizeof whole - 1; n += 7)
        ck_assert_int_eq(same_tags(a, slice_make(whole, n), "half a download"), -1);
    ck_assert_msg(file_read(&file, "tests/fuzz/corpus/feed/tags", &err) == 0, "%s", err.msg);
    ck_assert_int_gt(same_tags(a, slice_make(file.at + 1, file.len - 1), "corpus"), 0);
    ck_assert_int_eq(readers_ended(a, ""), 0);
    buf_release(&file);
    apart_free(a);
}
END_TEST

/* As large as the published one, in many batches: what libraries ask the system for, they ask in the cage. */
static void make_large(struct buf *out)
{
    buf_add_str(out, "{\"values\":[");
    for (unsigned tag = 0; tag < 3000; tag++) {
        buf_addf(out, "%s{\"name\":\"Tag%u\",\"properties\":{\"region\":\"%s\",\"systemService\":\"%s\","
                 "\"addressPrefixes\":[", tag ? "," : "", tag, tag % 3 ? "westeurope" : "", tag % 2 ? "Service" : "");
        for (unsigned i = 0; i < 20; i++)
            buf_addf(out, "%s\"20.%u.%u.%u/30\"", i ? "," : "", tag / 256, tag % 256, i * 4);
        buf_add_str(out, "]}}");
    }
    buf_add_str(out, "]}");
}

START_TEST(a_large_list_comes_whole_and_in_order)
{
    struct apart *a = new_apart(20000);
    struct buf text = BUF_INIT((size_t)64 << 20);

    make_large(&text);
    ck_assert_int_eq(same_tags(a, buf_slice(&text), "large"), 60000);
    ck_assert_int_eq(readers_ended(a, ""), 0);
    buf_release(&text);
    apart_free(a);
}
END_TEST

START_TEST(what_the_reader_answers_is_not_believed)
{
    const struct fault *f = &faults[_i];
    struct apart *a = new_apart(20000);
    struct network_table *t = NULL;
    struct feed_report report;
    int rc = service_tags_parse_apart(a, slice_of(f->name), &t, &report, &err);

    if (f->reason) {
        ck_assert_msg(rc == -1 && err.code == ERR_PARTIAL && !t, "%s: %s", f->name, err.msg);
        ck_assert_msg(strstr(err.msg, f->reason) != NULL, "%s: %s", f->name, err.msg);
        ck_assert_int_eq(readers_ended(a, f->reason), 2);
    } else {
        ck_assert_msg(rc == 0 && network_table_len(t) == 1, "%s: %s", f->name, err.msg);
        ck_assert_str_eq(network_table_at(t, 0)->name, "Tag");
        ck_assert_str_eq(network_table_at(t, 0)->region, "r");
        network_table_free(t);
    }
    ck_assert_int_eq(same_tags(a, slice_of(whole), "afterwards"), 8);
    apart_free(a);
}
END_TEST

START_TEST(a_reader_that_dies_halfway_leaves_nothing_behind)
{
    static const char once[] = FILE_OF(TAG("dies once", "", "", "\"20.0.0.0/8\""));
    struct apart *a = new_apart(20000);

    ck_assert_int_eq(same_tags(a, slice_of(once), "once"), 1);
    ck_assert_int_eq(readers_ended(a, "SIGABRT"), 1);
    apart_free(a);
}
END_TEST

int main(int argc, char **argv)
{
    static apart_service *const services[] = { [FEED_SERVICE] = serve };
    TCase *t = tcase_create("all");

    if (apart_is_asked(argc, argv))
        return apart_serve(services, ARRAY_LEN(services));
    tcase_set_timeout(t, 120);
    tcase_add_test(t, the_most_telling_tag_names_an_address);
    tcase_add_test(t, the_operator_and_the_portal_are_believed_first_however_wide);
    tcase_add_test(t, a_prefix_that_is_none_is_told_and_costs_nothing_else);
    tcase_add_test(t, what_is_no_such_file_is_refused);
    tcase_add_test(t, names_end_and_hold_no_control_bytes);
    tcase_add_test(t, the_reader_says_what_reading_at_home_says);
    tcase_add_test(t, a_large_list_comes_whole_and_in_order);
    tcase_add_loop_test(t, what_the_reader_answers_is_not_believed, 0, (int)ARRAY_LEN(faults));
    tcase_add_test(t, a_reader_that_dies_halfway_leaves_nothing_behind);
    return run_group("enrich/service_tags", t);
}
