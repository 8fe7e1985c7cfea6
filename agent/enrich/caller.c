/* caller.c - see caller.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/caller.h"

static const struct {
    const char *name;
    enum key_kind kind;
} words[] = {
    { .name = "PrimaryMasterKey", .kind = KEY_READ_WRITE },
    { .name = "SecondaryMasterKey", .kind = KEY_READ_WRITE },
    { .name = "PrimaryReadonlyMasterKey", .kind = KEY_READ_ONLY },
    { .name = "SecondaryReadonlyMasterKey", .kind = KEY_READ_ONLY },
    { .name = "AadToken", .kind = KEY_ENTRA },
    { .name = "ResourceToken", .kind = KEY_RESOURCE_TOKEN },
    { .name = "SystemReadOnly", .kind = KEY_SERVICE },
    { .name = "SystemReadWrite", .kind = KEY_SERVICE },
    { .name = "SystemAll", .kind = KEY_SERVICE },
    { .name = "Invalid", .kind = KEY_UNSAID },
};

enum key_kind key_kind_parse(struct slice word, const char **ret_name)
{
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!slice_eq_nocase(word, slice_of(words[i].name)))
            continue;
        if (ret_name)
            *ret_name = words[i].kind == KEY_UNSAID ? "" : words[i].name;
        return words[i].kind;
    }
    if (ret_name)
        *ret_name = "";
    return slice_empty(word) ? KEY_UNSAID : KEY_OTHER;
}
