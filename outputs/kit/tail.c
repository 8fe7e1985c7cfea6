/* tail.c - see tail.h. SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/tail.h"

#include <stdlib.h>

static void drop(struct tail *t, struct tail_piece **at)
{
    struct tail_piece *p = *at;

    *at = p->next;
    t->bytes -= p->len;
    free(p);
}

/* After pieces were dropped in the middle. */
static void find_last(struct tail *t)
{
    t->last = t->first;
    while (t->last && t->last->next)
        t->last = t->last->next;
}

void tail_add(struct tail *t, struct slice bytes, size_t alerts, int64_t now_ms)
{
    struct tail_piece *p;

    if (bytes.len == 0 || bytes.len > TAIL_MAX_BYTES)
        return;
    while (t->first && t->bytes + bytes.len > TAIL_MAX_BYTES)
        drop(t, &t->first);
    if (!t->first)
        t->last = NULL;
    p = malloc(sizeof *p + bytes.len);
    if (!p)
        return;
    *p = (struct tail_piece){ .sent_ms = now_ms, .alerts = alerts, .len = bytes.len };
    memcpy(p->bytes, bytes.at, bytes.len);
    if (t->last)
        t->last->next = p;
    else
        t->first = p;
    t->last = p;
    t->bytes += bytes.len;
}

size_t tail_break(struct tail *t, int64_t now_ms, int64_t keep_ms)
{
    size_t given_up = 0;

    for (struct tail_piece **at = &t->first; *at;) {
        struct tail_piece *p = *at;
        bool is_young = p->is_owed || now_ms - p->sent_ms <= keep_ms;

        if (is_young && p->resends < TAIL_RESENDS_MAX) {
            p->is_owed = true;
            at = &p->next;
            continue;
        }
        given_up += is_young ? p->alerts : 0;
        drop(t, at);
    }
    find_last(t);
    return given_up;
}

struct tail_piece *tail_owed(struct tail *t)
{
    struct tail_piece *p = t->first;

    while (p && !p->is_owed)
        p = p->next;
    return p;
}

void tail_sent(struct tail_piece *p, int64_t now_ms)
{
    p->is_owed = false;
    p->resends++;
    p->sent_ms = now_ms;
}

void tail_expire(struct tail *t, int64_t now_ms, int64_t keep_ms)
{
    for (struct tail_piece **at = &t->first; *at;) {
        if (!(*at)->is_owed && now_ms - (*at)->sent_ms > keep_ms)
            drop(t, at);
        else
            at = &(*at)->next;
    }
    find_last(t);
}

void tail_release(struct tail *t)
{
    while (t->first)
        drop(t, &t->first);
    t->last = NULL;
}
