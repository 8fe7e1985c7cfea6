/* What CEF and LEEF promise: every text comes back as it went in (control characters aside), none can end its
 * field, key or line; limits are kept, cuts are whole characters, marked and counted.
 * SPDX-License-Identifier: Apache-2.0 */
#include "encode_kit.h"

#include "base/utf8.h"
#include "outputs/encode/cef.h"
#include "outputs/encode/leef.h"
#include "outputs/kit/fit.h"

/* ---- readers that share no code with the writers ------------------------------------------------ */

struct pair { char key[64]; char *value; };
struct parsed { char *header[8]; size_t header_len; struct pair pairs[64]; size_t len; };

static char *copy(const char *from, size_t len)
{
    char *s = malloc(len + 1);

    ck_assert_ptr_nonnull(s);
    memcpy(s, from, len);
    s[len] = '\0';
    return s;
}

static void parsed_release(struct parsed *p)
{
    for (size_t i = 0; i < p->header_len; i++)
        free(p->header[i]);
    for (size_t i = 0; i < p->len; i++)
        free(p->pairs[i].value);
}

static const char *value_of(const struct parsed *p, const char *key)
{
    for (size_t i = 0; i < p->len; i++)
        if (strcmp(p->pairs[i].key, key) == 0)
            return p->pairs[i].value;
    return NULL;
}

