import t from 'tap';
import { compareWithGit } from './testing/compare-with-git.ts';

t.test('300 generated mails give the patches that git mailsplit and mailinfo give', (t) =>
  compareWithGit(t, 300),
);
