/* attack.c - see attack.h. A technique that the catalogue uses and that is missing here fails a test.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/attack.h"

#include "base/base.h"

#include <string.h>

static const struct attack_tactic tactics[] = {
    { .intent = "PreAttack", .id = "TA0043", .name = "Reconnaissance" },
    { .intent = "InitialAccess", .id = "TA0001", .name = "Initial Access" },
    { .intent = "Execution", .id = "TA0002", .name = "Execution" },
    { .intent = "Persistence", .id = "TA0003", .name = "Persistence" },
    { .intent = "PrivilegeEscalation", .id = "TA0004", .name = "Privilege Escalation" },
    { .intent = "DefenseEvasion", .id = "TA0005", .name = "Defense Evasion" },
    { .intent = "CredentialAccess", .id = "TA0006", .name = "Credential Access" },
    { .intent = "Discovery", .id = "TA0007", .name = "Discovery" },
    { .intent = "LateralMovement", .id = "TA0008", .name = "Lateral Movement" },
    { .intent = "Collection", .id = "TA0009", .name = "Collection" },
    { .intent = "Exfiltration", .id = "TA0010", .name = "Exfiltration" },
    { .intent = "CommandAndControl", .id = "TA0011", .name = "Command and Control" },
    { .intent = "Impact", .id = "TA0040", .name = "Impact" },
};

static const struct { const char *id, *name; } techniques[] = {
    { "T1020", "Automated Exfiltration" },
    { "T1030", "Data Transfer Size Limits" },
    { "T1041", "Exfiltration Over C2 Channel" },
    { "T1048", "Exfiltration Over Alternative Protocol" },
    { "T1059", "Command and Scripting Interpreter" },
    { "T1059.001", "PowerShell" },
    { "T1059.007", "JavaScript" },
    { "T1059.009", "Cloud API" },
    { "T1070", "Indicator Removal" },
    { "T1071", "Application Layer Protocol" },
    { "T1071.001", "Web Protocols" },
    { "T1078", "Valid Accounts" },
    { "T1078.004", "Cloud Accounts" },
    { "T1087", "Account Discovery" },
    { "T1087.004", "Cloud Account" },
    { "T1090", "Proxy" },
    { "T1090.003", "Multi-hop Proxy" },
    { "T1098", "Account Manipulation" },
    { "T1098.001", "Additional Cloud Credentials" },
    { "T1098.003", "Additional Cloud Roles" },
    { "T1110", "Brute Force" },
    { "T1110.001", "Password Guessing" },
    { "T1110.003", "Password Spraying" },
    { "T1110.004", "Credential Stuffing" },
    { "T1119", "Automated Collection" },
    { "T1133", "External Remote Services" },
    { "T1136", "Create Account" },
    { "T1136.003", "Cloud Account" },
    { "T1190", "Exploit Public-Facing Application" },
    { "T1199", "Trusted Relationship" },
    { "T1212", "Exploitation for Credential Access" },
    { "T1213", "Data from Information Repositories" },
    { "T1213.006", "Databases" },
    { "T1485", "Data Destruction" },
    { "T1485.001", "Lifecycle-Triggered Deletion" },
    { "T1486", "Data Encrypted for Impact" },
    { "T1489", "Service Stop" },
    { "T1490", "Inhibit System Recovery" },
    { "T1496", "Resource Hijacking" },
    { "T1496.004", "Cloud Service Hijacking" },
    { "T1499", "Endpoint Denial of Service" },
    { "T1499.003", "Application Exhaustion Flood" },
    { "T1505", "Server Software Component" },
    { "T1505.001", "SQL Stored Procedures" },
    { "T1526", "Cloud Service Discovery" },
    { "T1528", "Steal Application Access Token" },
    { "T1530", "Data from Cloud Storage" },
    { "T1531", "Account Access Removal" },
    { "T1535", "Unused/Unsupported Cloud Regions" },
    { "T1537", "Transfer Data to Cloud Account" },
    { "T1548", "Abuse Elevation Control Mechanism" },
    { "T1548.005", "Temporary Elevated Cloud Access" },
    { "T1550", "Use Alternate Authentication Material" },
    { "T1550.001", "Application Access Token" },
    { "T1552", "Unsecured Credentials" },
    { "T1552.001", "Credentials In Files" },
    { "T1555", "Credentials from Password Stores" },
    { "T1555.006", "Cloud Secrets Management Stores" },
    { "T1556", "Modify Authentication Process" },
    { "T1562", "Impair Defenses" },
    { "T1562.001", "Disable or Modify Tools" },
    { "T1562.007", "Disable or Modify Cloud Firewall" },
    { "T1562.008", "Disable or Modify Cloud Logs" },
    { "T1565", "Data Manipulation" },
    { "T1565.001", "Stored Data Manipulation" },
    { "T1567", "Exfiltration Over Web Service" },
    { "T1578", "Modify Cloud Compute Infrastructure" },
    { "T1580", "Cloud Infrastructure Discovery" },
    { "T1583", "Acquire Infrastructure" },
    { "T1583.003", "Virtual Private Server" },
    { "T1595", "Active Scanning" },
    { "T1595.002", "Vulnerability Scanning" },
    { "T1619", "Cloud Storage Object Discovery" },
    { "T1648", "Serverless Execution" },
    { "T1657", "Financial Theft" },
};

const struct attack_tactic *attack_tactic(const char *intent)
{
    for (size_t i = 0; intent && i < ARRAY_LEN(tactics); i++)
        if (strcmp(tactics[i].intent, intent) == 0)
            return &tactics[i];
    return NULL;
}

const char *attack_technique(const char *id, size_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(techniques); i++)
        if (strlen(techniques[i].id) == len && memcmp(techniques[i].id, id, len) == 0)
            return techniques[i].name;
    return NULL;
}
