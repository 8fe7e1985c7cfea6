/* accounts.h - what the operator says about database accounts: tags and who owns them.
 *
 * Routes ask for tags (delivery/route.c); every alert carries the tags and the owner of its accounts as facts
 * accountTags and accountOwner, so that whoever gets it knows whom to call.
 *
 *     accounts:
 *       - { name: prod-orders, tags: [prod, pci], owner: payments@contoso.example }
 *
 * Read only after accounts_read: any thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ACCOUNTS_H
#define COSMOWATCH_ACCOUNTS_H

#include "alert/alert.h"

struct accounts;
struct settings_errors;
struct yaml_node;

/* `list`: the node of `accounts:`, or NULL for none. What is wrong goes to errors, all of it; then -1. */
MUST_CHECK int accounts_read(const struct yaml_node *list, struct accounts **ret, struct settings_errors *errors);
void accounts_free(struct accounts *a);
/* All of these take NULL for no accounts. */
size_t accounts_len(const struct accounts *a);
const char *accounts_name(const struct accounts *a, size_t i);
bool accounts_has_tag(const struct accounts *a, size_t i, const char *tag); /* case does not count */
/* Tag number n over all accounts, repeats and all; NULL after the last. */
const char *accounts_tag_at(const struct accounts *a, size_t n);
/* Add to the alert what is known of its accounts. */
MUST_CHECK int accounts_label(const struct accounts *a, struct alert *alert, struct error *err);

#endif
