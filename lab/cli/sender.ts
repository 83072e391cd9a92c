import { InputError } from '../core/errors.ts';
import { run } from '../core/process.ts';

const FIX = 'give --from "Name <address>", or set user.name and user.email of git';

/** One value of git's configuration; undefined where there is none. */
async function configured(key: string, signal: AbortSignal): Promise<string | undefined> {
  const { code, stdout } = await run('git', ['config', '--get', key], { accept: [0, 1], signal });
  return code === 0 ? stdout.trim() : undefined;
}

/** Who sends a mail: `from`, else the user of git's configuration. Throws InputError where neither has an address. */
export async function senderOf(from: string | undefined, signal: AbortSignal): Promise<string> {
  const address = /^[^<>\s@]+@[^<>\s@]+$/;
  if (from !== undefined) {
    const bare = /<([^<>]*)>\s*$/.exec(from)?.[1] ?? from.trim();
    if (address.test(bare)) return from;
    throw new InputError({
      what: `"${from}" has no mail address`,
      where: '--from',
      expected: '"Name <address>"',
    });
  }
  const [name, email] = [await configured('user.name', signal), await configured('user.email', signal)];
  if (email === undefined || !address.test(email))
    throw new InputError({
      what: 'nobody is given as the sender of the mail',
      where: '--format mail',
      fix: FIX,
    });
  return name === undefined ? email : `${name} <${email}>`;
}
