#!/usr/bin/env node
// The command: TypeScript is run as it lies, by tsx.
import { existsSync } from 'node:fs';

if (!existsSync(new URL('../node_modules/tsx', import.meta.url))) {
  console.error('ringlab: this checkout is not set up yet: run npm run setup first');
  process.exit(3);
}
const { register } = await import('tsx/esm/api');
register();
const { main } = await import('../lab/cli/main.ts');
await main(process.argv.slice(2));
