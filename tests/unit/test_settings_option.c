/* What settings/option.h promises: a table parses, checks and explains; secrets come by reference.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/option.h"

#include "base/buf.h"
#include "settings/errors.h"
#include "settings/yaml_node.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct inner {
    int mode;
    char *path;
};

struct sample {
    int64_t count, free_int, window_ms, size;
    double ratio, share;
    bool flag;
    char *text, *url, *password_ref;
    struct secret password;
    int level;
    struct string_list tags;
    struct inner inner;
    const struct yaml_node *node;
};

static const char *const levels[] = { "low", "medium", "high", NULL };
static const char *const modes[] = { "read", "write", NULL };

static const struct option_spec inner_options[] = {
    { .key = "mode", .type = OPT_ENUM, .at = offsetof(struct inner, mode), .preset = "write", .values = modes },
    { .key = "path", .type = OPT_STRING, .at = offsetof(struct inner, path), .required = true,
      .help = "where it lies" },
    { 0 },
};

static void check_inner(const void *self, const struct yaml_node *value, struct settings_errors *errors)
{
    const struct inner *in = self;

    if (in->mode == 0 && strcmp(in->path, "/") == 0)
        settings_errors_add(errors, value, "reading '/' makes no sense");
}

static const struct option_spec options[] = {
    { .key = "count", .type = OPT_INT, .at = offsetof(struct sample, count), .preset = "20", .min = 2,
      .max = 100, .help = "how many" },
    { .key = "free_int", .type = OPT_INT, .at = offsetof(struct sample, free_int) },
    { .key = "window", .type = OPT_DURATION, .at = offsetof(struct sample, window_ms), .preset = "5m",
      .min = 1000, .max = 86400000 },
    { .key = "size", .type = OPT_BYTES, .at = offsetof(struct sample, size), .preset = "10MB", .min = 1024 },
    { .key = "ratio", .type = OPT_REAL, .at = offsetof(struct sample, ratio), .preset = "0.5", .real_min = 0.1,
      .real_max = 0.9 },
    { .key = "share", .type = OPT_REAL, .at = offsetof(struct sample, share), .preset = "1", .min = 0, .max = 5 },
    { .key = "flag", .type = OPT_BOOL, .at = offsetof(struct sample, flag), .preset = "yes" },
    { .key = "text", .type = OPT_STRING, .at = offsetof(struct sample, text), .min = 1, .max = 5 },
    { .key = "url", .type = OPT_URL, .at = offsetof(struct sample, url) },
    { .key = "password", .type = OPT_SECRET, .at = offsetof(struct sample, password),
      .reference_at = offsetof(struct sample, password_ref) },
    { .key = "level", .type = OPT_ENUM, .at = offsetof(struct sample, level), .preset = "medium",
      .values = levels },
    { .key = "tags", .type = OPT_STRING_LIST, .at = offsetof(struct sample, tags), .preset = "a, b", .max = 3 },
    { .key = "inner", .type = OPT_MAP, .at = offsetof(struct sample, inner), .sub = inner_options,
      .check = check_inner },
    { .key = "node", .type = OPT_NODE, .at = offsetof(struct sample, node) },
    { 0 },
};

struct bench {
    struct yaml_tree *tree;
    struct sample s;
    struct settings_errors errors;
    int rc;
};

static void bench_open(struct bench *b, struct slice text)
{
    *b = (struct bench){ 0 };
    ck_assert_int_eq(yaml_tree_parse(text, "f", &b->tree, &b->errors), 0);
    b->rc = settings_table_apply(options, yaml_tree_root(b->tree), &b->s, &b->errors);
    ck_assert_int_eq(b->rc, settings_errors_any(&b->errors) ? -1 : 0);
}

static void bench_close(struct bench *b)
{
    settings_table_release(options, &b->s);
    settings_table_release(options, &b->s); /* again does no harm */
    settings_errors_release(&b->errors);
    yaml_tree_free(b->tree);
}

