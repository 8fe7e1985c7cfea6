/* fuzz_encode - any bytes in every place of an alert that a row can write to: each format is read back, and none has other
 * keys than for a plain text. SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/fuzz_alert.h"

FUZZ_TARGET(encode)
{
    struct alert *a = fuzz_alert_with(slice_make((const char *)data, size));

    fuzz_check_formats(a);
    alert_free(a);
    return 0;
}
