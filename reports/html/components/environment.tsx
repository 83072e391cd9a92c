import type { KernelRecord, RunRecord } from '../../../lab/model/run.ts';
import { clip, excerptOf } from '../text.ts';
import { Command, Log, Section, Wide } from './parts.tsx';

type Fact = [term: string, value: string | undefined];

const list = (values: readonly string[] | undefined) =>
  values === undefined ? undefined : values.length > 0 ? values.join(', ') : 'none';

const uniqueOf = (values: readonly string[]) => [...new Set(values)].join(', ') || undefined;

function hostFacts({ host, ringlab, sandbox, accel, image, cells }: RunRecord): Fact[] {
  const qemus = cells.flatMap(({ attempts }) => attempts.flatMap(({ qemu }) => qemu ?? []));
  return [
    ['ringlab', ringlab],
    ['host', `${host.cpu}, ${host.cores} cores, ${host.memoryMiB.toLocaleString('en-US')} MiB`],
    ['host kernel', host.kernel],
    ['Node.js', host.node],
    ['QEMU', uniqueOf(qemus.map(({ version }) => version))],
    ['accelerator', accel ? `${accel.kind}: ${accel.reason}` : uniqueOf(qemus.map((qemu) => qemu.accel))],
    ['confinement of QEMU', uniqueOf(qemus.flatMap(({ confinement = [] }) => confinement))],
    ['image', image && `${image.recipe} ${image.key}`],
    ['added packages', image?.packages && list(image.packages)],
    ['sandbox', sandbox && (sandbox.required ? list(sandbox.protections) : 'off (--unsafe-no-sandbox)')],
  ];
}

function planFacts({ plan, bench, series }: RunRecord): Fact[] {
  return [
    ['series', series && `${series.name}: ${series.title}`],
    ['series id', series?.id],
    ['configuration', plan && [plan.config.start, ...plan.config.fragments].join(' + ')],
    ['debug kernel', plan && (plan.config.debug ? 'yes' : 'no')],
    ['kernel arguments', plan && list(plan.kernelArgs)],
    ['QEMU arguments', plan && list(plan.qemuArgs)],
    ['only tests', plan && plan.only.length > 0 ? list(plan.only) : undefined],
    ['repeats', plan && String(plan.repeats)],
    ['reruns of a regression', plan?.confirm === undefined ? undefined : String(plan.confirm)],
    ['guests at the same time', plan && String(plan.jobs)],
    ['benchmark', bench && `counts ${bench.clock}, ${bench.repeats} boots`],
  ];
}

function Facts({ facts }: { facts: readonly Fact[] }) {
  const given = facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
  return (
    <dl class="environment">
      {given.map(([term, value]) => (
        <div>
          <dt>{term}</dt>
          <dd>{clip(value, 1500)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Kernel({ kernel }: { kernel: KernelRecord }) {
  const { name, side, release, compiler, configHash, key, tree, buildSeconds, cached } = kernel;
  const built = cached ? 'built before' : buildSeconds === undefined ? '' : `${Math.round(buildSeconds)} s`;
  return (
    <tr>
      <th scope="row">{clip(name, 160)}</th>
      <td>{side}</td>
      <td>{clip(release ?? 'not built', 80)}</td>
      <td>{clip(compiler ?? '', 160)}</td>
      <td>
        <code>{(configHash ?? '').slice(0, 12)}</code>
      </td>
      <td>
        <code>{(tree ?? '').slice(0, 12)}</code>
      </td>
      <td>
        <code>{(key ?? '').slice(0, 12)}</code>
      </td>
      <td>{built}</td>
    </tr>
  );
}

function Kernels({ kernels }: { kernels: readonly KernelRecord[] }) {
  const columns = ['Kernel', 'Side', 'Release', 'Compiler', 'Config', 'Tree', 'Build key', 'Build'];
  return (
    <Wide label="Kernels">
      <table class="facts-table">
        <caption>Kernels</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col">{column}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {kernels.slice(0, 60).map((kernel) => (
            <Kernel kernel={kernel} />
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

/** One QEMU command line for each guest profile. */
function Machines({ record }: { record: RunRecord }) {
  const lines = record.profiles.slice(0, 24).flatMap(({ id, profile }) => {
    const attempts = record.cells.filter((cell) => cell.profile === id).flatMap((cell) => cell.attempts);
    const command = attempts.find(({ qemu }) => qemu)?.qemu?.commandLine.join(' ');
    return command === undefined ? [] : [{ id, summary: profile?.summary, command }];
  });
  if (lines.length === 0) return null;
  return (
    <details class="rest">
      <summary>{`QEMU command lines of ${lines.length} guest profiles`}</summary>
      {lines.map(({ id, summary, command }) => (
        <div>
          <h3>
            {clip(id, 120)} {summary === undefined ? null : <small>{clip(summary, 300)}</small>}
          </h3>
          <Log excerpt={excerptOf(clip(command, 6000), 1)} />
        </div>
      ))}
    </details>
  );
}

function Patches({ record }: { record: RunRecord }) {
  const patches = record.series?.patches ?? [];
  if (patches.length === 0) return null;
  return (
    <details class="rest">
      <summary>{`${patches.length} ${patches.length === 1 ? 'patch' : 'patches'}`}</summary>
      <ol class="lines">
        {patches.slice(0, 200).map((patch) => (
          <li>{clip(patch, 300)}</li>
        ))}
      </ol>
    </details>
  );
}

/** Everything that decides a run, and its seed. */
export function Environment({ records }: { records: readonly RunRecord[] }) {
  return (
    <Section id="environment" title="Environment and seeds">
      {records.map((record) => (
        <div class="group">
          {records.length > 1 ? <h3>{record.id}</h3> : null}
          <Facts facts={[...hostFacts(record), ...planFacts(record)]} />
          <Command label="Seed" command={`--seed ${record.seed}`} />
          <Kernels kernels={record.kernels} />
          <Patches record={record} />
          <Machines record={record} />
        </div>
      ))}
    </Section>
  );
}
