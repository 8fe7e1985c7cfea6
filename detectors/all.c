/* all.c - the detectors there are, in the order in which `cosmowatch` lists them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/detector.h"

extern const struct detector_ops detector_key_listing, detector_key_reader, detector_key_regenerated,
    detector_stolen_key, detector_role_granted;
extern const struct detector_ops detector_network_opened;
extern const struct detector_ops detector_defender, detector_bad_address, detector_sql_injection, detector_volume;
extern const struct detector_ops detector_mongo_injection, detector_cql_injection, detector_gremlin_injection,
    detector_table_injection, detector_query_anomaly;
extern const struct detector_ops detector_unusual_place, detector_unusual_application, detector_unusual_principal,
    detector_unusual_network, detector_refused_access, detector_dormant_account;
extern const struct detector_ops detector_enumeration, detector_full_scan, detector_change_feed, detector_slow_leak,
    detector_number_of_documents, detector_mass_deletion;
extern const struct detector_ops detector_data_moved, detector_server_code;
extern const struct detector_ops detector_resource_deletion, detector_backup_weakened;
extern const struct detector_ops detector_logging_impaired;

const struct detector_ops *const detectors_all[] = {
    &detector_bad_address,
    &detector_unusual_place,
    &detector_unusual_application,
    &detector_unusual_principal,
    &detector_unusual_network,
    &detector_refused_access,
    &detector_dormant_account,
    &detector_key_listing,
    &detector_key_reader,
    &detector_key_regenerated,
    &detector_sql_injection,
    &detector_mongo_injection,
    &detector_cql_injection,
    &detector_gremlin_injection,
    &detector_table_injection,
    &detector_query_anomaly,
    &detector_stolen_key,
    &detector_role_granted,
    &detector_volume,
    &detector_slow_leak,
    &detector_full_scan,
    &detector_change_feed,
    &detector_number_of_documents,
    &detector_mass_deletion,
    &detector_enumeration,
    &detector_data_moved,
    &detector_server_code,
    &detector_resource_deletion,
    &detector_backup_weakened,
    &detector_network_opened,
    &detector_logging_impaired,
    &detector_defender,
    NULL,
};
