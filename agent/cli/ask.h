/* ask.h - questions to a person at a terminal. Questions go to standard error: standard output is for what was made.
 *
 * Ctrl-C leaves everything as it was: the files that were begun are removed, the terminal shows again what is typed.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CLI_ASK_H
#define COSMOWATCH_CLI_ASK_H

#include "base/buf.h"
#include "base/error.h"

struct asker {
    bool is_there;   /* a person */
    char line[4096]; /* the last answer; wiped by ask_release */
};

void ask_init(struct asker *a);
void ask_release(struct asker *a);
/* The answer, or the preset for an empty one. NULL: the input ended. */
const char *ask_line(struct asker *a, const char *question, const char *preset);
const char *ask_hidden(struct asker *a, const char *question); /* what is typed is not shown */
/* Anything but a clear answer is asked again; the preset where the input ended. */
bool ask_yes(struct asker *a, const char *question, bool preset);

/* This file goes when the program ends before ask_keep(), by a signal or by ask_undo(0). */
void ask_began(const char *path);
int ask_mark(void);
void ask_undo(int mark); /* those that were begun since */
void ask_hold(void);     /* from here on signals wait for the end: the last step is one */
void ask_keep(void);

#endif
