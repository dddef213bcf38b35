// Not a library: how long a product would take if one thread did nothing but multiply-adds at its peak rate, measured by peak.c.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve, Unsupported } from './serve.mjs';

const compiler = process.env.CC ?? 'cc';

await serve(() => {
  const folder = mkdtempSync(join(tmpdir(), 'nabla-peak-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'peak');
  const source = fileURLToPath(new URL('peak.c', import.meta.url));
  const flags = ['-O3', '-march=native', '-ffp-contract=fast'];
  execFileSync(compiler, [...flags, source, '-o', program], { stdio: ['ignore', 'ignore', 'pipe'] });
  const prepare = ({ kind, size: n }) => {
    if (kind !== 'matmul') throw new Unsupported('the peak is measured for products');
    const time = () => (Number(execFileSync(program, { encoding: 'utf8' })) * n ** 3) / 1e6;
    return { measured: time, size: [n, n] };
  };
  return { about: `peak.c (${compiler})`, prepare };
});
