/* formats.c - readers of what the encoders write; they share no code with the writers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/json_in.h"
#include "outputs/kit/brief.h"
#include "outputs/kit/syslog_frame.h"
#include "outputs/output.h"
#include "tests/fuzz/fuzz_alert.h"

#include <ctype.h>
#include <json-c/json.h>

void fuzz_check_json(struct slice text)
{
    struct json_object *o = NULL;

    PROMISE(text.len > 0 && text.at[text.len] == '\0');
    PROMISE(json_parse_strict(text, &o) && o);
    PROMISE(!memchr(text.at, '\n', text.len));
    json_object_put(o);
}

/* No line format has a control byte in it. */
static void check_line(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        PROMISE((unsigned char)s.at[i] >= 0x20 && s.at[i] != 0x7f);
}

/* Keys that the encoders write; a text of a row that looks like another one would be a forgery. */
static bool is_key(struct slice key)
{
    for (size_t i = 0; i < key.len; i++)
        if (!isalnum((unsigned char)key.at[i]))
            return false;
    return key.len > 0;
}

/* How many pairs: CEF's are told apart by a key before an = that no backslash precedes. */
static size_t check_cef(struct slice s)
{
    size_t bars = 0, at = 0, pairs = 0, word = 0;

    check_line(s);
    for (; at < s.len && bars < 7; at++) {
        if (s.at[at] == '\\')
            at++;
        else if (s.at[at] == '|')
            bars++;
    }
    PROMISE(bars == 7);
    word = at;
    for (; at < s.len; at++) {
        if (s.at[at] == '\\') {
            PROMISE(at + 1 < s.len && strchr("\\=nr", s.at[at + 1]));
            at++;
        } else if (s.at[at] == ' ') {
            word = at + 1;
        } else if (s.at[at] == '=') {
            PROMISE(is_key(slice_make(s.at + word, at - word)));
            pairs++;
        }
    }
    return pairs;
}

static size_t check_leef(struct slice s)
{
    size_t at = 0, pairs = 0;

    check_line(s);
    for (int bars = 0; bars < 6; at++) {
        PROMISE(at < s.len);
        bars += s.at[at] == '|';
    }
    for (struct slice rest = slice_make(s.at + at, s.len - at), pair = { 0 }; slice_split(&rest, '^', &pair);) {
        size_t eq = slice_find(pair, SL("="));

        PROMISE(eq != SIZE_MAX && is_key(slice_make(pair.at, eq)));
        pairs++;
    }
    return pairs;
}

/* As one message on a stream that is split at line ends. */
static void check_frame(const struct alert *a, struct slice payload)
{
    const struct syslog_format f = { .header = SYSLOG_RFC5424, .framing = SYSLOG_NEWLINE, .facility = 16, .hostname = "h",
                                     .app_name = "a", .message_max = 1 << 20 };
    struct buf out = BUF_INIT((size_t)8 << 20);
    struct error err = { 0 };

    if (syslog_frame_add(&out, &f, a, payload, FUZZ_NOW_NS, &err) == 0)
        PROMISE(out.len > 0 && memchr(out.at, '\n', out.len) == out.at + out.len - 1);
    else
        PROMISE(err.code == ERR_LIMIT);
    buf_release(&out);
}

static void check_words(const struct alert *a)
{
    struct buf out = BUF_INIT((size_t)8 << 20);
    struct brief brief;
    struct error err = { 0 };

    alert_title(a, &out);
    alert_why(a, &out);
    alert_description(a, &out);
    alert_kql(a, &out);
    alert_portal_link(a, &out);
    for (size_t i = 0; i < a->facts_len; i++)
        alert_fact_words(a, &a->facts[i], &out);
    if (brief_init(&brief, a, 100, 400, &err) == 0)
        brief_add_plain(&out, &brief);
    brief_release(&brief);
    buf_release(&out);
}

void fuzz_check_formats(const struct alert *a)
{
    struct buf out = BUF_INIT((size_t)8 << 20);

    check_words(a);
    for (size_t i = 0; encoders_all[i]; i++) {
        const struct encoder *e = encoders_all[i];
        struct error err = { 0 };

        buf_clear(&out);
        if (e->encode(a, &out, &err) < 0) {
            PROMISE(err.code == ERR_LIMIT);
            continue;
        }
        (void)buf_cstr(&out);
        if (e->is_json)
            fuzz_check_json(buf_slice(&out));
        else if (strcmp(e->name, "cef") == 0)
            PROMISE(check_cef(buf_slice(&out)) > 5);
        else
            PROMISE(check_leef(buf_slice(&out)) > 5);
        check_frame(a, buf_slice(&out));
    }
    buf_release(&out);
}
