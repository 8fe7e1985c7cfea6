// Microsoft's own clients against the simulated Azure: do they get what they get from the service?
// Needs NODE_PATH and NODE_EXTRA_CA_CERTS (run.sh sets them).
'use strict';
const assert = require('assert');
const fs = require('fs');
const path = require('path');
const { start, dir } = require('./simulator.cjs');
const { ClientSecretCredential, ClientCertificateCredential, WorkloadIdentityCredential, ManagedIdentityCredential } =
  require('@azure/identity');
const logs = require('@azure/monitor-query-logs');
const older = require('@azure/monitor-query');
const { LogsIngestionClient, isAggregateLogsUploadError } = require('@azure/monitor-ingestion');

const TENANT = '11111111-1111-1111-1111-111111111111';
const CLIENT = '22222222-2222-2222-2222-222222222222';
const SECRET = 's3cr~t&=+';
const WORKSPACE = '33333333-3333-3333-3333-333333333333';
const OTHER = '44444444-4444-4444-4444-444444444444';
const DCR = 'dcr-0123456789abcdef0123456789abcdef';
const STREAM = 'Custom-CosmosThreat_CL';
const LA = 'https://api.loganalytics.io/.default';
const MON = 'https://monitor.azure.com/.default';

if (process.argv[2] === 'managed') {      // a process of its own: the environment decides the form
  new ManagedIdentityCredential().getToken(LA).then((t) => console.log(JSON.stringify(t)), (e) => {
    console.log(JSON.stringify({ error: e.message }));
  });
} else {
  main().catch((e) => { console.error(e); process.exit(1); });
}

