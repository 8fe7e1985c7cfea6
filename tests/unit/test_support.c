/* What a stranger may see: support/hide.h, support/archive.h, settings_print_outline().
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"
#include "store_kit.h"
#include "support/archive.h"
#include "support/hide.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <json-c/json.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "quokka" /* in everything that somebody wrote */

static struct hide *h;
static struct buf out;

static void setup(void)
{
    h = hide_new();
    ck_assert_ptr_nonnull(h);
    out = BUF_INIT(1u << 20);
}

static void teardown(void)
{
    hide_freep(&h);
    buf_release(&out);
}

/* ---- texts -------------------------------------------------------------------------------------------------------- */

static const char *text(const char *t)
{
    buf_clear(&out);
    hide_add_text(h, &out, t);
    return buf_cstr(&out);
}

START_TEST(a_name_is_a_number_and_the_same_one_each_time)
{
    struct error err = { 0 };

    ck_assert_int_eq(hide_keep(h, "failing", &err), 0);
    ck_assert_str_eq(text("prod"), "\"name-1\"");
    ck_assert_str_eq(text("stage"), "\"name-2\"");
    ck_assert_str_eq(text("prod"), "\"name-1\"");
    ck_assert_str_eq(text("Prod"), "\"name-3\"");
    ck_assert_str_eq(text("failing"), "\"failing\"");
    ck_assert_str_eq(text("failing "), "\"name-4\"");
    ck_assert_str_eq(text("2026-11-26T00:30:00Z"), "\"2026-11-26T00:30:00Z\"");
    ck_assert_str_eq(text("2026-11-26T00:30:00Z " MARK), "\"name-5\"");
    ck_assert_str_eq(text(""), "\"\"");
    ck_assert_str_eq(text(NULL), "null");
}
END_TEST

/* ---- sentences ------------------------------------------------------------------------------------------------------ */

static const struct { const char *said, *shown; } sentences[] = {
    { "connect: Connection refused", "connect: Connection refused" },
    { "ingestion: HTTP 503: asks us to slow down (request 871bdcb5-3893-4724)", "... HTTP 503: asks us to slow down (request ..." },
    { "the token of quokka.example failed", "the token of ... failed" },
    { "it failed. quokka waits", "it failed ... " },
    { "failed.quokka", "..." },
    { "quokka-failed", "..." },
    { "failed/token", "..." },
    { "token@quokka", "..." },
    { "a file 'C:\\quokka\\key' is missing", "a file '... is missing" },
    { "AADSTS7000215: invalid secret", "AADSTS7000215: invalid secret" },
    { "AADSTS70002158888888", "..." },
    { "AADSTSquokka", "..." },
    { "row 12345 of 123456", "row 12345 of ..." },
    { "quokka quokka, quokka: failed", "... failed" },
    { "f\xc3\xbc""r failed", "... failed" },
    { "", "" },
};

START_TEST(a_sentence_keeps_the_words_that_failures_are_told_in)
{
    CLEANUP(buf_release) struct buf want = BUF_INIT(256);

    buf_addf(&want, "\"%s\"", sentences[_i].shown);
    hide_add_sentence(&out, sentences[_i].said);
    ck_assert_str_eq(buf_cstr(&out), buf_cstr(&want));
}
END_TEST

/* They are looked for by halves. */
START_TEST(every_word_of_the_list_is_found)
{
    static const char *const some[] = { "a", "accept", "authority", "authorization", "begin", "behind", "endpoint", "handshake", "self-signed",
                                        "sent", "service", "unreachable", "windows", "within", "without", "yet" };

    for (size_t i = 0; i < ARRAY_LEN(some); i++) {
        CLEANUP(buf_release) struct buf want = BUF_INIT(256);

        buf_addf(&want, "\"%s\"", some[i]);
        buf_clear(&out);
        hide_add_sentence(&out, some[i]);
        ck_assert_str_eq(buf_cstr(&out), buf_cstr(&want));
    }
}
END_TEST

/* ---- JSON ----------------------------------------------------------------------------------------------------------- */

START_TEST(of_json_the_texts_are_hidden_and_the_rest_is_kept)
{
    static const char *const keys[] = { "reason", NULL };
    struct json_object *o = json_tokener_parse("{\"name\":\"quokka\",\"n\":[1,-2.5,true,null,\"quokka\"],"
                                               "\"in\":{\"reason\":\"quokka failed\",\"name\":\"failed\"},\"reason\":7}");

    hide_add_json(h, &out, o, keys);
    json_object_put(o);
    ck_assert_str_eq(buf_cstr(&out), "{\"name\":\"name-1\",\"n\":[1,-2.5,true,null,\"name-1\"],"
                                     "\"in\":{\"reason\":\"... failed\",\"name\":\"name-2\"},\"reason\":7}");
}
END_TEST

/* ---- a configuration ------------------------------------------------------------------------------------------------- */

struct module {
    int64_t n, ms, bytes;
    double real;
    bool is_on;
    int word;
    char *text, *usual, *url;
    struct string_list list;
    struct secret secret;
    const struct yaml_node *node;
    struct { char *inner; } map;
};

