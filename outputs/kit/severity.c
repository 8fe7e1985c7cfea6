/* severity.c - see severity.h. SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/severity.h"

static const struct severity_scale scales[] = {
    [SEVERITY_INFORMATIONAL] = { .cef = 1, .leef = 1, .syslog = 6, .ocsf = 1, .ecs = 21, .risk = 21,
                                 .servicenow = 5, .pagerduty = "info", .opsgenie = "P5", .cim = "informational" },
    [SEVERITY_LOW] = { .cef = 3, .leef = 3, .syslog = 5, .ocsf = 2, .ecs = 21, .risk = 21, .servicenow = 4,
                       .pagerduty = "warning", .opsgenie = "P4", .cim = "low" },
    [SEVERITY_MEDIUM] = { .cef = 5, .leef = 5, .syslog = 4, .ocsf = 3, .ecs = 47, .risk = 47, .servicenow = 3,
                          .pagerduty = "warning", .opsgenie = "P3", .cim = "medium" },
    [SEVERITY_HIGH] = { .cef = 8, .leef = 8, .syslog = 3, .ocsf = 4, .ecs = 73, .risk = 73, .servicenow = 2,
                        .pagerduty = "error", .opsgenie = "P2", .cim = "high" },
};

const struct severity_scale *severity_scale(enum severity s)
{
    return &scales[(size_t)s < ARRAY_LEN(scales) ? s : SEVERITY_HIGH];
}
