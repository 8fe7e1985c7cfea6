/* kql.c - builds the query texts; see kql.h for what they promise.
 *
 * A query is a union of legs, one per table and workspace. A leg is: the table, the two time bounds, the
 * filters, a projection onto common names, and (unless rows are wanted) a summary. A legacy
 * AzureDiagnostics leg reads each property from wherever the type suffix put it (name_s, name_g, name_d)
 * or from AdditionalFields, and then looks like any other.
 *
 * Query texts. A text and its request arrive as two rows, in any order, minutes apart. A pair belongs to
 * the window in which the later of the two became visible, if they are less than text_wait apart; a text
 * without such a request belongs, alone, to the window text_wait after it became visible. So every text
 * is judged exactly once per request, whatever windows are read, split or read again. One text per
 * activity (the parts of a query over several partitions carry the same one): the smallest. A part that
 * arrives more than two text_waits after the first is taken for a new text: doubled, not missed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/kql.h"

#include "base/kql_quote.h"
#include "source/concern.h"

#include <inttypes.h>
#include <string.h>

/* TimeGenerated older than 2 days or more than 1 ahead is replaced by the service on arrival; the bounds
 * leave a day more. */
#define EVENT_BEFORE_NS (3 * NS_PER_DAY)
#define EVENT_AFTER_NS (2 * NS_PER_DAY)

#define QUERY_OPERATIONS "\"Query\", \"SqlQuery\", \"JSQuery\""

static const struct slice query_operations[] = { SL("Query"), SL("SqlQuery"), SL("JSQuery") };

bool kql_is_query_operation(struct slice operation)
{
    for (size_t i = 0; i < ARRAY_LEN(query_operations); i++)
        if (slice_eq_nocase(operation, query_operations[i]))
            return true;
    return false;
}

/* ---- columns ------------------------------------------------------------------------------------- */

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
    { .name = "Cors", .legacy = { "cors" } },
    { .name = "TargetBackupMode", .legacy = { "targetBackupMode" } },
    { .name = "TargetContinuousTier", .legacy = { "targetContinuousTier" } },
    { .name = "BackupStorageRedundancy", .legacy = { "backupStorageRedundancy" } },
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

/* ---- small pieces ---------------------------------------------------------------------------------- */

static void add_legacy_text(struct buf *out, const char *const *props)
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
        add_legacy_text(out, c->legacy);
        return;
    }
    if (is_legacy && strcmp(c->name, "AccountName") == 0) {
        buf_add_str(out, "tostring(column_ifexists(\"Resource\", \"\"))");
        return;
    }
    if (c->from[0] && c->from[1])
        buf_addf(out, "coalesce(tostring(column_ifexists(\"%s\", \"\")), tostring(column_ifexists(\"%s\", \"\")))",
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

static int add_list(struct buf *out, char *const *names, size_t n, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_add_str(out, ", ");
        if (kql_quote_string(out, slice_of(names[i]), err) < 0)
            return -1;
    }
    return 0;
}

static void add_seconds(struct buf *out, int64_t ns)
{
    buf_addf(out, "%" PRId64 "s", ns / NS_PER_S);
}

/* ---- the head of a leg: table, bounds, filters ------------------------------------------------------ */

enum leg_kind { LEG_DATA, LEG_AGGREGATED, LEG_API, LEG_TEXT, LEG_CONTROL, LEG_ACTIVITY, LEG_ALERT };

struct leg {
    enum leg_kind kind;
    enum table table;       /* TABLE_NONE: AzureDiagnostics */
    const char *categories; /* of a legacy leg */
    const char *workspace;  /* NULL: the one that is asked */
    int64_t from_ns, to_ns; /* of ingestion_time() */
};

static bool is_legacy(const struct leg *l)
{
    return l->table == TABLE_NONE;
}

#define DATA_CATEGORY "\"DataPlaneRequests\""
#define API_CATEGORIES "\"MongoRequests\", \"CassandraRequests\", \"GremlinRequests\", \"TableApiRequests\""
#define TEXT_CATEGORY "\"QueryRuntimeStatistics\""
#define CONTROL_CATEGORY "\"ControlPlaneRequests\""

