// Writes docs/reference: what every subpath of the package exports, and what arrays can do, from the docstrings.
//
//   node scripts/reference.mjs [--check] [folder, default .]
//
// With --check nothing is written: prints exports and methods of Tensor without a docstring and pages that are not up to date, and
// exits with 1 if there are any. Reads the sources by the API of the TypeScript compiler that the project is built with.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { SyntaxKind } from 'typescript/unstable/ast';
import { API, SymbolFlags } from 'typescript/unstable/sync';

/** Themes of the main entry: a page, its title, and the files whose exports stand on it. What is in none is on `more`. */
const themes = [
  {
    page: 'creation',
    title: 'Making arrays',
    files: ['create', 'tensor', 'convert', 'options', 'dtype', 'half'],
  },
  { page: 'arithmetic', title: 'Arithmetic, comparison, logic and bits', files: ['arithmetic'] },
  { page: 'elementwise', title: 'Functions of elements', files: ['elementwise'] },
  {
    page: 'reductions',
    title: 'Reductions and statistics',
    files: ['reductions', 'running', 'statistics', 'covariance', 'finite_differences', 'quantiles'],
  },
  {
    page: 'views',
    title: 'Shapes, joining and splitting',
    files: ['views', 'padding', 'sliding', 'joining', 'splitting', 'repetition', 'diagonals'],
  },
  {
    page: 'indexing',
    title: 'Indexing',
    files: ['indexing', 'along_axis', 'index_plan', 'index_update', 'selecting', 'scattering'],
  },
  {
    page: 'sorting',
    title: 'Sorting, searching and counting',
    files: ['sorting', 'searching', 'sets', 'counting'],
  },
  {
    page: 'products',
    title: 'Products of arrays',
    files: ['products', 'einsum', 'convolve', 'vector_products'],
  },
  {
    page: 'sampling',
    title: 'Interpolation and polynomials',
    files: ['interpolate', 'grid_sample', 'samples', 'polynomials'],
  },
  {
    page: 'transforms',
    title: 'Transforms of functions',
    files: ['transforms', 'jacobian', 'linearize', 'vmap', 'jit', 'retracing', 'custom', 'control', 'tree'],
  },
  {
    page: 'state',
    title: 'State, memory and debugging',
    files: ['base', 'variable', 'scope', 'memory', 'debug', 'numerics', 'check_numerics', 'evaluate'],
  },
];

/** The theme of a file: its name without what says how it is written, `free_` functions or `array_` methods. */
const themeOf = (source) => {
  const stem = basename(source).replace(/^(free|array)_/, '');
  return themes.find(({ files }) => files.includes(stem)) ?? more;
};

/** The text of a docstring as Markdown: what precedes the tags, then parameters, results and errors. */
function markdown(comment) {
  const lines = comment
    .replace(/^\/\*\*|\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, '').trimEnd());
  const parts = [{ tag: '', text: [] }];
  for (const line of lines) {
    const found = line.match(/^@(\w+)\s*(.*)$/);
    if (found) parts.push({ tag: found[1], text: [found[2]] });
    else parts[parts.length - 1].text.push(line);
  }
  const shown = parts.map(({ tag, text }) => {
    const body = text
      .join('\n')
      .replace(/\{@link\s+([^}]+)\}/g, '`$1`')
      .trim();
    if (tag === '') return body;
    if (tag === 'param') return `- ${body.replace(/^(\S+)/, '`$1`:')}`;
    if (tag === 'example')
      return `Example:\n\n${body.startsWith('```') ? body : `\`\`\`ts\n${body}\n\`\`\``}`;
    return `${tag === 'throws' ? 'Throws' : tag === 'returns' ? 'Returns' : tag}: ${body}`;
  });
  return shown
    .filter(Boolean)
    .join('\n\n')
    .replace(/\n\n- /g, '\n- ')
    .replace(/^([^-\n].*)\n- /gm, '$1\n\n- ');
}

/** The statement or member that a declaration belongs to: where its docstring stands. */
function documented(node) {
  while (node.kind === SyntaxKind.VariableDeclaration || node.kind === SyntaxKind.VariableDeclarationList)
    node = node.parent;
  return node;
}

