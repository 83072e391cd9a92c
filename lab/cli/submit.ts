import type { Format } from '../../reports/index.ts';
import { errorText, InputError, LabError } from '../core/errors.ts';
import { oneLine } from '../model/visible.ts';

/** Formats that a service takes by POST: the scheme of the token, and whether a document is an array of what is posted one by one. */
const SERVICES: Partial<Record<Format, { scheme: string; each?: true }>> = {
  // kcidb-ng's REST service: POST /submit.
  kcidb: { scheme: 'Bearer' },
  // Patchwork's REST API: POST /api/patches/ID/checks/.
  patchwork: { scheme: 'Token', each: true },
  // A collector of OpenTelemetry: POST /v1/traces.
  otlp: { scheme: 'Bearer' },
};

/** Formats that `--submit` takes. */
export const submittable = Object.keys(SERVICES) as Format[];

/** The environment variable that has the token, which a command line would show to every user of the machine. */
export const TOKEN = 'RINGLAB_TOKEN';

/** Longest wait for an answer, ms. */
const PATIENCE = 60_000;

/** Most bytes that are read of an answer. */
const ANSWER = 64 << 10;

const isLoopback = ({ hostname }: URL) => /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);

/** Throws InputError where the address, the format or the token cannot be used, with every problem. */
export function checkSubmission(url: URL, format: Format, token: string | undefined): void {
  const problems = [
    ...(SERVICES[format]
      ? []
      : [
          {
            what: `no service takes the format ${format}`,
            where: '--submit',
            expected: `--format ${submittable.join(', ')}`,
          },
        ]),
    ...(url.username || url.password
      ? [{ what: 'it has a user or password', where: '--submit', fix: `put the token into ${TOKEN}` }]
      : []),
    ...(token !== undefined && url.protocol === 'http:' && !isLoopback(url)
      ? [
          {
            what: `the token of ${TOKEN} would be sent unencrypted`,
            where: '--submit',
            fix: 'give an https address',
          },
        ]
      : []),
    ...(token !== undefined && !/^[\x21-\x7e]+$/.test(token)
      ? [{ what: 'it has characters that no token has', where: TOKEN, expected: 'one word' }]
      : []),
  ];
  if (problems.length > 0) throw new InputError(problems);
}

/** The beginning of an answer, so that a server that sends without an end cannot fill the memory. */
async function answerOf({ body }: Response): Promise<string> {
  if (!body) return '';
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    // Leaving the loop cancels the stream.
    if (size >= ANSWER) break;
  }
  return oneLine(Buffer.concat(chunks).toString('utf8'), 500);
}

function refusal({ status, headers }: Response, answer: string, where: string, hasToken: boolean): Error {
  const said = answer === '' ? '' : `: ${answer}`;
  if (status >= 300 && status < 400) {
    const target = oneLine(headers.get('location') ?? 'nowhere', 200);
    return new InputError({
      what: `the server redirects to ${target}`,
      where,
      fix: 'give the address that takes reports',
    });
  }
  if (status === 401 || status === 403) {
    const what = hasToken ? `the server refuses the token of ${TOKEN}` : 'the server asks for a token';
    return new InputError({
      what: `${what} (HTTP ${status})${said}`,
      where,
      fix: `set ${TOKEN} to a valid token`,
    });
  }
  if (status === 404 || status === 405)
    return new InputError({
      what: `nothing takes reports there (HTTP ${status})${said}`,
      where,
      fix: 'check the address',
    });
  if (status === 413)
    return new LabError(`${where}: the report is too long for the server (HTTP 413)${said}`);
  if (status === 429 || status >= 500)
    return new LabError(
      `${where}: the server cannot take the report now (HTTP ${status})${said}\n  fix: try again later`,
    );
  return new LabError(`${where}: the server refuses the report (HTTP ${status})${said}`);
}

/** One POST. Throws InputError or LabError with the server's words where it is not taken, and the reason of the signal. */
async function post(
  url: URL,
  body: string,
  authorization: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const where = `--submit ${url.origin}${url.pathname}`;
  const patience = AbortSignal.timeout(PATIENCE);
  try {
    const response = await fetch(url, {
      ...{ method: 'POST', body, redirect: 'manual', signal: AbortSignal.any([signal, patience]) },
      headers: {
        'Content-Type': 'application/json',
        ...(authorization ? { Authorization: authorization } : {}),
      },
    });
    const answer = await answerOf(response);
    if (!response.ok) throw refusal(response, answer, where, authorization !== undefined);
    return `HTTP ${response.status}${answer === '' ? '' : `: ${answer}`}`;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof InputError || error instanceof LabError) throw error;
    if (patience.aborted)
      throw new LabError(`${where}: no answer within ${PATIENCE / 1000} s`, { cause: error });
    throw new LabError(
      `${where}: the server cannot be reached: ${errorText((error as Error).cause ?? error)}`,
    );
  }
}

/**
 * Sends a report to a service and returns the server's last answer, in one line. Throws InputError for an address or token that cannot
 * be right, LabError where the network or the server fails.
 */
export async function submit(
  url: URL,
  { format, text, token }: { format: Format; text: string; token: string | undefined },
  signal: AbortSignal,
): Promise<string> {
  checkSubmission(url, format, token);
  const service = SERVICES[format] ?? { scheme: 'Bearer' };
  const bodies = service.each ? (JSON.parse(text) as unknown[]).map((item) => JSON.stringify(item)) : [text];
  const authorization = token === undefined ? undefined : `${service.scheme} ${token}`;
  let answer = '';
  for (const body of bodies) answer = await post(url, body, authorization, signal);
  return answer;
}