/* The account that a row of the leg is about, in lower case; empty when it is about none. */
static const char *account_of(const struct leg *l)
{
    if (is_legacy(l))
        return "tolower(tostring(column_ifexists(\"Resource\", \"\")))";
    if (l->kind == LEG_ACTIVITY)
        return "extract(\"/databaseaccounts/([^/]+)\", 1, tolower(tostring(column_ifexists(\"_ResourceId\", \"\"))))";
    if (l->kind == LEG_ALERT)
        return "extract(\"/databaseaccounts/([^/]+)\", 1, tolower(tostring(column_ifexists(\"ResourceId\", \"\"))))";
    return "tolower(tostring(AccountName))";
}

/* What tells two rows of one tick apart, for cutting by hash. */
static const char *row_identity(const struct leg *l)
{
    if (is_legacy(l))
        return "strcat(column_ifexists(\"_ItemId\", \"\"), tostring(column_ifexists(\"activityId_g\", \"\")))";
    switch (l->kind) {
    case LEG_ACTIVITY: return "strcat(column_ifexists(\"_ItemId\", \"\"), column_ifexists(\"EventDataId\", \"\"))";
    case LEG_ALERT: return "strcat(column_ifexists(\"_ItemId\", \"\"), column_ifexists(\"SystemAlertId\", \"\"))";
    case LEG_AGGREGATED: return "strcat(column_ifexists(\"_ItemId\", \"\"), ClientIpAddress)";
    case LEG_DATA:
    case LEG_API:
    case LEG_TEXT:
    case LEG_CONTROL:
    default: return "strcat(column_ifexists(\"_ItemId\", \"\"), column_ifexists(\"ActivityId\", \"\"))";
    }
}

static void add_part(struct buf *out, const struct kql_scope *sc, const char *identity)
{
    if (sc->part_to > 0)
        buf_addf(out, "    | where hash(%s, %d) >= %u and hash(%s, %d) < %u\n", identity, KQL_PARTS, sc->part_from,
                 identity, KQL_PARTS, sc->part_to);
}

static int add_table(struct buf *out, const struct leg *l, struct error *err)
{
    if (l->workspace) {
        buf_add_str(out, "workspace(");
        if (kql_quote_string(out, slice_of(l->workspace), err) < 0)
            return error_wrap(err, "workspaces");
        buf_add_str(out, ").");
    }
    buf_add_str(out, is_legacy(l) ? "AzureDiagnostics" : table_name(l->table));
    return 0;
}

static int add_filters(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    const char *account = account_of(l);
    bool has_none = l->kind == LEG_ACTIVITY || l->kind == LEG_ALERT; /* rows about no single account */

    if (sc->accounts_len > 0) {
        buf_addf(out, "    | where %s%s%s in~ (", has_none ? account : "", has_none ? " == \"\" or " : "", account);
        if (add_list(out, sc->accounts, sc->accounts_len, err) < 0)
            return error_wrap(err, "accounts");
        buf_add_str(out, ")\n");
    }
    if (sc->shards > 1)
        buf_addf(out, "    | where hash(%s, %" PRId64 ") == %" PRId64 "\n", account, sc->shards, sc->shard);
    return 0;
}

static int add_head(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    buf_add_str(out, "    (");
    if (add_table(out, l, err) < 0)
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
    if (is_legacy(l))
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

/* ---- projections ------------------------------------------------------------------------------------ */

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
    if (!is_legacy(l))
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
        add_text(out, &columns[i], is_legacy(l));
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
        if (is_legacy(l))
            add_legacy_text(out, status);
        else
            buf_add_str(out, "StatusCode");
        buf_add_char(out, ')');
    }
    buf_add_str(out, ",\n        ActivityId = ");
    if (is_legacy(l))
        add_legacy_text(out, id);
    else
        buf_add_str(out, "tostring(column_ifexists(\"ActivityId\", \"\"))");
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        buf_addf(out, ",\n        %s = ", numbers[i].name);
        add_number(out, numbers[i].name, is_legacy(l) ? numbers[i].legacy : NULL);
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
                ",\n        RequestChargeMilli = tolong(todouble(column_ifexists(\"TotalRequestCharge\", real(null))) * 1000 + 0.5)"
                ",\n        RequestLength = todouble(column_ifexists(\"TotalRequestLength\", real(null)))"
                ",\n        ResponseLength = todouble(column_ifexists(\"TotalResponseLength\", real(null)))"
                ",\n        DurationUs = tolong(todouble(column_ifexists(\"TotalDurationMs\", real(null))) * 1000 + 0.5)");
}

