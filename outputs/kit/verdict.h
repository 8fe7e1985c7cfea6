/* verdict.h - what an HTTP answer means for the alerts that were sent. One table for every output.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OUTPUT_VERDICT_H
#define COSMOWATCH_OUTPUT_VERDICT_H

#include "outputs/output.h"

struct http_answer;

/* The same verdict for all n, with the status and the beginning of the answer as reason; to be returned
 * from deliver(). 413: -1 with ERR_LIMIT, so that the batch is halved. */
MUST_CHECK int verdict_from_answer(const struct http_answer *answer, struct delivery_result *ret_each, size_t n,
                                   struct error *err);

#endif
