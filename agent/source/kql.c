/* kql.c - builds the query texts; see kql.h for what they promise.
 *
 * A query is a union of legs, one per table and workspace. A leg is: the table, the two time bounds, the
 * filters, a projection onto common names, and (unless rows are wanted) a summary: leg.c.
 * Query texts are joined with their requests first: kql_texts.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/kql.h"

#include "base/kql_quote.h"
#include "source/kql_texts.h"
#include "source/leg.h"

#include <inttypes.h>

/* ---- legs ------------------------------------------------------------------------------------ */

static int request_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    if (leg_add_head(out, sc, l, err) < 0)
        return -1;
    leg_add_part(out, sc, leg_identity(l));
    leg_add_projection(out, l);
    buf_add_char(out, '\n');
    if (!sc->is_rows)
        leg_add_summary(out, sc, l->kind, false);
    buf_add_str(out, "    ),\n");
    return 0;
}

static int control_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    if (leg_add_head(out, sc, l, err) < 0)
        return -1;
    leg_add_part(out, sc, leg_identity(l));
    leg_add_projection(out, l);
    buf_add_str(out, "\n    ),\n");
    return 0;
}

/* Mongo and the others carry text, address and status in one row. */
static int command_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    if (leg_add_head(out, sc, l, err) < 0)
        return -1;
    leg_add_part(out, sc, leg_identity(l));
    leg_add_projection(out, l);
    buf_add_str(out, ",\n        PIICommandText = ");
    leg_add_command_text(out, l);
    buf_add_str(out, "\n    | where isnotempty(PIICommandText)\n");
    if (!sc->is_rows)
        leg_add_summary(out, sc, LEG_API, true);
    buf_add_str(out, "    ),\n");
    return 0;
}

/* ---- the empty leg: the whole schema, so that every column exists whatever tables do --------------------
 */

/* Columns of LEG_API that LEG_DATA lacks. */
static const char api_schema[] = ", TableName:string, Address:string, UserId:string, ErrorCode:string";

static void add_request_schema(struct buf *out, const struct kql_scope *sc, bool has_text)
{
    buf_add_str(out, "    (datatable(Type:string, TimeGenerated:datetime");
    leg_add_schema(out, LEG_DATA, 0);
    buf_add_str(out, api_schema);
    buf_add_str(out, ", StatusCode:int");
    if (has_text)
        buf_add_str(out, ", QueryText:string, PIICommandText:string");
    buf_add_str(out,
                sc->is_rows
                    ? ", ActivityId:string, RequestCharge:real, RequestLength:real, ResponseLength:real, "
                      "DurationMs:real"
                    : ", SampleActivityId:string, RowCount:long, FirstTime:datetime, LastTime:datetime, "
                      "RequestChargeMilli:long, RequestLength:long, ResponseLength:long, DurationUs:long");
    buf_add_str(out, ")[])\n");
}

/* Rows of several ports of one address share a place: the port is not part of the address. */
static void add_place(struct buf *out, const struct kql_scope *sc, const char *address)
{
    if (sc->has_places)
        buf_addf(out,
                 "| extend Geo = geo_info_from_ip_address(%s)\n"
                 "| extend Place = iff(isnotempty(tostring(Geo.country)), tostring(Geo), \"\")\n",
                 address);
}

static void add_request_end(struct buf *out, const struct kql_scope *sc)
{
    add_place(out, sc, "coalesce(ClientIpAddress, extract(\"^([0-9.]+):[0-9]+$\", 1, Address), Address)");
    buf_addf(out, "| take %" PRId64 "\n", sc->row_cap);
}

