import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import t from 'tap';
import { changePoints } from './change-points.ts';

/** Values around levels, `[length, level]` each: noise is uniform within `spread`, a share of the level. */
function generated(levels: [number, number][], spread: number, seed: number): number[] {
  const random = xoroshiro128plus(seed);
  const share = () => (uniformInt(random, 0, 2_000_000) / 1_000_000 - 1) * spread;
  return levels.flatMap(([length, level]) => Array.from({ length }, () => level * (1 + share())));
}

const indices = (values: number[], noise = 0.002) =>
  changePoints(values, { noise }).map(({ index }) => index);
const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);

t.test('a slowdown of 0.5% amid noise of 0.1% is found at its run, and nowhere else, for 40 seeds', (t) => {
  for (const seed of SEEDS) {
    const at = 5 + (seed % 20);
    const values = generated(
      [
        [at, 7340],
        [30 - at, 7340 * 1.005],
      ],
      0.001,
      seed,
    );
    t.same(indices(values), [at], `change points with seed ${seed}`);
  }
  t.end();
});

t.test('up and down again is two change points', (t) => {
  const values = generated(
    [
      [10, 100],
      [8, 110],
      [12, 100],
    ],
    0.005,
    3,
  );
  t.match(changePoints(values, { noise: 0.002 }), [
    { index: 10, before: Number, after: Number },
    { index: 18, before: Number, after: Number },
  ]);
  t.same(indices(values), [10, 18]);
  t.end();
});

t.test('three steps of different sizes are found at their runs', (t) => {
  t.same(
    indices(
      generated(
        [
          [15, 1000],
          [12, 1020],
          [14, 1050],
          [9, 900],
        ],
        0.003,
        9,
      ),
    ),
    [15, 27, 41],
  );
  t.end();
});

t.test('constant values, a few values and a single outlier have no change point', (t) => {
  t.same(indices(Array(30).fill(7342)), [], 'constant');
  t.same(indices([]), [], 'none');
  t.same(indices([1]), [], 'one');
  t.same(indices([1, 1, 2, 2]), [], 'four');
  const outlier = generated([[30, 100]], 0.001, 5);
  outlier[17] = 150;
  t.same(indices(outlier), [], 'outlier');
  outlier[29] = 150;
  t.same(indices(outlier), [], 'two outliers, one of them last');
  t.end();
});

t.test('a change that is exact in every value is found, with both medians', (t) => {
  const values = [...Array(12).fill(7337), ...Array(6).fill(7374)];
  t.same(changePoints(values, { noise: 0.002 }), [{ index: 12, before: 7337, after: 7374 }]);
  t.end();
});

t.test('a change below the noise of a metric is none', (t) => {
  const values = generated(
    [
      [15, 1000],
      [15, 1030],
    ],
    0.002,
    4,
  );
  t.same(indices(values, 0.05), [], 'with noise of 5%');
  t.same(indices(values, 0.002), [15], 'with noise of 0.2%');
  t.end();
});

t.test(
  'values without a change have a change point in at most 2 of 200 series, whatever their spread',
  (t) => {
    const wrong = Array.from({ length: 200 }, (_, seed) => generated([[30, 100]], 0.05, 1000 + seed)).filter(
      (values) => indices(values).length > 0,
    );
    t.ok(wrong.length <= 2, `series with a false change point: ${wrong.length}`);
    t.end();
  },
);

t.test('values around zero and a change from zero are measured as shares without a division by zero', (t) => {
  t.match(changePoints([...Array(10).fill(0), ...Array(10).fill(5)], { noise: 0.002 }), [
    { index: 10, before: 0, after: 5 },
  ]);
  t.end();
});

t.test('equal values give equal change points', (t) => {
  const values = generated(
    [
      [14, 50],
      [16, 51],
    ],
    0.02,
    11,
  );
  t.same(changePoints(values, { noise: 0 }), changePoints(values, { noise: 0 }));
  t.end();
});
