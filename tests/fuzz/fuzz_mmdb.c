/* fuzz_mmdb - any bytes as a file of places (.mmdb), opened, asked, and opened anew.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/places.h"
#include "tests/fuzz/fuzz.h"

/* libmaxminddb 1.7 forgets memory of its own when a file's description ends too early (read_metadata). */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libmaxminddb.so";
}

FUZZ_TARGET(mmdb)
{
    static const struct slice addresses[] = { SL("203.0.113.7"), SL("198.51.100.1"), SL("2001:db8::1"), SL("::"),
                                              SL("255.255.255.255"), SL("no address") };
    const char *path = fuzz_file("places.mmdb", slice_make((const char *)data, size));
    struct places *p = places_new();
    struct error err = { 0 };
    struct place place;
    char room[PLACE_TEXT_MAX];

    PROMISE(p);
    if (places_add_database(p, path, PLACES_NOW, &err) < 0)
        PROMISE(err.code != ERR_NONE);
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        places_find(p, NULL, addresses[i], SL(""), &place);
        PROMISE(place.country && place.city && place.org && place.source && place.network);
        fuzz_touch(slice_of(place.country));
        fuzz_touch(slice_of(place.city));
        fuzz_touch(slice_of(place.org));
        fuzz_touch(place_text(&place, room));
    }
    fuzz_done_or_told(places_refresh(p, &err), &err);
    places_free(p);
    return 0;
}
