/* catalogue_incident.c - chains of alerts. The cloud's own product documents no incident that names Cosmos DB;
 * these are ours, built as it builds its own: same resource or same actor, in the order of an attack. Severity here
 * is the least an incident of that kind has; the one told is that of its gravest member, raised by one step. Facts
 * used in the templates are those of agent/alert/incident.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue_parts.h"

#define LOOK_MEMBERS                                                                               \
    "Read the member alerts in the order of the time line: `cosmowatch alerts show ID` with each of {members}."
#define LOOK_FIRST                                                                                 \
    "Begin with the earliest one: who was it, and is there an explanation that would also cover the later ones?"
#define LOOK_NEIGHBOURS                                                                            \
    "Look for the same addresses and principals[[ ({address})]] at storage, Key Vault and other accounts."
#define PREVENT_PATH                                                                               \
    "Close the way in that the first alert shows; each member alert names its own measures."

/* Every request of the accounts in that time, and what was done to them; who and from where. */
#define KQL_ACTIVITY(rows)                                                                         \
    ", (AzureActivity | where " rows                                                               \
    " | extend AccountName = extract(@\"/databaseaccounts/([^/]+)\", 1, tolower(_ResourceId))"       \
    " | project Type, TimeGenerated, OperationName = OperationNameValue, AccountName, Address = CallerIpAddress," \
    " UserId = Caller, ActivityId = CorrelationId)"
#define KQL_KEYS_READ                                                                              \
    "OperationNameValue has_any (\"listKeys\", \"readonlykeys\", \"listConnectionStrings\", \"regenerateKey\")"
#define KQL_ACCOUNTS                                                                               \
    KQL_REQUESTS_OF(KQL_ACTIVITY("tolower(_ResourceId) has \"/databaseaccounts/\""), "", "in~ {accounts:kqlset}") \
    "[[| where " KQL_FROM_CLIENT "\n]]"                                                            \
    "| summarize Requests=count(), Bytes=sum(ResponseLength), First=min(TimeGenerated), "          \
    "Last=max(TimeGenerated) by Type, AccountName, Database, Container, OperationName, Status, "   \
    "Client, Agent, Principal, Key\n"                                                              \
    "| order by First asc"

#define DATA_PLANE                                                                                 \
    { "CDBDataPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests", "CDBGremlinRequests", "CDBTableApiRequests" }

#define WHY_CHAIN(span)                                                                            \
    "{types} kinds of alert about {account} follow one another within " span                       \
    "[[ (goes on from {continues})]]: {timeline}. Severity: {raised}."

