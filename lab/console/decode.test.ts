import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { contextOf } from '../model/event.ts';
import { ComplaintScanner, decodeComplaints } from './index.ts';

/** A tree with two files; `driver_inner` is inlined into `driver_do`, which `start_kernel` calls. */
const DRIVER = [
  'volatile int sink;',
  'static inline __attribute__((always_inline)) void driver_inner(int n)',
  '{',
  '\tsink = 100 / n;',
  '}',
  '__attribute__((noinline)) int driver_do(int n)',
  '{',
  '\tdriver_inner(n);',
  '\treturn sink + n;',
  '}',
];
const MAIN = [
  'int driver_do(int n);',
  'int start_kernel(int n)',
  '{',
  '\tint got = driver_do(n);',
  '\treturn got + 1;',
  '}',
];

interface Symbol {
  address: number;
  size: number;
}

/** Builds the tree, with debug information or without, and returns its files and symbols. */
function build(dir: string, debug: boolean) {
  for (const folder of ['init', 'drivers/x']) mkdirSync(join(dir, folder), { recursive: true });
  writeFileSync(join(dir, 'drivers/x/drv.c'), `${DRIVER.join('\n')}\n`);
  writeFileSync(join(dir, 'init/main.c'), `${MAIN.join('\n')}\n`);
  const vmlinux = join(dir, 'vmlinux');
  const sources = ['drivers/x/drv.c', 'init/main.c'].map((file) => join(dir, file));
  const flags = [
    '-O1',
    '-fno-pie',
    '-no-pie',
    '-nostdlib',
    '-static',
    '-fcf-protection=none',
    '-Wl,-e,start_kernel',
  ];
  execFileSync('gcc', [...flags, ...(debug ? ['-g'] : []), ...sources, '-o', vmlinux]);
  const systemMap = join(dir, 'System.map');
  const names = execFileSync('nm', ['-n', vmlinux], { encoding: 'utf8' });
  writeFileSync(systemMap, names);
  const sorted = names.split('\n').flatMap((line) => {
    const [address = '', , name = ''] = line.split(' ');
    return name ? [{ name, address: Number.parseInt(address, 16) }] : [];
  });
  const symbol = (name: string): Symbol => {
    const { address = 0 } = sorted.find((entry) => entry.name === name) ?? {};
    return { address, size: (sorted.find((entry) => entry.address > address)?.address ?? 0) - address };
  };
  return { vmlinux, systemMap, symbol };
}

const hex = (value: number) => `0x${value.toString(16)}`;

/** Offset of the first instruction of a line of the source, by objdump. */
function offsetOf(vmlinux: string, { address, size }: Symbol, instruction: RegExp): number {
  const text = execFileSync(
    'objdump',
    ['-d', `--start-address=${address}`, `--stop-address=${address + size}`, vmlinux],
    { encoding: 'utf8' },
  );
  const line = text.split('\n').find((candidate) => instruction.test(candidate)) ?? '';
  return Number.parseInt(line.trim(), 16) - address;
}

function oopsOf({ vmlinux, symbol }: ReturnType<typeof build>): string[] {
  const [inner, outer] = [symbol('driver_do'), symbol('start_kernel')];
  const fault = offsetOf(vmlinux, inner, /\t[is]?div/);
  const call = offsetOf(vmlinux, outer, /\t(?:callq?|bl)\s/);
  // The return address is that of the instruction behind the call.
  const back = call + (process.arch === 'x64' ? 5 : 4);
  return [
    'Oops: divide error: 0000 [#1] PREEMPT SMP',
    `RIP: 0010:driver_do+${hex(fault)}/${hex(inner.size)}`,
    'Call Trace:',
    ' <TASK>',
    ' ? unknown+0x0/0x10',
    ` start_kernel+${hex(back)}/${hex(outer.size)}`,
    ` in_a_module+0x1/0x2 [nvme]`,
    ` start_kernel+0x1/${hex(outer.size + 16)}`,
    ' </TASK>',
    '---[ end trace 0000000000000000 ]---',
  ].map((line, n) => `[   11.00000${n}][   T77] ${line}`);
}

function scan(lines: readonly string[]) {
  const scanner = new ComplaintScanner();
  scanner.write(Buffer.from(`${lines.join('\n')}\n`));
  return scanner.end();
}

const ctx = contextOf(new AbortController().signal, () => {});

t.test(
  'an oops is decoded to files and lines of the tree, inlined functions and the line of a call included',
  async (t) => {
    const kernel = build(t.testdir(), true);
    const lines = oopsOf(kernel);
    const complaints = scan(lines);
    const [decoded] = await decodeComplaints(complaints, kernel, ctx);
    t.equal(complaints[0]?.text, lines.join('\n'), 'text of the complaint before it is decoded');
    t.same(
      decoded?.text.split('\n'),
      [
        lines[0],
        '[   11.000001][   T77] RIP: 0010:driver_inner drivers/x/drv.c:4 [inline]',
        `${lines[1]} drivers/x/drv.c:8`,
        ...lines.slice(2, 5),
        `${lines[5]} init/main.c:4`,
        ...lines.slice(6),
      ],
      'lines of the decoded complaint',
    );
    t.equal(decoded?.signature, complaints[0]?.signature, 'signature of the decoded complaint');
  },
);

t.test('a kernel without debug information leaves a complaint as printed', async (t) => {
  const kernel = build(t.testdir(), false);
  const complaints = scan(oopsOf(kernel));
  t.same(await decodeComplaints(complaints, kernel, ctx), complaints, 'complaints');
});

t.test('a vmlinux that is no ELF file leaves the reason below the complaint', async (t) => {
  const kernel = build(t.testdir(), true);
  const complaints = scan(oopsOf(kernel));
  writeFileSync(kernel.vmlinux, 'no ELF');
  const [decoded] = await decodeComplaints(complaints, kernel, ctx);
  t.match(
    decoded?.text,
    /\n\[the functions were not decoded: addr2line failed: .*\]$/,
    'last line of the complaint',
  );
});

t.test('an aborted context ends decoding with its reason', async (t) => {
  const kernel = build(t.testdir(), true);
  const reason = new Error('stop');
  const aborted = contextOf(AbortSignal.abort(reason), () => {});
  await t.rejects(decodeComplaints(scan(oopsOf(kernel)), kernel, aborted), reason);
});
