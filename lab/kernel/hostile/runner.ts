import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { attacks } from './index.ts';
import { hasLeftKey } from './keys.ts';
import type { Outcome } from './trial.ts';
import { bytesOf, Range } from './trial.ts';
import { Bystanders } from './victims.ts';

/**
 * Tries attacks as the user of this process. Arguments: an empty folder, and optionally their aims, with commas, and a part of
 * their names. Prints one JSON line for each attack.
 */
const [dir = '', aims = '', pattern = ''] = process.argv.slice(2);
const useCache = (cache: string) => {
  process.env.RINGLAB_CACHE = cache;
};

const attacked = join(dir, 'attacked');
const clean = join(dir, 'clean');
for (const folder of [attacked, clean]) mkdirSync(folder);
const range = new Range(attacked);
const reference = new Range(clean);
const paths = { cache: join(attacked, 'cache'), work: join(attacked, 'work') };
await using bystanders = await Bystanders.start(dir, paths);

useCache(paths.cache);
const base = await range.build(range.base);
for (const [index, attack] of attacks.entries()) {
  if ((aims && !aims.split(',').includes(attack.aim)) || !attack.name.includes(pattern)) continue;
  useCache(paths.cache);
  const outcome: Outcome = await range.attempt(attack, index, bystanders.victims);
  outcome.problems.push(...bystanders.harm(), ...(hasLeftKey() ? ['a key was left with the user'] : []));
  if (attack.aim === 'poison') {
    const poisoned = await range.build(range.harmless(index)).then(bytesOf, String);
    useCache(join(clean, 'cache'));
    const expected = await bytesOf(await reference.build(reference.harmless(index)));
    if (String(poisoned) !== String(expected)) outcome.problems.push('a later series has other bytes');
  }
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}
// The base is made again from what the attacks have left.
useCache(paths.cache);
rmSync(base.dir, { recursive: true });
const again = await range.build(range.base).then(bytesOf, String);
useCache(join(clean, 'cache'));
const expected = await bytesOf(await reference.build(reference.base));
const problems = [
  ...bystanders.harm(),
  ...(String(again) === String(expected) ? [] : ['the base has other bytes']),
];
process.stdout.write(
  `${JSON.stringify({ aim: 'poison', name: 'base after all attacks', ended: 'built', problems, seconds: 0 })}\n`,
);
