import type { Artefact } from '../../lab/model/artefact.ts';
import { visible } from '../escape.ts';
import type { ReportInput } from '../input.ts';
import { LONGEST_EXCERPT } from './schema.ts';

/** The CI system that reports where the input names none. */
const ORIGIN = 'ringlab';

/** What all objects of a report share. */
export interface Place {
  origin: string;
  /** Id of the object that a path inside of the run names. */
  idOf(...path: readonly string[]): string;
  /** Address of an artefact; undefined where the record is not published. */
  urlOf(artefact: Artefact): string | undefined;
}

/** The place of a report's run. */
export function placeOf({ record, origin = ORIGIN, url }: ReportInput): Place {
  return {
    origin,
    idOf: (...path) => `${origin}:${safe([record.id, ...path].join('/'))}`,
    urlOf: ({ file }) => (url === undefined ? undefined : `${url}/${encodeURIComponent(file)}`),
  };
}

/** A time of the run, `ms` after its start; undefined where the record has no valid one. */
export function timeOf(startedAt: string, ms = 0): string | undefined {
  const at = Date.parse(startedAt) + ms;
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

/** Text that any receiver can store: no control characters, and no half of a character outside of the basic plane. */
export const safe = (text: string): string => visible(text).replace(/\p{Surrogate}/gu, '\ufffd');

/** The first characters of a log that KCIDB takes. */
export const excerptOf = (text: string): string => [...safe(text)].slice(0, LONGEST_EXCERPT).join('');

/** Local part and domain as KCIDB checks them: a message id may be any text. */
const ADDRESS =
  /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/i;

/** A message id without its angle brackets; undefined where KCIDB would refuse the whole report for it. */
export function messageIdOf(id: string | undefined): string | undefined {
  const address = id?.replace(/^<|>$/g, '') ?? '';
  return ADDRESS.test(address) ? address : undefined;
}

/** The object without its undefined fields: KCIDB takes no null. */
export const present = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
