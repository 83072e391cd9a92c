import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { z } from 'zod';
import { LabEvent } from '../../lab/model/event.ts';
import { Note } from '../../lab/model/note.ts';
import type { Output, OutputName } from '../../lab/model/output.ts';
import { upgrade } from '../../lab/model/upgrade.ts';
import { comparison, record } from '../golden/sample.ts';
import { fileOf, type JsonSchema, names, publish } from './publish.ts';

const root = join(import.meta.dirname, '../..');
const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
const published = (name: OutputName): JsonSchema => json(join(import.meta.dirname, fileOf(name)));

/** The schema with every object closed, so that a field that it does not describe is an error. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const parts = Object.fromEntries(Object.entries(schema).map(([key, part]) => [key, closed(part)]));
  return 'properties' in schema ? { additionalProperties: false, ...parts } : parts;
}

/** The faults of a value, found by a validator that is made from the published file alone; empty for a valid value. */
function faults(name: OutputName, value: unknown, schema: unknown = closed(published(name))): string[] {
  const { error } = z.fromJSONSchema(schema as JsonSchema).safeParse(value);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

t.test('the published files are those that npm run schema writes', (t) => {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.json'));
  t.same(files.sort(), names.map(fileOf).sort());
  for (const name of names) t.strictSame(published(name), publish(name), name);
  t.end();
});

t.test('every published schema names its draft, has a title, a description and its file name as $id', (t) => {
  for (const name of names) {
    const { $schema, $id, title, description } = published(name);
    t.equal($schema, 'https://json-schema.org/draft/2020-12/schema', name);
    t.equal($id, `${name}.schema.json`);
    t.ok(title, `title of ${name}`);
    t.ok(description, `description of ${name}`);
  }
  t.end();
});

t.test('the README names every published file', (t) => {
  const text = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  for (const name of names) t.ok(text.includes(`\`${fileOf(name)}\``), name);
  t.end();
});

t.test('records and comparisons are valid; one without a required field or with a wrong type is not', (t) => {
  const older = upgrade(json(join(root, 'lab/record/fixtures/format-1.json')), 'format-1.json');
  for (const value of [record, older]) t.same(faults('run-record', value), []);
  t.same(faults('comparison', comparison), []);
  for (const value of [record, comparison]) t.same(faults('run', value), []);
  t.same(faults('report', { record, comparison }), []);
  t.same(faults('report', { record }), []);
  const { seed: _seed, ...noSeed } = record;
  t.match(faults('run-record', noSeed), [/^seed: /]);
  t.match(faults('run-record', { ...record, cells: [{ ...record.cells[0], verdict: 'odd' }] }), [
    /^cells\.0\.verdict: /,
  ]);
  t.match(faults('comparison', { ...comparison, kind: 'three' }), [/^kind: /]);
  t.end();
});

t.test('a field of a later version is allowed in a record, and not in a guest profile', (t) => {
  const profile = { name: 'plain', summary: '', iommu: 'none', kernelArgs: [], qemuArgs: [], vcpus: 2 };
  const whole = { ...profile, memoryMiB: 512, icount: false, drives: 'file', nvme: [], facts: {} };
  const later = (extra: object) => ({
    ...{ ...record, later: 1, host: { ...record.host, later: 1 } },
    profiles: [{ id: 'plain', profile: { ...whole, ...extra } }],
  });
  t.same(faults('run-record', later({}), published('run-record')), []);
  t.not(faults('run-record', later({ later: 1 }), published('run-record')).length, 0);
  t.match(
    faults('run-record', later({})),
    [/later/, /later/],
    'the closed schema of these tests allows none',
  );
  t.end();
});

t.test('the README explains each field that a note may lack, and shows it in an example', (t) => {
  const text = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
  const optional = Note.options.flatMap(({ shape }) =>
    Object.entries(shape).flatMap(([name, type]) => (type.safeParse(undefined).success ? [name] : [])),
  );
  t.ok(optional.length > 0, `optional fields: ${optional.length}`);
  for (const name of optional) {
    t.match(text, `\`note.${name}\``);
    t.match(text, new RegExp(`^\\{"type":"note".*"${name}":`, 'm'));
  }
  t.end();
});

t.test('the README has a valid example line of each event type', (t) => {
  const lines = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  for (const line of lines) t.same(faults('event', line), [], line.type);
  const types = LabEvent.def.left.options.flatMap(({ shape }) => [...shape.type.values]);
  t.same(lines.map(({ type }) => type).sort(), types.sort());
  const spec = lines.find(({ type }) => type === 'cell.start').spec;
  t.same(faults('cell-spec', spec), []);
  t.not(faults('cell-spec', { ...spec, kernel: { ...spec.kernel, key: 'latest' } }).length, 0);
  t.not(faults('event', { ...lines[0], at: undefined }).length, 0);
  t.end();
});

t.test(
  'samples of the outputs of build, build --each and mutants are valid by their published schemas',
  (t) => {
    const step = {
      ...{ name: 'debian-6.12', commit: 'c0ffee', warnings: [], newWarnings: [], seconds: 62.1 },
    };
    const build: Output<'build'> = {
      ...{ key: 'k', name: 'debian-6.12', release: '6.12.57', tree: 't', commit: 'c', configHash: 'h' },
      ...{ compiler: 'gcc 12.2.0', dir: '/k', vmlinux: '/k/vmlinux', systemMap: '/k/System.map' },
      ...{ config: '/k/config', uapi: '/k/uapi.json', log: '/k/log', warnings: ['a.c: unused'] },
      ...{ cached: false, seconds: 62.1, sandboxed: true },
    };
    const each: Output<'build-each'> = [
      { ...step, ok: true },
      { ...step, ok: false, error: { message: 'does not build', detail: 'a.c:1: error' } },
    ];
    const mutants: Output<'mutants'> = {
      mutants: [
        { name: '0001-x', fault: 'x', killed: true, killedBy: 'plain/passthrough: reads' },
        { name: '0002-y', fault: 'y', killed: false, broken: 'does not apply' },
      ],
      ...{ killed: 1, total: 2 },
    };
    t.same(faults('build', build), []);
    t.same(faults('build', { ...build, newWarnings: ['b.c: unused'] }), []);
    t.same(faults('build-each', each), []);
    t.same(faults('mutants', mutants), []);
    t.not(faults('build-each', [{ ...step, ok: 'yes' }]).length, 0);
    t.end();
  },
);

/** The standard output of a command, parsed as JSON. Any exit code is accepted: doctor and compare exit with 3 and 1. */
function ringlab(dir: string, args: readonly string[]): Promise<unknown> {
  const env = { ...process.env, RINGLAB_CACHE: join(dir, 'cache'), NO_COLOR: '1' };
  const command = [join(root, 'bin/ringlab.mjs'), ...args];
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, stdout: string, stderr: string) => {
      if (stdout !== '') resolve(JSON.parse(stdout));
      else reject(new Error(`${args.join(' ')}: ${stderr}`, { cause: error }));
    };
    execFile(process.execPath, command, { env, cwd: dir, maxBuffer: 64 << 20 }, done);
  });
}

