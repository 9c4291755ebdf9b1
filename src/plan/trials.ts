import {
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  MOUNT_ATTR_RDONLY,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_BENEATH,
} from "../linux/constants.gen.ts";
import { step } from "./frame.ts";
import type { Plan, Step } from "./plan.ts";
import { becomeMappedRoot } from "./process.ts";
import { WORDS } from "./schema.ts";

/** What `dunc check` tries out, in this order. */
export const TRIALS = [
  "init",
  "openat2",
  "cloneIntoCgroup",
  "userNamespace",
  "namespaces",
  "mounts",
  "proc",
  "procInUserNamespace",
  "sysfs",
  "timeNamespace",
] as const;

export type TrialName = typeof TRIALS[number];

const OWN = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

/**
 * The plan of a trial: the operations that a container's own plan has, without an end in execve. `ordinary`: what is
 * tried happens in a user namespace, the only place where somebody else than root may do it.
 */
export function trialPlan(name: TrialName, ordinary: boolean): Plan {
  const user = ordinary ? CLONE_NEWUSER : 0;
  return { steps: [...stepsOf(name, user)], slots: ["/", "tree"], given: 0 };
}

function stepsOf(name: TrialName, user: number): Step[] {
  switch (name) {
    case "init":
      return cloned(0);
    case "openat2":
      return [root(), openBeneath(), ...cloned(0)];
    case "cloneIntoCgroup":
      // The kernel that knows the flag looks at the descriptor: EBADF, because "/" is no group.
      return [root(), step({ op: "clone", flags: 0n, cgroup: 0, listener: 0 }, [])];
    case "userNamespace":
      return cloned(CLONE_NEWUSER);
    case "namespaces":
      return cloned(OWN | user);
    case "mounts":
      return [...cloned(OWN | user), filesystem("tmpfs"), readonly()];
    case "proc":
      return [...cloned(OWN | user), filesystem("proc")];
    case "procInUserNamespace":
      return [...cloned(OWN | CLONE_NEWUSER), filesystem("proc")];
    case "sysfs":
      return [...cloned(OWN | user), filesystem("sysfs")];
    case "timeNamespace":
      return [...cloned(user), step({ op: "unshare", flags: BigInt(CLONE_NEWTIME) }, [])];
  }
}

function cloned(flags: number): Step[] {
  const clone = step({ op: "clone", flags: BigInt(flags), cgroup: null, listener: 0 }, []);
  // The first word of the new process: without it nobody would know that it was there.
  const maps = step({ op: "sync", word: WORDS.maps }, []);
  return (flags & CLONE_NEWUSER) === 0 ? [clone, maps] : [clone, maps, ...becomeMappedRoot()];
}

function root(): Step {
  const flags = O_PATH | O_DIRECTORY;
  return step({ op: "open", slot: 0, root: null, path: "/", flags, resolve: 0 }, []);
}

function openBeneath(): Step {
  const flags = O_PATH | O_DIRECTORY;
  return step({ op: "open", slot: 1, root: 0, path: ".", flags, resolve: RESOLVE_BENEATH }, []);
}

function filesystem(fstype: string): Step {
  return step({ op: "fsmount", slot: 1, fstype, options: [`source=${fstype}`], attr: 0 }, []);
}

function readonly(): Step {
  const set = BigInt(MOUNT_ATTR_RDONLY);
  return step(
    { op: "mount_setattr", slot: 1, recursive: 0, set, clear: 0n, propagation: 0, userns: null },
    [],
  );
}
