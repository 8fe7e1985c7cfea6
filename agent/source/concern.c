/* concern.c - see concern.h.
 *
 * Of the activity log: everything about an account; who may do what; what blinds the monitoring itself;
 * and key listing at any provider, since a script that empties a subscription does not stop at Cosmos DB.
 * Operation names change case between releases, so all of it is compared without case.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/concern.h"

#include "base/buf.h"
#include "record/secret_words.h"

/* In order: rights, monitoring, the workspace that we read. */
static const char *const operations[] = {
    "microsoft.authorization/roleassignments/write",
    "microsoft.authorization/roleassignments/delete",
    "microsoft.authorization/roledefinitions/write",
    "microsoft.authorization/elevateaccess/action",
    "microsoft.authorization/locks/delete",
    "microsoft.insights/diagnosticsettings/write",
    "microsoft.insights/diagnosticsettings/delete",
    "microsoft.insights/actiongroups/delete",
    "microsoft.insights/scheduledqueryrules/delete",
    "microsoft.insights/activitylogalerts/delete",
    "microsoft.security/pricings/write",
    "microsoft.security/alertssuppressionrules/write",
    "microsoft.security/automations/delete",
    "microsoft.operationalinsights/workspaces/write",
    "microsoft.operationalinsights/workspaces/delete",
    "microsoft.operationalinsights/workspaces/tables/write",
    "microsoft.operationalinsights/workspaces/tables/delete",
};

/* Words of operations that hand out secrets, whoever's, or make them anew. */
static const char *const key_words[] = { SECRET_WORDS_ARRAY, "regeneratekey" };

static const char *const sentinel_words[] = { "write", "delete" };

#define PROVIDER "microsoft.documentdb"
#define SENTINEL "microsoft.securityinsights/"
#define ALERT_WORD "cosmosdb"

static void add_words(struct buf *out, const char *const *words, size_t n)
{
    buf_add_char(out, '(');
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s\"%s\"", i == 0 ? "" : i % 4 == 0 ? ",\n            " : ", ", words[i]);
    buf_add_char(out, ')');
}

void concern_add_activity_filter(struct buf *out)
{
    buf_add_str(out, "    | where OperationNameValue startswith \"" PROVIDER "/\"\n"
                     "        or tostring(column_ifexists(\"_ResourceId\", \"\")) has \"" PROVIDER "\"\n"
                     "        or OperationNameValue in~ ");
    add_words(out, operations, ARRAY_LEN(operations));
    buf_add_str(out, "\n        or (OperationNameValue startswith \"" SENTINEL "\" and OperationNameValue has_any ");
    add_words(out, sentinel_words, ARRAY_LEN(sentinel_words));
    buf_add_str(out, ")\n        or OperationNameValue has_any ");
    add_words(out, key_words, ARRAY_LEN(key_words));
    buf_add_char(out, '\n');
}

void concern_add_alert_filter(struct buf *out)
{
    buf_add_str(out, "    | where AlertType contains \"" ALERT_WORD "\"\n"
                     "        or tostring(column_ifexists(\"ResourceId\", \"\")) has \"" PROVIDER "\"\n");
}

static bool is_word_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

/* KQL's `has`: the words stand between bytes that are neither letters nor digits. */
static bool has(struct slice text, const char *words)
{
    struct slice w = slice_of(words);

    for (size_t from = 0; from + w.len <= text.len;) {
        size_t at = slice_find_nocase(slice_make(text.at + from, text.len - from), w), end;

        if (at == SIZE_MAX)
            return false;
        at += from;
        end = at + w.len;
        if ((at == 0 || !is_word_byte(text.at[at - 1])) && (end == text.len || !is_word_byte(text.at[end])))
            return true;
        from = at + 1;
    }
    return false;
}

static bool has_any(struct slice text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (has(text, words[i]))
            return true;
    return false;
}

static bool activity_concerns(const struct record *rec)
{
    struct slice op = rec->text[F_OPERATION];

    if (slice_starts_nocase(op, SL(PROVIDER "/")) || has(rec->text[F_RESOURCE_ID], PROVIDER))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(operations); i++)
        if (slice_eq_nocase(op, slice_of(operations[i])))
            return true;
    if (slice_starts_nocase(op, SL(SENTINEL)) && has_any(op, sentinel_words, ARRAY_LEN(sentinel_words)))
        return true;
    return has_any(op, key_words, ARRAY_LEN(key_words));
}

bool concern_has(const struct record *rec)
{
    if (rec->table == TABLE_ACTIVITY)
        return activity_concerns(rec);
    if (rec->table == TABLE_SECURITY_ALERT)
        return slice_find_nocase(rec->text[F_OPERATION], SL(ALERT_WORD)) != SIZE_MAX ||
               has(rec->text[F_RESOURCE_ID], PROVIDER);
    return true;
}
