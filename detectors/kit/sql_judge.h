/* sql_judge.h - what one statement says about its author, by structure alone.
 *
 * Each finding is a rule that fired on a run of tokens, with a score of 0..100: how sure the form alone
 * makes us that somebody else's text stands in the statement. Findings combine as independent hints
 * (noisy or). Ordinary forms that look alike (optional filters, builders, SDK rewriting, feature flags)
 * score low here and are told apart by history, which is the detector's job.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SQL_JUDGE_H
#define COSMOWATCH_SQL_JUDGE_H

#include "detectors/kit/sql_nosql.h"

enum sql_rule {
    RULE_NONE,
    /* can succeed in this dialect */
    RULE_OR_CONSTANT,      /* OR 1=1, OR 'a'='a', OR true */
    RULE_OR_SELF,          /* OR c.id = c.id */
    RULE_OR_ALWAYS,        /* OR IS_DEFINED(c.id), OR c.id != '' */
    RULE_CONSTANT_ANSWER,  /* AND '1'='1', OR 1=2: a probe for true and false answers */
    RULE_BARE_LITERAL,     /* name = 'a' OR 'a' */
    RULE_LOGIC_IN_VALUE,   /* OR/AND where a value belongs: CONTAINS(c.x, '' OR true) */
    RULE_CHAINED_COMPARE,  /* price <= 1 != 11 */
    RULE_LITERAL_SUM,      /* name = '' - '' */
    RULE_COMMENT_TAIL,     /* --' AND c.y = 1: a comment that begins with the closing quote */
    RULE_COMMENT_QUOTE,    /* --' : nothing but the closing quote cut off */
    RULE_ORDER_CONSTANT,   /* ORDER BY 1,2 */
    RULE_SUBQUERY,         /* OR EXISTS(SELECT ...), = (SELECT ...) */
    RULE_BLIND,            /* AND STARTSWITH(c.secret, 'a') */
    RULE_UDF,              /* AND udf.f() */
    RULE_SWALLOWED,        /* 'x\' AND c.pass = ' OR ...: a backslash that took the closing quote */
    RULE_SANDWICH,         /* c.a = 'x' OR c.b > 0 OR c.a = '': the half of a condition, to close what was opened */
    RULE_STUB,             /* ... OR c.price > 0 OR c.id = '': holds for nobody, and closes what was opened */
    RULE_NEEDLESS,         /* c.user = 'x' OR c.user = 'x' AND c.pass = 'y': the second half does not count any more */
    RULE_MIXED,            /* c.tenant = 'a' AND c.sku = 'x' OR c.tenant = 'b' */
    RULE_TWO_HANDS,        /* c["kind"] = 'x' OR c.admin = true: written in another way than what stands in front */
    /* can only be a probe */
    RULE_FOREIGN_WORD,     /* UNION SELECT, information_schema, SLEEP( */
    RULE_FOREIGN_CONTAINER,/* EXISTS(SELECT ... FROM users): a query sees one container */
    RULE_FOREIGN_MARK,     /* ' #, ' ; , ' / *  behind a broken-out string */
    RULE_BROKEN_TAUTOLOGY, /* OR '1'='1 in text that does not parse */
    RULE_TOOL_MARK,        /* sqlmap and friends */
    RULE_BROKEN,           /* does not parse; weak: a name with an apostrophe looks so too */
    RULE_COUNT
};

const char *sql_rule_name(enum sql_rule r);     /* "or-constant" */
const char *sql_rule_sentence(enum sql_rule r); /* "is always true", goes behind the quoted text */
const char *sql_rule_variant(enum sql_rule r);  /* ".Tautology" */
bool sql_rule_is_probe(enum sql_rule r);        /* cannot succeed in Cosmos DB */

struct sql_finding {
    enum sql_rule rule;
    int score;
    uint32_t first, last; /* tokens */
};

#define SQL_FINDINGS_MAX 12u

struct sql_judgement {
    enum sql_outcome outcome;
    bool is_masked;       /* the service replaced literals and names */
    bool is_name_break;   /* broken by an apostrophe inside a word: O'Neill */
    int score;            /* all findings together, 0..100 */
    struct sql_finding findings[SQL_FINDINGS_MAX];
    size_t findings_len;
};

/* Judge the statement in s->lex (already run); parses it into s->nodes. */
void sql_judge(struct sql_scratch *s, struct sql_judgement *ret);

/* Are literals and names replaced by the service (str1, ident1__10, p1)? */
bool sql_is_masked(const struct sql_lex *lex);
bool sql_is_masked_name(struct slice name);

#endif
