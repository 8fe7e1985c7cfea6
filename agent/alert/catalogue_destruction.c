/* catalogue_destruction.c - data destroyed: through the data plane by who holds a key or a role there, and resources through
 * Azure Resource Manager.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue_parts.h"

/* ---- of resource_deletion and backup_weakened ---- */

#define ASK_CALLER                                                                                 \
    "Ask who did it[[ ({principal})]]: is there a ticket, a pull request, a pipeline run? Look at the sign-ins around " \
    "{first}: address, device, risk."
#define STOP_CALLER                                                                                \
    "If the caller[[ ({principal})]] cannot explain it: disable it, revoke its sessions and take its roles away, before " \
    "anything is restored."
#define KEEP_ACCOUNT                                                                               \
    "Stop what still deletes, and leave the backup policy as it is; where backups are periodic open a support request " \
    "at once, for they are kept for hours."
#define PREVENT_LOCK                                                                               \
    "A CanNotDelete lock on production accounts and their resource groups, and no pipeline with the right to remove locks."
#define PREVENT_CONTINUOUS                                                                         \
    "Continuous backup of 30 days on accounts that matter: a deleted account or container comes back from it."
#define PREVENT_DELETE_ROLE                                                                        \
    "Roles without */delete for people and pipelines of production; Privileged Identity Management for those who need it."
#define FIND_CALLER                                                                                \
    "[[{principal} is named by the activity log.]] Where nobody is named, look for AzureActivity rows of {account} " \
    "around {first} whose clientRequestId (in HTTPRequest) is the ActivityId of the rows below, else by time alone."

/* Deletions, and changes, in the log that names the caller and in the one that names what was changed. */
#define KQL_BOTH                                                                                   \
    "union isfuzzy=true AzureActivity, CDBControlPlaneRequests\n"                                  \
    "| where TimeGenerated between ({first:kql} - 1h .. {last:kql} + 1h)\n"                        \
    "| extend Operation = coalesce(column_ifexists(\"OperationNameValue\", \"\"), " \
    "column_ifexists(\"OperationName\", \"\")), Who = column_ifexists(\"Caller\", \"\"), Target = tolower(_ResourceId)\n"
#define KQL_BOTH_END                                                                               \
    "| project Type, TimeGenerated, Operation, Status = column_ifexists(\"ActivityStatusValue\", \"\"), Who, " \
    "Address = column_ifexists(\"CallerIpAddress\", \"\"), Request = column_ifexists(\"HTTPRequest\", \"\"), " \
    "ActivityId = column_ifexists(\"ActivityId\", \"\"), Uri = column_ifexists(\"ResourceUri\", \"\"), " \
    "Details = column_ifexists(\"ResourceDetails\", \"\"), Target\n"                              \
    "| order by TimeGenerated asc\n| take 1000"
#define KQL_LOCKS "Operation =~ \"microsoft.authorization/locks/delete\""

/* ---- documents, and containers through the data plane: mass_deletion ---- */

#define DELETION_TABLES { "CDBDataPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests", "CDBGremlinRequests", \
                          "CDBTableApiRequests" }
#define STOP_DELETION                                                                              \
    "If nobody knows {reader}: stop it before anything is restored. Change the key it used, or take the data-plane role " \
    "of the principal away; close the network to it."
#define RESTORE_DATA                                                                               \
    "Restore at once, to a time before {first}: a continuous backup reaches back 7 or 30 days, of periodic backups " \
    "only the last ones are kept (open a support request, and have their retention raised, within hours)."
#define LOOK_SAVED                                                                                 \
    "How is {account} backed up, and until when can a time before {first} be restored? This decides how fast you must be."
#define LOOK_TAKEN                                                                                 \
    "Did the same reader take the data first? Alerts about volume, scans and documents of the days before; its " \
    "reads in the query below, with a wider time."
#define PREVENT_BACKUP "Continuous backup of 30 days on accounts that matter."
#define PREVENT_DELETION_ROLE                                                                      \
    "Data-plane roles without delete for applications that need not delete; with Entra ID alone, nobody can delete " \
    "a container through the data plane."

