/* survey.c - see survey.h. SPDX-License-Identifier: Apache-2.0 */
#include "source/survey.h"

#include "base/num.h"
#include "source/answer.h"
#include "source/leg.h"

#include <stdio.h>

#define MONTH_HOURS (30 * 24)
#define MEGABYTES_MAX INT64_C(1000000000) /* a petabyte: more is no volume of logs */

/* ---- queries -------------------------------------------------------------------------------------------------------- */

static int add_account_leg(struct buf *out, const struct leg *l, struct error *err)
{
    bool has_text = l->table == TABLE_QUERY_STATS;

    buf_add_str(out, "    (");
    if (leg_add_table(out, l, err) < 0)
        return -1;
    buf_addf(out, "\n    | where TimeGenerated > ago(1d)\n    | extend Account = %s, Delay = (ingestion_time() - TimeGenerated) / 1ms\n",
             leg_account(l));
    buf_addf(out, "    | summarize Rows = count(), DelayMs = tolong(percentile(Delay, 50)), Texts = %s,\n        Masked = %s by Account\n",
             has_text ? "countif(isnotempty(QueryText))" : "countif(false)",
             has_text ? "countif(QueryText matches regex " KQL_MASKED_PATTERN ")" : "countif(false)");
    buf_addf(out, "    | project Account, Type = \"%s\", Rows, DelayMs, Texts, Masked),\n", table_name(l->table));
    return 0;
}

int survey_add_accounts_query(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    buf_add_str(out, "union isfuzzy=true\n");
    for (unsigned t = TABLE_DATA_PLANE; t <= TABLE_ACTIVITY; t++) {
        struct leg l = { .table = (enum table)t };

        if (t == TABLE_ACTIVITY)
            l.kind = LEG_ACTIVITY;
        if ((sc->tables & KQL_TABLE(t)) && add_account_leg(out, &l, err) < 0)
            return -1;
    }
    buf_add_str(out, "    (datatable(Account:string, Type:string, Rows:long, DelayMs:long, Texts:long, Masked:long)[])\n"
                     "| where isnotempty(Account)\n"
                     "| order by Account asc, Type asc\n"
                     "| take 2000\n");
    return buf_check(out, err);
}

int survey_add_usage_query(struct buf *out, struct error *err)
{
    bool is_first = true;

    buf_add_str(out, "union isfuzzy=true\n"
                     "    (Usage\n"
                     "    | where TimeGenerated > ago(30d)\n"
                     "    | where DataType in (");
    for (unsigned t = TABLE_DATA_PLANE; t <= TABLE_ACTIVITY; t++) {
        buf_addf(out, "%s\"%s\"", is_first ? "" : ", ", table_name((enum table)t));
        is_first = false;
    }
    buf_add_str(out, ", \"AzureDiagnostics\")\n"
                     "    | summarize Megabytes = tolong(sum(Quantity)), Hours = tolong((now() - min(TimeGenerated)) / 1h) by DataType\n"
                     "    | project Type = DataType, Megabytes, Hours),\n"
                     "    (datatable(Type:string, Megabytes:long, Hours:long)[])\n"
                     "| order by Megabytes desc\n"
                     "| take 100\n");
    return buf_check(out, err);
}

int survey_add_places_query(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    const struct leg l = { .table = TABLE_DATA_PLANE };

    buf_add_str(out, "union isfuzzy=true\n    (");
    if (leg_add_table(out, &l, err) < 0)
        return -1;
    buf_addf(out, "\n    | where TimeGenerated > ago(1d)\n    | extend Account = %s, Address = tostring(ClientIpAddress)\n"
                  "    | where isnotempty(Account) and isnotempty(Address)\n"
                  "    | summarize Rows = count() by Account, Address\n"
                  "    | extend Geo = %s\n"
                  "    | summarize Addresses = count(), Placed = countif(isnotempty(Geo)) by Account),\n",
             leg_account(&l), sc->has_places ? "tostring(geo_info_from_ip_address(Address).country)" : "\"\"");
    buf_add_str(out, "    (datatable(Account:string, Addresses:long, Placed:long)[])\n"
                     "| order by Account asc\n"
                     "| take 2000\n");
    return buf_check(out, err);
}

int survey_add_aggregate_query(struct buf *out, struct error *err)
{
    buf_add_str(out, "union isfuzzy=true\n"
                     "    (CDBDataPlaneRequests\n"
                     "    | where TimeGenerated > ago(2h) and TimeGenerated < ago(1h)\n"
                     "    | summarize Rows = count() by bin(TimeGenerated, 5m), AccountName, DatabaseName, CollectionName,\n"
                     "        PartitionId, OperationName, RequestResourceType, StatusCode, ClientIpAddress, UserAgent,\n"
                     "        ConnectionMode, RegionName, AuthTokenType, KeyType, AadPrincipalId, ResourceTokenPermissionId,\n"
                     "        ResourceTokenPermissionMode\n"
                     "    | summarize Rows = sum(Rows), Groups = count()),\n"
                     "    (datatable(Rows:long, Groups:long)[])\n"
                     "| take 10\n");
    return buf_check(out, err);
}

