import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { bundleAgent } from '../../suites/agent/bundle.ts';
import { buildBinding } from '../../suites/binding/build.mjs';
import { writeJson } from '../core/atomic.ts';
import { cacheRoot, exists } from '../core/cache.ts';
import { InputError, LabError } from '../core/errors.ts';
import { hashFile, hashOf } from '../core/hash.ts';
import { damageOf, ensureSealed } from '../core/seal.ts';
import { storageFault } from '../core/storage.ts';
import type { CellSpec } from '../model/cell.ts';
import type { StageContext } from '../model/event.ts';
import type { Suite } from '../model/suite.ts';
import { collectProgram, copyProgram } from './program-files.ts';

/** What is pushed into a guest to run a suite, by content key. */
export type Payload = CellSpec['payload'];

/** Names of an agent's files in its payload folder. */
export const AGENT_FILES = { script: 'agent.cjs', compiled: 'agent.cjs.compiled', addon: 'ringlab.node' };

const payloadFolder = (key: string) => join(cacheRoot(), 'payloads', key);

/** Folder of a stored payload. Throws InputError when the cache does not have it, LabError when it is damaged. */
export async function findPayload({ kind, key }: Payload): Promise<string> {
  const folder = payloadFolder(key);
  if (await exists(folder)) {
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

async function storeProgram(suite: Suite, ctx: StageContext): Promise<Payload> {
  const program = await collectProgram(suite, ctx.signal);
  const parts = await Promise.all(
    program.files.map(async ({ from, to, mode }) => [to, String(mode), await hashFile(from)]),
  );
  const key = hashOf('program-2', JSON.stringify(program.start), ...parts.flat()).slice(0, 32);
  const fill = async (dir: string) => {
    await copyProgram(program.files, dir);
    await writeJson(join(dir, 'program.json'), program.start);
  };
  await ensureSealed(payloadFolder(key), fill, sealed(`payloads/${key}`, ctx));
  return { kind: 'program', key };
}

/**
 * Stores what is pushed into guests for each suite: the agent bundled with it, or a program with its files and libraries. Gives
 * the payload of each suite by its name. Throws InputError for a suite that does not compile or names missing files.
 */
export async function preparePayloads(
  suites: readonly Suite[],
  ctx: StageContext,
): Promise<Map<string, Payload>> {
  const unique = [...new Map(suites.map((suite) => [suite.name, suite])).values()];
  const addon = unique.some(({ run }) => !run) ? await compiledAddon(ctx) : '';
  const payloads = await Promise.all(
    unique.map((suite) => (suite.run ? storeProgram(suite, ctx) : storeAgent(suite, addon, ctx))),
  );
  return new Map(unique.map(({ name }, index) => [name, payloads[index] as Payload]));
}