static int add_texts_stream(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    if (texts_has_statistics(sc) && texts_add_lets(out, sc, err) < 0)
        return -1;
    buf_add_str(out, "union isfuzzy=true\n");
    if (texts_has_statistics(sc)) {
        texts_add_now(out, sc);
        buf_add_str(out, "    | project Type = \"CDBQueryRuntimeStatistics\", TimeGenerated");
        leg_add_names(out, LEG_DATA);
        buf_add_str(out, ", StatusCode, ActivityId, RequestCharge, RequestLength, ResponseLength, "
                         "DurationMs, QueryText\n");
        if (!sc->is_rows)
            leg_add_summary(out, sc, LEG_DATA, true);
        buf_add_str(out, "    ),\n");
        texts_add_alone(out, sc);
        buf_add_str(out, "    | project Type = \"CDBQueryRuntimeStatistics\", TimeGenerated = TextTime, "
                         "AccountName = TextAccount,\n"
                         "        _ResourceId = TextResource, DatabaseName = TextDatabase, CollectionName = "
                         "TextContainer, "
                         "ActivityId, QueryText\n");
        if (!sc->is_rows) {
            buf_add_str(out, "    | summarize RowCount = count(), FirstTime = min(TimeGenerated), LastTime = "
                             "max(TimeGenerated),\n"
                             "        SampleActivityId = minif(ActivityId, isnotempty(ActivityId))\n"
                             "        by Type, TimeGenerated = bin(TimeGenerated, ");
            kql_add_seconds(out, sc->bin_ns);
            buf_add_str(out, "), AccountName, _ResourceId, DatabaseName, CollectionName, QueryText\n");
        }
        buf_add_str(out, "    ),\n");
    }
    if (kql_each_leg(out, sc, LEG_API, sc->from_ns, sc->to_ns, command_leg, err) < 0)
        return -1;
    add_request_schema(out, sc, true);
    add_request_end(out, sc);
    return 0;
}

/* ---- the streams ----------------------------------------------------------------------------- */

static int add_requests_stream(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    buf_add_str(out, "union isfuzzy=true\n");
    if (kql_each_leg(out, sc, LEG_DATA, sc->from_ns, sc->to_ns, request_leg, err) < 0 ||
        kql_each_leg(out, sc, LEG_AGGREGATED, sc->from_ns, sc->to_ns, request_leg, err) < 0 ||
        kql_each_leg(out, sc, LEG_API, sc->from_ns, sc->to_ns, request_leg, err) < 0)
        return -1;
    add_request_schema(out, sc, false);
    add_request_end(out, sc);
    return 0;
}

static int add_control_legs(struct buf *out, const struct kql_scope *sc, leg_fn *fn, struct error *err)
{
    if (kql_each_leg(out, sc, LEG_CONTROL, sc->from_ns, sc->to_ns, fn, err) < 0 ||
        kql_each_leg(out, sc, LEG_ACTIVITY, sc->from_ns, sc->to_ns, fn, err) < 0 ||
        kql_each_leg(out, sc, LEG_ALERT, sc->from_ns, sc->to_ns, fn, err) < 0)
        return -1;
    return 0;
}

static int add_control_stream(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    buf_add_str(out, "union isfuzzy=true\n");
    if (add_control_legs(out, sc, control_leg, err) < 0)
        return -1;
    buf_add_str(out, "    (datatable(Type:string, TimeGenerated:datetime");
    leg_add_schema(out, LEG_CONTROL, 0);
    leg_add_schema(out, LEG_ACTIVITY, 2); /* after _ResourceId, _ItemId */
    buf_add_str(out, ", ResourceId:string");
    leg_add_schema(out, LEG_ALERT, 2); /* after ResourceId, _ItemId */
    buf_add_str(out, ")[])\n");
    add_place(out, sc, "CallerIpAddress");
    buf_addf(out, "| take %" PRId64 "\n", sc->row_cap);
    return 0;
}

const char *kql_stream_name(enum kql_stream s)
{
    static const char *const names[KQL_STREAM_COUNT] = {
        [KQL_REQUESTS] = "requests",
        [KQL_TEXTS] = "texts",
        [KQL_CONTROL] = "control",
    };

    return names[s];
}

bool kql_has_stream(const struct kql_scope *sc, enum kql_stream s)
{
    switch (s) {
    case KQL_REQUESTS:
        return texts_has_requests(sc) || scope_wants_api(sc) || scope_wants(sc, TABLE_DATA_PLANE_5M) ||
               scope_wants(sc, TABLE_DATA_PLANE_15M);
    case KQL_TEXTS:
        return texts_has_statistics(sc) || scope_wants_api(sc);
    case KQL_CONTROL:
        return scope_wants(sc, TABLE_CONTROL_PLANE) || scope_wants(sc, TABLE_ACTIVITY) ||
               scope_wants(sc, TABLE_SECURITY_ALERT) || scope_wants_legacy(sc);
    case KQL_STREAM_COUNT:
    default:
        return false;
    }
}

