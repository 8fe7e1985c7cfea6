// The agent's uploads beside those of Microsoft's ingestion client: the same request on the wire, the same rows stored.
//
//   node ingestion-wire.cjs path-to-cosmowatch       (run.sh sets NODE_PATH, NODE_EXTRA_CA_CERTS, CONFORMANCE_DIR)
'use strict';
const assert = require('assert');
const fs = require('fs');
const path = require('path');
const { spawnSync } = require('child_process');
const { ClientSecretCredential } = require('@azure/identity');
const { LogsIngestionClient } = require('@azure/monitor-ingestion');
const { start, dir } = require('./simulator.cjs');

const TENANT = '11111111-1111-1111-1111-111111111111';
const APP = '22222222-2222-2222-2222-222222222222';
const SECRET = 's3cr~t&=+';
const RULE = 'dcr-00000000000000000000000000000001';
const STREAM = 'Custom-CosmosWatchAlerts';
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function columns() {
  const file = path.join(__dirname, '..', '..', 'packaging', 'azure', 'dcr.json');
  return JSON.parse(fs.readFileSync(file, 'utf8')).variables.columns.custom
    .map((c) => [c.name, c.type === 'boolean' ? 'bool' : c.type]);
}

// What a service could tell two senders apart by; not who they say they are, nor their ids and tokens.
function shape(request) {
  const h = Object.fromEntries(Object.entries(request.headers).map(([k, v]) => [k.toLowerCase(), v]));
  const url = new URL(request.path, 'http://x');
  return {
    method: request.method,
    path: url.pathname,
    query: [...url.searchParams].sort(),
    type: h['content-type'].split(';')[0].trim(),
    encoding: h['content-encoding'],
    authorization: h.authorization.split(' ')[0],
    hasLength: /^[0-9]+$/.test(h['content-length'] ?? ''),
    isChunked: (h['transfer-encoding'] ?? '') !== '',
    hasRequestId: GUID.test(h['x-ms-client-request-id'] ?? ''),
    status: request.status,
  };
}

async function main() {
  const sim = await start();
  try {
    await sim.control('dcrs', { id: RULE, streams: { [STREAM]: { table: 'CosmosWatchAlerts_CL', columns: columns() } } });
    const config = path.join(dir, 'ingestion-wire.yaml');
    fs.writeFileSync(config, JSON.stringify({ outputs: [{
      name: 'sentinel', type: 'sentinel', endpoint: sim.http, rule: RULE,
      auth: { type: 'client_secret', tenant: TENANT, client_id: APP, client_secret: '${env:SECRET}', authority: sim.http },
    }] }), { mode: 0o600 });
    const run = spawnSync(process.argv[2], ['outputs', 'test', '-c', config], { env: { ...process.env, SECRET }, encoding: 'utf8' });
    assert.strictEqual(run.status, 0, run.stdout + run.stderr);
    const uploads = async () => (await sim.control('requests')).filter((r) => r.path.includes('/streams/'));
    const ours = (await sim.control('ingested')).filter((c) => c.rows.length > 0);
    const ourRequest = (await uploads()).at(-1);
    const credential = new ClientSecretCredential(TENANT, APP, SECRET, { authorityHost: sim.https, disableInstanceDiscovery: true });
    await new LogsIngestionClient(sim.https, credential).upload(RULE, STREAM, ours[0].rows);
    const theirs = (await sim.control('ingested')).at(-1);
    const theirRequest = (await uploads()).at(-1);
    assert.notStrictEqual(ourRequest.n, theirRequest.n);
    assert.deepStrictEqual(shape(ourRequest), shape(theirRequest));
    assert.deepStrictEqual(ours[0].stored, theirs.stored);
    assert.deepStrictEqual(ours[0].dropped_columns, []);
    console.log('the same request and the same rows as Microsoft\'s ingestion client');
  } finally {
    await sim.stop();
  }
}

main().catch((e) => {
  console.log(`FAIL ${e.stack}`);
  process.exitCode = 1;
});
