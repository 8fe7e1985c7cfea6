/* bare.h - how fast the JSON library itself reads the same bytes: every value touched, nothing kept.
 * The yardstick of the benchmark.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_BARE_H
#define COSMOWATCH_BARE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bare;
struct bare *bare_new(void);
void bare_free(struct bare *b);
/* A checksum over all cells of the rows (lengths of texts, numbers); 0 when the parse failed. */
uint64_t bare_dom(struct bare *b, const char *at, size_t len);
uint64_t bare_ondemand(struct bare *b, const char *at, size_t len);
const char *bare_kernel(void); /* which instructions the library chose */

#ifdef __cplusplus
}
#endif

#endif
