import type { Lab, Needs } from '../lib/test.ts';
import { SkipError } from '../lib/uapi.ts';

/** Throws SkipError with the reason when the kernel or the guest lacks something that a test needs. */
export function checkNeeds(needs: Needs, lab: Lab): void {
  if (needs.kernel && !lab.uapi.since(needs.kernel))
    throw new SkipError(`needs Linux ${needs.kernel}, the kernel is ${lab.uapi.release}`);
  for (const name of needs.uapi ?? []) lab.uapi.constant(name);
  for (const role of needs.devices ?? []) lab.device(role);
  for (const [name, required] of Object.entries(needs.facts ?? {})) {
    const fact = lab.cell.facts[name];
    const matches = required === true ? Boolean(fact) && fact !== 'none' : fact === required;
    if (!matches)
      throw new SkipError(`needs a guest with ${name} ${required}, this guest has ${fact ?? 'none'}`);
  }
}
