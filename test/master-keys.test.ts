import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadSealing } from '../src/master-keys.ts'

const folder = mkdtempSync(join(tmpdir(), 'attune-keys-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const KEY = Buffer.from('canary-key-0123456789-0123456789').toString('base64')
const OLD = Buffer.alloc(32, 8).toString('hex')
const PLACE = { triggerId: '1', name: 'webhook_hmac_secret' }
const NONE = { masterKey: null, masterKeyFile: null, masterKeyOld: null, masterKeyOldFile: null }

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe('master keys', () => {
  test('of the settings and of files are the same, a line end at the end left out', () => {
    const ofText = loadSealing({ ...NONE, masterKey: KEY, masterKeyOldFile: file('old', `${OLD}\r\n`) })
    const ofFile = loadSealing({ ...NONE, masterKeyFile: file('key', `${KEY}\n`), masterKeyOld: OLD })
    const sealed = ofText.seal('secret', PLACE)
    expect(ofFile.open(sealed, PLACE)).toEqual({ ok: true, text: 'secret' })
    expect(ofFile.isCurrent(sealed)).toBe(true)
    const old = loadSealing({ ...NONE, masterKey: OLD }).seal('older', PLACE)
    for (const sealing of [ofText, ofFile])
      expect(sealing.open(old, PLACE)).toEqual({ ok: true, text: 'older' })
  })

  test('none seals nothing', () => {
    expect(loadSealing(NONE).isOn).toBe(false)
  })

  test.each([
    ['is not there', join(folder, 'nowhere')],
    ['holds no key', file('wrong', `${KEY}x`)],
    ['is empty', file('empty', '')],
    ['holds two lines', file('two', `${KEY}\n${KEY}\n`)],
  ])('a file that %s is named, and what is in it is not', (_, path) => {
    let message = ''
    try {
      loadSealing({ ...NONE, masterKeyFile: path })
    } catch (error) {
      message = (error as Error).message
    }
    expect(message).toContain(path)
    expect(message).not.toContain(KEY.slice(0, 10))
  })
})
