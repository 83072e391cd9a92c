import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { printFile, progress } from './output.mjs';
import { newResult, readRun } from './tally.mjs';

/**
 * Starts a command in a process group of its own, all of which ends with it or with `signal`: tap, when told to end, leaves the
 * test it was running behind.
 */
function spawnGroup(command, args, { signal, ...options }) {
  signal.throwIfAborted();
  const child = spawn(command, args, { ...options, detached: true });
  const killGroup = (name) => {
    try {
      process.kill(-child.pid, name);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  };
  signal.addEventListener('abort', () => killGroup('SIGTERM'), { once: true });
  child.once('exit', () => killGroup('SIGKILL'));
  return child;
}

/**
 * Runs test files with tap and prints each as it ends; the settings are those of .taprc and `args`.
 * @param {{ root: string, files: readonly string[], args: readonly string[], eachTest: boolean, signal: AbortSignal }} run
 * @param {(result: import('./tally.mjs').FileResult) => void} count called with the result of each file, also of those that
 *   never ran
 */
export async function runTap({ root, files, args, eachTest, signal }, count) {
  const awaited = new Set(files);
  let failed = false;
  const add = (result) => {
    awaited.delete(result.file);
    failed ||= result.failures.length > 0;
    printFile(result);
    count(result);
  };
  const tap = join(root, 'node_modules/tap/dist/esm/run.mjs');
  const child = spawnGroup(process.execPath, [tap, '--reporter=tap', ...args, ...files], {
    cwd: root,
    signal,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const onTest = ({ ok, name, skip, time }) =>
    progress(ok, `  ${name}`, skip ? `skipped: ${skip}` : '', time ?? 0);
  const parser = readRun({ onFile: add, onTest: eachTest ? onTest : undefined });
  child.stdout.pipe(parser);
  const [code] = await Promise.all([
    new Promise((resolve) => child.once('close', resolve).once('error', resolve)),
    new Promise((resolve) => parser.once('complete', resolve)),
  ]);
  signal.throwIfAborted();
  for (const file of awaited) add({ ...newResult(file), failures: [{ name: file, why: 'did not run' }] });
  if (code !== 0 && !failed)
    add({ ...newResult('tap'), failures: [{ name: 'tap', why: `ended with ${code}` }] });
}
