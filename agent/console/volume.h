/* volume.h - how much an account is read, hour by hour: a week as it usually is, and the newest day against it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONSOLE_VOLUME_H
#define COSMOWATCH_CONSOLE_VOLUME_H

#include "base/error.h"

struct baseline_hours;
struct buf;
struct view;

/* Of the account and its containers first, then of its readers, as many as a page has room for. */
MUST_CHECK int volume_add(struct view *v, const char *account, struct error *err);

/* Its two pictures, each with its words. */
void volume_add_week(struct buf *out, const struct baseline_hours *h);
void volume_add_day(struct buf *out, const struct baseline_hours *h);

#endif
