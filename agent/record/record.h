/* record.h - one log row, decoded: what every table's columns mean, under one set of names.
 *
 * A record borrows its text from the decoder's buffers: it lives until the next decode call or until
 * the batch it came from is released. Unknown columns are ignored; missing ones are absent (empty
 * slice, NUM_ABSENT, status -1), never zero. Column names, types and the vendor page of each stand in
 * tables.c; nothing else knows them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_RECORD_H
#define COSMOWATCH_RECORD_H

#include "base/slice.h"

enum table {
    TABLE_NONE,
    TABLE_DATA_PLANE,     /* CDBDataPlaneRequests */
    TABLE_DATA_PLANE_5M,  /* CDBDataPlaneRequests5M: aggregated, RequestCount rows in one */
    TABLE_DATA_PLANE_15M, /* CDBDataPlaneRequests15M */
    TABLE_QUERY_STATS,    /* CDBQueryRuntimeStatistics */
    TABLE_CONTROL_PLANE,  /* CDBControlPlaneRequests */
    TABLE_MONGO,          /* CDBMongoRequests */
    TABLE_CASSANDRA,      /* CDBCassandraRequests */
    TABLE_GREMLIN,        /* CDBGremlinRequests */
    TABLE_TABLE_API,      /* CDBTableApiRequests */
    TABLE_ACTIVITY,       /* AzureActivity */
    TABLE_SECURITY_ALERT, /* SecurityAlert */
    TABLE_THREAT_INTEL,   /* ThreatIntelIndicators */
    TABLE_COUNT           /* legacy AzureDiagnostics rows become one of the above by Category */
};

enum api { API_UNKNOWN, API_NOSQL, API_MONGODB, API_CASSANDRA, API_GREMLIN, API_TABLE, API_COUNT };

/* Text fields. Those before F_GROUP_COUNT are the grouping fields of an observation. */
enum field {
    F_ACCOUNT,          /* AccountName in lower case; else last part of the resource id */
    F_RESOURCE_ID,      /* _ResourceId in lower case: full ARM id of the account, may be absent */
    F_DATABASE,         /* DatabaseName */
    F_CONTAINER,        /* CollectionName; TableName for the Table API */
    F_OPERATION,        /* OperationName; OperationNameValue for AzureActivity */
    F_RESOURCE_TYPE,    /* RequestResourceType as logged (DocumentFeed ...) */
    F_ADDRESS,          /* ClientIpAddress, Address (port cut off), CallerIpAddress */
    F_USER_AGENT,       /* UserAgent */
    F_PRINCIPAL,        /* AadPrincipalId, UserId; Caller for AzureActivity */
    F_KEY_KIND,         /* first non-empty of KeyType, AuthTokenType, AuthorizationTokenType */
    F_TOKEN_PERMISSION, /* ResourceTokenPermissionId */
    F_CONNECTION_MODE,  /* ConnectionMode: Direct, Gateway */
    F_REGION,           /* RegionName */
    F_ERROR_CODE,       /* ErrorCode of the Mongo/Cassandra/Gremlin/Table tables, as text */
    F_PLACE,            /* geo_info_from_ip_address of the address, as JSON text; may be absent */
    F_QUERY_TEXT,       /* QueryText, PIICommandText: raw, as logged */
    F_GROUP_COUNT,

