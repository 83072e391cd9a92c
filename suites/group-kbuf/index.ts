import { dataTests } from '../lib/ublk/data.ts';
import { ZERO_COPY } from '../lib/ublk/datapath.ts';
import { deathTests } from '../lib/ublk/death.ts';
import { shapeTests } from '../lib/ublk/shapes.ts';
import './buffered.ts';
import './ending.ts';
import './leaders.ts';
import './members.ts';
import './copies.ts';
import './servers.ts';
import './sockets.ts';
import './refused.ts';
import './unfilled.ts';

dataTests(ZERO_COPY);
shapeTests(ZERO_COPY);
deathTests('zero copy', ZERO_COPY);
