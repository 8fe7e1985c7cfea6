/* sql_text.c - see sql_text.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/sql_text.h"

#include "base/buf.h"
#include "detectors/kit/sql_lex.h"

#include <json-c/json.h>

#define JSON_DEPTH_MAX 16 /* {"query":..., "parameters":[{"value": ...}]}: deeper values are read raw */
#define FAMILY_MAX 64

bool sql_text_init(struct sql_text *t)
{
    t->document = NULL;
    t->tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
    return t->tokener != NULL;
}

void sql_text_release(struct sql_text *t)
{
    if (t->document)
        json_object_put(t->document);
    if (t->tokener)
        json_tokener_free(t->tokener);
    *t = (struct sql_text){ 0 };
}

static bool parse_document(struct sql_text *t, struct slice raw)
{
    if (t->document)
        json_object_put(t->document);
    json_tokener_reset(t->tokener);
    t->document = json_tokener_parse_ex(t->tokener, raw.at, (int)raw.len);
    return t->document && json_tokener_get_error(t->tokener) == json_tokener_success;
}

struct slice sql_text_unwrap(struct sql_text *t, struct slice raw)
{
    struct slice text = slice_trim(raw);
    struct json_object *query = NULL;

    if (text.len < 2 || text.at[0] != '{' || text.len > 2 * SQL_TEXT_MAX || !parse_document(t, text))
        return raw;
    if (!json_object_object_get_ex(t->document, "query", &query) ||
        !json_object_is_type(query, json_type_string))
        return raw;
    return slice_make(json_object_get_string(query), (size_t)json_object_get_string_len(query));
}

/* ---- clients ------------------------------------------------------------------------------------ */

static bool is_version_start(char c)
{
    return (c >= '0' && c <= '9') || c == 'v';
}

/* Name of a "name/version" product, empty when the word is none. */
static struct slice product_of(struct slice word)
{
    size_t slash = slice_find(word, SL("/"));

    if (slash == SIZE_MAX || slash == 0 || slash + 1 >= word.len || !is_version_start(word.at[slash + 1]))
        return slice_make(NULL, 0);
    return slice_make(word.at, slash);
}

/* Behind the last bar of a .NET agent stands what the application calls itself. */
static struct slice application_of(struct slice ua)
{
    for (size_t i = ua.len; i > 0; i--)
        if (ua.at[i - 1] == '|')
            return slice_trim(slice_make(ua.at + i, ua.len - i));
    return slice_make(NULL, 0);
}

void sql_client_family(struct slice user_agent, struct buf *out)
{
    struct slice rest = slice_trim(user_agent), word, first = { 0 }, sdk = { 0 };

    if (slice_starts(rest, SL("Mozilla/"))) {
        buf_add_str(out, "browser");
        return;
    }
    while (slice_split(&rest, ' ', &word)) {
        struct slice product = product_of(word);

        if (product.len == 0)
            continue;
        if (first.len == 0)
            first = product;
        if (sdk.len == 0 && (slice_find_nocase(product, SL("cosmos")) != SIZE_MAX ||
                             slice_find_nocase(product, SL("documentdb")) != SIZE_MAX))
            sdk = product;
    }
    struct slice name = sdk.len ? sdk : first, application = application_of(slice_trim(user_agent));

    if (name.len == 0)
        name = slice_empty(slice_trim(user_agent)) ? SL("unknown") : slice_trim(user_agent);
    buf_add_slice(out, slice_cut(name, FAMILY_MAX));
    if (sdk.len && application.len && slice_find(application, SL("/")) == SIZE_MAX) {
        buf_add_char(out, ' ');
        buf_add_slice(out, slice_cut(application, FAMILY_MAX));
    }
}

/* ---- comments ----------------------------------------------------------------------------------- */

/* First byte of a comment that may belong to the statement again; `end` when nothing does. */
static size_t cut_end(struct slice text, size_t at, size_t end, enum sql_comment_cut cut)
{
    size_t i = at;

    while (i < end && strchr(" -+", text.at[i]) && text.at[i] != '\0')
        i++;
    while (cut == SQL_CUT_TO_BLANK && i < end && text.at[i] != ' ')
        i++;
    while (cut == SQL_CUT_TO_QUOTE && i < end && text.at[i] != '\'' && text.at[i] != '"')
        i++;
    return i < end && (text.at[i] == '\'' || text.at[i] == '"') ? i + 1 : i;
}

/* A comment on a line of its own is a person's: what is put in goes on behind a value. */
static bool has_own_line(struct slice text, size_t at)
{
    while (at > 0 && (text.at[at - 1] == ' ' || text.at[at - 1] == '\t'))
        at--;
    return at == 0 || text.at[at - 1] == '\n';
}

bool sql_text_open_comments(const struct sql_lex *lex, enum sql_comment_cut cut, struct buf *out)
{
    struct slice text = lex->text;
    bool opens = false;

    if (lex->comments_len == 0)
        return false;
    buf_clear(out);
    buf_add_slice(out, text);
    for (size_t k = 0; k < lex->comments_len && !out->failed; k++) {
        size_t i = lex->comments[k].at;

        if (has_own_line(text, i))
            continue;
        memset(out->at + i, ' ', cut_end(text, i, i + lex->comments[k].len, cut) - i);
        opens = true;
    }
    return opens && !out->failed;
}