/** The docstring directly before a node, as Markdown; empty if there is none. */
function docOf(declaration) {
  const node = documented(declaration);
  const before = node.getSourceFile().text.slice(node.pos, node.getStart());
  const comments = before.match(/\/\*\*[\s\S]*?\*\//g) ?? [];
  return markdown(comments[comments.length - 1] ?? '');
}

const textOf = (node, from, to) => node.getSourceFile().text.slice(from, to).trim();

/** A declaration without its body, as one would write it in a file of declarations. */
function signatureOf(node, name, checker) {
  const start = node.getStart();
  const head = (end) =>
    textOf(node, start, end)
      .replace(/^export\s+/, '')
      .replace(/^(public\s+|override\s+|async\s+)*/, '');
  if (node.kind === SyntaxKind.VariableDeclaration) {
    const f = node.initializer;
    if (node.type === undefined && f?.kind === SyntaxKind.ArrowFunction) {
      const parameters = textOf(f, f.getStart(), f.equalsGreaterThanToken.getStart());
      if (f.type !== undefined) return `function ${name}${parameters.replace(/^async\s*/, '')}`;
    }
    const type =
      node.type === undefined
        ? checker.typeToString(checker.getTypeAtLocation(node.name))
        : node.type.getText();
    return `const ${name}: ${type}`;
  }
  if (node.kind === SyntaxKind.PropertyDeclaration)
    return node.type === undefined
      ? `${node.name.getText()}: ${checker.typeToString(checker.getTypeAtLocation(node.name))}`
      : head(node.type.end);
  if (node.kind === SyntaxKind.ClassDeclaration) {
    const text = head(node.end);
    return text.slice(0, text.indexOf('{')).trim();
  }
  return head(node.body?.getStart() ?? node.end).replace(/;$/, '');
}

const accessOf = (member) => (member.modifiers ?? []).map((m) => m.kind);
const isPublic = (member) =>
  !accessOf(member).some(
    (kind) => kind === SyntaxKind.PrivateKeyword || kind === SyntaxKind.ProtectedKeyword,
  ) && member.name?.kind === SyntaxKind.Identifier;
const memberKinds = new Set([
  SyntaxKind.MethodDeclaration,
  SyntaxKind.GetAccessor,
  SyntaxKind.PropertyDeclaration,
]);

/** Public members of a class with their signatures; overloads of one name are one entry. */
function membersOf(declaration, checker) {
  const entries = new Map();
  for (const member of declaration.members) {
    if (!memberKinds.has(member.kind) || !isPublic(member)) continue;
    const name = member.name.getText();
    const entry = entries.get(name) ?? { name, members: [] };
    entry.members.push(member);
    entries.set(name, entry);
  }
  return [...entries.values()].map(({ name, members }) => {
    const overloads = members.length > 1 ? members.filter((m) => m.body === undefined) : members;
    return {
      name,
      isProperty: members[0].kind !== SyntaxKind.MethodDeclaration,
      signatures: overloads.map((m) => signatureOf(m, name, checker)),
      doc: overloads.map(docOf).find(Boolean) ?? docOf(members[members.length - 1]),
    };
  });
}

/** How a class is made: its public constructors. */
function constructorsOf(declaration, name) {
  const made = declaration.members.filter((m) => m.kind === SyntaxKind.Constructor);
  const overloads = made.length > 1 ? made.filter((m) => m.body === undefined) : made;
  return overloads
    .filter((m) => !accessOf(m).includes(SyntaxKind.PrivateKeyword))
    .map((m) => ({
      signature: textOf(m, m.getStart(), m.body?.getStart() ?? m.end)
        .replace(/^(public\s+|protected\s+)?constructor/, `new ${name}`)
        .replace(/;$/, ''),
      doc: docOf(m),
    }));
}

/** Reads a project and makes its pages. */
export function reference(root) {
  const api = new API({ cwd: root });
  try {
    const config = join(root, 'tsconfig.build.json');
    const project = api.updateSnapshot({ openProject: config }).getProject(config);
    return new Reader(root, project).read();
  } finally {
    api.close();
  }
}

class Reader {
  pages = new Map();
  missing = [];
  /** Exported names by subpath, with those of namespaces as `random.normal`. */
  exported = new Map();

  constructor(root, project) {
    this.root = root;
    this.project = project;
    this.checker = project.checker;
  }

  read() {
    const { exports } = JSON.parse(readFileSync(join(this.root, 'package.json'), 'utf8'));
    const index = [];
    for (const [subpath, { types }] of Object.entries(exports)) {
      const folder = types?.match(/^\.\/dist\/(.*)index\.d\.ts$/)?.[1];
      if (folder === undefined) continue;
      const file = join(this.root, 'src', folder, 'index.ts');
      const module = this.project.program.getSourceFile(file);
      const symbols = this.checker.getExportsOfModule(this.checker.getSymbolAtLocation(module));
      const name = subpath === '.' ? 'nabla' : `nabla/${subpath.slice(2)}`;
      this.tensor ??= this.classOf(symbols.find((s) => s.name === 'Tensor'));
      index.push(...this.pagesOf(name, symbols, this.intro(module)));
    }
    const list = index.map(({ page, title, names }) => {
      const links = names.map((name) => `[${name}](${page}.md#${anchor(name)})`);
      return `## [${title}](${page}.md)\n\n${links.join(', ')}\n`;
    });
    this.pages.set(
      'README.md',
      `# Reference\n\nWhat the package exports, from the docstrings of the sources: \`npm run reference\` writes these pages.\n\n${list.join('\n')}`,
    );
    return { pages: this.pages, missing: this.missing, exported: this.exported, methods: this.methods() };
  }

  /** The comment at the head of a module. */
  intro(module) {
    const comment = module.text.match(/^\s*(\/\*\*[\s\S]*?\*\/)\s*\n\s*\n/);
    return comment === null ? '' : markdown(comment[1]);
  }

  target(symbol) {
    return symbol.flags & SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol;
  }

  declarationsOf(symbol) {
    return this.target(symbol).declarations.map((handle) => handle.resolve(this.project));
  }

  fileOf(node) {
    return relative(this.root, node.getSourceFile().fileName).replaceAll('\\', '/');
  }

  /** A class with those that it extends, up to the first. */
  classOf(symbol) {
    const chain = [];
    for (let next = symbol; next !== undefined; ) {
      const [declaration] = this.declarationsOf(next);
      chain.push(declaration);
      const base = declaration.heritageClauses?.find((c) => c.token === SyntaxKind.ExtendsKeyword);
      next = base && this.checker.getSymbolAtLocation(base.types[0].expression);
    }
    return chain;
  }

  /** Names of the members of arrays. */
  methods() {
    return new Set((this.tensor ?? []).flatMap((d) => membersOf(d, this.checker).map(({ name }) => name)));
  }

  entry(symbol, shownName, inherits) {
    const all = this.declarationsOf(symbol);
    const declarations =
      all.length > 1 && all.some((d) => d.body === undefined) ? all.filter((d) => d.body === undefined) : all;
    const [first] = declarations;
    const name = symbol.name;
    let doc = declarations.map(docOf).find(Boolean) ?? '';
    if (doc === '' && inherits?.has(name)) doc = `See [\`Tensor.${name}\`](tensor.md#${anchor(name)}).`;
    if (doc === '') this.missing.push(`${this.fileOf(first)}: ${shownName}`);
    const constructors = first.kind === SyntaxKind.ClassDeclaration ? constructorsOf(first, name) : [];
    return {
      name: shownName,
      file: this.fileOf(first),
      signatures: [
        ...declarations.map((d) => signatureOf(d, name, this.checker)),
        ...constructors.map((c) => c.signature),
      ],
      doc: [doc, ...constructors.map((c) => c.doc)].filter(Boolean).join('\n\n'),
      members: first.kind === SyntaxKind.ClassDeclaration ? membersOf(first, this.checker) : [],
    };
  }

  pagesOf(name, symbols, intro) {
    const inherits = this.tensor && this.methods();
    const isMain = name === 'nabla';
    const made = [];
    const main = new Map();
    const names = [];
    for (const symbol of symbols) {
      const target = this.target(symbol);
      names.push(symbol.name);
      if (target.flags & SymbolFlags.ValueModule) {
        const inner = this.checker.getExportsOfModule(target);
        names.push(...inner.map((s) => `${symbol.name}.${s.name}`));
        const entries = inner.map((s) => this.entry(s, `${symbol.name}.${s.name}`, null));
        const [module] = this.declarationsOf(symbol);
        made.push(
          this.page(symbol.name, `${name}: ${symbol.name}`, this.intro(module), [{ title: null, entries }]),
        );
        continue;
      }
      if (isMain && symbol.name === 'Tensor') {
        made.push(this.tensorPage());
        continue;
      }
      const entry = this.entry(symbol, symbol.name, isMain ? inherits : null);
      const source = entry.file.replace(/^src\/|\.ts$/g, '');
      const theme = isMain ? themeOf(source) : null;
      const page = theme?.page ?? name.replace('nabla/', '');
      const title = theme === null ? name : `${name}: ${theme.title}`;
      const at = main.get(page) ?? { title, sections: new Map() };
      // On a page of a theme the order is that of names; else there is a section for each file.
      const section = isMain && theme !== more ? null : titleOf(basename(source));
      at.sections.set(section, [...(at.sections.get(section) ?? []), entry]);
      main.set(page, at);
    }
    this.exported.set(name, names);
    for (const [page, { title, sections }] of main) {
      const list = [...sections].map(([section, entries]) => ({ title: section, entries }));
      made.push(this.page(page, title, isMain ? '' : intro, list));
    }
    const known = ['tensor', ...themes.map(({ page }) => page)];
    const rank = ({ page }) => (known.includes(page) ? known.indexOf(page) : known.length);
    return made.sort((a, b) => rank(a) - rank(b) || compare(a.page, b.page));
  }

  tensorPage() {
    const seen = new Set();
    const text = [];
    const names = [];
    const [own] = this.tensor;
    for (const declaration of [...this.tensor].reverse()) {
      const file = this.fileOf(declaration);
      const entries = membersOf(declaration, this.checker).filter(({ name }) => !seen.has(name));
      for (const { name, doc } of entries) {
        seen.add(name);
        names.push(name);
        if (doc === '') this.missing.push(`${file}: Tensor.${name}`);
      }
      if (entries.length === 0) continue;
      const about = declaration === own ? '' : docOf(declaration);
      const sorted = entries.sort(
        (a, b) => Number(b.isProperty) - Number(a.isProperty) || compare(a.name, b.name),
      );
      text.push(
        `## ${titleOf(basename(file, '.ts').replace(/^array_/, ''))}\n\n${about}\n\n[Source](../../${file})\n`,
        ...sorted.map(
          ({ name, signatures, doc }) =>
            `### \`${name}\`\n\n\`\`\`ts\n${signatures.join('\n')}\n\`\`\`\n\n${doc}\n`,
        ),
      );
    }
    this.pages.set('tensor.md', `# nabla: Tensor\n\n${docOf(own)}\n\n${text.join('\n')}`);
    return { page: 'tensor', title: 'nabla: Tensor', names: names.sort(compare) };
  }

  page(page, title, intro, sections) {
    const sorted = [...sections].sort((a, b) => compare(a.title ?? '', b.title ?? ''));
    const text = sorted.map(({ title: heading, entries }) => {
      const list = [...entries].sort((a, b) => compare(a.name, b.name)).map((e) => this.entryText(e));
      return `${heading === null ? '' : `## ${heading}\n\n`}${list.join('\n')}`;
    });
    if (this.pages.has(`${page}.md`)) throw new Error(`reference: two pages are called ${page}`);
    this.pages.set(`${page}.md`, `# ${title}\n\n${intro ? `${intro}\n\n` : ''}${text.join('\n')}`);
    const names = sections.flatMap(({ entries }) => entries.map(({ name }) => name)).sort(compare);
    return { page, title, names };
  }

  entryText({ name, file, signatures, doc, members }) {
    const own = members
      .filter((m) => m.doc !== '' || !m.isProperty)
      .map(
        (m) =>
          `- \`${m.signatures.join(' | ').replace(/\s+/g, ' ')}\`${m.doc === '' ? '' : `: ${m.doc.replace(/\s+/g, ' ')}`}`,
      );
    const list = own.length === 0 ? '' : `\n${own.join('\n')}\n`;
    return `### \`${name}\`\n\n\`\`\`ts\n${signatures.join('\n')}\n\`\`\`\n\n${doc}\n${list}\n[Source](../../${file})\n`;
  }
}

const more = { page: 'more', title: 'More' };
const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
/** By letters, whatever their case. */
const compare = (a, b) => order(a.toLowerCase(), b.toLowerCase()) || order(a, b);
/** What the heading of a name is called in links. */
const anchor = (name) => name.toLowerCase().replace(/[^\w]/g, '');
/** `batch_norm` as a heading. */
const titleOf = (stem) => {
  const words = stem.replace(/^free_/, '').replaceAll('_', ' ');
  return words[0].toUpperCase() + words.slice(1);
};

/** What is wrong with the pages in a folder, in words. */
function problemsOf({ pages, missing }, folder) {
  const problems = missing.map((where) => `${where} has no docstring`);
  for (const [name, text] of pages) {
    const path = join(folder, name);
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text)
      problems.push(`docs/reference/${name} is not up to date`);
  }
  for (const name of existsSync(folder) ? readdirSync(folder) : [])
    if (!pages.has(name)) problems.push(`docs/reference/${name} is no page any more`);
  return problems;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === import.meta.filename) {
  const root = resolve(process.argv.slice(2).find((word) => !word.startsWith('--')) ?? '.');
  const made = reference(root);
  const folder = join(root, 'docs', 'reference');
  if (process.argv.includes('--check')) {
    const problems = problemsOf(made, folder);
    for (const problem of problems) console.error(problem);
    if (problems.length > 0) {
      console.error('Write the docstrings, then run: npm run reference');
      process.exit(1);
    }
  } else {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of made.pages) writeFileSync(join(folder, name), text);
    for (const where of made.missing) console.error(`${where} has no docstring`);
    console.log(`${made.pages.size} pages in docs/reference`);
  }
}
