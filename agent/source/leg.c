/* leg.c - see leg.h.
 *
 * A legacy AzureDiagnostics leg reads each property from wherever the type suffix put it (name_s, name_g,
 * name_d) or from AdditionalFields, and then looks like any other.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/leg.h"

#include "base/kql_quote.h"
#include "source/concern.h"

#include <inttypes.h>
#include <string.h>

/* TimeGenerated older than 2 days or more than 1 ahead is replaced by the service on arrival; the bounds
 * leave a day more. */
#define EVENT_BEFORE_NS (3 * NS_PER_DAY)
#define EVENT_AFTER_NS (2 * NS_PER_DAY)

/* ---- columns --------------------------------------------------------------------------------- */

/* A text column of the result, and where it comes from. */
struct text_column {
    const char *name;
    const char *from[2];   /* columns in order of preference; NULL: the same name */
    const char *legacy[2]; /* properties in AzureDiagnostics */
    bool is_needed;        /* named directly: its absence is an error */
};

static const struct text_column data_columns[] = {
    { .name = "AccountName", .is_needed = true },
    { .name = "_ResourceId" },
    { .name = "DatabaseName", .legacy = { "databaseName" } },
    { .name = "CollectionName", .legacy = { "collectionName" } },
    { .name = "OperationName", .is_needed = true },
    { .name = "RequestResourceType", .legacy = { "requestResourceType" } },
    { .name = "ClientIpAddress", .legacy = { "clientIpAddress" }, .is_needed = true },
    { .name = "UserAgent", .legacy = { "userAgent" } },
    { .name = "AadPrincipalId", .legacy = { "aadPrincipalId" } },
    { .name = "KeyKind", .from = { "KeyType", "AuthTokenType" }, .legacy = { "keyType", "authTokenType" } },
    { .name = "ResourceTokenPermissionId", .legacy = { "resourceTokenPermissionId" } },
    { .name = "ConnectionMode", .legacy = { "connectionMode" } },
    { .name = "RegionName", .legacy = { "regionName", "region" } },
};

/* Mongo, Cassandra, Gremlin and Table: what one of them lacks stays empty. */
static const struct text_column api_columns[] = {
    { .name = "AccountName", .is_needed = true },
    { .name = "_ResourceId" },
    { .name = "DatabaseName", .legacy = { "databaseName" } },
    { .name = "CollectionName", .legacy = { "collectionName" } },
    { .name = "TableName", .legacy = { "tableName" } },
    { .name = "OperationName", .is_needed = true },
    { .name = "Address", .legacy = { "address" }, .is_needed = true },
    { .name = "UserAgent", .legacy = { "userAgent" } },
    { .name = "UserId", .legacy = { "userId" } },
    { .name = "KeyKind", .from = { "AuthorizationTokenType" }, .legacy = { "authorizationTokenType" } },
    { .name = "RegionName", .legacy = { "regionName", "region" } },
    { .name = "ErrorCode", .legacy = { "errorCode" }, .is_needed = true },
};

