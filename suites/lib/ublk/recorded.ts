import type { DataPath } from './datapath.ts';
import type { BlockRequest } from './request.ts';
import type { StrategyFactory } from './strategy.ts';

/** The strategy of a data path, which adds every request that it answers to `requests`. */
export function recorded(dataPath: DataPath): { requests: BlockRequest[]; makeStrategy: StrategyFactory } {
  const requests: BlockRequest[] = [];
  const makeStrategy: StrategyFactory = (target, uapi) => {
    const strategy = dataPath.makeStrategy(target, uapi);
    return (request, port) => {
      requests.push(request);
      return strategy(request, port);
    };
  };
  return { requests, makeStrategy };
}

/** Sum of the lengths of requests, bytes. */
export const totalLength = (requests: readonly BlockRequest[]) =>
  requests.reduce((sum, { length }) => sum + length, 0);
