/* What detectors/table_injection.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dialect_kit.h"

extern const struct detector_ops detector_table_injection;

#define USUAL "PartitionKey eq 'p' and Name eq 'kim' and Age gt 5"

const struct dialect_promise promise = {
    .ops = &detector_table_injection,
    .api = API_TABLE,
    .statements = "tests/detectors/table_injection/statements.txt",
    .at_least = 25,
    .usual = USUAL,
    .inserted = {
        { "PartitionKey eq 'p' and Name eq 'x' or Salary gt 0 and Age gt 5", "CosmosDBX_TableInjection.ODataFilter" },
        { "PartitionKey eq 'p' and Name eq 'x' or 'a' eq 'a' and Age gt 5", "CosmosDBX_TableInjection.ODataFilter" },
        { "PartitionKey eq 'p' and Name eq 'x' or Name ge '' and Age gt 5", "CosmosDBX_TableInjection.ODataFilter" },
    },
    .silent = {
        USUAL,
        "PartitionKey eq 'p' and Name eq 'or true' and Age gt 9",
        "PartitionKey eq 'p' and Name eq 'x' and Zip eq 5 and Age gt 5",
        "(PartitionKey eq 'p') and (Name eq 'kim') and (Age gt 5)",
    },
    .mixed = {
        "PartitionKey eq 'p' and Name eq 'x##' or 'a' eq 'a' and Age gt 5",
        "PartitionKey eq '#' UNION SELECT #",
        "f## eq",
    },
    .huge_head = "PartitionKey eq ",
    .huge = { "(", "''", "'", "a eq 1 or ", "not ", "a(", "or ", "-", "datetime'", "%27" },
};

int main(void)
{
    TCase *t = promised_tests();

    return run_suite("table_injection", t);
}
