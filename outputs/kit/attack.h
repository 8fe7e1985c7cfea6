/* attack.h - names of MITRE ATT&CK (v16) for the formats that want them beside the numbers.
 * Source: attack.mitre.org, enterprise matrix v16. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OUTPUT_ATTACK_H
#define COSMOWATCH_OUTPUT_ATTACK_H

#include <stddef.h>

#define ATTACK_VERSION "16"

struct attack_tactic {
    const char *intent; /* as Defender spells it, "InitialAccess" */
    const char *id;     /* "TA0001" */
    const char *name;   /* "Initial Access" */
};

const struct attack_tactic *attack_tactic(const char *intent); /* NULL: unknown */
/* Name of "T1078" or "T1078.004" (len bytes); NULL: unknown. */
const char *attack_technique(const char *id, size_t len);

#endif