int kql_add_stream(struct buf *out, enum kql_stream s, const struct kql_scope *sc, struct error *err)
{
    int rc = s == KQL_REQUESTS ? add_requests_stream(out, sc, err)
             : s == KQL_TEXTS  ? add_texts_stream(out, sc, err)
                               : add_control_stream(out, sc, err);

    return rc < 0 ? -1 : buf_check(out, err);
}

const char *const *kql_needed_columns(enum kql_stream s, bool is_rows)
{
    static const char *const rows[] = { "Type",       "TimeGenerated",   "AccountName", "OperationName",
                                        "StatusCode", "ClientIpAddress", "ActivityId",  NULL };
    static const char *const sums[] = { "Type",       "TimeGenerated",   "AccountName", "OperationName",
                                        "StatusCode", "ClientIpAddress", "RowCount",    NULL };
    static const char *const control[] = {
        "Type", "TimeGenerated", "AccountName", "OperationName", "OperationNameValue", "Caller", NULL
    };

    return s == KQL_CONTROL ? control : is_rows ? rows : sums;
}

/* ---- counting -------------------------------------------------------------------------------- */

static int count_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    if (leg_add_head(out, sc, l, err) < 0)
        return -1;
    buf_add_str(out, l->kind == LEG_AGGREGATED
                         ? "    | project At = ingestion_time(), N = "
                           "coalesce(tolong(column_ifexists(\"RequestCount\", real(null))), "
                           "tolong(column_ifexists(\"SampleCount\", real(null))), long(1))),\n"
                         : "    | project At = ingestion_time(), N = long(1)),\n");
    return 0;
}

static int count_command_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l,
                             struct error *err)
{
    if (leg_add_head(out, sc, l, err) < 0)
        return -1;
    buf_add_str(out, "    | extend Command = ");
    leg_add_command_text(out, l);
    buf_add_str(out,
                "\n    | where isnotempty(Command)\n    | project At = ingestion_time(), N = long(1)),\n");
    return 0;
}

static int add_count_legs(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    if (kql_each_leg(out, sc, LEG_DATA, sc->from_ns, sc->to_ns, count_leg, err) < 0 ||
        kql_each_leg(out, sc, LEG_AGGREGATED, sc->from_ns, sc->to_ns, count_leg, err) < 0 ||
        kql_each_leg(out, sc, LEG_API, sc->from_ns, sc->to_ns, count_leg, err) < 0 ||
        kql_each_leg(out, sc, LEG_API, sc->from_ns, sc->to_ns, count_command_leg, err) < 0)
        return -1;
    return add_control_legs(out, sc, count_leg, err);
}

int kql_add_count(struct buf *out, const struct kql_scope *scope, const int64_t *edges, size_t n,
                  struct error *err)
{
    struct kql_scope sc = *scope;

