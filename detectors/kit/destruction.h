/* destruction.h - does a request destroy data, and how much can it take at once? By its own words.
 *
 * Data-plane rows say "Delete" and of what. The words of the Mongo, Cassandra, Gremlin and Table tables are not
 * published: there the verb inside the word decides, and where only the statement can tell (Gremlin's drop(), a
 * delete of everything) its first words do.
 *
 * Asked for every request, most of which delete nothing: those are known by a length and a letter, or by one
 * pass over a word.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_DESTRUCTION_H
#define COSMOWATCH_KIT_DESTRUCTION_H

#include "fold/observation.h"

enum destruction {
    DESTRUCTION_NONE,
    DESTRUCTION_DOCUMENTS, /* named ones, each a request */
    DESTRUCTION_ALL,       /* whatever a container or a partition holds, in one request */
    DESTRUCTION_CONTAINER, /* a container or table itself */
    DESTRUCTION_DATABASE,
};

/* Of an OBS_REQUEST, whatever became of it. */
enum destruction destruction_of_request(const struct observation *obs);
/* Of an OBS_TEXT: what the statement says and the operation's word does not. */
enum destruction destruction_of_text(const struct observation *obs);
const char *destruction_words(enum destruction d); /* "container deleted" */

/* Is it a name that extortionists give to what the victim is to find: README, HOW_TO_RECOVER ...? */
bool destruction_is_note_name(struct slice name);
/* Does this request put something into a container or database of such a name? */
bool destruction_is_note(const struct observation *obs);

#endif
