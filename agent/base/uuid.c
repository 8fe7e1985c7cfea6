/* uuid.c - see uuid.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include "base/services.h"

#include <openssl/err.h>
#include <openssl/evp.h>

static void uuid_format(uint8_t id[16], unsigned version, char out[37])
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;

    id[6] = (uint8_t)((id[6] & 0x0fu) | version << 4);
    id[8] = (uint8_t)((id[8] & 0x3fu) | 0x80u);
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[n++] = '-';
        out[n++] = hex[id[i] >> 4];
        out[n++] = hex[id[i] & 0x0f];
    }
    out[n] = '\0';
}

/* SHA-1 is what RFC 9562 asks for; nothing here relies on it being hard to collide. */
bool uuid_v5(const uint8_t ns[16], struct slice name, char out[37])
{
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    uint8_t digest[EVP_MAX_MD_SIZE];
    bool ok = sha && EVP_DigestInit_ex(sha, EVP_sha1(), NULL) == 1 && EVP_DigestUpdate(sha, ns, 16) == 1 &&
              EVP_DigestUpdate(sha, name.at, name.len) == 1 && EVP_DigestFinal_ex(sha, digest, NULL) == 1;

    EVP_MD_CTX_free(sha);
    if (ok)
        uuid_format(digest, 5, out);
    else
        ERR_clear_error(); /* nobody else is to find it: a TLS connection of this thread would take it for its own */
    return ok;
}

void uuid_v4(const struct services *sv, char out[37])
{
    uint8_t id[16];

    sv_random(sv, id, sizeof(id));
    uuid_format(id, 4, out);
}

bool uuid_is_valid(struct slice s)
{
    if (s.len != 36)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool is_hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

        if (i == 8 || i == 13 || i == 18 || i == 23 ? c != '-' : !is_hex)
            return false;
    }
    return true;
}
