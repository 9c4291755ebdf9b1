import type { Hook } from "../spec/schema.ts";
import { step } from "./frame.ts";
import type { Plan, Step } from "./plan.ts";

/** How the hooks of one kind are run. */
export interface HookContext {
  /** The state document, cut where the pid belongs. */
  readonly state: readonly [string, string];
  /** The pid they are told; 0 for the one that the running process has in its own pid namespace. */
  readonly pid: number;
  /** Where they start. */
  readonly directory?: string | undefined;
  /** What a hook without an environment gets; nothing but inside the container. */
  readonly environment?: readonly string[] | undefined;
}

/** Hooks of one kind, in their order; the first that fails ends the plan (runtime-spec, config.md "POSIX-platform Hooks"). */
export function hookSteps(kind: string, hooks: readonly Hook[] | undefined, context: HookContext): Step[] {
  return (hooks ?? []).map((hook, index) =>
    step({
      op: "run_hook",
      path: hook.path,
      // args[0] is argv[0], which need not be the path (runc hooks.bats).
      argv: hook.args === undefined || hook.args.length === 0 ? [hook.path] : hook.args,
      envp: hook.env ?? context.environment ?? [],
      directory: context.directory ?? null,
      pid: context.pid,
      stateHead: context.state[0],
      stateTail: context.state[1],
      timeoutMs: BigInt(Math.round((hook.timeout ?? 0) * 1000)),
    }, ["hooks", kind, index])
  );
}

/** A plan of hooks alone, for the runtime's own process. */
export function hookPlan(kind: string, hooks: readonly Hook[], context: HookContext): Plan {
  return { steps: hookSteps(kind, hooks, context), slots: [], given: 0 };
}
