/** Checks fit patchwork's REST API. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import ajvFormats from 'ajv-formats';
import t from 'tap';
import { parse } from 'yaml';
import { z } from 'zod';
import * as kernels from './golden/kernels.ts';
import { comparison, record } from './golden/sample.ts';
import { render } from './index.ts';

/** `CheckCreate` of patchwork's REST API 1.3. */
const Check = z.strictObject({
  state: z.enum(['pending', 'success', 'warning', 'fail']),
  target_url: z.url().max(200).nullable(),
  context: z
    .string()
    .regex(/^[-a-zA-Z0-9_]+$/)
    .max(255),
  description: z.string().nullable(),
});
const long = structuredClone(record);
for (const cell of long.cells) cell.suite = `${cell.suite} ${'é'.repeat(300)}/ \u001b`;
const inputs = {
  sample: { record, comparison, url: 'https://x.org/runs/1' },
  kernels,
  alone: { record },
  'long names': { record: long, url: `https://x.org/${'a'.repeat(200)}` },
};
const checksOf = (input: (typeof inputs)[keyof typeof inputs]) =>
  z.array(Check).parse(JSON.parse(render('patchwork', input)));

t.test('each check has only fields and values that patchwork takes, and a context of its own', (t) => {
  for (const [name, input] of Object.entries(inputs)) {
    const checks = checksOf(input);
    t.equal(new Set(checks.map(({ context }) => context)).size, checks.length, `contexts of ${name}`);
  }
  t.equal(checksOf(inputs['long names'])[0]?.target_url, null, 'an address that is too long is left out');
  t.end();
});

const { RINGLAB_REFERENCES } = process.env;
const file = join(RINGLAB_REFERENCES ?? '', 'patchwork-v1_3.yaml');
const schema = (() => {
  try {
    return RINGLAB_REFERENCES ? readFileSync(file, 'utf8') : undefined;
  } catch {
    return undefined;
  }
})();
const skip = schema ? false : 'the folder of RINGLAB_REFERENCES has no patchwork-v1_3.yaml';

t.test('each check is valid for the schema that patchwork publishes', { skip }, (t) => {
  const ajv = new Ajv({ allErrors: true, strict: false });
  ajvFormats.default(ajv);
  const validate = ajv.compile(parse(schema ?? '').components.schemas.CheckCreate);
  for (const [name, input] of Object.entries(inputs))
    for (const check of JSON.parse(render('patchwork', input))) {
      validate(check);
      t.same(validate.errors ?? [], [], name);
    }
  t.end();
});

t.test('the run and each cell of the patched side have a state and what was found', (t) => {
  const [run, ...cells] = checksOf(inputs.sample);
  t.match(run, { context: 'ringlab', state: 'fail', target_url: 'https://x.org/runs/1' });
  t.same(
    cells.map(({ context, state }) => [context, state]),
    [
      ['ringlab-plain_passthrough', 'fail'],
      ['ringlab-multipath_multipath', 'warning'],
      ['ringlab-swiotlb_passthrough', 'fail'],
    ],
  );
  t.match(
    cells[0]?.description,
    /keeps order: pass -> fail; expected \[1, 2\], got \[2, 1\] \(and 1 more\)$/,
  );
  const sound = { record: { ...record, cells: record.cells.slice(2, 3) } };
  t.match(checksOf(sound)[1], { state: 'success', description: '1 passed, 0 skipped' });
  t.end();
});
