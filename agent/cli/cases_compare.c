/* cases_compare.c - see cases.h: what was raised against what is expected.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/term.h"
#include "cli/cases.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* ---- does the one say the other ------------------------------------------------------------------ */

static bool fits(const char *text, const char *pattern)
{
    const char *star = NULL, *from = NULL;

    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            from = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

static bool says_members(struct json_object *have, struct json_object *want)
{
    json_object_object_foreach(want, key, value)
    {
        struct json_object *own = NULL;

        if (!json_object_object_get_ex(have, key, &own) && value)
            return false;
        if (!cases_says(own, value))
            return false;
    }
    return true;
}

static bool says_elements(struct json_object *have, struct json_object *want)
{
    for (size_t i = 0; i < json_object_array_length(want); i++) {
        struct json_object *one = json_object_array_get_idx(want, i);
        bool is_there = false;

        for (size_t k = 0; !is_there && k < json_object_array_length(have); k++)
            is_there = cases_says(json_object_array_get_idx(have, k), one);
        if (!is_there)
            return false;
    }
    return true;
}

static bool is_number(struct json_object *o)
{
    return json_object_is_type(o, json_type_int) || json_object_is_type(o, json_type_double);
}

bool cases_says(struct json_object *have, struct json_object *want)
{
    if (!have || !want)
        return have == want;
    if (is_number(have) && is_number(want))
        return json_object_equal(have, want) || json_object_get_double(have) == json_object_get_double(want);
    if (json_object_get_type(have) != json_object_get_type(want))
        return false;
    if (json_object_is_type(want, json_type_object))
        return says_members(have, want);
    if (json_object_is_type(want, json_type_array))
        return says_elements(have, want);
    if (json_object_is_type(want, json_type_string))
        return fits(json_object_get_string(have), json_object_get_string(want));
    return json_object_equal(have, want);
}

/* ---- each expected alert with one of its own ------------------------------------------------------- */

struct pairing {
    struct json_object *alerts, *expected;
    size_t alerts_len, expected_len;
    size_t *of_alert; /* expected one + 1; 0: nobody's */
    bool *is_tried;
};

/* An augmenting path: an alert that is taken is free when its owner finds another one. */
static bool find_alert(struct pairing *p, size_t e)
{
    for (size_t i = 0; i < p->alerts_len; i++) {
        if (p->is_tried[i] ||
            !cases_says(json_object_array_get_idx(p->alerts, i), json_object_array_get_idx(p->expected, e)))
            continue;
        p->is_tried[i] = true;
        if (p->of_alert[i] == 0 || find_alert(p, p->of_alert[i] - 1)) {
            p->of_alert[i] = e + 1;
            return true;
        }
    }
    return false;
}

/* ---- words ---------------------------------------------------------------------------------------- */

static const char *json_of(struct json_object *o)
{
    return o ? json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE) : "null";
}

/* What to write into alerts to expect this one. */
static void say_raised(struct json_object *alert, struct buf *out)
{
    static const char *const keys[] = { "alertType", "variant", "severity", "accountName", "subject", "count" };
    struct json_object *gist = json_object_new_object(), *reasons = NULL, *v = NULL;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (json_object_object_get_ex(alert, keys[i], &v))
            (void)json_object_object_add(gist, keys[i], json_object_get(v));
    buf_add_str(out, "raised, and nobody expected: ");
    term_add_safe(out, slice_of(json_of(gist)));
    buf_add_char(out, '\n');
    if (json_object_object_get_ex(alert, "reasons", &reasons) && json_object_array_length(reasons) > 0) {
        buf_add_str(out, "  because: ");
        term_add_safe(out, slice_of(json_object_get_string(json_object_array_get_idx(reasons, 0))));
        buf_add_char(out, '\n');
    }
    json_object_put(gist);
}

static bool is_same_type(struct json_object *a, struct json_object *b)
{
    struct json_object *x = NULL, *y = NULL;

    return json_object_object_get_ex(a, "alertType", &x) && json_object_object_get_ex(b, "alertType", &y) &&
           json_object_equal(x, y);
}

static void say_members(struct json_object *alert, struct json_object *expected, struct buf *out)
{
    json_object_object_foreach(expected, key, want)
    {
        struct json_object *have = NULL;

        (void)json_object_object_get_ex(alert, key, &have);
        if (cases_says(have, want))
            continue;
        buf_addf(out, "  %s: expected ", key);
        term_add_safe(out, slice_of(json_of(want)));
        buf_add_str(out, ", raised ");
        term_add_safe(out, slice_cut(slice_of(json_of(have)), 1000));
        buf_add_char(out, '\n');
    }
}

static void say_missing(const struct pairing *p, size_t e, struct buf *out)
{
    struct json_object *expected = json_object_array_get_idx(p->expected, e);

    buf_add_str(out, "expected, and not raised: ");
    term_add_safe(out, slice_of(json_of(expected)));
    buf_add_char(out, '\n');
    for (size_t i = 0; i < p->alerts_len; i++) {
        struct json_object *alert = json_object_array_get_idx(p->alerts, i);

        if (p->of_alert[i] == 0 && is_same_type(alert, expected)) {
            say_members(alert, expected, out);
            return;
        }
    }
}

static bool is_named(const struct pairing *p, struct json_object *alert)
{
    for (size_t e = 0; e < p->expected_len; e++)
        if (is_same_type(alert, json_object_array_get_idx(p->expected, e)))
            return true;
    return false;
}

bool cases_compare(struct json_object *alerts, const struct rule_case *c, struct buf *out)
{
    struct pairing p = { .alerts = alerts, .expected = c->alerts, .alerts_len = json_object_array_length(alerts),
                         .expected_len = json_object_array_length(c->alerts) };
    bool *is_found = calloc(p.expected_len + 1, sizeof *is_found);
    bool is_same = true;

    p.of_alert = calloc(p.alerts_len + 1, sizeof *p.of_alert);
    p.is_tried = calloc(p.alerts_len + 1, sizeof *p.is_tried);
    for (size_t e = 0; is_found && p.of_alert && p.is_tried && e < p.expected_len; e++) {
        memset(p.is_tried, 0, p.alerts_len * sizeof *p.is_tried);
        is_found[e] = find_alert(&p, e);
    }
    for (size_t e = 0; is_found && p.of_alert && e < p.expected_len; e++)
        if (!is_found[e])
            say_missing(&p, e, out);
    for (size_t i = 0; p.of_alert && i < p.alerts_len; i++)
        if (p.of_alert[i] == 0 && (c->kind != CASE_HIT || is_named(&p, json_object_array_get_idx(alerts, i))))
            say_raised(json_object_array_get_idx(alerts, i), out);
    is_same = is_found && p.of_alert && p.is_tried && out->len == 0;
    free(is_found);
    free(p.of_alert);
    free(p.is_tried);
    return is_same;
}