async function main() {
  const sim = await start();
  let passed = 0;
  let failed = 0;
  const opts = { authorityHost: sim.https, disableInstanceDiscovery: true };
  const secret = () => new ClientSecretCredential(TENANT, CLIENT, SECRET, opts);
  async function test(name, f) {
    await sim.control('reset', {});
    try {
      await f();
      passed++;
    } catch (e) {
      failed++;
      console.log(`FAIL ${name}\n  ${String(e.stack).split('\n').slice(0, 6).join('\n  ')}`);
    }
  }
  const rejects = (p) => p.then(() => { throw new Error('was expected to fail'); }, (e) => e);
  const rows = (n) => Array.from({ length: n }, (_, i) => ({
    table: 'CDBDataPlaneRequests',
    row: { TimeGenerated: new Date(Date.UTC(2026, 7, 20, 10, 0, i)).toISOString(), AccountName: 'CONTOSO', StatusCode: 200,
      ActivityId: `a${i}`, RequestCharge: 1.5 },
  }));
  const fresh = () => new logs.LogsQueryClient(secret(), { endpoint: sim.https + '/v1' });  // a reset forgets tokens
  const DAY = { startTime: new Date('2026-08-20T00:00:00Z'), endTime: new Date('2026-08-21T00:00:00Z') };
  const count = async (what) => (await sim.control(`requests?${what}`)).length;

  // -- tokens ---------------------------------------------------------------------------------------------
  await test('secret, and the token is kept', async () => {
    const c = secret();
    const a = await c.getToken(LA);
    assert.ok(a.token && a.expiresOnTimestamp > Date.now() + 3500e3);
    assert.strictEqual((await c.getToken(LA)).token, a.token);
    assert.strictEqual(await count('path=oauth2/v2.0/token'), 1);
  });
  await test('wrong secret', async () => {
    const e = await rejects(new ClientSecretCredential(TENANT, CLIENT, 'wrong', opts).getToken(LA));
    assert.match(e.message, /AADSTS7000215/);
    assert.strictEqual(await count('path=oauth2/v2.0/token'), 1);
  });
  await test('unknown application, unknown tenant', async () => {
    assert.match((await rejects(new ClientSecretCredential(TENANT, OTHER, SECRET, opts).getToken(LA))).message, /AADSTS700016/);
    const e = await rejects(new ClientSecretCredential(OTHER, CLIENT, SECRET, opts).getToken(LA));
    assert.match(e.message, /endpoints_resolution_error|AADSTS90002/);
  });
  await test('certificate', async () => {
    const both = path.join(dir, 'client-both.pem');
    const cred = () => new ClientCertificateCredential(TENANT, CLIENT, { certificatePath: both }, opts);
    assert.match((await rejects(cred().getToken(MON))).message, /AADSTS700027/);
    await sim.control('apps', { client_id: CLIENT, certificates: [fs.readFileSync(path.join(dir, 'client.pem'), 'utf8')] });
    assert.ok((await cred().getToken(MON)).token);
  });
  await test('workload identity', async () => {
    const file = path.join(dir, 'federated.tok');
    fs.writeFileSync(file, 'FEDERATED.JWT.TOKEN');
    const cred = () => new WorkloadIdentityCredential({ tenantId: TENANT, clientId: CLIENT, tokenFilePath: file, ...opts });
    assert.ok(await rejects(cred().getToken(LA)));
    await sim.control('apps', { client_id: CLIENT, federated: [{ token: 'FEDERATED.JWT.TOKEN' }] });
    assert.ok((await cred().getToken(LA)).token);
  });
  await test('token endpoint throttles with Retry-After', async () => {
    await sim.control('faults', { match: { path: '/oauth2/v2.0/token' },
      action: { status: 429, headers: { 'Retry-After': '1' }, body: { error: 'temporarily_unavailable' } } });
    const t = Date.now();
    assert.ok((await secret().getToken(LA)).token);
    assert.ok(Date.now() - t >= 950);
  });
  const managed = (env) => {
    const clean = { ...process.env };
    for (const k of Object.keys(clean)) if (/^(AZURE|IDENTITY|MSI|IMDS)/.test(k)) delete clean[k];
    return require('util').promisify(require('child_process').execFile)(process.execPath, [__filename, 'managed'],
      { env: { ...clean, ...env } }).then((r) => JSON.parse(r.stdout));
  };
  await test('managed identity: IMDS', async () => {
    const t = await managed({ AZURE_POD_IDENTITY_AUTHORITY_HOST: sim.http });
    assert.ok(t.token, JSON.stringify(t));
    await sim.control('settings', { managed_identity: false });
    assert.match((await managed({ AZURE_POD_IDENTITY_AUTHORITY_HOST: sim.http })).error, /Identity not found|unavailable/i);
  });
  await test('managed identity: 404 is repeated', async () => {
    await sim.control('faults', { match: { path: '/metadata' }, action: { status: 404 } });
    assert.ok((await managed({ AZURE_POD_IDENTITY_AUTHORITY_HOST: sim.http })).token);
  });
  await test('managed identity: App Service', async () => {
    const t = await managed({ IDENTITY_ENDPOINT: sim.http + '/msi/token', IDENTITY_HEADER: 'secretheader' });
    assert.ok(t.token, JSON.stringify(t));
    assert.ok((await managed({ IDENTITY_ENDPOINT: sim.http + '/msi/token', IDENTITY_HEADER: 'wrong' })).error);
  });

  // -- queries --------------------------------------------------------------------------------------------
  await test('values of every type', async () => {
    await sim.control('rows', [...rows(1), { table: 'AzureActivity', row: {
      TimeGenerated: '2026-08-20T10:00:00.1234567Z', Claims_d: { appid: 'x', list: [1, 2] } } }]);
    const r = await fresh().queryWorkspace(WORKSPACE, 'AzureActivity | project TimeGenerated, Claims_d, Caller, n = 5, ' +
      'r = 1.5, t = 90m, g = guid(74be27de-1e4e-49d9-b579-fe0b331d3642), b = true, nul = int(null)', DAY);
    assert.strictEqual(r.status, 'Success');
    const row = r.tables[0].rows[0];
    assert.strictEqual(row[0].toISOString(), '2026-08-20T10:00:00.123Z');
    assert.deepStrictEqual(row.slice(1), [{ appid: 'x', list: [1, 2] }, '', 5, 1.5, '01:30:00',
      '74be27de-1e4e-49d9-b579-fe0b331d3642', true, null]);
    assert.deepStrictEqual(r.tables[0].columnDescriptors.map((c) => c.type),
      ['datetime', 'dynamic', 'string', 'long', 'real', 'timespan', 'guid', 'bool', 'int']);
  });
  await test('options, extra workspaces, time span', async () => {
    await sim.control('rows', [...rows(3), ...rows(2).map((x) => ({ ...x, workspace: OTHER }))]);
    const q = 'CDBDataPlaneRequests | count';
    const r = await fresh().queryWorkspace(WORKSPACE, q, DAY, { additionalWorkspaces: [OTHER], serverTimeoutInSeconds: 60,
      includeQueryStatistics: true, includeVisualization: true });
    assert.strictEqual(r.tables[0].rows[0][0], 5);
    assert.ok(r.statistics && r.visualization);
    const one = await fresh().queryWorkspace(WORKSPACE, q, { startTime: new Date('2026-08-20T10:00:00Z'), duration: 'PT0.5S' });
    assert.strictEqual(one.tables[0].rows[0][0], 1);
  });
  await test('older client', async () => {
    await sim.control('rows', rows(4));
    const c = new older.LogsQueryClient(secret(), { endpoint: sim.https });
    const r = await c.queryWorkspace(WORKSPACE, 'CDBDataPlaneRequests | summarize count() by StatusCode', DAY);
    assert.deepStrictEqual(r.tables[0].rows, [[200, 4]]);
  });
  await test('by resource', async () => {
    const id = '/subscriptions/s/resourceGroups/g/providers/Microsoft.DocumentDB/databaseAccounts/a';
    await sim.control('rows', rows(2).map((x, i) => ({ ...x, row: { ...x.row, _ResourceId: i ? id.toLowerCase() : '/other' } })));
    const r = await fresh().queryResource(id, 'CDBDataPlaneRequests | project ActivityId', DAY);
    assert.deepStrictEqual(r.tables[0].rows, [['a1']]);
  });
  await test('batch', async () => {
    const c = new older.LogsQueryClient(secret(), { endpoint: sim.https });
    const r = await c.queryBatch([{ workspaceId: WORKSPACE, query: 'print x = 1', timespan: DAY },
      { workspaceId: WORKSPACE, query: 'nope', timespan: DAY }]);
    assert.deepStrictEqual([r[0].status, r[0].tables[0].rows, r[1].status], ['Success', [[1]], 'Failure']);
  });
  await test('partial result', async () => {
    await sim.control('rows', rows(10));
    await sim.control('settings', { row_cap: 4 });
    const r = await fresh().queryWorkspace(WORKSPACE, 'CDBDataPlaneRequests', DAY);
    assert.strictEqual(r.status, 'PartialFailure');
    assert.strictEqual(r.partialTables[0].rows.length, 4);
    assert.strictEqual(r.partialError.code, 'PartialError');
  });
  await test('semantic error, unknown workspace, no access', async () => {
    let e = await rejects(fresh().queryWorkspace(WORKSPACE, 'NoSuchTable | take 1', DAY));
    assert.strictEqual(e.statusCode, 400);
    assert.strictEqual(e.code, 'BadArgumentError');
    assert.match(JSON.stringify(e.details), /SEM0100/);
    e = await rejects(fresh().queryWorkspace('55555555-5555-5555-5555-555555555555', 'print 1', DAY));
    assert.strictEqual(e.statusCode, 404);
    await sim.control('apps', { client_id: CLIENT, workspaces: [] });
    e = await rejects(new logs.LogsQueryClient(secret(), { endpoint: sim.https + '/v1' }).queryWorkspace(WORKSPACE, 'print 1', DAY));
    assert.strictEqual(e.code, 'InsufficientAccessError');
  });
  await test('wrong audience', async () => {
    const c = new logs.LogsQueryClient({ getToken: () => secret().getToken(MON) }, { endpoint: sim.https + '/v1' });
    assert.strictEqual((await rejects(c.queryWorkspace(WORKSPACE, 'print 1', DAY))).code, 'InvalidAuthenticationTokenAudience');
  });
  await test('429 with Retry-After', async () => {
    await sim.control('faults', { match: { path: '/query' }, action: { status: 429, headers: { 'Retry-After': '1' },
      body: { error: { code: 'ThrottledError', message: 'm' } } } });
    const t = Date.now();
    const r = await fresh().queryWorkspace(WORKSPACE, 'print x = 1', DAY);
    assert.deepStrictEqual(r.tables[0].rows, [[1]]);
    assert.ok(Date.now() - t >= 950);
    assert.strictEqual(await count('path=/query'), 2);
  });
  await test('503 with Retry-After, 500 without, a dropped and a reset connection', async () => {
    for (const action of [{ status: 503, headers: { 'Retry-After': '1' } }, { status: 500 }, { close: true }, { reset: true }]) {
      await sim.control('faults', { match: { path: '/query' }, action });
      assert.deepStrictEqual((await fresh().queryWorkspace(WORKSPACE, 'print x = 1', DAY)).tables[0].rows, [[1]],
        JSON.stringify(action));
    }
  });
  await test('cut answer', async () => {
    await sim.control('rows', rows(50));
    await sim.control('faults', { match: { path: '/query' }, count: 9, action: { cut_after: 40, no_gzip: true } });
    assert.ok(await rejects(fresh().queryWorkspace(WORKSPACE, 'CDBDataPlaneRequests', DAY)));
  });
  await test('gzip of a big answer', async () => {
    await sim.control('rows', rows(5000));
    const r = await fresh().queryWorkspace(WORKSPACE, 'CDBDataPlaneRequests', DAY);
    assert.strictEqual(r.tables[0].rows.length, 5000);
  });

  // -- ingestion ------------------------------------------------------------------------------------------
  const ingest = () => new LogsIngestionClient(sim.https, secret());
  const alerts = (n, size = 10) => Array.from({ length: n }, (_, i) => ({
    TimeGenerated: new Date().toISOString(), AlertId: `a${i}`, Text: 'x'.repeat(size) }));
  const stored = async () => (await sim.control('ingested')).flatMap((x) => x.rows.map((r) => r.AlertId));
  await test('upload', async () => {
    await ingest().upload(DCR, STREAM, alerts(3));
    assert.deepStrictEqual(await stored(), ['a0', 'a1', 'a2']);
    const r = await sim.control('kql', { query: 'CosmosThreat_CL | count' });
    assert.deepStrictEqual(r.rows, [[3]]);
  });
  await test('upload in pieces', async () => {
    await ingest().upload(DCR, STREAM, alerts(2500, 900));
    assert.strictEqual(new Set(await stored()).size, 2500);
    assert.ok((await sim.control('ingested')).length >= 3);
  });
  await test('upload: 429 and 503 are repeated', async () => {
    for (const action of [{ status: 429, headers: { 'Retry-After': '1' } }, { status: 503 }]) {
      await sim.control('faults', { match: { path: '/dataCollectionRules' }, action });
      await ingest().upload(DCR, STREAM, alerts(1));
    }
    assert.strictEqual((await stored()).length, 2);
  });
  await test('upload: refusals', async () => {
    const why = async (dcr, stream) => {
      const e = await rejects(ingest().upload(dcr, stream, alerts(1)));
      assert.ok(isAggregateLogsUploadError(e), e);
      return [e.errors[0].cause.statusCode, e.errors[0].cause.code, e.errors[0].failedLogs.length];
    };
    assert.deepStrictEqual(await why('dcr-x', STREAM), [404, 'NotFound', 1]);
    assert.deepStrictEqual(await why(DCR, 'Custom-Nope'), [400, 'InvalidStream', 1]);
    await sim.control('settings', { ingestion_cap: 60 });
    assert.deepStrictEqual(await why(DCR, STREAM), [413, 'ContentLengthLimitExceeded', 1]);
    await sim.control('settings', { ingestion_cap: 1048576 });
    await sim.control('apps', { client_id: CLIENT, dcrs: [] });
    assert.deepStrictEqual(await why(DCR, STREAM), [403, 'OperationFailed', 1]);
    await sim.control('apps', { client_id: CLIENT, dcrs: ['*'] });
    await sim.control('faults', { match: { path: '/dataCollectionRules' }, action: { status: 200 } });
    assert.strictEqual((await why(DCR, STREAM))[0], 200);
  });

  await sim.stop();
  const errors = sim.log().split('\n').filter((l) => /Traceback|SimulatorError/.test(l));
  if (errors.length) {
    failed++;
    console.log(`FAIL the simulator complained:\n${sim.log()}`);
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}
