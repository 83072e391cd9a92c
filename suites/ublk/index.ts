import './data.ts';
import './shapes.ts';
import './errors.ts';
import './ending.ts';
import './death.ts';
