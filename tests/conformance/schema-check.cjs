// Column names and types of results: the simulator's evaluator against Microsoft's parser, query by query
// (columns.kql, one a line). A query that the parser refuses must be refused, and the other way round.
'use strict';
const fs = require('fs');
const path = require('path');
const { start } = require('./simulator.cjs');
const { globals, analyze } = require('./kusto.cjs');

const TABLES = 'let T = datatable(TimeGenerated:datetime, A:string, B:string, N:long, I:int, R:real, D:dynamic, Bo:bool, ' +
  'Ts:timespan, G:guid, Dec:decimal)[]; let U = datatable(TimeGenerated:datetime, A:string, C:string, N:int)[]; ';

(async () => {
  const sim = await start();
  const g = globals({ hidden: false });
  let passed = 0;
  let failed = 0;
  for (const line of fs.readFileSync(path.join(__dirname, 'columns.kql'), 'utf8').split('\n')) {
    if (!line.trim() || line.startsWith('//')) continue;
    const query = TABLES + line;
    const theirs = analyze(query, g);
    const refused = theirs.diagnostics.map((d) => `${d.code} ${d.message}`).join('; ');
    const want = refused ? 'refused' : theirs.columns.map((c) => c.join(':')).join(', ');
    let got;
    let why = '';
    try {
      const r = await sim.control('kql', { query });
      got = r.columns.map((c) => `${c.name}:${c.type}`).join(', ');
    } catch (e) {
      if (!e.body) throw e;
      got = 'refused';
      why = e.message;
    }
    if (got === want) {
      passed++;
      continue;
    }
    failed++;
    console.log(`FAIL ${line}\n  parser    ${want} ${refused}\n  simulator ${got} ${why}`);
  }
  await sim.stop();
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
})();
