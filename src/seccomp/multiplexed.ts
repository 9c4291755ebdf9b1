/** The calls by which 32-bit x86 also reaches others (socketcall(2), ipc(2)). */
export type Multiplexer = "socketcall" | "ipc";

/**
 * What the first argument of a multiplexer stands for, by its number (linux/net.h, SYS_*; linux/ipc.h). An empty
 * place is a number without a call.
 */
const CALLS: Readonly<Record<Multiplexer, string>> = {
  socketcall:
    ",socket,bind,connect,listen,accept,getsockname,getpeername,socketpair,send,recv,sendto,recvfrom," +
    "shutdown,setsockopt,getsockopt,sendmsg,recvmsg,accept4,recvmmsg,sendmmsg",
  ipc: ",semop,semget,semctl,semtimedop,,,,,,,msgsnd,msgrcv,msgget,msgctl,,,,,,,shmat,shmdt,shmget,shmctl",
};

/** How a call is reached through a multiplexer. */
export interface Way {
  readonly through: Multiplexer;
  readonly number: number;
}

let ways: Map<string, Way> | undefined;

/** All calls that are reached through a multiplexer. */
export function multiplexedCalls(): ReadonlyMap<string, Way> {
  if (ways !== undefined) return ways;
  ways = new Map();
  for (const through of ["socketcall", "ipc"] as const) {
    CALLS[through].split(",").forEach((name, number) => {
      if (name !== "") ways!.set(name, { through, number });
    });
  }
  return ways;
}

/** How a call is reached through a multiplexer; undefined for a call that is not. */
export const multiplexerOf = (name: string): Way | undefined => multiplexedCalls().get(name);
