/* assets.h - the files that pages need: a style sheet, a little script, an icon. Part of the program: nothing is read
 * from disk, nothing from elsewhere.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONSOLE_ASSETS_H
#define COSMOWATCH_CONSOLE_ASSETS_H

#include "base/slice.h"

struct asset {
    const char *path, *type;
    struct slice bytes;
};

const struct asset *assets_find(const char *path); /* NULL: no such */

#endif
