/** Rate of the ACPI PM timer, Hz (ACPI 6.4, section 4.8.3.3). */
const PM_TIMER_HZ = 3_579_545;
/** The timer counts to 2^24. */
const PM_TIMER_WRAP = 1 << 24;
/** Bytes of a sample: five words (the source of the clock probe). */
const SAMPLE_BYTES = 20;
/** Samples at each end of the measured time, of which the best one counts. */
const CHOICE = 16;
/** Rates that no machine has, kHz: what gives one is no measurement. */
const [MIN_KHZ, MAX_KHZ] = [100_000, 20_000_000];

/** One reading of the PM timer, and of the counter around it. */
interface Sample {
  /** The counter when the timer was read, ticks. */
  counter: number;
  /** Ticks since the first sample. */
  timer: number;
  /** Ticks of the counter that the reading took: how far `counter` may be off. */
  width: number;
}

/** Reads what the clock probe wrote. */
function samplesOf(output: Buffer): Sample[] {
  const samples: Sample[] = [];
  const first = output.length >= SAMPLE_BYTES ? output.readBigUInt64LE(0) : 0n;
  let previous: number | undefined;
  let timer = 0;
  for (let at = 0; at + SAMPLE_BYTES <= output.length; at += SAMPLE_BYTES) {
    const before = Number(output.readBigUInt64LE(at) - first);
    const after = Number(output.readBigUInt64LE(at + 12) - first);
    const reading = output.readUInt32LE(at + 8);
    timer += (((reading - (previous ?? reading)) % PM_TIMER_WRAP) + PM_TIMER_WRAP) % PM_TIMER_WRAP;
    previous = reading;
    samples.push({ counter: (before + after) / 2, timer, width: after - before });
  }
  return samples;
}

const best = (samples: readonly Sample[]): Sample | undefined =>
  [...samples].sort((a, b) => a.width - b.width)[0];

/**
 * Rate of the counter, kHz, from the output of the clock probe: between the best of the first samples and the best of the last ones,
 * since a busy host may stop the guest between two readings. Undefined when the output is too short or gives no possible rate.
 */
export function rateOf(output: Buffer): number | undefined {
  const samples = samplesOf(output);
  const [first, last] = [best(samples.slice(0, CHOICE)), best(samples.slice(-CHOICE))];
  if (samples.length < 3 * CHOICE || !first || !last || last.timer <= first.timer) return undefined;
  const seconds = (last.timer - first.timer) / PM_TIMER_HZ;
  const khz = Math.round((last.counter - first.counter) / seconds / 1000);
  return khz >= MIN_KHZ && khz <= MAX_KHZ ? khz : undefined;
}
