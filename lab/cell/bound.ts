import { recordChars } from '../tap/index.ts';
import type { AttributedComplaint } from './attribute.ts';

/**
 * Leaves out the texts of complaints that would take more than `maxChars` characters in a record together: those of fatal complaints
 * last. Each complaint keeps its title, and the console has its text.
 */
export function boundComplaints<C extends AttributedComplaint>(
  complaints: readonly C[],
  maxChars: number,
): C[] {
  let left = maxChars;
  const byWeight = [...complaints].sort((a, b) => Number(b.fatal) - Number(a.fatal));
  const whole = new Set(
    byWeight.filter((complaint) => {
      const chars = recordChars(complaint);
      if (chars > left) return false;
      left -= chars;
      return true;
    }),
  );
  return complaints.map((complaint) => {
    if (whole.has(complaint)) return complaint;
    const text = `[${complaint.text.length} characters left out: the complaints passed the limit; the console has them]`;
    return { ...complaint, text };
  });
}
