import t from 'tap';
import { bytesIn } from './copy-trace.ts';

const line = (task: number, bytes: number) =>
  `     iou-wrk-12-${task}      [001] d.Z..     9.137737: _copy_to_iter: (_copy_to_iter+0x0/0x230) bytes=${bytes}`;

t.test('the bytes of the tasks are summed up, and those of others are not', (t) => {
  t.equal(bytesIn([line(76, 4096), line(77, 512), line(78, 9), ''], new Set(['76', '77'])), 4608);
  t.equal(bytesIn([], new Set(['76'])), 0);
  t.end();
});
