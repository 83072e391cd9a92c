import './order.ts';
import './links.ts';
import './sizes.ts';
import './cancel.ts';
import './ending.ts';
import './copy.ts';
import './nvme.ts';
import './random.ts';
