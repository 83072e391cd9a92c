import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import pLimit from 'p-limit';
import { progress } from './output.mjs';
import { newResult } from './tally.mjs';

/** Scripts of package.json that check the code without running it. */
const CHECKS = ['check:format', 'check:types', 'check:imports'];
const CONCURRENT = 2;

/**
 * Runs one script and prints its output if it fails. Throws the signal's reason when it is aborted.
 * @param {string} root
 * @param {string} script
 * @param {AbortSignal} signal
 * @returns {Promise<import('./tally.mjs').FileResult>}
 */
async function check(root, script, signal) {
  const started = performance.now();
  const child = spawn('npm', ['run', '--silent', script], {
    cwd: root,
    signal,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve).once('error', resolve));
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  signal.throwIfAborted();
  const result = newResult(script);
  if (code === 0) result.passed = 1;
  else result.failures.push({ name: script });
  progress(code === 0, `npm run ${script}`, '', performance.now() - started);
  if (code !== 0) console.log(`${stdout}${stderr}`.trimEnd());
  return result;
}

/**
 * Runs every check; each counts as one test.
 * @param {string} root
 * @param {AbortSignal} signal
 * @param {(result: import('./tally.mjs').FileResult) => void} count
 */
export async function runChecks(root, signal, count) {
  const limit = pLimit(CONCURRENT);
  await Promise.all(CHECKS.map((script) => limit(async () => count(await check(root, script, signal)))));
}
