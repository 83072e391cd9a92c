import { dataTests } from '../lib/ublk/data.ts';
import { deathTests } from '../lib/ublk/death.ts';
import { shapeTests } from '../lib/ublk/shapes.ts';
import { LENDING } from '../lib/ublk/way.ts';
import './ending.ts';
import './leaders.ts';
import './members.ts';
import './servers.ts';
import './sockets.ts';
import './unfilled.ts';

dataTests(LENDING);
shapeTests(LENDING);
deathTests('zero copy', LENDING);
