/* kql_texts.c - see kql_texts.h.
 *
 * A text and its request arrive as two rows, in any order, minutes apart. A pair belongs to
 * the window in which the later of the two became visible, if they are less than text_wait apart; a text
 * without such a request belongs, alone, to the window text_wait after it became visible. So every text
 * is judged exactly once per request, whatever windows are read, split or read again. One text per
 * activity (the parts of a query over several partitions carry the same one): the smallest. A part that
 * arrives more than two text_waits after the first is taken for a new text: doubled, not missed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/kql_texts.h"

#include "base/kql_quote.h"

#define QUERY_OPERATIONS "\"Query\", \"SqlQuery\", \"JSQuery\"" /* as KQL and as a list: keep them alike */

static const struct slice query_operations[] = { SL("Query"), SL("SqlQuery"), SL("JSQuery") };

bool kql_is_query_operation(struct slice operation)
{
    for (size_t i = 0; i < ARRAY_LEN(query_operations); i++)
        if (slice_eq_nocase(operation, query_operations[i]))
            return true;
    return false;
}

bool texts_has_requests(const struct kql_scope *sc)
{
    return scope_wants(sc, TABLE_DATA_PLANE) || scope_wants_legacy(sc);
}

bool texts_has_statistics(const struct kql_scope *sc)
{
    return scope_wants(sc, TABLE_QUERY_STATS) || scope_wants_legacy(sc);
}

int64_t texts_wait(const struct kql_scope *sc)
{
    return texts_has_requests(sc) ? sc->text_wait_ns : 0; /* nothing to wait for */
}

static int ask_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    if (leg_add_head(out, sc, l, err) < 0)
        return -1;
    buf_add_str(out, "    | where OperationName in~ (" QUERY_OPERATIONS ")\n");
    buf_addf(out, "    | extend Asked = ingestion_time(), Account = %s\n", leg_account(l));
    leg_add_projection(out, l);
    buf_add_str(out, ",\n        Asked, Account\n    ),\n");
    return 0;
}

static int text_leg(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err)
{
    static const char *const id[2] = { "activityId", NULL };
    static const char *const text[2] = { "querytext", "queryText" };
    static const char *const database[2] = { "databasename", "databaseName" };
    static const char *const container[2] = { "collectionname", "collectionName" };

    if (leg_add_head(out, sc, l, err) < 0)
        return -1;
    buf_addf(out,
             "    | project Seen = ingestion_time(), Account = %s, TextTime = TimeGenerated,\n"
             "        TextResource = tostring(column_ifexists(\"_ResourceId\", \"\"))",
             leg_account(l));
    if (leg_is_legacy(l)) {
        buf_add_str(out,
                    ",\n        TextAccount = tostring(column_ifexists(\"Resource\", \"\")), ActivityId = ");
        leg_add_legacy_text(out, id);
        buf_add_str(out, ",\n        QueryText = ");
        leg_add_legacy_text(out, text);
        buf_add_str(out, ",\n        TextDatabase = ");
        leg_add_legacy_text(out, database);
        buf_add_str(out, ",\n        TextContainer = ");
        leg_add_legacy_text(out, container);
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
    if (kql_each_leg(out, sc, LEG_DATA, sc->from_ns - 2 * texts_wait(sc), sc->to_ns, ask_leg, err) < 0)
        return -1;
    buf_add_str(out, "    (datatable(Type:string, TimeGenerated:datetime");
    leg_add_schema(out, LEG_DATA, 0);
    buf_add_str(out, ", StatusCode:int, ActivityId:string, RequestCharge:real, RequestLength:real, "
                     "ResponseLength:real, DurationMs:real, Asked:datetime, Account:string)[]);\n");
    return 0;
}

static int add_let_texts(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    /* Without requests the waiting time still tells a late part of a query from a new one. */
    buf_add_str(out, "let Texts = union isfuzzy=true\n");
    if (kql_each_leg(out, sc, LEG_TEXT, sc->from_ns - 2 * sc->text_wait_ns, sc->to_ns, text_leg, err) < 0)
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
    kql_add_datetime(out, sc->from_ns - texts_wait(sc));
    buf_add_str(out, " and Seen < ");
    kql_add_datetime(out, sc->to_ns - texts_wait(sc));
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
    leg_add_part(out, sc, "ActivityId");
    buf_add_str(
        out, "    | distinct ActivityId;\n"
             "let Known = Ids\n"
             "    | join kind=rightsemi (Texts) on ActivityId\n"
             "    | summarize QueryText = min(QueryText), Seen = min(Seen), TextTime = min(TextTime), "
             "TextAccount = min(TextAccount),\n"
             "        TextResource = min(TextResource), TextDatabase = min(TextDatabase), "
             "TextContainer = min(TextContainer) by ActivityId, Account;\n"
             "let Pairs = Known\n"
             "    | join kind=inner (Ids | join kind=rightsemi (Asks) on ActivityId) on ActivityId, Account\n"
             "    | where Asked > Seen - ");
    kql_add_seconds(out, texts_wait(sc));
    buf_add_str(out, " and Asked < Seen + ");
    kql_add_seconds(out, texts_wait(sc));
    buf_add_str(out, ";\n");
}

int texts_add_lets(struct buf *out, const struct kql_scope *sc, struct error *err)
{
    if (add_let_asks(out, sc, err) < 0 || add_let_texts(out, sc, err) < 0)
        return -1;
    add_let_pairs(out, sc);
    return 0;
}

void texts_add_now(struct buf *out, const struct kql_scope *sc)
{
    buf_add_str(out, "    (Pairs | where Asked >= ");
    kql_add_datetime(out, sc->from_ns);
    buf_add_str(out, " or Seen >= ");
    kql_add_datetime(out, sc->from_ns);
    buf_add_char(out, '\n');
}

void texts_add_alone(struct buf *out, const struct kql_scope *sc)
{
    buf_add_str(out, "    (Known | where ");
    add_due(out, sc);
    buf_add_str(out, "\n    | join kind=leftanti (Pairs) on ActivityId, Account\n");
}
