/* query_case.c - see query_case.h: the words behind the numbers.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/query_case.h"

#include "base/map.h"
#include "detectors/kit/query_rules.h"
#include "detectors/kit/sql_judge.h"

static const char *const notes[NOTE_COUNT] = {
    [NOTE_TAIL_IN_COMMENT] = "the rest of this client's usual statement has become a comment",
    [NOTE_OR_NEW_PROPERTY] = "an OR on a property that this client never asked for was put into its usual statement",
    [NOTE_OR_OUTRANKS] =
        "an OR without brackets was put behind the conditions of its usual statement, which then hold no more",
    [NOTE_PROPERTY_FOR_VALUE] = "a property that this client never asked for stands where its usual statement has a value",
    [NOTE_UNSEEN_QUESTION] = "a question about a property that its usual statement asks nowhere was put into it; this "
                             "client has sent the same statements for weeks",
    [NOTE_SECRET_ADDED] = "a secret, or the whole item, that this client never asked for was put into the list of its usual "
                          "statement",
    [NOTE_COMMENT_CUTS] = "a comment cuts the statement off, and this client never sends comments",
    [NOTE_WHOLE_ITEMS] = "whole items are asked for where this client always named the properties",
    [NOTE_LIMIT_GONE] = "the limit that this client always sets is gone",
    [NOTE_NEW_ALTERNATIVE] =
        "an alternative on a property that this client never asked for was put into its usual statement",
    [NOTE_NEW_STAGE] = "this client never used such a stage",
    [NOTE_OPERATOR_FOR_VALUE] = "this client always compared the field with a plain value",
    [NOTE_TOOL_MARK] = "the user agent is the mark of an attack tool",
    [NOTE_NEW_FORM] = "no statement of this form was sent by this client before",
};

uint64_t query_text_id(struct slice text)
{
    return hash64(text.at, text.len, 0x6d656d31);
}

const char *query_note_text(enum query_note n)
{
    return n < NOTE_COUNT ? notes[n] : NULL;
}

/* ---- rules of two families ---------------------------------------------------------------------------- */

_Static_assert((unsigned)Q_COUNT <= QUERY_RULE_SQL, "the families' numbers are apart");

bool query_finding_is(unsigned rule)
{
    return rule < (unsigned)Q_COUNT || (rule >= QUERY_RULE_SQL && rule - QUERY_RULE_SQL < (unsigned)RULE_COUNT);
}

const char *query_finding_name(unsigned rule)
{
    return rule >= QUERY_RULE_SQL ? sql_rule_name((enum sql_rule)(rule - QUERY_RULE_SQL))
                                  : query_rule_name((enum query_rule)rule);
}

const char *query_finding_sentence(unsigned rule)
{
    return rule >= QUERY_RULE_SQL ? sql_rule_sentence((enum sql_rule)(rule - QUERY_RULE_SQL))
                                  : query_rule_sentence((enum query_rule)rule);
}

/* ---- variants: each rule has one, and some cases have their own ------------------------------------------ */

static const char *const own_variants[] = { ".ProjectionWidening", ".LimitRemoved" };

static const char *variant_at(unsigned i)
{
    if (i < (unsigned)Q_COUNT)
        return query_rule_variant((enum query_rule)i);
    i -= (unsigned)Q_COUNT;
    if (i < (unsigned)RULE_COUNT)
        return sql_rule_variant((enum sql_rule)i);
    i -= (unsigned)RULE_COUNT;
    return i < ARRAY_LEN(own_variants) ? own_variants[i] : NULL;
}

unsigned query_variant_number(const char *variant)
{
    const char *at;

    for (unsigned i = 0; variant && (at = variant_at(i)) != NULL; i++)
        if (strcmp(at, variant) == 0)
            return i + 1;
    return 0;
}

const char *query_variant_of(unsigned number)
{
    return number == 0 ? NULL : variant_at(number - 1);
}
