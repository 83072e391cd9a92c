const pad = (value: number) => String(value).padStart(2, '0');

/** Elapsed time as a clock: `0:34`, `12:05`, `1:02:03`. */
export function clockWords(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = pad(seconds % 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${rest}` : `${minutes}:${rest}`;
}

/** A measured time: `18.4 s`, from 100 s on `3 min 20 s`, from an hour on `1 h 2 min`. */
export function durationWords(ms: number): string {
  if (ms < 99_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** An estimated time, rounded to what an estimate is worth: `5 s`, `40 s`, `3 min`, `1 h 10 min`. */
export function roughWords(ms: number, round: (value: number) => number = Math.round): string {
  const seconds = Math.max(5, 5 * round(ms / 5000));
  if (seconds <= 90) return `${seconds} s`;
  const minutes = Math.max(1, round(ms / 60_000));
  if (minutes < 60) return `${minutes} min`;
  const tens = 10 * round(ms / 600_000);
  return `${Math.floor(tens / 60)} h${tens % 60 === 0 ? '' : ` ${tens % 60} min`}`;
}
