// Start the simulated Azure as a process of its own and steer it.
'use strict';
const { spawn } = require('child_process');
const fs = require('fs');
const path = require('path');

const dir = process.env.CONFORMANCE_DIR || '.';

async function start(extra = []) {
  const ports = path.join(dir, `ports-${process.pid}.json`);
  fs.rmSync(ports, { force: true });
  const child = spawn(process.env.PYTHON || 'python3', ['-m', 'sim', '--tls-cert', path.join(dir, 'server.pem'),
    '--tls-key', path.join(dir, 'server.key'), '--port-file', ports, ...extra],
  { env: { ...process.env, PYTHONPATH: path.join(__dirname, '..') }, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  await new Promise((resolve, reject) => {
    child.stderr.on('data', (d) => {
      log += d;
      if (log.includes('simulator listens:')) resolve();
    });
    child.on('exit', (c) => reject(new Error(`the simulator ended (${c}): ${log}`)));
  });
  const p = JSON.parse(fs.readFileSync(ports, 'utf8'));
  fs.rmSync(ports, { force: true });
  const http = `http://127.0.0.1:${p.http}`;
  return {
    http,
    https: `https://localhost:${p.https}`,
    log: () => log,
    async control(what, data, method) {
      const r = await fetch(`${http}/_control/${what}`, data === undefined && !method ? {} :
        { method: method || 'POST', body: data === undefined ? undefined : JSON.stringify(data) });
      const body = await r.json();
      if (!r.ok) throw Object.assign(new Error(`${what}: ${body.error}`), { body, status: r.status });
      return body;
    },
    stop: () => new Promise((resolve) => { child.removeAllListeners('exit'); child.on('exit', resolve); child.kill(); }),
  };
}

module.exports = { start, dir };
