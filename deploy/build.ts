/** Makes dist/attune-webhooks, the executable for the machine that builds it. */
import { makeExecutable } from './executable.ts'

await makeExecutable('attune-webhooks')
