/** A Debian package that ringlab needs, and why. `command`: a program of it, looked for where there is no dpkg. */
export interface Package {
  readonly name: string;
  readonly why: string;
  readonly command?: string;
}
export const required: readonly Package[];
/** Installed with `--tests` only. */
export const forTests: readonly Package[];
/** Installed with `--all` only. */
export const optional: readonly Package[];