static void add_projection(struct buf *out, const struct leg *l)
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
static void add_summary(struct buf *out, const struct kql_scope *sc, enum leg_kind kind, bool has_text)
{
    const struct text_column *columns = NULL;
    size_t n = 0;

    buf_add_str(out, kind == LEG_AGGREGATED ? "    | summarize RowCount = sum(RowCount)" : "    | summarize RowCount = count()");
    buf_add_str(out, ", FirstTime = min(TimeGenerated), LastTime = max(TimeGenerated),\n");
    if (kind == LEG_AGGREGATED)
        buf_add_str(out, "        RequestChargeMilli = sum(RequestChargeMilli), DurationUs = sum(DurationUs),\n");
    else
        buf_add_str(out, "        RequestChargeMilli = sum(tolong(RequestCharge * 1000 + 0.5)), "
                         "DurationUs = sum(tolong(DurationMs * 1000 + 0.5)),\n"
                         "        SampleActivityId = minif(ActivityId, isnotempty(ActivityId)),\n");
    buf_add_str(out, "        RequestLength = sum(tolong(RequestLength + 0.5)), ResponseLength = sum(tolong(ResponseLength + 0.5))\n"
                     "        by Type, TimeGenerated = bin(TimeGenerated, ");
    add_seconds(out, sc->bin_ns);
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

/* ---- legs of a stream --------------------------------------------------------------------------------- */

static const enum table api_tables[] = { TABLE_MONGO, TABLE_CASSANDRA, TABLE_GREMLIN, TABLE_TABLE_API };

static bool wants(const struct kql_scope *sc, enum table t)
{
    return (sc->tables & KQL_TABLE(t)) != 0;
}

static bool wants_legacy(const struct kql_scope *sc)
{
    return (sc->tables & KQL_LEGACY) != 0;
}

static bool wants_api(const struct kql_scope *sc)
{
    for (size_t i = 0; i < ARRAY_LEN(api_tables); i++)
        if (wants(sc, api_tables[i]))
            return true;
    return wants_legacy(sc);
}

/* fn for the leg of each table in the list, here and in every further workspace. */
typedef int leg_fn(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err);

static int each_workspace(struct buf *out, const struct kql_scope *sc, struct leg *l, leg_fn *fn, struct error *err)
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

static int add_legs(struct buf *out, const struct kql_scope *sc, enum leg_kind kind, int64_t from_ns, int64_t to_ns,
                    leg_fn *fn, struct error *err)
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
        if (tables[i].kind == kind && wants(sc, l.table) && each_workspace(out, sc, &l, fn, err) < 0)
            return -1;
    }
    l.table = TABLE_NONE;
    l.categories = kind == LEG_DATA ? DATA_CATEGORY
                   : kind == LEG_API ? API_CATEGORIES
                   : kind == LEG_TEXT ? TEXT_CATEGORY
                   : kind == LEG_CONTROL ? CONTROL_CATEGORY : NULL;
    if (l.categories && wants_legacy(sc))
        return each_workspace(out, sc, &l, fn, err);
    return 0;
}

static int request_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    if (add_head(out, sc, l, err) < 0)
        return -1;
    add_part(out, sc, row_identity(l));
    add_projection(out, l);
    buf_add_char(out, '\n');
    if (!sc->is_rows)
        add_summary(out, sc, l->kind, false);
    buf_add_str(out, "    ),\n");
    return 0;
}

static int control_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    if (add_head(out, sc, l, err) < 0)
        return -1;
    add_part(out, sc, row_identity(l));
    add_projection(out, l);
    buf_add_str(out, "\n    ),\n");
    return 0;
}

static void add_command_text(struct buf *out, const struct leg *l)
{
    static const char *const text[2] = { "piiCommandText", NULL };

    if (is_legacy(l))
        add_legacy_text(out, text);
    else
        buf_add_str(out, "tostring(column_ifexists(\"PIICommandText\", \"\"))");
}

/* Mongo and the others carry text, address and status in one row. */
static int command_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    if (add_head(out, sc, l, err) < 0)
        return -1;
    add_part(out, sc, row_identity(l));
    add_projection(out, l);
    buf_add_str(out, ",\n        PIICommandText = ");
    add_command_text(out, l);
    buf_add_str(out, "\n    | where isnotempty(PIICommandText)\n");
    if (!sc->is_rows)
        add_summary(out, sc, LEG_API, true);
    buf_add_str(out, "    ),\n");
    return 0;
}

/* ---- the empty leg: the whole schema, so that every column exists whatever tables do -------------------- */

