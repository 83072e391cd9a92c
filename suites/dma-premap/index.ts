import './edges.ts';
import './errors.ts';
import './random.ts';
import './lifetime.ts';
