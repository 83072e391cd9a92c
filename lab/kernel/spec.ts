import { hashOf } from '../core/hash.ts';
import type { StageContext } from '../model/event.ts';
import { type SourceTree, sourceOf } from '../model/kernel.ts';
import { finalConfig } from './config.ts';
import { releaseOf } from './release.ts';
import { forRelease, type ResolvedRequest } from './request.ts';
import { type Toolchain, toolchain } from './toolchain.ts';

/** A source tree with everything that decides the result of its build. */
export interface BuildSpec {
  tree: SourceTree;
  /** The finished `.config`. */
  config: string;
  tools: Toolchain;
  /** Whether the compressed image is made too. */
  bootImage: boolean;
  /** Build key: tree, finished config, compiler, linker, architecture, and the compressed image if it is made. */
  key: string;
  /** Names the object folder of the source. A patched tree sees it even if a series adds an option: make sees what changed. */
  objectsId: string;
  /** The source below the patches, whose objects the build starts from; absent for a source. */
  source?: BuildSpec;
}

/** The tree with a work folder of its kind: what runs without a sandbox can write all of the folder, so that nothing else uses it. */
function placed(tree: SourceTree, { unsafeNoSandbox }: StageContext): SourceTree {
  return unsafeNoSandbox ? { ...tree, workDir: `${tree.workDir}-unsafe` } : tree;
}

/** Determines the config of a tree and with it the build key. Throws as `finalConfig`. */
export async function specOf(
  given: SourceTree,
  asked: ResolvedRequest,
  ctx: StageContext,
  bootImage = false,
): Promise<BuildSpec> {
  const tree = placed(given, ctx);
  const request = forRelease(asked, await releaseOf(tree, ctx));
  const below = sourceOf(tree);
  const source = below && !ctx.unsafeNoSandbox ? await specOf(below, request, ctx) : undefined;
  const tools = await toolchain();
  const config = await finalConfig(tree, request, tools, ctx);
  const { compiler, linker, arch } = tools;
  const key = hashOf(
    'kernel-1',
    tree.tree,
    config,
    compiler,
    linker,
    arch.name,
    ...(bootImage ? ['image'] : []),
  );
  const start = JSON.stringify(request.start);
  // In the folders of `objects-1` series were built too.
  const objectsId = hashOf('objects-2', start, request.text, tools.id, String(tools.ccache));
  return { tree, config, tools, bootImage, key, objectsId, ...(source ? { source } : {}) };
}
