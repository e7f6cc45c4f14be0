export * from '../../dist/compat/ilp-packet.js'
