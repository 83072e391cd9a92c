#!/usr/bin/env node
// The command.
import { openLab } from './open.mjs';

process.setSourceMapsEnabled(true);

async function loadCommand() {
  try {
    return (await openLab()).loadCommand();
  } catch (error) {
    if (error.code !== 'NOT_SET_UP') throw error;
    console.error(`ringlab: ${error.message}`);
    process.exit(3);
  }
}

const { main } = await loadCommand();
await main(process.argv.slice(2));
