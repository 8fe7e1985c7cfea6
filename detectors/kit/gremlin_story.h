/* gremlin_story.h - what the steps of a traversal say together, one after the other.
 *
 * A single step is ordinary: people filter, change and start again every day. What was put in through a value
 * shows in how the steps follow each other, because two authors wrote them: a property is changed and then
 * the search goes on, the same property is asked for twice, a filter on a name that no property has closes
 * what was opened. Pure; the steps are the parser's (gremlin_read.c), a bounded number of them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_GREMLIN_STORY_H
#define COSMOWATCH_GREMLIN_STORY_H

#include "detectors/kit/query_reading.h"

#define GREMLIN_STEPS_MAX 64u

struct gremlin_step { /* of the outermost traversal */
    struct slice name;
    uint32_t tok, last; /* tokens */
    uint8_t args;
    bool denies;          /* neq('z'), without(...) in its arguments */
    bool drops, changes;  /* a traversal in its arguments removes or changes elements */
    bool is_behind_value; /* something that may be a user's stands in front */
};

/* neq, gt, between, startingWith ...: what stands where a value is expected and is none. */
bool gremlin_is_predicate(struct slice name);

/* role, isAdmin. */
bool gremlin_gives_rights(struct slice property);

void gremlin_judge_story(struct query_reading *r, const struct gremlin_step *steps, size_t n);

#endif
