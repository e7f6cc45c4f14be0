export { SluiceError } from './errors/index.js'
