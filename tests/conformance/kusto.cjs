// Microsoft's KQL parser with the simulator's table schemas.
'use strict';
const fs = require('fs');
const path = require('path');
require('@kusto/language-service-next/bridge.js');
require('@kusto/language-service-next/Kusto.Language.Bridge.js');

const L = globalThis.Kusto.Language;
const S = L.Symbols;

function quote(name) {
  return /^[A-Za-z][A-Za-z0-9_]*$/.test(name) ? name : `['${name}']`;
}

// hidden: declare the underscore columns too. They exist on every table but come back only when named, so a
// check of queries wants them and a comparison of result columns does not.
function globals({ hidden = true, extra = {} } = {}) {
  const file = path.join(__dirname, '..', 'sim', 'schemas.json');
  const spec = JSON.parse(fs.readFileSync(file, 'utf8'));
  const tables = [];
  for (const [name, t] of Object.entries(spec.tables)) {
    const seen = new Set();
    const cols = [spec.standard[0], ...t.columns, ...spec.standard.slice(1), ...(hidden ? spec.hidden : [])]
      .filter(([c]) => !seen.has(c) && seen.add(c));
    let s = new S.TableSymbol.$ctor7(name, '(' + cols.map(([c, ty]) => `${quote(c)}: ${ty}`).join(', ') + ')', null);
    if (t.open) s = s.WithIsOpen(true);
    tables.push(s);
  }
  for (const [name, schema] of Object.entries(extra)) tables.push(new S.TableSymbol.$ctor7(name, schema, null));
  return L.GlobalState.Default.WithDatabase(new S.DatabaseSymbol.ctor('workspace', tables));
}

// The parser does not know workspace("name").Table of Log Analytics: it is blanked out, same length, so that
// positions stay.
const WORKSPACE = /\bworkspace\(\s*(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')\s*\)\s*\./g;

function analyze(text, g) {
  const query = text.replace(WORKSPACE, (m) => ' '.repeat(m.length));
  const code = L.KustoCode.ParseAndAnalyze(query, g);
  const d = code.GetDiagnostics();
  const diagnostics = [];
  for (let i = 0; i < d.Count; i++) {
    const x = d.getItem(i);
    const upto = query.slice(0, x.Start).split('\n');
    diagnostics.push({
      code: x.Code, severity: x.Severity, message: x.Message,
      line: upto.length, column: upto[upto.length - 1].length + 1, text: query.slice(x.Start, x.Start + x.Length),
    });
  }
  const columns = [];
  const rt = code.ResultType;
  if (rt && rt.Columns) {
    for (let i = 0; i < rt.Columns.Count; i++) {
      const c = rt.Columns.getItem(i);
      columns.push([c.Name, c.Type ? c.Type.Name : '']);
    }
  }
  return { diagnostics, columns, kind: code.Kind };
}

module.exports = { globals, analyze };
