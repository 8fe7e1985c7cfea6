/* html.h - pieces of a page. Everything that is not a literal of ours goes through html_add, which also shows control
 * bytes and direction marks as what they are.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONSOLE_HTML_H
#define COSMOWATCH_CONSOLE_HTML_H

#include "base/buf.h"

struct view;

void html_add(struct buf *out, struct slice text);           /* as text or as the value of a quoted attribute */
void html_add_buf(struct buf *out, const struct buf *part); /* its text, and its refusal */
void html_add_str(struct buf *out, const char *text);
void html_add_lines(struct buf *out, struct slice text);     /* newlines stay: for <pre> */
void html_add_url(struct buf *out, struct slice text);       /* percent-encoded, then safe in a quoted attribute */
void html_add_time(struct buf *out, int64_t ns);             /* <time>, to the second; "never" for 0 */
void html_add_severity(struct buf *out, int severity);       /* a coloured word */
void html_begin(struct view *v, const char *title, const char *tab);
void html_end(struct view *v);

#endif
