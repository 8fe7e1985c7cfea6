/* refusal.h - what Azure means by an error body. Pure.
 *
 * Microsoft says that neither AADSTS numbers nor texts are a contract: the HTTP status decides first, the
 * OAuth `error` second, and the numbers only add what an operator can do about it.
 * Source: "Microsoft Entra authentication and authorization error codes", Azure Monitor "Log Analytics
 * API - errors" (read 2026-08).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_REFUSAL_H
#define COSMOWATCH_REFUSAL_H

#include "net/http.h"

/* The token endpoint answered something else than 200: -1. skew_ns: its clock minus ours, 0 unknown. */
int refusal_of_token(const struct http_answer *a, int64_t skew_ns, struct error *err);

/* {"error": {code, message, innererror: {code, message, innererror ...}}}, to any depth. */
struct refusal {
    char code[64], inner_code[64];  /* outermost and innermost; "" when absent */
    char message[512];              /* of the innermost that has one */
    bool is_json;
};
void refusal_read(struct slice body, struct refusal *ret);

#endif
