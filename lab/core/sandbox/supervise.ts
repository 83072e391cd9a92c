import { type Limits, MEMORY_LIMIT_CODE, SANDBOX_FAILED_CODE, TIME_LIMIT_CODE } from './access.ts';
import { type Counter, groupArguments } from './cgroup.ts';

/** Descriptors that bubblewrap inherits from the supervisor; those of the overlays are lower. */
const FILTER_FD = 9;
const STATUS_FD = 8;

/**
 * Runs a command in new cgroups, and ends with an exit code of which the sandboxed command decides no more than it may: of its codes, those
 * that mean something here become 1. Whether the command started is what bubblewrap reports on a descriptor that the sandbox does not
 * have: standard error is open to the command (/proc/1/fd/2). Arguments: the filter of system calls in octal escapes, `scope` in a scope
 * of systemd, for each cgroup its path without the number at its end, the file of its limit, the limit and the file of its events, `--`,
 * the command.
 *
 * First it closes what the lab was started with besides standard input and output (a CI's pipe, a redirection of the user's shell).
 * The filter is in a pipe, where no other program changes it. TERM comes when the time is over; the cgroups have to be removed then, too.
 * The last process of the sandbox may still be ending, so that the next supervisor removes its cgroup. sh has no numbers of descriptors
 * above 9, hence bash.
 */
const SUPERVISE = `
trap : TERM
for path in /proc/self/fd/*; do fd=\${path##*/}; if [ "$fd" -gt 2 ]; then exec {fd}>&-; fi; done
failed() { exit ${SANDBOX_FAILED_CODE}; }
filter=$1 groups=() limits=() files=() events=() kills=0
shift
if [ "$1" = scope ]; then
  IFS=: read -r number names own </proc/self/cgroup
  events=("/sys/fs/cgroup$own/memory.events")
  shift
fi
while [ "$1" != -- ]; do
  for group in "$1"-*; do
    if [ -d "$group" ] && [ ! -e "/proc/\${group##*-}" ]; then rmdir "$group" 2>/dev/null; fi
  done
  groups+=("$1-$$") limits+=("$3") files+=("$1-$$/$2") events+=("$1-$$/$4")
  shift 4
done
shift
if [ "\${#groups[@]}" -gt 0 ]; then mkdir -p "\${groups[@]}" || failed; fi
for index in "\${!files[@]}"; do echo "\${limits[index]}" >"\${files[index]}" || failed; done
if [ -n "$filter" ]; then exec ${FILTER_FD}< <(printf "$filter"); fi
exec {out}>&1
status=$(
  for group in "\${groups[@]}"; do echo $BASHPID >"$group/cgroup.procs" || failed; done
  exec ${STATUS_FD}>&1 >&$out {out}>&-
  exec "$@"
)
code=$?
for file in "\${events[@]}"; do
  if [ -r "$file" ]; then
    while read -r name value; do if [ "$name" = oom_kill ]; then kills=$((kills + value)); fi; done <"$file"
  fi
done
if [ "\${#groups[@]}" -gt 0 ]; then rmdir "\${groups[@]}" 2>/dev/null; fi
if [ "$kills" -gt 0 ]; then exit ${MEMORY_LIMIT_CODE}; fi
case $status in *'"exit-code"'*) ;; *) failed;; esac
case $code in ${MEMORY_LIMIT_CODE}|${TIME_LIMIT_CODE}|${SANDBOX_FAILED_CODE}) exit 1;; esac
exit $code`;

/** What goes before bubblewrap, with what it needs of the supervisor among its arguments (`supervisedArgs`). */
export function supervisor(counter: Counter | undefined, limits: Limits, filter: Buffer): string[] {
  const escapes = [...filter].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  // The parent-death signal of the lab's own child does not pass to its children.
  const start = ['setpriv', '--pdeathsig=KILL', '--', 'bash', '--norc', '-c', SUPERVISE, 'bash'];
  return [...start, escapes, ...groupArguments(counter, limits), '--'];
}

/** Arguments of a bubblewrap that runs below `supervisor`. */
export function supervisedArgs(filter: Buffer): string[] {
  return ['--json-status-fd', `${STATUS_FD}`, ...(filter.length > 0 ? ['--seccomp', `${FILTER_FD}`] : [])];
}
