import { join } from 'node:path';

/** Files and sockets of one boot. */
export interface BootPaths {
  /** Unix sockets on which the lab listens and to which QEMU connects; at most 107 bytes (unix(7)). */
  qmp: string;
  qtest: string;
  /** Takes the state of a template. */
  state: string;
  /** Archive with this boot's SSH keys. */
  seed: string;
  /** File of the drive `id`. */
  drive: (id: string) => string;
}

/** The paths of a boot in `dir`. Sockets may lie elsewhere, because their paths must be short. */
export const bootPaths = (dir: string, socketDir = dir): BootPaths => ({
  qmp: join(socketDir, 'qmp'),
  qtest: join(socketDir, 'qtest'),
  state: join(socketDir, 'state'),
  seed: join(dir, 'seed.tar'),
  drive: (id) => join(dir, `${id}.raw`),
});
