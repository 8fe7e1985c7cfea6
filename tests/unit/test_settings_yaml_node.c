/* What settings/yaml_node.h promises: every node knows its place; hostile files end in a sentence.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/yaml_node.h"

#include "settings/errors.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdlib.h>

static struct yaml_tree *parse(const char *text)
{
    CLEANUP(settings_errors_release) struct settings_errors errors = { 0 };
    struct yaml_tree *t = NULL;

    ck_assert_msg(yaml_tree_parse(slice_of(text), "f.yaml", &t, &errors) == 0, "%s",
                  errors.len > 0 ? errors.at[0].text : "?");
    return t;
}

/* The one error of a text that has to be refused. */
static void assert_refused(struct slice text, const char *want)
{
    CLEANUP(settings_errors_release) struct settings_errors errors = { 0 };
    struct yaml_tree *t = NULL;

    ck_assert_msg(yaml_tree_parse(text, "f.yaml", &t, &errors) == -1, "taken: %.*s", SLF(text));
    ck_assert_ptr_null(t);
    ck_assert_uint_eq(errors.len, 1);
    ck_assert_msg(strstr(errors.at[0].text, want) != NULL, "'%s' in '%s'", want, errors.at[0].text);
}

START_TEST(an_empty_text_is_an_empty_root)
{
    static const char *const texts[] = { "", "\n\n", "# only a comment\n", "---\n", "--- ~\n...\n", "\xef\xbb\xbf" };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(yaml_tree_freep) struct yaml_tree *t = parse(texts[i]);

        ck_assert_msg(yaml_node_is_null(yaml_tree_root(t)), "case %zu", i);
        ck_assert_ptr_null(yaml_node_get(yaml_tree_root(t), "a"));
    }
    yaml_tree_free(NULL);
}
END_TEST

START_TEST(keys_and_values_know_their_place)
{
    CLEANUP(yaml_tree_freep) struct yaml_tree *t = parse("a: 1\n"
                                                         "b:\n"
                                                         "  - x\n"
                                                         "  - { c: \"y z\", d: [] }\n");
    const struct yaml_node *root = yaml_tree_root(t), *b = yaml_node_get(root, "b"),
                           *c = yaml_node_get(b->first->next, "c");
    CLEANUP(buf_release) struct buf path = BUF_INIT(100);

    ck_assert_int_eq(root->kind, YAML_NODE_MAP);
    ck_assert_uint_eq(root->len, 2);
    ck_assert_int_eq(b->key_line, 2);
    ck_assert_int_eq(b->key_column, 1);
    ck_assert_int_eq(b->line, 3);
    ck_assert_int_eq(b->column, 3);
    ck_assert_uint_eq(b->len, 2);
    ck_assert_int_eq(c->line, 4);
    ck_assert_int_eq(c->key_column, 7);
    ck_assert_int_eq(c->column, 10);
    ck_assert_str_eq(c->text.at, "y z");
    ck_assert_str_eq(c->file, "f.yaml");
    ck_assert(!c->is_plain);
    yaml_node_add_path(c, &path);
    ck_assert_str_eq(buf_cstr(&path), "b[1].c");
    buf_clear(&path);
    yaml_node_add_path(root, &path);
    ck_assert_str_eq(buf_cstr(&path), "");
}
END_TEST

START_TEST(null_is_what_is_unquoted_and_says_nothing)
{
    CLEANUP(yaml_tree_freep) struct yaml_tree *t =
        parse("a:\nb: ~\nc: null\nd: NULL\ne: \"\"\nf: 'null'\ng: []\nh: {}\ni: nul\n");

    for (const char *k = "abcd"; *k; k++)
        ck_assert(yaml_node_is_null(yaml_node_get(yaml_tree_root(t), (char[]){ *k, '\0' })));
    for (const char *k = "efghi"; *k; k++)
        ck_assert(!yaml_node_is_null(yaml_node_get(yaml_tree_root(t), (char[]){ *k, '\0' })));
}
END_TEST

