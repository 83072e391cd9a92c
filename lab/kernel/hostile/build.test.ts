import { AIMS } from './attack.ts';
import { testHarmless } from './outcomes.ts';

await testHarmless(AIMS.build, 'self');