static void add_schema(struct buf *out, const struct text_column *columns, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_addf(out, ", %s:string", columns[i].name);
}

/* Columns of api_columns that data_columns lacks. */
static const char api_schema[] = ", TableName:string, Address:string, UserId:string, ErrorCode:string";

static void add_request_schema(struct buf *out, const struct kql_scope *sc, bool has_text)
{
    buf_add_str(out, "    (datatable(Type:string, TimeGenerated:datetime");
    add_schema(out, data_columns, ARRAY_LEN(data_columns));
    buf_add_str(out, api_schema);
    buf_add_str(out, ", StatusCode:int");
    if (has_text)
        buf_add_str(out, ", QueryText:string, PIICommandText:string");
    buf_add_str(out, sc->is_rows
                         ? ", ActivityId:string, RequestCharge:real, RequestLength:real, ResponseLength:real, DurationMs:real"
                         : ", SampleActivityId:string, RowCount:long, FirstTime:datetime, LastTime:datetime, "
                           "RequestChargeMilli:long, RequestLength:long, ResponseLength:long, DurationUs:long");
    buf_add_str(out, ")[])\n");
}

/* Rows of several ports of one address share a place: the port is not part of the address. */
static void add_place(struct buf *out, const struct kql_scope *sc, const char *address)
{
    if (sc->has_places)
        buf_addf(out, "| extend Place = tostring(geo_info_from_ip_address(%s))\n", address);
}

static void add_request_end(struct buf *out, const struct kql_scope *sc)
{
    add_place(out, sc, "coalesce(ClientIpAddress, extract(\"^([0-9.]+):[0-9]+$\", 1, Address), Address)");
    buf_addf(out, "| take %" PRId64 "\n", sc->row_cap);
}

/* ---- query texts ------------------------------------------------------------------------------------------ */

/* Are there request rows that a text can be joined with? */
static bool has_requests(const struct kql_scope *sc)
{
    return wants(sc, TABLE_DATA_PLANE) || wants_legacy(sc);
}

static bool has_statistics(const struct kql_scope *sc)
{
    return wants(sc, TABLE_QUERY_STATS) || wants_legacy(sc);
}

static int64_t text_wait(const struct kql_scope *sc)
{
    return has_requests(sc) ? sc->text_wait_ns : 0; /* nothing to wait for */
}

static int ask_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    if (add_head(out, sc, l, err) < 0)
        return -1;
    buf_add_str(out, "    | where OperationName in~ (" QUERY_OPERATIONS ")\n");
    buf_addf(out, "    | extend Asked = ingestion_time(), Account = %s\n", account_of(l));
    add_projection(out, l);
    buf_add_str(out, ",\n        Asked, Account\n    ),\n");
    return 0;
}

static int text_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    static const char *const id[2] = { "activityId", NULL };
    static const char *const text[2] = { "querytext", "queryText" };
    static const char *const database[2] = { "databasename", "databaseName" };
    static const char *const container[2] = { "collectionname", "collectionName" };

    if (add_head(out, sc, l, err) < 0)
        return -1;
    buf_addf(out,
             "    | project Seen = ingestion_time(), Account = %s, TextTime = TimeGenerated,\n"
             "        TextResource = tostring(column_ifexists(\"_ResourceId\", \"\"))",
             account_of(l));
    if (is_legacy(l)) {
        buf_add_str(out, ",\n        TextAccount = tostring(column_ifexists(\"Resource\", \"\")), ActivityId = ");
        add_legacy_text(out, id);
        buf_add_str(out, ",\n        QueryText = ");
        add_legacy_text(out, text);
        buf_add_str(out, ",\n        TextDatabase = ");
        add_legacy_text(out, database);
        buf_add_str(out, ",\n        TextContainer = ");
        add_legacy_text(out, container);
    } else {
        buf_add_str(out, ",\n        TextAccount = tostring(AccountName), ActivityId = tostring(ActivityId), "
                         "QueryText = tostring(QueryText),\n"
                         "        TextDatabase = tostring(column_ifexists(\"DatabaseName\", \"\")), "
                         "TextContainer = tostring(column_ifexists(\"CollectionName\", \"\"))");
    }
    buf_add_str(out, "\n    | where isnotempty(QueryText)\n    ),\n");
    return 0;
}

