/* change.h - who changed what through Azure Resource Manager, and is it usual?
 *
 * Every change of an account, of rights on it, or of what watches it is an operation of AzureActivity: two rows
 * or three of one CorrelationId, Start, perhaps Accept, then Success or Failure. A change is told once, when its
 * end is there. Who it is, with what, and what is usual for him are read as for keys (key_event.h).
 * A deployment that repeats itself (Terraform, Bicep from a pipeline) writes the same things again and again: the
 * kind of change is a habit of a caller, of an account, or of both.
 * Sources: table reference of AzureActivity; Azure RBAC permissions reference for the operations' names.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_CHANGE_H
#define COSMOWATCH_KIT_CHANGE_H

#include "detectors/kit/key_event.h"

#define CHANGE_OPERATION_MAX 160
#define CHANGE_RESOURCE_MAX 512

struct change {
    struct key_event by;     /* who, with what; by.account is empty where the row is about no account */
    struct slice operation;  /* lower case: "microsoft.authorization/locks/delete"; view into the room below */
    struct slice resource;   /* the whole id of what was changed, as the row says it; view into the room below or the row */
    enum key_outcome outcome; /* KEY_DONE also for "Accept", with which a long operation's rows may end */
    char room[CHANGE_OPERATION_MAX], resource_room[CHANGE_RESOURCE_MAX];
};

/* False: no activity row, no operation, the beginning of one, nobody named as its caller, or Microsoft's own service at work. */
bool change_read(const struct observation *obs, struct change *ret);
/* Is it the operation, or one under it? "microsoft.documentdb/databaseaccounts" is over ".../sqldatabases/delete". */
bool change_is_under(const struct change *c, const char *prefix);
bool change_is(const struct change *c, const char *operation);
/* Of a resource's id what stands behind the last "/". */
struct slice change_last_part(struct slice id);
/* Was another row of this operation seen before? One letter for each detector. Asked once for a row. */
bool change_is_repeat(struct baseline *b, const struct change *c, char who);

struct change_usual {                 /* for the change's time, by closed slots */
    struct key_usual by;              /* the caller as such, and how long the log is read */
    struct habit_view caller;         /* this caller makes such changes, anywhere */
    struct habit_view caller_here;    /* ... of this account */
    struct habit_view here;           /* anybody makes such changes of this account */
    bool is_young;                    /* account or log too young: what looks new is not */
};

/* Note that the caller made a change of this kind (a letter of the detector's own for each kind of change) in the
 * detector's memory, which holds struct habit, and say what was usual before. What failed is looked up, not noted. Put
 * key_habits_memory and key_readers_memory among the detector's memories too. */
void change_note(struct baseline *b, const struct baseline_memory *habits, char kind, const struct change *c,
                 struct change_usual *ret);
/* The same for what happens by calendar, an exercise each quarter: remembered for HABIT_LONG_DAYS. A memory is used with one
 * of the two only. */
void change_note_long(struct baseline *b, const struct baseline_memory *habits, char kind, const struct change *c,
                      struct change_usual *ret);
/* What the request's body says under this name, where the row carries it (text in text, in its properties): the first text
 * that is not empty. A view into the row, empty when unsaid. */
struct slice change_says(const struct change *c, const char *name);
/* Has the operator named the caller, or its application, as one who may (trusted: principals)? */
bool change_is_trusted(const struct detector_context *ctx, const struct change *c);

/* Who made a change, kept for a row that comes later. Plain data; zeroed: nobody yet. */
struct change_by {
    char caller[CALLER_MAX], caller_name[CALLER_MAX], app_id[FEW_TEXT], tool[FEW_TEXT], address[FEW_TEXT], place[256];
    char role[CALLER_MAX], correlation[FEW_TEXT];
};

/* The text into an empty room of `size` bytes, cut and terminated; of several the first. None with a NUL in it. */
void change_keep_text(char *room, struct slice text, size_t size);
/* Adds what is not known yet: of several rows the first one that says it. */
void change_keep(struct change_by *by, const struct change *c);
/* principal, callerName, appId, application, address, place, role, correlationId; `by` outlives the draft. */
void change_add(struct fact_list *f, const struct change_by *by);

/* ---- telling --------------------------------------------------------------------------------------------- */

struct change_alert {
    const char *detector, *type, *variant; /* variant: NULL for none */
    enum severity severity;
    int confidence;
    struct slice subject;
    bool is_counted; /* false: the other row of a change that was told (change_is_repeat); it adds its time, no request */
};

int change_confidence(enum severity s); /* of what one change says: the graver, the surer it has to be */
/* One change as (part of) an alert of its UTC day. `f` may hold more; added are who (change_add), changed (the resource's
 * id), operations, and requests or failedRequests. Both rows of a change are to be told, so that the alert does not hang on
 * which came first. */
int change_emit(const struct change_alert *a, const struct change *c, struct fact_list *f, const struct detector_context *ctx,
                struct error *err);

#endif
