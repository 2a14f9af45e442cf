/**
 * The path of a request as Elysia's router reads it, which its types leave out of `onRequest`. A path of our own making could
 * differ from it (`..\`, an odd `Host`), and then a guard would judge another path than the one that answers.
 */
export function requestPath(context: object): string {
  const path: unknown = Reflect.get(context, 'path')
  return typeof path === 'string' ? path : ''
}
