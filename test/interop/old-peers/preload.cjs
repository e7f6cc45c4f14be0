'use strict'
/*
 * Loaded with --require before a program that this repository did not write, so that the program itself stays untouched.
 * It moves ports (MOVE_PORTS="9000:0,8000:41234": what would listen on or connect to the first goes to the second; 0 takes
 * a free one), changes the pace of timers (MOVE_PACE="1000:10", milliseconds), and tells the parent over IPC: ports that
 * listen, unhandled rejections, exceptions, and, when asked with {report: true}, timer ticks, CPU and memory (after a
 * garbage collection with {report: true, collect: true}).
 */
const net = require('net')

const table = (text) =>
  new Map(
    (text || '')
      .split(',')
      .filter(Boolean)
      .map((pair) => pair.split(':').map(Number)),
  )
const ports = table(process.env.MOVE_PORTS)
const pace = table(process.env.MOVE_PACE)
const tell = (message) => process.connected && process.send(message)

/** The same arguments with the port moved; Node passes (port, …), ({port}, …) or [[{port}, …]] from its own modules. */
function moved(args) {
  const [first, ...rest] = args
  if (Array.isArray(first)) {
    const inner = moved(first)
    for (const mark of Object.getOwnPropertySymbols(first)) inner[mark] = first[mark]
    return [inner, ...rest]
  }
  if (first !== null && typeof first === 'object') {
    return ports.has(Number(first.port)) ? [{ ...first, port: ports.get(Number(first.port)) }, ...rest] : args
  }
  return ports.has(Number(first)) ? [ports.get(Number(first)), ...rest] : args
}

function portOf(args) {
  return Number(args[0] !== null && typeof args[0] === 'object' ? args[0].port : args[0])
}

const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...args) {
  const asked = portOf(args)
  this.once('listening', () => tell({ listening: asked, port: this.address().port }))
  return listen.apply(this, moved(args))
}

const connect = net.Socket.prototype.connect
net.Socket.prototype.connect = function (...args) {
  return connect.apply(this, moved(args))
}

let ticks = 0
const interval = global.setInterval
global.setInterval = function (callback, delay, ...args) {
  const counted = (...given) => {
    ticks++
    callback(...given)
  }
  return interval(counted, pace.has(delay) ? pace.get(delay) : delay, ...args)
}

process.on('unhandledRejection', (reason) => tell({ unhandled: String((reason && reason.stack) || reason) }))
process.on('uncaughtExceptionMonitor', (error) => tell({ uncaught: String((error && error.stack) || error) }))
process.on('disconnect', () => process.exit())
process.on('message', (message) => {
  if (message.report !== true) return
  if (message.collect) global.gc()
  const { heapUsed, external, rss } = process.memoryUsage()
  tell({ report: { ticks, bytesUsed: heapUsed + external, rss, cpu: process.cpuUsage() } })
})
if (process.channel) process.channel.unref()
