/** Traces in OTLP/JSON: read with the protocol's messages, as OpenTelemetry's exporter is generated from them. */
import { createRequire } from 'node:module';
import t from 'tap';
import type { RunRecord } from '../lab/model/run.ts';
import { record } from './golden/sample.ts';
import { render } from './index.ts';

/** The generated messages, which no entry point of the package exports. */
const { opentelemetry } = createRequire(import.meta.url)(
  '@opentelemetry/otlp-transformer/build/src/generated/root.js',
);
const Request = opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;

interface Wire {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  status?: { code: number; message?: string };
}

const run: RunRecord = {
  ...record,
  spans: [
    { stage: 'source', subject: 'debian-6.12', startMs: 0, ms: 1500.25 },
    { stage: 'kernel', subject: 'debian-6.12', startMs: 1600, ms: 60_000 },
    { stage: 'cell', subject: 'debian-6.12+mpath/swiotlb/passthrough', startMs: 62_000, ms: 9000 },
  ],
};

const spansOf = (input: RunRecord): Wire[] =>
  JSON.parse(render('otlp', { record: input })).resourceSpans[0].scopeSpans[0].spans;

/** JSON has ids in hex, where protobuf's own JSON would have base64. */
const bytes = (_key: string, value: unknown) =>
  typeof value === 'string' && /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/.test(value)
    ? Buffer.from(value, 'hex').toString('base64')
    : value;

t.test('a trace has the fields of the protocol, and comes back unchanged from its messages', (t) => {
  const text = render('otlp', { record: run });
  const message = Request.fromObject(JSON.parse(text, bytes));
  t.equal(Request.verify(message), null, 'problems of the message');
  const decoded = Request.decode(Request.encode(message).finish());
  const back = Request.toObject(decoded, { longs: String, bytes: String });
  t.same(back, JSON.parse(text, bytes), 'no field was dropped');
  t.end();
});

t.test('each stage is a span below that of the run, with its times', (t) => {
  const [root, ...spans] = spansOf(run);
  t.same(
    spans.map(({ name }) => name),
    ['source debian-6.12', 'kernel debian-6.12', 'cell debian-6.12+mpath/swiotlb/passthrough'],
  );
  const ids = new Set([root, ...spans].map((span) => span?.spanId));
  t.equal(ids.size, 4, 'distinct ids');
  for (const span of spans) {
    t.equal(span.parentSpanId, root?.spanId, 'parent');
    t.equal(span.traceId, root?.traceId, 'trace');
  }
  const start = BigInt(Date.parse(run.startedAt)) * 1_000_000n;
  t.equal(root?.startTimeUnixNano, String(start), 'start of the run');
  t.equal(spans[0]?.endTimeUnixNano, String(start + 1_500_250_000n), 'end of a stage');
  t.match(spans[2]?.status, { code: 2, message: 'KASAN: slab-use-after-free in nvme_x' });
  t.equal(spans[1]?.status, undefined, 'status of a stage that did not fail');
  t.match(root?.status, { code: 2 }, 'status of a run that failed');
  t.end();
});

t.test('a run gives the same trace each time, and another run another one', (t) => {
  t.same(spansOf(run), spansOf(structuredClone(run)));
  t.not(spansOf(run)[0]?.traceId, spansOf({ ...run, id: 'other' })[0]?.traceId);
  t.end();
});