static void put_pair(struct parsed *p, const char *key, size_t key_len, char *value)
{
    char text[64];

    ck_assert_uint_lt(p->len, ARRAY_LEN(p->pairs));
    ck_assert_uint_lt(key_len, sizeof text);
    memcpy(text, key, key_len);
    text[key_len] = '\0';
    for (size_t i = 0; i < key_len; i++)
        ck_assert_msg(strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", text[i]), "key '%s'", text);
    ck_assert_msg(!value_of(p, text), "key %s twice", text);
    ck_assert_msg(value[0], "key %s is empty", text);
    memcpy(p->pairs[p->len].key, text, key_len + 1);
    p->pairs[p->len++].value = value;
}

/* Header fields until the seventh bar; then: a key is the word before an = that no backslash precedes. */
static void parse_cef(const char *s, struct parsed *p)
{
    char field[8192];
    size_t n = 0;
    const char *key, *eq, *next_key, *next_eq;

    memset(p, 0, sizeof *p);
    for (; *s && p->header_len < 7; s++) {
        if (*s == '|') {
            p->header[p->header_len++] = copy(field, n);
            n = 0;
            continue;
        }
        if (*s == '\\')
            s++;
        ck_assert_uint_lt(n, sizeof field);
        field[n++] = *s;
    }
    ck_assert_uint_eq(p->header_len, 7);
    for (key = s; *key; key = next_key) {
        char *value;
        size_t len = 0;

        eq = strchr(key, '=');
        ck_assert_msg(eq, "no key in: %s", key);
        next_eq = eq + 1;
        for (; *next_eq && *next_eq != '='; next_eq++)
            if (*next_eq == '\\')
                next_eq++;
        next_key = next_eq;
        if (*next_eq)
            while (next_key[-1] != ' ')
                next_key--;
        value = copy(eq + 1, (size_t)((*next_eq ? next_key - 1 : next_eq) - eq - 1));
        for (const char *from = value; *from; from++) {
            if (*from == '\\') {
                from++;
                ck_assert_msg(strchr("\\=nr", *from) && *from, "escape \\%c", *from);
                value[len++] = *from == 'n' ? '\n' : *from == 'r' ? '\r' : *from;
            } else {
                value[len++] = *from;
            }
        }
        value[len] = '\0';
        put_pair(p, key, (size_t)(eq - key), value);
    }
}

static void parse_leef(const char *s, struct parsed *p)
{
    memset(p, 0, sizeof *p);
    while (p->header_len < 6) {
        size_t len = strcspn(s, "|");

        ck_assert_int_eq(s[len], '|');
        p->header[p->header_len++] = copy(s, len);
        s += len + 1;
    }
    ck_assert_str_eq(p->header[5], "^");
    while (*s) {
        size_t len = strcspn(s, "^"), key = strcspn(s, "=");

        ck_assert_uint_lt(key, len);
        put_pair(p, s, key, copy(s + key + 1, len - key - 1));
        s += len + (s[len] != '\0');
    }
}

/* The text as it should arrive: by the rules in words, a character at a time. */
static char *expected(struct slice s, bool is_cef)
{
    char *out = malloc(s.len * 3 + 1);
    size_t n = 0, start = 0;

    for (size_t i = 0; i < s.len;) {
        uint32_t c;
        size_t size = utf8_next(s, i, &c);
        bool is_line = c == '\r' || c == '\n';

        if (is_cef && c == '\r' && i + 1 < s.len && s.at[i + 1] == '\n') {
            i++;
            continue;
        }
        if (c == UTF8_BAD) {
            memcpy(out + n, "\xef\xbf\xbd", 3);
            n += 3;
        } else if ((c < 0x20 && !(is_line && is_cef)) || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
                   (!is_cef && c == '^')) {
            out[n++] = ' ';
        } else {
            memcpy(out + n, s.at + i, size);
            n += size;
        }
        i += size;
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    while (out[start] == ' ')
        start++;
    memmove(out, out + start, n - start + 1);
    return out;
}

static void check_bytes(const struct buf *line, size_t max)
{
    uint32_t c;

    ck_assert_uint_le(line->len, max);
    for (size_t i = 0; i < line->len;) {
        i += utf8_next(buf_slice(line), i, &c);
        ck_assert_msg(c != UTF8_BAD && c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != 0x2028 && c != 0x2029,
                      "U+%04X before byte %zu", c, i);
    }
}

/* ---- published vectors --------------------------------------------------------------------------- */

static struct json_object *vectors(const char *name)
{
    const char *root = getenv("VECTORS_DIR");
    char path[300];
    struct json_object *o;

    (void)snprintf(path, sizeof path, "%s/%s", root ? root : "tests/conformance/formats/vectors", name);
    o = json_object_from_file(path);
    ck_assert_msg(o, "cannot read %s: run from the root of the tree, or set VECTORS_DIR", path);
    return o;
}

/* A string; or {"bytes_hex": "636166"} for what is no UTF-8. */
static struct slice text_in(struct json_object *o, char *room)
{
    struct json_object *hex = NULL;
    size_t n = 0;

    if (!json_object_is_type(o, json_type_object))
        return slice_make(json_object_get_string(o), (size_t)json_object_get_string_len(o));
    ck_assert(json_object_object_get_ex(o, "bytes_hex", &hex));
    for (const char *p = json_object_get_string(hex); p[0] && p[1]; p += 2) {
        unsigned byte;

        ck_assert_int_eq(sscanf(p, "%2x", &byte), 1);
        room[n++] = (char)byte;
    }
    return slice_make(room, n);
}

static struct slice member(struct json_object *list, size_t i, char *room)
{
    struct json_object *o = json_object_array_get_idx(list, i);

    if (json_object_is_type(o, json_type_int))
        return slice_of(json_object_get_string(o));
    return text_in(o, room);
}

static void add_pairs(struct line *l, struct json_object *pairs)
{
    for (size_t i = 0; i < json_object_array_length(pairs); i++) {
        struct json_object *pair = json_object_array_get_idx(pairs, i);
        char room[64];

        line_add(l, json_object_get_string(json_object_array_get_idx(pair, 0)), NULL, member(pair, 1, room), LINE_SHRINK);
    }
}

START_TEST(cef_lines_of_the_published_vectors_are_written_byte_for_byte)
{
    struct json_object *all = vectors("cef.json");

    for (size_t i = 0; i < json_object_array_length(all); i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT(1 << 16);
        CLEANUP(line_release) struct line l;
        struct json_object *v = json_object_array_get_idx(all, i), *h = json_object_object_get(v, "header");
        static const char *const none[] = { NULL };

        line_init(&l, &cef_format);
        cef_add_header(&out, member(h, 0, NULL), member(h, 1, NULL), member(h, 2, NULL), member(h, 3, NULL),
                       member(h, 4, NULL), json_object_get_int(json_object_array_get_idx(h, 5)));
        add_pairs(&l, json_object_object_get(v, "extension"));
        l.cuts = 0; /* the vectors do not count */
        MUST(line_write(&l, &out, 0, LINE_MAX_BYTES, none, err));
        ck_assert_str_eq(buf_cstr(&out), json_object_get_string(json_object_object_get(v, "line")));
    }
    ck_assert_uint_eq(json_object_array_length(all), 20);
    json_object_put(all);
}
END_TEST

START_TEST(leef_lines_of_the_published_vectors_are_written_byte_for_byte)
{
    struct json_object *all = vectors("leef.json");
    size_t seen = 0;

    for (size_t i = 0; i < json_object_array_length(all); i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT(1 << 16);
        CLEANUP(line_release) struct line l;
        struct json_object *v = json_object_array_get_idx(all, i), *h = json_object_object_get(v, "header");
        static const char *const none[] = { NULL };

        if (strcmp(json_object_get_string(json_object_object_get(v, "version")), "2.0") != 0)
            continue; /* 1.0 separates by tab, which relays destroy: not written */
        line_init(&l, &leef_format);
        leef_add_header(&out, member(h, 0, NULL), member(h, 1, NULL), member(h, 2, NULL), member(h, 3, NULL));
        add_pairs(&l, json_object_object_get(v, "attributes"));
        MUST(line_write(&l, &out, 0, LINE_MAX_BYTES, none, err));
        ck_assert_str_eq(buf_cstr(&out), json_object_get_string(json_object_object_get(v, "line")));
        seen++;
    }
    ck_assert_uint_eq(seen, 5);
    json_object_put(all);
}
END_TEST

/* ---- alerts --------------------------------------------------------------------------------------- */

START_TEST(hostile_texts_come_back_from_cef_as_they_went_in)
{
    ck_assert_uint_ge(ARRAY_LEN(kit_hostile), 40);
    for (size_t i = 0; i < ARRAY_LEN(kit_hostile); i++) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 16);
        struct alert *a = kit_alert_of(kit_hostile[i]);
        struct slice kept = slice_of(alert_text(a, "userAgent"));
        char *wanted = expected(kept, true);
        struct parsed p;

        kit_encode(encoder_find("cef"), a, &line);
        check_bytes(&line, LINE_MAX_BYTES);
        parse_cef(line.at, &p);
        ck_assert_str_eq(p.header[0], "CEF:0");
        ck_assert_str_eq(p.header[4], "CosmosDB_TorAnomaly");
        ck_assert_str_eq(p.header[6], "5");
        ck_assert_str_eq(value_of(&p, "externalId"), a->id);
        ck_assert_str_eq(value_of(&p, "cn1"), "3");
        ck_assert_str_eq(value_of(&p, "cn1Label"), "updateNumber");
        if (wanted[0])
            ck_assert_msg(value_of(&p, "requestClientApplication") &&
                          strcmp(value_of(&p, "requestClientApplication"), wanted) == 0, "case %zu: %s", i, line.at);
        else
            ck_assert_ptr_null(value_of(&p, "requestClientApplication"));
        free(wanted);
        parsed_release(&p);
        alert_free(a);
    }
}
END_TEST

