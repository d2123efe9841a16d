import { fileURLToPath } from "node:url"
import { configDefaults, defineConfig } from "vitest/config"
import LongestFirst from "./test/support/longest-first.ts"

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

// Tests start hundreds of processes, and stripping the types of all sources is most of what each start costs.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("./.tmp/compile-cache", import.meta.url))

export default defineConfig({
  resolve: {
    // Examples and tests import the package by its name; here that means the sources.
    alias: [
      { find: /^carillon$/, replacement: source("index.ts") },
      { find: /^carillon\/(.+)$/, replacement: `${source("")}$1/index.ts` },
    ],
  },
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "examples/*/test/**/*.test.ts"],
    globalSetup: "./test/support/warm-up.ts",
    exclude: [...configDefaults.exclude, "bench/**", "**/.tmp/**"],
    pool: "forks",
    maxWorkers: 4, // most wait for processes and servers of theirs; more of them would leave crash programs too little
    // Others may keep the machine busy: what failed once is shown, and what fails twice has failed.
    retry: process.env.CI ? 1 : 0,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
