/** The fragment `tools`: what common test programs look for is in the guest, and modules load and unload there. */
import t from 'tap';
import { ringlab } from './testing/ringlab.ts';

/** Prints a line for each check: `ok` or `FAIL`, and its name. */
const SCRIPT = `
check() { name=$1; shift; if "$@" >/tmp/out 2>&1; then echo "ok $name"; else echo "FAIL $name: $(head -c 300 /tmp/out)"; fi; }
loaded() { grep -q "^$1 " /proc/modules; }
absent() { ! "$@"; }
mount -t configfs none /sys/kernel/config
check 'nothing is loaded' absent test -s /proc/modules
check 'System V IPC' test -e /proc/sysvipc/shm
check 'IPv6' test -e /proc/net/if_inet6
for space in cgroup ipc mnt net pid user uts; do check "namespace $space" test -e /proc/self/ns/$space; done
for fault in failslab fail_page_alloc fail_make_request fail_io_timeout fail_futex fail_function; do
  check "debugfs $fault" test -d /sys/kernel/debug/$fault
done
check 'the node that loads loop' test -c /dev/loop-control
check 'a free loop device' losetup -f
check 'loop is loaded by its node' loaded loop
check 'null_blk with a parameter' modprobe null_blk nr_devices=2
check 'its second device' test -b /dev/nullb1
check 'null_blk goes' modprobe -r null_blk
check 'its device is gone' absent test -e /dev/nullb1
check 'nvme-loop with what it needs' modprobe nvme-loop
check 'the NVMe target in configfs' test -d /sys/kernel/config/nvmet/subsystems
check 'nvmet-tcp' modprobe nvmet-tcp
check 'scsi_debug' modprobe scsi_debug
check 'its disk' sh -c 'n=0; until [ -b /dev/sda ] || [ $n = 50 ]; do n=$((n + 1)); usleep 100000; done; [ -b /dev/sda ]'
`;

t.test('a guest of a kernel with the fragment tools has what test programs need', async (t) => {
  const args = ['shell', '--fragment', 'tools', '--guest', 'plain', '--', SCRIPT];
  const { code, stdout, stderr } = await ringlab(args);
  t.equal(code, 0, stderr.slice(-3000));
  const lines = stdout.split('\n').filter((line) => /^(?:ok|FAIL) /.test(line));
  t.same(
    lines.filter((line) => line.startsWith('FAIL')),
    [],
  );
  t.equal(lines.length, 28, `checks: ${lines.join('; ')}`);
});
