/** SQL is imported as text, so that it travels inside the binary. */
declare module '*.sql' {
  const text: string
  export default text
}