const struct alert_type alert_types_destruction[] = {
    /* ---- documents, and containers through the data plane: mass_deletion ---- */
    {
        .id = "CosmosDBX_MassDelete.Documents",
        .display_name = "Data deleted on an unusual scale",
        .severity = SEVERITY_MEDIUM,
        .intent = "Impact",
        .techniques = { "T1485" },
        .description =
            "A client of {account} deleted far more documents than is usual, or a container or database, or all "
            "that is in one, which it does not do. It was done through the data plane, with a key or a data-plane "
            "role: the activity log has no line about it.",
        .why = "{reader} deleted[[ {dayDeletes} document(s) of {container} in a day]][[; usual is {usualDay}, on "
               "its largest days {usualDayMost}]][[ (compared with {comparedWith}, limit {limitDay})]][[ {destroyed}]][[ "
               "({how})]][[; {reason}]].",
        .investigate = { "Ask the owner of {account}: is there a clean-up, a request to erase data, a reset of a "
                         "test, a migration or a release behind {reader}?",
                         "What was in[[ {destroyed}]][[ {container}]], and which applications fail since {first}?",
                         LOOK_SAVED, LOOK_TAKEN, LOOK_KEY, LOOK_PRINCIPAL },
        .remediate = { ACT_EVIDENCE, STOP_DELETION, RESTORE_DATA, ACT_KEYS,
                       "If it is a legitimate job nothing is to be done: what was done on two days is usual." },
        .prevent = { PREVENT_BACKUP, PREVENT_DELETION_ROLE, PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_KEYS },
        .tables = DELETION_TABLES,
        .kql = KQL_REQUESTS "[[| where " KQL_FROM_CLIENT "\n]]"
               "| where OperationName matches regex \"(?i)delet|drop|trunc|remove\" or "
               "column_ifexists(\"PIICommandText\", \"\") matches regex \"(?i)drop|truncate|delete\"\n"
               "| summarize Requests=count(), Failed=countif(Status >= 400), First=min(TimeGenerated), "
               "Last=max(TimeGenerated) by bin(TimeGenerated, 1h), Type, Client, Agent, Principal, Key, OperationName, "
               "ResourceType=column_ifexists(\"RequestResourceType\", \"\"), Database, Container\n"
               "| order by TimeGenerated asc\n| take 1000",
    },
    {
        .id = "CosmosDBX_Ransom",
        .display_name = "Data destroyed and a note left behind",
        .severity = SEVERITY_HIGH,
        .intent = "Impact",
        .techniques = { "T1485", "T1486", "T1657" },
        .description =
            "The client that destroyed data in {account} also wrote into a new container or database whose name is "
            "meant to be found: this is how extortionists leave their demand.",
        .why = "{reader} destroyed {destroyed}[[ from {destroyedFrom:time} on]] and wrote into {note}, which "
               "{account} did not have before.",
        .investigate = { "Read what is in {note}, and keep it: it is evidence.", LOOK_SAVED, LOOK_TAKEN, LOOK_KEY,
                         LOOK_PRINCIPAL, LOOK_REQUESTS },
        .remediate = { ACT_EVIDENCE, STOP_DELETION, RESTORE_DATA,
                       "Treat it as an incident: tell those who answer for the data, judge the duty to report a "
                       "breach. Do not count on a payment: that a note says the data was kept does not make it so.",
                       ACT_KEYS },
        .prevent = { PREVENT_BACKUP, PREVENT_DELETION_ROLE, PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_KEYS },
        .tables = DELETION_TABLES,
        .kql = KQL_REQUESTS_OF("", " - 1d", "=~ {account:kql}") "[[| where " KQL_FROM_CLIENT "\n]]"
               "| summarize Requests=count(), Bytes=sum(ResponseLength), First=min(TimeGenerated), "
               "Last=max(TimeGenerated) by bin(TimeGenerated, 1h), Type, Client, Agent, Principal, Key, OperationName, "
               "ResourceType=column_ifexists(\"RequestResourceType\", \"\"), Database, Container\n"
               "| order by TimeGenerated asc\n| take 1000",
    },
    /* ---- resources: resource_deletion, backup_weakened ---- */
    {
        .id = "CosmosDBX_MassDelete.Resources",
        .display_name = "Accounts, databases or containers deleted unexpectedly",
        .severity = SEVERITY_HIGH,
        .intent = "Impact",
        .techniques = { "T1485" },
        .description =
            "Accounts of Azure Cosmos DB, or databases and containers in them, were deleted through Azure Resource "
            "Manager[[ by {principal}]], in a way that is not usual there. What was in them comes back from a backup "
            "only, and only for a while.",
        .why = "{count} resource(s) were deleted[[ by {principal}]][[ (who did it: {callerUnknown})]][[ with "
               "{application}]][[ from {address}]]: {resources}[[; {inAnHour} within an hour]][[, the most before was "
               "{usualMost} in an interval]][[: {reason}]].",
        .investigate = { ASK_CALLER,
                         "List what else the caller did in the day before: locks, backup policy, diagnostic settings, "
                         "roles, keys (the query below, without its filter).",
                         "What was in {resources}? Which applications fail since {first}?",
                         "Was the data read before it was deleted? Look for alerts about volume and scans of {accounts}.",
                         "Where nobody is named: the rows of CDBControlPlaneRequests carry no caller. Look for the "
                         "AzureActivity row whose clientRequestId (in HTTPRequest) is their ActivityId, else by time "
                         "and account." },
        .remediate = { STOP_CALLER, KEEP_ACCOUNT,
                       "Restore: from continuous backup (a deleted account, database or container) within its window; "
                       "from periodic backup by a support request.",
                       "If it was a clean-up: nothing; what this caller deletes is usual from two days later on." },
        .prevent = { PREVENT_LOCK, PREVENT_CONTINUOUS, PREVENT_DELETE_ROLE },
        .tables = { "AzureActivity", "CDBControlPlaneRequests" },
        .kql = KQL_BOTH
               "| where Operation contains \"delete\"\n"
               "| where Target has_any (\"databaseaccounts\", \"mongoclusters\", \"cassandraclusters\") or " KQL_LOCKS "\n"
               "[[| where Who in~ {principal:kqlset} or Type == \"CDBControlPlaneRequests\"\n]]" KQL_BOTH_END,
    },
    {
        .id = "CosmosDBX_LockRemoved",
        .display_name = "A lock that protects from deletion was removed",
        .severity = SEVERITY_MEDIUM,
        .intent = "DefenseEvasion",
        .techniques = { "T1562.001", "T1490" },
        .description =
            "{subject} removed a management lock. As long as it stood nothing under it could be deleted; whoever means "
            "to delete removes it first.",
        .why = "{subject} removed the lock {changed}[[ with {application}]][[ from {address}]][[; {deletedBy} deleted "
               "something under it within a day]][[: {reason}]].",
        .investigate = { ASK_CALLER,
                         "What lies under the lock, and was any of it deleted or changed since {first}[[ ({deletedBy} "
                         "did)]]?",
                         "Was the lock put back? Pipelines remove one for a change and should set it again." },
        .remediate = { "Put the lock back (CanNotDelete), on the resource and on its group.", STOP_CALLER,
                       "If something was deleted: see the alert about the deletion; restore before backups run out." },
        .prevent = { "Give Microsoft.Authorization/locks/* to two people, through Privileged Identity Management, and "
                     "to no pipeline.",
                     PREVENT_CONTINUOUS },
        .tables = { "AzureActivity" },
        .kql = "AzureActivity\n"
               "| where TimeGenerated between ({first:kql} - 1h .. {last:kql} + 1d)\n"
               "| where Caller =~ {subject:kql} or OperationNameValue has \"delete\"\n"
               "| project TimeGenerated, OperationNameValue, ActivityStatusValue, Caller, CallerIpAddress, "
               "CorrelationId, _ResourceId\n"
               "| order by TimeGenerated asc\n| take 1000",
    },
    {
        .id = "CosmosDBX_BackupWeakened",
        .display_name = "The backup of an account was made worse",
        .severity = SEVERITY_MEDIUM,
        .intent = "Impact",
        .techniques = { "T1490" },
        .description =
            "The backup policy of the Azure Cosmos DB account {account} was changed for the worse[[: {weakened}]]. It "
            "takes effect at once: less can be brought back if data is deleted from now on.",
        .why = "the backup of {account} was weakened[[ by {principal}]][[ with {application}]][[ from {address}]][[: "
               "{weakened}]][[; {reason}]].",
        .investigate = { ASK_CALLER, FIND_CALLER,
                         "Is there a decision to save cost? Who made it, and do the data's owners know?",
                         "What else was changed on {account} that day: locks, diagnostic settings, firewall, roles, "
                         "deletions?" },
        .remediate = { "Put the policy back as it was[[ ({weakened})]].", STOP_CALLER,
                       "Backups that were taken before stay as long as the new retention allows: where data is in "
                       "doubt, restore or export it now." },
        .prevent = { PREVENT_CONTINUOUS, "Azure Policy that denies accounts without the backup you require.", PREVENT_LOCK },
        .tables = { "CDBControlPlaneRequests", "AzureActivity" },
        .kql = KQL_BOTH "| where " KQL_OF_ACCOUNT "\n" KQL_BOTH_END,
    },
    {
        .id = "CosmosDBX_MassDelete.Ttl",
        .display_name = "An expiry was set that deletes what a container holds",
        .severity = SEVERITY_HIGH,
        .intent = "Impact",
        .techniques = { "T1485.001", "T1070" },
        .description =
            "The default time to live of {subject} in the Azure Cosmos DB account {account} was set or cut. Items "
            "older than it are deleted by the service itself: no request shows it, and what is gone comes back from a "
            "backup only.",
        .why = "items of {subject} in {account} now expire after {timeToLive}[[ (before: {usualTimeToLive})]][[, set "
               "by {principal}]][[ with {application}]][[ from {address}]][[: {reason}]].",
        .investigate = { ASK_CALLER, FIND_CALLER,
                         "Is it a planned retention? Does the application still find its items?",
                         "How many items are older than {timeToLive}? The number of documents in the account's metrics "
                         "shows it." },
        .remediate = { "Put the time to live back at once[[ ({usualTimeToLive})]]: deletion takes request units and "
                       "time, what is not gone yet stays.", STOP_CALLER, KEEP_ACCOUNT,
                       "Restore the container from continuous backup as of just before {first}." },
        .prevent = { PREVENT_CONTINUOUS, "Definitions of containers in code that is reviewed; no right to write them "
                                         "for anybody else.",
                     "disableKeyBasedMetadataWriteAccess, so that a key cannot change a container." },
        .tables = { "CDBControlPlaneRequests", "AzureActivity" },
        .kql = KQL_BOTH "| where " KQL_OF_ACCOUNT "\n" KQL_BOTH_END,
    },
    { .id = NULL },
};
