/** The services that a version 2 plugin is given (RFC-24 draft 1, "PluginServices"): checked, and the logger as our layers use one. */
import { debuglog, format, inspect } from 'node:util'
import type { Log } from '../log/index.js'
import { InvalidServicesError } from './errors.js'
import type { PluginStore } from './v1-types.js'
import type { PluginLog, PluginServices } from './v2-types.js'

/** @throws {TypeError} for arguments that are no objects; {InvalidServicesError} for services that are none */
export function checkArguments(opts: unknown, api: unknown): void {
  if (!isObject(opts)) throw new TypeError('the first argument must be an object of options')
  if (api === undefined) return
  if (!isObject(api)) throw new TypeError('the second argument, if given, must be an object of services')
  const { store, log } = api as { store?: unknown; log?: unknown }
  if (store !== undefined && store !== null && !isStore(store)) {
    throw new InvalidServicesError('the service store must have the methods get, put and del')
  }
  if (log !== undefined && log !== null && !isObject(log) && typeof log !== 'function') {
    throw new InvalidServicesError('the service log must have the methods debug, info, warn and error')
  }
}

/** The store of the services, or the one among the options. Programs pass the latter unasked: what is no store is ignored. */
export function storeOf(api: PluginServices | undefined, given: unknown): PluginStore | undefined {
  return api?.store ?? (isStore(given) ? given : undefined)
}

/** The logger of the services; without one, errors go to standard error, and the rest where NODE_DEBUG=sluice asks for it. */
export function logOf(api: PluginServices | undefined): Log {
  const log = api?.log ?? DEFAULT_LOG
  const writer = (level: 'debug' | 'info' | 'warn' | 'error'): Log['info'] => {
    return (message, fields) => {
      try {
        if (fields === undefined) log[level]?.('%s', message)
        else log[level]?.('%s %o', message, fields)
      } catch {
        // The logger is the host program's; its failure must not become ours.
      }
    }
  }
  return { debug: writer('debug'), info: writer('info'), warn: writer('warn'), error: writer('error') }
}

const debug = debuglog('sluice')
const DEFAULT_LOG: PluginLog = {
  debug: (message, ...params) => debug(message.replaceAll('%o', '%s'), ...params.map(onOneLine)),
  info: (message, ...params) => debug(message.replaceAll('%o', '%s'), ...params.map(onOneLine)),
  warn: (message, ...params) => debug(message.replaceAll('%o', '%s'), ...params.map(onOneLine)),
  error: (message, ...params) =>
    process.stderr.write(`${format(message.replaceAll('%o', '%s'), ...params.map(onOneLine))}\n`),
}

function onOneLine(param: unknown): unknown {
  return typeof param === 'object' ? inspect(param, { breakLength: Infinity }) : param
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isStore(value: unknown): value is PluginStore {
  if (!isObject(value)) return false
  const methods = value as Record<string, unknown>
  return ['get', 'put', 'del'].every((name) => typeof methods[name] === 'function')
}
