import { looksLikeMbox } from './mbox.ts';
import { isLorePage } from './page-lore.ts';
import { isSinglePage } from './page-single.ts';
import { isTrackerPage } from './page-tracker.ts';
import { findDiff } from './patch-text.ts';

/** Format of a file's content. */
export type Kind = 'mbox' | 'mail' | 'lore' | 'tracker' | 'single' | 'diff' | 'html' | 'unknown';

/** Whether a text starts with a header block that has a sender, and a subject or date. */
function isMail(head: string): boolean {
  const block = head.split(/\r?\n\r?\n/, 1)[0] ?? '';
  return (
    /^[A-Za-z][A-Za-z0-9-]*:[ \t]/.test(block) && /^From:/im.test(block) && /^(?:Subject|Date):/im.test(block)
  );
}

/** Recognises the format by the content alone. `text` decodes all of it and may throw; it is called only when the bytes are no mail. */
export function kindOf(bytes: Buffer, text: () => string): Kind {
  const head = bytes.toString('latin1', 0, 1 << 16);
  if (looksLikeMbox(head)) return 'mbox';
  if (isMail(head)) return 'mail';
  if (/^\s*<(?:!doctype|html|\?xml)/i.test(head)) return 'html';
  const whole = text();
  if (isLorePage(whole)) return 'lore';
  if (isTrackerPage(whole)) return 'tracker';
  if (isSinglePage(whole)) return 'single';
  return findDiff(whole.split('\n')) >= 0 ? 'diff' : 'unknown';
}
