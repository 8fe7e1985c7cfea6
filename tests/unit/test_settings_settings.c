/* What settings/settings.h promises: presets without a file, everything from a file, all errors at once.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"

#include "base/log.h"
#include "settings/yaml_node.h"
#include "settings_kit.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct settings *read_fine(const char *text)
{
    CLEANUP(settings_errors_release) struct settings_errors errors = { 0 };
    struct settings *s = NULL;

    ck_assert_msg(settings_parse_text(slice_of(text), "f", &kit_registry, &s, &errors) == 0, "%s",
                  errors.len > 0 ? errors.at[0].text : "?");
    return s;
}

static void read_wrong(const char *text, struct settings_errors *errors)
{
    struct settings *s = NULL;

    ck_assert_int_eq(settings_parse_text(slice_of(text), "f", &kit_registry, &s, errors), -1);
    ck_assert_ptr_null(s);
    ck_assert(settings_errors_any(errors));
}

static void assert_presets(const struct settings *s)
{
    const struct kit_detector *d = s->detectors[0].self;
    const struct kit_console *console = settings_section_find(s, "console")->self;

    ck_assert_uint_eq(s->sources.len, 0);
    ck_assert_uint_eq(s->outputs.len, 0);
    ck_assert_uint_eq(s->feeds.len, 0);
    ck_assert_str_eq(s->store.path, "/var/lib/cosmowatch");
    ck_assert_int_eq(s->store.max_bytes, INT64_C(10) << 30);
    ck_assert_int_eq(s->store.retention_ms, INT64_C(90) * 86400000);
    ck_assert_int_eq(s->log_level, LOG_LEVEL_INFO);
    ck_assert_int_gt(s->horizon_ms, 0);
    ck_assert_ptr_null(s->networks);
    ck_assert_uint_eq(s->detectors_len, 2);
    ck_assert(s->detectors[0].is_enabled && s->detectors[1].is_enabled);
    ck_assert_ptr_eq(s->detectors[0].module, &kit_detectors[0]);
    ck_assert_int_eq(d->threshold, 20);
    ck_assert_int_eq(d->sensitivity, 1);
    ck_assert_str_eq(console->listen, "127.0.0.1:9464");
}

START_TEST(no_file_and_empty_files_give_presets)
{
    static const char *const texts[] = { "", "---\n", "# nothing\n", "{}", "sources:\noutputs:\nfeeds:\ndetectors:\n"
                                         "networks:\nstore:\nlog:\nconsole:\n", "sources: []\ndetectors: {}\n" };
    struct settings *s = NULL;
    struct error err = { 0 };

    ck_assert_int_eq(settings_presets(&kit_registry, &s, &err), 0);
    assert_presets(s);
    settings_free(s);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        s = read_fine(texts[i]);
        assert_presets(s);
        settings_free(s);
    }
    settings_free(NULL);
}
END_TEST

START_TEST(a_registry_of_nothing_still_has_the_common_settings)
{
    static const struct settings_registry nothing = { 0 };
    CLEANUP(settings_errors_release) struct settings_errors errors = { 0 };
    struct settings *s = NULL;

    ck_assert_int_eq(settings_parse_text(SL("log: { level: debug }\nconsole: { a: 1 }\n"), "f", &nothing, &s,
                                         &errors),
                     0);
    ck_assert_int_eq(s->log_level, LOG_LEVEL_DEBUG);
    ck_assert_ptr_nonnull(yaml_node_get(s->console, "a"));
    settings_free(s);
}
END_TEST

START_TEST(a_whole_file_is_read)
{
    CLEANUP(settings_freep) struct settings *s = NULL;
    const struct kit_source *source;
    const struct kit_sink *sink;
    const struct settings_entry *out;

    ck_assert_int_eq(setenv("KIT_SECRET", "hunter2", 1), 0);
    s = read_fine("horizon: 12h\n"
                  "store: { path: /srv/cw, max_size: 1GiB, retention: 30d }\n"
                  "sources:\n"
                  "  - name: prod\n"
                  "    type: log_analytics\n"
                  "    workspace: " KIT_WORKSPACE "\n"
                  "    auth: &auth { type: client_secret, client_secret: \"${env:KIT_SECRET}\" }\n"
                  "    window: 10m\n"
                  "  - { name: test.2, type: log_analytics, workspace: " KIT_WORKSPACE ", auth: *auth }\n"
                  "feeds:\n"
                  "  - { name: ours, type: addresses, path: /etc/bad.txt }\n"
                  "networks:\n"
                  "  - { cidr: 203.0.113.0/24, name: head office }\n"
                  "detectors:\n"
                  "  auth_burst: { threshold: 5, allowed: 192.0.2.1 }\n"
                  "  bad_address: off\n"
                  "outputs:\n"
                  "  - name: soc\n"
                  "    type: webhook\n"
                  "    endpoint: https://soc.example/\n"
                  "    format: cef\n"
                  "    on_full: park\n"
                  "    route: { min_severity: high, types: [A, B], accounts: orders }\n"
                  "    headers: { X-Key: value }\n"
                  "  - { name: shown, type: stdout }\n"
                  "console: { listen: \"[::1]:80\" }\n");
    source = s->sources.at[0].self;
    ck_assert_uint_eq(s->sources.len, 2);
    ck_assert_str_eq(s->sources.at[0].name, "prod");
    ck_assert_ptr_eq(s->sources.at[0].module, &kit_sources[0]);
    ck_assert_int_eq(s->sources.at[0].node->line, 4);
    ck_assert_str_eq(source->workspace, KIT_WORKSPACE);
    ck_assert_int_eq(source->window_ms, 600000);
    ck_assert_str_eq(secret_reveal(&source->auth.client_secret), "hunter2");
    source = s->sources.at[1].self;
    ck_assert_int_eq(source->auth.type, 1);
    ck_assert_str_eq(secret_reveal(&source->auth.client_secret), "hunter2");
    ck_assert_str_eq(((const struct kit_feed *)s->feeds.at[0].self)->path, "/etc/bad.txt");
    ck_assert_uint_eq(s->networks->len, 1);
    ck_assert_int_eq(((const struct kit_detector *)s->detectors[0].self)->threshold, 5);
    ck_assert(!s->detectors[1].is_enabled);
    ck_assert_uint_eq(s->outputs.len, 2);
    out = &s->outputs.at[0];
    ck_assert_str_eq(out->name, "soc");
    sink = out->self;
    ck_assert_str_eq(out->format, "cef");
    ck_assert_int_eq(out->on_full, SETTINGS_FULL_PARK);
    ck_assert_int_eq(out->route.min_severity, 3);
    ck_assert_uint_eq(out->route.types.len, 2);
    ck_assert_str_eq(out->route.accounts.at[0], "orders");
    ck_assert_str_eq(sink->endpoint, "https://soc.example/");
    ck_assert_str_eq(yaml_node_get(sink->headers, "X-Key")->text.at, "value");
    ck_assert_uint_eq(sink->brokers.len, 2);
    out = &s->outputs.at[1];
    ck_assert_str_eq(out->name, "shown");
    ck_assert_ptr_null(out->format);
    ck_assert_ptr_null(out->self);
    ck_assert_int_eq(out->on_full, SETTINGS_FULL_HOLD);
    ck_assert_int_eq(s->horizon_ms, 43200000);
    ck_assert_str_eq(s->store.path, "/srv/cw");
}
END_TEST

START_TEST(what_is_switched_off_is_checked_but_left_out_and_needs_no_secret)
{
    CLEANUP(settings_errors_release) struct settings_errors errors = { 0 };
    CLEANUP(settings_freep) struct settings *s = NULL;

    (void)unsetenv("KIT_UNSET");
    s = read_fine("sources:\n"
                  "  - { name: a, type: log_analytics, enabled: false, auth: { client_secret: \"${env:KIT_UNSET}\" } }\n"
                  "outputs:\n"
                  "  - { name: b, type: stdout, enabled: off }\n"
                  "  - { name: c, type: stdout }\n");
    ck_assert_uint_eq(s->sources.len, 0);
    ck_assert_uint_eq(s->outputs.len, 1);
    ck_assert_str_eq(s->outputs.at[0].name, "c");
    read_wrong("outputs: [ { name: b, type: stdout, enabled: off, endpoint: x } ]\n", &errors);
    ck_assert_uint_eq(errors.len, 1);
}
END_TEST

START_TEST(a_detector_may_be_a_switch_or_a_map)
{
    static const struct { const char *text; bool is_enabled; } cases[] = {
        { "detectors: { auth_burst: off }\n", false },
        { "detectors: { auth_burst: False }\n", false },
        { "detectors: { auth_burst: on }\n", true },
        { "detectors: { auth_burst: { enabled: false } }\n", false },
        { "detectors: { auth_burst: { threshold: 5 } }\n", true },
        { "detectors: { auth_burst: ~ }\n", true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct settings *s = read_fine(cases[i].text);

        ck_assert_msg(s->detectors[0].is_enabled == cases[i].is_enabled, "case %zu", i);
        ck_assert_ptr_nonnull(s->detectors[0].self);
        settings_free(s);
    }
}
END_TEST

START_TEST(each_mistake_has_a_sentence_with_its_place)
{
    static const struct { const char *text, *want; } cases[] = {
        { "sorces: []\n", "f:1:1: unknown key 'sorces'; did you mean 'sources'?" },
        { "[]\n", "f:1:1: a map (key: value) is expected here, not a list" },
        { "just text\n", "f:1:1: a map (key: value) is expected here, not a text" },
        { "sources: { a: b }\n", "f:1:10: sources: a list (- name: ...) is expected here, not a map" },
        { "sources: [x]\n", "f:1:11: sources[0]: a map (key: value) is expected here, not a text" },
        { "sources: [~]\n", "f:1:11: an empty item under sources" },
        { "outputs:\n  - { type: stdout }\n", "f:2:5: 'name' is missing under outputs[0]: what messages" },
        { "outputs:\n  - { name: a }\n", "f:2:5: 'type' is missing under outputs[0]: the module" },
        { "outputs:\n  - { name: a, type: stdotu }\n",
          "f:2:22: 'stdotu' is not a type of outputs; did you mean 'stdout'?" },
        { "outputs:\n  - { name: a, type: kafka }\n",
          "f:2:22: 'kafka' is not a type of outputs; there are webhook, stdout" },
        { "outputs:\n  - { name: a, type: webhook, endpont: \"https://x/\" }\n",
          "f:2:5: 'endpoint' is missing under outputs[0]: where it goes\n"
          "f:2:31: unknown key 'endpont' under outputs[0]; did you mean 'endpoint'?" },
        { "outputs:\n  - { name: a, type: stdout, format: ceff }\n",
          "f:2:38: 'ceff' is not a format; did you mean 'cef'?" },
        { "outputs:\n  - { name: a, type: stdout, route: { min_severity: hihg } }\n",
          "f:2:53: outputs[0].route.min_severity: 'hihg' is not one of informational, low, medium, high; "
          "did you mean 'high'?" },
        { "outputs:\n  - { name: a, type: stdout }\n  - { name: a, type: stdout }\n",
          "f:3:13: name 'a' is already used in line 2" },
        { "outputs:\n  - { name: \"a b\", type: stdout }\n",
          "f:2:13: name 'a b': only letters, digits and . _ - are taken" },
        { "outputs:\n  - { name: \"\", type: stdout }\n",
          "f:2:13: outputs[0].name: '' is not a text with a length from 1 to 63" },
        { "sources:\n  - { name: a, type: log_analytics, route: {} }\n",
          "f:2:5: 'workspace' is missing under sources[0]: workspace id\n"
          "f:2:37: unknown key 'route' under sources[0]" },
        { "detectors: { auth_brust: {} }\n", "f:1:14: 'auth_brust' is not a detector; did you mean 'auth_burst'?" },
        { "detectors: { auth_burst: { threshhold: 5 } }\n",
          "f:1:28: unknown key 'threshhold' under detectors.auth_burst; did you mean 'threshold'?" },
        { "detectors: { auth_burst: 5 }\n",
          "f:1:26: detectors.auth_burst: a map (key: value) is expected here, not a text" },
        { "detectors: { auth_burst: { threshold: 1 } }\n",
          "f:1:39: detectors.auth_burst.threshold: '1' is not a whole number of at least 2" },
        { "detectors: [auth_burst]\n", "f:1:12: detectors: a map (key: value) is expected here, not a list" },
        { "networks: { cidr: x }\n", "f:1:11: networks: a list is expected here, not a map" },
        { "networks: [x]\n", "f:1:12: networks[0]: a map (key: value) is expected here, not a text" },
        { "console: { liste: x }\n", "f:1:12: unknown key 'liste' under console; did you mean 'listen'?" },
        { "store: { max_size: 1 }\n",
          "f:1:20: store.max_size: '1' is not a size (64KiB, 10MB, 10GiB) from 16MiB to 16TiB" },
        { "log: { level: verbose }\n", "f:1:15: log.level: 'verbose' is not one of error, warn, info, debug" },
        { "a: [\n", "f:2:1: " },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(settings_errors_release) struct settings_errors errors = { 0 };
        CLEANUP(buf_release) struct buf said = BUF_INIT(10000);

        read_wrong(cases[i].text, &errors);
        settings_errors_print(&errors, &said);
        ck_assert_msg(slice_starts(buf_slice(&said), slice_of(cases[i].want)), "\nis     %s\nshould %s",
                      buf_cstr(&said), cases[i].want);
    }
}
END_TEST

START_TEST(all_mistakes_of_a_file_are_told_in_its_order)
{
    CLEANUP(settings_errors_release) struct settings_errors errors = { 0 };
    static const int lines[] = { 1, 3, 4, 6, 8, 9 };

    read_wrong("horizn: 5h\n"
               "outputs:\n"
               "  - { name: a, type: nope }\n"
               "  - { name: a, type: stdout, x: 1 }\n"
               "detectors:\n"
               "  nobody: {}\n"
               "sources:\n"
               "  - { name: s, type: log_analytics, workspace: short }\n"
               "log: { level: loud }\n",
               &errors);
    ck_assert_uint_eq(errors.len, 7); /* two in line 4: the name and the key */
    for (size_t i = 0, k = 0; i < errors.len; i++) {
        if (k + 1 < ARRAY_LEN(lines) && errors.at[i].line != lines[k])
            k++;
        ck_assert_int_eq(errors.at[i].line, lines[k]);
    }
}
END_TEST

