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
    bool is_alone;        /* and nothing follows its version: a name that applications may have as well */
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
    { .mark = "documentdb-python-sdk/", .family = "python-v2", .kind = AGENT_SDK },
    { .mark = "documentdb-nodejs-sdk", .family = "javascript-v1", .kind = AGENT_SDK },
    /* Azure SDK guidelines: azsdk-LANGUAGE-PACKAGE/VERSION, whatever comes next. */
    { .mark = "azsdk-", .family = "azure-sdk", .product = "", .kind = AGENT_SDK, .at_start = true },
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
    { .mark = "MongoDB Compass", .family = "mongo-shell", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "NoSQLBooster", .family = "mongo-shell", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "mongo-rust-driver", .family = "mongodb-driver",
      .kind = AGENT_DRIVER, .shape = SHAPE_LAST, .at_start = true },
    { .mark = "mongosh", .family = "mongo-shell", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "DataStax Java driver", .family = "cassandra-driver", .product = "DataStax Java driver",
      .kind = AGENT_DRIVER, .shape = SHAPE_BARE },
    { .mark = "DataStax ", .family = "cassandra-driver", .product = "DataStax driver",
      .kind = AGENT_DRIVER, .shape = SHAPE_BARE, .at_start = true },
    { .mark = "Gremlin.Net/", .family = "gremlin-driver", .kind = AGENT_DRIVER },
    { .mark = "gremlin-driver/", .family = "gremlin-driver", .kind = AGENT_DRIVER },
    { .mark = "gremlinpython/", .family = "gremlin-driver", .kind = AGENT_DRIVER },
    { .mark = "gremlin-javascript/", .family = "gremlin-driver", .kind = AGENT_DRIVER },
    { .mark = "gocql/", .family = "cassandra-driver", .kind = AGENT_DRIVER, .at_start = true },
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
    { .mark = "acunetix_wvs", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "(Nikto/", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "Qualys", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "Invicti", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "Detectify", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "compatible; AppScan", .family = "scanner", .product = "AppScan", .kind = AGENT_TOOL },
    { .mark = "AppSpider", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "compatible; Panoptic", .family = "scanner", .product = "Panoptic", .kind = AGENT_TOOL },
    { .mark = "MetasploitRSPEC", .family = "exploit-kit", .product = "Metasploit", .kind = AGENT_TOOL },
    { .mark = "SF/2.", .family = "scanner", .product = "skipfish", .kind = AGENT_TOOL },
    { .mark = "fimap", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "JBroFuzz", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "libwhisker", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "jorgee", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "ZmEu", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "netlab360", .family = "internet-scanner", .kind = AGENT_TOOL },
    { .mark = "SiteLockSpider", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "webshag", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "WPrecon", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "WPProbe", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "IronWASP", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "N-Stalker", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "XSSer", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "SSTImap", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "tplmap", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "shortscan", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "LFISuite", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "LFImap", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "Kadimus", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "YesWeHack", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "bewica-security-scan", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "joomscan", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "droopescan", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "CMSmap", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "WhatWaf", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "XSStrike", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "XSpear", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "DotDotPwn", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "Nettacker", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "graphql-cop", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "graphw00f", .family = "scanner", .kind = AGENT_TOOL },
    { .mark = "noseyparker", .family = "secret-finder", .kind = AGENT_TOOL },
    { .mark = "gitleaks/", .family = "secret-finder", .kind = AGENT_TOOL, .at_start = true },
    { .mark = "jSQL", .family = "sql-injector", .kind = AGENT_TOOL, .at_start = true },
    { .mark = "bbqsql", .family = "sql-injector", .kind = AGENT_TOOL },
    { .mark = "l9explore/", .family = "internet-scanner", .kind = AGENT_TOOL },
    { .mark = "l9tcpid/", .family = "internet-scanner", .kind = AGENT_TOOL },
    { .mark = "CensysInspect", .family = "internet-scanner", .kind = AGENT_TOOL },
    { .mark = "searches across the global IPv4", .family = "internet-scanner", .product = "Expanse", .kind = AGENT_TOOL },
    { .mark = "Mozlila", .family = "internet-scanner", .kind = AGENT_TOOL, .at_start = true }, /* misspelt by a bot */
    { .mark = "(Hydra)", .family = "password-guesser", .product = "Hydra", .kind = AGENT_TOOL },
    { .mark = "thc-hydra", .family = "password-guesser", .kind = AGENT_TOOL, .at_start = true },
    { .mark = "AADInternals", .family = "cloud-recon", .kind = AGENT_TOOL },
    { .mark = "roadrecon", .family = "cloud-recon", .kind = AGENT_TOOL },
    { .mark = "PowerZure", .family = "cloud-recon", .kind = AGENT_TOOL },
    { .mark = "BloodHound", .family = "cloud-recon", .kind = AGENT_TOOL },
    { .mark = "ScoutSuite", .family = "cloud-recon", .kind = AGENT_TOOL },
    { .mark = "GraphRunner", .family = "cloud-recon", .kind = AGENT_TOOL },
    { .mark = "Stormspotter", .family = "cloud-recon", .kind = AGENT_TOOL },
    { .mark = "CrackMapExec", .family = "exploit-kit", .kind = AGENT_TOOL },
    /* Names that an application may have too: only when there is nothing else in the text. */
    { .mark = "Metasploit", .family = "exploit-kit", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "Sliver", .family = "exploit-kit", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "CobaltStrike", .family = "exploit-kit", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "pacu", .family = "cloud-recon", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "Prowler", .family = "cloud-recon", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "Hydra", .family = "password-guesser", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "Medusa", .family = "password-guesser", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "patator", .family = "password-guesser", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "hashcat", .family = "password-guesser", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "ZAP", .family = "zap", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "xray", .family = "scanner", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "dalfox", .family = "scanner", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "Jaeles", .family = "scanner", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "katana", .family = "scanner", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "subfinder", .family = "scanner", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "Vega", .family = "scanner", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "nmap", .family = "scanner", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "AWVS", .family = "scanner", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "whatweb", .family = "scanner", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
    { .mark = "mitmproxy", .family = "burp", .kind = AGENT_TOOL, .at_start = true, .is_alone = true },
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
    { .mark = "StorageExplorer/", .family = "storage-explorer", .kind = AGENT_MANAGEMENT, .at_start = true },
    { .mark = "pulumi", .family = "pulumi", .kind = AGENT_MANAGEMENT, .at_start = true },
    { .mark = "azd/", .family = "azure-cli", .kind = AGENT_MANAGEMENT, .at_start = true },
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
    { .mark = "python-urllib3/", .family = "script", .kind = AGENT_SCRIPT },
    { .mark = "GuzzleHttp/", .family = "script", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "Java/", .family = "script", .kind = AGENT_SCRIPT, .at_start = true },
    { .mark = "Ruby", .family = "script", .kind = AGENT_SCRIPT, .at_start = true, .is_alone = true },
    { .mark = "node-fetch", .family = "script", .kind = AGENT_SCRIPT, .at_start = true, .is_alone = true },
    { .mark = "undici", .family = "script", .kind = AGENT_SCRIPT, .at_start = true, .is_alone = true },
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

/* "/6.0", "/v0.17", nothing */
static bool is_name_and_version(struct slice rest)
{
    return slice_empty(rest) || (rest.at[0] == '/' && find_char(rest, ' ') == SIZE_MAX);
}

static bool matches(const struct family *f, struct slice text, bool at_start, size_t *ret_at)
{
    struct slice mark = slice_of(f->mark);
    size_t at = 0;

    if (at_start ? !slice_starts_nocase(text, mark) : (at = slice_find_nocase(text, mark)) == SIZE_MAX)
        return false;
    if (f->also && slice_find_nocase(text, slice_of(f->also)) == SIZE_MAX)
        return false;
    if (f->is_alone && !is_name_and_version(from(text, mark.len)))
        return false;
    *ret_at = at;
    return true;
}

/* Mozilla/5.0 (compatible; NAME; +https://...): what walks the web says where it is from. Nobody else says "compatible"
 * and gives an address, and nothing of that kind has business in a database. */
static bool is_crawler(struct slice text)
{
    size_t at = slice_find(text, SL("(compatible; "));

    return at != SIZE_MAX && slice_find(from(text, at), SL("http")) != SIZE_MAX;
}

static const struct family crawler = { .mark = "(compatible; ", .family = "internet-scanner", .product = "",
                                       .kind = AGENT_TOOL, .shape = SHAPE_BARE };

struct pairs { uint64_t bits[16]; }; /* of neighbouring characters, by their low five bits: case does not matter */

static unsigned pair_of(const char *at)
{
    return ((unsigned)at[0] & 31u) << 5 | ((unsigned)at[1] & 31u);
}

static struct pairs pairs_of(struct slice text)
{
    struct pairs ret = { { 0 } };

    for (size_t i = 0; i + 1 < text.len; i++)
        ret.bits[pair_of(text.at + i) / 64] |= UINT64_C(1) << (pair_of(text.at + i) % 64);
    return ret;
}

static bool may_hold(const struct pairs *p, const char *mark)
{
    return p->bits[pair_of(mark) / 64] >> (pair_of(mark) % 64) & 1u;
}

/* Nearly every text opens with its mark, so a first pass looks there only: searching the whole text
 * for a hundred marks would cost microseconds for each observation. A browser's opening proves nothing. */
static const struct family *find_family(struct slice text, size_t *ret_at)
{
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        if (families[i].kind != AGENT_BROWSER && matches(&families[i], text, true, ret_at))
            return &families[i];
    }
    struct pairs pairs = pairs_of(text);

    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        if (!may_hold(&pairs, families[i].mark))
            continue; /* its first two letters are nowhere together */
        if (families[i].kind == AGENT_BROWSER && is_crawler(text)) {
            *ret_at = slice_find(text, slice_of(crawler.mark));
            return &crawler;
        }
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
        if (slice_empty(ret->product) && f->product && !f->product[0]) /* as the text says */
            ret->product = slice_cut(until_any(from(text, at == 0 ? 0 : at + strlen(f->mark)), " /|({;,\")"), WORD_MAX);
        if (slice_empty(ret->product))
            ret->product = slice_of(f->family);
        return;
    }
    ret->product = slice_cut(until_any(text, " /|({;,\""), WORD_MAX);
    if (ret->product.len < text.len && text.at[ret->product.len] == '/')
        ret->version = version_of(from(text, ret->product.len + 1));
}
