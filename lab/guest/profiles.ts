import { GuestProfile, type GuestProfileInput } from '../model/guest.ts';

type SubsystemInput = NonNullable<GuestProfileInput['nvme']>[number];
type NamespaceInput = SubsystemInput['namespaces'][number];

/** One controller with its drive: the kernel sees no subsystem and no multipath. */
const drive = (name: string, ...namespaces: NamespaceInput[]): SubsystemInput => ({
  name,
  controllers: [{ serial: name }],
  namespaces,
});

const data = () => drive('data', { role: 'data' });

/** Two controllers, each on a hot-plug port, that share their namespaces. QEMU requires the same serial number for both. */
const multipath = (): SubsystemInput => ({
  name: 'mp',
  controllers: [
    { serial: 'mp', hotplug: true },
    { serial: 'mp', hotplug: true },
  ],
  namespaces: [
    { role: 'shared', shared: true },
    { role: 'shared-pi', shared: true, sizeMiB: 64, metadata: { bytes: 8, pi: 1 } },
  ],
});

const TABLE: GuestProfileInput[] = [
  { name: 'plain', summary: 'direct DMA, one NVMe drive', nvme: [data()] },
  {
    name: 'plain-4k',
    summary: 'as plain, with a drive of 4 KiB blocks',
    nvme: [drive('data', { role: 'data', blockSize: 4096 })],
  },
  {
    name: 'iommu-strict',
    summary: 'Intel IOMMU, every unmap flushed at once',
    iommu: 'intel',
    kernelArgs: ['intel_iommu=on', 'iommu.strict=1'],
    nvme: [data()],
    facts: { iommuMode: 'strict' },
  },
  {
    name: 'iommu-lazy',
    summary: 'Intel IOMMU, unmaps flushed in batches',
    iommu: 'intel',
    kernelArgs: ['intel_iommu=on', 'iommu.strict=0'],
    nvme: [data()],
    facts: { iommuMode: 'lazy' },
  },
  {
    name: 'iommu-pt',
    summary: 'Intel IOMMU with identity mapping',
    iommu: 'intel',
    kernelArgs: ['intel_iommu=on', 'iommu=pt'],
    nvme: [data()],
    facts: { iommuMode: 'pt' },
  },
  {
    name: 'virtio-iommu',
    summary: 'paravirtual IOMMU',
    iommu: 'virtio',
    nvme: [data()],
    facts: { iommuMode: 'virtio' },
  },
  {
    name: 'swiotlb',
    summary: 'every DMA through a bounce buffer',
    kernelArgs: ['swiotlb=force'],
    nvme: [data()],
  },
  {
    name: 'small-mdts',
    summary: 'a drive whose commands transfer at most 32 KiB',
    nvme: [{ ...data(), controllers: [{ serial: 'data', mdts: 3 }] }],
  },
  {
    name: 'hotplug',
    summary: 'one hot-pluggable controller, without multipath',
    kernelArgs: ['nvme_core.multipath=N'],
    nvme: [
      {
        name: 'data',
        controllers: [{ serial: 'data', hotplug: true }],
        namespaces: [{ role: 'data', shared: true }],
      },
    ],
    facts: { hotplug: true },
  },
  {
    name: 'multipath',
    summary: 'two hot-pluggable controllers that share their namespaces',
    nvme: [multipath()],
  },
  {
    name: 'multipath-polled',
    summary: 'as multipath, with two polled queues for each controller',
    kernelArgs: ['nvme.poll_queues=2'],
    nvme: [multipath()],
    facts: { pollQueues: 2 },
  },
  {
    name: 'zns',
    summary: 'a zoned namespace with 16 MiB zones, a zoned one with more than 2^32 blocks, and a plain one',
    nvme: [
      data(),
      drive('zoned', { role: 'zoned', blockSize: 4096, zoned: { zoneSizeMiB: 16 } }),
      // 4 TiB, sparse: block numbers of its last zones need more than 32 bits.
      drive('far', { role: 'zoned-far', sizeMiB: 4 << 20, zoned: { zoneSizeMiB: 512 << 10 } }),
    ],
  },
  {
    name: 'pi',
    summary: 'a namespace with 8-byte metadata, protection type 1, beside a plain one',
    nvme: [data(), drive('pi', { role: 'pi', metadata: { bytes: 8, pi: 1 } })],
  },
  {
    name: 'polled',
    summary: 'NVMe with two polled queues',
    kernelArgs: ['nvme.poll_queues=2'],
    nvme: [data()],
    facts: { pollQueues: 2 },
  },
  {
    name: 'icount',
    summary: 'deterministic: the clock counts instructions',
    icount: true,
    vcpus: 1,
    facts: { clock: 'instructions' },
    nvme: [data()],
  },
];

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
  return value;
}

/** The built-in guest profiles by name. */
export const profiles: Readonly<Record<string, GuestProfile>> = freeze(
  Object.fromEntries(TABLE.map((input) => [input.name, GuestProfile.parse(input)])),
);
