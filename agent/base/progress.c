/* progress.c - see progress.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/progress.h"

#include "base/num.h"
#include "base/services.h"
#include "base/term.h"

#include <stdio.h>

#define BAR 20
#define TERMINAL_MS 250
#define LINE_MS 30000

void progress_begin(struct progress *p, const struct services *sv, int fd, const char *what, const char *unit, int64_t total)
{
    *p = (struct progress){ .sv = sv, .what = what, .unit = unit, .total = total, .is_terminal = term_wants_colour(fd),
                            .begun_ms = sv_mono_ms(sv) };
    p->drawn_ms = p->begun_ms;
}

static void add_bar(struct buf *out, int64_t percent)
{
    buf_add_str(out, " [");
    for (int i = 0; i < BAR; i++)
        buf_add_char(out, i < percent * BAR / 100 ? '#' : '.');
    buf_addf(out, "] %" PRId64 " %%", percent);
}

static void add_amount(struct buf *out, const struct progress *p, const char *before, int64_t n, const char *after)
{
    bool is_bytes = strcmp(p->unit, "bytes") == 0;

    buf_add_str(out, before);
    if (is_bytes)
        fmt_bytes(out, n);
    else
        fmt_count(out, n);
    buf_addf(out, "%s%s%s", is_bytes ? "" : " ", is_bytes ? "" : p->unit, after);
}

void progress_add(struct buf *out, const struct progress *p, int64_t done, int64_t now_ms)
{
    int64_t ms = now_ms - p->begun_ms, rate = ms > 0 ? (int64_t)((double)done * 1000.0 / (double)ms) : 0;
    int64_t at = p->total > 0 && done > p->total ? p->total : done;

    buf_add_str(out, p->what);
    if (p->total > 0)
        add_bar(out, (int64_t)(100.0 * (double)at / (double)p->total));
    else
        add_amount(out, p, " ", done, "");
    if (rate > 0 && p->unit[0])
        add_amount(out, p, ", ", rate, "/s");
    if (rate > 0 && p->total > 0) {
        buf_add_str(out, ", ");
        fmt_duration_ms(out, (p->total - at) / rate * 1000);
        buf_add_str(out, " left");
    }
}

void progress_at(struct progress *p, int64_t done)
{
    CLEANUP(buf_release) struct buf line = BUF_HERE(512);
    int64_t now = sv_mono_ms(p->sv);

    if (now - p->drawn_ms < (p->is_terminal ? TERMINAL_MS : LINE_MS))
        return;
    p->drawn_ms = now;
    progress_add(&line, p, done, now);
    (void)fprintf(stderr, p->is_terminal ? "\r\x1b[K%s" : "%s\n", buf_cstr(&line));
    (void)fflush(stderr);
    p->is_drawn = true;
}

void progress_end(struct progress *p)
{
    if (p->is_drawn && p->is_terminal)
        (void)fputs("\r\x1b[K", stderr);
    p->is_drawn = false;
}
