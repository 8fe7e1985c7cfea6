/* query_raw.h - a text that does not parse, judged without its grammar.
 *
 * A value that closed its quote early puts all following quotes out of step: what the lexer takes for a
 * string may be the attacker's code, and the other way round. So the words are cut once more with quotes as
 * blanks, and what other databases' attacks look like is looked for in all of it, behind the first quote.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_QUERY_RAW_H
#define COSMOWATCH_QUERY_RAW_H

#include "detectors/kit/query_reading.h"

void query_judge_raw(struct query_reading *r);
void query_found_at(struct query_reading *r, enum query_rule rule, int score, uint32_t at, uint32_t len);

#endif