START_TEST(presets_are_set_when_nothing_is_said)
{
    static const struct slice texts[] = { SL(""), SL("{}"), SL("~"), SL("inner:\ntags:\nnode: ~\n") };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct bench b;

        bench_open(&b, texts[i]);
        ck_assert_msg(b.rc == 0, "case %zu: %s", i, b.errors.len > 0 ? b.errors.at[0].text : "");
        ck_assert_int_eq(b.s.count, 20);
        ck_assert_int_eq(b.s.free_int, 0);
        ck_assert_int_eq(b.s.window_ms, 300000);
        ck_assert_int_eq(b.s.size, 10000000);
        ck_assert_double_eq(b.s.ratio, 0.5);
        ck_assert(b.s.flag);
        ck_assert_ptr_null(b.s.text);
        ck_assert_ptr_null(b.s.url);
        ck_assert(secret_empty(&b.s.password));
        ck_assert_int_eq(b.s.level, 1);
        ck_assert_uint_eq(b.s.tags.len, 2);
        ck_assert_str_eq(b.s.tags.at[1], "b");
        ck_assert_int_eq(b.s.inner.mode, 1);
        ck_assert_ptr_null(b.s.inner.path);
        ck_assert_ptr_null(b.s.node);
        bench_close(&b);
    }
}
END_TEST

START_TEST(every_type_is_read)
{
    struct bench b;

    bench_open(&b, SL("count: 100\nfree_int: -9223372036854775808\nwindow: 1h 30m\nsize: 64KiB\nratio: 9e-1\n"
                      "share: 0\nflag: off\ntext: \"12345\"\nurl: HTTPS://x.example/a?b@c\nlevel: high\n"
                      "tags: [x, \"y z\", '']\ninner: { mode: read, path: /p }\nnode: [1, { a: b }]\n"));
    ck_assert_msg(b.rc == 0, "%s", b.errors.len > 0 ? b.errors.at[0].text : "");
    ck_assert_int_eq(b.s.count, 100);
    ck_assert_int_eq(b.s.free_int, INT64_MIN);
    ck_assert_int_eq(b.s.window_ms, 5400000);
    ck_assert_int_eq(b.s.size, 65536);
    ck_assert_double_eq(b.s.ratio, 0.9);
    ck_assert_double_eq(b.s.share, 0);
    ck_assert(!b.s.flag);
    ck_assert_str_eq(b.s.text, "12345");
    ck_assert_str_eq(b.s.url, "HTTPS://x.example/a?b@c");
    ck_assert_int_eq(b.s.level, 2);
    ck_assert_uint_eq(b.s.tags.len, 3);
    ck_assert_str_eq(b.s.tags.at[1], "y z");
    ck_assert_str_eq(b.s.tags.at[2], "");
    ck_assert_int_eq(b.s.inner.mode, 0);
    ck_assert_str_eq(b.s.inner.path, "/p");
    ck_assert_uint_eq(b.s.node->len, 2);
    bench_close(&b);
}
END_TEST

START_TEST(the_limits_themselves_are_inside)
{
    static const struct slice texts[] = {
        SL("count: 2\n"),    SL("count: 100\n"),  SL("window: 1s\n"),  SL("window: 1d\n"), SL("size: 1KiB\n"),
        SL("size: 8388607TiB\n"), SL("ratio: 0.1\n"), SL("ratio: 0.9\n"), SL("share: 0\n"),  SL("share: 5\n"),
        SL("text: a\n"),     SL("text: abcde\n"), SL("tags: []\n"),    SL("tags: [a, b, c]\n"),
        SL("free_int: 9223372036854775807\n"),
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct bench b;

        bench_open(&b, texts[i]);
        ck_assert_msg(b.rc == 0, "%s", b.errors.len > 0 ? b.errors.at[0].text : "");
        bench_close(&b);
    }
}
END_TEST

START_TEST(one_bare_text_is_a_list_of_one)
{
    struct bench b;

    bench_open(&b, SL("tags: alone\n"));
    ck_assert_int_eq(b.rc, 0);
    ck_assert_uint_eq(b.s.tags.len, 1);
    ck_assert_str_eq(b.s.tags.at[0], "alone");
    bench_close(&b);
}
END_TEST

