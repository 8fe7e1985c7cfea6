/* num.c - see num.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"

#include "base/buf.h"

#include <math.h>
#include <stdlib.h>

#define REAL_TEXT_MAX 400 /* longest text of a real that is looked at */

int64_t i64_add_sat(int64_t a, int64_t b)
{
    int64_t sum;

    if (i64_add(a, b, &sum))
        return sum;
    return a < 0 ? INT64_MIN : INT64_MAX;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool parse_i64(struct slice s, int64_t min, int64_t max, int64_t *ret)
{
    bool is_negative = s.len > 0 && s.at[0] == '-';
    size_t i = is_negative ? 1 : 0;
    int64_t v = 0;

    if (i == s.len)
        return false;
    for (; i < s.len; i++) { /* downwards: INT64_MIN has no positive twin */
        if (!is_digit(s.at[i]) || !i64_mul(v, 10, &v) || !i64_add(v, '0' - s.at[i], &v))
            return false;
    }
    if (!is_negative && !i64_mul(v, -1, &v))
        return false;
    if (v < min || v > max)
        return false;
    *ret = v;
    return true;
}

/* A real as JSON spells it, taken apart: digits * 10^exponent. */
struct real_parts {
    uint64_t digits;
    int digits_len; /* significant ones */
    int exponent;
    bool is_negative;
};

static void real_add_digit(struct real_parts *p, char c)
{
    if (p->digits_len < 19)
        p->digits = p->digits * 10 + (uint64_t)(c - '0');
    if (p->digits > 0)
        p->digits_len++;
}

static bool real_scan(struct slice s, struct real_parts *p)
{
    size_t i = 0, start;
    int64_t exponent = 0;

    p->is_negative = s.len > 0 && s.at[0] == '-';
    i = p->is_negative ? 1 : 0;
    start = i;
    for (; i < s.len && is_digit(s.at[i]); i++)
        real_add_digit(p, s.at[i]);
    if (i == start || (s.at[start] == '0' && i > start + 1))
        return false;
    if (i < s.len && s.at[i] == '.') {
        start = ++i;
        for (; i < s.len && is_digit(s.at[i]); i++) {
            real_add_digit(p, s.at[i]);
            p->exponent--;
        }
        if (i == start)
            return false;
    }
    if (i < s.len && (s.at[i] == 'e' || s.at[i] == 'E')) {
        if (++i < s.len && s.at[i] == '+' && i + 1 < s.len && is_digit(s.at[i + 1]))
            i++;
        if (!parse_i64(slice_make(s.at + i, s.len - i), -100000, 100000, &exponent))
            return false;
        i = s.len;
    }
    p->exponent += (int)exponent;
    return i == s.len;
}

bool parse_real(struct slice s, double *ret)
{
    static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    struct real_parts p = { 0 };
    char text[REAL_TEXT_MAX + 1];
    double v;

    if (s.len == 0 || s.len > REAL_TEXT_MAX || !real_scan(s, &p))
        return false;
    /* Both factors are exact below 2^53 and 10^22, so one operation rounds once, correctly. */
    if (p.digits_len <= 15 && p.exponent >= -22 && p.exponent <= 22) {
        v = (double)p.digits;
        v = p.exponent < 0 ? v / powers[-p.exponent] : v * powers[p.exponent];
        *ret = p.is_negative ? -v : v;
        return true;
    }
    memcpy(text, s.at, s.len); /* the program never leaves the C locale: strtod expects '.' */
    text[s.len] = '\0';
    v = strtod(text, NULL);
    if (!isfinite(v))
        return false;
    *ret = v;
    return true;
}

struct unit {
    const char *name;
    int64_t factor;
};

/* Digits at the front of *s; false without any or when they do not fit. */
static bool take_i64(struct slice *s, int64_t *ret)
{
    size_t n = 0;

    while (n < s->len && is_digit(s->at[n]))
        n++;
    if (!parse_i64(slice_make(s->at, n), 0, INT64_MAX, ret))
        return false;
    *s = slice_make(s->at + n, s->len - n);
    return true;
}

static const struct unit duration_units[] = { /* largest first: a sum runs down */
    { .name = "w", .factor = 7 * INT64_C(86400000) },
    { .name = "d", .factor = INT64_C(86400000) },
    { .name = "h", .factor = INT64_C(3600000) },
    { .name = "m", .factor = INT64_C(60000) },
    { .name = "s", .factor = INT64_C(1000) },
    { .name = "ms", .factor = 1 },
};

/* Letters at the front of *s as a unit at or after *from; *from moves past it. */
static bool take_duration_unit(struct slice *s, size_t *from, int64_t *ret_factor)
{
    size_t n = 0;

    while (n < s->len && s->at[n] >= 'a' && s->at[n] <= 'z')
        n++;
    for (size_t i = *from; i < ARRAY_LEN(duration_units); i++) {
        if (!slice_eq(slice_make(s->at, n), slice_of(duration_units[i].name)))
            continue;
        *ret_factor = duration_units[i].factor;
        *from = i + 1;
        *s = slice_make(s->at + n, s->len - n);
        return true;
    }
    return false;
}

bool parse_duration_ms(struct slice s, int64_t *ret_ms)
{
    int64_t sum = 0, n = 0, factor = 0;
    size_t from = 0;

    if (slice_eq(s, SL("0"))) {
        *ret_ms = 0;
        return true;
    }
    do {
        if (!take_i64(&s, &n) || !take_duration_unit(&s, &from, &factor) || !i64_mul(n, factor, &n) ||
            !i64_add(sum, n, &sum))
            return false;
        if (s.len > 1 && s.at[0] == ' ')
            s = slice_make(s.at + 1, s.len - 1);
    } while (s.len > 0);
    *ret_ms = sum;
    return true;
}

bool parse_bytes(struct slice s, int64_t *ret)
{
    static const struct unit units[] = {
        { .name = "", .factor = 1 },
        { .name = "k", .factor = 1000 },
        { .name = "m", .factor = 1000 * 1000 },
        { .name = "g", .factor = INT64_C(1000) * 1000 * 1000 },
        { .name = "t", .factor = INT64_C(1000) * 1000 * 1000 * 1000 },
        { .name = "ki", .factor = 1024 },
        { .name = "mi", .factor = 1024 * 1024 },
        { .name = "gi", .factor = INT64_C(1024) * 1024 * 1024 },
        { .name = "ti", .factor = INT64_C(1024) * 1024 * 1024 * 1024 },
    };
    int64_t n = 0;

    if (!take_i64(&s, &n))
        return false;
    if (s.len > 1 && s.at[0] == ' ')
        s = slice_make(s.at + 1, s.len - 1);
    if (slice_ends_nocase(s, SL("b")))
        s.len--;
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        if (slice_eq_nocase(s, slice_of(units[i].name)) && i64_mul(n, units[i].factor, &n)) {
            *ret = n;
            return true;
        }
    return false;
}

/* n / unit, rounded half up once, without overflow: to whole ones, to tenths. */
static uint64_t wholes(uint64_t n, uint64_t unit)
{
    return n / unit + (n % unit >= unit / 2 ? 1 : 0);
}

static uint64_t tenths(uint64_t n, uint64_t unit)
{
    return n / unit * 10 + (n % unit * 10 + unit / 2) / unit;
}

void fmt_bytes(struct buf *out, int64_t bytes)
{
    static const char *const names[] = { "kB", "MB", "GB", "TB", "PB", "EB" };
    uint64_t n = bytes < 0 ? 0 - (uint64_t)bytes : (uint64_t)bytes;
    uint64_t unit = 1000, tenth;
    size_t i = 0;

    if (bytes < 0)
        buf_add_char(out, '-');
    if (n < 1000) {
        buf_addf(out, "%" PRIu64 " B", n);
        return;
    }
    while (i + 1 < ARRAY_LEN(names) && wholes(n, unit) >= 1000) {
        unit *= 1000;
        i++;
    }
    tenth = tenths(n, unit);
    if (tenth >= 1000) /* three digits say enough */
        buf_addf(out, "%" PRIu64 " %s", wholes(n, unit), names[i]);
    else if (tenth % 10 == 0)
        buf_addf(out, "%" PRIu64 " %s", tenth / 10, names[i]);
    else
        buf_addf(out, "%" PRIu64 ".%" PRIu64 " %s", tenth / 10, tenth % 10, names[i]);
}

void fmt_duration_ms(struct buf *out, int64_t ms)
{
    uint64_t rest = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;

    if (ms == 0) {
        buf_add_char(out, '0');
        return;
    }
    if (ms < 0)
        buf_add_char(out, '-');
    for (size_t i = 1; i < ARRAY_LEN(duration_units); i++) { /* weeks are read, days are written */
        uint64_t unit = (uint64_t)duration_units[i].factor;

        if (rest < unit)
            continue;
        buf_addf(out, "%" PRIu64 "%s", rest / unit, duration_units[i].name);
        if (i + 1 == ARRAY_LEN(duration_units))
            return;
        rest = rest % unit / (uint64_t)duration_units[i + 1].factor;
        if (rest > 0)
            buf_addf(out, " %" PRIu64 "%s", rest, duration_units[i + 1].name);
        return;
    }
}

void fmt_count(struct buf *out, int64_t n)
{
    char text[32];
    size_t i = sizeof(text), digits = 0;
    uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    do {
        if (digits > 0 && digits % 3 == 0)
            text[--i] = ',';
        text[--i] = (char)('0' + rest % 10);
        rest /= 10;
        digits++;
    } while (rest > 0);
    if (n < 0)
        text[--i] = '-';
    buf_add(out, text + i, sizeof(text) - i);
}
