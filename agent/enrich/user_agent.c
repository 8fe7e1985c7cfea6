/* user_agent.c - one table of programs, and how each writes version and platform.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/user_agent.h"

enum shape {
    SHAPE_PRODUCT,  /* product/version, platform after the next blank */
    SHAPE_PAREN,    /* product/version, platform in brackets */
    SHAPE_PIPE,     /* .NET v3: product/version|[version|]id|architecture|platform|runtime|... */
    SHAPE_BEFORE,   /* "platform product/version": JavaScript, Java v2 */
    SHAPE_JSON,     /* MongoDB handshake document */
    SHAPE_LAST,     /* "driver|wrapper|version" cut out of such a document */
    SHAPE_BARE,     /* product/version and nothing about the platform */
};

/* First match wins: what is built on another SDK (Spark on Java, Go v2 on Rust) stands before it. */
static const struct family {
    const char *mark;     /* text that must occur */
    const char *also;     /* a second one, or NULL */
    const char *family;
    const char *product;  /* NULL: the mark without its slash */
    enum agent_kind kind;
    enum shape shape;
    bool at_start;        /* the mark opens the text */
} families[] = {
    /* azure-cosmos-dotnet-v3 UserAgentContainer.cs; the trigger adds its name behind (functions). */
    { .mark = "cosmos-netstandard-sdk/", .also = "CosmosDBTriggerFunctions",
      .family = "functions-trigger", .product = "CosmosDBTriggerFunctions",
      .kind = AGENT_SDK, .shape = SHAPE_PIPE },
    { .mark = "cosmos-netstandard-sdk/", .family = "dotnet-v3", .kind = AGENT_SDK, .shape = SHAPE_PIPE },
    { .mark = "documentdb-dotnet-sdk/", .family = "dotnet-v2", .kind = AGENT_SDK },
    { .mark = "documentdb-netcore-sdk/", .family = "dotnet-v2", .kind = AGENT_SDK },
    /* azure-sdk-for-java: the connector marks itself in the suffix of the Java SDK it runs on. */
    { .mark = "azsdk-java-cosmos/", .also = "SparkConnector", .family = "spark",
      .product = "SparkConnector", .kind = AGENT_SDK },
    { .mark = "cosmosdb-java-sdk/", .also = "SparkConnector", .family = "spark",
      .product = "SparkConnector", .kind = AGENT_SDK, .shape = SHAPE_BEFORE },
    { .mark = "azsdk-java-cosmos/", .family = "java", .kind = AGENT_SDK },
    { .mark = "cosmosdb-java-sdk/", .family = "java-v2", .kind = AGENT_SDK, .shape = SHAPE_BEFORE },
    { .mark = "azsdk-python-cosmos-async/", .family = "python", .kind = AGENT_SDK, .shape = SHAPE_PAREN },
    { .mark = "azsdk-python-cosmos/", .family = "python", .kind = AGENT_SDK, .shape = SHAPE_PAREN },
    { .mark = "azure-cosmos-python/", .family = "python-v3", .kind = AGENT_SDK, .shape = SHAPE_PAREN },
    { .mark = "azure-cosmos-js/", .family = "javascript", .kind = AGENT_SDK, .shape = SHAPE_BEFORE },
    { .mark = "azsdk-go-azcosmos/", .family = "go", .kind = AGENT_SDK, .shape = SHAPE_PAREN },
    { .mark = "azsdk-rust-cosmos/", .family = "rust", .kind = AGENT_SDK },
    { .mark = "azsdk-rust-cosmos-driver/", .family = "rust", .kind = AGENT_SDK },
    { .mark = "azsdk-net-Data.Tables/", .family = "table-sdk", .kind = AGENT_DRIVER, .shape = SHAPE_PAREN },
    { .mark = "azsdk-java-data-tables/", .family = "table-sdk", .kind = AGENT_DRIVER },
    { .mark = "azsdk-python-data-tables/", .family = "table-sdk", .kind = AGENT_DRIVER,
      .shape = SHAPE_PAREN },
    { .mark = "azsdk-js-data-tables/", .family = "table-sdk", .kind = AGENT_DRIVER },
    { .mark = "Microsoft.Azure.Documents.Common/", .family = "service",
      .kind = AGENT_SERVICE, .shape = SHAPE_BARE },
    /* MongoDB handshake specification: a document, or "driver|wrapper|version" cut out of it. */
    { .mark = "{\"driver\":", .family = "mongodb-driver", .product = "mongodb-driver",
      .kind = AGENT_DRIVER, .shape = SHAPE_JSON, .at_start = true },
    { .mark = "nodejs|", .family = "mongodb-driver", .product = "nodejs", .kind = AGENT_DRIVER,
      .shape = SHAPE_LAST, .at_start = true },
    { .mark = "PyMongo", .family = "mongodb-driver",
      .kind = AGENT_DRIVER, .shape = SHAPE_LAST, .at_start = true },
    { .mark = "mongo-java-driver", .family = "mongodb-driver",
      .kind = AGENT_DRIVER, .shape = SHAPE_LAST, .at_start = true },
    { .mark = "mongo-go-driver", .family = "mongodb-driver",
      .kind = AGENT_DRIVER, .shape = SHAPE_LAST, .at_start = true },
    { .mark = "mongo-csharp-driver", .family = "mongodb-driver",
      .kind = AGENT_DRIVER, .shape = SHAPE_LAST, .at_start = true },
    { .mark = "MongoDB Shell", .family = "mongo-shell", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "mongosh", .family = "mongo-shell", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "DataStax Java driver", .family = "cassandra-driver", .product = "DataStax Java driver",
      .kind = AGENT_DRIVER, .shape = SHAPE_BARE },
    { .mark = "DataStax ", .family = "cassandra-driver", .product = "DataStax driver",
      .kind = AGENT_DRIVER, .shape = SHAPE_BARE, .at_start = true },
    { .mark = "Gremlin.Net/", .family = "gremlin-driver", .kind = AGENT_DRIVER },
    { .mark = "gremlin-driver/", .family = "gremlin-driver", .kind = AGENT_DRIVER },
    { .mark = "gremlinpython/", .family = "gremlin-driver", .kind = AGENT_DRIVER },
    /* Before the browsers: tools that pretend to be one keep their name somewhere behind. */
    { .mark = "sqlmap/", .family = "sqlmap", .kind = AGENT_TOOL, .shape = SHAPE_BARE },
    { .mark = "NoSQLMap", .family = "nosqlmap", .kind = AGENT_TOOL },
    { .mark = "Nmap Scripting Engine", .family = "scanner", .kind = AGENT_TOOL, .shape = SHAPE_BARE },
    { .mark = "Fuzz Faster U Fool", .family = "scanner", .kind = AGENT_TOOL, .shape = SHAPE_BARE },
    { .mark = "gobuster/", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "Nuclei", .family = "scanner", .kind = AGENT_TOOL, .shape = SHAPE_BARE, .at_start = true },
    { .mark = "Nikto/", .family = "scanner", .kind = AGENT_TOOL, .shape = SHAPE_BARE },
    { .mark = "masscan/", .family = "internet-scanner", .kind = AGENT_TOOL },
    { .mark = "zgrab/", .family = "internet-scanner", .kind = AGENT_TOOL },
    { .mark = "WPScan", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "feroxbuster/", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "projectdiscovery/", .family = "scanner", .kind = AGENT_TOOL }, /* nuclei, httpx, katana name their home */
    { .mark = "nosqli/", .family = "nosqli", .kind = AGENT_TOOL },
    { .mark = "Burp Suite", .family = "burp", .kind = AGENT_TOOL },
    { .mark = "BurpSuite", .family = "burp", .kind = AGENT_TOOL },
    { .mark = "BurpCollaborator", .family = "burp", .kind = AGENT_TOOL },
    { .mark = "OWASP ZAP", .family = "zap", .kind = AGENT_TOOL },
    { .mark = "zaproxy", .family = "zap", .kind = AGENT_TOOL },
    /* Names as the tools give them, of the rule set that most web firewalls run (OWASP CRS, scanners-user-agents). */
    { .mark = "Ghauri", .family = "sql-injector", .kind = AGENT_TOOL },
    { .mark = "jSQL Injection", .family = "sql-injector", .kind = AGENT_TOOL },
    { .mark = "Havij", .family = "sql-injector", .kind = AGENT_TOOL },
    { .mark = "sqlninja", .family = "sql-injector", .kind = AGENT_TOOL },
    { .mark = "commix", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "Wfuzz/", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "dirsearch", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "DirBuster-", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "w3af.org", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "Arachni/", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "Wapiti/", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "WhatWeb/", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "skipfish/", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "Netsparker", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "Acunetix", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "Nessus", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "OpenVAS", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "TsunamiSecurityScanner", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "(Hydra)", .family = "password-guesser", .product = "Hydra", .kind = AGENT_TOOL },
    { .mark = "TruffleHog", .family = "secret-finder", .kind = AGENT_TOOL },
    { .mark = "azurehound/", .family = "cloud-recon", .kind = AGENT_TOOL },
    { .mark = "MicroBurst", .family = "cloud-recon", .kind = AGENT_TOOL },
    { .mark = "ROADtools", .family = "cloud-recon", .kind = AGENT_TOOL },
    { .mark = "AZURECLI/", .family = "azure-cli", .kind = AGENT_MANAGEMENT, .shape = SHAPE_BARE },
    { .mark = "AzurePowershell/", .family = "azure-powershell",
      .kind = AGENT_MANAGEMENT, .shape = SHAPE_BARE },
    { .mark = "Terraform/", .family = "terraform", .kind = AGENT_MANAGEMENT, .shape = SHAPE_BARE },
    { .mark = "terraform-provider-azurerm/", .family = "terraform",
      .kind = AGENT_MANAGEMENT, .shape = SHAPE_BARE },
    { .mark = "PostmanRuntime/", .family = "http-library", .kind = AGENT_SCRIPT },
    { .mark = "insomnia/", .family = "http-library", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "Thunder Client", .family = "http-library", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "HTTPie/", .family = "script", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "python-requests/", .family = "script", .kind = AGENT_SCRIPT },
    { .mark = "python-httpx/", .family = "script", .kind = AGENT_SCRIPT },
    { .mark = "aiohttp/", .family = "script", .kind = AGENT_SCRIPT },
    { .mark = "Python-urllib/", .family = "script", .kind = AGENT_SCRIPT },
    { .mark = "curl/", .family = "script", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "Wget/", .family = "script", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "Go-http-client/", .family = "script", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "axios/", .family = "script", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "node-fetch/", .family = "script", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "Apache-HttpClient/", .family = "script", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "RestSharp/", .family = "script", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "libwww-perl/", .family = "script", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "okhttp/", .family = "script", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "WindowsPowerShell/", .family = "script", .kind = AGENT_SCRIPT },
    { .mark = "PowerShell/", .family = "script", .kind = AGENT_SCRIPT },
    { .mark = "Mozilla/", .family = "portal-browser", .product = "Mozilla", .kind = AGENT_BROWSER,
      .shape = SHAPE_PAREN, .at_start = true },
};