static int add_let_asks(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    buf_add_str(out, "let Asks = union isfuzzy=true\n");
    if (add_legs(out, sc, LEG_DATA, sc->from_ns - 2 * text_wait(sc), sc->to_ns, ask_leg, err) < 0)
        return -1;
    buf_add_str(out, "    (datatable(Type:string, TimeGenerated:datetime");
    add_schema(out, data_columns, ARRAY_LEN(data_columns));
    buf_add_str(out, ", StatusCode:int, ActivityId:string, RequestCharge:real, RequestLength:real, "
                     "ResponseLength:real, DurationMs:real, Asked:datetime, Account:string)[]);\n");
    return 0;
}

static int add_let_texts(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    /* Without requests the waiting time still tells a late part of a query from a new one. */
    buf_add_str(out, "let Texts = union isfuzzy=true\n");
    if (add_legs(out, sc, LEG_TEXT, sc->from_ns - 2 * sc->text_wait_ns, sc->to_ns, text_leg, err) < 0)
        return -1;
    buf_add_str(out, "    (datatable(Seen:datetime, Account:string, TextTime:datetime, TextResource:string, "
                     "TextAccount:string, ActivityId:string, QueryText:string, TextDatabase:string, "
                     "TextContainer:string)[]);\n");
    return 0;
}

/* "column >= from [and column < to]", shifted back by the waiting time. */
static void add_due(struct buf *out, const struct kql_scope *sc)
{
    buf_add_str(out, "Seen >= ");
    kql_add_datetime(out, sc->from_ns - text_wait(sc));
    buf_add_str(out, " and Seen < ");
    kql_add_datetime(out, sc->to_ns - text_wait(sc));
}

/* Ids: the few activities this window is about; everything after works on those. Known: their texts.
 * Pairs: text and request, less than text_wait apart. */
static void add_let_pairs(struct buf *out, const struct kql_scope *sc)
{
    buf_add_str(out, "let Ids = union (Asks | where Asked >= ");
    kql_add_datetime(out, sc->from_ns);
    buf_add_str(out, " | project ActivityId),\n    (Texts | where Seen >= ");
    kql_add_datetime(out, sc->from_ns);
    buf_add_str(out, " or (");
    add_due(out, sc);
    buf_add_str(out, ") | project ActivityId)\n    | where isnotempty(ActivityId)\n");
    add_part(out, sc, "ActivityId");
    buf_add_str(out, "    | distinct ActivityId;\n"
                     "let Known = Ids\n"
                     "    | join kind=rightsemi (Texts) on ActivityId\n"
                     "    | summarize QueryText = min(QueryText), Seen = min(Seen), TextTime = min(TextTime), "
                     "TextAccount = min(TextAccount),\n"
                     "        TextResource = min(TextResource), TextDatabase = min(TextDatabase), "
                     "TextContainer = min(TextContainer) by ActivityId, Account;\n"
                     "let Pairs = Known\n"
                     "    | join kind=inner (Ids | join kind=rightsemi (Asks) on ActivityId) on ActivityId, Account\n"
                     "    | where Asked > Seen - ");
    add_seconds(out, text_wait(sc));
    buf_add_str(out, " and Asked < Seen + ");
    add_seconds(out, text_wait(sc));
    buf_add_str(out, ";\n");
}

static int add_lets(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    if (add_let_asks(out, sc, err) < 0 || add_let_texts(out, sc, err) < 0)
        return -1;
    add_let_pairs(out, sc);
    return 0;
}

static void add_now(struct buf *out, const struct kql_scope *sc)
{
    buf_add_str(out, "    (Pairs | where Asked >= ");
    kql_add_datetime(out, sc->from_ns);
    buf_add_str(out, " or Seen >= ");
    kql_add_datetime(out, sc->from_ns);
    buf_add_char(out, '\n');
}

static void add_alone(struct buf *out, const struct kql_scope *sc)
{
    buf_add_str(out, "    (Known | where ");
    add_due(out, sc);
    buf_add_str(out, "\n    | join kind=leftanti (Pairs) on ActivityId, Account\n");
}