static const struct text_column control_columns[] = {
    { .name = "AccountName", .is_needed = true },
    { .name = "_ResourceId" },
    { .name = "_ItemId" },
    { .name = "ActivityId", .legacy = { "activityId" } },
    { .name = "OperationName", .is_needed = true },
    { .name = "RegionName", .legacy = { "regionName", "region" } },
    { .name = "HttpMethod", .legacy = { "httpMethod" } },
    { .name = "HttpStatusCode", .legacy = { "httpstatusCode", "httpStatusCode" } },
    { .name = "Result", .legacy = { "result" } },
    { .name = "ApiKind", .legacy = { "apiKind" } },
    { .name = "ApiKindResourceType", .legacy = { "apiKindResourceType" } },
    { .name = "OperationType", .legacy = { "operationType" } },
    { .name = "ResourceUri", .legacy = { "resourceUri" } },
    { .name = "ResourceDetails", .legacy = { "resourceDetails" } },
    { .name = "IpRangeFilter", .legacy = { "ipRangeFilter" } },
    { .name = "EnableVirtualNetworkFilter", .legacy = { "enableVirtualNetworkFilter" } },
    { .name = "VirtualNetworkResourceEntries", .legacy = { "virtualNetworkResourceEntries" } },
    { .name = "EnablePrivateEndpointConnection", .legacy = { "enablePrivateEndpointConnection" } },
    { .name = "PrivateEndpointConnections", .legacy = { "privateEndpointConnections" } },
    { .name = "RoleAssignmentId", .legacy = { "roleAssignmentId" } },
    { .name = "RoleAssignmentPrincipalId", .legacy = { "roleAssignmentPrincipalId" } },
    { .name = "RoleAssignmentPrincipalType", .legacy = { "roleAssignmentPrincipalType" } },
    { .name = "RoleAssignmentScope", .legacy = { "roleAssignmentScope" } },
    { .name = "AssociatedRoleDefinitionId", .legacy = { "associatedRoleDefinitionId" } },
    { .name = "RoleDefinitionId", .legacy = { "roleDefinitionId" } },
    { .name = "RoleDefinitionName", .legacy = { "roleDefinitionName" } },
    { .name = "RoleDefinitionPermissions", .legacy = { "roleDefinitionPermissions" } },
    { .name = "SqlQueryTextTraceType", .legacy = { "sqlQueryTextTraceType" } },
    { .name = "EnableDataPlaneRequestsTrace", .legacy = { "enableDataPlaneRequestsTrace" } },
    { .name = "EnableControlPlaneRequestsTrace", .legacy = { "enableControlPlaneRequestsTrace" } },
    { .name = "EnableMongoRequestsTrace", .legacy = { "enableMongoRequestsTrace" } },
    { .name = "EnableCassandraRequestsTrace", .legacy = { "enableCassandraRequestsTrace" } },
    { .name = "EnableGremlinRequestsTrace", .legacy = { "enableGremlinRequestsTrace" } },
    { .name = "Cors", .legacy = { "cors" } },
    { .name = "TargetBackupMode", .legacy = { "targetBackupMode" } },
    { .name = "TargetContinuousTier", .legacy = { "targetContinuousTier" } },
    { .name = "BackupStorageRedundancy", .legacy = { "backupStorageRedundancy" } },
    { .name = "BackupIntervalInMinutes", .legacy = { "backupIntervalInMinutes" } },
    { .name = "BackupRetentionIntervalInHours", .legacy = { "backupRetentionIntervalInHours" } },
    { .name = "CurrentWriteRegion", .legacy = { "currentWriteRegion" } },
    { .name = "NewWriteRegion", .legacy = { "newWriteRegion" } },
};

static const struct text_column activity_columns[] = {
    { .name = "_ResourceId" },
    { .name = "_ItemId" },
    { .name = "OperationNameValue", .is_needed = true },
    { .name = "ActivityStatusValue", .from = { "ActivityStatusValue", "ActivityStatus" } },
    { .name = "ActivitySubstatusValue", .from = { "ActivitySubstatusValue", "ActivitySubstatus" } },
    { .name = "Caller", .is_needed = true },
    { .name = "CallerIpAddress" },
    { .name = "CategoryValue", .from = { "CategoryValue", "Category" } },
    { .name = "CorrelationId" },
    { .name = "EventDataId" },
    { .name = "Authorization_d", .from = { "Authorization_d", "Authorization" } },
    { .name = "Claims_d", .from = { "Claims_d", "Claims" } },
    { .name = "HTTPRequest" },
    { .name = "Properties_d", .from = { "Properties_d", "Properties" } },
    { .name = "ResourceGroup" },
    { .name = "SubscriptionId" },
};

static const struct text_column alert_columns[] = {
    { .name = "ResourceId" },
    { .name = "_ItemId" },
    { .name = "AlertType", .is_needed = true },
    { .name = "AlertSeverity" },
    { .name = "SystemAlertId" },
    { .name = "VendorOriginalId" },
    { .name = "ProductName" },
    { .name = "Status" },
    { .name = "Entities" },
    { .name = "ExtendedProperties" },
};

/* ---- small pieces ---------------------------------------------------------------------------- */

void leg_add_legacy_text(struct buf *out, const char *const *props)
{
    const char *separator = "";

    buf_add_str(out, "coalesce(");
    for (size_t i = 0; i < 2 && props[i]; i++) {
        const char *p = props[i];

        buf_addf(out,
                 "%stostring(column_ifexists(\"%s_s\", \"\")), tostring(column_ifexists(\"%s_g\", \"\")), "
                 "tostring(column_ifexists(\"%s_d\", \"\")), tostring(column_ifexists(\"%s_b\", \"\")), "
                 "tostring(More[\"%s\"]), tostring(More[\"%s_s\"])",
                 separator, p, p, p, p, p, p);
        separator = ", ";
    }
    buf_add_char(out, ')');
}

