/** What a stage tells while it works; the only thing that travels up besides its result. */
export interface LabEvent {
  stage: 'setup' | 'source' | 'series' | 'kernel' | 'image' | 'guest' | 'suite' | 'run';
  /** What the event is about: a kernel's, guest's or cell's readable name. */
  subject: string;
  /** `start`/`end` frame a piece of work; `progress` has done/total; `line` is output; `note` is worth showing always. */
  kind: 'start' | 'progress' | 'line' | 'end' | 'note';
  text?: string;
  done?: number;
  total?: number;
}

export type Emit = (event: LabEvent) => void;

/** What every stage is given besides its input. */
export interface StageContext {
  signal: AbortSignal;
  emit: Emit;
}
