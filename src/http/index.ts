export * from './headers.js'
