/* fuzz_kql - any bytes as names in the queries that are sent, and as texts in the query that an alert carries: outside its
 * literals a query never depends on them, and inside a name comes back as it was.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/kql_quote.h"
#include "base/utf8.h"
#include "record/record.h"
#include "source/kql.h"
#include "tests/fuzz/fuzz_alert.h"

#define TEXT_MAX ((size_t)4 << 20)

/* The literal s without quotes and backslashes. */
static void unquote(struct slice s, struct buf *out)
{
    PROMISE(s.len >= 2 && s.at[0] == '"' && s.at[s.len - 1] == '"');
    for (size_t i = 1; i + 1 < s.len; i++) {
        PROMISE(s.at[i] != '"');
        if (s.at[i] == '\\')
            i++;
        PROMISE(i + 1 < s.len);
        buf_add_char(out, s.at[i]);
    }
}

/* Everything but what stands in literals; comments end with their line. */
static void add_skeleton(struct slice text, struct buf *out)
{
    bool is_inside = false, is_comment = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (is_comment && c != '\n')
            continue;
        is_comment = !is_inside && c == '/' && i + 1 < text.len && text.at[i + 1] == '/';
        if (is_inside && c == '\\') {
            i++;
        } else if (c == '"') {
            is_inside = !is_inside;
            buf_add_char(out, c);
        } else if (!is_inside && !is_comment) {
            buf_add_char(out, c);
        }
        PROMISE(!is_inside || c != '\n');
    }
    PROMISE(!is_inside);
}

static void quote(struct slice s)
{
    struct buf out = BUF_INIT(TEXT_MAX), back = BUF_INIT(TEXT_MAX);
    struct error err = { 0 };

    if (kql_quote_string(&out, s, &err) == 0) {
        unquote(buf_slice(&out), &back);
        PROMISE(slice_eq(buf_slice(&back), s));
    } else {
        PROMISE(err.code == ERR_INPUT);
    }
    buf_clear(&out);
    buf_clear(&back);
    kql_quote_shown(&out, s);
    add_skeleton(buf_slice(&out), &back);
    PROMISE(slice_eq(buf_slice(&back), SL("\"\"")));
    buf_release(&out);
    buf_release(&back);
}

/* 0 and the skeleton of each stream one after the other, asked about this account in this further workspace. */
static int add_streams(char *name, struct buf *skeleton)
{
    struct kql_scope sc = { .from_ns = FUZZ_NOW_NS, .to_ns = FUZZ_NOW_NS + NS_PER_MIN, .bin_ns = NS_PER_MIN,
                            .tables = KQL_TABLE(TABLE_DATA_PLANE) | KQL_TABLE(TABLE_QUERY_STATS) |
                                      KQL_TABLE(TABLE_ACTIVITY) | KQL_LEGACY, .accounts = &name, .accounts_len = 1,
                            .workspaces = &name, .workspaces_len = 1, .row_cap = 1000 };
    struct buf text = BUF_INIT(TEXT_MAX);
    struct error err = { 0 };
    int rc = 0;

    for (unsigned s = 0; rc == 0 && s < KQL_STREAM_COUNT; s++) {
        buf_clear(&text);
        rc = kql_add_stream(&text, (enum kql_stream)s, &sc, &err);
        if (rc == 0)
            add_skeleton(buf_slice(&text), skeleton);
    }
    PROMISE(rc == 0 || err.code == ERR_CONFIG);
    buf_release(&text);
    return rc;
}

static void ask(struct slice s)
{
    static struct buf plain; /* once */
    struct buf hostile = BUF_INIT(TEXT_MAX);
    char word[] = "plain", *name = fuzz_padded(s, 1);

    if (plain.len == 0) {
        plain = BUF_INIT(TEXT_MAX);
        PROMISE(add_streams(word, &plain) == 0);
    }
    if (add_streams(name, &hostile) == 0)
        PROMISE(slice_eq(buf_slice(&plain), buf_slice(&hostile)));
    free(name);
    buf_release(&hostile);
}

static void show(struct slice s)
{
    struct alert *a = fuzz_alert_with(s);
    struct buf text = BUF_INIT(TEXT_MAX), skeleton = BUF_INIT(TEXT_MAX);

    alert_kql(a, &text);
    add_skeleton(buf_slice(&text), &skeleton);
    alert_free(a);
    buf_release(&text);
    buf_release(&skeleton);
}

FUZZ_TARGET(kql)
{
    struct slice s = slice_make((const char *)data, size);

    quote(s);
    ask(s);
    show(s);
    return 0;
}
