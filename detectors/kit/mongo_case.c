/* mongo_case.c - see mongo_case.h.
 *
 * Alone, the strongest use of an operator decides (60). For a client with history a field that was always
 * compared with a value and now stands under an operator decides, even if it is everyday elsewhere (30); an
 * operator that this client is known to use on this field is everyday. What is doubtful (below 78) is learned
 * as unusual and becomes ordinary after SHAPE_ADOPTION_DAYS.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/mongo_case.h"


#define THRESHOLD_ALONE 60
#define THRESHOLD_KNOWN 78
#define NEW_SCRIPT 70
#define CHANGE_MIN 30 /* {"$ne": "Basel"} and {"$gte": 5} are added by releases */

static const char *type_of(enum query_rule rule)
{
    switch ((int)rule) {
    case Q_SCRIPT: case Q_SCRIPT_HOSTILE: case Q_SCRIPT_IN_FIELD: return MONGO_TYPE_SCRIPT;
    case Q_PATTERN_ANY: case Q_PATTERN_GUESS: return MONGO_TYPE_REGEX;
    case Q_OTHER_COLLECTION: case Q_WIDE_STAGE: return MONGO_TYPE_PIPELINE;
    default: return MONGO_TYPE_OPERATOR;
    }
}

/* Score of one use, held against history; *ret_is_change: the client used to do otherwise. */
static int score_use(const struct mongo_use *u, const struct query_client *c, bool is_known_client, bool *ret_is_change)
{
    *ret_is_change = false;
    if (!is_known_client || u->as_operator == 0)
        return u->score;
    if (query_word_is_known(c, u->as_operator))
        return u->score >= THRESHOLD_KNOWN ? u->score : 0;
    if (u->rule == Q_SCRIPT) /* its first code ever */
        return u->score < NEW_SCRIPT ? NEW_SCRIPT : u->score;
    if (u->as_value != 0 && (u->score >= CHANGE_MIN || u->is_odd) && query_word_is_known(c, u->as_value)) {
        *ret_is_change = true;
        return 100 - 30 * (100 - u->score) / 100;
    }
    return u->score;
}

static void keep_uses(const struct mongo_reading *r, struct query_case *k)
{
    for (size_t i = 0; i < r->uses_len && k->findings_len < QUERY_FINDINGS_MAX; i++)
        if (r->uses[i].score >= 10)
            k->findings[k->findings_len++] = (struct query_finding_text){
                .rule = r->uses[i].rule, .text = slice_make(r->lex.text.at + r->uses[i].at, r->uses[i].len) };
}

static void conclude(const struct mongo_reading *r, struct query_case *k, const struct mongo_use *best, int score, enum query_run run)
{
    bool is_script = strcmp(type_of(best->rule), MONGO_TYPE_SCRIPT) == 0;

    k->verdict = run == RUN_REFUSED ? VERDICT_PROBE : VERDICT_ATTACK;
    k->type = type_of(best->rule);
    k->variant = query_rule_variant(best->rule);
    k->severity = is_script && run == RUN_OK ? SEVERITY_HIGH : SEVERITY_MEDIUM;
    k->confidence = score > 100 ? 100 : score;
    k->lesson.grade = best->score >= THRESHOLD_KNOWN ? GRADE_ATTACK : GRADE_UNUSUAL;
    keep_uses(r, k);
}

/* A stage that this client never used. */
static void judge_stages(const struct mongo_reading *r, const struct query_client *c, struct query_case *k, enum query_run run)
{
    for (size_t i = 0; i < r->uses_len; i++) {
        const struct mongo_use *u = &r->uses[i];

        if (u->rule != Q_OTHER_COLLECTION || query_word_is_known(c, u->as_operator))
            continue;
        conclude(r, k, u, 55, run);
        k->note = NOTE_NEW_STAGE;
        return;
    }
}

/* Nothing in it that could count, whatever the client is known for. */
static bool is_harmless(const struct mongo_reading *r)
{
    for (size_t i = 0; i < r->uses_len; i++)
        if (r->uses[i].score >= CHANGE_MIN || r->uses[i].is_odd || r->uses[i].is_guess)
            return false;
    return true;
}

void mongo_judge(struct mongo_reading *r, const struct query_client *c, struct slice text, enum query_run run,
                 struct query_case *ret)
{
    const struct mongo_use *best = NULL;
    int score = 0;
    bool is_known_client = query_client_is_known(c), is_change = false;

    mongo_read(r, text);
    *ret = (struct query_case){ .statement = r->lex.text, .id = query_text_id(text), .is_plain = is_harmless(r) };
    ret->lesson = (struct query_lesson){ .shape = r->shape.hash, .words = r->shape.fields, .words_len = r->shape.fields_len };
    ret->is_known = query_shape_is_known(c, r->shape.hash);
    for (size_t i = 0; i < r->uses_len; i++) {
        bool change = false;
        int s = score_use(&r->uses[i], c, is_known_client, &change);

        if (s > score && (!ret->is_known || s >= THRESHOLD_KNOWN)) {
            best = &r->uses[i];
            score = s;
            is_change = change;
        }
        if (r->uses[i].is_guess && (!is_known_client || !query_word_is_known(c, r->uses[i].as_operator))) {
            ret->series = r->uses[i].as_operator;
            ret->series_type = MONGO_TYPE_REGEX;
        }
    }
    if (best && score >= THRESHOLD_ALONE && best->rule != Q_OTHER_COLLECTION) {
        conclude(r, ret, best, score, run);
        if (is_change)
            ret->note = NOTE_OPERATOR_FOR_VALUE;
    } else if (is_known_client && !ret->is_known && query_client_is_regular(c)) {
        judge_stages(r, c, ret, run);
    }
}
