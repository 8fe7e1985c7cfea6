/* What a CloudEvents envelope promises: it holds any JSON format unchanged, and no other format is taken for one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "encode_kit.h"

#include "outputs/encode/cloudevents.h"

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

    FAILS(cloudevents_wrap(a, encoder_find("cef"), &line, err), ERR_CONFIG);
    ck_assert_uint_eq(line.len, 0);
    alert_free(a);
}
END_TEST

START_TEST(an_event_is_known_by_its_bytes_whatever_the_row_said)
{
    for (size_t n = 0; n < ARRAY_LEN(kit_hostile); n++) {
        struct alert *a = kit_alert_of(kit_hostile[n]);

        for (size_t i = 0; encoders_all[i]; i++) {
            CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);

            kit_encode(encoders_all[i], a, &line);
            ck_assert_msg(cloudevents_is_event(buf_slice(&line)) == (strcmp(encoders_all[i]->name, "cloudevents") == 0),
                          "case %zu: %s", n, encoders_all[i]->name);
        }
        alert_free(a);
    }
}
END_TEST

KIT_MAIN("encode cloudevents", any_json_format_goes_in_unchanged, a_format_that_is_no_json_is_refused,
         an_event_is_known_by_its_bytes_whatever_the_row_said)