const struct alert_type alert_types_incident[] = {
    {
        .id = "CosmosDBX_Incident.KeyTheft",
        .display_name = "Incident: account keys were read and then used",
        .severity = SEVERITY_MEDIUM,
        .is_incident = true,
        .open_days = 15,
        .intent = "CredentialAccess",
        .techniques = { "T1555.006", "T1078.004", "T1213.006" },
        .description =
            "Somebody unusual read the keys of {account}, and within 14 days the account was used from a place or in a "
            "way that is not its own. Together these look like a stolen key at work.",
        .why = WHY_CHAIN("14 days"),
        .investigate = { LOOK_MEMBERS,
                         "Is the reader of the keys who it says it is? Its sign-ins at that time, and why its role "
                         "allows reading keys.",
                         LOOK_KEY, LOOK_NEIGHBOURS, LOOK_EXTENT },
        .remediate = { ACT_EVIDENCE, ACT_KEYS,
                       "Disable the identity that read the keys, revoke its sessions, remove its roles.", ACT_CLOSE,
                       "Set disableLocalAuth once applications use Microsoft Entra ID: then keys are worth nothing (" KEYS_ALONE
                       ")." },
        .prevent = { PREVENT_ENTRA, PREVENT_KEYS, PREVENT_ROLES, PREVENT_NETWORK },
        .tables = { "AzureActivity", "CDBDataPlaneRequests" },
        .kql = KQL_REQUESTS_OF(KQL_ACTIVITY(KQL_KEYS_READ), "", "in~ {accounts:kqlset}")
               "[[| where Type == \"AzureActivity\" or " KQL_FROM_CLIENT "\n]]"
               "| summarize Requests=count(), Bytes=sum(ResponseLength) by bin(TimeGenerated, 1h), Type, AccountName, "
               "What=OperationName, Who=coalesce(Principal, Key), From=Client\n"
               "| order by TimeGenerated asc",
    },
    {
        .id = "CosmosDBX_Incident.Intrusion",
        .display_name = "Incident: unusual access followed by more",
        .severity = SEVERITY_MEDIUM,
        .is_incident = true,
        .open_days = 2,
        .intent = "InitialAccess",
        .techniques = { "T1110", "T1078.004", "T1213.006" },
        .description =
            "Within 24 hours {account} was tried or entered in an unusual way and then explored or emptied. Each step "
            "alone may have an explanation; one after the other they look like an intrusion.",
        .why = WHY_CHAIN("24 hours"),
        .investigate = { LOOK_MEMBERS, LOOK_FIRST, LOOK_KEY, LOOK_PRINCIPAL, LOOK_EXTENT, LOOK_NEIGHBOURS },
        .remediate = { ACT_EVIDENCE, ACT_CLOSE, ACT_KEYS,
                       "If a principal was used: disable it, revoke its sessions, remove its roles.",
                       "Judge the duty to report a breach with the list of containers read." },
        .prevent = { PREVENT_PATH, PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_ROLES },
        .tables = DATA_PLANE,
        .kql = KQL_ACCOUNTS,
    },
    {
        .id = "CosmosDBX_Incident.Injection",
        .display_name = "Incident: injection attempts that came through",
        .severity = SEVERITY_MEDIUM,
        .is_incident = true,
        .open_days = 2,
        .intent = "Exfiltration",
        .techniques = { "T1595.002", "T1190", "T1213.006" },
        .description =
            "Within 24 hours statements against {account} were first tried and then succeeded, or data left after them. "
            "Somebody works on the application in front of it and found a way.",
        .why = WHY_CHAIN("24 hours"),
        .investigate = { LOOK_MEMBERS,
                         "Find the page or API that builds the statements: the application's log at the times above.",
                         "The addresses are the application's; the attacker is behind it: look for his requests in the "
                         "application's or gateway's log, from the first failing statement on.",
                         LOOK_EXTENT },
        .remediate = { ACT_CODE, ACT_EVIDENCE,
                       "Treat the application's credential as exposed where it can read more than these containers.",
                       "Judge the duty to report a breach with the list of containers read." },
        .prevent = { PREVENT_QUERIES, PREVENT_ROLES, "A WAF rule for the pattern; generic error pages." },
        .tables = { "CDBQueryRuntimeStatistics", "CDBDataPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests",
                    "CDBGremlinRequests", "CDBTableApiRequests" },
        .kql = KQL_ACCOUNTS,
    },
    {
        .id = "CosmosDBX_Incident.Blindfold",
        .display_name = "Incident: logs switched off, then something else",
        .severity = SEVERITY_MEDIUM,
        .is_incident = true,
        .open_days = 2,
        .intent = "DefenseEvasion",
        .techniques = { "T1562.008", "T1078.004" },
        .description =
            "Logs of {account} were switched off, and within 24 hours the account stands in another alert. What is seen of "
            "it is what other logs show; the rest of what was done meanwhile is not seen by anybody.",
        .why = WHY_CHAIN("24 hours"),
        .investigate = { LOOK_MEMBERS,
                         "Is it one and the same who switched the logs off and did the rest? Compare principals, addresses, "
                         "programs[[ ({principal})]].",
                         "What is not logged shows in metrics alone: TotalRequests by operation and status since the first "
                         "alert.",
                         LOOK_KEY, LOOK_NEIGHBOURS },
        .remediate = { "Put the diagnostic setting back first; the alert about it names the command.", ACT_EVIDENCE,
                       "If a principal was used: disable it, revoke its sessions, remove its roles.", ACT_KEYS,
                       "Count what the account holds as read from the first alert until the logs are back." },
        .prevent = { PREVENT_PATH,
                     "Azure Policy that puts diagnostic settings back, and a second destination that the account's "
                     "administrators cannot change.",
                     PREVENT_ROLES },
        .tables = DATA_PLANE,
        .kql = KQL_ACCOUNTS,
    },
    {
        .id = "CosmosDBX_Incident.Ransom",
        .display_name = "Incident: data taken or its protection removed, then destroyed",
        .severity = SEVERITY_MEDIUM,
        .is_incident = true,
        .open_days = 2,
        .intent = "Impact",
        .techniques = { "T1213.006", "T1490", "T1485", "T1486" },
        .description =
            "Within 24 hours data of {account} were read in bulk or copied, or backup, locks or logs of it were "
            "weakened, and data were destroyed. That is how extortion goes: a copy first, then nothing to restore from, "
            "then the loss.",
        .why = WHY_CHAIN("24 hours"),
        .investigate = { LOOK_MEMBERS,
                         "Is it still going on? The newest rows of the query below, now.",
                         "From when is the last good state? Look for the first deletion, not for the first alert: that "
                         "is the time to restore to.",
                         "Is there a note: a new database, container or item that nobody of yours made?",
                         LOOK_PRINCIPAL, LOOK_NEIGHBOURS },
        .remediate = { ACT_EVIDENCE,
                       "Stop who does it before anything else: disable the identity, close the firewall, regenerate the "
                       "keys of {account} (all four).",
                       "Restore into a new account from continuous backup, to the minute before the first deletion, "
                       "while that is still within the backup's days; of periodic backup only Microsoft's support "
                       "restores: open the case now.",
                       "Put locks, backup and diagnostic settings back.",
                       "Judge the duty to report a breach: what was read before is in the member alerts." },
        .prevent = { "Continuous backup with 30 days for what cannot be lost.",
                     "CanNotDelete locks on account and resource group, and a role to remove them that nobody has every "
                     "day.",
                     PREVENT_ROLES, PREVENT_NETWORK },
        .tables = { "CDBDataPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests", "CDBGremlinRequests",
                    "CDBTableApiRequests", "AzureActivity" },
        .kql = KQL_ACCOUNTS,
    },
    {
        .id = "CosmosDBX_Incident.Insider",
        .display_name = "Incident: rights were granted, then used",
        .severity = SEVERITY_MEDIUM,
        .is_incident = true,
        .open_days = 2,
        .intent = "PrivilegeEscalation",
        .techniques = { "T1098.003", "T1078.004", "T1213.006" },
        .description =
            "Within 24 hours somebody was given rights on {account} in an unusual way, and the account was then used by "
            "a new principal, or in a new way, or emptied. Rights that are given for one deed look like this.",
        .why = WHY_CHAIN("24 hours"),
        .investigate = { LOOK_MEMBERS,
                         "Who granted, who received, and do they know each other? The same hand may hold both identities.",
                         "Is there a ticket or a change that asks for these rights?", LOOK_PRINCIPAL, LOOK_EXTENT },
        .remediate = { "Take the role assignment away, and what else the same caller granted that day.",
                       "Disable the identity that used it; a token lives on for about an hour.", ACT_EVIDENCE,
                       "If keys could be read with the role, regenerate them.",
                       "Judge the duty to report a breach with the list of containers read." },
        .prevent = { PREVENT_ROLES, "Privileged Identity Management: rights for hours, with approval.",
                     "An Azure Policy that denies role assignments at the scope of the whole account." },
        .tables = { "AzureActivity", "CDBDataPlaneRequests", "CDBMongoRequests" },
        .kql = KQL_ACCOUNTS,
    },
    {
        .id = "CosmosDBX_Incident.Takeover",
        .display_name = "Incident: power was taken, then keys, then the defence",
        .severity = SEVERITY_MEDIUM,
        .is_incident = true,
        .open_days = 2,
        .intent = "PrivilegeEscalation",
        .techniques = { "T1098.003", "T1555.006", "T1562.007", "T1485" },
        .description =
            "Within 24 hours rights were taken, and then keys of {account} were read, its network or its logging was "
            "opened or switched off, or data left it or were destroyed. Somebody takes the subscription over, step by "
            "step.",
        .why = WHY_CHAIN("24 hours"),
        .investigate = { LOOK_MEMBERS,
                         "The sign-ins of the identity that took the rights: risk, address, device, a consent or a new "
                         "credential of an application just before.",
                         "What else did it do in the subscription that day? AzureActivity by Caller.", LOOK_KEY,
                         LOOK_NEIGHBOURS },
        .remediate = { ACT_EVIDENCE,
                       "Disable the identity, revoke its sessions and credentials, remove every role it holds or gave.",
                       "If tenant-wide access was taken: turn it off (Microsoft Entra ID, Properties, Access management "
                       "for Azure resources).",
                       ACT_KEYS, "Put firewall and diagnostic settings back as they were." },
        .prevent = { "Privileged Identity Management with approval for Owner and User Access Administrator.", PREVENT_ROLES,
                     PREVENT_ENTRA, PREVENT_NETWORK },
        .tables = { "AzureActivity", "CDBControlPlaneRequests", "CDBDataPlaneRequests" },
        .kql = KQL_ACCOUNTS,
    },
    {
        .id = "CosmosDBX_Incident.SameActor",
        .display_name = "Incident: one actor at several accounts",
        .severity = SEVERITY_MEDIUM,
        .is_incident = true,
        .open_days = 2,
        .intent = "InitialAccess",
        .techniques = { "T1078.004", "T1580", "T1213.006" },
        .description =
            "One network or principal, {subject}, stands in alerts of at least three kinds about at least two accounts "
            "within 24 hours. That is no misunderstanding of a single application.",
        .why = "{subject} stands in {types} kinds of alert about the accounts {accounts} within 24 hours"
               "[[ (goes on from {continues})]]: {timeline}. Severity: {raised}.",
        .investigate = { LOOK_MEMBERS, "Whose network or principal is {subject}, and what did it do elsewhere?",
                         "If it is a shared exit (a VPN, a proxy, a build agent), who was behind it at these times?",
                         LOOK_NEIGHBOURS },
        .remediate = { ACT_EVIDENCE,
                       "Block {subject} at the firewalls of all accounts named, or disable the principal and revoke its "
                       "sessions.",
                       "Change the keys of every account where a key was used." },
        .prevent = { PREVENT_PATH, PREVENT_NETWORK, PREVENT_KEYS },
        .tables = { "CDBDataPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests", "CDBGremlinRequests",
                    "CDBTableApiRequests", "AzureActivity" },
        .kql = KQL_ACCOUNTS,
    },
    { .id = NULL },
};
