/* notify.c - see notify.h. SPDX-License-Identifier: Apache-2.0 */
#include "notify.h"

#ifdef __has_include
#if __has_include(<systemd/sd-daemon.h>)
#include <systemd/sd-daemon.h>
#define HAS_SYSTEMD 1
#endif
#endif

#define FEED_EVERY_MS 1000 /* well below half of any sensible WatchdogSec= */

/* A failure to tell is the manager's loss: it sees a late READY=1 or a hungry watchdog and says so itself. */
static void tell(const char *key, const char *value)
{
#ifdef HAS_SYSTEMD
    (void)sd_notifyf(0, "%s=%s", key, value);
#else
    (void)key;
    (void)value;
#endif
}

void notify_progress(void *self)
{
    struct notify *n = self;
    int64_t now_ms = sv_mono_ms(n->sv);

    if (!n->is_ready) {
        tell("READY", "1");
        n->is_ready = true;
    } else if (now_ms >= n->due_ms) {
        tell("WATCHDOG", "1");
        n->due_ms = now_ms + FEED_EVERY_MS;
    }
}

void notify_reloading(struct notify *n)
{
    tell("RELOADING", "1");
    n->is_ready = false;
}

void notify_stopping(void)
{
    tell("STOPPING", "1");
}