START_TEST(what_is_wrong_is_said_with_place_and_remedy)
{
    static const struct { struct slice text; const char *want; } cases[] = {
        { SL("count: 1\n"), "f:1:8: count: '1' is not a whole number from 2 to 100" },
        { SL("count: 101\n"), "f:1:8: count: '101' is not a whole number from 2 to 100" },
        { SL("count: abc\n"), "f:1:8: count: 'abc' is not a whole number from 2 to 100" },
        { SL("count: 5.0\n"), "f:1:8: count: '5.0' is not a whole number from 2 to 100" },
        { SL("count:\n"), "f:1:7: count has no value; a whole number from 2 to 100 is expected" },
        { SL("count: [5]\n"), "f:1:8: count: a whole number from 2 to 100 is expected here, not a list" },
        { SL("count: {}\n"), "f:1:8: count: a whole number from 2 to 100 is expected here, not a map" },
        { SL("free_int: 9223372036854775808\n"),
          "f:1:11: free_int: '9223372036854775808' is not a whole number" },
        { SL("window: 5\n"), "f:1:9: window: '5' is not a duration (30s, 5m, 2h, 14d) from 1s to 1d" },
        { SL("window: 999ms\n"), "f:1:9: window: '999ms' is not a duration (30s, 5m, 2h, 14d) from 1s to 1d" },
        { SL("window: 25h\n"), "f:1:9: window: '25h' is not a duration (30s, 5m, 2h, 14d) from 1s to 1d" },
        { SL("size: 1000\n"), "f:1:7: size: '1000' is not a size (64KiB, 10MB, 10GiB) of at least 1KiB" },
        { SL("ratio: 0.05\n"), "f:1:8: ratio: '0.05' is not a number from 0.1 to 0.9" },
        { SL("share: 5.1\n"), "f:1:8: share: '5.1' is not a number from 0 to 5" },
        { SL("share: -1\n"), "f:1:8: share: '-1' is not a number from 0 to 5" },
        { SL("share: .inf\n"), "f:1:8: share: '.inf' is not a number from 0 to 5" },
        { SL("flag: maybe\n"), "f:1:7: flag: 'maybe' is not true or false" },
        { SL("text: \"\"\n"), "f:1:7: text: '' is not a text with a length from 1 to 5" },
        { SL("text: 123456\n"), "f:1:7: text: '123456' is not a text with a length from 1 to 5" },
        { SL("text: \"a\\0b\"\n"), "f:1:7: text: a NUL byte in a text" },
        { SL("text: ${env:X}\n"), "f:1:7: text: references are read only where a secret is expected" },
        { SL("url: ftp://x/\n"), "f:1:6: url: 'ftp://x/' is not an http:// or https:// address" },
        { SL("url: https://\n"), "f:1:6: url: 'https://' is not an http:// or https:// address" },
        { SL("url: https:///a\n"), "f:1:6: url: 'https:///a' is not an http:// or https:// address" },
        { SL("url: \"https://a b/\"\n"), "f:1:6: url: a blank or control byte in an address" },
        { SL("url: https://u:hunter2@h/\n"), "f:1:6: url: an address with a user or password in it; use "
                                             "the options for secrets" },
        { SL("level: meduim\n"), "f:1:8: level: 'meduim' is not one of low, medium, high; did you mean 'medium'?" },
        { SL("level: 2\n"), "f:1:8: level: '2' is not one of low, medium, high" },
        { SL("tags: [a, b, c, d]\n"), "f:1:7: tags: a list of texts with a number of items from 0 to 3 is "
                                      "expected here, not 4" },
        { SL("tags: [a, [b]]\n"), "f:1:11: tags[1]: a text is expected here, not a list" },
        { SL("tags: [a, ~]\n"), "f:1:11: tags[1]: a text is expected here, not nothing" },
        { SL("tags: { a: b }\n"), "f:1:7: tags: a list of texts with a number of items from 0 to 3 is "
                                  "expected here, not a map" },
        { SL("inner: x\n"), "f:1:8: inner: a map (key: value) is expected here, not a text" },
        { SL("inner: {}\n"), "f:1:8: 'path' is missing under inner: where it lies" },
        { SL("inner: { path: p, mod: read }\n"), "f:1:19: unknown key 'mod' under inner; did you mean 'mode'?" },
        { SL("inner: { path: /, mode: read }\n"), "f:1:8: reading '/' makes no sense" },
        { SL("cuont: 5\n"), "f:1:1: unknown key 'cuont'; did you mean 'count'?" },
        { SL("zzzzzz: 5\n"), "f:1:1: unknown key 'zzzzzz'; known are count, free_int, window, size, ratio, share, "
                             "flag, text, url, password, level, tags, inner, node" },
        { SL("[1]\n"), "f:1:1: a map (key: value) is expected here, not a list" },
        { SL("\"\\e[2J\": 5\n"), "f:1:1: unknown key '\\u{1b}[2J'; known are" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench b;

        bench_open(&b, cases[i].text);
        ck_assert_msg(b.errors.len == 1, "case %zu: %zu errors", i, b.errors.len);
        ck_assert_msg(slice_starts(slice_of(b.errors.at[0].text), slice_of(cases[i].want)), "\n%s\n%s",
                      b.errors.at[0].text, cases[i].want);
        ck_assert_ptr_null(strstr(b.errors.at[0].text, "hunter2"));
        bench_close(&b);
    }
}
END_TEST

START_TEST(all_errors_are_found_at_once_and_in_order)
{
    struct bench b;

    bench_open(&b, SL("level: hgih\ninner:\n  mode: rite\nsize: 5\nx: 1\ncount: 0\n"));
    ck_assert_uint_eq(b.errors.len, 6);
    for (size_t i = 1; i < b.errors.len; i++)
        ck_assert_int_ge(b.errors.at[i].line, b.errors.at[i - 1].line);
    bench_close(&b);
}
END_TEST

START_TEST(a_preset_that_its_option_refuses_is_our_own_mistake)
{
    static const struct option_spec bad[] = {
        { .key = "n", .type = OPT_INT, .at = 0, .preset = "5", .min = 10, .max = 20 },
        { 0 },
    };
    struct error err = { 0 };
    int64_t n = 0;

    ck_assert_int_eq(settings_table_presets(bad, &n, &err), -1);
    ck_assert_int_eq(err.code, ERR_BUG);
    ck_assert_str_eq(err.msg, "option 'n' refuses its own preset '5'");
}
END_TEST

/* ---- secrets ---------------------------------------------------------------------------------- */

static char folder[64];

static void put_file(const char *name, struct slice content, char *path, size_t size)
{
    int fd;

    (void)snprintf(path, size, "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, content.at, content.len), (ssize_t)content.len);
    (void)close(fd);
}

static void make_folder(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/test_settings_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void drop_folder(const char *const *names)
{
    char path[128];

    for (; *names; names++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, *names);
        (void)unlink(path);
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(a_secret_in_a_file_loses_its_frame_and_keeps_its_blanks)
{
    static const struct { struct slice content; const char *want; } cases[] = {
        { SL("hunter2"), "hunter2" },
        { SL("hunter2\n"), "hunter2" },
        { SL("hunter2\r\n\n"), "hunter2" },
        { SL("\xef\xbb\xbfhunter2\n"), "hunter2" },
        { SL(" two words \n"), " two words " },
        { SL("one\ntwo\n"), "one\ntwo" },
        { SL(""), NULL },
        { SL("\n"), NULL },
        { SL("\xef\xbb\xbf"), NULL },
        { SL("a\0b"), NULL },
    };

    make_folder();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(secret_release) struct secret s = SECRET_INIT;
        struct error err = { 0 };
        char path[128], ref[160];

        put_file("s", cases[i].content, path, sizeof(path));
        (void)snprintf(ref, sizeof(ref), "${file:%s}", path);
        ck_assert_msg((secret_ref_resolve(slice_of(ref), &s, &err) == 0) == (cases[i].want != NULL), "case %zu", i);
        if (cases[i].want)
            ck_assert_str_eq(secret_reveal(&s), cases[i].want);
        else
            ck_assert_int_eq(err.code, ERR_CONFIG);
    }
    drop_folder((const char *const[]){ "s", NULL });
}
END_TEST

START_TEST(environment_and_credentials_are_places_for_secrets)
{
    CLEANUP(secret_release) struct secret s = SECRET_INIT;
    struct error err = { 0 };
    char path[128];

    make_folder();
    put_file("key", SL("from systemd\n"), path, sizeof(path));
    ck_assert_int_eq(setenv("TEST_SECRET", "from env\n", 1), 0);
    ck_assert_int_eq(secret_ref_resolve(SL("${env:TEST_SECRET}"), &s, &err), 0);
    ck_assert_str_eq(secret_reveal(&s), "from env");
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    ck_assert_int_eq(secret_ref_resolve(SL("${credential:key}"), &s, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.msg, "LoadCredential="));
    ck_assert_str_eq(secret_reveal(&s), "from env"); /* untouched by a failure */
    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    ck_assert_int_eq(secret_ref_resolve(SL("${credential:key}"), &s, &err), 0);
    ck_assert_str_eq(secret_reveal(&s), "from systemd");
    drop_folder((const char *const[]){ "key", NULL });
}
END_TEST

START_TEST(a_place_that_gives_no_secret_is_named_and_its_content_is_not)
{
    static const struct { struct slice ref; const char *want; } cases[] = {
        { SL("hunter2"), "a reference to the secret is expected, not the secret itself" },
        { SL("$hunter2"), "a reference to the secret is expected, not the secret itself" },
        { SL("${hunter2}"), "a reference to the secret is expected, not the secret itself" },
        { SL("${env:X} "), "a reference to the secret is expected" },
        { SL("${env:X"), "a reference to the secret is expected" },
        { SL(""), "a reference to the secret is expected" },
        { SL("${env:TEST_UNSET}"), "environment variable 'TEST_UNSET' is not set" },
        { SL("${env:TEST_EMPTY}"), "environment variable 'TEST_EMPTY' is empty" },
        { SL("${env:}"), "environment variable '' is not set" },
        { SL("${file:relative}"), "path 'relative' of a secret has to start with '/'" },
        { SL("${file:/nonexistent/x}"), "file '/nonexistent/x': No such file or directory" },
        { SL("${file:/dev/zero}"), "'/dev/zero' is not a regular file" },
        { SL("${file:/tmp}"), "'/tmp' is not a regular file" },
        { SL("${credential:../shadow}"), "'../shadow' is not the name of a credential" },
        { SL("${credential:..}"), "'..' is not the name of a credential" },
        { SL("${credential:}"), "'' is not the name of a credential" },
    };

    (void)unsetenv("TEST_UNSET");
    ck_assert_int_eq(setenv("TEST_EMPTY", "", 1), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(secret_release) struct secret s = SECRET_INIT;
        struct error err = { 0 };

        ck_assert_int_eq(secret_ref_resolve(cases[i].ref, &s, &err), -1);
        ck_assert_int_eq(err.code, ERR_CONFIG);
        ck_assert_msg(slice_starts(slice_of(err.msg), slice_of(cases[i].want)), "%s", err.msg);
        ck_assert_ptr_null(strstr(err.msg, "hunter2"));
    }
}
END_TEST

START_TEST(a_secret_that_is_too_large_is_refused)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(70000);
    CLEANUP(secret_release) struct secret s = SECRET_INIT;
    struct error err = { 0 };
    char path[128], ref[160];

    make_folder();
    for (int i = 0; i < 65536; i++)
        buf_add_char(&text, 'k');
    put_file("s", buf_slice(&text), path, sizeof(path));
    (void)snprintf(ref, sizeof(ref), "${file:%s}", path);
    ck_assert_int_eq(secret_ref_resolve(slice_of(ref), &s, &err), 0);
    ck_assert_uint_eq(s.len, 65536);
    buf_add_char(&text, 'k');
    put_file("s", buf_slice(&text), path, sizeof(path));
    ck_assert_int_eq(secret_ref_resolve(slice_of(ref), &s, &err), -1);
    drop_folder((const char *const[]){ "s", NULL });
}
END_TEST

START_TEST(the_reference_is_kept_so_that_a_rotated_file_can_be_read_again)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(300);
    struct error err = { 0 };
    char path[128];
    struct bench b;

    make_folder();
    put_file("s", SL("old\n"), path, sizeof(path));
    buf_addf(&text, "password: \"${file:%s}\"\n", path);
    bench_open(&b, buf_slice(&text));
    ck_assert_int_eq(b.rc, 0);
    ck_assert_str_eq(secret_reveal(&b.s.password), "old");
    put_file("s", SL("new\n"), path, sizeof(path));
    ck_assert_int_eq(secret_ref_resolve(slice_of(b.s.password_ref), &b.s.password, &err), 0);
    ck_assert_str_eq(secret_reveal(&b.s.password), "new");
    bench_close(&b);
    drop_folder((const char *const[]){ "s", NULL });
}
END_TEST

START_TEST(a_plain_secret_is_refused_and_not_repeated)
{
    static const struct slice texts[] = { SL("password: hunter2\n"), SL("password: [hunter2]\n"),
                                          SL("password: { hunter2: x }\n"), SL("password: \"a${env:hunter2\"\n") };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct bench b;

        bench_open(&b, texts[i]);
        ck_assert_uint_eq(b.errors.len, 1);
        ck_assert_ptr_null(strstr(b.errors.at[0].text, "hunter2"));
        ck_assert_ptr_nonnull(strstr(b.errors.at[0].text, "${credential:NAME}"));
        bench_close(&b);
    }
}
END_TEST

