import { setImmediate } from 'node:timers/promises';
import { InputError, type Problem } from '../../core/errors.ts';
import { type ConfigLine, configValues } from './dotconfig.ts';
import { explain, refused } from './explain.ts';
import { readKconfig } from './parse.ts';

/**
 * Throws one InputError with every option whose value in the finished config `text` is not the requested one, and why. `source` is the
 * kernel tree, `srcarch` its folder under arch/.
 */
export async function checkOptions(
  lines: readonly ConfigLine[],
  text: string,
  source: string,
  srcarch: string,
  signal: AbortSignal,
): Promise<void> {
  const values = configValues(text);
  const failed = refused(lines, values);
  if (failed.length === 0) return;
  const definitions = await readKconfig(source, srcarch, signal);
  const problems: Problem[] = [];
  for (const line of failed) {
    // A tree can make each of them take a while.
    await setImmediate();
    signal.throwIfAborted();
    problems.push(explain(line, definitions, values));
  }
  throw new InputError(problems);
}