START_TEST(hostile_texts_come_back_from_leef_as_they_went_in)
{
    for (size_t i = 0; i < ARRAY_LEN(kit_hostile); i++) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 16);
        struct alert *a = kit_alert_of(kit_hostile[i]);
        char *wanted = expected(slice_of(alert_text(a, "userAgent")), false);
        struct parsed p;

        kit_encode(encoder_find("leef"), a, &line);
        check_bytes(&line, LINE_MAX_BYTES);
        parse_leef(line.at, &p);
        ck_assert_str_eq(value_of(&p, "cosmosAlertId"), a->id);
        ck_assert_str_eq(value_of(&p, "cosmosRecordId"), a->record_id);
        ck_assert_str_eq(value_of(&p, "sev"), "5");
        if (wanted[0])
            ck_assert_str_eq(value_of(&p, "cosmosClient"), wanted);
        else
            ck_assert_ptr_null(value_of(&p, "cosmosClient"));
        free(wanted);
        parsed_release(&p);
        alert_free(a);
    }
}
END_TEST

static struct slice big(char *room, size_t len, const char *unit)
{
    size_t n = strlen(unit), at = 0;

    for (; at + n <= len; at += n)
        memcpy(room + at, unit, n);
    return slice_make(room, at);
}

START_TEST(a_line_fits_whatever_the_texts_are_and_says_how_much_was_cut)
{
    static const char *const units[] = { "a", "=", "\\", "\xf0\x9f\x92\xa3", "\xff", "a b", "\n", "|^" };
    static const size_t limits[] = { 1024, 1400, 2048, LINE_MAX_BYTES };
    char *room = malloc(1 << 20);

    for (size_t i = 0; i < ARRAY_LEN(units) * ARRAY_LEN(limits); i++) {
        CLEANUP(buf_release) struct buf cef = BUF_INIT(1 << 16), leef = BUF_INIT(1 << 16);
        const char *unit = units[i / ARRAY_LEN(limits)];
        size_t limit = limits[i % ARRAY_LEN(limits)];
        struct alert *a = kit_alert_of(big(room, 1 << 20, unit));
        struct parsed p;

        buf_add_str(&cef, "<131>"); /* what stands before the line is not counted */
        MUST(cef_encode_with(a, &(struct cef_options){ .max_bytes = limit }, &cef, err));
        ck_assert_uint_le(cef.len - 5, limit);
        check_bytes(&cef, limit + 5);
        parse_cef(cef.at + 5, &p);
        ck_assert_str_eq(value_of(&p, "externalId"), a->id);
        ck_assert_str_eq(value_of(&p, "c6a2"), "2001:db8::66");
        ck_assert_msg(value_of(&p, "cn3") && strcmp(value_of(&p, "cn3"), "0") != 0, "not counted: %s", cef.at);
        ck_assert_str_eq(value_of(&p, "cn3Label"), "fieldsCut");
        parsed_release(&p);
        MUST(leef_encode_within(a, limit, &leef, err));
        check_bytes(&leef, limit);
        parse_leef(leef.at, &p);
        ck_assert_ptr_nonnull(value_of(&p, "cosmosFieldsCut"));
        parsed_release(&p);
        alert_free(a);
    }
    free(room);
}
END_TEST

