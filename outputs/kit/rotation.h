/* rotation.h - a file that grows is set aside under a name with the time, compressed, and after a while removed.
 *
 *     alerts.json                                the one that is written
 *     alerts.json-20260801T120000Z               set aside; a second one of that second gets -01
 *     alerts.json-20260801T110000Z.gz            compressed
 *
 * A crash loses and doubles nothing: the compressed copy is on the disk under its own name before the plain one is
 * removed, and rotation_tidy(), called when a file is opened and after each rotation, ends what a crash left half done:
 * a plain one alone is compressed, one that has its compressed copy beside it is removed, an unfinished copy is removed.
 * One program may write and rotate a path; readers may have it open.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OUTPUT_ROTATION_H
#define COSMOWATCH_OUTPUT_ROTATION_H

#include "base/error.h"
#include "settings/option.h"

#include <sys/stat.h>

struct rotation {
    int64_t size; /* bytes, 0: by size never */
    int64_t age_ms;
    int64_t keep; /* files set aside */
    bool gzip;
};

extern const struct option_spec rotation_options[];

/* Is the file to be set aside before `more` bytes are added? By age: when it was last written in an earlier span of
 * age_ms (counted from 1970, so that a day is a day of UTC), whatever restarts were in between. Never when empty. */
bool rotation_is_due(const struct rotation *r, const struct stat *st, size_t more, int64_t now_ns);
/* Set `path` aside; what it names is on the disk afterwards. The caller has it synced and opens it anew. */
MUST_CHECK int rotation_set_aside(const char *path, int64_t now_ns, struct error *err);
/* Compress, end what a crash left, remove the oldest beyond `keep`. What could not be done is done at the next call. */
MUST_CHECK int rotation_tidy(const struct rotation *r, const char *path, struct error *err);

#endif
