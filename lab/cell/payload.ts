import { copyFile, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { bundleAgent, bundleRunner } from '../../suites/agent/bundle.ts';
import { buildBinding } from '../../suites/binding/build.mjs';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot, isPresent } from '../core/cache.ts';
import { InputError, LabError } from '../core/errors.ts';
import { hashFile, hashOf } from '../core/hash.ts';
import { damageOf, ensureSealed } from '../core/seal.ts';
import { storageFault } from '../core/storage.ts';
import type { CellSpec } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import type { Suite } from '../model/suite.ts';
import { collectFolder } from './folder-files.ts';
import { packFiles } from './pack.ts';
import { type PayloadFile, partsOf } from './payload-files.ts';
import { collectProgram } from './program-files.ts';

/** What is pushed into a guest to run a suite, by content key. */
export type Payload = CellSpec['payload'];

/** Names of an agent's files in its payload folder. */
export const AGENT_FILES = { script: 'agent.cjs', compiled: 'agent.cjs.compiled', addon: 'ringlab.node' };

const payloadFolder = (key: string) => join(cacheRoot(), 'payloads', key);

/** Folder of a stored payload. Throws InputError when the cache does not have it, LabError when it is damaged. */
export async function findPayload({ kind, key }: Payload): Promise<string> {
  const folder = payloadFolder(key);
  if (await isPresent(folder)) {
    const damage = await damageOf(folder);
    if (damage === undefined) return folder;
    const fix = 'run the suite without --cell, which makes it again';
    throw new LabError(`the ${kind} ${key} of the cache is damaged: ${damage}\n  fix: ${fix}`);
  }
  throw new InputError({
    what: `the cache has no ${kind} ${key}`,
    where: 'the cell spec',
    expected: 'an agent or program that a run here has prepared',
    fix: 'run the suite once, or bring the cache folder payloads/ along',
  });
}

/**
 * About how many tests the suite of a stored agent has: calls of `test` in its bundle. The suite runs in guests only, so this is all that can
 * be known here; tests that a loop makes count as one.
 */
export async function countTests(folder: string): Promise<number> {
  const script = await readFile(join(folder, AGENT_FILES.script), 'utf8');
  return [...script.matchAll(/[^.\w]test\d*\(["'`]/g)].length;
}

interface BuildMessage {
  text: string;
  location: { file: string; line: number; column: number } | null;
}

/** Bundles the agent with a suite. Throws InputError with place and message when the suite does not compile. */
async function bundleSuite(suite: Suite) {
  try {
    return await bundleAgent(suite, join(cacheRoot(), 'agents'));
  } catch (error) {
    const { errors } = error as { errors?: BuildMessage[] };
    if (!errors?.length) throw error;
    throw new InputError(
      errors.map(({ text, location }) => ({
        what: text,
        where: location ? `${location.file}:${location.line}:${location.column + 1}` : suite.dir,
      })),
    );
  }
}

/** The native addon, in the cache: the package's folder may be read-only. Throws LabError when it does not compile. */
async function compiledAddon(ctx: StageContext): Promise<string> {
  try {
    return await buildBinding(join(cacheRoot(), 'addons'), (file) => {
      const damage = 'its content is not as it was built';
      noteDamage(`addons/${basename(file)}`, damage, ctx);
    });
  } catch (cause) {
    const fault = storageFault(cause);
    if (fault) throw fault;
    const fix = 'a C compiler and headers are needed (Debian: build-essential)';
    throw new LabError(`cannot compile the native addon of the suites; ${fix}`, { cause });
  }
}

function noteDamage(subject: string, damage: string, { emit }: StageContext): void {
  emit({ type: 'note', note: { code: 'cache.damaged', subject, damage } });
}

const sealed = (subject: string, ctx: StageContext) => ({
  signal: ctx.signal,
  onDamage: (damage: string) => noteDamage(subject, damage, ctx),
});

async function storeAgent(suite: Suite, addon: string, ctx: StageContext): Promise<Payload> {
  const bundle = await bundleSuite(suite);
  // The file's name has V8's tag: V8 accepts the compiled form only in the version and with the flags that made it.
  const key = hashOf('agent-2', bundle.hash, await hashFile(addon), basename(bundle.compiled)).slice(0, 32);
  const fill = async (dir: string) => {
    await copyFile(bundle.path, join(dir, AGENT_FILES.script));
    await copyFile(bundle.compiled, join(dir, AGENT_FILES.compiled));
    await copyFile(addon, join(dir, AGENT_FILES.addon));
  };
  await ensureSealed(payloadFolder(key), fill, sealed(`payloads/${key}`, ctx));
  return { kind: 'agent', key };
}

/** Stores the files of programs with a JSON file that says what is to run, and further files. */
async function storeFiles(
  kind: Payload['kind'],
  files: readonly PayloadFile[],
  start: { file: string; content: object },
  more: { from: string; to: string; hash: string }[],
  ctx: StageContext,
): Promise<Payload> {
  const hashes = [...(await partsOf(files)), ...more.flatMap(({ to, hash }) => [to, hash])];
  const key = hashOf(`${kind}-3`, JSON.stringify(start.content), ...hashes).slice(0, 32);
  const fill = async (dir: string) => {
    await packFiles(files, dir, ctx.signal);
    await writeJson(join(dir, start.file), start.content);
    for (const { from, to } of more) await copyFile(from, join(dir, to));
  };
  await ensureSealed(payloadFolder(key), fill, sealed(`payloads/${key}`, ctx));
  return { kind, key };
}

async function storeProgram(suite: Suite, ctx: StageContext): Promise<Payload> {
  const { files, start } = await collectProgram(suite, ctx.signal);
  return storeFiles('program', files, { file: 'program.json', content: start }, [], ctx);
}

async function storeFolder(suite: Suite, ctx: StageContext): Promise<Payload> {
  const { files, list } = await collectFolder(suite, ctx.signal);
  const runner = await bundleRunner(join(cacheRoot(), 'agents'));
  const tag = basename(runner.compiled);
  const more = [
    { from: runner.path, to: AGENT_FILES.script, hash: runner.hash },
    { from: runner.compiled, to: AGENT_FILES.compiled, hash: tag },
  ];
  return storeFiles('programs', files, { file: 'programs.json', content: list }, more, ctx);
}

function store(suite: Suite, addon: string, ctx: StageContext): Promise<Payload> {
  if (suite.programs) return storeFolder(suite, ctx);
  return suite.run ? storeProgram(suite, ctx) : storeAgent(suite, addon, ctx);
}

/**
 * Stores what is pushed into guests for each suite: the agent bundled with it, or programs with their files and libraries. Gives
 * the payload of each suite by its name. Throws InputError for a suite that does not compile or names missing files.
 */
export async function preparePayloads(
  suites: readonly Suite[],
  ctx: StageContext,
): Promise<Map<string, Payload>> {
  const unique = [...new Map(suites.map((suite) => [suite.name, suite])).values()];
  const addon = unique.some(({ run, programs }) => !run && !programs) ? await compiledAddon(ctx) : '';
  const payloads = await Promise.all(unique.map((suite) => store(suite, addon, ctx)));
  return new Map(unique.map(({ name }, index) => [name, payloads[index] as Payload]));
}
