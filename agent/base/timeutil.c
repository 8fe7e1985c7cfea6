/* timeutil.c - see timeutil.h. Every row carries a timestamp, so time_parse_iso looks at the digits of
 * the fixed part in one go and judges them once at the end.
 *
 * Calendar arithmetic: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (days from civil,
 * civil from days), proleptic Gregorian, year counted from March.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"

#include "base/buf.h"

#define YEAR_MIN 1678
#define YEAR_MAX 2261

static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

struct civil {
    int64_t year;
    unsigned month, day;
};

static struct civil civil_from_days(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
    struct civil c = {
        .day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1),
        .month = (unsigned)(month < 10 ? month + 3 : month - 9),
    };

    c.year = year_of_era + era * 400 + (c.month <= 2);
    return c;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[] = { 0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return month == 2 && is_leap ? 29 : days[month];
}

/* Two digits at p; *bad becomes non-zero when one is not a digit. */
static inline unsigned two(const char *p, unsigned *bad)
{
    unsigned a = (unsigned)(unsigned char)p[0] - '0';
    unsigned b = (unsigned)(unsigned char)p[1] - '0';

    *bad |= (unsigned)(a > 9) | (unsigned)(b > 9);
    return a * 10 + b;
}

/* "YYYY-MM-DD" */
static bool parse_date(const char *p, int64_t *ret_days)
{
    unsigned bad = (unsigned)(p[4] != '-') | (unsigned)(p[7] != '-');
    unsigned high = two(p, &bad);
    unsigned year = high * 100 + two(p + 2, &bad);
    unsigned month = two(p + 5, &bad);
    unsigned day = two(p + 8, &bad);

    if (bad || year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month))
        return false;
    *ret_days = days_from_civil(year, month, day);
    return true;
}

/* "hh:mm:ss"; second 60 counts as 59. */
static bool parse_clock(const char *p, int64_t *ret_s)
{
    unsigned bad = (unsigned)(p[2] != ':') | (unsigned)(p[5] != ':');
    unsigned hour = two(p, &bad);
    unsigned minute = two(p + 3, &bad);
    unsigned second = two(p + 6, &bad);

    if (bad || hour > 23 || minute > 59 || second > 60)
        return false;
    *ret_s = (int64_t)hour * 3600 + (int64_t)minute * 60 + (second == 60 ? 59 : second);
    return true;
}

/* "Z", "+hh:mm", "-hh:mm" or nothing. */
static bool parse_zone(struct slice s, int64_t *ret_s)
{
    unsigned bad = 0, hour, minute;

    *ret_s = 0;
    if (s.len == 0 || (s.len == 1 && (s.at[0] == 'Z' || s.at[0] == 'z')))
        return true;
    if (s.len != 6 || (s.at[0] != '+' && s.at[0] != '-') || s.at[3] != ':')
        return false;
    hour = two(s.at + 1, &bad);
    minute = two(s.at + 4, &bad);
    if (bad || hour > 23 || minute > 59)
        return false;
    *ret_s = (int64_t)hour * 3600 + (int64_t)minute * 60;
    if (s.at[0] == '-')
        *ret_s = -*ret_s;
    return true;
}

bool time_parse_iso(struct slice s, int64_t *ret_ns)
{
    static const int32_t scale[] = { 1000000000, 100000000, 10000000, 1000000, 100000,
                                     10000,      1000,      100,      10,      1 };
    int64_t days = 0, clock_s = 0, zone_s = 0, fraction = 0;
    size_t i = 19, digits = 0;

    if (s.len < 19) {
        if (s.len != 10 || !parse_date(s.at, &days))
            return false;
        *ret_ns = days * NS_PER_DAY;
        return true;
    }
    if ((s.at[10] != 'T' && s.at[10] != ' ' && s.at[10] != 't') || !parse_date(s.at, &days) ||
        !parse_clock(s.at + 11, &clock_s))
        return false;
    if (i < s.len && s.at[i] == '.') {
        for (i++; i < s.len && s.at[i] >= '0' && s.at[i] <= '9' && digits < 10; i++, digits++)
            fraction = fraction * 10 + (s.at[i] - '0');
        if (digits == 0 || digits > 9)
            return false;
    }
    if (!parse_zone(slice_make(s.at + i, s.len - i), &zone_s))
        return false;
    *ret_ns = (days * 86400 + clock_s - zone_s) * NS_PER_S + fraction * scale[digits];
    return true;
}

/* Place of the three letters at p in a run of three-letter names, or SIZE_MAX. */
static size_t name_index(const char *names, const char *p)
{
    size_t n = strlen(names) / 3;

    for (size_t i = 0; i < n; i++)
        if (memcmp(names + 3 * i, p, 3) == 0)
            return i;
    return SIZE_MAX;
}

bool time_parse_http(struct slice s, int64_t *ret_ns)
{
    unsigned bad = 0, day, year;
    size_t month;
    int64_t clock_s = 0;

    if (s.len != 29 || name_index("MonTueWedThuFriSatSun", s.at) == SIZE_MAX ||
        memcmp(s.at + 3, ", ", 2) != 0 || s.at[7] != ' ' || s.at[11] != ' ' || s.at[16] != ' ' ||
        memcmp(s.at + 25, " GMT", 4) != 0)
        return false;
    day = two(s.at + 5, &bad);
    month = name_index("JanFebMarAprMayJunJulAugSepOctNovDec", s.at + 8) + 1; /* 0: unknown */
    year = two(s.at + 12, &bad) * 100;
    year += two(s.at + 14, &bad);
    if (bad || month == 0 || year < YEAR_MIN || year > YEAR_MAX || day < 1 ||
        day > days_in_month(year, (unsigned)month) || !parse_clock(s.at + 17, &clock_s))
        return false;
    *ret_ns = (days_from_civil(year, (unsigned)month, day) * 86400 + clock_s) * NS_PER_S;
    return true;
}

static void put_digits(char *at, int64_t v, size_t n)
{
    for (size_t i = n; i > 0; i--, v /= 10)
        at[i - 1] = (char)('0' + v % 10);
}

void time_add_iso(struct buf *out, int64_t ns, int digits)
{
    int64_t days = ns / NS_PER_DAY, rest = ns % NS_PER_DAY, second;
    size_t kept = digits <= 0 ? 0 : digits > 9 ? 9 : (size_t)digits;
    char text[] = "0000-00-00T00:00:00.000000000Z";
    struct civil c;

    if (rest < 0) { /* the floor of a day before 1970 */
        rest += NS_PER_DAY;
        days--;
    }
    c = civil_from_days(days);
    second = rest / NS_PER_S;
    put_digits(text, c.year, 4);
    put_digits(text + 5, c.month, 2);
    put_digits(text + 8, c.day, 2);
    put_digits(text + 11, second / 3600, 2);
    put_digits(text + 14, second / 60 % 60, 2);
    put_digits(text + 17, second % 60, 2);
    put_digits(text + 20, rest % NS_PER_S, 9);
    text[kept > 0 ? 20 + kept : 19] = 'Z';
    buf_add(out, text, kept > 0 ? 21 + kept : 20);
}

int64_t time_floor(int64_t ns, int64_t step_ns)
{
    int64_t over;

    if (step_ns <= 0)
        return ns;
    over = ns % step_ns;
    if (over < 0)
        over += step_ns;
    return ns < INT64_MIN + over ? INT64_MIN : ns - over;
}
