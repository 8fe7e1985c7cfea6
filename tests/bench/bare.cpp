/* bare.cpp - see bare.h.
 * SPDX-License-Identifier: Apache-2.0 */
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <cstring>
#include <new>

#include "tests/bench/bare.h"

namespace sj = simdjson;

struct bare {
    sj::dom::parser dom;
    sj::ondemand::parser ondemand;
};

extern "C" struct bare *bare_new(void)
{
    return new (std::nothrow) bare();
}

extern "C" void bare_free(struct bare *b)
{
    delete b;
}

extern "C" const char *bare_kernel(void)
{
    static char name[32];

    std::strncpy(name, sj::get_active_implementation()->name().c_str(), sizeof name - 1);
    return name;
}

static uint64_t bits(double d)
{
    uint64_t v;

    std::memcpy(&v, &d, sizeof v);
    return v;
}

extern "C" uint64_t bare_dom(struct bare *b, const char *at, size_t len)
{
    sj::dom::element doc;
    sj::dom::array tables;
    uint64_t sum = 1;

    if (b->dom.parse(reinterpret_cast<const uint8_t *>(at), len, false).get(doc) ||
        doc["tables"].get(tables))
        return 0;
    for (auto table : tables) {
        sj::dom::array rows;

        if (table["rows"].get(rows))
            return 0;
        for (auto row : rows) {
            sj::dom::array cells;

            if (row.get(cells))
                return 0;
            for (auto cell : cells) {
                switch (cell.type()) {
                case sj::dom::element_type::STRING: {
                    std::string_view text;

                    if (cell.get(text))
                        return 0;
                    sum += text.size();
                    break;
                }
                case sj::dom::element_type::INT64: {
                    int64_t n;

                    if (cell.get(n))
                        return 0;
                    sum += static_cast<uint64_t>(n);
                    break;
                }
                case sj::dom::element_type::DOUBLE: {
                    double d;

                    if (cell.get(d))
                        return 0;
                    sum += bits(d);
                    break;
                }
                default:
                    sum++;
                }
            }
        }
    }
    return sum;
}

extern "C" uint64_t bare_ondemand(struct bare *b, const char *at, size_t len)
{
    sj::ondemand::document doc;
    sj::ondemand::array tables;
    uint64_t sum = 1;

    if (b->ondemand.iterate(sj::padded_string_view(at, len, len + sj::SIMDJSON_PADDING)).get(doc) ||
        doc["tables"].get_array().get(tables))
        return 0;
    for (auto table : tables) {
        sj::ondemand::array rows;

        if (table["rows"].get_array().get(rows))
            return 0;
        for (auto row : rows) {
            sj::ondemand::array cells;

            if (row.get_array().get(cells))
                return 0;
            for (auto cell : cells) {
                sj::ondemand::value v;
                sj::ondemand::json_type type;

                if (cell.get(v) || v.type().get(type))
                    return 0;
                if (type == sj::ondemand::json_type::string) {
                    std::string_view text;

                    if (v.get_string().get(text))
                        return 0;
                    sum += text.size();
                } else if (type == sj::ondemand::json_type::number) {
                    sj::ondemand::number n;

                    if (v.get_number().get(n))
                        return 0;
                    sum += n.is_int64() ? static_cast<uint64_t>(n.get_int64()) : bits(n.as_double());
                } else {
                    sum++;
                }
            }
        }
    }
    return sum;
}
