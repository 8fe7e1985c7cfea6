"""One line a finding, as packaging/test/run counts them.

SPDX-License-Identifier: Apache-2.0
"""


def ok(what, claim=True, said=""):
    print("%s  %s" % ("ok  " if claim else "FAIL", what), flush=True)
    if not claim:
        print("      " + str(said).replace("\n", "\n      "), flush=True)