static int add_texts_stream(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    if (has_statistics(sc) && add_lets(out, sc, err) < 0)
        return -1;
    buf_add_str(out, "union isfuzzy=true\n");
    if (has_statistics(sc)) {
        add_now(out, sc);
        buf_add_str(out, "    | project Type = \"CDBQueryRuntimeStatistics\", TimeGenerated");
        for (size_t i = 0; i < ARRAY_LEN(data_columns); i++)
            buf_addf(out, ", %s", data_columns[i].name);
        buf_add_str(out, ", StatusCode, ActivityId, RequestCharge, RequestLength, ResponseLength, DurationMs, QueryText\n");
        if (!sc->is_rows)
            add_summary(out, sc, LEG_DATA, true);
        buf_add_str(out, "    ),\n");
        add_alone(out, sc);
        buf_add_str(out, "    | project Type = \"CDBQueryRuntimeStatistics\", TimeGenerated = TextTime, AccountName = TextAccount,\n"
                         "        _ResourceId = TextResource, DatabaseName = TextDatabase, CollectionName = TextContainer, "
                         "ActivityId, QueryText\n");
        if (!sc->is_rows) {
            buf_add_str(out, "    | summarize RowCount = count(), FirstTime = min(TimeGenerated), LastTime = max(TimeGenerated),\n"
                             "        SampleActivityId = minif(ActivityId, isnotempty(ActivityId))\n"
                             "        by Type, TimeGenerated = bin(TimeGenerated, ");
            add_seconds(out, sc->bin_ns);
            buf_add_str(out, "), AccountName, _ResourceId, DatabaseName, CollectionName, QueryText\n");
        }
        buf_add_str(out, "    ),\n");
    }
    if (add_legs(out, sc, LEG_API, sc->from_ns, sc->to_ns, command_leg, err) < 0)
        return -1;
    add_request_schema(out, sc, true);
    add_request_end(out, sc);
    return 0;
}

/* ---- the streams ------------------------------------------------------------------------------------------- */

static int add_requests_stream(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    buf_add_str(out, "union isfuzzy=true\n");
    if (add_legs(out, sc, LEG_DATA, sc->from_ns, sc->to_ns, request_leg, err) < 0 ||
        add_legs(out, sc, LEG_AGGREGATED, sc->from_ns, sc->to_ns, request_leg, err) < 0 ||
        add_legs(out, sc, LEG_API, sc->from_ns, sc->to_ns, request_leg, err) < 0)
        return -1;
    add_request_schema(out, sc, false);
    add_request_end(out, sc);
    return 0;
}

static int add_control_legs(struct buf *out, const struct kql_scope *sc, leg_fn *fn, struct error *err)
{
    if (add_legs(out, sc, LEG_CONTROL, sc->from_ns, sc->to_ns, fn, err) < 0 ||
        add_legs(out, sc, LEG_ACTIVITY, sc->from_ns, sc->to_ns, fn, err) < 0 ||
        add_legs(out, sc, LEG_ALERT, sc->from_ns, sc->to_ns, fn, err) < 0)
        return -1;
    return 0;
}

static int add_control_stream(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    buf_add_str(out, "union isfuzzy=true\n");
    if (add_control_legs(out, sc, control_leg, err) < 0)
        return -1;
    buf_add_str(out, "    (datatable(Type:string, TimeGenerated:datetime");
    add_schema(out, control_columns, ARRAY_LEN(control_columns));
    add_schema(out, activity_columns + 2, ARRAY_LEN(activity_columns) - 2); /* after _ResourceId, _ItemId */
    buf_add_str(out, ", ResourceId:string");
    add_schema(out, alert_columns + 2, ARRAY_LEN(alert_columns) - 2); /* after ResourceId, _ItemId */
    buf_add_str(out, ")[])\n");
    add_place(out, sc, "CallerIpAddress");
    buf_addf(out, "| take %" PRId64 "\n", sc->row_cap);
    return 0;
}

const char *kql_stream_name(enum kql_stream s)
{
    static const char *const names[KQL_STREAM_COUNT] = {
        [KQL_REQUESTS] = "requests", [KQL_TEXTS] = "texts", [KQL_CONTROL] = "control",
    };

    return names[s];
}

bool kql_has_stream(const struct kql_scope *sc, enum kql_stream s)
{
    switch (s) {
    case KQL_REQUESTS:
        return has_requests(sc) || wants_api(sc) || wants(sc, TABLE_DATA_PLANE_5M) || wants(sc, TABLE_DATA_PLANE_15M);
    case KQL_TEXTS: return has_statistics(sc) || wants_api(sc);
    case KQL_CONTROL:
        return wants(sc, TABLE_CONTROL_PLANE) || wants(sc, TABLE_ACTIVITY) || wants(sc, TABLE_SECURITY_ALERT) ||
               wants_legacy(sc);
    case KQL_STREAM_COUNT:
    default: return false;
    }
}

