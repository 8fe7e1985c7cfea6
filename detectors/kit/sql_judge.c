/* sql_judge.c - the rules, and how findings add up. See sql_judge.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/sql_judge_parts.h"

static const struct { const char *name, *sentence; bool is_probe;
} rules[RULE_COUNT] = {
    [RULE_NONE] = { .name = "none", .sentence = "" },
    [RULE_OR_CONSTANT] = { .name = "or-constant", .sentence = "is a condition that does not depend on the data" },
    [RULE_OR_SELF] = { .name = "or-self",
                       .sentence = "compares a property with itself: true for every item that has it" },
    [RULE_OR_ALWAYS] = { .name = "or-always", .sentence = "is true for every ordinary item" },
    [RULE_CONSTANT_ANSWER] = { .name = "constant-answer",
                               .sentence = "is a constant behind a value: a probe for true and false answers" },
    [RULE_BARE_LITERAL] = { .name = "bare-literal", .sentence = "uses a value as a condition" },
    [RULE_LOGIC_IN_VALUE] = { .name = "logic-in-value", .sentence = "has a condition where a value belongs" },
    [RULE_CHAINED_COMPARE] = { .name = "chained-compare",
                               .sentence = "compares the result of a comparison with a literal" },
    [RULE_LITERAL_SUM] = { .name = "literal-sum", .sentence = "calculates with text literals" },
    [RULE_COMMENT_TAIL] = { .name = "comment-tail",
                            .sentence =
                                "is a comment that swallows the closing quote and the rest of the statement" },
    [RULE_COMMENT_QUOTE] = { .name = "comment-quote", .sentence = "is a comment that swallows the closing quote" },
    [RULE_ORDER_CONSTANT] = { .name = "order-constant", .sentence = "orders by a constant: a column count probe" },
    [RULE_SUBQUERY] = { .name = "subquery", .sentence = "is a sub-query behind a value" },
    [RULE_BLIND] = { .name = "blind", .sentence = "asks about the content of a field letter by letter" },
    [RULE_UDF] = { .name = "udf", .sentence = "calls a user-defined function behind a value" },
    [RULE_SWALLOWED] = { .name = "swallowed",
                         .sentence = "is a value that ends at the opening quote of the next one" },
    [RULE_SANDWICH] = { .name = "sandwich", .sentence = "compares the property of the condition in front once more" },
    [RULE_STUB] = { .name = "stub", .sentence = "holds for no item: it closes what was opened" },
    [RULE_NEEDLESS] = { .name = "needless", .sentence = "are alternatives of which one makes the other needless" },
    [RULE_MIXED] = { .name = "mixed", .sentence = "is an alternative to conditions that were to hold together" },
    [RULE_TWO_HANDS] = { .name = "two-hands",
                         .sentence = "names its property in another way than the conditions in front of it" },
    [RULE_FOREIGN_WORD] = { .name = "foreign-word",
                            .sentence = "belongs to another database's dialect",
                            .is_probe = true },
    [RULE_FOREIGN_CONTAINER] = { .name = "foreign-container",
                                 .sentence = "reads a container that a query cannot see",
                                 .is_probe = true },
    [RULE_FOREIGN_MARK] = { .name = "foreign-mark",
                            .sentence = "ends or comments a statement in another dialect's way",
                            .is_probe = true },
    [RULE_BROKEN_TAUTOLOGY] = { .name = "broken-tautology",
                                .sentence = "is an always-true condition in text that does not parse",
                                .is_probe = true },
    [RULE_TOOL_MARK] = { .name = "tool-mark", .sentence = "is the mark of an attack tool", .is_probe = true },
    [RULE_BROKEN] = { .name = "broken", .sentence = "is where the statement stops to make sense", .is_probe = true },
};

const char *sql_rule_name(enum sql_rule r) { return rules[r < RULE_COUNT ? r : RULE_NONE].name; }
const char *sql_rule_sentence(enum sql_rule r) { return rules[r < RULE_COUNT ? r : RULE_NONE].sentence; }
bool sql_rule_is_probe(enum sql_rule r) { return r < RULE_COUNT && rules[r].is_probe; }

const char *sql_rule_variant(enum sql_rule rule)
{
    switch (rule) {
    case RULE_OR_CONSTANT: case RULE_OR_SELF: return ".Tautology";
    case RULE_CONSTANT_ANSWER: case RULE_BLIND: return ".BlindBoolean";
    case RULE_SUBQUERY: return ".SubqueryProbe";
    case RULE_UDF: return ".UdfCall";
    case RULE_TOOL_MARK: return ".ToolMarks";
    case RULE_BROKEN: return ".SyntaxErrors";
    case RULE_FOREIGN_WORD: case RULE_FOREIGN_CONTAINER: case RULE_FOREIGN_MARK: case RULE_BROKEN_TAUTOLOGY:
        return ".ForeignDialect";
    case RULE_OR_ALWAYS: case RULE_BARE_LITERAL: case RULE_LOGIC_IN_VALUE: case RULE_CHAINED_COMPARE:
    case RULE_LITERAL_SUM: case RULE_SWALLOWED: case RULE_SANDWICH: case RULE_STUB: case RULE_TWO_HANDS:
    case RULE_NEEDLESS: case RULE_MIXED: case RULE_COMMENT_TAIL: case RULE_COMMENT_QUOTE:
    case RULE_ORDER_CONSTANT: case RULE_NONE: case RULE_COUNT: default: return ".PredicateBypass";
    }
}

void sql_found(struct judge *g, enum sql_rule rule, int score, uint32_t first, uint32_t last)
{
    struct sql_judgement *j = g->j;

    if (score <= 0)
        return;
    for (size_t i = 0; i < j->findings_len; i++)
        if (j->findings[i].rule == rule) { /* one of each rule: the strongest */
            if (score > j->findings[i].score)
                j->findings[i] = (struct sql_finding){ .rule = rule, .score = score, .first = first, .last = last };
            return;
        }
    if (j->findings_len < SQL_FINDINGS_MAX)
        j->findings[j->findings_len++] =
            (struct sql_finding){ .rule = rule, .score = score > 100 ? 100 : score, .first = first, .last = last };
}

static int combine(const struct sql_judgement *j)
{
    int rest = 10000; /* probability that none of the hints is right, in 1/10000 */

    for (size_t i = 0; i < j->findings_len; i++)
        rest = rest * (100 - j->findings[i].score) / 100;
    return 100 - rest / 100;
}

void sql_judge(struct sql_scratch *s, struct sql_judgement *ret)
{
    struct judge g = { .s = s, .j = ret };
    struct sql_tree tree = sql_parse(s);

    *ret = (struct sql_judgement){ .outcome = tree.outcome, .is_masked = sql_is_masked(&s->lex) };
    if (tree.outcome == SQL_OK)
        sql_judge_tree(&g);
    else
        sql_judge_broken(&g, &tree);
    sql_judge_comments(&g);
    sql_judge_foreign_words(&g);
    ret->score = combine(ret);
}
