/* sql_judge_text.c - what can be told from the words alone: comments, other dialects, broken text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/sql_judge_parts.h"
#include "detectors/kit/sql_words.h"

/* ---- comments ----------------------------------------------------------------------------------- */

/* Does the text behind the quote go on like a statement? (`'90s only` does not.) */
static bool goes_on_like_a_statement(struct slice rest)
{
    static const char *const words[] = { "and", "or", "order", "group", "offset", "not", "in", "like", "as", "between" };

    while (rest.len > 0 && strchr(" \t\r%", rest.at[0]) && rest.at[0] != '\0')
        rest = slice_make(rest.at + 1, rest.len - 1);
    if (rest.len > 0 && strchr(",)]}=<>!+-*/|", rest.at[0]) && rest.at[0] != '\0')
        return true;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct slice w = slice_of(words[i]);

        if (slice_starts_nocase(rest, w) && (rest.len == w.len || strchr(" \t(", rest.at[w.len])))
            return true;
    }
    return false;
}

static bool has_condition(struct slice rest)
{
    for (size_t i = 0; i < rest.len; i++)
        if (rest.at[i] != '\0' && strchr("=<>([.", rest.at[i]))
            return true;
    return false;
}

#define FILLER_MAX 24u /* --x', -- done' */

/* Where the quote is that the value once ended with: behind the dashes, or behind a word that was put there in front of
 * it. *ret_has_filler: such a word. text.len when there is none. */
static size_t find_cut_quote(struct slice text, bool *ret_has_filler)
{
    size_t i = 0;

    *ret_has_filler = false;
    while (i < text.len && i < 4 && strchr(" -+%;)#/*", text.at[i]) && text.at[i] != '\0')
        i++;
    for (size_t end = i + FILLER_MAX; i < text.len && i < end && text.at[i] != '\'' && text.at[i] != '"'; i++)
        *ret_has_filler = true;
    return i < text.len && (text.at[i] == '\'' || text.at[i] == '"') ? i : text.len;
}

/* Could the comment's quote have closed the value in front of it? = 'tea' --' is a value with dashes behind, which changes
 * nothing; = 'tea' AND LENGTH(c.pin) > 4 --' and = 'tea' OR c.role = 'chief' --' go on behind one. */
static bool follows_its_value(const struct judge *g, const struct sql_comment *c, char quote)
{
    uint32_t i = c->before - 1;

    while (i > 0 && sql_token_is(token(g, i), TOK_OP, OP_CLOSE))
        i--;
    if (token(g, i)->kind != TOK_STRING || g->s->lex.text.at[token(g, i)->at] != quote)
        return false;
    size_t depth = 0;

    for (i = c->before - 1; i > 0 && !sql_token_is(token(g, i), TOK_NAME, WORD_WHERE); i--) {
        const struct sql_token *t = token(g, i);

        depth += sql_token_is(t, TOK_OP, OP_CLOSE);
        depth -= depth > 0 && sql_token_is(t, TOK_OP, OP_OPEN);
        if (depth == 0 && sql_token_is(t, TOK_NAME, WORD_AND))
            return true;
        if (depth == 0 && sql_token_is(t, TOK_NAME, WORD_OR))
            return token(g, i - 1)->kind == TOK_NAME; /* OR behind a value */
    }
    return true;
}

/* = 'tea' AND c.note LIKE 'k%' --': a condition stands between a value and the cut quote. (AND c.kind = 'tea' --' may be
 * the statement's own, and a value with dashes behind.) */
static bool follows_more_than_a_value(const struct judge *g, const struct sql_comment *c)
{
    if (c->before < 3 || (sql_token_is(token(g, c->before - 2), TOK_OP, OP_EQ) &&
                          !sql_token_is(token(g, c->before - 3), TOK_OP, OP_CLOSE)))
        return false;
    for (uint32_t i = c->before - 1; i > 1 && !sql_token_is(token(g, i), TOK_NAME, WORD_WHERE); i--)
        if (sql_token_is(token(g, i), TOK_NAME, WORD_AND) && token(g, i - 1)->kind != TOK_NAME)
            return true;
    return false;
}

/* What is left of a value that was left early: its closing quote and what followed. Score of a comment;
 * *ret_is_tail: more than the quote was cut. */
