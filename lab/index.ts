/** Entry of the bundle: the command, and the interface for scripts. Each is loaded on demand. */
export const loadCommand = () => import('./cli/main.ts');
export const loadApi = () => import('./api/index.ts');
