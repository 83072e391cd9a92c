import { errorText } from '../core/errors.ts';
import type { StageContext } from '../model/event.ts';
import { type AccelFound, type Finding, install } from './finding.ts';
import { probe, versionIn } from './probe.ts';

const QEMU = 'qemu-system-x86_64';

/** Devices that guests are made of, and which of them need each. */
const DEVICES: readonly { device: string; level: Finding['level']; guests: string }[] = [
  { device: 'virtio-rng-pci', level: 'required', guests: 'all guests' },
  { device: 'virtio-blk-pci', level: 'required', guests: 'all guests' },
  { device: 'virtio-net-pci', level: 'required', guests: 'all guests' },
  { device: 'isa-debug-exit', level: 'optional', guests: 'the guest that probes KVM' },
  { device: 'nvme', level: 'required', guests: 'all guests' },
  { device: 'nvme-ns', level: 'required', guests: 'all guests' },
  { device: 'nvme-subsys', level: 'required', guests: 'guests with subsystems, such as multipath' },
  { device: 'pcie-root-port', level: 'required', guests: 'guests with hot-plug, such as multipath' },
  { device: 'intel-iommu', level: 'optional', guests: 'guests iommu-*' },
  { device: 'virtio-iommu-pci', level: 'optional', guests: 'guest virtio-iommu' },
];

function examineDevices(help: string): Finding[] {
  const there = new Set([...help.matchAll(/^name "([^"]+)"/gm)].map((match) => match[1]));
  return DEVICES.map(({ device, level, guests }) => {
    const need = `QEMU device ${device}`;
    if (there.has(device)) return { need, ok: true, found: 'present', level };
    const fix = `needed by ${guests}: use a QEMU of 7.2 or later that has it, such as Debian's qemu-system-x86`;
    return { need, ok: false, level, fix };
  });
}

/** KVM counts only if a guest really starts with it: `/dev/kvm` may open and every guest die. */
async function examineKvm(
  ctx: StageContext,
  probeAccel: (ctx: StageContext) => Promise<AccelFound>,
): Promise<Finding> {
  const need = 'KVM';
  const level = 'optional';
  const fix =
    'nothing has to be done, guests run by TCG emulation, only slower; for speed use bare metal or a ' +
    'machine with nested virtualisation, and a user that may open /dev/kvm';
  try {
    const { accel, reason } = await probeAccel(ctx);
    if (accel === 'kvm') return { need, ok: true, found: 'a guest starts with it', level };
    return {
      need,
      ok: false,
      found: `guests run by TCG emulation: ${reason ?? 'no guest starts with KVM'}`,
      level,
      fix,
    };
  } catch (error) {
    ctx.signal.throwIfAborted();
    return { need, ok: false, found: `not known: ${errorText(error)}`, level, fix };
  }
}

/** QEMU, its devices, and KVM by starting a guest. Without QEMU there is nothing to say of the rest. */
export async function examineQemu(
  ctx: StageContext,
  probeAccel: (ctx: StageContext) => Promise<AccelFound>,
): Promise<Finding[]> {
  const version = await probe(ctx, QEMU, ['--version']);
  if (!version.works) {
    const found = version.missing ? {} : { found: version.why };
    return [{ need: 'QEMU', ok: false, ...found, level: 'required', fix: install('qemu-system-x86') }];
  }
  const qemu: Finding = {
    need: 'QEMU',
    ok: true,
    found: versionIn(version.output) ?? QEMU,
    level: 'required',
  };
  const help = await probe(ctx, QEMU, ['-device', 'help']);
  const devices = examineDevices(help.works ? help.output : '');
  return [qemu, ...devices, await examineKvm(ctx, probeAccel)];
}
