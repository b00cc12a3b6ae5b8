import { ConnectionPool, ResourcePool, sleep, Timeout } from "@verdant/green";
import type { Case } from "../../waiting_calls.ts";

const makePool = () => new ResourcePool({ create: () => ({}), maxSize: 1 });

const adapter = { name: "memory", connect: () => ({}), close() {} };

/** The waiting calls of pools of resources and connections, by name. */
export const resourceCases: Record<string, () => Case | Promise<Case>> = {
  "ResourcePool.get()": async () => {
    const pool = makePool();
    const item = await pool.get();
    return {
      call: (o) => pool.get(o),
      expected: { throws: Timeout },
      state: () => [pool.size, pool.idle, pool.lent, pool.waiting],
      release: () => pool.put(item),
    };
  },
  "ResourcePool.get() that makes an item": () => {
    const pool = new ResourcePool({ create: () => sleep(60_000), maxSize: 1 });
    return {
      call: (o) => pool.get(o),
      expected: { throws: Timeout },
      state: () => [pool.idle, pool.lent, pool.waiting],
      release: () => pool.close(),
    };
  },
  "ResourcePool.lease()": async () => {
    const pool = makePool();
    const lease = await pool.lease();
    return {
      call: (o) => pool.lease(o),
      expected: { throws: Timeout },
      state: () => [pool.size, pool.idle, pool.lent, pool.waiting],
      release: () => lease.release(),
    };
  },
  "ResourcePool.close()": async () => {
    const pool = makePool();
    const item = await pool.get();
    return {
      call: (o) => pool.close(o),
      expected: { returns: false },
      state: () => [pool.size, pool.lent],
      release: () => pool.put(item),
    };
  },
  "ConnectionPool.lease()": async () => {
    const pool = new ConnectionPool(adapter, { maxSize: 1 });
    const connection = await pool.lease();
    return {
      call: (o) => pool.lease(o),
      expected: { throws: Timeout },
      state: () => [pool.size, pool.idle, pool.leased, pool.waiting],
      release: () => {
        connection[Symbol.dispose]();
        return pool.close();
      },
    };
  },
  "ConnectionPool.use()": async () => {
    const pool = new ConnectionPool(adapter, { maxSize: 1 });
    const connection = await pool.lease();
    return {
      call: (o) => pool.use(() => {}, o),
      expected: { throws: Timeout },
      state: () => [pool.size, pool.idle, pool.leased, pool.waiting],
      release: () => {
        connection[Symbol.dispose]();
        return pool.close();
      },
    };
  },
  "ConnectionPool.close()": async () => {
    const pool = new ConnectionPool(adapter, { maxSize: 1 });
    const connection = await pool.lease();
    return {
      call: (o) => pool.close(o),
      expected: { returns: false },
      state: () => [pool.size, pool.leased],
      release: () => {
        connection[Symbol.dispose]();
        return pool.close();
      },
    };
  },
};
