/* What the generators promise: the sample is a valid file, with and without its '#'; the schema is JSON
 * that knows every option.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"

#include "settings_kit.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <json-c/json.h>
#include <stdlib.h>

static struct settings *read_fine(struct slice text)
{
    CLEANUP(settings_errors_release) struct settings_errors errors = { 0 };
    struct settings *s = NULL;

    ck_assert_msg(settings_parse_text(text, "sample", &kit_registry, &s, &errors) == 0, "%s\n%.*s",
                  errors.len > 0 ? errors.at[0].text : "?", SLF(text));
    return s;
}

/* Take the '#' away wherever no blank follows it: that is a setting, not prose. */
static void uncomment(struct slice text, struct buf *out)
{
    struct slice line;

    while (slice_split(&text, '\n', &line)) {
        size_t i = 0;

        while (i < line.len && line.at[i] == ' ')
            i++;
        if (i + 1 < line.len && line.at[i] == '#' && line.at[i + 1] != ' ') {
            buf_add(out, line.at, i);
            buf_add(out, line.at + i + 1, line.len - i - 1);
        } else {
            buf_add_slice(out, line);
        }
        buf_add_char(out, '\n');
    }
}

START_TEST(the_sample_changes_nothing_as_it_is)
{
    CLEANUP(buf_release) struct buf sample = BUF_INIT(1 << 20);
    CLEANUP(settings_freep) struct settings *s = NULL;

    settings_print_sample(&sample, &kit_registry);
    ck_assert(!sample.failed);
    s = read_fine(buf_slice(&sample));
    ck_assert_uint_eq(s->sources.len + s->outputs.len + s->feeds.len, 0);
    ck_assert_str_eq(s->store.path, "/var/lib/cosmowatch");
}
END_TEST

START_TEST(the_sample_without_its_marks_sets_everything_to_what_it_was)
{
    CLEANUP(buf_release) struct buf sample = BUF_INIT(1 << 20), bare = BUF_INIT(1 << 20);
    CLEANUP(settings_freep) struct settings *s = NULL, *presets = NULL;
    const struct kit_sink *sink;
    struct error err = { 0 };

    ck_assert_int_eq(setenv("KIT_SECRET", "x", 1), 0);
    settings_print_sample(&sample, &kit_registry);
    uncomment(buf_slice(&sample), &bare);
    s = read_fine(buf_slice(&bare));
    ck_assert_int_eq(settings_presets(&kit_registry, &presets, &err), 0);
    ck_assert_uint_eq(s->sources.len, 1);
    ck_assert_uint_eq(s->outputs.len, 2);
    ck_assert_uint_eq(s->feeds.len, 1);
    ck_assert_int_eq(s->horizon_ms, presets->horizon_ms);
    ck_assert_int_eq(s->store.max_bytes, presets->store.max_bytes);
    ck_assert_int_eq(s->log_level, presets->log_level);
    ck_assert_int_eq(((const struct kit_detector *)s->detectors[0].self)->threshold, 20);
    sink = s->outputs.at[0].self;
    ck_assert_str_eq(sink->endpoint, "https://example.net/in");
    ck_assert_uint_eq(sink->brokers.len, 2);
    ck_assert_str_eq(sink->brokers.at[0], "a:9092");
    ck_assert_int_eq(s->outputs.at[0].on_full, SETTINGS_FULL_HOLD);
}
END_TEST

START_TEST(the_sample_names_every_option_with_its_help_and_limits)
{
    static const char *const wanted[] = {
        "# log_analytics - Azure Monitor logs\n",
        "  #- name: log_analytics\n    #type: log_analytics\n",
        "    # workspace id (required)\n    #workspace: 00000000-0000-0000-0000-000000000000\n",
        "    #auth:\n      # who we are to Azure; one of managed_identity, client_secret\n"
        "      #type: managed_identity\n",
        "      #client_secret: \"${env:KIT_SECRET}\"\n",
        "    # how much is asked for at once; from 1m to 1h (since 0.1)\n"
        "    #window: 5m\n",
        "    # alerts at once; from 1 to 1000\n    #batch: 100\n",
        "    #brokers: [a:9092, b:9092]\n",
        "    #headers: { X-Key: value }\n",
        "  #auth_burst:\n",
        "    #threshold: 20\n",
        "  #path: /var/lib/cosmowatch\n",
        "  #max_size: 10GiB\n",
        "#console:\n  #listen: 127.0.0.1:9464\n",
    };
    CLEANUP(buf_release) struct buf sample = BUF_INIT(1 << 20);
    struct slice rest, line;

    settings_print_sample(&sample, &kit_registry);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        ck_assert_msg(strstr(buf_cstr(&sample), wanted[i]) != NULL, "missing:\n%s\nin\n%s", wanted[i],
                      buf_cstr(&sample));
    rest = buf_slice(&sample);
    while (slice_split(&rest, '\n', &line))
        ck_assert_msg(line.len <= 100, "%.*s", SLF(line));
}
END_TEST

START_TEST(the_schema_is_json_that_knows_every_option)
{
    static const char *const paths[] = {
        "/properties/sources/items/oneOf/0/properties/workspace/minLength",
        "/properties/sources/items/oneOf/0/properties/type/const",
        "/properties/sources/items/oneOf/0/properties/auth/properties/client_secret/pattern",
        "/properties/outputs/items/oneOf/0/properties/endpoint/pattern",
        "/properties/outputs/items/oneOf/0/properties/route/properties/min_severity/enum/3",
        "/properties/outputs/items/oneOf/1/properties/format",
        "/properties/detectors/properties/auth_burst/anyOf/1/properties/threshold/minimum",
        "/properties/feeds/items/oneOf/0/properties/path",
        "/properties/store/properties/max_size/default",
        "/properties/horizon/anyOf/0/pattern",
        "/properties/console/properties/listen/default",
    };
    CLEANUP(buf_release) struct buf schema = BUF_INIT(1 << 20);
    struct json_object *root, *at = NULL;

    settings_print_json_schema(&schema, &kit_registry);
    ck_assert(!schema.failed);
    root = json_tokener_parse(buf_cstr(&schema));
    ck_assert_msg(root != NULL, "%s", buf_cstr(&schema));
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        ck_assert_msg(json_pointer_get(root, paths[i], &at) == 0, "%s is missing", paths[i]);
    ck_assert_int_eq(json_pointer_get(root, "/properties/sources/items/oneOf/0/required/2", &at), 0);
    ck_assert_str_eq(json_object_get_string(at), "workspace");
    json_object_put(root);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_sample_changes_nothing_as_it_is,
        the_sample_without_its_marks_sets_everything_to_what_it_was,
        the_sample_names_every_option_with_its_help_and_limits,
        the_schema_is_json_that_knows_every_option,
    };

    return run_tests("settings_generate", tests, ARRAY_LEN(tests));
}
