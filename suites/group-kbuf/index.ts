import { dataTests } from '../ublk/data.ts';
import { deathTests } from '../ublk/death.ts';
import { shapeTests } from '../ublk/shapes.ts';
import { LENDING } from '../ublk/way.ts';
import './ending.ts';
import './leaders.ts';
import './members.ts';
import './servers.ts';
import './sockets.ts';
import './unfilled.ts';

dataTests(LENDING);
shapeTests(LENDING);
deathTests('zero copy', LENDING);
