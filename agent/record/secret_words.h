/* secret_words.h - words of the operations of Azure Resource Manager that hand out secrets, whoever's.
 *
 * An operation is named "provider/type/.../word/action"; that a script collects secrets shows in the words, over all
 * providers. One list, since what is asked of the workspace, what is judged and what an alert's query shows must be
 * the same rows.
 * Source: Azure RBAC permissions reference; the services that NetSPI/MicroBurst's Get-AzPasswords.ps1 empties.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SECRET_WORDS_H
#define COSMOWATCH_SECRET_WORDS_H

/* Whole words, as KQL's `has` takes them; in any case. */
#define SECRET_WORDS(FIRST, MORE)                                                                  \
    FIRST("listkeys") MORE("readonlykeys") MORE("listconnectionstrings") MORE("listadminkeys")     \
    MORE("listquerykeys") MORE("listcredentials") MORE("listcredential") MORE("listsecrets")       \
    MORE("listaccountsas") MORE("listservicesas") MORE("publishxml") MORE("listclusteradmincredential")

#define SECRET_WORD_FIRST(word) word
#define SECRET_WORD_NEXT(word) , word
#define SECRET_WORDS_ARRAY SECRET_WORDS(SECRET_WORD_FIRST, SECRET_WORD_NEXT) /* "a", "b" */

#define SECRET_WORD_QUOTED(word) "\"" word "\""
#define SECRET_WORD_LISTED(word) ", \"" word "\""
#define SECRET_WORDS_KQL SECRET_WORDS(SECRET_WORD_QUOTED, SECRET_WORD_LISTED) /* the same, one text */

#endif
