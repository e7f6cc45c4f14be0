/** The log of the command line: `pino` lines on standard error, which the layers write through {@link Log}. */
import { silentLog, type Log } from '../log/index.js'

export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

export async function openLog(level: LogLevel): Promise<Log> {
  if (level === 'silent') return silentLog
  const { pino } = await import('pino')
  const logger = pino({ level }, pino.destination({ fd: 2, sync: true }))
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  }
}
