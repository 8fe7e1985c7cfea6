/* key_event.h - what a row of AzureActivity says about keys, and what is usual there.
 *
 * Reading a key is a POST to Azure Resource Manager: it leaves rows in AzureActivity and nowhere else (the
 * service's own control-plane table has no such operation). One operation is two rows or three, Start, then
 * Success or Failure, with one CorrelationId; a deployment shares one CorrelationId over many operations.
 * Who reads by habit (Terraform at each refresh, a rotation job, a person in the portal) is learned here once
 * for all detectors of keys: noting the same row twice changes nothing.
 * Sources: Azure RBAC permissions reference; table reference of AzureActivity; well-known application ids of
 * Microsoft's first-party applications (merill/microsoft-info).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_KEY_EVENT_H
#define COSMOWATCH_KIT_KEY_EVENT_H

#include "detectors/detector.h"
#include "detectors/kit/few.h"
#include "detectors/kit/habit.h"

#define CALLER_MAX 128 /* bytes of a caller that count: a UPN has at most 113 */

enum key_action {
    KEY_ACTION_NONE,
    KEY_ACTION_LIST,           /* all four keys, or connection strings with them */
    KEY_ACTION_LIST_READONLY,  /* the two read-only keys */
    KEY_ACTION_REGENERATE,
    KEY_ACTION_ELSEWHERE,      /* secrets of another provider's resource */
};

enum key_outcome { KEY_PENDING, KEY_DONE, KEY_REFUSED };

enum key_tool { /* by application id */
    KEY_TOOL_OTHER,      /* an application of its own: service principal, managed identity */
    KEY_TOOL_PORTAL,     /* portal, Data Explorer: a person clicks */
    KEY_TOOL_CLI,        /* Azure CLI with a person's token */
    KEY_TOOL_POWERSHELL, /* Azure PowerShell with a person's token */
    KEY_TOOL_MICROSOFT,  /* the service's own, Policy, Defender, Resource Graph: not a caller to judge */
};

struct key_event {
    const struct observation *obs;
    enum key_action action;
    enum key_outcome outcome;
    enum key_tool tool;
    const char *tool_name;         /* "Azure PowerShell"; "" for KEY_TOOL_OTHER */
    struct slice account;          /* empty for other providers */
    struct slice caller, app_id, subscription, provider; /* lower case, views into the rooms below */
    struct slice object_id;        /* lower case; empty when unsaid */
    bool is_person;                /* the caller is a user name */
    bool is_guest;                 /* a user of another tenant */
    char caller_room[CALLER_MAX], app_room[FEW_TEXT], subscription_room[FEW_TEXT],
         provider_room[FEW_TEXT], object_room[FEW_TEXT];
};

/* False: the row says nothing about keys, or is the beginning of an operation. `ret` is filled as far as
 * caller, application and subscription go in any case. */
bool key_event_read(const struct observation *obs, struct key_event *ret);
/* One operation counts once per detector: was another row of it seen before? `who` is a letter of the
 * detector's own. */
bool key_event_is_repeat(struct baseline *b, const struct key_event *e, char who);
/* Did this very row come for the first time? Its own id says so; without one, or without memory, each row is the first. `who`:
 * the detector's own, at most four letters. Of the same memory, key_operations_memory. */
bool key_row_is_first(struct baseline *b, const struct observation *obs, const char *who);
/* A word for people: "listKeys", "readonlykeys", "regenerateKey". */
struct slice key_event_operation(const struct key_event *e);

/* ---- what is usual ----------------------------------------------------------------------------- */

extern const struct baseline_memory key_habits_memory, key_readers_memory, key_operations_memory;

struct key_usual { /* for the event's time, by closed slots */
    struct habit_view active;      /* the caller, anything it does that we get to see */
    struct habit_view reads;       /* the caller reads keys, of any account */
    struct habit_view reads_here;  /* the caller reads keys of this account */
    struct habit_view application; /* the caller through this application */
    struct habit_view reads_here_so; /* the caller reads keys of this account through this application */
    struct habit_view log;         /* the activity log of this subscription */
    bool is_logged;                /* the log was read long enough to call something new */
};

/* Note the row (of any operation) and say what was usual before. */
void key_event_note(struct baseline *b, const struct key_event *e, struct key_usual *ret);
/* The account is too young, or its activity log is: what looks new is not. */
bool key_event_is_learning(struct baseline *b, const struct key_event *e, const struct key_usual *usual);
/* Was the activity log of the subscription (or of the account, where no id names the subscription) read for
 * that long before the time? */
int64_t key_log_days(struct baseline *b, struct slice account, struct slice resource_id, int64_t time_ns);
/* Callers who read this account's keys lately, by closed slots: added to `ret`, each with the days since. */
void key_readers_look(struct baseline *b, struct slice account, int64_t time_ns, struct few *ret);

/* Did the operator say that this caller, or its application, may read keys (of this account)? */
bool key_event_is_trusted(const struct enrich *enrich, const struct key_event *e);
/* Forget short-lived sums once no row can come any more; `*swept_ns` is the caller's. The memories end with
 * NULL. */
void key_sweep(const struct detector_context *ctx, int64_t keep_ns, const struct baseline_memory *const *memories,
               int64_t *swept_ns);

/* ---- networks ---------------------------------------------------------------------------------- */

#define NETWORK_TEXT 56

struct network_of { /* of an address: the range of one site, and the wide one of its provider */
    char near[NETWORK_TEXT]; /* /24 of IPv4, /64 of IPv6 */
    char wide[NETWORK_TEXT]; /* /16 of IPv4, /40 of IPv6 */
    bool is_v4;
};

/* False: no address, a private one, or no address at all. */
bool network_of(struct slice address, struct network_of *ret);

#endif
