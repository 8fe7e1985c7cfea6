/* query_case.h - what became of one statement of one client: what it says by itself, held against what the
 * client is known for. Each dialect fills one (sql_case.c, query_judge.c, mongo_case.c), in a process apart
 * (statements.h): what is no text of the statement is a number. injection.c makes alerts of it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_QUERY_CASE_H
#define COSMOWATCH_QUERY_CASE_H

#include "alert/alert.h"
#include "detectors/kit/query_history.h"

enum query_verdict {
    VERDICT_ORDINARY,
    VERDICT_BROKEN,   /* does not parse and was refused: counts, alone it says nothing */
    VERDICT_PROBE,    /* an attack that cannot succeed or did not */
    VERDICT_ATTACK,   /* an attack whose form can succeed, and that ran */
    VERDICT_WIDENED,  /* an ordinary statement that asks for more than this client ever did */
};

enum query_run { RUN_OK, RUN_REFUSED, RUN_UNKNOWN }; /* by the request's status */

#define QUERY_FINDINGS_MAX 12u

/* Reasons that quote nothing. */
enum query_note {
    NOTE_NONE, NOTE_TAIL_IN_COMMENT, NOTE_OR_NEW_PROPERTY, NOTE_OR_OUTRANKS, NOTE_PROPERTY_FOR_VALUE, NOTE_UNSEEN_QUESTION,
    NOTE_SECRET_ADDED, NOTE_COMMENT_CUTS, NOTE_WHOLE_ITEMS, NOTE_LIMIT_GONE, NOTE_NEW_ALTERNATIVE, NOTE_NEW_STAGE,
    NOTE_OPERATOR_FOR_VALUE, NOTE_TOOL_MARK, NOTE_NEW_FORM, NOTE_COUNT
};

const char *query_note_text(enum query_note n);

/* A rule of either family: enum query_rule, or QUERY_RULE_SQL + enum sql_rule. */
#define QUERY_RULE_SQL 256u

struct query_finding_text {
    unsigned rule;
    struct slice text; /* of the statement */
};

bool query_finding_is(unsigned rule);               /* is there such a rule? */
const char *query_finding_name(unsigned rule);      /* "or-constant" */
const char *query_finding_sentence(unsigned rule);  /* goes behind the quoted text */

/* ".Tautology" ... as a number that another process understands, and back; 0 and NULL: none. */
unsigned query_variant_number(const char *variant);
const char *query_variant_of(unsigned number); /* NULL as well when there is no such number */

uint64_t query_text_id(struct slice text); /* what tells one text from another; NoSQL has its own (sql_case.h) */

struct query_case {
    enum query_verdict verdict;
    enum severity severity;    /* of an attack that ran; the rest is Low */
    int confidence;            /* 0..100 */
    const char *type;          /* catalogue id; NULL: the detector's usual one */
    const char *variant;       /* ".Tautology" ... */
    uint64_t id;               /* hash of the raw text */
    uint64_t base_shape;       /* the usual shape underneath, 0 unknown */
    bool is_extension;         /* a known shape with something put in */
    bool cuts_tail;            /* and the rest of it made a comment */
    bool is_masked;            /* the service replaced literals and names */
    bool is_known;             /* an ordinary statement of this client, by closed slots */
    bool is_plain;             /* the text says nothing against itself, whoever sends it: its shape is all there is to it */
    struct slice inserted;     /* what was put in; empty unless is_extension */
    struct slice statement;    /* unwrapped */
    struct query_finding_text findings[QUERY_FINDINGS_MAX];
    size_t findings_len;
    enum query_note note;
    uint64_t series;           /* not 0: the text is one guess of a series about this (query_window.h) */
    const char *series_type;   /* and the catalogue id of the series */
    int64_t known_shapes, history_days; /* of the client; 0: not said */
    struct query_lesson lesson;/* shape, words and grade, to be learned; requests and bytes are the caller's */
};

#endif