START_TEST(a_limit_that_the_ids_alone_exceed_is_an_error)
{
    struct alert *a = kit_tor_alert();

    for (size_t max = 0; max < 1500; max += 7) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 16);
        struct error why = { 0 };
        struct parsed p;

        if (cef_encode_with(a, &(struct cef_options){ .max_bytes = max }, &line, &why) == 0) {
            ck_assert_uint_le(line.len, max);
            parse_cef(line.at, &p);
            ck_assert_str_eq(value_of(&p, "externalId"), a->id);
            parsed_release(&p);
        } else {
            ck_assert_int_eq(why.code, ERR_LIMIT);
            ck_assert_uint_lt(max, 500);
        }
    }
    alert_free(a);
}
END_TEST

START_TEST(an_ipv6_client_is_src_only_where_src_takes_it)
{
    CLEANUP(buf_release) struct buf strict = BUF_INIT(1 << 16), sentinel = BUF_INIT(1 << 16);
    struct alert *a = kit_alert_of(SL("x"));

    MUST(cef_encode_with(a, &(struct cef_options){ .max_bytes = 7600 }, &strict, err));
    MUST(cef_encode_with(a, &(struct cef_options){ .max_bytes = 7600, .src_takes_v6 = true }, &sentinel, err));
    ck_assert_ptr_null(strstr(strict.at, " src="));
    ck_assert_ptr_nonnull(strstr(strict.at, " c6a2=2001:db8::66 c6a2Label=Source IPv6 Address"));
    ck_assert_ptr_nonnull(strstr(sentinel.at, " src=2001:db8::66 c6a2=2001:db8::66"));
    alert_free(a);
}
END_TEST

START_TEST(lines_are_written_as_in_the_golden_files)
{
    static const char *const formats[] = { "cef", "leef" };

    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        CLEANUP(buf_release) struct buf tor = BUF_INIT(1 << 16), bare = BUF_INIT(1 << 16);
        struct alert *a = kit_tor_alert(), *b = kit_bare_alert();
        char name[32];

        kit_encode(encoder_find(formats[i]), a, &tor);
        (void)snprintf(name, sizeof name, "tor.%s", formats[i]);
        kit_compare_golden(name, &tor);
        kit_encode(encoder_find(formats[i]), b, &bare);
        (void)snprintf(name, sizeof name, "bare.%s", formats[i]);
        kit_compare_golden(name, &bare);
        alert_free(a);
        alert_free(b);
    }
}
END_TEST

