/* fuzz_alert - any bytes as a saved alert: what can be read is written as it was read, and can be told.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz_alert.h"

FUZZ_TARGET(alert)
{
    struct slice text = slice_make((const char *)data, size);
    struct buf first = BUF_INIT((size_t)8 << 20), second = BUF_INIT((size_t)8 << 20);
    struct alert *a = NULL, *back = NULL;
    struct error err = { 0 };
    char *exact = fuzz_padded(text, 0);

    if (alert_load(slice_make(exact, size), &a, &err) == 0) {
        PROMISE(a->type && a->account && a->subject && a->resource_id && a->detector && a->variant);
        PROMISE(alert_save(a, &first, &err) == 0);
        PROMISE(alert_load(buf_slice(&first), &back, &err) == 0);
        PROMISE(alert_save(back, &second, &err) == 0);
        PROMISE(slice_eq(buf_slice(&first), buf_slice(&second)));
        fuzz_check_formats(a);
    } else {
        PROMISE(!a && err.code != ERR_NONE);
    }
    free(exact);
    alert_free(a);
    alert_free(back);
    buf_release(&first);
    buf_release(&second);
    return 0;
}