START_TEST(an_unresolved_secret_has_a_place_and_no_content)
{
    CLEANUP(settings_errors_release) struct settings_errors errors = { 0 };

    (void)unsetenv("KIT_UNSET");
    read_wrong("sources:\n"
               "  - name: a\n"
               "    type: log_analytics\n"
               "    workspace: " KIT_WORKSPACE "\n"
               "    auth:\n"
               "      client_secret: ${env:KIT_UNSET}\n"
               "  - name: b\n"
               "    type: log_analytics\n"
               "    workspace: " KIT_WORKSPACE "\n"
               "    auth: { client_secret: hunter2 }\n",
               &errors);
    ck_assert_uint_eq(errors.len, 2);
    ck_assert_str_eq(errors.at[0].text, "f:6:22: sources[0].auth.client_secret: environment variable 'KIT_UNSET' "
                                        "is not set");
    ck_assert_int_eq(errors.at[1].line, 10);
    ck_assert_ptr_null(strstr(errors.at[1].text, "hunter2"));
}
END_TEST

START_TEST(a_file_that_others_may_write_is_refused)
{
    static const struct { mode_t mode; const char *want; } cases[] = {
        { 0600, NULL }, { 0640, NULL }, { 0644, NULL }, { 0660, "writable by its group (mode 0660)" },
        { 0666, "writable by everybody (mode 0666)" }, { 0602, "writable by everybody (mode 0602)" },
    };
    char path[] = "/tmp/test_settings_XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "horizon: 6h\n", 12), 12);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(settings_errors_release) struct settings_errors errors = { 0 }, none = { 0 };
        struct settings *s = NULL;

        ck_assert_int_eq(fchmod(fd, cases[i].mode), 0);
        ck_assert_int_eq(settings_load(path, &kit_registry, SETTINGS_OWN_FILE, &s, &errors),
                         cases[i].want ? -1 : 0);
        if (cases[i].want)
            ck_assert_ptr_nonnull(strstr(errors.at[0].text, cases[i].want));
        settings_free(s);
        s = NULL;
        ck_assert_int_eq(settings_load(path, &kit_registry, SETTINGS_ANY_FILE, &s, &none), 0);
        ck_assert_int_eq(s->horizon_ms, 6 * 3600000);
        settings_free(s);
    }
    (void)close(fd);
    (void)unlink(path);
}
END_TEST

