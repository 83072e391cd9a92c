import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../core/paths.ts';
import type { StageContext } from '../model/event.ts';
import type { AccelChoice } from '../model/machine.ts';

/** One need of the lab, and whether this machine meets it. */
export interface Finding {
  /** What is needed, as a user would name it: `QEMU`, `QEMU device nvme`, `disk space`. */
  need: string;
  ok: boolean;
  /** What the machine has: a version, an amount, or why it does not work. Absent when it has nothing. */
  found?: string;
  /** Without a required need the lab cannot do its job; without an optional one it does less, or slower. */
  level: 'required' | 'optional';
  /** How to fix it; present whenever `ok` is false. */
  fix?: string;
}

/** Probes that other stages have; the caller passes them, because stages do not import one another. */
export interface Probers {
  /** Finds out by running a guest whether KVM works. */
  probeAccel: (ctx: StageContext) => Promise<AccelChoice>;
  /** Runs a program in the sandbox of kernel builds. Returns undefined when it worked, else why it did not. */
  trySandbox: (signal: AbortSignal) => Promise<string | undefined>;
}

/** The set-up belongs to a checkout; the installed package has none. */
const hasSetup = existsSync(join(projectRoot, 'setup/main.mjs'));

/** The advice for a need that a Debian package meets. */
export const install = (debianPackage: string, setup = 'npm run setup'): string =>
  `${hasSetup ? `${setup}, or: ` : ''}apt-get install ${debianPackage}`;
