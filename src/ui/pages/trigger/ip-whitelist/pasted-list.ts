/** Behind one of these the rest of a line is a remark. */
const REMARK = /#.*$|(?:^|\s)(?:\/\/|--).*$/gm

/** What stands between entries: also the marks around them in JSON and in shells. */
const BETWEEN = /[\s,;"'`[\](){}|]+/

const ENTRY_LENGTH_MAX = 128

/** The entries of a list as people keep them: separated by commas, spaces or lines, with remarks, or as JSON. */
export const entriesIn = (text: string): readonly string[] =>
  text
    .replaceAll(REMARK, '')
    .split(BETWEEN)
    .filter((entry) => entry !== '')
    // Longer ones are none, and are found again by their begin.
    .map((entry) => entry.slice(0, ENTRY_LENGTH_MAX))

/** `more` behind `entries`, without what is there already. */
export const joined = (entries: readonly string[], more: readonly string[]): readonly string[] => [
  ...new Set([...entries, ...more]),
]
