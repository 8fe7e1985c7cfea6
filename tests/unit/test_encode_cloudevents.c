/* What a CloudEvents envelope promises: it holds any JSON format unchanged; as headers its attributes come
 * back as they were, whatever the row said.
 * SPDX-License-Identifier: Apache-2.0 */
#include "encode_kit.h"

#include "outputs/encode/cloudevents.h"

struct headers { char names[16][32]; char values[16][4096]; size_t len; };

static void keep(void *self, const char *name, struct slice value)
{
    struct headers *h = self;

    ck_assert_uint_lt(h->len, 16);
    ck_assert_uint_lt(value.len, 4096);
    (void)snprintf(h->names[h->len], 32, "%s", name);
    memcpy(h->values[h->len], value.at, value.len);
    h->values[h->len++][value.len] = '\0';
}

static const char *header(const struct headers *h, const char *name)
{
    for (size_t i = 0; i < h->len; i++)
        if (strcmp(h->names[i], name) == 0)
            return h->values[i];
    ck_abort_msg("no header %s", name);
}

START_TEST(any_json_format_goes_in_unchanged)
{
    struct alert *a = kit_tor_alert();
    size_t n = 0;

    for (size_t i = 0; encoders_all[i]; i++) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20), inner = BUF_INIT(1 << 20);
        struct json_object *o;

        if (!encoders_all[i]->is_json)
            continue;
        MUST(cloudevents_wrap(a, encoders_all[i], &line, err));
        kit_encode(encoders_all[i], a, &inner);
        ck_assert_uint_ne(slice_find(buf_slice(&line), buf_slice(&inner)), SIZE_MAX);
        o = kit_parse(&line);
        ck_assert_str_eq(kit_at(o, "/dataformat"), encoders_all[i]->name);
        ck_assert_str_eq(kit_at(o, "/datacontenttype"), encoders_all[i]->content_type);
        ck_assert_str_eq(kit_at(o, "/id"), a->record_id);
        json_object_put(o);
        n++;
    }
    ck_assert_uint_ge(n, 7);
    alert_free(a);
}
END_TEST

START_TEST(a_format_that_is_no_json_is_refused)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);
    struct alert *a = kit_tor_alert();
    struct headers h = { .len = 0 };

    FAILS(cloudevents_wrap(a, encoder_find("cef"), &line, err), ERR_CONFIG);
    FAILS(cloudevents_headers(a, encoder_find("leef"), CLOUDEVENTS_HTTP, keep, &h, err), ERR_CONFIG);
    ck_assert_uint_eq(line.len, 0);
    ck_assert_uint_eq(h.len, 0);
    alert_free(a);
}
END_TEST

START_TEST(attributes_become_headers_of_http_and_of_kafka)
{
    static struct headers http, kafka;
    struct alert *a = kit_tor_alert();

    kit_make_update(a, 2);
    MUST(cloudevents_headers(a, encoder_find("ocsf"), CLOUDEVENTS_HTTP, keep, &http, err));
    MUST(cloudevents_headers(a, encoder_find("ocsf"), CLOUDEVENTS_KAFKA, keep, &kafka, err));
    ck_assert_str_eq(header(&http, "ce-specversion"), "1.0");
    ck_assert_str_eq(header(&http, "ce-id"), a->record_id);
    ck_assert_str_eq(header(&http, "ce-subject"), a->id);
    ck_assert_str_eq(header(&http, "ce-source"), ARM_PUBLISHED);
    ck_assert_str_eq(header(&http, "ce-time"), "2026-03-03T09:14:22.1234567Z");
    ck_assert_str_eq(header(&http, "content-type"), "application/json");
    ck_assert_str_eq(header(&kafka, "ce_id"), a->record_id);
    ck_assert_str_eq(header(&kafka, "ce_severity"), "high");
    ck_assert_str_eq(header(&kafka, "content-type"), "application/json");
    ck_assert_uint_eq(http.len, kafka.len);
    alert_free(a);
}
END_TEST

START_TEST(no_text_of_a_row_can_end_a_header)
{
    for (size_t i = 0; i < ARRAY_LEN(kit_hostile); i++) {
        static struct headers h;
        struct alert *a = kit_alert_of(kit_hostile[i]);

        for (int binding = 0; binding < 2; binding++) {
            h.len = 0;
            MUST(cloudevents_headers(a, encoder_find("json"), (enum cloudevents_binding)binding, keep, &h, err));
            for (size_t n = 0; n < h.len; n++) {
                for (const char *p = h.values[n]; *p; p++)
                    ck_assert_msg(*p >= 0x20 && *p < 0x7f, "case %zu: %s", i, h.names[n]);
                ck_assert_msg(h.values[n][0], "%s is empty", h.names[n]);
            }
        }
        alert_free(a);
    }
}
END_TEST

START_TEST(http_values_are_percent_encoded_once_more_and_kafka_values_are_not)
{
    static struct headers http, kafka;
    struct alert *a = kit_alert_of(SL("a b%\"\xc3\xbc"));

    MUST(cloudevents_headers(a, encoder_find("json"), CLOUDEVENTS_HTTP, keep, &http, err));
    MUST(cloudevents_headers(a, encoder_find("json"), CLOUDEVENTS_KAFKA, keep, &kafka, err));
    ck_assert_str_eq(header(&kafka, "ce_source"), "/cosmowatch/a%20b%25%22%C3%BC");
    ck_assert_str_eq(header(&http, "ce-source"), "/cosmowatch/a%2520b%2525%2522%25C3%25BC");
    alert_free(a);
}
END_TEST

KIT_MAIN("encode cloudevents", any_json_format_goes_in_unchanged, a_format_that_is_no_json_is_refused,
         attributes_become_headers_of_http_and_of_kafka, no_text_of_a_row_can_end_a_header,
         http_values_are_percent_encoded_once_more_and_kafka_values_are_not)
