import t from 'tap';
import { callsIn } from './dma-trace.ts';

const DRIVE = new Set(['0000:00:05.0']);
const map = (task: number, device = '0000:00:05.0', name = 'dma_map_sgtable') =>
  `              dd-${task}      [000] d.Z..     9.137737: map_${name}: (${name}+0x0/0x230) dev="${device}"`;
const ret = (task: number, value: string, name = 'dma_map_sgtable') =>
  `              dd-${task}      [001] d.Z..     9.137740: ret_${name}: (nvme_queue_rq+0x0/0x10 <- ${name}) ret=${value}`;
const unmap = (device = '0000:00:05.0') =>
  `          <idle>-0       [000] d.Z..     9.138444: unmap_dma_unmap_page_attrs: (dma_unmap_page_attrs+0x0/0x180) dev="${device}"`;

t.test('mappings of a device are counted, and what undoes them', (t) => {
  const lines = [
    map(76),
    ret(76, '0x0'),
    map(77, '0000:00:06.0'),
    ret(77, '0x0'),
    unmap(),
    unmap('0000:00:06.0'),
    '',
  ];
  t.same(callsIn(lines, DRIVE), { mapped: 1, unmapped: 1 });
  t.same(callsIn(lines, new Set([...DRIVE, '0000:00:06.0'])), { mapped: 2, unmapped: 2 });
  t.same(callsIn([], DRIVE), { mapped: 0, unmapped: 0 });
  t.end();
});

t.test('a call that maps nothing does not count, by what each function returns then', (t) => {
  const result = (name: string, value: string) =>
    callsIn([map(1, undefined, name), ret(1, value, name)], DRIVE).mapped;
  t.equal(result('dma_map_sgtable', '0xfffffff4'), 0, '-ENOMEM');
  t.equal(result('dma_map_sgtable', '0xdead00000000'), 1, '0 in the lower half of the register');
  t.equal(result('dma_map_sg_attrs', '0x0'), 0, 'no entries');
  t.equal(result('dma_map_sg_attrs', '0x3'), 1, 'three entries');
  t.equal(result('dma_map_page_attrs', '0xffffffffffffffff'), 0, 'DMA_MAPPING_ERROR');
  t.equal(result('dma_map_page_attrs', '0xfffff000'), 1, 'an address with a high bit');
  t.equal(result('dma_iova_try_alloc', '0xffff8880aa000000'), 0, 'false');
  t.equal(result('dma_iova_try_alloc', '0x1'), 1, 'true');
  t.end();
});

t.test('a failure belongs to the task that called, and the device that it called for', (t) => {
  const failed = '0xfffffff4';
  t.equal(callsIn([map(1), map(2), ret(2, failed), ret(1, '0x0')], DRIVE).mapped, 1, 'two tasks');
  t.equal(callsIn([map(1), ret(1, '0x0'), map(1, 'x'), ret(1, failed)], DRIVE).mapped, 1, 'another device');
  t.equal(callsIn([ret(1, failed)], DRIVE).mapped, 0, 'begun before');
  t.end();
});
