// What the webhook output signs, checked by those who wrote the standard and by node's own HMAC.
//
//   node webhook-check.cjs path-to-cosmowatch
//
// SPDX-License-Identifier: Apache-2.0
'use strict';

const { execFile } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { Webhook } = require('standardwebhooks');

const binary = process.argv[2];
const dir = process.env.CONFORMANCE_DIR;
const secret = 'whsec_' + crypto.randomBytes(32).toString('base64');
const key = crypto.randomBytes(20).toString('hex');
const requests = [];

function fail(text) {
    console.error('webhook: ' + text);
    process.exitCode = 1;
}

function refused(webhook, body, headers) {
    try {
        webhook.verify(body, headers);
        return false;
    } catch {
        return true;
    }
}

function judge() {
    const posts = requests.filter((r) => r.method === 'POST');
    if (posts.length !== 1)
        return fail(`${posts.length} requests came`);
    const { headers, body } = posts[0];
    const webhook = new Webhook(secret);
    try {
        webhook.verify(body, headers);
    } catch (e) {
        return fail('the signature is refused: ' + e.message);
    }
    // The judge can say no.
    if (!refused(webhook, body + ' ', headers) || !refused(webhook, body, { ...headers, 'webhook-id': 'another' }))
        return fail('the judge takes anything');
    const mac = crypto.createHmac('sha256', key).update(body).digest('hex');
    if (headers['x-hub-signature-256'] !== 'sha256=' + mac)
        return fail('X-Hub-Signature-256 is another');
    console.log('a request of the webhook output: signature and HMAC verified');
}

const server = http.createServer((req, res) => {
    const parts = [];
    req.on('data', (d) => parts.push(d));
    req.on('end', () => {
        requests.push({ method: req.method, headers: req.headers, body: Buffer.concat(parts).toString() });
        res.end('{}');
    });
});

server.listen(0, '127.0.0.1', () => {
    const config = path.join(dir, 'webhook.yaml');
    fs.writeFileSync(config, JSON.stringify({ store: { path: path.join(dir, 'webhook-state') }, outputs: [{
        name: 'hook', type: 'webhook', url: `http://127.0.0.1:${server.address().port}/`,
        signing_secret: '${env:SIGN}', hmac_secret: '${env:HMAC}' }] }), { mode: 0o600 });
    execFile(binary, ['outputs', 'test', '-c', config], { env: { ...process.env, SIGN: secret, HMAC: key } }, (err, out, said) => {
        if (err)
            fail(out + said);
        else
            judge();
        server.close();
    });
});
