/* errors.c - see errors.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/errors.h"

#include "base/term.h"
#include "settings/yaml_node.h"

#include <stdlib.h>

#define TEXT_MAX 1024
#define NEAREST_WORD_MAX 64 /* longer words are not compared */

static char *error_text(const char *file, int line, int column, const char *fmt, va_list ap)
{
    CLEANUP(buf_release) struct buf raw = BUF_INIT(4 * TEXT_MAX);
    struct buf text = BUF_INIT(32 * TEXT_MAX);
    char *ret;

    buf_add_str(&raw, file);
    if (line > 0)
        buf_addf(&raw, ":%d:%d", line, column);
    buf_add_str(&raw, ": ");
    buf_vaddf(&raw, fmt, ap);
    term_add_safe(&text, slice_cut(buf_slice(&raw), TEXT_MAX));
    ret = buf_take(&text);
    buf_release(&text);
    return ret;
}

/* Where the error goes: behind all that stand earlier or at the same place. */
static size_t error_place(const struct settings_errors *e, int line, int column)
{
    size_t i = e->len;

    while (i > 0 && (e->at[i - 1].line > line ||
                     (e->at[i - 1].line == line && e->at[i - 1].column > column)))
        i--;
    return i;
}

static bool errors_grow(struct settings_errors *e)
{
    size_t cap = e->cap == 0 ? 8 : e->cap * 2;
    struct settings_error *at;

    if (e->len < e->cap)
        return true;
    at = realloc(e->at, cap * sizeof(*at));
    if (!at)
        return false;
    e->at = at;
    e->cap = cap;
    return true;
}

static void PRINTF_LIKE(5, 0) errors_vadd(struct settings_errors *e, const char *file, int line,
                                          int column, const char *fmt, va_list ap)
{
    size_t place = error_place(e, line, column);
    char *text;

    if (e->len >= SETTINGS_ERRORS_MAX) {
        e->omitted++;
        return;
    }
    text = error_text(file, line, column, fmt, ap);
    if (!text || !errors_grow(e)) { /* still counts as wrong */
        free(text);
        e->omitted++;
        return;
    }
    memmove(e->at + place + 1, e->at + place, (e->len - place) * sizeof(*e->at));
    e->at[place] = (struct settings_error){ .line = line, .column = column, .text = text };
    e->len++;
}

void settings_errors_add(struct settings_errors *e, const struct yaml_node *node, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (node)
        errors_vadd(e, node->file, node->line, node->column, fmt, ap);
    else
        errors_vadd(e, "configuration", 0, 0, fmt, ap);
    va_end(ap);
}

void settings_errors_add_key(struct settings_errors *e, const struct yaml_node *node, const char *fmt,
                             ...)
{
    bool has_key = node->key_line > 0;
    va_list ap;

    va_start(ap, fmt);
    errors_vadd(e, node->file, has_key ? node->key_line : node->line,
                has_key ? node->key_column : node->column, fmt, ap);
    va_end(ap);
}

void settings_errors_add_at(struct settings_errors *e, const char *file, int line, int column,
                            const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    errors_vadd(e, file, line, column, fmt, ap);
    va_end(ap);
}

void settings_errors_print(const struct settings_errors *e, struct buf *out)
{
    for (size_t i = 0; i < e->len; i++)
        buf_addf(out, "%s\n", e->at[i].text);
    if (e->omitted > 0)
        buf_addf(out, "... and %zu more\n", e->omitted);
}

int settings_errors_first(const struct settings_errors *e, struct error *err)
{
    size_t more = e->omitted + e->len;

    if (!settings_errors_any(e))
        return 0;
    if (e->len == 0)
        return error_set(err, ERR_NOMEM, "no memory to say what is wrong with the configuration");
    if (more == 1)
        return error_set(err, ERR_CONFIG, "%s", e->at[0].text);
    return error_set(err, ERR_CONFIG, "%.200s (and %zu more)", e->at[0].text, more - 1);
}

void settings_errors_release(struct settings_errors *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->len; i++)
        free(e->at[i].text);
    free(e->at);
    *e = (struct settings_errors){ 0 };
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Insertions, deletions, changes and swaps of neighbours that lead from a to b (optimal string
 * alignment: no letter is edited twice). Both are at most NEAREST_WORD_MAX long. */
static size_t edit_distance(struct slice a, struct slice b)
{
    size_t rows[3][NEAREST_WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b.len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *spare = before;

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = lower(a.at[i - 1]) == lower(b.at[j - 1]);

            row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1));
            if (i > 1 && j > 1 && lower(a.at[i - 1]) == lower(b.at[j - 2]) &&
                lower(a.at[i - 2]) == lower(b.at[j - 1]) && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        before = last;
        last = row;
        row = spare;
    }
    return last[b.len];
}

const char *settings_nearest(struct slice typed, const char *const *words)
{
    const char *nearest = NULL;
    size_t best = typed.len <= 3 ? 1 : typed.len <= 6 ? 2 : 3; /* further away is another word */

    if (typed.len == 0 || typed.len > NEAREST_WORD_MAX)
        return NULL;
    for (size_t i = 0; words[i]; i++) {
        struct slice word = slice_of(words[i]);
        size_t distance;

        if (word.len > NEAREST_WORD_MAX)
            continue;
        distance = edit_distance(typed, word);
        if (distance > best || (distance == best && nearest) || distance >= word.len)
            continue;
        best = distance;
        nearest = words[i];
    }
    return nearest;
}
