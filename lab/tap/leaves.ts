import { isFailure } from '../model/verdict.ts';
import type { Leaf } from './collect.ts';
import type { Frame } from './frame.ts';
import { fillNumber, missing } from './numbers.ts';

/** Most results that wait for the name of their level. */
const MAX_HELD = 20_000;

/** The results of a stream's leaves on their way to the collector: counted in their frames, and given their full names. */
export class Leaves {
  readonly #emit: (result: Leaf) => void;
  #held = 0;

  /** `emit` gets each leaf when its full name is known. */
  constructor(emit: (result: Leaf) => void) {
    this.#emit = emit;
  }

  /** Counts a leaf in its frame and all outer ones, and emits it; it waits at the first frame that has no name yet. */
  deliver(frame: Frame, result: Leaf): void {
    for (let at: Frame | undefined = frame; at; at = at.parent) {
      at.leaves++;
      if (isFailure(result.verdict)) at.failures++;
    }
    this.#rise(frame, result);
  }

  /** Takes one missing test off a frame, because the caller reports it under its name. */
  claim(frame: Frame): void {
    const [first] = missing(frame);
    if (first) fillNumber(frame, first.from);
    for (let at: Frame | undefined = frame; at; at = at.parent) {
      at.failures++;
      at.leaves++;
    }
  }

  /** Names a nested frame, and delivers the leaves that waited for its name. */
  name(frame: Frame, name: string): void {
    frame.name = name;
    const held = frame.held.splice(0);
    this.#held -= held.length;
    for (const result of held) this.#rise(frame, result);
  }

  /** Takes a level out between a frame and its child: the child has the level's name if it has none, and what waited rises on. */
  lift({ name, held, parent }: Frame, child: Frame): void {
    if (name !== undefined && child.name === undefined) this.name(child, name);
    this.#held -= held.length;
    if (parent) for (const result of held) this.#rise(parent, result);
  }

  #rise(frame: Frame, result: Leaf): void {
    let { name } = result;
    for (let at = frame; at.parent; at = at.parent) {
      if (at.name === undefined) {
        // Results of a level whose name never comes must not fill memory: those beyond the limit keep what they are called so far.
        if (this.#held >= MAX_HELD) break;
        this.#held++;
        at.held.push({ ...result, name });
        return;
      }
      name = `${at.name} > ${name}`;
    }
    this.#emit({ ...result, name });
  }
}
