import { bug, type ComplaintClass, device, WARN } from './complaint-class.ts';

/** Reports of DMA debugging and of the IOMMUs: a driver misused the DMA API, or a device accessed what was not mapped for it. */
export const DMA: readonly ComplaintClass[] = [
  bug('dma-api', 'DMA-API: ', /^DMA-API: (\S+) \S+: (.+?)(?: \[.*)?$/, 'DMA-API: $1: $2 in {f}', 'cut', WARN),
  bug('dma-api', 'DMA-API: ', /^DMA-API: (exceeded .*? mappings)/, 'DMA-API: $1 in {f}', 'cut', WARN),
  bug(
    'dmar',
    'DMAR: [',
    /^DMAR: \[(DMA \w+|INTR-REMAP)[^\]]*\].*\[fault reason \w+\] ?(.*)/,
    'DMAR: $1 fault: $2',
    'line',
  ),
  bug('amd-vi', 'AMD-Vi: Event', /AMD-Vi: Event logged \[(\w+)/, 'AMD-Vi: $1', 'line'),
  bug(
    'virtio-iommu',
    'fault from EP',
    /virtio_iommu \S+ (\w+) fault from EP/,
    'virtio-iommu: $1 fault',
    'line',
  ),
];

/** Messages that a device or an injected fault causes, and that a test may have provoked. */
const NVME: readonly ComplaintClass[] = [
  device('nvme-timeout', 'timeout', /^nvme nvme\d+: I\/O (?:tag )?\d+ .*timeout/, 'nvme: I/O timeout'),
  device(
    'nvme-down',
    'controller is down',
    /^nvme nvme\d+: controller is down; will reset/,
    'nvme: controller is down',
  ),
  device('nvme-abort', 'Abort status', /^nvme nvme\d+: Abort status/, 'nvme: command aborted'),
  device(
    'nvme-reset',
    'nvme',
    /^nvme nvme\d+: (Device not ready; aborting \w+|Device shutdown incomplete; abort shutdown|Removing after probe failure|Disabling device after reset failure|frozen state error detected, reset controller|restart after slot reset|Minimum device page size|failed to mark controller)/,
    'nvme: $1',
  ),
];

const STORAGE: readonly ComplaintClass[] = [
  device('io-error', 'error', /(?:I\/O|critical \w+) error,? (?:on )?dev (\S+?),/, 'I/O error, dev $1'),
  device('scsi', 'FAILED Result', /^sd \S+ \[\w+\] .*FAILED Result/, 'scsi: command failed'),
  device('ata', 'exception Emask', /^ata\d+(?:\.\d+)?: exception Emask/, 'ata: exception'),
  ...['EXT2-fs', 'EXT3-fs', 'EXT4-fs', 'BTRFS', 'F2FS-fs', 'FAT-fs', 'EROFS', 'GFS2', 'OCFS2'].map((name) =>
    device(
      'filesystem',
      name,
      new RegExp(`^${name}:? (?:error|critical|.*\\bcorrupt)`, 'i'),
      `${name} error`,
    ),
  ),
  device(
    'filesystem',
    'XFS',
    /^XFS \([^)]*\): ((?:Metadata )?corruption|Internal error)(?:.*? at (?<f>[\w.]+)\+0x)?/i,
    'XFS: $1 in {f}',
  ),
  device(
    'filesystem',
    'journal',
    /^(?:Aborting journal on device|JBD2: Error -?\d+ detected)/,
    'JBD2: journal aborted',
  ),
  device('filesystem', 'read-only', /Remounting filesystem read-only/, 'file system remounted read-only'),
];

const MACHINE: readonly ComplaintClass[] = [
  // kernel/irq/spurious.c
  device('irq', 'nobody cared', /^irq \S+: nobody cared/, 'irq: nobody cared in {f}', 'trace'),
  // kernel/smp.c: a CPU does not answer a cross call.
  device(
    'csd-lock',
    'CSD lock',
    /^csd: (?:Detected )?(?:\S+ )?(?:non-)?responsive CSD lock/,
    'csd: unresponsive CSD lock',
  ),
  device('swiotlb-full', 'swiotlb', /swiotlb buffer is full/, 'swiotlb buffer is full'),
  device(
    'page-alloc',
    'page allocation failure',
    /page allocation failure: order:\d+/,
    'page allocation failure in {f}',
    'trace',
  ),
  device('oom', 'oom-killer', /invoked oom-killer/, 'oom-killer invoked in {f}', 'trace'),
];

const KMEMLEAK: readonly ComplaintClass[] = [
  // Only a summary, and a single scan also counts objects that are no leaks.
  device(
    'kmemleak-count',
    'kmemleak: ',
    /^kmemleak: \d+ new suspected memory leaks/,
    'kmemleak: suspected memory leaks',
  ),
  // mm/kmemleak.c: why the detector is off, after which it reports no leak.
  device(
    'kmemleak-off',
    'kmemleak: ',
    /^kmemleak: (Memory pool empty|Cannot allocate a kmemleak_object structure|Kernel memory leak detector disabled|Automatic memory scanning thread ended)/,
    'kmemleak: $1',
  ),
  device(
    'kmemleak-off',
    'kmemleak: ',
    /^kmemleak: Cannot insert 0x\w+ into the object search tree/,
    'kmemleak: Cannot insert an object into the search tree',
    'trace',
  ),
];

const OTHERS: readonly ComplaintClass[] = [
  {
    kind: 'fault-injection',
    hint: 'FAULT_INJECTION',
    header: /^FAULT_INJECTION: /,
    title: '',
    level: 'none',
    extent: 'trace',
  },
  // CPU mitigations and firmware also print remarks about the machine as warnings.
  device('remark', 'WARNING: ', /^WARNING: (.+)/, 'WARNING: $1'),
];

/** Messages about a device or the machine, which a test may have provoked. */
export const DEVICE: readonly ComplaintClass[] = [...NVME, ...STORAGE, ...MACHINE, ...KMEMLEAK, ...OTHERS];