START_TEST(commands_that_send_nothing_need_no_secrets_but_still_judge_the_form)
{
    static const struct { struct slice text; size_t errors; } cases[] = {
        { SL("password: \"${env:TEST_UNSET}\"\n"), 0 },
        { SL("password: \"${file:/nonexistent}\"\n"), 0 },
        { SL("password: \"${credential:x}\"\n"), 0 },
        { SL("password: \"${file:relative}\"\n"), 1 },
        { SL("password: \"${credential:../x}\"\n"), 1 },
        { SL("password: \"${env:}\"\n"), 1 },
        { SL("password: hunter2\n"), 1 },
    };

    (void)unsetenv("TEST_UNSET");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(settings_errors_release) struct settings_errors errors = { .ignore_secrets = true };
        struct yaml_tree *t = NULL;
        struct sample s = { 0 };

        ck_assert_int_eq(yaml_tree_parse(cases[i].text, "f", &t, &errors), 0);
        ck_assert_int_eq(settings_table_apply(options, yaml_tree_root(t), &s, &errors),
                         cases[i].errors == 0 ? 0 : -1);
        ck_assert_uint_eq(errors.len, cases[i].errors);
        ck_assert(secret_empty(&s.password));
        ck_assert((s.password_ref != NULL) == (cases[i].errors == 0));
        settings_table_release(options, &s);
        yaml_tree_free(t);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        presets_are_set_when_nothing_is_said,
        every_type_is_read,
        the_limits_themselves_are_inside,
        one_bare_text_is_a_list_of_one,
        what_is_wrong_is_said_with_place_and_remedy,
        all_errors_are_found_at_once_and_in_order,
        a_preset_that_its_option_refuses_is_our_own_mistake,
        a_secret_in_a_file_loses_its_frame_and_keeps_its_blanks,
        environment_and_credentials_are_places_for_secrets,
        a_place_that_gives_no_secret_is_named_and_its_content_is_not,
        a_secret_that_is_too_large_is_refused,
        the_reference_is_kept_so_that_a_rotated_file_can_be_read_again,
        a_plain_secret_is_refused_and_not_repeated,
        commands_that_send_nothing_need_no_secrets_but_still_judge_the_form,
    };

    return run_tests("settings_option", tests, ARRAY_LEN(tests));
}
