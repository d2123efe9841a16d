/** A server under measurement tells what CPU it has used, as often as it is asked to, and ends when it is told. */
export function onMessages(end: () => void): void {
  process.on("message", (message) => {
    if (message === "usage")
      process.send?.({ main: sum(process.threadCpuUsage()), all: sum(process.cpuUsage()) })
    else end()
  })
}

function sum({ user, system }: NodeJS.CpuUsage): number {
  return user + system
}
