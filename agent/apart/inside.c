/* inside.c - see inside.h. Runs in the reader alone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "apart/inside.h"

#include "apart/cage.h"
#include "apart/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct apart_inside {
    struct apart_pages *pages;
    struct apart_ask ask;
    char *area; /* the body stands at its beginning */
    size_t area_len;
    unsigned free_slots, slot;
    size_t used; /* of the slot being filled */
    bool is_stopped;
    struct apart_left_out left_out[APART_LEFT_OUT_MAX]; /* copied: compared once a row */
    size_t left_out_len;
};

bool apart_is_asked(int argc, char **argv)
{
    return argc == 1 && strcmp(argv[0], APART_NAME) == 0;
}

static _Noreturn void end(int code)
{
#ifdef COSMOWATCH_SANITIZED
    exit(code); /* coverage is written at the exit */
#else
    _exit(code);
#endif
}

/* ---- messages ------------------------------------------------------------------------------------------------------- */

static void tell(const struct apart_told *told)
{
    while (send(APART_SOCKET, told, sizeof *told, MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            end(0); /* the agent is gone */
}

static void take_area(struct apart_inside *in, int fd, size_t len)
{
    if (in->area)
        (void)munmap(in->area, in->area_len);
    in->area_len = len;
    in->area = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (in->area == MAP_FAILED)
        abort(); /* the agent sees a reader that died before the first row */
}

/* The next message. Memory that came with it is mapped. */
static void hear(struct apart_inside *in, struct apart_ask *ret)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec io = { .iov_base = ret, .iov_len = sizeof *ret };
    struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    struct cmsghdr *c;
    ssize_t n;

    do
        n = recvmsg(APART_SOCKET, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof *ret)
        end(0); /* the agent is gone */
    c = CMSG_FIRSTHDR(&m);
    if (ret->what == ASK_WORK && c && c->cmsg_type == SCM_RIGHTS) {
        int fd;

        memcpy(&fd, CMSG_DATA(c), sizeof fd);
        take_area(in, fd, (size_t)ret->area_len);
    }
}

static void hear_note(struct apart_inside *in, const struct apart_ask *ask)
{
    if (ask->what == ASK_GO_ON)
        in->free_slots++;
    else if (ask->what == ASK_STOP)
        in->is_stopped = true;
}

/* ---- batches -------------------------------------------------------------------------------------------------------- */

static void beat(struct apart_inside *in)
{
    atomic_fetch_add_explicit(&in->pages->mark.beat, 1, memory_order_relaxed);
}

/* Send what is in the slot; after it there is a free one. */
static void flush(struct apart_inside *in)
{
    struct apart_ask ask;

    if (in->used == 0)
        return;
    beat(in);
    tell(&(struct apart_told){ .what = TOLD_BATCH, .slot = in->slot, .len = in->used });
    in->used = 0;
    in->slot = (in->slot + 1) % APART_SLOTS;
    in->free_slots--;
    while (in->free_slots == 0) {
        hear(in, &ask);
        hear_note(in, &ask);
    }
}

void *apart_room(struct apart_inside *in, size_t need)
{
    if (in->is_stopped || need > APART_SLOT_BYTES)
        return NULL;
    if (in->used + need > APART_SLOT_BYTES)
        flush(in);
    return in->is_stopped ? NULL : in->pages->slots[in->slot] + in->used;
}

bool apart_is_stopped(const struct apart_inside *in)
{
    return in->is_stopped;
}

void apart_wrote(struct apart_inside *in, size_t len)
{
    in->used += len;
    if (in->used >= APART_BATCH_BYTES)
        flush(in);
}

uint64_t apart_ask(struct apart_inside *in, const void *at, size_t len)
{
    struct apart_ask ask;

    flush(in);
    if (in->is_stopped || len == 0 || len > APART_SLOT_BYTES)
        return 0;
    beat(in);
    memcpy(in->pages->slots[in->slot], at, len);
    tell(&(struct apart_told){ .what = TOLD_QUESTION, .slot = in->slot, .len = len });
    for (;;) {
        hear(in, &ask);
        if (ask.what == ASK_ANSWER)
            return ask.param;
        hear_note(in, &ask);
    }
}

size_t apart_at(const struct apart_inside *in)
{
    return in->used;
}

void apart_end(struct apart_inside *in, const void *at, size_t len)
{
    flush(in);
    memcpy(in->pages->slots[in->slot], at, len);
    tell(&(struct apart_told){ .what = TOLD_END, .slot = in->slot, .len = len });
}

/* ---- what a service asks ---------------------------------------------------------------------------------------------- */

struct slice apart_body(const struct apart_inside *in)
{
    return slice_make(in->area, (size_t)in->ask.body_len);
}

uint64_t apart_param(const struct apart_inside *in)
{
    return in->ask.param;
}

_Atomic uint64_t *apart_row_mark(struct apart_inside *in)
{
    return &in->pages->mark.row;
}

const struct apart_left_out *apart_left_out_list(const struct apart_inside *in, size_t *ret_n)
{
    *ret_n = in->left_out_len;
    return in->left_out;
}

/* ---- the loop --------------------------------------------------------------------------------------------------------- */

static void set_stage(struct apart_inside *in, enum apart_stage stage)
{
    atomic_store_explicit(&in->pages->mark.stage, stage, memory_order_relaxed);
}

static void work(struct apart_inside *in, const struct apart_ask *ask, apart_service *service)
{
    in->ask = *ask;
    in->is_stopped = false;
    in->used = 0;
    in->left_out_len = in->pages->left_out_len < APART_LEFT_OUT_MAX ? in->pages->left_out_len : APART_LEFT_OUT_MAX;
    memcpy(in->left_out, in->pages->left_out, in->left_out_len * sizeof in->left_out[0]);
    set_stage(in, APART_BEFORE_ROWS);
    service(in);
    set_stage(in, APART_IDLE);
}

/* When memory is short it is this process that goes: the agent starts another, and has lost nothing. */
static void go_first(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, "1000", 4) < 0) /* a sandbox around us: then the kernel chooses */
        (void)fprintf(stderr, "cosmowatch: reader: oom_score_adj: %s\n", strerror(errno));
    (void)close(fd);
}

