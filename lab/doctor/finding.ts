import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../core/paths.ts';
import type { Accel } from '../model/machine.ts';

/** One need of the lab, and whether this machine meets it. */
export interface Finding {
  /** What is needed, as a user would name it: `QEMU`, `QEMU device nvme`, `disk space`. */
  need: string;
  ok: boolean;
  /** What is there: a version, an amount, or why it does not work. Absent when nothing was found. */
  found?: string;
  /** Without a required need the lab cannot do its job; without an optional one it does less, or slower. */
  level: 'required' | 'optional';
  /** How fix it; present whenever `ok` is false. */
  fix?: string;
}

/** What starting a guest has shown about this machine. `reason` says why KVM is not used. */
export interface AccelFound {
  accel: Accel;
  reason?: string;
}

/** The set-up belongs to a checkout; the installed package has none. */
const hasSetup = existsSync(join(projectRoot, 'setup/main.mjs'));

/** The advice for a need that a Debian package meets. */
export const install = (debianPackage: string, setup = 'npm run setup'): string =>
  `${hasSetup ? `${setup}, or: ` : ''}apt-get install ${debianPackage}`;
