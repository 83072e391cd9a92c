/** The HTML page in a browser: its policy, filters, accessibility, and pictures of it. */
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import t from 'tap';
import { planted } from '../../reports/html/testing/planted.ts';
import { renderReport } from '../../reports/index.ts';
import { outcomeOf } from '../compare/outcome.ts';
import { writeAtomic } from '../core/atomic.ts';
import { projectRoot } from '../core/paths.ts';
import { findProgram } from '../core/program.ts';
import type { RunRecord } from '../model/run.ts';

/** Where the pictures are kept. */
const PICTURES = join(projectRoot, 'build/page');
mkdirSync(PICTURES, { recursive: true });

const executablePath = findProgram('chromium');
if (executablePath === undefined) throw new Error('no chromium: npm run setup -- --tests installs it');
// The sandbox of Chromium does not start for root; the page is our own.
const browser: Browser = await chromium.launch({ executablePath, chromiumSandbox: false, timeout: 600_000 });
t.teardown(() => browser.close());

const dir = t.testdir();
async function pageOf(name: string, record: RunRecord): Promise<string> {
  const file = join(dir, `${name}.html`);
  await writeAtomic(file, await renderReport('html', { record, comparison: outcomeOf(record).comparison }));
  return pathToFileURL(file).href;
}
const plantedUrl = await pageOf('planted', planted);

/** A text that runs a script, or loads an image, where it is taken for markup. */
const EVIL = `</script><script>document.title='evil'</script><img src="http://127.0.0.1:9/x" onerror="document.title='evil'">"'`;

const evil: RunRecord = {
  ...planted,
  kernels: planted.kernels.map((kernel) => ({ ...kernel, warnings: [EVIL], newWarnings: [EVIL] })),
  cells: planted.cells.map((cell) => ({
    ...cell,
    ...(cell.verdict === 'done' ? {} : { reason: EVIL, detail: EVIL }),
    tests: cell.tests.map((test) => ({ ...test, name: `${EVIL} ${test.name}`, reason: EVIL, detail: EVIL })),
    complaints: cell.complaints.map((complaint) => ({ ...complaint, title: EVIL, text: EVIL })),
  })),
};
const evilUrl = await pageOf('evil', evil);

