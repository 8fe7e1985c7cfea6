/* make_rows.c - see make_rows.h. Values are made up; addresses and names are of the documentation ranges.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/make_rows.h"

#include "base/timeutil.h"
#include "record/decode.h"

static uint64_t next(uint64_t *state) /* splitmix64 */
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static const char *const columns[][2] = {
    { "TenantId", "string" },
    { "TimeGenerated", "datetime" },
    { "OperationName", "string" },
    { "ActivityId", "string" },
    { "RequestResourceId", "string" },
    { "RequestResourceType", "string" },
    { "StatusCode", "int" },
    { "DurationMs", "real" },
    { "UserAgent", "string" },
    { "ClientIpAddress", "string" },
    { "RequestCharge", "real" },
    { "RequestLength", "real" },
    { "ResponseLength", "real" },
    { "ResourceTokenPermissionId", "string" },
    { "ResourceTokenPermissionMode", "string" },
    { "ResourceTokenUserRid", "string" },
    { "RegionName", "string" },
    { "PartitionId", "string" },
    { "AadAppliedRoleAssignmentId", "string" },
    { "AadPrincipalId", "string" },
    { "AuthTokenType", "string" },
    { "KeyType", "string" },
    { "ConnectionMode", "string" },
    { "DatabaseName", "string" },
    { "CollectionName", "string" },
    { "AccountName", "string" },
    { "SourceSystem", "string" },
    { "Type", "string" },
    { "_ResourceId", "string" },
    { "_ItemId", "string" },
};

static const char *const accounts[] = { "ORDERS-PROD", "CATALOG-PROD", "SESSIONS-EU", "AUDIT-WEST",
                                        "PAYMENTS-01", "TELEMETRY" };
static const char *const agents[] = {
    "cosmos-netstandard-sdk/3.47.0|1|X64|Ubuntu 22.04.4 LTS|.NET 8.0.4|N|",
    "cosmos-netstandard-sdk/3.38.1|2|X64|Microsoft Windows 10.0.20348|.NET 8.0.2|N|F 00000010|",
    "azsdk-java-cosmos/4.60.0 Linux/5.15.0 JRE/17.0.10",
    "azsdk-python-cosmos/4.7.0 Python/3.12.2 (Linux-5.15.0-x86_64-with-glibc2.35)",
    "Node.js/20.11.0 (linux; x64) azure-cosmos-js/4.0.0",
    "azsdk-go-azcosmos/v1.1.0 (go1.22; linux)",
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0"),
};
static const char *const containers[] = { "orders", "customers", "items", "sessions", "events",
                                          "invoices", "prices", "leases" };
static const struct {
    const char *name, *type;
    int status;
    double charge;
    int bytes;
} operations[] = {
    { .name = "Read", .type = "Document", .status = 200, .charge = 1.0, .bytes = 412 },
    { .name = "Query", .type = "DocumentFeed", .status = 200, .charge = 8.36, .bytes = 51840 },
    { .name = "Upsert", .type = "Document", .status = 200, .charge = 10.29, .bytes = 300 },
    { .name = "Create", .type = "DocumentFeed", .status = 201, .charge = 7.81, .bytes = 493 },
    { .name = "ReadFeed", .type = "DocumentFeed", .status = 304, .charge = 1.0, .bytes = 0 },
    { .name = "Read", .type = "Document", .status = 404, .charge = 1.0, .bytes = 201 },
    { .name = "Replace", .type = "Document", .status = 429, .charge = 0.38, .bytes = 180 },
};

static void add_guid(struct buf *out, uint64_t *rng)
{
    uint64_t a = next(rng), b = next(rng);

    buf_addf(out, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffff,
             (unsigned)a & 0xfff, (unsigned)(b >> 48) & 0xfff,
             (unsigned long long)(b & 0xffffffffffffULL));
}

