/* user_agent.h - what a user-agent text says about the program behind it.
 *
 * The text is the caller's own word: fine for telling the applications of an account apart and for
 * noticing a tool that does not hide, worthless as proof of being harmless.
 * Formats: SDK sources and public diagnostics (each row of the table in user_agent.c names its own).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_USER_AGENT_H
#define COSMOWATCH_USER_AGENT_H

#include "base/slice.h"

enum agent_kind {
    AGENT_UNKNOWN,    /* nothing we know; also an application's bare suffix in direct mode */
    AGENT_SDK,        /* a Cosmos DB SDK */
    AGENT_DRIVER,     /* MongoDB, Cassandra, Gremlin or Table driver */
    AGENT_BROWSER,    /* the portal's Data Explorer, as a rule */
    AGENT_MANAGEMENT, /* az, PowerShell, Terraform */
    AGENT_SCRIPT,     /* curl, python-requests, Postman: a person at work, or somebody else's script */
    AGENT_TOOL,       /* scanners and attack tools that give their name */
    AGENT_SERVICE,    /* the service itself, if the key column agrees (caller.h) */
};

struct user_agent {
    const char *family;     /* short stable name, "dotnet-v3"; "other" when unknown; "" for empty text */
    enum agent_kind kind;
    struct slice product;   /* "cosmos-netstandard-sdk"; an unknown text's first word, at most 48 bytes */
    struct slice version;   /* "3.49.0"; empty when unsaid */
    struct slice platform;  /* operating system as written, "Linux/5.15.0-1059-azure"; may be empty */
};

/* Views into text (and static strings). Never fails: a text that says nothing gives "other". */
void user_agent_parse(struct slice text, struct user_agent *ret);

#endif
