/* query_rules.c - see query_rules.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/query_rules.h"

static const struct { const char *name, *variant, *sentence; bool is_probe; } rules[Q_COUNT] = {
    [Q_NONE] = { .name = "none", .variant = ".PredicateBypass", .sentence = "" },
    [Q_COMMENT_TAIL] = { .name = "comment-tail", .variant = ".CommentTail",
                         .sentence = "is a comment that swallows the closing quote and the rest of the statement" },
    [Q_COMMENT_QUOTE] = { .name = "comment-quote", .variant = ".CommentTail", .sentence = "is a comment that swallows the closing quote" },
    [Q_OR_CONSTANT] = { .name = "or-constant", .variant = ".Tautology", .sentence = "is a condition that does not depend on the data" },
    [Q_OR_SELF] = { .name = "or-self", .variant = ".Tautology", .sentence = "compares a property with itself" },
    [Q_OR_ALWAYS] = { .name = "or-always", .variant = ".PredicateBypass", .sentence = "is true for (nearly) every entity" },
    [Q_CONSTANT_ANSWER] = { .name = "constant-answer", .variant = ".BlindBoolean",
                            .sentence = "is a constant behind a value: a probe for true and false answers" },
    [Q_BARE_LITERAL] = { .name = "bare-literal", .variant = ".PredicateBypass", .sentence = "uses a literal as a condition" },
    [Q_SANDWICH] = { .name = "sandwich", .variant = ".PredicateBypass", .sentence = "is the half of a condition, to close what was opened" },
    [Q_FOREIGN_WORD] = { .name = "foreign-word", .variant = ".ForeignDialect", .sentence = "belongs to another database's dialect", .is_probe = true },
    [Q_FOREIGN_MARK] = { .name = "foreign-mark", .variant = ".ForeignDialect",
                         .sentence = "ends or comments a statement in another dialect's way", .is_probe = true },
    [Q_BROKEN_TAUTOLOGY] = { .name = "broken-tautology", .variant = ".ForeignDialect",
                             .sentence = "is an always-true condition in a form that cannot run here", .is_probe = true },
    [Q_SECOND_STATEMENT] = { .name = "second-statement", .variant = ".SecondStatement",
                             .sentence = "begins a second statement behind a value", .is_probe = true },
    [Q_ENCODED] = { .name = "encoded", .variant = ".SyntaxErrors", .sentence = "is encoded for a web address or a page", .is_probe = true },
    [Q_CODE] = { .name = "code", .variant = ".ForeignDialect", .sentence = "is code or markup of something else", .is_probe = true },
    [Q_NUL] = { .name = "nul-byte", .variant = ".SyntaxErrors", .sentence = "has a NUL byte", .is_probe = true },
    [Q_LONE_QUOTE] = { .name = "lone-quote", .variant = ".SyntaxErrors", .sentence = "has a value that is nothing but a quote", .is_probe = true },
    [Q_BROKEN_OUT] = { .name = "broken-out", .variant = ".SyntaxErrors", .sentence = "goes on behind a value that was closed early", .is_probe = true },
    [Q_BROKEN] = { .name = "broken", .variant = ".SyntaxErrors", .sentence = "is where the statement stops to make sense", .is_probe = true },
    [Q_FILTERING] = { .name = "allow-filtering", .variant = ".Widening", .sentence = "lets the statement scan whole partitions" },
    [Q_TOKEN_RANGE] = { .name = "token-range", .variant = ".Widening", .sentence = "asks for a range over all partitions" },
    [Q_SYSTEM_READ] = { .name = "system-read", .variant = ".SystemTables", .sentence = "reads the catalogue of tables" },
    [Q_WIDE_RANGE] = { .name = "wide-range", .variant = ".Widening", .sentence = "is true for (nearly) every row" },
    [Q_DROP_INSIDE] = { .name = "drop-inside", .variant = ".Drop", .sentence = "drops elements in the middle of a traversal" },
    [Q_FRESH_START] = { .name = "fresh-start", .variant = ".Widening", .sentence = "starts again from all elements in the middle of a traversal" },
    [Q_DROP] = { .name = "drop", .variant = ".Drop", .sentence = "drops elements" },
    [Q_WRITE_STEP] = { .name = "write-step", .variant = ".Write", .sentence = "writes" },
    [Q_WIDE_STEP] = { .name = "wide-step", .variant = ".Widening", .sentence = "widens the traversal" },
    [Q_NOT_EQUAL] = { .name = "not-equal", .variant = ".Widening", .sentence = "is true for (nearly) every element" },
    [Q_ENDLESS] = { .name = "endless-walk", .variant = ".Widening", .sentence = "walks the graph over and over: it takes long and finds nearly everything" },
    [Q_LAMBDA] = { .name = "lambda", .variant = ".ForeignDialect", .sentence = "is a closure, which the service does not run", .is_probe = true },
    [Q_JAVA] = { .name = "java", .variant = ".ForeignDialect", .sentence = "reaches for the machine behind the script", .is_probe = true },
    [Q_SECRET_OPERATOR] = { .name = "secret-operator", .variant = ".Credential", .sentence = "compares a secret or a login name with an operator" },
    [Q_ALWAYS_OPERATOR] = { .name = "always-operator", .variant = ".Always", .sentence = "is true for (nearly) every document" },
    [Q_WIDE_OPERATOR] = { .name = "wide-operator", .variant = ".Widening", .sentence = "is an operator that widens the condition" },
    [Q_GUESS_LIST] = { .name = "guess-list", .variant = ".Guess", .sentence = "is a list of guessed names" },
    [Q_PATTERN_ANY] = { .name = "pattern-any", .variant = ".AnyPattern", .sentence = "is a pattern that (nearly) everything matches" },
    [Q_PATTERN_GUESS] = { .name = "pattern-guess", .variant = ".Letter", .sentence = "asks for a first letter or a length" },
    [Q_EMPTY_OBJECT] = { .name = "empty-object", .variant = ".Object", .sentence = "is an empty object where a value belongs" },
    [Q_OPERATOR_IN_PATTERN] = { .name = "operator-in-pattern", .variant = ".Object", .sentence = "has an object where a pattern belongs" },
    [Q_DUPLICATE_KEY] = { .name = "duplicate-key", .variant = ".DuplicateKey", .sentence = "stands twice in one object: the last one wins" },
    [Q_SCRIPT] = { .name = "script", .variant = ".Script", .sentence = "is script code" },
    [Q_SCRIPT_HOSTILE] = { .name = "script-hostile", .variant = ".Script", .sentence = "is script code as attackers write it" },
    [Q_SCRIPT_IN_FIELD] = { .name = "script-in-field", .variant = ".Script", .sentence = "is a script operator where a value belongs" },
    [Q_WIDE_STAGE] = { .name = "wide-stage", .variant = ".Stage", .sentence = "takes all of another collection" },
    [Q_OTHER_COLLECTION] = { .name = "other-collection", .variant = ".Stage", .sentence = "reaches another collection" },
};

static enum query_rule clamp(enum query_rule r) { return r < Q_COUNT ? r : Q_NONE; }
const char *query_rule_name(enum query_rule r) { return rules[clamp(r)].name; }
const char *query_rule_sentence(enum query_rule r) { return rules[clamp(r)].sentence; }
const char *query_rule_variant(enum query_rule r) { return rules[clamp(r)].variant; }
bool query_rule_is_probe(enum query_rule r) { return rules[clamp(r)].is_probe; }
