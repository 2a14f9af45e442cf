import { OperatorError } from '../core/operator-error.ts'
import { visibleLines } from '../core/visible-text.ts'
import { AUDIT_COMMANDS } from './audit.ts'
import {
  type Command,
  type CommandContext,
  Failure,
  Misconfigured,
  PROGRAM,
  Refused,
  UsageError,
} from './command.ts'
import { CONFIG_COMMANDS } from './config.ts'
import { CONNECT_COMMANDS } from './connect.ts'
import { DEDUPLICATION_COMMANDS } from './deduplication.ts'
import { EVENTS_COMMANDS } from './events.ts'
import { HANDSHAKE_COMMANDS } from './handshake.ts'
import { HEALTHCHECK_COMMANDS } from './healthcheck.ts'
import { helpCommand, overview, unknownCommand } from './help.ts'
import { HMAC_COMMANDS } from './hmac.ts'
import { IP_WHITELIST_COMMANDS } from './ip-whitelist.ts'
import { LOG_COMMANDS } from './log.ts'
import { MIGRATE_COMMANDS } from './migrate.ts'
import { PAYLOAD_LIMIT_COMMANDS } from './payload-limit.ts'
import { RATE_LIMIT_COMMANDS } from './rate-limit.ts'
import { INTERNAL_COMMANDS } from './receiver-process.ts'
import { REJECTED_BODIES_COMMANDS } from './rejected-bodies.ts'
import { SCHEME_COMMANDS } from './scheme.ts'
import { SECRETS_COMMANDS } from './secrets.ts'
import { SEND_COMMANDS } from './send.ts'
import { SERVE_COMMANDS } from './serve.ts'
import { STATS_COMMANDS } from './stats.ts'
import { TOKEN_COMMANDS } from './token.ts'
import { TRIGGER_COMMANDS } from './trigger.ts'
import { VERIFICATION_COMMANDS } from './verification.ts'
import { VERIFY_COMMANDS } from './verify.ts'
import { VERSION_COMMANDS } from './version.ts'
import { WEBHOOK_COMMANDS } from './webhook.ts'

/** Every command, in the order in which `help` lists them. */
export const COMMANDS: readonly Command[] = [
  ...SERVE_COMMANDS,
  ...MIGRATE_COMMANDS,
  ...CONFIG_COMMANDS,
  ...HEALTHCHECK_COMMANDS,
  ...VERSION_COMMANDS,
  ...CONNECT_COMMANDS,
  ...TRIGGER_COMMANDS,
  ...WEBHOOK_COMMANDS,
  ...HMAC_COMMANDS,
  ...VERIFICATION_COMMANDS,
  ...SECRETS_COMMANDS,
  ...DEDUPLICATION_COMMANDS,
  ...HANDSHAKE_COMMANDS,
  ...RATE_LIMIT_COMMANDS,
  ...IP_WHITELIST_COMMANDS,
  ...PAYLOAD_LIMIT_COMMANDS,
  ...REJECTED_BODIES_COMMANDS,
  ...EVENTS_COMMANDS,
  ...LOG_COMMANDS,
  ...TOKEN_COMMANDS,
  ...AUDIT_COMMANDS,
  ...STATS_COMMANDS,
  ...SEND_COMMANDS,
  ...SCHEME_COMMANDS,
  ...VERIFY_COMMANDS,
  helpCommand(() => COMMANDS),
]

/** What people type who have not read the help yet. */
const ALIASES: Readonly<Record<string, string>> = { '--help': 'help', '-h': 'help', '--version': 'version' }

/**
 * Runs one command.
 *
 * @param args - what follows the name of the program
 * @returns the exit code: 0 done, 1 failed, 2 misuse. Faults of our own are thrown.
 */
export async function runCommand(args: readonly string[], context: CommandContext): Promise<number> {
  const [first = '', ...others] = args
  const words = [ALIASES[first] ?? first, ...others]
  const found = findCommand(words)
  if (found === null) return explain(words, context)
  try {
    return await found.run(words.slice(found.name.split(' ').length), context)
  } catch (error) {
    if (error instanceof UsageError) {
      context.say(`${PROGRAM}: ${visibleLines(error.message)}\nUsage: ${found.usage}`)
      return 2
    }
    if (error instanceof Misconfigured || error instanceof Refused || error instanceof Failure) {
      context.say(`${PROGRAM}: ${visibleLines(error.message)}`)
      return error instanceof Failure ? 1 : 2
    }
    if (error instanceof OperatorError) {
      context.say(`${PROGRAM}: ${visibleLines(error.message)}`)
      return 1
    }
    throw error
  }
}

const findCommand = ([noun, verb]: readonly string[]): Command | null =>
  COMMANDS.find(({ name }) => name === `${noun} ${verb}`) ??
  COMMANDS.find(({ name }) => name === noun) ??
  INTERNAL_COMMANDS.find(({ name }) => name === noun) ??
  null

/** There is no such command: says what was meant, and lists those of the noun if that is one. */
function explain([noun = '', second]: readonly string[], context: CommandContext): number {
  // An option, or what follows one, is no verb, and may be a value that is nobody else's business.
  const verb = second?.startsWith('-') ? undefined : second
  const ofNoun = COMMANDS.filter(({ name }) => name.startsWith(`${noun} `))
  if (ofNoun.length > 0) {
    const isHelpWanted = second === '--help' || second === '-h'
    const show = isHelpWanted ? context.print : context.say
    if (verb !== undefined) context.say(`${PROGRAM}: ${unknownCommand([noun, verb], COMMANDS)}\n`)
    show(overview(ofNoun))
    return isHelpWanted ? 0 : 2
  }
  if (noun === '') {
    context.say(overview(COMMANDS))
    return 2
  }
  const words = verb === undefined ? [noun] : [noun, verb]
  context.say(`${PROGRAM}: ${unknownCommand(words, COMMANDS)}\n\`${PROGRAM} help\` lists all of them.`)
  return 2
}