static void add_text(struct buf *out, const struct text_column *c, bool is_legacy)
{
    if (is_legacy && c->legacy[0]) {
        leg_add_legacy_text(out, c->legacy);
        return;
    }
    if (is_legacy && strcmp(c->name, "AccountName") == 0) {
        buf_add_str(out, "tostring(column_ifexists(\"Resource\", \"\"))");
        return;
    }
    if (c->from[0] && c->from[1])
        buf_addf(out,
                 "coalesce(tostring(column_ifexists(\"%s\", \"\")), tostring(column_ifexists(\"%s\", \"\")))",
                 c->from[0], c->from[1]);
    else if (c->is_needed)
        buf_addf(out, "tostring(%s)", c->from[0] ? c->from[0] : c->name);
    else
        buf_addf(out, "tostring(column_ifexists(\"%s\", \"\"))", c->from[0] ? c->from[0] : c->name);
}

static void add_number(struct buf *out, const char *column, const char *legacy)
{
    if (legacy)
        buf_addf(out,
                 "coalesce(todouble(column_ifexists(\"%s_s\", \"\")), todouble(column_ifexists(\"%s_d\", "
                 "real(null))), todouble(More[\"%s\"]), todouble(More[\"%s_s\"]))",
                 legacy, legacy, legacy, legacy);
    else
        buf_addf(out, "todouble(column_ifexists(\"%s\", real(null)))", column);
}

/* A name of the configuration that cannot be asked for is a mistake in it. */
static int add_name(struct buf *out, const char *name, struct error *err)
{
    if (kql_quote_string(out, slice_of(name), err) == 0)
        return 0;
    if (err->code == ERR_INPUT)
        err->code = ERR_CONFIG;
    return -1;
}

static int add_list(struct buf *out, char *const *names, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_str(out, ", ");
        if (add_name(out, names[i], err) < 0)
            return -1;
    }
    return 0;
}

void kql_add_seconds(struct buf *out, int64_t ns)
{
    buf_addf(out, "%" PRId64 "s", ns / NS_PER_S);
}

/* ---- the head of a leg: table, bounds, filters ----------------------------------------------- */

bool leg_is_legacy(const struct leg *l)
{
    return l->table == TABLE_NONE;
}

#define DATA_CATEGORY "\"DataPlaneRequests\""
#define API_CATEGORIES "\"MongoRequests\", \"CassandraRequests\", \"GremlinRequests\", \"TableApiRequests\""
#define TEXT_CATEGORY "\"QueryRuntimeStatistics\""
#define CONTROL_CATEGORY "\"ControlPlaneRequests\""

/* The account that a row of the leg is about, in lower case; empty when it is about none. */
const char *leg_account(const struct leg *l)
{
    if (leg_is_legacy(l))
        return "tolower(tostring(column_ifexists(\"Resource\", \"\")))";
    if (l->kind == LEG_ACTIVITY)
        return "extract(\"/databaseaccounts/([^/]+)\", 1, tolower(tostring(column_ifexists(\"_ResourceId\", "
               "\"\"))))";
    if (l->kind == LEG_ALERT)
        return "extract(\"/databaseaccounts/([^/]+)\", 1, tolower(tostring(column_ifexists(\"ResourceId\", "
               "\"\"))))";
    return "tolower(tostring(AccountName))";
}

/* What tells two rows of one tick apart, for cutting by hash. */
const char *leg_identity(const struct leg *l)
{
    if (leg_is_legacy(l))
        return "strcat(column_ifexists(\"_ItemId\", \"\"), tostring(column_ifexists(\"activityId_g\", "
               "\"\")))";
    switch (l->kind) {
    case LEG_ACTIVITY:
        return "strcat(column_ifexists(\"_ItemId\", \"\"), column_ifexists(\"EventDataId\", \"\"))";
    case LEG_ALERT:
        return "strcat(column_ifexists(\"_ItemId\", \"\"), column_ifexists(\"SystemAlertId\", \"\"))";
    case LEG_AGGREGATED: return "strcat(column_ifexists(\"_ItemId\", \"\"), ClientIpAddress)";
    case LEG_DATA:
    case LEG_API:
    case LEG_TEXT:
    case LEG_CONTROL:
    default: return "strcat(column_ifexists(\"_ItemId\", \"\"), column_ifexists(\"ActivityId\", \"\"))";
    }
}

