/* line.c - see line.h. SPDX-License-Identifier: Apache-2.0 */
#include "outputs/encode/line.h"

#include "base/utf8.h"
#include "outputs/kit/fit.h"

#define TEXT_MAX ((size_t)1 << 20)
#define WORTH_KEEPING 16 /* characters: a free text cut shorter says nothing */

void line_init(struct line *l, const struct line_format *format)
{
    l->format = format;
    l->text = BUF_INIT(TEXT_MAX);
    l->fields_len = 0;
    l->cuts = 0;
}

void line_release(struct line *l)
{
    buf_release(&l->text);
}

static struct slice text_of(const struct line *l, const struct line_field *f)
{
    return slice_make(l->text.at + f->at, f->len);
}

void line_add(struct line *l, const char *key, const char *label, struct slice value, enum line_need need)
{
    struct line_field f = { .key = key, .label = label, .need = need, .at = l->text.len };
    bool is_cut;

    for (size_t i = 0; i < l->fields_len; i++)
        if (strcmp(l->fields[i].key, key) == 0)
            return;
    if (l->fields_len == LINE_FIELDS_MAX) {
        l->cuts++;
        return;
    }
    is_cut = fit_line(&l->text, value, l->format->max_chars(key), l->format->is_escaped,
                      l->format->is_escaped ? '\0' : l->format->separator);
    l->cuts += is_cut;
    f.len = l->text.len - f.at;
    if (is_cut && need != LINE_SHRINK) /* half an id is somebody else's id */
        l->text.len = f.at;
    else if (f.len > 0)
        l->fields[l->fields_len++] = f;
}

void line_add_i64(struct line *l, const char *key, const char *label, int64_t value, enum line_need need)
{
    char digits[24];
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + rest % 10);
    } while ((rest /= 10) > 0);
    if (value < 0)
        digits[--at] = '-';
    line_add(l, key, label, slice_make(digits + at, sizeof digits - at), need);
}

/* ---- size --------------------------------------------------------------------------------------- */

static bool needs_escape(const struct line *l, char c)
{
    return l->format->is_escaped && (c == '\\' || c == '=' || c == '\n' || c == '\r');
}

static size_t escaped_len(const struct line *l, struct slice s)
{
    size_t len = s.len;

    for (size_t i = 0; l->format->is_escaped && i < s.len; i++)
        len += needs_escape(l, s.at[i]);
    return len;
}

static size_t pair_len(const struct line *l, const struct line_field *f)
{
    size_t len;

    if (f->is_gone)
        return 0;
    len = strlen(f->key) + 1 + escaped_len(l, text_of(l, f)) + 1;
    if (f->label)
        len += strlen(f->key) + strlen("Label") + 1 + strlen(f->label) + 1;
    return len;
}

static size_t whole_len(const struct line *l)
{
    size_t len = 0;

    for (size_t i = 0; i < l->fields_len; i++)
        len += pair_len(l, &l->fields[i]);
    return len;
}

/* Take `over` bytes off the end of f, or the whole of it. */
static void shrink_field(struct line *l, struct line_field *f, size_t over)
{
    struct slice s = text_of(l, f);
    size_t room = escaped_len(l, s), used = 0, at = 0, mark = sizeof(FIT_MARK) - 1;

    l->cuts++;
    if (room < over + mark + WORTH_KEEPING) {
        f->is_gone = true;
        return;
    }
    for (room -= over + mark; at < s.len;) {
        uint32_t ignored;
        size_t n = utf8_next(s, at, &ignored), size = escaped_len(l, slice_make(s.at + at, n));

        if (used + size > room)
            break;
        used += size;
        at += n;
    }
    memcpy(l->text.at + f->at + at, FIT_MARK, mark); /* at + mark <= len: over bytes went */
    f->len = at + mark;
}

static void make_fit(struct line *l, size_t max, const char *const *shrink)
{
    size_t len = whole_len(l);

    for (; *shrink && len > max; shrink++)
        for (size_t i = 0; i < l->fields_len; i++)
            if (strcmp(l->fields[i].key, *shrink) == 0 && l->fields[i].need == LINE_SHRINK && len > max) {
                shrink_field(l, &l->fields[i], len - max);
                len = whole_len(l);
            }
    for (size_t i = l->fields_len; i-- > 0 && len > max;)
        if (l->fields[i].need != LINE_KEEP && !l->fields[i].is_gone) {
            l->fields[i].is_gone = true;
            l->cuts++;
            len = whole_len(l);
        }
}

/* ---- writing ------------------------------------------------------------------------------------ */

static void add_escaped(const struct line *l, struct buf *out, struct slice s)
{
    size_t from = 0;

    for (size_t i = 0; l->format->is_escaped && i < s.len; i++) {
        char pair[2] = { '\\', s.at[i] };

        if (!needs_escape(l, s.at[i]))
            continue;
        buf_add(out, s.at + from, i - from);
        if (pair[1] == '\n' || pair[1] == '\r')
            pair[1] = pair[1] == '\n' ? 'n' : 'r';
        buf_add(out, pair, 2);
        from = i + 1;
    }
    buf_add(out, s.at + from, s.len - from);
}

static void add_pair(const struct line *l, struct buf *out, const struct line_field *f, bool is_first)
{
    if (!is_first)
        buf_add_char(out, l->format->separator);
    buf_add_str(out, f->key);
    buf_add_char(out, '=');
    add_escaped(l, out, text_of(l, f));
    if (!f->label)
        return;
    buf_add_char(out, l->format->separator);
    buf_add_str(out, f->key);
    buf_add_str(out, "Label=");
    add_escaped(l, out, slice_of(f->label));
}

int line_write(struct line *l, struct buf *out, size_t start, size_t max_bytes, const char *const *shrink,
               struct error *err)
{
    const size_t cut_len = strlen(l->format->cut_key) + (l->format->cut_label ? 40 : 0) + 10;
    size_t head = out->len - start, max = max_bytes > head ? max_bytes - head : 0;
    bool is_first = true;

    if (buf_check(&l->text, err) < 0 || buf_check(out, err) < 0)
        return -1;
    if (l->cuts > 0 || whole_len(l) > max) {
        make_fit(l, max > cut_len ? max - cut_len : 0, shrink);
        line_add_i64(l, l->format->cut_key, l->format->cut_label, l->cuts, LINE_DROP);
    }
    if (whole_len(l) > max + 1) /* a separator was counted behind the last pair */
        return error_set(err, ERR_LIMIT, "an alert needs more than %zu bytes", max_bytes);
    for (size_t i = 0; i < l->fields_len; i++) {
        if (l->fields[i].is_gone)
            continue;
        add_pair(l, out, &l->fields[i], is_first);
        is_first = false;
    }
    return buf_check(out, err);
}
