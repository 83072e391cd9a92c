import type { Readable, Writable } from 'node:stream';
import type { Stats as Attributes, SFTPWrapper } from 'ssh2';
import { LabError } from '../core/errors.ts';

/** What a path of a guest is. */
export interface RemoteEntry {
  kind: 'file' | 'folder' | 'link' | 'other';
  /** Permission bits. */
  mode: number;
}

/** SSH_FX_NO_SUCH_FILE (draft-ietf-secsh-filexfer-02, section 7). */
const NO_SUCH_FILE = 2;

function entryOf(attributes: Attributes): RemoteEntry {
  const mode = attributes.mode & 0o777;
  if (attributes.isSymbolicLink()) return { kind: 'link', mode };
  if (attributes.isDirectory()) return { kind: 'folder', mode };
  return { kind: attributes.isFile() ? 'file' : 'other', mode };
}

/**
 * The files of a guest over SFTP. Relative paths are below the home folder of root. Each call throws LabError with the server's reason,
 * or when the connection ends.
 */
export class RemoteFiles {
  readonly #sftp: SFTPWrapper;
  readonly #closed: Promise<string>;

  constructor(sftp: SFTPWrapper, closed: Promise<string>) {
    this.#sftp = sftp;
    this.#closed = closed;
  }

  /** What a path is; undefined where there is nothing. A link is followed with `follow`. */
  async look(path: string, { follow = false } = {}): Promise<RemoteEntry | undefined> {
    const attributes = await this.#call<Attributes | undefined>(path, (done) => {
      const take = (error: (Error & { code?: number }) | undefined | null, value?: Attributes) =>
        error?.code === NO_SUCH_FILE ? done(undefined, undefined) : done(error, value);
      if (follow) this.#sftp.stat(path, take);
      else this.#sftp.lstat(path, take);
    });
    return attributes && entryOf(attributes);
  }

  /** Entries of a folder, without `.` and `..`, sorted by name. */
  async list(path: string): Promise<{ name: string; entry: RemoteEntry }[]> {
    const entries = await this.#call<{ filename: string; attrs: unknown }[]>(path, (done) =>
      this.#sftp.readdir(path, done),
    );
    return entries
      .filter(({ filename }) => filename !== '.' && filename !== '..')
      .map(({ filename, attrs }) => ({ name: filename, entry: entryOf(attrs as Attributes) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Content of a file up to its end, whatever its size is said to be: files of /proc have the size 0. */
  read(path: string): Readable {
    return this.#sftp.createReadStream(path);
  }

  /** Writes a new file. */
  write(path: string, mode: number): Writable {
    return this.#sftp.createWriteStream(path, { flags: 'wx', mode });
  }

  makeFolder(path: string, mode: number): Promise<void> {
    return this.#call(path, (done) => this.#sftp.mkdir(path, { mode }, done));
  }

  setMode(path: string, mode: number): Promise<void> {
    return this.#call(path, (done) => this.#sftp.chmod(path, mode, done));
  }

  target(link: string): Promise<string> {
    return this.#call(link, (done) => this.#sftp.readlink(link, done));
  }

  /** Makes a link. Behind dropbear too ssh2 sends the arguments in the order of OpenSSH's server (its PROTOCOL file, section 4.1). */
  link(target: string, path: string): Promise<void> {
    return this.#call(path, (done) => this.#sftp.symlink(target, path, done));
  }

  /** Renames over what is there, as rename(2). */
  rename(from: string, to: string): Promise<void> {
    return this.#call(to, (done) => this.#sftp.ext_openssh_rename(from, to, done));
  }

  remove(path: string): Promise<void> {
    return this.#call(path, (done) => this.#sftp.unlink(path, done));
  }

  #call<T>(path: string, call: (done: (error?: Error | null, value?: T) => void) => unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      void this.#closed.then((reason) => reject(new LabError(`SSH: ${reason}`)));
      const done = (error?: Error | null, value?: T) =>
        error ? reject(new LabError(`the guest's ${path}: ${error.message}`)) : resolve(value as T);
      // ssh2 throws instead of calling back when the connection is already down.
      try {
        call(done);
      } catch (error) {
        done(error as Error);
      }
    });
  }
}
