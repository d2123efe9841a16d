/** The door `carillon/server`: the API as one `fetch` handler. */
export { type CarillonServer, createServer, type ServerOptions } from "./create.ts"
