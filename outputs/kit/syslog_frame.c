/* syslog_frame.c - see syslog_frame.h. SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/syslog_frame.h"

#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/timeutil.h"
#include "outputs/kit/severity.h"

#include <stdio.h>
#include <time.h>

#define HOSTNAME_MAX 255
#define APP_NAME_MAX 48
#define MSGID_MAX 32
#define TAG_MAX 32
#define PARAM_MAX 1024 /* bytes of one value in the structured data */

const char *const syslog_facilities[] = {
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7", NULL,
};

void syslog_add_word(struct buf *out, struct slice s, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len && n < max; i++)
        if (s.at[i] > 0x20 && s.at[i] < 0x7f) {
            buf_add_char(out, s.at[i]);
            n++;
        }
    if (n == 0)
        buf_add_char(out, '-');
}

/* "AzureCosmosDB_SuspiciousListKeys.SuspiciousPrincipal" has 52 characters: the family goes first, then the
 * middle, as the end tells types of one family apart. */
void syslog_add_msgid(struct buf *out, const char *type)
{
    struct slice s = slice_of(type);
    size_t mark = slice_find(s, SL("_"));

    if (s.len > MSGID_MAX && mark != SIZE_MAX)
        s = slice_make(s.at + mark + 1, s.len - mark - 1);
    if (s.len <= MSGID_MAX) {
        syslog_add_word(out, s, MSGID_MAX);
        return;
    }
    syslog_add_word(out, slice_make(s.at, 11), 11);
    buf_add_char(out, '~');
    syslog_add_word(out, slice_make(s.at + s.len - 20, 20), 20);
}

/* RFC 5424 section 6.3.3: exactly these three are escaped. Control bytes become spaces. */
static void add_param(struct buf *out, const char *name, struct slice value)
{
    value = slice_cut(value, PARAM_MAX);
    if (value.len == 0)
        return;
    buf_addf(out, " %s=\"", name);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];

        if (c == '"' || c == '\\' || c == ']')
            buf_add_char(out, '\\');
        buf_add_char(out, c < 0x20 || c == 0x7f ? ' ' : value.at[i]);
    }
    buf_add_char(out, '"');
}

static void add_structured_data(struct buf *out, const char *sd_id, const struct alert *a)
{
    if (!sd_id || !sd_id[0]) {
        buf_add_char(out, '-');
        return;
    }
    buf_addf(out, "[%s", sd_id);
    add_param(out, "id", slice_of(a->id));
    add_param(out, "recordId", slice_of(a->record_id));
    add_param(out, "type", slice_of(a->type->id));
    add_param(out, "severity", slice_of(severity_name(a->severity)));
    add_param(out, "account", slice_of(a->account));
    add_param(out, "subject", slice_of(a->subject));
    buf_add_char(out, ']');
}

/* RFC 3164 section 4.1.2: English month, the day padded with a blank. */
static void add_short_time(struct buf *out, int64_t ns)
{
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t seconds = (time_t)(time_floor(ns, NS_PER_S) / NS_PER_S);
    struct tm t = { 0 };

    (void)gmtime_r(&seconds, &t);
    buf_addf(out, "%s %2d %02d:%02d:%02d", months[t.tm_mon], t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
}

static void add_tag(struct buf *out, const struct syslog_format *f)
{
    size_t n = 0;

    for (const char *p = f->app_name; *p && n < TAG_MAX; p++)
        if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-' || *p == '_') {
            buf_add_char(out, *p);
            n++;
        }
    buf_addf(out, "[%lld]: ", (long long)f->pid);
}

static void add_header(struct buf *out, const struct syslog_format *f, const struct alert *a, struct slice text,
                       int64_t now_ns)
{
    bool has_own_tag = slice_starts(text, SL("CEF:")) || slice_starts(text, SL("LEEF:"));

    buf_addf(out, "<%d>", f->facility * 8 + severity_scale(a->severity)->syslog);
    if (f->header == SYSLOG_RFC5424)
        buf_add_str(out, "1 ");
    if (f->header == SYSLOG_RFC3164)
        add_short_time(out, now_ns);
    else
        time_add_iso(out, now_ns, 3);
    buf_add_char(out, ' ');
    syslog_add_word(out, slice_of(f->hostname), HOSTNAME_MAX);
    buf_add_char(out, ' ');
    if (f->header != SYSLOG_RFC5424) {
        if (!has_own_tag)
            add_tag(out, f);
        return;
    }
    syslog_add_word(out, slice_of(f->app_name), APP_NAME_MAX);
    buf_addf(out, " %lld ", (long long)f->pid);
    syslog_add_msgid(out, a->type->id);
    buf_add_char(out, ' ');
    add_structured_data(out, f->sd_id, a);
    buf_add_char(out, ' ');
}

int syslog_frame_add(struct buf *out, const struct syslog_format *f, const struct alert *a, struct slice text,
                     int64_t now_ns, struct error *err)
{
    CLEANUP(buf_release) struct buf head = BUF_INIT(16384);
    size_t body_at;

    add_header(&head, f, a, text, now_ns);
    if (buf_check(&head, err) < 0)
        return -1;
    if (head.len + text.len > f->message_max)
        return error_set(err, ERR_LIMIT, "%zu bytes as a syslog message, max_message is %zu", head.len + text.len,
                         f->message_max);
    if (f->framing == SYSLOG_COUNTED)
        buf_addf(out, "%zu ", head.len + text.len);
    buf_add_slice(out, buf_slice(&head));
    body_at = out->len;
    buf_add_slice(out, text);
    if (f->framing == SYSLOG_NEWLINE) {
        for (size_t i = body_at; i < out->len; i++)
            if (out->at[i] == '\n' || out->at[i] == '\r' || out->at[i] == '\0')
                out->at[i] = ' ';
        buf_add_char(out, '\n');
    }
    return buf_check(out, err);
}
