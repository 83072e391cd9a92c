/** `npm run schema`: writes the published schemas beside this file. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileOf, names, publish } from './publish.ts';

for (const name of names) {
  writeFileSync(join(import.meta.dirname, fileOf(name)), `${JSON.stringify(publish(name), undefined, 2)}\n`);
}
