import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../core/errors.ts';
import { run } from '../core/process.ts';
import type { StageContext } from '../model/event.ts';
import type { StoredKernel } from '../model/kernel.ts';
import type { Guest } from '../model/machine.ts';

/** Bytes of modules that are copied into a guest, which keeps them in memory. Those of the fragment `tools` have 4 MB. */
const MAX_BYTES = 64 << 20;
/** In the guest, a tmpfs. */
const ARCHIVE = '/run/ringlab-modules.tar';

/**
 * Unpacks the modules and creates the device nodes that load a module when they are opened, such as /dev/loop-control, as `kmod
 * static-nodes` does: lines of modules.devname are `MODULE NODE TYPE`, where TYPE is `c10:237`.
 */
export const unpackScript = (root = '') => `mkdir -p ${root}/lib/modules
tar -xf ${root}${ARCHIVE} -C ${root}/lib/modules && rm ${root}${ARCHIVE} || exit 1
names="${root}/lib/modules/$(uname -r)/modules.devname"
[ -f "$names" ] || exit 0
while read -r module node number; do
  case $number in [bc][0-9]*) ;; *) continue ;; esac
  case $node in */*) mkdir -p "${root}/dev/\${node%/*}" ;; esac
  type=\${number%%[0-9]*}
  number=\${number#?}
  [ -e "${root}/dev/$node" ] || mknod "${root}/dev/$node" "$type" "\${number%:*}" "\${number#*:}"
done <"$names"
`;

/**
 * Gives a guest the modules of its kernel, where modprobe looks for them; nothing is loaded. Modules of more than 64 MB are left out,
 * with a note. `dir` takes a temporary file. Throws LabError when they cannot be copied.
 */
export async function installModules(
  guest: Guest,
  { modules, key }: StoredKernel,
  dir: string,
  ctx: StageContext,
): Promise<void> {
  if (modules === undefined) return;
  const archive = join(dir, 'modules.tar');
  const options = ['--owner=0', '--group=0', '--sort=name'];
  await run('tar', [...options, '-cf', archive, '-C', join(modules, 'lib/modules'), '.'], {
    signal: ctx.signal,
  });
  const { size } = await stat(archive);
  if (size > MAX_BYTES) {
    const note = {
      code: 'guest.modules',
      subject: `kernels/${key}`,
      megabytes: Math.round(size / 1e6),
    } as const;
    ctx.emit({ type: 'note', note });
    return;
  }
  await guest.push([{ from: archive, to: ARCHIVE }]);
  let stderr = '';
  const { code } = await guest.exec(unpackScript(), {
    signal: ctx.signal,
    onStderr: (chunk) => {
      stderr = `${stderr}${chunk}`.slice(-500);
    },
  });
  if (code === null) return;
  if (code !== 0) throw new LabError(`the modules cannot be unpacked in the guest: ${stderr.trim()}`);
}