/* ---- commands -------------------------------------------------------------------------------------------------------- */

/* An account's name stands in a log row, and the command is for a shell: only what can be a name gets there. */
static bool is_account_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.at[i] >= 'a' && s.at[i] <= 'z') || (s.at[i] >= '0' && s.at[i] <= '9') || s.at[i] == '-'))
            return false;
    return s.len >= 3 && s.len <= 50 && s.at[0] != '-';
}

static void add_account_id(struct buf *out, struct slice account)
{
    buf_addf(out, "$(az cosmosdb list --query \"[?name=='%.*s'].id\" -o tsv)",
             SLF(is_account_name(account) ? account : SL("ACCOUNT")));
}

static void add_workspace_id(const struct survey *s)
{
    buf_addf(s->said, "$(az monitor log-analytics workspace list --query \"[?customerId=='%s'].id\" -o tsv)",
             s->workspace);
}

void survey_do_role(const struct survey *s, const char *client_id)
{
    buf_addf(s->said, "  do: az role assignment create --role \"Log Analytics Reader\" --assignee %s --scope ",
             client_id && client_id[0] ? client_id : "OBJECT_ID_OF_THE_IDENTITY");
    add_workspace_id(s);
    buf_add_char(s->said, '\n');
}

void survey_do_logs(const struct survey *s, struct slice account, const char *category)
{
    /* A setting of its own: one with a name that is taken would be replaced, with all it sends. */
    buf_addf(s->said, "  do: az monitor diagnostic-settings create --name cosmowatch-%s --export-to-resource-specific true "
                      "--resource ", category);
    add_account_id(s->said, account);
    buf_add_str(s->said, " --workspace ");
    add_workspace_id(s);
    buf_addf(s->said, " --logs '[{\"category\": \"%s\", \"enabled\": true}]'\n", category);
}

void survey_do_activity(const struct survey *s)
{
    buf_add_str(s->said, "  do: az monitor diagnostic-settings subscription create --name cosmowatch-activity "
                         "--location $(az account list-locations --query \"[0].name\" -o tsv) --workspace ");
    add_workspace_id(s);
    buf_add_str(s->said, " --logs '[{\"category\": \"Administrative\", \"enabled\": true}, {\"category\": \"Security\", "
                         "\"enabled\": true}]'\n");
}

static void do_full_text(const struct survey *s)
{
    buf_add_str(s->said, "  do: az rest --method PATCH --url \"");
    add_account_id(s->said, slice_of(s->account));
    buf_add_str(s->said, "?api-version=2021-05-01-preview\" --body '{\"properties\": {\"diagnosticLogSettings\": "
                         "{\"enableFullTextQuery\": \"True\"}}}'\n");
}

/* ---- accounts -------------------------------------------------------------------------------------------------------- */

void survey_end_account(struct survey *s)
{
    if (!s->account[0])
        return;
    buf_add_char(s->said, '\n');
    if (s->has_requests && !s->has_texts)
    {
        buf_addf(s->said, "warning: account %s: no query texts arrive, so injection cannot be told there: add the category "
                          "of its query statistics (MongoRequests, CassandraRequests, GremlinRequests, TableApiRequests for "
                          "those APIs)\n", s->account);
        survey_do_logs(s, slice_of(s->account), "QueryRuntimeStatistics");
    }
    if (!s->has_requests && s->has_texts)
        buf_addf(s->said, "note: account %s: no CDBDataPlaneRequests arrive: most detectors need them\n", s->account);
    if (s->is_masked) {
        buf_addf(s->said, "warning: account %s: query texts are masked, so injection is judged by shape alone: switch on "
                          "full-text query logging for it\n", s->account);
        do_full_text(s);
    }
    s->account[0] = '\0';
    s->has_requests = s->has_texts = s->is_masked = false;
}

static bool is_table(struct slice name, enum table t)
{
    return slice_eq_nocase(name, slice_of(table_name(t)));
}