void leg_add_part(struct buf *out, const struct kql_scope *sc, const char *identity)
{
    if (sc->part_to > 0)
        buf_addf(out, "    | where hash(%s, %d) >= %u and hash(%s, %d) < %u\n", identity, KQL_PARTS,
                 sc->part_from, identity, KQL_PARTS, sc->part_to);
}

int leg_add_table(struct buf *out, const struct leg *l, struct error *err)
{
    if (l->workspace) {
        buf_add_str(out, "workspace(");
        if (add_name(out, l->workspace, err) < 0)
            return error_wrap(err, "workspaces");
        buf_add_str(out, ").");
    }
    buf_add_str(out, leg_is_legacy(l) ? "AzureDiagnostics" : table_name(l->table));
    return 0;
}

static int add_filters(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    const char *account = leg_account(l);
    bool has_none = l->kind == LEG_ACTIVITY || l->kind == LEG_ALERT; /* rows about no single account */

    if (sc->accounts_len > 0) {
        buf_addf(out, "    | where %s%s%s in~ (", has_none ? account : "", has_none ? " == \"\" or " : "",
                 account);
        if (add_list(out, sc->accounts, sc->accounts_len, err) < 0)
            return error_wrap(err, "accounts");
        buf_add_str(out, ")\n");
    }
    if (sc->shards > 1)
        buf_addf(out, "    | where hash(%s, %" PRId64 ") == %" PRId64 "\n", account, sc->shards, sc->shard);
    return 0;
}

int leg_add_head(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    buf_add_str(out, "    (");
    if (leg_add_table(out, l, err) < 0)
        return -1;
    buf_add_str(out, "\n    | where TimeGenerated >= ");
    kql_add_datetime(out, l->from_ns - EVENT_BEFORE_NS);
    buf_add_str(out, " and TimeGenerated < ");
    kql_add_datetime(out, l->to_ns + EVENT_AFTER_NS);
    buf_add_str(out, "\n    | where ingestion_time() >= ");
    kql_add_datetime(out, l->from_ns);
    buf_add_str(out, " and ingestion_time() < ");
    kql_add_datetime(out, l->to_ns);
    buf_add_char(out, '\n');
    if (leg_is_legacy(l))
        buf_addf(out,
                 "    | where ResourceProvider =~ \"MICROSOFT.DOCUMENTDB\" and Category in~ (%s)\n"
                 "    | extend More = todynamic(column_ifexists(\"AdditionalFields\", dynamic(null)))\n",
                 l->categories);
    if (l->kind == LEG_ACTIVITY)
        concern_add_activity_filter(out);
    if (l->kind == LEG_ALERT)
        concern_add_alert_filter(out);
    return add_filters(out, sc, l, err);
}

/* ---- projections ----------------------------------------------------------------------------- */

static void columns_of(enum leg_kind kind, const struct text_column **ret, size_t *ret_n)
{
    switch (kind) {
    case LEG_API: *ret = api_columns, *ret_n = ARRAY_LEN(api_columns); break;
    case LEG_CONTROL: *ret = control_columns, *ret_n = ARRAY_LEN(control_columns); break;
    case LEG_ACTIVITY: *ret = activity_columns, *ret_n = ARRAY_LEN(activity_columns); break;
    case LEG_ALERT: *ret = alert_columns, *ret_n = ARRAY_LEN(alert_columns); break;
    case LEG_DATA:
    case LEG_AGGREGATED:
    case LEG_TEXT:
    default: *ret = data_columns, *ret_n = ARRAY_LEN(data_columns); break;
    }
}

static void add_type(struct buf *out, const struct leg *l)
{
    if (!leg_is_legacy(l))
        buf_addf(out, "\"%s\"", table_name(l->table));
    else if (l->kind == LEG_API)
        buf_add_str(out, "case(Category =~ \"MongoRequests\", \"CDBMongoRequests\", "
                         "Category =~ \"CassandraRequests\", \"CDBCassandraRequests\", "
                         "Category =~ \"GremlinRequests\", \"CDBGremlinRequests\", \"CDBTableApiRequests\")");
    else
        buf_addf(out, "\"%s\"", table_name(l->kind == LEG_CONTROL ? TABLE_CONTROL_PLANE : TABLE_DATA_PLANE));
}

