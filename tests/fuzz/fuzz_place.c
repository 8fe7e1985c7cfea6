/* fuzz_place - any bytes as what a row says about an address: where it is (the workspace's words), and the address itself.
 * The first line is the address. SPDX-License-Identifier: Apache-2.0 */
#include "enrich/enrich.h"
#include "enrich/places.h"
#include "enrich/prefix.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(place)
{
    char *exact = fuzz_padded(slice_make((const char *)data, size), 0);
    struct slice rest = slice_make(exact, size), address = { 0 };
    struct places *p = places_new();
    struct place place;
    char room[PLACE_TEXT_MAX];

    PROMISE(p);
    (void)slice_split(&rest, '\n', &address);
    places_find(p, NULL, address, rest, &place);
    PROMISE(place.country && place.city && place.org && place.source && place.network);
    fuzz_touch(place_text(&place, room));
    (void)enrich_is_private(address);
    places_free(p);
    free(exact);
    return 0;
}
