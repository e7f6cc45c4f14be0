/** A process that kills itself, by SIGKILL, when it comes to a step for the nth time. */
export interface TrapPlan {
  readonly step: string
  readonly nth: number
}

export class Trap {
  #step: string | undefined
  #left = 0

  constructor(plan?: TrapPlan) {
    if (plan !== undefined) this.arm(plan)
  }

  arm({ step, nth }: TrapPlan): void {
    this.#step = step
    this.#left = nth
  }

  /** The process comes to a step. */
  pass(step: string): void {
    if (step !== this.#step) return
    this.#left--
    if (this.#left === 0) process.kill(process.pid, 'SIGKILL')
  }
}
