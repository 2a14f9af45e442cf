import packageJson from '../package.json' with { type: 'json' }

/** The version of this build, e.g. `0.1.0`. */
export const VERSION: string = packageJson.version
