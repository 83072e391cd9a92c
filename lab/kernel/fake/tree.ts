import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { SourceTree } from '../../model/kernel.ts';

const kconfig = `config NVME
	bool "NVMe"

config MULTIPATH
	bool "Multipath"
	depends on NVME

config EXTRA
	tristate "A module"
	depends on NVME
`;
const uapi =
  '#define IORING_OP_NOP 0\nenum { IORING_OP_LAST = 7 };\nstruct io_uring_sqe { char opcode; int fd; };\n';

/** A git repository with a kernel tree in small; `commit` makes states of it that can be built. */
export class FakeKernel {
  readonly #repository: string;

  constructor(readonly dir: string) {
    this.#repository = join(dir, 'source');
    mkdirSync(join(this.#repository, 'scripts'), { recursive: true });
    this.#git('init', '-q');
    cpSync(join(import.meta.dirname, 'Makefile'), join(this.#repository, 'Makefile'));
    cpSync(join(import.meta.dirname, 'conf.awk'), join(this.#repository, 'scripts/conf.awk'));
    this.#write({ Kconfig: kconfig, 'include/uapi/linux/io_uring.h': uapi });
  }

  #git(...args: string[]): string {
    const who = ['-c', 'user.name=fake', '-c', 'user.email=fake@example.org'];
    return execFileSync('git', [...who, ...args], { cwd: this.#repository, encoding: 'utf8' }).trim();
  }

  #write(files: Record<string, string | null>): void {
    for (const [name, text] of Object.entries(files)) {
      const file = join(this.#repository, name);
      mkdirSync(dirname(file), { recursive: true });
      if (text === null) rmSync(file);
      else writeFileSync(file, text);
    }
  }

  /** Writes (or with null removes) files and commits; the result is a state as the source stage gives it. */
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

  /** A config fragment of the user's own, by path. */
  fragment(name: string, text: string): string {
    const file = join(this.dir, `${name}.config`);
    writeFileSync(file, text);
    return file;
  }
}