static void add_texts(struct buf *out, const struct leg *l)
{
    const struct text_column *columns = NULL;
    size_t n = 0;

    columns_of(l->kind, &columns, &n);
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, ",\n        %s = ", columns[i].name);
        add_text(out, &columns[i], leg_is_legacy(l));
    }
}

static void add_request_numbers(struct buf *out, const struct leg *l)
{
    static const char *const id[2] = { "activityId", NULL };
    static const char *const status[2] = { "statusCode", NULL };
    static const struct { const char *name, *legacy; } numbers[] = {
        { .name = "RequestCharge", .legacy = "requestCharge" },
        { .name = "RequestLength", .legacy = "requestLength" },
        { .name = "ResponseLength", .legacy = "responseLength" },
        { .name = "DurationMs", .legacy = "duration" },
    };

    if (l->kind != LEG_API) {
        buf_add_str(out, ",\n        StatusCode = toint(");
        if (leg_is_legacy(l))
            leg_add_legacy_text(out, status);
        else
            buf_add_str(out, "StatusCode");
        buf_add_char(out, ')');
    }
    buf_add_str(out, ",\n        ActivityId = ");
    if (leg_is_legacy(l))
        leg_add_legacy_text(out, id);
    else
        buf_add_str(out, "tostring(column_ifexists(\"ActivityId\", \"\"))");
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        buf_addf(out, ",\n        %s = ", numbers[i].name);
        add_number(out, numbers[i].name, leg_is_legacy(l) ? numbers[i].legacy : NULL);
    }
}

/* 5M and 15M: a row is a summary already; the reference calls its count RequestCount, a how-to page
 * SampleCount. */
static void add_aggregated_numbers(struct buf *out)
{
    buf_add_str(out,
                ",\n        StatusCode = toint(StatusCode)"
                ",\n        RowCount = coalesce(tolong(column_ifexists(\"RequestCount\", real(null))), "
                "tolong(column_ifexists(\"SampleCount\", real(null))), long(1))"
                ",\n        RequestChargeMilli = tolong(todouble(column_ifexists(\"TotalRequestCharge\", "
                "real(null))) * 1000 + 0.5)"
                ",\n        RequestLength = todouble(column_ifexists(\"TotalRequestLength\", real(null)))"
                ",\n        ResponseLength = todouble(column_ifexists(\"TotalResponseLength\", real(null)))"
                ",\n        DurationUs = tolong(todouble(column_ifexists(\"TotalDurationMs\", real(null))) * "
                "1000 + 0.5)");
}

void leg_add_projection(struct buf *out, const struct leg *l)
{
    buf_add_str(out, "    | project Type = ");
    add_type(out, l);
    buf_add_str(out, ",\n        TimeGenerated");
    add_texts(out, l);
    if (l->kind == LEG_AGGREGATED)
        add_aggregated_numbers(out);
    else if (l->kind == LEG_DATA || l->kind == LEG_API)
        add_request_numbers(out, l);
}

/* One row per minute and distinct value of everything that groups. The rounding is that of
 * record/record.h for a single row, so that sums agree to the last digit. */
void leg_add_summary(struct buf *out, const struct kql_scope *sc, enum leg_kind kind, bool has_text)
{
    const struct text_column *columns = NULL;
    size_t n = 0;

    buf_add_str(out, kind == LEG_AGGREGATED ? "    | summarize RowCount = sum(RowCount)"
                                            : "    | summarize RowCount = count()");
    buf_add_str(out, ", FirstTime = min(TimeGenerated), LastTime = max(TimeGenerated),\n");
    if (kind == LEG_AGGREGATED)
        buf_add_str(out,
                    "        RequestChargeMilli = sum(RequestChargeMilli), DurationUs = sum(DurationUs),\n");
    else
        buf_add_str(out, "        RequestChargeMilli = sum(tolong(RequestCharge * 1000 + 0.5)), "
                         "DurationUs = sum(tolong(DurationMs * 1000 + 0.5)),\n"
                         "        SampleActivityId = minif(ActivityId, isnotempty(ActivityId)),\n");
    buf_add_str(out, "        RequestLength = sum(tolong(RequestLength + 0.5)), ResponseLength = "
                     "sum(tolong(ResponseLength + 0.5))\n"
                     "        by Type, TimeGenerated = bin(TimeGenerated, ");
    kql_add_seconds(out, sc->bin_ns);
    buf_add_char(out, ')');
    columns_of(kind, &columns, &n);
    for (size_t i = 0; i < n; i++)
        buf_addf(out, ", %s", columns[i].name);
    if (kind != LEG_API)
        buf_add_str(out, ", StatusCode");
    if (has_text)
        buf_add_str(out, kind == LEG_API ? ", PIICommandText" : ", QueryText");
    buf_add_char(out, '\n');
}

