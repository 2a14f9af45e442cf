import { defineConfig } from 'drizzle-kit'

/**
 * For `drizzle-kit generate --custom --config drizzle/drizzle.config.ts`, which adds an empty file to the journal. Partitions,
 * functions and triggers have no builder, so all DDL is written by hand; never `push`.
 */
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/store/schema.ts',
  out: './drizzle',
})
