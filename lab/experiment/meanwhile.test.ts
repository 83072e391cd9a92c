import t from 'tap';
import { allEnded, meanwhile } from './meanwhile.ts';

const until = () => {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { end, ended };
};
const ctx = () => ({ signal: new AbortController().signal, emit: () => {} });

t.test('allEnded throws a failure after the others have ended', async (t) => {
  const gate = until();
  let ended = false;
  const slow = gate.ended.then(() => {
    ended = true;
  });
  const all = allEnded([Promise.reject(new Error('first')), slow]);
  setImmediate(gate.end);
  await t.rejects(all, /first/);
  t.ok(ended);
  t.same(await allEnded([Promise.resolve(1), Promise.resolve(2)]), [1, 2]);
});

t.test('meanwhile hands the prepared result over', async (t) => {
  t.equal(
    await meanwhile(
      async () => 2,
      async (two) => (await two) + 1,
      ctx(),
    ),
    3,
  );
});

t.test('what is prepared is aborted and has ended when the work fails', async (t) => {
  let ended = false;
  const prepare = ({ signal }: { signal: AbortSignal }) =>
    new Promise<void>((resolve) =>
      signal.addEventListener('abort', () =>
        setImmediate(() => {
          ended = true;
          resolve();
        }),
      ),
    );
  const work = async () => {
    throw new Error('no kernel');
  };
  await t.rejects(meanwhile(prepare, work, ctx()), /no kernel/);
  t.ok(ended);
});

t.test(
  'work is aborted when what it needs cannot be prepared, and has ended when the failure is thrown',
  async (t) => {
    let ended = false;
    const work = (prepared: Promise<void>, { signal }: { signal: AbortSignal }) =>
      new Promise<void>((_, reject) => {
        prepared.catch(() => {});
        signal.addEventListener('abort', () =>
          setImmediate(() => {
            ended = true;
            reject(signal.reason);
          }),
        );
      });
    const prepare = async () => {
      throw new Error('no image');
    };
    await t.rejects(meanwhile(prepare, work, ctx()), /no image/);
    t.ok(ended);
  },
);
