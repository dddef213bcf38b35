// Checks the direction of imports in src/: each folder imports only from folders below it in the list, and files do not
// import each other in a circle. Prints what is wrong with file and line and exits with 1.
//
//   node scripts/imports.mjs [folder, default src]

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative, resolve, sep } from 'node:path';

/** From the top of the system to its ground; folders of one line do not import from each other. */
const levels = [
  ['index.ts'],
  ['cli'],
  ['recipes'],
  ['vision', 'sequence', 'generative', 'rl', 'explain', 'trees'],
  ['train'],
  ['data'],
  ['metrics'],
  ['keras'],
  ['nn', 'optim'],
  ['io'],
  ['core'],
  ['runtime'],
  ['compiler'],
  ['graph'],
];

const root = resolve(process.argv[2] ?? 'src');
const levelOf = new Map(levels.flatMap((names, level) => names.map((name) => [name, level])));
const folderOf = (file) => relative(root, file).split(sep)[0];
const shown = (file) => relative(process.cwd(), file);
const problems = [];

/** Module names in `import ... from`, `export ... from`, `import '...'` and `import('...')`, with their lines. */
function importsOf(text) {
  const found = [];
  // Comments are blanked, so that examples in them do not count; lines stay.
  const blank = (comment) => comment.replace(/[^\n]/g, ' ');
  const code = text.replace(/\/\*[\s\S]*?\*\//g, blank).replace(/^(\s*)\/\/.*$/gm, blank);
  const pattern =
    /\b(?:import|export)\s+(type\s+)?([\w*\s{},$]*?)\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g;
  for (const match of code.matchAll(pattern)) {
    const [, type, names = '', from, bare] = match;
    const named = names
      .match(/\{([^}]*)\}/)?.[1]
      .split(',')
      .map((name) => name.trim())
      .filter(Boolean);
    const onlyTypes =
      type !== undefined ||
      (named !== undefined &&
        named.length > 0 &&
        !/^\s*\w+\s*,/.test(names) &&
        named.every((n) => n.startsWith('type ')));
    found.push({ name: from ?? bare, onlyTypes, line: code.slice(0, match.index).split('\n').length });
  }
  return found;
}

const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join(root, name))
  .sort();

/** For each file the files that it imports when it runs (types vanish). */
const graph = new Map();

for (const file of files) {
  const folder = folderOf(file);
  const level = levelOf.get(folder);
  if (level === undefined) {
    problems.push(
      `${shown(file)}: the folder ${folder} has no place in the order; add it to scripts/imports.mjs`,
    );
    continue;
  }
  const targets = [];
  for (const { name, onlyTypes, line } of importsOf(readFileSync(file, 'utf8'))) {
    if (!name.startsWith('.')) continue;
    const target = normalize(join(dirname(file), name));
    const to = folderOf(target);
    if (to === '..') problems.push(`${shown(file)}:${line}: imports ${name} from outside of ${shown(root)}`);
    else if (to !== folder && !((levelOf.get(to) ?? -1) > level)) {
      const below =
        levels
          .slice(level + 1)
          .flat()
          .join(', ') || 'nothing';
      problems.push(
        `${shown(file)}:${line}: ${folder} must not import from ${to} (${name}); below it are ${below}`,
      );
    }
    if (!onlyTypes) targets.push({ target, line });
  }
  graph.set(file, targets);
}

/** Depth-first search: a file that is met again while it is being visited closes a circle. */
const state = new Map();
function visit(file, path) {
  state.set(file, 'open');
  for (const { target, line } of graph.get(file) ?? []) {
    if (state.get(target) === 'open') {
      const circle = [...path.slice(path.indexOf(target)), target].map(shown).join(' -> ');
      problems.push(`${shown(file)}:${line}: circular import: ${circle}`);
    } else if (state.get(target) === undefined) visit(target, [...path, target]);
  }
  state.set(file, 'done');
}
for (const file of files) if (state.get(file) === undefined) visit(file, [file]);

for (const problem of problems) console.error(problem);
if (problems.length > 0) {
  console.error(`${problems.length} wrong imports`);
  process.exit(1);
}
console.log(`imports: ${files.length} files in order`);