static const char *const words[] = { "cef", "leef", NULL };
static const struct option_spec inner[] = {
    { .key = "inner", .type = OPT_STRING, .at = offsetof(struct module, map.inner) },
    { 0 },
};
static const struct option_spec options[] = {
    { .key = "n", .type = OPT_INT, .at = offsetof(struct module, n) },
    { .key = "real", .type = OPT_REAL, .at = offsetof(struct module, real) },
    { .key = "on", .type = OPT_BOOL, .at = offsetof(struct module, is_on) },
    { .key = "time", .type = OPT_DURATION, .at = offsetof(struct module, ms) },
    { .key = "bytes", .type = OPT_BYTES, .at = offsetof(struct module, bytes) },
    { .key = "word", .type = OPT_ENUM, .at = offsetof(struct module, word), .values = words },
    { .key = "text", .type = OPT_STRING, .at = offsetof(struct module, text) },
    { .key = "usual", .type = OPT_STRING, .at = offsetof(struct module, usual), .preset = "https://api.example" },
    { .key = "url", .type = OPT_URL, .at = offsetof(struct module, url) },
    { .key = "list", .type = OPT_STRING_LIST, .at = offsetof(struct module, list) },
    { .key = "secret", .type = OPT_SECRET, .at = offsetof(struct module, secret) },
    { .key = "node", .type = OPT_NODE, .at = offsetof(struct module, node) },
    { .key = "map", .type = OPT_MAP, .at = 0, .sub = inner },
    { 0 },
};

static void add_name(void *self, struct buf *to, const char *name)
{
    hide_add_text(self, to, name);
}

START_TEST(a_configuration_keeps_numbers_and_known_words_alone)
{
    static const struct module_desc modules[] = { { .name = "thing", .options = options, .size = sizeof(struct module) } };
    const struct settings_registry registry = { .outputs = modules, .outputs_len = 1 };
    struct settings_errors errors = { .ignore_secrets = true };
    CLEANUP(settings_freep) struct settings *s = NULL;
    static const char yaml[] = "store: { path: /var/lib/quokka }\n"
                               "trusted: [{ account: quokka }, { account: quokka }]\n"
                               "outputs:\n"
                               "  - { name: quokka, type: thing, format: quokka, n: 7, real: 0.5, on: true, time: 90s, bytes: 64KiB,\n"
                               "      word: leef, text: quokka, url: 'https://quokka.example', list: [quokka, quokka],\n"
                               "      secret: '${env:QUOKKA}', node: { quokka: quokka }, map: { inner: quokka } }\n"
                               "  - { name: bare, type: thing }\n";

    if (settings_parse_text(slice_of(yaml), "quokka.yaml", &registry, &s, &errors) < 0)
        ck_abort_msg("%s", errors.at[0].text);
    settings_print_outline(&out, s, add_name, h);
    ck_assert_ptr_null(strcasestr(buf_cstr(&out), MARK));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out),
                                 "\"n\":7,\"real\":0.5,\"on\":true,\"time\":\"1m 30s\",\"bytes\":\"64KiB\",\"word\":\"leef\",\"text\":\"name-2\","
                                 "\"usual\":\"https://api.example\",\"url\":\"name-3\",\"list\":\"(2)\",\"secret\":\"(secret)\",\"node\":\"(1)\","
                                 "\"map\":{\"inner\":\"name-2\"}}"));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "\"text\":null,\"usual\":\"https://api.example\",\"url\":null,\"list\":\"(0)\""));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "\"trusted\":\"(2)\""));
    settings_errors_release(&errors);
}
END_TEST

/* ---- the archive ------------------------------------------------------------------------------------------------------ */

START_TEST(an_archive_is_its_owners_alone_and_never_in_anybodys_place)
{
    CLEANUP(buf_release) struct buf path = BUF_INIT(512);
    struct folder folder = folder_new();
    struct archive *a = NULL, *b = NULL;
    struct error err = { 0 };
    struct stat st;

    buf_addf(&path, "%s/a.tar.gz", folder.path);
    ck_assert_int_eq(archive_create(buf_cstr(&path), &a, &err), 0);
    ck_assert_int_eq(archive_add(a, "one", slice_of("1"), 0, &err), 0);
    ck_assert_int_eq(archive_create(buf_cstr(&path), &b, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    ck_assert_ptr_nonnull(strstr(err.msg, "exists"));
    ck_assert_int_eq(archive_finish(a, &err), 0);
    archive_freep(&a);
    ck_assert_int_eq(stat(buf_cstr(&path), &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(unlink(buf_cstr(&path)), 0);

    ck_assert_int_eq(archive_create(buf_cstr(&path), &a, &err), 0); /* one that does not come to its end */
    archive_freep(&a);
    ck_assert_int_ne(stat(buf_cstr(&path), &st), 0);
    folder_remove(&folder);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("support");
    TCase *t = tcase_create("hide"), *c = tcase_create("outline"), *a = tcase_create("archive");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, a_name_is_a_number_and_the_same_one_each_time);
    tcase_add_loop_test(t, a_sentence_keeps_the_words_that_failures_are_told_in, 0, ARRAY_LEN(sentences));
    tcase_add_test(t, every_word_of_the_list_is_found);
    tcase_add_test(t, of_json_the_texts_are_hidden_and_the_rest_is_kept);
    suite_add_tcase(s, t);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, a_configuration_keeps_numbers_and_known_words_alone);
    suite_add_tcase(s, c);
    tcase_add_test(a, an_archive_is_its_owners_alone_and_never_in_anybodys_place);
    suite_add_tcase(s, a);
    return run_suite(s);
}
