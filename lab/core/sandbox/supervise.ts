import {
  type Limits,
  MEMORY_LIMIT_CODE,
  PROCESS_LIMIT_CODE,
  SANDBOX_FAILED_CODE,
  TIME_LIMIT_CODE,
} from './access.ts';
import { type Counter, groupArguments } from './cgroup.ts';
import { isWatched } from './limits.ts';

/** Descriptors that bubblewrap inherits from the supervisor; those of the overlays are lower. */
const FILTER_FD = 9;
const STATUS_FD = 8;

/**
 * Runs a command in new cgroups, and ends with an exit code of which the sandboxed command decides no more than it may: of its codes, those
 * that mean something here become 1. Whether the command started is what bubblewrap reports on a descriptor that the sandbox does not
 * have: standard error is open to the command (/proc/1/fd/2). Arguments: the filter of system calls in octal escapes, `scope` in a scope
 * of systemd, `watch` and the limit of processes where nothing else counts them, for each cgroup its path without the number at its end, the file of its limit, the limit and the file of its events, `--`,
 * the command.
 *
 * First it closes what the lab was started with besides standard input and output (a CI's pipe, a redirection of the user's shell).
 * The filter is in a pipe, where no other program changes it. TERM comes when the time is over; the cgroups have to be removed then, too.
 * The last process of the sandbox may still be ending, so that the next supervisor removes its cgroup. sh has no numbers of descriptors
 * above 9, hence bash.
 *
 * The watch copies what bubblewrap reports, and counts the threads in the sandbox's own /proc when that has taken the place of the host's.
 * It is a child of bubblewrap, which must remain the child of the supervisor to die with it.
 */
const SUPERVISE = `
trap : TERM
for path in /proc/self/fd/*; do fd=\${path##*/}; if [ "$fd" -gt 2 ]; then exec {fd}>&-; fi; done
failed() { exit ${SANDBOX_FAILED_CODE}; }
watch() {
  local line child tasks
  while true; do
    if IFS= read -r -t 0.1 line; then
      echo "$line"
      if [[ $line =~ '"child-pid": '([0-9]+) ]]; then child=\${BASH_REMATCH[1]}; fi
    elif [ $? -le 128 ]; then
      return
    elif [ -n "$child" ] && [ ! "/proc/$child/root" -ef / ]; then
      tasks=("/proc/$child/root/proc/"[0-9]*/task/[0-9]*)
      if [ "\${#tasks[@]}" -gt "$1" ]; then echo too many; kill -KILL "$child"; fi
    fi
  done
}
filter=$1 groups=() limits=() files=() events=() kills=0
shift
if [ "$1" = scope ]; then
  IFS=: read -r number names own </proc/self/cgroup
  events=("/sys/fs/cgroup$own/memory.events")
  shift
fi
most=
if [ "$1" = watch ]; then most=$2; shift 2; fi
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
  exec ${STATUS_FD}>&1
  if [ -n "$most" ]; then exec ${STATUS_FD}> >(exec {out}>&-; watch "$most"); fi
  exec >&$out {out}>&-
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
case $status in *'too many'*) exit ${PROCESS_LIMIT_CODE};; *'"exit-code"'*) ;; *) failed;; esac
case $code in ${MEMORY_LIMIT_CODE}|${PROCESS_LIMIT_CODE}|${TIME_LIMIT_CODE}|${SANDBOX_FAILED_CODE}) exit 1;; esac
exit $code`;

/** What goes before bubblewrap, with what it needs of the supervisor among its arguments (`supervisedArgs`). */
export function supervisor(counter: Counter | undefined, limits: Limits, filter: Buffer): string[] {
  const escapes = [...filter].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
  // The parent-death signal of the lab's own child does not pass to its children.
  const start = ['setpriv', '--pdeathsig=KILL', '--', 'bash', '--norc', '-c', SUPERVISE, 'bash'];
  const watch = isWatched(counter) ? ['watch', `${limits.processes}`] : [];
  return [...start, escapes, ...watch, ...groupArguments(counter, limits), '--'];
}

/** Arguments of a bubblewrap that runs below `supervisor`. */
export function supervisedArgs(filter: Buffer): string[] {
  return ['--json-status-fd', `${STATUS_FD}`, ...(filter.length > 0 ? ['--seccomp', `${FILTER_FD}`] : [])];
}