/** What a page did that it must not do. */
async function openPage(url: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  // A busy machine is slow; how fast a page is, is no question here.
  context.setDefaultTimeout(600_000);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => faults.push(message.text()));
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('request', (request) => {
    if (request.url() !== page.url() && !request.url().startsWith('file:')) faults.push(request.url());
  });
  await page.goto(url);
  return { page, faults, [Symbol.asyncDispose]: () => context.close() };
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** The findings of axe, each with its first element. */
async function findingsOf(page: Page): Promise<string[]> {
  // Through the debugger, which the policy of the page does not hold.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe: checker } = globalThis as unknown as { axe: { run(): Promise<{ violations: Finding[] }> } };
    interface Finding {
      id: string;
      help: string;
      nodes: { html: string }[];
    }
    const { violations } = await checker.run();
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html}`);
  });
}

const shown = (page: Page, selector: string) => page.locator(`${selector}:visible`).count();

for (const colorScheme of ['light', 'dark'] as const)
  t.test(`axe finds nothing in the ${colorScheme} page, with everything unfolded`, async (t) => {
    for (const url of [plantedUrl, evilUrl]) {
      await using opened = await openPage(url, { colorScheme });
      const { page } = opened;
      await page.evaluate(() => {
        for (const element of document.querySelectorAll('details')) element.open = true;
      });
      t.same(await findingsOf(page), [], url);
    }
  });

t.test('pictures at three widths; the page is never wider than the screen', async (t) => {
  for (const [name, width, colorScheme] of [
    ['wide', 1280, 'light'],
    ['tablet', 800, 'dark'],
    ['phone', 375, 'light'],
  ] as const) {
    await using opened = await openPage(plantedUrl, { viewport: { width, height: 900 }, colorScheme });
    const { page, faults } = opened;
    const path = join(PICTURES, `${name}.png`);
    const picture = await page.screenshot({ path, fullPage: true });
    t.ok(picture.length > 50_000, `bytes of ${path}: ${picture.length}`);
    t.equal(
      await page.evaluate(() => document.documentElement.scrollWidth),
      width,
      `width of the page, ${name}`,
    );
    t.same(faults, [], 'messages of the browser');
  }
});

t.test('hostile text runs no script and loads nothing', async (t) => {
  await using opened = await openPage(evilUrl);
  const { page, faults } = opened;
  t.match(await page.title(), 'nvme: failover of passthrough commands');
  t.same(faults, []);
  t.ok((await page.getByText("document.title='evil'").count()) > 20, 'the text is shown');
  const blocked = await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = "document.title = 'evil'";
    document.body.append(script);
    return document.title;
  });
  t.not(blocked, 'evil', 'the policy blocks a script that is not that of the page');
});

t.test('without script the page has all its content, and no filters', async (t) => {
  await using opened = await openPage(plantedUrl, { javaScriptEnabled: false });
  const { page } = opened;
  t.equal(await shown(page, '.change'), 10, 'changes');
  t.equal(await shown(page, '#filters'), 0, 'filters');
  t.equal(await shown(page, 'section h2'), 8, 'sections');
});

t.test(
  'filters of identity change the counts, those of kinds only what is shown; the address keeps both',
  async (t) => {
    await using opened = await openPage(plantedUrl);
    const { page, faults } = opened;
    t.equal(await shown(page, '.change'), 10, 'changes without a filter');
    await page.locator('#filters').getByLabel('Guest').selectOption('multipath');
    const countOf = (kind: string) => page.locator(`[data-kind-count=${kind}]`).textContent();
    t.same([await countOf('regressed'), await countOf('fixed'), await countOf('new')], ['1', '4', '0']);
    await page.getByRole('checkbox', { name: /^fixed/ }).check();
    t.equal(await shown(page, '.change'), 4, 'fixed tests of the guest');
    t.equal(await countOf('regressed'), '1', 'regressed tests of the guest, hidden');
    const query = new URL(page.url()).search;
    t.equal(query, '?guest=multipath&kind=fixed');

    await page.reload();
    t.equal(await shown(page, '.change'), 4, 'changes after the page was loaded again');
    await page.locator('#filters').getByLabel('Test').fill('retried');
    t.equal(await shown(page, '.change'), 3, 'changes whose name contains the text');
    await page.locator('#filters').getByLabel('Test').fill('no such test');
    t.equal(await shown(page, '#none-match'), 1, 'the page says that nothing matches');
    await page.getByRole('button', { name: 'Clear' }).click();
    t.equal(await shown(page, '.change'), 10, 'changes after clearing');
    t.equal(new URL(page.url()).search, '');
    t.same(faults, []);
  },
);

t.test('the table of costs is sorted by significance, size of the change or workload', async (t) => {
  await using opened = await openPage(plantedUrl);
  const { page } = opened;
  const firstRows = () =>
    page
      .locator('table.costs >> nth=0')
      .locator('tbody tr')
      .evaluateAll((rows) => rows.map((row) => Number(row.getAttribute('data-order'))));
  const bySignificance = await firstRows();
  await page.locator('#filters').getByLabel('Costs by').selectOption('workload');
  const byWorkload = await firstRows();
  t.same(
    byWorkload,
    [...bySignificance].sort((a, b) => a - b),
    'order of the benchmark',
  );
  t.not(String(byWorkload), String(bySignificance));
  t.match(page.url(), 'sort=workload');
});

t.test(
  'the keyboard reaches changes and unfolds them, and a cell of the matrix leads to its attempts',
  async (t) => {
    await using opened = await openPage(plantedUrl);
    const { page } = opened;
    await page.keyboard.press('Tab');
    t.equal(
      await page.evaluate(() => document.activeElement?.className),
      'skip',
      'the first stop skips the head',
    );
    const fixed = page.locator('[data-group=fixed] details').first();
    await fixed.locator('summary').focus();
    await page.keyboard.press('Enter');
    t.equal(await fixed.getAttribute('open'), '', 'unfolded by Enter');
    await page.getByRole('link', { name: /crash: 4 failed/ }).click();
    await page.locator('.cell .body:target').waitFor({ state: 'visible' });
    t.pass('the cell is unfolded');
  },
);

t.test('on paper the changes have their evidence, and the filters are left out', async (t) => {
  await using opened = await openPage(plantedUrl);
  const { page } = opened;
  await page.emulateMedia({ media: 'print' });
  t.equal(await shown(page, '#filters'), 0, 'filters');
  t.equal(await shown(page, '.change .body'), 10, 'evidence of changes that are folded on the screen');
});