/* ---- fitting -------------------------------------------------------------------------------------- */

START_TEST(a_text_is_cut_between_characters_and_marked_inside_the_limit)
{
    static const struct { struct slice text; size_t max; const char *wanted; bool is_cut; } cases[] = {
        { SL("abcdef"), 6, "abcdef", false },
        { SL("abcdefg"), 6, "abc...", true },
        { SL("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"), 4, "\xc3\xbc...", true },
        { SL("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"), 5, "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", false },
        { SL("abcdef   "), 6, "abcdef", false },
        { SL("   abcdef"), 6, "abcdef", false },
        { SL("ab      cd"), 6, "ab...", true },
        { SL("abcd"), 3, "abc", true },
        { SL("abcd"), 0, "", true },
        { SL(""), 0, "", false },
        { SL("\xff\xff\xff\xff\xff"), 4, "\xef\xbf\xbd...", true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT(100);

        ck_assert_msg(fit_line(&out, cases[i].text, cases[i].max, true, '\0') == cases[i].is_cut, "case %zu", i);
        ck_assert_msg(strcmp(buf_cstr(&out), cases[i].wanted) == 0, "case %zu: '%s'", i, buf_cstr(&out));
    }
}
END_TEST

START_TEST(addresses_and_ids_are_told_from_other_texts)
{
    ck_assert_int_eq(fit_address(SL("192.0.2.1")), FIT_IPV4);
    ck_assert_int_eq(fit_address(SL("2001:db8::1")), FIT_IPV6);
    ck_assert_int_eq(fit_address(SL("192.0.2.1:443")), FIT_NO_ADDRESS);
    ck_assert_int_eq(fit_address(SL("fe80::1%eth0")), FIT_NO_ADDRESS);
    ck_assert_int_eq(fit_address(SL("192.0.2.1\0x")), FIT_NO_ADDRESS);
    ck_assert_int_eq(fit_address(SL("")), FIT_NO_ADDRESS);
    ck_assert(fit_is_uuid(SL("22222222-3333-4444-8555-66666666666F")));
    ck_assert(!fit_is_uuid(SL("22222222-3333-4444-8555-66666666666\0")));
    ck_assert(!fit_is_uuid(SL("")));
}
END_TEST

START_TEST(resource_ids_get_the_published_case)
{
    static const struct { struct slice id; const char *wanted; } cases[] = {
        { SL(ARM_LOWER), ARM_PUBLISHED },
        { SL(ARM_PUBLISHED), ARM_PUBLISHED },
        { SL("/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/g/providers/a.b/c/d"),
          "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/g/providers/a.b/c/d" },
        { SL("/subscriptions/x/resourceGroups/g/providers/a.b/c/d"), NULL },
        { SL("/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups//providers/a.b/c/d"), NULL },
        { SL("/subscriptions/11111111-2222-4333-8444-555555555555"), NULL },
        { SL("shop-prod"), NULL },
        { SL(""), NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT(1000);
        struct arm_id id;

        ck_assert_int_eq(arm_id_parse(cases[i].id, &id), cases[i].wanted != NULL);
        if (!cases[i].wanted)
            continue;
        arm_id_add(&out, &id);
        ck_assert_str_eq(buf_cstr(&out), cases[i].wanted);
    }
}
END_TEST

KIT_MAIN("encode line", cef_lines_of_the_published_vectors_are_written_byte_for_byte,
         leef_lines_of_the_published_vectors_are_written_byte_for_byte,
         hostile_texts_come_back_from_cef_as_they_went_in, hostile_texts_come_back_from_leef_as_they_went_in,
         a_line_fits_whatever_the_texts_are_and_says_how_much_was_cut,
         a_limit_that_the_ids_alone_exceed_is_an_error, an_ipv6_client_is_src_only_where_src_takes_it,
         lines_are_written_as_in_the_golden_files, a_text_is_cut_between_characters_and_marked_inside_the_limit,
         addresses_and_ids_are_told_from_other_texts, resource_ids_get_the_published_case)
