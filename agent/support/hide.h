/* hide.h - what an installation says of itself, made fit for a stranger's eyes.
 *
 * Nothing is shown because nobody thought of hiding it: numbers, truth values and times are, and of texts those alone that
 * the program itself made up. Everything else is a name with a number, the same text the same number. One thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_HIDE_H
#define COSMOWATCH_HIDE_H

#include "base/buf.h"

struct hide;
struct json_object;

struct hide *hide_new(void); /* NULL without memory */
void hide_freep(struct hide **h);
/* A word of the program's own: shown wherever it is the whole text. */
MUST_CHECK int hide_keep(struct hide *h, const char *word, struct error *err);

/* A JSON text: "failing", "2026-11-26T00:00:00Z", "name-3"; null for NULL. */
void hide_add_text(struct hide *h, struct buf *out, const char *text);
/* A sentence as a JSON text: the words that failures are told in and short numbers, "..." for what stands between them. */
void hide_add_sentence(struct buf *out, const char *text);
/* A value of the program's own making, its keys with it; `sentences`: the keys whose texts are sentences, NULL-terminated. */
void hide_add_json(struct hide *h, struct buf *out, struct json_object *value, const char *const *sentences);

#endif
