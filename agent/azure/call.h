/* call.h - one request to an Azure API with a token, renewed once when it is refused.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CALL_H
#define COSMOWATCH_CALL_H

#include "azure/azure.h"

/* Fills req->bearer. 0 with any status; a 401 is then one that a new token did not cure. */
MUST_CHECK int azure_call(struct azure_credential *c, const struct services *sv, const char *scope,
                          struct http_request *req, struct http_answer *ret, struct error *err);
/* ERR_... with "HTTP <status> <inner code>: '<message>'; <hint> (request <id>)": always -1. retry_after_ms is
 * taken from the answer. hint: what to do about it, "" for none. */
int azure_call_refused(const struct http_answer *a, enum error_code code, const char *hint,
                       const char *request_id, struct error *err);

#endif
