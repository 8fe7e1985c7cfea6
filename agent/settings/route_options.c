/* route_options.c - the words of an output's `route`, and of each map in its any_of and not.
 *
 * The table stands here because the annotated sample, the schema and the manual are made of the tables of settings/;
 * what the words mean is in delivery/route.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/settings.h"

static const char *const severities[] = { "informational", "low", "medium", "high", NULL };

#define LIST(name, what, sample)                                                                              \
    { .key = #name, .type = OPT_STRING_LIST, .at = offsetof(struct settings_route, name), .help = what,       \
      .example = sample }

const struct option_spec settings_route_options[] = {
    { .key = "min_severity", .type = OPT_ENUM, .at = offsetof(struct settings_route, min_severity),
      .preset = "informational", .values = severities, .help = "leave out what is less severe" },
    { .key = "max_severity", .type = OPT_ENUM, .at = offsetof(struct settings_route, max_severity),
      .preset = "high", .values = severities, .help = "leave out what is more severe" },
    LIST(types, "alert types, * at the end stands for any rest; none named: all", "[CosmosDB_TorAnomaly]"),
    LIST(accounts, "database accounts; none named: all", "[prod-orders]"),
    LIST(tags, "the account has one of these tags (see `accounts`)", "[pci]"),
    LIST(apis, "NoSQL, MongoDB, Cassandra, Gremlin, Table", "[NoSQL, MongoDB]"),
    LIST(addresses, "a client address of the alert is one of these or in one of these ranges", "[198.51.100.0/24]"),
    LIST(principals, "a principal of the alert is one of these; * at the end", "[deploy@contoso.example]"),
    LIST(user_agents, "a user agent of the alert is one of these; * at the end", "['python-requests/*']"),
    LIST(databases, "a database of the alert is one of these; * at the end", "[shop]"),
    LIST(containers, "a container of the alert is one of these; * at the end", "[cards]"),
    LIST(raised_by, "own: found by this agent; defender: passed on from Microsoft Defender for Cloud", "[own]"),
    LIST(tactics, "what the attacker is after, as in InitialAccess", "[Exfiltration, CredentialAccess]"),
    { .key = "any_of", .type = OPT_NODE, .at = offsetof(struct settings_route, any_of),
      .help = "a list of maps of these same options; one of them holds",
      .example = "[{ min_severity: high }, { tags: [pci] }]" },
    { .key = "not", .type = OPT_NODE, .at = offsetof(struct settings_route, none_of),
      .help = "a map of these same options, or a list of such maps; none of them holds",
      .example = "{ addresses: [192.0.2.0/24] }" },
    { .key = "rule_sets", .type = OPT_NODE, .at = offsetof(struct settings_route, rule_sets),
      .help = "ruleSets of a continuous export of Microsoft Defender for Cloud, as they are; one of them holds",
      .example = "[{ rules: [{ propertyJPath: Severity, expectedValue: High, operator: Equals }] }]" },
    { 0 },
};
