/* places.h - where the clients of an alert were, and where those of its account usually are: on a small map and in words.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONSOLE_PLACES_H
#define COSMOWATCH_CONSOLE_PLACES_H

#include "base/error.h"

struct alert;
struct view;

/* Nothing when the alert does not know where its clients were. */
MUST_CHECK int places_add_of_alert(struct view *v, const struct alert *a, struct error *err);
/* Nothing when no place is known. */
MUST_CHECK int places_add_of_account(struct view *v, const char *account, struct error *err);

#endif
