/* fuzz_user_agent - any bytes as the words by which a caller names itself, its key and its place.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/caller.h"
#include "enrich/country.h"
#include "enrich/user_agent.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(user_agent)
{
    char *exact = fuzz_padded(slice_make((const char *)data, size), 0);
    struct slice text = slice_make(exact, size);
    struct user_agent agent, again;

    user_agent_parse(text, &agent);
    PROMISE(agent.family && (agent.family[0] == '\0') == slice_empty(slice_trim(text)));
    fuzz_touch(agent.product);
    fuzz_touch(agent.version);
    fuzz_touch(agent.platform);
    PROMISE(fuzz_is_within(agent.version, text) && fuzz_is_within(agent.platform, text));
    user_agent_parse(text, &again);
    PROMISE(agent.family == again.family && agent.kind == again.kind && slice_eq(agent.product, again.product));
    (void)key_kind_parse(text, NULL);
    free(exact);
    return 0;
}
