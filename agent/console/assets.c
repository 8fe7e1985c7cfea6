/* assets.c - see assets.h. The files beside it become part of the object as they are.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/assets.h"

/* Paths from the top of the tree, where make stands. Global: with link-time optimisation the bytes land in another object than
 * who refers to them. */
#define FILE_BYTES(name, path)                                                                                         \
    __asm__(".section .rodata\n.balign 16\n"                                                                           \
            ".global " #name "_at, " #name "_end\n.hidden " #name "_at, " #name "_end\n"                               \
            #name "_at:\n.incbin \"" path "\"\n" #name "_end:\n.byte 0\n.previous\n");                                 \
    extern const char name##_at[], name##_end[]

FILE_BYTES(console_style, "agent/console/style.css");
FILE_BYTES(console_script, "agent/console/console.js");
FILE_BYTES(console_icon, "agent/console/icon.svg");
FILE_BYTES(report_style, "agent/report/report.css");

const struct asset *assets_find(const char *path)
{
    static struct asset all[] = {
        { .path = "/style.css", .type = "text/css; charset=utf-8" },
        { .path = "/console.js", .type = "text/javascript; charset=utf-8" },
        { .path = "/icon.svg", .type = "image/svg+xml" },
        { .path = "/report.css", .type = "text/css; charset=utf-8" },
    };
    const char *const from[] = { console_style_at, console_script_at, console_icon_at, report_style_at };
    const char *const to[] = { console_style_end, console_script_end, console_icon_end, report_style_end };

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (strcmp(path, all[i].path) == 0) {
            all[i].bytes = slice_make(from[i], (size_t)(to[i] - from[i]));
            return &all[i];
        }
    return NULL;
}
