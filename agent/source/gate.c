/* gate.c - see gate.h.
 * The list of gates is the one thing here that lives at file scope: the limit is the principal's, over
 * the whole process, and no caller owns more than its own source.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/gate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct gate {
    struct gate *next;
    char *name;
    int64_t width, inside;
    int users;
    pthread_cond_t left;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gate *gates;

static struct gate *gate_make(const char *name, int64_t width)
{
    struct gate *g = calloc(1, sizeof *g);
    char *copy = strdup(name);

    if (!g || !copy || pthread_cond_init(&g->left, NULL) != 0) {
        free(g);
        free(copy);
        return NULL;
    }
    g->name = copy;
    g->width = width;
    g->next = gates;
    gates = g;
    return g;
}

int gate_open(const char *name, int64_t width, struct gate **ret, struct error *err)
{
    struct gate *g;

    if (width < 1)
        width = 1;
    pthread_mutex_lock(&lock);
    for (g = gates; g && strcmp(g->name, name) != 0; g = g->next)
        ;
    if (!g)
        g = gate_make(name, width);
    if (g) {
        g->users++;
        g->width = width < g->width ? width : g->width;
        *ret = g;
    }
    pthread_mutex_unlock(&lock);
    return g ? 0 : error_set(err, ERR_NOMEM, "no memory for a query gate");
}

void gate_close(struct gate *g)
{
    struct gate **at = &gates;

    if (!g)
        return;
    pthread_mutex_lock(&lock);
    if (--g->users == 0) {
        while (*at != g)
            at = &(*at)->next;
        *at = g->next;
        (void)pthread_cond_destroy(&g->left);
        free(g->name);
        free(g);
    }
    pthread_mutex_unlock(&lock);
}

void gate_enter(struct gate *g)
{
    pthread_mutex_lock(&lock);
    while (g->inside >= g->width)
        pthread_cond_wait(&g->left, &lock);
    g->inside++;
    pthread_mutex_unlock(&lock);
}

void gate_leave(struct gate *g)
{
    pthread_mutex_lock(&lock);
    g->inside--;
    pthread_cond_signal(&g->left);
    pthread_mutex_unlock(&lock);
}