int kql_add_stream(struct buf *out, enum kql_stream s, const struct kql_scope *sc, struct error *err)
{
    int rc = s == KQL_REQUESTS ? add_requests_stream(out, sc, err)
             : s == KQL_TEXTS ? add_texts_stream(out, sc, err)
                              : add_control_stream(out, sc, err);

    return rc < 0 ? -1 : buf_check(out, err);
}

const char *const *kql_needed_columns(enum kql_stream s, bool is_rows)
{
    static const char *const rows[] = { "Type", "TimeGenerated", "AccountName", "OperationName", "StatusCode",
                                        "ClientIpAddress", "ActivityId", NULL };
    static const char *const sums[] = { "Type", "TimeGenerated", "AccountName", "OperationName", "StatusCode",
                                        "ClientIpAddress", "RowCount", NULL };
    static const char *const control[] = { "Type", "TimeGenerated", "AccountName", "OperationName",
                                           "OperationNameValue", "Caller", NULL };

    return s == KQL_CONTROL ? control : is_rows ? rows : sums;
}

/* ---- counting ------------------------------------------------------------------------------------------------ */

static int count_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    if (add_head(out, sc, l, err) < 0)
        return -1;
    buf_add_str(out, l->kind == LEG_AGGREGATED
                         ? "    | project At = ingestion_time(), N = coalesce(tolong(column_ifexists(\"RequestCount\", real(null))), "
                           "tolong(column_ifexists(\"SampleCount\", real(null))), long(1))),\n"
                         : "    | project At = ingestion_time(), N = long(1)),\n");
    return 0;
}

static int count_command_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    if (add_head(out, sc, l, err) < 0)
        return -1;
    buf_add_str(out, "    | extend Command = ");
    add_command_text(out, l);
    buf_add_str(out, "\n    | where isnotempty(Command)\n    | project At = ingestion_time(), N = long(1)),\n");
    return 0;
}

static int add_count_legs(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    if (add_legs(out, sc, LEG_DATA, sc->from_ns, sc->to_ns, count_leg, err) < 0 ||
        add_legs(out, sc, LEG_AGGREGATED, sc->from_ns, sc->to_ns, count_leg, err) < 0 ||
        add_legs(out, sc, LEG_API, sc->from_ns, sc->to_ns, count_leg, err) < 0 ||
        add_legs(out, sc, LEG_API, sc->from_ns, sc->to_ns, count_command_leg, err) < 0)
        return -1;
    return add_control_legs(out, sc, count_leg, err);
}

int kql_add_count(struct buf *out, const struct kql_scope *scope, const int64_t *edges, size_t n, struct error *err)
{
    struct kql_scope sc = *scope;

    if (n == 0 || n > KQL_COUNT_MAX)
        return error_set(err, ERR_BUG, "%zu intervals to count", n);
    sc.from_ns = edges[0];
    sc.to_ns = edges[n];
    if (has_statistics(&sc) && add_lets(out, &sc, err) < 0)
        return -1;
    buf_add_str(out, "union isfuzzy=true\n");
    if (has_statistics(&sc)) {
        add_now(out, &sc);
        buf_add_str(out, "    | project At = max_of(Asked, Seen), N = long(1)),\n");
        add_alone(out, &sc);
        buf_add_str(out, "    | project At = Seen + ");
        add_seconds(out, text_wait(&sc));
        buf_add_str(out, ", N = long(1)),\n");
    }
    if (add_count_legs(out, &sc, err) < 0)
        return -1;
    buf_add_str(out, "    (datatable(At:datetime, N:long)[])\n| summarize N = sum(N) by W = ");
    if (n > 1)
        buf_add_str(out, "case(");
    for (size_t i = 0; i + 1 < n; i++) {
        buf_add_str(out, "At < ");
        kql_add_datetime(out, edges[i + 1]);
        buf_addf(out, ", %zu, ", i);
    }
    buf_addf(out, n > 1 ? "%zu)\n" : "toint(%zu)\n", n - 1);
    buf_add_str(out, "| project W = toint(W), N\n");
    buf_addf(out, "| take %d\n", KQL_COUNT_MAX);
    return buf_check(out, err);
}

/* ---- threat intelligence -------------------------------------------------------------------------------------- */

