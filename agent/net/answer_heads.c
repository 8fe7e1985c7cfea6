/* answer_heads.c - see answer_heads.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/answer_heads.h"

#include "base/num.h"
#include "base/timeutil.h"

static void keep_text(char *at, size_t size, struct slice value)
{
    struct slice cut = slice_cut(value, size - 1);

    if (cut.len > 0)
        memcpy(at, cut.at, cut.len);
    at[cut.len] = '\0';
}

static void add_text(char *at, size_t size, struct slice value)
{
    size_t used = strlen(at);

    if (used > 0 && used + 3 < size) {
        memcpy(at + used, ", ", 3);
        used += 2;
    }
    if (used + 1 < size)
        keep_text(at + used, size - used, value);
}

/* A number of units as milliseconds: never negative, at most an hour. Servers are seen to send
 * fractions although RFC 9110 wants whole seconds. */
static bool parse_wait(struct slice s, double unit_ms, int64_t *ret_ms)
{
    double v;

    if (!parse_real(s, &v))
        return false;
    v *= unit_ms;
    *ret_ms = v <= 0 ? 0 : v >= (double)RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : (int64_t)v;
    return true;
}

void answer_heads_reset(struct answer_heads *h)
{
    *h = (struct answer_heads){ .retry_after_ms = -1, .retry_after_s_ms = -1, .age_s = -1 };
}

void answer_heads_note(struct answer_heads *h, struct slice line)
{
    struct slice value = line, name;

    if (slice_starts_nocase(line, SL("HTTP/"))) {
        answer_heads_reset(h);
        return;
    }
    if (!slice_split(&value, ':', &name) || !value.at)
        return;
    value = slice_trim(value);
    if (slice_eq_nocase(name, SL("retry-after"))) {
        if (!parse_wait(value, 1000, &h->retry_after_s_ms))
            (void)time_parse_http(value, &h->retry_after_at_ns); /* neither: as if unsaid */
    } else if (slice_eq_nocase(name, SL("retry-after-ms")) ||
               slice_eq_nocase(name, SL("x-ms-retry-after-ms"))) {
        (void)parse_wait(value, 1, &h->retry_after_ms);
    } else if (slice_eq_nocase(name, SL("date"))) {
        (void)time_parse_http(value, &h->date_ns);
    } else if (slice_eq_nocase(name, SL("age"))) {
        (void)parse_i64(value, 0, INT64_C(1) << 40, &h->age_s);
    } else if (slice_eq_nocase(name, SL("content-type"))) {
        keep_text(h->content_type, sizeof(h->content_type), value);
    } else if (slice_eq_nocase(name, SL("www-authenticate"))) {
        add_text(h->www_authenticate, sizeof(h->www_authenticate), value);
    } else if (slice_eq_nocase(name, SL("x-ms-request-id"))) {
        keep_text(h->request_id, sizeof(h->request_id), value);
    } else if (slice_eq_nocase(name, SL("etag")) && value.len < sizeof(h->etag)) { /* a cut one would match nothing */
        keep_text(h->etag, sizeof(h->etag), value);
    }
}

int64_t answer_heads_retry_after_ms(const struct answer_heads *h, int64_t our_wall_ns)
{
    int64_t wait_ms;

    if (h->retry_after_ms >= 0)
        return h->retry_after_ms;
    if (h->retry_after_s_ms >= 0)
        return h->retry_after_s_ms;
    if (h->retry_after_at_ns == 0)
        return 0;
    if (!i64_add(h->retry_after_at_ns, -(h->date_ns ? h->date_ns : our_wall_ns), &wait_ms))
        return 0;
    wait_ms = wait_ms <= 0 ? 0 : (wait_ms + NS_PER_MS - 1) / NS_PER_MS; /* rounded up: never early */
    return wait_ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : wait_ms;
}
