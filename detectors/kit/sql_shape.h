/* sql_shape.h - the shape (query_shape.h) of a Cosmos DB NoSQL statement.
 *
 * Literals, parameters' values, list lengths, chains of the same comparison, grouping parentheses, letter
 * case of keywords and functions, quoting style of property names, blanks and comments do not count. The
 * service's masked form (identifiers and literals replaced, brackets written out) has a shape of its own.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SQL_SHAPE_H
#define COSMOWATCH_SQL_SHAPE_H

#include "detectors/kit/query_shape.h"
#include "detectors/kit/sql_lex.h"

/* The shape of lex; fold_names: masked text, where names mean nothing. */
void sql_shape_make(struct query_shape *sh, const struct sql_lex *lex, bool fold_names);

/* Of masked text the names mean nothing; noted are the beginnings up to each value: the service takes comments out,
 * so a tail that was cut off shows only in that a known beginning goes on differently. */
uint64_t sql_shape_beginning(const struct query_shape *sh, size_t words);

/* For struct query_insertion_ask: connectors first, `= '' OR 1` is as long as `OR 1=1`, and says less. */
int sql_shape_start_rank(const struct query_shape *sh, const struct sql_lex *lex, size_t i);
/* Does something stand at word i that is no literal, where one belongs? */
bool sql_shape_takes_value(const struct query_shape *sh, const struct sql_lex *lex, size_t i);

#define SQL_SHAPE_VALUES 2u
uint64_t sql_shape_value(size_t i); /* i < SQL_SHAPE_VALUES: the word of a literal; of true and false */

struct buf;
/* The shape as people read it: SELECT * FROM c WHERE c.name = ? OR ? = ? */
void sql_shape_print(const struct query_shape *sh, const struct sql_lex *lex, struct buf *out);

#endif