#define WORD_MAX 48

static struct slice from(struct slice s, size_t at)
{
    return at >= s.len ? slice_make(s.at + s.len, 0) : slice_make(s.at + at, s.len - at);
}

static struct slice until_any(struct slice s, const char *stops)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '\0' || strchr(stops, s.at[i]))
            return slice_make(s.at, i);
    }
    return s;
}

static size_t find_char(struct slice s, char c)
{
    const char *at = s.len ? memchr(s.at, c, s.len) : NULL;

    return at ? (size_t)(at - s.at) : SIZE_MAX;
}

/* The text between the first pair of brackets. */
static struct slice in_brackets(struct slice s)
{
    size_t open = find_char(s, '(');

    return open == SIZE_MAX ? (struct slice){ 0 } : until_any(from(s, open + 1), ")");
}

/* .NET v3 writes product/version|id|arch|os|runtime|..., older ones the version twice. */
static struct slice pipe_platform(struct slice rest)
{
    struct slice part;

    for (int field = 0; slice_split(&rest, '|', &part) && field < 6; field++) {
        part = slice_trim(part);
        if (slice_eq_nocase(part, SL("X64")) || slice_eq_nocase(part, SL("X86")) ||
            slice_eq_nocase(part, SL("Arm64")) || slice_eq_nocase(part, SL("Arm")))
            return slice_split(&rest, '|', &part) ? slice_trim(part) : (struct slice){ 0 };
    }
    return (struct slice){ 0 };
}

