import t from 'tap';
import { z } from 'zod';
import { check, parseYaml } from './parse.ts';
import { SuiteInfo } from './suite.ts';

const problemsOf = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return (error as { problems: unknown[] }).problems;
  }
  throw new Error('nothing was thrown');
};

t.test('an unknown field is reported at its place, with the most similar fields and all fields', (t) => {
  const text = 'name: mine\nsumary: x\nguests: [plain]\ntimeoutSecond: 5\n';
  t.match(
    problemsOf(() => parseYaml(SuiteInfo, text, 'suite.yaml')),
    [
      {
        ...{ what: 'unknown field "sumary"', where: 'suite.yaml:2:1' },
        expected: /^perhaps summary.*; one of name, summary, .*, verdict, env$/,
      },
      { what: 'unknown field "timeoutSecond"', where: 'suite.yaml:4:1', expected: /^perhaps timeoutSeconds/ },
    ],
  );
  t.end();
});

t.test(
  'a field inside records, arrays and optional objects has its path; a wrong value keeps its place',
  (t) => {
    const inner = z.object({ size: z.number(), colour: z.string().optional() }).strict();
    const schema = z.object({ all: z.record(z.string(), z.array(inner.optional())).default({}) }).strict();
    const text = 'all:\n  a:\n    - size: 1\n    - size: x\n      color: red\n';
    t.match(
      problemsOf(() => parseYaml(schema, text, 'f.yaml')),
      [
        { what: /^all\.a\.1\.size: /, where: 'f.yaml:4:7' },
        {
          what: 'all.a.1: unknown field "color"',
          where: 'f.yaml:5:7',
          expected: /^perhaps colour; one of size, colour/,
        },
      ],
    );
    const either = z.union([inner, z.object({ other: z.number() }).strict()]);
    t.match(
      problemsOf(() => check(either, { nothing: 1 }, 'here')),
      [{ where: 'here' }],
      'a union',
    );
    t.match(
      problemsOf(() => parseYaml(inner, '{}', 'g.yaml')),
      [{ what: /^size: /, where: 'g.yaml:1:1' }],
    );
    t.end();
  },
);
