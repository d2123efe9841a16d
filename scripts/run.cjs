// Promise: `node scripts/run.cjs <file> [args…]` runs that file on the Node this repository is pinned to,
// and first installs what is missing.
//
// It is what makes `npm start` and `npm test` work right after `git clone`, so it is plain old JavaScript:
// it has to run on whatever Node a newcomer has.

"use strict"

const fs = require("node:fs")
const path = require("node:path")
const { spawn, spawnSync } = require("node:child_process")

const root = path.resolve(__dirname, "..")
const isWindows = process.platform === "win32"
const pinnedNode = path.join(root, "node_modules", isWindows ? "node/bin/node.exe" : ".bin/node")
const oldestMajor = Number(/\d+/.exec(readJson("package.json").engines.node)[0])

main(process.argv.slice(2))

function main(args) {
  if (args.length === 0) fail("Expected a file to run: node scripts/run.cjs <file> [args…]", 2)
  install()
  run(chooseNode(), args)
}

function install() {
  const present = readJson("node_modules/.package-lock.json")
  if (present !== null && matchesLockfile(present)) return

  if (present === null)
    say("first run here: installing dependencies and the pinned Node (npm install, once) …")
  else say("package-lock.json has changed: installing what is new …")
  // Not `npm ci`: that would pull node_modules from under an app that runs in another terminal.
  npm(["install", "--no-save", "--include=dev"])
}

/** Optional packages are left out of the comparison: most are there for one platform only. */
function matchesLockfile(present) {
  const wanted = readJson("package-lock.json").packages
  return Object.keys(wanted).every((where) => {
    if (!/(^|\/)node_modules\//.test(where) || wanted[where].optional || wanted[where].devOptional)
      return true
    const found = present.packages[where]
    return found !== undefined && found.version === wanted[where].version
  })
}

function chooseNode() {
  if (process.execPath === realPath(pinnedNode) || works(pinnedNode)) return pinnedNode
  if (parseInt(process.versions.node, 10) >= oldestMajor) return ownNode()

  // The package `node` puts its binary in place by an install script, and those may be switched off.
  say("the pinned Node is not in place (are install scripts off?): fetching it …")
  npm(["rebuild", "node", "--ignore-scripts=false"])
  if (works(pinnedNode)) return pinnedNode
  return fail(
    `Expected Node ${oldestMajor} or later, got ${process.version}, and the pinned one does not run on this ` +
      `machine (${process.platform} ${process.arch}). Install Node ${oldestMajor} or later and try again.`,
    1,
  )
}

/** A pinned Node that cannot run here (musl, say) must not stand before the machine's own in npm's PATH. */
function ownNode() {
  if (!isWindows) fs.rmSync(pinnedNode, { force: true })
  return process.execPath
}

function works(node) {
  return spawnSync(node, ["--version"]).status === 0
}

function run(node, args) {
  const pathKey = Object.keys(process.env).find((key) => key.toUpperCase() === "PATH") || "PATH"
  const env = Object.assign({}, process.env)
  env[pathKey] = [path.dirname(node), env[pathKey]].join(path.delimiter)

  const file = path.resolve(root, args[0])
  const child = spawn(node, [file].concat(args.slice(1)), { cwd: root, stdio: "inherit", env })

  // Ctrl-C in a terminal reaches the child by itself; a second copy would look like impatience.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"))
  process.on("SIGTERM", () => child.kill("SIGTERM"))
  if (process.env.npm_lifecycle_event && !isWindows) whenOrphaned(() => child.kill("SIGTERM"))
  child.on("error", (error) => fail(error.message, 1))
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

/** npm hands a signal to its shell, which dies of it and tells nobody: the app would live on and hold its port. */
function whenOrphaned(act) {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    act()
  }, 500)
}

function npm(args) {
  const quiet = ["--no-audit", "--no-fund", "--engine-strict=false", "--loglevel=error"]
  const own = process.env.npm_execpath
  const throughNode = own !== undefined && /npm-cli\.js$/.test(own)
  const command = throughNode ? process.execPath : isWindows ? "npm.cmd" : "npm"
  const result = spawnSync(command, (throughNode ? [own] : []).concat(args, quiet), {
    cwd: root,
    stdio: ["ignore", 2, 2], // standard output belongs to the command that was asked for
    shell: isWindows && !throughNode,
  })
  if (result.error) fail(`Could not start npm: ${result.error.message}`, 1)
  if (result.status !== 0) fail(`npm ${args.join(" ")} failed; its own words stand above.`, 1)
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(path.join(root, file), "utf8"))
  } catch (error) {
    if (error.code === "ENOENT") return null
    throw error
  }
}

function realPath(file) {
  try {
    return fs.realpathSync(file)
  } catch (_) {
    return null // not installed
  }
}

function say(text) {
  process.stderr.write(`carillon: ${text}\n`)
}

function fail(text, code) {
  say(text)
  process.exit(code)
}
