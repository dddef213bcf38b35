import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, extname, join, normalize } from 'node:path';

/** Pages in a browser without a window, for tests. */

const commands = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** The browser in NABLA_TEST_BROWSER (of the family of Chromium or Firefox), or the first Chromium or Chrome that the path has, or null. */
export function findBrowser(): string | null {
  const wanted = process.env.NABLA_TEST_BROWSER;
  if (wanted !== undefined && wanted !== '') return wanted;
  const folders = (process.env.PATH ?? '').split(delimiter);
  const files = commands.flatMap((command) => folders.map((folder) => join(folder, command)));
  return files.find((file) => existsSync(file)) ?? null;
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
};

/** A page to be opened. */
export interface Page {
  /** A module whose default export is a function; what it returns (or its promise brings) is the result. */
  readonly module: string;
  /** Whether the server sends the headers that make pages cross-origin isolated. */
  readonly isolated: boolean;
  /** An import map, as JSON. */
  readonly imports?: string;
  /** Statements before the module is loaded. */
  readonly before?: string;
}

/** Options for a browser without a window and with a fresh profile. */
function flagsOf(browser: string, profile: string): string[] {
  if (/firefox/i.test(browser)) return ['--headless', '--no-remote', '--profile', profile];
  const flags = ['--headless', '--disable-gpu', '--no-first-run', '--disable-dev-shm-usage', '--mute-audio'];
  // Chromium has no sandbox for root, which tests in containers run as.
  if (process.getuid?.() === 0) flags.push('--no-sandbox');
  return [...flags, `--user-data-dir=${profile}`];
}

/**
 * Serves a folder, opens a page in it that runs a module, and returns what that gave, as JSON.
 *
 * @throws Error with what the page or the browser said, when the module throws or gives no answer for so many milliseconds
 */
export async function inBrowser<T>(
  browser: string,
  folder: string,
  page: Page,
  timeout = 60_000,
): Promise<T> {
  const html = `<!doctype html><title>nabla</title>
  <script type="importmap">${page.imports ?? '{}'}</script>
  <script type="module">
    const send = (answer) => fetch('/answer', { method: 'POST', body: JSON.stringify(answer) });
    try {
      ${page.before ?? ''}
      const { default: main } = await import(${JSON.stringify(page.module)});
      await send({ value: await main() });
    } catch (error) {
      await send({ error: String(error?.stack ?? error) });
    }
  </script>`;
  let answer: (text: string) => void;
  const answered = new Promise<string>((resolve) => {
    answer = resolve;
  });
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname));
    if (page.isolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    }
    if (path === '/answer') {
      let body = '';
      request.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      request.on('end', () => {
        response.end();
        answer(body);
      });
      return;
    }
    const type = types[extname(path)] ?? (path === '/' ? types['.html'] : undefined);
    let content: string | Buffer = html;
    try {
      if (path !== '/') content = readFileSync(join(folder, path));
    } catch {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': type ?? 'application/octet-stream' }).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const profile = mkdtempSync(join(tmpdir(), 'nabla-browser-'));
  const child = spawn(browser, [...flagsOf(browser, profile), `http://127.0.0.1:${port}/`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let messages = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    messages += part;
  });
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const failed = new Promise<never>((_, reject) => {
    child.on('error', reject);
    child.on('close', (code) => reject(new Error(`${browser} ended with status ${code}: ${messages}`)));
    timer = setTimeout(
      () => reject(new Error(`the page gave no answer for ${timeout} ms: ${messages}`)),
      timeout,
    );
  });
  try {
    const { value, error } = JSON.parse(await Promise.race([answered, failed])) as {
      value: T;
      error?: string;
    };
    if (error !== undefined) throw new Error(`in the page: ${error}`);
    return value;
  } finally {
    clearTimeout(timer);
    failed.catch(() => {});
    server.close();
    server.closeAllConnections();
    if (child.pid !== undefined) {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
      await ended;
    }
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
