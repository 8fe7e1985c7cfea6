#!/bin/sh
# Microsoft's clients against the simulated Azure, and Microsoft's KQL parser on the agent's queries.
#
#   tests/conformance/run.sh [path-to-cosmowatch]
#
# Needs node, npm (a registry that it can reach, or a filled cache), openssl and python3. Everything that is made
# lands in build/conformance (or $CONFORMANCE_DIR). With a binary given, `BINARY queries --json` is checked too;
# $COSMOWATCH_QUERIES_ARGS replaces "-c tests/conformance/queries.yaml" in it; so are the queries of the alert types.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
dir=${CONFORMANCE_DIR:-$root/build/conformance}
python=${PYTHON:-/usr/bin/python3}
[ -x "$python" ] || python=python3
binary=${1:-}
mkdir -p "$dir"

if ! cmp -s "$here/package.json" "$dir/package.json" || [ ! -d "$dir/node_modules/@kusto" ]; then
    cp "$here/package.json" "$dir/package.json"
    (cd "$dir" && npm install --no-audit --no-fund --no-package-lock --loglevel=error)
fi

if [ ! -f "$dir/server.pem" ] || ! openssl x509 -checkend 86400 -noout -in "$dir/server.pem" >/dev/null; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
        -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' \
        -keyout "$dir/server.key" -out "$dir/server.pem" 2>/dev/null
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=client \
        -keyout "$dir/client.key" -out "$dir/client.pem" 2>/dev/null
    cat "$dir/client.key" "$dir/client.pem" >"$dir/client-both.pem"
fi

failed=0
export NODE_PATH="$dir/node_modules" NODE_EXTRA_CA_CERTS="$dir/server.pem"

echo '== Azure clients against the simulator'
CONFORMANCE_DIR=$dir PYTHON=$python node "$here/clients.cjs" || failed=1

echo '== the evaluator against the KQL parser: names and types of columns'
CONFORMANCE_DIR=$dir PYTHON=$python node "$here/schema-check.cjs" || failed=1

echo '== KQL: queries that the parser must accept, and ones that it must not'
node "$here/kusto-check.mjs" "$here/good.jsonl" || failed=1
if node "$here/kusto-check.mjs" "$here/bad.jsonl" >"$dir/bad.out" 2>&1; then failed=1; fi
if ! grep -q '^0 passed' "$dir/bad.out"; then
    echo 'a query of bad.jsonl was accepted:'
    cat "$dir/bad.out"
    failed=1
else
    echo "$(grep -c . "$here/bad.jsonl") wrong queries refused"
fi

echo '== KQL: the analytics rule and the workbook'
PYTHONPATH=$root/tests "$python" -m flow.templates >"$dir/templates.jsonl" || failed=1
node "$here/kusto-check.mjs" "$dir/templates.jsonl" || failed=1

if [ -n "$binary" ]; then
    echo "== $binary beside Microsoft's ingestion client"
    CONFORMANCE_DIR=$dir PYTHON=$python node "$here/ingestion-wire.cjs" "$binary" || failed=1

    echo "== what $binary signs, before the library of Standard Webhooks"
    CONFORMANCE_DIR=$dir node "$here/webhook-check.cjs" "$binary" || failed=1

    echo "== KQL: what $binary sends"
    # shellcheck disable=SC2086  # the arguments are a list
    if "$binary" queries --json ${COSMOWATCH_QUERIES_ARGS:--c $here/queries.yaml} >"$dir/queries.jsonl" &&
        "$binary" queries --alerts --json >>"$dir/queries.jsonl"; then
        node "$here/kusto-check.mjs" "$dir/queries.jsonl" || failed=1
    else
        echo "$binary queries --json failed"
        failed=1
    fi
fi
exit $failed
