/** What a benchmark measured, as its title says: `read 4k depth 16 passthrough bvec`. */
export interface Workload {
  /** `read`, `nop`. */
  kind: string;
  /** KiB of a request. */
  size?: number;
  depth?: number;
  /** The way of the request: `passthrough bvec`, `none`. */
  engine: string;
}

/** The parts of a title; a title that is made otherwise is its `kind`. */
export function workloadOf(title: string): Workload {
  const last = title.split(' > ').at(-1) ?? title;
  const size = /\b(\d+)k\b/.exec(last)?.[1];
  const depth = /\bdepth (\d+)\b/.exec(last)?.[1];
  const [kind = '', ...rest] = last.replace(/\b\d+k\b|\bdepth \d+\b/g, '\n').split('\n');
  return {
    kind: kind.trim() || last,
    ...(size === undefined ? {} : { size: Number(size) }),
    ...(depth === undefined ? {} : { depth: Number(depth) }),
    engine: rest.join(' ').replace(/\s+/g, ' ').trim(),
  };
}

/** The test of a figure `TEST.FIGURE` and the figure's name. Both may have dots: the longest test of the cell counts. */
export function splitFigure(name: string, tests: ReadonlySet<string>): { test: string; figure: string } {
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1))
    if (tests.has(name.slice(0, dot))) return { test: name.slice(0, dot), figure: name.slice(dot + 1) };
  const dot = name.lastIndexOf('.');
  return dot > 0 ? { test: name.slice(0, dot), figure: name.slice(dot + 1) } : { test: name, figure: name };
}
