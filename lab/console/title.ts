import type { Header } from './classify.ts';
import { plainName } from './frames.ts';
import { isHelper } from './helpers.ts';
import { normalise } from './normalise.ts';

/** Most characters of a title or a signature. */
const MAX_TITLE = 1000;
/** Functions of a signature. */
const IN_SIGNATURE = 5;

/**
 * Title and signature of a report. `functions`: those that identify it. `first`: its first line as printed, for a report whose header
 * never came.
 */
export function titleOf(
  header: Header | undefined,
  functions: readonly string[],
  first: string | undefined,
): { title: string; signature: string } {
  if (!header) {
    const title = first?.includes('DMAR') ? 'DMAR: fault' : 'kernel report without a header';
    return { title, signature: title };
  }
  const template = header.class.title.replace(/\$(\d)/g, (_, index) =>
    normalise(header.match[Number(index)] ?? ''),
  );
  const { f: inHeader, file } = header.match.groups ?? {};
  const headerFunction =
    inHeader === undefined || isHelper(plainName(inHeader)) ? undefined : plainName(inHeader);
  const place = headerFunction ?? functions[0];
  const source = file ? ` (${file})` : '';
  const title = template.replace(' in {f}', place ? ` in ${place}${source}` : source);
  const kind = template.replace(' in {f}', '');
  const top = (functions.length > 0 ? functions : headerFunction ? [headerFunction] : []).slice(
    0,
    IN_SIGNATURE,
  );
  const signature = top.length > 0 ? `${kind} | ${top.join(' | ')}` : title;
  return { title: title.slice(0, MAX_TITLE), signature: signature.slice(0, MAX_TITLE) };
}
