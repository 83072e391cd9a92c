import { createHash } from 'node:crypto';
import { ARCHES } from '../../lab/model/arch.ts';
import type { KernelRecord, RunRecord } from '../../lab/model/run.ts';
import type { Build, Checkout } from './schema.ts';
import { excerptOf, messageIdOf, type Place, present, safe, timeOf } from './values.ts';

/** KCIDB's hash of a set of patches, of which a record has the hashes of the diffs. */
export function patchsetHash(hashes: readonly string[]): string {
  if (hashes.length === 0) return '';
  return createHash('sha256')
    .update(hashes.map((hash) => `${hash}\n`).join(''))
    .digest('hex');
}

/** Whether a kernel has the patches of the run's series. A mutant's kernel has one more, which no record has. */
const hasSeries = ({ series, mutants }: RunRecord, { side }: KernelRecord) =>
  series !== undefined && side === 'patched' && !mutants;

/** What KCIDB says of the patches; nothing where they are not known. */
function patchesOf(record: RunRecord, kernel: KernelRecord): Partial<Checkout> {
  const { series } = record;
  if (kernel.side === 'base') return { patchset_hash: '' };
  if (!series || !hasSeries(record, kernel)) return {};
  const posted = kernel.step === undefined ? series.posted : series.posted?.slice(0, kernel.step);
  return present({
    patchset_hash: posted && patchsetHash(posted.map(({ sha256 }) => sha256)),
    message_id: messageIdOf(series.messageId ?? series.posted?.[0]?.messageId),
    comment: safe(series.title),
  });
}

/** The checkout of a kernel: its source, with or without the series. */
export function checkoutOf(record: RunRecord, kernel: KernelRecord, { origin, idOf }: Place): Checkout {
  const { failure } = kernel;
  const applies = failure?.verdict !== 'apply-failed';
  return present({
    ...{ id: idOf(kernel.id), origin },
    tree_name: safe(record.kernels.find(({ id }) => id === kernel.base)?.name ?? kernel.name),
    ...patchesOf(record, kernel),
    start_time: timeOf(record.startedAt),
    valid: applies,
    log_excerpt: applies ? undefined : excerptOf(failure.detail || failure.message),
    misc: { ringlab: present({ tree: kernel.tree, series: record.series?.id }) },
  });
}

/** The architecture of a kernel, by the QEMU that ran it; undefined for a kernel that none ran. */
function architectureOf({ cells }: RunRecord, { id }: KernelRecord): string | undefined {
  const own = cells.filter(({ kernel }) => kernel === id).flatMap(({ attempts }) => attempts);
  const program = own
    .find(({ qemu }) => qemu)
    ?.qemu?.commandLine[0]?.split('/')
    .at(-1);
  return ARCHES.find(({ qemu }) => qemu.system === program)?.name;
}

/** The build of a kernel; none where its patches do not apply. */
export function buildOf(record: RunRecord, kernel: KernelRecord, { origin, idOf }: Place): Build[] {
  const { failure, key, release, configHash, compiler, buildSeconds, newWarnings } = kernel;
  if (failure?.verdict === 'apply-failed') return [];
  const { config } = record.plan ?? {};
  return [
    present({
      ...{ id: idOf(kernel.id, 'build'), checkout_id: idOf(kernel.id), origin },
      comment: safe(kernel.name),
      start_time: timeOf(record.startedAt),
      duration: buildSeconds,
      architecture: architectureOf(record, kernel),
      compiler: compiler && safe(compiler),
      config_name: config && safe([config.start, ...(config.debug ? ['debug'] : [])].join('+')),
      status: failure ? ('FAIL' as const) : ('PASS' as const),
      log_excerpt: failure && excerptOf(failure.detail || failure.message),
      misc: { ringlab: present({ key, release, configHash, newWarnings: newWarnings.map(safe) }) },
    }),
  ];
}
