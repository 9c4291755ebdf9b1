/**
 * The calls that 32-bit x86 also knows as numbers of socketcall(2) and ipc(2), in the order of these numbers
 * (linux/net.h, SYS_*; linux/ipc.h). An empty place is a number without a call.
 */
const CALLS: Readonly<Record<"socketcall" | "ipc", string>> = {
  socketcall:
    ",socket,bind,connect,listen,accept,getsockname,getpeername,socketpair,send,recv,sendto,recvfrom," +
    "shutdown,setsockopt,getsockopt,sendmsg,recvmsg,accept4,recvmmsg,sendmmsg",
  ipc: ",semop,semget,semctl,semtimedop,,,,,,,msgsnd,msgrcv,msgget,msgctl,,,,,,,shmat,shmdt,shmget,shmctl",
};

/** How a call is reached through a multiplexer; undefined for a call that is not. */
export function multiplexerOf(
  name: string,
): { readonly through: "socketcall" | "ipc"; readonly number: number } | undefined {
  for (const through of ["socketcall", "ipc"] as const) {
    const number = CALLS[through].split(",").indexOf(name);
    if (number > 0) return { through, number };
  }
  return undefined;
}
