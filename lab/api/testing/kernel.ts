import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../core/paths.ts';
import { run } from '../../core/process.ts';
import { FakeKernel } from '../../kernel/fake/tree.ts';

/** Kconfig with every symbol of kernels/fragments, so that the fake kernel takes the usual configuration. */
function kconfig(): string {
  const folder = join(projectRoot, 'kernels/fragments');
  const texts = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  const symbols = texts.join('\n').matchAll(/^(?:# )?CONFIG_(\w+)(?:=| is not set)/gm);
  const extra = ['HZ_1000', 'PREEMPT'];
  const names = new Set([...extra, ...[...symbols].map(([, name = '']) => name)]);
  return [...names].map((name) => `config ${name}\n\tbool "${name}"\n`).join('\n');
}

/** A fake kernel as a git tree, whose history a test writes: it is configured and compiled in a second, but cannot be booted. */
export class FakeTree {
  /** The git tree, for `--tree`. */
  readonly tree: string;
  readonly #kernel: FakeKernel;

  /** Makes the tree in `dir`, with one commit. */
  constructor(dir: string) {
    mkdirSync(dir, { recursive: true });
    this.#kernel = new FakeKernel(dir);
    this.tree = join(dir, 'source');
    // A patch to src/ would count as a patch for another project.
    const makefile = readFileSync(join(this.tree, 'Makefile'), 'utf8').replaceAll('src/', 'drivers/');
    const source = 'int a(void) { return 0; }\n';
    this.commit('first', { Kconfig: kconfig(), Makefile: makefile, 'drivers/a.c': source });
  }

  /** Commits files and returns the commit. */
  commit(subject: string, files: Record<string, string>): string {
    return this.#kernel.commit(subject, files).commit;
  }

  /** Writes the commits `from..` as an mbox file and returns its path. */
  async mbox(from: string, name: string): Promise<string> {
    const range = ['--stdout', `${from}..HEAD`];
    const { stdout } = await run('git', ['-C', this.tree, 'format-patch', ...range]);
    const file = join(this.tree, '..', `${name}.mbox`);
    writeFileSync(file, stdout);
    return file;
  }

  /** Takes the tree back to a commit. */
  async reset(commit: string): Promise<void> {
    await run('git', ['-C', this.tree, 'reset', '-q', '--hard', commit]);
  }
}
