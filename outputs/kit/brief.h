/* brief.h - an alert as people get it in chats and tickets: a title, why, and a few lines of who and what. Pure.
 *
 * Texts are foreign and unescaped, made fit for one line; the caller escapes for its markup.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OUTPUT_BRIEF_H
#define COSMOWATCH_OUTPUT_BRIEF_H

#include "base/buf.h"
#include "outputs/kit/gist.h"

#define BRIEF_LINES_MAX 10
#define BRIEF_VALUE_MAX 300 /* characters */

struct brief_line {
    const char *label;
    struct buf value;
};

struct brief {
    struct gist gist;
    struct buf title;           /* "High: Access from a Tor exit node (shop-prod)" */
    struct buf why;             /* a sentence or two with the numbers */
    struct brief_line lines[BRIEF_LINES_MAX];
    size_t lines_len;
};

/* title_max, why_max: characters. Points into itself: must not be copied. Release in any case. */
MUST_CHECK int brief_init(struct brief *b, const struct alert *a, size_t title_max, size_t why_max, struct error *err);
void brief_release(struct brief *b);

/* The same as plain text: why, an empty line, "label: value" lines, then what to do and the link. */
void brief_add_plain(struct buf *out, const struct brief *b);

#endif
