/* record_kit.h - decoding in tests: text in, records out as text, everything padded as decode.h asks.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_RECORD_KIT_H
#define COSMOWATCH_TEST_RECORD_KIT_H

#include "base/buf.h"
#include "base/timeutil.h"
#include "record/decode.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdlib.h>

#define KIT_TEXT_MAX ((size_t)256 << 20)

/* What came of one decode call. Release with kit_release(). */
struct kit {
    struct buf records; /* as kit_print() writes them */
    struct buf bad;     /* "reason: raw\n" */
    struct decode_result result;
    struct error err;
    int rc;
};

static inline void kit_release(struct kit *k)
{
    buf_release(&k->records);
    buf_release(&k->bad);
}

static inline const char *kit_field_name(enum field f)
{
    static const char *const names[F_COUNT] = {
        [F_ACCOUNT] = "account", [F_RESOURCE_ID] = "resource_id", [F_DATABASE] = "database",
        [F_CONTAINER] = "container", [F_OPERATION] = "operation", [F_RESOURCE_TYPE] = "resource_type",
        [F_ADDRESS] = "address", [F_USER_AGENT] = "user_agent", [F_PRINCIPAL] = "principal",
        [F_KEY_KIND] = "key_kind", [F_TOKEN_PERMISSION] = "token_permission",
        [F_CONNECTION_MODE] = "connection_mode", [F_REGION] = "region", [F_ERROR_CODE] = "error_code",
        [F_PLACE] = "place", [F_QUERY_TEXT] = "query_text", [F_ACTIVITY_ID] = "activity_id",
        [F_CORRELATED_ID] = "correlated_id", [F_ITEM_ID] = "item_id",
        [F_RESOURCE_PATH] = "resource_path", [F_PARTITION] = "partition",
        [F_ROLE_ASSIGNMENT] = "role_assignment", [F_TOKEN_MODE] = "token_mode",
        [F_CATEGORY] = "category", [F_ACTIVITY_STATUS] = "activity_status",
        [F_ACTIVITY_SUBSTATUS] = "activity_substatus", [F_APP_ID] = "app_id",
        [F_OBJECT_ID] = "object_id", [F_CALLER_NAME] = "caller_name", [F_TENANT_ID] = "tenant_id",
        [F_ROLE] = "role", [F_PRINCIPAL_TYPE] = "principal_type",
        [F_CLIENT_REQUEST_ID] = "client_request_id", [F_SUBSCRIPTION_ID] = "subscription_id",
        [F_RESOURCE_GROUP] = "resource_group", [F_PROPERTIES] = "properties",
        [F_HTTP_METHOD] = "http_method", [F_RESULT] = "result", [F_API_KIND] = "api_kind",
        [F_API_KIND_RESOURCE_TYPE] = "api_kind_resource_type", [F_OPERATION_TYPE] = "operation_type",
        [F_RESOURCE_URI] = "resource_uri", [F_RESOURCE_DETAILS] = "resource_details",
        [F_IP_RANGE_FILTER] = "ip_range_filter", [F_VNET_FILTER] = "vnet_filter",
        [F_VNET_ENTRIES] = "vnet_entries", [F_PRIVATE_ENDPOINTS] = "private_endpoints",
        [F_PRIVATE_ENDPOINT_ON] = "private_endpoint_on",
        [F_ROLE_ASSIGN_PRINCIPAL] = "role_assign_principal",
        [F_ROLE_ASSIGN_PRINCIPAL_TYPE] = "role_assign_principal_type",
        [F_ROLE_ASSIGN_SCOPE] = "role_assign_scope", [F_ROLE_DEFINITION_ID] = "role_definition_id",
        [F_ROLE_DEFINITION_NAME] = "role_definition_name",
        [F_ROLE_DEFINITION_PERMISSIONS] = "role_definition_permissions",
        [F_FULL_TEXT] = "full_text", [F_DATA_PLANE_TRACE] = "data_plane_trace",
        [F_CONTROL_PLANE_TRACE] = "control_plane_trace", [F_MONGO_TRACE] = "mongo_trace",
        [F_CASSANDRA_TRACE] = "cassandra_trace", [F_GREMLIN_TRACE] = "gremlin_trace", [F_CORS] = "cors",
        [F_BACKUP_MODE] = "backup_mode", [F_BACKUP_TIER] = "backup_tier",
        [F_BACKUP_REDUNDANCY] = "backup_redundancy",
        [F_BACKUP_INTERVAL] = "backup_interval", [F_BACKUP_RETENTION] = "backup_retention", [F_WRITE_REGION] = "write_region",
        [F_NEW_WRITE_REGION] = "new_write_region",
    };

    return names[f];
}

