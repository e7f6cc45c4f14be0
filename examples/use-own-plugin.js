/** Two plugins of own-plugin.js, as a program uses them: a question, its answer, and money. */
import { BookPlugin } from './own-plugin.js'

const book = new Map()
const alice = new BookPlugin({ book, account: 'alice' })
const bob = new BookPlugin({ book, account: 'bob' })

bob.registerDataHandler(async (data) => Buffer.from(`${data}, too`))
bob.registerMoneyHandler(async (amount) => console.log(`bob got ${amount}`))
await Promise.all([alice.connect(), bob.connect()])

console.log(`bob says: ${await alice.sendData(Buffer.from('good morning'))}`)
await alice.sendMoney('17')
for (const [account, { balance }] of book) console.log(`${account} has ${balance}`)

await Promise.all([alice.disconnect(), bob.disconnect()])
