/* sql_text.h - from what the log holds to what was asked, and by whom.
 *
 * QueryText is usually a JSON document inside a string: {"query":"SELECT ...","parameters":[...]}
 * (with full-text logging on), else the bare statement. Parameters' values cannot inject and are not
 * looked at.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SQL_TEXT_H
#define COSMOWATCH_SQL_TEXT_H

#include "base/slice.h"

struct buf;
struct json_object;
struct json_tokener;

struct sql_text { /* embedded; sql_text_init once, sql_text_release at the end */
    struct json_tokener *tokener;
    struct json_object *document; /* owns what the last sql_text_unwrap() returned, when it was JSON */
};

bool sql_text_init(struct sql_text *t); /* false without memory */
void sql_text_release(struct sql_text *t);

/* The statement in `raw`; valid until the next call, and as long as raw. Text that looks like JSON but
 * cannot be read as such with a "query" in it is returned as it is. */
struct slice sql_text_unwrap(struct sql_text *t, struct slice raw);

/* What a user agent is when versions and machines are left out: "cosmos-netstandard-sdk orders-api",
 * "azsdk-java-cosmos", "azure-cosmos-js", "browser", "unknown". */
void sql_client_family(struct slice user_agent, struct buf *out);

/* `text` with the comments that stand behind something on their line opened: the dashes become blanks, and what else does
 * not belong to the statement that was cut: the quote behind them, or (--x', -- y") all up to the first quote or the first
 * blank. False when there is nothing to open or the text is longer than out's ceiling. */
enum sql_comment_cut { SQL_CUT_DASHES, SQL_CUT_TO_QUOTE, SQL_CUT_TO_BLANK, SQL_CUTS };
struct sql_lex;
bool sql_text_open_comments(const struct sql_lex *lex, enum sql_comment_cut cut, struct buf *out);

#endif
