/** Entry of the bundle. What is not asked for is not loaded: `ringlab --help` is a matter of milliseconds. */

/** The command. */
export const loadCommand = () => import('./cli/main.ts');
/** The interface for scripts. */
export const loadApi = () => import('./api/index.ts');
