/* severity.h - one severity, every scale there is: the only place where ours becomes somebody else's.
 *
 * CEF: 0-3 low, 4-6 medium, 7-8 high, 9-10 very high (ArcSight CEF, document version 27). LEEF sev 1-10.
 * Syslog: RFC 5424 table 2; 0 and 1 may be broadcast to every terminal of the receiver, so nothing of ours
 * is that severe. OCSF 1.8.0 severity_id. ECS: the four values that Elastic's "External Alerts" rule knows.
 * PagerDuty Events v2, ServiceNow and Opsgenie words as their pages say (read 2026).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OUTPUT_SEVERITY_H
#define COSMOWATCH_OUTPUT_SEVERITY_H

#include "alert/alert.h"

struct severity_scale {
    int cef, leef, syslog, ocsf, ecs, servicenow;
    int risk;                        /* 0..100: ASIM ThreatRiskLevel, ECS risk_score */
    const char *pagerduty, *opsgenie, *cim;
};

const struct severity_scale *severity_scale(enum severity s); /* never NULL */

#endif
