/** Programs in documents: the fenced blocks of a Markdown text, and what their comments say they print. */

/** The TypeScript blocks of a document, joined to one program in their order; indented blocks (in lists) are moved to the left. */
export function programOf(markdown: string): string {
  const blocks = [...markdown.matchAll(/^( *)```ts\n([\s\S]*?)^\1```$/gm)].map(([, indent, code]) =>
    code
      .split('\n')
      .map((line) => line.slice(indent.length))
      .join('\n'),
  );
  return blocks.join('\n');
}

/**
 * Lines that a program prints according to the comments behind its `console.log(...);`. A comment may go on in comment lines below,
 * for values of several lines.
 */
export function promisedOutput(program: string): string[] {
  const lines = program.split('\n');
  return lines.flatMap((line, i) => {
    const comment = line.match(/console\.log\(.*\); \/\/ (.*)$/)?.[1];
    if (comment === undefined) return [];
    const more = lines.slice(i + 1).findIndex((next) => !next.startsWith('//'));
    return [comment, ...lines.slice(i + 1, i + 1 + more).map((next) => next.replace(/^\/\/ ?/, ''))];
  });
}
