/* few.c - see few.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/few.h"

#include <string.h>

void few_add(struct few *f, struct slice text)
{
    char copy[FEW_TEXT] = { 0 };
    size_t at = 0;

    if (slice_empty(text))
        return;
    text = slice_cut(text, FEW_TEXT - 1);
    for (size_t i = 0; i < text.len; i++)
        copy[i] = text.at[i] ? text.at[i] : '?'; /* as alerts do */
    for (; at < f->len; at++) {
        int order = strcmp(f->text[at], copy);

        if (order == 0)
            return;
        if (order > 0)
            break;
    }
    if (at == FEW_MAX)
        return;
    if (f->len == FEW_MAX)
        f->len--;
    memmove(f->text[at + 1], f->text[at], (f->len - at) * FEW_TEXT);
    memcpy(f->text[at], copy, FEW_TEXT);
    f->len++;
}

void few_unite(struct few *f, const struct few *more)
{
    for (size_t i = 0; i < more->len; i++)
        few_add(f, slice_of(more->text[i]));
}

void facts_add_set(struct fact_list *f, const char *name, struct slice text)
{
    if (f->len < FACT_LIST_MAX && !slice_empty(text))
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = FACT_SET, .text = text };
}

void facts_add_sample(struct fact_list *f, struct slice activity_id, uint64_t share)
{
    if (f->len < FACT_LIST_MAX && !slice_empty(activity_id))
        f->at[f->len++] = (struct fact_value){ .name = "activityId", .kind = FACT_SAMPLE,
                                               .number = (int64_t)(share % FACT_SAMPLES), .text = activity_id };
}

void facts_add_few(struct fact_list *f, const char *name, const struct few *texts)
{
    for (size_t i = 0; i < texts->len; i++)
        facts_add_set(f, name, slice_of(texts->text[i]));
}

void facts_add_number(struct fact_list *f, const char *name, enum fact_kind kind, int64_t number)
{
    if (f->len < FACT_LIST_MAX)
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = kind, .number = number };
}

void facts_add_map(struct fact_list *f, const char *name, struct slice key, int64_t number)
{
    if (f->len < FACT_LIST_MAX && !slice_empty(key) && number > 0)
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = FACT_MAP, .text = key, .number = number };
}
