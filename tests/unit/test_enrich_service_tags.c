/* What agent/enrich/service_tags.h promises, and how its ranges stand beside what the operator says.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/service_tags.h"

#include "enrich/places.h"

#include <check.h>
#include <math.h>
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

int main(void)
{
    Suite *s = suite_create("enrich/service_tags");
    TCase *t = tcase_create("all");
    SRunner *r = srunner_create(s);
    int failed;

    suite_add_tcase(s, t);
    tcase_add_test(t, the_most_telling_tag_names_an_address);
    tcase_add_test(t, the_operator_and_the_portal_are_believed_first_however_wide);
    tcase_add_test(t, a_prefix_that_is_none_is_told_and_costs_nothing_else);
    tcase_add_test(t, what_is_no_such_file_is_refused);
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
