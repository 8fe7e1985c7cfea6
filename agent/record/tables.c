/* tables.c - Azure's table, category and column names, and what each means to us.
 *
 * Sources (read 2026-08): Azure Monitor table reference of each table named below
 * (learn.microsoft.com/azure/azure-monitor/reference/tables/cdbdataplanerequests and its siblings,
 * azureactivity, securityalert, azurediagnostics); Cosmos DB "Monitor data reference" and "Aggregated
 * diagnostics logs" (5M/15M); raw property names from real Event Hubs records and the diagnostics
 * samples of the same documentation.
 * Surprises: the data types of columns differ between table and raw form (there every value is text), so
 * nothing here depends on them: the decoder takes numbers as JSON numbers or as text. 5M/15M call their
 * row count RequestCount in the reference and SampleCount in the how-to page. In raw query statistics
 * `useragent` and `partialipaddress` describe a hop inside the service, never the client.
 * SPDX-License-Identifier: Apache-2.0 */
#include "record/tables.h"

#include "base/num.h"

#define ALL 0xffffffffu
#define BIT(t) (1u << (t))
#define AGG (BIT(TABLE_DATA_PLANE_5M) | BIT(TABLE_DATA_PLANE_15M))
#define NAT (BIT(TABLE_MONGO) | BIT(TABLE_CASSANDRA) | BIT(TABLE_GREMLIN) | BIT(TABLE_TABLE_API))
#define REQ (BIT(TABLE_DATA_PLANE) | AGG | NAT)
#define QRY BIT(TABLE_QUERY_STATS)
#define CTL BIT(TABLE_CONTROL_PLANE)
#define ACT BIT(TABLE_ACTIVITY)
#define SEC BIT(TABLE_SECURITY_ALERT)
#define TAB BIT(TABLE_TABLE_API)

