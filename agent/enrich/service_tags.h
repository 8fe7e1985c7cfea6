/* service_tags.h - Microsoft's list of which addresses are whose in Azure: "Azure IP Ranges and Service Tags", the weekly
 * file ServiceTags_Public_<date>.json (and those of the other clouds).
 *
 * Format: one object with `values`, each a tag: `name` ("AzureCosmosDB.WestEurope"), `properties.region` ("westeurope",
 * empty for the tag of all regions), `properties.systemService` (empty for AzureCloud, what customers rent) and
 * `properties.addressPrefixes`, IPv4 and IPv6. The same range stands under several tags.
 * Source: the published file and Get-AzNetworkServiceTag of Az.Network, as read in 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SERVICE_TAGS_H
#define COSMOWATCH_SERVICE_TAGS_H

#include "enrich/networks.h"

#define SERVICE_TAG_TEXT_MAX 128 /* bytes of a name, of "Azure <region>"; what is longer is cut */

/* Could service_tags_parse() have made the text: short enough, no control bytes? */
bool service_tag_text_is_sound(struct slice text);

/* A table in which, of equal ranges, the most telling tag comes first: a service's in a region, a service's, a region's.
 * ERR_INPUT: not this format at all. A prefix that is none is reported and left out. */
MUST_CHECK int service_tags_parse(struct slice bytes, struct network_table **ret, struct feed_report *report,
                                  struct error *err);

#endif