void leg_add_schema(struct buf *out, enum leg_kind kind, size_t skip)
{
    const struct text_column *columns = NULL;
    size_t n = 0;

    columns_of(kind, &columns, &n);
    for (size_t i = skip; i < n; i++)
        buf_addf(out, ", %s:string", columns[i].name);
}

void leg_add_names(struct buf *out, enum leg_kind kind)
{
    const struct text_column *columns = NULL;
    size_t n = 0;

    columns_of(kind, &columns, &n);
    for (size_t i = 0; i < n; i++)
        buf_addf(out, ", %s", columns[i].name);
}

void leg_add_command_text(struct buf *out, const struct leg *l)
{
    static const char *const text[2] = { "piiCommandText", NULL };

    if (leg_is_legacy(l))
        leg_add_legacy_text(out, text);
    else
        buf_add_str(out, "tostring(column_ifexists(\"PIICommandText\", \"\"))");
}

/* ---- legs of a stream ------------------------------------------------------------------------ */

static const enum table api_tables[] = { TABLE_MONGO, TABLE_CASSANDRA, TABLE_GREMLIN, TABLE_TABLE_API };

bool scope_wants(const struct kql_scope *sc, enum table t)
{
    return (sc->tables & KQL_TABLE(t)) != 0;
}

bool scope_wants_legacy(const struct kql_scope *sc)
{
    return (sc->tables & KQL_LEGACY) != 0;
}

bool scope_wants_api(const struct kql_scope *sc)
{
    for (size_t i = 0; i < ARRAY_LEN(api_tables); i++)
        if (scope_wants(sc, api_tables[i]))
            return true;
    return scope_wants_legacy(sc);
}

static int each_workspace(struct buf *out, const struct kql_scope *sc, struct leg *l, leg_fn *fn,
                          struct error *err)
{
    l->workspace = NULL;
    if (fn(out, sc, l, err) < 0)
        return -1;
    for (size_t i = 0; i < sc->workspaces_len; i++) {
        l->workspace = sc->workspaces[i];
        if (fn(out, sc, l, err) < 0)
            return -1;
    }
    return 0;
}

int kql_each_leg(struct buf *out, const struct kql_scope *sc, enum leg_kind kind, int64_t from_ns,
                 int64_t to_ns, leg_fn *fn, struct error *err)
{
    static const struct { enum leg_kind kind; enum table table; } tables[] = {
        { .kind = LEG_DATA, .table = TABLE_DATA_PLANE },
        { .kind = LEG_AGGREGATED, .table = TABLE_DATA_PLANE_5M },
        { .kind = LEG_AGGREGATED, .table = TABLE_DATA_PLANE_15M },
        { .kind = LEG_API, .table = TABLE_MONGO },
        { .kind = LEG_API, .table = TABLE_CASSANDRA },
        { .kind = LEG_API, .table = TABLE_GREMLIN },
        { .kind = LEG_API, .table = TABLE_TABLE_API },
        { .kind = LEG_TEXT, .table = TABLE_QUERY_STATS },
        { .kind = LEG_CONTROL, .table = TABLE_CONTROL_PLANE },
        { .kind = LEG_ACTIVITY, .table = TABLE_ACTIVITY },
        { .kind = LEG_ALERT, .table = TABLE_SECURITY_ALERT },
    };
    struct leg l = { .kind = kind, .from_ns = from_ns, .to_ns = to_ns };

    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        l.table = tables[i].table;
        if (tables[i].kind == kind && scope_wants(sc, l.table) && each_workspace(out, sc, &l, fn, err) < 0)
            return -1;
    }
    l.table = TABLE_NONE;
    l.categories = kind == LEG_DATA ? DATA_CATEGORY
                   : kind == LEG_API ? API_CATEGORIES
                   : kind == LEG_TEXT ? TEXT_CATEGORY
                   : kind == LEG_CONTROL ? CONTROL_CATEGORY : NULL;
    if (l.categories && scope_wants_legacy(sc))
        return each_workspace(out, sc, &l, fn, err);
    return 0;
}
