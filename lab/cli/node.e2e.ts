/** A guest runs the node that runs the lab: `npm run test:nodes` repeats this file with other versions of Node.js. */
import t from 'tap';
import { compiled } from '../../suites/agent/bundle.ts';
import { testVmlinux } from '../experiment/testing/kernel.ts';
import { bootGuest, profiles, scratchFolder } from '../guest/index.ts';
import { ensureImage } from '../image/index.ts';
import type { Guest } from '../model/machine.ts';
import type { RunRecord } from '../model/run.ts';
import { ringlab } from './testing/ringlab.ts';

const ctx = { signal: new AbortController().signal, emit: () => {} };

async function stdoutOf(guest: Guest, command: string): Promise<string> {
  let text = '';
  await guest.exec(command, {
    onStdout: (chunk: Buffer) => {
      text += chunk;
    },
  });
  return text.trim();
}

/** Compiles itself as the waiting node did (waiting.cjs), to see whether V8 takes the compiled form that lies beside it. */
const SCRIPT = `const { readFileSync } = require('node:fs');
const head = '(function (exports, require, module, __filename, __dirname) {';
const source = head + readFileSync(__filename, 'utf8').split('\\n//# sourceMappingURL=')[0] + '\\n})';
const cachedData = readFileSync(__filename + '.compiled');
const { cachedDataRejected } = new (require('node:vm').Script)(source, { filename: __filename, columnOffset: -head.length, cachedData });
console.log(process.version, process.ppid, cachedDataRejected);
//# sourceMappingURL=data:`;

t.test(
  'the node that waits in a guest is the lab’s, starts from its snapshot and takes compiled scripts',
  async (t) => {
    const vmlinux = await testVmlinux(ctx);
    const profile = profiles.plain;
    if (!profile) throw new Error('no profile plain');
    await using scratch = await scratchFolder('guest');
    const image = await ensureImage('minimal', ctx);
    const kernel = { vmlinux };
    const request = {
      name: 'plain',
      profile,
      kernel,
      image,
      accel: 'tcg' as const,
      dir: scratch.dir,
      bootTimeoutMs: 180_000,
    };
    await using guest = await bootGuest(request, ctx);
    const waiting = await stdoutOf(guest, "tr '\\0' ' ' </proc/$(pidof node)/cmdline");
    t.match(waiting, '--snapshot-blob', 'command line of the waiting node');
    await guest.push([
      { from: Buffer.from(SCRIPT), to: '/root/script.cjs' },
      { from: compiled(SCRIPT), to: '/root/script.cjs.compiled' },
    ]);
    const printed = await stdoutOf(guest, 'cd /root && /usr/lib/ringlab/node script.cjs 2>&1');
    t.equal(
      printed,
      `${process.version} 1 false`,
      'version, parent process, and whether the compiled form was rejected',
    );
  },
);

t.test(
  'the passthrough suite passes on a plain guest, and the record names the version of Node.js',
  async (t) => {
    const { code, stdout, stderr } = await ringlab([
      'run',
      '--guest',
      'plain',
      '--suite',
      'passthrough',
      '--json',
    ]);
    t.equal(code, 0, stderr.slice(-2000));
    t.notMatch(stderr, /warning/i, 'Node.js prints no warning');
    const { host, cells } = JSON.parse(stdout) as RunRecord;
    t.equal(host.node, process.version);
    const verdicts = cells.flatMap(({ tests }) => tests.map(({ verdict }) => verdict));
    t.ok(
      verdicts.filter((verdict) => verdict === 'pass').length > 20,
      `${verdicts.length} verdicts: ${verdicts.join(' ')}`,
    );
  },
);
