/* sql_mask.c - does the text hold what was asked, or what the service put in its place? sql_judge.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/sql_judge.h"

/* prefix + digits [ + "__" digits ] */
static bool is_mask(struct slice s, struct slice prefix)
{
    size_t i = prefix.len;
    size_t digits = 0;

    if (!slice_starts(s, prefix))
        return false;
    for (; i < s.len && s.at[i] >= '0' && s.at[i] <= '9'; i++)
        digits++;
    if (digits == 0)
        return false;
    if (i == s.len)
        return true;
    if (s.len - i < 3 || s.at[i] != '_' || s.at[i + 1] != '_')
        return false;
    for (i += 2; i < s.len; i++)
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    return true;
}

/* A string that names a property: c["name"], {"name": ...}. */
static bool is_property_string(const struct sql_lex *lex, size_t i)
{
    const struct sql_token *t = &lex->tokens[i];

    return (i > 1 && sql_token_is(t - 1, TOK_OP, OP_OPEN_INDEX) && sql_token_is(t + 1, TOK_OP, OP_CLOSE_INDEX)) ||
           sql_token_is(t + 1, TOK_OP, OP_COLON);
}

bool sql_is_masked_name(struct slice name)
{
    return is_mask(name, SL("ident")) || is_mask(name, SL("p")) || is_mask(name, SL("str"));
}

bool sql_is_masked(const struct sql_lex *lex)
{
    size_t masks = 0, plain = 0;

    for (size_t i = 0; i + 1 < lex->len; i++) {
        const struct sql_token *t = &lex->tokens[i];

        if (t->kind == TOK_STRING) {
            struct slice in = sql_string_inside(lex, t);
            bool is = is_mask(in, SL("str")) || is_mask(in, SL("p"));

            masks += is;
            plain += !is && in.len > 1 && !is_property_string(lex, i); /* short ones are left alone */
        } else if (t->kind == TOK_NAME && t->code == WORD_NONE) {
            struct slice in = sql_token_text(lex, t);

            masks += is_mask(in, SL("ident")) ||
                     (i > 0 && sql_token_is(t - 1, TOK_OP, OP_DOT) && is_mask(in, SL("p")));
        }
    }
    return masks > plain;
}