START_TEST(a_file_of_another_user_is_refused)
{
    CLEANUP(settings_errors_release) struct settings_errors errors = { 0 };
    char path[] = "/tmp/test_settings_XXXXXX";
    struct settings *s = NULL;
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    if (fchown(fd, 12345, (gid_t)-1) == 0) { /* only root can play this */
        ck_assert_int_eq(settings_load(path, &kit_registry, SETTINGS_OWN_FILE, &s, &errors), -1);
        ck_assert_ptr_nonnull(strstr(errors.at[0].text, "owned by user 12345"));
    }
    (void)close(fd);
    (void)unlink(path);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
    static const struct { const char *path, *want; } cases[] = {
        { "/nonexistent/x.yaml", "/nonexistent/x.yaml: cannot be opened: No such file or directory" },
        { "/tmp", "/tmp: not a regular file" },
        { "/dev/null", "/dev/null: not a regular file" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(settings_errors_release) struct settings_errors errors = { 0 };
        struct settings *s = NULL;

        ck_assert_int_eq(settings_load(cases[i].path, &kit_registry, SETTINGS_ANY_FILE, &s, &errors), -1);
        ck_assert_str_eq(errors.at[0].text, cases[i].want);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        no_file_and_empty_files_give_presets,
        a_registry_of_nothing_still_has_the_common_settings,
        a_whole_file_is_read,
        what_is_switched_off_is_checked_but_left_out_and_needs_no_secret,
        a_detector_may_be_a_switch_or_a_map,
        each_mistake_has_a_sentence_with_its_place,
        all_mistakes_of_a_file_are_told_in_its_order,
        an_unresolved_secret_has_a_place_and_no_content,
        a_file_that_others_may_write_is_refused,
        a_file_of_another_user_is_refused,
        what_is_no_file_is_refused,
    };

    return run_tests("settings_settings", tests, ARRAY_LEN(tests));
}
