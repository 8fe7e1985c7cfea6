/* term.h - text for a terminal or a log line: nothing foreign can move the cursor, colour, reorder or end
 * the line. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TERM_H
#define COSMOWATCH_TERM_H

#include "base/buf.h"

/* Append s with control bytes (C0, DEL, C1), bidirectional marks, line separators and invalid UTF-8 shown
 * as \u{..} or \x.. ; newlines and tabs too. */
void term_add_safe(struct buf *out, struct slice s);

enum term_style { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_RED, TERM_YELLOW, TERM_GREEN, TERM_CYAN };
/* "" unless colour is on. */
const char *term_style(bool is_colour, enum term_style s);
bool term_wants_colour(int fd); /* a terminal, NO_COLOR unset, TERM not dumb */
int term_width(int fd);         /* columns; 100 when unknown */
/* Append text wrapped at width, every line after the first indented. Breaks at blanks. */
void term_add_wrapped(struct buf *out, struct slice text, int first_column, int indent, int width);

#endif
