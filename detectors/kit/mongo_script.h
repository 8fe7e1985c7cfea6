/* mongo_script.h - what a piece of JavaScript in a MongoDB command says about who wrote it.
 *
 * An application that builds {"$where": "this.name == '" + input + "'"} sends one expression about the document. What
 * comes in through the input goes on behind a value: with an alternative that does not ask the document, with a second
 * statement, with a comment that swallows the rest; or it asks for secrets and stalls.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_MONGO_SCRIPT_H
#define COSMOWATCH_MONGO_SCRIPT_H

#include "base/slice.h"

/* Does the form of the code speak of an attacker? */
bool mongo_script_is_hostile(struct slice code, bool is_expression); /* of $where: it asks the document */

#endif
