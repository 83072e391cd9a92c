import { dataTests } from './data.ts';
import { deathTests } from './death.ts';
import './ending.ts';
import './errors.ts';
import { shapeTests } from './shapes.ts';
import { COPYING } from './way.ts';

dataTests(COPYING);
shapeTests(COPYING);
deathTests('user copy', COPYING);
