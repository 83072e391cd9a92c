import { errorText } from '../core/errors.ts';
import { type Arch, hostArch } from '../model/arch.ts';
import type { StageContext } from '../model/event.ts';
import { type Finding, install, type Probers } from './finding.ts';
import { probe, versionIn } from './probe.ts';

/** A device of QEMU, and the guests that need it. */
interface DeviceNeed {
  device: string;
  level: Finding['level'];
  guests: string;
}

const devicesOf = ({ qemu }: Arch): readonly DeviceNeed[] => [
  { device: 'virtio-rng-pci', level: 'required', guests: 'all guests' },
  { device: 'virtio-blk-pci', level: 'required', guests: 'all guests' },
  { device: 'virtio-net-pci', level: 'required', guests: 'all guests' },
  { device: qemu.exitDevice.name, level: 'optional', guests: 'the guest that probes KVM' },
  { device: 'nvme', level: 'required', guests: 'all guests' },
  { device: 'nvme-ns', level: 'required', guests: 'all guests' },
  { device: 'nvme-subsys', level: 'required', guests: 'guests with subsystems, such as multipath' },
  { device: 'pcie-root-port', level: 'required', guests: 'guests with hot-plug, such as multipath' },
  { device: qemu.iommu.device, level: 'optional', guests: 'guests iommu-*' },
  { device: 'virtio-iommu-pci', level: 'optional', guests: 'guest virtio-iommu' },
];

/** One finding for each device. `help`: output of `-device help`. */
function examineDevices(arch: Arch, help: string): Finding[] {
  const available = new Set([...help.matchAll(/^name "([^"]+)"/gm)].map((match) => match[1]));
  return devicesOf(arch).map(({ device, level, guests }) => {
    const need = `QEMU device ${device}`;
    if (available.has(device)) return { need, ok: true, found: 'present', level };
    const fix = `needed by ${guests}: use a QEMU of 7.2 or later that has it, such as Debian's ${arch.qemu.debianPackage}`;
    return { need, ok: false, level, fix };
  });
}

/** KVM: it counts only if a guest runs with it, because `/dev/kvm` may open and every guest fail all the same. */
async function examineKvm(ctx: StageContext, probeAccel: Probers['probeAccel']): Promise<Finding> {
  const need = 'KVM';
  const level = 'optional';
  const fix =
    'nothing has to be done, guests run by TCG emulation, only slower; for speed use bare metal or a ' +
    'machine with nested virtualisation, and a user that may open /dev/kvm';
  try {
    const { accel, reason } = await probeAccel(ctx);
    if (accel === 'kvm') return { need, ok: true, found: 'a guest starts with it', level };
    return { need, ok: false, found: `guests run by TCG emulation: ${reason}`, level, fix };
  } catch (error) {
    ctx.signal.throwIfAborted();
    return { need, ok: false, found: `not known: ${errorText(error)}`, level, fix };
  }
}

/** QEMU, its devices, and KVM; without QEMU only that it is missing. Throws the abort reason, or LabError for an unknown architecture. */
export async function examineQemu(ctx: StageContext, probeAccel: Probers['probeAccel']): Promise<Finding[]> {
  const arch = hostArch();
  const { system, debianPackage } = arch.qemu;
  const version = await probe(ctx, system, ['--version']);
  if (!version.works) {
    const found = version.missing ? {} : { found: version.reason };
    return [{ need: 'QEMU', ok: false, ...found, level: 'required', fix: install(debianPackage) }];
  }
  const qemu: Finding = {
    need: 'QEMU',
    ok: true,
    found: versionIn(version.output) ?? system,
    level: 'required',
  };
  const help = await probe(ctx, system, ['-device', 'help']);
  const devices = examineDevices(arch, help.works ? help.output : '');
  return [qemu, ...devices, await examineKvm(ctx, probeAccel)];
}
