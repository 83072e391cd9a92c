import './edges.ts';
import './errors.ts';
import './files.ts';
import './accounting.ts';
import './forms.ts';
import './random.ts';
import './lifetime.ts';
import './going.ts';
