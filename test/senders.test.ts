import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sendersPage } from '../deploy/generate-senders.ts'
import { PRESETS } from '../src/core/verification/index.ts'

test('docs/senders.md is what the presets say: else, bun run senders', () => {
  const page = readFileSync(join(import.meta.dir, '../docs/senders.md'), 'utf8')
  expect(page === sendersPage()).toBe(true)
})

test('every preset is on the page once, and in its index', () => {
  const page = sendersPage()
  for (const { name } of PRESETS) {
    expect([name, page.split(`<a id="${name}"></a>`).length]).toEqual([name, 2])
    expect([name, page.includes(`](#${name})`)]).toEqual([name, true])
  }
})

test('what a scheme leaves unsigned is said of each that leaves some', () => {
  const sections = sendersPage().split('<a id="')
  for (const { name, notSigned } of PRESETS) {
    const section = sections.find((text) => text.startsWith(`${name}"`)) ?? ''
    expect([name, section.includes('**Not signed**')]).toEqual([name, notSigned !== undefined])
  }
})

test('Stripe, Slack and Shopify take two commands at most', () => {
  for (const name of ['stripe', 'slack', 'shopify']) {
    const [section = ''] = sendersPage()
      .split('<a id="')
      .filter((text) => text.startsWith(`${name}"`))
    const commands = section.match(/^attune-webhooks .*$/gm) ?? []
    expect(commands).toEqual([
      `attune-webhooks connect ${name}.main ${name}`,
      `attune-webhooks connect ${name}.main ${name} --secret-file -`,
    ])
  }
})
