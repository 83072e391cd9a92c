import { hashOf } from '../core/hash.ts';
import type { StageContext } from '../model/event.ts';
import type { SourceTree } from '../model/kernel.ts';
import { finalConfig } from './config.ts';
import type { ResolvedRequest } from './request.ts';
import { type Toolchain, toolchain } from './toolchain.ts';

/** A source tree with everything that decides the result of its build. */
export interface BuildSpec {
  tree: SourceTree;
  /** The finished `.config`. */
  config: string;
  tools: Toolchain;
  /** Build key: tree, finished config, compiler, linker, architecture. */
  key: string;
  /** Names the object folder. Base and patched trees share it even if a series adds an option: make sees what changed. */
  objectsId: string;
}

/** Determines the config of a tree and with it the build key. Throws as `finalConfig`. */
export async function specOf(
  tree: SourceTree,
  request: ResolvedRequest,
  ctx: StageContext,
): Promise<BuildSpec> {
  const tools = await toolchain();
  const config = await finalConfig(tree, request, tools, ctx);
  const { compiler, linker, arch } = tools;
  const key = hashOf('kernel-1', tree.tree, config, compiler, linker, arch.name);
  const start = JSON.stringify(request.start);
  const objectsId = hashOf('objects-1', start, request.text, tools.id, String(tools.ccache));
  return { tree, config, tools, key, objectsId };
}
