import { z } from 'zod';
import { KernelSource } from './kernel.ts';

/** A source as `ringlab source list` gives it. */
export const ListedSource = z.object({
  ...KernelSource.shape,
  name: z.string(),
  from: z.enum(['own', 'user', 'file']).describe('`own`: in kernels/sources.yaml; `user`: of `source add`.'),
  ready: z.boolean().describe('Whether it can be used without a download or installation.'),
  version: z.string().optional().describe('Version of the package that is installed or was downloaded.'),
});
export type ListedSource = z.infer<typeof ListedSource>;

/** What `ringlab source update` did with a source. */
export const SourceUpdate = z.object({
  name: z.string(),
  changed: z.boolean().describe('Whether its next use has another content than the last.'),
  before: z.string().optional().describe('Version of the package before; absent when there was none.'),
  after: z.string().optional().describe('Version of the package now.'),
  kept: z.string().optional().describe('Why there was nothing to update.'),
});
export type SourceUpdate = z.infer<typeof SourceUpdate>;