static int byte_cmp(const void *a, const void *b)
{
    return *(const unsigned char *)a - *(const unsigned char *)b;
}

/* What libraries ask the system for once in a process, asked before the filter is up. */
static void prepare_libraries(void)
{
    struct json_object *o = json_tokener_parse("{\"a\":1}"); /* the seed of its tables, once a process */
    unsigned char many[4096] = { 1 };

    json_object_put(o);
    /* glibc before 2.37 asks the system how much memory there is when it first sorts more than a kilobyte. */
    qsort(many, sizeof many, 1, byte_cmp);
}

/* The last that may be done with open doors. */
static void close_doors(void)
{
    struct error err = { 0 };

    go_first();
    prepare_libraries();
    (void)prctl(PR_SET_NAME, "cosmo-reader");
    /* Beside the end of the socket, for a reader that stands still. "Parent" is the thread that started us: should that one
     * end before the agent does, the agent starts another. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (cage_enter(&err) == 0)
        return;
    (void)fprintf(stderr, "cosmowatch: reader: %s\n", err.msg);
    end(3);
}

int apart_serve(apart_service *const *services, size_t n)
{
    static struct apart_inside in; /* the process is nothing else */
    struct apart_ask ask;

    in.free_slots = APART_SLOTS;
    in.pages = mmap(NULL, sizeof *in.pages, PROT_READ | PROT_WRITE, MAP_SHARED, APART_PAGES, 0);
    if (in.pages == MAP_FAILED)
        return 2; /* somebody typed our name */
    close_doors();
    tell(&(struct apart_told){ .what = TOLD_READY });
    for (;;) {
        set_stage(&in, APART_TAKING);
        hear(&in, &ask);
        if (ask.what != ASK_WORK)
            hear_note(&in, &ask);
        else if (ask.service < n)
            work(&in, &ask, services[ask.service]);
        else
            end(2);
    }
}
