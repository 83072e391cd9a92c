#!/usr/bin/env node
// The command. A checkout has load.mjs, which keeps a bundle of its sources up to date; the installed package has the bundle only.
import { existsSync } from 'node:fs';

const loader = new URL('./load.mjs', import.meta.url);

async function loadLab() {
  if (!existsSync(loader)) {
    process.setSourceMapsEnabled(true);
    return import('../dist/ringlab.mjs');
  }
  if (!existsSync(new URL('../node_modules/tsx', import.meta.url))) {
    console.error('ringlab: this checkout is not set up yet: run npm run setup first');
    process.exit(3);
  }
  return (await import(loader.href)).loadLab();
}

const { main } = await loadLab();
await main(process.argv.slice(2));