/* Sorted by name (a unit test holds it to that). */
static const struct column columns[] = {
    { .name = "_itemid", .means = MEANS_TEXT, .field = F_ITEM_ID, .tables = ALL },
    { .name = "_resourceid", .means = MEANS_RESOURCE, .field = F_RESOURCE_ID, .tables = ALL },
    { .name = "_subscriptionid", .means = MEANS_TEXT, .field = F_SUBSCRIPTION_ID, .rank = 1,
      .tables = ALL },
    { .name = "aadappliedroleassignmentid", .means = MEANS_TEXT, .field = F_ROLE_ASSIGNMENT,
      .tables = REQ | QRY },
    { .name = "aadprincipalid", .means = MEANS_TEXT, .field = F_PRINCIPAL, .tables = REQ | QRY },
    { .name = "accountname", .means = MEANS_ACCOUNT, .field = F_ACCOUNT, .tables = ALL },
    { .name = "activityid", .means = MEANS_TEXT, .field = F_ACTIVITY_ID,
      .tables = ALL & ~(ACT | SEC) },
    { .name = "activitystatus", .means = MEANS_TEXT, .field = F_ACTIVITY_STATUS, .rank = 1,
      .tables = ACT },
    { .name = "activitystatusvalue", .means = MEANS_TEXT, .field = F_ACTIVITY_STATUS,
      .tables = ACT },
    { .name = "activitysubstatus", .means = MEANS_TEXT, .field = F_ACTIVITY_SUBSTATUS, .rank = 1,
      .tables = ACT },
    { .name = "activitysubstatusvalue", .means = MEANS_TEXT, .field = F_ACTIVITY_SUBSTATUS,
      .tables = ACT },
    { .name = "additionalfields", .means = MEANS_MORE, .tables = ALL & ~(ACT | SEC) }, /* AzureDiagnostics beyond 500 columns */
    { .name = "address", .means = MEANS_ADDRESS, .field = F_ADDRESS, .rank = 1,
      .tables = REQ | QRY },
    { .name = "alertseverity", .means = MEANS_TEXT, .field = F_RESULT, .tables = SEC },
    { .name = "alerttype", .means = MEANS_TEXT, .field = F_OPERATION, .tables = SEC },
    { .name = "apikind", .means = MEANS_API_KIND, .field = F_API_KIND, .tables = CTL },
    { .name = "apikindresourcetype", .means = MEANS_TEXT, .field = F_API_KIND_RESOURCE_TYPE,
      .tables = CTL },
    { .name = "associatedroledefinitionid", .means = MEANS_TEXT, .field = F_ROLE_DEFINITION_ID,
      .tables = CTL },
    { .name = "authorization", .means = MEANS_AUTHORIZATION, .rank = 1, .tables = ACT },
    { .name = "authorization_d", .means = MEANS_AUTHORIZATION, .tables = ACT },
    { .name = "authorizationtokentype", .means = MEANS_TEXT, .field = F_KEY_KIND, .rank = 3,
      .tables = REQ | QRY },
    { .name = "authtokentype", .means = MEANS_TEXT, .field = F_KEY_KIND, .rank = 2,
      .tables = REQ | QRY },
    { .name = "backupintervalinminutes", .means = MEANS_TEXT, .field = F_BACKUP_INTERVAL, .tables = CTL },
    { .name = "backupretentionintervalinhours", .means = MEANS_TEXT, .field = F_BACKUP_RETENTION, .tables = CTL },
    { .name = "backupstorageredundancy", .means = MEANS_TEXT, .field = F_BACKUP_REDUNDANCY,
      .tables = CTL },
    { .name = "caller", .means = MEANS_TEXT, .field = F_PRINCIPAL, .tables = ACT },
    { .name = "calleripaddress", .means = MEANS_ADDRESS, .field = F_ADDRESS, .tables = ACT },
    { .name = "category", .means = MEANS_TEXT, .field = F_CATEGORY, .rank = 1, .tables = ALL },
    { .name = "categoryvalue", .means = MEANS_TEXT, .field = F_CATEGORY, .tables = ACT },
    { .name = "claims", .means = MEANS_CLAIMS, .rank = 1, .tables = ACT },
    { .name = "claims_d", .means = MEANS_CLAIMS, .tables = ACT },
    { .name = "clientipaddress", .means = MEANS_ADDRESS, .field = F_ADDRESS, .tables = REQ | QRY },
    { .name = "clientrequestid", .means = MEANS_TEXT, .field = F_CLIENT_REQUEST_ID,
      .tables = TAB | ACT },
    { .name = "collectionname", .means = MEANS_TEXT, .field = F_CONTAINER, .tables = REQ | QRY },
    { .name = "connectionmode", .means = MEANS_TEXT, .field = F_CONNECTION_MODE,
      .tables = REQ | QRY },
    { .name = "correlatedactivityid", .means = MEANS_TEXT, .field = F_CORRELATED_ID,
      .tables = QRY | REQ },
    { .name = "correlationid", .means = MEANS_TEXT, .field = F_CORRELATED_ID, .tables = ACT },
    { .name = "cors", .means = MEANS_JSON, .field = F_CORS, .tables = CTL },
    { .name = "currentwriteregion", .means = MEANS_TEXT, .field = F_WRITE_REGION, .tables = CTL },
    { .name = "databasename", .means = MEANS_TEXT, .field = F_DATABASE, .tables = REQ | QRY | CTL },
    { .name = "duration", .means = MEANS_DURATION_MS, .rank = 2, .tables = REQ | QRY | CTL }, /* envelope and AzureDiagnostics */
    { .name = "durationms", .means = MEANS_DURATION_MS, .rank = 1, .tables = REQ | QRY | CTL },
    { .name = "durationus", .means = MEANS_DURATION_US, .tables = ALL }, /* own queries */
    { .name = "enablecassandrarequeststrace", .means = MEANS_TEXT, .field = F_CASSANDRA_TRACE, .tables = CTL },
    { .name = "enablecontrolplanerequeststrace", .means = MEANS_TEXT, .field = F_CONTROL_PLANE_TRACE, .tables = CTL },
    { .name = "enabledataplanerequeststrace", .means = MEANS_TEXT, .field = F_DATA_PLANE_TRACE,
      .tables = CTL },
    { .name = "enablegremlinrequeststrace", .means = MEANS_TEXT, .field = F_GREMLIN_TRACE, .tables = CTL },
    { .name = "enablemongorequeststrace", .means = MEANS_TEXT, .field = F_MONGO_TRACE, .tables = CTL },
    { .name = "enableprivateendpointconnection", .means = MEANS_TEXT, .field = F_PRIVATE_ENDPOINT_ON,
      .tables = CTL },
    { .name = "enablevirtualnetworkfilter", .means = MEANS_TEXT, .field = F_VNET_FILTER,
      .tables = CTL },
    { .name = "endtime", .means = MEANS_LAST, .tables = SEC },
    { .name = "entities", .means = MEANS_JSON, .field = F_RESOURCE_DETAILS, .tables = SEC },
    { .name = "errorcode", .means = MEANS_TEXT, .field = F_ERROR_CODE, .tables = NAT | QRY },
    { .name = "eventdataid", .means = MEANS_TEXT, .field = F_ACTIVITY_ID, .tables = ACT },
    { .name = "extendedproperties", .means = MEANS_JSON, .field = F_PROPERTIES, .tables = SEC },
    { .name = "firsttime", .means = MEANS_FIRST, .tables = ALL }, /* own queries */
    { .name = "httpmethod", .means = MEANS_TEXT, .field = F_HTTP_METHOD, .tables = CTL },
    { .name = "httprequest", .means = MEANS_HTTP_REQUEST, .tables = ACT },
    { .name = "httpstatuscode", .means = MEANS_STATUS, .rank = 1, .tables = CTL },
    { .name = "iprangefilter", .means = MEANS_JSON, .field = F_IP_RANGE_FILTER, .tables = CTL },
    { .name = "keykind", .means = MEANS_TEXT, .field = F_KEY_KIND, .tables = REQ | QRY }, /* own queries: coalesced */
    { .name = "keytype", .means = MEANS_TEXT, .field = F_KEY_KIND, .rank = 1, .tables = REQ | QRY },
    { .name = "lasttime", .means = MEANS_LAST, .tables = ALL }, /* own queries */
    { .name = "newwriteregion", .means = MEANS_TEXT, .field = F_NEW_WRITE_REGION, .tables = CTL },
    { .name = "numberofrowsreturned", .means = MEANS_ROWS, .tables = REQ | QRY }, /* envelope only */
    { .name = "operationname", .means = MEANS_TEXT, .field = F_OPERATION, .rank = 1,
      .tables = ALL },
    { .name = "operationnamevalue", .means = MEANS_TEXT, .field = F_OPERATION, .tables = ACT },
    { .name = "operationtype", .means = MEANS_TEXT, .field = F_OPERATION_TYPE, .tables = CTL },
    { .name = "partitionid", .means = MEANS_TEXT, .field = F_PARTITION, .tables = REQ | QRY },
    { .name = "partitionkeyrangeid", .means = MEANS_TEXT, .field = F_PARTITION, .rank = 1,
      .tables = REQ | QRY },
    { .name = "piicommandtext", .means = MEANS_JSON, .field = F_QUERY_TEXT, .rank = 1,
      .tables = REQ | QRY },
    { .name = "place", .means = MEANS_JSON, .field = F_PLACE, .tables = ALL }, /* own queries: geo_info_from_ip_address */
    { .name = "privateendpointconnections", .means = MEANS_JSON, .field = F_PRIVATE_ENDPOINTS,
      .tables = CTL },
    { .name = "productname", .means = MEANS_TEXT, .field = F_CATEGORY, .tables = SEC },
    { .name = "properties", .means = MEANS_JSON, .field = F_PROPERTIES, .rank = 1, .tables = ACT },
    { .name = "properties_d", .means = MEANS_JSON, .field = F_PROPERTIES, .tables = ACT },
    { .name = "querytext", .means = MEANS_JSON, .field = F_QUERY_TEXT, .tables = REQ | QRY },
    { .name = "region", .means = MEANS_TEXT, .field = F_REGION, .rank = 1, .tables = ALL }, /* envelope and AzureDiagnostics, data plane */
    { .name = "regionname", .means = MEANS_TEXT, .field = F_REGION, .tables = ALL },
    { .name = "requestcharge", .means = MEANS_RU, .rank = 1, .tables = REQ | QRY },
    { .name = "requestchargemilli", .means = MEANS_RU_MILLI, .tables = ALL }, /* own queries */
    { .name = "requestcount", .means = MEANS_COUNT, .rank = 1, .tables = AGG }, /* reference */
    { .name = "requestlength", .means = MEANS_BYTES_IN, .tables = REQ | QRY },
    { .name = "requestresourceid", .means = MEANS_TEXT, .field = F_RESOURCE_PATH,
      .tables = REQ | QRY },
    { .name = "requestresourcetype", .means = MEANS_TEXT, .field = F_RESOURCE_TYPE,
      .tables = REQ | QRY },
    { .name = "resource", .means = MEANS_ACCOUNT, .field = F_ACCOUNT, .rank = 3,
      .tables = ALL & ~(ACT | SEC) }, /* AzureDiagnostics: the account */
    { .name = "resourcedetails", .means = MEANS_JSON, .field = F_RESOURCE_DETAILS, .tables = CTL },
    { .name = "resourcegroup", .means = MEANS_TEXT, .field = F_RESOURCE_GROUP, .tables = ALL },
    { .name = "resourcegroupname", .means = MEANS_TEXT, .field = F_RESOURCE_GROUP, .rank = 1,
      .tables = ALL }, /* envelope, query statistics */
    { .name = "resourceid", .means = MEANS_RESOURCE, .field = F_RESOURCE_ID, .rank = 1,
      .tables = ALL }, /* envelope, AzureDiagnostics, AzureActivity, SecurityAlert */
    { .name = "resourcetokenpermissionid", .means = MEANS_TEXT, .field = F_TOKEN_PERMISSION,
      .tables = REQ | QRY },
    { .name = "resourcetokenpermissionmode", .means = MEANS_TEXT, .field = F_TOKEN_MODE,
      .tables = REQ | QRY },
    { .name = "resourceuri", .means = MEANS_TEXT, .field = F_RESOURCE_URI, .tables = CTL },
    { .name = "responselength", .means = MEANS_BYTES_OUT, .tables = REQ | QRY },
    { .name = "result", .means = MEANS_TEXT, .field = F_RESULT, .tables = CTL },
    { .name = "roleassignmentid", .means = MEANS_TEXT, .field = F_ROLE_ASSIGNMENT, .tables = CTL },
    { .name = "roleassignmentprincipalid", .means = MEANS_TEXT, .field = F_ROLE_ASSIGN_PRINCIPAL,
      .tables = CTL },
    { .name = "roleassignmentprincipaltype", .means = MEANS_TEXT, .field = F_ROLE_ASSIGN_PRINCIPAL_TYPE,
      .tables = CTL },
    { .name = "roleassignmentscope", .means = MEANS_TEXT, .field = F_ROLE_ASSIGN_SCOPE,
      .tables = CTL },
    { .name = "roledefinitionid", .means = MEANS_TEXT, .field = F_ROLE_DEFINITION_ID, .rank = 1,
      .tables = CTL },
    { .name = "roledefinitionname", .means = MEANS_TEXT, .field = F_ROLE_DEFINITION_NAME,
      .tables = CTL },
    { .name = "roledefinitionpermissions", .means = MEANS_JSON, .field = F_ROLE_DEFINITION_PERMISSIONS,
      .tables = CTL },
    { .name = "rowcount", .means = MEANS_COUNT, .tables = ALL }, /* own queries */
    { .name = "sampleactivityid", .means = MEANS_TEXT, .field = F_ACTIVITY_ID, .rank = 1,
      .tables = ALL }, /* own queries: the smallest */
    { .name = "samplecount", .means = MEANS_COUNT, .rank = 2, .tables = AGG }, /* how-to page */
    { .name = "sqlquerytexttracetype", .means = MEANS_TEXT, .field = F_FULL_TEXT, .tables = CTL },
    { .name = "starttime", .means = MEANS_FIRST, .tables = SEC },
    { .name = "status", .means = MEANS_TEXT, .field = F_ACTIVITY_STATUS, .tables = SEC },
    { .name = "statuscode", .means = MEANS_STATUS, .tables = REQ | QRY | CTL }, /* int in the table, text elsewhere */
    { .name = "subscriptionid", .means = MEANS_TEXT, .field = F_SUBSCRIPTION_ID, .tables = ALL },
    { .name = "systemalertid", .means = MEANS_TEXT, .field = F_ACTIVITY_ID, .tables = SEC },
    { .name = "tablename", .means = MEANS_TEXT, .field = F_CONTAINER, .rank = 1, .tables = TAB },
    { .name = "targetbackupmode", .means = MEANS_TEXT, .field = F_BACKUP_MODE, .tables = CTL },
    { .name = "targetcontinuoustier", .means = MEANS_TEXT, .field = F_BACKUP_TIER, .tables = CTL },
    { .name = "time", .means = MEANS_TIME, .rank = 1, .tables = ALL }, /* envelope */
    { .name = "timegenerated", .means = MEANS_TIME, .tables = ALL },
    { .name = "totaldurationms", .means = MEANS_DURATION_MS, .rank = 1, .tables = AGG },
    { .name = "totalrequestcharge", .means = MEANS_RU, .rank = 1, .tables = AGG },
    { .name = "totalrequestlength", .means = MEANS_BYTES_IN, .tables = AGG },
    { .name = "totalresponselength", .means = MEANS_BYTES_OUT, .tables = AGG },
    { .name = "useragent", .means = MEANS_TEXT, .field = F_USER_AGENT, .tables = REQ },
    { .name = "useragent", .means = MEANS_TEXT, .field = F_USER_AGENT,
      .tables = QRY, .not_raw = true }, /* raw: the inner hop, not the client */
    { .name = "userid", .means = MEANS_TEXT, .field = F_PRINCIPAL, .rank = 1, .tables = REQ },
    { .name = "vendororiginalid", .means = MEANS_TEXT, .field = F_CORRELATED_ID, .tables = SEC },
    { .name = "virtualnetworkresourceentries", .means = MEANS_JSON, .field = F_VNET_ENTRIES,
      .tables = CTL },
};

