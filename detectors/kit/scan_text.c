/* scan_text.c - see scan_text.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/scan_text.h"

#define TEXT_MAX 8192 /* a word that narrows stands near the front, or the text is no simple scan */

static bool has(struct slice text, const char *word)
{
    return slice_find_nocase(text, slice_of(word)) != SIZE_MAX;
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* As a word of its own: "where", not "somewhere". */
static bool has_word(struct slice text, const char *word)
{
    size_t len = strlen(word), at;

    for (; (at = slice_find_nocase(text, slice_make(word, len))) != SIZE_MAX;
         text = slice_make(text.at + at + len, text.len - at - len)) {
        bool starts = at == 0 || !is_word_byte(text.at[at - 1]);
        bool ends = at + len == text.len || !is_word_byte(text.at[at + len]);

        if (starts && ends)
            return true;
        if (!starts && at + len < text.len && text.at[at - 1] == '\\' && ends)
            return true; /* "\nWHERE" in a JSON text: the n is no letter of it */
    }
    return false;
}

/* "\n", "\t" and "\r" of a JSON text before the word. */
static bool has_sql_word(struct slice text, const char *word)
{
    size_t len = strlen(word), at;

    if (has_word(text, word))
        return true;
    for (; (at = slice_find_nocase(text, slice_make(word, len))) != SIZE_MAX;
         text = slice_make(text.at + at + len, text.len - at - len)) {
        if (at >= 2 && text.at[at - 2] == '\\' && (at + len == text.len || !is_word_byte(text.at[at + len])))
            return true;
    }
    return false;
}

static enum scan_form scan_of_sql(struct slice text)
{
    if (!has_sql_word(text, "select") || !has_sql_word(text, "from") || has_sql_word(text, "where") ||
        has_sql_word(text, "top") || has_sql_word(text, "limit"))
        return SCAN_NONE;
    return SCAN_SQL;
}

static enum scan_form scan_of_cql(const struct observation *obs, struct slice text)
{
    if (!has_word(text, "select") || slice_starts_nocase(obs->text[F_DATABASE], SL("system")) || has(text, "system_schema") ||
        has(text, "system."))
        return SCAN_NONE;
    if (has(text, "allow filtering"))
        return SCAN_CQL_FILTERING;
    if (has(text, "where token(") || has(text, "where token ("))
        return SCAN_CQL_TOKENS;
    return has_word(text, "where") || has_word(text, "limit") ? SCAN_NONE : SCAN_CQL;
}

/* What stands behind a key of a JSON-like document ("filter": { }), blanks skipped; empty when there is no such key. */
static struct slice behind_key(struct slice text, const char *key)
{
    size_t at = slice_find_nocase(text, slice_of(key));

    if (at == SIZE_MAX)
        return (struct slice){ 0 };
    at += strlen(key);
    while (at < text.len && (text.at[at] == '"' || text.at[at] == '\'' || text.at[at] == ':' || text.at[at] == ' '))
        at++;
    return slice_make(text.at + at, text.len - at);
}

static bool is_empty_document(struct slice s)
{
    size_t at = 1;

    if (s.len < 2 || s.at[0] != '{')
        return false;
    while (at < s.len && (s.at[at] == ' ' || s.at[at] == '\n' || s.at[at] == '\t'))
        at++;
    return at < s.len && s.at[at] == '}';
}

static enum scan_form scan_of_mongo(struct slice text)
{
    struct slice filter = behind_key(text, "filter"), limit = behind_key(text, "limit");

    if (has(text, "$changeStream") || (limit.len && limit.at[0] >= '1' && limit.at[0] <= '9'))
        return SCAN_NONE;
    if (has(text, "aggregate") && has(text, "pipeline")) {
        if (has(text, "$match") || has(text, "$limit") || has(text, "$count"))
            return SCAN_NONE;
        return has(text, "$out") || has(text, "$merge") ? SCAN_MONGO_COPY : SCAN_MONGO_AGGREGATE;
    }
    if (!has_word(text, "find"))
        return SCAN_NONE;
    return filter.len == 0 || is_empty_document(filter) ? SCAN_MONGO_FIND : SCAN_NONE;
}

static enum scan_form scan_of_gremlin(struct slice text)
{
    if (!has(text, "g.V()") && !has(text, "g.E()"))
        return SCAN_NONE;
    if (has(text, ".has") || has(text, ".limit(") || has(text, ".count(") || has(text, ".range(") || has(text, ".is("))
        return SCAN_NONE;
    return SCAN_GREMLIN;
}

static enum scan_form scan_of_table(struct slice text)
{
    return has(text, "filter") || has(text, "PartitionKey") || has(text, "top") ? SCAN_NONE : SCAN_TABLE;
}

enum scan_form scan_text_form(const struct observation *obs)
{
    struct slice text = obs->text[F_QUERY_TEXT];

    if (text.len > TEXT_MAX)
        text.len = TEXT_MAX;
    switch (obs->api) {
    case API_MONGODB:
        return scan_of_mongo(text);
    case API_CASSANDRA:
        return scan_of_cql(obs, text);
    case API_GREMLIN:
        return scan_of_gremlin(text);
    case API_TABLE:
        return obs->table == TABLE_TABLE_API ? scan_of_table(text) : scan_of_sql(text);
    case API_UNKNOWN:
    case API_NOSQL:
    case API_COUNT:
        break;
    }
    return scan_of_sql(text);
}

const char *scan_form_words(enum scan_form f)
{
    static const char *const words[SCAN_FORMS] = {
        [SCAN_NONE] = "",
        [SCAN_SQL] = "a query without WHERE, TOP or LIMIT",
        [SCAN_CQL_FILTERING] = "ALLOW FILTERING",
        [SCAN_CQL_TOKENS] = "a range of tokens instead of keys",
        [SCAN_CQL] = "a query without WHERE or LIMIT",
        [SCAN_MONGO_COPY] = "an aggregation without $match that copies its result",
        [SCAN_MONGO_AGGREGATE] = "an aggregation without $match",
        [SCAN_MONGO_FIND] = "find without a filter",
        [SCAN_GREMLIN] = "a traversal from g.V() without a condition",
        [SCAN_TABLE] = "a table query without a filter",
    };

    return words[f];
}
