import { relative } from "node:path"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** Where the longest files are; what is in none of them comes last. */
const LONGEST = ["test/chaos/", "test/package/", "src/engines/", "test/e2e/", "test/", "examples/"]

/** Whoever begins a long file last lets the other processors wait for it. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const bySize = await super.sort(files)
    return bySize.toSorted((a, b) => this.#rank(a) - this.#rank(b))
  }

  #rank({ moduleId }: TestSpecification): number {
    const path = relative(this.ctx.config.root, moduleId).replaceAll("\\", "/")
    const rank = LONGEST.findIndex((folder) => path.startsWith(folder))
    return rank === -1 ? LONGEST.length : rank
  }
}
