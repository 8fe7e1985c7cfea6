/* ask.c - see ask.h. SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define FILES_MAX 32
#define PATH_MAX_BYTES 1024

/* A signal handler is given no argument: what it must undo stands here. Written by the only thread there is. */
static char begun[FILES_MAX][PATH_MAX_BYTES];
static volatile sig_atomic_t begun_len;
static struct termios shown;
static volatile sig_atomic_t is_hidden;

/* unlink and tcsetattr may be called from a handler. */
void ask_undo(int mark)
{
    if (is_hidden)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &shown);
    for (int i = mark; i < begun_len; i++)
        (void)unlink(begun[i]);
    if (begun_len > mark)
        begun_len = mark;
}

static void on_signal(int number)
{
    static const char said[] = "\nnothing was changed\n";

    ask_undo(0);
    (void)!write(STDERR_FILENO, said, sizeof said - 1);
    _exit(128 + number);
}

void ask_began(const char *path)
{
    size_t len = strlen(path);

    for (int i = 0; i < begun_len; i++)
        if (strcmp(begun[i], path) == 0)
            return;
    if (begun_len == FILES_MAX || len >= PATH_MAX_BYTES)
        return;
    memcpy(begun[begun_len], path, len + 1);
    begun_len++;
}

int ask_mark(void)
{
    return begun_len;
}

void ask_keep(void)
{
    begun_len = 0;
}

static void on_ends(void (*handler)(int))
{
    static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction act = { .sa_handler = handler };

    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        (void)sigaction(ends[i], &act, NULL);
}

void ask_hold(void)
{
    on_ends(SIG_IGN);
}

void ask_init(struct asker *a)
{
    *a = (struct asker){ .is_there = isatty(STDIN_FILENO) == 1 };
    (void)setvbuf(stdin, NULL, _IONBF, 0); /* no copy of a secret stays in a buffer */
    on_ends(on_signal);
}

void ask_release(struct asker *a)
{
    explicit_bzero(a->line, sizeof a->line);
}

static const char *read_line(struct asker *a, const char *preset)
{
    size_t len = 0;

    if (!fgets(a->line, sizeof a->line, stdin))
        return NULL;
    len = strlen(a->line);
    while (len > 0 && (a->line[len - 1] == '\n' || a->line[len - 1] == '\r' || a->line[len - 1] == ' '))
        a->line[--len] = '\0';
    return len > 0 ? a->line : preset;
}

const char *ask_line(struct asker *a, const char *question, const char *preset)
{
    (void)fprintf(stderr, preset && preset[0] ? "%s [%s]: " : "%s: ", question, preset);
    return read_line(a, preset);
}

const char *ask_hidden(struct asker *a, const char *question)
{
    const char *answer = NULL;
    struct termios hidden;

    /* Hidden first: who types fast, or pastes, does so as soon as the question stands there. */
    if (tcgetattr(STDIN_FILENO, &shown) == 0) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        is_hidden = 1;
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &hidden);
    }
    (void)fprintf(stderr, "%s: ", question);
    answer = read_line(a, NULL);
    if (is_hidden) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &shown);
        is_hidden = 0;
        (void)fputc('\n', stderr);
    }
    return answer;
}

bool ask_yes(struct asker *a, const char *question, bool preset)
{
    for (;;) {
        const char *answer = ask_line(a, question, preset ? "yes" : "no");

        if (!answer)
            return preset;
        if (answer[0] == 'y' || answer[0] == 'Y')
            return true;
        if (answer[0] == 'n' || answer[0] == 'N')
            return false;
        (void)fputs("yes or no?\n", stderr);
    }
}
