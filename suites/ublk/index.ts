import { dataTests } from '../lib/ublk/data.ts';
import { USER_COPY } from '../lib/ublk/datapath.ts';
import { deathTests } from '../lib/ublk/death.ts';
import { shapeTests } from '../lib/ublk/shapes.ts';
import './ending.ts';
import './errors.ts';
import './rejections.ts';

dataTests(USER_COPY);
shapeTests(USER_COPY);
deathTests('user copy', USER_COPY);
