/* statements_wire.h - what goes between the agent and its reader about a statement. Internal to statements_apart.c and its
 * test.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_STATEMENTS_WIRE_H
#define COSMOWATCH_KIT_STATEMENTS_WIRE_H

#include "apart/inside.h"
#include "detectors/kit/query_asker.h"
#include "detectors/kit/query_case.h"

#define STATEMENT_BACK_MAX (APART_SLOT_BYTES / 2) /* of an unwrapped statement: far more than anything quotes */
#define STATEMENT_SHAPE_MAX ((size_t)64 << 10)

enum { STATEMENT_JUDGE, STATEMENT_PRINT };

struct statement_question { /* the text stands behind it */
    int32_t what, api, run, unused;
    struct query_facts facts;
};

struct statement_more { /* to be known of the client */
    uint32_t question, len;
    uint64_t what[QUERY_QUESTIONS_MAX];
};

struct statement_place { uint32_t at, len; };

struct statement_answer {
    int32_t failed; /* enum error_code; 0: none */
    int32_t is_left_out;
    int32_t verdict, severity, confidence, grade;
    uint32_t type, series_type, variant, note, flags, reach;
    uint64_t id, base_shape, series, shape, middle, with_list;
    struct statement_place statement; /* of the question's text; STATEMENT_TEXT_IS_COPY: of the text that came in front */
    struct statement_place inserted;  /* of the statement, as the findings' */
    uint32_t words_len, findings_len;
    struct { uint32_t rule; struct statement_place text; } findings[QUERY_FINDINGS_MAX];
    uint64_t words[QUERY_FIELDS_MAX];
};

enum { /* flags */
    STATEMENT_IS_EXTENSION = 1, STATEMENT_CUTS_TAIL = 2, STATEMENT_IS_MASKED = 4, STATEMENT_IS_KNOWN = 8,
    STATEMENT_IS_PLAIN = 16, STATEMENT_TEXT_IS_COPY = 32, STATEMENT_FLAGS = 64
};

#endif
