import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VerdictError } from '../../core/errors.ts';
import { hashFile } from '../../core/hash.ts';
import type { KernelBuild, KernelConfigRequest, SourceTree } from '../../model/kernel.ts';
import { FakeKernel, fakeMakefile } from '../fake/tree.ts';
import { buildKernel } from '../index.ts';
import type { Attack, Victims } from './attack.ts';
import { SECRET } from './victims.ts';

/** A build may take this long, ms; an attack that makes it hang has succeeded. */
const DEADLINE_MS = 60_000;
/** Memory that the lab may take on top, bytes. */
const MEMORY = 400 << 20;

/** What an attack did. `problems` is empty when it had no effect. */
export interface Outcome {
  aim: Attack['aim'];
  name: string;
  /** How the build ended. */
  ended: 'built' | 'build-failed' | 'lab-error' | 'hung';
  problems: string[];
  seconds: number;
}

const BASE = { 'src/a.c': 'int a(void) { return 1; }\n', 'src/b.c': 'int b(void) { return 2; }\n' };

/** The files of an attack's patch, the one that makes it differ from all others included. */
function filesOf(attack: Attack, victims: Victims, index: number): Record<string, string> {
  const files: Record<string, string> = { 'src/a.c': `int a(void) { return ${1000 + index}; }\n` };
  Object.assign(files, attack.files?.(victims));
  let makefile = fakeMakefile();
  if (attack.makefile) {
    const [find, replacement] = attack.makefile(victims);
    if (!makefile.includes(find)) throw new Error(`the Makefile has no ${find}`);
    makefile = makefile.replace(find, () => replacement);
  }
  if (attack.script) {
    files['hostile.sh'] = `work=${victims.work}\n${attack.script(victims)}\n`;
    // After the last step of vmlinux, so that it can replace every output.
    const last = "env | sed -n 's/^\\(SECRET\\)/\\1/p') > System.map\n";
    if (!makefile.includes(last)) throw new Error('the Makefile does not end vmlinux as expected');
    makefile = makefile.replace(last, () => `${last}\t@sh $(srctree)/hostile.sh || true\n`);
  }
  return { ...files, Makefile: makefile };
}

/** A fake kernel with its base, on which attacks are tried one after another in one cache. */
export class Range {
  readonly #kernel: FakeKernel;
  readonly #request: KernelConfigRequest;
  readonly base: SourceTree;

  constructor(dir: string) {
    this.#kernel = new FakeKernel(dir);
    this.#request = {
      start: 'tinyconfig',
      fragments: [this.#kernel.fragment('mine', 'CONFIG_NVME=y\n')],
      debug: false,
    };
    this.base = this.#kernel.commit('base', BASE);
  }

  build(tree: SourceTree, signal = AbortSignal.timeout(DEADLINE_MS)): Promise<KernelBuild> {
    return buildKernel(tree, this.#request, { signal, emit: () => {} });
  }

  /** A series that does nothing evil. */
  harmless(index: number): SourceTree {
    return this.#kernel.patched(this.base, `harmless-${index}`, {
      'src/b.c': `int b(void) { return ${index}; }\n`,
    });
  }

  /** Builds an attack and looks at what came of it. */
  async attempt(attack: Attack, index: number, victims: Victims): Promise<Outcome> {
    const { aim, name, ends = 'either' } = attack;
    const tree = this.#kernel.patched(this.base, `attack-${index}`, filesOf(attack, victims, index));
    const before = process.memoryUsage().rss;
    const began = performance.now();
    const problems: string[] = [];
    let ended: Outcome['ended'] = 'built';
    let text = '';
    try {
      text = textOf(await this.build(tree));
    } catch (error) {
      const detail = error instanceof VerdictError ? error.detail : (error as Error).stack;
      text = `${error}\n${detail}`;
      ended =
        error instanceof VerdictError
          ? 'build-failed'
          : performance.now() - began >= DEADLINE_MS
            ? 'hung'
            : 'lab-error';
      if (ended !== 'build-failed') problems.push(text.slice(0, 1000));
    }
    if (ends !== 'either' && ended !== ends) problems.push(`${ended} instead of ${ends}`);
    if (text.includes(SECRET)) problems.push('the secret is in the output');
    if (/root:[$*!]/.test(text)) problems.push('the password file is in the output');
    const grown = process.memoryUsage().rss - before;
    if (grown > MEMORY) problems.push(`the lab grew by ${grown >> 20} MiB`);
    return { aim, name, ended, problems, seconds: Math.round((performance.now() - began) / 10) / 100 };
  }
}

/** What a reader of the store or of a report may see of a build. */
function textOf(build: KernelBuild): string {
  const files = [build.vmlinux, build.systemMap, build.config, build.uapi, build.log];
  const headers = readdirSync(join(build.dir, 'headers'), { recursive: true, encoding: 'utf8' }).map((name) =>
    join(build.dir, 'headers', name),
  );
  return [...files, ...headers]
    .filter((file) => existsSync(file) && !file.endsWith('/linux'))
    .map((file) => {
      try {
        return readFileSync(file, 'latin1');
      } catch (error) {
        return String(error);
      }
    })
    .join('\n');
}

/** Hashes of the files of a stored kernel that do not depend on time. */
export async function bytesOf({ vmlinux, systemMap, config, key }: KernelBuild): Promise<string[]> {
  return [key, ...(await Promise.all([vmlinux, systemMap, config].map((file) => hashFile(file))))];
}
