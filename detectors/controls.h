/* controls.h - which control of a benchmark each part of cosmowatch serves, for auditors.
 *
 * To serve is not to fulfil: a control asks for something in Azure (logs switched on, keys kept few), a detector sees when
 * it is lived against, and its alerts are evidence that somebody looked. Numbers and titles:
 *   Microsoft cloud security benchmark v1: MicrosoftDocs/SecurityBenchmarks, Microsoft_cloud_security_benchmark_v1.xlsx,
 *     and the baseline of Azure Cosmos DB beside it (3.0), which files resource logs under LT-4 (read 2026-11).
 *   CIS Microsoft Azure Foundations Benchmark v3.0.0, the last with a section on Cosmos DB: numbers as in the published
 *     checks of Powerpipe (turbot/steampipe-mod-azure-compliance, cis_v300), of which 3.1.7.1 stands in Prowler's
 *     (cis_3.0_azure.json) as well (read 2026-11); the words are ours.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONTROLS_H
#define COSMOWATCH_CONTROLS_H

#include <stdbool.h>
#include <stddef.h>

struct control {
    const char *frame, *id, *title; /* "MCSB v1", "LT-1", ... */
};

#define CONTROLS_OF_PART 6
struct control_part {
    const char *name;                    /* of a detector, or of a part below */
    const char *ids[CONTROLS_OF_PART];   /* NULL-terminated unless full */
};

/* Parts that are no detectors. */
#define CONTROL_PART_COVERAGE "coverage" /* the ledger of what was read, and the alerts about silence and gaps */
#define CONTROL_PART_INCIDENT "incident" /* chains of alerts, each with steps to investigate */
#define CONTROL_PART_OUTPUTS "outputs"   /* alerts in one place, delivered or parked with a reason */

const struct control *control_at(size_t i);           /* NULL after the last */
const struct control_part *control_part_at(size_t i); /* NULL after the last */
/* The part serves the control. */
bool control_is_served_by(const struct control *c, const struct control_part *p);

#endif
