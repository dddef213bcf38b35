import { writeFileAtomically } from '../io/atomic.ts';
import { type AnyValues, type Demonstration, type Page, valuesOf } from '../recipes/index.ts';
import { Interrupted } from '../train/errors.ts';
import { newFolder, runFiles, writeConfig } from './run_folder.ts';
import { print, type Terminal } from './terminal.ts';

/** A page that is the terminal's. */
export const pageOf = (terminal: Terminal): Page => ({
  print: (text = '') => print(terminal, text),
  columns: terminal.stdout.columns ?? 100,
  signal: terminal.signal,
});

/**
 * `nabla train <demonstration>`: shows it, and leaves what it has shown in a run folder.
 *
 * @throws Interrupted by Ctrl-C, errors of usage and of the disk
 */
export async function demonstrateCommand(
  recipe: Demonstration,
  flags: { readonly out?: string; readonly own?: AnyValues },
  terminal: Terminal,
): Promise<void> {
  const settings = valuesOf(recipe.name, recipe.settings, flags.own);
  const folder = newFolder(recipe.name, flags.out);
  await writeConfig(folder, { recipe: recipe.name, settings });
  let shown = '';
  const page = pageOf(terminal);
  await show(recipe, settings, {
    ...page,
    print: (text = '') => {
      shown += `${text}\n`;
      page.print(text);
    },
  });
  await writeFileAtomically(runFiles(folder).output, shown);
  print(terminal);
  print(terminal, `files of this run: ${folder}  (nabla eval ${folder})`);
}

/** Shows a demonstration. @throws Interrupted by Ctrl-C */
export async function show(recipe: Demonstration, settings: AnyValues, page: Page): Promise<void> {
  await recipe.demonstrate(settings, page);
  if (page.signal?.aborted) throw new Interrupted('interrupted');
}
