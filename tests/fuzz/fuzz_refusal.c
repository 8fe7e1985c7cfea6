/* fuzz_refusal - any bytes as what Azure's endpoints say: error envelopes, refusals of the token endpoint, tokens. The first
 * byte is the status. SPDX-License-Identifier: Apache-2.0 */
#include "azure/refusal.h"
#include "azure/token.h"
#include "net/http.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(refusal)
{
    static const int statuses[] = { 400, 401, 403, 404, 413, 429, 500, 503, 200, 302 };
    struct slice rest = slice_make((const char *)data, size);
    struct http_answer answer = { .status = statuses[fuzz_choose(&rest, ARRAY_LEN(statuses))] };
    struct refusal refusal;
    struct token token = { 0 };
    struct error err = { 0 };
    char *exact = fuzz_padded(rest, 0);

    refusal_read(slice_make(exact, rest.len), &refusal);
    PROMISE(strlen(refusal.message) < sizeof refusal.message && strlen(refusal.inner_code) < sizeof refusal.inner_code);
    answer.body = (struct buf){ .at = exact, .len = rest.len, .cap = rest.len, .max = rest.len };
    PROMISE(refusal_of_token(&answer, 0, &err) == -1 && err.code != ERR_NONE && err.msg[0]);
    for (const char *p = err.msg; *p; p++)
        PROMISE((unsigned char)*p >= 0x20 && *p != 0x7f);
    if (token_parse(slice_make(exact, rest.len), INT64_C(1787220000) * NS_PER_S, &token, &err) == 0)
        PROMISE(token.access.len > 0 && token.lifetime_ms >= 0 && token.renew_after_ms <= token.lifetime_ms);
    secret_release(&token.access);
    free(exact);
    return 0;
}
