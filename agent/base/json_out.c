/* json_out.c - see json_out.h. Most bytes of a log are plain ASCII: they are copied in runs.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/json_out.h"

#include "base/timeutil.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_plain(char at)
{
    unsigned char c = (unsigned char)at;

    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* The high bit of each zero byte; a borrow may mark a byte above one too, which costs a second look. */
static uint64_t zero_bytes(uint64_t v)
{
    return (v - EACH_BYTE(1)) & ~v;
}

static bool are_eight_plain(const char *at)
{
    uint64_t v;

    memcpy(&v, at, sizeof v);
    return ((v | (v - EACH_BYTE(0x20)) | (v + EACH_BYTE(1)) | zero_bytes(v ^ EACH_BYTE('"')) |
             zero_bytes(v ^ EACH_BYTE('\\'))) & EACH_BYTE(0x80)) == 0;
}

static size_t plain_end(struct slice s, size_t i)
{
    while (i + 8 <= s.len && are_eight_plain(s.at + i))
        i += 8;
    while (i < s.len && is_plain(s.at[i]))
        i++;
    return i;
}

static void add_escaped(struct buf *out, uint32_t c)
{
    static const char letters[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                    ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\' };
    char pair[2] = { '\\', c < sizeof(letters) ? letters[c] : '\0' };

    if (pair[1] != '\0')
        buf_add(out, pair, 2);
    else
        buf_addf(out, "\\u%04x", c);
}

void json_add_string(struct buf *out, struct slice s)
{
    size_t i = 0;

    buf_add_char(out, '"');
    while (i < s.len) {
        size_t run = plain_end(s, i), n;
        uint32_t c;

        buf_add(out, s.at + i, run - i);
        i = run;
        if (i == s.len)
            break;
        n = utf8_next(s, i, &c);
        if (c == UTF8_BAD)
            buf_add_str(out, "\xef\xbf\xbd");
        else if (c < 0xa0 || c == 0x2028 || c == 0x2029)
            add_escaped(out, c);
        else
            buf_add(out, s.at + i, n);
        i += n;
    }
    buf_add_char(out, '"');
}

void json_add_str(struct buf *out, const char *cstr)
{
    if (cstr)
        json_add_string(out, slice_of(cstr));
    else
        buf_add_str(out, "null");
}

/* The last byte tells: a string ends in its quote, so '{' and '[' can only be openings. */
void json_add_comma(struct buf *out)
{
    char last = out->len > 0 ? out->at[out->len - 1] : '\0';

    if (last != '\0' && last != '{' && last != '[' && last != '\n')
        buf_add_char(out, ',');
}

void json_add_key(struct buf *out, const char *key)
{
    json_add_comma(out);
    json_add_string(out, slice_of(key));
    buf_add_char(out, ':');
}

void json_add_i64(struct buf *out, int64_t v)
{
    buf_add_i64(out, v);
}

void json_add_real(struct buf *out, double v)
{
    char text[32] = "null";

    for (int digits = 15; isfinite(v) && digits <= 17; digits++) {
        double back;

        (void)snprintf(text, sizeof(text), "%.*g", digits, v);
        back = strtod(text, NULL);
        if (memcmp(&back, &v, sizeof(v)) == 0) /* NOLINT(bugprone-suspicious-memory-comparison): -0 is not 0 here */
            break;
    }
    buf_add_str(out, text);
}

void json_add_bool(struct buf *out, bool v)
{
    buf_add_str(out, v ? "true" : "false");
}

void json_add_member(struct buf *out, const char *key, struct slice value)
{
    json_add_key(out, key);
    json_add_string(out, value);
}

void json_add_known(struct buf *out, const char *key, struct slice value)
{
    if (!slice_empty(value))
        json_add_member(out, key, value);
}

void json_add_member_i64(struct buf *out, const char *key, int64_t value)
{
    json_add_key(out, key);
    json_add_i64(out, value);
}

void json_add_member_bool(struct buf *out, const char *key, bool value)
{
    json_add_key(out, key);
    json_add_bool(out, value);
}

void json_add_member_time(struct buf *out, const char *key, int64_t ns, int digits)
{
    CLEANUP(buf_release) struct buf text = BUF_HERE(64);

    time_add_iso(&text, ns, digits);
    json_add_member(out, key, buf_slice(&text));
}