/* The string value of "name": in a small JSON text. No parser: the text is a hint, and may be cut. */
static struct slice json_word(struct slice s, const char *name)
{
    size_t at = slice_find(s, slice_of(name));

    if (at == SIZE_MAX)
        return (struct slice){ 0 };
    s = from(s, at + strlen(name));
    at = find_char(s, '"');
    return at == SIZE_MAX ? (struct slice){ 0 } : until_any(from(s, at + 1), "\"");
}

/* "3.49.0", "v0.3.6": what begins with a digit, up to what cannot belong to it. */
static struct slice version_of(struct slice s)
{
    s = slice_trim(s);
    if (s.len > 1 && (s.at[0] == 'v' || s.at[0] == 'V'))
        s = from(s, 1);
    if (slice_empty(s) || s.at[0] < '0' || s.at[0] > '9')
        return (struct slice){ 0 };
    return until_any(s, " |,;()[]#\"+/");
}

/* The first word that is about the system: not another SDK, not "Host/64-bit". */
static struct slice platform_word(struct slice s)
{
    struct slice word;

    while (slice_split(&s, ' ', &word)) {
        if (!slice_empty(word) && !slice_starts(word, SL("azsdk-")) && !slice_starts(word, SL("Host/")))
            return until_any(word, "|");
    }
    return (struct slice){ 0 };
}

