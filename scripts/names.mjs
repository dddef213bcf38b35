// Writes docs/names.md: what users of PyTorch, JAX and NumPy look for, and what it is called here, from docs/names.json.
//
//   node scripts/names.mjs [--check] [folder, default .]
//
// A row of the data is [PyTorch, JAX, NumPy, ours, note]. `ours` is a list of names as the reference has them (`Tensor.sum`, `sum`,
// `random.normal`, `nn.Linear`); null where there is nothing yet; empty where nothing is needed, as the note says. With --check
// nothing is written: prints names that do not exist, rows without a name that could have one by now, and whether the table is up to date,
// and exits with 1 if there is anything to print.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { reference } from './reference.mjs';

/** Every name that a row may have, as users write them. */
export function knownNames({ exported, methods }) {
  const names = new Set([...methods].map((name) => `Tensor.${name}`));
  for (const [entry, list] of exported)
    for (const name of list) names.add(entry === 'nabla' ? name : `${entry.replace('nabla/', '')}.${name}`);
  return names;
}

/** Where names of the libraries would be found here. */
const places = [
  [/^(?:torch|jnp|np|lax)\.(\w+)$/, ['', 'Tensor.']],
  [/^(?:torch|jnp|np)\.linalg\.(\w+)$/, ['linalg.', 'Tensor.']],
  [/^(?:torch|jnp|np)\.fft\.(\w+)$/, ['fft.']],
  [/^(?:torch\.special|jax\.scipy\.special)\.(\w+)$/, ['', 'Tensor.', 'special.']],
  [/^torch\.nn\.(?:functional\.|utils\.)?(\w+)$/, ['nn.', 'nn.functions.', 'optim.']],
  [/^torch\.nn\.init\.(\w+)$/, ['nn.init.']],
  [/^torch\.optim\.(?:lr_scheduler\.)?(\w+)$/, ['optim.', 'train.']],
  [/^jax\.random\.(\w+)$/, ['random.']],
  [/^jax\.(\w+)$/, ['']],
];

/** What a name of a library would be called here: `torch.linalg.matrix_rank` is `linalg.matrixRank` or `Tensor.matrixRank`. */
function candidates(name) {
  for (const [pattern, prefixes] of places) {
    const word = name.match(pattern)?.[1];
    if (word === undefined) continue;
    const camelCase = word.replace(/_+$/, '').replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
    return prefixes.map((prefix) => prefix + camelCase);
  }
  return [];
}

/** What is wrong with the data, in words. */
function problemsOf(groups, known) {
  const problems = [];
  for (const { title, rows } of groups)
    for (const [torch, jax, numpy, ours, note] of rows) {
      const row = `names.json, ${title}, ${torch || jax || numpy}`;
      if (!torch && !jax && !numpy) problems.push(`${row}: no library has a name`);
      for (const name of ours ?? []) if (!known.has(name)) problems.push(`${row}: there is no ${name}`);
      if (ours?.length === 0 && !note) problems.push(`${row}: neither a name nor a note`);
      if (ours !== null) continue;
      const found = [...new Set([torch, jax, numpy].flatMap(candidates))].filter((name) => known.has(name));
      if (found.length > 0) problems.push(`${row} is not missing any more: there is ${found.join(', ')}`);
    }
  return problems;
}

const shown = (name) => (name ? `\`${name.replaceAll('|', '\\|')}\`` : '');
/** `Tensor.sum` as `x.sum`, as one calls it. */
const called = (name) => shown(name.replace(/^Tensor\./, 'x.'));

/** The table as Markdown. */
function table(groups) {
  const parts = groups.map(({ title, rows }) => {
    const lines = rows.map(([torch, jax, numpy, ours, note]) => {
      const names = ours === null ? 'not yet' : ours.map(called).join(', ');
      const cell = [names, note].filter(Boolean).join('; ');
      return `| ${shown(torch)} | ${shown(jax)} | ${shown(numpy)} | ${cell} |`;
    });
    return `## ${title}\n\n| PyTorch | JAX | NumPy, SciPy | nabla |\n| --- | --- | --- | --- |\n${lines.join('\n')}\n`;
  });
  return `# What it is called here

\`x\` is an array: \`x.sum()\` is a method, \`sum(x)\` the function of the same name. \`nn\`, \`optim\`, \`train\`, \`data\`, \`metrics\` and \`io\`
are the subpaths of the package, \`import * as nn from 'nabla/nn'\`. \`npm run reference\` writes this table from \`docs/names.json\`, and
a test checks that every name exists. What a name takes and gives is in the [reference](reference/README.md).

${parts.join('\n')}`;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === import.meta.filename) {
  const root = resolve(process.argv.slice(2).find((word) => !word.startsWith('--')) ?? '.');
  const groups = JSON.parse(readFileSync(join(root, 'docs', 'names.json'), 'utf8'));
  const page = join(root, 'docs', 'names.md');
  const text = table(groups);
  const problems = problemsOf(groups, knownNames(reference(root)));
  if (process.argv.includes('--check')) {
    if (!existsSync(page) || readFileSync(page, 'utf8') !== text)
      problems.push('docs/names.md is not up to date');
  } else writeFileSync(page, text);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) {
    console.error('Correct docs/names.json, then run: npm run reference');
    process.exitCode = 1;
  }
}
