/* term.c - see term.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/term.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || c == 0x061c ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void term_add_safe(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.len;) {
        uint32_t c;
        size_t n = utf8_next(s, i, &c);

        if (c == UTF8_BAD) {
            for (size_t k = i; k < i + n; k++)
                buf_addf(out, "\\x%02x", (unsigned)(unsigned char)s.at[k]);
            i += n;
            continue;
        }
        if (is_unsafe(c))
            buf_addf(out, "\\u{%x}", (unsigned)c);
        else
            buf_add(out, s.at + i, n);
        i += n;
    }
}

const char *term_style(bool is_colour, enum term_style s)
{
    static const char *const codes[] = {
        [TERM_PLAIN] = "\x1b[0m", [TERM_BOLD] = "\x1b[1m",    [TERM_DIM] = "\x1b[2m",
        [TERM_RED] = "\x1b[1;31m", [TERM_YELLOW] = "\x1b[33m", [TERM_GREEN] = "\x1b[32m",
        [TERM_CYAN] = "\x1b[36m",
    };

    return is_colour ? codes[s] : "";
}

bool term_wants_colour(int fd)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(fd) && !(no && no[0]) && term && strcmp(term, "dumb") != 0;
}

int term_width(int fd)
{
    struct winsize w = { 0 };

    if (ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col >= 40)
        return w.ws_col > 140 ? 140 : w.ws_col;
    return 100;
}

static int shown_width(struct slice word)
{
    int n = 0;

    for (size_t i = 0; i < word.len; i++)
        n += ((unsigned char)word.at[i] & 0xc0) != 0x80;
    return n;
}

void term_add_wrapped(struct buf *out, struct slice text, int first_column, int indent, int width)
{
    int column = first_column;
    bool is_first = true;
    struct slice word = { 0 };

    while (slice_split(&text, ' ', &word)) {
        int w = shown_width(word);

        if (!is_first && column + 1 + w > width) {
            buf_addf(out, "\n%*s", indent, "");
            column = indent;
        } else if (!is_first) {
            buf_add_char(out, ' ');
            column++;
        }
        buf_add_slice(out, word);
        column += w;
        is_first = false;
    }
}