static inline void kit_add_number(struct buf *out, const char *name, int64_t v)
{
    if (v != NUM_ABSENT)
        buf_addf(out, "  %s=%lld\n", name, (long long)v);
}

static inline void kit_print(struct buf *out, const struct record *r)
{
    buf_addf(out, "%s %s ", table_name(r->table), api_name(r->api));
    if (r->time_ns == NUM_ABSENT)
        buf_add_str(out, "no time");
    else
        time_add_iso(out, r->time_ns, 7);
    buf_addf(out, " status %d count %lld\n", (int)r->status, (long long)r->count);
    kit_add_number(out, "ru_milli", r->ru_milli);
    kit_add_number(out, "bytes_in", r->bytes_in);
    kit_add_number(out, "bytes_out", r->bytes_out);
    kit_add_number(out, "duration_us", r->duration_us);
    kit_add_number(out, "rows", r->rows);
    if (r->first_ns != r->time_ns)
        kit_add_number(out, "first_ns", r->first_ns);
    if (r->last_ns != r->time_ns)
        kit_add_number(out, "last_ns", r->last_ns);
    for (int f = 0; f < F_COUNT; f++) {
        if (!r->text[f].len)
            continue;
        buf_addf(out, "  %s=", kit_field_name((enum field)f));
        for (size_t i = 0; i < r->text[f].len; i++) {
            unsigned char c = (unsigned char)r->text[f].at[i];

            if (c < 0x20)
                buf_addf(out, "\\x%02x", c);
            else
                buf_add_char(out, (char)c);
        }
        buf_add_char(out, '\n');
    }
}

static inline int kit_on_record(void *self, const struct record *rec, struct error *err)
{
    struct kit *k = self;

    (void)err;
    kit_print(&k->records, rec);
    return 0;
}

static inline void kit_on_bad(void *self, struct slice raw, const char *reason)
{
    struct kit *k = self;

    buf_addf(&k->bad, "%s: ", reason);
    buf_add_slice(&k->bad, raw);
    buf_add_char(&k->bad, '\n');
}

/* The text in memory of exactly its size and padding, so that a sanitizer sees a byte too far. */
static inline char *kit_padded(struct slice s)
{
    char *at = malloc(s.len + DECODE_PADDING);

    ck_assert_ptr_nonnull(at);
    if (s.len)
        memcpy(at, s.at, s.len);
    memset(at + s.len, 0, DECODE_PADDING);
    return at;
}

static inline struct kit kit_decode_with(struct decoder *d, struct slice s, bool is_export,
                                         enum table hint)
{
    struct kit k = { .records = BUF_INIT(KIT_TEXT_MAX), .bad = BUF_INIT(KIT_TEXT_MAX) };
    struct decode_sink sink = { .self = &k, .on_record = kit_on_record, .on_bad = kit_on_bad };
    char *at = kit_padded(s);

    k.rc = is_export ? decode_export(d, at, s.len, hint, &sink, &k.result, &k.err)
                     : decode_answer(d, at, s.len, hint, &sink, &k.result, &k.err);
    free(at);
    return k;
}

static inline struct kit kit_decode(struct slice s, bool is_export, enum table hint)
{
    struct decoder *d = decoder_new();
    struct kit k;

    ck_assert_ptr_nonnull(d);
    k = kit_decode_with(d, s, is_export, hint);
    decoder_free(d);
    return k;
}

static inline struct kit kit_export(struct slice s)
{
    return kit_decode(s, true, TABLE_NONE);
}

static inline struct kit kit_answer(struct slice s, enum table hint)
{
    return kit_decode(s, false, hint);
}

static inline bool kit_has(struct buf *text, const char *part)
{
    return strstr(buf_cstr(text), part) != NULL;
}

#endif
