/* kept_trust.c - see kept_trust.h. SPDX-License-Identifier: Apache-2.0 */
#include "kept_trust.h"

#include "enrich/trusted.h"
#include "store/store.h"

#define TEXT_MAX (16u << 20)

int kept_trust_load(struct store *store, const struct trusted *t, struct error *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);
    bool found = false;

    if (trusted_len(t) == 0)
        return 0;
    if (store_get_blob(store, STORE_BLOB_TRUSTED, &text, &found, err) < 0)
        return -1;
    trusted_load(t, buf_slice(&text));
    return 0;
}

int kept_trust_save(struct store *store, const struct trusted *t, struct error *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);

    if (!trusted_has_news(t))
        return 0;
    trusted_save(t, &text);
    return buf_check(&text, err) < 0 ? -1 : store_put_blob(store, STORE_BLOB_TRUSTED, buf_slice(&text), err);
}
