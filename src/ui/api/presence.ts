/** Pages ask by themselves for what is new, so a request alone does not say that somebody is there. */
const ATTENDED_MS = 5 * 60_000

let lastInputAt = Date.now()
const notice = () => {
  lastInputAt = Date.now()
}
for (const kind of ['pointerdown', 'pointermove', 'keydown', 'wheel']) {
  addEventListener(kind, notice, { passive: true, capture: true })
}

/** Nobody has touched the page for a while: what it asks for does not put off the end of the session. */
export const isUnattended = (): boolean => Date.now() - lastInputAt > ATTENDED_MS
