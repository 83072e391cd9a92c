import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../core/process.ts';

const LIB = '/usr/lib/postgresql';

/** Folder of the newest server's programs; undefined where none is installed. */
export function postgresPrograms(): string | undefined {
  const releases = existsSync(LIB) ? readdirSync(LIB).sort((a, b) => Number(b) - Number(a)) : [];
  return releases.map((release) => join(LIB, release, 'bin')).find((dir) => existsSync(join(dir, 'initdb')));
}

/** uid and gid of nobody: the server refuses to run as root. */
const NOBODY = 65534;

/** A server in a folder of its own, on a UNIX socket, for the time of a test. */
export class PostgresServer implements AsyncDisposable {
  readonly url: string;
  readonly #stop: () => Promise<void>;

  private constructor(url: string, stop: () => Promise<void>) {
    this.url = url;
    this.#stop = stop;
  }

  static async start(programs: string): Promise<PostgresServer> {
    // Short: a path of a socket has at most 107 bytes.
    const dir = mkdtempSync(join(tmpdir(), 'rl-pg-'));
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chownSync(dir, NOBODY, NOBODY);
    const as = isRoot ? [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'] : ['--'];
    const call = (program: string, ...args: string[]) =>
      run('setpriv', [...as, join(programs, program), ...args], { cwd: dir, env: { LC_ALL: 'C' } });
    const data = join(dir, 'data');
    try {
      await call('initdb', '-D', data, '-U', 'ringlab', '-A', 'trust', '--no-sync');
      const settings = `-c listen_addresses= -c unix_socket_directories=${dir} -c fsync=off`;
      await call('pg_ctl', '-D', data, '-l', join(dir, 'log'), '-o', settings, '-w', '-t', '120', 'start');
    } catch (error) {
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
    const url = `postgres://ringlab@localhost/postgres?host=${encodeURIComponent(dir)}`;
    return new PostgresServer(url, async () => {
      await call('pg_ctl', '-D', data, '-m', 'immediate', '-w', 'stop');
      rmSync(dir, { recursive: true, force: true });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }
}
