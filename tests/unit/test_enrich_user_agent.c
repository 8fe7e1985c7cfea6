/* What agent/enrich/user_agent.c promises, on texts seen in public diagnostics and after SDK format strings.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/user_agent.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct agent_case {
    const char *text, *family, *product, *version, *platform;
};

static const struct agent_case cases[] = {
    { .text = "cosmos-netstandard-sdk/3.17.0|3.17.1|01|X64|Microsoft Windows "
              "10.0.19042 |.NET Core 4.6.29812.02|",
      .family = "dotnet-v3", .product = "cosmos-netstandard-sdk", .version = "3.17.0",
      .platform = "Microsoft Windows 10.0.19042" },
    { .text = "cosmos-netstandard-sdk/3.49.0|2|X64|Microsoft Windows 10.0.26100|.NET "
              "6.0.36|L|",
      .family = "dotnet-v3", .product = "cosmos-netstandard-sdk", .version = "3.49.0",
      .platform = "Microsoft Windows 10.0.26100" },
    { .text = "cosmos-netstandard-sdk/3.23.0|3.23.1|1|X64|Linux 5.4.0-1098-azure 104 "
              "18|.NET Core 3.1.32|S|",
      .family = "dotnet-v3", .product = "cosmos-netstandard-sdk", .version = "3.23.0",
      .platform = "Linux 5.4.0-1098-azure 104 18" },
    { .text = "cosmos-netstandard-sdk/3.35.4|1|X64|Linux 5.15.0-1041-azure 48 "
              "20.04.1|.NET 7.0.10|N|F 00000001|",
      .family = "dotnet-v3", .product = "cosmos-netstandard-sdk", .version = "3.35.4",
      .platform = "Linux 5.15.0-1041-azure 48 20.04.1" },
    { .text = "cosmos-netstandard-sdk/3.42.0|4|Arm64|Darwin 23.5.0 Darwin "
              "Kernel|.NET 8.0.6|N|F 00000011| orders-api",
      .family = "dotnet-v3", .product = "cosmos-netstandard-sdk", .version = "3.42.0",
      .platform = "Darwin 23.5.0 Darwin Kernel" },
    { .text = "documentdb-dotnet-sdk/2.8.1 Host/64-bit MicrosoftWindowsNT/6.2.9200.0",
      .family = "dotnet-v2", .product = "documentdb-dotnet-sdk", .version = "2.8.1",
      .platform = "MicrosoftWindowsNT/6.2.9200.0" },
    { .text = "documentdb-dotnet-sdk/1.19.0 Host/64-bit MicrosoftWindowsNT/6.2.9200.0",
      .family = "dotnet-v2", .product = "documentdb-dotnet-sdk", .version = "1.19.0",
      .platform = "MicrosoftWindowsNT/6.2.9200.0" },
    { .text = "azsdk-java-cosmos/4.6.0 Linux/4.15.0-1096-azure JRE/11.0.8",
      .family = "java", .product = "azsdk-java-cosmos", .version = "4.6.0",
      .platform = "Linux/4.15.0-1096-azure" },
    { .text = "azsdk-java-cosmos/4.52.0 Windows11/10.0 JRE/17.0.9 az-sd-cos/5.7.0",
      .family = "java", .product = "azsdk-java-cosmos", .version = "4.52.0",
      .platform = "Windows11/10.0" },
    { .text = "azsdk-java-cosmos/4.60.0 Linux/5.15.0-1059-azure JRE/17.0.11|F5",
      .family = "java", .product = "azsdk-java-cosmos", .version = "4.60.0",
      .platform = "Linux/5.15.0-1059-azure" },
    { .text = "Node.js/20.11.0 (win32; x64) azure-cosmos-js/4.0.0",
      .family = "javascript", .product = "azure-cosmos-js", .version = "4.0.0",
      .platform = "win32; x64" },
    { .text = "Node.js/18.17.1 (Linux 5.15.0-1042-azure; x64) azure-cosmos-js/3.17.3",
      .family = "javascript", .product = "azure-cosmos-js", .version = "3.17.3",
      .platform = "Linux 5.15.0-1042-azure; x64" },
    { .text = "azsdk-python-cosmos/4.5.0 Python/3.11.0 (Windows-10-10.0.22621-SP0)",
      .family = "python", .product = "azsdk-python-cosmos", .version = "4.5.0",
      .platform = "Windows-10-10.0.22621-SP0" },
    { .text = "azsdk-python-cosmos-async/4.7.0 Python/3.11.9 "
              "(Linux-5.15.0-1064-azure-x86_64-with-glibc2.35)",
      .family = "python", .product = "azsdk-python-cosmos-async", .version = "4.7.0",
      .platform = "Linux-5.15.0-1064-azure-x86_64-with-glibc2.35" },
    { .text = "azsdk-go-azcosmos/v0.3.6 (go1.21.4; linux)",
      .family = "go", .product = "azsdk-go-azcosmos", .version = "0.3.6",
      .platform = "go1.21.4; linux" },
    { .text = "azsdk-rust-cosmos/0.34.0 azsdk-rust-cosmos-driver/0.3.0 linux/x86_64 "
              "rustc/1.85.0",
      .family = "rust", .product = "azsdk-rust-cosmos", .version = "0.34.0",
      .platform = "linux/x86_64" },
    { .text = "azsdk-java-cosmos/4.53.1 Linux/5.15.0-1052-azure JRE/1.8.0_382-b05 "
              "SparkConnector/4.23.0",
      .family = "spark", .product = "SparkConnector", .version = "4.53.1",
      .platform = "Linux/5.15.0-1052-azure" },
    { .text = "{\"driver\":{\"name\":\"PyMongo\",\"version\":\"4.6.1\"},\"os\":{\"type\":\"Linux\",\"n"
              "ame\":\"Linux\",\"architecture\":\"x86_64\",\"version\":\"5.15.0-1053-azure\"},\"p"
              "latform\":\"CPython 3.11.7.final.0\"}",
      .family = "mongodb-driver", .product = "PyMongo", .version = "4.6.1",
      .platform = "Linux" },
    { .text = "nodejs|Mongoose 6.3.0|8.0.3",
      .family = "mongodb-driver", .product = "nodejs", .version = "8.0.3",
      .platform = "" },
    { .text = "DataStax Java driver for Apache Cassandra(R)/4.17.0",
      .family = "cassandra-driver", .product = "DataStax Java driver", .version = "4.17.0",
      .platform = "" },
    { .text = "Gremlin.Net/3.6.4 .NET/6.0.16",
      .family = "gremlin-driver", .product = "Gremlin.Net", .version = "3.6.4",
      .platform = ".NET/6.0.16" },
    { .text = "azsdk-net-Data.Tables/12.8.3 (.NET 6.0.25; Linux 5.15.0-1053-azure)",
      .family = "table-sdk", .product = "azsdk-net-Data.Tables", .version = "12.8.3",
      .platform = ".NET 6.0.25; Linux 5.15.0-1053-azure" },
    { .text = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, "
              "like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0",
      .family = "portal-browser", .product = "Mozilla", .version = "5.0",
      .platform = "Windows NT 10.0; Win64; x64" },
    { .text = "AZURECLI/2.35.0 (MSI) azsdk-python-azure-mgmt-resource/20.0.0 "
              "Python/3.10.3 (Windows-10-10.0.22621-SP0)",
      .family = "azure-cli", .product = "AZURECLI", .version = "2.35.0",
      .platform = "" },
    { .text = "AzurePowershell/v11.3.1 PSVersion/v7.4.1 Az.CosmosDB/1.14.2",
      .family = "azure-powershell", .product = "AzurePowershell", .version = "11.3.1",
      .platform = "" },
    { .text = "Go/go1.21.6 (amd64-linux) go-autorest/v14.2.1 "
              "hashicorp/go-azure-sdk/cosmosdb/2023-04-15 HashiCorp Terraform/1.7.3 "
              "(+https://www.terraform.io) terraform-provider-azurerm/3.91.0",
      .family = "terraform", .product = "Terraform", .version = "1.7.3",
      .platform = "" },
    { .text = "PostmanRuntime/7.36.3",
      .family = "http-library", .product = "PostmanRuntime", .version = "7.36.3",
      .platform = "" },
    { .text = "sqlmap/1.7.2#stable (https://sqlmap.org)",
      .family = "sqlmap", .product = "sqlmap", .version = "1.7.2",
      .platform = "" },
    { .text = "Mozilla/5.0 (compatible; Nmap Scripting Engine; "
              "https://nmap.org/book/nse.html)",
      .family = "scanner", .product = "Nmap Scripting Engine", .version = "",
      .platform = "" },
    { .text = "Fuzz Faster U Fool v2.1.0-dev",
      .family = "scanner", .product = "Fuzz Faster U Fool", .version = "2.1.0-dev",
      .platform = "" },
    { .text = "gobuster/3.6",
      .family = "scanner", .product = "gobuster", .version = "3.6",
      .platform = "" },
    { .text = "Nuclei - Open-source project (github.com/projectdiscovery/nuclei)",
      .family = "scanner", .product = "Nuclei", .version = "",
      .platform = "" },
    { .text = "Mozilla/5.00 (Nikto/2.1.6) (Evasions:None) (Test:000001)",
      .family = "scanner", .product = "Nikto", .version = "2.1.6",
      .platform = "" },
    { .text = "azurehound/v2.6.0",
      .family = "cloud-recon", .product = "azurehound", .version = "2.6.0",
      .platform = "" },
    { .text = "python-requests/2.31.0",
      .family = "script", .product = "python-requests", .version = "2.31.0",
      .platform = "" },
    { .text = "curl/8.5.0",
      .family = "script", .product = "curl", .version = "8.5.0",
      .platform = "" },
    { .text = "Linux/5.4.0 JRE/1.8.0_252 cosmosdb-java-sdk/2.6.16",
      .family = "java-v2", .product = "cosmosdb-java-sdk", .version = "2.6.16",
      .platform = "Linux/5.4.0" },
    { .text = "azsdk-go-azcosmos/v2.0.0-beta.1 azsdk-rust-cosmos-driver/0.3.0 "
              "linux/x86_64 rustc/1.85.0|F12",
      .family = "go", .product = "azsdk-go-azcosmos", .version = "2.0.0-beta.1",
      .platform = "linux/x86_64" },
    { .text = "cosmos-netstandard-sdk/3.7.0|3.7.0|99290|X64|Microsoft Windows "
              "10.0.18363 |.NET Core 4.6.28008.01|",
      .family = "dotnet-v3", .product = "cosmos-netstandard-sdk", .version = "3.7.0",
      .platform = "Microsoft Windows 10.0.18363" },
    { .text = "cosmos-netstandard-sdk/3.40.0|3|X64|Linux 5.15.0|.NET 8.0.1|N| "
              "CosmosDBTriggerFunctions",
      .family = "functions-trigger", .product = "CosmosDBTriggerFunctions", .version = "3.40.0",
      .platform = "Linux 5.15.0" },
    { .text = "Microsoft.Azure.Documents.Common/2.14.0[RoutingGateway]",
      .family = "service", .product = "Microsoft.Azure.Documents.Common", .version = "2.14.0",
      .platform = "" },
    { .text = "orders-api/7.1 build 9",
      .family = "other", .product = "orders-api", .version = "7.1",
      .platform = "" },
    { .text = "  ",
      .family = "", .product = "", .version = "",
      .platform = "" },
    { .text = "PyMongo|4.6",
      .family = "mongodb-driver", .product = "PyMongo", .version = "4.6",
      .platform = "" },
    { .text = "-",
      .family = "other", .product = "-", .version = "",
      .platform = "" },
};

static void check_part(const char *what, const struct agent_case *c, struct slice is, const char *should)
{
    ck_assert_msg(slice_eq(is, slice_of(should)), "%s of '%s' is '%.*s'", what, c->text, SLF(is));
}

START_TEST(family_version_and_platform_are_told)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct agent_case *c = &cases[i];
        struct user_agent ua;

        user_agent_parse(slice_of(c->text), &ua);
        ck_assert_msg(slice_eq(slice_of(ua.family), slice_of(c->family)), "'%s' is %s", c->text, ua.family);
        check_part("product", c, ua.product, c->product);
        check_part("version", c, ua.version, c->version);
        check_part("platform", c, ua.platform, c->platform);
    }
}
END_TEST

START_TEST(kinds_part_the_harmless_from_the_tools)
{
    static const struct { const char *text; enum agent_kind kind; } kinds[] = {
        /* tools whose name others may have: nothing else may stand there */
        { .text = "Hydra", .kind = AGENT_TOOL },
        { .text = "Prowler/4.2.4", .kind = AGENT_TOOL },
        { .text = "xray/1.9.11", .kind = AGENT_TOOL },
        { .text = "Medusa/2.2", .kind = AGENT_TOOL },
        { .text = "hydraulics-api cosmos-netstandard-sdk/3.40.0|1|X64|Linux|.NET 8|N|", .kind = AGENT_SDK },
        { .text = "prowler-car-rental cosmos-netstandard-sdk/3.38.1|1|X64|Linux|.NET 7|N|", .kind = AGENT_SDK },
        { .text = "xray/2.0 azsdk-java-cosmos/4.60.0 Linux/5.15 JRE/17", .kind = AGENT_SDK },
        { .text = "vegan-shop azsdk-python-cosmos/4.7.0 Python/3.11 (Linux-5.15)", .kind = AGENT_SDK },
        { .text = "zap-delivery/7.1", .kind = AGENT_UNKNOWN },
        /* what walks the web, whatever its name */
        { .text = "Mozilla/5.0 (compatible; PortWanderer/0.3; +https://wanderer.example/about)", .kind = AGENT_TOOL },
        { .text = "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)", .kind = AGENT_BROWSER },
        { .text = "Mozilla/5.0 (compatible; MetasploitRSPEC)", .kind = AGENT_TOOL },
        { .text = "AADInternals/0.9.4", .kind = AGENT_TOOL },
        { .text = "roadrecon/1.4", .kind = AGENT_TOOL },
        { .text = "BLOODHOUND/4.3", .kind = AGENT_TOOL },
        /* an SDK that is not known yet names itself by the guidelines */
        { .text = "azsdk-zig-cosmos/0.1.0 (linux)", .kind = AGENT_SDK },
        { .text = "python-urllib3/2.2.3", .kind = AGENT_SCRIPT },
        { .text = "Ruby", .kind = AGENT_SCRIPT },
        { .text = "Rubygarden/2.1", .kind = AGENT_UNKNOWN },

        { .text = "azsdk-go-azcosmos/v0.3.6 (go1.21.4; linux)", .kind = AGENT_SDK },
        { .text = "Gremlin.Net/3.6.4 .NET/6.0.16", .kind = AGENT_DRIVER },
        { .text = "Mozilla/5.0 (X11) Chrome/124.0", .kind = AGENT_BROWSER },
        { .text = "Mozilla/5.00 (Nikto/2.1.6) (Evasions:None)", .kind = AGENT_TOOL },
        { .text = "sqlmap/1.7.2#stable (https://sqlmap.org)", .kind = AGENT_TOOL },
        { .text = "SQLMAP/1.7", .kind = AGENT_TOOL },
        { .text = "Mozilla/5.0 (compatible; OWASP ZAP; +https://www.zaproxy.org)", .kind = AGENT_TOOL },
        { .text = "Mozilla/5.0 (Windows NT 10.0) BurpSuite/2024.1", .kind = AGENT_TOOL },
        { .text = "nosqli/0.5.4", .kind = AGENT_TOOL },
        { .text = "NoSQLMap v0.7", .kind = AGENT_TOOL },
        { .text = "httpx - Open-source project (github.com/projectdiscovery/httpx)", .kind = AGENT_TOOL },
        { .text = "Fuzz Faster U Fool v2.1.0-dev", .kind = AGENT_TOOL },
        { .text = "feroxbuster/2.10.1", .kind = AGENT_TOOL },
        { .text = "Mozilla/4.0 (Hydra)", .kind = AGENT_TOOL },
        { .text = "azurehound/v2.6.0", .kind = AGENT_TOOL },
        { .text = "zapier-connector/1.0", .kind = AGENT_UNKNOWN },
        { .text = "burpham-branch-orders", .kind = AGENT_UNKNOWN },
        { .text = "nosqli", .kind = AGENT_UNKNOWN },
        { .text = "python-requests/2.31.0", .kind = AGENT_SCRIPT },
        { .text = "Go-http-client/1.1", .kind = AGENT_SCRIPT },
        { .text = "Wget/1.21.3", .kind = AGENT_SCRIPT },
        { .text = "Mozilla/5.0 (Windows NT; Windows NT 10.0; de-DE) WindowsPowerShell/5.1.22621.963", .kind = AGENT_SCRIPT },
        { .text = "insomnia/8.6.1", .kind = AGENT_SCRIPT },
        { .text = "axios/1.6.7", .kind = AGENT_SCRIPT },
        { .text = "curl/8.5.0", .kind = AGENT_SCRIPT },
        { .text = "AZURECLI/2.35.0 (MSI)", .kind = AGENT_MANAGEMENT },
        { .text = "Microsoft.Azure.Documents.Common/2.14.0", .kind = AGENT_SERVICE },
        { .text = "orders-api", .kind = AGENT_UNKNOWN },
        { .text = "", .kind = AGENT_UNKNOWN },
    };

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct user_agent ua;

        user_agent_parse(slice_of(kinds[i].text), &ua);
        ck_assert_msg(ua.kind == kinds[i].kind, "%s", kinds[i].text);
    }
}
END_TEST

START_TEST(any_bytes_and_any_cut_are_survived)
{
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].text);

        for (size_t cut = 0; cut <= len; cut++) {
            char *copy = malloc(cut + 1); /* exactly as long, so that the sanitizer sees a step too far */
            struct user_agent ua;

            memcpy(copy, cases[i].text, cut);
            user_agent_parse(slice_make(copy, cut), &ua);
            ck_assert_uint_le(ua.product.len, 64);
            if (cut) {
                copy[cut / 2] = '\0';
                user_agent_parse(slice_make(copy, cut), &ua);
            }
            free(copy);
        }
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("all");

    tcase_add_test(t, family_version_and_platform_are_told);
    tcase_add_test(t, kinds_part_the_harmless_from_the_tools);
    tcase_add_test(t, any_bytes_and_any_cut_are_survived);
    return run_group("enrich/user_agent", t);
}