static void add_row(struct buf *out, uint64_t *rng, size_t n, int64_t start_ns)
{
    /* One of 360 clients a minute; what a client does hangs on who it is. */
    uint64_t minute = n / 8000, client = next(rng) % 120, what = next(rng) % 3;
    uint64_t who = client * 2654435761u + 17;
    size_t account = client % ARRAY_LEN(accounts);
    size_t op = (who + what) % ARRAY_LEN(operations);
    const char *container = containers[(who >> 5) % ARRAY_LEN(containers)];
    bool is_entra = client % 4 == 0;
    const char *key = is_entra ? "AadToken" : client % 4 == 1 ? "SecondaryMasterKey" : "PrimaryMasterKey";
    uint64_t r = next(rng);

    buf_add_str(out, "[\"99999999-8888-7777-6666-555555555555\",\"");
    time_add_iso(out, start_ns + (int64_t)minute * NS_PER_MIN +
                          (int64_t)(n % 8000) * (NS_PER_MIN / 8000) + (int64_t)(r % 70000) * 100, 7);
    buf_addf(out, "\",\"%s\",\"", operations[op].name);
    add_guid(out, rng);
    buf_addf(out, "\",\"/dbs/shop/colls/%s/docs/o-%llu\",\"%s\",%d,%.6g,\"%s\",\"192.0.2.%d\",%.6g,%llu.0,%llu.0,",
             container, (unsigned long long)(r % 9999999), operations[op].type,
             operations[op].status, 0.5 + (double)(r % 3000) / 100.0,
             agents[client % ARRAY_LEN(agents)], (int)client,
             operations[op].charge + (double)(r % 50) / 100.0, (unsigned long long)(r >> 20) % 4096,
             (unsigned long long)operations[op].bytes + (r >> 40) % 64);
    buf_addf(out, "\"\",\"\",\"\",\"%s\",\"", client % 3 ? "West Europe" : "North Europe");
    if (!is_entra)
        buf_addf(out, "7f3c2b1a-0000-4000-8000-0000000000%02x", (unsigned)(r >> 10) & 15);
    if (is_entra)
        buf_addf(out, "\",\"5c5c5c5c-1111-4222-8333-%012llx\",\"0a0a0a0a-1111-4222-8333-%012llx\",",
                 (unsigned long long)client, (unsigned long long)client);
    else
        buf_add_str(out, "\",\"\",\"\",");
    buf_addf(out, "\"%s\",\"%s\",\"%s\",\"shop\",\"%s\",\"%s\",\"Azure\",\"CDBDataPlaneRequests\",\"",
             key, key, is_entra ? "Gateway" : "Direct", container, accounts[account]);
    buf_add_str(out, "/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/rg-prod/"
                     "providers/microsoft.documentdb/databaseaccounts/");
    for (const char *p = accounts[account]; *p; p++)
        buf_add_char(out, *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p);
    buf_add_str(out, "\",\"\"]");
}

struct made_rows make_answer(struct buf *out, size_t bytes, uint64_t seed)
{
    static const char padding[DECODE_PADDING];
    size_t start = out->len, rows = 0;
    uint64_t rng = seed;
    int64_t start_ns = 0;

    (void)time_parse_iso(SL("2026-08-20T10:00:00Z"), &start_ns);
    buf_add_str(out, "{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[");
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        buf_addf(out, "%s{\"name\":\"%s\",\"type\":\"%s\"}", i ? "," : "", columns[i][0], columns[i][1]);
    buf_add_str(out, "],\"rows\":[");
    while (!out->failed && out->len - start + 1024 < bytes) {
        if (rows)
            buf_add_char(out, ',');
        add_row(out, &rng, rows++, start_ns);
    }
    buf_add_str(out, "]}]}");
    buf_add(out, padding, sizeof padding);
    if (!out->failed)
        out->len -= sizeof padding;
    return (struct made_rows){ .rows = rows, .cells = rows * ARRAY_LEN(columns) };
}
