#!/bin/sh
# Every format against readers that share no code with the writers: JSON Schemas, a CEF and a LEEF reader in
# Python, and liblognorm's CEF reader.
#
#   tests/conformance/formats/run.sh [DIR]
#
# Needs (Debian): check python3-jsonschema; liblognorm-utils for the CEF reader, which is left out, loudly, when
# it is not there. The documents are made by a unit test and stay in DIR (build/conformance-formats).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
dir=${1:-$root/build/conformance-formats}
python=${PYTHON:-/usr/bin/python3}
[ -x "$python" ] || python=python3

"$python" -c 'import jsonschema' 2>/dev/null || { echo "needs python3-jsonschema"; exit 2; }
rm -rf "$dir"
mkdir -p "$dir"
cd "$root"
make -s build/unit/test_encode_documents
CK_VERBOSITY=silent ENCODE_DUMP_DIR="$dir" build/unit/test_encode_documents
exec "$python" "$here/check.py" "$dir"
