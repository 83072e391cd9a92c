import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { InputError, type Problem } from '../core/errors.ts';
import { projectRoot } from '../core/paths.ts';
import type { KernelConfigRequest } from '../model/kernel.ts';
import { type ConfigLine, parseConfig } from './kconfig/dotconfig.ts';
import { isIn, type Release } from './kconfig/releases.ts';

/** Fragments under kernels/fragments that every kernel of the lab has, in order. */
const USUAL_FRAGMENTS = ['guest', 'nvme', 'iommu', 'io_uring', 'fault'] as const;
const FRAGMENT_FOLDER = join(projectRoot, 'kernels/fragments');
const START_TARGETS = ['tinyconfig', 'defconfig'] as const;

/** The configuration used when the user asks for no other: tinyconfig with the usual fragments. */
export function defaultConfig(debug: boolean): KernelConfigRequest {
  const fragments = debug ? [...USUAL_FRAGMENTS, 'debug'] : [...USUAL_FRAGMENTS];
  return { start: 'tinyconfig', fragments, debug };
}

/** A request with its files read. */
export interface ResolvedRequest {
  /** The make target that creates the first config, or the text of a config file. */
  start: { target: (typeof START_TARGETS)[number] } | { text: string };
  /** Assignments of all fragments, in order; a later line overrides an earlier one. */
  lines: ConfigLine[];
  /** The assignments as text without comments: equal for requests that ask a kernel of one release for the same. */
  text: string;
}

async function listFragments(): Promise<string[]> {
  const files = await readdir(FRAGMENT_FOLDER);
  return files.filter((file) => file.endsWith('.config')).map((file) => file.slice(0, -'.config'.length));
}

function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

/** A fragment by name, or by path when it has a slash or ends in `.config`. */
async function readFragment(name: string, problems: Problem[]): Promise<ConfigLine[]> {
  const byPath = name.includes('/') || name.endsWith('.config');
  const path = byPath ? name : join(FRAGMENT_FOLDER, `${name}.config`);
  const text = await readText(path);
  if (text === undefined) {
    const names = (await listFragments()).join(', ');
    problems.push({ what: `no config fragment ${name}`, expected: `a path, or one of: ${names}` });
    return [];
  }
  return parseConfig(text, byPath ? path : relative(projectRoot, path), problems);
}

async function readStart(start: string, problems: Problem[]): Promise<ResolvedRequest['start']> {
  const target = START_TARGETS.find((name) => name === start);
  if (target) return { target };
  const text = await readText(start);
  if (text === undefined) {
    const expected = `a path, or one of: ${START_TARGETS.join(', ')}`;
    problems.push({ what: `no config file ${start}`, expected });
    return { text: '' };
  }
  parseConfig(text, start, problems);
  return { text };
}

/** Reads the files that a request names. Throws one InputError with every missing file and malformed line. */
export async function resolveRequest(request: KernelConfigRequest): Promise<ResolvedRequest> {
  const problems: Problem[] = [];
  const start = await readStart(request.start, problems);
  const names = [...request.fragments];
  if (request.debug && !names.includes('debug')) names.push('debug');
  const lines: ConfigLine[] = [];
  for (const name of names) lines.push(...(await readFragment(name, problems)));
  if (problems.length > 0) throw new InputError(problems);
  // The release string must not depend on the state of the user's git tree.
  lines.push({ symbol: 'LOCALVERSION_AUTO', value: 'n', where: 'ringlab' });
  return { start, lines, text: textOf(lines) };
}

/** The request for a kernel of one release: without the lines that are for others. */
export function forRelease(request: ResolvedRequest, release: Release | undefined): ResolvedRequest {
  const lines = request.lines.filter(({ releases }) => releases === undefined || isIn(release, releases));
  return { ...request, lines, text: textOf(lines) };
}

/**
 * Checks what can be checked of a request without a kernel tree: its start file and fragments exist and are well-formed. Throws one
 * InputError with every problem. Whether the kernel takes the options is known after Kconfig has run.
 */
export async function checkConfig(request: KernelConfigRequest): Promise<void> {
  await resolveRequest(request);
}

const textOf = (lines: readonly ConfigLine[]) => lines.map(assignment).join('');

function assignment({ symbol, value }: ConfigLine): string {
  return value === 'n' ? `# CONFIG_${symbol} is not set\n` : `CONFIG_${symbol}=${value}\n`;
}
