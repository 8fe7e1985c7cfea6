/* fit.h - foreign text made to fit a receiver: whole characters, marked when cut, one line, valid UTF-8.
 * A "character" is a code point; a byte sequence that is none counts as one, it becomes U+FFFD.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OUTPUT_FIT_H
#define COSMOWATCH_OUTPUT_FIT_H

#include "base/buf.h"
#include "base/slice.h"

#define FIT_MARK "..." /* ends a text that was cut, inside the limit */

/* Bytes of s that hold at most max characters. s.len when all do. */
size_t fit_bytes(struct slice s, size_t max_chars);

/* For formats of one line (CEF, LEEF). Control characters (C0, DEL, C1) and U+2028, U+2029 become spaces, and
 * so does `instead` (0: nothing does); spaces at both ends are left out. With keeps_lines CR and LF stay as
 * they are for the caller to escape, CR LF as one LF. At most max_chars characters are added; true when more
 * were there: the text then ends in FIT_MARK, or is cut short without it when the limit has no room. */
bool fit_line(struct buf *out, struct slice s, size_t max_chars, bool keeps_lines, char instead);

enum fit_family { FIT_NO_ADDRESS, FIT_IPV4, FIT_IPV6 };
enum fit_family fit_address(struct slice s); /* the whole text is an address, without zone or port */
bool fit_is_uuid(struct slice s);

/* "/subscriptions/{uuid}/resourceGroups/{group}/providers/{provider}/{type}/{name}" in any case. */
struct arm_id {
    struct slice subscription, group, provider, rest; /* rest: "databaseAccounts/shop-prod" */
};
bool arm_id_parse(struct slice id, struct arm_id *ret);
/* The same id in the case that Azure publishes; logs bring it in lower case, older SIEM content compares
 * with regard to case. */
void arm_id_add(struct buf *out, const struct arm_id *id);

#endif
