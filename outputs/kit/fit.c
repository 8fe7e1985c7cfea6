/* fit.c - see fit.h. SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/fit.h"

#include "base/utf8.h"

#include <arpa/inet.h>

#define ARM_ID_MAX 1024

size_t fit_bytes(struct slice s, size_t max_chars)
{
    size_t at = 0;

    if (s.len <= max_chars)
        return s.len;
    for (size_t chars = 0; at < s.len && chars < max_chars; chars++) {
        uint32_t ignored;

        at += utf8_next(s, at, &ignored);
    }
    return at;
}

/* ---- one line ----------------------------------------------------------------------------------- */

struct line_out {
    struct buf *out;
    size_t start, chars, max;
    size_t pending; /* spaces that count only when something follows */
};

/* Room for one more character after the pending spaces? Adds the spaces. */
static bool make_room(struct line_out *l)
{
    if (l->pending >= l->max - l->chars)
        return false;
    for (; l->pending > 0; l->pending--, l->chars++)
        buf_add_char(l->out, ' ');
    l->chars++;
    return true;
}

static void mark_cut(struct line_out *l)
{
    size_t mark = sizeof(FIT_MARK) - 1, kept;

    if (l->max <= mark || l->out->failed)
        return;
    kept = fit_bytes(slice_make(l->out->at + l->start, l->out->len - l->start), l->max - mark);
    l->out->len = l->start + kept;
    buf_add_str(l->out, FIT_MARK);
}

static bool is_space(uint32_t c, bool keeps_lines, char instead)
{
    if (keeps_lines && (c == '\n' || c == '\r'))
        return false;
    return c <= 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
           (instead != '\0' && c == (unsigned char)instead);
}

bool fit_line(struct buf *out, struct slice s, size_t max_chars, bool keeps_lines, char instead)
{
    struct line_out l = { .out = out, .start = out->len, .max = max_chars };
    size_t n;

    for (size_t i = 0; i < s.len && !out->failed; i += n) {
        uint32_t c;

        n = utf8_next(s, i, &c);
        if (is_space(c, keeps_lines, instead)) {
            l.pending += l.chars > 0;
            continue;
        }
        if (!make_room(&l)) {
            mark_cut(&l);
            return true;
        }
        if (c == '\r' && i + 1 < s.len && s.at[i + 1] == '\n') {
            c = '\n';
            n = 2;
        }
        if (c < 0x80)
            buf_add_char(out, (char)c);
        else if (c == UTF8_BAD)
            buf_add_str(out, "\xef\xbf\xbd");
        else
            buf_add(out, s.at + i, n);
    }
    return false;
}

/* ---- kinds of text ------------------------------------------------------------------------------ */

enum fit_family fit_address(struct slice s)
{
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char ignored[sizeof(struct in6_addr)];

    if (s.len == 0 || s.len >= sizeof text || memchr(s.at, '\0', s.len))
        return FIT_NO_ADDRESS;
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    if (inet_pton(AF_INET, text, ignored) == 1)
        return FIT_IPV4;
    return inet_pton(AF_INET6, text, ignored) == 1 ? FIT_IPV6 : FIT_NO_ADDRESS;
}

bool fit_is_uuid(struct slice s)
{
    for (size_t i = 0; i < s.len && s.len == 36; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = s.at[i];

        if (is_dash ? c != '-' : c == '\0' || !strchr("0123456789abcdefABCDEF", c))
            return false;
    }
    return s.len == 36;
}

/* ---- resource ids ------------------------------------------------------------------------------- */

static bool take_word(struct slice *rest, struct slice word)
{
    struct slice part = { 0 };

    return slice_split(rest, '/', &part) && slice_eq_nocase(part, word);
}

static bool is_name(struct slice s, bool is_provider)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.';

        if (is_provider ? !is_letter : c < 0x20 || c == 0x7f)
            return false;
    }
    return s.len > 0;
}

bool arm_id_parse(struct slice id, struct arm_id *ret)
{
    struct slice rest = id;

    *ret = (struct arm_id){ 0 };
    return id.len <= ARM_ID_MAX && take_word(&rest, SL("")) && take_word(&rest, SL("subscriptions")) &&
           slice_split(&rest, '/', &ret->subscription) && fit_is_uuid(ret->subscription) &&
           take_word(&rest, SL("resourcegroups")) && slice_split(&rest, '/', &ret->group) &&
           is_name(ret->group, false) && take_word(&rest, SL("providers")) &&
           slice_split(&rest, '/', &ret->provider) && is_name(ret->provider, true) &&
           is_name(ret->rest = rest, false);
}

void arm_id_add(struct buf *out, const struct arm_id *id)
{
    struct slice type = SL("databaseAccounts/");

    buf_add_str(out, "/subscriptions/");
    buf_add_slice(out, id->subscription);
    buf_add_str(out, "/resourceGroups/");
    buf_add_slice(out, id->group);
    buf_add_str(out, "/providers/");
    if (!slice_eq_nocase(id->provider, SL("Microsoft.DocumentDB")) || !slice_starts_nocase(id->rest, type)) {
        buf_add_slice(out, id->provider);
        buf_add_char(out, '/');
        buf_add_slice(out, id->rest);
        return;
    }
    buf_add_str(out, "Microsoft.DocumentDB/");
    buf_add_slice(out, type);
    buf_add_slice(out, slice_make(id->rest.at + type.len, id->rest.len - type.len));
}
