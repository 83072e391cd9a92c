#!/usr/bin/env node
// The command.
import { existsSync } from 'node:fs';

if (!existsSync(new URL('../node_modules/tsx', import.meta.url))) {
  console.error('ringlab: this checkout is not set up yet: run npm run setup first');
  process.exit(3);
}
const { loadLab } = await import('./load.mjs');
const { main } = await loadLab();
await main(process.argv.slice(2));
