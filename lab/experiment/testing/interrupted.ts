/**
 * A run for a test to interrupt: one test of its only cell has finished when the last write begins. `interrupted.ts FOLDER TURNS` ends the
 * process, as a second Ctrl-C does, after so many turns of the event loop.
 */
import { setImmediate } from 'node:timers/promises';
import { Recorder } from '../recorder.ts';
import { planOf, specOf } from './plan.ts';

const [, , dir = '', turns = '0'] = process.argv;
const options = { runsDir: dir, out: dir, version: '0' };
const recorder = await Recorder.begin(planOf(), [], options, {
  signal: AbortSignal.abort(new Error('interrupted by SIGINT')),
  emit: () => {},
});
const cell = 'k1/plain/passthrough';
recorder.ctx.emit({ type: 'cell.start', cell, spec: specOf('k1') });
recorder.ctx.emit({ type: 'test.end', cell, test: { name: 'reads back', verdict: 'pass' } });
void recorder.write();
for (let turn = 0; turn < Number(turns); turn++) await setImmediate();
process.exit(130);
