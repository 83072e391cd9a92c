import type { Attack } from './attack.ts';
import { confusions } from './confuse.ts';
import { connects } from './connect.ts';
import { escapes } from './escape.ts';
import { exhausts } from './exhaust.ts';
import { poisons } from './poison.ts';
import { reads } from './read.ts';

/** Hostile patches; each is tried against one build of the fake kernel. */
export const attacks: readonly Attack[] = [
  ...escapes,
  ...reads,
  ...connects,
  ...poisons,
  ...exhausts,
  ...confusions,
];
