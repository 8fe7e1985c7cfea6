/* notify.h - what the service manager is told (sd_notify(3)): that the agent is up, that it makes progress, that it ends.
 *
 * Progress is a pass of the flow's loop: an agent whose flow thread hangs stops feeding the watchdog and is started anew.
 * Nothing happens when nobody asked ($NOTIFY_SOCKET) or the build had no libsystemd.
 * Threads: the caller's, all from one.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_NOTIFY_H
#define COSMOWATCH_NOTIFY_H

#include "base/services.h"

struct notify {
    const struct services *sv; /* for the clock */
    bool is_ready;             /* READY=1 was said */
    int64_t due_ms;            /* when the watchdog is fed next */
};

/* `self` is a struct notify: fits flow_run(). The first call says READY=1; later ones feed the watchdog, at most once a
 * second. */
void notify_progress(void *self);
/* The configuration is read anew; the next notify_progress() says READY=1 again. */
void notify_reloading(struct notify *n);
void notify_stopping(void);

#endif
