/**
 * A run for a test to kill: twelve cells of three tests, two at a time, without guests. `killed.ts FOLDER` records it there and writes
 * the kernel of each cell on standard output when its end is reported.
 */
import { setTimeout } from 'node:timers/promises';
import { Recorder } from '../recorder.ts';
import { planOf, specOf } from './plan.ts';

const [, , dir = ''] = process.argv;
const kernels = Array.from({ length: 12 }, (_, index) => `k${index + 1}`);
const emit = (event: { type: string; result?: { kernel: string } }) => {
  if (event.type === 'cell.end') process.stdout.write(`${event.result?.kernel}\n`);
};

async function runCell(kernel: string) {
  const { emit } = recorder.ctx;
  const cell = `${kernel}/plain/passthrough`;
  const tests = ['a', 'b', 'c'].map((name) => ({ name, verdict: 'pass' as const }));
  emit({ type: 'cell.start', cell, spec: specOf(kernel) });
  emit({ type: 'tests.announced', cell, tests: tests.map(({ name }) => name) });
  for (const test of tests) {
    await setTimeout(3 + Math.random() * 4);
    emit({ type: 'test.end', cell, test });
  }
  const attempt = { repeat: 1, attempt: 1, verdict: 'done' as const, timings: { totalMs: 1 }, artefacts: [] };
  const empty = { complaints: [], metrics: [], attempts: [attempt] };
  const result = {
    ...{ kernel, profile: 'plain', suite: 'passthrough', verdict: 'done' as const, tests, ...empty },
  };
  emit({ type: 'cell.end', cell, verdict: 'done', ms: 1, result });
}

const { signal } = new AbortController();
const recorder = await Recorder.begin(
  planOf(),
  [],
  { runsDir: dir, out: dir, version: '0' },
  { signal, emit },
);
const { ctx } = recorder;
await recorder.keepFiles();
for (const id of kernels)
  ctx.emit({
    type: 'kernel.ready',
    kernel: { id, name: id, side: 'base', warnings: [], newWarnings: [] },
  });
const cells = kernels.map((kernel) => ({ kernel, profile: 'plain', suite: 'passthrough', repeat: 1 }));
ctx.emit({ type: 'cells.planned', cells });
const left = [...kernels];
const work = async () => {
  for (let kernel = left.shift(); kernel !== undefined; kernel = left.shift()) await runCell(kernel);
};
await Promise.all([work(), work()]);
await recorder.write();
