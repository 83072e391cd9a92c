import { InputError } from '../core/errors.ts';

/** Most bytes of a mail: lists refuse far less. */
const LIMIT = 32 << 20;

/** All of standard input. Throws InputError for a terminal, nothing, or too much, and the reason of the signal when it fires. */
export async function readStandardInput(what: string, signal: AbortSignal): Promise<Buffer> {
  const where = 'standard input';
  const { stdin } = process;
  if (stdin.isTTY) throw new InputError({ what: 'it is a terminal', where, expected: what });
  const chunks: Buffer[] = [];
  let size = 0;
  const stop = () => stdin.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of stdin) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size > LIMIT) throw new InputError({ what: `more than ${LIMIT >> 20} MiB`, where, expected: what });
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
  signal.throwIfAborted();
  const bytes = Buffer.concat(chunks);
  if (bytes.toString('latin1').trim() === '')
    throw new InputError({ what: 'it is empty', where, expected: what });
  return bytes;
}
