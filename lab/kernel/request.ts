import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { InputError, type Problem } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import type { KernelConfigRequest } from '../model/kernel.ts';
import { type ConfigLine, parseConfig } from './kconfig/dotconfig.ts';

/** Fragments under kernels/fragments that every kernel of the lab has, in order. */
const usual = ['guest', 'nvme', 'iommu', 'io_uring', 'fault'] as const;
const fragmentFolder = join(projectRoot, 'kernels/fragments');
const makeTargets = ['tinyconfig', 'defconfig'] as const;

/** The configuration of a run that asks for nothing else: tinyconfig with the usual fragments. */
export function defaultConfig(debug: boolean): KernelConfigRequest {
  return { start: 'tinyconfig', fragments: debug ? [...usual, 'debug'] : [...usual], debug };
}

/** A request with its files read. */
export interface ResolvedRequest {
  /** The make target that starts the config, or the text of the file that does. */
  start: { target: (typeof makeTargets)[number] } | { text: string };
  /** What the fragments ask for, in order; a later line overrides an earlier one. */
  lines: ConfigLine[];
  /** The fragments' assignments as text, comments left out: equal for requests that ask for the same. */
  text: string;
}

async function listFragments(): Promise<string[]> {
  const names = await readdir(fragmentFolder);
  return names.filter((name) => name.endsWith('.config')).map((name) => name.slice(0, -'.config'.length));
}

function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

/** A fragment by name, or by path when it has a slash or ends in `.config`. */
async function readFragment(name: string, problems: Problem[]): Promise<ConfigLine[]> {
  const byPath = name.includes('/') || name.endsWith('.config');
  const path = byPath ? name : join(fragmentFolder, `${name}.config`);
  const text = await readText(path);
  if (text === undefined) {
    const known = (await listFragments()).join(', ');
    problems.push({ what: `no config fragment ${name}`, expected: `a path, or one of: ${known}` });
    return [];
  }
  return parseConfig(text, byPath ? path : relative(projectRoot, path), problems);
}

async function readStart(start: string, problems: Problem[]): Promise<ResolvedRequest['start']> {
  const target = makeTargets.find((name) => name === start);
  if (target) return { target };
  const text = await readText(start);
  if (text === undefined) {
    problems.push({
      what: `no config file ${start}`,
      expected: `a path, or one of: ${makeTargets.join(', ')}`,
    });
    return { text: '' };
  }
  parseConfig(text, start, problems);
  return { text };
}

/** Reads what a request names. Throws one InputError with every unknown fragment and malformed line. */
export async function resolveRequest(request: KernelConfigRequest): Promise<ResolvedRequest> {
  const problems: Problem[] = [];
  const start = await readStart(request.start, problems);
  const names = [...request.fragments];
  if (request.debug && !names.includes('debug')) names.push('debug');
  const lines: ConfigLine[] = [];
  for (const name of names) lines.push(...(await readFragment(name, problems)));
  if (problems.length > 0) throw new InputError(problems);
  // The release string must not depend on the state of somebody's git tree.
  lines.push({ symbol: 'LOCALVERSION_AUTO', value: 'n', where: 'ringlab' });
  return { start, lines, text: lines.map(assignment).join('') };
}

function assignment({ symbol, value }: ConfigLine): string {
  return value === 'n' ? `# CONFIG_${symbol} is not set\n` : `CONFIG_${symbol}=${value}\n`;
}
