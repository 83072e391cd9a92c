import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../core/paths.ts';
import { ABIS } from '../core/sandbox/system-calls.ts';
import { ARCHES, hostArch } from './arch.ts';

/** Words that are a fact of one architecture. */
const FACT =
  /x86_64|\bx86\b|qemu-system-|bzImage|ttyS0|\bq35\b|Nehalem|amd64|'x64'|isa-debug|'intel-iommu|ICH9|linux-gnu|tsc=/;
/**
 * The table, the probe's machine code and the sandbox's system calls (keyed by architecture; core does not know the table), and a parser
 * of dumps of several architectures.
 */
const ALLOWED = ['model/arch.ts', 'guest/probe-code.ts', 'core/sandbox/system-calls.ts', 'console/frames.ts'];

t.test('the host has a row, and an unknown machine is a fault of the lab with the known rows', (t) => {
  t.equal(hostArch().node, process.arch);
  t.equal(new Set(ARCHES.map(({ name }) => name)).size, ARCHES.length, 'names that differ');
  t.throws(() => hostArch('vax'), { exitCode: 3, message: /this machine is vax.*x86_64/ });
  t.end();
});

t.test('the sandbox has the system calls of each architecture', (t) => {
  for (const { name, node } of ARCHES) t.ok(ABIS[node], name);
  t.end();
});

t.test('no other file of the lab holds a fact of an architecture', (t) => {
  const lab = join(projectRoot, 'lab');
  const files = readdirSync(lab, { recursive: true, encoding: 'utf8' }).filter(
    (file) => /\.(ts|mjs)$/.test(file) && !/\.(test|e2e)\.ts$|(^|\/)(fakes?|testing)\//.test(file),
  );
  t.ok(files.length > 100, `${files.length} files`);
  const lines = files
    .filter((file) => !ALLOWED.includes(file))
    .flatMap((file) =>
      readFileSync(join(lab, file), 'utf8')
        .split('\n')
        .flatMap((line, index) => (FACT.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
    );
  t.same(lines, []);
  t.end();
});
