import { randomBytes } from 'node:crypto';
import { visible } from '../model/visible.ts';

/** Stands for ESC in our own colours until a text has been cleaned. Random, so that no text from outside contains it. */
export const ESC = `esc-${randomBytes(16).toString('hex')}`;

/** The text as a terminal may get it: every unsafe character visible, and `ESC` replaced. */
export const cleaned = (text: string): string => visible(text).replaceAll(ESC, '\u001b');
