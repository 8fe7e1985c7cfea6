/* all.c - the catalogue of outputs: one line each. The name is what stands under `type:`.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outputs/output.h"

extern const struct output_ops output_elastic;
extern const struct output_ops output_event_hubs;
extern const struct output_ops output_file;
extern const struct output_ops output_jira;
extern const struct output_ops output_kafka;
extern const struct output_ops output_opsgenie;
extern const struct output_ops output_pagerduty;
extern const struct output_ops output_sentinel;
extern const struct output_ops output_servicenow;
extern const struct output_ops output_slack;
extern const struct output_ops output_splunk_hec;
extern const struct output_ops output_syslog;
extern const struct output_ops output_teams;
extern const struct output_ops output_template;
extern const struct output_ops output_webhook;

const struct output_ops *const outputs_all[] = {
    &output_elastic,
    &output_event_hubs,
    &output_file,
    &output_jira,
    &output_kafka,
    &output_opsgenie,
    &output_pagerduty,
    &output_sentinel,
    &output_servicenow,
    &output_slack,
    &output_splunk_hec,
    &output_syslog,
    &output_teams,
    &output_template,
    &output_webhook,
    NULL,
};