t.test(
  'the --json output of each verb that needs neither build nor guest is valid by its published schema',
  async (t) => {
    const dir = t.testdir({ cache: {}, run: { 'run.json': JSON.stringify(record) } });
    const folder = join(root, 'kernels/series/nvme-fixes');
    const matrix = ['--guest', 'plain', '--suite', 'passthrough', '--accel', 'tcg', '--dry-run', '--json'];
    const commands: [OutputName, string[]][] = [
      ['doctor', ['doctor', '--json']],
      ['series', ['series', 'import', folder, '--name', 'mine', '--json']],
      ['series', ['series', 'show', 'nvme-uring-cmd-multipath', '--json']],
      ['series-list', ['series', 'list', '--json']],
      ['source-list', ['source', 'list', '--json']],
      ['run-dry-run', ['run', ...matrix]],
      ['run-dry-run', ['bench', '--guest', 'plain', '--dry-run', '--json']],
      ['mutants-dry-run', ['mutants', '--series', 'nvme-uring-cmd-multipath', '--dry-run', '--json']],
      ['suite-list', ['suite', 'list', '--json']],
      ['guest-list', ['guest', 'list', '--json']],
      ['guest', ['guest', 'show', 'multipath', '--json']],
      ['suite-new', ['suite', 'new', './mine', '--json']],
      ['shell-dry-run', ['shell', '--accel', 'tcg', '--dry-run', '--json']],
      ['comparison', ['compare', 'run', 'run', '--json']],
      ['report', ['report', 'run', '--format', 'json']],
    ];
    const values = await Promise.all(commands.map(([, args]) => ringlab(dir, args)));
    for (const [index, [name, args]] of commands.entries()) {
      t.same(faults(name, values[index]), [], args.join(' '));
    }
    const removed = await ringlab(dir, ['series', 'remove', 'mine', '--json']);
    t.same(faults('series-remove', removed), [], 'series remove');
  },
);