/* The service repeats each live indicator every week or so; 30 days of rows hold them all. */
int kql_add_threat_intel(struct buf *out, int64_t now_ns, struct error *err)
{
    buf_add_str(out, "union isfuzzy=true\n    (ThreatIntelIndicators\n    | where TimeGenerated >= ");
    kql_add_datetime(out, now_ns - 30 * NS_PER_DAY);
    buf_add_str(out, " and TimeGenerated < ");
    kql_add_datetime(out, now_ns + NS_PER_DAY);
    buf_add_str(out,
                "\n    | extend ObservableKey = tostring(ObservableKey), Pattern = tostring(column_ifexists(\"Pattern\", \"\"))\n"
                "    | where ObservableKey has_any (\"ipv4\", \"ipv6\") or ObservableKey startswith \"network-traffic:\"\n"
                "        or (isempty(ObservableKey) and Pattern has_any (\"ipv4\", \"ipv6\"))\n"
                "    | summarize arg_max(TimeGenerated, *) by Id, ObservableKey, ObservableValue\n"
                "    | where IsActive and not(tobool(column_ifexists(\"IsDeleted\", false)) == true)\n"
                "        and not(tobool(column_ifexists(\"Revoked\", false)) == true)\n"
                "    | where isnull(ValidUntil) or ValidUntil > ");
    kql_add_datetime(out, now_ns);
    buf_add_str(out,
                "\n    | extend Whole = todynamic(column_ifexists(\"Data\", dynamic(null)))\n"
                "    | project TimeGenerated, Id = tostring(Id), ObservableKey, ObservableValue = tostring(ObservableValue), Pattern,\n"
                "        Confidence = toint(Confidence), ValidFrom, ValidUntil, Modified = todatetime(column_ifexists(\"Modified\", datetime(null))),\n"
                "        Tags = tostring(column_ifexists(\"Tags\", \"\")), Source = tostring(column_ifexists(\"SourceSystem\", \"\")),\n"
                "        Data = tostring(bag_pack(\"labels\", Whole[\"labels\"], \"indicator_types\", Whole[\"indicator_types\"],\n"
                "            \"name\", Whole[\"name\"], \"description\", Whole[\"description\"]))\n"
                "    ),\n"
                "    (datatable(TimeGenerated:datetime, Id:string, ObservableKey:string, ObservableValue:string, Pattern:string, "
                "Confidence:int, ValidFrom:datetime, ValidUntil:datetime, Modified:datetime, Tags:string, Source:string, "
                "Data:string)[])\n"
                "| take 500000\n");
    return buf_check(out, err);
}

/* ---- probing --------------------------------------------------------------------------------------------------- */

/* A masked text names its columns p1, p2 and its literals str1: see "diagnostics full-text query". */
#define MASKED_PATTERN "@\"\\bp[0-9]+\\b|'str[0-9]+'\""

static int probe_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    bool has_text = l->table == TABLE_QUERY_STATS;

    (void)sc;
    buf_add_str(out, "    (");
    if (add_table(out, l, err) < 0)
        return -1;
    buf_add_str(out, "\n    | where TimeGenerated > ago(1d)\n");
    if (is_legacy(l))
        buf_add_str(out, "    | where ResourceProvider =~ \"MICROSOFT.DOCUMENTDB\"\n");
    buf_add_str(out, "    | extend Delay = (ingestion_time() - TimeGenerated) / 1ms\n"
                     "    | summarize Rows = count(), Newest = max(TimeGenerated), DelayMs = tolong(percentile(Delay, 50))");
    buf_addf(out, has_text ? ",\n        Texts = countif(isnotempty(QueryText)), Masked = countif(QueryText matches regex "
                             MASKED_PATTERN ")\n"
                           : ", Texts = long(0), Masked = long(0)\n");
    buf_addf(out, "    | project Type = \"%s\", Rows, Newest, DelayMs, Texts, Masked),\n",
             is_legacy(l) ? "AzureDiagnostics" : table_name(l->table));
    return 0;
}

int kql_add_probe(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    struct leg l = { .table = TABLE_NONE };

    buf_add_str(out, "union isfuzzy=true\n");
    for (unsigned t = 1; t < TABLE_COUNT; t++) {
        l.table = (enum table)t;
        if ((wants(sc, l.table) || l.table == TABLE_THREAT_INTEL) && probe_leg(out, sc, &l, err) < 0)
            return -1;
    }
    l.table = TABLE_NONE;
    if (wants_legacy(sc) && probe_leg(out, sc, &l, err) < 0)
        return -1;
    buf_add_str(out, "    (datatable(Type:string, Rows:long, Newest:datetime, DelayMs:long, Texts:long, Masked:long)[])\n"
                     "| take 100\n");
    return buf_check(out, err);
}