START_TEST(an_alias_is_a_copy_that_knows_its_own_parent)
{
    CLEANUP(yaml_tree_freep) struct yaml_tree *t = parse("auth: &a\n"
                                                         "  type: env\n"
                                                         "list:\n"
                                                         "  - *a\n"
                                                         "  - auth: *a\n");
    const struct yaml_node *list = yaml_node_get(yaml_tree_root(t), "list");
    const struct yaml_node *type = yaml_node_get(yaml_node_get(list->first->next, "auth"), "type");
    CLEANUP(buf_release) struct buf path = BUF_INIT(100);

    ck_assert_str_eq(type->text.at, "env");
    ck_assert_int_eq(type->line, 5);
    yaml_node_add_path(type, &path);
    ck_assert_str_eq(buf_cstr(&path), "list[1].auth.type");
    ck_assert_str_eq(yaml_node_get(list->first, "type")->text.at, "env");
}
END_TEST

START_TEST(a_later_anchor_hides_an_earlier_one)
{
    CLEANUP(yaml_tree_freep) struct yaml_tree *t = parse("a: &x 1\nb: &x 2\nc: *x\n");

    ck_assert_str_eq(yaml_node_get(yaml_tree_root(t), "c")->text.at, "2");
}
END_TEST

START_TEST(tags_are_ignored)
{
    CLEANUP(yaml_tree_freep) struct yaml_tree *t = parse("a: !!int 5\nb: !custom { c: 1 }\n");

    ck_assert_str_eq(yaml_node_get(yaml_tree_root(t), "a")->text.at, "5");
    ck_assert_str_eq(yaml_node_get(yaml_node_get(yaml_tree_root(t), "b"), "c")->text.at, "1");
}
END_TEST

