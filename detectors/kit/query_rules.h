/* query_rules.h - what the judges of CQL, Gremlin, OData and MongoDB texts can find, in words.
 *
 * A score of 0..100 says how sure the form alone makes us that somebody else's text stands in the statement;
 * findings combine as independent hints (noisy or). A rule is a probe when what it finds cannot succeed in
 * Cosmos DB, and a hint when ordinary statements have it too: then it counts inside a run that was put into a
 * known statement.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_QUERY_RULES_H
#define COSMOWATCH_QUERY_RULES_H

#include "base/base.h"

enum query_rule {
    Q_NONE,
    Q_COMMENT_TAIL, Q_COMMENT_QUOTE, Q_OR_CONSTANT, Q_OR_SELF, Q_OR_ALWAYS, Q_CONSTANT_ANSWER, Q_BARE_LITERAL, Q_SANDWICH,
    Q_NEEDLESS, Q_MIXED,
    /* broken or foreign text */
    Q_FOREIGN_WORD, Q_FOREIGN_MARK, Q_BROKEN_TAUTOLOGY, Q_SECOND_STATEMENT, Q_ENCODED, Q_CODE, Q_NUL, Q_LONE_QUOTE,
    Q_BROKEN_OUT, Q_BROKEN,
    /* CQL */
    Q_FILTERING, Q_TOKEN_RANGE, Q_SYSTEM_READ, Q_WIDE_RANGE,
    /* Gremlin */
    Q_DROP_INSIDE, Q_FRESH_START, Q_DROP, Q_WRITE_STEP, Q_WRITE_MORE, Q_CHANGE_ON_WAY, Q_WRITTEN_TWICE, Q_WIDE_STEP,
    Q_NOT_EQUAL, Q_ENDLESS, Q_READS_SECRET, Q_LAMBDA, Q_JAVA,
    /* MongoDB */
    Q_SECRET_OPERATOR, Q_ALWAYS_OPERATOR, Q_WIDE_OPERATOR, Q_GUESS_LIST, Q_PATTERN_ANY, Q_PATTERN_GUESS, Q_EMPTY_OBJECT,
    Q_OPERATOR_IN_PATTERN, Q_DUPLICATE_KEY, Q_SCRIPT, Q_SCRIPT_HOSTILE, Q_SCRIPT_IN_FIELD, Q_OTHER_COLLECTION, Q_WIDE_STAGE,
    Q_COUNT
};

const char *query_rule_name(enum query_rule r);     /* "comment-tail" */
const char *query_rule_sentence(enum query_rule r); /* goes behind the quoted text */
const char *query_rule_variant(enum query_rule r);  /* ".CommentTail" */
bool query_rule_is_probe(enum query_rule r);

#endif
