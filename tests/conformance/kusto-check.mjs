// Check KQL texts with Microsoft's parser against the simulator's schemas.
//
//   node kusto-check.mjs [FILE]        JSON lines {"name": ..., "query": ...}; standard input without FILE
//
// A query passes when the parser has nothing at all to say about it. Needs NODE_PATH to hold
// @kusto/language-service-next (run.sh sets it).
import fs from 'fs';
import { createRequire } from 'module';

const require = createRequire(import.meta.url);
const { globals, analyze } = require('./kusto.cjs');

const text = fs.readFileSync(process.argv[2] ?? 0, 'utf8');
const g = globals();
let passed = 0;
let failed = 0;
let n = 0;
for (const line of text.split('\n')) {
  n++;
  if (!line.trim()) continue;
  let item;
  try {
    item = JSON.parse(line);
    if (typeof item.query !== 'string') throw new Error('no "query"');
  } catch (e) {
    console.log(`FAIL line ${n}: ${e.message}`);
    failed++;
    continue;
  }
  const r = analyze(item.query, g);
  if (r.kind !== 'Query') r.diagnostics.push({ code: r.kind, line: 1, column: 1, message: 'not a query', text: '' });
  if (item.query.trim() === '') r.diagnostics.push({ code: 'empty', line: 1, column: 1, message: 'empty query', text: '' });
  if (r.diagnostics.length === 0) {
    passed++;
    continue;
  }
  failed++;
  console.log(`FAIL ${item.name ?? 'line ' + n}`);
  for (const d of r.diagnostics) {
    console.log(`  ${d.line}:${d.column} ${d.code}: ${d.message}${d.text ? ` [${d.text.split('\n')[0]}]` : ''}`);
  }
}
if (passed + failed === 0) {
  console.log('no query was given');
  failed = 1;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