    if (n == 0 || n > KQL_COUNT_MAX)
        return error_set(err, ERR_BUG, "%zu intervals to count", n);
    sc.from_ns = edges[0];
    sc.to_ns = edges[n];
    if (texts_has_statistics(&sc) && texts_add_lets(out, &sc, err) < 0)
        return -1;
    buf_add_str(out, "union isfuzzy=true\n");
    if (texts_has_statistics(&sc)) {
        texts_add_now(out, &sc);
        buf_add_str(out, "    | project At = max_of(Asked, Seen), N = long(1)),\n");
        texts_add_alone(out, &sc);
        buf_add_str(out, "    | project At = Seen + ");
        kql_add_seconds(out, texts_wait(&sc));
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

/* ---- threat intelligence --------------------------------------------------------------------- */

/* The service repeats each live indicator every week or so; 30 days of rows hold them all. */
int kql_add_threat_intel(struct buf *out, int64_t now_ns, struct error *err)
{
    buf_add_str(out, "union isfuzzy=true\n    (ThreatIntelIndicators\n    | where TimeGenerated >= ");
    kql_add_datetime(out, now_ns - 30 * NS_PER_DAY);
    buf_add_str(out, " and TimeGenerated < ");
    kql_add_datetime(out, now_ns + NS_PER_DAY);
    buf_add_str(out, "\n    | summarize arg_max(TimeGenerated, *) by Id\n"
                     "    | extend ObservableKey = tostring(ObservableKey), "
                     "Pattern = tostring(column_ifexists(\"Pattern\", \"\"))\n"
                     "    | where ObservableKey has_any (\"ipv4\", \"ipv6\") or "
                     "ObservableKey startswith \"network-traffic:\"\n"
                     "        or (isempty(ObservableKey) and Pattern has_any (\"ipv4\", \"ipv6\"))\n"
                     "    | where IsActive and not(tobool(column_ifexists(\"IsDeleted\", false)) == true)\n"
                     "        and not(tobool(column_ifexists(\"Revoked\", false)) == true)\n"
                     "    | where isnull(ValidUntil) or ValidUntil > ");
    kql_add_datetime(out, now_ns);
    buf_add_str(out, "\n    | extend Whole = todynamic(column_ifexists(\"Data\", dynamic(null)))\n"
                     "    | project TimeGenerated, Id = tostring(Id), ObservableKey, ObservableValue = "
                     "tostring(ObservableValue), Pattern,\n"
                     "        Confidence = toint(Confidence), ValidFrom, ValidUntil, Modified = "
                     "todatetime(column_ifexists(\"Modified\", datetime(null))),\n"
                     "        Tags = tostring(column_ifexists(\"Tags\", \"\")), Source = "
                     "tostring(column_ifexists(\"SourceSystem\", \"\")),\n"
                     "        Data = tostring(bag_pack(\"labels\", Whole[\"labels\"], \"indicator_types\", "
                     "Whole[\"indicator_types\"],\n"
                     "            \"name\", Whole[\"name\"], \"description\", Whole[\"description\"]))\n"
                     "    ),\n"
                     "    (datatable(TimeGenerated:datetime, Id:string, ObservableKey:string, "
                     "ObservableValue:string, Pattern:string, "
                     "Confidence:int, ValidFrom:datetime, ValidUntil:datetime, Modified:datetime, "
                     "Tags:string, Source:string, "
                     "Data:string)[])\n"
                     "| take 500000\n");
    return buf_check(out, err);
}

/* ---- probing --------------------------------------------------------------------------------- */

static int probe_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    bool has_text = l->table == TABLE_QUERY_STATS;

    (void)sc;
    buf_add_str(out, "    (");
    if (leg_add_table(out, l, err) < 0)
        return -1;
    buf_add_str(out, "\n    | where TimeGenerated > ago(1d)\n");
    if (leg_is_legacy(l))
        buf_add_str(out, "    | where ResourceProvider =~ \"MICROSOFT.DOCUMENTDB\"\n");
    buf_add_str(out, "    | extend Delay = (ingestion_time() - TimeGenerated) / 1ms\n"
                     "    | summarize Rows = count(), Newest = max(TimeGenerated), DelayMs = "
                     "tolong(percentile(Delay, 50))");
    buf_addf(out, has_text ? ",\n        Texts = countif(isnotempty(QueryText)), Masked = countif(QueryText "
                             "matches regex " KQL_MASKED_PATTERN ")\n"
                           : ", Texts = long(0), Masked = long(0)\n");
    buf_addf(out, "    | project Type = \"%s\", Rows, Newest, DelayMs, Texts, Masked),\n",
             leg_is_legacy(l) ? "AzureDiagnostics" : table_name(l->table));
    return 0;
}

int kql_add_probe(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    struct leg l = { .table = TABLE_NONE };

    buf_add_str(out, "union isfuzzy=true\n");
    for (unsigned t = 1; t < TABLE_COUNT; t++) {
        l.table = (enum table)t;
        if ((scope_wants(sc, l.table) || l.table == TABLE_THREAT_INTEL) && probe_leg(out, sc, &l, err) < 0)
            return -1;
    }
    l.table = TABLE_NONE;
    if (scope_wants_legacy(sc) && probe_leg(out, sc, &l, err) < 0)
        return -1;
    buf_add_str(
        out,
        "    (datatable(Type:string, Rows:long, Newest:datetime, DelayMs:long, Texts:long, Masked:long)[])\n"
        "| take 100\n");
    return buf_check(out, err);
}
