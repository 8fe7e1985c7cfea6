/* peers.c - see peers.h. SPDX-License-Identifier: Apache-2.0 */
#include "net/peers.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct peers {
    pthread_mutex_t lock;
    struct peer at[PEERS_MAX];
    uint64_t seen[PEERS_MAX]; /* larger: later */
    size_t len;
    uint64_t turn;
};

struct peers *peers_new(void)
{
    struct peers *p = calloc(1, sizeof *p);

    if (p)
        (void)pthread_mutex_init(&p->lock, NULL);
    return p;
}

void peers_free(struct peers *p)
{
    if (p)
        (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

/* A broker's name comes from a broker. */
static void keep_place(char *at, size_t size, const char *place)
{
    (void)snprintf(at, size, "%s", place);
    for (char *c = at; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr(".-_:[]", *c))
            *c = '?';
}

static size_t find(struct peers *p, const char *place)
{
    size_t oldest = 0;

    for (size_t i = 0; i < p->len; i++) {
        if (strcmp(p->at[i].place, place) == 0)
            return i;
        if (p->seen[i] < p->seen[oldest])
            oldest = i;
    }
    return p->len < PEERS_MAX ? p->len++ : oldest;
}

void peers_note(struct peers *p, const char *place, const struct peer_chain *chain)
{
    struct peer peer = { .chain = *chain };
    size_t i;

    if (!p || chain->to_ns == 0)
        return;
    keep_place(peer.place, sizeof peer.place, place);
    (void)pthread_mutex_lock(&p->lock);
    i = find(p, peer.place);
    p->at[i] = peer;
    p->seen[i] = ++p->turn;
    (void)pthread_mutex_unlock(&p->lock);
}

bool peers_at(struct peers *p, size_t i, struct peer *ret)
{
    bool is_there;

    if (!p)
        return false;
    (void)pthread_mutex_lock(&p->lock);
    is_there = i < p->len;
    if (is_there)
        *ret = p->at[i];
    (void)pthread_mutex_unlock(&p->lock);
    return is_there;
}
