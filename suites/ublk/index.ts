import { dataTests } from '../lib/ublk/data.ts';
import { deathTests } from '../lib/ublk/death.ts';
import './ending.ts';
import './errors.ts';
import { shapeTests } from '../lib/ublk/shapes.ts';
import { COPYING } from '../lib/ublk/way.ts';

dataTests(COPYING);
shapeTests(COPYING);
deathTests('user copy', COPYING);