    F_ACTIVITY_ID = F_GROUP_COUNT, /* ActivityId; EventDataId for AzureActivity */
    F_CORRELATED_ID,    /* CorrelatedActivityId; CorrelationId for AzureActivity */
    F_ITEM_ID,          /* _ItemId */
    F_RESOURCE_PATH,    /* RequestResourceId */
    F_PARTITION,        /* PartitionId, PartitionKeyRangeId */
    F_ROLE_ASSIGNMENT,  /* AadAppliedRoleAssignmentId */
    F_TOKEN_MODE,       /* ResourceTokenPermissionMode */
    F_CATEGORY,         /* Category (legacy, envelope), CategoryValue */
    F_ACTIVITY_STATUS,  /* ActivityStatusValue */
    F_ACTIVITY_SUBSTATUS,
    F_APP_ID,           /* Claims(_d).appid */
    F_OBJECT_ID,        /* Claims(_d).oid */
    F_CALLER_NAME,      /* Claims(_d).name */
    F_TENANT_ID,        /* Claims(_d) tid / tenantid claim: home tenant of the caller */
    F_ROLE,             /* Authorization(_d).evidence.role */
    F_PRINCIPAL_TYPE,   /* Authorization(_d).evidence.principalType */
    F_CLIENT_REQUEST_ID,/* HTTPRequest.clientRequestId; ClientRequestId */
    F_SUBSCRIPTION_ID,
    F_RESOURCE_GROUP,
    F_PROPERTIES,       /* Properties_d / Properties, raw JSON text */
    F_HTTP_METHOD,
    F_RESULT,           /* Result (control plane) */
    F_API_KIND,
    F_API_KIND_RESOURCE_TYPE,
    F_OPERATION_TYPE,
    F_RESOURCE_URI,
    F_RESOURCE_DETAILS,
    F_IP_RANGE_FILTER,
    F_VNET_FILTER,      /* EnableVirtualNetworkFilter "true"/"false" */
    F_VNET_ENTRIES,     /* VirtualNetworkResourceEntries */
    F_PRIVATE_ENDPOINTS,/* PrivateEndpointConnections */
    F_PRIVATE_ENDPOINT_ON, /* EnablePrivateEndpointConnection */
    F_ROLE_ASSIGN_PRINCIPAL, F_ROLE_ASSIGN_PRINCIPAL_TYPE, F_ROLE_ASSIGN_SCOPE,
    F_ROLE_DEFINITION_ID,  /* AssociatedRoleDefinitionId or RoleDefinitionId */
    F_ROLE_DEFINITION_NAME, F_ROLE_DEFINITION_PERMISSIONS,
    F_FULL_TEXT,        /* SqlQueryTextTraceType */
    F_DATA_PLANE_TRACE, /* EnableDataPlaneRequestsTrace */
    F_CONTROL_PLANE_TRACE, F_MONGO_TRACE, F_CASSANDRA_TRACE, F_GREMLIN_TRACE, /* Enable...RequestsTrace */
    F_CORS,
    F_BACKUP_MODE, F_BACKUP_TIER, F_BACKUP_REDUNDANCY,
    F_BACKUP_INTERVAL, F_BACKUP_RETENTION, /* BackupIntervalInMinutes, BackupRetentionIntervalInHours, as text */
    F_WRITE_REGION, F_NEW_WRITE_REGION,
    F_COUNT
};

#define NUM_ABSENT INT64_MIN

struct record {
    enum table table;
    enum api api;
    int64_t time_ns;     /* TimeGenerated; NUM_ABSENT when missing or unreadable */
    int32_t status;      /* HTTP status; derived for Mongo/Cassandra/Gremlin/Table from ErrorCode:
                            200 ok, 401 auth, 429 throttled, 400 other error; -1 absent */
    int64_t count;       /* rows this one stands for: 1; RequestCount of the 5M/15M tables;
                            RowCount of our own summarize queries */
    int64_t ru_milli;    /* request charge in 1/1000 RU: (int64)(x * 1000 + 0.5) */
    int64_t bytes_in;    /* RequestLength */
    int64_t bytes_out;   /* ResponseLength */
    int64_t duration_us; /* DurationMs * 1000 + 0.5 */
    int64_t rows;        /* rows returned where logged (envelopes), else NUM_ABSENT */
    int64_t first_ns, last_ns; /* of summarised rows; else equal to time_ns */
    struct slice text[F_COUNT];
};

const char *table_name(enum table t);              /* Azure's name, "CDBDataPlaneRequests" */
enum table table_from_name(struct slice name);     /* Azure's table name, any case */
enum table table_from_category(struct slice cat);  /* diagnostic category "DataPlaneRequests", any case */
const char *api_name(enum api a);                  /* "NoSQL", "MongoDB", ... */
void record_clear(struct record *r);               /* everything absent */

#endif
