/* scan_text.h - does a statement ask for everything? By its words alone, in every dialect of Cosmos DB.
 *
 * No parser: a word that narrows (WHERE, LIMIT, a filter) is enough to say no, so what is missed is a statement
 * that only looks narrow ("WHERE 1=1" is the injection detector's). Literals may be masked: words remain.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_SCAN_TEXT_H
#define COSMOWATCH_KIT_SCAN_TEXT_H

#include "fold/observation.h"

enum scan_form { SCAN_NONE, SCAN_SQL, SCAN_CQL, SCAN_CQL_FILTERING, SCAN_CQL_TOKENS, SCAN_MONGO_FIND, SCAN_MONGO_AGGREGATE,
                 SCAN_MONGO_COPY, SCAN_GREMLIN, SCAN_TABLE, SCAN_FORMS };

/* How the statement of this OBS_TEXT reads a whole container; SCAN_NONE: it does not. */
enum scan_form scan_text_form(const struct observation *obs);
const char *scan_form_words(enum scan_form f); /* "find without a filter" */

#endif
