import type { Lab, Needs } from '../lib/test.ts';
import { SkipError } from '../lib/uapi.ts';

/** Throws SkipError with the reason when a test cannot run here. */
export function checkNeeds(needs: Needs, lab: Lab): void {
  if (needs.kernel && !lab.uapi.since(needs.kernel))
    throw new SkipError(`needs Linux ${needs.kernel}, this one is ${lab.uapi.release}`);
  for (const name of needs.uapi ?? []) lab.uapi.constant(name);
  for (const role of needs.devices ?? []) lab.device(role);
  for (const [name, wanted] of Object.entries(needs.facts ?? {})) {
    const fact = lab.cell.facts[name];
    const holds = wanted === true ? Boolean(fact) && fact !== 'none' : fact === wanted;
    if (!holds) throw new SkipError(`needs a guest with ${name} ${wanted}, this one has ${fact ?? 'none'}`);
  }
}
