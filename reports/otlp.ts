import { createHash } from 'node:crypto';
import { nameOfCell } from '../lab/model/cell.ts';
import type { RunRecord, Span } from '../lab/model/run.ts';
import { visible, visibleJson } from '../lab/model/visible.ts';
import { findingsOf, stateOf } from './findings.ts';
import type { ReportInput } from './input.ts';
import { summaryOf } from './view.ts';

/** `Status.code` of a span (opentelemetry/proto/trace/v1/trace.proto). */
const CODE = { ok: 1, error: 2 } as const;

/** `SPAN_KIND_INTERNAL`: nothing is called from outside. */
const INTERNAL = 1;

/** The first `digits` of a hash of the parts in hex: the same run has the same ids each time that it is rendered. */
const hex = (digits: number, ...parts: (string | number)[]) =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, digits);

const attribute = (key: string, value: string) => ({ key, value: { stringValue: visible(value) } });

/** Nanoseconds since 1970, in decimal: JSON numbers are not exact enough. */
const nanoseconds = (startedAt: string, ms: number) =>
  String(BigInt(Math.round(((Date.parse(startedAt) || 0) + ms) * 1000)) * 1000n);

/** What became of what a span shows; undefined where the record does not say. */
function failureOf({ kernels, cells, failures }: RunRecord, { stage, subject }: Span): string | undefined {
  if (stage === 'kernel')
    return kernels.find(({ id, name }) => [id, name].includes(subject))?.failure?.message;
  const cell = stage === 'cell' ? cells.find((each) => nameOfCell(each) === subject) : undefined;
  if (cell && cell.verdict !== 'done') return cell.reason ?? cell.verdict;
  return failures.find((failure) => failure.subject === subject)?.message;
}

function spanOf(record: RunRecord, span: Span, index: number, ids: { traceId: string; root: string }) {
  const { stage, subject, startMs, ms } = span;
  const failure = failureOf(record, span);
  return {
    ...{ traceId: ids.traceId, spanId: hex(16, record.id, index, stage, subject), parentSpanId: ids.root },
    ...{ name: visible(`${stage} ${subject}`), kind: INTERNAL },
    startTimeUnixNano: nanoseconds(record.startedAt, startMs),
    endTimeUnixNano: nanoseconds(record.startedAt, startMs + ms),
    attributes: [attribute('cicd.pipeline.task.name', stage), attribute('ringlab.subject', subject)],
    ...(failure === undefined ? {} : { status: { code: CODE.error, message: visible(failure) } }),
  };
}

/**
 * The stages of a run as one trace in OTLP/JSON, as a collector takes it by POST to `/v1/traces`: a span for the run, below it one for
 * each source, kernel, image and cell. Names of attributes are those of OpenTelemetry's CI/CD conventions where there is one.
 */
export function renderOtlp(input: ReportInput): string {
  const { record } = input;
  const { id, startedAt, seconds, spans } = record;
  const traceId = hex(32, id);
  const root = hex(16, id);
  const failed = stateOf(findingsOf(input)) === 'fail';
  const end = Math.max(seconds * 1000, ...spans.map(({ startMs, ms }) => startMs + ms));
  const run = {
    ...{ traceId, spanId: root, name: visible(`run ${id}`), kind: INTERNAL },
    startTimeUnixNano: nanoseconds(startedAt, 0),
    endTimeUnixNano: nanoseconds(startedAt, end),
    attributes: [
      attribute('cicd.pipeline.run.id', id),
      attribute('cicd.pipeline.name', record.series?.name ?? 'ringlab'),
      attribute('cicd.pipeline.result', failed ? 'failure' : 'success'),
    ],
    status: failed ? { code: CODE.error, message: visible(summaryOf(input)) } : { code: CODE.ok },
  };
  const resource = [attribute('service.name', 'ringlab'), attribute('service.version', record.ringlab)];
  const below = spans.map((span, index) => spanOf(record, span, index, { traceId, root }));
  const trace = {
    resourceSpans: [
      {
        resource: { attributes: resource },
        scopeSpans: [
          { scope: { name: 'ringlab', version: visible(record.ringlab) }, spans: [run, ...below] },
        ],
      },
    ],
  };
  return `${visibleJson(JSON.stringify(trace, null, 2))}\n`;
}
