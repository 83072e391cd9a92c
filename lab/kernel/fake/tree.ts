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

/** The fake kernel's Makefile with a shell command that runs before the kernel is linked, in the object folder. */
export function makefileThat(command: string): string {
  const link = "\t@echo '  LD      vmlinux'\n";
  return fakeMakefile().replace(link, () => `${link}\t@${command.split('$').join('$$')}\n`);
}

/** The fake kernel's Makefile with a shell command that runs after the kernel is linked, in the object folder. */
export function makefileThatEnds(command: string): string {
  const end = '> System.map\n';
  return fakeMakefile().replace(end, () => `${end}\t@${command.split('$').join('$$')}\n`);
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

  /**
   * Like `commit`, but as a series on a source, as the source stage would apply it: the files of the repository are then those of the
   * source again.
   */
  patched(source: SourceTree, name: string, files: Record<string, string | null>): SourceTree {
    const { commit, tree } = source;
    this.#git('reset', '-q', '--hard', commit);
    const below = { commit, tree, name: source.name };
    const patched = this.commit(name, files);
    this.#git('reset', '-q', '--hard', commit);
    return { ...patched, base: below, source: below };
  }

  /** Writes a config fragment outside the tree; returns its path. */
  fragment(name: string, text: string): string {
    const file = join(this.dir, `${name}.config`);
    writeFileSync(file, text);
    return file;
  }
}
