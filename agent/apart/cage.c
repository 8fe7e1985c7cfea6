/* cage.c - see cage.h.
 *
 * Who is in the reader's code by a mistake of a parser can compute, answer, and die. The list is what reading takes,
 * found by running the tests and looking at what ended them; memory comes and goes, but none becomes executable; of
 * descriptors there are the socket, standard error and the pages, and only the agent can hand over another.
 * libseccomp and not a filter by hand: the numbers of system calls differ from machine to machine.
 *
 * Builds with a sanitizer, or that count coverage, write reports and open files for them: for these the list is turned
 * round, and ends what reaches out or starts something. They are for tests.
 * SPDX-License-Identifier: Apache-2.0 */
#include "apart/cage.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef COSMOWATCH_SANITIZED

static const int allowed[] = {
    /* messages, and memory that comes with them */
    SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(close),
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(futex_time64),
    /* clocks, where the kernel has to be asked for them */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(gettimeofday),
    /* the end, be it by abort() */
    SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
    SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(restart_syscall),
};

static int fill(scmp_filter_ctx filter)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(allowed); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    /* Last words on what it holds. No memory that can be executed. No signal but to itself. */
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1, SCMP_A0(SCMP_CMP_LE, STDERR_FILENO));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(writev), 1, SCMP_A0(SCMP_CMP_LE, STDERR_FILENO));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap2), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    return rc;
}

#define OTHERWISE SCMP_ACT_KILL_PROCESS

#else

static const int refused[] = {
    SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept),
    SCMP_SYS(accept4), SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(unlink), SCMP_SYS(rename),
};

static int fill(scmp_filter_ctx filter)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(refused); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, refused[i], 0);
    return rc;
}

#define OTHERWISE SCMP_ACT_ALLOW

#endif

int cage_enter(struct error *err)
{
    const struct rlimit none = { 0, 0 };
    scmp_filter_ctx filter = NULL;
    int rc = -ENOMEM;

    (void)setrlimit(RLIMIT_CORE, &none); /* its dump would hold log rows; dumpable is off as well */
    if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_errno(err, ERR_IO, errno, "prctl");
    filter = seccomp_init(OTHERWISE);
    if (filter)
        rc = fill(filter);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc == 0 ? 0 : error_errno(err, ERR_IO, -rc, "the filter of system calls");
}
