/** Holds own-plugin.js to every section of the interface: `node examples/own-plugin-suite.js`. */
import { testPluginV2 } from 'sluice/testing'
import { BookPlugin } from './own-plugin.js'

testPluginV2({
  name: 'two accounts of one book',
  Plugin: BookPlugin,
  options: () => ({ book: new Map(), account: 'alice' }),
  wrongOptions: () => ({ account: 'alice' }),
  create: async (api) => {
    const book = new Map()
    return { plugins: [new BookPlugin({ book, account: 'alice' }, api), new BookPlugin({ book, account: 'bob' }, api)] }
  },
  unreachable: () => new BookPlugin({ book: new Map(), account: 'alice' }),
})