static struct slice last_part(struct slice s)
{
    struct slice part = { 0 };

    while (slice_split(&s, '|', &part))
        ;
    return part;
}

static void read_shape(const struct family *f, struct slice text, size_t mark_at, struct user_agent *ret)
{
    struct slice before = slice_make(text.at, mark_at);
    struct slice behind = from(text, mark_at + strlen(f->mark));
    size_t end = find_char(behind, f->shape == SHAPE_PIPE ? '|' : ' ');
    struct slice rest = end == SIZE_MAX ? (struct slice){ 0 } : from(behind, end + 1);

    ret->version = version_of(behind);
    if (slice_empty(ret->version) && f->mark[strlen(f->mark) - 1] != '/') {
        size_t slash = find_char(behind, '/'); /* "DataStax Java driver for Apache Cassandra(R)/4.17.0" */

        ret->version = slash == SIZE_MAX ? (struct slice){ 0 } : version_of(from(behind, slash + 1));
    }
    switch (f->shape) {
    case SHAPE_PRODUCT:
        ret->platform = platform_word(rest);
        break;
    case SHAPE_PAREN:
        ret->platform = in_brackets(behind);
        if (slice_empty(ret->platform))
            ret->platform = platform_word(rest);
        break;
    case SHAPE_PIPE:
        ret->platform = pipe_platform(rest);
        break;
    case SHAPE_BEFORE:
        ret->platform = in_brackets(before);
        if (slice_empty(ret->platform))
            ret->platform = until_any(slice_trim(before), " ");
        break;
    case SHAPE_JSON:
        ret->product = slice_cut(json_word(text, "\"name\":"), WORD_MAX);
        ret->version = json_word(text, "\"version\":");
        ret->platform = json_word(from(text, slice_find(text, SL("\"os\":"))), "\"name\":");
        break;
    case SHAPE_LAST:
        ret->version = version_of(last_part(text));
        break;
    case SHAPE_BARE:
        break;
    }
}

static bool matches(const struct family *f, struct slice text, bool at_start, size_t *ret_at)
{
    struct slice mark = slice_of(f->mark);
    size_t at = 0;

    if (at_start ? !slice_starts_nocase(text, mark) : (at = slice_find_nocase(text, mark)) == SIZE_MAX)
        return false;
    if (f->also && slice_find_nocase(text, slice_of(f->also)) == SIZE_MAX)
        return false;
    *ret_at = at;
    return true;
}

/* Nearly every text opens with its mark, so a first pass looks there only: searching the whole text
 * for a hundred marks would cost microseconds for each observation. A browser's opening proves nothing. */
static const struct family *find_family(struct slice text, size_t *ret_at)
{
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        if (families[i].kind != AGENT_BROWSER && matches(&families[i], text, true, ret_at))
            return &families[i];
    }
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        if (matches(&families[i], text, families[i].at_start, ret_at))
            return &families[i];
    }
    return NULL;
}

void user_agent_parse(struct slice text, struct user_agent *ret)
{
    const struct family *f;
    size_t at = 0;

    text = slice_trim(text);
    *ret = (struct user_agent){ .family = slice_empty(text) ? "" : "other" };
    f = find_family(text, &at);
    if (f) {
        ret->family = f->family;
        ret->kind = f->kind;
        ret->product = slice_of(f->product ? f->product : f->mark);
        if (ret->product.len && ret->product.at[ret->product.len - 1] == '/')
            ret->product.len--;
        read_shape(f, text, at, ret);
        if (slice_empty(ret->product))
            ret->product = slice_of(f->family);
        return;
    }
    ret->product = slice_cut(until_any(text, " /|({;,\""), WORD_MAX);
    if (ret->product.len < text.len && text.at[ret->product.len] == '/')
        ret->version = version_of(from(text, ret->product.len + 1));
}
