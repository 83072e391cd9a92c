import type { Overlay } from './access.ts';

/**
 * Mounts overlays in a mount namespace and replaces itself with the command after `--`. bubblewrap 0.8 (Debian 12) cannot mount
 * them. `volatile` (Linux 5.10): otherwise each file is flushed to the disk when it is first written. `work/incompat`, by which it refuses
 * what a crash of the machine may have left incomplete, is removed: a second sandbox uses the same folders. Folders are passed as
 * open descriptors: in the text of mount options `,` `:` and `\` would have a meaning.
 */
const MOUNT_AND_EXEC = `
while [ "$1" != -- ]; do
  exec 3<"$2" 4<"$3" 5<"$4" || exit 125
  rm -rf /proc/self/fd/5/work/incompat
  mount -n -i -t overlay -o lowerdir=/proc/self/fd/3,upperdir=/proc/self/fd/4,workdir=/proc/self/fd/5,userxattr,volatile overlay "$1" || exit 125
  shift 4
done
exec 3<&- 4<&- 5<&-
shift
exec "$@"`;

/** What goes before a command that needs `overlays`; empty without any. */
export function overlayPrefix(overlays: readonly Overlay[] = []): string[] {
  if (overlays.length === 0) return [];
  const mounts = overlays.flatMap(({ at, lower, upper, work }) => [at, lower, upper, work]);
  const unshare = ['unshare', '--user', '--map-root-user', '--mount', '--'];
  return [...unshare, 'sh', '-c', MOUNT_AND_EXEC, 'sh', ...mounts, '--'];
}