const struct column *columns_all(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(columns);
    return columns;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* name (any case) against a lower-case C string. */
static int compare_name(struct slice name, const char *known)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char a = (unsigned char)lower(name.at[i]), b = (unsigned char)known[i];

        if (a != b)
            return a < b ? -1 : 1;
    }
    return known[name.len] ? -1 : 0;
}

static const struct column *find_exact(struct slice name, enum table t, enum column_form form)
{
    size_t low = 0, high = ARRAY_LEN(columns);

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (compare_name(name, columns[mid].name) > 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < ARRAY_LEN(columns) && compare_name(name, columns[low].name) == 0; low++) {
        if ((columns[low].tables & BIT(t)) && !(columns[low].not_raw && form == FORM_RAW))
            return &columns[low];
    }
    return NULL;
}

const struct column *column_find(struct slice name, enum table t, enum column_form form)
{
    const struct column *c = find_exact(name, t, form);

    if (c || form != FORM_RAW || name.len < 3 || name.at[name.len - 2] != '_' ||
        !memchr("sdgbt", lower(name.at[name.len - 1]), 5))
        return c;
    return find_exact(slice_make(name.at, name.len - 2), t, form);
}

static const struct {
    const char *name, *category;
    enum api api;
} tables[TABLE_COUNT] = {
    [TABLE_NONE] = { .name = "" },
    [TABLE_DATA_PLANE] = { .name = "CDBDataPlaneRequests", .category = "DataPlaneRequests",
                           .api = API_NOSQL },
    [TABLE_DATA_PLANE_5M] = { .name = "CDBDataPlaneRequests5M", .category = "DataPlaneRequests5M",
                              .api = API_NOSQL },
    [TABLE_DATA_PLANE_15M] = { .name = "CDBDataPlaneRequests15M", .category = "DataPlaneRequests15M",
                               .api = API_NOSQL },
    [TABLE_QUERY_STATS] = { .name = "CDBQueryRuntimeStatistics",
                            .category = "QueryRuntimeStatistics", .api = API_NOSQL },
    [TABLE_CONTROL_PLANE] = { .name = "CDBControlPlaneRequests",
                              .category = "ControlPlaneRequests" },
    [TABLE_MONGO] = { .name = "CDBMongoRequests", .category = "MongoRequests", .api = API_MONGODB },
    [TABLE_CASSANDRA] = { .name = "CDBCassandraRequests", .category = "CassandraRequests",
                          .api = API_CASSANDRA },
    [TABLE_GREMLIN] = { .name = "CDBGremlinRequests", .category = "GremlinRequests",
                        .api = API_GREMLIN },
    [TABLE_TABLE_API] = { .name = "CDBTableApiRequests", .category = "TableApiRequests",
                          .api = API_TABLE },
    [TABLE_ACTIVITY] = { .name = "AzureActivity" },
    [TABLE_SECURITY_ALERT] = { .name = "SecurityAlert" },
    [TABLE_THREAT_INTEL] = { .name = "ThreatIntelIndicators" },
};