static int score_comment(const struct judge *g, const struct sql_comment *c, bool *ret_is_tail)
{
    struct slice text = slice_make(g->s->lex.text.at + c->at + 2, c->len - 2u);
    bool has_filler = false;
    size_t i = find_cut_quote(text, &has_filler), quotes = 0;

    if (i >= text.len)
        return 0;
    char quote = text.at[i];

    for (size_t k = i; k < text.len; k++)
        quotes += text.at[k] == quote;
    i++;
    struct slice rest = slice_make(text.at + i, text.len - i);

    while (i < text.len && strchr(" \t\r);%", text.at[i]) && text.at[i] != '\0')
        i++;
    *ret_is_tail = i < text.len;
    if (has_filler && *ret_is_tail) /* -- don't ask: letters go on behind it; -- the 'old' one: two quotes; -- 7" and
                                       more: no condition */
        return quotes % 2 == 1 && goes_on_like_a_statement(rest) && has_condition(rest) ? 80 : 0;
    if (has_filler && (slice_find(text, SL(" ")) < i || text.at[0] == ' '))
        return 0; /* -- as it is James' */
    if (*ret_is_tail && quotes % 2 == 0 && !goes_on_like_a_statement(rest))
        return 0; /* -- 'another value': somebody's note */
    if (!*ret_is_tail)
        return g->j->outcome == SQL_SYNTAX         ? 52
               : !follows_its_value(g, c, quote)   ? 66
               : follows_more_than_a_value(g, c)   ? 62
                                                   : 30;
    return goes_on_like_a_statement(rest) ? 88 : 40;
}

/* A comment that begins with the closing quote of a value. People do not write comments like that;
 * `-- don't ask` has letters first. */
void sql_judge_comments(struct judge *g)
{
    const struct sql_lex *lex = &g->s->lex;

    for (size_t k = 0; k < lex->comments_len; k++) {
        const struct sql_comment *c = &lex->comments[k];
        bool is_tail = false;

        if (c->before == 0)
            continue;
        int score = score_comment(g, c, &is_tail);

        bool touches = c->len == 3u; /* --' and nothing more */

        if (score < 60 && token(g, c->before - 1)->kind == TOK_NAME && !(touches && g->j->outcome == SQL_SYNTAX))
            continue; /* behind a name or a keyword: how people comment */
        sql_found(g, is_tail ? RULE_COMMENT_TAIL : RULE_COMMENT_QUOTE, score, c->before - 1, c->before - 1);
    }
}

/* ---- text that may not parse -------------------------------------------------------------------- */

static bool is_hole_token(const struct sql_token *t)
{
    return t->kind == TOK_STRING || t->kind == TOK_NUMBER;
}

/* Words of other dialects, behind the first value; in front of it they are a developer's mistake. */
void sql_judge_foreign_words(struct judge *g)
{
    const struct sql_lex *lex = &g->s->lex;
    bool seen_value = false;
    int weak = 0;
    uint32_t weak_at = 0;

    for (uint32_t i = 0; i + 1 < lex->len; i++) {
        const struct sql_token *t = token(g, i);

        if (sql_token_is(t, TOK_NAME, WORD_ORDER) && sql_token_is(t + 1, TOK_NAME, WORD_BY) && i + 2 < lex->len &&
            t[2].kind == TOK_NUMBER && i > 0 && g->j->outcome == SQL_SYNTAX)
            sql_found(g, RULE_FOREIGN_WORD, 62, i, i + 2); /* counting columns: other dialects sort by number */
        seen_value |= is_hole_token(t) || t->kind == TOK_BAD || sql_token_is(t, TOK_NAME, WORD_WHERE) ||
                      sql_token_is(t, TOK_NAME, WORD_ORDER);
        if (t->kind == TOK_BAD && (t->code == BAD_DOUBLE_AT || t->code == BAD_HEX_NUMBER) && seen_value)
            sql_found(g, RULE_FOREIGN_WORD, t->code == BAD_DOUBLE_AT ? 80 : 55, i, i);
        if (t->kind != TOK_NAME || t->code != WORD_NONE || !seen_value ||
            (i > 0 && sql_token_is(t - 1, TOK_OP, OP_DOT)) || t->len < 2 || t->len > 24)
            continue;
        int score = sql_foreign_score(token_text(g, i), token_text(g, i + 1));

        if (score >= 60)
            sql_found(g, RULE_FOREIGN_WORD, score, i, i + 1);
        else if (score > weak) {
            weak = score;
            weak_at = i;
        }
    }
    if (g->j->outcome == SQL_SYNTAX)
        sql_found(g, RULE_FOREIGN_WORD, weak, weak_at, weak_at);
}

