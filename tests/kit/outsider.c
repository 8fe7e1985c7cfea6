/* outsider.c - see outsider.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/outsider.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

pid_t outsider_start(void (*serve)(const void *with, int ready), const void *with, char ret_word[OUTSIDER_WORD_MAX])
{
    int ready[2];
    pid_t child;
    ssize_t n;

    must(pipe(ready) == 0, "pipe");
    child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(with, ready[1]);
        _exit(0);
    }
    (void)close(ready[1]);
    n = read(ready[0], ret_word, OUTSIDER_WORD_MAX - 1);
    must(n > 0, "a server that is ready");
    ret_word[n] = '\0';
    (void)close(ready[0]);
    return child;
}

struct http_wish {
    httpd_fn answer;
    const struct httpd_tls *tls;
};

static void serve_http(const void *with, int ready)
{
    const struct http_wish *wish = with;
    const char *url = httpd_url(httpd_start(wish->answer, NULL, wish->tls));

    must(write(ready, url, strlen(url)) == (ssize_t)strlen(url), "write");
    for (;;)
        (void)pause();
}

pid_t outsider_http(httpd_fn answer, const struct httpd_tls *tls, char ret_url[OUTSIDER_WORD_MAX])
{
    return outsider_start(serve_http, &(struct http_wish) { answer, tls }, ret_url);
}

void outsider_end(pid_t child)
{
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
}