START_TEST(what_is_not_one_sound_document_is_refused_with_its_place)
{
    static const struct { struct slice text; const char *want; } cases[] = {
        { SL("a: 1\nb: 2\na: 3\n"), "f.yaml:3:1: key 'a' is already in line 1" },
        { SL("a: { b: 1, b: 2 }\n"), "f.yaml:1:12: key 'b' is already in line 1" },
        { SL("a: [1, 2\n"), "f.yaml:2:1: " },
        { SL("a: \"x\n"), "f.yaml:2:1: " },
        { SL("a:\n\t- b\n"), "f.yaml:2:1: " },
        { SL("a: b: c\n"), "f.yaml:1:5: " },
        { SL("a: 1\n---\nb: 2\n"), "f.yaml:2:1: a second document" },
        { SL("a: *nowhere\n"), "f.yaml:1:4: alias '*nowhere' has no anchor before it" },
        { SL("a: &x [ *x ]\n"), "f.yaml:1:9: alias '*x' has no anchor before it" },
        { SL("? [1, 2]\n: 3\n"), "f.yaml:1:3: a key has to be plain text" },
        { SL("? {a: 1}\n: 3\n"), "a key has to be plain text" },
        { SL("a: &x {b: 1}\nc:\n  <<: *x\n"), "f.yaml:3:3: merge keys" },
        { SL("\"\": 1\n"), "a key is empty or holds a NUL byte" },
        { SL("\"a\\0b\": 1\n"), "a key is empty or holds a NUL byte" },
        { SL("a: \xff\n"), "not UTF-8 text" },
        { SL("a: \x01\n"), "f.yaml:" },
        { SL("a: 1\0b: 2\n"), "f.yaml:" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_refused(cases[i].text, cases[i].want);
}
END_TEST

START_TEST(depth_is_bounded)
{
    CLEANUP(buf_release) struct buf fits = BUF_INIT(1000), deep = BUF_INIT(300000), aliased = BUF_INIT(10000);
    struct yaml_tree *t;

    for (int i = 0; i < YAML_DEPTH_MAX; i++)
        buf_add_char(&fits, '[');
    for (int i = 0; i < YAML_DEPTH_MAX; i++)
        buf_add_char(&fits, ']');
    t = parse(buf_cstr(&fits));
    yaml_tree_free(t);
    for (int i = 0; i < 100000; i++)
        buf_add_char(&deep, '[');
    assert_refused(buf_slice(&deep), "nested more than 64 deep");
    buf_add_str(&aliased, "a0: &a0 [x]\n");
    for (int i = 1; i < 100; i++)
        buf_addf(&aliased, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    assert_refused(buf_slice(&aliased), "nested more than 64 deep");
}
END_TEST

START_TEST(a_billion_laughs_are_refused)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(10000);

    buf_add_str(&text, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        buf_addf(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            buf_addf(&text, "%s*a%d", k == 0 ? "" : ", ", i - 1);
        buf_add_str(&text, "]\n");
    }
    assert_refused(buf_slice(&text), "more than 100000 values, aliases included");
}
END_TEST

START_TEST(sizes_and_counts_are_bounded)
{
    CLEANUP(buf_release) struct buf large = BUF_INIT(YAML_TEXT_MAX + 10), keys = BUF_INIT(1 << 20),
                                    anchors = BUF_INIT(1 << 16);

    ck_assert(buf_reserve(&large, YAML_TEXT_MAX + 1));
    memset(large.at, '#', YAML_TEXT_MAX + 1);
    large.len = YAML_TEXT_MAX + 1;
    assert_refused(buf_slice(&large), "larger than 4 MiB");
    for (int i = 0; i <= YAML_KEYS_MAX; i++)
        buf_addf(&keys, "k%d: 1\n", i);
    assert_refused(buf_slice(&keys), "f.yaml:4097:1: more than 4096 keys in one map");
    for (int i = 0; i <= 256; i++)
        buf_addf(&anchors, "k%d: &a%d 1\n", i, i);
    assert_refused(buf_slice(&anchors), "more than 256 anchors");
}
END_TEST

START_TEST(a_refused_node_names_its_place)
{
    CLEANUP(yaml_tree_freep) struct yaml_tree *t = parse("a:\n  b: 5\n");
    struct error err = { 0 };

    ck_assert_int_eq(yaml_node_refuse(yaml_node_get(yaml_node_get(yaml_tree_root(t), "a"), "b"), &err,
                                      "'%s' is odd", "5"),
                     -1);
    ck_assert_int_eq(err.code, ERR_CONFIG);
    ck_assert_str_eq(err.msg, "f.yaml:2:6: '5' is odd");
}
END_TEST

START_TEST(mutilated_files_never_crash)
{
    static const char whole[] = "sources:\n  - &s { name: \"p\\u00e9\", type: 'x', w: [1, 2, ~] }\n  - *s\n"
                                "text: |\n  two\n  lines\nfolded: >-\n  a\n  b\n? k\n: v\n";
    uint64_t state = 3;

    for (int round = 0; round < 20000; round++) {
        CLEANUP(settings_errors_release) struct settings_errors errors = { 0 };
        CLEANUP(yaml_tree_freep) struct yaml_tree *t = NULL;
        char text[sizeof(whole)];

        memcpy(text, whole, sizeof(whole));
        for (int k = 0; k < 3; k++) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
            text[(state >> 40) % (sizeof(whole) - 1)] = "{}[]:-&*!|>'\"%@`#,? \n\t\xff\0x"[(state >> 33) % 26];
        }
        if (yaml_tree_parse(slice_make(text, sizeof(whole) - 1), "f", &t, &errors) < 0 && errors.len != 1)
            ck_abort_msg("round %d", round);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_empty_text_is_an_empty_root,
        keys_and_values_know_their_place,
        null_is_what_is_unquoted_and_says_nothing,
        an_alias_is_a_copy_that_knows_its_own_parent,
        a_later_anchor_hides_an_earlier_one,
        tags_are_ignored,
        what_is_not_one_sound_document_is_refused_with_its_place,
        depth_is_bounded,
        a_billion_laughs_are_refused,
        sizes_and_counts_are_bounded,
        a_refused_node_names_its_place,
        mutilated_files_never_crash,
    };

    return run_tests("settings_yaml_node", tests, ARRAY_LEN(tests));
}
