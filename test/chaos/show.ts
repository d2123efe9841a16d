import { inOneLine, type Tally } from "./tally.ts"

/** A book, and what beside a loss is a failure of the run. */
type Shown = Tally & { readonly wrong?: readonly string[]; readonly deaths?: readonly string[] }

/** Its book in a line; what it lost, or that it came to no end, is the run's failure. */
export async function show(title: string, run: () => Promise<Shown>): Promise<void> {
  try {
    const book = await run()
    console.log(inOneLine(title, book))
    const wrong = faultsOf(book)
    if (wrong.length > 0) console.error(wrong.join("\n"))
    if (book.lost + book.stray + wrong.length > 0) process.exitCode = 1
  } catch (error) {
    console.error(`${title}: ${(error as Error).stack}`)
    process.exitCode = 1
  }
}

/** A program that replays on purpose repeats what it likes; those that list deaths do not. */
function faultsOf({ wrong = [], deaths, duplicates, cap }: Shown): readonly string[] {
  if (deaths === undefined || duplicates <= cap) return [...wrong, ...(deaths ?? [])]
  return [...wrong, ...deaths, `Expected at most ${cap} duplicates, got ${duplicates}.`]
}
