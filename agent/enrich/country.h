/* country.h - one spelling for a country, whoever names it.
 *
 * The workspace says "Netherlands", a .mmdb says "NL", the operator may say either. Compared as texts they
 * would make a new country of an old one on the day a second source is added. Hence ISO 3166-1 alpha-2
 * codes inside, English names for people.
 * Source: ISO 3166-1; second names as GeoNames, MaxMind and Microsoft write them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_COUNTRY_H
#define COSMOWATCH_COUNTRY_H

#include "base/slice.h"

/* "NL" for "Netherlands", "The Netherlands", "nl"; NULL for what is no country we know. Static. */
const char *country_code(struct slice text);
/* "Netherlands" for "NL"; NULL when unknown. Static. */
const char *country_name(struct slice code);
/* About the middle of it, to the degree: good enough for a dot on a map of the world. False when unknown. */
bool country_middle(struct slice code, double *ret_lat, double *ret_lon);

#endif