int survey_account_row(void *self, const struct answer_row *row, struct error *err UNUSED)
{
    struct survey *s = self;
    struct slice account = slice_cut(answer_text(row, "Account"), sizeof s->account - 1), type = answer_text(row, "Type");
    bool is_next = !slice_eq(account, slice_of(s->account));

    if (is_next) {
        survey_end_account(s);
        (void)snprintf(s->account, sizeof s->account, "%.*s", SLF(account));
        buf_addf(s->said, "ok: account %s: ", s->account);
    } else {
        buf_add_str(s->said, "; ");
    }
    buf_addf(s->said, "%.*s ", SLF(slice_cut(type, 40)));
    fmt_count(s->said, answer_int(row, "Rows", 0));
    buf_add_str(s->said, " rows in 24 h, ");
    fmt_duration_ms(s->said, answer_int(row, "DelayMs", 0));
    buf_add_str(s->said, " late");
    s->has_requests |= is_table(type, TABLE_DATA_PLANE);
    s->is_masked |= answer_int(row, "Masked", 0) > 0;
    for (unsigned t = TABLE_QUERY_STATS; t < TABLE_ACTIVITY; t++)
        s->has_texts |= t != TABLE_CONTROL_PLANE && is_table(type, (enum table)t);
    return 0;
}

int survey_place_row(void *self, const struct answer_row *row, struct error *err UNUSED)
{
    struct survey *s = self;
    struct slice account = slice_cut(answer_text(row, "Account"), sizeof s->account - 1);
    int64_t all = answer_int(row, "Addresses", 0), placed = answer_int(row, "Placed", 0);

    if (placed > 0) {
        buf_addf(s->said, "ok: account %.*s: places: ", SLF(account));
        fmt_count(s->said, placed);
        buf_add_str(s->said, " of ");
        fmt_count(s->said, all);
        buf_add_str(s->said, " " SURVEY_HAS_PLACES "\n");
    } else if (all > 0) {
        buf_addf(s->said, "note: account %.*s: places: none of its ", SLF(account));
        fmt_count(s->said, all);
        buf_add_str(s->said, " addresses has one (private addresses, or places: none): unusual places cannot be told there "
                             "unless networks: or places: say where they are\n");
    }
    return 0;
}

/* ---- volume ---------------------------------------------------------------------------------------------------------- */

static void say_month(struct buf *out, int64_t mb)
{
    fmt_bytes(out, mb * 1000000);
    buf_add_str(out, " a month");
}

int survey_usage_row(void *self, const struct answer_row *row, struct error *err UNUSED)
{
    struct survey *s = self;
    struct slice type = answer_text(row, "Type");
    int64_t hours = answer_int(row, "Hours", 1), mb = answer_int(row, "Megabytes", 0);

    hours = hours < 1 ? 1 : hours > MONTH_HOURS ? MONTH_HOURS : hours;
    mb = (mb < 0 ? 0 : mb > MEGABYTES_MAX ? MEGABYTES_MAX : mb) * MONTH_HOURS / hours;
    for (unsigned t = 1; t < TABLE_COUNT; t++)
        if (is_table(type, (enum table)t))
            s->mb_month[t] = mb;
    buf_addf(s->said, "ok: volume of %.*s: ", SLF(slice_cut(type, 40)));
    say_month(s->said, mb);
    if (hours < MONTH_HOURS)
        buf_addf(s->said, " (by %" PRId64 " h of it)", hours);
    buf_add_char(s->said, '\n');
    return 0;
}

int survey_aggregate_row(void *self, const struct answer_row *row, struct error *err UNUSED)
{
    struct survey *s = self;

    s->rows = answer_int(row, "Rows", 0);
    s->groups = answer_int(row, "Groups", 0);
    return 0;
}

static void say_saving(struct survey *s, int64_t whole, int64_t aggregated, const char *how)
{
    buf_add_str(s->said, "note: with CDBDataPlaneRequests5M instead of CDBDataPlaneRequests the workspace would take ");
    say_month(s->said, whole > aggregated ? whole - aggregated : 0);
    buf_addf(s->said, " less%s; what is lost then: single requests behind an alert, and whose a query text is\n", how);
}

/* Measured where both kinds arrive, else reckoned from an hour of requests: a row of either has as many columns. */
void survey_end_usage(struct survey *s)
{
    int64_t whole = s->mb_month[TABLE_DATA_PLANE], aggregated = s->mb_month[TABLE_DATA_PLANE_5M];

    if (whole == 0)
        return;
    if (aggregated > 0)
        say_saving(s, whole, aggregated, "");
    else if (s->rows > 0 && s->groups > 0)
        say_saving(s, whole, (int64_t)((double)whole * (double)s->groups / (double)s->rows),
                   ", reckoned from an hour of requests");
    else
        buf_add_str(s->said, "note: CDBDataPlaneRequests5M (a line for five minutes of a client) would be smaller than "
                             "CDBDataPlaneRequests; there was no request an hour ago to reckon by how much\n");
}
