import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostArch } from '../../model/arch.ts';
import type { SourceTree } from '../../model/kernel.ts';

const KCONFIG = `config NVME
	bool "NVMe"

config MULTIPATH
	bool "Multipath"
	depends on NVME

config EXTRA
	tristate "A module"
	depends on NVME
`;
const UAPI =
  '#define IORING_OP_NOP 0\nenum { IORING_OP_LAST = 7 };\nstruct io_uring_sqe { char opcode; int fd; };\n';

/** The fake kernel's Makefile, for the architecture of this machine. */
export function fakeMakefile(): string {
  const { target, file } = hostArch().kernel.image;
  const text = readFileSync(join(import.meta.dirname, 'Makefile'), 'utf8');
  return `image_target := ${target}\nimage_file := ${file}\n${text}`;
}

/** A git repository with a small kernel tree; each commit can be built. */
export class FakeKernel {
  readonly #repository: string;

  constructor(readonly dir: string) {
    this.#repository = join(dir, 'source');
    mkdirSync(join(this.#repository, 'scripts'), { recursive: true });
    this.#git('init', '-q');
    cpSync(join(import.meta.dirname, 'conf.awk'), join(this.#repository, 'scripts/conf.awk'));
    this.#write({ Makefile: fakeMakefile(), Kconfig: KCONFIG, 'include/uapi/linux/io_uring.h': UAPI });
  }

  #git(...args: string[]): string {
    const identity = ['-c', 'user.name=fake', '-c', 'user.email=fake@example.org'];
    return execFileSync('git', [...identity, ...args], { cwd: this.#repository, encoding: 'utf8' }).trim();
  }

  #write(files: Record<string, string | null>): void {
    for (const [name, text] of Object.entries(files)) {
      const file = join(this.#repository, name);
      mkdirSync(dirname(file), { recursive: true });
      if (text === null) rmSync(file);
      else writeFileSync(file, text);
    }
  }

  /** Writes files (null removes one) and commits; returns the tree as the source stage would. */
  commit(name: string, files: Record<string, string | null>): SourceTree {
    this.#write(files);
    this.#git('add', '-A');
    this.#git('commit', '-q', '-m', name);
    return {
      name,
      gitDir: join(this.#repository, '.git'),
      commit: this.#git('rev-parse', 'HEAD'),
      tree: this.#git('rev-parse', 'HEAD^{tree}'),
      workDir: join(this.dir, 'work'),
    };
  }

  /** As `commit`, for a series on a base: its tree has the files of the base and these. */
  patched(base: SourceTree, name: string, files: Record<string, string | null>): SourceTree {
    this.#git('checkout', '-q', '-f', base.commit);
    const { commit, tree } = base;
    return { ...this.commit(name, files), base: { commit, tree, name: base.name } };
  }

  /** Writes a config fragment outside the tree; returns its path. */
  fragment(name: string, text: string): string {
    const file = join(this.dir, `${name}.config`);
    writeFileSync(file, text);
    return file;
  }
}
