/** As `git.test.ts`, with more mails; needs no guest. */
import t from 'tap';
import { compareWithGit } from './testing/compare-with-git.ts';

t.test('1000 generated mails give the patches that git mailsplit and mailinfo give', (t) =>
  compareWithGit(t, 1000),
);
