/* sql_words.h - word lists of the judge: other dialects, tools, names of fields worth stealing.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SQL_WORDS_H
#define COSMOWATCH_SQL_WORDS_H

#include "base/slice.h"

/* How much a bare name (outside literals and comments) speaks of another dialect: 0..100. `next` is the
 * text of the token behind it. */
int sql_foreign_score(struct slice name, struct slice next);
/* A function that only other dialects have, called like one. */
bool sql_is_foreign_function(struct slice name);
/* Text that attack tools leave in statements or user agents. */
bool sql_has_tool_mark(struct slice text);
/* A field whose first letters are worth guessing: password, token, ssn ... */
bool sql_is_sensitive_field(struct slice name);
/* A function that answers questions about a value it does not return: STARTSWITH, LENGTH ... */
bool sql_is_inference_function(struct slice name);
/* A property every item has: id and the system properties. */
bool sql_is_system_property(struct slice name);

#endif
