#!/bin/sh
# syslog-ng as a foreign reader of our syslog. Its package excludes rsyslog's, so it is unpacked beside it, not installed.
#
#   tests/conformance/syslog-ng.sh AGENT [DIR]
#
# COSMOWATCH_SYSLOG_NG names a folder where it is unpacked already; else it is fetched with apt-get download into DIR
# (build/syslog-ng). Skipped, loudly, where neither is possible.
# SPDX-License-Identifier: Apache-2.0
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
agent=$1
dir=${COSMOWATCH_SYSLOG_NG:-${2:-$root/build/syslog-ng}}

skip() { echo "SKIPPED syslog-ng: $1"; exit 0; }

if [ ! -x "$dir/usr/sbin/syslog-ng" ]; then
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || skip "no apt-get here to fetch it with"
    mkdir -p "$dir"
    (cd "$dir" && apt-get download -q syslog-ng-core libivykis0 libnet1 libwrap0 >apt.log 2>&1) ||
        skip "it cannot be downloaded: $(tail -n 1 "$dir/apt.log")"
    for deb in "$dir"/*.deb; do
        dpkg -x "$deb" "$dir"
    done
fi
COSMOWATCH=$agent COSMOWATCH_SYSLOG_NG=$dir PYTHONPATH=$root/tests /usr/bin/python3 -m pytest -q -p no:cacheprovider \
    "$root/tests/flow/test_syslog.py" -k syslog_ng -rs
