/* caller.c - see caller.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/caller.h"

static const struct {
    struct slice name;
    enum key_kind kind;
} words[] = {
    { .name = SL("PrimaryMasterKey"), .kind = KEY_READ_WRITE },
    { .name = SL("SecondaryMasterKey"), .kind = KEY_READ_WRITE },
    { .name = SL("PrimaryReadonlyMasterKey"), .kind = KEY_READ_ONLY },
    { .name = SL("SecondaryReadonlyMasterKey"), .kind = KEY_READ_ONLY },
    { .name = SL("AadToken"), .kind = KEY_ENTRA },
    { .name = SL("ResourceToken"), .kind = KEY_RESOURCE_TOKEN },
    { .name = SL("SystemReadOnly"), .kind = KEY_SERVICE },
    { .name = SL("SystemReadWrite"), .kind = KEY_SERVICE },
    { .name = SL("SystemAll"), .kind = KEY_SERVICE },
    { .name = SL("Invalid"), .kind = KEY_UNSAID },
};

enum key_kind key_kind_parse(struct slice word, const char **ret_name)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!slice_eq_nocase(word, words[i].name))
            continue;
        if (ret_name)
            *ret_name = words[i].kind == KEY_UNSAID ? "" : words[i].name.at;
        return words[i].kind;
    }
    if (ret_name)
        *ret_name = "";
    return slice_empty(word) ? KEY_UNSAID : KEY_OTHER;
}
