/* syslog_frame.h - one alert as one syslog message: header, text, framing. Pure.
 *
 * Sources: RFC 5424 (header, limits), RFC 3164 (the older form and what receivers make of it), RFC 6587
 * (framing on a stream), all read 2026; behaviour of rsyslog 8.2302 and syslog-ng 3.38 as seen.
 *
 * - No byte order mark before the text: rsyslog keeps it, and then nobody finds "CEF:" at the start.
 * - In the older form CEF and LEEF get no tag: receivers take "CEF:" for the tag, and Microsoft's agent
 *   expects exactly that. Any other text gets "app[pid]: ".
 * - The time is UTC in every form. Severity never exceeds 3 (severity.h).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SYSLOG_FRAME_H
#define COSMOWATCH_SYSLOG_FRAME_H

#include "base/buf.h"

struct alert;

enum syslog_header {
    SYSLOG_RFC5424,
    SYSLOG_RFC3164,     /* "Aug 20 10:00:01": no year, no zone */
    SYSLOG_RFC3164_ISO, /* the same with "2026-08-20T10:00:01.123Z", which receivers take as well */
};

enum syslog_framing {
    SYSLOG_BARE,        /* a datagram */
    SYSLOG_COUNTED,     /* "123 <134>1 ...": any byte may be inside */
    SYSLOG_NEWLINE,     /* ended by LF; line ends inside become spaces */
};

struct syslog_format {
    enum syslog_header header;
    enum syslog_framing framing;
    int facility;          /* 0..23 */
    const char *hostname, *app_name, *sd_id; /* sd_id "" or NULL: no structured data */
    int64_t pid;
    size_t message_max;    /* bytes of a message without its framing */
};

/* Appends. ERR_LIMIT when the message is longer than message_max (nothing is appended then). */
MUST_CHECK int syslog_frame_add(struct buf *out, const struct syslog_format *f, const struct alert *a,
                                struct slice text, int64_t now_ns, struct error *err);

/* The type of an alert as MSGID: at most 32 characters, different for different types. */
void syslog_add_msgid(struct buf *out, const char *type);

/* Printable ASCII without blanks, cut to max; "-" when nothing is left. */
void syslog_add_word(struct buf *out, struct slice s, size_t max);

extern const char *const syslog_facilities[]; /* by number; NULL-terminated */

#endif