/* [OR|AND] value compare value, token by token. */
static void judge_broken_tautology(struct judge *g)
{
    const struct sql_lex *lex = &g->s->lex;

    for (uint32_t i = 1; i + 3 < lex->len; i++) {
        const struct sql_token *t = token(g, i);
        uint32_t at = i + 1;

        if (!(t->kind == TOK_NAME && (t->code == WORD_OR || t->code == WORD_AND)) &&
            !sql_token_is(t, TOK_OP, OP_CONCAT))
            continue;
        while (at + 3 < lex->len && sql_token_is(token(g, at), TOK_OP, OP_OPEN))
            at++;
        if (sql_token_is(token(g, at), TOK_NAME, WORD_NOT))
            at++;
        if (at + 2 >= lex->len)
            continue;
        bool left = is_hole_token(token(g, at)),
             right = is_hole_token(token(g, at + 2)) || token(g, at + 2)->kind == TOK_BAD;
        const struct sql_token *op = token(g, at + 1);
        bool compares = (op->kind == TOK_OP && op->code >= OP_EQ && op->code <= OP_GE) ||
                        sql_token_is(op, TOK_NAME, WORD_LIKE) || sql_token_is(op, TOK_NAME, WORD_IN);

        if (left && compares && right && (is_hole_token(t - 1) || sql_token_is(t - 1, TOK_OP, OP_CLOSE)))
            sql_found(g, RULE_BROKEN_TAUTOLOGY, 75, i, at + 2);
        else if (sql_token_is(token(g, at), TOK_NAME, WORD_TRUE) && is_hole_token(t - 1))
            sql_found(g, RULE_BROKEN_TAUTOLOGY, 62, i, at);
    }
}

static bool is_compare_op(const struct sql_token *t)
{
    return t->kind == TOK_OP && t->code >= OP_EQ && t->code <= OP_GE;
}

static bool is_bare(const struct sql_token *t)
{
    return is_hole_token(t) || (sql_token_is(t, TOK_NAME, WORD_NONE) && !sql_token_is(t + 1, TOK_OP, OP_DOT) &&
                                !sql_token_is(t + 1, TOK_OP, OP_OPEN_INDEX));
}

/* = OR x=y, = AND 1=0: it goes on where the value is missing, and not about the item. (An empty box leaves
 * = AND c.open = true.) */
