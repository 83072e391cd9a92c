import './edges.ts';
import './errors.ts';
import './forms.ts';
import './random.ts';
import './lifetime.ts';
import './going.ts';
