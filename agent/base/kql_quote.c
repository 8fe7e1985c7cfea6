/* kql_quote.c - see kql_quote.h. Adjacent KQL literals concatenate, so escaping has to be complete: a
 * value that closed its literal and opened another would still parse.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/kql_quote.h"

#include "base/timeutil.h"

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

int kql_quote_string(struct buf *out, struct slice s, struct error *err)
{
    for (size_t i = 0; i < s.len; i++)
        if (is_control((unsigned char)s.at[i]))
            return error_set(err, ERR_INPUT, "control byte 0x%02x in a query value",
                             (unsigned)(unsigned char)s.at[i]);
    kql_quote_shown(out, s);
    return buf_check(out, err);
}

void kql_quote_shown(struct buf *out, struct slice s)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];

        if (is_control(c)) {
            buf_addf(out, "\\u%04x", (unsigned)c);
            continue;
        }
        if (c == '"' || c == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, (char)c);
    }
    buf_add_char(out, '"');
}

void kql_add_datetime(struct buf *out, int64_t ns)
{
    buf_add_str(out, "datetime(");
    time_add_iso(out, ns, 7);
    buf_add_char(out, ')');
}