static void judge_missing_value(struct judge *g)
{
    const struct sql_lex *lex = &g->s->lex;

    for (uint32_t i = 1; i + 4 < lex->len; i++) {
        const struct sql_token *t = token(g, i);

        if ((sql_token_is(t, TOK_NAME, WORD_OR) || sql_token_is(t, TOK_NAME, WORD_AND)) && is_compare_op(t - 1) &&
            is_bare(t + 1) && is_compare_op(t + 2) && is_bare(t + 3))
            sql_found(g, RULE_BROKEN_TAUTOLOGY, 64, i, i + 3);
    }
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* %20or%20%27: encoded for a web address, and refused. */
static void judge_encoded(struct judge *g, uint32_t at)
{
    struct slice s = g->s->lex.text;
    size_t escapes = 0;

    for (size_t i = 0; i + 2 < s.len; i++)
        if (s.at[i] == '%' && s.at[i + 1] >= '2' && s.at[i + 1] <= '7' && is_hex(s.at[i + 2]))
            escapes++;
    sql_found(g, RULE_FOREIGN_MARK, escapes >= 2 ? 62 : 0, at, at);
}

/* A value, then a mark that only another dialect ends or comments a statement with. */
static void judge_foreign_marks(struct judge *g)
{
    const struct sql_lex *lex = &g->s->lex;

    for (uint32_t i = 1; i + 1 < lex->len; i++) {
        const struct sql_token *t = token(g, i);

        if (t->kind != TOK_BAD || ((t->flags & TOK_FLAG_GLUED) && (t - 1)->kind == TOK_NAME))
            continue;
        bool behind = is_hole_token(t - 1) || sql_token_is(t - 1, TOK_OP, OP_CLOSE) ||
                      ((t - 1)->kind == TOK_NAME && (t - 1)->code != WORD_NONE);

        switch (t->code) {
        case BAD_SEMICOLON:
            if (t[1].kind == TOK_NAME)
                sql_found(g, RULE_FOREIGN_MARK, behind ? 66 : 45, i, i + 1);
            else if (t[1].kind != TOK_END)
                sql_found(g, RULE_FOREIGN_MARK, behind ? 55 : 30, i, i);
            break;
        case BAD_HASH: case BAD_BLOCK_COMMENT:
            sql_found(g, RULE_FOREIGN_MARK, behind ? 62 : 25, i, i);
            break;
        case BAD_BACKTICK: sql_found(g, RULE_FOREIGN_MARK, behind ? 40 : 25, i, i); break;
        default: break;
        }
    }
}

/* O'Neill, it's: the letter before the quote and the letter behind it belong to one word. */
static bool is_name_break(const struct judge *g)
{
    const struct sql_lex *lex = &g->s->lex;

    for (uint32_t i = 1; i + 1 < lex->len; i++) {
        const struct sql_token *t = token(g, i), *str = t - 1;

        if (str->kind != TOK_STRING || t->kind != TOK_NAME || !(str->len >= 3) || t->at != str->at + str->len)
            continue;
        unsigned char before = (unsigned char)lex->text.at[str->at + str->len - 2];

        if ((before | 0x20) >= 'a' || before >= 0x80)
            return true;
    }
    return false;
}

#define OPEN_TOKENS_MAX 128u
#define OPEN_TEXT_MAX 1024u
#define OPEN_STRINGS_MAX 16u

/* OR 1=1, AND 'a'='b */
static bool is_tautology_at(const struct sql_lex *lex, uint32_t i)
{
    const struct sql_token *t = &lex->tokens[i];

    if (!(sql_token_is(t, TOK_NAME, WORD_OR) || sql_token_is(t, TOK_NAME, WORD_AND)))
        return false;
    for (t++; sql_token_is(t, TOK_OP, OP_OPEN); t++)
        ;
    return t + 2 < lex->tokens + lex->len && is_hole_token(t) && t[1].kind == TOK_OP && t[1].code >= OP_EQ &&
           t[1].code <= OP_GE && (is_hole_token(t + 2) || t[2].kind == TOK_BAD);
}

/* AND 1=f(...), OR (SELECT ...), || (SELECT ...): it goes on behind a value that is not there. (The rest of the statement,
 * AND c.open = true, does not compare constants and has no sub-query.) */
static bool goes_on_like_an_attack(const struct sql_lex *lex)
{
    const struct sql_token *first = &lex->tokens[0];

    if (!sql_token_is(first, TOK_NAME, WORD_AND) && !sql_token_is(first, TOK_NAME, WORD_OR) &&
        !sql_token_is(first, TOK_OP, OP_CONCAT))
        return false;
    if (lex->len > 3 && is_hole_token(first + 1) && first[2].kind == TOK_OP && first[2].code >= OP_EQ &&
        first[2].code <= OP_GE)
        return true;
    for (size_t i = 1; i + 1 < lex->len; i++)
        if (sql_token_is(&lex->tokens[i], TOK_NAME, WORD_SELECT))
            return true;
    return false;
}

/* ' or ', ' and ', ' || ': nothing else in it */
static bool is_connector(const struct sql_lex *lex)
{
    const struct sql_token *t = &lex->tokens[0];

    return lex->len == 2 && (sql_token_is(t, TOK_NAME, WORD_OR) || sql_token_is(t, TOK_NAME, WORD_AND) ||
                             sql_token_is(t, TOK_OP, OP_CONCAT));
}

static void judge_inside(struct judge *g, uint32_t at, struct slice text, bool touches)
{
    struct sql_token tokens[OPEN_TOKENS_MAX];
    struct sql_lex inside = { .tokens = tokens, .tokens_max = OPEN_TOKENS_MAX };

    sql_lex_run(&inside, slice_cut(text, OPEN_TEXT_MAX));
    for (uint32_t i = 0; i + 1 < inside.len; i++) {
        int score = tokens[i].kind == TOK_NAME ? sql_foreign_score(sql_token_text(&inside, &tokens[i]),
                                                                   sql_token_text(&inside, &tokens[i + 1]))
                                               : 0;

        if (score >= 60)
            sql_found(g, RULE_FOREIGN_WORD, score - 10, at, at);
        if (is_tautology_at(&inside, i))
            sql_found(g, RULE_BROKEN_TAUTOLOGY, 65, at, at);
    }
    if (goes_on_like_an_attack(&inside) || (touches && is_connector(&inside)))
        sql_found(g, RULE_BROKEN, 64, at, at);
}

/* A quote where none opens a value leaves the rest of the text in a string without end (price < ' union select ...), and
 * quotes in what was put in leave its beginning in a string that touches the next word (' union select 'a'...). So these
 * insides are read as words too. The apostrophe of a name leaves the halves of a name there. */
static void judge_strings_of_broken(struct judge *g)
{
    const struct sql_lex *lex = &g->s->lex;
    size_t read = 0;

    for (uint32_t i = 0; i + 1 < lex->len && read < OPEN_STRINGS_MAX; i++) {
        const struct sql_token *t = token(g, i);
        bool is_open = sql_token_is(t, TOK_BAD, BAD_UNTERMINATED);
        bool touches = t->kind == TOK_STRING && t[1].at == t->at + t->len &&
                       (t[1].kind == TOK_NAME || t[1].kind == TOK_NUMBER || sql_token_is(t + 1, TOK_OP, OP_PERCENT));

        if (!is_open && !touches)
            continue;
        judge_inside(g, i, slice_make(lex->text.at + t->at + 1, t->len - (is_open ? 1u : 2u)), touches);
        read++;
    }
}

/* OR '1'='1 behind a quote that does not belong there: with all quotes taken out, OR 1 = 1. */
static void judge_without_quotes(struct judge *g, uint32_t error_tok)
{
    char plain[OPEN_TEXT_MAX];
    struct sql_token tokens[OPEN_TOKENS_MAX];
    struct sql_lex bare = { .tokens = tokens, .tokens_max = OPEN_TOKENS_MAX };
    uint32_t from = error_tok > 0 ? error_tok - 1 : 0;
    struct slice text = slice_cut(
        slice_make(g->s->lex.text.at + token(g, from)->at, g->s->lex.text.len - token(g, from)->at), OPEN_TEXT_MAX);

    for (size_t i = 0; i < text.len; i++)
        plain[i] = text.at[i] == '\'' || text.at[i] == '"' ? ' ' : text.at[i];
    sql_lex_run(&bare, slice_make(plain, text.len));
    for (uint32_t i = 0; i + 4 < bare.len; i++) {
        const struct sql_token *t = &tokens[i], *a = t + 1;
        bool connects = sql_token_is(t, TOK_NAME, WORD_OR) || sql_token_is(t, TOK_NAME, WORD_AND);

        while (connects && a + 2 < tokens + bare.len && sql_token_is(a, TOK_OP, OP_OPEN))
            a++;
        if (connects && a + 2 < tokens + bare.len && sql_token_is(a + 1, TOK_OP, OP_EQ) &&
            (a->kind == TOK_NUMBER || a->kind == TOK_NAME) &&
            slice_eq(sql_token_text(&bare, a), sql_token_text(&bare, a + 2)))
            sql_found(g, RULE_BROKEN_TAUTOLOGY, 65, from, from);
    }
}

void sql_judge_broken(struct judge *g, const struct sql_tree *tree)
{
    judge_broken_tautology(g);
    judge_foreign_marks(g);
    if (g->j->outcome != SQL_SYNTAX)
        return;
    judge_strings_of_broken(g);
    judge_missing_value(g);
    judge_encoded(g, tree->error_tok);
    judge_without_quotes(g, tree->error_tok);
    g->j->is_name_break = is_name_break(g);
    sql_found(g, RULE_BROKEN, g->j->is_name_break ? 5 : 20, tree->error_tok, tree->error_tok);
}