const char *table_name(enum table t)
{
    return (unsigned)t < TABLE_COUNT ? tables[t].name : "";
}

enum table table_from_name(struct slice name)
{
    for (size_t t = 1; t < TABLE_COUNT; t++) {
        if (slice_eq_nocase(name, slice_of(tables[t].name)))
            return (enum table)t;
    }
    return TABLE_NONE;
}

enum table table_from_category(struct slice cat)
{
    for (size_t t = 1; t < TABLE_COUNT; t++) {
        if (tables[t].category && slice_eq_nocase(cat, slice_of(tables[t].category)))
            return (enum table)t;
    }
    return TABLE_NONE;
}

enum api api_of_table(enum table t)
{
    return (unsigned)t < TABLE_COUNT ? tables[t].api : API_UNKNOWN;
}

const char *api_name(enum api a)
{
    static const char *const names[API_COUNT] = {
        [API_UNKNOWN] = "Unknown",     [API_NOSQL] = "NoSQL",     [API_MONGODB] = "MongoDB",
        [API_CASSANDRA] = "Cassandra", [API_GREMLIN] = "Gremlin", [API_TABLE] = "Table",
    };

    return (unsigned)a < API_COUNT ? names[a] : names[API_UNKNOWN];
}

void record_clear(struct record *r)
{
    memset(r, 0, sizeof *r);
    r->table = TABLE_NONE;
    r->api = API_UNKNOWN;
    r->time_ns = r->first_ns = r->last_ns = NUM_ABSENT;
    r->status = -1;
    r->count = 1;
    r->ru_milli = r->bytes_in = r->bytes_out = r->duration_us = r->rows = NUM_ABSENT;
}

/* Native error codes. Cassandra: "Monitor data reference" maps 200 -> -1, 401/403 -> 8448,
 * 429 -> 4097; 256 is the protocol's own "bad credentials". MongoDB: 0 ok, 16500 (and 429)
 * throttled per "Diagnostics queries"; 13 Unauthorized and 18 AuthenticationFailed are the
 * server's published error codes. Gremlin and Table: not documented; 0 was seen for success, HTTP
 * codes are read as such. */
int32_t status_from_error_code(enum table t, struct slice code)
{
    int64_t n;

    if (code.len == 0)
        return -1;
    if (!parse_i64(code, INT32_MIN, INT32_MAX, &n))
        return 400;
    if (t == TABLE_CASSANDRA) {
        if (n == -1)
            return 200;
        return n == 8448 || n == 256 ? 401 : n == 4097 ? 429 : 400;
    }
    if (n == 0 || (n >= 200 && n < 400 && t != TABLE_MONGO))
        return 200;
    if (n == 429 || (t == TABLE_MONGO && n == 16500))
        return 429;
    if (t == TABLE_MONGO)
        return n == 13 || n == 18 ? 401 : 400;
    return n == 401 || n == 403 ? 401 : 400;
}
