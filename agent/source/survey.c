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

/* ---- accounts -------------------------------------------------------------------------------------------------------- */

void survey_end_account(struct survey *s)
{
    if (!s->account[0])
        return;
    buf_add_char(s->said, '\n');
    if (s->has_requests && !s->has_texts)
        buf_addf(s->said, "note: account %s: no query texts arrive: add the category of its query statistics (or of its API's "
                          "requests) to the diagnostic setting, or injection cannot be told there\n", s->account);
    if (s->is_masked)
        buf_addf(s->said, "warning: account %s: query texts are masked: switch on full-text query logging for it\n", s->account);
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

/* Both kinds arriving is what tells; one cannot be had from the other. */
void survey_end_usage(struct survey *s)
{
    int64_t whole = s->mb_month[TABLE_DATA_PLANE], short_ = s->mb_month[TABLE_DATA_PLANE_5M];

    if (whole == 0)
        return;
    if (short_ == 0) {
        buf_add_str(s->said, "note: CDBDataPlaneRequests5M (a line for five minutes of a client) would be smaller than "
                             "CDBDataPlaneRequests: send it for a day and ask again to see by how much\n");
        return;
    }
    buf_add_str(s->said, "note: with CDBDataPlaneRequests5M instead of CDBDataPlaneRequests the workspace would take ");
    say_month(s->said, whole > short_ ? whole - short_ : 0);
    buf_add_str(s->said, " less; what is lost then: single requests behind an alert, and whose a query text is\n");
}
