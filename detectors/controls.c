/* controls.c - see controls.h. A detector without a line here fails test_detector_controls.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/controls.h"

#include "base/slice.h"

#include <string.h>

#define MCSB "MCSB v1"
#define CIS "CIS Azure 3.0.0"
#define CIS_DEFENDER "3.1.7.1"
#define CIS_NETWORKS "5.4.1"
#define CIS_PRIVATE "5.4.2"
#define CIS_ENTRA "5.4.3"
#define CIS_ACTIVITY "6.1.2"
#define CIS_RESOURCE_LOGS "6.4"

static const struct control controls[] = {
    { .frame = MCSB, .id = "NS-2", .title = "Secure cloud native services with network controls" },
    { .frame = MCSB, .id = "IM-1", .title = "Use centralized identity and authentication system" },
    { .frame = MCSB, .id = "IM-3", .title = "Manage application identities securely and automatically" },
    { .frame = MCSB, .id = "IM-8", .title = "Restrict the exposure of credential and secrets" },
    { .frame = MCSB, .id = "PA-4", .title = "Review and reconcile user access regularly" },
    { .frame = MCSB, .id = "PA-7", .title = "Follow just enough administration (least privilege) principle" },
    { .frame = MCSB, .id = "DP-2", .title = "Monitor anomalies and threats targeting sensitive data" },
    { .frame = MCSB, .id = "DP-6", .title = "Use a secure key management process" },
    { .frame = MCSB, .id = "LT-1", .title = "Enable threat detection capabilities" },
    { .frame = MCSB, .id = "LT-2", .title = "Enable threat detection for identity and access management" },
    { .frame = MCSB, .id = "LT-3", .title = "Enable logging for security investigation" },
    { .frame = MCSB, .id = "LT-4", .title = "Enable network logging for security investigation" },
    { .frame = MCSB, .id = "LT-5", .title = "Centralize security log management and analysis" },
    { .frame = MCSB, .id = "IR-3", .title = "Detection and analysis - create incidents based on high-quality alerts" },
    { .frame = MCSB, .id = "IR-4", .title = "Detection and analysis - investigate an incident" },
    { .frame = CIS, .id = CIS_DEFENDER, .title = "Microsoft Defender for Azure Cosmos DB is on" },
    { .frame = CIS, .id = CIS_NETWORKS, .title = "Cosmos DB answers selected networks only" },
    { .frame = CIS, .id = CIS_PRIVATE, .title = "Cosmos DB is reached by private endpoints where possible" },
    { .frame = CIS, .id = CIS_ENTRA, .title = "Clients of Cosmos DB use Entra ID and Azure RBAC where possible" },
    { .frame = CIS, .id = CIS_ACTIVITY, .title = "The diagnostic setting takes the right categories of the activity log" },
    { .frame = CIS, .id = CIS_RESOURCE_LOGS, .title = "Resource logs are on for every service that has them" },
};

static const struct control_part parts[] = {
    { .name = "bad_address", .ids = { "LT-1", "NS-2", CIS_DEFENDER, CIS_NETWORKS } },
    { .name = "unusual_place", .ids = { "LT-1", "NS-2", CIS_DEFENDER, CIS_NETWORKS } },
    { .name = "unusual_application", .ids = { "LT-1", "IM-3" } },
    { .name = "unusual_principal", .ids = { "LT-1", "LT-2", "IM-1", CIS_ENTRA } },
    { .name = "unusual_network", .ids = { "LT-1", "NS-2", CIS_NETWORKS, CIS_PRIVATE } },
    { .name = "refused_access", .ids = { "LT-1", "LT-2", "NS-2", CIS_NETWORKS } },
    { .name = "dormant_account", .ids = { "LT-1", "IM-8", "PA-4" } },
    { .name = "key_listing", .ids = { "LT-1", "LT-2", "IM-8", "PA-7", CIS_DEFENDER, CIS_ENTRA } },
    { .name = "key_reader", .ids = { "LT-2", "IM-8", "PA-4", "PA-7", CIS_ENTRA } },
    { .name = "key_regenerated", .ids = { "LT-2", "DP-6", "PA-7" } },
    { .name = "resource_deletion", .ids = { "LT-1", "LT-2", "PA-7" } },
    { .name = "backup_weakened", .ids = { "LT-1" } },
    { .name = "sql_injection", .ids = { "LT-1", "DP-2", CIS_DEFENDER } },
    { .name = "mongo_injection", .ids = { "LT-1", "DP-2" } },
    { .name = "cql_injection", .ids = { "LT-1", "DP-2" } },
    { .name = "gremlin_injection", .ids = { "LT-1", "DP-2" } },
    { .name = "table_injection", .ids = { "LT-1", "DP-2" } },
    { .name = "query_anomaly", .ids = { "LT-1", "DP-2" } },
    { .name = "stolen_key", .ids = { "LT-1", "LT-2", "IM-8", "DP-6", CIS_ENTRA } },
    { .name = "role_granted", .ids = { "LT-2", "PA-4", "PA-7", CIS_ENTRA } },
    { .name = "volume", .ids = { "LT-1", "DP-2", CIS_DEFENDER } },
    { .name = "slow_leak", .ids = { "LT-1", "DP-2" } },
    { .name = "full_scan", .ids = { "LT-1", "DP-2" } },
    { .name = "change_feed", .ids = { "LT-1", "DP-2" } },
    { .name = "mass_deletion", .ids = { "LT-1", "DP-2" } },
    { .name = "number_of_documents", .ids = { "LT-1", "DP-2" } },
    { .name = "enumeration", .ids = { "LT-1", "DP-2" } },
    { .name = "data_moved", .ids = { "LT-1", "DP-2", "PA-7", CIS_PRIVATE } },
    { .name = "server_code", .ids = { "LT-1", "DP-2" } },
    { .name = "network_opened", .ids = { "LT-1", "NS-2", CIS_NETWORKS, CIS_PRIVATE } },
    { .name = "logging_impaired", .ids = { "LT-1", "LT-3", CIS_DEFENDER, CIS_ACTIVITY, CIS_RESOURCE_LOGS } },
    { .name = "defender", .ids = { "LT-1", "LT-5", CIS_DEFENDER } },
    { .name = CONTROL_PART_COVERAGE, .ids = { "LT-3", "LT-4", CIS_ACTIVITY, CIS_RESOURCE_LOGS } },
    { .name = CONTROL_PART_INCIDENT, .ids = { "IR-3", "IR-4" } },
    { .name = CONTROL_PART_OUTPUTS, .ids = { "LT-5" } },
};

const struct control *control_at(size_t i)
{
    return i < ARRAY_LEN(controls) ? &controls[i] : NULL;
}

const struct control_part *control_part_at(size_t i)
{
    return i < ARRAY_LEN(parts) ? &parts[i] : NULL;
}

bool control_is_served_by(const struct control *c, const struct control_part *p)
{
    for (size_t i = 0; i < CONTROLS_OF_PART && p->ids[i]; i++)
        if (strcmp(p->ids[i], c->id) == 0)
            return true;
    return false;
}
